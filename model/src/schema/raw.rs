//! A schema file as it is written: JSON Schema 2020-12, as far as ours use it, and our annotations.
//!
//! Closed: a keyword or an annotation that is not listed here is an error of the file. Properties keep the
//! order in which they are written.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// One schema: a file, a definition, a property, the items of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawSchema {
    #[serde(rename = "$schema")]
    pub(super) _schema: Option<IgnoredAny>,
    #[serde(rename = "$id")]
    pub(super) _id: Option<IgnoredAny>,
    #[serde(rename = "$comment")]
    pub(super) _comment: Option<IgnoredAny>,
    #[serde(rename = "x-since")]
    pub(super) _since: Option<IgnoredAny>,
    // For what is generated from the file.
    #[serde(rename = "x-rust")]
    pub(super) _rust: Option<IgnoredAny>,
    #[serde(rename = "x-group")]
    pub(super) _group: Option<IgnoredAny>,
    #[serde(rename = "x-role")]
    pub(super) _role: Option<IgnoredAny>,
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    #[serde(rename = "$defs", default)]
    pub(super) defs: BTreeMap<String, RawSchema>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) examples: Vec<serde_json::Value>,
    pub(super) default: Option<serde_json::Value>,
    pub(super) deprecated: Option<bool>,

    #[serde(rename = "type")]
    pub(super) kind: Option<serde_json::Value>,
    #[serde(rename = "enum", default)]
    pub(super) choices: Vec<String>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<String>,
    pub(super) items: Option<Box<RawSchema>>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    #[serde(default)]
    pub(super) properties: Ordered,
    #[serde(default)]
    pub(super) required: Vec<String>,
    pub(super) additional_properties: Option<bool>,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,

    #[serde(rename = "x-kind")]
    pub(super) x_kind: Option<RawKind>,
    #[serde(rename = "x-union", default)]
    pub(super) x_union: bool,
    #[serde(rename = "x-one-of", default)]
    pub(super) x_one_of: Vec<Vec<String>>,
    #[serde(rename = "x-at-most-one", default)]
    pub(super) x_at_most_one: Vec<Vec<String>>,
    #[serde(rename = "x-identity")]
    pub(super) x_identity: Option<bool>,
    #[serde(rename = "x-computed")]
    pub(super) x_computed: Option<bool>,
    #[serde(rename = "x-moves")]
    pub(super) x_moves: Option<bool>,
    #[serde(rename = "x-secret")]
    pub(super) x_secret: Option<bool>,
    #[serde(rename = "x-sent")]
    pub(super) x_sent: Option<bool>,
    #[serde(rename = "x-ref")]
    pub(super) x_ref: Option<String>,
    #[serde(rename = "x-key")]
    pub(super) x_key: Option<Vec<String>>,
    #[serde(rename = "x-set", default)]
    pub(super) x_set: bool,
    #[serde(rename = "x-derived", default)]
    pub(super) x_derived: BTreeMap<String, String>,
    #[serde(rename = "x-form")]
    pub(super) x_form: Option<String>,
    #[serde(rename = "x-off")]
    pub(super) x_off: Option<RawOff>,
    #[serde(rename = "x-absent-is-empty")]
    pub(super) x_absent_is_empty: Option<bool>,
    #[serde(rename = "x-cfn")]
    pub(super) x_cfn: Option<String>,
    #[serde(rename = "x-cfn-form")]
    pub(super) x_cfn_form: Option<RawForm>,
    #[serde(rename = "x-kubernetes")]
    pub(super) x_kubernetes: Option<String>,
    #[serde(rename = "x-terraform")]
    pub(super) x_terraform: Option<RawTerraform>,
    #[serde(rename = "x-terraform-only", default)]
    pub(super) x_terraform_only: BTreeMap<String, RawTerraformOnly>,
}

/// `x-kind`: what a whole file describes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKind {
    pub(super) name: String,
    pub(super) terraform: String,
    pub(super) cloudformation: String,
    pub(super) kubernetes: Option<String>,
    pub(super) key: Vec<String>,
    #[serde(rename = "sorts")]
    pub(super) _sorts: IgnoredAny,
    #[serde(rename = "stands")]
    pub(super) _stands: IgnoredAny,
}

/// How a field stands in a dialect, where that is not the usual way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum RawForm {
    None,
    /// Its members lie beside it.
    Flatten,
    /// A list of `{key, value}` as a map.
    Map,
}

/// `x-off`: with which value an object does nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOff {
    pub(super) field: String,
    pub(super) value: serde_json::Value,
    pub(super) means: String,
}

/// `x-terraform`: how the field's name or form in Terraform departs from the naming rules.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTerraform {
    pub(super) name: Option<String>,
    pub(super) form: Option<RawForm>,
    pub(super) required: Option<bool>,
    pub(super) min: Option<usize>,
}

/// An attribute that only Terraform knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTerraformOnly {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) computed: bool,
    pub(super) deprecated: Option<String>,
    pub(super) description: String,
}

/// Properties in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Ordered(pub(super) Vec<(String, RawSchema)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Properties;
        impl<'de> Visitor<'de> for Properties {
            type Value = Ordered;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of schemas")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    list.push(entry);
                }
                Ok(Ordered(list))
            }
        }
        deserializer.deserialize_map(Properties)
    }
}

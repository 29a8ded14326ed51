//! A schema file, as far as code is generated from it. What else a file says, and whether it may say so, is the
//! business of the model's own reader and of the meta-schema.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use crate::Error;

/// One schema: a file, a definition, a property, the items of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Schema {
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    #[serde(rename = "$defs")]
    pub(super) defs: BTreeMap<String, Schema>,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) default: Option<serde_json::Value>,
    #[serde(rename = "type")]
    pub(super) kind: serde_json::Value,
    #[serde(rename = "enum")]
    pub(super) choices: Vec<String>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) items: Option<Box<Schema>>,
    pub(super) properties: Ordered<Schema>,
    pub(super) required: Vec<String>,
    #[serde(rename = "x-kind")]
    pub(super) x_kind: Option<Kind>,
    #[serde(rename = "x-rust")]
    pub(super) x_rust: Option<String>,
    #[serde(rename = "x-union")]
    pub(super) x_union: bool,
    #[serde(rename = "x-one-of")]
    pub(super) x_one_of: Vec<Vec<String>>,
    #[serde(rename = "x-group")]
    pub(super) x_group: Option<Group>,
    #[serde(rename = "x-ref")]
    pub(super) x_ref: Option<String>,
    #[serde(rename = "x-role")]
    pub(super) x_role: Option<String>,
    #[serde(rename = "x-absent-is-empty")]
    pub(super) x_absent_is_empty: bool,
}

/// What `x-kind` says of a kind: its name, the fields of its key, its place in sorted lists and in what is written.
#[derive(Debug, Deserialize)]
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) key: Vec<String>,
    pub(super) sorts: u32,
    pub(super) stands: u32,
}

/// What `x-group` says: the fields of which exactly one is there are one field in Rust.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Group {
    pub(super) field: String,
    pub(super) suffix: String,
}

/// Members in the order of the file.
#[derive(Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        let Self(list) = self;
        list.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Members<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    list.push(entry);
                }
                Ok(Ordered(list))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// The files of a folder by name. The meta-schema describes the others and is not among them.
pub(super) fn folder(folder: &Path) -> Result<BTreeMap<String, Schema>, Error> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !name.ends_with(".json") || name == "meta.json" {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let schema = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
        files.insert(name.to_owned(), schema);
    }
    Ok(files)
}

//! What is of any kind: `Spec` and `Extensions`.

use super::header;
use super::model::{Model, Value};
use super::names::{import, pascal, snake};
use std::collections::BTreeSet;

pub(super) fn render(model: &Model) -> String {
    let with_extensions = || {
        model
            .kinds
            .iter()
            .filter_map(|kind| Some((kind, kind.extensions.as_ref()?)))
    };
    let mut used: BTreeSet<&str> = model.kinds.iter().map(|kind| kind.spec.as_str()).collect();
    used.extend(with_extensions().map(|(_, name)| name.as_str()));
    let used: Vec<&str> = used.into_iter().collect();
    let mut out = header("`schemas/`", "Specs and extensions of any kind.");
    out.push_str(&import("super", &used));
    out.push_str("use crate::diag::Diagnostic;\nuse crate::kind::Kind;\nuse crate::spec::part::{NoExtensions, BodyPart, read, write};\n\n");

    let eq = model
        .kinds
        .iter()
        .all(|kind| model.all(&Value::Named(kind.spec.clone()), &|leaf| *leaf != Value::Float));
    let eq = if eq { ", Eq" } else { "" };
    out.push_str(&format!(
        "/// The spec of a resource of any kind.\n#[derive(Debug, Clone, PartialEq{eq})]\npub enum Spec {{\n"
    ));
    for kind in &model.kinds {
        let of = if kind.boxed(model) {
            format!("Box<{}>", kind.spec)
        } else {
            kind.spec.clone()
        };
        out.push_str(&format!(
            "    /// Of a {}.\n    {}({of}),\n",
            kind.title.to_lowercase(),
            pascal(&kind.name)
        ));
    }
    out.push_str("}\n\nimpl Spec {\n");
    out.push_str(
        "    /// Reads the canonical form, the object under `spec`. Null is an empty spec of a kind that may have none.\n    ///\n    \
         /// Field-level validation comes first and says more: what fails here is one problem without a precise place.\n    \
         pub fn from_json(kind: Kind, json: &serde_json::Value) -> Result<Self, Diagnostic> {\n        Ok(match kind {\n",
    );
    for kind in &model.kinds {
        let name = pascal(&kind.name);
        if !kind.spec_required && model.get(&kind.spec).is_some_and(|spec| model.has_default(spec)) {
            out.push_str(&format!(
                "            Kind::{name} if json.is_null() => Self::{name}({}::default()),\n",
                kind.spec
            ));
        }
        let read = "read(kind, BodyPart::Spec, json)?";
        let value = if kind.boxed(model) {
            format!("Box::new({read})")
        } else {
            read.to_owned()
        };
        out.push_str(&format!("            Kind::{name} => Self::{name}({value}),\n"));
    }
    out.push_str("        })\n    }\n\n");
    out.push_str(
        "    /// The canonical form, as [`from_json`](Self::from_json) reads it.\n    \
         pub fn to_json(&self) -> serde_json::Value {\n        match self {\n",
    );
    for kind in &model.kinds {
        out.push_str(&format!(
            "            Self::{}(spec) => write(spec),\n",
            pascal(&kind.name)
        ));
    }
    out.push_str("        }\n    }\n\n    /// Of which kind it is.\n    pub fn kind(&self) -> Kind {\n        match self {\n");
    for kind in &model.kinds {
        let name = pascal(&kind.name);
        out.push_str(&format!("            Self::{name}(_) => Kind::{name},\n"));
    }
    out.push_str("        }\n    }\n}\n\n");

    out.push_str("/// The extensions of a resource of any kind that has some.\n#[derive(Debug, Clone, PartialEq, Eq)]\npub enum Extensions {\n");
    for (kind, name) in with_extensions() {
        out.push_str(&format!(
            "    /// Of a {}.\n    {}({name}),\n",
            kind.title.to_lowercase(),
            pascal(&kind.name)
        ));
    }
    out.push_str("}\n\nimpl Extensions {\n");
    out.push_str(
        "    /// Reads the canonical form, the object under `extensions`. Null is none.\n    ///\n    \
         /// As with [`Spec`], field-level validation comes first and says more.\n    \
         pub fn from_json(kind: Kind, json: &serde_json::Value) -> Result<Option<Self>, Diagnostic> {\n        \
         if json.is_null() {\n            return Ok(None);\n        }\n        Ok(Some(match kind {\n",
    );
    for (kind, _) in with_extensions() {
        let name = pascal(&kind.name);
        out.push_str(&format!(
            "            Kind::{name} => Self::{name}(read(kind, BodyPart::Extensions, json)?),\n"
        ));
    }
    let without: Vec<String> = model
        .kinds
        .iter()
        .filter(|kind| kind.extensions.is_none())
        .map(|kind| format!("Kind::{}", pascal(&kind.name)))
        .collect();
    if !without.is_empty() {
        out.push_str(&format!(
            "            {} => {{\n                let NoExtensions {{}} = read(kind, BodyPart::Extensions, json)?;\n                \
             return Ok(None);\n            }}\n",
            without.join(" | ")
        ));
    }
    out.push_str("        }))\n    }\n\n");
    out.push_str(
        "    /// The canonical form, as [`from_json`](Self::from_json) reads it.\n    \
         pub fn to_json(&self) -> serde_json::Value {\n        match self {\n",
    );
    for (kind, _) in with_extensions() {
        out.push_str(&format!(
            "            Self::{}(extensions) => write(extensions),\n",
            pascal(&kind.name)
        ));
    }
    out.push_str("        }\n    }\n");
    for (kind, name) in with_extensions() {
        out.push_str(&format!(
            "\n    /// A {}'s.\n    pub fn {}(&self) -> Option<&{name}> {{\n        match self {{\n            \
             Self::{}(extensions) => Some(extensions),\n            _ => None,\n        }}\n    }}\n",
            kind.title.to_lowercase(),
            snake(&kind.name),
            pascal(&kind.name)
        ));
    }
    out.push_str("}\n");
    out
}

//! The table of kinds, and the list of schema files.

use super::header;
use super::model::Model;
use super::names::{doc, pascal};
use super::read::Schema;
use std::collections::BTreeMap;

/// `Kind` and what is known of each without reading a schema.
pub(super) fn kinds(model: &Model) -> String {
    let mut out = header("`schemas/`", "The kinds of resource.");
    out.push_str("use serde::{Deserialize, Serialize};\n\n");
    out.push_str(
        "/// A kind of resource.\n///\n/// What a kind looks like stands in `schemas/`, also its names in other dialects; this type only tells the\n\
         /// kinds apart. Their order is that in which resources are sorted by kind.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]\npub enum Kind {\n",
    );
    for kind in &model.kinds {
        out.push_str(&doc(&kind.doc, 4));
        out.push_str(&format!(
            "    #[serde(rename = \"{}\")]\n    {},\n",
            kind.name,
            pascal(&kind.name)
        ));
    }
    let mut standing: Vec<_> = model.kinds.iter().collect();
    standing.sort_by_key(|kind| kind.stands);
    let all: Vec<String> = standing
        .iter()
        .map(|kind| format!("Kind::{}", pascal(&kind.name)))
        .collect();
    out.push_str("}\n\nimpl Kind {\n    /// Every kind, parents before children.\n");
    out.push_str(&format!(
        "    pub const ALL: [Kind; {}] = [\n        {},\n    ];\n\n",
        all.len(),
        all.join(",\n        ")
    ));
    let mut table = |about: &str, name: &str, of: &str, row: &dyn Fn(&super::model::Kind) -> String| {
        out.push_str(&format!(
            "    /// {about}\n    pub fn {name}(self) -> {of} {{\n        match self {{\n"
        ));
        for kind in &model.kinds {
            out.push_str(&format!(
                "            Kind::{} => {},\n",
                pascal(&kind.name),
                row(kind)
            ));
        }
        out.push_str("        }\n    }\n\n");
    };
    table(
        "The API's name of the kind: `virtualNode`. Also the segment of an ARN.",
        "name",
        "&'static str",
        &|kind| format!("{:?}", kind.name),
    );
    table(
        "The kind as words in a sentence: `virtual node`.",
        "words",
        "&'static str",
        &|kind| format!("{:?}", kind.title.to_lowercase()),
    );
    table(
        "The kind between the mesh and this one, for kinds that live inside another.",
        "parent",
        "Option<Kind>",
        &|kind| match &kind.parent {
            Some(parent) => format!("Some(Kind::{})", pascal(parent)),
            None => "None".to_owned(),
        },
    );
    let out = out.trim_end();
    format!("{out}\n}}\n")
}

/// The files, built into the program.
pub(super) fn files(files: &BTreeMap<String, Schema>) -> String {
    let mut out = header("`schemas/`", "The schema files, built in.");
    let kinds = files.keys().map(String::as_str);
    let names: Vec<&str> = kinds.chain(["meta.json"]).collect();
    out.push_str("/// The schema files by name, as they are published.\n");
    out.push_str(&format!("pub const FILES: [(&str, &str); {}] = [\n", names.len()));
    for name in names {
        out.push_str(&format!(
            "    ({name:?}, include_str!(\"../../../schemas/{name}\")),\n"
        ));
    }
    out.push_str("];\n");
    out
}

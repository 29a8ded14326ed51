//! Where a mesh keeps its resources: a table for each kind, and the dispatch over them.

use super::header;
use super::model::{Kind, Model};
use super::names::{import, pascal, snake};

/// The kind that all others lie in.
const WHOLE: &str = "mesh";

pub(super) fn render(model: &Model) -> String {
    let mut out = header("`schemas/`", "The resources of a mesh, by kind.");
    out.push_str("use super::{ByName, Children, compare, wrapped};\n");
    out.push_str("use crate::key::ResourceKey;\nuse crate::kind::Kind;\nuse crate::resource::Resource;\n");
    let mut used: Vec<&str> = model.kinds.iter().map(|kind| kind.spec.as_str()).collect();
    used.push("Spec");
    used.sort_unstable();
    out.push_str(&import("crate::spec", used));
    out.push_str("use std::collections::BTreeSet;\n\n");

    out.push_str("/// The resources of a mesh, by kind.\n#[derive(Debug, Clone, Default, PartialEq)]\n");
    out.push_str("pub(in crate::mesh) struct Tables {\n");
    for kind in &model.kinds {
        out.push_str(&format!(
            "    pub(in crate::mesh) {}: {},\n",
            table(kind),
            holder(kind)
        ));
    }
    out.push_str("}\n\nimpl Tables {\n");

    out.push_str("    /// Whether a resource is there.\n    pub(in crate::mesh) fn contains(&self, key: &ResourceKey) -> bool {\n");
    out.push_str("        match key.kind {\n");
    for kind in &model.kinds {
        let test = match held(kind) {
            Held::Once => "is_some()",
            Held::ByName => "contains_key(&key.name)",
            Held::Children => "get(key).is_some()",
        };
        out.push_str(&format!(
            "            Kind::{} => self.{}.{test},\n",
            pascal(&kind.name),
            table(kind)
        ));
    }
    out.push_str("        }\n    }\n\n");

    out.push_str(
        "    /// A resource, where it is there.\n    \
         pub(in crate::mesh) fn get(&self, key: &ResourceKey) -> Option<Resource> {\n        match key.kind {\n",
    );
    for kind in &model.kinds {
        let get = match held(kind) {
            Held::Once => "as_ref()",
            Held::ByName => "get(&key.name)",
            Held::Children => "get(key)",
        };
        out.push_str(&format!(
            "            Kind::{} => self.{}.{get}.cloned().map(|one| wrapped(one, {})),\n",
            pascal(&kind.name),
            table(kind),
            kind.wrap(model)
        ));
    }
    out.push_str("        }\n    }\n\n");

    out.push_str(
        "    /// Puts a resource in; children go behind their siblings, see [`sort`](Self::sort).\n    \
         pub(in crate::mesh) fn add(&mut self, resource: Resource) {\n        \
         let (spec, bare) = resource.apart();\n        let name = bare.key.name.clone();\n        match spec {\n",
    );
    for kind in &model.kinds {
        let (name, table) = (pascal(&kind.name), table(kind));
        let spec = if kind.boxed(model) { "*spec" } else { "spec" };
        let act = match held(kind) {
            Held::Once => format!("self.{table} = Some(bare.with_spec({spec}))"),
            Held::ByName => format!("drop(self.{table}.insert(name, bare.with_spec({spec})))"),
            Held::Children => format!("self.{table}.add(bare.with_spec({spec}))"),
        };
        out.push_str(&format!("            Spec::{name}(spec) => {act},\n"));
    }
    out.push_str("        }\n    }\n\n");

    out.push_str(
        "    /// Brings all children into their order.\n    pub(in crate::mesh) fn sort(&mut self) {\n",
    );
    for kind in model
        .kinds
        .iter()
        .filter(|kind| matches!(held(kind), Held::Children))
    {
        out.push_str(&format!("        self.{}.sort();\n", table(kind)));
    }
    out.push_str("    }\n\n");

    out.push_str(
        "    /// Puts a resource at its place.\n    pub(in crate::mesh) fn insert(&mut self, resource: Resource) {\n        \
         match resource.key.kind {\n",
    );
    let mut others = Vec::new();
    for kind in &model.kinds {
        let name = pascal(&kind.name);
        if matches!(held(kind), Held::Children) {
            out.push_str(&format!(
                "            Kind::{name} => {{\n                let (spec, bare) = resource.apart();\n                \
                 if let Spec::{name}(spec) = spec {{\n                    self.{}.insert(bare.with_spec(spec));\n                \
                 }}\n            }}\n",
                table(kind)
            ));
        } else {
            others.push(format!("Kind::{name}"));
        }
    }
    out.push_str(&format!(
        "            {} => self.add(resource),\n        }}\n    }}\n\n",
        others.join(" | ")
    ));

    out.push_str("    /// Takes a resource out.\n    pub(in crate::mesh) fn take(&mut self, key: &ResourceKey) -> Option<Resource> {\n");
    out.push_str("        match key.kind {\n");
    for kind in &model.kinds {
        let take = match held(kind) {
            Held::Once => "take()",
            Held::ByName => "remove(&key.name)",
            Held::Children => "take(key)",
        };
        out.push_str(&format!(
            "            Kind::{} => self.{}.{take}.map(|one| wrapped(one, {})),\n",
            pascal(&kind.name),
            table(kind),
            kind.wrap(model)
        ));
    }
    out.push_str("        }\n    }\n\n");

    out.push_str(
        "    /// Every resource, parents before children, by name; children in their order.\n    \
         pub(in crate::mesh) fn resources(&self) -> Vec<Resource> {\n        let mut list = Vec::new();\n",
    );
    let mut standing: Vec<&Kind> = model.kinds.iter().collect();
    standing.sort_by_key(|kind| kind.stands);
    for kind in standing {
        out.push_str(&format!(
            "        list.extend(self.{}.{}.cloned().map(|one| wrapped(one, {})));\n",
            table(kind),
            each(kind),
            kind.wrap(model)
        ));
    }
    out.push_str("        list\n    }\n\n");

    out.push_str(
        "    /// The keys of what only one of the two has, or of which they say different things.\n    \
         pub(in crate::mesh) fn differing(&self, other: &Self) -> BTreeSet<ResourceKey> {\n        \
         let mut keys = BTreeSet::new();\n",
    );
    for kind in &model.kinds {
        let (table, each) = (table(kind), each(kind));
        out.push_str(&format!(
            "        compare(self.{table}.{each}, other.{table}.{each}, &mut keys);\n"
        ));
    }
    out.push_str("        keys\n    }\n}\n");
    out
}

/// How to go through a table.
fn each(kind: &Kind) -> &'static str {
    match held(kind) {
        Held::ByName => "values()",
        Held::Once | Held::Children => "iter()",
    }
}

/// How a mesh holds resources of a kind.
enum Held {
    Once,
    ByName,
    /// By parent, in the order that means something.
    Children,
}

fn held(kind: &Kind) -> Held {
    match &kind.parent {
        _ if kind.name == WHOLE => Held::Once,
        None => Held::ByName,
        Some(_) => Held::Children,
    }
}

fn holder(kind: &Kind) -> String {
    match held(kind) {
        Held::Once => format!("Option<Resource<{}>>", kind.spec),
        Held::ByName => format!("ByName<{}>", kind.spec),
        Held::Children => format!("Children<{}>", kind.spec),
    }
}

fn table(kind: &Kind) -> String {
    match held(kind) {
        Held::Once => snake(&kind.name),
        Held::ByName | Held::Children => format!("{}s", snake(&kind.name)),
    }
}

//! A mesh as a CloudFormation template.
//!
//! `AWS::AppMesh::*` no longer deploys anywhere: the template is for interchange and for review. It is what a
//! person would have written: resources refer to one another, so that their order of creation follows.

pub mod codes;
mod logical_id;
mod references;

#[cfg(feature = "ecs")]
pub(crate) use logical_id::logical_name;

use crate::body;
use crate::frontend::{METADATA, Symbolic, SymbolicResource};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema;
use meshform_model::value::Node;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// CloudFormation's limit of resources in one template.
const MAX_RESOURCES: usize = 500;

/// A template and what to know about it.
#[derive(Debug, Clone)]
pub struct Template {
    pub json: Json,
    /// What CloudFormation would not take.
    pub warnings: Vec<Diagnostic>,
}

/// The template of all these resources. Their order does not matter.
pub fn build(resources: &[Resource]) -> Template {
    build_with(resources, &Symbolic::default())
}

/// The same, where what came from templates keeps its expressions and its logical ids, and what these need stands in
/// their sections.
pub fn build_with(resources: &[Resource], symbolic: &Symbolic) -> Template {
    let written = WrittenEntries::default();
    let draft = Draft::new(resources, symbolic, &written);
    let entries = draft
        .entries
        .iter()
        .map(|(id, entry)| (id.clone(), draft.json(entry)));
    let entries = Json::Object(entries.collect());
    let warnings = draft.warnings();
    let mut template = draft.sections;
    template.insert(RESOURCES.to_owned(), entries);
    Template {
        json: Json::Object(template),
        warnings,
    }
}

/// Resources of templates as text, each written as soon as it is known.
#[derive(Debug, Default)]
pub struct WrittenEntries {
    entries: BTreeMap<String, WrittenEntry>,
}

#[derive(Debug)]
struct WrittenEntry {
    key: Option<ResourceKey>,
    text: String,
}

impl WrittenEntries {
    /// Writes a resource.
    pub fn add(&mut self, resource: &SymbolicResource) {
        let entry = WrittenEntry {
            key: resource.key.clone(),
            text: indented(2, &symbolic_entry(resource)),
        };
        self.entries.insert(resource.id.clone(), entry);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The text of the same template, where `written` are resources of `symbolic` that it has no longer; and what
/// CloudFormation would not take. A template of thousands of resources is never in memory as a tree.
pub fn text_with(
    resources: &[Resource],
    symbolic: &Symbolic,
    written: &WrittenEntries,
) -> (String, Vec<Diagnostic>) {
    let draft = Draft::new(resources, symbolic, written);
    let mut out = String::from("{");
    let mut names: Vec<&str> = draft.sections.keys().map(String::as_str).collect();
    names.push(RESOURCES);
    names.sort_unstable();
    for (at, name) in names.into_iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        match draft.sections.get(name) {
            Some(section) => member(&mut out, 1, name, &indented(1, section)),
            None => draft.resources(&mut out),
        }
    }
    out.push_str("\n}\n");
    (out, draft.warnings())
}

/// The section that is written resource by resource.
const RESOURCES: &str = "Resources";

/// A value at a depth, indented as `serde_json` does it.
fn indented(depth: usize, value: &Json) -> String {
    // A text within JSON has no line break: each begins a line of the value.
    format!("{value:#}").replace('\n', &format!("\n{}", "  ".repeat(depth)))
}

/// Adds a member of an object at a depth.
fn member(out: &mut String, depth: usize, name: &str, value: &str) {
    out.push_str(&format!("{}{}: {value}", "  ".repeat(depth), Json::from(name)));
}

/// A template before its resources are JSON.
struct Draft<'r> {
    /// Everything but the resources.
    sections: Map<String, Json>,
    /// The resources, by logical id.
    entries: BTreeMap<String, Entry<'r>>,
    ids: logical_id::Ids,
}

/// A resource of a template.
enum Entry<'r> {
    Plain(&'r Resource),
    Kept(&'r SymbolicResource),
    Written(&'r str),
}

impl<'r> Draft<'r> {
    fn new(resources: &'r [Resource], symbolic: &'r Symbolic, written: &'r WrittenEntries) -> Self {
        let mut sorted: Vec<&Resource> = resources.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let (profiles, ours): (Vec<&Resource>, Vec<&Resource>) =
            sorted.into_iter().partition(|r| r.key.kind == Kind::ProxyProfile);
        let kept = symbolic
            .resources
            .iter()
            .map(|one| (one.key.as_ref(), one.id.as_str()));
        let written_ids = written
            .entries
            .iter()
            .map(|(id, one)| (one.key.as_ref(), id.as_str()));
        let taken: BTreeMap<&str, Option<&ResourceKey>> =
            kept.chain(written_ids).map(|(key, id)| (id, key)).collect();
        let kept: BTreeMap<&ResourceKey, &str> = taken
            .iter()
            .filter_map(|(id, key)| Some(((*key)?, *id)))
            .collect();
        let plain = ours.iter().filter(|resource| !kept.contains_key(&resource.key));
        let plain: Vec<&Resource> = plain.copied().collect();
        let mut ids = logical_id::assign(plain.iter().map(|resource| &resource.key));
        for (key, id) in &mut ids {
            if taken.contains_key(id.as_str()) || symbolic.parameters.contains_key(id) {
                *id = logical_id::hashed(id, key);
            }
        }
        ids.extend(kept.iter().map(|(key, id)| ((*key).clone(), (*id).to_owned())));

        let mut entries = BTreeMap::new();
        for resource in &plain {
            if let Some(id) = ids.get(&resource.key) {
                entries.insert(id.clone(), Entry::Plain(resource));
            }
        }
        for resource in &symbolic.resources {
            entries.insert(resource.id.clone(), Entry::Kept(resource));
        }
        for (id, entry) in &written.entries {
            entries.insert(id.clone(), Entry::Written(&entry.text));
        }
        Self {
            sections: sections(symbolic, description(&ours, kept.keys().copied()), &profiles),
            entries,
            ids,
        }
    }

    fn json(&self, entry: &Entry<'_>) -> Json {
        match entry {
            Entry::Plain(resource) => plain_entry(resource, &self.ids),
            Entry::Kept(resource) => symbolic_entry(resource),
            Entry::Written(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    fn text(&self, entry: &Entry<'_>) -> String {
        match entry {
            Entry::Written(text) => (*text).to_owned(),
            other => indented(2, &self.json(other)),
        }
    }

    /// Writes the section of the resources.
    fn resources(&self, out: &mut String) {
        out.push_str(&format!("  \"{RESOURCES}\": {{"));
        for (at, (id, entry)) in self.entries.iter().enumerate() {
            out.push_str(if at == 0 { "\n" } else { ",\n" });
            member(out, 2, id, &self.text(entry));
        }
        out.push_str(if self.entries.is_empty() { "}" } else { "\n  }" });
    }

    fn warnings(&self) -> Vec<Diagnostic> {
        let count = self.entries.len();
        let message = format!("the template has {count} resources; CloudFormation takes {MAX_RESOURCES}");
        let problem = Diagnostic::warning(codes::TOO_MANY_RESOURCES, message)
            .help("convert the meshes one by one with `--mesh`, or split the result");
        (count > MAX_RESOURCES).then_some(problem).into_iter().collect()
    }
}

/// What a template has beside its resources.
fn sections(symbolic: &Symbolic, description: String, profiles: &[&Resource]) -> Map<String, Json> {
    let mut template = Map::new();
    template.insert("AWSTemplateFormatVersion".to_owned(), json!("2010-09-09"));
    if symbolic.extended {
        template.insert("Transform".to_owned(), json!("AWS::LanguageExtensions"));
    }
    let sections = [
        ("Parameters", &symbolic.parameters),
        ("Mappings", &symbolic.mappings),
        ("Conditions", &symbolic.conditions),
        ("Outputs", &symbolic.outputs),
    ];
    for (name, section) in sections.into_iter().filter(|(_, section)| !section.is_empty()) {
        let section = section.iter().map(|(name, node)| (name.clone(), json_of(node)));
        template.insert(name.to_owned(), Json::Object(section.collect()));
    }
    template.insert("Description".to_owned(), Json::String(description));
    if !profiles.is_empty() {
        // CloudFormation has no type for them; reading the template takes them from here.
        let bodies: Vec<Json> = profiles
            .iter()
            .filter_map(|profile| body::of(profile).to_json())
            .collect();
        template.insert(
            "Metadata".to_owned(),
            json!({ METADATA: { "proxyProfiles": bodies } }),
        );
    }
    template
}

fn description<'k>(resources: &[&'k Resource], kept: impl Iterator<Item = &'k ResourceKey>) -> String {
    let keys = resources.iter().map(|resource| &resource.key).chain(kept);
    let meshes: BTreeSet<&str> = keys.map(|key| key.mesh.as_str()).collect();
    // A name that is an expression says nothing here.
    let meshes: Vec<&str> = meshes.into_iter().filter(|mesh| !mesh.contains("${")).collect();
    let text = match meshes.as_slice() {
        [] => "App Mesh resources".to_owned(),
        [one] => format!("App Mesh resources of the mesh {one}"),
        many => format!("App Mesh resources of the meshes {}", many.join(", ")),
    };
    // CloudFormation's limit is 1024 bytes.
    text.chars().take(250).collect()
}

fn json_of(node: &Node) -> Json {
    node.to_json().unwrap_or(Json::Null)
}

fn symbolic_entry(resource: &SymbolicResource) -> Json {
    let mut entry = Map::new();
    entry.insert(
        "Type".to_owned(),
        json!(schema::kind(resource.kind).type_in(Dialect::CloudFormation)),
    );
    entry.insert("Properties".to_owned(), json_of(&resource.properties));
    for field in &resource.attributes {
        entry.insert(field.name.clone(), json_of(&field.node));
    }
    Json::Object(entry)
}

fn plain_entry(resource: &Resource, ids: &logical_id::Ids) -> Json {
    let kind = resource.key.kind;
    let referring = references::insert(resource, ids);
    let properties = dialect::from_canonical(kind, Dialect::CloudFormation, &referring);
    let mut entry = Map::new();
    entry.insert(
        "Type".to_owned(),
        json!(schema::kind(kind).type_in(Dialect::CloudFormation)),
    );
    entry.insert(
        "Properties".to_owned(),
        properties.to_json().unwrap_or(Json::Null),
    );
    if let Some(extensions) = &resource.extensions {
        entry.insert("Metadata".to_owned(), json!({ METADATA: extensions.to_json() }));
    }
    Json::Object(entry)
}

//! A mesh as a CloudFormation template.
//!
//! `AWS::AppMesh::*` no longer deploys anywhere: the template is for interchange and for review. It is what a
//! person would have written: resources refer to one another, so that their order of creation follows.

pub mod codes;
mod logical_id;
mod references;
mod text;

#[cfg(feature = "ecs")]
pub(crate) use logical_id::logical_name;

use crate::frontend::{METADATA, Symbolic, SymbolicResource};
use meshform_model::body;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema;
use meshform_model::value::Node;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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
    let draft = TemplateDraft::new(resources, symbolic, &written);
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
    text: Box<str>,
}

impl WrittenEntries {
    pub fn add(&mut self, resource: &SymbolicResource) {
        let mut text = String::new();
        write_symbolic(&mut text, resource);
        let entry = WrittenEntry {
            key: resource.key.clone(),
            text: text.into(),
        };
        self.entries.insert(resource.id.clone(), entry);
    }
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The same template, written part by part: one of thousands of resources is in memory neither as a tree nor as a text.
/// `written` are resources of `symbolic` that it has no longer.
pub struct TemplateText<'r> {
    draft: TemplateDraft<'r>,
}

impl<'r> TemplateText<'r> {
    pub fn of(resources: &'r [Resource], symbolic: &'r Symbolic, written: &'r WrittenEntries) -> Self {
        Self {
            draft: TemplateDraft::new(resources, symbolic, written),
        }
    }

    /// What CloudFormation would not take.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.draft.warnings()
    }

    /// Hands over the text in its order.
    pub fn write(&self, take: &mut dyn FnMut(&str)) {
        let mut names: Vec<&str> = self.draft.sections.keys().map(String::as_str).collect();
        names.push(RESOURCES);
        names.sort_unstable();
        for (at, name) in names.into_iter().enumerate() {
            take(if at == 0 { "{\n" } else { ",\n" });
            match self.draft.sections.get(name) {
                Some(section) => take(&member(1, name, &text::json(1, section))),
                None => self.draft.resources(take),
            }
        }
        take("\n}\n");
    }
}

impl fmt::Display for TemplateText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut done = Ok(());
        self.write(&mut |part| done = done.and_then(|()| f.write_str(part)));
        done
    }
}

/// The section that is written resource by resource.
const RESOURCES: &str = "Resources";

/// A member of an object at a depth.
fn member(depth: usize, name: &str, value: &str) -> String {
    let mut out = String::with_capacity(name.len() + value.len() + 12);
    text::indent(&mut out, depth);
    text::text(&mut out, name);
    out.push_str(": ");
    out.push_str(value);
    out
}

/// A template before its resources are JSON.
struct TemplateDraft<'r> {
    /// Everything but the resources.
    sections: Map<String, Json>,
    /// The resources, by logical id.
    entries: BTreeMap<String, TemplateResource<'r>>,
    ids: logical_id::Ids,
}

/// A resource of a template.
enum TemplateResource<'r> {
    Plain(&'r Resource),
    Kept(&'r SymbolicResource),
    Written(&'r str),
}

impl<'r> TemplateDraft<'r> {
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
                entries.insert(id.clone(), TemplateResource::Plain(resource));
            }
        }
        for resource in &symbolic.resources {
            entries.insert(resource.id.clone(), TemplateResource::Kept(resource));
        }
        for (id, entry) in &written.entries {
            entries.insert(id.clone(), TemplateResource::Written(&entry.text));
        }
        Self {
            sections: sections(symbolic, description(&ours, kept.keys().copied()), &profiles),
            entries,
            ids,
        }
    }

    fn json(&self, entry: &TemplateResource<'_>) -> Json {
        match entry {
            TemplateResource::Plain(resource) => plain_entry(resource, &self.ids),
            TemplateResource::Kept(resource) => symbolic_entry(resource),
            TemplateResource::Written(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    /// Writes the section of the resources.
    fn resources(&self, take: &mut dyn FnMut(&str)) {
        take("  \"Resources\": {");
        let mut made = String::new();
        for (at, (id, entry)) in self.entries.iter().enumerate() {
            made.clear();
            let value = match entry {
                TemplateResource::Plain(resource) => {
                    made.push_str(&text::json(2, &plain_entry(resource, &self.ids)));
                    made.as_str()
                }
                TemplateResource::Kept(resource) => {
                    write_symbolic(&mut made, resource);
                    made.as_str()
                }
                TemplateResource::Written(text) => text,
            };
            take(if at == 0 { "\n" } else { ",\n" });
            take(&member(2, id, value));
        }
        take(if self.entries.is_empty() { "}" } else { "\n  }" });
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

/// The text of the same, as it stands among the resources.
fn write_symbolic(out: &mut String, resource: &SymbolicResource) {
    let attributes = resource.attributes.iter();
    let mut members: Vec<(&str, Option<&Node>)> = attributes
        .map(|field| (field.name.as_str(), Some(&field.node)))
        .collect();
    members.extend([("Properties", Some(&resource.properties)), ("Type", None)]);
    members.sort_unstable_by_key(|(name, _)| *name);
    let mut writer = text::ObjectWriter::begin(out, 2);
    for (name, value) in members {
        match value {
            Some(value) => writer.node(name, value),
            None => writer.text(name, schema::kind(resource.kind).type_in(Dialect::CloudFormation)),
        }
    }
    writer.end();
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

//! A mesh as a CloudFormation template.
//!
//! `AWS::AppMesh::*` no longer deploys anywhere: the template is for interchange and for review. It is what a
//! person would have written: resources refer to one another, so that their order of creation follows.

pub mod codes;
mod logical_id;
mod references;

use crate::body;
use crate::frontend::METADATA;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema;
use serde_json::{Map, Value as Json, json};

/// CloudFormation's limit of resources in one template.
const MAX_RESOURCES: usize = 500;

/// A template and what to know about it.
#[derive(Debug, Clone)]
pub struct Template {
    /// The template.
    pub json: Json,
    /// What CloudFormation would not take.
    pub warnings: Vec<Diagnostic>,
}

/// The template of all these resources. Their order does not matter.
pub fn build(resources: &[Resource]) -> Template {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let (profiles, ours): (Vec<&Resource>, Vec<&Resource>) =
        sorted.into_iter().partition(|r| r.key.kind == Kind::ProxyProfile);
    let ids = logical_id::assign(ours.iter().map(|resource| &resource.key));

    let mut all = Map::new();
    for resource in &ours {
        let Some(id) = ids.get(&resource.key) else {
            continue;
        };
        all.insert(id.clone(), entry(resource, &ids));
    }
    let mut template = Map::new();
    template.insert("AWSTemplateFormatVersion".to_owned(), json!("2010-09-09"));
    template.insert("Description".to_owned(), Json::String(description(&ours)));
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
    template.insert("Resources".to_owned(), Json::Object(all));
    let mut warnings = Vec::new();
    if ours.len() > MAX_RESOURCES {
        warnings.push(
            Diagnostic::warning(
                codes::TOO_MANY_RESOURCES,
                format!(
                    "the template has {} resources; CloudFormation takes {MAX_RESOURCES}",
                    ours.len()
                ),
            )
            .help("convert the meshes one by one with `--mesh`, or split the result"),
        );
    }
    Template {
        json: Json::Object(template),
        warnings,
    }
}

fn description(resources: &[&Resource]) -> String {
    let mut meshes: Vec<&str> = resources.iter().map(|r| r.key.mesh.as_str()).collect();
    meshes.dedup();
    let text = match meshes.as_slice() {
        [one] => format!("App Mesh resources of the mesh {one}"),
        many => format!("App Mesh resources of the meshes {}", many.join(", ")),
    };
    // CloudFormation's limit is 1024 bytes.
    text.chars().take(250).collect()
}

fn entry(resource: &Resource, ids: &logical_id::Ids) -> Json {
    let kind = resource.key.kind;
    let referring = references::insert(resource, ids);
    let properties = dialect::from_canonical(kind, Dialect::CloudFormation, &referring);
    let mut entry = Map::new();
    entry.insert("Type".to_owned(), json!(schema::kind(kind).cloudformation));
    entry.insert(
        "Properties".to_owned(),
        properties.to_json().unwrap_or(Json::Null),
    );
    if let Some(extensions) = &resource.extensions {
        entry.insert("Metadata".to_owned(), json!({ METADATA: extensions.to_json() }));
    }
    Json::Object(entry)
}

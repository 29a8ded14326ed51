//! Whole templates of stacks that hold `AWS::AppMesh::*`, rewritten so that CloudFormation takes them again.
//!
//! - [`custom`]: custom resources instead of App Mesh's, with the same references and attributes. What the macro
//!   gives to CloudFormation and `convert --custom` prints is the same.
//! - [`retain`] and [`removed`]: the way out of a stack that cannot be updated any more, in two templates.
//!
//! Everything else of a template stays as it is: a stack is more than its mesh.

mod custom;
mod properties;
mod references;
mod surgery;
#[cfg(test)]
mod tests;

pub use custom::{Custom, MACRO, SERVICE_TIMEOUT, attributes, custom, secret_parameters, suffix};
pub use properties::{EXTENSIONS, NO_ECHO, kind_of_custom, resource};
#[cfg(feature = "ecs")]
pub(crate) use references::named;
#[cfg(feature = "ecs")]
pub(crate) use surgery::Literals;
pub use surgery::{HANDLE, removed, retain};

use crate::cloudformation::codes;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The resources of the mesh in a template, by logical id.
type OfMesh = BTreeMap<String, Kind>;

/// The resources of the mesh; a problem where there is nothing to rewrite.
fn of_mesh(template: &Json) -> Result<OfMesh, Vec<Diagnostic>> {
    let Some(resources) = template.get("Resources").and_then(Json::as_object) else {
        let problem = Diagnostic::error(codes::NO_STACK, "the template has no section `Resources`").help(
            "the macro takes whole templates: write `Transform: Meshform` at the top of the template, not inside a section \
             of it",
        );
        return Err(vec![problem]);
    };
    let mut found = OfMesh::new();
    let mut problems = Vec::new();
    for (id, resource) in resources {
        if id.starts_with("Fn::ForEach") && resource.to_string().contains("AWS::AppMesh::") {
            problems.push(
                Diagnostic::error(codes::LOOP, format!("`{id}` makes resources of App Mesh")).help(
                    "let CloudFormation expand it first: `Transform: [AWS::LanguageExtensions, Meshform]`, in this order",
                ),
            );
        }
        let kind = resource.get("Type").and_then(Json::as_str);
        if let Some(kind) = kind.and_then(schema::kind_of_cloudformation) {
            found.insert(id.clone(), kind);
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(problems),
    }
}

/// The resources of a template, to change them.
fn resources(template: &mut Json) -> Option<&mut Map<String, Json>> {
    template.get_mut("Resources").and_then(Json::as_object_mut)
}

/// The sections that may refer to resources.
fn referring(template: &mut Json) -> impl Iterator<Item = &mut Json> {
    let sections = template.as_object_mut().into_iter().flatten();
    sections
        .filter(|(name, _)| matches!(name.as_str(), "Resources" | "Outputs"))
        .map(|(_, section)| section)
}

/// The name, or the first of `name2`, `name3`, … that the template does not use.
fn free(template: &Json, name: &str) -> String {
    let taken = |name: &str| {
        ["Resources", "Parameters"]
            .iter()
            .any(|section| template.get(section).is_some_and(|all| all.get(name).is_some()))
    };
    let mut candidate = name.to_owned();
    let mut number = 2_u64;
    while taken(&candidate) {
        candidate = format!("{name}{number}");
        number += 1;
    }
    candidate
}

/// The last part of the type of a kind: `VirtualNode`.
fn short_type(kind: Kind) -> &'static str {
    let name = schema::kind(kind).type_in(Dialect::CloudFormation);
    name.rsplit("::").next().unwrap_or(name)
}

//! What ECS takes, whoever shaped it: a template of the user's own may have left something out.

use super::codes;
use super::schema::{self, Misfit};
use meshform_model::diag::{Diagnostic, Place};
use meshform_model::pointer::Pointer;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// ECS's limit of a task definition, in bytes of JSON.
pub(super) const MAX_BYTES: usize = 64 << 10;
/// CloudFormation's limit of a template that lies in a bucket.
const MAX_TEMPLATE_BYTES: usize = 1_000_000;
/// ECS's limit of ports that interception leaves alone.
pub(super) const MAX_IGNORED_PORTS: usize = 15;

/// The problems of a template with task definitions.
pub(super) fn definition(template: &Json) -> Vec<Diagnostic> {
    let mut problems = shape(template);
    if !problems.is_empty() {
        return problems;
    }
    problems.extend(limits(template));
    let resources = template.get("Resources").and_then(Json::as_object);
    for (id, resource) in resources.into_iter().flatten() {
        let properties = resource.get("Properties");
        if let (Some("AWS::ECS::TaskDefinition"), Some(properties)) =
            (resource.get("Type").and_then(Json::as_str), properties)
        {
            task(id, properties, &mut problems);
        }
    }
    problems
}

/// ECS refuses a task definition of more than 64 KiB.
pub(super) fn too_large(bytes: usize) -> Diagnostic {
    Diagnostic::error(
        codes::LIMIT,
        format!("the task definition has {bytes} bytes; ECS takes {MAX_BYTES}"),
    )
    .help("let the agent bring the configuration instead of a variable, or give the proxy fewer backends")
}

fn wrong(message: String) -> Diagnostic {
    Diagnostic::error(codes::RENDERED, message)
        .help("change the template that was given by `--templates`")
        .at(Place::at(&Pointer::root(), None))
}

/// The schema finds what has the wrong form.
fn shape(template: &Json) -> Vec<Diagnostic> {
    static SCHEMA: OnceLock<Option<Json>> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let text = include_str!("../../../templates/ecs/task-definition.schema.json");
        serde_json::from_str(text).ok()
    });
    let Some(schema) = schema else {
        return vec![wrong("the schema of task definitions is broken".to_owned())];
    };
    let misfits = schema::misfits(schema, template).into_iter();
    misfits
        .map(|Misfit { at, what }| match at == Pointer::root() {
            true => wrong(format!("the rendered template: {what}")),
            false => wrong(format!("the rendered task definition at {at}: {what}")),
        })
        .collect()
}

/// What CloudFormation takes of one template.
fn limits(template: &Json) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (section, most) in [("Resources", 500), ("Parameters", 200), ("Outputs", 200)] {
        let count = template
            .get(section)
            .and_then(Json::as_object)
            .map_or(0, serde_json::Map::len);
        if count > most {
            problems.push(
                Diagnostic::error(
                    codes::LIMIT,
                    format!("the stack has {count} of `{section}`; CloudFormation takes {most}"),
                )
                .help("split the mesh, or make some of it by another stack")
                .at(Place::at(&Pointer::root(), None)),
            );
        }
    }
    let bytes = template.to_string().len();
    if bytes > MAX_TEMPLATE_BYTES {
        problems.push(
            Diagnostic::error(
                codes::LIMIT,
                format!("the stack has {bytes} bytes; CloudFormation takes {MAX_TEMPLATE_BYTES} of a template in a bucket"),
            )
            .help("split the mesh, or make some of it by another stack")
            .at(Place::at(&Pointer::root(), None)),
        );
    }
    problems
}

/// What a schema cannot say.
fn task(id: &str, properties: &Json, problems: &mut Vec<Diagnostic>) {
    let bytes = properties.to_string().len();
    if bytes > MAX_BYTES {
        problems.push(too_large(bytes).at(Place::at(&Pointer::root(), None)));
    }
    let containers = properties.get("ContainerDefinitions").and_then(Json::as_array);
    let containers: Vec<&Json> = containers.into_iter().flatten().collect();
    let mut names = BTreeSet::new();
    for name in containers.iter().filter_map(|container| text(container, "Name")) {
        if !names.insert(name) {
            problems.push(wrong(format!("`{id}` has two containers `{name}`")));
        }
    }
    if !containers
        .iter()
        .any(|c| c.get("Essential").and_then(Json::as_bool) != Some(false))
    {
        problems.push(wrong(format!("`{id}` has no essential container")));
    }
    for container in &containers {
        let name = text(container, "Name").unwrap_or_default();
        for needed in list(container, "DependsOn").filter_map(|entry| text(entry, "ContainerName")) {
            if !names.contains(needed) {
                problems.push(wrong(format!(
                    "the container `{name}` waits for `{needed}`, which is not there"
                )));
            }
        }
        let mut variables = BTreeSet::new();
        for variable in list(container, "Environment").filter_map(|entry| text(entry, "Name")) {
            if !variables.insert(variable) {
                problems.push(wrong(format!(
                    "the container `{name}` has the variable `{variable}` twice"
                )));
            }
        }
    }
    if let Some(proxy) = properties
        .get("ProxyConfiguration")
        .and_then(|proxy| text(proxy, "ContainerName"))
    {
        if !names.contains(proxy) {
            problems.push(wrong(format!("the proxy container `{proxy}` is not there")));
        }
        if text(properties, "NetworkMode") != Some("awsvpc") {
            problems.push(wrong(
                "a proxy configuration needs the network mode `awsvpc`".to_owned(),
            ));
        }
    }
}

fn text<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_str)
}

fn list<'j>(json: &'j Json, name: &str) -> impl Iterator<Item = &'j Json> {
    json.get(name).and_then(Json::as_array).into_iter().flatten()
}

//! What ECS takes, whoever shaped it: a template of the user's own may have left something out.

use super::schema::{self, Misfit};
use super::{BOOTSTRAP, codes, names, types};
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::pointer::{Pointer, Segment};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// ECS's limit of a task definition, in bytes of JSON.
const MAX_BYTES: usize = 64 << 10;
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
pub(super) fn too_large(definition: &Json) -> Option<Diagnostic> {
    let text = definition.to_string();
    let help = match text.contains(BOOTSTRAP) {
        true => {
            "let the agent fetch the configuration instead of a variable (`--configuration agent`), or give the \
             proxy fewer backends"
        }
        false => {
            "the proxy's own part is small: shorten the variables, commands and labels of the other containers, or let ECS \
                  read variables from a bucket (`environmentFiles`)"
        }
    };
    (text.len() > MAX_BYTES).then(|| {
        let message = format!(
            "the task definition has {} bytes; ECS takes {MAX_BYTES}",
            text.len()
        );
        Diagnostic::error(codes::LIMIT, message).help(help)
    })
}

/// What ECS would not register of a task definition that somebody has, in the API's spelling.
pub(super) fn registered(definition: &Json) -> Vec<Diagnostic> {
    let template = json!({"Resources": {"Task": {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": names::to_cloudformation(definition),
    }}});
    let own = |at: &Pointer| {
        let steps = at.segments().iter().skip(3).map(|step| match step {
            Segment::Field(name) => Segment::Field(names::api_name(name)),
            Segment::Index(at) => Segment::Index(*at),
        });
        steps.collect::<Pointer>()
    };
    let refuse = |message: String| {
        Diagnostic::error(codes::RENDERED, message).help(
            "correct it, or give the output of `aws ecs describe-task-definition`: ECS would reject it as it \
                   is",
        )
    };
    let mut seen = BTreeSet::new();
    let shapes = misfits(&template)
        .into_iter()
        // A variable without a value is empty; and on instances of one's own some stop later than Fargate lets them.
        .filter(|misfit| {
            misfit.what != "`Value` is missing" && !misfit.at.to_string().ends_with("/StopTimeout")
        })
        .map(|Misfit { at, what }| (own(&at), what));
    // The schema is CloudFormation's, which makes numbers of texts. What both see is told once.
    let types = types::misfits(definition).into_iter();
    let mut problems: Vec<Diagnostic> = types
        .map(|Misfit { at, what }| (at, what))
        .chain(shapes)
        .filter(|(at, _)| seen.insert(at.to_string()))
        .map(|(at, what)| refuse(format!("the task definition at {at}: {what}")))
        .collect();
    match text(definition, "family") {
        Some(family) if is_family(family) => {}
        Some(family) => problems.push(refuse(format!(
            "the family `{family}` is not made of letters, digits, hyphens and underscores, 255 at most"
        ))),
        None => problems.push(refuse("the task definition has no `family`".to_owned())),
    }
    problems
}

fn wrong(message: String) -> Diagnostic {
    Diagnostic::error(codes::RENDERED, message)
        .help("change the template that was given by `--templates`")
        .at(ProblemLocation::at(&Pointer::root(), None))
}

fn is_family(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=255).contains(&name.len()) && name.chars().all(fits)
}

/// The schema finds what has the wrong form.
fn misfits(template: &Json) -> Vec<Misfit> {
    static SCHEMA: OnceLock<Option<Json>> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let text = include_str!("../../../templates/ecs/task-definition.schema.json");
        serde_json::from_str(text).ok()
    });
    match schema {
        Some(schema) => schema::misfits(schema, template),
        None => vec![Misfit {
            at: Pointer::root(),
            what: "the schema of task definitions is broken".to_owned(),
        }],
    }
}

fn shape(template: &Json) -> Vec<Diagnostic> {
    misfits(template)
        .into_iter()
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
                .at(ProblemLocation::at(&Pointer::root(), None)),
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
            .at(ProblemLocation::at(&Pointer::root(), None)),
        );
    }
    problems
}

/// What a schema cannot say.
fn task(id: &str, properties: &Json, problems: &mut Vec<Diagnostic>) {
    let large = too_large(properties);
    problems.extend(large.map(|problem| problem.at(ProblemLocation::at(&Pointer::root(), None))));
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

//! Terraform state of version 4, and what `terraform show -json` prints.

use super::codes;
use super::found::ResourceDraft;
use super::text::{place, shorten};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Value};

/// Whether a document is a state.
pub(super) fn recognise(document: &Node) -> bool {
    document.get("terraform_version").is_some()
        && (document.get("version").is_some() || document.get("format_version").is_some())
}

/// The mesh resources of a state.
pub(super) fn read(document: &Node, problems: &mut Vec<Diagnostic>) -> Vec<ResourceDraft> {
    let mut drafts = Vec::new();
    if document.get("format_version").is_some() {
        // A plan's JSON has its outcome beside the changes.
        let values = document.get("values").or_else(|| document.get("planned_values"));
        if let Some(module) = values.and_then(|values| values.get("root_module")) {
            shown_module(module, &mut drafts);
        }
        return drafts;
    }
    let version = document.get("version");
    match version.map(|node| &node.value) {
        Some(Value::Number(number)) if number.as_i64() == Some(4) => {}
        _ => {
            let mut problem =
                Diagnostic::error(codes::STATE_VERSION, "a Terraform state that is not of version 4")
                    .help("run a command of Terraform 0.12 or newer that writes the state: it upgrades it");
            if let Some(span) = version.and_then(|node| node.span).or(document.span) {
                problem = problem.at(place(span));
            }
            problems.push(problem);
            return drafts;
        }
    }
    for resource in document
        .get("resources")
        .and_then(Node::as_list)
        .unwrap_or_default()
    {
        stored(resource, &mut drafts, problems);
    }
    drafts
}

fn text<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    node.get(name).and_then(Node::as_str)
}

/// A resource of a state file, with its instances.
fn stored(resource: &Node, drafts: &mut Vec<ResourceDraft>, problems: &mut Vec<Diagnostic>) {
    let Some(name) = text(resource, "type") else {
        return;
    };
    // Data sources read what another state holds.
    if text(resource, "mode").is_some_and(|mode| mode != "managed") {
        return;
    }
    let Some(kind) = schema::kind_of_terraform(name) else {
        if name.starts_with("aws_appmesh_") || name.starts_with("appmesh_") && name != "appmesh_release" {
            let problem = Diagnostic::warning(
                codes::UNKNOWN_TYPE,
                format!("the type `{}` is not known", shorten(name)),
            );
            problems.push(match resource.span {
                Some(span) => problem.at(place(span)),
                None => problem,
            });
        }
        return;
    };
    let module = text(resource, "module")
        .map(|module| format!("{module}."))
        .unwrap_or_default();
    let address = format!("{module}{name}.{}", text(resource, "name").unwrap_or_default());
    for instance in resource
        .get("instances")
        .and_then(Node::as_list)
        .unwrap_or_default()
    {
        let Some(attributes) = instance.get("attributes") else {
            continue;
        };
        // A deposed instance is on its way out.
        if instance.get("deposed").is_some() {
            continue;
        }
        let index = match instance.get("index_key").map(|node| &node.value) {
            Some(Value::Number(number)) => format!("[{number}]"),
            Some(Value::String(text)) => format!("[{text:?}]"),
            _ => String::new(),
        };
        drafts.push(draft(kind, attributes, format!("{address}{index}"), instance));
    }
}

/// `whole` is what carries the schema version: an instance of a state, a resource of what is shown.
fn draft(kind: Kind, attributes: &Node, label: String, whole: &Node) -> ResourceDraft {
    // Our own schema versions start at 1000.
    let version = match whole.get("schema_version").map(|node| &node.value) {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        _ => 0,
    };
    ResourceDraft {
        kind,
        dialect: Dialect::Terraform,
        body: attributes.clone(),
        extensions: None,
        foreign: version < 1000,
        origin: None,
        label,
        span: whole.span,
    }
}

/// A module of `terraform show -json`, and those in it.
fn shown_module(module: &Node, drafts: &mut Vec<ResourceDraft>) {
    for resource in module
        .get("resources")
        .and_then(Node::as_list)
        .unwrap_or_default()
    {
        let kind = text(resource, "type").and_then(schema::kind_of_terraform);
        let managed = text(resource, "mode").is_none_or(|mode| mode == "managed");
        if let (Some(kind), true, Some(values)) = (kind, managed, resource.get("values")) {
            let address = text(resource, "address").unwrap_or_default().to_owned();
            drafts.push(draft(kind, values, address, resource));
        }
    }
    for child in module
        .get("child_modules")
        .and_then(Node::as_list)
        .unwrap_or_default()
    {
        shown_module(child, drafts);
    }
}

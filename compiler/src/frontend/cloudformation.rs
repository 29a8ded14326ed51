//! CloudFormation templates, YAML or JSON.

pub(super) mod assembly;
mod expression;
mod given;
mod known;
mod names;
mod scope;
mod stacks;
pub(crate) mod sub;
mod symbolic;

use super::codes;
use super::found::ResourceDraft;
use super::text::{place, shorten};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Object, Span, Value};

pub(super) use expression::evaluate;
pub(crate) use expression::symbolise;
pub(super) use given::{how_to_give, misused};
pub(crate) use known::expression as attribute_of;
pub(super) use scope::Scope;
pub(crate) use scope::as_text;
pub use stacks::WholeTemplate;
pub(super) use stacks::{Deployment, Stacks, Template, addons, merge, plain_path};
pub(super) use symbolic::{Keys, keep};
pub use symbolic::{Symbolic, SymbolicResource};

/// Where our own settings stand, in a resource's `Metadata` and in a template's.
pub(crate) const METADATA: &str = "meshform";

/// What a resource of a template may have beside its properties.
const ATTRIBUTES: &[&str] = &[
    "Type",
    "Properties",
    "Metadata",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "UpdatePolicy",
    "CreationPolicy",
];

/// Whether a document is a template.
pub(super) fn recognise(document: &Node) -> bool {
    if document.get("AWSTemplateFormatVersion").is_some() {
        return true;
    }
    let typed = |node: &Node| {
        node.get("Type")
            .and_then(Node::as_str)
            .is_some_and(|kind| kind.contains("::"))
    };
    document
        .get("Resources")
        .and_then(Node::as_object)
        .is_some_and(|all| all.iter().any(|field| typed(&field.node)))
}

/// The first byte of what a span holds: a whole document is no place.
fn first_byte(span: Span) -> Span {
    Span {
        end: span.start.saturating_add(1).min(span.end),
        ..span
    }
}

/// The mesh resources of a template and of the stacks that it nests. The scope has turned to none of them yet.
pub(super) fn read(
    template: usize,
    stacks: &Stacks,
    scope: &mut Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<ResourceDraft> {
    let mut drafts = Vec::new();
    for stack in stacks.of_template(template) {
        if let Some(root) = stacks.root_of(stack) {
            scope.enter(stack);
            // Whether a stack without a mesh is made is no matter, and would only ask for values.
            if !holds_mesh(root) || scope.deployed(stack) {
                one_stack(root, scope, problems, &mut drafts);
            }
        }
    }
    drafts
}

/// Whether a template itself has resources of a mesh.
fn holds_mesh(template: &Node) -> bool {
    let resources = template.get("Resources").and_then(Node::as_object);
    let of_mesh = |node: &Node| {
        let kind = node.get("Type").and_then(Node::as_str);
        kind.and_then(schema::kind_of_cloudformation).is_some()
    };
    resources.into_iter().flatten().any(|field| of_mesh(&field.node)) || !profiles(template).is_empty()
}

fn one_stack(
    template: &Node,
    scope: &mut Scope<'_>,
    problems: &mut Vec<Diagnostic>,
    drafts: &mut Vec<ResourceDraft>,
) {
    let resources = template.get("Resources");
    problems.extend(resources.and_then(not_by_name));
    for field in resources.and_then(Node::as_object).into_iter().flatten() {
        let Some(kind) = kind_of(&field.node, problems) else {
            continue;
        };
        if let Some(condition) = field.node.get("Condition").and_then(Node::as_str)
            && scope.condition(condition, &field.node) == Some(false)
        {
            continue;
        }
        let empty = Node {
            value: Value::Object(Object::new()),
            span: field.node.span,
        };
        beside_properties(&field.node, problems);
        let properties = field.node.get("Properties").unwrap_or(&empty);
        let properties = names::by_name(kind, properties, &|id| scope.resource(id), problems);
        let mut body = expression::evaluate(&properties, scope).unwrap_or(empty);
        // CloudFormation makes a name up where there is none; the logical id is what a reader expects.
        let own = format!("{}Name", suffix(kind));
        if let Value::Object(object) = &mut body.value
            && object.get(&own).is_none()
        {
            problems.push(unnamed(&field.name, &own, field.name_span));
            let name = Node {
                value: Value::from(field.name.as_str()),
                span: field.name_span,
            };
            object.set(own, name);
        }
        let extensions = field
            .node
            .get("Metadata")
            .and_then(|all| all.get(METADATA))
            .and_then(|ours| expression::evaluate(ours, scope));
        drafts.push(ResourceDraft {
            kind,
            dialect: Dialect::CloudFormation,
            body,
            extensions,
            foreign: false,
            label: field.name.clone(),
            span: field.name_span,
            origin: Some((scope.stack(), field.name.clone())),
        });
    }
    drafts.extend(profiles(template));
}

fn unnamed(logical_id: &str, property: &str, span: Option<Span>) -> Diagnostic {
    let problem = Diagnostic::warning(
        codes::NO_NAME,
        format!(
            "`{}` has no `{property}`; its logical id is taken as the name",
            shorten(logical_id)
        ),
    )
    .help("CloudFormation would make up a name with each new stack; write it down");
    at(problem, span)
}

fn suffix(kind: Kind) -> &'static str {
    let name = schema::kind(kind).type_in(Dialect::CloudFormation);
    name.rsplit("::").next().unwrap_or(name)
}

fn kind_of(resource: &Node, problems: &mut Vec<Diagnostic>) -> Option<Kind> {
    let node = resource.get("Type")?;
    let Some(name) = node.as_str() else {
        let problem = Diagnostic::error(codes::UNKNOWN_TYPE, "the type of a resource is not a plain text")
            .help("CloudFormation takes no expression here: write the type out");
        problems.push(at(problem, node.span));
        return None;
    };
    let kind = schema::kind_of_cloudformation(name);
    if kind.is_none() && name.starts_with("AWS::AppMesh::") {
        let known: Vec<&str> = Kind::ALL
            .iter()
            .map(|kind| schema::kind(*kind).type_in(Dialect::CloudFormation))
            .filter(|name| name.starts_with("AWS::"))
            .collect();
        let problem = Diagnostic::error(
            codes::UNKNOWN_TYPE,
            format!("App Mesh has no type `{}`", shorten(name)),
        )
        .help(format!("it has {}", known.join(", ")));
        problems.push(at(problem, node.span));
    }
    kind
}

fn at(problem: Diagnostic, span: Option<Span>) -> Diagnostic {
    match span {
        Some(span) => problem.at(place(span)),
        None => problem,
    }
}

/// `Resources` that are no object of logical ids.
fn not_by_name(resources: &Node) -> Option<Diagnostic> {
    if resources.as_object().is_some() {
        return None;
    }
    let message = format!("`Resources` is {}", resources.value.noun());
    let problem = Diagnostic::error(codes::UNKNOWN_FORM, message)
        .help("a template's resources are an object, each under its logical id");
    Some(at(problem, resources.span))
}

/// What stands beside `Properties` and has no meaning there: most often it belongs into them.
fn beside_properties(resource: &Node, problems: &mut Vec<Diagnostic>) {
    for field in resource.as_object().into_iter().flatten() {
        if ATTRIBUTES.contains(&field.name.as_str()) {
            continue;
        }
        let problem = Diagnostic::error(
            codes::UNKNOWN_PROPERTY,
            format!("a resource has no attribute `{}`", shorten(&field.name)),
        )
        .help("what belongs to the mesh stands within `Properties`");
        problems.push(at(problem, field.name_span));
    }
}

/// CloudFormation has no type for proxy profiles: they stand in the template's metadata, in canonical form.
fn profiles(template: &Node) -> Vec<ResourceDraft> {
    let all = template
        .get("Metadata")
        .and_then(|all| all.get(METADATA))
        .and_then(|ours| ours.get("proxyProfiles"))
        .and_then(Node::as_list);
    all.unwrap_or_default()
        .iter()
        .map(|body| ResourceDraft {
            kind: Kind::ProxyProfile,
            dialect: Dialect::Api,
            extensions: None,
            body: body.clone(),
            foreign: false,
            label: "Metadata".to_owned(),
            span: body.span,
            origin: None,
        })
        .collect()
}

#[cfg(test)]
mod tests;

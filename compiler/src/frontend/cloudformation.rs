//! CloudFormation templates, YAML or JSON.

mod arguments;
pub(super) mod assembly;
mod constraints;
mod expression;
mod given;
mod known;
mod loops;
mod names;
mod scope;
mod stacks;
pub(crate) mod sub;
mod symbolic;

use super::Options;
use super::codes;
use super::found::ResourceDraft;
use super::text::{place, shorten};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::validate::closest;
use meshform_model::value::{Field, Node, Object, Span, Value};

pub(crate) use constraints::is_readable_pattern;
pub(super) use expression::evaluate;
pub(crate) use expression::{DYNAMIC, symbolise};
pub(super) use given::misused;
pub(crate) use given::{how_to_decide, how_to_give};
pub(crate) use known::expression as attribute_of;
pub(super) use scope::TemplateScope;
pub(crate) use scope::as_text;
pub use stacks::WholeTemplate;
pub(super) use stacks::{Deployment, Stacks, Template, addons, merge, plain_path};
pub(super) use symbolic::{Keys, ReadTemplates};
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

/// The parts of a template beside its resources.
const SECTIONS: &[&str] = &[
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

/// Whether a document is a template.
pub(super) fn recognise(document: &Node) -> bool {
    if document.get("AWSTemplateFormatVersion").is_some() {
        return true;
    }
    let has_sections = |object: &Object| object.iter().all(|field| SECTIONS.contains(&field.name.as_str()));
    if document.get("Resources").is_some() && document.as_object().is_some_and(has_sections) {
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

/// A template with its loops written out, as far as their lists are known.
pub(super) fn without_loops(document: Node, options: &Options, problems: &mut Vec<Diagnostic>) -> Node {
    loops::expand(symbolise(document), options, problems)
}

/// Whether a text may have loops.
pub(super) fn has_loops(text: &str) -> bool {
    text.contains(loops::PREFIX)
}

/// Hands over the mesh resources of a template and of the stacks that it nests, one by one: thousands of them, all
/// together, would be the template a second time. The scope has turned to none of the stacks yet.
pub(super) fn read(
    template: usize,
    stacks: &Stacks,
    scope: &mut TemplateScope<'_>,
    problems: &mut Vec<Diagnostic>,
    take: &mut dyn FnMut(ResourceDraft),
) {
    for stack in stacks.of_template(template) {
        if let Some(root) = stacks.root_of(stack) {
            scope.enter(stack);
            // Whether a stack without a mesh is made is no matter, and would only ask for values.
            if !holds_mesh(root) || scope.deployed(stack) {
                one_stack(root, scope, problems, take);
            }
        }
    }
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
    scope: &mut TemplateScope<'_>,
    problems: &mut Vec<Diagnostic>,
    take: &mut dyn FnMut(ResourceDraft),
) {
    let resources = template.get("Resources");
    problems.extend(resources.and_then(not_by_name));
    for field in resources.and_then(Node::as_object).into_iter().flatten() {
        if field.name.starts_with(loops::PREFIX) {
            if makes_mesh(&field.node) {
                scope.no_function(field, &field.node);
            }
            continue;
        }
        let Some(kind) = kind_of(field, problems) else {
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
        let own = kind.name_field(Dialect::CloudFormation);
        if let Value::Object(object) = &mut body.value
            && object.get(own).is_none()
        {
            problems.push(unnamed(&field.name, own, field.name_span));
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
        take(ResourceDraft {
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
    profiles(template).into_iter().for_each(take);
}

fn unnamed(logical_id: &str, property: &str, span: Option<Span>) -> Diagnostic {
    let problem = Diagnostic::warning(
        codes::NO_NAME,
        format!(
            "`{}` has no `{property}`; its logical id is taken as the name",
            shorten(logical_id)
        ),
    )
    .help("write the name: CloudFormation would generate another one for each new stack");
    at(problem, span)
}

/// Whether a resource of the mesh stands below, in a loop that is not written out.
fn makes_mesh(node: &Node) -> bool {
    match &node.value {
        Value::List(list) => list.iter().any(makes_mesh),
        Value::Object(object) => {
            let own = node.get("Type").and_then(Node::as_str);
            own.is_some_and(|kind| kind.starts_with("AWS::AppMesh::"))
                || object.iter().any(|field| makes_mesh(&field.node))
        }
        _ => false,
    }
}

fn kind_of(field: &Field, problems: &mut Vec<Diagnostic>) -> Option<Kind> {
    if field.name.starts_with("Fn::Transform") {
        let problem = Diagnostic::warning(
            codes::UNREAD,
            format!(
                "what `{}` inserts into the template is not read",
                shorten(&field.name)
            ),
        )
        .help(
            "if it has resources of the mesh, give the template as CloudFormation processed it: \
             `aws cloudformation get-template --template-stage Processed`",
        );
        problems.push(at(problem, field.name_span));
        return None;
    }
    let Some(node) = field.node.get("Type") else {
        problems.push(untyped(field));
        return None;
    };
    let Some(name) = node.as_str() else {
        let problem = Diagnostic::error(
            codes::UNKNOWN_TYPE,
            "the type of a resource is not a plain string",
        )
        .help("write the type literally: CloudFormation accepts no expression here");
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

/// A resource without a type, which CloudFormation refuses.
fn untyped(field: &Field) -> Diagnostic {
    let id = shorten(&field.name);
    let Some(object) = field.node.as_object() else {
        let noun = field.node.value.noun();
        let problem = Diagnostic::error(codes::UNKNOWN_TYPE, format!("the resource `{id}` is {noun}"))
            .help("a resource is an object with a `Type`");
        return at(problem, field.name_span);
    };
    let names: Vec<&str> = object.iter().map(|field| field.name.as_str()).collect();
    let help = match closest("Type", &names) {
        Some(near) => format!("write `Type` for `{}`", shorten(near)),
        None => "every resource of a template has one".to_owned(),
    };
    let problem = Diagnostic::error(codes::UNKNOWN_TYPE, format!("the resource `{id}` has no `Type`"));
    at(problem.help(help), field.name_span)
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
        .help("move what belongs to the mesh resource into `Properties`");
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

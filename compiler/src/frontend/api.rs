//! App Mesh's own JSON (or the same as YAML): as the AWS CLI takes it, as it gives it, and lists of these.

use super::found::Draft;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Value};

/// The resources of a document, or `None` when it is not of this form.
pub(super) fn read(document: &Node) -> Option<Vec<Draft>> {
    match &document.value {
        Value::List(list) => {
            let all: Option<Vec<Draft>> = list.iter().map(one).collect();
            all.filter(|all| !all.is_empty())
        }
        Value::Object(object) => {
            // `{"resources": [...]}` holds what this command writes for a whole mesh.
            if let (1, Some(list)) = (object.len(), object.get("resources").and_then(Node::as_list)) {
                return list.iter().map(one).collect();
            }
            one(document).map(|draft| vec![draft])
        }
        _ => None,
    }
}

fn one(document: &Node) -> Option<Draft> {
    let object = document.as_object()?;
    // `describe`, `create`, `update` and `delete` answer with the resource under its kind's name.
    if object.len() == 1 {
        for field in object {
            if let Some(kind) = Kind::from_name(&field.name)
                && field.node.as_object().is_some()
            {
                return Some(draft(kind, &field.node));
            }
        }
    }
    let kind = by_names(document).or_else(|| by_spec(document.get("spec")?))?;
    Some(draft(kind, document))
}

fn draft(kind: Kind, body: &Node) -> Draft {
    let mut body = body.clone();
    if let Value::Object(object) = &mut body.value {
        // Every SDK sends one with each call; it is no part of the resource.
        object.remove("clientToken");
    }
    let names = &schema::kind(kind).key;
    let name = names
        .last()
        .and_then(|name| body.get(name))
        .and_then(Node::as_str);
    Draft {
        kind,
        dialect: Dialect::Api,
        foreign: false,
        label: name.unwrap_or(kind.name()).to_owned(),
        span: body.span,
        body,
        extensions: None,
    }
}

/// The kind whose names the document has; of several the one with the most, because a route has its router's.
fn by_names(document: &Node) -> Option<Kind> {
    let own = |kind: &Kind| {
        let key = &schema::kind(*kind).key;
        key.last().is_some_and(|name| document.get(name).is_some())
    };
    let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(own).collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(schema::kind(*kind).key.len()));
    let best = kinds.first().copied()?;
    // A mesh's name alone stands in every resource, also in one whose own name was an option.
    let inferred = document.get("spec").and_then(by_spec);
    Some(match (best, inferred) {
        (Kind::Mesh, Some(kind)) => kind,
        (Kind::VirtualRouter, Some(Kind::Route)) => Kind::Route,
        (Kind::VirtualGateway, Some(Kind::GatewayRoute)) => Kind::GatewayRoute,
        (best, _) => best,
    })
}

/// The only kind whose spec has all of these fields.
fn by_spec(spec: &Node) -> Option<Kind> {
    let fields = spec.as_object().filter(|fields| !fields.is_empty())?;
    let fits = |kind: &Kind| {
        let root = schema::kind(*kind).root.object();
        let spec = root
            .and_then(|root| root.field("spec"))
            .and_then(|field| field.node.object());
        spec.is_some_and(|spec| fields.iter().all(|field| spec.field(&field.name).is_some()))
    };
    let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(fits).collect();
    if kinds.len() > 1
        && spec
            .get("httpRoute")
            .or(spec.get("http2Route"))
            .or(spec.get("grpcRoute"))
            .is_some()
    {
        // A gateway's route has one target where a router's has weighted ones.
        let gateway = |node: &Node| {
            node.get("action")
                .is_some_and(|action| action.get("target").is_some())
        };
        let is_gateway = fields.iter().any(|field| gateway(&field.node));
        kinds.retain(|kind| (*kind == Kind::GatewayRoute) == is_gateway);
    }
    match kinds.as_slice() {
        [kind] => Some(*kind),
        // Listeners alone: a router's have only a port mapping, a node says more.
        [..] => kinds.into_iter().find(|kind| matches!(kind, Kind::VirtualNode)),
    }
}

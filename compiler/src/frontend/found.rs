//! From what a form says of a resource to its canonical form, its key and its typed form.

use super::cloudformation;
use super::codes;
use super::text::{place, shorten};
use super::{FoundResource, Options};
use meshform_model::arn::Arn;
use meshform_model::canonical;
use meshform_model::diag::{Diagnostic, ProblemLocation, has_errors};
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::{Pointer, Segment};
use meshform_model::resource::{Identity, Resource};
use meshform_model::schema::{self, SchemaNode, Shape};
use meshform_model::tags;
use meshform_model::validate;
use meshform_model::value::{Node, Span, Value};

/// A resource as a form has it.
pub(super) struct ResourceDraft {
    pub(super) kind: Kind,
    pub(super) dialect: Dialect,
    /// The whole resource in its dialect: names, spec, tags.
    pub(super) body: Node,
    /// Our settings, where the form keeps them outside the body.
    pub(super) extensions: Option<Node>,
    /// Whether hashicorp/aws wrote it, which fills in zeros for what was never set.
    pub(super) foreign: bool,
    /// What the form calls it: a logical id, an address.
    pub(super) label: String,
    pub(super) span: Option<Span>,
    /// The stack and logical id of a template's resource.
    pub(super) origin: Option<(usize, String)>,
}

/// Longer than any key or address of names that the schema allows.
const MAX_PATH: usize = 4096;

/// Converts, validates, and finds the key.
pub(super) fn finish(draft: ResourceDraft, options: &Options) -> FoundResource {
    let (mut body, mut problems) = dialect::into_canonical(draft.kind, draft.dialect, draft.body);
    let mut left_out = Vec::new();
    if draft.foreign {
        let cleaned = canonical::foreign(draft.kind, &body);
        dropped(&body, Some(&cleaned), &mut Pointer::root(), &mut left_out);
        body = cleaned;
    }
    let schema = schema::kind(draft.kind);
    if let Value::Object(object) = &mut body.value {
        if let Some(extensions) = draft.extensions {
            object.set("extensions", extensions);
        }
        let named = object.get("meshName").is_some_and(Node::is_wholly_known);
        if !named && let Some(mesh) = &options.mesh {
            object.set("meshName", Node::new(Value::from(mesh.as_str())));
        }
    }
    let fits = draft.dialect == Dialect::CloudFormation;
    if fits {
        fit(schema.root, &mut body, false);
    }
    problems.extend(validate::resource_in(draft.kind, draft.dialect, &body));
    if fits {
        fit(schema.root, &mut body, true);
    }
    let key = match key(draft.kind, &body) {
        // What is far too long for a name has been reported, and would fill every message that names it.
        Ok(key) if key.path().len() > MAX_PATH => None,
        Ok(key) => Some(key),
        Err(missing) => {
            problems.push(no_name(
                draft.kind,
                draft.dialect,
                &missing,
                draft.span.or(body.span),
            ));
            None
        }
    };
    for problem in &mut problems {
        if problem.places.is_empty() {
            problem
                .places
                .push(ProblemLocation::at(&Pointer::root(), draft.span.or(body.span)));
        }
        for place in &mut problem.places {
            if place.resource.is_none() {
                place.resource.clone_from(&key);
            }
        }
    }
    FoundResource {
        kind: draft.kind,
        key,
        body,
        label: match draft.label.len() > MAX_PATH {
            true => shorten(&draft.label),
            false => draft.label,
        },
        span: draft.span,
        refused: has_errors(&problems),
        typed: None,
        problems,
        left_out,
    }
}

/// Makes the typed form, and gives the body away for it. What cannot have one keeps its body, for others to say why.
pub(super) fn settle(found: &mut FoundResource) {
    if !found.refused
        && let Ok(resource) = typed(found)
    {
        found.typed = Some(Box::new(resource));
        found.body = Node::null();
    }
}

/// The values of `before` that `after` lacks.
fn dropped(before: &Node, after: Option<&Node>, at: &mut Pointer, out: &mut Vec<Pointer>) {
    match &before.value {
        Value::Object(object) => {
            for field in object {
                at.push(Segment::Field(field.name.clone()));
                dropped(&field.node, after.and_then(|node| node.get(&field.name)), at, out);
                at.pop();
            }
        }
        Value::List(items) => {
            let kept = after.and_then(Node::as_list).unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                at.push(Segment::Index(index));
                dropped(item, kept.get(index), at, out);
                at.pop();
            }
        }
        Value::Null => {}
        _ if after.is_none() => out.push(at.clone()),
        _ => {}
    }
}

fn no_name(kind: Kind, dialect: Dialect, missing: &[&str], span: Option<Span>) -> Diagnostic {
    let template = dialect == Dialect::CloudFormation;
    let called = |name: &str| {
        let field = schema::kind(kind).root.object().and_then(|root| root.field(name));
        match field.filter(|_| template) {
            Some(field) => field.named(dialect).name.clone(),
            None => name.to_owned(),
        }
    };
    let quoted: Vec<String> = missing.iter().map(|name| format!("`{}`", called(name))).collect();
    let listed = match quoted.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => quoted.join(""),
    };
    let mut problem = Diagnostic::error(codes::NO_NAME, format!("a {kind} without {listed}"));
    let options: Vec<&str> = missing.iter().map(|name| option(kind, name)).collect();
    problem = problem.help(format!(
        "write {} {}, or give {}",
        if missing.len() == 1 { "it" } else { &listed },
        if template {
            "among the properties"
        } else {
            "beside `spec`"
        },
        options.join(" and ")
    ));
    if let Some(span) = span {
        problem = problem.at(place(span));
    }
    problem
}

/// The option that gives a name.
fn option(kind: Kind, field: &str) -> &'static str {
    match schema::kind(kind).key.as_slice() {
        [mesh, ..] if mesh == field => "`--mesh NAME`",
        [.., own] if own == field => "`--name NAME`",
        _ => "`--parent NAME`",
    }
}

/// The key, or the names of the fields that lack.
fn key(kind: Kind, body: &Node) -> Result<ResourceKey, Vec<&'static str>> {
    let mut names = Vec::new();
    let mut missing = Vec::new();
    for field in &schema::kind(kind).key {
        match body
            .get(field)
            .and_then(Node::as_str)
            .filter(|name| !name.is_empty())
        {
            Some(name) => names.push(name),
            None => missing.push(field.as_str()),
        }
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    match *names.as_slice() {
        [mesh] => Ok(ResourceKey::mesh(mesh)),
        [mesh, name] => Ok(ResourceKey::in_mesh(mesh, kind, name)),
        [mesh, parent, name] => {
            let parent_kind = kind.parent().unwrap_or(Kind::Mesh);
            Ok(ResourceKey::child(
                &ResourceKey::in_mesh(mesh, parent_kind, parent),
                kind,
                name,
            ))
        }
        _ => Err(vec!["meshName"]),
    }
}

/// CloudFormation takes `"8080"` for a number and `1` for a text. With `texts`, expressions without a value become
/// texts in the notation of `Fn::Sub` where a text may stand; validation comes before that.
pub(super) fn fit(schema: &SchemaNode, node: &mut Node, texts: bool) {
    match (&schema.shape, &mut node.value) {
        (Shape::Object(shape) | Shape::Union(shape), Value::Object(object)) => {
            for field in object.iter_mut() {
                if let Some(known) = shape.field(&field.name) {
                    fit(known.node, &mut field.node, texts);
                }
            }
        }
        (Shape::List(shape), Value::List(list)) => {
            list.iter_mut().for_each(|item| fit(shape.items, item, texts));
        }
        (shape, value) => {
            if let Some(fitting) = fitting(shape, value, texts) {
                node.value = fitting;
            }
        }
    }
}

/// What a value becomes that is of another type than the one that stands there.
fn fitting(shape: &Shape, value: &Value, texts: bool) -> Option<Value> {
    match (shape, value) {
        (Shape::Text(_), Value::Symbol(_)) if !texts => None,
        (Shape::Text(_), Value::Symbol(_)) => {
            cloudformation::as_text(&Node::new(value.clone())).map(Value::String)
        }
        _ => dialect::coerced(shape, value),
    }
}

/// The resource that properties in CloudFormation's form say, every value of which may be a text.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn of_properties(
    kind: Kind,
    label: &str,
    properties: &serde_json::Value,
    extensions: Option<&serde_json::Value>,
) -> Result<Resource, Vec<Diagnostic>> {
    let draft = ResourceDraft {
        kind,
        dialect: Dialect::CloudFormation,
        body: Node::from_json(properties),
        // What stands in a template's metadata was no text before CloudFormation made it one.
        extensions: extensions.map(|extensions| {
            let schema = schema::kind(kind).root.object();
            let field = schema.and_then(|root| root.field("extensions"));
            let mut node = Node::from_json(extensions);
            if let Some(field) = field {
                fit(field.node, &mut node, false);
            }
            node
        }),
        foreign: false,
        label: label.to_owned(),
        span: None,
        origin: None,
    };
    let found = finish(draft, &Options::default());
    match found.refused {
        true => Err(found.problems),
        false => typed(&found),
    }
}

/// The typed form, of a resource that was not refused.
pub(super) fn typed(found: &FoundResource) -> Result<Resource, Vec<Diagnostic>> {
    let Some(key) = &found.key else {
        return Err(Vec::new());
    };
    let unknown = symbols(&found.body, key);
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let json = |name: &str| found.body.get(name).and_then(Node::to_json);
    let spec = json("spec").unwrap_or(serde_json::Value::Null);
    let extensions = json("extensions").unwrap_or(serde_json::Value::Null);
    let read = Resource::from_json(key.clone(), &spec);
    let read = read.and_then(|resource| resource.with_extensions(&extensions));
    let mut resource = read.map_err(|mut problem| {
        problem.code = codes::NOT_TYPED;
        for place in &mut problem.places {
            place.span = place.span.or(found.span);
        }
        vec![problem]
    })?;
    resource.tags = found.body.get("tags").map(tags::read_node).unwrap_or_default();
    resource.identity = identity(found.body.get("metadata"));
    resource.mesh_owner = mesh_owner(found, resource.identity.as_ref());
    Ok(resource)
}

/// Numbers and whole objects for which CloudFormation alone has a value.
fn symbols(body: &Node, key: &ResourceKey) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if body.is_wholly_known() {
        return found;
    }
    let mut pending = vec![(Pointer::root(), body)];
    while let Some((pointer, node)) = pending.pop() {
        match &node.value {
            Value::List(list) => {
                pending.extend(
                    list.iter()
                        .enumerate()
                        .map(|(at, node)| (pointer.index(at), node)),
                );
            }
            Value::Object(object) => {
                pending.extend(object.iter().map(|f| (pointer.field(f.name.as_str()), &f.node)));
            }
            Value::Symbol(_) | Value::Unknown => {
                let shown = cloudformation::as_text(node).unwrap_or_default();
                let mut place = ProblemLocation::of(key, &pointer);
                place.span = node.span;
                found.push(
                    Diagnostic::error(
                        codes::NO_VALUE,
                        format!("`{shown}` has no value, but one is required here"),
                    )
                    .help(cloudformation::how_to_give(node))
                    .at(place),
                );
            }
            _ => {}
        }
    }
    found.sort_by_key(|problem| problem.places.first().and_then(|place| place.span));
    found
}

/// The account of the mesh, where it is said and is not the resource's own: a state has it for every resource.
fn mesh_owner(found: &FoundResource, identity: Option<&Identity>) -> Option<String> {
    let owner = found.body.get("meshOwner").and_then(Node::as_str)?;
    let own = identity.is_some_and(|identity| identity.resource_owner == owner);
    (!own).then(|| owner.to_owned())
}

/// What the form knows of who the resource is. A Terraform state has no uid of a mesh; all else belongs together.
fn identity(metadata: Option<&Node>) -> Option<Identity> {
    let metadata = metadata?;
    let text = |name: &str| metadata.get(name).and_then(Node::as_str).map(str::to_owned);
    let time = |name: &str| match &metadata.get(name)?.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(super::time::rfc3339(number.as_f64())),
        _ => None,
    };
    let arn = text("arn")?;
    let account = Arn::parse(&arn)
        .map(|arn| arn.account)
        .unwrap_or_default()
        .to_owned();
    let owner = text("meshOwner").unwrap_or_else(|| account.clone());
    Some(Identity {
        uid: text("uid").unwrap_or_default(),
        resource_owner: text("resourceOwner").unwrap_or_else(|| owner.clone()),
        mesh_owner: owner,
        created_at: time("createdAt")?,
        last_updated_at: time("lastUpdatedAt")?,
        version: match &metadata.get("version").map(|node| &node.value) {
            Some(Value::Number(number)) => number.as_i64().and_then(|n| u64::try_from(n).ok()).unwrap_or(1),
            _ => 1,
        },
        arn,
    })
}

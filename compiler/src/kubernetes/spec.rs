//! From the spec of a resource to the spec of its object: names become refs, and a few fields have other names.

use super::codes;
use super::names::{ExternalArn, Names};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema::{self, SchemaNode};
use serde_json::{Map, Value as Json, json};

pub(super) struct Writer<'w> {
    names: &'w Names<'w>,
    resource: &'w Resource,
    problems: &'w mut Vec<Diagnostic>,
}

impl<'w> Writer<'w> {
    pub(super) fn new(
        names: &'w Names<'w>,
        resource: &'w Resource,
        problems: &'w mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            names,
            resource,
            problems,
        }
    }

    /// The spec of the object.
    pub(super) fn spec(&mut self) -> Map<String, Json> {
        self.beside();
        let spec = self.fields();
        let key = &self.resource.key;
        match key.kind {
            Kind::Mesh => self.mesh(&spec),
            Kind::VirtualNode => self.node(&spec),
            Kind::VirtualRouter if !spec.contains_key("listeners") => self
                .problems
                .push(codes::lost(key, "its object must have a listener")),
            _ => {}
        }
        spec
    }

    /// A route, as it stands in the object of its router.
    pub(super) fn route(&mut self) -> Json {
        self.beside();
        let mut route = self.fields();
        route.insert("name".to_owned(), self.resource.key.name.as_str().into());
        Json::Object(route)
    }

    /// The fields of the spec, by the controller's names.
    fn fields(&mut self) -> Map<String, Json> {
        let root = schema::kind(self.resource.key.kind).root.object();
        let shape = root.and_then(|root| root.field("spec"));
        match (self.resource.spec.to_json(), shape) {
            (Json::Object(spec), Some(shape)) => self.object(spec, shape.node),
            _ => Map::new(),
        }
    }

    /// What stands beside the spec and has no place in an object.
    fn beside(&mut self) {
        let key = &self.resource.key;
        if !self.resource.tags.is_empty() {
            self.problems
                .push(codes::not_said(key, "objects have no tags of App Mesh"));
        }
        if self.resource.extensions.is_some() {
            self.problems
                .push(codes::not_said(key, "objects have no `extensions`"));
        }
    }

    fn mesh(&mut self, spec: &Map<String, Json>) {
        let discovery = spec.get("meshServiceDiscovery");
        let preference = discovery.and_then(|discovery| discovery.get("ipPreference")?.as_str());
        if preference.is_some_and(|one| one.ends_with("_PREFERRED")) {
            let problem = codes::lost(
                &self.resource.key,
                "`ipPreference` can only be `IPv4_ONLY` or `IPv6_ONLY` in its object",
            );
            self.problems.push(
                problem.help("choose one of the two, or leave it out and take addresses of either kind"),
            );
        }
    }

    /// A node's own preference of IP versions has no field.
    fn node(&mut self, spec: &Map<String, Json>) {
        let discovery = spec.get("serviceDiscovery").and_then(Json::as_object);
        let own = discovery.into_iter().flat_map(|one| one.values());
        if own.into_iter().any(|one| one.get("ipPreference").is_some()) {
            let problem = codes::lost(
                &self.resource.key,
                "a node's own `ipPreference` has no field in its object; only the mesh's has",
            );
            self.problems.push(
                problem.help("let the mesh have it, for all of its nodes, and take it out of the node"),
            );
        }
    }

    fn value(&mut self, value: Json, shape: &'static SchemaNode) -> Json {
        match (value, shape.list()) {
            (Json::Object(object), _) => Json::Object(self.object(object, shape)),
            (Json::Array(items), Some(list)) => Json::Array(
                items
                    .into_iter()
                    .map(|item| self.value(item, list.items))
                    .collect(),
            ),
            (other, _) => other,
        }
    }

    fn object(&mut self, object: Map<String, Json>, shape: &'static SchemaNode) -> Map<String, Json> {
        let mut out = Map::new();
        for (name, value) in object {
            // What the schema leaves open is written as it stands.
            let Some(field) = shape.object().and_then(|shape| shape.field(&name)) else {
                out.insert(name, value);
                continue;
            };
            let (name, value) = match (field.refers_to, value.as_str()) {
                (Some(kind), Some(target)) => self.reference(kind, target),
                _ => {
                    let named = field.named(Dialect::Kubernetes);
                    (named.name.clone(), self.value(value, field.node))
                }
            };
            out.insert(name, value);
        }
        out
    }

    /// A ref to an object; an ARN where the resource is not among the inputs, as it is for the controller.
    fn reference(&mut self, kind: Kind, target: &str) -> (String, Json) {
        let own = &self.resource.key;
        let key = ResourceKey::in_mesh(&own.mesh, kind, target);
        let field = kind.name();
        if let Some(name) = self.names.referred(&key) {
            let from = match own.kind {
                Kind::Route => own.container().unwrap_or_else(|| own.clone()),
                _ => own.clone(),
            };
            let reference = match name.namespace == self.names.of(&from).namespace {
                true => json!({"name": name.name}),
                false => json!({"name": name.name, "namespace": name.namespace}),
            };
            return (format!("{field}Ref"), reference);
        }
        let arn = match self.names.arn(&key, self.resource.mesh_owner.as_deref()) {
            ExternalArn::Known(arn) => arn,
            ExternalArn::MadeUp(arn, what) => {
                let why = format!("{key} is not among the inputs; its ARN is made up, with {what}");
                self.problems.push(codes::not_said(own, &why));
                arn
            }
        };
        (format!("{field}ARN"), arn.into())
    }
}

//! From the spec of a resource to the spec of its object: names become refs, and a few fields have other names.

use super::codes;
use super::names::{ExternalArn, Names};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
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
        let mut spec = match self.resource.spec.to_json() {
            Json::Object(spec) => self.object(spec),
            _ => Map::new(),
        };
        let key = &self.resource.key;
        match key.kind {
            Kind::Mesh => self.mesh(&mut spec),
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
        let mut route = match self.resource.spec.to_json() {
            Json::Object(spec) => self.object(spec),
            _ => Map::new(),
        };
        route.insert("name".to_owned(), self.resource.key.name.as_str().into());
        Json::Object(route)
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

    fn mesh(&mut self, spec: &mut Map<String, Json>) {
        let Some(discovery) = spec.remove("serviceDiscovery") else {
            return;
        };
        let preference = discovery.get("ipPreference").and_then(Json::as_str);
        if preference.is_some_and(|one| one.ends_with("_PREFERRED")) {
            let problem = codes::lost(
                &self.resource.key,
                "`ipPreference` can only be `IPv4_ONLY` or `IPv6_ONLY` in its object",
            );
            self.problems.push(
                problem.help("choose one of the two, or leave it out and take addresses of either kind"),
            );
        }
        spec.insert("meshServiceDiscovery".to_owned(), discovery);
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

    fn value(&mut self, value: Json) -> Json {
        match value {
            Json::Object(object) => Json::Object(self.object(object)),
            Json::Array(items) => Json::Array(items.into_iter().map(|item| self.value(item)).collect()),
            other => other,
        }
    }

    fn object(&mut self, object: Map<String, Json>) -> Map<String, Json> {
        let mut out = Map::new();
        for (name, value) in object {
            let kind = match name.as_str() {
                "virtualServiceName" => Some(Kind::VirtualService),
                "virtualNodeName" => Some(Kind::VirtualNode),
                // In weighted targets it is a name; around a provider's name it is an object.
                "virtualNode" if value.is_string() => Some(Kind::VirtualNode),
                "virtualRouterName" => Some(Kind::VirtualRouter),
                _ => None,
            };
            if let (Some(kind), Some(target)) = (kind, value.as_str()) {
                let (name, value) = self.reference(kind, target);
                out.insert(name, value);
                continue;
            }
            let name = match name.as_str() {
                "certificateArn" => "certificateARN".to_owned(),
                "certificateAuthorityArns" => "certificateAuthorityARNs".to_owned(),
                _ => name,
            };
            let value = self.value(value);
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

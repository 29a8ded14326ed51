//! The objects together: which mesh and which gateway each belongs to, by the controller's rules.

use crate::frontend::Options;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Span, Value};
use std::collections::BTreeMap;

/// Whether a document is a Kubernetes object.
pub(crate) fn recognise(document: &Node) -> bool {
    document.get("apiVersion").is_some() && document.get("kind").is_some()
}

/// An object of the inputs.
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) node: Node,
    pub(super) name_span: Option<Span>,
}

/// Every object of the inputs that says something of a mesh.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) objects: Vec<Object>,
}

/// What an object belongs to.
pub(super) enum Member {
    /// By a ref or a selector.
    Of(Node),
    /// The only one there is; the namespace that would tell is not given.
    Assumed(String),
    /// It belongs to no mesh, for this reason.
    Nowhere(String),
}

impl Object {
    pub(super) fn read(kind: &str, node: Node) -> Self {
        let metadata = node.get("metadata");
        let text = |name| metadata.and_then(|all| all.get(name)).and_then(Node::as_str);
        let name = metadata.and_then(|all| all.get("name"));
        Self {
            kind: kind.to_owned(),
            name: name.and_then(Node::as_str).unwrap_or_default().to_owned(),
            namespace: text("namespace")
                .filter(|name| !name.is_empty())
                .unwrap_or("default")
                .to_owned(),
            labels: labels(metadata.and_then(|all| all.get("labels"))),
            name_span: name.and_then(|node| node.span).or(node.span),
            node,
        }
    }

    /// The kind of the resource that it is.
    pub(super) fn mesh_kind(&self) -> Option<Kind> {
        schema::kind_of(Dialect::Kubernetes, &self.kind)
    }

    pub(super) fn spec(&self) -> Option<&Node> {
        self.node.get("spec")
    }

    fn field(&self, name: &str) -> Option<&Node> {
        self.spec()?.get(name).filter(|node| !node.is_null())
    }

    /// The name that the resource has in App Mesh.
    pub(super) fn aws_name(&self) -> String {
        match self
            .field("awsName")
            .and_then(Node::as_str)
            .filter(|name| !name.is_empty())
        {
            Some(name) => name.to_owned(),
            None => default_name(&self.kind, &self.name, &self.namespace),
        }
    }

    /// What a person calls it.
    pub(super) fn label(&self) -> String {
        match self.kind.as_str() {
            "Mesh" | "Namespace" => format!("{} {}", self.kind, self.name),
            kind => format!("{kind} {}/{}", self.namespace, self.name),
        }
    }
}

/// The name of an object that gives none.
pub(crate) fn default_name(kind: &str, name: &str, namespace: &str) -> String {
    match kind {
        "Mesh" => name.to_owned(),
        "VirtualService" => format!("{name}.{namespace}"),
        _ => format!("{name}_{namespace}"),
    }
}

pub(crate) fn labels(node: Option<&Node>) -> BTreeMap<String, String> {
    let fields = node.and_then(Node::as_object).into_iter().flatten();
    fields
        .filter_map(|field| Some((field.name.clone(), field.node.as_str()?.to_owned())))
        .collect()
}

impl Cluster {
    fn of_kind<'c>(&'c self, kind: &'static str) -> impl Iterator<Item = &'c Object> {
        self.objects.iter().filter(move |object| object.kind == kind)
    }

    /// The object that a ref names.
    pub(super) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        let global = kind == "Mesh";
        let named = |object: &&Object| object.kind == kind && object.name == name;
        let mut found = self.objects.iter().filter(named);
        found.find(|object| global || object.namespace == namespace)
    }

    /// The services of a namespace, or the one of that name.
    pub(super) fn services<'c>(&'c self, namespace: &'c str) -> impl Iterator<Item = &'c Object> {
        self.of_kind("VirtualService")
            .filter(move |object| object.namespace == namespace)
    }

    /// The labels of a namespace; none where it is not given.
    fn namespace(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let object = self.of_kind("Namespace").find(|object| object.name == name)?;
        let mut labels = object.labels.clone();
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
        Some(labels)
    }

    /// The mesh of an object.
    pub(super) fn mesh_of(&self, object: &Object, options: &Options) -> Member {
        match self.mesh_object(object) {
            Ok(mesh) => Member::Of(Node::new(Value::from(mesh.aws_name()))),
            Err(MeshLookup::Ref(name)) => Member::Of(name),
            Err(MeshLookup::Only(mesh)) => Member::Assumed(mesh.aws_name()),
            Err(MeshLookup::Nowhere(why)) => match &options.mesh {
                Some(mesh) => Member::Of(Node::new(Value::from(mesh.as_str()))),
                None => Member::Nowhere(why),
            },
        }
    }

    /// The account of a mesh that is another's.
    pub(super) fn mesh_owner(&self, object: &Object, _: &Options) -> Option<Node> {
        let mesh = match object.kind.as_str() {
            "Mesh" => object,
            _ => match self.mesh_object(object) {
                Ok(mesh) | Err(MeshLookup::Only(mesh)) => mesh,
                Err(_) => return None,
            },
        };
        mesh.field("meshOwner").cloned()
    }

    fn mesh_object(&self, object: &Object) -> Result<&Object, MeshLookup<'_>> {
        if let Some(name) = object
            .field("meshRef")
            .and_then(|reference| reference.get("name"))
        {
            let found = name.as_str().and_then(|name| self.find("Mesh", "", name));
            return found.ok_or_else(|| MeshLookup::Ref(name.clone()));
        }
        let meshes: Vec<&Object> = self.of_kind("Mesh").collect();
        let Some(labels) = self.namespace(&object.namespace) else {
            return Err(match meshes.as_slice() {
                [] => MeshLookup::Nowhere("no mesh is among the inputs".to_owned()),
                [only] => MeshLookup::Only(only),
                many => MeshLookup::Nowhere(format!(
                    "the namespace `{}` is not among the inputs, and there are {} meshes",
                    object.namespace,
                    many.len()
                )),
            });
        };
        // A mesh without a selector takes none, as with the controller.
        let matching = meshes.iter().filter(|mesh| {
            mesh.field("namespaceSelector")
                .is_some_and(|selector| matches(selector, &labels))
        });
        let matching: Vec<&Object> = matching.copied().collect();
        match (matching.as_slice(), meshes.as_slice()) {
            ([one], _) => Ok(one),
            ([], []) => Err(MeshLookup::Nowhere("no mesh is among the inputs".to_owned())),
            ([], _) => Err(MeshLookup::Nowhere(format!(
                "no mesh's `namespaceSelector` matches the labels of the namespace `{}`",
                object.namespace
            ))),
            (many, _) => Err(MeshLookup::Nowhere(format!(
                "the selectors of {} match",
                listed(many)
            ))),
        }
    }

    /// The gateway of a gateway route.
    pub(super) fn gateway_of(&self, route: &Object, options: &Options) -> Member {
        if let Some(reference) = route.field("virtualGatewayRef") {
            let text = |name| reference.get(name).and_then(Node::as_str);
            let namespace = text("namespace").unwrap_or(&route.namespace);
            let name = text("name").unwrap_or_default();
            let found = self.find("VirtualGateway", namespace, name);
            let name = found.map_or_else(
                || default_name("VirtualGateway", name, namespace),
                Object::aws_name,
            );
            return Member::Of(Node {
                value: Value::from(name),
                span: reference.span,
            });
        }
        if let Some(parent) = &options.parent {
            return Member::Of(Node::new(Value::from(parent.as_str())));
        }
        let takes = |gateway: &&Object| {
            let routes = gateway.field("gatewayRouteSelector");
            routes.is_none_or(|selector| matches(selector, &route.labels))
        };
        let gateways: Vec<&Object> = self.of_kind("VirtualGateway").filter(takes).collect();
        let Some(labels) = self.namespace(&route.namespace) else {
            return match gateways.as_slice() {
                [only] => Member::Assumed(only.aws_name()),
                [] => Member::Nowhere("none among the inputs takes it".to_owned()),
                many => Member::Nowhere(format!("it may be {}", listed(many))),
            };
        };
        let of_namespace = |gateway: &&&Object| {
            let selector = gateway.field("namespaceSelector");
            selector.is_some_and(|selector| matches(selector, &labels))
        };
        let matching: Vec<&Object> = gateways.iter().filter(of_namespace).copied().collect();
        match matching.as_slice() {
            [one] => Member::Of(Node::new(Value::from(one.aws_name()))),
            [] => Member::Nowhere(format!(
                "no gateway's selectors match its labels and those of the namespace `{}`",
                route.namespace
            )),
            many => Member::Nowhere(format!("the selectors of {} match", listed(many))),
        }
    }
}

/// Why the mesh of an object is not known for sure.
enum MeshLookup<'c> {
    /// A ref names one that is not among the inputs.
    Ref(Node),
    Only(&'c Object),
    Nowhere(String),
}

fn listed(objects: &[&Object]) -> String {
    let names: Vec<String> = objects
        .iter()
        .map(|object| format!("`{}`", object.label()))
        .collect();
    names.join(" and ")
}

/// Whether a label selector matches. An empty one matches everything.
pub(crate) fn matches(selector: &Node, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector
        .get("matchLabels")
        .and_then(Node::as_object)
        .into_iter()
        .flatten();
    for field in wanted {
        if labels.get(&field.name).map(String::as_str) != field.node.as_str() {
            return false;
        }
    }
    let expressions = selector.get("matchExpressions").and_then(Node::as_list);
    expressions.unwrap_or_default().iter().all(|one| {
        let text = |name| one.get(name).and_then(Node::as_str);
        let value = labels.get(text("key").unwrap_or_default()).map(String::as_str);
        let values = one.get("values").and_then(Node::as_list).unwrap_or_default();
        let listed = value.is_some_and(|value| values.iter().any(|one| one.as_str() == Some(value)));
        match text("operator") {
            Some("In") => listed,
            Some("NotIn") => !listed,
            Some("Exists") => value.is_some(),
            Some("DoesNotExist") => value.is_none(),
            _ => false,
        }
    })
}

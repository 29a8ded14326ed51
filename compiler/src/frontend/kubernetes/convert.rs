//! From the spec of an object to the spec of the resource: refs become names. Names of fields are the dialect's.

use super::at;
use super::cluster::{Cluster, Object, default_name};
use crate::frontend::codes;
use crate::frontend::text::shorten;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, ObjectShape, SchemaNode};
use meshform_model::value::{Field, Node, Object as Fields, Value};
use std::collections::BTreeSet;

/// Fields of a spec that say where the object belongs, not what the resource is.
const MEMBERSHIP: &[&str] = &[
    "awsName",
    "backendGroups",
    "gatewayRouteSelector",
    "meshOwner",
    "meshRef",
    "namespaceSelector",
    "podSelector",
    "virtualGatewayRef",
];

pub(super) struct Converter<'c> {
    pub(super) cluster: &'c Cluster,
    /// The namespace of the object, in which refs are looked up.
    pub(super) namespace: &'c str,
    pub(super) problems: &'c mut Vec<Diagnostic>,
}

impl Converter<'_> {
    pub(super) fn spec(&mut self, object: &Object, kind: Kind) -> Node {
        let Some(spec) = object.spec().filter(|spec| !spec.is_null()) else {
            return Node {
                value: Value::Object(Fields::new()),
                span: object.node.span,
            };
        };
        let Some(own) = spec.as_object() else {
            return spec.clone();
        };
        let mut fields = Fields::new();
        let mut inside = Vec::new();
        for field in own {
            // The routes of a router stand in its spec.
            if let Some(child) = kind
                .children()
                .find(|child| kind != Kind::Mesh && child.plural() == field.name)
            {
                inside.push((field, child));
                continue;
            }
            if MEMBERSHIP.contains(&field.name.as_str()) {
                continue;
            }
            fields.push(field.clone());
        }
        let mut out = self.object(&fields, FieldContext::Other, spec_of(kind));
        for (field, child) in inside {
            let list = match &field.node.value {
                Value::List(list) => list,
                _ => {
                    out.push(field.clone());
                    continue;
                }
            };
            let all = list
                .iter()
                .map(|route| self.node(route, FieldContext::Other, spec_of(child)));
            let node = Node {
                value: Value::List(all.collect()),
                span: field.node.span,
            };
            out.push(Field {
                node,
                ..field.clone()
            });
        }
        if let Some(groups) = spec.get("backendGroups").and_then(Node::as_list) {
            self.groups(groups, &mut out);
        }
        Node {
            value: Value::Object(out),
            span: spec.span,
        }
    }

    fn node(&mut self, node: &Node, around: FieldContext, shape: Option<&'static SchemaNode>) -> Node {
        let value = match &node.value {
            Value::List(list) => {
                let items = shape.and_then(SchemaNode::list).map(|list| list.items);
                Value::List(list.iter().map(|item| self.node(item, around, items)).collect())
            }
            Value::Object(object) => Value::Object(self.object(object, around, shape)),
            other => other.clone(),
        };
        Node {
            value,
            span: node.span,
        }
    }

    fn object(
        &mut self,
        object: &Fields,
        around: FieldContext,
        shape: Option<&'static SchemaNode>,
    ) -> Fields {
        let shape = shape.and_then(SchemaNode::object);
        let mut out = Fields::new();
        for field in object {
            // The controller's types have no null: it is a field that is not set.
            if field.node.is_null() {
                continue;
            }
            if around != FieldContext::Other && field.name == "port" && is_zero(&field.node) {
                continue;
            }
            if let Some((name, value)) = self.reference(field, shape) {
                out.push(Field {
                    name,
                    name_span: field.name_span,
                    node: Node {
                        value: Value::from(value),
                        span: field.node.span,
                    },
                });
                continue;
            }
            let known = shape.and_then(|shape| shape.field_in(Dialect::Kubernetes, &field.name));
            let below = match field.name.as_str() {
                "weightedTargets" | "match" | "target" => FieldContext::Match,
                _ => FieldContext::Other,
            };
            out.push(Field {
                name: field.name.clone(),
                name_span: field.name_span,
                node: self.node(&field.node, below, known.map(|known| known.node)),
            });
        }
        out
    }

    /// A ref or an ARN as the name that App Mesh takes.
    fn reference(&mut self, field: &Field, shape: Option<&'static ObjectShape>) -> Option<(String, String)> {
        let said = field
            .name
            .strip_suffix("Ref")
            .or_else(|| field.name.strip_suffix("ARN"))?;
        let target = Kind::from_name(said)?;
        let named = shape?
            .fields
            .iter()
            .find(|known| known.refers_to == Some(target))?;
        let kind = schema::kind(target).type_in(Dialect::Kubernetes);
        let value = match field.name.ends_with("ARN") {
            true => self.of_arn(target.name(), &field.node),
            false => {
                let text = |name| field.node.get(name).and_then(Node::as_str);
                let name = text("name").unwrap_or_default();
                if name.is_empty() {
                    let message = format!("`{}` names no {kind}", shorten(&field.name));
                    let problem = Diagnostic::error(codes::BAD_REFERENCE, message)
                        .help("write its `name`, and its `namespace` where that is another");
                    self.problems.push(at(problem, field.node.span));
                }
                let namespace = text("namespace")
                    .filter(|name| !name.is_empty())
                    .unwrap_or(self.namespace);
                self.name(kind, namespace, name)
            }
        };
        Some((named.name.clone(), value))
    }

    fn name(&self, kind: &str, namespace: &str, name: &str) -> String {
        match self.cluster.find(kind, namespace, name) {
            Some(object) => object.aws_name(),
            None => default_name(kind, name, namespace),
        }
    }

    /// The name at the end of an ARN of the kind; of another ARN, which is reported, what stands there.
    fn of_arn(&mut self, kind: &str, node: &Node) -> String {
        let text = node.as_str().unwrap_or_default();
        if let Some(key) = ResourceKey::from_arn(text).filter(|key| key.kind.name() == kind) {
            return key.name;
        }
        let message = format!("`{}` is not the ARN of a {kind}", shorten(text));
        let problem = Diagnostic::error(codes::BAD_REFERENCE, message)
            .help(format!("such an ARN ends in `:mesh/MESH/{kind}/NAME`"));
        self.problems.push(at(problem, node.span));
        text.rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// Backend groups as the backends that they stand for.
    fn groups(&mut self, groups: &[Node], spec: &mut Fields) {
        let mut backends: Vec<Node> = spec
            .get("backends")
            .and_then(Node::as_list)
            .unwrap_or_default()
            .to_vec();
        let named = |node: &Node| {
            let name = node.get("virtualService")?.get("virtualServiceName")?.as_str()?;
            Some(name.to_owned())
        };
        let mut there: BTreeSet<String> = backends.iter().filter_map(named).collect();
        for group in groups {
            for name in self.services_of(group) {
                if there.insert(name.clone()) {
                    backends.push(backend(&name, group));
                }
            }
        }
        if !backends.is_empty() {
            spec.set("backends", Node::new(Value::List(backends)));
        }
    }

    /// The names of the services in a backend group.
    fn services_of(&mut self, group: &Node) -> Vec<String> {
        let text = |node: &Node, name| node.get(name).and_then(Node::as_str).map(str::to_owned);
        let name = text(group, "name").unwrap_or_default();
        let namespace = text(group, "namespace").unwrap_or_else(|| self.namespace.to_owned());
        if name == "*" {
            return self.cluster.services(&namespace).map(Object::aws_name).collect();
        }
        let Some(object) = self.cluster.find("BackendGroup", &namespace, &name) else {
            let message = format!(
                "the backend group `{}/{}` is not among the inputs",
                shorten(&namespace),
                shorten(&name)
            );
            let problem = Diagnostic::error(codes::BAD_REFERENCE, message).help("give its manifest");
            self.problems.push(at(problem, group.span));
            return Vec::new();
        };
        let services = object
            .spec()
            .and_then(|spec| spec.get("virtualservices"))
            .and_then(Node::as_list);
        let services = services.unwrap_or_default().iter();
        services
            .map(|service| {
                let namespace = text(service, "namespace").unwrap_or_else(|| object.namespace.clone());
                self.name(
                    "VirtualService",
                    &namespace,
                    &text(service, "name").unwrap_or_default(),
                )
            })
            .collect()
    }
}

fn spec_of(kind: Kind) -> Option<&'static SchemaNode> {
    let root = schema::kind(kind).root.object()?;
    root.field("spec").map(|spec| spec.node)
}

/// Where a field stands, as far as its meaning depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldContext {
    /// In a match, a weighted target, or the target of a gateway route: the controller writes the port 0 for none.
    Match,
    Other,
}

fn is_zero(node: &Node) -> bool {
    matches!(&node.value, Value::Number(number) if number.as_i64() == Some(0))
}

fn backend(name: &str, group: &Node) -> Node {
    let mut service = Fields::new();
    service.set("virtualServiceName", Node::new(Value::from(name)));
    let mut backend = Fields::new();
    backend.set("virtualService", Node::new(Value::Object(service)));
    Node {
        value: Value::Object(backend),
        span: group.span,
    }
}

//! The custom resources of the App Mesh controller (`appmesh.k8s.aws/v1beta2`) as resources of a mesh.
//!
//! Objects are read together, as in a cluster: an object belongs to the mesh whose selector matches its namespace, and
//! refs name other objects. What the manifests do not hold (other workloads, services) is passed over.

mod cluster;
mod convert;
mod kept;
mod placeholders;

use super::found::ResourceDraft;
use super::text::{place, shorten};
use super::{FoundResource, Options, codes};
use cluster::{Cluster, Member};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::validate::codes::WRONG_TYPE;
use meshform_model::value::{Node, Object as Fields, Span, Value};
use serde_json::Value as Json;
use std::collections::BTreeSet;

pub(super) use cluster::recognise;
#[cfg(feature = "ecs")]
pub(crate) use cluster::{default_name, labels, matches};
pub use kept::{ManifestContext, ManifestObject};
pub(super) use placeholders::{fill, helm};

/// The group of the custom resources.
const GROUP: &str = "appmesh.k8s.aws/";
/// The version that is read.
const VERSION: &str = "appmesh.k8s.aws/v1beta2";

/// Every manifest of the inputs.
#[derive(Default)]
pub(super) struct Manifests {
    cluster: Cluster,
    /// The names of the placeholders that manifests hold: a value that was given for another is reported.
    pub(super) placeholders: BTreeSet<String>,
    workloads: Vec<Json>,
}

/// Which objects came from a document.
pub(super) struct Range {
    first: usize,
    last: usize,
    /// Whether the document has anything of a mesh.
    pub(super) of_mesh: bool,
}

impl Manifests {
    /// Takes the objects of a document: one, or those of a list.
    pub(super) fn add(&mut self, document: Node, options: &Options, problems: &mut Vec<Diagnostic>) -> Range {
        let first = self.cluster.objects.len();
        let mut of_mesh = false;
        let is_list = document
            .get("kind")
            .and_then(Node::as_str)
            .is_some_and(|kind| kind.ends_with("List"));
        let items = match (is_list, document.get("items").and_then(Node::as_list)) {
            (true, Some(items)) => items.to_vec(),
            _ => vec![document],
        };
        for item in items {
            let version = item
                .get("apiVersion")
                .and_then(Node::as_str)
                .unwrap_or_default()
                .to_owned();
            let kind = item
                .get("kind")
                .and_then(Node::as_str)
                .unwrap_or_default()
                .to_owned();
            if !version.starts_with(GROUP) {
                if kind == "Namespace" {
                    of_mesh = true;
                    let item = placeholders::fill(item, options, &mut self.placeholders, problems);
                    self.cluster.objects.push(cluster::Object::read(&kind, item));
                } else {
                    placeholders::note(&item, &mut self.placeholders);
                    let made = workload(&kind, &item);
                    of_mesh |= made.is_some();
                    self.workloads.extend(made);
                }
                continue;
            }
            of_mesh = true;
            if version != VERSION {
                placeholders::note(&item, &mut self.placeholders);
                problems.push(other_version(&version, &item));
                continue;
            }
            let item = placeholders::fill(item, options, &mut self.placeholders, problems);
            self.cluster.objects.push(cluster::Object::read(&kind, item));
        }
        Range {
            first,
            last: self.cluster.objects.len(),
            of_mesh,
        }
    }

    /// What the objects say beside the mesh, by the resources that they became.
    pub(super) fn kept(&self, found: &[FoundResource]) -> ManifestContext {
        ManifestContext {
            workloads: self.workloads.clone(),
            ..ManifestContext::of(&self.cluster, found)
        }
    }

    /// The resources of a document's objects.
    pub(super) fn read(
        &self,
        range: &Range,
        options: &Options,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<ResourceDraft> {
        let objects = self
            .cluster
            .objects
            .get(range.first..range.last)
            .unwrap_or_default();
        let mut drafts = Vec::new();
        for object in objects {
            let mut reader = Reader {
                cluster: &self.cluster,
                options,
                problems: &mut *problems,
            };
            reader.object(object, &mut drafts);
        }
        drafts
    }
}

/// The kinds that make pods.
const WORKLOADS: [&str; 7] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "Pod",
    "ReplicaSet",
    "StatefulSet",
];

/// A manifest that makes pods, as it is.
fn workload(kind: &str, item: &Node) -> Option<Json> {
    WORKLOADS.contains(&kind).then(|| item.to_json()).flatten()
}

fn other_version(version: &str, item: &Node) -> Diagnostic {
    let message = format!(
        "unsupported API version `{}`: only `{VERSION}` is read",
        shorten(version)
    );
    let problem = Diagnostic::error(codes::KUBERNETES_VERSION, message).help(
        "convert the manifests to v1beta2 as the controller's migration guide describes, or give the output of \
         `kubectl get -o yaml`; v1beta1 is the form of controllers before 1.0",
    );
    at(problem, item.get("apiVersion").and_then(|node| node.span))
}

fn at(problem: Diagnostic, span: Option<Span>) -> Diagnostic {
    match span {
        Some(span) => problem.at(place(span)),
        None => problem,
    }
}

struct Reader<'r> {
    cluster: &'r Cluster,
    options: &'r Options,
    problems: &'r mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn object(&mut self, object: &cluster::Object, drafts: &mut Vec<ResourceDraft>) {
        let Some(kind) = object.mesh_kind() else {
            if object.kind != "Namespace" && object.kind != "BackendGroup" {
                let message = format!("the group `{VERSION}` has no kind `{}`", shorten(&object.kind));
                let problem = Diagnostic::error(codes::UNKNOWN_TYPE, message).help(
                    "it has Mesh, VirtualService, VirtualNode, VirtualRouter, VirtualGateway, GatewayRoute and BackendGroup",
                );
                self.problems
                    .push(at(problem, object.node.get("kind").and_then(|node| node.span)));
            }
            return;
        };
        if object.name.is_empty() {
            self.problems.push(unnamed(object));
            return;
        }
        let owner = self.cluster.mesh_owner(object, self.options);
        if kind == Kind::Mesh && owner.is_some() {
            // Another account's mesh, which the controller only looks at.
            return;
        }
        let mut body = Fields::new();
        let mesh = match kind {
            Kind::Mesh => Some(Node {
                value: Value::from(object.aws_name()),
                span: object.name_span,
            }),
            _ => self.member(self.cluster.mesh_of(object, self.options), object, "mesh"),
        };
        if let Some(mesh) = mesh {
            body.set("meshName", mesh);
        }
        if let Some(owner) = owner {
            body.set("meshOwner", owner);
        }
        if kind == Kind::GatewayRoute
            && let Some(gateway) = self.member(
                self.cluster.gateway_of(object, self.options),
                object,
                "virtual gateway",
            )
        {
            body.set("virtualGatewayName", gateway);
        }
        if kind != Kind::Mesh {
            let name = Node {
                value: Value::from(object.aws_name()),
                span: object.name_span,
            };
            body.set(kind.name_field(Dialect::Api), name);
        }
        let mut converter = convert::Converter {
            cluster: self.cluster,
            namespace: &object.namespace,
            problems: &mut *self.problems,
        };
        let mut spec = converter.spec(object, kind);
        let routes = match &mut spec.value {
            Value::Object(fields) if kind == Kind::VirtualRouter => fields.remove("routes"),
            _ => None,
        };
        let router = body.clone();
        body.set("spec", spec);
        let status = object.node.get("status");
        let arn = status.and_then(|status| status.get(&format!("{}ARN", kind.name())));
        if let Some(metadata) = identity(object, arn) {
            body.set("metadata", metadata);
        }
        drafts.push(draft(kind, body, &object.label(), object.node.span));
        if let Some(routes) = routes.as_ref().filter(|routes| routes.as_list().is_none()) {
            let message = format!("expected a list of routes, found {}", routes.value.noun());
            let problem = Diagnostic::error(WRONG_TYPE, message);
            self.problems.push(at(problem, routes.span.or(object.name_span)));
        }
        for route in routes.iter().filter_map(Node::as_list).flatten() {
            drafts.push(self.route(&router, route, object));
        }
    }

    fn route(&self, router: &Fields, route: &Node, object: &cluster::Object) -> ResourceDraft {
        let mut body = router.clone();
        let mut spec = route.clone();
        let name = match &mut spec.value {
            Value::Object(fields) => fields.remove("name"),
            _ => None,
        };
        let shown = name
            .as_ref()
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned();
        if let Some(name) = name {
            body.set("routeName", name);
        }
        let arns = object
            .node
            .get("status")
            .and_then(|status| status.get("routeARNs"));
        if let Some(metadata) = identity(object, arns.and_then(|arns| arns.get(&shown))) {
            body.set("metadata", metadata);
        }
        let span = spec.span;
        body.set("spec", spec);
        draft(
            Kind::Route,
            body,
            &format!("{}, route {}", object.label(), shorten(&shown)),
            span,
        )
    }

    /// The name of what an object belongs to, or why it belongs nowhere.
    fn member(&mut self, member: Member, object: &cluster::Object, what: &str) -> Option<Node> {
        match member {
            Member::Of(name) => Some(name),
            Member::Assumed(name) => {
                let message = format!(
                    "the namespace `{}` is not among the inputs; the only {what}, `{}`, is taken for its objects",
                    shorten(&object.namespace),
                    shorten(&name)
                );
                if self.problems.iter().any(|told| told.message == message) {
                    return Some(Node::new(Value::from(name)));
                }
                let problem = Diagnostic::warning(codes::MEMBERSHIP, message)
                    .help("give the namespace's manifest with its labels, which the selectors look at");
                self.problems.push(at(problem, object.name_span));
                Some(Node::new(Value::from(name)))
            }
            Member::Nowhere(why) => {
                let message = format!("`{}` belongs to no {what}: {why}", shorten(&object.label()));
                let option = if what == "mesh" { "--mesh" } else { "--parent" };
                let problem = Diagnostic::error(codes::MEMBERSHIP, message).help(format!(
                    "give the manifests of the {what} and of the namespace with its labels, or `{option} NAME`"
                ));
                self.problems.push(at(problem, object.name_span));
                None
            }
        }
    }
}

/// Who the resource was in App Mesh, as the controller wrote it into the object's status. An ARN comes with the day on
/// which the object was made; the uid there is the cluster's own.
fn identity(object: &cluster::Object, arn: Option<&Node>) -> Option<Node> {
    let arn = arn.filter(|arn| arn.as_str().is_some_and(|text| !text.is_empty()))?;
    let made = object.node.get("metadata")?.get("creationTimestamp")?;
    let mut metadata = Fields::new();
    metadata.set("arn", arn.clone());
    metadata.set("createdAt", made.clone());
    metadata.set("lastUpdatedAt", made.clone());
    Some(Node {
        value: Value::Object(metadata),
        span: arn.span,
    })
}

/// An object without a name of its own.
fn unnamed(object: &cluster::Object) -> Diagnostic {
    let name = object.node.get("metadata").and_then(|all| all.get("name"));
    let kind = shorten(&object.kind);
    let (message, help) = match name.filter(|name| !name.is_null() && name.as_str().is_none()) {
        Some(name) => (
            format!("the name of a `{kind}` is {}", name.value.noun()),
            "write it in quotes: Kubernetes expects a string there",
        ),
        None => (
            format!("a `{kind}` without `metadata.name`"),
            "every object of Kubernetes has one",
        ),
    };
    at(
        Diagnostic::error(codes::NO_NAME, message).help(help),
        object.name_span,
    )
}

fn draft(kind: Kind, body: Fields, label: &str, span: Option<Span>) -> ResourceDraft {
    ResourceDraft {
        kind,
        dialect: Dialect::Kubernetes,
        body: Node {
            value: Value::Object(body),
            span,
        },
        extensions: None,
        foreign: false,
        label: label.to_owned(),
        span,
        origin: None,
    }
}

#[cfg(test)]
mod tests;

//! What manifests say beside the mesh: namespaces, labels, selectors. A mesh has no place for it; who writes manifests
//! again needs it.

use super::cluster::{Cluster, Object, default_name};
use crate::frontend::FoundResource;
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The selectors of an object.
const SELECTORS: [&str; 3] = ["gatewayRouteSelector", "namespaceSelector", "podSelector"];

/// What manifests say that a mesh has no place for, so that manifests can be written again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManifestContext {
    /// By the resource that the object became.
    pub objects: BTreeMap<ResourceKey, ManifestObject>,
    /// The labels of each namespace.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// The manifests that make pods, as they are.
    pub workloads: Vec<Json>,
    /// The ARNs by which objects name resources that no manifest has, such as those of another account.
    pub arns: BTreeMap<ResourceKey, String>,
    /// The objects that refs name and no manifest has, by kind and the name that the controller gives them: name and
    /// namespace.
    pub refs: BTreeMap<(Kind, String), (String, String)>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManifestObject {
    pub name: String,
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
    /// Its selectors by the field's name, such as `podSelector`.
    pub selectors: Map<String, Json>,
}

impl ManifestContext {
    pub(super) fn of(cluster: &Cluster, found: &[FoundResource]) -> Self {
        let mut kept = Self::default();
        let keys: BTreeMap<&str, &ResourceKey> = found
            .iter()
            .filter_map(|one| Some((one.label.as_str(), one.key.as_ref()?)))
            .collect();
        for object in &cluster.objects {
            kept.note_references(object);
            if object.kind == "Namespace" {
                kept.namespaces.insert(object.name.clone(), object.labels.clone());
                continue;
            }
            // Routes have labels of their own, so the object's own resource is the one of its label.
            // Another account's mesh is no resource of its own.
            let key = match object.kind.as_str() {
                "Mesh" => Some(ResourceKey::mesh(object.aws_name())),
                _ => keys.get(object.label().as_str()).map(|key| (*key).clone()),
            };
            kept.objects
                .extend(key.map(|key| (key, ManifestObject::of(object))));
        }
        kept
    }

    fn note_references(&mut self, object: &Object) {
        let mut pending: Vec<&Node> = object.spec().into_iter().collect();
        while let Some(node) = pending.pop() {
            match &node.value {
                Value::List(items) => pending.extend(items),
                Value::Object(fields) => {
                    for field in fields {
                        pending.push(&field.node);
                        self.note_reference(&field.name, &field.node, &object.namespace);
                    }
                }
                _ => {}
            }
        }
    }

    fn note_reference(&mut self, field: &str, node: &Node, own: &str) {
        if field.ends_with("ARN") {
            let key = node.as_str().and_then(ResourceKey::from_arn);
            self.arns.extend(key.zip(node.as_str().map(str::to_owned)));
            return;
        }
        let kind = field.strip_suffix("Ref").and_then(Kind::from_name);
        let text = |name| {
            node.get(name)
                .and_then(Node::as_str)
                .filter(|text| !text.is_empty())
        };
        if let (Some(kind), Some(name)) = (kind, text("name")) {
            let namespace = text("namespace").unwrap_or(own);
            let plain = schema::kind(kind).type_in(Dialect::CloudFormation);
            let plain = plain.rsplit("::").next().unwrap_or(plain);
            let named = default_name(plain, name, namespace);
            self.refs
                .insert((kind, named), (name.to_owned(), namespace.to_owned()));
        }
    }
}

impl ManifestObject {
    fn of(object: &Object) -> Self {
        let selectors = SELECTORS.into_iter().filter_map(|name| {
            let selector = object.spec()?.get(name).filter(|node| !node.is_null())?;
            Some((name.to_owned(), selector.to_json()?))
        });
        Self {
            name: object.name.clone(),
            namespace: object.namespace.clone(),
            labels: object.labels.clone(),
            selectors: selectors.collect(),
        }
    }
}

//! A mesh as the custom resources of the App Mesh controller (`appmesh.k8s.aws/v1beta2`).
//!
//! What the manifests of the input said beside the mesh (namespaces, labels, selectors) is kept; for what came from
//! another form it is made up from names: the mesh takes the namespaces that are labelled with its name, and the pods of
//! a virtual node are those labelled `app` with the name of its object.

pub mod codes;
mod names;
mod spec;
pub mod workload;
pub mod yaml;

use crate::frontend::kubernetes::ManifestContext;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use names::Names;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The version that the controller serves.
const VERSION: &str = "appmesh.k8s.aws/v1beta2";
/// The label that says of a namespace which mesh its objects are in.
const MESH_LABEL: &str = "mesh";
/// The label that says of a gateway route which gateway it belongs to.
const GATEWAY_LABEL: &str = "gateway";

/// Manifests, and what of the mesh they cannot say.
#[derive(Debug, Clone, Default)]
pub struct Manifests {
    /// The documents, namespaces and meshes first.
    pub documents: Vec<Json>,
    /// What is lost (errors), and what somebody has to look at (warnings).
    pub problems: Vec<Diagnostic>,
}

impl Manifests {
    /// The text of all documents.
    pub fn text(&self) -> String {
        let documents: Vec<String> = self.documents.iter().map(yaml::document).collect();
        documents.join("---\n")
    }
}

/// The manifests of all these resources. Objects that came from no manifest lie in `namespace`.
pub fn build(resources: &[Resource], kept: &ManifestContext, namespace: &str) -> Manifests {
    let names = Names::assign(resources, kept, namespace);
    let mut out = Manifests::default();
    let mut routes: BTreeMap<ResourceKey, Vec<Json>> = BTreeMap::new();
    let mut objects = Vec::new();
    for resource in resources {
        let mut writer = spec::Writer::new(&names, resource, &mut out.problems);
        match resource.key.kind {
            Kind::Route => {
                let route = writer.route();
                if let Some(router) = resource.key.container() {
                    routes.entry(router).or_default().push(route);
                }
            }
            Kind::ProxyProfile => out.problems.push(codes::not_said(
                &resource.key,
                "a proxy profile has no custom resource; the command that starts proxies reads it from its own file",
            )),
            _ => objects.push((resource, writer.spec())),
        }
    }
    out.documents = namespaces(resources, kept, &names);
    let owners = owners(resources);
    for (mesh, owner) in &owners {
        let key = ResourceKey::mesh(*mesh);
        if !names.has(&key) {
            out.documents.push(shared(&key, owner, kept, &names));
        }
    }
    let meshes: BTreeSet<&str> = resources
        .iter()
        .map(|resource| resource.key.mesh.as_str())
        .collect();
    for mesh in meshes {
        let key = ResourceKey::mesh(mesh);
        if !names.has(&key) && !owners.contains_key(mesh) {
            out.problems.push(codes::not_said(
                &key,
                "the mesh itself is not among the inputs; a cluster takes these manifests only beside a `Mesh` object that \
                 selects their namespaces",
            ));
        }
    }
    objects.sort_by_key(|(resource, _)| (resource.key.kind.write_order(), &resource.key));
    for (resource, mut spec) in objects {
        if let Some(routes) = routes.remove(&resource.key) {
            spec.insert("routes".to_owned(), Json::Array(routes));
        }
        if let (Kind::Mesh, Some(owner)) = (resource.key.kind, owners.get(resource.key.mesh.as_str())) {
            out.problems.push(codes::not_said(
                &resource.key,
                &format!(
                    "resources here say that the account {owner} owns it, so its object only refers to it"
                ),
            ));
            out.documents.push(shared(&resource.key, owner, kept, &names));
            continue;
        }
        out.documents.push(object(resource, spec, kept, &names));
    }
    for router in routes.keys() {
        out.problems.push(codes::lost(
            router,
            "it is not among the inputs, but its routes are: routes are part of their router's object",
        ));
    }
    out
}

/// The accounts that own the meshes of others' resources.
fn owners(resources: &[Resource]) -> BTreeMap<&str, &str> {
    let owned = resources.iter().filter_map(|resource| {
        let owner = resource.mesh_owner.as_deref()?;
        Some((resource.key.mesh.as_str(), owner))
    });
    owned.collect()
}

/// The object of a mesh that another account owns: the controller only looks at it.
fn shared(key: &ResourceKey, owner: &str, kept: &ManifestContext, names: &Names<'_>) -> Json {
    let own = kept.objects.get(key).map(|object| object.selectors.clone());
    let mut spec = own.unwrap_or_else(|| made_up(key, names).1);
    spec.insert("awsName".to_owned(), key.name.as_str().into());
    spec.insert("meshOwner".to_owned(), owner.into());
    json!({
        "apiVersion": VERSION,
        "kind": "Mesh",
        "metadata": {"name": names.of(key).name},
        "spec": spec,
    })
}

/// One object around its spec.
fn object(
    resource: &Resource,
    mut spec: Map<String, Json>,
    kept: &ManifestContext,
    names: &Names<'_>,
) -> Json {
    let key = &resource.key;
    let name = names.of(key);
    if names.needs_aws_name(key) {
        spec.insert("awsName".to_owned(), key.name.as_str().into());
    }
    let mut metadata = Map::new();
    let mut says = |field: &str, value: Json| drop(metadata.insert(field.to_owned(), value));
    says("name", name.name.as_str().into());
    if key.kind != Kind::Mesh {
        says("namespace", name.namespace.as_str().into());
    }
    match kept.objects.get(key) {
        Some(object) => {
            if !object.labels.is_empty() {
                says("labels", json!(object.labels));
            }
            spec.extend(object.selectors.clone());
        }
        None => {
            let (labels, selectors) = made_up(key, names);
            if let Some(labels) = labels {
                says("labels", labels);
            }
            spec.extend(selectors);
        }
    }
    json!({"apiVersion": VERSION, "kind": names::kind(key.kind), "metadata": metadata, "spec": spec})
}

/// Where the pods of a virtual node or virtual gateway run: their namespace, and the selector of their labels.
pub fn pods(
    key: &ResourceKey,
    resources: &[Resource],
    kept: &ManifestContext,
    namespace: &str,
) -> (String, Json) {
    match kept.objects.get(key) {
        // Without a selector the controller injects into no pod.
        Some(object) => (
            object.namespace.clone(),
            object.selectors.get("podSelector").cloned().unwrap_or_default(),
        ),
        None => {
            let names = Names::assign(resources, kept, namespace);
            let (_, selectors) = made_up(key, &names);
            (
                namespace.to_owned(),
                selectors.get("podSelector").cloned().unwrap_or_default(),
            )
        }
    }
}

/// The labels and selectors of an object that came from another form.
fn made_up(key: &ResourceKey, names: &Names<'_>) -> (Option<Json>, Map<String, Json>) {
    let mut selectors = Map::new();
    let mut select = |field: &str, labels: Json| {
        selectors.insert(field.to_owned(), json!({"matchLabels": labels}));
    };
    let name = &names.of(key).name;
    let mut labels = None;
    match key.kind {
        Kind::Mesh => select("namespaceSelector", json!({MESH_LABEL: name})),
        Kind::VirtualNode => select("podSelector", json!({"app": name})),
        Kind::VirtualGateway => {
            select("podSelector", json!({"app": name}));
            select("namespaceSelector", json!({MESH_LABEL: names.mesh(&key.mesh)}));
            select("gatewayRouteSelector", json!({GATEWAY_LABEL: name}));
        }
        Kind::GatewayRoute => {
            let gateway = key.container().map(|gateway| names.of(&gateway).name.clone());
            labels = gateway.map(|gateway| json!({GATEWAY_LABEL: gateway}));
        }
        _ => {}
    }
    (labels, selectors)
}

/// The namespaces: those of the input, and those that objects were put into.
fn namespaces(resources: &[Resource], kept: &ManifestContext, names: &Names<'_>) -> Vec<Json> {
    let mut all = kept.namespaces.clone();
    // A mesh lies in no namespace, and a route in the object of its router.
    let elsewhere = [Kind::Mesh, Kind::Route, Kind::ProxyProfile];
    let made = resources.iter().filter(|resource| {
        !elsewhere.contains(&resource.key.kind) && !kept.objects.contains_key(&resource.key)
    });
    for resource in made {
        let labels = all.entry(names.of(&resource.key).namespace.clone()).or_default();
        let mesh = names.mesh(&resource.key.mesh);
        labels.entry(MESH_LABEL.to_owned()).or_insert(mesh);
    }
    let document = |(name, labels): (&String, &BTreeMap<String, String>)| {
        let metadata = match labels.is_empty() {
            true => json!({"name": name}),
            false => json!({"name": name, "labels": labels}),
        };
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    };
    all.iter().map(document).collect()
}

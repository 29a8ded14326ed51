//! What the tests stand on: a mesh in a store, a builder whose files tell which belong together, a reader.

mod bucket;
mod crash;
mod discovery;
mod fleet;
mod publish;
mod release;
mod rounds;
mod scheduler;

use crate::{
    Builder, Built, HoldPolicy, ProxyBundle, Publisher, ROOT, ReleaseOutcome, ReleaseVerdict, Releaser,
    TargetState, Warnings,
};
use meshform_bundle::layout::types;
use meshform_bundle::{Body, Bundle, ProxyId, Resource};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_store::testing::author;
use meshform_store::{Digest, Expected, RecordDraft, SqliteOptions, SqliteStore, Store};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Resources per node, each with the token of the set that it belongs to. The token follows from the node's tags, the
/// mesh's tags, and the names of all nodes: so some changes touch one proxy, others all of them.
#[derive(Debug)]
struct Tokens;

impl Builder for Tokens {
    fn build(&self, mesh: &Mesh) -> Result<Built, Vec<Diagnostic>> {
        let everywhere = mesh.resource().map(|mesh| mesh.tags.clone()).unwrap_or_default();
        let proxies = mesh.virtual_nodes().map(|node| {
            let token = Digest::of(format!("{everywhere:?}{:?}", node.tags).as_bytes()).to_string();
            let path = format!("{}/virtualNode/{}", mesh.name(), node.key.name);
            let parts = [
                ("lds.json", types::LISTENER, "name"),
                ("cds.json", types::CLUSTER, "name"),
                ("rds/a.json", types::ROUTES, "name"),
                ("rds/b.json", types::ROUTES, "name"),
                ("eds/c.json", types::ENDPOINTS, "cluster_name"),
            ];
            let names = parts.map(|(file, ..)| file);
            let resources = parts.map(|(file, type_url, called)| {
                let watched = format!("{ROOT}/{path}/current/{file}");
                let body = json!({called: file, "token": token, "files": names, "path": watched});
                Resource::new(type_url, file, file, Body::parse(&body.to_string()).unwrap())
            });
            let start = json!({"directory": format!("{ROOT}/{path}"), "start": node.tags.get("start")});
            let bundle = Bundle {
                proxy: ProxyId::of(&node.key).unwrap(),
                bootstrap: Body::parse(&start.to_string()).unwrap(),
                resources: resources.to_vec(),
                origins: BTreeMap::new(),
            };
            ProxyBundle {
                key: node.key.clone(),
                path,
                digest: token,
                bundle,
            }
        });
        Ok(Built {
            proxies: proxies.collect(),
            warnings: Vec::new(),
        })
    }
}

fn store(directory: &Path) -> Arc<dyn Store> {
    let mut options = SqliteOptions::new(directory.join(".meshform"));
    options.patience = Duration::from_secs(30);
    Arc::new(SqliteStore::open(options).unwrap())
}

fn publisher(directory: &Path) -> Publisher {
    Publisher::new(directory.join("published")).settle(Duration::ZERO)
}

fn releaser(directory: &Path, store: &Arc<dyn Store>) -> Releaser {
    Releaser::new(store.clone(), Arc::new(Tokens), author("test")).publish_to(publisher(directory))
}

fn mesh_key() -> ResourceKey {
    ResourceKey::mesh("apps")
}

fn node_key(name: &str) -> ResourceKey {
    ResourceKey::in_mesh("apps", Kind::VirtualNode, name)
}

async fn write(store: &dyn Store, key: &ResourceKey, body: Value) {
    let expected = match store.get(key).await.unwrap() {
        Some(found) => Expected::At(found.revision),
        None => Expected::Absent,
    };
    store
        .put(RecordDraft::new(key.clone(), body), expected, &author("test"))
        .await
        .unwrap();
}

async fn delete(store: &dyn Store, key: &ResourceKey) {
    let found = store.get(key).await.unwrap().unwrap();
    store.delete(key, found.revision, &author("test")).await.unwrap();
}

/// A node whose files follow from `tag`.
async fn write_node(store: &dyn Store, name: &str, tag: &str) {
    let spec = json!({
        "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
        "serviceDiscovery": {"dns": {"hostname": format!("{name}.apps.local")}},
    });
    write(
        store,
        &node_key(name),
        json!({"spec": spec, "tags": {"tag": tag}}),
    )
    .await;
}

/// The mesh; every proxy's files follow from `tag`.
async fn write_mesh(store: &dyn Store, tag: &str) {
    write(store, &mesh_key(), json!({"spec": {}, "tags": {"tag": tag}})).await;
}

/// A virtual service; without its node the mesh is not valid.
async fn write_service(store: &dyn Store, name: &str, node: &str) {
    let key = ResourceKey::in_mesh("apps", Kind::VirtualService, name);
    let spec = json!({"provider": {"virtualNode": {"virtualNodeName": node}}});
    write(store, &key, json!({"spec": spec})).await;
}

/// One proxy's folder as an Envoy would find it; none where it is not published.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The token of the set; `empty` of one that was told to let go.
    token: String,
    starts: bool,
}

/// Follows `current` once and reads everything behind it. Panics where it is not one complete set.
fn see(folder: &Path) -> Option<Seen> {
    let link = fs::read_link(folder.join("current")).ok()?;
    let set = folder.join(&link);
    let read = |name: &str| -> Value {
        let text =
            fs::read_to_string(set.join(name)).unwrap_or_else(|e| panic!("{}/{name}: {e}", set.display()));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}/{name}: {e}: {text:?}", set.display()))
    };
    let (lds, cds) = (read("lds.json"), read("cds.json"));
    let starts = folder.join("bootstrap.json").exists();
    if lds["version_info"] == "empty" {
        assert_eq!(lds["resources"], json!([]));
        assert_eq!(cds["resources"], json!([]));
        return Some(Seen {
            token: "empty".to_owned(),
            starts,
        });
    }
    let listener = &lds["resources"][0];
    if listener.is_null() {
        // On the way out: without listeners, still with what drains through them.
        assert_eq!(lds["resources"], json!([]));
        return Some(Seen {
            token: "draining".to_owned(),
            starts,
        });
    }
    for name in listener["files"].as_array().unwrap() {
        assert_eq!(
            read(name.as_str().unwrap())["resources"][0]["token"],
            listener["token"],
            "two sets are mixed"
        );
    }
    Some(Seen {
        token: listener["token"].as_str().unwrap().to_owned(),
        starts,
    })
}

/// Every proxy that is published.
fn see_all(root: &Path) -> BTreeMap<String, Seen> {
    let nodes = root.join("apps/virtualNode");
    let Ok(entries) = fs::read_dir(&nodes) else {
        return BTreeMap::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| Some((name.clone(), see(&nodes.join(&name))?)))
        .collect()
}

/// The files that are in use, without what may lie about: old sets, ledger, temporary names.
fn in_use(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in see_all(root).keys() {
        let folder = root.join("apps/virtualNode").join(name);
        let set = folder.join(fs::read_link(folder.join("current")).unwrap());
        let mut folders = vec![set];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    files.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
                }
            }
        }
        let bootstrap = folder.join("bootstrap.json");
        if let Ok(bytes) = fs::read(&bootstrap) {
            files.insert(bootstrap.strip_prefix(root).unwrap().to_owned(), bytes);
        }
    }
    files
}

/// The names of the proxies that a release changed.
fn changed(outcome: &ReleaseOutcome) -> BTreeSet<String> {
    match &outcome.verdict {
        ReleaseVerdict::Released { changes, .. } | ReleaseVerdict::Withdrawn(changes) => {
            changes.iter().map(|change| change.key.name.clone()).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

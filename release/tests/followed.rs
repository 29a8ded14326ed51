//! A process that releases a mesh again and again builds what changed, and gets what building everything gives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_release::{Builder, Built, EnvoyBuilder, Releaser};
use meshform_store::testing::author;
use meshform_store::{Expected, RecordDraft, SqliteOptions, SqliteStore, Store};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Envoy's files, and which proxies were asked for; `None` for all.
#[derive(Debug, Default)]
struct Watched(Mutex<Vec<Option<BTreeSet<String>>>>);

impl Builder for Watched {
    fn build(&self, mesh: &Mesh) -> Result<Built, Vec<Diagnostic>> {
        self.0.lock().unwrap().push(None);
        EnvoyBuilder.build(mesh)
    }

    fn build_some(&self, mesh: &Mesh, proxies: &BTreeSet<ResourceKey>) -> Result<Built, Vec<Diagnostic>> {
        let names = proxies.iter().map(|key| key.name.clone()).collect();
        self.0.lock().unwrap().push(Some(names));
        EnvoyBuilder.build_some(mesh, proxies)
    }
}

fn key(kind: Kind, name: &str) -> ResourceKey {
    ResourceKey::in_mesh("apps", kind, name)
}

async fn write(store: &dyn Store, key: ResourceKey, spec: Value) {
    let expected = match store.get(&key).await.unwrap() {
        Some(found) => Expected::At(found.revision),
        None => Expected::Absent,
    };
    let draft = RecordDraft::new(key, json!({ "spec": spec }));
    store.put(draft, expected, &author("test")).await.unwrap();
}

async fn delete(store: &dyn Store, key: ResourceKey) {
    let revision = store.get(&key).await.unwrap().unwrap().revision;
    store.delete(&key, revision, &author("test")).await.unwrap();
}

fn node(name: &str, calls: Option<&str>) -> Value {
    let backends: Vec<Value> = calls
        .iter()
        .map(|name| json!({"virtualService": {"virtualServiceName": name}}))
        .collect();
    json!({
        "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
        "serviceDiscovery": {"dns": {"hostname": format!("{name}.local"), "responseType": "ENDPOINTS"}},
        "backends": backends,
    })
}

fn provided(name: &str) -> Value {
    json!({"provider": {"virtualNode": {"virtualNodeName": name}}})
}

/// `a` calls `b`; `c` calls nobody.
async fn write_mesh(store: &dyn Store) {
    write(store, ResourceKey::mesh("apps"), json!({})).await;
    write(store, key(Kind::VirtualNode, "a"), node("a", Some("b.local"))).await;
    write(store, key(Kind::VirtualNode, "b"), node("b", None)).await;
    write(store, key(Kind::VirtualNode, "c"), node("c", None)).await;
    write(store, key(Kind::VirtualService, "b.local"), provided("b")).await;
}

struct Bench {
    _directory: TempDir,
    store: Arc<dyn Store>,
    watched: Arc<Watched>,
    releaser: Releaser,
}

impl Bench {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let options = SqliteOptions::new(directory.path().join(".meshform"));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).unwrap());
        let watched = Arc::new(Watched::default());
        let releaser = Releaser::new(store.clone(), watched.clone(), author("test"));
        Self {
            _directory: directory,
            store,
            watched,
            releaser,
        }
    }

    /// Releases, and holds it against a process that has just begun. Gives which proxies were built.
    async fn release(&self) -> Vec<Option<BTreeSet<String>>> {
        let fresh = || Releaser::new(self.store.clone(), Arc::new(EnvoyBuilder), author("test"));
        let outcome = self.releaser.release("apps").await.unwrap();
        let whole = fresh().preview("apps").await.unwrap();
        assert_eq!(outcome.diagnostics, whole.diagnostics);
        if whole.valid {
            assert_eq!(whole.changes, [], "everything is what building all of it gives");
        }
        std::mem::take(&mut *self.watched.0.lock().unwrap())
    }
}

fn only(names: &[&str]) -> Vec<Option<BTreeSet<String>>> {
    vec![Some(names.iter().map(|name| (*name).to_owned()).collect())]
}

#[tokio::test]
async fn only_what_a_change_reaches_is_built_again() {
    let bench = Bench::new();
    let store = &*bench.store;
    write_mesh(store).await;
    assert_eq!(bench.release().await, [None], "a process begins with everything");
    write(store, key(Kind::VirtualNode, "c"), node("other", None)).await;
    assert_eq!(bench.release().await, only(&["c"]));
    write(store, key(Kind::VirtualNode, "b"), node("other", None)).await;
    assert_eq!(bench.release().await, only(&["a", "b"]));
    delete(store, key(Kind::VirtualNode, "c")).await;
    assert_eq!(bench.release().await, only(&[]));
    assert_eq!(bench.release().await, only(&[]), "nothing happened");
}

#[tokio::test]
async fn what_changes_while_the_mesh_is_broken_is_built_when_it_is_whole() {
    let bench = Bench::new();
    let store = &*bench.store;
    write_mesh(store).await;
    bench.release().await;
    delete(store, key(Kind::VirtualService, "b.local")).await;
    assert_eq!(bench.release().await, [], "nothing is built of a broken mesh");
    write(store, key(Kind::VirtualNode, "c"), node("other", None)).await;
    assert_eq!(bench.release().await, []);
    write(store, key(Kind::VirtualService, "b.local"), provided("c")).await;
    assert_eq!(bench.release().await, only(&["a", "c"]));
}

#[tokio::test]
async fn a_feed_that_was_compacted_is_no_loss() {
    let bench = Bench::new();
    let store = &*bench.store;
    write_mesh(store).await;
    bench.release().await;
    write(store, key(Kind::VirtualNode, "c"), node("other", None)).await;
    write(store, key(Kind::VirtualNode, "b"), node("other", None)).await;
    let head = store
        .get(&key(Kind::VirtualNode, "b"))
        .await
        .unwrap()
        .unwrap()
        .revision;
    store.compact("apps", head).await.unwrap();
    assert_eq!(bench.release().await, [None]);
}

#[tokio::test]
async fn what_somebody_else_released_meanwhile_is_no_loss() {
    let bench = Bench::new();
    let store = &*bench.store;
    write_mesh(store).await;
    bench.release().await;
    // Another process releases a state in between that this one never saw.
    let other = Releaser::new(bench.store.clone(), Arc::new(EnvoyBuilder), author("other"));
    write(store, key(Kind::VirtualNode, "c"), node("other", None)).await;
    other.release("apps").await.unwrap();
    write(store, key(Kind::VirtualNode, "c"), node("c", None)).await;
    write(store, key(Kind::VirtualNode, "b"), node("other", None)).await;
    bench.release().await;
    delete(store, key(Kind::VirtualNode, "a")).await;
    bench.release().await;
}

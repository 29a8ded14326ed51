//! Releases with the real compiler: the mesh of the examples, from records to the files that Envoy reads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

use meshform_bundle::{Bundle, ProxyId};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_release::{EnvoyBuilder, Manifest, Publisher, ReleaseOutcome, ReleaseVerdict, Releaser};
use meshform_store::testing::author;
use meshform_store::{Expected, Prefix, RecordDraft, SqliteOptions, SqliteStore, Store};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

async fn write(store: &dyn Store, key: ResourceKey, spec: Value) {
    let expected = match store.get(&key).await.unwrap() {
        Some(found) => Expected::At(found.revision),
        None => Expected::Absent,
    };
    let draft = RecordDraft::new(key, json!({ "spec": spec }));
    store.put(draft, expected, &author("test")).await.unwrap();
}

fn key(kind: Kind, name: &str) -> ResourceKey {
    ResourceKey::in_mesh("apps", kind, name)
}

fn node(name: &str, backends: &[&str]) -> Value {
    let backends: Vec<Value> = backends
        .iter()
        .map(|name| json!({"virtualService": {"virtualServiceName": name}}))
        .collect();
    json!({
        "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
        "serviceDiscovery": {"dns": {"hostname": format!("{name}.apps.internal")}},
        "backends": backends,
    })
}

fn route(targets: &[(&str, u32)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(name, weight)| json!({"virtualNode": name, "weight": weight}))
        .collect();
    json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}})
}

async fn write_apps(store: &dyn Store) {
    write(store, ResourceKey::mesh("apps"), json!({})).await;
    write(
        store,
        key(Kind::VirtualNode, "servicea"),
        node("servicea", &["serviceb.apps.local"]),
    )
    .await;
    for name in ["serviceb", "servicebv2"] {
        write(store, key(Kind::VirtualNode, name), node(name, &[])).await;
    }
    let listener = json!({"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]});
    write(store, key(Kind::VirtualRouter, "serviceb"), listener).await;
    let router = key(Kind::VirtualRouter, "serviceb");
    let by_weight = ResourceKey::child(&router, Kind::Route, "by-weight");
    write(store, by_weight, route(&[("serviceb", 75), ("servicebv2", 25)])).await;
    let provider = json!({"provider": {"virtualRouter": {"virtualRouterName": "serviceb"}}});
    write(store, key(Kind::VirtualService, "serviceb.apps.local"), provider).await;
}

fn open(directory: &Path) -> (Arc<dyn Store>, Releaser) {
    let options = SqliteOptions::new(directory.join(".meshform"));
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).unwrap());
    let publisher = Publisher::new(directory.join("published")).settle(Duration::ZERO);
    let releaser = Releaser::new(store.clone(), Arc::new(EnvoyBuilder), author("test")).publish_to(publisher);
    (store, releaser)
}

fn changed(outcome: &ReleaseOutcome) -> BTreeSet<&str> {
    match &outcome.verdict {
        ReleaseVerdict::Released { changes, .. } => {
            changes.iter().map(|change| change.key.name.as_str()).collect()
        }
        other => panic!("{other:?}: {:?}", outcome.diagnostics),
    }
}

/// Every file under a folder, links followed.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn the_published_files_lead_to_each_other_in_the_directory_they_are_in() {
    let directory = TempDir::new().unwrap();
    let (store, releaser) = open(directory.path());
    write_apps(&*store).await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(
        changed(&outcome),
        BTreeSet::from(["servicea", "serviceb", "servicebv2"])
    );
    let folder = directory.path().join("published/apps/virtualNode/servicea");
    let bootstrap = fs::read_to_string(folder.join("bootstrap.json")).unwrap();
    for name in ["lds.json", "cds.json"] {
        let path = folder.join("current").join(name);
        assert!(bootstrap.contains(path.to_str().unwrap()), "{bootstrap}");
    }
    let all = files(&folder);
    assert!(
        all.len() >= 5,
        "{:?}",
        all.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    let current = folder.join("current");
    let mut references = 0;
    for (name, text) in &all {
        assert!(!text.contains("@meshform-root@"), "{name}");
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut stack = vec![&value];
        while let Some(value) = stack.pop() {
            match value {
                Value::String(text) if text.starts_with(current.to_str().unwrap()) => {
                    assert!(Path::new(text).exists(), "{name} leads to {text}");
                    references += 1;
                }
                Value::Array(values) => stack.extend(values),
                Value::Object(fields) => stack.extend(fields.values()),
                _ => {}
            }
        }
    }
    assert!(references >= 2, "{references}");
}

#[tokio::test]
async fn a_release_is_bundles_whose_parts_know_their_fields_and_become_the_compilers_files() {
    let directory = TempDir::new().unwrap();
    let (store, releaser) = open(directory.path());
    write_apps(&*store).await;
    releaser.release("apps").await.unwrap();
    let current = releaser.status("apps").await.unwrap().current.unwrap();
    let manifest = store.blob("apps", &current.release).await.unwrap().unwrap();
    let manifest = Manifest::decode("apps", &manifest).unwrap();
    let entry = &manifest.proxies["apps/virtualNode/servicea"];
    let blob = store.blob("apps", &entry.bundle).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&blob).unwrap()["format"], 2);
    let bundle = Bundle::decode(&ProxyId::of(&entry.key).unwrap(), &blob).unwrap();
    assert_eq!(bundle.bootstrap_digest(), entry.bootstrap);
    let table = bundle
        .resources
        .iter()
        .find(|one| one.name.starts_with("rds_egress"));
    let origins = &bundle.origins[&table.unwrap().name];
    let route = origins
        .iter()
        .find(|one| one.resource == "virtualRouter/serviceb/route/by-weight");
    let body: Value = serde_json::from_str(table.unwrap().body.as_str()).unwrap();
    assert_eq!(body.pointer(&route.unwrap().at).unwrap()["name"], "by-weight");

    let listing = store.list(&Prefix::mesh("apps")).await.unwrap();
    let mesh = Mesh::new(meshform_registry::resources("apps", listing).0).unwrap();
    let root = directory.path().join("published");
    let options = meshform_envoy::Options::new(root.to_str().unwrap());
    let built = meshform_envoy::build(&mesh, &options).unwrap();
    let published: BTreeMap<String, String> = files(&root.join(&built.proxies[0].path)).into_iter().collect();
    for (path, wanted) in built.proxies[0].files() {
        let path = match path.strip_prefix("xds/") {
            Some(rest) => format!("current/{rest}"),
            None if path == "static.json" => continue,
            None => path,
        };
        // The version is a hash of the content before the directory was filled in.
        let lines = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.contains("\"version_info\""));
            lines.map(str::to_owned).collect()
        };
        let wanted = String::from_utf8(wanted).unwrap();
        assert_eq!(lines(&published[&path]), lines(&wanted), "{path}");
    }
}

#[tokio::test]
async fn a_weight_changes_only_the_caller_and_its_bootstrap_stays() {
    let directory = TempDir::new().unwrap();
    let (store, releaser) = open(directory.path());
    write_apps(&*store).await;
    releaser.release("apps").await.unwrap();
    let bootstrap = directory
        .path()
        .join("published/apps/virtualNode/servicea/bootstrap.json");
    let before = fs::read(&bootstrap).unwrap();
    let router = key(Kind::VirtualRouter, "serviceb");
    let by_weight = ResourceKey::child(&router, Kind::Route, "by-weight");
    write(
        &*store,
        by_weight.clone(),
        route(&[("serviceb", 50), ("servicebv2", 50)]),
    )
    .await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(changed(&outcome), BTreeSet::from(["servicea"]));
    assert_eq!(fs::read(&bootstrap).unwrap(), before);
    // The canary goes in Terraform's order: first the node, then the route.
    let canary = key(Kind::VirtualNode, "servicebv2");
    let found = store.get(&canary).await.unwrap().unwrap();
    store
        .delete(&canary, found.revision, &author("test"))
        .await
        .unwrap();
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(outcome.verdict, ReleaseVerdict::Invalid);
    let said: Vec<String> = outcome.diagnostics.iter().map(ToString::to_string).collect();
    assert!(
        said.iter()
            .any(|line| line.contains("by-weight") && line.contains("servicebv2")),
        "{said:?}"
    );
    write(&*store, by_weight, route(&[("serviceb", 100)])).await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(changed(&outcome), BTreeSet::from(["servicea", "servicebv2"]));
}

#[tokio::test]
async fn five_hundred_resources_are_released() {
    let directory = TempDir::new().unwrap();
    let (store, releaser) = open(directory.path());
    write(&*store, ResourceKey::mesh("apps"), json!({})).await;
    for number in 0..125 {
        let name = format!("s{number}");
        let next = format!("s{}.apps.local", (number + 1) % 125);
        write(&*store, key(Kind::VirtualNode, &name), node(&name, &[&next])).await;
        let listener = json!({"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]});
        write(&*store, key(Kind::VirtualRouter, &name), listener).await;
        let child = ResourceKey::child(&key(Kind::VirtualRouter, &name), Kind::Route, "all");
        write(&*store, child, route(&[(&name, 1)])).await;
        let provider = json!({"provider": {"virtualRouter": {"virtualRouterName": name}}});
        write(
            &*store,
            key(Kind::VirtualService, &format!("{name}.apps.local")),
            provider,
        )
        .await;
    }
    for what in ["first release", "nothing changed"] {
        let begun = Instant::now();
        let outcome = releaser.release("apps").await.unwrap();
        assert!(
            !matches!(outcome.verdict, ReleaseVerdict::Invalid),
            "{:?}",
            outcome.diagnostics
        );
        println!("501 resources, 125 proxies, {what}: {:?}", begun.elapsed());
    }
    let child = ResourceKey::child(&key(Kind::VirtualRouter, "s7"), Kind::Route, "all");
    write(&*store, child, route(&[("s7", 1), ("s8", 1)])).await;
    let begun = Instant::now();
    let outcome = releaser.release("apps").await.unwrap();
    println!("501 resources, one route changed: {:?}", begun.elapsed());
    assert_eq!(changed(&outcome), BTreeSet::from(["s6"]));
}

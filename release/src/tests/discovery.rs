//! What publishers tell a poller, and what is said while nobody polls.

use super::bucket::objects_in;
use super::{mesh_key, node_key, publisher, store, write, write_mesh, write_node};
use crate::{BucketTarget, EnvoyBuilder, ReleaseOutcome, ReleaseVerdict, Releaser, Target};
use meshform_bundle::ProxyId;
use meshform_bundle::discovery::{Discovery, FRESH_MILLIS, NodeState, PollerState};
use meshform_bundle::objects::{Current, EndpointSet, ProxyState, Status};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_store::testing::author;
use meshform_store::{Clock as _, Digest, PublishedObjects, Store, SystemClock};
use object_store::memory::InMemory;
use serde_json::json;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// `web` calls `api`, which Cloud Map finds by an attribute.
async fn mesh(directory: &Path, stage: &str) -> Arc<dyn Store> {
    let store = store(directory);
    if store.get(&mesh_key()).await.unwrap().is_none() {
        write_mesh(&*store, "m").await;
        write_node(&*store, "idle", "1").await;
        let key = ResourceKey::in_mesh("apps", Kind::VirtualService, "api.local");
        let provider = json!({"virtualNode": {"virtualNodeName": "api"}});
        write(&*store, &key, json!({"spec": {"provider": provider}})).await;
        let backends = json!([{"virtualService": {"virtualServiceName": "api.local"}}]);
        write(&*store, &node_key("web"), json!({"spec": {"backends": backends}})).await;
    }
    let found = json!({"awsCloudMap": {"namespaceName": "apps.local", "serviceName": "api",
        "attributes": [{"key": "stage", "value": stage}]}});
    let listeners = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
    let spec = json!({"listeners": listeners, "serviceDiscovery": found});
    write(&*store, &node_key("api"), json!({"spec": spec})).await;
    store
}

fn to(store: &Arc<dyn Store>, objects: &PublishedObjects) -> Releaser {
    let target: Target = BucketTarget::new(objects.clone()).into();
    Releaser::new(store.clone(), Arc::new(EnvoyBuilder), author("test")).publish_to(target)
}

fn in_memory() -> PublishedObjects {
    PublishedObjects::new(Arc::new(InMemory::new()), "p", "s3://bucket/p")
}

async fn discovery(objects: &PublishedObjects) -> Option<Discovery> {
    let (bytes, _) = objects.get(&Discovery::key("apps")).await.unwrap()?;
    Some(Discovery::decode("apps", &bytes).unwrap())
}

fn now() -> u64 {
    u64::try_from(SystemClock.now().0).unwrap()
}

/// A poller that has read `api` then.
fn poller(at: u64) -> PollerState {
    let mut state = PollerState::new("apps", "host-1");
    let node = NodeState {
        at,
        endpoints: 1,
        set: None,
        problem: (at == 0).then(|| "Cloud Map answered 400 AccessDenied".to_owned()),
    };
    state.nodes.insert("api".to_owned(), node);
    state
}

fn told(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn is_released(outcome: &ReleaseOutcome) -> bool {
    matches!(outcome.verdict, ReleaseVerdict::Released { .. })
}

#[tokio::test]
async fn a_bucket_says_what_to_look_up_for_whom_and_a_changed_attribute_is_a_release() {
    let directory = tempfile::tempdir().unwrap();
    let store = mesh(directory.path(), "prod").await;
    let objects = in_memory();
    let releaser = to(&store, &objects);
    let outcome = releaser.release("apps").await.unwrap();
    assert!(is_released(&outcome) && outcome.is_published(), "{outcome:?}");
    let first = discovery(&objects).await.unwrap();
    let api = &first.nodes["api"];
    assert_eq!(first.nodes.len(), 1);
    assert_eq!(
        (api.namespace.as_str(), api.service.as_str()),
        ("apps.local", "api")
    );
    assert_eq!(api.attributes["stage"], "prod");
    assert_eq!(api.assignments["cds_egress_apps_api_http_8080"], 8080);
    let callers: Vec<&str> = api.callers.iter().map(String::as_str).collect();
    assert_eq!(callers, ["mesh/apps/virtualNode/web"]);
    // No proxy's files change by it, and still somebody has to know.
    mesh(directory.path(), "test").await;
    assert!(is_released(&releaser.release("apps").await.unwrap()));
    let second = discovery(&objects).await.unwrap();
    assert_eq!(second.nodes["api"].attributes["stage"], "test");
    assert!(second.sequence > first.sequence);
    // A publisher that comes late does not take it back.
    let mut later = second.clone();
    later.sequence += 10;
    later.nodes.clear();
    let bytes = later.encode().unwrap();
    objects.write(&Discovery::key("apps"), bytes).await.unwrap();
    to(&store, &objects).release("apps").await.unwrap();
    assert_eq!(discovery(&objects).await.unwrap(), later);
}

#[tokio::test]
async fn releases_plans_and_status_warn_until_a_poller_has_read_the_node_lately() {
    let directory = tempfile::tempdir().unwrap();
    let store = mesh(directory.path(), "prod").await;
    let objects = in_memory();
    let releaser = to(&store, &objects);
    let outcome = releaser.release("apps").await.unwrap();
    let text = told(&outcome.diagnostics);
    assert!(
        text.contains("warning[MF0302]") && text.contains("`api`"),
        "{text}"
    );
    assert!(
        text.contains("MESHFORM_STORE=s3://bucket/p MESHFORM_MESH=apps meshform-agent endpoints"),
        "{text}"
    );
    let plan = releaser.warnings("apps").await.unwrap().always;
    assert_eq!(told(&plan), text);
    let report = async |at: u64| {
        let bytes = poller(at).encode().unwrap();
        objects.write(&PollerState::key("apps"), bytes).await.unwrap();
        told(&releaser.without_endpoints("apps").await.unwrap())
    };
    assert_eq!(report(now()).await, "");
    assert_eq!(releaser.release("apps").await.unwrap().diagnostics, []);
    assert!(report(now() - FRESH_MILLIS).await.contains("MF0302"));
    let why = report(0).await;
    assert!(why.contains("AccessDenied"), "{why}");
}

#[tokio::test]
async fn a_poller_that_runs_and_is_refused_is_named_and_its_wrong_clock_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = tempfile::tempdir().unwrap();
    let store = mesh(directory.path(), "prod").await;
    let objects = objects_in(bucket.path());
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let key = PollerState::key("apps");
    let report = async |at: u64, ahead: u64, ago: u64| {
        let mut state = poller(at);
        state.until = now() + ahead + PollerState::LOST;
        objects.write(&key, state.encode().unwrap()).await.unwrap();
        let file = File::options()
            .write(true)
            .open(bucket.path().join(&key))
            .unwrap();
        file.set_modified(SystemTime::now() - Duration::from_millis(ago))
            .unwrap();
        told(&releaser.without_endpoints("apps").await.unwrap())
    };
    let refused = report(0, 0, 0).await;
    assert!(
        refused.contains("the poller `host-1` cannot look up its addresses"),
        "{refused}"
    );
    assert!(!refused.contains("run one poller"), "{refused}");
    // One that is gone has to be started.
    assert!(report(0, 0, FRESH_MILLIS).await.contains("run one poller"));
    let hour = 3_600_000;
    assert_eq!(report(now() + hour, hour, 0).await, "");
    assert!(
        report(now() + hour, hour, FRESH_MILLIS)
            .await
            .contains("run one poller")
    );
}

#[tokio::test]
async fn callers_that_look_themselves_end_the_warning_as_long_as_all_of_them_do() {
    let directory = tempfile::tempdir().unwrap();
    let store = mesh(directory.path(), "prod").await;
    let objects = in_memory();
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let web = ProxyId::virtual_node("apps", "web");
    let report = async |instance: &str, change: &dyn Fn(&mut Status)| {
        let mut status = Status::new(&web, instance);
        status.state = ProxyState::Ready;
        status.at = now();
        status.discovery = Some(poller(now()).nodes);
        change(&mut status);
        let bytes = status.encode().unwrap();
        objects.write(&web.status_key(instance), bytes).await.unwrap();
        told(&releaser.without_endpoints("apps").await.unwrap())
    };
    assert_eq!(report("one", &|_| {}).await, "");
    // Its clock says nothing: what counts is how long before its report it has looked.
    assert_eq!(
        report("one", &|status| {
            status.at = 2_000;
            status.discovery = Some(poller(1_000).nodes);
        })
        .await,
        ""
    );
    let late = report("one", &|status| {
        status.discovery = Some(poller(now() - FRESH_MILLIS).nodes)
    })
    .await;
    assert!(
        late.contains("MF0302") && late.contains("queries Cloud Map itself"),
        "{late}"
    );
    let refused = report("one", &|status| status.discovery = Some(poller(0).nodes)).await;
    assert!(refused.contains("AccessDenied"), "{refused}");
    assert_eq!(report("one", &|_| {}).await, "");
    // Another task of the same node leaves it to a poller that is not there.
    assert!(
        report("two", &|status| status.discovery = None)
            .await
            .contains("MF0302")
    );
    assert_eq!(
        report("two", &|status| status.state = ProxyState::Stopped).await,
        ""
    );
    assert!(
        report("one", &|status| status.state = ProxyState::Stopped)
            .await
            .contains("MF0302")
    );
}

#[tokio::test]
async fn a_directory_says_it_too_and_its_poller_is_heard() {
    let directory = tempfile::tempdir().unwrap();
    let store = mesh(directory.path(), "prod").await;
    let publisher = publisher(directory.path());
    let releaser = Releaser::new(store, Arc::new(EnvoyBuilder), author("test"));
    let nowhere = releaser.release("apps").await.unwrap();
    assert!(told(&nowhere.diagnostics).contains("MESHFORM_STORE=s3://BUCKET/PREFIX"));
    let releaser = releaser.publish_to(publisher.clone());
    releaser.release("apps").await.unwrap();
    let discovery = publisher.discovery("apps").unwrap().unwrap();
    assert_eq!(discovery.nodes["api"].service, "api");
    assert_eq!(releaser.without_endpoints("apps").await.unwrap().len(), 1);
    publisher.report_poller(&poller(now())).unwrap();
    assert_eq!(releaser.without_endpoints("apps").await.unwrap(), []);
}

#[tokio::test]
async fn sets_that_no_proxy_names_go_after_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = tempfile::tempdir().unwrap();
    let store = mesh(directory.path(), "prod").await;
    let objects = objects_in(bucket.path());
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let mut keys = Vec::new();
    for name in ["named", "old", "young"] {
        let key = EndpointSet::key("apps", &Digest::of(name.as_bytes()));
        objects.write(&key, b"{}".to_vec()).await.unwrap();
        keys.push(key);
    }
    let lease = PollerState::key("apps");
    objects.write(&lease, b"{}".to_vec()).await.unwrap();
    for key in [&keys[0], &keys[1], &lease] {
        let file = File::options().write(true).open(bucket.path().join(key)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 3600))
            .unwrap();
    }
    let web = ProxyId::virtual_node("apps", "web");
    let (bytes, _) = objects.get(&web.current_key()).await.unwrap().unwrap();
    let mut current = Current::decode(&web, &bytes).unwrap();
    current.endpoints = Some(Digest::of(b"named"));
    objects
        .write(&web.current_key(), current.encode().unwrap())
        .await
        .unwrap();
    to(&store, &objects).release("apps").await.unwrap();
    let is_there = async |key: &str| objects.get(key).await.unwrap().is_some();
    assert!(is_there(&keys[0]).await && is_there(&keys[2]).await && is_there(&lease).await);
    assert!(!is_there(&keys[1]).await);
}

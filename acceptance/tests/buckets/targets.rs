//! Buckets as targets: what agents find on servers of two makes, on one that heeds no condition, and on a slow one.

use crate::moto::Moto;
use crate::server::{Fault, Server};
use crate::world::wait;
use crate::{Bucket, node};
use meshform_bundle::objects::{Current, WAKE_KEY};
use meshform_bundle::{Bundle, ProxyId};
use meshform_model::key::ResourceKey;
use meshform_release::{EnvoyBuilder, Releaser, Target, TargetState};
use meshform_store::testing::author;
use meshform_store::{
    BucketUrl, Expected, Location, PublishedObjects, RecordDraft, SqliteOptions, SqliteStore, Store,
};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A store on this machine with a mesh of so many nodes.
async fn store(folder: &Path, count: usize) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteOptions::new(folder)).unwrap());
    write(&*store, ResourceKey::mesh("m"), json!({"spec": {}})).await;
    for number in 0..count {
        write_node(&*store, number, "local").await;
    }
    store
}

async fn write_node(store: &dyn Store, number: usize, domain: &str) {
    let listener = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
    let backends = json!([]);
    let dns = json!({"dns": {"hostname": format!("n{number}.{domain}")}});
    // What a proxy logs is its own: only it changes.
    let logging = json!({"accessLog": {"file": {"path": format!("/var/log/{domain}")}}});
    let spec = json!({
        "listeners": listener, "backends": backends, "serviceDiscovery": dns, "logging": logging,
    });
    write(store, node(&format!("n{number}")), json!({"spec": spec})).await;
}

async fn write(store: &dyn Store, key: ResourceKey, body: serde_json::Value) {
    let expected = match store.get(&key).await.unwrap() {
        Some(found) => Expected::At(found.revision),
        None => Expected::Absent,
    };
    store
        .put(RecordDraft::new(key, body), expected, &author("test"))
        .await
        .unwrap();
}

fn url(bucket: &Bucket) -> BucketUrl {
    match Location::parse(&bucket.url, Path::new("/")).unwrap() {
        Location::Bucket(url) => url,
        Location::Directory(_) | Location::Etcd(_) => unreachable!("it is a URL of a bucket"),
    }
}

fn releaser(store: &Arc<dyn Store>, bucket: &Bucket) -> Releaser {
    let target = Target::open(&bucket.url, Path::new("/"), &bucket.access()).unwrap();
    Releaser::new(store.clone(), Arc::new(EnvoyBuilder), author("test")).publish_to(target)
}

/// Releases, changes one proxy, takes another away; what the agents find each time.
async fn is_followed(bucket: &Bucket) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 3).await;
    let objects = PublishedObjects::open(&url(bucket), bucket.access());
    let told = async |number: usize| -> Current {
        let proxy = ProxyId::virtual_node("m", &format!("n{number}"));
        let (bytes, _) = objects.get(&proxy.current_key()).await.unwrap().unwrap();
        let current = Current::decode(&proxy, &bytes).unwrap();
        if let Some(bundle) = &current.bundle {
            let (bytes, _) = objects.get(&proxy.bundle_key(bundle)).await.unwrap().unwrap();
            Bundle::decode(&proxy, &bytes).unwrap();
        }
        current
    };
    let releaser = releaser(&store, bucket);
    let outcome = releaser.release("m").await.unwrap();
    assert!(outcome.is_published(), "{:?}", outcome.deliveries);
    let before = [told(0).await, told(1).await, told(2).await];
    write_node(&*store, 0, "elsewhere").await;
    let gone = store.get(&node("n2")).await.unwrap().unwrap();
    store
        .delete(&node("n2"), gone.revision, &author("test"))
        .await
        .unwrap();
    let outcome = releaser.release("m").await.unwrap();
    assert!(outcome.is_published(), "{:?}", outcome.deliveries);
    let after = [told(0).await, told(1).await, told(2).await];
    assert_ne!(after[0].bundle, before[0].bundle);
    assert!(after[0].sequence > before[0].sequence);
    assert_eq!(after[1], before[1]);
    assert_eq!(after[2].bundle, None, "its proxy is to let go");
    assert!(objects.get(WAKE_KEY).await.unwrap().is_some());
    let status = releaser.status("m").await.unwrap();
    assert_eq!(status.targets[0].standing, TargetState::Current);
}

#[test]
fn agents_find_releases_on_moto() {
    let moto = Moto::start();
    wait(is_followed(&Bucket::at(moto.address(), "targets")));
}

#[test]
fn agents_find_releases_on_s3s_and_where_no_condition_is_heeded() {
    let server = Server::start();
    wait(is_followed(&server.bucket("p")));
    server.fail("PUT", Fault::Unconditional);
    wait(is_followed(&server.bucket("q")));
    assert_eq!(server.names("q/probe"), Vec::<String>::new());
}

#[test]
fn many_proxies_are_written_at_a_time_and_a_bucket_that_fails_says_so() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (store, bucket) = (wait(store(folder.path(), 64)), server.bucket("p"));
    let each = Duration::from_millis(100);
    server.slow(each);
    let begun = Instant::now();
    let outcome = wait(releaser(&store, &bucket).release("m")).unwrap();
    assert!(outcome.is_published(), "{:?}", outcome.deliveries);
    // One after the other they would take longer than all of it by this alone.
    let requests = u32::try_from(server.requests().len()).unwrap();
    assert!(
        requests > 128 && begun.elapsed() < each * requests,
        "{requests} requests"
    );
    server.heal();
    server.slow(Duration::ZERO);
    server.fail("current.json", Fault::Answer(403, "AccessDenied"));
    wait(write_node(&*store, 7, "elsewhere"));
    let releaser = releaser(&store, &bucket);
    let outcome = wait(releaser.release("m")).unwrap();
    assert!(!outcome.is_published());
    let told = releaser.undelivered("m", &outcome.deliveries[0]).unwrap();
    assert!(told.to_string().contains("s3://meshes/p"), "{told}");
    server.heal();
    assert!(
        wait(releaser.release("m")).unwrap().is_published(),
        "the next one makes up for it"
    );
}

//! Publishing to a bucket: what agents find there, what is left alone, and who may write over whom.

use super::{Tokens, delete, node_key, store, write_mesh, write_node};
use crate::{BucketTarget, ReleaseVerdict, Releaser, Target, TargetState};
use meshform_bundle::objects::{Current, WAKE_KEY};
use meshform_bundle::{Bundle, ProxyId};
use meshform_store::testing::author;
use meshform_store::{Digest, PublishedObjects, Store};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(super) fn objects() -> PublishedObjects {
    PublishedObjects::new(Arc::new(InMemory::new()), "p", "s3://bucket/p")
}

/// A bucket that is a folder, whose objects [`age`] makes older.
pub(super) fn objects_in(folder: &Path) -> PublishedObjects {
    std::fs::create_dir_all(folder).unwrap();
    let files = LocalFileSystem::new_with_prefix(folder).unwrap();
    PublishedObjects::new(Arc::new(files), "", "file:///bucket")
}

pub(super) fn to(store: &Arc<dyn Store>, objects: &PublishedObjects) -> Releaser {
    let target: Target = BucketTarget::new(objects.clone()).into();
    Releaser::new(store.clone(), Arc::new(Tokens), author("test")).publish_to(target)
}

pub(super) async fn told(objects: &PublishedObjects, name: &str) -> Current {
    let proxy = ProxyId::virtual_node("apps", name);
    let (bytes, _) = objects.get(&proxy.current_key()).await.unwrap().unwrap();
    Current::decode(&proxy, &bytes).unwrap()
}

pub(super) async fn two_nodes(directory: &Path) -> Arc<dyn Store> {
    let store = store(directory);
    write_mesh(&*store, "m").await;
    write_node(&*store, "a", "1").await;
    write_node(&*store, "b", "1").await;
    store
}

#[tokio::test]
async fn a_damaged_bundle_is_written_again_where_that_is_asked_for_and_a_missing_one_always() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    to(&store, &objects).release("apps").await.unwrap();
    let proxy = ProxyId::virtual_node("apps", "a");
    let key = proxy.bundle_key(told(&objects, "a").await.bundle.as_ref().unwrap());
    let (whole, _) = objects.get(&key).await.unwrap().unwrap();
    objects.write(&key, whole[..9].to_vec()).await.unwrap();
    let content = async || objects.get(&key).await.unwrap().unwrap().0;
    let apply = to(&store, &objects).release("apps").await.unwrap();
    assert_eq!(
        apply.published().written,
        [""; 0],
        "an apply does not read what is there"
    );
    let release = to(&store, &objects).verifying().release("apps").await.unwrap();
    assert_eq!(release.published().written, ["apps/virtualNode/a"]);
    assert_eq!(content().await, whole);
    objects.delete(&key).await.unwrap();
    let apply = to(&store, &objects).release("apps").await.unwrap();
    assert_eq!(apply.published().written, ["apps/virtualNode/a"]);
    assert_eq!(content().await, whole);
}

#[tokio::test]
async fn each_proxy_is_told_what_to_run_and_only_when_that_changes() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    let releaser = to(&store, &objects);
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(
        outcome.published().written,
        ["apps/virtualNode/a", "apps/virtualNode/b"]
    );
    let (a, b) = (told(&objects, "a").await, told(&objects, "b").await);
    let proxy = ProxyId::virtual_node("apps", "a");
    let bundle = proxy.bundle_key(a.bundle.as_ref().unwrap());
    let (bytes, _) = objects.get(&bundle).await.unwrap().unwrap();
    let bundle = Bundle::decode(&proxy, &bytes).unwrap();
    assert_eq!(Some(bundle.bootstrap_digest()), a.bootstrap);
    let (woken, _) = objects.get(WAKE_KEY).await.unwrap().unwrap();

    // The poller's field is kept, and whoever has nothing new to say says nothing.
    let polled = Some(Digest::of(b"endpoints"));
    let mut with_endpoints = a.clone();
    with_endpoints.endpoints.clone_from(&polled);
    let bytes = with_endpoints.encode().unwrap();
    objects.write(&proxy.current_key(), bytes).await.unwrap();
    write_node(&*store, "a", "2").await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(outcome.published().written, ["apps/virtualNode/a"]);
    let changed = told(&objects, "a").await;
    assert_ne!(changed.bundle, a.bundle);
    assert_eq!(changed.endpoints, polled);
    assert!(changed.sequence > a.sequence);
    assert_eq!(told(&objects, "b").await, b, "its agent has nothing to do");
    assert_ne!(objects.get(WAKE_KEY).await.unwrap().unwrap().0, woken);
    let again = to(&store, &objects).release("apps").await.unwrap();
    assert_eq!(again.published().written, Vec::<String>::new());
    let targets = releaser.status("apps").await.unwrap().targets;
    assert_eq!(targets[0].standing, TargetState::Current);
    assert_eq!(
        (targets[0].report.target.as_str(), targets[0].report.host.as_str()),
        ("s3://bucket/p", "")
    );
}

#[tokio::test]
async fn what_is_damaged_or_gone_is_written_again_and_newer_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let (a, b) = (
        ProxyId::virtual_node("apps", "a"),
        ProxyId::virtual_node("apps", "b"),
    );
    let before = told(&objects, "a").await;
    objects.write(&a.current_key(), b"{".to_vec()).await.unwrap();
    objects.delete(&b.current_key()).await.unwrap();
    let standing = releaser.status("apps").await.unwrap().targets.remove(0).standing;
    let both = ["apps/virtualNode/a", "apps/virtualNode/b"].map(str::to_owned);
    assert_eq!(standing, TargetState::Behind(both.to_vec()));
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(outcome.published().written, both);
    assert_eq!(told(&objects, "a").await.bundle, before.bundle);
    // A publisher that is late does not turn back who was faster.
    let mut newer = Current::new(&a, u64::MAX);
    newer.bundle = Some(Digest::of(b"newer"));
    objects
        .write(&a.current_key(), newer.encode().unwrap())
        .await
        .unwrap();
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(told(&objects, "a").await, newer);
    // No publisher of this store has come that far: it is another store's, and that is no success.
    assert!(!outcome.is_published(), "{:?}", outcome.deliveries);
    let standing = releaser.status("apps").await.unwrap().targets.remove(0).standing;
    assert_eq!(
        standing,
        TargetState::Behind(vec!["apps/virtualNode/a".to_owned()])
    );
}

#[tokio::test]
async fn a_bundle_that_is_lost_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let a = ProxyId::virtual_node("apps", "a");
    let key = a.bundle_key(&told(&objects, "a").await.bundle.unwrap());
    objects.delete(&key).await.unwrap();
    let standing = releaser.status("apps").await.unwrap().targets.remove(0).standing;
    assert_eq!(
        standing,
        TargetState::Behind(vec!["apps/virtualNode/a".to_owned()])
    );
    releaser.release("apps").await.unwrap();
    assert!(objects.get(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn two_publishers_at_once_leave_what_the_pointer_says() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    for round in 0..10 {
        write_node(&*store, "a", &format!("x{round}")).await;
        let (one, other) = (to(&store, &objects), to(&store, &objects));
        let (first, second) = tokio::join!(one.release("apps"), other.release("apps"));
        for outcome in [first.unwrap(), second.unwrap()] {
            assert!(outcome.is_published(), "{:?}", outcome.deliveries);
        }
        let standing = one.status("apps").await.unwrap().targets.remove(0).standing;
        assert_eq!(standing, TargetState::Current);
    }
}

/// Lets every object below a folder look as if it was written so many hours ago.
pub(super) fn age(folder: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_secs(hours * 3600);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path, hours);
        } else {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(then)
                .unwrap();
        }
    }
}

#[tokio::test]
async fn proxies_that_are_gone_let_go_and_old_bundles_go_a_day_after_nothing_names_them() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    let objects = objects_in(&bucket);
    let store = two_nodes(directory.path()).await;
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let bundles = |name: &str| -> PathBuf {
        bucket
            .join("m/apps/proxies/virtualNode")
            .join(name)
            .join("bundles")
    };
    let count = |name: &str| std::fs::read_dir(bundles(name)).map_or(0, Iterator::count);
    delete(&*store, &node_key("b")).await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(outcome.published().retired, ["apps/virtualNode/b"]);
    assert_eq!(told(&objects, "b").await.bundle, None);
    age(&bucket, 30);
    // Enough releases that the first ones are in no history; theirs are the bundles that may go.
    for tag in 0..60 {
        write_node(&*store, "a", &format!("t{tag}")).await;
        let outcome = releaser.release("apps").await.unwrap();
        assert!(matches!(outcome.verdict, ReleaseVerdict::Released { .. }) && outcome.is_published());
    }
    assert_eq!(count("b"), 0, "its object was older than a day");
    let young = count("a");
    assert!(young >= 60, "{young}: a bundle stays for a day");
    age(&bucket, 30);
    // A release looks at the bucket before it writes: the first one finds nothing that is younger than the rest.
    for tag in ["last but one", "last"] {
        write_node(&*store, "a", tag).await;
        releaser.release("apps").await.unwrap();
    }
    let kept = count("a");
    let history = releaser.history("apps").await.unwrap().len();
    assert!(
        kept < young && kept >= history.min(young),
        "{kept} of {young}, {history} releases"
    );
    assert_eq!(
        releaser.status("apps").await.unwrap().targets[0].standing,
        TargetState::Current
    );
}

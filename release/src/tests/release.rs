//! When there is a release, and what the store has of it.

use super::*;
use crate::codes;
use crate::{ReleaseError, WhatChanged};
use meshform_store::{Clock, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use tempfile::TempDir;

#[tokio::test]
async fn a_mesh_is_released_when_it_is_whole_and_keeps_its_release_while_it_is_not() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    let root = directory.path().join("published");
    write_mesh(&*store, "1").await;
    write_service(&*store, "b.apps.local", "b").await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(outcome.verdict, ReleaseVerdict::Invalid);
    let text: Vec<String> = outcome.diagnostics.iter().map(ToString::to_string).collect();
    assert!(
        text.iter()
            .any(|line| line.contains("`b.apps.local`") && line.contains("`b`")),
        "both ends: {text:?}"
    );
    assert!(!root.exists(), "nothing is published");
    let told = releaser.warnings("apps").await.unwrap();
    assert!(
        told.idle
            .iter()
            .any(|one| one.code == codes::INVALID_MESH && one.message.contains("`b.apps.local`")),
        "{told:?}"
    );
    write_node(&*store, "b", "1").await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(changed(&outcome), names(&["b"]), "{outcome:?}");
    assert!(
        releaser.warnings("apps").await.unwrap().idle.is_empty(),
        "it is whole again"
    );
    let first = in_use(&root);
    assert!(!first.is_empty());
    // Terraform's order when a node is renamed: the old one goes first.
    delete(&*store, &node_key("b")).await;
    assert_eq!(
        releaser.release("apps").await.unwrap().verdict,
        ReleaseVerdict::Invalid
    );
    assert_eq!(in_use(&root), first, "proxies keep what they have");
    write_node(&*store, "b2", "1").await;
    write_service(&*store, "b.apps.local", "b2").await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(changed(&outcome), names(&["b", "b2"]));
}

#[tokio::test]
async fn only_what_changed_is_written_and_an_equal_mesh_is_no_release() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    write_mesh(&*store, "1").await;
    for name in ["a", "b", "c"] {
        write_node(&*store, name, "1").await;
    }
    let ReleaseVerdict::Released { release: first, .. } = releaser.release("apps").await.unwrap().verdict
    else {
        panic!("no release");
    };
    let again = releaser.release("apps").await.unwrap();
    assert_eq!(again.verdict, ReleaseVerdict::Unchanged(first.clone()));
    assert_eq!(again.published(), Default::default(), "nothing is written");
    let bootstrap = directory
        .path()
        .join("published/apps/virtualNode/a/bootstrap.json");
    let before = fs::metadata(&bootstrap).unwrap().modified().unwrap();
    write_node(&*store, "b", "2").await;
    let preview = releaser.preview("apps").await.unwrap();
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(changed(&outcome), names(&["b"]));
    let ReleaseVerdict::Released { changes, .. } = &outcome.verdict else {
        panic!()
    };
    assert_eq!(&preview.changes, changes, "the preview told");
    assert_eq!(changes[0].what, WhatChanged::Configuration);
    assert_eq!(outcome.published().written, ["apps/virtualNode/b"]);
    assert_eq!(fs::metadata(&bootstrap).unwrap().modified().unwrap(), before);
    // Back to what was: another release, the same files.
    write_node(&*store, "b", "1").await;
    assert_eq!(changed(&releaser.release("apps").await.unwrap()), names(&["b"]));
}

#[tokio::test]
async fn a_release_is_the_same_wherever_it_is_published() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    let here = Releaser::new(store.clone(), Arc::new(Tokens), author("x"))
        .publish_to(Publisher::new(directory.path().join("here \"quoted\"")));
    let there = Releaser::new(store.clone(), Arc::new(Tokens), author("y"))
        .publish_to(Publisher::new(directory.path().join("there")));
    let ReleaseVerdict::Released { release, .. } = here.release("apps").await.unwrap().verdict else {
        panic!()
    };
    let outcome = there.release("apps").await.unwrap();
    assert_eq!(
        outcome.verdict,
        ReleaseVerdict::Unchanged(release),
        "not another release"
    );
    assert_eq!(
        outcome.published().written,
        ["apps/virtualNode/a"],
        "but published there too"
    );
    for root in ["here \"quoted\"", "there"] {
        let root = directory.path().join(root);
        let text = fs::read_to_string(root.join("apps/virtualNode/a/bootstrap.json")).unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            found["directory"],
            root.join("apps/virtualNode/a").to_str().unwrap()
        );
    }
}

#[tokio::test]
async fn a_pinned_mesh_stays_where_it_is_until_it_is_let_go() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    let root = directory.path().join("published");
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    let ReleaseVerdict::Released { release: first, .. } = releaser.release("apps").await.unwrap().verdict
    else {
        panic!()
    };
    let files = in_use(&root);
    write_node(&*store, "a", "2").await;
    releaser.release("apps").await.unwrap();
    assert_ne!(in_use(&root), files);
    assert!(releaser.warnings("apps").await.unwrap().always.is_empty());
    let error = releaser.pin("apps", "0000").await.unwrap_err();
    assert!(matches!(error, ReleaseError::NoRelease { .. }), "{error}");
    releaser.pin("apps", &first.as_str()[..10]).await.unwrap();
    assert_eq!(in_use(&root), files, "back at the first release");
    write_node(&*store, "a", "3").await;
    assert_eq!(
        releaser.release("apps").await.unwrap().verdict,
        ReleaseVerdict::Pinned(first.clone())
    );
    assert_eq!(in_use(&root), files);
    let status = releaser.status("apps").await.unwrap();
    assert!(status.pinned && status.current.unwrap().release == first);
    assert_eq!(status.pending.changes.len(), 1, "what letting go would change");
    let warning = releaser.warnings("apps").await.unwrap().always.remove(0);
    assert_eq!(warning.code, codes::PINNED);
    let (was_pinned, outcome) = releaser.unpin("apps").await.unwrap();
    assert!(was_pinned);
    assert_eq!(changed(&outcome), names(&["a"]));
    assert_ne!(in_use(&root), files);
    let history = releaser.history("apps").await.unwrap();
    assert_eq!(history.len(), 3);
    assert_eq!(
        history[1].release, first,
        "the newest first; the pinned one at its last time"
    );
    let (was_pinned, _) = releaser.unpin("apps").await.unwrap();
    assert!(!was_pinned, "it was let go already");
}

/// An hour goes by with every look.
#[derive(Debug, Default)]
struct Hours(AtomicI64);

impl Clock for Hours {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(3_600_001, Ordering::Relaxed))
    }
}

#[tokio::test]
async fn old_releases_are_swept_and_those_in_the_history_can_be_pinned() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(Hours::default());
    let mut options = SqliteOptions::new(directory.path().join(".meshform"));
    options.clock = clock.clone();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).unwrap());
    let releaser = releaser(directory.path(), &store).with_clock(clock);
    write_mesh(&*store, "1").await;
    write_node(&*store, "stays", "1").await;
    for number in 0..40 {
        write_node(&*store, "a", &number.to_string()).await;
        releaser.release("apps").await.unwrap();
    }
    let history = releaser.history("apps").await.unwrap();
    assert_eq!(history.len(), 10);
    let blobs = store.blobs("apps").await.unwrap().len();
    // Ten manifests, ten sets of resources, ten bundles of `a`, one of `stays`; the last dropped release may still be there.
    assert!((31..=36).contains(&blobs), "{blobs}");
    for entry in &history {
        releaser.pin("apps", entry.release.as_str()).await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_release_is_built_again() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    releaser.release("apps").await.unwrap();
    let all: Vec<Digest> = store
        .blobs("apps")
        .await
        .unwrap()
        .into_iter()
        .map(|blob| blob.digest)
        .collect();
    store.delete_blobs("apps", &all).await.unwrap();
    let outcome = self::releaser(directory.path(), &store)
        .release("apps")
        .await
        .unwrap();
    assert!(
        matches!(outcome.verdict, ReleaseVerdict::Released { .. }),
        "{outcome:?}"
    );
    assert_eq!(store.blobs("apps").await.unwrap().len(), all.len());
}

#[tokio::test]
async fn a_record_that_is_not_a_resource_keeps_the_last_release() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    releaser.release("apps").await.unwrap();
    let files = in_use(&directory.path().join("published"));
    write(&*store, &node_key("b"), json!({"spec": {"listeners": "none"}})).await;
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(outcome.verdict, ReleaseVerdict::Invalid);
    let place = &outcome.diagnostics[0].places[0];
    assert_eq!(place.resource.as_ref(), Some(&node_key("b")));
    assert_eq!(in_use(&directory.path().join("published")), files);
}

#[tokio::test]
async fn asking_leaves_no_trace() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    assert_eq!(
        releaser.release("apps").await.unwrap().verdict,
        ReleaseVerdict::Nothing
    );
    releaser.status("apps").await.unwrap();
    releaser.history("apps").await.unwrap();
    assert!(!releaser.preview("apps").await.unwrap().valid);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn five_hundred_records_are_released_quickly() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    write_mesh(&*store, "1").await;
    for number in 0..250 {
        write_node(&*store, &format!("n{number}"), "1").await;
        write_service(&*store, &format!("n{number}.apps.local"), &format!("n{number}")).await;
    }
    let timed = async |what: &str| {
        let begun = Instant::now();
        let outcome = releaser.release("apps").await.unwrap();
        println!(
            "{what}: {} proxies, {:?}",
            changed(&outcome).len(),
            begun.elapsed()
        );
        begun.elapsed()
    };
    let all = timed("501 records, first release").await;
    let none = timed("501 records, nothing changed").await;
    write_node(&*store, "n7", "2").await;
    let one = timed("501 records, one changed").await;
    // Guards against doing everything for everyone, not against a busy machine.
    assert!(all < Duration::from_secs(30) && none + one < Duration::from_secs(10));
}

async fn write_policy(store: &dyn Store, policy: &str) {
    let body = json!({"spec": {}, "extensions": {"releasePolicy": policy}});
    write(store, &mesh_key(), body).await;
}

#[tokio::test]
async fn a_mesh_that_is_released_by_hand_waits_for_an_order() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let releaser = releaser(directory.path(), &store);
    let published = directory.path().join("published");
    write_policy(&*store, "MANUAL").await;
    write_node(&*store, "a", "1").await;
    let outcome = releaser.follow("apps", HoldPolicy::Over).await.unwrap();
    assert_eq!(outcome.verdict, ReleaseVerdict::Waits);
    assert_eq!(outcome.diagnostics[0].code.0, "MF0509");
    assert!(see_all(&published).is_empty());
    let status = releaser.status("apps").await.unwrap();
    assert_eq!((status.current, status.pending.changes.len()), (None, 1));

    let ordered = releaser.release("apps").await.unwrap();
    assert!(
        matches!(ordered.verdict, ReleaseVerdict::Released { .. }),
        "{ordered:?}"
    );
    let first = see_all(&published);
    assert_eq!(first.len(), 1);
    write_node(&*store, "a", "2").await;
    write_node(&*store, "b", "1").await;
    assert_eq!(
        releaser.follow("apps", HoldPolicy::Over).await.unwrap().verdict,
        ReleaseVerdict::Waits
    );
    assert_eq!(see_all(&published), first);

    // What is current is published whole, wherever it is missing.
    fs::remove_dir_all(&published).unwrap();
    assert_eq!(
        releaser.follow("apps", HoldPolicy::Over).await.unwrap().verdict,
        ReleaseVerdict::Waits
    );
    assert_eq!(see_all(&published), first);

    // Letting go of a pin is no order.
    let current = releaser.history("apps").await.unwrap().remove(0).release;
    releaser.pin("apps", current.as_str()).await.unwrap();
    assert_eq!(
        releaser.unpin("apps").await.unwrap().1.verdict,
        ReleaseVerdict::Waits
    );

    write_policy(&*store, "AUTO").await;
    let followed = releaser.follow("apps", HoldPolicy::Over).await.unwrap();
    assert!(
        matches!(followed.verdict, ReleaseVerdict::Released { .. }),
        "{followed:?}"
    );
    assert_eq!(see_all(&published).len(), 2);
}

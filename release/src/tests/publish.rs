//! The publishing directory, as readers find it.

use super::*;
use crate::ReleaseError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tempfile::TempDir;

#[tokio::test]
async fn a_proxy_that_is_gone_is_told_to_let_go_and_then_its_folder_goes() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let root = directory.path().join("published");
    let with_grace = |grace| {
        let publisher = publisher(directory.path()).grace(grace);
        Releaser::new(store.clone(), Arc::new(Tokens), author("test")).publish_to(publisher)
    };
    let (slow, at_once) = (with_grace(Duration::from_secs(60)), with_grace(Duration::ZERO));
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    write_node(&*store, "canary", "1").await;
    slow.release("apps").await.unwrap();
    delete(&*store, &node_key("canary")).await;
    let outcome = slow.release("apps").await.unwrap();
    assert_eq!(outcome.published().retired, ["apps/virtualNode/canary"]);
    let seen = see_all(&root);
    assert_eq!(
        seen["canary"],
        Seen {
            token: "empty".to_owned(),
            starts: false
        }
    );
    assert!(seen["a"].starts);
    slow.release("apps").await.unwrap();
    assert!(
        root.join("apps/virtualNode/canary").exists(),
        "its Envoy may not have looked yet"
    );
    // It comes back before its time is over.
    write_node(&*store, "canary", "2").await;
    slow.release("apps").await.unwrap();
    assert!(see_all(&root)["canary"].starts);
    at_once.release("apps").await.unwrap();
    assert!(
        see_all(&root)["canary"].starts,
        "it is not forgotten that it came back"
    );
    delete(&*store, &node_key("canary")).await;
    slow.release("apps").await.unwrap();
    let outcome = at_once.release("apps").await.unwrap();
    assert_eq!(outcome.published().removed, ["apps/virtualNode/canary"]);
    assert!(!root.join("apps/virtualNode/canary").exists());
}

#[tokio::test]
async fn a_mesh_that_is_gone_leaves_only_what_its_envoys_need_and_at_last_nothing() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let root = directory.path().join("published");
    let releaser = releaser(directory.path(), &store);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    releaser.release("apps").await.unwrap();
    delete(&*store, &node_key("a")).await;
    delete(&*store, &mesh_key()).await;
    let outcome = releaser.release("apps").await.unwrap();
    assert!(
        matches!(outcome.verdict, ReleaseVerdict::Withdrawn(_)),
        "{outcome:?}"
    );
    assert_eq!(changed(&outcome), names(&["a"]));
    assert_eq!(
        see_all(&root)["a"],
        Seen {
            token: "empty".to_owned(),
            starts: false
        }
    );
    assert_eq!(
        releaser.release("apps").await.unwrap().verdict,
        ReleaseVerdict::Nothing
    );
    let removed = publisher(directory.path()).grace(Duration::ZERO).tidy().unwrap();
    assert_eq!(removed, ["apps/virtualNode/a"]);
    let left: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [".meshform"]);
    let left: Vec<_> = fs::read_dir(root.join(".meshform"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lock"]);
}

#[tokio::test]
async fn what_was_deleted_or_spoilt_by_hand_comes_back() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let root = directory.path().join("published");
    let releaser = releaser(directory.path(), &store);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    write_node(&*store, "b", "1").await;
    releaser.release("apps").await.unwrap();
    let whole = in_use(&root);
    fs::remove_dir_all(root.join("apps/virtualNode/a/releases")).unwrap();
    let outcome = releaser.release("apps").await.unwrap();
    assert_eq!(outcome.published().written, ["apps/virtualNode/a"]);
    assert_eq!(in_use(&root), whole);
    fs::remove_dir_all(&root).unwrap();
    releaser.release("apps").await.unwrap();
    assert_eq!(in_use(&root), whole);
}

#[tokio::test]
async fn two_stores_do_not_publish_to_one_directory() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for (place, published) in [(one.path(), true), (two.path(), false)] {
        let store = store(place);
        write_mesh(&*store, "1").await;
        write_node(&*store, "a", "1").await;
        let mut outcome = releaser(one.path(), &store).release("apps").await.unwrap();
        match outcome.deliveries.remove(0).result {
            Ok(_) => assert!(published),
            Err(error) => {
                assert!(!published);
                assert!(matches!(error, ReleaseError::OtherStore { .. }), "{error}");
                assert!(error.help().contains(".meshform/apps-"), "{}", error.help());
            }
        }
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_an_error_and_the_next_run_finishes() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let root = directory.path().join("published");
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    fs::write(&root, "a file in the way").unwrap();
    let releaser = releaser(directory.path(), &store);
    let outcome = releaser.release("apps").await.unwrap();
    assert!(!outcome.is_published());
    let failed = &outcome.deliveries[0];
    assert_eq!(failed.behind, ["apps/virtualNode/a"]);
    let told = releaser.undelivered("apps", failed).unwrap();
    let help = told.help.as_deref().unwrap_or_default();
    assert!(told.message.contains("apps/virtualNode/a"), "{told}");
    assert!(
        help.contains("proxies keep") && help.contains("--publish"),
        "{help}"
    );
    // Plans of whatever process say it, with the reason, until it is mended.
    let plan = releaser.warnings("apps").await.unwrap();
    assert_eq!(plan.idle.len(), 1, "{plan:?}");
    assert!(plan.idle[0].message.contains("published"), "{plan:?}");
    let status = releaser.status("apps").await.unwrap();
    assert!(
        matches!(status.targets[..], [ref one] if one.report.failure.is_some()),
        "{status:?}"
    );
    fs::remove_file(&root).unwrap();
    let outcome = releaser.release("apps").await.unwrap();
    assert!(
        matches!(outcome.verdict, ReleaseVerdict::Unchanged(_)),
        "the release was in the store already"
    );
    assert_eq!(outcome.published().written, ["apps/virtualNode/a"]);
    assert_eq!(releaser.warnings("apps").await.unwrap(), Warnings::default());
    let status = releaser.status("apps").await.unwrap();
    assert_eq!(status.targets[0].standing, TargetState::Current);
    assert_eq!(status.targets[0].report.failure, None);
    fs::write(
        root.join("apps/virtualNode/a/releases/.new-x"),
        "left by a killed publisher",
    )
    .unwrap();
    write_node(&*store, "a", "2").await;
    releaser.release("apps").await.unwrap();
}

#[tokio::test]
async fn old_sets_of_files_are_collected() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let publisher = publisher(directory.path()).grace(Duration::ZERO);
    let releaser = Releaser::new(store.clone(), Arc::new(Tokens), author("test")).publish_to(publisher);
    write_mesh(&*store, "1").await;
    for number in 0..8 {
        write_node(&*store, "a", &number.to_string()).await;
        releaser.release("apps").await.unwrap();
    }
    let sets = fs::read_dir(directory.path().join("published/apps/virtualNode/a/releases"))
        .unwrap()
        .count();
    assert_eq!(sets, 3, "the current one and two before it");
}

/// Two publishers with stores of their own on the same files, a reader in a loop.
#[test]
fn a_reader_sees_complete_sets_while_two_publish() {
    let directory = TempDir::new().unwrap();
    let root = directory.path().join("published");
    let stop = AtomicBool::new(false);
    let different = AtomicUsize::new(0);
    let (looks, tokens) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut looks, mut tokens) = (0_u32, BTreeSet::new());
            while !stop.load(Ordering::Relaxed) {
                for (name, seen) in see_all(&root) {
                    assert!(seen.starts, "{name}: {seen:?}");
                    // What Envoy does: open through the link, at any moment.
                    fs::read(root.join("apps/virtualNode").join(name).join("current/lds.json")).unwrap();
                    looks += 1;
                    tokens.insert(seen.token);
                    different.store(tokens.len(), Ordering::Relaxed);
                }
            }
            (looks, tokens)
        });
        let writers: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                let (directory, different) = (directory.path(), &different);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(async {
                        let store = store(directory);
                        let releaser = releaser(directory, &store);
                        if name == "a" {
                            write_mesh(&*store, "1").await;
                        }
                        // On, until the reader has had its turns.
                        for number in 0..2000 {
                            if number >= 25 && different.load(Ordering::Relaxed) > 10 {
                                break;
                            }
                            write_node(&*store, name, &number.to_string()).await;
                            releaser.release("apps").await.unwrap();
                        }
                        // The two end after different numbers.
                        write_node(&*store, name, "end").await;
                        releaser.release("apps").await.unwrap();
                    });
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    println!("{looks} looks at complete sets, {} different ones", tokens.len());
    assert!(tokens.len() > 10, "{}", tokens.len());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = store(directory.path());
        let releaser = releaser(directory.path(), &store);
        let before = in_use(&root);
        let begun = Instant::now();
        let outcome = releaser.release("apps").await.unwrap();
        assert!(
            matches!(outcome.verdict, ReleaseVerdict::Unchanged(_)),
            "the last writes were released: {outcome:?}"
        );
        assert_eq!(in_use(&root), before, "and published ({:?})", begun.elapsed());
        let current: BTreeSet<_> = see_all(&root).into_values().map(|seen| seen.token).collect();
        assert_eq!(current.len(), 1, "both ended at the same tag");
    });
}

//! The contract, in memory and in a directory, and what is particular to logs.

mod simulated;

use super::{BucketOptions, BucketStore};
use crate::testing::{author, contract, node};
use crate::{
    Access, Author, Created, Expected, Feed, Location, Prefix, Revision, RunState, Seed, Store, StoreError,
    create,
};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

fn options() -> BucketOptions {
    BucketOptions::new("test://bucket", "some/prefix")
}

fn in_memory(storage: &Arc<InMemory>) -> BucketStore {
    BucketStore::new(storage.clone(), options())
}

#[tokio::test]
async fn a_bucket_keeps_the_contract() {
    contract(|| {
        let store: Arc<dyn Store> = Arc::new(in_memory(&Arc::default()));
        ready(store)
    })
    .await;
}

#[tokio::test]
async fn a_directory_treated_as_a_bucket_keeps_the_contract() {
    let directory = TempDir::new().unwrap();
    let next = AtomicUsize::new(0);
    contract(|| {
        let place = directory
            .path()
            .join(next.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&place).unwrap();
        let store: Arc<dyn Store> = Arc::new(BucketStore::in_directory(&place, options()).unwrap());
        ready(store)
    })
    .await;
}

#[tokio::test]
async fn what_is_published_beside_the_records_makes_no_second_mesh() {
    let storage = Arc::new(InMemory::new());
    let store = in_memory(&storage);
    let mut draft = node("n", 1);
    draft.key.mesh = "Apps.v2".to_owned();
    store.put(draft, Expected::Absent, &author("x")).await.unwrap();
    for spelled in ["m/Apps%2Ev2/proxies/x", "m/Apps.v2/proxies/x"] {
        let path = object_store::path::Path::from(format!("some/prefix/{spelled}"));
        let put = object_store::ObjectStoreExt::put(&*storage, &path, "x".into());
        put.await.unwrap();
    }
    assert_eq!(store.meshes().await.unwrap(), ["Apps.v2"]);
}

#[tokio::test]
async fn four_stores_that_write_one_mesh_lose_nothing_and_agree() {
    let directory = TempDir::new().unwrap();
    let open = || BucketStore::in_directory(directory.path(), options()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..4_u64 {
        let store = open();
        tasks.spawn(async move {
            for number in 0..40 {
                let name = format!("w{writer}-{number}");
                store
                    .put(node(&name, number), Expected::Absent, &author("x"))
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    // One that follows from the beginning, one that begins at a snapshot.
    let listing = open().list(&Prefix::mesh("apps")).await.unwrap();
    assert_eq!((listing.records.len(), listing.revision), (160, Revision(160)));
    let mut revisions: Vec<u64> = listing.records.iter().map(|record| record.revision.0).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=160).collect::<Vec<u64>>());
    let snapshots = directory.path().join("some/prefix/m/apps/snapshots");
    assert_eq!(std::fs::read_dir(snapshots).unwrap().count(), 1);
    assert_eq!(
        open().changes("apps", Revision(3), 10).await.unwrap(),
        Feed::Compacted {
            oldest: Revision(128)
        }
    );
}

#[tokio::test]
async fn a_run_without_a_sign_of_life_is_dead_and_its_work_is_adopted() {
    let storage = Arc::new(InMemory::new());
    let open = || {
        BucketStore::new(
            storage.clone(),
            BucketOptions {
                lease: Duration::from_secs(1),
                ..options()
            },
        )
    };
    let store = open();
    let run = store.open_run("one").await.unwrap();
    let who = Author {
        run: Some(run.clone()),
        ..author("one")
    };
    store.put(node("a", 1), Expected::Absent, &who).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        store.run_state(&run).await.unwrap(),
        RunState::Alive,
        "it is renewed"
    );
    drop(store);
    let store = open();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(store.run_state(&run).await.unwrap(), RunState::Dead);
    let mine = Author {
        run: Some(store.open_run("two").await.unwrap()),
        ..author("one")
    };
    let created = create(&store, node("a", 1), &mine).await.unwrap();
    assert!(matches!(created, Created::Adopted(_)), "{created:?}");
}

#[tokio::test]
async fn runs_that_died_long_ago_are_cleaned_away() {
    let directory = TempDir::new().unwrap();
    let storage = Arc::new(LocalFileSystem::new_with_prefix(directory.path()).unwrap());
    let open = || {
        BucketStore::new(
            storage.clone(),
            BucketOptions {
                lease: Duration::from_millis(600),
                ..BucketOptions::new("test://bucket", "")
            },
        )
    };
    let died = open();
    let (old, new) = (
        died.open_run("old").await.unwrap(),
        died.open_run("new").await.unwrap(),
    );
    drop(died);
    let file = |run: &crate::RunId| directory.path().join("runs").join(format!("{}.json", run.0));
    for (run, days) in [(&old, 31), (&new, 29)] {
        let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
        let file = std::fs::File::options().write(true).open(file(run)).unwrap();
        file.set_modified(then).unwrap();
    }
    let lives = open();
    let mine = lives.open_run("mine").await.unwrap();
    let begun = Instant::now();
    while file(&old).exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(lives.run_state(&new).await.unwrap(), RunState::Dead);
    assert_eq!(lives.run_state(&mine).await.unwrap(), RunState::Alive);
}

#[tokio::test]
async fn another_process_is_woken_by_one_object() {
    let storage = Arc::new(InMemory::new());
    let (writer, follower) = (in_memory(&storage), in_memory(&storage));
    let first = writer
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let written = first.revision;
    let watcher = tokio::spawn(async move { follower.watch("apps", written).await.unwrap() });
    // The hint of the first write, and the look of the watcher.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!watcher.is_finished());
    writer
        .put(node("b", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    // Without the hint it would look again after a minute.
    let told = tokio::time::timeout(Duration::from_secs(20), watcher)
        .await
        .unwrap();
    let Feed::Changes { changes, .. } = told.unwrap() else {
        panic!("compacted");
    };
    assert_eq!(changes.len(), 1);
}

#[tokio::test]
async fn a_flipped_bit_is_refused() {
    let directory = TempDir::new().unwrap();
    let open = || BucketStore::in_directory(directory.path(), options()).unwrap();
    open()
        .put(node("a", 1000), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let entry = directory
        .path()
        .join("some/prefix/m/apps/records/00000000000000000001.json");
    let text = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(&entry, text.replace("1000", "1002")).unwrap();
    let error = open().list(&Prefix::mesh("apps")).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("its digest"), "{error}");
    // As versions without digests wrote it.
    let (before, _) = text.split_once(",\"digest\"").unwrap();
    std::fs::write(&entry, format!("{before}}}").replace("1000", "1002")).unwrap();
    let listing = open().list(&Prefix::mesh("apps")).await.unwrap();
    assert_eq!(listing.records[0].body["spec"]["number"], 1002);
}

#[tokio::test]
async fn what_is_not_a_store_or_is_newer_or_damaged_is_refused() {
    let directory = TempDir::new().unwrap();
    let place = directory.path().join("some/prefix");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("holiday.jpg"), "x").unwrap();
    let open = || BucketStore::in_directory(directory.path(), options()).unwrap();
    let error = open()
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("holiday.jpg"), "{error}");
    std::fs::remove_file(place.join("holiday.jpg")).unwrap();
    // Agents and a poller that were started before the store was made have reported there.
    for report in [
        "m/shop/status/virtualNode/web/i.json",
        "m/shop/endpoints/lease.json",
    ] {
        let report = place.join(report);
        std::fs::create_dir_all(report.parent().unwrap()).unwrap();
        std::fs::write(report, "{}").unwrap();
    }
    let store = open();
    store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let log = place.join("m/apps/records");
    let entry = log.join("00000000000000000001.json");
    let whole = std::fs::read(&entry).unwrap();
    std::fs::write(&entry, &whole[..20]).unwrap();
    let error = open().list(&Prefix::mesh("apps")).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("00000000000000000001.json"), "{error}");
    std::fs::write(&entry, whole).unwrap();
    std::fs::write(log.join("00000000000000000003.json"), "{}").unwrap();
    let error = open().list(&Prefix::mesh("apps")).await.unwrap_err();
    assert!(error.to_string().contains("it is missing"), "{error}");
    let card = place.join("store.json");
    let text = std::fs::read_to_string(&card).unwrap();
    let (before, _) = text.split_once(",\"digest\"").unwrap();
    std::fs::write(
        card,
        format!("{before}}}").replace("\"format\":1", "\"format\":9"),
    )
    .unwrap();
    let error = open().establish(&Seed::default()).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 9,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_directory_that_went_away_is_not_made_anew() {
    let place = TempDir::new().unwrap();
    let (here, away) = (place.path().join("bucket"), place.path().join("away"));
    let url = format!("file://{}", here.display());
    let location = Location::parse(&url, place.path()).unwrap();
    let store = location.open(&Access::default(), &Seed::default()).unwrap();
    let writer = author("x");
    let put = |number| store.put(node(&format!("n{number}"), 1), Expected::Absent, &writer);
    // Not there yet: that is said, and not remembered.
    assert!(put(0).await.is_err());
    std::fs::create_dir(&here).unwrap();
    put(1).await.unwrap();
    // The hint that something has changed is written after the answer: a write under way makes its folder.
    while !here.join("wake").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    std::fs::rename(&here, &away).unwrap();
    for is_another in [false, true] {
        if is_another {
            std::fs::create_dir(&here).unwrap();
        }
        let error = put(2).await.unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
        assert!(store.list(&Prefix::all()).await.is_err());
    }
    // Nothing was written into the other one.
    std::fs::remove_dir(&here).unwrap();
    std::fs::rename(&away, &here).unwrap();
    put(3).await.unwrap();
    let kept = store.list(&Prefix::all()).await.unwrap().records;
    let names: Vec<&str> = kept.iter().map(|record| record.key.name.as_str()).collect();
    assert_eq!(names, ["n1", "n3"]);
}

//! The contract, and what is particular to files and processes.

mod bad;
mod crash;
mod files;

use super::{Setup, SqliteOptions, SqliteStore};
use crate::testing::{author, contract, node};
use crate::{Expected, Prefix, Store};
use std::future::ready;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn setup(directory: &Path) -> Setup {
    let mut options = SqliteOptions::new(directory.join(".meshform"));
    options.patience = Duration::from_secs(30);
    options.into()
}

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::start(setup(directory)).unwrap()
}

#[tokio::test]
async fn the_embedded_store_keeps_the_contract() {
    let directory = TempDir::new().unwrap();
    let next = AtomicUsize::new(0);
    contract(|| {
        let number = next.fetch_add(1, Ordering::Relaxed).to_string();
        let store: Arc<dyn Store> = Arc::new(open(&directory.path().join(number)));
        ready(store)
    })
    .await;
}

#[tokio::test]
async fn a_read_leaves_no_trace() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    store.list(&Prefix::all()).await.unwrap();
    drop(store);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_one_store_writes_the_other_reads_and_a_reopened_one_too() {
    let directory = TempDir::new().unwrap();
    let (one, two) = (open(directory.path()), open(directory.path()));
    let written = one
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    assert_eq!(two.get(&written.key).await.unwrap(), Some(written.clone()));
    let identity = two.identity().await.unwrap();
    drop((one, two));
    let again = open(directory.path());
    assert_eq!(again.get(&written.key).await.unwrap(), Some(written));
    assert_eq!(again.identity().await.unwrap(), identity);
}

#[tokio::test]
async fn ten_stores_that_are_created_at_once_are_one() {
    let directory = TempDir::new().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..10 {
        let store = open(directory.path());
        tasks.spawn(async move {
            let name = format!("n{number}");
            store
                .put(node(&name, number), Expected::Absent, &author(&name))
                .await
                .unwrap();
            store.identity().await.unwrap().unwrap().id
        });
    }
    let mut ids = tasks.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let store = open(directory.path());
    assert_eq!(store.list(&Prefix::mesh("apps")).await.unwrap().records.len(), 10);
    let names: Vec<_> = std::fs::read_dir(directory.path().join(".meshform"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".store"))
        .collect();
    assert!(names.is_empty(), "leftovers: {names:?}");
}

#[tokio::test]
async fn a_refused_write_leaves_those_that_are_committed_with_it() {
    let directory = TempDir::new().unwrap();
    let store = Arc::new(open(directory.path()));
    store
        .put(node("n0", 0), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40_u64 {
        let store = store.clone();
        // Every second one is there already, or was made by its neighbour.
        let draft = node(&format!("n{}", number / 2), number);
        tasks.spawn(async move { store.put(draft, Expected::Absent, &author("x")).await.is_ok() });
    }
    let made = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
    let listing = store.list(&Prefix::mesh("apps")).await.unwrap();
    assert_eq!((made, listing.records.len()), (19, 20));
    assert_eq!(listing.revision.0, 20, "a refused write makes no revision");
}

#[tokio::test]
async fn five_hundred_records_are_written_and_listed_quickly() {
    let directory = TempDir::new().unwrap();
    let store = Arc::new(open(directory.path()));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..500 {
        let store = store.clone();
        let draft = node(&format!("n{number}"), number);
        tasks.spawn(async move { store.put(draft, Expected::Absent, &author("x")).await.unwrap() });
    }
    tasks.join_all().await;
    let written = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(
        store.list(&Prefix::mesh("apps")).await.unwrap().records.len(),
        500
    );
    println!("500 puts {written:?}, one list {:?}", begun.elapsed());
    // Generous: this guards against one sync per record on a slow disk, not against a busy machine.
    assert!(written < Duration::from_secs(20), "{written:?}");
}

#[tokio::test]
async fn the_feed_does_not_grow_for_ever() {
    let directory = TempDir::new().unwrap();
    let mut setup = setup(directory.path());
    setup.keep_changes = 16;
    let store = SqliteStore::start(setup).unwrap();
    let mut record = store
        .put(node("a", 0), Expected::Absent, &author("x"))
        .await
        .unwrap();
    for number in 1..60 {
        record = store
            .put(node("a", number), Expected::At(record.revision), &author("x"))
            .await
            .unwrap();
    }
    let feed = store.changes("apps", crate::Revision(0), 100).await.unwrap();
    let crate::Feed::Compacted { oldest } = feed else {
        panic!("{feed:?}")
    };
    assert!((40..=44).contains(&oldest.0), "{oldest}");
}

//! Members that are killed, a cluster without a majority, its compaction, its quota, and keys of others.

use crate::cluster::{Cluster, bytes, wait};
use meshform_store::testing::{author, node};
use meshform_store::{Expected, Feed, Prefix, Revision, RunState, Store, StoreError};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const WRITERS: u64 = 4;
const EACH: u64 = 40;

/// Raises a counter so often; what was acknowledged.
async fn count(store: Arc<dyn Store>, writer: u64, done: Arc<AtomicUsize>) -> Vec<u64> {
    let (name, who) = (format!("n{writer}"), author(&writer.to_string()));
    let mut acknowledged = Vec::new();
    for number in 0..EACH {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < Duration::from_secs(60), "no write for a minute");
            let found = store.get(&node("shared", 0).key).await;
            let Ok(Some(found)) = found else { continue };
            let next = found.body["spec"]["number"].as_u64().unwrap() + 1;
            match store
                .put(node("shared", next), Expected::At(found.revision), &who)
                .await
            {
                Ok(_) => {
                    acknowledged.push(next);
                    break;
                }
                Err(error) => assert!(is_passing(&error), "{error}"),
            }
        }
        loop {
            let made = store
                .put(node(&format!("{name}-{number}"), number), Expected::Absent, &who)
                .await;
            match made {
                Ok(_) => break,
                Err(error) => assert!(is_passing(&error), "{error}"),
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

/// Lost to another writer, or no leader for longer than a write waits.
fn is_passing(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict(_) | StoreError::Busy { .. }) || error.code().0 == "MF0470"
}

/// What happens to a cluster while several write: every write that was acknowledged is there once.
fn amid_writers(mut cluster: Cluster, happens: impl FnOnce(&mut Cluster, &AtomicUsize)) {
    let url_store = cluster.store("s");
    wait(url_store.put(node("shared", 0), Expected::Absent, &author("x"))).unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            // A store for each, as processes have.
            let (store, done) = (cluster.store("s"), done.clone());
            std::thread::spawn(move || wait(count(store, writer, done)))
        })
        .collect();
    until_written(&done, 20);
    happens(&mut cluster, &done);
    let mut acknowledged: Vec<u64> = writers
        .into_iter()
        .flat_map(|writer| writer.join().unwrap())
        .collect();
    acknowledged.sort_unstable();
    let wanted: Vec<u64> = (1..=WRITERS * EACH).collect();
    assert_eq!(acknowledged, wanted, "each number was acknowledged once");
    let listing = wait(url_store.list(&Prefix::mesh("apps"))).unwrap();
    let wrote = usize::try_from(WRITERS * EACH).unwrap();
    assert_eq!(listing.records.len(), wrote + 1);
    let Feed::Changes { changes, head } = wait(url_store.changes("apps", Revision(0), 10_000)).unwrap()
    else {
        panic!("compacted");
    };
    assert_eq!(changes.len(), 2 * wrote + 1, "one entry for each write");
    assert!(changes.is_sorted_by(|a, b| a.revision < b.revision));
    assert_eq!(head, listing.revision);
}

fn until_written(done: &AtomicUsize, count: usize) {
    let begun = Instant::now();
    while done.load(Ordering::Relaxed) < count {
        assert!(begun.elapsed() < Duration::from_secs(60), "no write for a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_leader_is_killed_amid_writers_and_every_acknowledged_write_is_there_once() {
    amid_writers(Cluster::start(3), |cluster, _| cluster.kill(cluster.leader()));
}

#[test]
fn the_leader_is_cut_off_from_the_others_amid_writers_and_comes_back() {
    amid_writers(Cluster::start(3), |cluster, done| {
        let leader = cluster.leader();
        cluster.cut_off(leader);
        let others: Vec<usize> = (0..3).filter(|number| *number != leader).collect();
        cluster.leader_among(&others);
        // Whoever speaks to the member that was cut off goes on with another.
        until_written(done, done.load(Ordering::Relaxed) + 20);
        cluster.join_again(leader);
    });
}

#[test]
fn through_a_member_that_is_cut_off_nothing_is_acknowledged_until_it_joins_again() {
    let cluster = Cluster::start(3);
    let who = author("x");
    let leader = cluster.leader();
    let alone = cluster.store_of(leader, "s");
    wait(alone.put(node("shared", 0), Expected::Absent, &who)).unwrap();
    cluster.cut_off(leader);
    let others: Vec<usize> = (0..3).filter(|number| *number != leader).collect();
    cluster.leader_among(&others);
    let error = wait(alone.put(node("other", 1), Expected::Absent, &who)).unwrap_err();
    assert!(is_passing(&error), "{error}");
    // What is read is not older than what was acknowledged, or not read at all.
    let read = wait(alone.get(&node("shared", 0).key));
    assert!(read.as_ref().map_or_else(is_passing, Option::is_some), "{read:?}");
    cluster.join_again(leader);
    let begun = Instant::now();
    let written = loop {
        match wait(alone.put(node("other", 2), Expected::Absent, &who)) {
            Ok(record) => break record,
            // The first try may have been stored after all.
            Err(StoreError::Conflict(conflict)) => break conflict.found.unwrap(),
            Err(error) => assert!(is_passing(&error), "{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no write for a minute");
    };
    let whole = cluster.store("s");
    assert_eq!(wait(whole.get(&written.key)).unwrap(), Some(written));
}

#[test]
fn without_a_majority_nothing_is_acknowledged_and_nothing_is_lost() {
    let mut cluster = Cluster::start(3);
    let store = cluster.store("s");
    let who = author("x");
    let first = wait(store.put(node("a", 1), Expected::Absent, &who)).unwrap();
    cluster.kill(0);
    // Two of three go on.
    let second = wait(store.put(node("a", 2), Expected::At(first.revision), &who)).unwrap();
    assert_eq!(wait(store.get(&first.key)).unwrap().unwrap(), second);
    cluster.kill(1);
    let begun = Instant::now();
    let error = wait(store.put(node("a", 3), Expected::At(second.revision), &who)).unwrap_err();
    assert_eq!(error.code().0, "MF0470", "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let url = cluster.url("s");
    assert!(error.to_string().contains(&url), "{error}");
    assert!(error.help().contains("most members"), "{}", error.help());
    // A second request does not wait as long.
    let error = wait(store.get(&first.key)).unwrap_err();
    assert_eq!(error.code().0, "MF0470", "{error}");
}

#[test]
fn a_follower_outlives_etcds_compaction() {
    let cluster = Cluster::start(1);
    let (store, follower) = (cluster.store("s"), cluster.store("s"));
    let who = author("x");
    let first = wait(store.put(node("a", 1), Expected::Absent, &who)).unwrap();
    let following = std::thread::spawn(move || {
        wait(async {
            let mut at = first.revision;
            let mut seen = Vec::new();
            while seen.len() < 20 {
                let told = tokio::time::timeout(Duration::from_secs(20), follower.watch("apps", at)).await;
                let Feed::Changes { changes, .. } = told.unwrap().unwrap() else {
                    panic!("our own log is not etcd's history");
                };
                at = changes.last().unwrap().revision;
                seen.extend(changes.into_iter().map(|change| change.key.name));
            }
            seen
        })
    });
    for number in 0..20 {
        let made = wait(store.put(node(&format!("n{number}"), 1), Expected::Absent, &who)).unwrap();
        let compacted = cluster.ask(
            "/v3/kv/compaction",
            &json!({ "revision": made.revision.0.to_string(), "physical": true }),
        );
        assert!(compacted.get("header").is_some(), "{compacted}");
    }
    let wanted: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    assert_eq!(following.join().unwrap(), wanted);
    // Whoever comes later reads the same.
    let Feed::Changes { changes, .. } = wait(cluster.store("s").changes("apps", Revision(0), 100)).unwrap()
    else {
        panic!("compacted");
    };
    assert_eq!(changes.len(), 21);
}

#[test]
fn a_full_quota_is_told_and_reading_goes_on() {
    let quota = 4 * 1024 * 1024;
    let cluster = Cluster::with(1, "etcd", |_| vec![format!("--quota-backend-bytes={quota}")]);
    let store = cluster.store("s");
    let who = author("x");
    let first = wait(store.put(node("a", 1), Expected::Absent, &who)).unwrap();
    let mut refused = None;
    for number in 0_u32..200 {
        let blob = vec![number.to_le_bytes(); 25_000].concat();
        if let Err(error) = wait(store.put_blobs("apps", vec![blob])) {
            refused = Some(error);
            break;
        }
    }
    let error = refused.expect("the quota is never reached");
    assert_eq!(error.code().0, "MF0473", "{error}");
    assert!(error.help().contains("etcdctl alarm disarm"), "{}", error.help());
    let error = wait(store.put(node("b", 1), Expected::Absent, &who)).unwrap_err();
    assert_eq!(error.code().0, "MF0473", "{error}");
    assert_eq!(wait(store.get(&first.key)).unwrap(), Some(first));
}

#[test]
fn keys_of_others_are_left_alone() {
    let cluster = Cluster::start(1);
    let other = json!({ "key": bytes("theirs/config"), "value": bytes("1") });
    cluster.ask("/v3/kv/put", &other);
    let store = cluster.store("theirs");
    let error = wait(store.put(node("a", 1), Expected::Absent, &author("x"))).unwrap_err();
    assert_eq!(error.code().0, "MF0403", "{error}");
    assert!(error.to_string().contains("`theirs/config`"), "{error}");
    assert!(error.help().contains("a prefix of its own"), "{}", error.help());
    let all = json!({ "key": bytes("theirs/"), "range_end": bytes("theirs0") });
    assert_eq!(cluster.ask("/v3/kv/range", &all)["count"], "1");
    // Beside it is room, also for one whose name begins the same.
    let store = cluster.store("their");
    wait(store.put(node("a", 1), Expected::Absent, &author("x"))).unwrap();
    // What somebody writes among the records hides none of them.
    let stray = json!({ "key": bytes("their/m/apps/r/virtualNode/b"), "value": bytes("{") });
    cluster.ask("/v3/kv/put", &stray);
    let listing = wait(store.list(&Prefix::mesh("apps"))).unwrap();
    assert_eq!(listing.records.len(), 1);
    assert_eq!(listing.unreadable.len(), 1);
    assert!(listing.unreadable[0].what.ends_with("virtualNode/b"));
}

#[test]
fn more_than_a_request_may_have_is_told() {
    let cluster = Cluster::start(1);
    let store = cluster.store("s");
    let mut draft = node("a", 1);
    draft.body["spec"]["text"] = "x".repeat(2_000_000).into();
    let error = wait(store.put(draft, Expected::Absent, &author("x"))).unwrap_err();
    assert_eq!(error.code().0, "MF0474", "{error}");
    // Blobs have no such bound.
    let blob: Vec<u8> = (0..=255).cycle().take(5_000_000).collect();
    let digests = wait(store.put_blobs("apps", vec![blob.clone()])).unwrap();
    assert_eq!(wait(store.blob("apps", &digests[0])).unwrap(), Some(blob));
}

#[test]
fn a_process_that_was_stopped_for_too_long_writes_nothing_more() {
    let cluster = Cluster::start(1);
    let url = cluster.url("s");
    let meshform_store::Location::Etcd(url) =
        meshform_store::Location::parse(&url, std::path::Path::new("/")).unwrap()
    else {
        panic!("it is a cluster");
    };
    let open = || {
        let store = meshform_store::EtcdStore::open(&url, Default::default(), Default::default());
        store.with_lease(Duration::from_secs(2))
    };
    let (mine, other) = (open(), open());
    let run = wait(mine.open_run("me")).unwrap();
    let who = meshform_store::Author {
        run: Some(run.clone()),
        ..author("x")
    };
    let record = wait(mine.put(node("a", 1), Expected::Absent, &who)).unwrap();
    assert_eq!(wait(other.run_outcome(&run)).unwrap(), RunState::Alive);
    // The lease ends as it does for a process that renews nothing.
    let leases = cluster.ask("/v3/lease/leases", &json!({}));
    let lease = leases["leases"][0]["ID"].as_str().unwrap().to_owned();
    cluster.ask("/v3/lease/revoke", &json!({ "ID": lease }));
    assert_eq!(wait(other.run_outcome(&run)).unwrap(), RunState::Dead);
    let error = wait(mine.put(node("a", 2), Expected::At(record.revision), &who)).unwrap_err();
    assert_eq!(error.code().0, "MF0476", "{error}");
    let error = wait(mine.delete(&record.key, record.revision, &who)).unwrap_err();
    assert_eq!(error.code().0, "MF0476", "{error}");
    // What it had made and could not report is taken over by the next run of the same owner.
    let next = wait(other.open_run("me again")).unwrap();
    let who = meshform_store::Author {
        run: Some(next),
        ..author("x")
    };
    let made = wait(meshform_store::create(&other, node("a", 1), &who)).unwrap();
    assert!(matches!(made, meshform_store::Created::Adopted(_)), "{made:?}");
}

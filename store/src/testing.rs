//! The suite that every backend must pass.
//!
//! `contract` runs each case on a fresh, empty store. A case fails by panicking, as tests do.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "this module is a test suite; it is compiled for tests only"
)]

mod counted;
mod whole_store;

pub use counted::CountedStore;

use crate::{
    Action, Author, Created, Digest, Expected, Feed, ImportedIdentity, PointerWrite, Prefix, RecordDraft,
    Revision, RunState, Seed, Store, StoreError, Timestamp, create, expect_identity,
};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use serde_json::{Value, json};
use std::sync::Arc;
use whole_store::{
    meshes_are_named, settings_are_set_by_who_saw_their_last_value, who_watches_learns_of_what_is_written,
};

/// Runs every case; `make` gives a fresh, empty store each time.
pub async fn contract<F, Fut>(make: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    reads_of_an_empty_store_are_empty_and_create_nothing(&*make().await).await;
    an_identity_is_fixed_at_creation(&*make().await).await;
    a_record_is_written_read_changed_and_deleted(&*make().await).await;
    what_a_record_brings_is_kept(&*make().await).await;
    a_writer_who_expects_something_else_loses_and_learns_who_was_first(&*make().await).await;
    lists_are_by_prefix_and_ordered(&*make().await).await;
    names_of_any_letters_do_not_mix(&*make().await).await;
    the_feed_tells_every_write_in_order_and_says_when_it_was_compacted(&*make().await).await;
    meshes_do_not_share_revisions(&*make().await).await;
    meshes_are_named(&*make().await).await;
    who_watches_learns_of_what_is_written(make().await).await;
    blobs_are_named_by_content(&*make().await).await;
    a_pointer_is_only_set_by_who_saw_its_last_value(&*make().await).await;
    settings_are_set_by_who_saw_their_last_value(&*make().await).await;
    runs_live_and_are_closed(&*make().await).await;
    a_create_of_what_a_living_run_wrote_is_a_conflict(&*make().await).await;
    one_of_many_creators_wins(make().await).await;
    counters_that_many_increase_lose_nothing(make().await).await;
}

pub fn author(owner: &str) -> Author {
    Author {
        owner: owner.to_owned(),
        actor: format!("{owner}@test"),
        run: None,
    }
}

/// A virtual node of the mesh `apps`, with a number to tell its versions apart.
pub fn node(name: &str, number: u64) -> RecordDraft {
    RecordDraft::new(
        ResourceKey::in_mesh("apps", Kind::VirtualNode, name),
        body(number),
    )
}

fn body(number: u64) -> Value {
    json!({"spec": {"number": number, "text": "ü \u{0}\n\"", "empty": {}, "null": null}})
}

async fn reads_of_an_empty_store_are_empty_and_create_nothing(store: &dyn Store) {
    let key = ResourceKey::mesh("apps");
    assert_eq!(store.get(&key).await.unwrap(), None);
    let listing = store.list(&Prefix::mesh("apps")).await.unwrap();
    assert!(listing.records.is_empty() && listing.revision == Revision(0));
    let feed = store.changes("apps", Revision(0), 10).await.unwrap();
    assert_eq!(
        feed,
        Feed::Changes {
            changes: vec![],
            head: Revision(0)
        }
    );
    assert_eq!(store.blob("apps", &Digest::of(b"x")).await.unwrap(), None);
    assert!(store.blobs("apps").await.unwrap().is_empty());
    assert_eq!(store.pointer("apps", "release").await.unwrap(), None);
    assert_eq!(store.identity().await.unwrap(), None, "a read created the store");
    let error = expect_identity(store, "lost").await.unwrap_err();
    assert!(matches!(error, StoreError::Other { found: None, .. }), "{error}");
}

async fn an_identity_is_fixed_at_creation(store: &dyn Store) {
    let seed = Seed::new("aws", "eu-west-1", "123456789012").unwrap();
    let made = store.establish(&seed).await.unwrap();
    assert_eq!(made.seed, seed);
    let again = store.establish(&Seed::default()).await.unwrap();
    assert_eq!(again, made, "an existing store keeps its identity");
    assert_eq!(store.identity().await.unwrap(), Some(made.clone()));
    expect_identity(store, &made.id).await.unwrap();
    assert!(expect_identity(store, "another").await.is_err());
    let record = store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    assert_eq!(
        record.identity.arn,
        "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/a"
    );
    assert_eq!(record.identity.mesh_owner, "123456789012");
}

async fn a_record_is_written_read_changed_and_deleted(store: &dyn Store) {
    let who = author("team");
    let first = store.put(node("a", 1), Expected::Absent, &who).await.unwrap();
    assert_eq!((first.version, &first.author), (1, &who));
    assert_eq!(store.get(&first.key).await.unwrap(), Some(first.clone()));
    let second = store
        .put(node("a", 2), Expected::At(first.revision), &who)
        .await
        .unwrap();
    assert_eq!(second.version, 2);
    assert!(second.revision > first.revision);
    assert_eq!(
        second.identity, first.identity,
        "a change keeps ARN, uid and owners"
    );
    assert_eq!(second.created_at, first.created_at);
    assert_eq!(store.get(&first.key).await.unwrap(), Some(second.clone()));
    store.delete(&first.key, second.revision, &who).await.unwrap();
    assert_eq!(store.get(&first.key).await.unwrap(), None);
    let anew = store.put(node("a", 3), Expected::Absent, &who).await.unwrap();
    assert_eq!(anew.version, 1);
    assert_ne!(
        anew.identity.uid, first.identity.uid,
        "another resource of the same name"
    );
    let stale = store.put(node("a", 4), Expected::At(first.revision), &who).await;
    assert!(stale.is_err(), "a revision never comes again");
}

async fn what_a_record_brings_is_kept(store: &dyn Store) {
    let imported = ImportedIdentity {
        arn: Some("arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/a".to_owned()),
        uid: Some("u".to_owned()),
        mesh_owner: Some("111111111111".to_owned()),
        resource_owner: Some("123456789012".to_owned()),
        created_at: Some(Timestamp(1)),
        last_updated_at: Some(Timestamp(2)),
        version: Some(7),
    };
    let draft = RecordDraft {
        imported: imported.clone(),
        ..node("a", 1)
    };
    let record = store.put(draft, Expected::Absent, &author("x")).await.unwrap();
    let identity = &record.identity;
    assert_eq!(
        (Some(&identity.arn), Some(&identity.uid)),
        (imported.arn.as_ref(), imported.uid.as_ref())
    );
    assert_eq!(
        (record.version, record.created_at, record.last_updated_at),
        (7, Timestamp(1), Timestamp(2))
    );
    let next = store
        .put(node("a", 2), Expected::At(record.revision), &author("x"))
        .await
        .unwrap();
    assert_eq!(
        (next.version, &next.identity, next.created_at),
        (8, identity, Timestamp(1))
    );
}

async fn a_writer_who_expects_something_else_loses_and_learns_who_was_first(store: &dyn Store) {
    let (one, two) = (author("one"), author("two"));
    let first = store.put(node("a", 1), Expected::Absent, &one).await.unwrap();
    let error = store.put(node("a", 2), Expected::Absent, &two).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("virtual node `a` in mesh `apps` exists already"),
        "{text}"
    );
    assert!(text.contains("`one@test` (owner `one`)"), "{text}");
    assert!(text.contains(&first.last_updated_at.to_string()), "{text}");
    let second = store
        .put(node("a", 3), Expected::At(first.revision), &one)
        .await
        .unwrap();
    for lost in [
        store
            .put(node("a", 4), Expected::At(first.revision), &two)
            .await
            .err(),
        store.delete(&first.key, first.revision, &two).await.err(),
    ] {
        let Some(StoreError::Conflict(conflict)) = lost else {
            panic!("{lost:?}");
        };
        assert_eq!(conflict.found.as_ref(), Some(&second));
    }
    assert_eq!(
        store.get(&first.key).await.unwrap(),
        Some(second.clone()),
        "the loser wrote nothing"
    );
    store.delete(&first.key, second.revision, &one).await.unwrap();
    let error = store
        .put(node("a", 5), Expected::At(second.revision), &two)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("was deleted by `one@test`"), "{error}");
    let error = store
        .delete(&node("never", 0).key, Revision(1), &two)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

async fn lists_are_by_prefix_and_ordered(store: &dyn Store) {
    let who = author("x");
    let router = ResourceKey::in_mesh("apps", Kind::VirtualRouter, "r");
    let other = ResourceKey::in_mesh("apps", Kind::VirtualRouter, "s");
    let keys = [
        ResourceKey::child(&router, Kind::Route, "b"),
        ResourceKey::child(&other, Kind::Route, "a"),
        ResourceKey::child(&router, Kind::Route, "a"),
        ResourceKey::mesh("apps"),
        ResourceKey::mesh("apps2"),
        router.clone(),
    ];
    for key in &keys {
        store
            .put(RecordDraft::new(key.clone(), body(0)), Expected::Absent, &who)
            .await
            .unwrap();
    }
    let names = async |prefix: Prefix| -> Vec<String> {
        let listing = store.list(&prefix).await.unwrap();
        listing.records.iter().map(|record| record.key.path()).collect()
    };
    let routes = names(Prefix::mesh("apps").kind(Kind::Route).parent("r")).await;
    assert_eq!(
        routes,
        [
            "mesh/apps/virtualRouter/r/route/a",
            "mesh/apps/virtualRouter/r/route/b"
        ]
    );
    assert_eq!(names(Prefix::mesh("apps").kind(Kind::Route)).await.len(), 3);
    assert_eq!(
        names(Prefix::mesh("apps")).await.len(),
        5,
        "apps2 is another mesh"
    );
    assert_eq!(
        names(Prefix::all().kind(Kind::Mesh)).await,
        ["mesh/apps", "mesh/apps2"]
    );
    let all = store.list(&Prefix::all()).await.unwrap().records;
    assert!(all.is_sorted_by_key(|record| record.key.clone()));
    assert_eq!(all.len(), keys.len());
}

async fn names_of_any_letters_do_not_mix(store: &dyn Store) {
    let who = author("x");
    let names = [
        "a",
        "A",
        "a.b",
        "a b",
        "ä",
        "a%2Eb",
        "..",
        "'; DROP TABLE records; --",
        "%",
        "_",
        "a\u{301}",
    ];
    for (number, name) in names.iter().enumerate() {
        store
            .put(node(name, number as u64), Expected::Absent, &who)
            .await
            .unwrap();
    }
    for (number, name) in names.iter().enumerate() {
        let draft = node(name, number as u64);
        let found = store.get(&draft.key).await.unwrap().unwrap();
        assert_eq!(found.body, draft.body, "{name}");
    }
    assert_eq!(
        store.list(&Prefix::mesh("apps")).await.unwrap().records.len(),
        names.len()
    );
}

async fn the_feed_tells_every_write_in_order_and_says_when_it_was_compacted(store: &dyn Store) {
    let who = author("x");
    let a = store.put(node("a", 1), Expected::Absent, &who).await.unwrap();
    let b = store.put(node("b", 1), Expected::Absent, &who).await.unwrap();
    let gone = store.delete(&a.key, a.revision, &who).await.unwrap();
    let Feed::Changes { changes, head } = store.changes("apps", Revision(0), 10).await.unwrap() else {
        panic!("compacted");
    };
    let told: Vec<_> = changes.iter().map(|c| (c.revision, &c.key, c.action)).collect();
    let wanted = [
        (a.revision, &a.key, Action::Put),
        (b.revision, &b.key, Action::Put),
        (gone.revision, &a.key, Action::Delete),
    ];
    assert_eq!(told, wanted);
    assert_eq!((head, &changes[2].author), (gone.revision, &who));
    assert_eq!(store.list(&Prefix::mesh("apps")).await.unwrap().revision, head);
    let all = store.changed_records("apps", Revision(0), 10).await.unwrap();
    assert_eq!(all.feed, Feed::Changes { changes, head });
    assert_eq!(
        all.records,
        std::slice::from_ref(&b),
        "with the records that are there"
    );
    let Feed::Changes { changes, .. } = store.changes("apps", a.revision, 1).await.unwrap() else {
        panic!("compacted");
    };
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].revision, b.revision);
    store.compact("apps", b.revision).await.unwrap();
    let feed = store.changes("apps", a.revision, 10).await.unwrap();
    assert_eq!(feed, Feed::Compacted { oldest: b.revision });
    let Feed::Changes { changes, .. } = store.changes("apps", b.revision, 10).await.unwrap() else {
        panic!("what is kept is told");
    };
    assert_eq!(changes.len(), 1);
}

async fn meshes_do_not_share_revisions(store: &dyn Store) {
    let who = author("x");
    let other = RecordDraft::new(ResourceKey::mesh("other"), body(0));
    store.put(node("a", 1), Expected::Absent, &who).await.unwrap();
    store.put(other, Expected::Absent, &who).await.unwrap();
    let Feed::Changes { changes, .. } = store.changes("other", Revision(0), 10).await.unwrap() else {
        panic!("compacted");
    };
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].key.mesh, "other");
}

async fn blobs_are_named_by_content(store: &dyn Store) {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let blobs = vec![b"one".to_vec(), bytes.clone(), Vec::new(), b"one".to_vec()];
    let digests = store.put_blobs("apps", blobs).await.unwrap();
    assert_eq!(digests[0], digests[3]);
    assert_eq!(
        digests[2].as_str(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(store.blob("apps", &digests[1]).await.unwrap(), Some(bytes));
    assert_eq!(store.blob("apps", &digests[2]).await.unwrap(), Some(vec![]));
    assert_eq!(
        store.blob("other", &digests[1]).await.unwrap(),
        None,
        "blobs belong to a mesh"
    );
    let infos = store.blobs("apps").await.unwrap();
    assert_eq!(infos.len(), 3);
    assert!(infos.is_sorted_by_key(|info| info.digest.clone()));
    assert!(infos.iter().any(|info| info.size == 100_000));
    store.put_blobs("apps", vec![b"one".to_vec()]).await.unwrap();
    assert_eq!(store.blobs("apps").await.unwrap().len(), 3);
    store
        .delete_blobs("apps", &[digests[1].clone(), Digest::of(b"never")])
        .await
        .unwrap();
    assert_eq!(store.blob("apps", &digests[1]).await.unwrap(), None);
    assert_eq!(store.blobs("apps").await.unwrap().len(), 2);
}

async fn a_pointer_is_only_set_by_who_saw_its_last_value(store: &dyn Store) {
    let write = |expected: Option<u64>, value: &str| PointerWrite {
        mesh: "apps".to_owned(),
        name: "release".to_owned(),
        expected,
        value: value.to_owned(),
    };
    let (one, two) = (author("one"), author("two"));
    assert!(
        store.set_pointer(write(Some(1), "x"), &one).await.is_err(),
        "it is not there"
    );
    let first = store.set_pointer(write(None, "a"), &one).await.unwrap();
    let error = store.set_pointer(write(None, "b"), &two).await.unwrap_err();
    assert!(error.to_string().contains("was set by `one@test`"), "{error}");
    let second = store
        .set_pointer(write(Some(first.version), "b"), &two)
        .await
        .unwrap();
    let error = store
        .set_pointer(write(Some(first.version), "c"), &one)
        .await
        .unwrap_err();
    let StoreError::PointerConflict(conflict) = error else {
        panic!("{error}");
    };
    assert_eq!(conflict.found.as_ref(), Some(&second));
    let found = store.pointer("apps", "release").await.unwrap().unwrap();
    assert_eq!((found.value.as_str(), &found.author), ("b", &two));
    assert_eq!(store.pointer("other", "release").await.unwrap(), None);
}

async fn runs_live_and_are_closed(store: &dyn Store) {
    let (one, two) = (
        store.open_run("a").await.unwrap(),
        store.open_run("b").await.unwrap(),
    );
    assert_ne!(one, two);
    assert_eq!(store.run_state(&one).await.unwrap(), RunState::Alive);
    store.close_run(&one).await.unwrap();
    assert_eq!(store.run_state(&one).await.unwrap(), RunState::Closed);
    assert_eq!(store.run_state(&two).await.unwrap(), RunState::Alive);
    let never = crate::RunId("../never".to_owned());
    assert_eq!(store.run_state(&never).await.unwrap(), RunState::Closed);
}

async fn a_create_of_what_a_living_run_wrote_is_a_conflict(store: &dyn Store) {
    let run = store.open_run("one").await.unwrap();
    let who = Author {
        run: Some(run.clone()),
        ..author("one")
    };
    let made = create(store, node("a", 1), &who).await.unwrap();
    assert!(matches!(made, Created::New(_)));
    assert!(
        create(store, node("a", 1), &who).await.is_err(),
        "a run does not adopt from itself"
    );
    store.close_run(&run).await.unwrap();
    assert!(
        create(store, node("a", 1), &who).await.is_err(),
        "a run that was closed could report"
    );
}

async fn one_of_many_creators_wins(store: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let store = store.clone();
        tasks.spawn(async move {
            let who = author(&number.to_string());
            store.put(node("a", number), Expected::Absent, &who).await
        });
    }
    let outcomes = tasks.join_all().await;
    let winners: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(
        store.get(&node("a", 0).key).await.unwrap().as_ref(),
        winners.first()
    );
}

async fn counters_that_many_increase_lose_nothing(store: Arc<dyn Store>) {
    const TASKS: u64 = 4;
    const EACH: u64 = 10;
    store
        .put(node("a", 0), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let who = author(&number.to_string());
            for _ in 0..EACH {
                loop {
                    let found = store.get(&node("a", 0).key).await.unwrap().unwrap();
                    let count = found.body["spec"]["number"].as_u64().unwrap();
                    let draft = node("a", count + 1);
                    match store.put(draft, Expected::At(found.revision), &who).await {
                        Ok(_) => break,
                        Err(StoreError::Conflict(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    let record = store.get(&node("a", 0).key).await.unwrap().unwrap();
    assert_eq!(record.body["spec"]["number"], TASKS * EACH);
    assert_eq!(record.version, TASKS * EACH + 1);
    let Feed::Changes { changes, .. } = store.changes("apps", Revision(0), 1000).await.unwrap() else {
        panic!("compacted");
    };
    let revisions: Vec<u64> = changes.iter().map(|change| change.revision.0).collect();
    assert!(
        revisions.is_sorted_by(|a, b| a < b),
        "one revision for each write: {revisions:?}"
    );
    assert_eq!(revisions.len() as u64, TASKS * EACH + 1);
}

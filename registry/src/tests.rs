//! The operations on a store, without Terraform.

use crate::{Adoption, Collection, IgnoredTags, Page, Policy, Registry, RegistryError, Update};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_store::{
    Author, Created, ImportedIdentity, Record, RecordDraft, Revision, SqliteOptions, SqliteStore, StoreError,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

struct Bench {
    directory: TempDir,
    registry: Registry,
}

fn by(owner: &str) -> Author {
    Author {
        owner: owner.to_owned(),
        actor: format!("{owner}@test"),
        run: None,
    }
}

fn in_mesh(kind: Kind, name: &str) -> ResourceKey {
    ResourceKey::in_mesh("apps", kind, name)
}

/// A body that names what it refers to.
fn body(kind: Kind, to: &str) -> Value {
    match kind {
        Kind::VirtualService => json!({"spec": {"provider": {"virtualNode": {"virtualNodeName": to}}}}),
        Kind::VirtualNode => json!({"spec": {"backends": [{"virtualService": {"virtualServiceName": to}}]}}),
        Kind::Route => json!({"spec": {"httpRoute": {
            "match": {"prefix": "/"},
            "action": {"weightedTargets": [{"virtualNode": to, "weight": 1}]},
        }}}),
        _ => json!({"spec": {}}),
    }
}

impl Bench {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = SqliteStore::open(SqliteOptions::new(directory.path().join("store"))).unwrap();
        Self {
            directory,
            registry: Registry::new(Arc::new(store)),
        }
    }

    async fn create(&self, key: &ResourceKey, to: &str, owner: &str) -> Record {
        let draft = RecordDraft::new(key.clone(), body(key.kind, to));
        self.registry.create(draft, &by(owner)).await.unwrap().record()
    }

    async fn update(
        &self,
        seen: &Record,
        body: Value,
        owner: &str,
        policy: &Policy,
    ) -> crate::Result<Record> {
        let update = Update {
            draft: RecordDraft::new(seen.key.clone(), body),
            seen: Some(seen.revision),
            base: || Some(seen.body.clone()),
        };
        self.registry.update(update, &by(owner), policy).await
    }

    async fn refused(&self, key: &ResourceKey, owner: &str, policy: &Policy) -> RegistryError {
        let error = self
            .registry
            .delete(key, None, &by(owner), policy)
            .await
            .unwrap_err();
        assert_eq!(error.code().0, "MF0704", "{error}");
        assert!(self.registry.get(key).await.unwrap().is_some());
        error
    }
}

fn patient() -> Policy {
    Policy {
        patience: Duration::from_millis(300),
        ..Policy::default()
    }
}

#[tokio::test]
async fn what_contains_something_stays_until_that_is_gone() {
    let bench = Bench::new();
    let router = in_mesh(Kind::VirtualRouter, "r");
    let route = ResourceKey::child(&router, Kind::Route, "all");
    bench.create(&ResourceKey::mesh("apps"), "", "us").await;
    bench.create(&router, "", "us").await;
    bench.create(&route, "a", "routing").await;
    for (key, words) in [
        (
            &router,
            "virtual router `r` in mesh `apps` still contains route `all`",
        ),
        (
            &ResourceKey::mesh("apps"),
            "mesh `apps` still contains virtual router `r` in mesh `apps` and 1 more",
        ),
    ] {
        let error = bench.refused(key, "us", &patient()).await;
        assert!(error.to_string().starts_with(words), "{error}");
        assert_eq!(error.help(), "delete its contents first");
    }
    // Somebody takes it away while the delete waits.
    let (gone, ()) = tokio::join!(
        async {
            let policy = Policy {
                patience: Duration::from_secs(20),
                ..Policy::default()
            };
            bench.registry.delete(&router, None, &by("us"), &policy).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let gone = bench
                .registry
                .delete(&route, None, &by("routing"), &Policy::default())
                .await;
            gone.unwrap();
        }
    );
    assert!(gone.unwrap().is_some());
    let again = bench
        .registry
        .delete(&router, None, &by("us"), &Policy::default())
        .await;
    assert_eq!(again.unwrap(), None, "what is gone is gone");
}

#[tokio::test]
async fn references_of_others_keep_a_resource_and_ones_own_only_strictly() {
    let bench = Bench::new();
    let (node, service) = (
        in_mesh(Kind::VirtualNode, "a"),
        in_mesh(Kind::VirtualService, "a.local"),
    );
    bench.create(&node, "a.local", "us").await;
    bench.create(&service, "a", "us").await;
    let error = bench.refused(&node, "us", &Policy::app_mesh()).await;
    assert!(error.to_string().contains("is provided by"), "{error}");
    let error = bench.refused(&node, "them", &Policy::default()).await;
    assert!(error.to_string().contains("`us@test` (owner `us`)"), "{error}");
    // App Mesh let a backend go, whoever calls it.
    let gone = bench
        .registry
        .delete(&service, None, &by("them"), &Policy::app_mesh())
        .await;
    assert!(gone.unwrap().is_some());
    bench
        .registry
        .delete(&node, None, &by("us"), &Policy::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn another_owners_write_is_a_conflict_and_ones_own_is_merged() {
    let bench = Bench::new();
    let first = bench
        .create(&in_mesh(Kind::VirtualNode, "a"), "b.local", "us")
        .await;
    let with = |name: &str, value: Value| {
        let mut body = first.body.clone();
        body["spec"][name] = value;
        body
    };
    let policy = Policy::default();
    let second = bench
        .update(&first, with("x", json!(1)), "us", &policy)
        .await
        .unwrap();
    let merged = bench
        .update(&first, with("y", json!(2)), "us", &policy)
        .await
        .unwrap();
    assert_eq!(
        (&merged.body["spec"]["x"], &merged.body["spec"]["y"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(merged.version, 3);
    let error = bench
        .update(&first, with("x", json!(3)), "us", &policy)
        .await
        .unwrap_err();
    let RegistryError::BothChanged { fields, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        fields.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["/spec/x"]
    );
    assert!(error.is_conflict() && !error.is_not_found());
    assert_eq!(error.diagnostics()[0].places[0].pointer.to_string(), "/spec/x");
    let error = bench
        .update(&second, with("x", json!(4)), "them", &policy)
        .await
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::Store(StoreError::Conflict(_))),
        "{error}"
    );
    bench
        .registry
        .delete(&first.key, None, &by("us"), &policy)
        .await
        .unwrap();
    let error = bench
        .update(&merged, with("x", json!(4)), "us", &policy)
        .await
        .unwrap_err();
    assert!(error.is_not_found() && !error.is_conflict(), "{error}");
    assert!(error.to_string().contains("was deleted by `us@test`"), "{error}");
}

#[tokio::test]
async fn a_writer_who_has_seen_nothing_writes_over_what_is_there() {
    let bench = Bench::new();
    let key = in_mesh(Kind::VirtualNode, "a");
    let update = |body: Value| Update {
        draft: RecordDraft::new(key.clone(), body),
        seen: None,
        base: || None,
    };
    let policy = Policy::default();
    let absent = bench
        .registry
        .update(update(json!({})), &by("us"), &policy)
        .await
        .unwrap_err();
    assert!(absent.is_not_found(), "{absent}");
    bench.create(&key, "b.local", "us").await;
    let written = bench
        .registry
        .update(update(json!({"spec": {}})), &by("api"), &policy)
        .await
        .unwrap();
    assert_eq!((written.version, written.author.owner.as_str()), (2, "api"));
}

#[tokio::test]
async fn tags_that_are_left_to_others_stay() {
    let bench = Bench::new();
    let tags = |pairs: &[(&str, &str)]| -> Value {
        let all = pairs
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}));
        json!({"spec": {}, "tags": all.collect::<Vec<_>>()})
    };
    let key = in_mesh(Kind::VirtualNode, "a");
    let draft = RecordDraft::new(
        key.clone(),
        tags(&[("aws:x", "1"), ("cost", "7"), ("team", "old")]),
    );
    let first = bench.registry.create(draft, &by("us")).await.unwrap().record();
    let policy = Policy {
        ignored_tags: IgnoredTags {
            keys: vec!["cost".to_owned()],
            prefixes: vec!["aws:".to_owned()],
        },
        ..Policy::default()
    };
    let written = bench
        .update(&first, tags(&[("team", "new")]), "us", &policy)
        .await
        .unwrap();
    assert_eq!(
        written.body,
        tags(&[("aws:x", "1"), ("cost", "7"), ("team", "new")])
    );
    let written = bench
        .update(&written, json!({"spec": {}}), "us", &Policy::default())
        .await
        .unwrap();
    assert_eq!(
        written.body,
        json!({"spec": {}}),
        "without the rule they are the writer's"
    );
}

#[tokio::test]
async fn a_resource_from_elsewhere_is_adopted_once_and_never_over_another() {
    let bench = Bench::new();
    let draft = |to: &str| RecordDraft {
        imported: ImportedIdentity {
            uid: Some("from-app-mesh".to_owned()),
            version: Some(7),
            ..ImportedIdentity::default()
        },
        ..RecordDraft::new(in_mesh(Kind::VirtualNode, "a"), body(Kind::VirtualNode, to))
    };
    let (us, them) = (by("us"), by("them"));
    let adopt = |to: &str, dry_run| bench.registry.adopt(draft(to), &us, dry_run);
    let key = in_mesh(Kind::VirtualNode, "a");
    assert_eq!(
        adopt("b.local", true).await.unwrap(),
        (Adoption::Possible, vec![])
    );
    assert_eq!(
        bench.registry.get(&key).await.unwrap(),
        None,
        "a dry run writes nothing"
    );
    assert_eq!(
        adopt("b.local", false).await.unwrap(),
        (Adoption::Adopted, vec![])
    );
    let record = bench.registry.get(&key).await.unwrap().unwrap();
    assert_eq!(
        (record.version, record.identity.uid.as_str()),
        (7, "from-app-mesh")
    );
    assert_eq!(
        adopt("b.local", false).await.unwrap(),
        (Adoption::Unchanged, vec![])
    );
    let (outcome, problems) = adopt("c.local", false).await.unwrap();
    assert_eq!(outcome, Adoption::Conflict);
    assert_eq!(problems[0].code, meshform_store::codes::CONFLICT);
    assert!(
        problems[0]
            .message
            .starts_with("the store has another virtual node `a`"),
        "{problems:?}"
    );
    // The same, and somebody else's: it stays with them.
    let adopted = bench.registry.adopt(draft("b.local"), &them, false);
    let (outcome, problems) = adopted.await.unwrap();
    assert_eq!(outcome, Adoption::Unchanged);
    assert_eq!(problems[0].code, crate::codes::OTHER_OWNER);
    assert_eq!(bench.registry.get(&record.key).await.unwrap(), Some(record));
}

#[tokio::test]
async fn a_container_has_to_be_there_first_as_in_app_mesh_and_for_others_not() {
    let bench = Bench::new();
    let route = ResourceKey::child(&in_mesh(Kind::VirtualRouter, "r"), Kind::Route, "x");
    let (strict, relaxed) = (Policy::app_mesh(), Policy::default());
    let absent = bench.registry.container(&route, &strict).await.unwrap_err();
    assert!(absent.is_not_found() && !absent.is_conflict(), "{absent:?}");
    assert_eq!(
        absent.to_string(),
        "virtual router `r` in mesh `apps` does not exist"
    );
    assert_eq!(absent.code(), crate::codes::NOT_FOUND);
    assert_eq!(bench.registry.container(&route, &relaxed).await.unwrap(), None);
    let mesh = ResourceKey::mesh("apps");
    assert_eq!(bench.registry.container(&mesh, &strict).await.unwrap(), None);
    let router = bench.create(&in_mesh(Kind::VirtualRouter, "r"), "", "us").await;
    assert_eq!(
        bench.registry.container(&route, &strict).await.unwrap(),
        Some(router)
    );
}

#[tokio::test]
async fn a_create_of_what_is_there_is_a_conflict() {
    let bench = Bench::new();
    let key = in_mesh(Kind::VirtualNode, "a");
    bench.create(&key, "b.local", "us").await;
    let author = by("us");
    let again = bench
        .registry
        .create(RecordDraft::new(key.clone(), body(key.kind, "b.local")), &author);
    let error = again.await.unwrap_err();
    assert!(error.is_conflict() && error.code().0 == "MF0401", "{error}");
    let other = RecordDraft::new(in_mesh(Kind::VirtualNode, "b"), body(key.kind, "b.local"));
    assert!(matches!(
        bench.registry.create(other, &by("us")).await,
        Ok(Created::New(_))
    ));
}

#[tokio::test]
async fn lists_come_by_pages() {
    let bench = Bench::new();
    for name in ["a", "b", "c", "d", "e"] {
        bench.create(&ResourceKey::mesh(name), "", "us").await;
        bench
            .create(&in_mesh(Kind::VirtualNode, name), "x.local", "us")
            .await;
    }
    let nodes = Collection {
        mesh: "apps",
        kind: Kind::VirtualNode,
        parent: None,
    };
    let (mut pages, mut meshes) = (Vec::new(), Vec::new());
    for meshes_too in [false, true] {
        let mut page = Page {
            after: None,
            limit: Some(2),
        };
        loop {
            let found = match meshes_too {
                true => bench.registry.list_meshes(&page).await.unwrap(),
                false => bench.registry.list(nodes, &page).await.unwrap(),
            };
            let names: Vec<String> = found.records.iter().map(|one| one.key.name.clone()).collect();
            match meshes_too {
                true => meshes.push(names.join(",")),
                false => pages.push(names.join(",")),
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
    }
    assert_eq!(pages, ["a,b", "c,d", "e"]);
    // `apps` has nodes, and no mesh of its own.
    assert_eq!(meshes, ["a,b", "c,d", "e"]);
}

#[tokio::test]
async fn a_page_reads_its_own_records() {
    let bench = Bench::new();
    for name in ["a", "b", "c", "d"] {
        let key = in_mesh(Kind::VirtualNode, name);
        bench.create(&key, "x.local", "us").await;
    }
    let page = async |after: Option<&str>| {
        let of = Collection {
            mesh: "apps",
            kind: Kind::VirtualNode,
            parent: None,
        };
        let page = Page {
            after: after.map(ToOwned::to_owned),
            limit: Some(2),
        };
        let found = bench.registry.list(of, &page).await.unwrap();
        let names: Vec<String> = found.records.into_iter().map(|one| one.key.name).collect();
        (names.join(","), found.next, found.unreadable.len())
    };
    assert_eq!(page(None).await, ("a,b".to_owned(), Some("b".to_owned()), 0));
    // What a disk has spoilt, no change feed tells.
    let file = bench.directory.path().join("store/store.db");
    let file = rusqlite::Connection::open(file).unwrap();
    let spoilt = file.execute("UPDATE records SET body = '{' WHERE name = 'd'", ());
    assert_eq!(spoilt.unwrap(), 1);
    assert_eq!(page(None).await, ("a,b".to_owned(), Some("b".to_owned()), 0));
    assert_eq!(page(Some("b")).await, ("c".to_owned(), None, 1));
    // Others' writes are seen, and what is gone is not.
    bench
        .create(&in_mesh(Kind::VirtualNode, "aa"), "x.local", "us")
        .await;
    assert_eq!(
        page(Some("a")).await,
        ("aa,b".to_owned(), Some("b".to_owned()), 0)
    );
}

#[tokio::test]
async fn a_watch_tells_what_happens() {
    let bench = Bench::new();
    let record = bench
        .create(&in_mesh(Kind::VirtualNode, "a"), "x.local", "us")
        .await;
    let feed = bench.registry.watch("apps", Revision::default()).await.unwrap();
    assert!(feed.has_news());
    let since = crate::follow::since(bench.registry.store(), "apps", Revision::default()).await;
    let since = since.unwrap().unwrap();
    assert_eq!(since.upto, record.revision);
    let written = crate::follow::ResourceChange::Written(Box::new(record.clone()));
    assert_eq!(
        since.changed.into_iter().collect::<Vec<_>>(),
        [(record.key, written)]
    );
}

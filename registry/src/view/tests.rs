use super::*;
use meshform_store::{Author, Expected, RecordDraft, SqliteOptions, SqliteStore};
use serde_json::json;

struct Bench {
    _directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    views: Views,
}

fn node(name: &str) -> ResourceKey {
    ResourceKey::in_mesh("apps", Kind::VirtualNode, name)
}

impl Bench {
    /// A store with a mesh that was looked at.
    async fn new() -> Self {
        let directory = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(SqliteOptions::new(directory.path().join("store"))).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let bench = Self {
            _directory: directory,
            views: Views::new(Arc::clone(&store)),
            store,
        };
        bench.put(&ResourceKey::mesh("apps"), "us").await;
        assert_eq!(bench.inside().await, Vec::<String>::new());
        bench
    }

    async fn put(&self, key: &ResourceKey, owner: &str) -> Record {
        let author = Author {
            owner: owner.to_owned(),
            actor: "test".to_owned(),
            run: None,
        };
        let body = json!({"spec": {"backends": [{"virtualService": {"virtualServiceName": "b.local"}}]}});
        let body = if key.kind == Kind::VirtualNode {
            body
        } else {
            json!({"spec": {}})
        };
        let draft = RecordDraft::new(key.clone(), body);
        self.store.put(draft, Expected::Absent, &author).await.unwrap()
    }

    async fn delete(&self, record: &Record) {
        let gone = self.store.delete(&record.key, record.revision, &record.author);
        gone.await.unwrap();
    }

    async fn inside(&self) -> Vec<String> {
        let mesh = ResourceKey::mesh("apps");
        let found = self.views.inside(&mesh).await.unwrap();
        found.into_iter().map(|hold| hold.reference.from.name).collect()
    }

    async fn upto(&self) -> u64 {
        self.views.of("apps").lock().await.upto.0
    }
}

#[tokio::test]
async fn what_a_process_wrote_is_not_asked_for() {
    let bench = Bench::new().await;
    let first = bench.put(&node("a"), "us").await;
    bench.views.wrote(&first).await;
    assert_eq!(bench.upto().await, 2);
    // Told in another order than written.
    let (second, third) = (
        bench.put(&node("b"), "us").await,
        bench.put(&node("c"), "us").await,
    );
    bench.views.wrote(&third).await;
    assert_eq!(bench.upto().await, 2, "what came before is not known");
    bench.views.wrote(&second).await;
    assert_eq!(bench.upto().await, 4);
    assert_eq!(bench.inside().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn what_others_wrote_in_between_is_seen() {
    let bench = Bench::new().await;
    let service = ResourceKey::in_mesh("apps", Kind::VirtualService, "b.local");
    let theirs = bench.put(&service, "them").await;
    let ours = bench.put(&node("a"), "us").await;
    bench.views.wrote(&ours).await;
    let warned = |since| bench.views.missing(&ours.key, since);
    let found = warned(Some(ours.revision)).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
    bench.delete(&theirs).await;
    let found = warned(Some(ours.revision)).await.unwrap();
    assert!(found.is_empty(), "as of the write it was there: {found:?}");
    assert_eq!(warned(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_snapshot_shares_the_mesh_and_says_who_wrote_what() {
    let bench = Bench::new().await;
    let theirs = bench.put(&node("a"), "them").await;
    let (first, writes) = bench.views.written("apps", Some(theirs.revision)).await.unwrap();
    let last = &writes[&theirs.key];
    assert_eq!((last.owner.as_str(), last.revision), ("them", theirs.revision));
    assert_eq!(last.at, theirs.last_updated_at);
    assert_eq!(writes.len(), 2);
    let second = bench.views.snapshot("apps").await.unwrap();
    assert!(Arc::ptr_eq(&first.mesh, &second.mesh), "one mesh in memory");
}

#[tokio::test]
async fn a_snapshot_tells_which_record_does_not_fit() {
    let bench = Bench::new().await;
    let key = node("a");
    let draft = RecordDraft::new(key.clone(), json!({"spec": {"backends": 7}}));
    let author = bench.put(&node("b"), "us").await.author;
    let written = bench.store.put(draft, Expected::Absent, &author);
    written.await.unwrap();
    let snapshot = bench.views.snapshot("apps").await.unwrap();
    assert_eq!(snapshot.unfit.keys().collect::<Vec<_>>(), [&key]);
    assert_eq!(snapshot.problems.len(), 1);
    assert!(!snapshot.mesh.contains(&key) && snapshot.mesh.contains(&node("b")));
}

#[tokio::test]
async fn what_was_deleted_and_written_again_is_there() {
    let bench = Bench::new().await;
    let first = bench.put(&node("a"), "us").await;
    bench.views.wrote(&first).await;
    bench.delete(&first).await;
    let second = bench.put(&node("a"), "us").await;
    bench.views.wrote(&second).await;
    bench.views.wrote(&first).await;
    assert_eq!(bench.inside().await, ["a"]);
    bench.delete(&second).await;
    assert_eq!(bench.inside().await, Vec::<String>::new());
}

//! Writes are gathered.

use super::*;
use crate::scheduler::{ReleaseScheduler, Timing};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tempfile::TempDir;

/// Counts how often a mesh is built.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Builder for Counting {
    fn build(&self, mesh: &Mesh) -> Result<Built, Vec<Diagnostic>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Tokens.build(mesh)
    }
}

fn gatherer(directory: &Path, store: &Arc<dyn Store>, timing: Timing) -> (ReleaseScheduler, Arc<Counting>) {
    let counting = Arc::new(Counting::default());
    let releaser =
        Releaser::new(store.clone(), counting.clone(), author("test")).publish_to(publisher(directory));
    (ReleaseScheduler::start(releaser, timing).unwrap(), counting)
}

#[tokio::test]
async fn a_hundred_writes_make_one_release_and_no_writer_waits() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let timing = Timing {
        quiet: Duration::from_secs(60),
        longest: Duration::from_secs(600),
    };
    let (gatherer, counting) = gatherer(directory.path(), &store, timing);
    write_mesh(&*store, "1").await;
    gatherer.note("apps");
    for number in 0..100 {
        write_node(&*store, &format!("n{number}"), "1").await;
        gatherer.note("apps");
    }
    assert!(gatherer.report("apps").is_none(), "nothing was built yet");
    assert_eq!(gatherer.flush(Duration::from_secs(30)), Vec::<String>::new());
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
    let outcome = gatherer.report("apps").unwrap().unwrap();
    assert_eq!(changed(&outcome).len(), 100);
    assert_eq!(see_all(&directory.path().join("published")).len(), 100);
    assert_eq!(
        gatherer.flush(Duration::ZERO),
        Vec::<String>::new(),
        "nothing is left"
    );
}

#[tokio::test]
async fn a_pause_is_enough_and_a_long_apply_is_released_on_the_way() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let timing = Timing {
        quiet: Duration::from_millis(50),
        longest: Duration::from_millis(300),
    };
    let (gatherer, counting) = gatherer(directory.path(), &store, timing);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    gatherer.note("apps");
    let begun = Instant::now();
    while gatherer.report("apps").is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "a pause did not suffice"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let before = counting.0.load(Ordering::SeqCst);
    let begun = Instant::now();
    while counting.0.load(Ordering::SeqCst) == before {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "writes without a pause are never released"
        );
        gatherer.note("apps");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_mesh_can_be_asked_for() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let (gatherer, _) = gatherer(directory.path(), &store, Timing::default());
    write_mesh(&*store, "1").await;
    write_service(&*store, "b.apps.local", "nowhere").await;
    gatherer.note("apps");
    gatherer.note("another");
    assert!(gatherer.flush(Duration::from_secs(30)).is_empty());
    assert_eq!(
        gatherer.report("apps").unwrap().unwrap().verdict,
        Verdict::Invalid
    );
    assert_eq!(
        gatherer.report("another").unwrap().unwrap().verdict,
        Verdict::Nothing
    );
    let said: Vec<String> = gatherer.diagnostics().iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.contains("nowhere")), "{said:?}");
}

#[tokio::test]
async fn dropping_it_finishes_what_waits() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let timing = Timing {
        quiet: Duration::from_secs(60),
        longest: Duration::from_secs(60),
    };
    let (gatherer, _) = gatherer(directory.path(), &store, timing);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    gatherer.note("apps");
    drop(gatherer);
    assert_eq!(see_all(&directory.path().join("published")).len(), 1);
}

#[tokio::test]
async fn writes_wait_where_a_mesh_is_released_by_hand_and_an_order_does_not() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let (gatherer, counting) = gatherer(directory.path(), &store, Timing::default());
    let body = json!({"spec": {}, "extensions": {"releasePolicy": "MANUAL"}});
    write(&*store, &mesh_key(), body).await;
    write_node(&*store, "a", "1").await;
    gatherer.note("apps");
    assert!(gatherer.flush(Duration::from_secs(30)).is_empty());
    assert_eq!(gatherer.report("apps").unwrap().unwrap().verdict, Verdict::Waits);
    assert_eq!(
        counting.0.load(Ordering::SeqCst),
        0,
        "nothing was built for nobody"
    );
    gatherer.note("apps");
    gatherer.demand("apps");
    gatherer.note("apps");
    assert!(gatherer.flush(Duration::from_secs(30)).is_empty());
    let outcome = gatherer.report("apps").unwrap().unwrap();
    assert!(matches!(outcome.verdict, Verdict::Released { .. }), "{outcome:?}");
    assert_eq!(see_all(&directory.path().join("published")).len(), 1);
}

//! Writes are gathered.

use super::*;
use crate::scheduler::{Patience, ReleaseScheduler, Timing};
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

fn scheduler(directory: &Path, store: &Arc<dyn Store>, timing: Timing) -> (ReleaseScheduler, Arc<Counting>) {
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
        ..Timing::default()
    };
    let (scheduler, counting) = scheduler(directory.path(), &store, timing);
    write_mesh(&*store, "1").await;
    scheduler.note("apps");
    for number in 0..100 {
        write_node(&*store, &format!("n{number}"), "1").await;
        scheduler.note("apps");
    }
    assert!(scheduler.report("apps").is_none(), "nothing was built yet");
    assert_eq!(
        scheduler.flush(Duration::from_secs(30)).await,
        Vec::<String>::new()
    );
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
    let outcome = scheduler.report("apps").unwrap().unwrap();
    assert_eq!(changed(&outcome).len(), 100);
    assert_eq!(see_all(&directory.path().join("published")).len(), 100);
    assert_eq!(
        scheduler.flush(Duration::ZERO).await,
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
        ..Timing::default()
    };
    let (scheduler, counting) = scheduler(directory.path(), &store, timing);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    scheduler.note("apps");
    let begun = Instant::now();
    while scheduler.report("apps").is_none() {
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
        scheduler.note("apps");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_mesh_can_be_asked_for() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let (scheduler, _) = scheduler(directory.path(), &store, Timing::default());
    write_mesh(&*store, "1").await;
    write_service(&*store, "b.apps.local", "nowhere").await;
    scheduler.note("apps");
    scheduler.note("another");
    assert!(scheduler.flush(Duration::from_secs(30)).await.is_empty());
    assert_eq!(
        scheduler.report("apps").unwrap().unwrap().verdict,
        ReleaseVerdict::Invalid
    );
    assert_eq!(
        scheduler.report("another").unwrap().unwrap().verdict,
        ReleaseVerdict::Nothing
    );
    let said: Vec<String> = scheduler.diagnostics().iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.contains("nowhere")), "{said:?}");
}

#[tokio::test]
async fn dropping_it_finishes_what_waits() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let timing = Timing {
        quiet: Duration::from_secs(60),
        longest: Duration::from_secs(60),
        ..Timing::default()
    };
    let (scheduler, _) = scheduler(directory.path(), &store, timing);
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    scheduler.note("apps");
    drop(scheduler);
    assert_eq!(see_all(&directory.path().join("published")).len(), 1);
}

#[tokio::test]
async fn writes_wait_where_a_mesh_is_released_by_hand_and_an_order_does_not() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let (scheduler, counting) = scheduler(directory.path(), &store, Timing::default());
    let body = json!({"spec": {}, "extensions": {"releasePolicy": "MANUAL"}});
    write(&*store, &mesh_key(), body).await;
    write_node(&*store, "a", "1").await;
    scheduler.note("apps");
    assert!(scheduler.flush(Duration::from_secs(30)).await.is_empty());
    assert_eq!(
        scheduler.report("apps").unwrap().unwrap().verdict,
        ReleaseVerdict::Waits
    );
    assert_eq!(
        counting.0.load(Ordering::SeqCst),
        0,
        "nothing was built for nobody"
    );
    scheduler.note("apps");
    scheduler.demand("apps");
    scheduler.note("apps");
    assert!(scheduler.flush(Duration::from_secs(30)).await.is_empty());
    let outcome = scheduler.report("apps").unwrap().unwrap();
    assert!(
        matches!(outcome.verdict, ReleaseVerdict::Released { .. }),
        "{outcome:?}"
    );
    assert_eq!(see_all(&directory.path().join("published")).len(), 1);
}

/// A mesh with a router, its route, and a service and a caller that need it.
async fn write_router(store: &dyn Store) {
    write_mesh(store, "1").await;
    write_node(store, "a", "1").await;
    let router = ResourceKey::in_mesh("apps", Kind::VirtualRouter, "r");
    let listeners = json!({"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]});
    write(store, &router, json!({"spec": listeners})).await;
    write_route(store, "first").await;
    let service = ResourceKey::in_mesh("apps", Kind::VirtualService, "r.apps.local");
    let provider = json!({"provider": {"virtualRouter": {"virtualRouterName": "r"}}});
    write(store, &service, json!({"spec": provider})).await;
    let caller = json!({"backends": [{"virtualService": {"virtualServiceName": "r.apps.local"}}]});
    write(store, &node_key("caller"), json!({"spec": caller})).await;
}

fn route_key(name: &str) -> ResourceKey {
    let router = ResourceKey::in_mesh("apps", Kind::VirtualRouter, "r");
    ResourceKey::child(&router, Kind::Route, name)
}

async fn write_route(store: &dyn Store, name: &str) {
    let target = json!({"weightedTargets": [{"virtualNode": "a", "weight": 1}]});
    let route = json!({"spec": {"httpRoute": {"match": {"prefix": "/"}, "action": target}}});
    write(store, &route_key(name), route).await;
}

#[tokio::test]
async fn who_waits_is_answered_when_the_release_is_published() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let timing = Timing {
        quiet: Duration::from_secs(600),
        longest: Duration::from_secs(600),
        ..Timing::default()
    };
    let (scheduler, _) = scheduler(directory.path(), &store, timing);
    assert!(
        scheduler.settled("apps", Patience::Usual).await.is_none(),
        "nothing was written"
    );
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    scheduler.note("apps");
    let outcome = scheduler.settled("apps", Patience::Usual).await.unwrap().unwrap();
    assert!(outcome.is_published());
    assert_eq!(see_all(&directory.path().join("published")).len(), 1);
    assert!(!scheduler.is_untold("apps"));
}

#[tokio::test]
async fn a_release_without_the_last_route_is_held_until_it_is_mended() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let timing = Timing {
        hold: Duration::from_secs(600),
        ..Timing::default()
    };
    let (scheduler, _) = scheduler(directory.path(), &store, timing);
    write_router(&*store).await;
    scheduler.note("apps");
    let outcome = scheduler.settled("apps", Patience::Usual).await.unwrap().unwrap();
    assert!(
        matches!(outcome.verdict, ReleaseVerdict::Released { .. }),
        "{outcome:?}"
    );

    delete(&*store, &route_key("first")).await;
    write_node(&*store, "a", "2").await;
    scheduler.note("apps");
    let open = scheduler.flush(Duration::from_millis(500)).await;
    assert_eq!(open, ["apps"], "nobody is told that it was released");
    let held = scheduler.report("apps").unwrap().unwrap();
    assert!(matches!(held.verdict, ReleaseVerdict::Held(_)), "{held:?}");
    assert_eq!(held.lost.len(), 2, "the router and the service: {held:?}");

    write_route(&*store, "second").await;
    scheduler.note("apps");
    let outcome = scheduler.settled("apps", Patience::Usual).await.unwrap().unwrap();
    assert!(
        matches!(outcome.verdict, ReleaseVerdict::Released { .. }),
        "{outcome:?}"
    );
    assert_eq!(outcome.lost, Vec::<String>::new());
}

#[tokio::test]
async fn a_release_without_the_last_route_is_made_when_it_was_held_for_long_enough() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let timing = Timing {
        // A delete does not wait for so long.
        hold: Duration::from_secs(600),
        ..Timing::default()
    };
    let (scheduler, _) = scheduler(directory.path(), &store, timing);
    write_router(&*store).await;
    scheduler.note("apps");
    scheduler.settled("apps", Patience::Usual).await.unwrap().unwrap();
    delete(&*store, &route_key("first")).await;
    write_node(&*store, "a", "2").await;
    scheduler.note("apps");
    let outcome = scheduler.settled("apps", Patience::Brief).await.unwrap().unwrap();
    assert!(
        matches!(outcome.verdict, ReleaseVerdict::Released { .. }),
        "{outcome:?}"
    );
    assert_eq!(outcome.lost.len(), 2, "who waits is told: {outcome:?}");
}

#[tokio::test]
async fn a_release_names_those_whose_writes_are_in_it_also_where_it_could_not_be_made_at_once() {
    let directory = TempDir::new().unwrap();
    let store = store(directory.path());
    let (scheduler, _) = scheduler(directory.path(), &store, Timing::default());
    let history = Releaser::new(store.clone(), Arc::new(Tokens), author("reader"));
    write_mesh(&*store, "1").await;
    write_service(&*store, "b.apps.local", "b").await;
    scheduler.note_by("apps", "beth");
    assert!(scheduler.flush(Duration::from_secs(30)).await.is_empty());
    assert!(
        history.history("apps").await.unwrap().is_empty(),
        "it is not valid"
    );
    write_node(&*store, "b", "1").await;
    scheduler.note_by("apps", "anna");
    assert!(scheduler.flush(Duration::from_secs(30)).await.is_empty());
    write_node(&*store, "b", "2").await;
    for name in ["d", "c", "e", "anna"] {
        scheduler.note_by("apps", name);
    }
    assert!(scheduler.flush(Duration::from_secs(30)).await.is_empty());
    write_node(&*store, "b", "3").await;
    scheduler.note("apps");
    assert!(scheduler.flush(Duration::from_secs(30)).await.is_empty());
    let history = history.history("apps").await.unwrap();
    let actors: Vec<&str> = history.iter().map(|entry| entry.actor.as_str()).collect();
    assert_eq!(actors, ["test@test", "anna, c, d and 1 more", "anna, beth"]);
}

//! What agents report: who stands how, what a plan is told, and what is taken away.

use super::bucket::{age, objects, objects_in, to, told, two_nodes};
use crate::{Condition, FleetReader};
use meshform_bundle::objects::{ProxyState, RejectedRelease, RejectedResource, Status};
use meshform_bundle::{Digest, ProxyId, codes};
use meshform_store::PublishedObjects;

async fn reports(objects: &PublishedObjects, name: &str, instance: &str, change: impl FnOnce(&mut Status)) {
    let proxy = ProxyId::virtual_node("apps", name);
    let mut status = Status::new(&proxy, instance);
    status.state = ProxyState::Ready;
    status.bundle = told(objects, name).await.bundle;
    change(&mut status);
    let bytes = status.encode().unwrap();
    objects.write(&proxy.status_key(instance), bytes).await.unwrap();
}

async fn refuses(objects: &PublishedObjects, name: &str, instance: &str, bundle: Option<Digest>) -> String {
    let rejected = RejectedRelease {
        release: None,
        bundle,
        at: 0,
        problems: vec![RejectedResource {
            envoy: "lds_web".to_owned(),
            reason: "malformed IP address".to_owned(),
            resource: Some("virtualNode/a".to_owned()),
            field: Some("spec.listeners".to_owned()),
        }],
    };
    let key = ProxyId::virtual_node("apps", name).rejected_key(instance);
    let bytes = serde_json::to_vec(&rejected).unwrap();
    objects.write(&key, bytes).await.unwrap();
    key
}

#[tokio::test]
async fn proxies_are_told_as_they_stand_the_worst_first() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    reports(&objects, "a", "i1", |_| {}).await;
    reports(&objects, "a", "i2", |status| status.bundle = None).await;
    reports(&objects, "b", "i3", |status| status.state = ProxyState::Failing).await;
    let key = ProxyId::virtual_node("apps", "b").status_key("newer");
    objects.write(&key, b"{\"format\": 9}".to_vec()).await.unwrap();
    let mut reader = FleetReader::default();
    let fleet = releaser.fleet("apps", &mut reader).await.unwrap();
    let stand = |fleet: &crate::Fleet| -> Vec<(Condition, String)> {
        let proxies = fleet.proxies.iter();
        proxies
            .map(|one| (one.condition, one.status.instance.clone()))
            .collect()
    };
    let expected = [
        (Condition::Failing, "i3"),
        (Condition::Lagging, "i2"),
        (Condition::Current, "i1"),
    ];
    assert_eq!(
        stand(&fleet),
        expected.map(|(condition, name)| (condition, name.to_owned()))
    );
    let problems = fleet.problems("apps");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, codes::NOT_SERVING);
    // What has changed is read again.
    reports(&objects, "b", "i3", |status| status.restarts = 1).await;
    let fleet = releaser.fleet("apps", &mut reader).await.unwrap();
    assert_eq!(fleet.count(Condition::Current), 2);
    assert_eq!(fleet.problems("apps"), []);
}

#[tokio::test]
async fn a_plan_is_told_of_proxies_that_refused_the_current_release_and_of_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    assert_eq!(releaser.warnings("apps").await.unwrap().always, []);
    refuses(&objects, "b", "old", Some(Digest::of(b"an older bundle"))).await;
    assert_eq!(releaser.warnings("apps").await.unwrap().always, []);
    let current = told(&objects, "a").await.bundle;
    let key = refuses(&objects, "a", "i1", current).await;
    let warned = releaser.warnings("apps").await.unwrap().always;
    assert_eq!(warned.len(), 1);
    assert_eq!(warned[0].code, codes::REJECTED);
    let told = warned[0].to_string();
    assert!(told.contains("virtualNode/a, spec.listeners"), "{told}");
    let help = warned[0].help.as_deref().unwrap_or_default();
    assert!(
        help.contains("`meshform status --store ") && help.contains(" --mesh apps` shows"),
        "{help}"
    );
    objects.delete(&key).await.unwrap();
    assert_eq!(releaser.warnings("apps").await.unwrap().always, []);
}

/// Who was killed takes no marker away.
#[tokio::test]
async fn a_refusal_of_a_proxy_that_is_gone_is_told_to_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    let objects = objects_in(&bucket);
    let store = two_nodes(directory.path()).await;
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let current = told(&objects, "a").await.bundle;
    reports(&objects, "a", "killed", |_| {}).await;
    refuses(&objects, "a", "killed", current.clone()).await;
    assert_eq!(releaser.warnings("apps").await.unwrap().always.len(), 1);
    age(&bucket, 1);
    assert_eq!(releaser.warnings("apps").await.unwrap().always, []);
    // Another task of the same node that runs says the same of itself.
    reports(&objects, "a", "running", |_| {}).await;
    refuses(&objects, "a", "running", current).await;
    let warned = releaser.warnings("apps").await.unwrap().always;
    assert_eq!(warned.len(), 1);
    assert_eq!(warned[0].code, codes::REJECTED);
}

/// Nor does one whose agent gave up, until another runs in its place.
#[tokio::test]
async fn a_refusal_of_an_agent_that_gave_up_is_told_until_it_was_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let store = two_nodes(directory.path()).await;
    let objects = objects();
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let current = told(&objects, "a").await.bundle;
    refuses(&objects, "a", "one", current).await;
    reports(&objects, "a", "one", |status| {
        status.state = ProxyState::Failing;
        status.gave_up = true;
        status.at = 1_000;
    })
    .await;
    reports(&objects, "a", "two", |status| {
        status.state = ProxyState::Starting;
        status.started = 2_000;
    })
    .await;
    assert_eq!(releaser.warnings("apps").await.unwrap().always.len(), 1);
    reports(&objects, "a", "two", |status| status.started = 2_000).await;
    assert_eq!(releaser.warnings("apps").await.unwrap().always, []);
    let fleet = releaser.fleet("apps", &mut FleetReader::default()).await.unwrap();
    assert_eq!(
        [Condition::Current, Condition::Stopped].map(|one| fleet.count(one)),
        [1, 1]
    );
}

#[tokio::test]
async fn a_release_takes_away_what_was_reported_more_than_a_day_ago() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    let objects = objects_in(&bucket);
    let store = two_nodes(directory.path()).await;
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    reports(&objects, "a", "gone", |_| {}).await;
    let left = refuses(&objects, "a", "gone", None).await;
    let kept = refuses(&objects, "a", "alive", None).await;
    age(&bucket, 30);
    // It refused something two days ago, and still is there.
    reports(&objects, "a", "alive", |_| {}).await;
    super::write_node(&*store, "a", "2").await;
    releaser.release("apps").await.unwrap();
    let instances: Vec<String> = objects
        .list("m/apps/status")
        .await
        .unwrap()
        .into_iter()
        .map(|object| object.key)
        .collect();
    assert_eq!(instances, ["m/apps/status/virtualNode/a/alive.json"]);
    assert!(objects.get(&left).await.unwrap().is_none());
    assert!(objects.get(&kept).await.unwrap().is_some());
}

#[tokio::test]
async fn a_bundle_that_a_proxy_runs_stays() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    let objects = objects_in(&bucket);
    let store = two_nodes(directory.path()).await;
    let releaser = to(&store, &objects);
    releaser.release("apps").await.unwrap();
    let proxy = ProxyId::virtual_node("apps", "a");
    let first = told(&objects, "a").await.bundle.unwrap();
    for tag in 0..20 {
        super::write_node(&*store, "a", &format!("t{tag}")).await;
        releaser.release("apps").await.unwrap();
    }
    let second = proxy.bundle_key(&told(&objects, "a").await.bundle.unwrap());
    age(&bucket, 30);
    reports(&objects, "a", "i", |status| status.bundle = Some(first.clone())).await;
    for tag in 20..40 {
        super::write_node(&*store, "a", &format!("t{tag}")).await;
        releaser.release("apps").await.unwrap();
    }
    assert!(objects.get(&proxy.bundle_key(&first)).await.unwrap().is_some());
    assert!(objects.get(&second).await.unwrap().is_none(), "nobody wants it");
}

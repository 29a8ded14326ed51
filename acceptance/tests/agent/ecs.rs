//! ECS as an agent meets it: task metadata, from a stand-in, and the two orders in which containers may be told to stop.

use crate::desk::{Answer, Desk};
use crate::{World, eventually};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const TASK: &str = "0123456789abcdef0123456789abcdef";

/// The metadata endpoint, version 4, of a task with an application beside the proxy.
pub(crate) struct Metadata {
    desk: Desk,
    app_stopped: Arc<AtomicBool>,
}

impl Metadata {
    pub(crate) fn start() -> Self {
        let app_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&app_stopped);
        let desk = Desk::start(move |asked| {
            let container = |id: &str, name: &str, status: &str| {
                json!({
                    "DockerId": id, "Name": name, "Type": "NORMAL", "DesiredStatus": "STOPPED",
                    "KnownStatus": status, "Limits": {"CPU": 2},
                })
            };
            let status = if stopped.load(Ordering::Relaxed) {
                "STOPPED"
            } else {
                "RUNNING"
            };
            // On Fargate the containers' ids begin with the task's.
            let own = container(&format!("{TASK}-1"), "envoy", "RUNNING");
            let app = container(&format!("{TASK}-2"), "app", status);
            let pause =
                json!({"DockerId": "x", "Name": "~pause", "Type": "CNI_PAUSE", "KnownStatus": "RUNNING"});
            let body = match asked.path.as_str() {
                path if path == format!("/v4/{TASK}-1") => own,
                path if path == format!("/v4/{TASK}-1/task") => json!({
                    "Cluster": "default", "TaskARN": format!("arn:aws:ecs:us-west-2:111122223333:task/default/{TASK}"),
                    "Family": "web", "Revision": "5", "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
                    "AvailabilityZone": "us-west-2d", "Containers": [pause, own, app],
                }),
                _ => return Answer::new(404, "{}"),
            };
            Answer::new(200, body.to_string())
        });
        Self { desk, app_stopped }
    }

    pub(crate) fn url(&self) -> String {
        self.desk.url(&format!("/v4/{TASK}-1"))
    }

    /// The application's container has ended.
    pub(crate) fn app_stops(&self) {
        self.app_stopped.store(true, Ordering::Relaxed);
    }
}

#[test]
fn told_to_stop_with_the_application_it_serves_until_that_has_ended() {
    let metadata = Metadata::start();
    let mut world = World::new();
    let _services = world.running_by(|command| {
        command.env("ECS_CONTAINER_METADATA_URI_V4", metadata.url());
    });
    eventually("it is well", 20, || world.health().0);
    assert_eq!(world.status()["instance"], TASK, "the task's id");
    world.signal("TERM");
    eventually("it drains", 20, || world.status()["state"] == "draining");
    // Longer than it waits for peers, and with no connection open but that of each request.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(4);
    let mut served = 0;
    while std::time::Instant::now() < until {
        assert_eq!(world.answers().as_deref(), Some("first"), "{}", world.log());
        served += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(served > 50, "{served}");
    metadata.app_stops();
    assert_eq!(world.ends(), Some(0), "{}", world.log());
}

#[test]
fn told_to_stop_after_the_application_it_ends_soon_and_says_so() {
    let metadata = Metadata::start();
    let mut world = World::new();
    let _services = world.running_by(|command| {
        // Far more than is waited here.
        command
            .env("ECS_CONTAINER_METADATA_URI_V4", metadata.url())
            .env("MESHFORM_STOP_TIMEOUT", "110");
    });
    eventually("it is well", 20, || world.health().0);
    metadata.app_stops();
    let begun = std::time::Instant::now();
    world.signal("TERM");
    assert_eq!(world.ends(), Some(0), "{}", world.log());
    assert!(begun.elapsed() < std::time::Duration::from_secs(60));
    let file = world.object(&world.proxy.status_key(TASK));
    let last: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(last["state"], "stopped");
}

//! A task that may do only what its role's policy says: the policy is enough for the agent, and for nothing else.

use crate::server::Account;
use crate::{World, eventually};
use meshform_acceptance::tools;
use serde_json::{Value, json};
use std::process::Command;

fn policy(arguments: &[&str]) -> Value {
    let output = Command::new(tools::meshform())
        .args(["policy", "--store", "s3://meshes/prod"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_agent_does_its_work_with_the_policy_of_its_proxy_and_no_other_proxys() {
    let mut world = World::new();
    let account = Account {
        secret: "secret-of-a-task".to_owned(),
        session: None,
        until: None,
    };
    world.server().accounts().add("AKIATASK", account);
    let own = policy(&["--proxy", &world.proxy.to_string()]);
    world.server().restrict("AKIATASK", own);
    let [_first, second] = world.running_by(|command| {
        command
            .env("AWS_ACCESS_KEY_ID", "AKIATASK")
            .env("AWS_SECRET_ACCESS_KEY", "secret-of-a-task");
    });
    world.publish(second.address().port());
    world.serves("second");
    // One that Envoy refuses: the marker is written, and taken away when the proxy ends.
    let mut bad = world.published.bundle(&world.proxy, second.address().port());
    for resource in &mut bad.resources {
        let text = resource
            .body
            .as_str()
            .replace("\"127.0.0.1\"", "\"nowhere at all\"");
        let body = meshform_bundle::Body::parse(&text).unwrap();
        *resource = meshform_bundle::Resource::new(&resource.type_url, &resource.name, &resource.file, body);
    }
    world.publish_bundle(&bad.encode().unwrap(), &bad.bootstrap_digest());
    let markers =
        || std::fs::read_dir(world.object(&world.proxy.rejected_prefix())).map_or(0, Iterator::count);
    eventually("the marker is there", 40, || markers() == 1);
    eventually("its status says so", 20, || {
        world.status()["rejected"].is_object()
    });
    world.signal("TERM");
    eventually("the marker is gone", 30, || markers() == 0);
    assert_eq!(world.ends(), Some(0), "{}", world.log());
    assert_eq!(world.server().denied(), Vec::<String>::new());
    // With another proxy's it gets nothing, and says what it lacks.
    world
        .server()
        .restrict("AKIATASK", policy(&["--mesh", "apps", "--proxy", "b"]));
    let mut command = world.run();
    command
        .env("AWS_ACCESS_KEY_ID", "AKIATASK")
        .env("AWS_SECRET_ACCESS_KEY", "secret-of-a-task");
    world.start_by(command);
    eventually("it says what it lacks", 30, || {
        let told = world.health().1;
        told.contains("MF0435") && told.contains("policy must let this proxy's role read")
    });
    assert_ne!(world.server().denied(), Vec::<String>::new());
    let statuses = world.object(&world.proxy.status_prefix());
    let last = std::fs::read_dir(statuses).unwrap().flatten().next().unwrap();
    let last: Value = serde_json::from_slice(&std::fs::read(last.path()).unwrap()).unwrap();
    assert_eq!(last["state"], json!("stopped"), "it could not write another");
}

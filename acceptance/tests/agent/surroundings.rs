//! Faults of what is around an agent: a full disk, credentials that end, names that would lead elsewhere.

use crate::desk::{Answer, Desk};
use crate::server::Account;
use crate::{World, eventually};
use meshform_acceptance::upstream::Upstream;
use meshform_bundle::{Body, ProxyId, ROOT, Resource};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The same command on a small disk of its own, as the first process of a container.
fn on_a_small_disk(command: &Command) -> Command {
    let script = "mkdir -p \"$MESHFORM_DIR\" && mount -t tmpfs -o size=2m small \"$MESHFORM_DIR\" && exec \"$0\" \"$@\"";
    let mut inside = Command::new("unshare");
    inside
        .args(["-rmpf", "--mount-proc", "--kill-child", "sh", "-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        inside.env(name, value.unwrap());
    }
    inside
}

#[test]
fn a_full_disk_leaves_what_is_there_and_is_told() {
    let (first, second) = (
        Upstream::start("first").unwrap(),
        Upstream::start("second").unwrap(),
    );
    let mut world = World::new();
    world.publish(first.address().port());
    let command = on_a_small_disk(&world.run());
    world.start_by(command);
    world.serves("first");
    eventually("it is well", 20, || world.health().0);
    let mut large = world.published.bundle(&world.proxy, second.address().port());
    let mut body: Value = serde_json::from_str(large.bootstrap.as_str()).unwrap();
    body["node"]["metadata"]["filler"] = json!("x".repeat(3 << 20));
    large.bootstrap = Body::parse(&body.to_string()).unwrap();
    world.publish_bundle(&large.encode().unwrap(), &large.bootstrap_digest());
    eventually("it is told", 40, || {
        let told = world.health().1;
        told.contains("MF0440") && told.contains("No space left")
    });
    assert_eq!(world.answers().as_deref(), Some("first"));
    assert!(world.health().0, "it still serves");
    world.publish(second.address().port());
    world.serves("second");
    eventually("nothing is wrong any more", 20, || {
        world.health().1.contains("\"reasons\":[]")
    });
}

#[test]
fn credentials_that_end_while_the_bucket_refuses_them_are_asked_for_anew() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // As a task's role has them: they say that they hold for long, and the role's session is ended before.
    let desk = Desk::start(move |_| {
        let turn = count.fetch_add(1, Ordering::Relaxed) + 1;
        let keys = json!({
            "AccessKeyId": format!("AKIATURN{turn}"), "SecretAccessKey": "s", "Token": format!("t{turn}"),
            "Expiration": "2099-01-01T00:00:00Z",
        });
        Answer::new(200, keys.to_string())
    });
    let mut world = World::new();
    let accounts = world.server().accounts().clone();
    let add = |turn: usize| {
        let account = Account {
            secret: "s".to_owned(),
            session: Some(format!("t{turn}")),
            until: None,
        };
        accounts.add(&format!("AKIATURN{turn}"), account);
    };
    // The agent's reader and its reporter each have their own.
    (1..=2).for_each(add);
    let [_first, second] = world.running_by(|command| {
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", desk.url("/role"));
    });
    eventually("it is well", 20, || world.health().0);
    (1..=2).for_each(|turn| accounts.forget(&format!("AKIATURN{turn}")));
    eventually("it is told", 40, || {
        let told = world.health().1;
        told.contains("MF0435") && told.contains("does not accept these credentials")
    });
    assert_eq!(world.answers().as_deref(), Some("first"));
    assert!(world.health().0, "it still serves");
    let turn = asked.load(Ordering::Relaxed);
    (turn + 1..turn + 100).for_each(add);
    world.publish(second.address().port());
    world.serves("second");
}

#[test]
fn a_name_that_would_lead_elsewhere_stays_in_its_place() {
    let first = Upstream::start("first").unwrap();
    let mut world = World::new();
    let mut bundle = world.published.bundle(&world.proxy, first.address().port());
    let plain = format!("{ROOT}/{}", world.proxy.folder());
    world.proxy = ProxyId::virtual_node("..", "x y%");
    let hostile = format!("{ROOT}/{}", world.proxy.folder());
    let renamed = |body: &Body| Body::parse(&body.as_str().replace(&plain, &hostile)).unwrap();
    bundle.proxy = world.proxy.clone();
    bundle.bootstrap = renamed(&bundle.bootstrap);
    for one in &mut bundle.resources {
        *one = Resource::new(&one.type_url, &one.name, &one.file, renamed(&one.body));
    }
    world.publish_bundle(&bundle.encode().unwrap(), &bundle.bootstrap_digest());
    let run = |world: &World, name: &str| {
        let mut command = world.run();
        command
            .env_remove("APPMESH_RESOURCE_ARN")
            .env("MESHFORM_PROXY", name);
        command
    };
    // Names of App Mesh have no slash.
    let refused = run(&world, "mesh/../virtualNode/../../x").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("MF0433") && said.contains("mesh/MESH/virtualNode/NAME"),
        "{said}"
    );
    let command = run(&world, "mesh/../virtualNode/x y%");
    world.start_by(command);
    world.serves("first");
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&world.dir()), ["%2E.", ".meshform"]);
    assert_eq!(names(world.dir().parent().unwrap()), ["files", "log"]);
}

//! What is wrong with a store does no harm to a proxy that runs, nor to one that has run.

use crate::server::Fault;
use crate::{World, eventually, signal};
use meshform_acceptance::upstream::Upstream;
use meshform_bundle::layout::types;
use meshform_bundle::{Body, Resource};

#[test]
fn objects_that_are_wrong_are_told_and_the_proxy_goes_on() {
    let mut world = World::new();
    let [_first, second] = world.running();
    let told = |world: &World, text: &str| {
        eventually(text, 20, || world.health().1.contains(text));
        assert_eq!(world.answers().as_deref(), Some("first"));
        assert!(world.health().0, "it still serves");
    };
    let bundle = world.published.bundle(&world.proxy, second.address().port());
    let (bytes, bootstrap) = (bundle.encode().unwrap(), bundle.bootstrap_digest());
    let current = world.published.current(&world.proxy, &bytes, &bootstrap);
    let (pointer, blob) = (
        world.proxy.current_key(),
        world.proxy.bundle_key(current.bundle.as_ref().unwrap()),
    );
    let good = String::from_utf8(current.encode().unwrap()).unwrap();
    world.put(&pointer, good.as_bytes());
    told(
        &world,
        "is missing, although current.json names it; `meshform release` writes it again",
    );
    world.put(&blob, bytes.get(..bytes.len() / 2).unwrap());
    told(&world, "is damaged: its content has the digest");
    world.put(&pointer, &good.as_bytes()[..20]);
    told(&world, "the current.json is damaged");
    world.put(&pointer, good.replace("\"format\":1", "\"format\":7").as_bytes());
    told(
        &world,
        "the current.json has format 7; this version reads formats up to 1",
    );
    world.put(
        &pointer,
        good.replace("virtualNode/web", "virtualNode/other").as_bytes(),
    );
    told(&world, "not to mesh/apps/virtualNode/web");
    world
        .server()
        .fail("current.json", Fault::Answer(403, "AccessDenied"));
    told(&world, "403 AccessDenied");
    told(&world, "without s3:ListBucket");
    world
        .server()
        .fail("current.json", Fault::Answer(503, "SlowDown"));
    told(&world, "503 SlowDown; it is polled less often");
    for (status, code) in [(403, "SignatureDoesNotMatch"), (400, "ExpiredToken")] {
        world.server().fail("current.json", Fault::Answer(status, code));
        told(&world, &format!("{status} {code}; the "));
        assert!(!world.health().1.contains("policy"), "it is no matter of rights");
    }
    world.server().fail("current.json", Fault::Broken);
    told(&world, "cannot be read: ");
    world.server().fail("current.json", Fault::Skewed);
    told(&world, "MF0438");
    told(&world, "the bucket's 1994-11-06T08:49:37Z");
    world.server().heal();
    world.put(&blob, &bytes);
    world.put(&pointer, good.as_bytes());
    world.serves("second");
    eventually("nothing is wrong any more", 10, || {
        world.health().1.contains("\"reasons\":[]")
    });
}

/// S3 refuses what is not there to roles that may not list, and a mesh without Cloud Map has nothing of what such a proxy asks for.
#[test]
fn a_proxy_that_asks_cloud_map_itself_is_told_of_a_denied_list_only_where_it_has_nodes_to_look_up() {
    let mut world = World::new();
    world
        .server()
        .fail("discovery.json", Fault::Answer(403, "AccessDenied"));
    let [first, _] = world.running_by(|command| {
        command.env("MESHFORM_DISCOVERY", "own").env("MESHFORM_POLL", "1");
    });
    eventually("it is well", 20, || world.health().0);
    for _ in 0..2 {
        eventually("it has asked", 20, || {
            let asked = world.server().requests();
            asked.iter().any(|one| one.contains("discovery.json"))
        });
    }
    let told = [world.log(), world.health().1].concat();
    assert!(!told.contains("MF0435"), "{told}");
    let mut bundle = world.published.bundle(&world.proxy, first.address().port());
    for resource in &mut bundle.resources {
        if resource.type_url == types::ENDPOINTS {
            let body = serde_json::json!({"cluster_name": resource.name}).to_string();
            let body = Body::parse(&body).unwrap();
            *resource = Resource::new(types::ENDPOINTS, &resource.name, &resource.file, body);
        }
    }
    world.publish_bundle(&bundle.encode().unwrap(), &bundle.bootstrap_digest());
    eventually("now it matters", 20, || {
        world.health().1.contains("MF0435") && world.health().1.contains("discovery.json")
    });
}

#[test]
fn a_proxy_starts_from_its_last_good_release_while_the_store_is_away() {
    let mut world = World::new();
    let [_first, _] = world.running();
    eventually("it is known as good", 20, || {
        std::fs::read_to_string(world.dir().join(".meshform/agent/memory.json"))
            .is_ok_and(|text| text.contains("\"good\": {"))
    });
    // The agent is killed, and Envoy with nobody to look after it goes on; the next agent takes over.
    let left = world.envoy_pid();
    world.signal("KILL");
    world.ends();
    world
        .server()
        .fail("/meshes", Fault::Answer(500, "InternalError"));
    world.start();
    eventually("another Envoy runs", 30, || world.envoy_pid() != left);
    world.serves("first");
    assert!(world.health().1.contains("keeps its configuration"));
    // Envoy is killed, and comes back.
    signal(world.envoy_pid(), "KILL");
    eventually("Envoy ended", 10, || {
        world.log().contains("has ended with status 137")
    });
    world.serves("first");
}

#[test]
fn a_store_that_is_away_at_the_first_start_is_told_and_envoy_starts_when_it_is_back() {
    let first = Upstream::start("first").unwrap();
    let mut world = World::new();
    world.publish(first.address().port());
    world
        .server()
        .fail("/meshes", Fault::Answer(500, "InternalError"));
    world.start();
    eventually("it is told", 20, || {
        let (well, told) = world.health();
        !well && told.contains("MF0436") && told.contains("there is no release yet to start Envoy with")
    });
    assert!(!world.log().contains("Envoy is started"), "{}", world.log());
    world.server().heal();
    world.serves("first");
    eventually("nothing is wrong any more", 20, || {
        world.health().1.contains("\"reasons\":[]")
    });
}

#[test]
fn wrong_settings_are_refused_with_what_is_right() {
    let mut world = World::new();
    let refused = |world: &World, name: &str, value: &str| {
        let output = world.run().env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}={value}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(
        refused(&world, "MESHFORM_STORE", "gs://b").contains("publish to an s3:// bucket or a directory")
    );
    assert!(refused(&world, "MESHFORM_PROXY", "web").contains("mesh/MESH/virtualNode/NAME"));
    assert!(refused(&world, "MESHFORM_LISTEN", "0.0.0.0:9903").contains("loopback"));
    assert!(refused(&world, "MESHFORM_STOP_TIMEOUT", "soon").contains("stopTimeout"));
    // More than a clock can count: it would fail when the task is told to stop.
    let told = refused(&world, "MESHFORM_STOP_TIMEOUT", &u64::MAX.to_string());
    assert!(told.contains("a whole number from 0 to 86400"), "{told}");
    let told = refused(&world, "MESHFORM_ADS_BOOTSTRAP", "{}");
    assert!(told.contains("MESHFORM_CONTROL_PLANE (the address"), "{told}");
    let published = tempfile::tempdir().unwrap();
    std::fs::create_dir(published.path().join(".meshform")).unwrap();
    let told = refused(&world, "MESHFORM_STORE", published.path().to_str().unwrap());
    assert!(
        told.contains("virtualNode/web/bootstrap.json, without an agent"),
        "{told}"
    );
    assert!(refused(&world, "MESHFORM_CONFIG", "/nowhere").contains("/nowhere"));
    let mut command = world.run();
    command
        .env("MESHFORM_DRAINWAIT", "1")
        .env("MESHFORM_DRAIN_WAIT", "14");
    world.start_by(command);
    eventually("it listens", 20, || world.get("/health").is_some());
    let log = world.log();
    assert!(
        log.contains("MESHFORM_DRAINWAIT is not a setting of the agent: did you mean MESHFORM_DRAIN_WAIT?"),
        "{log}"
    );
    assert!(
        log.contains("MESHFORM_DRAIN_WAIT (14 s) leaves no time to drain"),
        "{log}"
    );
    let told = refused(&world, "MESHFORM_LISTEN", "127.0.0.1:1");
    assert!(told.contains("another agent runs on it"), "{told}");
}

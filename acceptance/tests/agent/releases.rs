//! What is published reaches Envoy, and what Envoy refuses does not stay.

use crate::moto::Moto;
use crate::world::Store;
use crate::{World, eventually, signal};
use meshform_acceptance::http::Client;
use meshform_acceptance::upstream::Upstream;
use meshform_bundle::layout::types;
use meshform_bundle::objects::{EndpointSet, Status};
use meshform_bundle::{Body, Bundle, Digest, Origin, ProxyId, Resource};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

#[test]
fn a_release_reaches_envoy_and_the_next_one_too() {
    releases_arrive(World::new());
}

#[test]
fn what_envoy_refuses_goes_back_is_told_with_its_origin_and_is_not_tried_again() {
    refused_releases_go_back(World::new());
}

#[test]
fn endpoints_travel_by_their_own_object() {
    endpoints_arrive(World::new());
}

#[test]
fn all_of_this_holds_on_another_server_too() {
    let moto = Arc::new(Moto::start());
    let world = |prefix: &str| {
        let web = ProxyId::virtual_node("apps", "web");
        World::on(Store::Moto(Arc::clone(&moto)), prefix, web)
    };
    releases_arrive(world("releases"));
    refused_releases_go_back(world("refused"));
    endpoints_arrive(world("endpoints"));
}

fn releases_arrive(mut world: World) {
    let (first, second) = (
        Upstream::start("first").unwrap(),
        Upstream::start("second").unwrap(),
    );
    world.start();
    eventually("it says that nothing is published", 20, || {
        let (well, told) = world.health();
        !well && told.contains("nothing is published for mesh/apps/virtualNode/web")
    });
    world.publish(first.address().port());
    world.serves("first");
    let pid = world.envoy_pid();
    world.publish(second.address().port());
    world.serves("second");
    assert_eq!(world.envoy_pid(), pid, "it was not started anew");
    eventually("it is well", 10, || world.health().0);
    // What is in the bucket tells the same.
    let written = || {
        let bytes = world.read(&world.proxy.status_key(&world.instance()))?;
        Status::decode(&bytes).ok()
    };
    eventually("the status is written", 20, || {
        written()
            .is_some_and(|status| status.sequence == 2 && status.envoy.is_some() && status.reasons.is_empty())
    });
    let metrics = world.get("/metrics").unwrap();
    assert!(metrics.contains("\nmeshform_proxy_ready 1\n"), "{metrics}");
    assert!(
        metrics.contains("proxy=\"mesh/apps/virtualNode/web\""),
        "{metrics}"
    );
    // An older publisher that comes late.
    let text = world.read(&world.proxy.current_key()).unwrap();
    let text = String::from_utf8(text)
        .unwrap()
        .replace("\"sequence\":2", "\"sequence\":1");
    world.put(&world.proxy.current_key(), text.as_bytes());
    eventually("the older pointer is ignored", 20, || {
        world.log().contains("has sequence 1, but 2 was seen")
    });
    world.serves("second");
}

/// Gives a listener an address that is none: Envoy's own check refuses it. The listener's name.
fn spoil(bundle: &mut Bundle) -> String {
    spoil_by(bundle, "not an address")
}

fn spoil_by(bundle: &mut Bundle, address: &str) -> String {
    let listener = bundle
        .resources
        .iter_mut()
        .find(|one| one.type_url == types::LISTENER)
        .unwrap();
    let mut body: Value = serde_json::from_str(listener.body.as_str()).unwrap();
    body["address"]["socket_address"]["address"] = json!(address);
    *listener = Resource::new(
        types::LISTENER,
        &listener.name,
        "lds.json",
        Body::parse(&body.to_string()).unwrap(),
    );
    listener.name.clone()
}

/// A set in which what a bundle calls is at that port.
fn endpoints(bundle: &Bundle, port: u16) -> Vec<u8> {
    let mut set = EndpointSet::new(0);
    let cluster = bundle
        .resources
        .iter()
        .find(|one| one.type_url == types::ENDPOINTS);
    let endpoint = json!({"address": "127.0.0.1", "port": port});
    let endpoint = serde_json::from_value(endpoint).unwrap();
    set.clusters.insert(cluster.unwrap().name.clone(), vec![endpoint]);
    set.encode().unwrap()
}

#[test]
fn a_proxy_that_refuses_its_first_release_does_not_become_healthy() {
    let mut world = World::new();
    let [first, second] = ["first", "second"].map(|name| Upstream::start(name).unwrap());
    let mut bad = world.published.bundle(&world.proxy, first.address().port());
    spoil(&mut bad);
    world.publish_bundle(&bad.encode().unwrap(), &bad.bootstrap_digest());
    world.start();
    eventually("it is told", 40, || {
        world.health().1.contains("malformed IP address")
    });
    eventually("Envoy itself is content", 20, || {
        world.status()["state"] == "ready"
    });
    assert!(!world.health().0, "{:?}", world.health());
    world.publish(second.address().port());
    world.serves("second");
    eventually("it is well", 20, || world.health().0);
}

fn refused_releases_go_back(mut world: World) {
    let [_first, second] = world.running();
    let mut bad = world.published.bundle(&world.proxy, second.address().port());
    let listener = spoil(&mut bad);
    let origin = Origin {
        at: "/address".to_owned(),
        resource: "proxyProfile/web".to_owned(),
        field: "spec.interception.explicit".to_owned(),
    };
    bad.origins.insert(listener, vec![origin]);
    let bytes = bad.encode().unwrap();
    world.publish_bundle(&bytes, &bad.bootstrap_digest());
    eventually("it is told", 40, || {
        let (well, told) = world.health();
        well && told.contains("malformed IP address")
            && told.contains("from proxyProfile/web, spec.interception.explicit")
    });
    world.serves("first");
    let marker = world.proxy.rejected_key(&world.instance());
    eventually("the marker is there", 20, || world.read(&marker).is_some());
    assert_eq!(world.status()["rejected"]["bundle"], json!(Digest::of(&bytes)));
    // The same once more, as a publisher that writes again would.
    world.publish_bundle(&bytes, &bad.bootstrap_digest());
    eventually("it is seen", 20, || world.status()["sequence"] == 3);
    let asked = |world: &World| world.log().matches("Envoy refused").count();
    assert_eq!(asked(&world), 1, "{}", world.log());
    // Hosts come and go all the same: what is published with the refused release reaches the one before it.
    let moved = Upstream::start("moved").unwrap();
    let set = endpoints(&bad, moved.address().port());
    world.put(&EndpointSet::key("apps", &Digest::of(&set)), &set);
    let mut current = world
        .published
        .current(&world.proxy, &bytes, &bad.bootstrap_digest());
    current.endpoints = Some(Digest::of(&set));
    world.put(&world.proxy.current_key(), &current.encode().unwrap());
    world.serves("moved");
    assert!(world.read(&marker).is_some(), "it is still refused");
    // Another agent on the same disk knows that it was refused, and does not try it either.
    world.signal("TERM");
    assert_eq!(world.ends(), Some(0));
    world.start();
    world.serves("moved");
    eventually("it is well", 30, || world.health().0);
    assert_eq!(world.status()["rejected"]["bundle"], json!(Digest::of(&bytes)));
    assert!(world.read(&marker).is_some(), "it is still refused");
    assert_eq!(asked(&world), 1, "{}", world.log());
    // Another that it refuses, and then the first again: that is remembered, too, and is what the report is of.
    let mut worse = world.published.bundle(&world.proxy, second.address().port());
    spoil_by(&mut worse, "none either");
    let worse_bytes = worse.encode().unwrap();
    world.publish_bundle(&worse_bytes, &worse.bootstrap_digest());
    let rejected = |world: &World| world.status()["rejected"]["bundle"].clone();
    eventually("the other is refused", 40, || {
        rejected(&world) == json!(Digest::of(&worse_bytes))
    });
    world.publish_bundle(&bytes, &bad.bootstrap_digest());
    eventually("the first is what is reported", 40, || {
        rejected(&world) == json!(Digest::of(&bytes))
    });
    assert_eq!(asked(&world), 2, "{}", world.log());
    world.publish(second.address().port());
    world.serves("second");
    eventually("the marker goes", 20, || world.read(&marker).is_none());
    assert_eq!(asked(&world), 2);
}

#[test]
fn a_bootstrap_that_envoy_was_not_started_with_asks_for_a_restart() {
    let mut world = World::new();
    let [first, _] = world.running();
    assert_eq!(world.status()["needsRestart"], json!(false));
    let mut next = world.published.bundle(&world.proxy, first.address().port());
    let mut body: Value = serde_json::from_str(next.bootstrap.as_str()).unwrap();
    body["node"]["metadata"]["turn"] = json!("second");
    next.bootstrap = Body::parse(&body.to_string()).unwrap();
    world.publish_bundle(&next.encode().unwrap(), &next.bootstrap_digest());
    eventually("it is told", 40, || world.status()["needsRestart"] == json!(true));
    signal(world.envoy_pid(), "TERM");
    eventually("the Envoy that follows has it", 40, || {
        world.status()["needsRestart"] == json!(false) && world.health().0
    });
}

#[test]
fn where_it_is_allowed_an_idle_envoy_is_started_anew_for_its_bootstrap() {
    let mut world = World::new();
    let [first, _] = world.running_by(|command| {
        command.env("MESHFORM_RESTART", "idle");
    });
    eventually("it is well", 20, || world.health().0);
    let before = world.envoy_pid();
    let address = SocketAddr::from(([127, 0, 0, 1], world.published.egress));
    let mut open = Client::new(address);
    assert_eq!(open.get("b.local", "/", &[]).unwrap().status, 200);
    let mut next = world.published.bundle(&world.proxy, first.address().port());
    let mut body: Value = serde_json::from_str(next.bootstrap.as_str()).unwrap();
    body["node"]["metadata"]["turn"] = json!("second");
    next.bootstrap = Body::parse(&body.to_string()).unwrap();
    world.publish_bundle(&next.encode().unwrap(), &next.bootstrap_digest());
    eventually("it is told", 40, || world.status()["needsRestart"] == json!(true));
    assert_eq!(open.get("b.local", "/", &[]).unwrap().status, 200);
    assert_eq!(world.envoy_pid(), before, "a connection is open");
    assert_eq!(open.replaced(), 0);
    drop(open);
    eventually("the Envoy that follows has it", 40, || {
        world.envoy_pid() != before && world.status()["needsRestart"] == json!(false) && world.health().0
    });
    assert_eq!(world.status()["restarts"], json!(0), "that was no failure");
    world.serves("first");
}

fn endpoints_arrive(mut world: World) {
    let [first, second] = world.running();
    let bundle = world.published.bundle(&world.proxy, first.address().port());
    let set = endpoints(&bundle, second.address().port());
    let digest = Digest::of(&set);
    world.put(&EndpointSet::key("apps", &digest), &set);
    let bytes = bundle.encode().unwrap();
    let mut current = world
        .published
        .current(&world.proxy, &bytes, &bundle.bootstrap_digest());
    current.endpoints = Some(digest);
    world.put(&world.proxy.current_key(), &current.encode().unwrap());
    world.serves("second");
}

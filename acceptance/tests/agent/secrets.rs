//! Certificates that change where Envoy does not see it.

use crate::certificates::Authority;
use crate::xds::{self, Xds};
use crate::{World, eventually};
use meshform_acceptance::upstream::Upstream;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn certificates_written_in_place_or_behind_a_swapped_link_are_read_again() {
    let first = Upstream::start("first").unwrap();
    let place = tempfile::tempdir().unwrap();
    let authority = Authority::new("test");
    let write = |folder: &Path, name: &str| {
        let (certificate, key) = authority.sign(&[name]);
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("tls.crt"), certificate).unwrap();
        fs::write(folder.join("tls.key"), key).unwrap();
    };
    let live = place.path().join("live");
    write(&place.path().join("one"), "one.local");
    symlink("one", &live).unwrap();
    let mut world = World::new();
    world.published.certificates = Some(live.clone());
    world.publish(first.address().port());
    world.start();
    world.serves("first");
    let holds = |name: &str| world.admin().get("/certs").is_ok_and(|text| text.contains(name));
    eventually("Envoy holds the first certificate", 20, || holds("one.local"));
    eventually("the release is known as good", 20, || {
        world.health().0 && world.status()["since"] != 0
    });
    // As `cp` and an EFS mount do it.
    write(&live, "two.local");
    eventually("the one that was written in place", 30, || holds("two.local"));
    write(&place.path().join("three"), "three.local");
    let next = place.path().join("next");
    symlink("three", &next).unwrap();
    fs::rename(&next, &live).unwrap();
    eventually("the one behind the link", 30, || holds("three.local"));
    // A key that does not belong to its certificate: told, and Envoy keeps what it had.
    let (_, key) = authority.sign(&["four.local"]);
    fs::write(live.join("tls.key"), key).unwrap();
    eventually("it is told", 30, || {
        world.health().1.contains("must belong together")
    });
    assert!(holds("three.local") && world.health().0);
    write(&live, "five.local");
    eventually("the whole pair", 30, || holds("five.local"));
    eventually("nothing is wrong any more", 10, || {
        world.health().1.contains("\"reasons\":[]")
    });
}

#[test]
fn a_server_of_secrets_on_a_socket_gives_envoy_its_certificates_and_rotates_them() {
    let [first, second] = ["first", "second"].map(|name| Upstream::start(name).unwrap());
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("agent.sock");
    let authority = Authority::new("test");
    let secret = |name: &str| xds::secrets(&[xds::identity("server", &authority.sign(&[name]))]);
    let mut world = World::new();
    world.published.secrets = Some(socket.clone());
    world.publish(first.address().port());
    world.start();
    // Without the server the listener has no certificate; the way out serves.
    world.serves("first");
    let server = Xds::on_socket(&socket, secret("one.local"));
    let admin = world.admin();
    let holds = |name: &str| admin.get("/certs").is_ok_and(|text| text.contains(name));
    eventually("Envoy holds it", 60, || holds("one.local") && world.health().0);
    server.change(secret("two.local"));
    eventually("the next one, without a release", 30, || holds("two.local"));
    // With another release it is asked at once what Envoy holds.
    world.publish(second.address().port());
    world.serves("second");
    eventually("the status tells it", 30, || {
        world.status()["certificates"][0]["name"] == "two.local"
    });
    assert_eq!(server.noted().refused, Vec::<String>::new());
    assert_eq!(world.status()["restarts"], 0);
}

#[test]
fn a_first_release_that_was_refused_is_tried_again_when_the_agent_starts() {
    let first = Upstream::start("first").unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut world = World::new();
    world.published.certificates = Some(place.path().to_owned());
    world.publish(first.address().port());
    world.start();
    // There is no certificate yet.
    eventually("it is refused", 40, || world.status()["rejected"].is_object());
    world.signal("TERM");
    world.ends();
    let (certificate, key) = Authority::new("test").sign(&["one.local"]);
    fs::write(place.path().join("tls.crt"), certificate).unwrap();
    fs::write(place.path().join("tls.key"), key).unwrap();
    world.start();
    eventually("it is taken", 40, || {
        let status = world.status();
        status["since"] != 0 && status["rejected"].is_null() && world.health().0
    });
    world.serves("first");
}

//! What can go wrong with a bucket: a message that says what and where and what to do, and nothing half done.

use crate::server::{Fault, Server};
use crate::world::{no_panic, says};
use crate::{Bucket, MESH, node, nodes};
use std::fs;

/// `meshform status` must fail, and say all of these.
fn status_says(bucket: &Bucket, words: &[&str]) {
    let (ended_well, said) = bucket.meshform(&["status"]);
    assert!(!ended_well, "{said}");
    no_panic(&said);
    says(&said, words);
}

#[test]
fn what_the_storage_refuses_is_told_with_the_object_and_the_way_out() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", MESH);
    world.apply();
    for (part, status, code, words) in [
        (
            "GET /meshes/p/store.json",
            403,
            "AccessDenied",
            ["MF0407", "s3:GetObject"],
        ),
        ("list-type=2", 403, "AccessDenied", ["MF0407", "s3:ListBucket"]),
        ("GET", 403, "ExpiredToken", ["MF0419", "AWS_SESSION_TOKEN"]),
        ("GET", 403, "RequestTimeTooSkewed", ["MF0420", "set the clock"]),
        ("GET", 301, "", ["MF0421", "AWS_REGION"]),
        ("GET", 503, "SlowDown", ["MF0418", "wait and try again"]),
        (
            "GET",
            500,
            "InternalError",
            ["MF0410", "remove the cause and try again"],
        ),
    ] {
        server.fail(part, Fault::Answer(status, code));
        status_says(&bucket, &[words[0], words[1], code, "s3://meshes/p"]);
    }
    server.fail("GET /meshes/p/store.json", Fault::Broken);
    status_says(
        &bucket,
        &["MF0417", "s3://meshes/p/store.json", "does not answer"],
    );
    server.heal();
    // What is refused for real: no store, no server.
    let (ended_well, said) = bucket.meshform(&["status"]);
    assert!(ended_well, "{said}");
    status_says(
        &server.bucket("empty"),
        &["there is no store at `s3://meshes/empty`"],
    );
    let closed = meshform_acceptance::ports::free().unwrap();
    let nobody = Bucket {
        endpoint: format!("http://127.0.0.1:{closed}"),
        ..bucket.clone()
    };
    status_says(
        &nobody,
        &["MF0417", "Connection refused", "s3://meshes/p/store.json"],
    );
}

#[test]
fn requests_that_are_throttled_or_fail_for_a_moment_are_sent_again() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", &format!("{MESH}{}", nodes("a", 2)));
    for (part, fault) in [
        ("store.json", Fault::Answer(503, "SlowDown")),
        ("records/", Fault::Answer(500, "InternalError")),
        // A list that breaks off, as an object would.
        ("list-type=2", Fault::Broken),
    ] {
        server.fail_times(part, fault, 2);
        world.apply();
        let sent = server.requests();
        let of_part = sent.iter().filter(|line| line.contains(part)).count();
        assert!(of_part > 2, "{part}: {sent:?}");
    }
    world.plan_is_empty();
}

#[test]
fn objects_that_are_damaged_newer_or_anothers_are_refused_and_kept() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", MESH);
    world.apply();
    let entry = server.file("p/m/m/records/00000000000000000001.json");
    let whole = fs::read(&entry).unwrap();
    fs::write(&entry, &whole[..whole.len() / 2]).unwrap();
    status_says(
        &bucket,
        &["MF0404", "00000000000000000001.json", "earlier version"],
    );
    says(&world.plan_fails(), &["MF0404", "00000000000000000001.json"]);
    fs::write(&entry, &whole).unwrap();
    let card = server.file("p/store.json");
    let text = fs::read_to_string(&card).unwrap();
    // A newer version's object, whose digest we would not know.
    let mut newer: serde_json::Value = serde_json::from_str(&text).unwrap();
    newer["format"] = 9.into();
    newer.as_object_mut().unwrap().remove("digest");
    for (other, words) in [
        (newer.to_string(), ["MF0405", "format 9"]),
        (
            "{\"theirs\": true}".to_owned(),
            ["MF0403", "has no format number"],
        ),
        (text[..9].to_owned(), ["MF0404", "store.json"]),
    ] {
        fs::write(&card, &other).unwrap();
        says(&world.plan_fails(), &words);
        assert_eq!(fs::read_to_string(&card).unwrap(), other);
    }
    fs::write(&card, text).unwrap();
    world.plan_is_empty();
    // A prefix with something else in it.
    fs::create_dir(server.file("photos")).unwrap();
    fs::write(server.file("photos/holiday.jpg"), "x").unwrap();
    let said = server.bucket("photos").world("terraform", MESH).apply_fails();
    says(&said, &["MF0403", "photos/holiday.jpg", "a prefix of its own"]);
    assert_eq!(server.names("photos"), ["holiday.jpg"]);
}

#[test]
fn what_was_written_before_a_failure_is_in_the_state_and_the_next_apply_goes_on() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", &format!("{MESH}{}", nodes("a", 3)));
    let ran = world.run(&[
        "apply",
        "-auto-approve",
        "-no-color",
        "-target=appmesh_virtual_node.a[0]",
    ]);
    assert!(ran.ok(), "{}", ran.text);
    // The fourth write, and all after it, are refused.
    server.fail(
        "records/00000000000000000003.json",
        Fault::Answer(403, "AccessDenied"),
    );
    let ran = world.run(&["apply", "-auto-approve", "-no-color", "-parallelism=1"]);
    assert!(!ran.ok(), "{}", ran.text);
    no_panic(&ran.text);
    says(
        &ran.flat(),
        &[
            "MF0407",
            "s3://meshes/p/m/m/records/00000000000000000003.json",
            "Creation complete",
        ],
    );
    let stored: Vec<_> = bucket_records(&server, &bucket);
    assert_eq!(world.state().len(), stored.len(), "{stored:?}");
    world.apply();
    world.plan_is_empty();
    assert!(bucket.records().iter().any(|record| record.key == node("a2")));
}

fn bucket_records(server: &Server, bucket: &Bucket) -> Vec<String> {
    server.heal();
    let records = bucket.records();
    records.iter().map(|record| record.key.to_string()).collect()
}

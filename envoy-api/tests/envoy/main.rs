//! The types against the real Envoy: it is given every message, and it must take each one without complaint.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod balancing;
mod bootstrap;
mod clusters;
mod descriptors;
mod health;
mod http;
mod listeners;
mod live;
mod make;
mod observe;
mod routes;
mod tls;

use std::collections::BTreeSet;
use std::path::Path;

use meshform_acceptance::envoy::{self, Validation};
use meshform_envoy_api::envoy::config::bootstrap::v3::Bootstrap;
use meshform_envoy_api::envoy::service::discovery::v3::DiscoveryResponse;
use meshform_envoy_api::{any, from_json, pool, prost_types, to_json};
use prost::{Message, Name};
use prost_reflect::{DynamicMessage, ReflectMessage, Value};

/// Messages that this bootstrap does not hold: the language of the stream and of files, and mere name spaces.
const NOT_IN_A_BOOTSTRAP: &[&str] = &[
    "envoy.config.core.v3.ControlPlane",
    "envoy.config.trace.v3.Tracing",
    // Filters of a control plane's cluster, which Envoy makes only with the secret's file: the tests of `meshform serve` have one.
    "envoy.extensions.filters.http.credential_injector.v3.",
    "envoy.extensions.filters.http.upstream_codec.v3.",
    "envoy.extensions.http.injected_credentials.generic.v3.",
    "envoy.service.discovery.v3.",
    "google.",
];

fn write<M: Message + Name>(path: &Path, message: &M) {
    std::fs::write(
        path,
        serde_json::to_vec_pretty(&to_json(message).unwrap()).unwrap(),
    )
    .unwrap();
}

fn response(resources: Vec<prost_types::Any>) -> DiscoveryResponse {
    DiscoveryResponse {
        version_info: "1".into(),
        resources,
        ..DiscoveryResponse::default()
    }
}

/// The files that the bootstraps name.
fn write_files(directory: &Path, pem: &tls::Pem) {
    let root = directory.to_str().unwrap();
    std::fs::create_dir_all(directory.join("runtime")).unwrap();
    let file = |name: &str, resources| write(&directory.join(name), &response(resources));
    file("lds.json", listeners::all(root, pem).iter().map(any).collect());
    file("cds.json", clusters::all(root, pem).iter().map(any).collect());
    file("rds.json", vec![any(&routes::configuration("from-file"))]);
    file("eds.json", vec![any(&clusters::full_assignment("discovered"))]);
    file("sds.json", vec![any(&tls::server_secret(pem))]);
}

fn everything(directory: &Path, pem: &tls::Pem) -> Bootstrap {
    write_files(directory, pem);
    bootstrap::everything(directory.to_str().unwrap(), pem)
}

#[test]
fn envoy_takes_every_message() {
    let directory = tempfile::tempdir().unwrap();
    let bootstrap = everything(directory.path(), &tls::Pem::new());
    let path = directory.path().join("bootstrap.json");
    write(&path, &bootstrap);
    let Validation { accepted, said } = envoy::validate(&path).unwrap();
    assert!(accepted, "{said}");
    for bad in [
        "eprecated",
        "\"error\"",
        "\"warning\"",
        "[warning]",
        "[error]",
        "[critical]",
    ] {
        assert!(!said.contains(bad), "{bad}: {said}");
    }
}

#[test]
fn the_bootstrap_holds_every_message_and_reads_back_equal() {
    let directory = tempfile::tempdir().unwrap();
    let bootstrap = everything(directory.path(), &tls::Pem::new());
    let json = to_json(&bootstrap).unwrap();
    // Compared as JSON: inside an `Any`, the order of fields in the bytes is the writer's choice.
    assert!(to_json(&from_json::<Bootstrap>(&json).unwrap()).unwrap() == json);

    let mut held = BTreeSet::new();
    let descriptor = pool().get_message_by_name(&Bootstrap::full_name()).unwrap();
    collect(
        &DynamicMessage::decode(descriptor, bootstrap.encode_to_vec().as_slice()).unwrap(),
        &mut held,
    );
    let absent: Vec<_> = pool()
        .all_messages()
        .filter(|message| !message.is_map_entry())
        .map(|message| message.full_name().to_owned())
        .filter(|name| !NOT_IN_A_BOOTSTRAP.iter().any(|not| name.starts_with(not)))
        .filter(|name| !held.contains(name))
        .collect();
    assert_eq!(absent, Vec::<String>::new());
}

/// The names of all messages inside, also inside each `Any`.
fn collect(message: &DynamicMessage, held: &mut BTreeSet<String>) {
    held.insert(message.descriptor().full_name().to_owned());
    if message.descriptor().full_name() == "google.protobuf.Any" {
        let packed: prost_types::Any = message.transcode_to().unwrap();
        let name = packed.type_url.rsplit('/').next().unwrap().to_owned();
        let descriptor = pool().get_message_by_name(&name).unwrap();
        collect(
            &DynamicMessage::decode(descriptor, packed.value.as_slice()).unwrap(),
            held,
        );
        return;
    }
    for (_, value) in message.fields() {
        collect_value(value, held);
    }
}

fn collect_value(value: &Value, held: &mut BTreeSet<String>) {
    match value {
        Value::Message(message) => collect(message, held),
        Value::List(values) => values.iter().for_each(|value| collect_value(value, held)),
        Value::Map(values) => values.values().for_each(|value| collect_value(value, held)),
        _ => {}
    }
}

#[test]
fn every_message_can_sit_inside_an_any() {
    for descriptor in pool().all_messages().filter(|message| !message.is_map_entry()) {
        let name = descriptor.full_name();
        if name.starts_with("google.protobuf.") {
            continue;
        }
        let inner = prost_types::Any {
            type_url: format!("type.googleapis.com/{name}"),
            value: DynamicMessage::new(descriptor.clone()).encode_to_vec(),
        };
        let outer = response(vec![inner]);
        let json = to_json(&outer).unwrap();
        assert_eq!(
            json["resources"][0]["@type"],
            format!("type.googleapis.com/{name}")
        );
        assert_eq!(from_json::<DiscoveryResponse>(&json).unwrap(), outer, "{name}");
    }
}

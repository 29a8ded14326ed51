//! `meshform serve`: the App Mesh REST API with botocore, with signatures, beside Terraform, and when it is killed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

mod admission;
mod bad_input;
mod browsing;
#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
mod console;
mod deployed;
mod faults;
mod keys;
mod login;
#[path = "../buckets/moto.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod moto;
mod numbers;
mod outages;
mod polled;
mod proxies;
mod server;
mod streams;
mod together;
mod told;
mod wrong_once;

use meshform_model::canonical;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::testing::generate::{self, Chance};
use meshform_model::testing::variants;
use meshform_model::value::Node;
use serde_json::{Value as Json, json};
use server::{Server, output, python};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// Resources of chance besides those in which each field of the schema is there.
const SEEDS: u64 = 5;

/// Every field of every kind, as the API takes it.
fn specs() -> BTreeMap<&'static str, Vec<Json>> {
    let mut all: BTreeMap<&'static str, Vec<Json>> = BTreeMap::new();
    let of_variants = variants::all().iter();
    let of_variants = of_variants.filter(|variants| variants.pointer.starts_with("/spec"));
    let of_variants =
        of_variants.filter_map(|variants| Some((variants.kind, variants.steps.first()?.json.clone())));
    let of_chance = Kind::ALL.into_iter().flat_map(|kind| {
        (0..SEEDS).map(move |seed| (kind, generate::resource(kind, &mut Chance::new(seed))))
    });
    for (kind, whole) in of_variants.chain(of_chance) {
        let spec = sent(kind, &whole);
        let list = all.entry(kind.name()).or_default();
        if kind != Kind::ProxyProfile && !list.contains(&spec) {
            list.push(spec);
        }
    }
    all.remove(Kind::ProxyProfile.name());
    all
}

/// A spec as AWS's clients take it: with what the API wants although it follows from a default.
fn sent(kind: Kind, whole: &Json) -> Json {
    let body = canonical::body(kind, &Node::from_json(whole)).unwrap();
    let sent = dialect::from_canonical(kind, Dialect::Api, &Node::from_json(&body));
    sent.to_json()
        .unwrap()
        .get("spec")
        .cloned()
        .unwrap_or_else(|| json!({}))
}

#[test]
fn every_operation_and_every_field_through_botocore() {
    let directory = TempDir::new().unwrap();
    let kinds: Vec<Json> = specs()
        .into_iter()
        .map(|(kind, specs)| json!({"kind": kind, "specs": specs}))
        .collect();
    let file = directory.path().join("specs.json");
    std::fs::write(&file, Json::from(kinds).to_string()).unwrap();
    let server = Server::start(&directory.path().join("store"), &[]);
    let told = output(python("every_operation.py").arg(server.url()).arg(&file));
    assert!(told.starts_with("38 operations, "), "{told}");
    let (status, metrics) = server.page("/metrics");
    assert_eq!(status, 200);
    assert!(
        metrics.contains("operation=\"UntagResource\",status=\"200\""),
        "{metrics}"
    );
    assert!(server.stop().success());
}

#[test]
fn every_operation_through_the_aws_command_line() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(&directory.path().join("store"), &[]);
    let told = output(server::aws("aws_cli.py").arg(server.url()));
    assert_eq!(told, "38 operations\n");
}

#[test]
fn the_examples_of_the_aws_command_line_are_answered_as_aws_recorded_them() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(&directory.path().join("store"), &["--account-id", "123456789012"]);
    let told = output(server::aws("aws_examples.py").arg(server.url()));
    let count = told
        .strip_suffix(" examples\n")
        .and_then(|count| count.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= 30), "{told}");
}

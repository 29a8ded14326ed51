//! How fast the schema and its walkers are, on resources made from the schema. Beside them Python's `jsonschema` with
//! the same schema, and cfn-lint on the same resources as a template.
//!
//! `cargo xtask bench --only crates` sees to the Python with these two; `cargo bench -p meshform-model` takes the one that
//! `cargo xtask tools python` left or `MESHFORM_PYTHON` names, and `-- --no-peers` none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    reason = "a program that prints figures"
)]

use meshform_model::canonical;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::spec::Spec;
use meshform_model::testing::generate::{self, Chance};
use meshform_model::validate;
use meshform_model::value::Node;
use serde_json::{Value as Json, json};
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

struct Sample {
    kind: Kind,
    json: Json,
    canonical: Node,
    api: Node,
    template: Node,
    terraform: Node,
}

fn samples(count: usize) -> Vec<Sample> {
    (0..count)
        .map(|seed| {
            let kind = Kind::ALL[seed % Kind::ALL.len()];
            let json = generate::resource(kind, &mut Chance::new(seed as u64));
            let canonical = Node::from_json(&json);
            Sample {
                kind,
                api: dialect::from_canonical(kind, Dialect::Api, &canonical),
                template: dialect::from_canonical(kind, Dialect::CloudFormation, &canonical),
                terraform: dialect::from_canonical(kind, Dialect::Terraform, &canonical),
                canonical,
                json,
            }
        })
        .collect()
}

/// The best of three rounds: what the work costs when nothing else runs.
fn best(samples: &[Sample], work: &dyn Fn(&Sample)) -> Duration {
    let round = || {
        let start = Instant::now();
        samples.iter().for_each(work);
        start.elapsed()
    };
    (0..3).map(|_| round()).min().unwrap()
}

fn main() {
    let start = Instant::now();
    assert!(schema::problems().is_empty());
    println!(
        "compile all kinds          {:>8.2} ms, once per process",
        start.elapsed().as_secs_f64() * 1e3
    );

    type Work = (&'static str, fn(&Sample));
    let works: [Work; 10] = [
        ("validate", |s| {
            drop(black_box(validate::resource(s.kind, &s.canonical)))
        }),
        ("canonicalise", |s| {
            drop(black_box(canonical::canonicalise(s.kind, &s.canonical)))
        }),
        ("to CloudFormation", |s| {
            drop(black_box(dialect::from_canonical(
                s.kind,
                Dialect::CloudFormation,
                &s.canonical,
            )));
        }),
        ("from CloudFormation", |s| {
            drop(black_box(dialect::to_canonical(
                s.kind,
                Dialect::CloudFormation,
                &s.template,
            )));
        }),
        ("to the API", |s| {
            drop(black_box(dialect::from_canonical(
                s.kind,
                Dialect::Api,
                &s.canonical,
            )));
        }),
        ("from the API", |s| {
            drop(black_box(dialect::to_canonical(s.kind, Dialect::Api, &s.api)));
        }),
        ("to Terraform", |s| {
            drop(black_box(dialect::from_canonical(
                s.kind,
                Dialect::Terraform,
                &s.canonical,
            )));
        }),
        ("from Terraform", |s| {
            drop(black_box(dialect::to_canonical(
                s.kind,
                Dialect::Terraform,
                &s.terraform,
            )));
        }),
        ("to typed structs", |s| {
            drop(black_box(Spec::from_json(s.kind, &s.json["spec"])))
        }),
        ("read from serde_json", |s| {
            drop(black_box(Node::from_json(&s.json)))
        }),
    ];
    println!(
        "{:<24}{:>14}{:>14}{:>14}{:>16}",
        "µs a resource", "100", "10,000", "100,000", "resources/s"
    );
    let sizes = [100, 10_000, 100_000].map(samples);
    for (name, work) in works {
        let costs = sizes
            .each_ref()
            .map(|samples| best(samples, &work).as_secs_f64() / samples.len() as f64 * 1e6);
        let rate = 1e6 / costs[1];
        println!(
            "{name:<24}{:>14.2}{:>14.2}{:>14.2}{rate:>16.0}",
            costs[0], costs[1], costs[2]
        );
    }
    if !std::env::args().any(|arg| arg == "--no-peers") {
        peers(&sizes[0]);
    }
}

/// Python's libraries on the first hundred resources, timed by Python itself.
fn peers(samples: &[Sample]) {
    let python = std::env::var_os("MESHFORM_PYTHON").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/bin/python")),
        PathBuf::from,
    );
    let files: serde_json::Map<String, Json> = schema::FILES
        .iter()
        .map(|(name, text)| ((*name).to_owned(), serde_json::from_str(text).unwrap()))
        .collect();
    let resources: Vec<Json> = samples
        .iter()
        .filter(|s| s.kind != Kind::ProxyProfile)
        .map(|s| {
            json!({
                "kind": s.kind.name(),
                "type": schema::kind(s.kind).type_in(Dialect::CloudFormation),
                "api": s.json,
                "cloudformation": s.template.to_json().unwrap(),
            })
        })
        .collect();
    let input = json!({ "files": files, "resources": resources }).to_string();
    let child = Command::new(&python)
        .args(["-c", include_str!("peers.py")])
        .stdin(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!(
            "Python with jsonschema and cfn-lint is needed and `{}` does not run: {error}. Get it with `cargo xtask \
             tools python`, name one in MESHFORM_PYTHON, or leave the peers out with `-- --no-peers`",
            python.display()
        )
    });
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(
        child.wait().unwrap().success(),
        "the peers failed; what Python says stands above"
    );
}

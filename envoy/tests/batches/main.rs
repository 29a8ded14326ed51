//! Whole meshes, made by chance from the whole schema, given to real Envoy in batches: what our rules let pass, Envoy
//! takes.
//!
//! `MESHFORM_MESHES` says how many meshes, `MESHFORM_SEED` with which one they begin.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod ask;
mod generate;
mod heal;
mod reach;
#[path = "../support/mod.rs"]
mod support;
mod words;

use ask::Asked;
use std::collections::BTreeMap;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn envoy_takes_every_mesh_that_the_rules_let_pass() {
    let (first, count) = (number("MESHFORM_SEED", 0), number("MESHFORM_MESHES", 200));
    let work = tempfile::tempdir().unwrap();
    support::write_certificates(work.path());
    let mut told = heal::Told::new();
    let mut meshes = BTreeMap::new();
    let mut proxies = Vec::new();
    let mut reached = reach::Reached::default();
    for seed in first..first + count {
        let mut resources = generate::mesh(seed);
        let output = heal::heal(&mut resources, &mut told);
        for proxy in output.proxies {
            let text = proxy.static_bootstrap.clone().unwrap();
            let text = text.replace("/etc/meshform/tls", work.path().to_str().unwrap());
            proxies.push(Asked {
                seed,
                proxy: proxy.key.to_string(),
                config: serde_json::from_str(&text).unwrap(),
            });
        }
        for (key, value) in &resources {
            reached.take(key.kind, value);
        }
        meshes.insert(seed, resources);
    }
    let mut refusals = ask::listeners_and_clusters(&proxies, work.path());
    refusals.extend(ask::bootstraps(&proxies, work.path()));
    assert_eq!(
        reached.missing(),
        Vec::<String>::new(),
        "fields that none of these meshes has"
    );
    println!(
        "{} meshes, {} proxies; taken out for: {told:?}",
        meshes.len(),
        proxies.len()
    );
    let mut text = String::new();
    for refusal in &refusals {
        text.push_str(&format!("{}: {}\n", refusal.proxy, refusal.words));
    }
    if let Some(first) = refusals.first() {
        let resources = &meshes[&first.seed];
        text.push_str("the first of these meshes:\n");
        for (key, value) in resources {
            text.push_str(&format!("{key}: {value}\n"));
        }
    }
    assert!(
        refusals.is_empty(),
        "{} of {} proxies are refused\n{text}",
        refusals.len(),
        proxies.len()
    );
}

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
use meshform_model::exported;
use std::collections::BTreeMap;
use std::path::Path;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// With the certificates of this test in the place of those that an agent would export.
fn with_exported(text: &str, work: &Path) -> String {
    let mut parts = text.split('"').map(str::to_owned).collect::<Vec<_>>();
    for part in &mut parts {
        if part.contains(exported::FOLDER)
            && let Some((_, file)) = part.split_once("/current")
        {
            *part = format!("{}{file}", work.display());
        }
    }
    parts.join("\"")
}

#[test]
fn envoy_takes_every_mesh_that_the_rules_let_pass() {
    let (first, count) = (number("MESHFORM_SEED", 0), number("MESHFORM_MESHES", 200));
    let work = tempfile::tempdir().unwrap();
    support::write_certificates(work.path());
    std::fs::write(
        work.path().join(exported::PASSPHRASE),
        "of a key that is not encrypted",
    )
    .unwrap();
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
            let text = with_exported(&text, work.path());
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

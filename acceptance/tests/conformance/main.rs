//! Every feature of the model that Envoy can show, on real Envoys with real services; `docs/guides/conformance.md` is made
//! of this. `cargo xtask conformance` runs the rows and writes the page; as a test, a difference to the page fails.
//!
//! `MESHFORM_CONFORMANCE=write` writes; `MESHFORM_CONFORMANCE_ONLY=word` runs the sections with that word in their
//! title (just the one section where a title is that word, several with `|` between them), prints their rows and compares nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

mod agreement;
mod certificates;
mod changes;
mod collectors;
mod coverage;
mod http2;
#[path = "../agent/lookup.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod lookup;
#[path = "../buckets/moto.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod moto;
mod mutation;
mod namespace;
mod page;
mod rows;
mod secure;
mod servers;
mod sheet;
#[path = "../../../envoy/tests/support/steps.rs"]
mod steps;
mod world;
mod xds;

use std::path::Path;

/// Nothing but for the program that [`namespace::outside`] starts: this one again, in a namespace.
#[test]
fn rows_in_a_namespace() {
    rows::in_a_namespace();
}

#[test]
fn what_is_promised_holds() {
    let only = std::env::var("MESHFORM_CONFORMANCE_ONLY").ok();
    // What a row finds wrong is told in the table; the place in the code is of no use there.
    std::panic::set_hook(Box::new(|_| {}));
    let sections = sheet::run(rows::SECTIONS, only.as_deref());
    let _ = std::panic::take_hook();
    for (title, rows, seconds) in &sections {
        println!("{title}: {} rows, {seconds:.1} s", rows.len());
        for row in rows {
            let result = match &row.failure {
                Some(failure) => failure,
                None if row.skipped => "not checked on this machine",
                None => "holds",
            };
            println!("  {}: {result}", row.feature);
        }
    }
    let rows = || sections.iter().flat_map(|(_, rows, _)| rows);
    let broken: Vec<String> = rows()
        .filter_map(|row| Some(format!("{}: {}", row.feature, row.failure.as_ref()?)))
        .collect();
    if mutation::is_on() {
        rows()
            .filter(|row| row.failure.is_some())
            .for_each(|row| println!("does not hold: {}", row.feature));
    }
    assert!(broken.is_empty(), "does not hold:\n{}", broken.join("\n"));
    if only.is_some() {
        return;
    }
    let coverage = coverage::of(rows());
    assert!(
        coverage.problems.is_empty(),
        "fields and rows differ:\n{}",
        coverage.problems.join("\n")
    );
    let page = page::render(&sections, &coverage);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/conformance.md");
    if std::env::var("MESHFORM_CONFORMANCE").is_ok_and(|mode| mode == "write") {
        let skipped: Vec<&str> = rows().filter(|row| row.skipped).map(|row| row.feature).collect();
        assert!(
            skipped.is_empty(),
            "not checked on this machine, so the page cannot be written here: {skipped:?}"
        );
        std::fs::write(&path, page).unwrap();
    } else {
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page,
            "docs/guides/conformance.md is not what the rows say: run `cargo xtask conformance`"
        );
    }
}

//! Tests of the SDK from outside: over the protocol in process, over the wire, and with a real Terraform.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod conformance;
mod every_call;
mod garden;
mod life;
mod logs;
mod planning;
mod properties;
mod protocol;
mod readme;
mod shelf;
mod terraform;

use std::path::{Path, PathBuf};

use tfplugin::testing::terraform::{Version, binaries, matrix};

/// An example that cargo built beside this test.
fn example(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let profile = here.parent().and_then(|deps| deps.parent()).unwrap();
    let program = profile
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is missing: run `cargo build -p tfplugin-rs --examples`",
        program.display()
    );
    program
}

/// Terraform 1.11 and 1.15, what else there is, and OpenTofu where it is on the path. None of the two is ever left out.
fn terraforms() -> Vec<(PathBuf, Version)> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin");
    let fetched = ["terraform-1.11", "terraform-1.15"].map(|name| tools.join(name));
    let there = fetched.into_iter().filter(|program| program.exists());
    matrix(binaries().into_iter().chain(there), &[(1, 11), (1, 15)])
        .unwrap_or_else(|problem| panic!("{problem}, or run `cargo xtask tools`, which fetches them"))
}

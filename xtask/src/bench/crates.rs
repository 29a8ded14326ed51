//! What single crates measure of themselves: `cargo bench` of those that have benches.

use super::Bench;
use crate::cargo::cargo;
use crate::command;
use crate::failure::Result;
use crate::out;
use crate::tools::{self, Tool};

/// Its bench compares providers as programs.
const SDK: &str = "tfplugin";
const CRATES: [&str; 3] = ["model", SDK, "compiler"];

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    for folder in CRATES {
        // The schema is measured beside Python's validator and cfn-lint.
        let peers: &[Tool] = if folder == "model" { &[Tool::Python] } else { &[] };
        let toolbox = tools::ensure(bench.checkout, peers)?;
        if !bench.checkout.root().join(folder).join("benches").is_dir() {
            continue;
        }
        out::line(&format!("\n{folder}/"));
        let manifest = bench.checkout.root().join(folder).join("Cargo.toml");
        let mut benches = cargo(bench.checkout);
        benches
            .args(["bench", "--quiet", "--benches", "--manifest-path"])
            .arg(manifest)
            .envs(peers.iter().map(|tool| ("MESHFORM_PYTHON", toolbox.path(*tool))));
        if let (SDK, Some(peer)) = (folder, &bench.peer) {
            benches.args(["--", "--peer"]).arg(peer);
        }
        let status = command::stream(&mut benches)?;
        if !status.success() {
            out::line(&format!("  the benches of {folder}/ failed ({status})"));
        }
    }
    Ok(())
}

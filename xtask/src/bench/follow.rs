//! From a record's write to the first request that takes the new way.

use super::Bench;
use super::figures::{Times, row};
use crate::demo;
use crate::failure::Result;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let programs = demo::follow::Programs {
        terraform: &bench.terraform,
        envoy: &bench.envoy,
        provider: &bench.provider,
        meshform: &bench.meshform,
    };
    let example = bench.checkout.root().join("examples/apps");
    let work = bench.work.path().join("follow");
    let measured = demo::follow::measure(&programs, &example, &work, bench.children, bench.runs)?;
    row(
        "record written to request answered by the new target",
        &Times::of(measured).shown(),
    );
    Ok(())
}

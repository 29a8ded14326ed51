//! The agent beside a real Envoy, on an S3 server with 1, 100 and 600 agents: a test of the acceptance suite measures, on
//! the agent that users get.

use super::Bench;
use crate::cargo::{self, cargo};
use crate::command;
use crate::failure::{Failure, Result};

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let name = "meshform-agent";
    let built = cargo::build_binaries(bench.checkout, &[name], &bench.profile)?;
    let agent = built
        .get(name)
        .ok_or_else(|| Failure::new(format!("{name} was built and is not there")))?;
    let mut tests = cargo(bench.checkout);
    tests.args([
        "test",
        "--package",
        "meshform-acceptance",
        "--test",
        "agent",
        "measure::",
    ]);
    tests.args(["--", "--nocapture"]);
    tests
        .env("MESHFORM_AGENT", agent)
        .env("MESHFORM_ENVOY", &bench.envoy);
    for (variable, value) in [("MESHFORM_SIMULATED", "1,100,600"), ("MESHFORM_CHANGES", "100")] {
        if std::env::var_os(variable).is_none() {
            tests.env(variable, value);
        }
    }
    if command::stream(&mut tests)?.success() {
        Ok(())
    } else {
        Err(Failure::new("the agent could not be measured"))
    }
}

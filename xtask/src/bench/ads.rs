//! The control plane with many proxies: a program of its own plays them, on one core, while the server has the other.

use super::Bench;
use crate::cargo;
use crate::command;
use crate::failure::{Failure, Result};
use std::process::Command;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let name = "meshform-load";
    let built = cargo::build_binaries(bench.checkout, &[name], &bench.profile)?;
    let load = built
        .get(name)
        .ok_or_else(|| Failure::new(format!("{name} was built and is not there")))?;
    let list = |numbers: &[usize]| {
        let texts: Vec<String> = numbers.iter().map(usize::to_string).collect();
        texts.join(",")
    };
    let streams = bench.streams.clone().unwrap_or_else(|| vec![100, 1000]);
    let nodes = bench.nodes.clone().unwrap_or_else(|| vec![50, 300, 1000]);
    let mut command = Command::new(load);
    command.arg("--meshform").arg(&bench.meshform);
    command.arg("--envoy").arg(&bench.envoy);
    command.args(["--streams", &list(&streams), "--nodes", &list(&nodes)]);
    command.args(["--changes", &(bench.runs * 2).to_string()]);
    match command::stream(&mut command)?.success() {
        true => Ok(()),
        false => Err(Failure::new("the control plane could not be measured")),
    }
}

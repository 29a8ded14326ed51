//! A provider's start: from the process to the line that tells Terraform where it listens.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::figures::{Times, row};
use super::usage::Watched;
use super::{Bench, plans};
use crate::failure::{Failure, Result};

/// As Terraform starts a provider: with the cookie, the protocol, and a certificate that the provider must pin (this
/// one is nobody's: its key was thrown away).
const ENVIRONMENT: [(&str, &str); 3] = [
    (
        "TF_PLUGIN_MAGIC_COOKIE",
        "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
    ),
    ("PLUGIN_PROTOCOL_VERSIONS", "5,6"),
    ("PLUGIN_CLIENT_CERT", include_str!("client.pem")),
];
const RUNS: usize = 40;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let mut ours = Command::new(&bench.provider);
    row("start to handshake, ours", &times(&mut ours)?.shown());
    if let Some(peer) = &bench.peer {
        row(
            "start to handshake, peer",
            &times(&mut Command::new(peer))?.shown(),
        );
    }
    let schema = ["providers", "schema", "-json"];
    for (name, module) in plans::modules(bench, "schema", 1)? {
        let Some(watched) = Watched::new(bench, &name)? else {
            continue;
        };
        let usage = watched.run(&module, &schema)?;
        row(
            &format!("resident memory after the schema, {name}"),
            &usage.memory(),
        );
    }
    Ok(())
}

fn times(command: &mut Command) -> Result<Times> {
    let all: Result<Vec<Duration>> = (0..RUNS).map(|_| once(command)).collect();
    Ok(Times::of(all?))
}

fn once(command: &mut Command) -> Result<Duration> {
    command.envs(ENVIRONMENT);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let started = Instant::now();
    let child = command.spawn();
    let mut child = child.map_err(|error| Failure::new(format!("cannot start the provider: {error}")))?;
    let mut line = String::new();
    let read = match child.stdout.take() {
        Some(stdout) => BufReader::new(stdout).read_line(&mut line),
        None => Ok(0),
    };
    let took = started.elapsed();
    let _ = child.kill();
    let _ = child.wait();
    // `1|6|unix|/tmp/…|grpc|<certificate>`
    match read {
        Ok(_) if line.split('|').nth(4).is_some_and(|word| word.trim() == "grpc") => Ok(took),
        _ => Err(Failure::new(format!(
            "the provider gave no handshake but `{}`",
            line.trim()
        ))),
    }
}

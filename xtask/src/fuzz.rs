//! `cargo xtask fuzz`: runs the fuzz targets for a while each, on the toolchain at hand.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cargo::cargo;
use crate::checkout::Checkout;
use crate::command;
use crate::failure::{Failure, Result};
use crate::out;

/// A fuzz target: what it is called here, the folder of its package, and its name there.
struct Target {
    name: &'static str,
    folder: &'static str,
    inner: &'static str,
}

const TARGETS: &[Target] = &[
    target("json", "fuzz/readers", "json"),
    target("yaml", "fuzz/readers", "yaml"),
    target("forms", "fuzz/readers", "forms"),
    target("folder", "fuzz/readers", "folder"),
    target("task", "fuzz/readers", "task"),
    target("picture", "fuzz/readers", "picture"),
    target("migrate", "fuzz/command", "migrate"),
    target("tfplugin/json", "fuzz/tfplugin", "json"),
    target("tfplugin/msgpack", "fuzz/tfplugin", "msgpack"),
    target("stores/objects", "fuzz/stores", "objects"),
    target("stores/ledger", "fuzz/stores", "ledger"),
    target("stores/log", "fuzz/stores", "log"),
    target("xds", "fuzz/xds", "stream"),
    target("api/path", "fuzz/api", "path"),
    target("api/signature", "fuzz/api", "signature"),
];

const fn target(name: &'static str, folder: &'static str, inner: &'static str) -> Target {
    Target { name, folder, inner }
}

#[derive(Debug, PartialEq, Eq)]
struct FuzzArguments {
    target: Option<String>,
    each: Duration,
}

/// Runs the targets one after the other; a finding ends it.
pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let wishes = wishes(arguments)?;
    there_is_cargo_fuzz(checkout)?;
    let chosen = TARGETS
        .iter()
        .filter(|target| wishes.target.as_ref().is_none_or(|name| name == target.name));
    for target in chosen {
        out::line(&format!("{}, for {} seconds", target.name, wishes.each.as_secs()));
        if !fuzz(checkout, target, wishes.each)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fuzz(checkout: &Checkout, target: &Target, each: Duration) -> Result<bool> {
    let folder = checkout.root().join(target.folder);
    let corpus = folder.join("corpus").join(target.inner);
    // What a run learns goes into the first folder, so the seeds come second.
    fs::create_dir_all(&corpus).map_err(Failure::io("create", &corpus))?;
    let mut command = cargo(checkout);
    command
        .args(["fuzz", "run", "--fuzz-dir"])
        .arg(&folder)
        .arg(target.inner)
        .arg(&corpus)
        .arg(folder.join("seeds").join(target.inner))
        .arg("--")
        .arg(format!("-max_total_time={}", each.as_secs()))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        // Sanitizers are for nightly compilers; this lets the stable one use them too.
        .env("RUSTC_BOOTSTRAP", "1");
    Ok(command::stream(&mut command)?.success())
}

fn there_is_cargo_fuzz(checkout: &Checkout) -> Result<()> {
    let mut ask: Command = cargo(checkout);
    ask.args(["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if command::stream(&mut ask)?.success() {
        Ok(())
    } else {
        Err(Failure::new("cargo-fuzz is not installed").help("cargo install cargo-fuzz"))
    }
}

fn wishes(arguments: &[String]) -> Result<FuzzArguments> {
    let mut wishes = FuzzArguments {
        target: None,
        each: Duration::from_secs(60),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--seconds" {
            let seconds = rest.next().and_then(|number| number.parse::<u64>().ok());
            // The fuzzer takes 0 for "without end".
            let seconds = seconds
                .filter(|seconds| *seconds > 0)
                .ok_or_else(|| Failure::new("--seconds needs a number above 0"))?;
            wishes.each = Duration::from_secs(seconds);
        } else if wishes.target.is_none() && TARGETS.iter().any(|target| target.name == argument) {
            wishes.target = Some(argument.clone());
        } else {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            return Err(Failure::new(format!("`{argument}` is not understood"))
                .help(format!("[TARGET] [--seconds N]; targets: {}", names.join(", "))));
        }
    }
    Ok(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn asked(words: &[&str]) -> Result<FuzzArguments> {
        wishes(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_target_and_a_time_are_understood_and_nothing_else() {
        assert_eq!(asked(&[]).unwrap().target, None);
        let both = asked(&["--seconds", "7", "tfplugin/json"]).unwrap();
        assert_eq!(both.target.as_deref(), Some("tfplugin/json"));
        assert_eq!(both.each, Duration::from_secs(7));
        for wrong in [
            &["toml"][..],
            &["--seconds"],
            &["--seconds", "0"],
            &["json", "yaml"],
        ] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_target_is_one_of_its_package_and_none_is_missing() {
        let checkout = Checkout::find().unwrap();
        for target in TARGETS {
            let folder = checkout.root().join(target.folder);
            let file = folder.join("fuzz_targets").join(format!("{}.rs", target.inner));
            assert!(file.is_file(), "{}", file.display());
            assert!(
                folder.join("seeds").join(target.inner).is_dir(),
                "{}",
                target.name
            );
        }
        let folders: BTreeSet<&str> = TARGETS.iter().map(|target| target.folder).collect();
        let files = folders.into_iter().map(|folder| {
            let targets = checkout.root().join(folder).join("fuzz_targets");
            fs::read_dir(targets).unwrap().count()
        });
        assert_eq!(files.sum::<usize>(), TARGETS.len());
    }
}

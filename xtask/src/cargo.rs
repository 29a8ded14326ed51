//! Cargo: builds programs and finds them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};

/// The cargo that runs us, in the root of the checkout.
pub(crate) fn cargo(checkout: &Checkout) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(checkout.root());
    // What `cargo run` set for this process speaks of the package `xtask`, and would be seen by build scripts'
    // change detection and by programs that cargo starts.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR")
        {
            command.env_remove(name);
        }
    }
    command
}

/// Builds programs by name just as a plain `cargo build` does, and gives where each lies.
///
/// Not with the whole workspace, though tests would then share more of what is compiled: tests switch features of
/// dependencies on that users' programs do not have.
pub(crate) fn build_binaries(
    checkout: &Checkout,
    names: &[&str],
    profile: &str,
) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo(checkout);
    command.args(["build", "--profile", profile]);
    command.args(["--message-format", "json-render-diagnostics"]);
    for name in names {
        command.args(["--package", name, "--bin", name]);
    }
    // Progress and errors go to the terminal; the messages are for us.
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| Failure::new(format!("cannot run cargo: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(format!("cannot build {}", names.join(", "))));
    }
    let found = executables(&String::from_utf8_lossy(&output.stdout));
    for name in names {
        if !found.contains_key(*name) {
            return Err(Failure::new(format!(
                "cargo built `{name}` and did not say where"
            )));
        }
    }
    Ok(found)
}

/// Builds one example of a package, in that profile, and says where it is.
pub(crate) fn build_example(
    checkout: &Checkout,
    package: &str,
    name: &str,
    profile: &str,
) -> Result<PathBuf> {
    let mut command = cargo(checkout);
    command.args([
        "build",
        "--profile",
        profile,
        "--package",
        package,
        "--example",
        name,
    ]);
    command.args(["--message-format", "json-render-diagnostics"]);
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| Failure::new(format!("cannot run cargo: {error}")))?;
    let found = executables(&String::from_utf8_lossy(&output.stdout)).remove(name);
    found.ok_or_else(|| Failure::new(format!("cannot build the example `{name}` of {package}")))
}

/// Names and places of the executables in cargo's messages.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for message in messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let name = message.pointer("/target/name").and_then(Value::as_str);
        let place = message.pointer("/executable").and_then(Value::as_str);
        if let (Some(name), Some(place)) = (name, place) {
            found.insert(name.to_owned(), PathBuf::from(place));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_other_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"model"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"meshform"},"executable":"/t/debug/meshform"}
{"reason":"build-finished","success":true}"#;
        let found = executables(messages);
        assert_eq!(found.len(), 1);
        assert_eq!(found["meshform"], PathBuf::from("/t/debug/meshform"));
    }
}

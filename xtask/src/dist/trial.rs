//! Archives taken as users take them: Terraform finds the provider in a filesystem mirror, unpacks it, and plans; the
//! other programs run where nothing else is.

use std::fs;
use std::path::Path;
use std::process::Command;

use meshform_acceptance::terraform::Module;
use serde_json::Value;

use crate::failure::{Failure, Result};

const CONFIGURATION: &str = r#"terraform {
  required_providers {
    appmesh = {
      source = "meshform/appmesh"
    }
  }
}

resource "appmesh_mesh" "apps" {
  name = "apps"
}
"#;

/// Runs a program on a root file system that has nothing but it; gives what it says of its version.
pub(super) fn bare(program: &Path, name: &str, work: &Path) -> Result<String> {
    let place = work.join(name);
    fs::copy(program, &place).map_err(Failure::io("write", &place))?;
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--root"])
        .arg(work)
        .arg(format!("/{name}"))
        .arg("--version");
    let cannot = |error: std::io::Error| {
        Failure::new(format!("cannot try {name} on a bare root: {error}"))
            .help("`unshare` of util-linux is needed, and a system that lets users make namespaces")
    };
    let ran = command.output().map_err(cannot)?;
    let said = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
    if ran.status.success() && said.starts_with(name) {
        return Ok(said);
    }
    let why = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    Err(Failure::new(format!(
        "{name} does not run on a bare root: {said} {why}"
    )))
}

/// Runs `init` and `plan` in `work`; gives the line that sums the plan up.
pub(super) fn trial(terraform: &Path, archive: &Path, work: &Path) -> Result<String> {
    let mirror = work.join("mirror");
    let folder = mirror.join("registry.terraform.io/meshform/appmesh");
    fs::create_dir_all(&folder).map_err(Failure::io("make", &folder))?;
    let place = folder.join(archive.file_name().unwrap_or_default());
    fs::copy(archive, &place).map_err(Failure::io("write", &place))?;
    let config = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path = {}\n  }}\n}}\n",
        Value::from(mirror.to_string_lossy())
    );
    let module = work.join("module");
    let cannot = |error: std::io::Error| Failure::new(format!("cannot try the archive: {error}"));
    let module = Module::with_cli_config(terraform, &module, &config).map_err(cannot)?;
    module.write("main.tf", CONFIGURATION).map_err(cannot)?;
    let mut said = String::new();
    for command in [&["init", "-no-color"][..], &["plan", "-no-color"]] {
        let ran = module.run(command).map_err(cannot)?;
        if !ran.ok() {
            return Err(Failure::new(format!(
                "terraform {}:\n{}",
                command.join(" "),
                ran.text
            )));
        }
        said = ran.text;
    }
    let summary = said
        .lines()
        .find(|line| line.starts_with("Plan: "))
        .unwrap_or_default();
    if summary == "Plan: 1 to add, 0 to change, 0 to destroy." {
        return Ok(summary.to_owned());
    }
    Err(Failure::new(format!("the plan is not as it should be:\n{said}")))
}

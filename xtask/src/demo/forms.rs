//! The same mesh in other forms, by the `meshform` command.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::children::Children;
use crate::command::shown;
use crate::failure::{Failure, Result};

/// The command, and where it works.
pub(super) struct Meshform<'a> {
    pub(super) program: &'a Path,
    pub(super) children: &'a Children,
    /// The root module: the store lies in it.
    pub(super) dir: &'a Path,
    /// The folder for what it writes.
    pub(super) out: &'a Path,
}

impl Meshform<'_> {
    pub(super) fn install_provider(&self, provider: &Path, plugins: &Path) -> Result<()> {
        let mut command = self.command(&["install-provider", "--binary"]);
        self.succeed(command.arg(provider).arg("--dir").arg(plugins))?;
        Ok(())
    }

    /// `meshform compile`, from the store: gives the files.
    pub(super) fn compile(&self, target: &str, options: &[&str]) -> Result<Vec<PathBuf>> {
        let out = self.out.join(target);
        let mut command = self.command(&["compile", "--store", ".meshform", "--target", target]);
        self.succeed(command.args(options).arg("--out").arg(&out))?;
        let mut files = Vec::new();
        gather(&out, &mut files)?;
        files.sort();
        if files.is_empty() {
            return Err(Failure::new(format!("`{}` wrote nothing", shown(&command))));
        }
        Ok(files)
    }

    /// `meshform status`: the meshes that the store holds anything of.
    pub(super) fn meshes(&self) -> Result<usize> {
        let mut command = self.command(&["status", "--store", ".meshform", "--format", "json"]);
        let said = self.succeed(&mut command)?;
        let meshes = serde_json::from_str::<Value>(&said)
            .ok()
            .and_then(|value| Some(value.get("meshes")?.as_array()?.len()));
        meshes.ok_or_else(|| Failure::new(format!("`{}` says no meshes:\n{said}", shown(&command))))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(self.dir);
        command
    }

    fn succeed(&self, command: &mut Command) -> Result<String> {
        let output = self.children.run(command)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Failure::new(format!(
            "`{}` failed:\n{}{}",
            shown(command),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}

/// How many resources a CloudFormation template holds.
pub(super) fn resources(template: &Path) -> Result<usize> {
    let value = read(template)?;
    Ok(value
        .get("Resources")
        .and_then(Value::as_object)
        .map_or(0, serde_json::Map::len))
}

/// The names of the containers of the task definitions in a template.
pub(super) fn containers(template: &Path) -> Result<Vec<String>> {
    let value = read(template)?;
    let resources = value.get("Resources").and_then(Value::as_object);
    let containers = resources
        .into_iter()
        .flat_map(serde_json::Map::values)
        .filter_map(|resource| resource.pointer("/Properties/ContainerDefinitions")?.as_array())
        .flatten();
    let names = containers.filter_map(|container| container.get("Name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

fn read(path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).map_err(Failure::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)
        .map_err(Failure::io("read", folder))?
        .flatten()
    {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            // The command's own note on what it has written.
        } else if path.is_dir() {
            gather(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

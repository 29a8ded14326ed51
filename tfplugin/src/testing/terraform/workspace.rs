//! A directory with a configuration, a state and a provider build, and the commands that run there.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use super::programs::Version;
use crate::testing::Action;
use crate::value::Value;
use crate::value::json;

/// Why a run failed: what was run and what it said.
#[derive(Debug, thiserror::Error)]
pub enum Command {
    /// Terraform said no.
    #[error("`terraform {command}` failed:\n{output}")]
    Failed {
        /// The arguments.
        command: String,
        /// Both outputs.
        output: String,
    },
    /// It could not be run at all, or said something unexpected.
    #[error("{0}")]
    Broken(String),
}

impl From<std::io::Error> for Command {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A directory of its own for one test.
#[derive(Debug)]
pub struct Workspace {
    terraform: PathBuf,
    version: Version,
    bin: PathBuf,
    directory: tempfile::TempDir,
    vars: Vec<(String, String)>,
}

/// A plan that was saved.
#[derive(Debug, Clone)]
pub struct Plan {
    json: Value,
    /// What Terraform printed.
    pub text: String,
}

impl Plan {
    /// `terraform show -json` of it.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What happens to an object.
    pub fn action(&self, address: &str) -> Option<Action> {
        let change = self
            .changes()
            .find(|change| change.str("address") == Some(address))?;
        Some(action(change))
    }

    /// Addresses of what changes.
    pub fn changed(&self) -> Vec<(String, Action)> {
        self.changes()
            .filter(|change| action(change) != Action::None)
            .map(|change| {
                (
                    change.str("address").unwrap_or_default().to_owned(),
                    action(change),
                )
            })
            .collect()
    }

    /// Addresses that moved: from, to.
    pub fn moved(&self) -> Vec<(String, String)> {
        self.changes()
            .filter_map(|change| {
                Some((
                    change.str("previous_address")?.into(),
                    change.str("address")?.into(),
                ))
            })
            .collect()
    }

    fn changes(&self) -> impl Iterator<Item = &Value> {
        let managed = |change: &&Value| change.str("mode") == Some("managed");
        self.json.get("resource_changes").items().iter().filter(managed)
    }
}

fn action(change: &Value) -> Action {
    let actions: Vec<&str> = change
        .get("change")
        .get("actions")
        .items()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match actions.as_slice() {
        ["create"] => Action::Create,
        ["update"] => Action::Update,
        ["delete"] => Action::Delete,
        [_, _] => Action::Replace,
        _ => Action::None,
    }
}

impl Workspace {
    /// A workspace in which the provider of this name (`acme/note`) is the program of this path. The program's
    /// file may have any name.
    ///
    /// # Errors
    /// When Terraform cannot be run.
    pub fn new(terraform: &Path, provider: &str, program: &Path) -> Result<Self, Command> {
        let version = Version::of(terraform)?;
        let directory = tempfile::tempdir()?;
        let bin = directory.path().join("bin");
        std::fs::create_dir(&bin)?;
        let name = provider.rsplit('/').next().unwrap_or(provider);
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let rc = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"{}\" = \"{}\"\n  }}\n  direct {{}}\n}}\n",
            escaped(provider),
            escaped(&bin.display().to_string())
        );
        std::fs::write(directory.path().join("terraform.rc"), rc)?;
        std::fs::create_dir(directory.path().join("root"))?;
        let workspace = Self {
            terraform: terraform.to_path_buf(),
            version,
            bin: bin.join(format!(
                "terraform-provider-{name}{}",
                std::env::consts::EXE_SUFFIX
            )),
            directory,
            vars: Vec::new(),
        };
        workspace.install(program)?;
        Ok(workspace)
    }

    /// Makes another program the provider.
    ///
    /// # Errors
    /// When it cannot be put in place.
    pub fn install(&self, program: &Path) -> Result<(), Command> {
        // Not written over: the file may be another name of a program, or one that runs.
        let _ = std::fs::remove_file(&self.bin);
        if std::fs::hard_link(program, &self.bin).is_err() {
            std::fs::copy(program, &self.bin)?;
        }
        Ok(())
    }

    /// Terraform's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The directory of the configuration.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// A directory for whatever the provider writes.
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// Sets a variable for the runs.
    pub fn var(&mut self, name: &str, value: &str) {
        self.vars.push((name.into(), value.into()));
    }

    /// Writes the configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn config(&self, hcl: &str) -> Result<(), Command> {
        Ok(std::fs::write(self.root().join("main.tf"), hcl)?)
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When it fails; the error holds what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<String, Command> {
        let output = self.command(arguments).output()?;
        let text = both(&output);
        if output.status.success() {
            return Ok(text);
        }
        Err(Command::Failed {
            command: arguments.join(" "),
            output: text,
        })
    }

    /// A command that is ready to run, for tests that must do something while it runs.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.terraform);
        command
            .args(arguments)
            .current_dir(self.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("TF_CLI_CONFIG_FILE", self.directory.path().join("terraform.rc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env_remove("TF_LOG")
            .env_remove("TF_REATTACH_PROVIDERS")
            .envs(self.vars.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Makes a plan and saves it.
    ///
    /// # Errors
    /// When planning fails.
    pub fn plan(&self, more: &[&str]) -> Result<Plan, Command> {
        let arguments = [&["plan", "-no-color", "-input=false", "-out=saved.tfplan"], more].concat();
        let text = self.run(&arguments)?;
        let json = self.show(&["saved.tfplan"])?;
        Ok(Plan { json, text })
    }

    /// Applies the configuration.
    ///
    /// # Errors
    /// When it fails.
    pub fn apply(&self) -> Result<String, Command> {
        self.run(&["apply", "-no-color", "-input=false", "-auto-approve"])
    }

    /// Removes everything.
    ///
    /// # Errors
    /// When it fails.
    pub fn destroy(&self) -> Result<String, Command> {
        self.run(&["destroy", "-no-color", "-input=false", "-auto-approve"])
    }

    /// The attributes of an object in the state; null when it is not there.
    ///
    /// # Errors
    /// When the state cannot be shown.
    pub fn state(&self, address: &str) -> Result<Value, Command> {
        let found = self.in_state(address)?;
        Ok(found.map(|one| one.get("values").clone()).unwrap_or_default())
    }

    /// Whether an object in the state is marked to be made anew; `None` when it is not there.
    ///
    /// # Errors
    /// When the state cannot be shown.
    pub fn tainted(&self, address: &str) -> Result<Option<bool>, Command> {
        let found = self.in_state(address)?;
        Ok(found.map(|one| one.get("tainted").as_bool() == Some(true)))
    }

    fn in_state(&self, address: &str) -> Result<Option<Value>, Command> {
        let json = self.show(&[])?;
        let resources = json.get("values").get("root_module").get("resources");
        let found = resources
            .items()
            .iter()
            .find(|one| one.str("address") == Some(address));
        Ok(found.cloned())
    }

    fn show(&self, what: &[&str]) -> Result<Value, Command> {
        let mut command = self.command(&[&["show", "-json", "-no-color"], what].concat());
        let output = command.output()?;
        json::parse(&output.stdout).map_err(|error| {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            Command::Broken(format!("terraform show: {error}: {text}"))
        })
    }
}

/// All that a command printed.
pub(super) fn both(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

//! The root module that the demo works on: a copy of `examples/apps`, and the Terraform that applies it.
//!
//! Nothing of the user's own is read or written: Terraform has a CLI configuration and a plugin folder of its own
//! there. There is no lock file, so that a provider that was built anew is taken as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use meshform_acceptance::terraform::{Module, Ran};
use serde_json::Value;

use crate::children::Children;
use crate::command::shown;
use crate::failure::{Failure, Result};

/// Terraform looks into its implied local mirrors when the configuration says nothing of installation. The one
/// beside the root module is `terraform.d/plugins`.
const CLI_CONFIG: &str = "\
# Nothing is said about the installation of providers: Terraform then looks into its implied local mirrors, of which
# `terraform.d/plugins` beside the root module is one. `meshform install-provider` put the provider there.
disable_checkpoint = true
";

/// The variables that change during the demo. A user may change them too, when the demo is kept running.
const CHANGING: &str = "weights.auto.tfvars";

/// The root module and what runs Terraform on it.
pub(super) struct Terraform<'a> {
    program: PathBuf,
    module: Module,
    children: &'a Children,
}

/// What an apply has done.
pub(super) struct Applied {
    /// `12 added, 0 changed, 0 destroyed`.
    pub(super) counts: String,
    /// The first line of each warning.
    pub(super) warnings: Vec<String>,
}

impl<'a> Terraform<'a> {
    /// Copies the example to a directory.
    pub(super) fn new(program: &Path, from: &Path, to: &Path, children: &'a Children) -> Result<Self> {
        let module = Self::at(program, to, children)?;
        let entries = fs::read_dir(from).map_err(Failure::io("read", from))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "tf") {
                let copy = to.join(entry.file_name());
                fs::copy(&path, &copy).map_err(Failure::io("write", &copy))?;
            }
        }
        Ok(module)
    }

    /// Takes the module that an earlier demo has left.
    pub(super) fn at(program: &Path, dir: &Path, children: &'a Children) -> Result<Self> {
        let module = Module::with_cli_config(program, dir, CLI_CONFIG);
        Ok(Self {
            program: program.to_path_buf(),
            module: module.map_err(Failure::io("write to", dir))?,
            children,
        })
    }

    /// With more variables in Terraform's environment.
    pub(super) fn with(mut self, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            self.module = self.module.env(name, value);
        }
        self
    }

    pub(super) fn dir(&self) -> &Path {
        self.module.dir()
    }

    /// Where it looks for providers before any registry.
    pub(super) fn plugins(&self) -> PathBuf {
        self.dir().join("terraform.d/plugins")
    }

    /// Writes the variables that stay.
    pub(super) fn settings(&self, values: &Value) -> Result<()> {
        self.write("demo.auto.tfvars.json", &format!("{values:#}\n"))
    }

    /// Writes the variables that change.
    pub(super) fn weights(&self, serviceb: u32, servicebv2: u32, canary: bool) -> Result<()> {
        let text =
            format!("weights = {{ serviceb = {serviceb}, servicebv2 = {servicebv2} }}\ncanary  = {canary}\n");
        self.write(CHANGING, &text)
    }

    /// `terraform init`: gives the version of the provider that was found.
    pub(super) fn init(&self) -> Result<String> {
        let ran = self.succeed(&["init", "-input=false", "-no-color"])?;
        let line = ran
            .text
            .lines()
            .find_map(|line| line.trim().strip_prefix("- Installed "));
        let version = line.and_then(|line| line.split(" (").next());
        version
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("terraform init installed no provider:\n{}", ran.text)))
    }

    pub(super) fn apply(&self) -> Result<Applied> {
        self.change(&["apply", "-auto-approve", "-input=false", "-no-color"])
    }

    pub(super) fn destroy(&self) -> Result<Applied> {
        self.change(&["destroy", "-auto-approve", "-input=false", "-no-color"])
    }

    /// `terraform plan`, which must find nothing to do.
    pub(super) fn empty_plan(&self) -> Result<()> {
        let ran = self.run(&["plan", "-detailed-exitcode", "-input=false", "-no-color"])?;
        match ran.status {
            0 => Ok(()),
            2 => Err(Failure::new(format!(
                "a second plan finds something to change:\n{}",
                ran.text.trim()
            ))),
            _ => Err(Failure::new(format!(
                "terraform plan failed:\n{}",
                ran.text.trim()
            ))),
        }
    }

    /// How many resources the state holds.
    pub(super) fn resources(&self) -> Result<usize> {
        Ok(self.succeed(&["state", "list"])?.text.lines().count())
    }

    /// When a resource's record was last written.
    pub(super) fn updated(&self, address: &str) -> Result<String> {
        let state = self.module.show();
        let state = state.map_err(|error| Failure::new(format!("terraform show: {error}")))?;
        let resources = state.pointer("/values/root_module/resources");
        let date = resources
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|resource| resource.get("address").and_then(Value::as_str) == Some(address))
            .and_then(|resource| resource.pointer("/values/last_updated_date")?.as_str());
        date.map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("the state does not say when {address} was updated")))
    }

    /// The command as a user would type it, from anywhere.
    pub(super) fn typed(&self, command: &str) -> String {
        let dir = self.dir().display();
        format!(
            "TF_CLI_CONFIG_FILE={dir}/cli.tfrc {} -chdir={dir} {command}",
            self.program.display()
        )
    }

    fn change(&self, args: &[&str]) -> Result<Applied> {
        let ran = self.succeed(args)?;
        let line = ran
            .text
            .lines()
            .find_map(|line| line.split_once(" complete! Resources: "));
        let counts = line.map_or("done", |(_, counts)| counts.trim_end_matches('.'));
        let warnings = ran.text.lines().filter_map(|line| {
            line.split_once("Warning: ")
                .map(|(_, warning)| warning.to_owned())
        });
        Ok(Applied {
            counts: counts.to_owned(),
            warnings: warnings.collect(),
        })
    }

    fn succeed(&self, args: &[&str]) -> Result<Ran> {
        let ran = self.run(args)?;
        if ran.ok() {
            return Ok(ran);
        }
        let command = shown(Command::new("terraform").args(args));
        Err(Failure::new(format!("`{command}` failed:\n{}", ran.text.trim())))
    }

    fn run(&self, args: &[&str]) -> Result<Ran> {
        let output = self.children.run(&mut self.module.command(args))?;
        Ok(Ran::from(output))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        self.module
            .write(name, text)
            .map_err(Failure::io("write", &self.dir().join(name)))
    }
}

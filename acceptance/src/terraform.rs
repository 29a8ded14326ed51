//! A root module that real Terraform works on: its own directory, CLI configuration and environment, so that
//! nothing of the user's is read or written.

use serde_json::Value;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A root module and the Terraform that works on it.
#[derive(Debug, Clone)]
pub struct Module {
    program: PathBuf,
    dir: PathBuf,
    environment: Vec<(String, String)>,
}

/// How a command of Terraform's ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit status; -1 when a signal ended it.
    pub status: i32,
    /// What it printed, both streams, without colours.
    pub text: String,
}

impl Module {
    /// A module in `dir` that takes the provider from the folder that holds its binary, by a development
    /// override: no `init`, no lock file, and a rebuilt provider is used at once.
    ///
    /// # Errors
    /// When `dir` cannot be written.
    pub fn new(program: &Path, dir: &Path, provider_dir: &Path) -> io::Result<Self> {
        let config = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"meshform/appmesh\" = {}\n  }}\n  direct {{}}\n}}\n",
            Value::from(provider_dir.to_string_lossy()),
        );
        Self::with_cli_config(program, dir, &config)
    }

    /// A module in `dir` with that CLI configuration.
    ///
    /// # Errors
    /// When `dir` cannot be written.
    pub fn with_cli_config(program: &Path, dir: &Path, cli_config: &str) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let config = dir.join("cli.tfrc");
        std::fs::write(&config, cli_config)?;
        let environment = [
            ("TF_CLI_CONFIG_FILE", config.to_string_lossy().into_owned()),
            ("CHECKPOINT_DISABLE", "1".to_owned()),
            ("TF_IN_AUTOMATION", "1".to_owned()),
            ("TF_INPUT", "0".to_owned()),
        ];
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Ok(Self {
            program: program.to_owned(),
            dir: dir.to_owned(),
            environment,
        })
    }

    /// With one more variable in Terraform's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.to_owned(), value.as_ref().to_string_lossy().into_owned()));
        self
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file of the module.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        std::fs::write(self.dir.join(name), text)
    }

    /// The command, ready to be started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.dir).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TF_") || name == "CI") {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When Terraform cannot be started.
    pub fn run(&self, args: &[&str]) -> io::Result<Ran> {
        let output = self.command(args).output()?;
        Ok(Ran::from(output))
    }

    /// The module's state as `terraform show -json` gives it.
    ///
    /// # Errors
    /// When Terraform fails or prints no JSON.
    pub fn show(&self) -> io::Result<Value> {
        self.json(&["show", "-json"])
    }

    /// The saved plan as `terraform show -json` gives it.
    ///
    /// # Errors
    /// When Terraform fails or prints no JSON.
    pub fn show_plan(&self, plan: &str) -> io::Result<Value> {
        self.json(&["show", "-json", plan])
    }

    fn json(&self, args: &[&str]) -> io::Result<Value> {
        let output = self.command(args).output()?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            io::Error::other(format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
        })
    }
}

impl Ran {
    /// Whether it ended with status 0.
    pub fn ok(&self) -> bool {
        self.status == 0
    }

    /// The text with every run of white space and box-drawing made one blank, so that a message can be looked
    /// for as it reads, however Terraform wrapped it.
    pub fn flat(&self) -> String {
        let text = self.text.replace(['│', '╷', '╵'], " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Self {
            status: output.status.code().unwrap_or(-1),
            text: without_colours(&text),
        }
    }
}

/// Takes ANSI escape sequences out.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after
            .find(|c: char| c.is_ascii_alphabetic())
            .and_then(|at| after.get(at + 1..))
            .unwrap_or("");
    }
    plain.push_str(rest);
    plain
}

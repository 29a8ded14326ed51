//! Terraform's core out of a package behaves like a `terraform` on PATH: arguments, working directory, environment,
//! prompts, exit codes, interruption. On a machine without Terraform it is all that there is.

#![allow(clippy::unwrap_used, reason = "a test program")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use meshform_acceptance::tools;

const MODULE: &str = r#"
variable "word" {}
variable "seconds" { default = 0 }

resource "terraform_data" "it" {
  input = var.word
  provisioner "local-exec" { command = "sleep ${var.seconds}" }
}

output "word" { value = terraform_data.it.output }
"#;

/// A module in a folder `module`, and Terraform to be started beside it.
struct Setting<'a> {
    program: &'a Path,
    folder: tempfile::TempDir,
}

impl<'a> Setting<'a> {
    fn new(program: &'a Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("module")).unwrap();
        fs::write(folder.path().join("module/main.tf"), MODULE).unwrap();
        Self { program, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        // Nothing of the user's: no settings, no log, no default arguments.
        let theirs = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TF_"));
        for (name, _) in theirs {
            command.env_remove(name);
        }
        command
            .env("CHECKPOINT_DISABLE", "1")
            .env("HOME", self.folder.path())
            .env("TF_VAR_word", "grüße, \"du\"");
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn init_plan_and_apply_go_as_with_a_terraform_on_the_path() {
    for program in tools::terraform_matrix() {
        let setting = Setting::new(&program);
        let at = "-chdir=module";
        let init = setting.run(&[at, "init", "-no-color"]);
        assert!(
            init.status.success(),
            "{}{}",
            text(&init.stdout),
            text(&init.stderr)
        );
        let plan = setting.run(&[at, "plan", "-no-color", "-detailed-exitcode"]);
        assert_eq!(plan.status.code(), Some(2), "{}", text(&plan.stderr));

        // Asked, and answered through standard input.
        let mut apply = setting.command(&[at, "apply", "-no-color"]);
        let mut apply = apply
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        apply.stdin.take().unwrap().write_all(b"yes\n").unwrap();
        let apply = apply.wait_with_output().unwrap();
        let said = text(&apply.stdout);
        assert!(
            apply.status.success() && said.contains("Enter a value:"),
            "{said}"
        );
        assert!(said.contains("Apply complete! Resources: 1 added"), "{said}");

        let again = setting.run(&[at, "plan", "-no-color", "-detailed-exitcode"]);
        assert_eq!(again.status.code(), Some(0), "{}", text(&again.stdout));
        let output = setting.run(&[at, "output", "-raw", "word"]);
        assert_eq!(text(&output.stdout), "grüße, \"du\"");
        assert!(setting.folder.path().join("module/terraform.tfstate").is_file());
    }
}

#[test]
fn what_goes_wrong_is_on_standard_error_with_an_exit_code() {
    for program in tools::terraform_matrix() {
        let setting = Setting::new(&program);
        let unknown = setting.run(&["no-such-command"]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(
            text(&unknown.stderr).contains("no command named"),
            "{}",
            text(&unknown.stderr)
        );
        fs::write(setting.folder.path().join("module/more.tf"), "resource").unwrap();
        let invalid = setting.run(&["-chdir=module", "validate", "-no-color"]);
        assert_eq!(invalid.status.code(), Some(1));
        assert!(
            text(&invalid.stderr).contains("more.tf line 1"),
            "{}",
            text(&invalid.stderr)
        );
        let nothing = setting.run(&[]);
        assert!(
            !nothing.status.success() && text(&nothing.stdout).contains("Usage: terraform"),
            "{nothing:?}"
        );
    }
}

#[test]
fn an_interrupted_apply_stops_by_itself_and_keeps_its_state() {
    for program in tools::terraform_matrix() {
        let setting = Setting::new(&program);
        assert!(setting.run(&["-chdir=module", "init"]).status.success());
        let started = Instant::now();
        let log = setting.folder.path().join("log");
        let mut apply = setting.command(&[
            "-chdir=module",
            "apply",
            "-no-color",
            "-auto-approve",
            "-var=seconds=60",
        ]);
        let apply = apply
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .stderr(Stdio::null());
        let mut apply = apply.spawn().unwrap();
        while !fs::read_to_string(&log).unwrap().contains("Executing") {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{}",
                fs::read_to_string(&log).unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let kill = Command::new("/bin/sh")
            .args(["-c", "kill -s INT \"$0\"", &apply.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(apply.wait().unwrap().code(), Some(1));
        assert!(started.elapsed() < Duration::from_secs(50), "it slept to the end");
        let said = fs::read_to_string(&log).unwrap();
        assert!(said.contains("Interrupt received"), "{said}");
        // What was made is known, and marked as half-done.
        let state = setting.run(&["-chdir=module", "show", "-no-color"]);
        assert!(
            text(&state.stdout).contains("terraform_data.it: (tainted)"),
            "{}",
            text(&state.stdout)
        );
    }
}

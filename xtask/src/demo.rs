//! `cargo xtask demo`: the main job, end to end, with real Terraform and real Envoy.
//!
//! - [`steps`] prints: chapters, and one line per step.
//! - [`terraform`] is the root module, a copy of `examples/apps`.
//! - [`live`] is what runs: two services (each an [`upstream`]) and Envoy.
//! - [`split`] counts who answers; [`forms`] writes the mesh in other forms.
//! - [`remote`] is the second act: two Envoys that are reached by a bucket.
//! - [`story`] is the order of it all; [`follow`] measures with the same parts.

pub(crate) mod follow;
mod forms;
mod live;
mod remote;
mod split;
mod steps;
mod story;
mod terraform;
pub(crate) mod upstream;

use std::path::{Path, PathBuf};

use crate::checkout::Checkout;
use crate::children::Children;
use crate::failure::{Failure, Result};
use crate::out;
use crate::work::WorkDir;
use live::DemoMark;
use steps::Steps;
use terraform::Terraform;

/// How servicea's application calls serviceb.
const HOST: &str = "serviceb.apps.local:8080";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DemoMode {
    /// All chapters; what was started is ended and what was written deleted.
    Demo,
    /// All chapters but the last, so that what was started can be looked at.
    Keep,
    /// The end of a demo that was kept.
    Stop,
}

/// The folders of the demo, all in its work directory.
struct Folders {
    module: PathBuf,
    published: PathBuf,
    /// The other forms of the mesh.
    forms: PathBuf,
    /// What the second act works with.
    remote: PathBuf,
    logs: PathBuf,
    /// The file that says that something runs.
    running: PathBuf,
}

pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let wish = wish(arguments)?;
    let work = WorkDir::open("demo")?;
    let folders = Folders::below(work.path());
    let mark = DemoMark::at(folders.running.clone());
    if wish == DemoMode::Stop {
        return stop(&folders, &mark);
    }
    if mark.end()? {
        out::line("What an earlier demo had left running is ended.");
    }
    work.empty()?;
    folders.make()?;
    let children = Children::new()?;
    match story::tell(checkout, &children, &folders, wish == DemoMode::Keep) {
        Ok(()) if wish == DemoMode::Keep => {
            children.keep();
            Ok(true)
        }
        Ok(()) => Ok(true),
        Err(failure) => {
            drop(children);
            // The services end with it.
            let _ = std::fs::remove_file(&folders.running);
            Err(failure.help(format!(
                "what was started is ended; its files and logs are in {}",
                work.path().display()
            )))
        }
    }
}

/// `--stop`: destroys the mesh and ends what runs.
fn stop(folders: &Folders, mark: &DemoMark) -> Result<bool> {
    let Some(program) = mark.terraform() else {
        out::line("No demo is running here.");
        return Ok(true);
    };
    let children = Children::new()?;
    let steps = Steps::new();
    // What cannot be destroyed any more is no reason to leave processes behind.
    let destroyed = steps.step("terraform destroy", || {
        let done = Terraform::at(&program, &folders.module, &children)?.destroy()?;
        Ok(((), done.counts))
    });
    steps.step("services and Envoy", || {
        mark.end()?;
        Ok(((), "ended".to_owned()))
    })?;
    destroyed.map(|()| true)
}

fn wish(arguments: &[String]) -> Result<DemoMode> {
    match arguments {
        [] => Ok(DemoMode::Demo),
        [one] if one == "--keep" => Ok(DemoMode::Keep),
        [one] if one == "--stop" => Ok(DemoMode::Stop),
        _ => Err(
            Failure::new(format!("`{}` is not understood", arguments.join(" ")))
                .help("cargo xtask demo [--keep | --stop]"),
        ),
    }
}

impl Folders {
    fn below(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name);
        Self {
            module: path("module"),
            published: path("published"),
            forms: path("forms"),
            remote: path("remote"),
            logs: path("logs"),
            running: path("running.json"),
        }
    }

    /// Makes those that nobody else makes.
    fn make(&self) -> Result<()> {
        for folder in [&self.module, &self.logs] {
            std::fs::create_dir_all(folder).map_err(Failure::io("make", folder))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_said() {
        let wish = |text: &str| super::wish(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(wish("").unwrap(), DemoMode::Demo);
        assert_eq!(wish("--keep").unwrap(), DemoMode::Keep);
        assert_eq!(wish("--stop").unwrap(), DemoMode::Stop);
        let failure = wish("--keep --stop").unwrap_err().to_string();
        assert!(failure.contains("`--keep --stop` is not understood"), "{failure}");
    }
}

//! Finds programs that the user has: named in a variable, or on PATH, and new enough.
//!
//! Asking a program for its version takes up to a second (Envoy), so the answer is kept beside `.tools/bin`, with
//! the file's size and time, and asked for again only when these change.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use crate::command;
use crate::failure::{Failure, Result};
use crate::out;

/// A tool that may come from outside.
pub(super) struct Wanted {
    /// The environment variable that names the program, whatever is on PATH.
    pub(super) variable: &'static str,
    /// Names on PATH, best first.
    pub(super) candidates: &'static [Candidate],
}

/// A program that would do.
pub(super) struct Candidate {
    pub(super) program: &'static str,
    /// The argument that makes it print its version.
    pub(super) ask: &'static str,
    pub(super) least: (u32, u32),
}

/// The program to use, if the user has one. `bin` is our own folder of launchers, which is never an answer: a
/// launcher would start itself for ever.
pub(super) fn find(wanted: &Wanted, bin: &Path) -> Result<Option<PathBuf>> {
    if let Some(named) = env::var_os(wanted.variable).filter(|value| !value.is_empty()) {
        let program = std::path::absolute(&named).map_err(Failure::io("find", Path::new(&named)))?;
        if !program.parent().is_some_and(|folder| same(folder, bin)) {
            return if runnable(&program) {
                Ok(Some(program))
            } else {
                let what = format!("{} is {}: no program", wanted.variable, program.display());
                Err(Failure::new(what).help("name a file that can be run, or unset the variable"))
            };
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // An ordinary user's PATH leaves out where the system's own programs are.
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(system).collect();
    on_path(wanted.candidates, &folders, bin)
}

/// The first candidate that is there and new enough. A name counts where it is found first, as it does in a shell.
fn on_path(candidates: &[Candidate], folders: &[PathBuf], bin: &Path) -> Result<Option<PathBuf>> {
    for candidate in candidates {
        let mut places = folders
            .iter()
            .filter(|folder| !same(folder, bin))
            .map(|folder| folder.join(candidate.program));
        let Some(program) = places.find(|place| runnable(place)) else {
            continue;
        };
        if new_enough(candidate, &program, bin)? {
            return std::path::absolute(&program)
                .map(Some)
                .map_err(Failure::io("find", &program));
        }
    }
    Ok(None)
}

fn same(one: &Path, other: &Path) -> bool {
    one == other
        || one
            .canonicalize()
            .is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn runnable(place: &Path) -> bool {
    fs::metadata(place).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Whether the program's version will do; says so once when it will not.
fn new_enough(candidate: &Candidate, program: &Path, bin: &Path) -> Result<bool> {
    let identity = identity(program)?;
    let notes = bin.with_file_name("found");
    let note = notes.join(candidate.program);
    if let Some(version) = fs::read_to_string(&note).ok().and_then(|text| {
        let (known, version) = text.rsplit_once('\n')?;
        (known == identity).then(|| version.to_owned())
    }) {
        return Ok(at_least(&version, candidate.least));
    }
    let mut ask = Command::new(program);
    ask.arg(candidate.ask).env("CHECKPOINT_DISABLE", "1");
    let version = command::capture(&mut ask)
        .ok()
        .and_then(|text| version(&text))
        .unwrap_or_default();
    let fine = at_least(&version, candidate.least);
    if !fine {
        let (major, minor) = candidate.least;
        let shown = if version.is_empty() {
            "gives no version"
        } else {
            version.as_str()
        };
        out::line(&format!(
            "tools: {} ({shown}) is not used: {major}.{minor} or newer is needed",
            program.display()
        ));
    }
    fs::create_dir_all(&notes).map_err(Failure::io("make", &notes))?;
    fs::write(&note, format!("{identity}\n{version}")).map_err(Failure::io("write", &note))?;
    Ok(fine)
}

/// What changes when a program is replaced.
fn identity(program: &Path) -> Result<String> {
    let found = fs::metadata(program).map_err(Failure::io("read", program))?;
    let changed = found
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.map(|age| age.as_nanos()).unwrap_or_default();
    Ok(format!("{}\n{} {changed}", program.display(), found.len()))
}

/// The first thing in a text that looks like `1.2.3`.
fn version(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.')
        .find(|word| word.split('.').count() == 3 && word.split('.').all(|part| part.parse::<u32>().is_ok()))
        .map(str::to_owned)
}

fn at_least(version: &str, least: (u32, u32)) -> bool {
    let mut parts = version.split('.').filter_map(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(has_major), Some(has_minor)) => (has_major, has_minor) >= least,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::WorkDir;

    #[test]
    fn versions_are_read_as_each_program_prints_them() {
        assert_eq!(
            version("Terraform v1.11.4\non linux_amd64\n").as_deref(),
            Some("1.11.4")
        );
        assert_eq!(version("OpenTofu v1.8.0-rc1\n").as_deref(), Some("1.8.0"));
        let envoy = "\n/x/envoy  version: 9e55809a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(version(envoy).as_deref(), Some("1.40.0"));
        assert_eq!(version("no version is set for terraform"), None);
    }

    #[test]
    fn programs_are_taken_where_they_are_first_unless_too_old_or_ours() {
        let folder = WorkDir::fresh("test-of-path").unwrap();
        let at = |name: &str| folder.path().join(name);
        let bin = at(".tools/bin");
        let script = |place: PathBuf, version: &str| {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(
                &place,
                format!(
                    "#!/bin/sh\necho asked >> {}\necho {version}\n",
                    at("log").display()
                ),
            )
            .unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        };
        let candidates = [
            Candidate {
                program: "terraform",
                ask: "version",
                least: (1, 8),
            },
            Candidate {
                program: "tofu",
                ask: "version",
                least: (1, 8),
            },
        ];
        script(bin.join("terraform"), "Terraform v1.15.5");
        script(at("a/terraform"), "Terraform v1.5.7");
        script(at("b/terraform"), "Terraform v1.12.0");
        script(at("b/tofu"), "OpenTofu v1.9.1");
        let asked = || fs::read_to_string(at("log")).unwrap_or_default().lines().count();

        assert_eq!(
            on_path(&candidates, std::slice::from_ref(&bin), &bin).unwrap(),
            None
        );
        assert_eq!(
            on_path(&candidates, &[bin.clone(), at("b"), at("a")], &bin).unwrap(),
            Some(at("b/terraform"))
        );
        // The first terraform is too old, and hides the second from a shell as well: the next best program.
        assert_eq!(
            on_path(&candidates, &[at("a"), at("b")], &bin).unwrap(),
            Some(at("b/tofu"))
        );
        assert_eq!(asked(), 3);
        assert_eq!(
            on_path(&candidates[1..], &[at("b")], &bin).unwrap(),
            Some(at("b/tofu"))
        );
        assert_eq!(asked(), 3, "what is known is not asked again");
        script(at("b/tofu"), "OpenTofu v1.10.0-of-another-length");
        assert_eq!(
            on_path(&candidates[1..], &[at("b")], &bin).unwrap(),
            Some(at("b/tofu"))
        );
        assert_eq!(asked(), 4, "a program that was replaced is");
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(at_least("1.11.4", (1, 8)));
        assert!(at_least("2.0.0", (1, 8)));
        assert!(!at_least("1.7.5", (1, 8)));
        assert!(!at_least("", (1, 8)));
    }
}

//! A program out of Debian's packages, unpacked under `.tools/` and not installed: the system stays as it is, and no
//! right to change it is needed.
//!
//! apt checks who signed what it downloads. Package lists are often missing (containers throw them away); then they are
//! fetched into a folder of ours.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::launcher::{self, Launcher};
use super::package::{Store, again_if_it_fails};
use crate::command;
use crate::failure::{Failure, Result};
use crate::out;

/// A program and its libraries.
pub(super) struct DebianPackage {
    /// The package, and our folder for it.
    pub(super) name: &'static str,
    /// The file name of the program.
    pub(super) program: &'static str,
    /// What comes before the user's arguments.
    pub(super) command: Option<&'static str>,
    /// A folder of the program's extensions beside its libraries, and the variable that names it.
    pub(super) extensions: Option<(&'static str, &'static str)>,
    /// Packages that it needs beside its libraries.
    pub(super) beside: &'static [&'static str],
    /// Files of ours in its folder: the variable that names one, where it is, and what it says.
    pub(super) files: &'static [(&'static str, &'static str, &'static str)],
    /// How to get it elsewhere.
    pub(super) instead: &'static str,
}

impl DebianPackage {
    /// Unpacks it unless it is in place; gives whether it had to.
    pub(super) fn provide(&self, store: &Store) -> Result<bool> {
        if self.launcher(store).is_some() {
            return Ok(false);
        }
        let _lock = store.lock()?;
        if self.launcher(store).is_some() {
            return Ok(false);
        }
        out::text(&format!("tools: {} (Debian's package): fetching … ", self.name));
        let started = Instant::now();
        let scratch = store.folder().join("tmp");
        let downloaded = if on_path("apt-get") && on_path("dpkg-deb") {
            again_if_it_fails(|| {
                let _ = fs::remove_dir_all(&scratch);
                self.unpack(&scratch)
            })
        } else {
            Err(Failure::new(format!(
                "no `{}` on PATH, and this is no Debian",
                self.name
            )))
        };
        let unpacked = downloaded.and_then(|root| {
            let place = store.folder().join(self.name);
            let _ = fs::remove_dir_all(&place);
            fs::rename(&root, &place).map_err(Failure::io("make", &place))
        });
        let _ = fs::remove_dir_all(&scratch);
        unpacked.map_err(|failure| {
            out::line("failed");
            Failure::new(format!("cannot get {}: {failure}", self.name)).help(self.instead)
        })?;
        out::line(&format!("{:.1} s", started.elapsed().as_secs_f64()));
        Ok(true)
    }

    /// How it is started, when it is in place.
    pub(super) fn launcher(&self, store: &Store) -> Option<Launcher> {
        let root = store.folder().join(self.name);
        // Where a package's program of a large family has a folder of its own: `usr/lib/chromium`.
        let own = entries(&root.join("usr/lib"));
        let folders = PROGRAMS.iter().map(|folder| root.join(folder)).chain(own);
        // A link out of a package leads to the system's files, and so does a script.
        let program = folders
            .map(|folder| folder.join(self.program))
            .find(|place| place.is_file() && !place.is_symlink() && is_binary(place))?;
        let libraries = libraries(&root);
        let mut variables = vec![("LD_LIBRARY_PATH", env::join_paths(&libraries).ok()?)];
        if let Some((folder, variable)) = self.extensions {
            let mut places = libraries.iter().map(|library| library.join(folder));
            variables.push((variable, places.find(|place| place.is_dir())?.into_os_string()));
        }
        for (variable, place, _) in self.files {
            let place = root.join(place);
            if !place.is_file() {
                return None;
            }
            variables.push((variable, place.into_os_string()));
        }
        Some(launcher::with_variables(&variables, &program, self.command))
    }

    /// Downloads the package with its libraries and unpacks all into one folder, which is given.
    fn unpack(&self, scratch: &Path) -> Result<PathBuf> {
        let (downloads, root) = (scratch.join("downloads"), scratch.join("root"));
        for folder in [&downloads, &root] {
            fs::create_dir_all(folder).map_err(Failure::io("make", folder))?;
        }
        let system = Apt { options: Vec::new() };
        let wanted: Vec<&str> = [self.name].iter().chain(self.beside).copied().collect();
        if system.download(&wanted, &downloads).is_err() {
            let ours = Apt::with_lists_of_its_own(&scratch.join("apt"))?;
            ours.update()?;
            ours.download(&wanted, &downloads)?;
        }
        for package in entries(&downloads) {
            command::capture(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root))?;
            // What was unpacked is not needed packed: the disk holds a large package once.
            fs::remove_file(&package).map_err(Failure::io("remove", &package))?;
        }
        for (_, place, text) in self.files {
            let place = root.join(place);
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder).map_err(Failure::io("make", folder))?;
            }
            fs::write(&place, text).map_err(Failure::io("write", &place))?;
        }
        Ok(root)
    }
}

/// apt, with the system's lists or with others.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn with_lists_of_its_own(folder: &Path) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).map_err(Failure::io("make", &part))?;
        }
        let set = |name: &str, part: &str| format!("-o{name}={}", folder.join(part).display());
        Ok(Self {
            options: vec![
                set("Dir::State::lists", "lists"),
                set("Dir::Cache", "cache"),
                // Else apt as root turns into a user who may not write here.
                "-oAPT::Sandbox::User=root".to_owned(),
            ],
        })
    }

    fn run(&self, program: &str, arguments: &[&str], folder: Option<&Path>) -> Result<String> {
        let mut run = Command::new(program);
        run.args(&self.options).args(arguments).env("LC_ALL", "C");
        if let Some(folder) = folder {
            run.current_dir(folder);
        }
        command::capture(&mut run)
    }

    fn update(&self) -> Result<()> {
        self.run("apt-get", &["-qq", "update"], None).map(drop)
    }

    /// Puts the files of packages, and of their libraries, into a folder.
    fn download(&self, packages: &[&str], folder: &Path) -> Result<()> {
        let mut new: Vec<String> = packages.iter().map(|name| (*name).to_owned()).collect();
        let mut known: BTreeSet<String> = new.iter().cloned().collect();
        while !new.is_empty() {
            let mut arguments = vec!["depends", "--important"];
            arguments.extend(new.iter().map(String::as_str));
            let depends = self.run("apt-cache", &arguments, None)?;
            new = library_packages(&depends);
            new.retain(|name| known.insert(name.clone()));
        }
        let mut arguments = vec!["-qq", "download"];
        arguments.extend(known.iter().map(String::as_str));
        self.run("apt-get", &arguments, Some(folder)).map(drop)
    }
}

/// The libraries among what `apt-cache depends` names; the C library is the system's, and those of pages (`libjs-…`) no
/// program loads.
fn library_packages(depends: &str) -> Vec<String> {
    depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|name| {
            let is_other = ["libc6", "libjs-"].iter().any(|other| name.starts_with(other));
            (name.starts_with("lib") && !is_other) || name.starts_with("zlib")
        })
        .map(str::to_owned)
        .collect()
}

const PROGRAMS: [&str; 4] = ["usr/bin", "bin", "usr/sbin", "sbin"];

/// The folders of libraries: `usr/lib/x86_64-linux-gnu`, and those in it, in which some packages keep their own.
fn libraries(root: &Path) -> Vec<PathBuf> {
    let has_libraries = |folder: &PathBuf| {
        let files = entries(folder);
        files.iter().any(|file| file.to_string_lossy().contains(".so"))
    };
    let folders = ["usr/lib", "lib"]
        .iter()
        .flat_map(|folder| entries(&root.join(folder)));
    let nested = |folder: PathBuf| {
        let within = entries(&folder).into_iter().filter(|place| place.is_dir());
        [folder].into_iter().chain(within).collect::<Vec<_>>()
    };
    folders.flat_map(nested).filter(has_libraries).collect()
}

fn is_binary(program: &Path) -> bool {
    let mut start = [0; 4];
    let read = fs::File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"\x7fELF"
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = read.map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_the_packages_that_are_downloaded_too() {
        let depends = "iptables\n  Depends: libip4tc2\n  Depends: netbase\n |Depends: libx\n  Depends: libc6\n    libc6-y\n  Depends: libjs-jquery\n  Depends: libmnl0\n  Depends: zlib1g\n";
        assert_eq!(library_packages(depends), ["libip4tc2", "libmnl0", "zlib1g"]);
    }
}

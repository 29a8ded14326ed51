//! Writing files: whole or not at all.
//!
//! Every file is written beside its place and renamed when it is on the disk, so that whoever reads it sees the
//! old or the new one. Of thousands of files not each waits for the disk by itself. A list of what was written (`.meshform-output`) lets the next run take away what it no
//! longer makes; files that it did not write stay.

use crate::codes;
use meshform_model::diag::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// What is to be written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// Relative paths with `/`, and what is there.
    files: BTreeMap<String, Vec<u8>>,
    /// Links, and where they lead, seen from their own folder. They are swapped when all files are there.
    links: BTreeMap<String, String>,
}

/// The list of what was written.
const LIST: &str = ".meshform-output";
/// What is being written; a run that was killed leaves it, the next one clears it.
const STAGE: &str = ".meshform-stage";

/// How a folder differs from what would be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    New(String),
    Changed(String),
    /// It lies there from an earlier run, and would be removed.
    Stale(String),
}

impl Difference {
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match self {
            Difference::New(path) => ("missing", path),
            Difference::Changed(path) => ("different", path),
            Difference::Stale(path) => ("stale", path),
        }
    }
}

impl Files {
    pub(crate) fn file(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), bytes.into());
    }

    pub(crate) fn link(&mut self, path: impl Into<String>, to: impl Into<String>) {
        self.links.insert(path.into(), to.into());
    }

    /// How many files and links there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len() + self.links.len()
    }

    /// The paths of files and links.
    pub(crate) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self
            .files
            .keys()
            .chain(self.links.keys())
            .map(String::as_str)
            .collect();
        paths.sort_unstable();
        paths
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.links.contains_key(path)
    }
}

pub(crate) fn compare(folder: &Path, files: &Files) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (name, bytes) in &files.files {
        match fs::read(folder.join(name)) {
            Ok(there) if there == *bytes => {}
            Ok(_) => differences.push(Difference::Changed(name.clone())),
            Err(_) => differences.push(Difference::New(name.clone())),
        }
    }
    for (name, to) in &files.links {
        match fs::read_link(folder.join(name)) {
            Ok(there) if there == Path::new(to) => {}
            Ok(_) => differences.push(Difference::Changed(name.clone())),
            Err(_) => differences.push(Difference::New(name.clone())),
        }
    }
    let stale = listed(folder).into_iter().filter(|name| !files.has(name));
    differences.extend(
        stale
            .filter(|name| folder.join(name).symlink_metadata().is_ok())
            .map(Difference::Stale),
    );
    differences.sort();
    differences
}

/// Writes the files and takes away what an earlier run wrote and this one does not. Gives how many changed.
pub(crate) fn write(folder: &Path, files: &Files) -> Result<usize, Diagnostic> {
    let named = |path: &Path, error: io::Error| {
        Diagnostic::error(
            codes::CANNOT_WRITE,
            format!("`{}` cannot be written: {error}", path.display()),
        )
    };
    let stage = folder.join(STAGE);
    let _ = fs::remove_dir_all(&stage);
    fs::create_dir_all(&stage).map_err(|error| named(folder, error))?;
    let result = staged(folder, &stage, files).map_err(|(path, error)| named(&path, error));
    let _ = fs::remove_dir_all(&stage);
    result
}

type Fault = (PathBuf, io::Error);

fn staged(folder: &Path, stage: &Path, files: &Files) -> Result<usize, Fault> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    let before = listed(folder);
    let mut moves = Vec::new();
    for (number, (name, bytes)) in files.files.iter().enumerate() {
        let target = folder.join(name);
        if fs::read(&target).is_ok_and(|there| there == *bytes) {
            continue;
        }
        let staged = stage.join(number.to_string());
        fs::write(&staged, bytes).map_err(at(&target))?;
        moves.push((staged, target));
    }
    settle(stage, &moves)?;
    // From here on nothing is computed any more; first the list, so that a killed run's files are known.
    let ours: BTreeSet<String> = files.paths().into_iter().map(str::to_owned).collect();
    let mut known = ours.clone();
    known.extend(before.iter().cloned());
    list(folder, stage, &known).map_err(at(&folder.join(LIST)))?;
    let mut changed = moves.len();
    for (staged, target) in moves {
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(at(&target))?;
        }
        fs::rename(&staged, &target).map_err(at(&target))?;
    }
    for (name, to) in &files.links {
        let target = folder.join(name);
        if fs::read_link(&target).is_ok_and(|there| there == Path::new(to)) {
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(at(&target))?;
        }
        let staged = stage.join("link");
        link(to, &staged).map_err(at(&target))?;
        fs::rename(&staged, &target).map_err(at(&target))?;
        changed += 1;
    }
    let mut taken = 0;
    for name in before.iter().filter(|name| !files.has(name)) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Ok(()) => taken += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err((path, error)),
        }
        clear(folder, &path);
    }
    list(folder, stage, &ours).map_err(at(&folder.join(LIST)))?;
    Ok(changed + taken)
}

#[cfg(unix)]
fn link(to: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

#[cfg(not(unix))]
fn link(to: &str, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(to, path)
}

/// More files than these are brought to the disk together.
const FEW: usize = 32;

/// Sees to it that the files are on the disk before they are renamed.
fn settle(stage: &Path, moves: &[(PathBuf, PathBuf)]) -> Result<(), Fault> {
    if moves.len() > FEW && settled_at_once(stage) {
        return Ok(());
    }
    for (staged, target) in moves {
        let synced = File::open(staged).and_then(|file| file.sync_all());
        synced.map_err(|error| (target.clone(), error))?;
    }
    Ok(())
}

/// Brings all of the folder's file system to the disk; `false` where the system cannot, or fails without saying at which
/// file.
#[cfg(target_os = "linux")]
fn settled_at_once(stage: &Path) -> bool {
    File::open(stage).is_ok_and(|folder| rustix::fs::syncfs(folder).is_ok())
}

#[cfg(not(target_os = "linux"))]
fn settled_at_once(_: &Path) -> bool {
    false
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Changes files of others: all are written beside their places first, so that a full disk or a missing permission
/// changes none of them. Gives what went wrong.
pub(crate) fn replace(files: Vec<(PathBuf, &[u8])>) -> Option<Diagnostic> {
    let beside = |path: &Path| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".meshform-new");
        path.with_file_name(name)
    };
    let staged = files.iter().try_for_each(|(path, bytes)| {
        let permissions = fs::metadata(path).map(|meta| meta.permissions());
        put(&beside(path), bytes)
            .and_then(|()| match permissions {
                Ok(permissions) => fs::set_permissions(beside(path), permissions),
                Err(_) => Ok(()),
            })
            .map_err(|error| (path.clone(), error))
    });
    let swapped = staged.and_then(|()| {
        let mut all = files.iter();
        all.try_for_each(|(path, _)| fs::rename(beside(path), path).map_err(|error| (path.clone(), error)))
    });
    let (path, error) = swapped.err()?;
    for (path, _) in &files {
        let _ = fs::remove_file(beside(path));
    }
    Some(Diagnostic::error(
        codes::CANNOT_WRITE,
        format!("`{}` cannot be written: {error}", path.display()),
    ))
}

/// Takes away the folders above a path that became empty.
fn clear(folder: &Path, path: &Path) {
    let mut above = path.parent();
    while let Some(parent) = above {
        if parent == folder || fs::remove_dir(parent).is_err() {
            return;
        }
        above = parent.parent();
    }
}

fn list(folder: &Path, stage: &Path, names: &BTreeSet<String>) -> io::Result<()> {
    let mut text = String::from("# What `meshform` wrote here. It takes away what it no longer makes.\n");
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    let staged = stage.join("list");
    put(&staged, text.as_bytes())?;
    fs::rename(staged, folder.join(LIST))
}

/// What an earlier run wrote. Names that lead out of the folder are not ours.
fn listed(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(LIST)).unwrap_or_default();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter(|line| {
            Path::new(line)
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;

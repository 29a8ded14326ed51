//! Files that are either there in full or not at all.

use crate::error::{ReleaseError, Result};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What is being written has a name that begins so, and no reader looks at it.
const TEMPORARY: &str = ".new-";

/// Writes a file under another name, syncs it, and renames it.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = beside(path);
    write(&temporary, bytes)?;
    rename(&temporary, path)
}

/// Like [`replace`], unless the file has this content already.
pub(super) fn replace_if_different(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(false);
    }
    replace(path, bytes).map(|()| true)
}

/// Lets a link lead elsewhere in one step.
pub(super) fn swap_link(link: &Path, target: &Path) -> Result<()> {
    let temporary = beside(link);
    remove_file(&temporary)?;
    symlink(target, &temporary).map_err(|e| ReleaseError::io(&temporary, "create the link", &e))?;
    rename(&temporary, link)
}

/// Makes a folder with these files, in one step. One that is there already is complete, as it was made so.
pub(super) fn make_folder<'a>(folder: &Path, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let temporary = beside(folder);
    remove_tree(&temporary)?;
    create_dirs(&temporary)?;
    let mut folders = vec![temporary.clone()];
    for (name, bytes) in files {
        let path = temporary.join(name);
        if let Some(parent) = path.parent()
            && !folders.iter().any(|known| known == parent)
        {
            create_dirs(parent)?;
            folders.push(parent.to_owned());
        }
        write(&path, bytes)?;
    }
    for made in folders.iter().rev() {
        sync(made)?;
    }
    rename(&temporary, folder)
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|e| ReleaseError::io(path, "write", &e))
}

pub(super) fn create_dirs(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| ReleaseError::io(path, "create the directory", &e))
}

pub(super) fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| ReleaseError::io(path, "sync", &e))
}

pub(super) fn remove_file(path: &Path) -> Result<()> {
    gone(path, fs::remove_file(path))
}

/// A folder with all that is in it, or a file.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_dir()) {
        return remove_file(path);
    }
    gone(path, fs::remove_dir_all(path))
}

/// Takes away folders that are empty, from this one up to `root`, which stays.
pub(super) fn remove_empty_up_to(path: &Path, root: &Path) {
    let mut at = Some(path);
    while let Some(folder) = at.filter(|folder| *folder != root && folder.starts_with(root)) {
        if fs::remove_dir(folder).is_err() {
            return;
        }
        at = folder.parent();
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| ReleaseError::io(to, "replace", &e))
}

fn gone(path: &Path, outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ReleaseError::io(path, "remove", &error))
        }
        _ => Ok(()),
    }
}

/// Publishing is under a lock, so one temporary name per file is enough; what a killed process left under it is
/// written over.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(TEMPORARY);
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

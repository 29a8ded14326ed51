//! Files that are either there in full or not at all.

use crate::error::{Error, Result};
use rustix::fs::OFlags;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

/// What is being written has a name that begins so, and no reader looks at it.
const TEMPORARY: &str = ".new-";

/// Everybody may read: Envoy often runs as somebody else than its publisher.
const FILE: u32 = 0o644;
const FOLDER: u32 = 0o755;

/// Writes a file under another name, syncs it, and renames it.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = beside(path);
    write(&temporary, bytes)?;
    rename(&temporary, path)
}

/// Like [`replace`], unless the file has this content already. A link is replaced, whatever it leads to.
pub(super) fn replace_if_different(path: &Path, bytes: &[u8]) -> Result<()> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    if is_file && fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    replace(path, bytes)
}

/// Lets a link lead elsewhere in one step.
pub(super) fn swap_link(link: &Path, target: &Path) -> Result<()> {
    let temporary = beside(link);
    remove_file(&temporary)?;
    symlink(target, &temporary).map_err(|e| Error::io(&temporary, "create the link", &e))?;
    rename(&temporary, link)
}

/// Makes a folder with these files, in one step. One that is there already was made so; what was damaged in it since is
/// written anew, file by file, as an Envoy may be reading it. Its parent is there.
pub(super) fn make_folder<'a>(folder: &Path, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => {
            for (name, bytes) in files {
                let path = folder.join(name);
                create_dirs(folder, path.parent().unwrap_or(folder))?;
                replace_if_different(&path, bytes)?;
            }
            return Ok(());
        }
        // A file or a link has no business here.
        Ok(_) => remove_file(folder)?,
        Err(_) => {}
    }
    let temporary = beside(folder);
    remove_tree(&temporary)?;
    create_dir(&temporary)?;
    let mut folders = vec![temporary.clone()];
    for (name, bytes) in files {
        let path = temporary.join(name);
        if let Some(parent) = path.parent()
            && !folders.iter().any(|known| known == parent)
        {
            create_dirs(&temporary, parent)?;
            folders.push(parent.to_owned());
        }
        write(&path, bytes)?;
    }
    for made in folders.iter().rev() {
        sync(made)?;
    }
    rename(&temporary, folder)
}

/// Writes a file that everybody may read. What is there under its name, a link among others, goes first.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    remove_file(path)?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE)
        .open(path)
        .and_then(|mut file| {
            // The mode at creation is less the umask.
            file.set_permissions(Permissions::from_mode(FILE))?;
            file.write_all(bytes)?;
            file.sync_all()
        });
    written.map_err(|e| Error::io(path, "write", &e))
}

/// The file that publishers lock. It is kept, and never a link.
pub(super) fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(|e| Error::io(path, "open", &e))
}

/// The directory that everything is published in; it and those above it may be links.
pub(super) fn create_root(root: &Path) -> Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    if let Some(parent) = root.parent() {
        create_root(parent)?;
    }
    create_dir(root)
}

/// A folder below `root`, and those between them. A link on the way is not followed: it is an error.
pub(super) fn create_dirs(root: &Path, path: &Path) -> Result<()> {
    for folder in between(root, path)? {
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(in_the_way(&folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_dir(&folder)?,
            Err(error) => return Err(Error::io(&folder, "read", &error)),
        }
    }
    Ok(())
}

/// Whether a folder below `root` is there, without a link on the way.
pub(super) fn is_plain_dir(root: &Path, path: &Path) -> bool {
    let is_dir = |folder: &PathBuf| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    between(root, path).is_ok_and(|folders| folders.iter().all(is_dir))
}

/// The folders below `root` down to `path`.
fn between(root: &Path, path: &Path) -> Result<Vec<PathBuf>> {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let mut at = root.to_owned();
    let mut folders = Vec::new();
    for part in inside.components() {
        let Component::Normal(name) = part else {
            return Err(Error::Unfit {
                name: path.to_string_lossy().into_owned(),
                why: "its path points outside of its folder",
            });
        };
        at.push(name);
        folders.push(at.clone());
    }
    Ok(folders)
}

fn create_dir(path: &Path) -> Result<()> {
    let made = DirBuilder::new().mode(FOLDER).create(path);
    match made {
        // The mode at creation is less the umask.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(FOLDER)),
        // Another publisher, of another part of the same directory, may have made it just now.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(path);
            return match found {
                Ok(found) if found.is_dir() => Ok(()),
                _ => Err(in_the_way(path)),
            };
        }
        Err(error) => Err(error),
    }
    .map_err(|e| Error::io(path, "create the directory", &e))
}

fn in_the_way(path: &Path) -> Error {
    let detail = "a link or file is in its place; remove it";
    Error::io(path, "create the directory", &io::Error::other(detail))
}

pub(super) fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| Error::io(path, "sync", &e))
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
    fs::rename(from, to).map_err(|e| Error::io(to, "replace", &e))
}

fn gone(path: &Path, outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, "remove", &error)),
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

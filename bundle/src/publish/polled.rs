//! Endpoints that a poller looks up, in a directory that Envoys read: what it is told, what it has found, and the sets of
//! files that follow from it.
//!
//! ```text
//! <root>/.meshform/discovery/<mesh>.json         what is to be looked up, by the publisher
//! <root>/.meshform/endpoints/<mesh>.json         what was found last, by the poller; publishers put it into every set
//! <root>/.meshform/endpoints/<mesh>.lease.json   that the poller lives, and when it read what
//! <root>/.meshform/endpoints/<mesh>.lock         held by the poller
//! ```

use super::{Publisher, Session, disk, ledger};
use crate::discovery::{Discovery, PollerState};
use crate::endpoints::merge;
use crate::error::{Error, Result};
use crate::layout;
use crate::objects::EndpointSet;
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What the name of the file ends with that a poller tells of itself in.
const LEASE: &str = "lease.json";

/// Which content a file has, without reading it: files are replaced, never written in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Publisher {
    /// What is to be looked up for a mesh.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn discovery(&self, mesh: &str) -> Result<Option<Discovery>> {
        read(&self.beside("discovery", mesh, "json"))?
            .map(|bytes| Discovery::decode(mesh, &bytes))
            .transpose()
    }

    /// What a poller has found last.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn endpoints(&self, mesh: &str) -> Result<Option<EndpointSet>> {
        read(&self.beside("endpoints", mesh, "json"))?
            .map(|bytes| EndpointSet::decode(&bytes))
            .transpose()
    }

    /// Which content the file of [`endpoints`](Self::endpoints) has. None where there is none.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn endpoints_stamp(&self, mesh: &str) -> Result<Option<Stamp>> {
        let path = self.beside("endpoints", mesh, "json");
        match fs::metadata(&path) {
            Ok(found) => Ok(Some(Stamp {
                inode: found.ino(),
                length: found.len(),
                modified: (found.mtime(), found.mtime_nsec()),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(&path, "look at", &error)),
        }
    }

    /// How the poller of a mesh is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn poller(&self, mesh: &str) -> Result<Option<PollerState>> {
        read(&self.beside("endpoints", mesh, LEASE))?
            .map(|bytes| PollerState::decode(mesh, &bytes))
            .transpose()
    }

    /// Says how the poller of a mesh is.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn report_poller(&self, state: &PollerState) -> Result<()> {
        self.write(&self.beside("endpoints", &state.mesh, LEASE), &state.encode()?)
    }

    /// Becomes the poller of a mesh, for as long as the file is kept. None where another is.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn become_poller(&self, mesh: &str) -> Result<Option<File>> {
        let path = self.beside("endpoints", mesh, "lock");
        self.own_folder(&path)?;
        let lock = disk::open_lock(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::io(&path, "lock", &error)),
        }
    }

    fn beside(&self, folder: &str, mesh: &str, extension: &str) -> PathBuf {
        let name = ledger::file_name(mesh);
        let name = name.strip_suffix("json").unwrap_or(&name);
        self.own().join(folder).join(format!("{name}{extension}"))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.own_folder(path)?;
        disk::replace(path, bytes)
    }

    fn own_folder(&self, path: &Path) -> Result<()> {
        path.parent()
            .map_or(Ok(()), |folder| disk::create_dirs(&self.root, folder))
    }
}

impl Session<'_> {
    /// Tells pollers what is to be looked up for the mesh.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn tell_pollers(&self, discovery: &Discovery) -> Result<()> {
        let known = self.publisher.discovery(&self.mesh).ok().flatten();
        let is_known = match &known {
            Some(known) => known.nodes == discovery.nodes,
            None => discovery.nodes.is_empty(),
        };
        if is_known {
            return Ok(());
        }
        let path = self.publisher.beside("discovery", &self.mesh, "json");
        self.publisher.write(&path, &discovery.encode()?)
    }

    /// Gives the Envoys of these folders what was found; publishers do so too from now on. The folders that changed.
    ///
    /// # Errors
    /// When the directory cannot be written. What is written by then is complete.
    pub fn renew_endpoints(mut self, set: &EndpointSet, folders: &BTreeSet<String>) -> Result<Vec<String>> {
        let path = self.publisher.beside("endpoints", &self.mesh, "json");
        self.publisher.write(&path, &set.encode()?)?;
        let Some(mut ledger) = self.ledger.take() else {
            return Ok(Vec::new());
        };
        let mut changed = Vec::new();
        let followed = ledger.proxies.iter_mut();
        for (path, place) in followed.filter(|(path, _)| folders.contains(*path)) {
            let mut resources = self.followed(path);
            if !merge(&mut resources, set)? {
                continue;
            }
            let files = layout::files(&resources, &self.publisher.root);
            place.set = self.stage_one(path, &files)?;
            self.swap(path, &place.set)?;
            self.collect(path, &place.set)?;
            changed.push(path.clone());
        }
        if !changed.is_empty() {
            ledger.write(&self.publisher.ledger_path(&self.mesh))?;
        }
        Ok(changed)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path, "read", &error)),
    }
}

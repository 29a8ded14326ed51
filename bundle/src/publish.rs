//! Brings a directory to a release: one folder per proxy, each changed by one atomic swap.
//!
//! ```text
//! <root>/.meshform/lock              held while publishing
//! <root>/.meshform/<mesh>.json       the ledger: what was published last, or is being published
//! <root>/<proxy>/bootstrap.json      what Envoy is started with
//! <root>/<proxy>/releases/<digest>/  lds.json, cds.json, rds/…, eds/…, sds/…
//! <root>/<proxy>/current             a link to one of them; swapped by a rename, which Envoy watches
//! ```
//!
//! A proxy that is gone first gets empty lists, so that its Envoy stops serving; its bootstrap goes at once,
//! its folder with the first publishing that comes at least a minute later. So after a mesh was destroyed there
//! remain, until then, an empty `lds.json` and `cds.json` per proxy, which is what its Envoys need to let go.
//!
//! Folders have mode 0755 and files 0644, whatever the umask: Envoy often runs as somebody else. Below the root no
//! link is followed but `current`, and that only where it leads to a folder beside it.

mod apply;
mod disk;
pub(crate) mod ledger;
mod parallel;
mod polled;
mod tidy;

use crate::error::{Error, Result};
use crate::layout::{CURRENT, OWN, RELEASES};
pub use apply::ApplyWork;
use ledger::Ledger;
use meshform_model::digest::Digest;
pub use polled::Stamp;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// A directory that proxies read.
#[derive(Debug, Clone)]
pub struct Publisher {
    root: PathBuf,
    /// How long an Envoy has to take in a set of files before the next one that builds on it, and how long callers
    /// have to learn that a proxy is going before it is asked to let go. Envoy follows a swapped link well within it.
    settle: Duration,
    /// How long what is gone or replaced is kept at least.
    grace: Duration,
    /// How long to wait for another publisher.
    patience: Duration,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The folders of proxies that were written.
    pub written: Vec<String>,
    /// The folders of proxies that were told to let go.
    pub retired: Vec<String>,
    /// The folders that were taken away.
    pub removed: Vec<String>,
}

/// A point that publishing passes. After each of them the process may be killed and nothing is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishStep {
    Locked,
    /// The ledger says that publishing is under way.
    Marked,
    /// One proxy's files are there, not yet in use.
    Staged,
    /// One proxy's bootstrap is in place; its running Envoy was not told yet.
    Started,
    /// One proxy's Envoy was told.
    Swapped,
    /// A proxy that is gone was given empty lists.
    Retired,
    /// Old files were taken away.
    Collected,
    /// The ledger says that everything is published.
    Done,
}

pub type Watcher<'a> = &'a (dyn Fn(PublishStep) + Sync);

/// What a directory has of a mesh, for who only looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedState {
    /// The store that published it.
    pub store: String,
    /// Whether nobody was cut off while publishing it, or is at it now.
    pub complete: bool,
    /// The bundles that proxies follow, by folder.
    pub proxies: BTreeMap<String, Digest>,
}

/// A publisher that holds the lock.
pub struct Session<'a> {
    publisher: &'a Publisher,
    mesh: String,
    watcher: Watcher<'a>,
    ledger: Option<Ledger>,
    /// Whether files that are there are read, to see that they are as they were written.
    verifies: bool,
    /// Let go when it is dropped.
    _lock: File,
}

/// How many sets of files per proxy are kept besides the current one, whatever their age: a change goes by way of
/// another set, so that these are what an Envoy may still be reading that is slow to follow.
const SPARE: usize = 2;

impl Publisher {
    /// Publishes under a directory, which is created when there is something to publish.
    pub fn new(root: impl AsRef<Path>) -> Self {
        let root = root.as_ref();
        Self {
            // Where the working directory is not known, relative paths mean what they mean.
            root: without_detours(&std::path::absolute(root).unwrap_or_else(|_| root.to_owned())),
            // Envoy learns of a swapped link by inotify; what it then reads takes it some tens of milliseconds.
            settle: Duration::from_millis(300),
            // An Envoy that was just told to let go, or has not read its files yet, has done so.
            grace: Duration::from_secs(60),
            // Publishing thousands of proxies takes seconds; a publisher that was killed has let its lock go.
            patience: Duration::from_secs(10),
        }
    }

    /// With another time between what callers learn and what the called are told.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// With another time for which what is gone or replaced is kept.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file system that it is on: that of the folder around it, where it is not there yet.
    pub fn device(&self) -> Option<u64> {
        let mut there = self.root.ancestors();
        there.find_map(|folder| Some(std::fs::metadata(folder).ok()?.dev()))
    }

    /// Whether anything of a mesh was ever published here, as far as can be seen: what cannot be looked at may have it.
    pub fn knows(&self, mesh: &str) -> bool {
        self.ledger_path(mesh).try_exists().unwrap_or(true)
    }

    /// What is there of a mesh; with `verifies` only of the proxies whose files are as they were written. Takes no lock
    /// and writes nothing.
    ///
    /// # Errors
    /// When what the directory says of itself cannot be read.
    pub fn standing(&self, mesh: &str, verifies: bool) -> Result<Option<PublishedState>> {
        let Some(ledger) = Ledger::read(&self.ledger_path(mesh), mesh)? else {
            return Ok(None);
        };
        let places = ledger.proxies.into_iter();
        let followed = places.filter(|(path, place)| {
            let folder = self.root.join(path);
            let link = fs::read_link(folder.join(CURRENT));
            link.is_ok_and(|link| link == Path::new(RELEASES).join(&place.set))
                && (!verifies || apply::is_whole(&folder, &place.set))
        });
        Ok(Some(PublishedState {
            store: ledger.store,
            complete: ledger.complete,
            proxies: followed.map(|(path, place)| (path, place.bundle)).collect(),
        }))
    }

    /// With another time to wait for another publisher.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Takes the directory's lock, to publish a mesh.
    ///
    /// # Errors
    /// When another publisher holds it for too long, or the directory cannot be written.
    pub fn lock<'a>(&'a self, mesh: &str, watcher: Watcher<'a>) -> Result<Session<'a>> {
        let own = self.own();
        disk::create_root(&self.root)?;
        disk::create_dirs(&self.root, &own)?;
        let path = own.join("lock");
        let lock = disk::open_lock(&path)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < self.patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    let busy = std::io::Error::other("another process has been publishing for too long");
                    return Err(Error::io(&path, "lock", &busy));
                }
                Err(TryLockError::Error(error)) => return Err(Error::io(&path, "lock", &error)),
            }
        }
        watcher(PublishStep::Locked);
        Ok(Session {
            ledger: Ledger::read(&self.ledger_path(mesh), mesh)?,
            publisher: self,
            mesh: mesh.to_owned(),
            watcher,
            verifies: false,
            _lock: lock,
        })
    }

    fn own(&self) -> PathBuf {
        self.root.join(OWN)
    }

    fn ledger_path(&self, mesh: &str) -> PathBuf {
        self.own().join(ledger::file_name(mesh))
    }
}

impl Session<'_> {
    /// Reads the files that are there, and writes anew what is damaged or missing.
    #[must_use]
    pub fn verifying(mut self, verifies: bool) -> Self {
        self.verifies = verifies;
        self
    }
}

/// A path without `..`: modules name a directory beside theirs by it, and each would be a target of its own. A link before a
/// `..` is not followed, as in a shell's `cd`.
fn without_detours(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            part => out.push(part),
        }
    }
    out
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("publisher", self.publisher)
            .field("mesh", &self.mesh)
            .finish_non_exhaustive()
    }
}

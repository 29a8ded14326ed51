//! What the agent keeps on its disk: the last good release, what Envoy refused, and who this instance is.
//!
//! ```text
//! MESHFORM_DIR/.meshform/agent/lock             held while the agent runs
//! MESHFORM_DIR/.meshform/agent/memory.json      the releases by their digests, the greatest sequence, the last refusals
//! MESHFORM_DIR/.meshform/agent/<digest>         a bundle or a set of endpoints, as it was fetched
//! MESHFORM_DIR/.meshform/agent/endpoints.json   what this proxy found in Cloud Map itself
//! MESHFORM_DIR/.meshform/agent/instance         this proxy's name in reports
//! MESHFORM_DIR/.meshform/agent/failure          how Envoy ended by itself, until one serves again
//! MESHFORM_DIR/.meshform/agent/envoy.pid        the Envoy that runs, for an agent that comes after one that was killed
//! ```
//!
//! Each file is written beside, synced and renamed, so that it is whole or not there. What cannot be read counts as not
//! there: it can be fetched again. Only the sequence is lost then, which protects against a publisher that is late.

use meshform_bundle::Digest;
use meshform_bundle::codes::{DIRECTORY, told};
use meshform_bundle::layout::OWN;
use meshform_bundle::objects::{Current, EndpointSet, RejectedRelease};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const ENDPOINTS: &str = "endpoints.json";
const FAILURE: &str = "failure";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct FollowerState {
    /// The last release that Envoy took.
    #[serde(default)]
    pub(crate) good: Option<Current>,
    /// What was published last, while Envoy has its configuration by ADS: for when it has to start without.
    #[serde(default)]
    pub(crate) waiting: Option<Current>,
    /// The greatest sequence that was seen.
    #[serde(default)]
    pub(crate) sequence: u64,
    /// What Envoy did not take last.
    #[serde(default)]
    pub(crate) rejected: Option<RejectedRelease>,
    /// What it did not take before that, since it took something.
    #[serde(default)]
    pub(crate) earlier: Vec<RejectedRelease>,
}

/// The agent's own folder. It is the agent's alone as long as this lives.
#[derive(Debug)]
pub(crate) struct AgentFolder {
    folder: PathBuf,
    _lock: File,
}

impl AgentFolder {
    /// Takes the folder below the directory of Envoy's files.
    pub(crate) fn open(dir: &Path) -> Result<Self, String> {
        let own = dir.join(OWN);
        let folder = own.join("agent");
        let unusable = |error: &dyn std::fmt::Display| {
            told(
                DIRECTORY,
                format!("MESHFORM_DIR {} cannot be used: {error}", dir.display()),
            )
        };
        // Envoy, which may be somebody else, reads the files beside; this folder is the agent's.
        for (folder, mode) in [(dir, 0o755), (&own, 0o755), (&folder, 0o700)] {
            if !folder.is_dir() {
                fs::create_dir_all(folder)
                    .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(mode)))
                    .map_err(|error| unusable(&error))?;
            }
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(|error| unusable(&error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(unusable(&"another agent runs on it; give each its own directory"));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(&error)),
        }
        Ok(Self { folder, _lock: lock })
    }

    /// What was kept; nothing where it cannot be read.
    pub(crate) fn memory(&self) -> FollowerState {
        let text = fs::read(self.folder.join("memory.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    pub(crate) fn remember(&self, memory: &FollowerState) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(memory).map_err(|error| error.to_string())?;
        self.write("memory.json", &text)
    }

    /// A bundle or a set of endpoints by its digest, if it is kept and still what it was.
    pub(crate) fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.folder.join(digest.as_str())).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    pub(crate) fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), String> {
        self.write(digest.as_str(), bytes)
    }

    /// What the proxy found in Cloud Map last, where it asks itself.
    pub(crate) fn endpoints(&self) -> Option<EndpointSet> {
        let bytes = fs::read(self.folder.join(ENDPOINTS)).ok()?;
        EndpointSet::decode(&bytes).ok()
    }

    pub(crate) fn keep_endpoints(&self, set: &EndpointSet) -> Result<(), String> {
        let bytes = set.encode().map_err(|error| error.to_string())?;
        self.write(ENDPOINTS, &bytes)
    }

    /// Takes blobs away that none of these needs.
    pub(crate) fn sweep(&self, needed: &[&Digest]) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(Digest::parse) else {
                continue;
            };
            if !needed.contains(&&digest) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A name for this running proxy: the ECS task's, else the host's with something random that is kept.
    pub(crate) fn instance(&self) -> Result<String, String> {
        let path = self.folder.join("instance");
        if let Ok(name) = fs::read_to_string(&path)
            && !name.trim().is_empty()
        {
            return Ok(name.trim().to_owned());
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut random = [0_u8; 4];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let name = format!("{host}-{:08x}", u32::from_ne_bytes(random));
        self.write("instance", name.as_bytes())?;
        Ok(name)
    }

    /// How the last Envoy ended by itself, if none has served since.
    pub(crate) fn failure(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(FAILURE)).ok()?;
        (!text.is_empty()).then_some(text)
    }

    pub(crate) fn note_failure(&self, how: &str) {
        // It is for reports of the next agent only, whose disk may be full as well.
        let _ = self.write(FAILURE, how.as_bytes());
    }

    pub(crate) fn forget_failure(&self) {
        let _ = fs::remove_file(self.folder.join(FAILURE));
    }

    /// Where the Envoy that runs is written down.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.folder.join("envoy.pid")
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let (path, beside) = (self.folder.join(name), self.folder.join(format!(".new-{name}")));
        let written = fs::write(&beside, bytes)
            .and_then(|()| File::open(&beside)?.sync_all())
            .and_then(|()| fs::rename(&beside, &path));
        written.map_err(|error| {
            // On a full disk it would be in the way of what is smaller.
            let _ = fs::remove_file(&beside);
            told(DIRECTORY, format!("cannot write {}: {error}", path.display()))
        })
    }
}

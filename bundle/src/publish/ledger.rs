//! What the publishing directory says of itself, so that work that was cut off is found and finished.

use crate::error::{Error, Result};
use crate::layout::is_inside;
use meshform_model::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The newest form of a ledger that is understood, and the one that is written.
const FORMAT: u32 = 1;

/// What was published of a mesh, or is being published.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ledger {
    pub(super) format: u32,
    pub(super) store: String,
    pub(super) mesh: String,
    /// The release that is published, or on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) release: Option<Digest>,
    /// Whether everything is there. While it is not, nothing below is more than a hint where to look.
    pub(super) complete: bool,
    /// The proxies that may have files, by folder.
    #[serde(default)]
    pub(super) proxies: BTreeMap<String, PublishedProxy>,
    /// The proxies that were told to let go, and since when (milliseconds since 1970).
    #[serde(default)]
    pub(super) retired: BTreeMap<String, u64>,
}

/// What a proxy's folder has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublishedProxy {
    /// The blob that it was written from.
    pub(super) bundle: Digest,
    /// The set of files that `current` leads to.
    pub(super) set: String,
}

impl Ledger {
    pub(super) fn new(store: &str, mesh: &str) -> Self {
        Self {
            format: FORMAT,
            store: store.to_owned(),
            mesh: mesh.to_owned(),
            ..Self::default()
        }
    }

    /// The ledger of a mesh.
    pub(super) fn read(path: &Path, mesh: &str) -> Result<Option<Self>> {
        match Self::read_any(path)? {
            Some(ledger) if ledger.mesh != mesh => {
                let detail = format!("it is of mesh `{}`, not `{mesh}`", ledger.mesh);
                Err(Error::io(path, "read", &io::Error::other(detail)))
            }
            other => Ok(other),
        }
    }

    /// A ledger of whatever mesh.
    pub(super) fn read_any(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Self::parse(path, &bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(path, "read", &error)),
        }
    }

    /// The ledger that a file says.
    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let unfit = |detail: String| Error::io(path, "read", &io::Error::other(detail));
        let ledger: Self = serde_json::from_slice(bytes).map_err(|error| {
            unfit(format!(
                "{error}; delete the file, and everything is published again"
            ))
        })?;
        if ledger.format > FORMAT {
            return Err(unfit(format!(
                "it has format {}; this version knows formats up to {FORMAT}",
                ledger.format
            )));
        }
        let inside = |path: &&String| !is_inside(path);
        if let Some(path) = ledger.proxies.keys().chain(ledger.retired.keys()).find(inside) {
            return Err(unfit(format!("`{path}` points outside of the directory")));
        }
        Ok(ledger)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::io(path, "write", &io::Error::other(error)))?;
        super::disk::replace(path, text.as_bytes())
    }
}

/// The ledger's name: what can be kept of the mesh's name, and enough of its digest to tell meshes apart.
pub(super) fn file_name(mesh: &str) -> String {
    let readable: String = mesh
        .chars()
        .take(60)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let digest = Digest::of(mesh.as_bytes());
    format!(
        "{readable}-{}.json",
        digest.as_str().get(..12).unwrap_or_default()
    )
}

/// What [`crate::fuzzing::ledger`] calls: any bytes are refused, or name nothing outside of the directory.
pub(crate) fn fuzzed(bytes: &[u8]) -> std::result::Result<(), String> {
    let path = Path::new("ledger.json");
    let Ok(ledger) = Ledger::parse(path, bytes) else {
        return Ok(());
    };
    let mut named = ledger.proxies.keys().chain(ledger.retired.keys());
    if let Some(outside) = named.find(|name| !is_inside(name)) {
        return Err(format!("`{outside}` points outside of the directory"));
    }
    let written = serde_json::to_vec(&ledger).map_err(|error| error.to_string())?;
    match Ledger::parse(path, &written) {
        Ok(back) if back == ledger => Ok(()),
        other => Err(format!("{ledger:?} came back as {other:?}")),
    }
}

//! What may go wrong with bundles, objects and directories.

use std::io;
use std::path::{Path, PathBuf};

/// The outcome of this crate's work.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. A directory that proxies read is complete in every case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {detail}", path.display())]
    Io {
        path: PathBuf,
        action: &'static str,
        detail: String,
    },
    /// An object is malformed, incomplete or not the one that was asked for.
    #[error("the {what} is damaged: {detail}")]
    Damaged { what: &'static str, detail: String },
    /// An object of a newer version.
    #[error("the {what} has format {format}; this version reads formats up to {known}")]
    Newer {
        what: &'static str,
        format: u64,
        /// The newest format that is understood.
        known: u32,
    },
    /// The directory belongs to another store.
    #[error("{} says that mesh `{mesh}` is published there by another store (`{found}`)", ledger.display())]
    OtherStore {
        mesh: String,
        /// The file that says so.
        ledger: PathBuf,
        /// The id of the store that publishes there.
        found: String,
    },
    /// A text that names no virtual node or virtual gateway.
    #[error(
        "`{0}` names no proxy: it is mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME, or an ARN that ends so"
    )]
    NoProxy(String),
    /// A name that must not become a path.
    #[error("`{name}` cannot be written: {why}")]
    Unfit { name: String, why: &'static str },
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str, error: &io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            action,
            detail: error.to_string(),
        }
    }

    pub(crate) fn damaged(what: &'static str, detail: impl ToString) -> Self {
        Self::Damaged {
            what,
            detail: detail.to_string(),
        }
    }
}

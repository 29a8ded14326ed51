//! What may go wrong with a release, apart from a mesh that is not valid (which is no error).

use crate::codes;
use meshform_bundle::Error as BundleError;
use meshform_model::diag::{Code, Diagnostic};
use meshform_store::{ServiceFailure, StoreError};
use std::path::PathBuf;

/// The outcome of a release's work.
pub type Result<T> = std::result::Result<T, ReleaseError>;

/// What went wrong. Running proxies keep a complete set of files in every case.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the directory that is published to could not be read or written.
    #[error("cannot {action} {}: {detail}", path.display())]
    Publish {
        path: PathBuf,
        action: &'static str,
        detail: String,
    },
    /// Something that nothing is published to.
    #[error("`{name}` is not a place to publish to")]
    Target { name: String },
    /// Another process was faster every time.
    #[error("mesh `{mesh}` was released by others {attempts} times in a row")]
    Contended {
        mesh: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// No such release in the history.
    #[error("mesh `{mesh}` has no release `{release}`")]
    NoRelease { mesh: String, release: String },
    /// A part of a release is missing or malformed.
    #[error("the release of mesh `{mesh}` is damaged: {detail}")]
    Damaged { mesh: String, detail: String },
    /// The directory belongs to another store.
    #[error("{} says that mesh `{mesh}` is published there by another store (`{found}`)", ledger.display())]
    OtherStore {
        mesh: String,
        /// The file that says so.
        ledger: PathBuf,
        /// The id of the store that publishes there.
        found: String,
    },
    /// A bucket whose proxies follow another store.
    #[error(
        "in `{target}` the proxies of mesh `{mesh}` follow releases of another store: they have number {found}, \
         which this store has not reached"
    )]
    OtherPublisher {
        mesh: String,
        target: String,
        /// The sequence number that was found.
        found: u64,
    },
    /// A name or content that is not published.
    #[error("`{name}` of mesh `{mesh}` cannot be published: {why}")]
    Unfit {
        mesh: String,
        name: String,
        why: &'static str,
    },
}

impl ReleaseError {
    /// What the bundles of a mesh, or their directory, say.
    pub(crate) fn of_bundle(mesh: &str, error: BundleError) -> Self {
        let mesh = mesh.to_owned();
        match error {
            BundleError::Io { path, action, detail } => Self::Publish { path, action, detail },
            BundleError::OtherStore { mesh, ledger, found } => Self::OtherStore { mesh, ledger, found },
            BundleError::Unfit { name, why } => Self::Unfit { mesh, name, why },
            other => Self::Damaged {
                mesh,
                detail: other.to_string(),
            },
        }
    }

    /// Whether a bucket is out of reach from here, or for who asks.
    pub(crate) fn is_unreachable(&self) -> bool {
        let Self::Store(StoreError::Storage(refused)) = self else {
            return false;
        };
        matches!(
            refused.trouble,
            ServiceFailure::Unreachable | ServiceFailure::Denied | ServiceFailure::Credentials
        )
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Publish { .. } => codes::PUBLISH,
            Self::Target { .. } => codes::TARGET,
            Self::Contended { .. } => codes::CONTENDED,
            Self::NoRelease { .. } => codes::NO_RELEASE,
            Self::Damaged { .. } => codes::DAMAGED,
            Self::OtherStore { .. } | Self::OtherPublisher { .. } => codes::OTHER_STORE,
            Self::Unfit { .. } => codes::UNFIT,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Store(error) => error.help(),
            Self::Publish { .. } => {
                "fix the cause and run `meshform release`, or apply a change of the mesh; until then proxies keep \
                what they have"
                    .to_owned()
            }
            Self::Target { .. } => {
                "name a directory, which may be one that is copied or mounted to where proxies run, or a bucket that \
                 agents read: s3://BUCKET/PREFIX"
                    .to_owned()
            }
            Self::Contended { .. } => "run `meshform release` when others are done".to_owned(),
            Self::NoRelease { mesh, .. } => {
                format!("`meshform history --mesh {mesh}` lists the releases that are kept")
            }
            Self::Damaged { .. } => "run `meshform release` to build it again".to_owned(),
            Self::OtherPublisher { mesh, .. } => format!(
                "publish to another prefix; if the other store is gone for good, delete the objects `current.json` of mesh \
                 `{mesh}` in the bucket and release again: agents keep what they run until then"
            ),
            Self::OtherStore { ledger, .. } => format!(
                "publish to another directory; if the other store is gone for good, delete {}",
                ledger.display()
            ),
            Self::Unfit { .. } => "nothing was published; please report this".to_owned(),
        }
    }

    /// As every other problem is told.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Store(error) => error.diagnostic(),
            other => Diagnostic::error(other.code(), other.to_string()).help(other.help()),
        }
    }
}

impl From<ReleaseError> for Diagnostic {
    fn from(error: ReleaseError) -> Self {
        error.diagnostic()
    }
}

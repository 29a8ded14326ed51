//! What may go wrong with a store, with the way out.

use crate::blob::NamedPointer;
use crate::change::Change;
use crate::codes;
use crate::record::{Expected, Record};
use crate::setting::{Setting, SettingWrite};
use crate::trouble::StorageError;
use meshform_model::diag::{Code, Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use std::path::PathBuf;

/// The outcome of a store's work.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What went wrong. Whatever was being written was not written, not even in part.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another record, or none, is where this one was expected.
    #[error("{0}")]
    Conflict(Box<Conflict>),
    /// The pointer says something else than its writer had seen.
    #[error("{0}")]
    PointerConflict(Box<PointerConflict>),
    /// A file that is not ours is where the store should be.
    #[error("{} is not a meshform store: {what}", path.display())]
    Foreign {
        path: PathBuf,
        /// What was found in the file, as the end of a sentence.
        what: String,
    },
    /// The store's file cannot be right.
    #[error("the store {} is damaged: {detail}", path.display())]
    Damaged { path: PathBuf, detail: String },
    /// A newer program has been here.
    #[error("the store {} has format {found}; this version of meshform knows formats up to {known}", path.display())]
    Newer {
        path: PathBuf,
        found: i64,
        /// The newest format that this program reads.
        known: i64,
    },
    /// Locks do not work there.
    #[error("the store {} would be on a network file system ({kind}, mounted at {})", path.display(), mount.display())]
    Network {
        path: PathBuf,
        /// The file system's type as the system names it: `nfs4`.
        kind: String,
        mount: PathBuf,
    },
    /// The operating system denied it.
    #[error("no permission to {action} {}", path.display())]
    Permission { path: PathBuf, action: &'static str },
    /// The disk or the quota is full.
    #[error("no space is left for the store {}", path.display())]
    Full { path: PathBuf },
    /// Others were writing all the time.
    #[error("the store {} was kept busy by other processes for {waited_ms} ms", path.display())]
    Busy { path: PathBuf, waited_ms: u64 },
    /// Anything else that the system reports.
    #[error("cannot {action} {}: {detail}", path.display())]
    Io {
        path: PathBuf,
        action: &'static str,
        detail: String,
    },
    /// The file that is open is not the one at the store's path any more.
    #[error("the store {} was moved, deleted or replaced while it was open", path.display())]
    Replaced { path: PathBuf },
    /// The store was shut down.
    #[error("the store {place} was closed")]
    Closed { place: String },
    /// Not the store that was used before.
    #[error("the store {place} {}, but `{expected}` was used before", describe_found(found.as_deref()))]
    Other {
        place: String,
        /// The id that is remembered.
        expected: String,
        /// The id that was found.
        found: Option<String>,
    },
    /// The process gave no sign of life for so long that others took its run for dead.
    #[error("the run `{run}` of this process was declared dead in the store {place}")]
    RunLost { place: String, run: String },
    /// A store's name that cannot be understood.
    #[error("`{name}` is not the name of a store: {problem}")]
    Location {
        name: String,
        problem: String,
        help: String,
    },
    /// What object storage has to say, or that it says nothing.
    #[error("{0}")]
    Storage(Box<StorageError>),
    /// A part of a store's identity is malformed.
    #[error("`{value}` is not the name of {}", describe_seed(field))]
    Seed { field: &'static str, value: String },
}

/// What the loser of a compare-and-swap learns: who changed what, when.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    pub key: ResourceKey,
    pub expected: Expected,
    pub found: Option<Record>,
    /// Where nothing is there: the write that took it away, if that is still known.
    pub deleted_by: Option<Change>,
}

/// What the loser of a pointer's or a setting's compare-and-swap learns.
#[derive(Debug, Clone, PartialEq)]
pub struct PointerConflict {
    /// The mesh; `None` for a setting of the store.
    pub mesh: Option<String>,
    /// The name of the pointer or setting.
    pub name: String,
    pub expected: Option<u64>,
    pub found: Option<NamedPointer>,
}

impl PointerConflict {
    pub(crate) fn of_setting(write: SettingWrite, found: Option<Setting>) -> Self {
        Self {
            mesh: None,
            name: write.name,
            expected: write.expected,
            found: found.map(|found| NamedPointer {
                value: found.value,
                version: found.version,
                author: found.author,
                at: found.at,
            }),
        }
    }
}

fn describe_found(found: Option<&str>) -> String {
    match found {
        Some(id) => format!("has the id `{id}`"),
        None => "does not exist".to_owned(),
    }
}

fn describe_seed(field: &str) -> &'static str {
    match field {
        "account" => "an account (twelve digits)",
        "region" => "a region",
        _ => "a partition",
    }
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            key,
            expected,
            found,
            deleted_by,
        } = self;
        match (found, expected, deleted_by) {
            (Some(record), Expected::Absent, _) => write!(
                f,
                "{key} exists already: written by `{}` (owner `{}`) at {}",
                record.author.actor, record.author.owner, record.last_updated_at
            ),
            (Some(record), Expected::At(revision), _) => write!(
                f,
                "{key} was changed by `{}` (owner `{}`) at {}: it is at revision {}, not {revision}",
                record.author.actor, record.author.owner, record.last_updated_at, record.revision
            ),
            (None, _, Some(change)) => write!(
                f,
                "{key} was {} by `{}` (owner `{}`) at {}",
                change.action, change.author.actor, change.author.owner, change.at
            ),
            (None, ..) => write!(f, "{key} does not exist"),
        }
    }
}

impl std::fmt::Display for PointerConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.mesh {
            Some(mesh) => write!(f, "the pointer `{}` of mesh `{mesh}` ", self.name)?,
            None => write!(f, "the setting `{}` ", self.name)?,
        }
        match &self.found {
            Some(found) => {
                write!(
                    f,
                    "was set by `{}` (owner `{}`) at {}",
                    found.author.actor, found.author.owner, found.at
                )
            }
            None => f.write_str("does not exist"),
        }
    }
}

/// Whether a place is an object, not a file.
fn is_object(path: &std::path::Path) -> bool {
    path.to_str().is_some_and(|path| path.contains("://"))
}

impl StoreError {
    pub fn code(&self) -> Code {
        match self {
            Self::Conflict(_) => codes::CONFLICT,
            Self::PointerConflict(_) => codes::POINTER_CONFLICT,
            Self::Foreign { .. } => codes::FOREIGN,
            Self::Damaged { .. } => codes::DAMAGED,
            Self::Newer { .. } => codes::NEWER,
            Self::Network { .. } => codes::NETWORK,
            Self::Permission { .. } => codes::PERMISSION,
            Self::Full { .. } => codes::FULL,
            Self::Busy { .. } => codes::BUSY,
            Self::Io { .. } => codes::IO,
            Self::Replaced { .. } => codes::REPLACED,
            Self::Closed { .. } => codes::CLOSED,
            Self::Other { .. } => codes::OTHER,
            Self::Seed { .. } => codes::SEED,
            Self::RunLost { .. } => codes::RUN_LOST,
            Self::Location { .. } => codes::LOCATION,
            Self::Storage(error) => error.trouble.code(),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Conflict(conflict) => match conflict.expected {
                Expected::Absent => {
                    "import it if it is yours, or give the new resource another name".to_owned()
                }
                Expected::At(_) => "plan again to see what is there now, then apply".to_owned(),
            },
            Self::PointerConflict(_) => "try again: it starts from what is there now".to_owned(),
            Self::Location { help, .. } => help.clone(),
            Self::Storage(error) => error.trouble.help().to_owned(),
            Self::Foreign { path, .. } if is_object(path) => {
                "nothing was written; name a prefix of its own for the store".to_owned()
            }
            Self::Foreign { path, .. } => format!(
                "nothing was written; move {} away, or name another directory as the store",
                path.display()
            ),
            Self::Damaged { path, .. } if is_object(path) => {
                "nothing was written; restore an earlier version of the object if the bucket keeps versions, or \
                name another prefix and fill a new store from Terraform's state with `meshform adopt`"
                    .to_owned()
            }
            Self::Damaged { path, .. } => format!(
                "nothing was written; restore a copy of {0}, or move {0} away and fill a new store from \
                 Terraform's state with `meshform adopt`",
                path.display()
            ),
            Self::Newer { .. } => "use the newer version everywhere where this store is used".to_owned(),
            Self::Network { .. } => {
                "name a directory on a local disk as the store, or share a bucket between \
                machines: store = \"s3://bucket/prefix\""
                    .to_owned()
            }
            Self::Permission { path, .. } => format!(
                "give the user that runs this read and write access to {}; the embedded store writes its \
                 directory even when it only reads records",
                path.display()
            ),
            Self::Full { .. } => {
                "free some space and try again; what was acknowledged before is kept, the rest was rolled back"
                    .to_owned()
            }
            Self::Busy { .. } => {
                "try again; if nobody else is writing, look for a process that hangs".to_owned()
            }
            Self::Io { .. } => {
                "a write that was under way was rolled back; remove the cause and try again".to_owned()
            }
            Self::Replaced { .. } => {
                "restore the store's files and try again; to use another store, start the program again".to_owned()
            }
            Self::Closed { .. } => "run the command again; what had not been acknowledged was not done".to_owned(),
            Self::Other { .. } => "name the store that was used before; if it is lost, fill a new one from \
                Terraform's state with `meshform adopt`"
                .to_owned(),
            Self::RunLost { .. } => {
                "run the command again, and check what was written before: others may have taken it over; nothing \
                was written now"
                    .to_owned()
            }
            Self::Seed { field, .. } => match *field {
                "account" => "write twelve digits, such as \"123456789012\"".to_owned(),
                "region" => "write a region such as \"eu-west-1\"".to_owned(),
                _ => "write a partition such as \"aws\"".to_owned(),
            },
        }
    }

    /// As every other problem is told.
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.code(), self.to_string()).help(self.help());
        match self {
            Self::Conflict(conflict) => diagnostic.at(ProblemLocation::of(&conflict.key, &Pointer::root())),
            Self::PointerConflict(conflict) => match &conflict.mesh {
                Some(mesh) => diagnostic.at(ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root())),
                None => diagnostic,
            },
            _ => diagnostic,
        }
    }
}

impl From<StoreError> for Diagnostic {
    fn from(error: StoreError) -> Self {
        error.diagnostic()
    }
}

//! Who may do what: keys of this server, requests signed with them, and what each allows.

pub mod aws;
pub mod keys;
pub(crate) mod sessions;
pub(crate) mod sigv4;
pub mod tokens;
pub mod trusted;

pub use sigv4::Signer;

use crate::codes;
use crate::fault::{Fault, FaultKind};
use meshform_registry::{Overwrites, Writer};
use meshform_store::Record;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rights {
    /// Reads everything in its meshes.
    Read,
    /// Reads, and writes what belongs to its owner.
    Write,
    /// Reads and writes everything in its meshes.
    Admin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The key's id; of what is limited and logged.
    pub(crate) id: String,
    /// The name that the key was given, as the change feed shows it.
    pub(crate) name: String,
    /// To whom what is written belongs.
    pub(crate) owner: String,
    /// The only mesh; none: all.
    pub(crate) mesh: Option<String>,
    pub(crate) rights: Rights,
    /// Where the request comes from.
    pub(crate) from: String,
}

impl Caller {
    /// Whoever asks a server without keys: they may do everything, and what they write belongs to `owner`.
    pub(crate) fn anyone(owner: &str, from: String) -> Self {
        Self {
            id: "anonymous".to_owned(),
            name: "anonymous".to_owned(),
            owner: owner.to_owned(),
            mesh: None,
            rights: Rights::Admin,
            from,
        }
    }

    /// As the change feed names who wrote.
    pub(crate) fn actor(&self) -> String {
        format!("{} from {}", self.name, self.from)
    }

    /// Refuses where nothing of a mesh may be read.
    pub(crate) fn may_read(&self, mesh: &str) -> Result<(), Fault> {
        match self.mesh.as_deref().is_none_or(|only| only == mesh) {
            true => Ok(()),
            false => Err(self.refused(format!("the key `{}` is not for the mesh `{mesh}`", self.name))),
        }
    }

    /// Refuses where nothing of a mesh may be written.
    pub(crate) fn may_write(&self, mesh: &str) -> Result<(), Fault> {
        self.may_read(mesh)?;
        match self.rights {
            Rights::Read => Err(self.refused(format!("the key `{}` only reads", self.name))),
            Rights::Write | Rights::Admin => Ok(()),
        }
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.rights == Rights::Admin
    }

    /// Refuses where a record belongs to another owner.
    pub(crate) fn may_change(&self, record: &Record) -> Result<(), Fault> {
        let overwrites = match self.rights {
            Rights::Admin => Overwrites::All,
            Rights::Read | Rights::Write => Overwrites::Own,
        };
        match Writer::new(&self.owner, &overwrites).may_change(record) {
            true => Ok(()),
            false => Err(self.refused(format!(
                "{} belongs to the owner `{}`, and the key `{}` writes as `{}`",
                record.key, record.author.owner, self.name, self.owner
            ))),
        }
    }

    fn refused(&self, message: String) -> Fault {
        Fault::new(FaultKind::Forbidden, codes::FORBIDDEN, message)
    }
}

//! One resource as the store keeps it, and the words around reading and writing it.

use crate::ids::RunId;
use crate::time::Timestamp;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Identity;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Counts the writes of one mesh. Revisions of one mesh are compared; those of two are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A resource as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub key: ResourceKey,
    /// The canonical form: `{spec, tags, extensions}`.
    pub body: serde_json::Value,
    /// ARN, uid and owners, as App Mesh's metadata has them.
    pub identity: RecordIdentity,
    /// How often this resource was written, from 1; it begins anew after a delete. App Mesh's `version`.
    pub version: u64,
    /// The mesh's revision that this write made. It never comes again, so it is what a writer expects.
    pub revision: Revision,
    pub author: Author,
    /// When the resource was created.
    pub created_at: Timestamp,
    /// When it was written last.
    pub last_updated_at: Timestamp,
    /// The request that wrote it last, where its writer names requests so that one that is sent again is known: a REST
    /// API's `clientToken`, and what was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// What App Mesh's metadata says of a resource, but for times and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordIdentity {
    pub arn: String,
    /// The id that tells this resource from an earlier one of the same name.
    pub uid: String,
    /// The account that owns the mesh.
    pub mesh_owner: String,
    /// The account that owns the resource.
    pub resource_owner: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// The team or state that the resource belongs to.
    pub owner: String,
    /// The person or machine, as another person would recognise it.
    pub actor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordDraft {
    pub key: ResourceKey,
    /// The canonical form: `{spec, tags, extensions}`.
    pub body: serde_json::Value,
    /// What the resource brings with it from elsewhere. What is absent is kept, or made at creation.
    pub imported: ImportedIdentity,
    /// What the record says of the request that wrote it: [`Record::request`].
    pub request: Option<String>,
}

/// What a resource that lived elsewhere before brings with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedIdentity {
    pub arn: Option<String>,
    pub uid: Option<String>,
    /// The account that owns its mesh.
    pub mesh_owner: Option<String>,
    /// The account that owns it.
    pub resource_owner: Option<String>,
    pub created_at: Option<Timestamp>,
    /// When it was written last.
    pub last_updated_at: Option<Timestamp>,
    /// How often it was written.
    pub version: Option<u64>,
}

/// What a writer believes to be there. Anything else is a conflict, and nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No record of that key is there.
    Absent,
    /// The record that this revision wrote.
    At(Revision),
}

/// Which records: all, those of a mesh, of a kind in it, of a parent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefix {
    pub mesh: Option<String>,
    pub kind: Option<Kind>,
    /// Only of this router or gateway.
    pub parent: Option<String>,
}

/// The records of a prefix, all of the same moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// The records, ordered by key.
    pub records: Vec<Record>,
    /// Everything up to this revision of the mesh is in it. Zero where the prefix names no mesh.
    pub revision: Revision,
    /// Records that are there but cannot be read. One bad record does not hide the others.
    pub unreadable: Vec<Unreadable>,
}

/// A record that is there but cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which, as far as it can be told.
    pub what: String,
    pub why: String,
}

// === impl Revision ===

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

// === impl RecordDraft ===

impl RecordDraft {
    /// A write of what has always lived here.
    pub fn new(key: ResourceKey, body: serde_json::Value) -> Self {
        Self {
            key,
            body,
            imported: ImportedIdentity::default(),
            request: None,
        }
    }
}

// === impl ImportedIdentity ===

/// All that a store has given a resource, for a store that is to go on with it.
impl From<&Record> for ImportedIdentity {
    fn from(record: &Record) -> Self {
        let identity = record.identity.clone();
        Self {
            arn: Some(identity.arn),
            uid: Some(identity.uid),
            mesh_owner: Some(identity.mesh_owner),
            resource_owner: Some(identity.resource_owner),
            created_at: Some(record.created_at),
            last_updated_at: Some(record.last_updated_at),
            version: Some(record.version),
        }
    }
}

impl From<&Identity> for ImportedIdentity {
    fn from(identity: &Identity) -> Self {
        Self {
            arn: Some(identity.arn.clone()),
            uid: Some(identity.uid.clone()).filter(|uid| !uid.is_empty()),
            mesh_owner: Some(identity.mesh_owner.clone()),
            resource_owner: Some(identity.resource_owner.clone()),
            // A date that is not one is left to the store.
            created_at: identity.created_at.parse().ok(),
            last_updated_at: identity.last_updated_at.parse().ok(),
            version: Some(identity.version),
        }
    }
}

// === impl Prefix ===

impl Prefix {
    pub fn all() -> Self {
        Self::default()
    }

    /// Everything of a mesh, the mesh itself too.
    pub fn mesh(mesh: impl Into<String>) -> Self {
        Self {
            mesh: Some(mesh.into()),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only of this router or gateway.
    #[must_use]
    pub fn parent(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Whether a key is under it.
    pub fn holds(&self, key: &ResourceKey) -> bool {
        self.mesh.as_ref().is_none_or(|mesh| *mesh == key.mesh)
            && self.kind.is_none_or(|kind| kind == key.kind)
            && (self.parent.is_none() || self.parent == key.parent)
    }
}

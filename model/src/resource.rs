//! A resource: its key, what it says, and what a store knows of it.

use crate::diag::Diagnostic;
use crate::key::ResourceKey;
use crate::spec::{Extensions, Spec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The partition in ARNs where nothing is said.
pub const DEFAULT_PARTITION: &str = "aws";
/// The region in ARNs where nothing is said.
pub const DEFAULT_REGION: &str = "us-east-1";
/// The account in ARNs where nothing is said.
pub const DEFAULT_ACCOUNT: &str = "000000000000";

/// A resource. `S` is the spec of one kind, or [`Spec`] for any.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource<S = Spec> {
    pub key: ResourceKey,
    pub spec: S,
    pub tags: BTreeMap<String, String>,
    /// The account that owns the mesh, where the user said that it is another than the resource's.
    pub mesh_owner: Option<String>,
    /// What the user said that App Mesh has no field for.
    pub extensions: Option<Extensions>,
    /// What a store or App Mesh gave it, where it is known.
    pub identity: Option<Identity>,
}

/// What a store or App Mesh gave a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    pub arn: String,
    /// The unique id, which no other resource ever has. Empty where it is not known.
    pub uid: String,
    /// The account of the mesh: 12 digits.
    pub mesh_owner: String,
    /// The account of the resource: 12 digits.
    pub resource_owner: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it was last changed, RFC 3339.
    pub last_updated_at: String,
    /// How often it was written, from 1.
    pub version: u64,
}

// === impl Resource ===

impl<S> Resource<S> {
    /// A resource that has nothing but a key and a spec.
    pub fn new(key: ResourceKey, spec: S) -> Self {
        Self {
            key,
            spec,
            tags: BTreeMap::new(),
            mesh_owner: None,
            extensions: None,
            identity: None,
        }
    }

    /// Whether both say the same, whatever a store knows of each.
    pub fn says_the_same(&self, other: &Self) -> bool
    where
        S: PartialEq,
    {
        self.spec == other.spec
            && self.extensions == other.extensions
            && (&self.tags, &self.mesh_owner) == (&other.tags, &other.mesh_owner)
    }

    pub fn with_spec<T>(self, spec: T) -> Resource<T> {
        let (_, bare) = self.apart();
        Resource {
            key: bare.key,
            spec,
            tags: bare.tags,
            mesh_owner: bare.mesh_owner,
            extensions: bare.extensions,
            identity: bare.identity,
        }
    }

    /// The spec, and the rest.
    pub(crate) fn apart(self) -> (S, Resource<()>) {
        let bare = Resource {
            key: self.key,
            spec: (),
            tags: self.tags,
            mesh_owner: self.mesh_owner,
            extensions: self.extensions,
            identity: self.identity,
        };
        (self.spec, bare)
    }
}

impl Resource {
    /// A resource from the canonical form of its spec.
    pub fn from_json(key: ResourceKey, spec: &serde_json::Value) -> Result<Self, Diagnostic> {
        let spec = Spec::from_json(key.kind, spec).map_err(|problem| of(&key, problem))?;
        Ok(Self::new(key, spec))
    }

    /// A resource from what a store keeps of it: `spec` and `extensions`.
    pub fn from_body(key: ResourceKey, body: &serde_json::Value) -> Result<Self, Diagnostic> {
        let none = serde_json::Value::Object(serde_json::Map::new());
        let spec = body.get("spec").filter(|spec| !spec.is_null()).unwrap_or(&none);
        let extensions = body.get("extensions").unwrap_or(&serde_json::Value::Null);
        Self::from_json(key, spec)?.with_extensions(extensions)
    }

    /// With the canonical form of its extensions; null is none.
    pub fn with_extensions(mut self, extensions: &serde_json::Value) -> Result<Self, Diagnostic> {
        self.extensions =
            Extensions::from_json(self.key.kind, extensions).map_err(|problem| of(&self.key, problem))?;
        Ok(self)
    }
}

/// A problem of that resource.
fn of(key: &ResourceKey, mut problem: Diagnostic) -> Diagnostic {
    for place in &mut problem.places {
        place.resource = Some(key.clone());
    }
    problem
}

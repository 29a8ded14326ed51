//! Which resources a list is of.

use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;

/// The resources of a kind in a mesh, or in a router or gateway of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection<'a> {
    pub mesh: &'a str,
    pub kind: Kind,
    /// The router of routes, the gateway of gateway routes.
    pub parent: Option<&'a str>,
}

impl Collection<'_> {
    /// The resource of that name in it.
    pub(crate) fn key(&self, name: &str) -> ResourceKey {
        ResourceKey {
            mesh: self.mesh.to_owned(),
            kind: self.kind,
            parent: self.parent.map(ToOwned::to_owned),
            name: name.to_owned(),
        }
    }

    pub(crate) fn holds(&self, key: &ResourceKey) -> bool {
        self.mesh == key.mesh && self.kind == key.kind && self.parent == key.parent.as_deref()
    }
}

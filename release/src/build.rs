//! What turns a valid mesh into bundles: the seam between releases and the Envoy backend.

use meshform_bundle::Bundle;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::BTreeSet;
use std::fmt;

pub use meshform_bundle::ROOT;

/// Makes the bundle of every proxy of a mesh. Deterministic: equal meshes give equal bytes.
pub trait Builder: Send + Sync + fmt::Debug {
    /// Everything of a mesh that is valid. Paths of the publishing directory are written as [`ROOT`].
    fn build(&self, mesh: &Mesh) -> Result<Built, Vec<Diagnostic>>;

    /// At least these proxies of a mesh that is valid, the same as [`build`](Self::build) makes them.
    fn build_some(&self, mesh: &Mesh, proxies: &BTreeSet<ResourceKey>) -> Result<Built, Vec<Diagnostic>> {
        let _ = proxies;
        self.build(mesh)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Built {
    pub proxies: Vec<ProxyBundle>,
    /// What somebody should look at.
    pub warnings: Vec<Diagnostic>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyBundle {
    /// The virtual node or gateway.
    pub key: ResourceKey,
    /// Its folder under the publishing directory.
    pub path: String,
    /// What the compiler calls this version of it.
    pub digest: String,
    /// What its Envoy is told.
    pub bundle: Bundle,
}

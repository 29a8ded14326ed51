//! What running proxies are to have now, for a server that tells them itself.

use crate::error::{ReleaseError, Result};
use crate::manifest::{Manifest, ProxyEntry};
use crate::releaser::Releaser;
use meshform_bundle::{Bundle, ProxyId};
use meshform_store::Digest;
use std::sync::Arc;

/// The current release of a mesh.
#[derive(Debug, Clone)]
pub struct ServedRelease {
    release: Digest,
    manifest: Arc<Manifest>,
}

impl ServedRelease {
    pub fn release(&self) -> &Digest {
        &self.release
    }

    pub fn mesh(&self) -> &str {
        &self.manifest.mesh
    }

    /// The names under which Envoys ask for hosts that a poller looks up.
    pub fn polled(&self) -> impl Iterator<Item = &str> {
        let nodes = self.manifest.discovery.values();
        nodes.flat_map(|node| node.assignments.keys().map(String::as_str))
    }

    /// What it has of a proxy.
    pub fn proxy(&self, proxy: &ProxyId) -> Option<&ProxyEntry> {
        self.manifest.proxies.get(&proxy.folder())
    }
}

impl Releaser {
    /// The current release of a mesh, or the one at which its proxies are held; none before the first.
    pub async fn served(&self, mesh: &str) -> Result<Option<ServedRelease>> {
        let state = self.pointed(mesh).await?.state;
        let manifest = self.current(mesh, &state).await?;
        let both = state.current.zip(manifest);
        Ok(both.map(|(release, manifest)| ServedRelease { release, manifest }))
    }

    /// The release that proxies had before this one; none where the history does not go back as far.
    pub async fn served_before(&self, served: &ServedRelease) -> Result<Option<ServedRelease>> {
        let mesh = &served.manifest.mesh;
        let history = self.history(mesh).await?.into_iter();
        let mut older = history
            .skip_while(|entry| entry.release != served.release)
            .skip(1);
        let Some(entry) = older.next() else {
            return Ok(None);
        };
        let manifest = Arc::new(self.manifest(mesh, &entry).await?);
        Ok(Some(ServedRelease {
            release: entry.release,
            manifest,
        }))
    }

    /// A proxy's configuration in a release; none where the release does not have the proxy.
    pub async fn bundle(&self, served: &ServedRelease, proxy: &ProxyId) -> Result<Option<Bundle>> {
        let Some(entry) = served.proxy(proxy) else {
            return Ok(None);
        };
        let mesh = &served.manifest.mesh;
        let bytes = self.blob(mesh, &entry.bundle).await?;
        let bundle = Bundle::decode(proxy, &bytes).map_err(|error| ReleaseError::Damaged {
            mesh: mesh.clone(),
            detail: error.to_string(),
        })?;
        Ok(Some(bundle))
    }
}

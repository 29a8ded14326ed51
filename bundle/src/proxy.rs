//! Which proxy: one virtual node or virtual gateway of one mesh, and what is called after it.

use crate::error::{Error, Result};
use meshform_model::digest::Digest;
use meshform_model::file_name::file_name;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use std::fmt;

/// The end of the key of what a proxy is to run.
const CURRENT: &str = "/current.json";

/// Stands between a proxy's prefix and the digest of one of its bundles.
const BUNDLES: &str = "/bundles/";

/// The virtual node or virtual gateway that a proxy serves. Written as App Mesh's own image took it:
/// `mesh/MESH/virtualNode/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProxyId {
    mesh: String,
    kind: Kind,
    name: String,
}

impl ProxyId {
    /// The proxy of a virtual node.
    pub fn virtual_node(mesh: &str, name: &str) -> Self {
        Self {
            mesh: mesh.to_owned(),
            kind: Kind::VirtualNode,
            name: name.to_owned(),
        }
    }

    /// The proxy of a virtual node or gateway; none of what has no proxy.
    pub fn of(key: &ResourceKey) -> Option<Self> {
        let kind = key.kind;
        matches!(kind, Kind::VirtualNode | Kind::VirtualGateway).then(|| Self {
            mesh: key.mesh.clone(),
            kind,
            name: key.name.clone(),
        })
    }

    /// The virtual node or virtual gateway.
    pub fn key(&self) -> ResourceKey {
        ResourceKey::in_mesh(&self.mesh, self.kind, &self.name)
    }

    /// Reads `mesh/MESH/virtualNode/NAME`, `mesh/MESH/virtualGateway/NAME`, or an ARN that ends so. In the ARN of a
    /// shared mesh the owner's account after the mesh's name is left out.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let key = ResourceKey::of_proxy(text).ok_or_else(|| unfit(text))?;
        Ok(Self {
            mesh: key.mesh,
            kind: key.kind,
            name: key.name,
        })
    }

    pub fn mesh(&self) -> &str {
        &self.mesh
    }

    /// The kind's name in paths: `virtualNode` or `virtualGateway`.
    pub fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// The node's or gateway's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder under a publishing directory: `MESH/virtualNode/NAME`, each part safe in a path.
    pub fn folder(&self) -> String {
        format!(
            "{}/{}/{}",
            file_name(&self.mesh),
            self.kind(),
            file_name(&self.name)
        )
    }

    /// The key of the object that names what the proxy is to run.
    pub fn current_key(&self) -> String {
        format!("{}{CURRENT}", self.prefix())
    }

    /// Whether a key is that of such an object, of whichever proxy.
    pub fn is_current_key(key: &str) -> bool {
        key.ends_with(CURRENT)
    }

    /// The key of one of its bundles.
    pub fn bundle_key(&self, digest: &Digest) -> String {
        format!("{}{digest}", self.bundle_prefix())
    }

    /// What the keys of its bundles begin with.
    pub fn bundle_prefix(&self) -> String {
        format!("{}{BUNDLES}", self.prefix())
    }

    /// Whether a key is that of a bundle, of whichever proxy.
    pub fn is_bundle_key(key: &str) -> bool {
        key.contains(BUNDLES)
    }

    /// The prefix of all that is published for it.
    pub fn prefix(&self) -> String {
        format!(
            "{}/proxies/{}/{}",
            mesh_prefix(&self.mesh),
            self.kind(),
            file_name(&self.name)
        )
    }

    /// The key of the object that one running instance of it writes.
    pub fn status_key(&self, instance: &str) -> String {
        format!("{}/{}.json", self.status_prefix(), file_name(instance))
    }

    /// The prefix of what its instances write.
    pub fn status_prefix(&self) -> String {
        format!(
            "{}/status/{}/{}",
            mesh_prefix(&self.mesh),
            self.kind(),
            file_name(&self.name)
        )
    }

    /// The key of the marker that is there while one instance runs something else than it should.
    pub fn rejected_key(&self, instance: &str) -> String {
        format!("{}/{}", self.rejected_prefix(), file_name(instance))
    }

    /// The prefix of those markers.
    pub fn rejected_prefix(&self) -> String {
        format!(
            "{}/rejected/{}/{}",
            mesh_prefix(&self.mesh),
            self.kind(),
            file_name(&self.name)
        )
    }
}

/// The prefix of all objects of a mesh.
pub fn mesh_prefix(mesh: &str) -> String {
    format!("m/{}", file_name(mesh))
}

fn unfit(text: &str) -> Error {
    Error::NoProxy(text.to_owned())
}

impl fmt::Display for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mesh/{}/{}/{}", self.mesh, self.kind(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_as_app_mesh_named_it() {
        let node = ProxyId::virtual_node("apps", "a");
        for text in [
            "mesh/apps/virtualNode/a",
            "arn:aws:appmesh:us-east-1:000000000000:mesh/apps/virtualNode/a",
            "arn:aws-cn:appmesh:cn-north-1:111122223333:mesh/apps@444455556666/virtualNode/a",
        ] {
            assert_eq!(ProxyId::parse(text).unwrap(), node, "{text}");
        }
        assert_eq!(ProxyId::parse(&node.to_string()).unwrap(), node);
        assert_eq!(
            ProxyId::parse("mesh/m/virtualGateway/g").unwrap().kind(),
            "virtualGateway"
        );
        for text in [
            "",
            "apps/a",
            "mesh/apps/virtualRouter/a",
            "mesh//virtualNode/a",
            "mesh/apps/virtualNode/",
            "mesh/apps/virtualNode/a/b",
            "arn:aws:appmesh:mesh/apps/virtualNode/a",
        ] {
            assert!(ProxyId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hostile_names_stay_in_their_place() {
        let proxy = ProxyId::virtual_node("..", "a b%");
        assert_eq!(proxy.folder(), "%2E./virtualNode/a%20b%25");
        assert_eq!(
            proxy.current_key(),
            "m/%2E./proxies/virtualNode/a%20b%25/current.json"
        );
        assert_eq!(
            proxy.status_key("../x"),
            "m/%2E./status/virtualNode/a%20b%25/%2E.%2Fx.json"
        );
        assert_eq!(proxy.rejected_key("i"), "m/%2E./rejected/virtualNode/a%20b%25/i");
    }
}

//! Which resource: its kind, its mesh, its parent, its name.

use crate::arn::{Arn, is_account};
use crate::kind::Kind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The identity of a resource within a store. It never changes during the resource's life.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceKey {
    /// The mesh's name; of a mesh, its own.
    pub mesh: String,
    pub kind: Kind,
    /// The virtual router of a route, the virtual gateway of a gateway route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The resource's own name: unique among those of its kind in its mesh, or below its parent.
    pub name: String,
}

impl ResourceKey {
    /// The key of a mesh.
    pub fn mesh(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            mesh: name.clone(),
            kind: Kind::Mesh,
            parent: None,
            name,
        }
    }

    /// The key of a kind that lives directly in a mesh.
    pub fn in_mesh(mesh: impl Into<String>, kind: Kind, name: impl Into<String>) -> Self {
        Self {
            mesh: mesh.into(),
            kind,
            parent: None,
            name: name.into(),
        }
    }

    /// The key of a route or a gateway route; `parent` is its router or gateway.
    pub fn child(parent: &ResourceKey, kind: Kind, name: impl Into<String>) -> Self {
        Self {
            mesh: parent.mesh.clone(),
            kind,
            parent: Some(parent.name.clone()),
            name: name.into(),
        }
    }

    /// The key of the resource that contains this one: the router, the gateway, or the mesh. `None` for a mesh.
    pub fn container(&self) -> Option<ResourceKey> {
        match (self.kind, self.kind.parent(), &self.parent) {
            (Kind::Mesh, ..) => None,
            (_, Some(kind), Some(parent)) => Some(Self::in_mesh(&self.mesh, kind, parent)),
            _ => Some(Self::mesh(&self.mesh)),
        }
    }

    /// What to sort by so that containers come before what is in them, mesh after mesh.
    pub fn write_order(&self) -> (&str, usize, &Self) {
        (&self.mesh, self.kind.write_order(), self)
    }

    /// The names that say which resource it is, outermost first: the mesh, the router or gateway where there is one, its
    /// own. They stand in the order of [`KindSchema::key`](crate::schema::KindSchema::key).
    pub fn names(&self) -> Vec<&str> {
        let mut names = vec![self.mesh.as_str()];
        names.extend(self.parent.as_deref());
        if self.kind != Kind::Mesh {
            names.push(&self.name);
        }
        names
    }

    /// Reads the resource of an ARN, whatever its partition, region and account.
    pub fn from_arn(arn: &str) -> Option<Self> {
        Self::from_path(Arn::parse(arn)?.resource)
    }

    /// The node or gateway that a proxy is told to be: `mesh/M/virtualNode/N`, or an ARN that ends so. In the ARN of another
    /// account's resource the mesh has its owner behind an `@`, which is no part of its name.
    pub fn of_proxy(text: &str) -> Option<Self> {
        let path = Arn::parse(text).map_or(text, |arn| arn.resource);
        let mut key = Self::from_path(path)
            .filter(|key| matches!(key.kind, Kind::VirtualNode | Kind::VirtualGateway))?;
        if let Some((mesh, owner)) = key.mesh.rsplit_once('@')
            && is_account(owner)
            && !mesh.is_empty()
        {
            key.mesh = mesh.to_owned();
        }
        Some(key)
    }

    /// The path that App Mesh's ARNs and proxies use: `mesh/apps/virtualRouter/r/route/x`.
    pub fn path(&self) -> String {
        let mut path = format!("mesh/{}", self.mesh);
        if let (Some(kind), Some(parent)) = (self.kind.parent(), &self.parent) {
            path.push_str(&format!("/{}/{parent}", kind.name()));
        }
        if self.kind != Kind::Mesh {
            path.push_str(&format!("/{}/{}", self.kind.name(), self.name));
        }
        path
    }

    /// The key that a [`path`](Self::path) belongs to; `None` when it is not one.
    pub fn from_path(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        match *parts.as_slice() {
            ["mesh", mesh] => Some(Self::mesh(mesh)),
            ["mesh", mesh, kind, name] => {
                let kind = Kind::from_name(kind).filter(|k| k.parent().is_none() && *k != Kind::Mesh)?;
                Some(Self::in_mesh(mesh, kind, name))
            }
            ["mesh", mesh, parent_kind, parent, kind, name] => {
                let kind = Kind::from_name(kind)?;
                (kind.parent()?.name() == parent_kind)
                    .then(|| Self::child(&Self::in_mesh(mesh, kind, parent), kind, name))
            }
            _ => None,
        }
    }
}

/// As a person names it: ``route `weighted` of virtual router `serviceb` in mesh `apps` ``.
impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)?;
        if let (Some(kind), Some(parent)) = (self.kind.parent(), &self.parent) {
            write!(f, " of {kind} `{parent}`")?;
        }
        if self.kind != Kind::Mesh {
            write!(f, " in mesh `{}`", self.mesh)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_told_by_path_or_arn() {
        let node = ResourceKey::in_mesh("apps", Kind::VirtualNode, "a");
        for text in [
            "mesh/apps/virtualNode/a",
            "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/a",
            "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps@210987654321/virtualNode/a",
        ] {
            assert_eq!(ResourceKey::of_proxy(text).as_ref(), Some(&node), "{text}");
        }
        // An `@` may stand in a name.
        let other = ResourceKey::in_mesh("apps@home", Kind::VirtualNode, "a");
        assert_eq!(ResourceKey::of_proxy(&other.path()), Some(other));
        for text in [
            "",
            "apps/virtualNode/a",
            "mesh/apps/virtualService/a",
            "mesh/apps/virtualNode/",
            "mesh/apps/virtualRouter/r/route/x",
        ] {
            assert_eq!(ResourceKey::of_proxy(text), None, "{text}");
        }
    }

    #[test]
    fn paths_are_read_back() {
        let router = ResourceKey::in_mesh("apps", Kind::VirtualRouter, "serviceb");
        let route = ResourceKey::child(&router, Kind::Route, "weighted");
        assert_eq!(route.path(), "mesh/apps/virtualRouter/serviceb/route/weighted");
        assert_eq!(route.names(), ["apps", "serviceb", "weighted"]);
        for key in [&ResourceKey::mesh("apps"), &router, &route] {
            assert_eq!(ResourceKey::from_path(&key.path()).as_ref(), Some(key));
            let arn = format!("arn:aws:appmesh:eu-west-1:123456789012:{}", key.path());
            assert_eq!(ResourceKey::from_arn(&arn).as_ref(), Some(key));
            assert_eq!(ResourceKey::from_arn(&key.path()), None);
            assert_eq!(key.names().len(), crate::schema::kind(key.kind).key.len());
        }
        for bad in [
            "",
            "mesh",
            "mesh/",
            "mesh/a/route/x",
            "mesh/a/virtualNode/b/route/x",
            "mesh/a/mesh/b",
        ] {
            assert_eq!(ResourceKey::from_path(bad), None, "{bad:?}");
        }
        assert_eq!(route.container(), Some(router));
        assert_eq!(
            route.to_string(),
            "route `weighted` of virtual router `serviceb` in mesh `apps`"
        );
    }
}

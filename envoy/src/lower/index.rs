//! A mesh by name, with keys that can be shared: what lowering looks up.
//!
//! Entries are made when they are first asked for, so that one proxy costs what it depends on, not what the mesh
//! holds.

use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::spec::{
    GatewayRouteSpec, MeshSpec, ProxyProfileSpec, RouteSpec, VirtualGatewaySpec, VirtualNodeSpec,
    VirtualRouterSpec, VirtualServiceSpec,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A resource with its key shared among everything that is made from it.
#[derive(Debug)]
pub(crate) struct IndexedResource<'m, S> {
    pub(crate) key: Arc<ResourceKey>,
    pub(crate) spec: &'m S,
    pub(crate) resource: &'m Resource<S>,
}

/// A mesh's resources by kind and name, as lowering looks them up.
#[derive(Debug)]
pub(crate) struct Index<'m> {
    pub(crate) name: &'m str,
    pub(crate) mesh: Option<IndexedResource<'m, MeshSpec>>,
    pub(crate) nodes: Table<'m, VirtualNodeSpec>,
    pub(crate) services: Table<'m, VirtualServiceSpec>,
    pub(crate) routers: Table<'m, VirtualRouterSpec>,
    pub(crate) gateways: Table<'m, VirtualGatewaySpec>,
    /// The mesh itself, for what is looked up once.
    pub(super) whole: &'m Mesh,
    pub(super) default_profile: Option<IndexedResource<'m, ProxyProfileSpec>>,
}

/// The resources of one kind, each wrapped when it is first asked for.
#[derive(Debug)]
pub(crate) struct Table<'m, S> {
    mesh: &'m Mesh,
    find: fn(&'m Mesh, &str) -> Option<&'m Resource<S>>,
    made: RefCell<BTreeMap<&'m str, IndexedResource<'m, S>>>,
}

impl<'m> Index<'m> {
    pub(crate) fn new(mesh: &'m Mesh) -> Self {
        Self {
            name: mesh.name(),
            mesh: mesh.resource().map(entry),
            nodes: Table::new(mesh, Mesh::virtual_node),
            services: Table::new(mesh, Mesh::virtual_service),
            routers: Table::new(mesh, Mesh::virtual_router),
            gateways: Table::new(mesh, Mesh::virtual_gateway),
            whole: mesh,
            default_profile: mesh.profile_of(None).map(entry),
        }
    }

    /// Every proxy's key: nodes, then gateways, by name.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = &'m ResourceKey> {
        let nodes = self.whole.virtual_nodes().map(|node| &node.key);
        nodes.chain(self.whole.virtual_gateways().map(|gateway| &gateway.key))
    }

    /// A router's routes, in the order in which they are tried.
    pub(crate) fn routes(&self, router: &str) -> Vec<IndexedResource<'m, RouteSpec>> {
        self.whole.routes_of(router).iter().map(entry).collect()
    }

    /// A gateway's routes, in the order in which they are tried.
    pub(crate) fn gateway_routes(&self, gateway: &str) -> Vec<IndexedResource<'m, GatewayRouteSpec>> {
        self.whole.gateway_routes_of(gateway).iter().map(entry).collect()
    }
}

impl<'m, S> Table<'m, S> {
    fn new(mesh: &'m Mesh, find: fn(&'m Mesh, &str) -> Option<&'m Resource<S>>) -> Self {
        Self {
            mesh,
            find,
            made: RefCell::default(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<IndexedResource<'m, S>> {
        if let Some(known) = self.made.borrow().get(name) {
            return Some(known.clone());
        }
        let resource = (self.find)(self.mesh, name)?;
        let made = entry(resource);
        self.made
            .borrow_mut()
            .insert(resource.key.name.as_str(), made.clone());
        Some(made)
    }
}

/// Cheap: the key is shared.
impl<S> Clone for IndexedResource<'_, S> {
    fn clone(&self) -> Self {
        Self {
            key: Arc::clone(&self.key),
            spec: self.spec,
            resource: self.resource,
        }
    }
}

pub(super) fn entry<S>(resource: &Resource<S>) -> IndexedResource<'_, S> {
    IndexedResource {
        key: Arc::new(resource.key.clone()),
        spec: &resource.spec,
        resource,
    }
}

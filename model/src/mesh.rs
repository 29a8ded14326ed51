//! All resources of one mesh, with their references resolved.
//!
//! [`Mesh::new`] takes resources in any order and fails only where they are not *one* mesh; everything else
//! that may be wrong with them is what [`Mesh::check`] says. Lookups never fail on a broken mesh: what is not
//! there is `None`.

mod change;
mod defaults;
mod order;
mod reach;
mod reference;
mod sort;
mod tables;

pub use change::{Change, ChangeEffects};
pub use defaults::{listener_timeouts, route_timeouts};
pub use order::{RouteRank, gateway_route_rank, route_rank};
pub use reference::{Reference, Role, references};
pub use sort::misfit;

use crate::diag::Diagnostic;
use crate::key::ResourceKey;
use crate::resource::Resource;
use crate::spec::{
    GatewayRouteSpec, Interception, IpPreference, Listener, MeshSpec, PortMapping, ProxyProfileSpec,
    RouteSpec, VirtualGatewaySpec, VirtualNodeSpec, VirtualRouterSpec, VirtualServiceProvider,
    VirtualServiceSpec, WeightedTarget,
};
use std::collections::{BTreeMap, BTreeSet};
use tables::Tables;

/// All resources of one mesh.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    name: String,
    tables: Tables,
    /// What holds when the mesh itself is not there.
    fallback: MeshSpec,
    /// The names of the profiles for each node or gateway; the first holds, others are an error.
    own_profiles: BTreeMap<ResourceKey, BTreeSet<String>>,
    /// The names of those for the whole mesh; the first holds.
    default_profiles: BTreeSet<String>,
    /// Who refers to a resource, there or not. In one set the order is by who refers, then by field.
    referrers: BTreeMap<ResourceKey, BTreeSet<Reference>>,
}

/// How many resources of a kind a mesh has.
pub(crate) struct Sizes {
    pub(crate) virtual_services: usize,
    pub(crate) virtual_nodes: usize,
    pub(crate) virtual_routers: usize,
    pub(crate) virtual_gateways: usize,
}

/// Who answers for a virtual service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Provider<'a> {
    /// One node takes every request.
    VirtualNode(&'a Resource<VirtualNodeSpec>),
    VirtualRouter(&'a Resource<VirtualRouterSpec>),
}

// === impl Mesh ===

impl Mesh {
    /// Takes the resources of one mesh, in any order. Fails where they are none, of several meshes, twice the
    /// same, or have a key of another kind.
    pub fn new(resources: Vec<Resource>) -> Result<Self, Vec<Diagnostic>> {
        sort::sort(resources)
    }

    /// A mesh of that name without any resource, to be filled by [`apply`](Self::apply).
    pub fn empty(name: impl Into<String>) -> Self {
        sort::empty(name.into())
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn key(&self) -> ResourceKey {
        ResourceKey::mesh(&self.name)
    }

    /// The mesh itself, where it is there.
    pub fn resource(&self) -> Option<&Resource<MeshSpec>> {
        self.tables.mesh.as_ref()
    }

    /// What holds for the whole mesh.
    pub fn spec(&self) -> &MeshSpec {
        self.tables
            .mesh
            .as_ref()
            .map_or(&self.fallback, |mesh| &mesh.spec)
    }

    /// The virtual services by name.
    pub fn virtual_services(&self) -> impl Iterator<Item = &Resource<VirtualServiceSpec>> {
        self.tables.virtual_services.values()
    }

    /// The virtual nodes by name.
    pub fn virtual_nodes(&self) -> impl Iterator<Item = &Resource<VirtualNodeSpec>> {
        self.tables.virtual_nodes.values()
    }

    /// The virtual routers by name.
    pub fn virtual_routers(&self) -> impl Iterator<Item = &Resource<VirtualRouterSpec>> {
        self.tables.virtual_routers.values()
    }

    /// The virtual gateways by name.
    pub fn virtual_gateways(&self) -> impl Iterator<Item = &Resource<VirtualGatewaySpec>> {
        self.tables.virtual_gateways.values()
    }

    /// The proxy profiles by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Resource<ProxyProfileSpec>> {
        self.tables.proxy_profiles.values()
    }

    /// The routes of all routers, by router, in the order in which they are tried.
    pub fn routes(&self) -> impl Iterator<Item = &Resource<RouteSpec>> {
        self.tables.routes.iter()
    }

    /// The gateway routes of all gateways, by gateway, in the order in which they are tried.
    pub fn gateway_routes(&self) -> impl Iterator<Item = &Resource<GatewayRouteSpec>> {
        self.tables.gateway_routes.iter()
    }

    /// How many there are of each kind that a quota counts.
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            virtual_services: self.tables.virtual_services.len(),
            virtual_nodes: self.tables.virtual_nodes.len(),
            virtual_routers: self.tables.virtual_routers.len(),
            virtual_gateways: self.tables.virtual_gateways.len(),
        }
    }

    /// A virtual service by name.
    pub fn virtual_service(&self, name: &str) -> Option<&Resource<VirtualServiceSpec>> {
        self.tables.virtual_services.get(name)
    }

    /// A virtual node by name.
    pub fn virtual_node(&self, name: &str) -> Option<&Resource<VirtualNodeSpec>> {
        self.tables.virtual_nodes.get(name)
    }

    /// A virtual router by name.
    pub fn virtual_router(&self, name: &str) -> Option<&Resource<VirtualRouterSpec>> {
        self.tables.virtual_routers.get(name)
    }

    /// A virtual gateway by name.
    pub fn virtual_gateway(&self, name: &str) -> Option<&Resource<VirtualGatewaySpec>> {
        self.tables.virtual_gateways.get(name)
    }

    /// A proxy profile by name.
    pub fn profile(&self, name: &str) -> Option<&Resource<ProxyProfileSpec>> {
        self.tables.proxy_profiles.get(name)
    }

    /// The routes of a router in the order in which they are tried (see [`RouteRank`]).
    pub fn routes_of(&self, router: &str) -> &[Resource<RouteSpec>] {
        self.tables.routes.of(router)
    }

    /// The routes of a gateway in the order in which they are tried (see [`RouteRank`]).
    pub fn gateway_routes_of(&self, gateway: &str) -> &[Resource<GatewayRouteSpec>] {
        self.tables.gateway_routes.of(gateway)
    }

    /// Who answers for a virtual service; `None` when the service or its provider is not there.
    pub fn provider_of(&self, service: &str) -> Option<Provider<'_>> {
        self.provider(&self.virtual_service(service)?.spec)
    }

    /// Who answers for what a virtual service's spec says.
    pub fn provider(&self, service: &VirtualServiceSpec) -> Option<Provider<'_>> {
        match service.provider.as_ref()? {
            VirtualServiceProvider::VirtualNode(provider) => self
                .virtual_node(&provider.virtual_node_name)
                .map(Provider::VirtualNode),
            VirtualServiceProvider::VirtualRouter(provider) => self
                .virtual_router(&provider.virtual_router_name)
                .map(Provider::VirtualRouter),
        }
    }

    /// The ports on which a virtual service answers: its router's, or its node's.
    pub fn ports_of(&self, service: &str) -> Vec<PortMapping> {
        self.provider_of(service)
            .map_or_else(Vec::new, |provider| provider.ports())
    }

    /// The node and the listener that a target of a route means: on the port that it names, else the only one.
    pub fn listener_of(&self, target: &WeightedTarget) -> Option<(&Resource<VirtualNodeSpec>, &Listener)> {
        let node = self.virtual_node(&target.virtual_node)?;
        let listener = match (target.port, node.spec.listeners.as_slice()) {
            (Some(port), _) => node.spec.listener(port)?,
            (None, [only]) => only,
            (None, _) => return None,
        };
        Some((node, listener))
    }

    /// Which IP version a node asks for: its own word, else the mesh's.
    pub fn ip_preference(&self, node: &VirtualNodeSpec) -> Option<IpPreference> {
        let own = node.service_discovery.as_ref().and_then(|d| d.ip_preference());
        own.or_else(|| self.spec().ip_preference())
    }

    /// The profile of a node or a gateway itself, or, for `None`, of the whole mesh.
    pub fn profile_of(&self, subject: Option<&ResourceKey>) -> Option<&Resource<ProxyProfileSpec>> {
        let names = match subject {
            Some(key) => self.own_profiles.get(key)?,
            None => &self.default_profiles,
        };
        self.tables.proxy_profiles.get(names.first()?)
    }

    /// Every profile for one subject, by name: all but the first are an error.
    pub(crate) fn profiles_of(&self, subject: Option<&ResourceKey>) -> impl Iterator<Item = &String> {
        let names = match subject {
            Some(key) => self.own_profiles.get(key),
            None => Some(&self.default_profiles),
        };
        names.into_iter().flatten()
    }

    /// How the Envoy of a node or a gateway is run: its own profile over the mesh's default one.
    pub fn profile_for(&self, key: &ResourceKey) -> ProxyProfileSpec {
        match (self.profile_of(Some(key)), self.profile_of(None)) {
            (Some(own), Some(default)) => own.spec.clone().over(&default.spec),
            (Some(only), None) | (None, Some(only)) => only.spec.clone(),
            (None, None) => ProxyProfileSpec::default(),
        }
    }

    /// How the traffic of a node's application gets into Envoy, where a profile says so.
    pub fn interception_for(&self, key: &ResourceKey) -> Option<&Interception> {
        let of = |subject| self.profile_of(subject)?.spec.interception.as_ref();
        of(Some(key)).or_else(|| of(None))
    }

    /// Who refers to a resource, whether it is there or not: its children, routes that send to it, …, sorted.
    pub fn referrers(&self, key: &ResourceKey) -> impl Iterator<Item = &Reference> {
        self.referrers.get(key).into_iter().flatten()
    }

    /// Every resource that is referred to, with those references.
    pub(crate) fn referred(&self) -> impl Iterator<Item = (&ResourceKey, &BTreeSet<Reference>)> {
        self.referrers.iter()
    }

    /// Every reference, by what is referred to.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.referrers.values().flatten()
    }

    /// Whether a resource is there.
    pub fn contains(&self, key: &ResourceKey) -> bool {
        key.mesh == self.name && self.tables.contains(key)
    }

    /// What a resource refers to; nothing where it is not there.
    pub fn references_from(&self, key: &ResourceKey) -> Vec<Reference> {
        let Some(resource) = self.get(key) else {
            return Vec::new();
        };
        references(&resource)
    }

    /// A resource of any kind.
    pub fn get(&self, key: &ResourceKey) -> Option<Resource> {
        if key.mesh == self.name {
            self.tables.get(key)
        } else {
            None
        }
    }

    /// The keys of the resources that only one of two states of a mesh has, or of which they say different things.
    pub fn differing(&self, other: &Self) -> BTreeSet<ResourceKey> {
        self.tables.differing(&other.tables)
    }

    /// Every resource, parents before children, by name; routes in the order in which they are tried.
    pub fn resources(&self) -> Vec<Resource> {
        self.tables.resources()
    }
}

// === impl Provider ===

impl<'a> Provider<'a> {
    pub fn key(self) -> &'a ResourceKey {
        match self {
            Self::VirtualNode(node) => &node.key,
            Self::VirtualRouter(router) => &router.key,
        }
    }

    /// The ports on which it answers.
    pub fn ports(self) -> Vec<PortMapping> {
        self.mappings().collect()
    }

    /// [`ports`](Self::ports) one after the other.
    pub fn mappings(self) -> impl Iterator<Item = PortMapping> + use<'a> {
        let (node, router) = match self {
            Self::VirtualNode(node) => (Some(&node.spec.listeners), None),
            Self::VirtualRouter(router) => (None, Some(&router.spec.listeners)),
        };
        let of_node = node.into_iter().flatten().map(|listener| listener.port_mapping);
        of_node.chain(router.into_iter().flatten().map(|listener| listener.port_mapping))
    }
}

#[cfg(test)]
mod tests;

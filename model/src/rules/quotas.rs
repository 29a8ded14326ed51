//! How many of each there may be. Off unless configured.

use super::{Findings, codes, named};
use crate::key::ResourceKey;
use crate::mesh::Mesh;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::VirtualNodeSpec;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// Virtual nodes of a mesh.
    VirtualNodes,
    /// Virtual routers of a mesh.
    VirtualRouters,
    /// Virtual services of a mesh.
    VirtualServices,
    /// Virtual gateways of a mesh.
    VirtualGateways,
    /// Routes of a virtual router.
    Routes,
    /// Gateway routes of a virtual gateway.
    GatewayRoutes,
    /// Backends of a virtual node.
    Backends,
}

/// Limits on how many; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas(BTreeMap<Quota, usize>);

// === impl Quota ===

impl Quota {
    pub const ALL: [Self; 7] = [
        Self::VirtualNodes,
        Self::VirtualRouters,
        Self::VirtualServices,
        Self::VirtualGateways,
        Self::Routes,
        Self::GatewayRoutes,
        Self::Backends,
    ];

    /// What it is called where it is configured: `virtual_nodes`.
    pub fn name(self) -> &'static str {
        match self {
            Self::VirtualNodes => "virtual_nodes",
            Self::VirtualRouters => "virtual_routers",
            Self::VirtualServices => "virtual_services",
            Self::VirtualGateways => "virtual_gateways",
            Self::Routes => "routes",
            Self::GatewayRoutes => "gateway_routes",
            Self::Backends => "backends",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quota| quota.name() == name)
    }

    /// As a message counts it: `virtual nodes`.
    pub fn words(self) -> String {
        self.name().replace('_', " ")
    }

    /// Of what it is counted.
    pub fn scope(self) -> &'static str {
        match self {
            Self::VirtualNodes | Self::VirtualRouters | Self::VirtualServices | Self::VirtualGateways => {
                "mesh"
            }
            Self::Routes => "virtual router",
            Self::GatewayRoutes => "virtual gateway",
            Self::Backends => "virtual node",
        }
    }

    /// What App Mesh allowed unless it was asked for more.
    pub fn app_mesh(self) -> usize {
        match self {
            Self::VirtualNodes | Self::VirtualRouters | Self::VirtualServices => 200,
            Self::VirtualGateways => 3,
            Self::Routes | Self::Backends => 50,
            Self::GatewayRoutes => 10,
        }
    }
}

// === impl Quotas ===

impl Quotas {
    /// The name of App Mesh's own limits where quotas are configured.
    pub const PRESET: &'static str = "aws";

    /// What App Mesh allowed unless it was asked for more.
    pub fn app_mesh() -> Self {
        Quota::ALL
            .into_iter()
            .map(|quota| (quota, quota.app_mesh()))
            .collect()
    }

    /// A set of limits by the name that it has where quotas are configured: `aws`.
    pub fn preset(name: &str) -> Option<Self> {
        (name == Self::PRESET).then(Self::app_mesh)
    }

    /// The limit, where there is one.
    pub fn get(&self, quota: Quota) -> Option<usize> {
        self.0.get(&quota).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Quota, usize)> {
        self.0.iter().map(|(quota, limit)| (*quota, *limit))
    }
}

impl FromIterator<(Quota, usize)> for Quotas {
    fn from_iter<I: IntoIterator<Item = (Quota, usize)>>(limits: I) -> Self {
        Self(limits.into_iter().collect())
    }
}

/// How many there are in the whole mesh.
pub(super) fn mesh(mesh: &Mesh, quotas: &Quotas, report: &mut Findings) {
    let sizes = mesh.sizes();
    for (quota, count) in [
        (Quota::VirtualNodes, sizes.virtual_nodes),
        (Quota::VirtualRouters, sizes.virtual_routers),
        (Quota::VirtualServices, sizes.virtual_services),
        (Quota::VirtualGateways, sizes.virtual_gateways),
    ] {
        quotas.judge(quota, count, (&mesh.key(), Pointer::root()), report);
    }
}

pub(super) fn router(mesh: &Mesh, key: &ResourceKey, quotas: &Quotas, report: &mut Findings) {
    let count = mesh.routes_of(&key.name).len();
    quotas.judge(Quota::Routes, count, (key, Pointer::root()), report);
}

pub(super) fn gateway(mesh: &Mesh, key: &ResourceKey, quotas: &Quotas, report: &mut Findings) {
    let count = mesh.gateway_routes_of(&key.name).len();
    quotas.judge(Quota::GatewayRoutes, count, (key, Pointer::root()), report);
}

pub(super) fn node(node: &Resource<VirtualNodeSpec>, quotas: &Quotas, report: &mut Findings) {
    let count = node.spec.backends.len();
    let at = (&node.key, VirtualNodeSpec::path().backends().into());
    quotas.judge(Quota::Backends, count, at, report);
}

impl Quotas {
    fn judge(&self, quota: Quota, count: usize, at: (&ResourceKey, Pointer), report: &mut Findings) {
        if let Some(limit) = self.get(quota).filter(|limit| count > *limit) {
            let words = quota.words();
            let words = if count == 1 {
                words.trim_end_matches('s')
            } else {
                &words
            };
            let whose = named(at.0);
            report.error(
                codes::QUOTA,
                at,
                format!(
                    "{} has {count} {words}, and the quota `{}` is {limit}",
                    whose,
                    quota.name()
                ),
                "raise the quota where it is configured, or split the mesh",
            );
        }
    }
}

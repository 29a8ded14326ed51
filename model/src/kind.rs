//! The kinds of resource.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of resource: App Mesh's seven, and the proxy profile, which is ours.
///
/// What a kind looks like stands in `schemas/`, also its names in other dialects; this type only tells the
/// kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The boundary within which resources see each other.
    Mesh,
    /// A name that applications call.
    VirtualService,
    /// A workload: how it listens, what it calls, where it is found.
    VirtualNode,
    /// Distributes what a virtual service gets over routes.
    VirtualRouter,
    /// A rule of a virtual router.
    Route,
    /// An Envoy that stands alone and lets traffic into the mesh.
    VirtualGateway,
    /// A rule of a virtual gateway.
    GatewayRoute,
    /// How the Envoy beside a node or at a gateway is run: what App Mesh knew from its image and its agent.
    ProxyProfile,
}

impl Kind {
    /// Every kind, parents before children.
    pub const ALL: [Kind; 8] = [
        Kind::Mesh,
        Kind::ProxyProfile,
        Kind::VirtualNode,
        Kind::VirtualRouter,
        Kind::Route,
        Kind::VirtualService,
        Kind::VirtualGateway,
        Kind::GatewayRoute,
    ];

    /// The API's name of the kind: `virtualNode`. Also the segment of an ARN.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Mesh => "mesh",
            Kind::VirtualService => "virtualService",
            Kind::VirtualNode => "virtualNode",
            Kind::VirtualRouter => "virtualRouter",
            Kind::Route => "route",
            Kind::VirtualGateway => "virtualGateway",
            Kind::GatewayRoute => "gatewayRoute",
            Kind::ProxyProfile => "proxyProfile",
        }
    }

    /// The kind of that API name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind as words in a sentence: `virtual node`.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Mesh => "mesh",
            Kind::VirtualService => "virtual service",
            Kind::VirtualNode => "virtual node",
            Kind::VirtualRouter => "virtual router",
            Kind::Route => "route",
            Kind::VirtualGateway => "virtual gateway",
            Kind::GatewayRoute => "gateway route",
            Kind::ProxyProfile => "proxy profile",
        }
    }

    /// The kind between the mesh and this one, for kinds that live inside another.
    pub fn parent(self) -> Option<Kind> {
        match self {
            Kind::Route => Some(Kind::VirtualRouter),
            Kind::GatewayRoute => Some(Kind::VirtualGateway),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

//! What a resource says beside its spec: settings that App Mesh never had.

use super::{Duration, read_part, write};
use crate::diag::Diagnostic;
use crate::kind::Kind;
use serde::{Deserialize, Serialize};

/// The extensions of a resource of any kind that has some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extensions {
    /// Of a mesh.
    Mesh(MeshExtensions),
    /// Of a virtual node.
    VirtualNode(VirtualNodeExtensions),
    /// Of a route.
    Route(RouteExtensions),
    /// Of a virtual gateway.
    VirtualGateway(VirtualGatewayExtensions),
}

/// Of a mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeshExtensions {
    /// What every node may call although the mesh drops what it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<AllowedEgress>,
    /// When proxies get what was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_policy: Option<ReleasePolicy>,
}

/// When proxies get what was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReleasePolicy {
    /// As soon as the mesh is valid.
    #[default]
    Auto,
    /// When somebody says so.
    Manual,
}

/// Of a virtual node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualNodeExtensions {
    /// What this node may call although the mesh drops what it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<AllowedEgress>,
    /// How callers choose among the node's instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancing: Option<LoadBalancing>,
    /// More about single listeners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerExtensions>,
}

/// Of a virtual gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualGatewayExtensions {
    /// More about single listeners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerExtensions>,
}

/// Of a route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteExtensions {
    /// A pause before each retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_back_off: Option<RetryBackOff>,
}

/// TLS server names that may leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedEgress {
    /// Names, some with `*.` at their beginning.
    pub server_names: Vec<String>,
}

/// How one of several instances is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LoadBalancing {
    /// One after another.
    #[default]
    RoundRobin,
    /// The one with fewer requests of two.
    LeastRequest,
    /// Any.
    Random,
}

/// What is said of one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerExtensions {
    /// Which one.
    pub port: u16,
    /// Limits on headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ListenerLimits>,
}

/// Limits on headers. A gateway's listener has those of requests alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerLimits {
    /// The size of a request's headers, in KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_request_headers_kb: Option<u32>,
    /// The number of a request's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_request_headers_count: Option<u32>,
    /// The size of a response's headers, in KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_response_headers_kb: Option<u32>,
    /// The number of a response's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_response_headers_count: Option<u32>,
}

/// A pause before each retry: random, up to a limit that doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryBackOff {
    /// The longest first pause.
    pub base_interval: Duration,
    /// The longest pause at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval: Option<Duration>,
}

/// Without a `maxInterval`, so many times the `baseInterval`.
const LONGEST: u64 = 10;

// === impl Extensions ===

impl Extensions {
    /// Reads the canonical form, the object under `extensions`. Null is none.
    ///
    /// As with [`Spec`](super::Spec), field-level validation comes first and says more.
    pub fn from_json(kind: Kind, json: &serde_json::Value) -> Result<Option<Self>, Diagnostic> {
        if json.is_null() {
            return Ok(None);
        }
        Ok(Some(match kind {
            Kind::Mesh => Self::Mesh(read_part(kind, "extensions", json)?),
            Kind::VirtualNode => Self::VirtualNode(read_part(kind, "extensions", json)?),
            Kind::Route => Self::Route(read_part(kind, "extensions", json)?),
            Kind::VirtualGateway => Self::VirtualGateway(read_part(kind, "extensions", json)?),
            Kind::ProxyProfile | Kind::VirtualRouter | Kind::VirtualService | Kind::GatewayRoute => {
                let _: Nothing = read_part(kind, "extensions", json)?;
                return Ok(None);
            }
        }))
    }

    /// The canonical form, as [`from_json`](Self::from_json) reads it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Mesh(extensions) => write(extensions),
            Self::VirtualNode(extensions) => write(extensions),
            Self::Route(extensions) => write(extensions),
            Self::VirtualGateway(extensions) => write(extensions),
        }
    }

    /// A mesh's.
    pub fn mesh(&self) -> Option<&MeshExtensions> {
        match self {
            Self::Mesh(extensions) => Some(extensions),
            _ => None,
        }
    }

    /// A virtual node's.
    pub fn virtual_node(&self) -> Option<&VirtualNodeExtensions> {
        match self {
            Self::VirtualNode(extensions) => Some(extensions),
            _ => None,
        }
    }

    /// A route's.
    pub fn route(&self) -> Option<&RouteExtensions> {
        match self {
            Self::Route(extensions) => Some(extensions),
            _ => None,
        }
    }

    /// What is said of single listeners, of a node or a gateway.
    pub fn listeners(&self) -> &[ListenerExtensions] {
        match self {
            Self::VirtualNode(extensions) => &extensions.listeners,
            Self::VirtualGateway(extensions) => &extensions.listeners,
            Self::Mesh(_) | Self::Route(_) => &[],
        }
    }
}

/// What a kind without extensions may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

// === impl ReleasePolicy ===

impl ReleasePolicy {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::Manual => "MANUAL",
        }
    }
}

// === impl RetryBackOff ===

impl RetryBackOff {
    /// The longest pause at all, in milliseconds.
    pub fn max_millis(&self) -> u64 {
        self.max_interval.map_or_else(
            || self.base_interval.as_millis().saturating_mul(LONGEST),
            Duration::as_millis,
        )
    }
}

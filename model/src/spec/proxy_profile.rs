//! The spec of a proxy profile: how the Envoy beside a node or at a gateway is run.
//!
//! App Mesh knew this from its image and its agent; here it is a resource of its own. Every field is optional:
//! a node's profile lies over the mesh's default one, field by field (see [`ProxyProfileSpec::over`]), and what
//! neither says has the default that the methods of [`ProxyProfileSpec`] give.

mod edge;
mod interception;
mod telemetry;

pub use edge::{Edge, EscapedSlashes, ProxyProtocol, Underscores};
pub use interception::{
    AppPort, AppPorts, ExplicitInterception, ExplicitService, Interception, TransparentInterception,
};
pub use telemetry::{
    DatadogTracing, DogStatsD, Metrics, OpenTelemetryTracing, Tracing, XrayTracing, ZipkinTracing,
};

use super::{Duration, Logging};
use crate::key::ResourceKey;
use crate::kind::Kind;
use serde::{Deserialize, Serialize};

/// How the Envoy beside a node or at a gateway is run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyProfileSpec {
    /// The node that it is for. Neither a node nor a gateway: the default of the whole mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_node: Option<String>,
    /// The gateway that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_gateway: Option<String>,
    /// Which Envoys must be able to read the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envoy_version: Option<EnvoyVersionRange>,
    /// Envoy's container image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How much Envoy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// Worker threads; absent: one per core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// How the application's traffic gets into Envoy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interception: Option<Interception>,
    /// Where the application listens, without interception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<AppPorts>,
    /// The directory on the proxy that holds its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Envoy's administration interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<Admin>,
    /// How connections end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Drain>,
    /// How long Envoy waits for its first configuration of each kind; zero: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_fetch_timeout: Option<Duration>,
    /// Where traces go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Tracing>,
    /// Where statistics go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// Access logs of nodes and gateways that say nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// What stands behind the certificates that resources name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
    /// The Unix socket of the secret discovery service on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sds_socket_path: Option<String>,
    /// Where nodes are found, in place of what their discovery says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<StaticEndpoints>,
    /// TLS server names to which traffic may leave although the mesh drops what it does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress_sni_allowed: Vec<String>,
    /// Where Envoy gets its configuration from, in place of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlane>,
    /// Limits on what callers may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// How a gateway meets clients from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<Edge>,
}

/// A range of Envoy versions, both ends within it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvoyVersionRange {
    /// The oldest, such as `1.34`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The newest, such as `1.40`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

/// How much Envoy says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Envoy's own words")]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warning,
    Error,
    Critical,
    Off,
}

/// Envoy's administration interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Admin {
    /// Where it listens. Absent: 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// On which port. Absent: 9901.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Where requests to it are written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log_path: Option<String>,
}

/// How connections end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drain {
    /// How long old listeners go on serving. Absent: 20 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Duration>,
}

/// What stands behind a certificate that resources name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// What resources call it: the ARN of a certificate or of an authority, or a name.
    pub reference: String,
    /// Where it is.
    pub source: CertificateSource,
}

/// Where a certificate is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateSource {
    /// In files beside the proxy.
    File(CertificateFiles),
    /// In a secret discovery service on the host.
    Sds(SdsSecret),
}

/// Files beside the proxy, in PEM form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateFiles {
    /// The path of the certificate chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_chain: Option<String>,
    /// The path of the private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
    /// The path of trusted certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_chain: Option<String>,
}

/// A secret of a secret discovery service.
pub type SdsSecret = super::SdsReference;

/// Where a node is found, in place of what its discovery says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StaticEndpoints {
    /// The node's name.
    pub virtual_node: String,
    /// Its instances; none: it has none, whatever its discovery says.
    pub addresses: Vec<EndpointAddress>,
}

/// An instance of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointAddress {
    /// Its IP address.
    pub address: String,
    /// Its port; absent: the listener's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its share among the instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    /// The zone it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Where Envoy gets its configuration from, in place of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlPlane {
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Encryption, both sides with a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ControlPlaneTls>,
}

/// Certificates between Envoy and its control plane.
pub type ControlPlaneTls = CertificateFiles;

/// Limits on what callers may send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// All headers of a request, in KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_request_headers_kb: Option<u32>,
    /// How many headers a request may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_request_headers_count: Option<u64>,
    /// How many connections Envoy takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_downstream_connections: Option<u64>,
}

/// The image when no profile names one.
pub const DEFAULT_IMAGE: &str = "envoyproxy/envoy:v1.40.0";
/// The oldest Envoy when no profile names one: the last that App Mesh shipped.
pub const DEFAULT_MIN_ENVOY: &str = "1.34";
/// The newest Envoy when no profile names one.
pub const DEFAULT_MAX_ENVOY: &str = "1.40";

// === impl ProxyProfileSpec ===

impl ProxyProfileSpec {
    /// This profile over the mesh's default one: a field that this one has wins, whole; of `certificates` and
    /// `endpoints` each entry stands alone, so a node's add to the mesh's and replace those of the same name.
    #[must_use]
    pub fn over(self, default: &Self) -> Self {
        macro_rules! either {
            ($($field:ident)*) => {
                Self {
                    virtual_node: self.virtual_node,
                    virtual_gateway: self.virtual_gateway,
                    certificates: merged(self.certificates, &default.certificates, |c| &c.reference),
                    endpoints: merged(self.endpoints, &default.endpoints, |e| &e.virtual_node),
                    egress_sni_allowed: if self.egress_sni_allowed.is_empty() {
                        default.egress_sni_allowed.clone()
                    } else {
                        self.egress_sni_allowed
                    },
                    $($field: self.$field.or_else(|| default.$field.clone()),)*
                }
            };
        }
        either!(envoy_version image log_level concurrency interception inbound directory admin drain
            initial_fetch_timeout tracing metrics logging sds_socket_path control_plane limits edge)
    }

    /// The node or gateway of `mesh` that it is for; `None`: it is the mesh's default.
    pub fn subject(&self, mesh: &str) -> Option<ResourceKey> {
        let node = self.virtual_node.as_ref().map(|name| (Kind::VirtualNode, name));
        let gateway = self
            .virtual_gateway
            .as_ref()
            .map(|name| (Kind::VirtualGateway, name));
        node.or(gateway)
            .map(|(kind, name)| ResourceKey::in_mesh(mesh, kind, name))
    }

    /// Envoy's container image.
    pub fn image(&self) -> &str {
        self.image.as_deref().unwrap_or(DEFAULT_IMAGE)
    }

    /// The oldest Envoy that must be able to read the configuration.
    pub fn min_envoy(&self) -> &str {
        let version = self.envoy_version.as_ref().and_then(|range| range.min.as_deref());
        version.unwrap_or(DEFAULT_MIN_ENVOY)
    }

    /// The newest Envoy that must be able to read the configuration.
    pub fn max_envoy(&self) -> &str {
        let version = self.envoy_version.as_ref().and_then(|range| range.max.as_deref());
        version.unwrap_or(DEFAULT_MAX_ENVOY)
    }

    /// How much Envoy says.
    pub fn log_level(&self) -> LogLevel {
        self.log_level.unwrap_or_default()
    }

    /// How the application's traffic gets into Envoy: by redirection, as App Mesh did, unless said otherwise.
    pub fn interception(&self) -> Interception {
        let default = || Interception::Transparent(TransparentInterception::default());
        self.interception.clone().unwrap_or_else(default)
    }

    /// Where the administration interface listens.
    pub fn admin(&self) -> (&str, u16) {
        let admin = self.admin.as_ref();
        (
            admin.and_then(|a| a.address.as_deref()).unwrap_or("127.0.0.1"),
            admin.and_then(|a| a.port).unwrap_or(9901),
        )
    }

    /// How long old listeners go on serving.
    pub fn drain_time(&self) -> Duration {
        let time = self.drain.as_ref().and_then(|drain| drain.time);
        time.unwrap_or(Duration::seconds(20))
    }

    /// How long Envoy waits for its first configuration of each kind.
    pub fn initial_fetch_timeout(&self) -> Duration {
        self.initial_fetch_timeout.unwrap_or(Duration::seconds(0))
    }

    /// Where the application listens behind a listener, without interception: its address and port.
    pub fn app(&self, listener_port: u16) -> (&str, u16) {
        let ports = self.inbound.iter().flat_map(|inbound| &inbound.app_ports);
        ports
            .into_iter()
            .find(|port| port.listener_port == listener_port)
            .map_or(("127.0.0.1", listener_port), |port| {
                (port.app_address.as_deref().unwrap_or("127.0.0.1"), port.app_port)
            })
    }

    /// What stands behind a certificate that a resource names.
    pub fn certificate(&self, reference: &str) -> Option<&CertificateSource> {
        self.certificates
            .iter()
            .find(|certificate| certificate.reference == reference)
            .map(|certificate| &certificate.source)
    }
}

impl LogLevel {
    /// Envoy's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Off => "off",
        }
    }
}

/// `own`, then those of `default` whose key `own` does not have.
fn merged<T: Clone>(mut own: Vec<T>, default: &[T], key: impl Fn(&T) -> &String) -> Vec<T> {
    let names: std::collections::BTreeSet<String> = own.iter().map(|entry| key(entry).clone()).collect();
    own.extend(
        default
            .iter()
            .filter(|entry| !names.contains(key(entry)))
            .cloned(),
    );
    own
}

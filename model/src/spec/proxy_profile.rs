//! The spec of a proxy profile: how the Envoy beside a node or at a gateway is run.
//!
//! App Mesh knew this from its image and its agent; here it is a resource of its own. Every field is optional:
//! a node's profile lies over the mesh's default one, field by field (see [`ProxyProfileSpec::over`]), and what
//! neither says has the default that the methods of [`ProxyProfileSpec`] give.

use super::{
    Admin, AppPort, CertificateSource, Drain, Duration, EnvoyVersionRange, ExplicitInterception,
    Interception, LogLevel, ProxyProfileSpec, TransparentInterception,
};
use crate::key::ResourceKey;
use crate::kind::Kind;
use std::net::IpAddr;

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

    /// Envoy's container image: the profile's, else [`DEFAULT_IMAGE`](Self::DEFAULT_IMAGE).
    pub fn image(&self) -> &str {
        self.image.as_deref().unwrap_or(Self::DEFAULT_IMAGE)
    }

    /// The oldest Envoy that must be able to read the configuration.
    pub fn min_envoy(&self) -> &str {
        let version = self.envoy_version.as_ref().and_then(|range| range.min.as_deref());
        version.unwrap_or(EnvoyVersionRange::DEFAULT_MIN)
    }

    /// The newest Envoy that must be able to read the configuration.
    pub fn max_envoy(&self) -> &str {
        let version = self.envoy_version.as_ref().and_then(|range| range.max.as_deref());
        version.unwrap_or(EnvoyVersionRange::DEFAULT_MAX)
    }

    /// The level of Envoy's own log.
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
            admin
                .and_then(|a| a.address.as_deref())
                .unwrap_or(Admin::DEFAULT_ADDRESS),
            admin.and_then(|a| a.port).unwrap_or(Admin::DEFAULT_PORT),
        )
    }

    /// How long old listeners go on serving.
    pub fn drain_time(&self) -> Duration {
        let time = self.drain.as_ref().and_then(|drain| drain.time);
        time.unwrap_or(Drain::DEFAULT_TIME)
    }

    /// How long Envoy waits for its first configuration of each kind.
    pub fn initial_fetch_timeout(&self) -> Duration {
        self.initial_fetch_timeout
            .unwrap_or(Self::DEFAULT_INITIAL_FETCH_TIMEOUT)
    }

    /// Where the application listens behind a listener, without interception: its address and port.
    pub fn app(&self, listener_port: u16) -> (&str, u16) {
        let ports = self.inbound.iter().flat_map(|inbound| &inbound.app_ports);
        ports
            .into_iter()
            .find(|port| port.listener_port == listener_port)
            .map_or((AppPort::DEFAULT_APP_ADDRESS, listener_port), |port| {
                let address = port.app_address.as_deref();
                (address.unwrap_or(AppPort::DEFAULT_APP_ADDRESS), port.app_port)
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

// === impl ExplicitInterception ===

impl ExplicitInterception {
    /// Where Envoy listens for the application.
    pub fn listener(&self) -> (&str, u16) {
        (
            self.address.as_deref().unwrap_or(Self::DEFAULT_ADDRESS),
            self.port.unwrap_or(Self::DEFAULT_PORT),
        )
    }
}

// === impl TransparentInterception ===

impl TransparentInterception {
    /// Where redirected traffic to the application arrives.
    pub fn ingress_port(&self) -> u16 {
        self.ingress_port.unwrap_or(Self::DEFAULT_INGRESS_PORT)
    }

    /// Where redirected traffic from the application arrives.
    pub fn egress_port(&self) -> u16 {
        self.egress_port.unwrap_or(Self::DEFAULT_EGRESS_PORT)
    }

    /// The user id that Envoy runs as, whose traffic iptables does not redirect.
    pub fn user(&self) -> u64 {
        self.user.unwrap_or(Self::DEFAULT_USER)
    }

    /// Whether iptables can ignore connections to it: an address, or a block of addresses.
    pub fn can_ignore(address: &str) -> bool {
        let (address, length) = match address.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (address, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return false;
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
    }
}

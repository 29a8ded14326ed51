//! How parts of a configuration reach the proxy: inside the same file, as files beside it, or from a control plane.

use meshform_envoy_api::envoy::config::core::v3 as core;
use std::time::Duration;

/// How parts of a configuration reach the proxy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Delivery {
    /// All in one file; a change needs a restart.
    Inline,
    /// Files below `<directory>/current`, a link that is swapped; Envoy watches the directory.
    Files {
        /// The proxy's directory.
        directory: String,
    },
    /// From a control plane, over one stream.
    Ads,
}

/// Which resource of its own a subscription asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// All listeners.
    Listeners,
    /// All clusters.
    Clusters,
    /// One route table.
    Routes(&'a str),
    /// The endpoints of one cluster.
    Endpoints(&'a str),
    /// One secret.
    Secret(&'a str),
}

impl Part<'_> {
    /// The file within a release.
    pub(crate) fn file(self) -> String {
        let named = |folder: &str, name: &str| format!("{folder}/{}.json", crate::files::file_name(name));
        match self {
            Part::Listeners => "lds.json".to_owned(),
            Part::Clusters => "cds.json".to_owned(),
            Part::Routes(name) => named("rds", name),
            Part::Endpoints(name) => named("eds", name),
            Part::Secret(name) => named("sds", name),
        }
    }
}

impl Delivery {
    /// Where Envoy asks for a part; nothing when it is inline.
    pub(crate) fn source(&self, part: Part<'_>) -> Option<core::ConfigSource> {
        use core::config_source::ConfigSourceSpecifier as From;
        let from = match self {
            Delivery::Inline => return None,
            Delivery::Files { directory } => From::PathConfigSource(core::PathConfigSource {
                path: format!("{directory}/current/{}", part.file()),
                watched_directory: Some(core::WatchedDirectory {
                    path: directory.clone(),
                }),
            }),
            Delivery::Ads => From::Ads(core::AggregatedConfigSource {}),
        };
        Some(core::ConfigSource {
            initial_fetch_timeout: None,
            resource_api_version: core::ApiVersion::V3 as i32,
            config_source_specifier: Some(from),
        })
    }
}

/// A duration as Envoy's fields want it.
pub(crate) fn duration(d: Duration) -> meshform_envoy_api::prost_types::Duration {
    meshform_envoy_api::millis(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// A TCP address.
pub(crate) fn socket(address: &str, port: u16, ipv4_compat: bool) -> core::Address {
    core::Address {
        address: Some(core::address::Address::SocketAddress(core::SocketAddress {
            protocol: core::socket_address::Protocol::Tcp as i32,
            address: address.to_owned(),
            ipv4_compat,
            port_specifier: Some(core::socket_address::PortSpecifier::PortValue(u32::from(port))),
        })),
    }
}

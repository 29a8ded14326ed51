//! How parts of a configuration reach the proxy: inside the same file, as files beside it, or from a control plane.

use crate::layout;
use crate::resources::ResourceType;
use meshform_envoy_api::envoy::config::core::v3 as core;
use std::time::Duration;

/// How parts of a configuration reach the proxy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Delivery {
    /// All in one file; a change needs a restart.
    Inline,
    /// Files below `<directory>/current`, a link that is swapped; Envoy watches the directory.
    Files { directory: String },
    /// From a control plane, over one stream.
    Ads {
        /// The file with the proxy's token, where the control plane wants one.
        token_file: Option<String>,
    },
}

impl Delivery {
    /// Where Envoy asks for a resource; nothing when it is inline. Listeners and clusters are asked for all at once, so
    /// their name does not matter.
    pub(crate) fn source(&self, kind: ResourceType, name: &str) -> Option<core::ConfigSource> {
        use core::config_source::ConfigSourceSpecifier as From;
        let from = match self {
            Delivery::Inline => return None,
            Delivery::Files { directory } => From::PathConfigSource(core::PathConfigSource {
                path: layout::followed(directory, kind, name),
                watched_directory: Some(core::WatchedDirectory {
                    path: directory.clone(),
                }),
            }),
            Delivery::Ads { .. } => From::Ads(core::AggregatedConfigSource {}),
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

/// A TCP address as Envoy writes it. With `ipv4_compat` a socket of IPv6 takes IPv4 too.
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

//! Clusters: discovery, pool, health, protocol, TLS.

use super::delivery::{Delivery, duration, socket};
use super::{endpoint, tls};
use crate::ir::cluster::{
    Balancing, Cluster, Discovery, Endpoint, Family, HealthCheck, Outlier, Pool, Probe, Protocol,
};
use crate::resources::ResourceType;
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::cluster::v3 as api;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::extensions::upstreams::http::v3 as http;
use meshform_envoy_api::envoy::r#type::v3::CodecClientType;
use std::time::Duration;

/// What App Mesh set where nobody set a limit.
const UNLIMITED: u32 = 2_147_483_647;

/// Under this name Envoy looks for a cluster's HTTP options.
pub(crate) const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Whether the message is the same for every way of delivery, and so can be rendered once.
pub(crate) fn is_portable(cluster: &Cluster) -> bool {
    let is_told = matches!(
        cluster.discovery,
        Discovery::Endpoints(_) | Discovery::CloudMap(_)
    );
    cluster.tls.is_none() && !is_told
}

pub(crate) fn message(cluster: &Cluster, delivery: &Delivery) -> api::Cluster {
    use api::cluster::{ClusterDiscoveryType, DiscoveryType, DnsLookupFamily, LbPolicy};
    let mut out = api::Cluster {
        name: cluster.name.clone(),
        connect_timeout: Some(duration(cluster.connect_timeout.value)),
        circuit_breakers: Some(breakers(&cluster.pool)),
        health_checks: cluster.health_check.iter().map(health_check).collect(),
        outlier_detection: cluster
            .outlier
            .as_ref()
            .map(|found| outlier(found, cluster.health_check.is_some())),
        transport_socket: cluster.tls.as_ref().map(|tls| tls::client(tls, delivery)),
        lb_policy: match cluster.balancing.as_ref().map(|balancing| balancing.value) {
            None | Some(Balancing::RoundRobin) => LbPolicy::RoundRobin,
            Some(Balancing::LeastRequest) => LbPolicy::LeastRequest,
            Some(Balancing::Random) => LbPolicy::Random,
        } as i32,
        ..Default::default()
    };
    if let Some(options) = http_options(cluster) {
        out.typed_extension_protocol_options
            .insert(HTTP_OPTIONS.to_owned(), any(&options));
    }
    let kind = match &cluster.discovery {
        Discovery::Loopback { address, port } => {
            out.load_assignment = Some(endpoint::single(&cluster.name, socket(address, *port, false)));
            DiscoveryType::Static
        }
        Discovery::Socket { path } => {
            let address = core::address::Address::Pipe(core::Pipe {
                path: path.clone(),
                mode: 0,
            });
            let address = core::Address {
                address: Some(address),
            };
            out.load_assignment = Some(endpoint::single(&cluster.name, address));
            DiscoveryType::Static
        }
        Discovery::Dns {
            hostname,
            port,
            every_address,
            family,
        } => {
            out.load_assignment = Some(endpoint::single(&cluster.name, socket(hostname, *port, false)));
            out.dns_lookup_family = match family.value {
                Family::Auto => DnsLookupFamily::Auto,
                Family::V4Preferred => DnsLookupFamily::V4Preferred,
                Family::V4Only => DnsLookupFamily::V4Only,
                Family::V6Only => DnsLookupFamily::V6Only,
            } as i32;
            if every_address.value {
                // A name that no longer has the address takes it away, whatever health checks say.
                out.ignore_health_on_host_removal = cluster.health_check.is_some();
                DiscoveryType::StrictDns
            } else {
                DiscoveryType::LogicalDns
            }
        }
        Discovery::Endpoints(hosts) => told(&mut out, &cluster.name, hosts, delivery),
        Discovery::CloudMap(cloud_map) => told(&mut out, &cloud_map.assignment, &[], delivery),
        Discovery::OriginalDestination => {
            out.lb_policy = LbPolicy::ClusterProvided as i32;
            DiscoveryType::OriginalDst
        }
    };
    out.cluster_discovery_type = Some(ClusterDiscoveryType::Type(kind as i32));
    out
}

/// Hosts that are told from outside: as EDS of their own, or in the cluster where everything is in one file.
fn told(
    out: &mut api::Cluster,
    assignment: &str,
    hosts: &[Endpoint],
    delivery: &Delivery,
) -> api::cluster::DiscoveryType {
    let Some(source) = delivery.source(ResourceType::Endpoints, assignment) else {
        out.load_assignment = Some(endpoint::assignment(&out.name, hosts));
        return api::cluster::DiscoveryType::Static;
    };
    let own_name = assignment != out.name;
    out.eds_cluster_config = Some(api::cluster::EdsClusterConfig {
        eds_config: Some(source),
        service_name: if own_name {
            assignment.to_owned()
        } else {
            String::new()
        },
    });
    // Without this a host that was taken away serves until its health checks fail.
    out.ignore_health_on_host_removal = true;
    api::cluster::DiscoveryType::Eds
}

/// A pool's limits; what nobody limits is unlimited, as App Mesh set it.
fn breakers(pool: &Pool) -> api::CircuitBreakers {
    let or_unlimited =
        |limit: &Option<crate::ir::Sourced<u32>>| Some(limit.as_ref().map_or(UNLIMITED, |limit| limit.value));
    api::CircuitBreakers {
        thresholds: vec![api::circuit_breakers::Thresholds {
            max_connections: or_unlimited(&pool.connections),
            max_pending_requests: or_unlimited(&pool.pending),
            max_requests: or_unlimited(&pool.requests),
            max_retries: Some(UNLIMITED),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Only server errors in a row put a host out; at least one host always may be.
fn outlier(outlier: &Outlier, beside_checks: bool) -> api::OutlierDetection {
    api::OutlierDetection {
        consecutive_5xx: Some(outlier.errors),
        interval: Some(duration(outlier.interval)),
        base_ejection_time: Some(duration(outlier.ejection)),
        max_ejection_percent: Some(outlier.max_percent),
        always_eject_one_host: Some(true),
        // Else the next health check that succeeds ends `baseEjectionDuration`, and a host that answers checks well and
        // requests with errors is back at once.
        successful_active_health_check_uneject_host: beside_checks.then_some(false),
        enforcing_success_rate: Some(0),
        enforcing_failure_percentage: Some(0),
        ..Default::default()
    }
}

fn health_check(check: &HealthCheck) -> core::HealthCheck {
    use core::health_check::{GrpcHealthCheck, HealthChecker, HttpHealthCheck, TcpHealthCheck};
    core::HealthCheck {
        timeout: Some(duration(check.timeout)),
        interval: Some(duration(check.interval)),
        // Else Envoy checks once a minute until a cluster has had traffic, whatever the interval.
        no_traffic_interval: Some(duration(check.interval)),
        healthy_threshold: Some(check.healthy),
        unhealthy_threshold: Some(check.unhealthy),
        alt_port: check.port.map(u32::from),
        health_checker: Some(match &check.probe {
            Probe::Http { host, path, http2 } => HealthChecker::HttpHealthCheck(HttpHealthCheck {
                host: host.clone(),
                path: path.clone(),
                codec_client_type: if *http2 {
                    CodecClientType::Http2
                } else {
                    CodecClientType::Http1
                } as i32,
                ..Default::default()
            }),
            Probe::Grpc => HealthChecker::GrpcHealthCheck(GrpcHealthCheck::default()),
            Probe::Tcp => HealthChecker::TcpHealthCheck(TcpHealthCheck::default()),
        }),
        ..Default::default()
    }
}

/// What hosts speak, and how much of it; nothing for HTTP/1.1 without limits, which is what Envoy speaks when told
/// nothing.
fn http_options(cluster: &Cluster) -> Option<http::HttpProtocolOptions> {
    use http::http_protocol_options::{
        ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig, explicit_http_config,
    };
    let limits = &cluster.response_headers;
    let limited = limits.kb.is_some() || limits.count.is_some();
    let options = match cluster.protocol {
        Protocol::Tcp => return None,
        Protocol::Http1 if !limited => return None,
        Protocol::Http1 => UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
            protocol_config: Some(explicit_http_config::ProtocolConfig::HttpProtocolOptions(
                core::Http1ProtocolOptions::default(),
            )),
        }),
        Protocol::Http2 | Protocol::Http2Watched => {
            let watched = cluster.protocol == Protocol::Http2Watched;
            let options = core::Http2ProtocolOptions {
                connection_keepalive: watched.then(keepalive),
                ..http2()
            };
            UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
                protocol_config: Some(explicit_http_config::ProtocolConfig::Http2ProtocolOptions(
                    options,
                )),
            })
        }
        Protocol::SameAsCaller => {
            UpstreamProtocolOptions::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                http_protocol_options: Some(core::Http1ProtocolOptions::default()),
                http2_protocol_options: Some(http2()),
            })
        }
    };
    Some(http::HttpProtocolOptions {
        upstream_protocol_options: Some(options),
        common_http_protocol_options: limited.then(|| core::HttpProtocolOptions {
            max_headers_count: limits.count.as_ref().map(|count| count.value),
            max_response_headers_kb: limits.kb.as_ref().map(|kb| kb.value),
            ..Default::default()
        }),
        ..Default::default()
    })
}

/// How App Mesh's agent kept its stream: a connection that died without a word would else leave the proxy without
/// news for ever.
fn keepalive() -> core::KeepaliveSettings {
    core::KeepaliveSettings {
        interval: Some(duration(Duration::from_secs(10))),
        timeout: Some(duration(Duration::from_secs(20))),
        ..Default::default()
    }
}

/// HTTP/2 that also carries WebSocket (extended CONNECT).
pub(crate) fn http2() -> core::Http2ProtocolOptions {
    core::Http2ProtocolOptions {
        allow_connect: true,
        ..Default::default()
    }
}

//! Clusters of every kind: discovery, health, limits, balancing, protocols.

use std::collections::BTreeMap;

use meshform_envoy_api::envoy::config::cluster::v3::circuit_breakers::{Thresholds, thresholds::RetryBudget};
use meshform_envoy_api::envoy::config::cluster::v3::cluster::{
    self, ClusterDiscoveryType, CommonLbConfig, CustomClusterType, EdsClusterConfig, LbConfig,
    OriginalDstLbConfig, TransportSocketMatch, common_lb_config,
};
use meshform_envoy_api::envoy::config::cluster::v3::{
    CircuitBreakers, Cluster, LoadBalancingPolicy, TrackClusterStats, UpstreamConnectionOptions,
    load_balancing_policy::Policy,
};
use meshform_envoy_api::envoy::config::core::v3::{
    Address, Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions as Common, KeepaliveSettings,
    Locality, Metadata, Pipe, TcpKeepalive, UpstreamHttpProtocolOptions, address::Address as AddressKind,
};
use meshform_envoy_api::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, cluster_load_assignment,
    endpoint::HealthCheckConfig, lb_endpoint::HostIdentifier,
};
use meshform_envoy_api::envoy::extensions::clusters::dns::v3::{DnsCluster, dns_cluster::RefreshRate};
use meshform_envoy_api::envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;
use meshform_envoy_api::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use meshform_envoy_api::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    AutoHttpConfig, ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig,
    explicit_http_config::ProtocolConfig,
};
use meshform_envoy_api::envoy::r#type::v3::Percent;
use meshform_envoy_api::prost_types::Any;
use meshform_envoy_api::{any, millis, seconds};
use serde_json::json;

use crate::balancing::{least_request, maglev, ring_hash, round_robin};
use crate::make::{address, extension, from_file, object, transport};
use crate::{health, tls};

/// All clusters that the other parts of the example name, and the ones that only show a feature.
pub(crate) fn all(directory: &str, secrets: &tls::Pem) -> Vec<Cluster> {
    vec![
        local(),
        checked(secrets),
        grpc(),
        balanced("least", &least_request()),
        balanced("ring", &ring_hash()),
        balanced("maglev", &maglev()),
        balanced("robin", &round_robin()),
        original_destination(),
        by_name(),
        discovered(directory),
        secret_service(),
    ]
}

fn fixed(name: &str) -> Cluster {
    Cluster {
        name: name.into(),
        connect_timeout: Some(millis(250)),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(0)),
        load_assignment: Some(load_assignment(name, address("127.0.0.1", 8080))),
        ..Cluster::default()
    }
}

fn load_assignment(name: &str, address: Option<Address>) -> ClusterLoadAssignment {
    let endpoint = Endpoint {
        address,
        ..Endpoint::default()
    };
    ClusterLoadAssignment {
        cluster_name: name.into(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: vec![LbEndpoint {
                host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
                ..LbEndpoint::default()
            }],
            ..LocalityLbEndpoints::default()
        }],
        policy: None,
    }
}

/// A load assignment that uses every field; also what the EDS file holds.
pub(crate) fn full_assignment(name: &str) -> ClusterLoadAssignment {
    let endpoint = Endpoint {
        address: address("127.0.0.1", 8080),
        hostname: "one.example".into(),
        health_check_config: Some(HealthCheckConfig {
            port_value: 8081,
            hostname: "one.example".into(),
            disable_active_health_check: false,
        }),
    };
    ClusterLoadAssignment {
        cluster_name: name.into(),
        endpoints: vec![LocalityLbEndpoints {
            locality: Some(Locality {
                region: "r".into(),
                zone: "a".into(),
                sub_zone: "1".into(),
            }),
            lb_endpoints: vec![LbEndpoint {
                host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
                health_status: 1,
                metadata: metadata(),
                load_balancing_weight: Some(3),
            }],
            load_balancing_weight: Some(2),
            metadata: metadata(),
            priority: 0,
        }],
        policy: Some(cluster_load_assignment::Policy {
            drop_overloads: vec![cluster_load_assignment::policy::DropOverload {
                category: "calm".into(),
                drop_percentage: Some(crate::make::share(1)),
            }],
            overprovisioning_factor: Some(140),
            endpoint_stale_after: None,
            weighted_priority_health: true,
        }),
    }
}

pub(crate) fn metadata() -> Option<Metadata> {
    Some(Metadata {
        filter_metadata: BTreeMap::from([("example".to_owned(), object(json!({"version": "2"})))]),
        typed_filter_metadata: BTreeMap::new(),
    })
}

fn http_options(options: UpstreamProtocolOptions) -> BTreeMap<String, Any> {
    let options = HttpProtocolOptions {
        common_http_protocol_options: Some(Common {
            idle_timeout: Some(seconds(300)),
            max_connection_duration: Some(seconds(3600)),
            max_connection_duration_jitter: Some(Percent { value: 10.0 }),
            max_headers_count: Some(100),
            max_requests_per_connection: Some(1000),
            ..Common::default()
        }),
        upstream_http_protocol_options: None,
        upstream_protocol_options: Some(options),
        http_filters: Vec::new(),
    };
    BTreeMap::from([(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
        any(&options),
    )])
}

fn http2() -> Http2ProtocolOptions {
    Http2ProtocolOptions {
        max_concurrent_streams: Some(100),
        initial_stream_window_size: Some(65_536),
        initial_connection_window_size: Some(1_048_576),
        allow_connect: true,
        override_stream_error_on_invalid_http_message: Some(true),
        connection_keepalive: Some(KeepaliveSettings {
            interval: Some(seconds(10)),
            timeout: Some(seconds(20)),
            interval_jitter: Some(Percent { value: 5.0 }),
            connection_idle_interval: Some(seconds(60)),
        }),
    }
}

fn local() -> Cluster {
    let limits = Thresholds {
        priority: 0,
        max_connections: Some(2_147_483_647),
        max_pending_requests: Some(2_147_483_647),
        max_requests: Some(2_147_483_647),
        max_retries: Some(3),
        track_remaining: true,
        max_connection_pools: Some(10),
        retry_budget: Some(RetryBudget {
            budget_percent: Some(Percent { value: 20.0 }),
            budget_interval: None,
            min_retry_concurrency: Some(3),
        }),
    };
    Cluster {
        alt_stat_name: "here".into(),
        per_connection_buffer_limit_bytes: Some(32_768),
        circuit_breakers: Some(CircuitBreakers {
            thresholds: vec![limits],
            per_host_thresholds: vec![Thresholds {
                max_connections: Some(10),
                ..Thresholds::default()
            }],
        }),
        load_assignment: Some(full_assignment("local")),
        typed_extension_protocol_options: http_options(UpstreamProtocolOptions::ExplicitHttpConfig(
            ExplicitHttpConfig {
                protocol_config: Some(ProtocolConfig::HttpProtocolOptions(Http1ProtocolOptions {
                    allow_absolute_url: Some(true),
                    enable_trailers: true,
                    ..Http1ProtocolOptions::default()
                })),
            },
        )),
        upstream_connection_options: Some(UpstreamConnectionOptions {
            tcp_keepalive: Some(TcpKeepalive {
                keepalive_probes: Some(3),
                keepalive_time: Some(60),
                keepalive_interval: Some(10),
            }),
        }),
        track_cluster_stats: Some(TrackClusterStats {
            timeout_budgets: true,
            request_response_sizes: true,
            per_endpoint_stats: true,
        }),
        metadata: metadata(),
        ..fixed("local")
    }
}

fn checked(secrets: &tls::Pem) -> Cluster {
    Cluster {
        health_checks: health::http_and_tcp(),
        outlier_detection: Some(health::outliers()),
        common_lb_config: Some(CommonLbConfig {
            healthy_panic_threshold: Some(Percent { value: 50.0 }),
            locality_config_specifier: Some(common_lb_config::LocalityConfigSpecifier::ZoneAwareLbConfig(
                common_lb_config::ZoneAwareLbConfig {
                    routing_enabled: Some(Percent { value: 100.0 }),
                    min_cluster_size: Some(6),
                    fail_traffic_on_panic: false,
                },
            )),
            update_merge_window: Some(seconds(1)),
            ignore_new_hosts_until_first_hc: true,
            close_connections_on_host_set_change: false,
        }),
        transport_socket: transport("envoy.transport_sockets.tls", &tls::upstream(secrets)),
        transport_socket_matches: vec![TransportSocketMatch {
            name: "plain".into(),
            r#match: Some(object(json!({"plain": true}))),
            transport_socket: transport("envoy.transport_sockets.raw_buffer", &RawBuffer {}),
        }],
        typed_extension_protocol_options: http_options(UpstreamProtocolOptions::UseDownstreamProtocolConfig(
            UseDownstreamHttpConfig::default(),
        )),
        ignore_health_on_host_removal: true,
        close_connections_on_host_health_failure: true,
        ..fixed("checked")
    }
}

fn grpc() -> Cluster {
    Cluster {
        health_checks: health::grpc(),
        typed_extension_protocol_options: http_options(UpstreamProtocolOptions::ExplicitHttpConfig(
            ExplicitHttpConfig {
                protocol_config: Some(ProtocolConfig::Http2ProtocolOptions(http2())),
            },
        )),
        common_lb_config: Some(CommonLbConfig {
            locality_config_specifier: Some(
                common_lb_config::LocalityConfigSpecifier::LocalityWeightedLbConfig(
                    common_lb_config::LocalityWeightedLbConfig {},
                ),
            ),
            ..CommonLbConfig::default()
        }),
        ..fixed("grpc")
    }
}

fn balanced<M: prost::Message + prost::Name>(name: &str, policy: &M) -> Cluster {
    let extension = extension(&format!("example.{name}"), policy);
    Cluster {
        load_balancing_policy: Some(LoadBalancingPolicy {
            policies: vec![Policy {
                typed_extension_config: Some(extension),
            }],
        }),
        ..fixed(name)
    }
}

fn original_destination() -> Cluster {
    Cluster {
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(4)),
        lb_policy: cluster::LbPolicy::ClusterProvided.into(),
        lb_config: Some(LbConfig::OriginalDstLbConfig(OriginalDstLbConfig::default())),
        cleanup_interval: Some(seconds(5)),
        load_assignment: None,
        ..fixed("anywhere")
    }
}

fn by_name() -> Cluster {
    let dns = DnsCluster {
        dns_refresh_rate: Some(seconds(5)),
        dns_failure_refresh_rate: Some(RefreshRate {
            base_interval: Some(seconds(1)),
            max_interval: Some(seconds(10)),
        }),
        respect_dns_ttl: true,
        dns_lookup_family: 4,
        all_addresses_in_single_endpoint: true,
        ..DnsCluster::default()
    };
    Cluster {
        cluster_discovery_type: Some(ClusterDiscoveryType::ClusterType(CustomClusterType {
            name: "envoy.clusters.dns".into(),
            typed_config: Some(any(&dns)),
        })),
        load_assignment: Some(load_assignment("named", address("one.example", 80))),
        typed_extension_protocol_options: http_options(UpstreamProtocolOptions::AutoConfig(AutoHttpConfig {
            http_protocol_options: None,
            http2_protocol_options: Some(http2()),
        })),
        transport_socket: transport("envoy.transport_sockets.tls", &tls::system_trust()),
        ..fixed("named")
    }
}

pub(crate) fn discovered(directory: &str) -> Cluster {
    Cluster {
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(3)),
        eds_cluster_config: Some(EdsClusterConfig {
            eds_config: from_file(&format!("{directory}/eds.json")),
            service_name: "discovered".into(),
        }),
        load_assignment: None,
        ..fixed("discovered")
    }
}

/// A service behind a Unix socket that speaks HTTP/2 and names itself in the request.
fn secret_service() -> Cluster {
    let pipe = Address {
        address: Some(AddressKind::Pipe(Pipe {
            path: "/run/secrets.sock".into(),
            mode: 0,
        })),
    };
    let options = HttpProtocolOptions {
        upstream_http_protocol_options: Some(UpstreamHttpProtocolOptions::default()),
        upstream_protocol_options: Some(UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
            protocol_config: Some(ProtocolConfig::Http2ProtocolOptions(
                Http2ProtocolOptions::default(),
            )),
        })),
        ..HttpProtocolOptions::default()
    };
    Cluster {
        load_assignment: Some(load_assignment("secrets", Some(pipe))),
        typed_extension_protocol_options: BTreeMap::from([(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
            any(&options),
        )]),
        ..fixed("secrets")
    }
}

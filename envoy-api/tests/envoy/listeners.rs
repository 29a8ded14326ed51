//! Listeners: intercepted ones, one with TLS, one for TCP.

use meshform_envoy_api::envoy::config::core::v3::{BackoffStrategy, CidrRange};
use meshform_envoy_api::envoy::config::listener::v3::listener::{
    ConnectionBalanceConfig,
    connection_balance_config::{BalanceType, ExactBalance},
};
use meshform_envoy_api::envoy::config::listener::v3::listener_filter_chain_match_predicate::{
    MatchSet, Rule,
};
use meshform_envoy_api::envoy::config::listener::v3::{
    AdditionalAddress, Filter, FilterChain, FilterChainMatch, Listener, ListenerFilter,
    ListenerFilterChainMatchPredicate, filter, listener_filter,
};
use meshform_envoy_api::envoy::extensions::filters::listener::original_dst::v3::OriginalDst;
use meshform_envoy_api::envoy::extensions::filters::listener::proxy_protocol::v3::ProxyProtocol;
use meshform_envoy_api::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use meshform_envoy_api::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use meshform_envoy_api::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::weighted_cluster::ClusterWeight;
use meshform_envoy_api::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::{
    ClusterSpecifier, TcpAccessLogOptions, WeightedCluster,
};
use meshform_envoy_api::envoy::r#type::v3::{HashPolicy, Int32Range, hash_policy};
use meshform_envoy_api::{any, millis, seconds};
use prost::{Message, Name};

use crate::make::{address, stdout_log, transport};
use crate::{clusters, http, observe, tls};

/// All listeners of the example.
pub(crate) fn all(directory: &str, pem: &tls::Pem) -> Vec<Listener> {
    let mut tracers = observe::tracers().into_iter();
    let first = tracers.next().unwrap();
    let mut listeners = vec![inbound(directory, pem, first), outbound(directory)];
    for (index, tracer) in tracers.enumerate() {
        let manager = http::plain(directory, tracer);
        listeners.push(Listener {
            filter_chains: vec![chain(
                "http",
                vec![network("envoy.filters.network.http_connection_manager", &manager)],
            )],
            ..bound(&format!("traced-{index}"), 0)
        });
    }
    listeners
}

fn bound(name: &str, port: u32) -> Listener {
    Listener {
        name: name.into(),
        address: address("127.0.0.1", port),
        ..Listener::default()
    }
}

pub(crate) fn network<M: Message + Name>(name: &str, message: &M) -> Filter {
    Filter {
        name: name.into(),
        config_type: Some(filter::ConfigType::TypedConfig(any(message))),
    }
}

fn chain(name: &str, filters: Vec<Filter>) -> FilterChain {
    FilterChain {
        name: name.into(),
        filters,
        ..FilterChain::default()
    }
}

fn before<M: Message + Name>(name: &str, message: &M) -> ListenerFilter {
    ListenerFilter {
        name: name.into(),
        config_type: Some(listener_filter::ConfigType::TypedConfig(any(message))),
        filter_disabled: None,
    }
}

/// TLS and plain on one port, distinguished by the first bytes.
fn inbound(
    directory: &str,
    pem: &tls::Pem,
    tracer: meshform_envoy_api::envoy::config::trace::v3::tracing::Http,
) -> Listener {
    let manager = http::full(directory, tracer);
    let filters = vec![network("envoy.filters.network.http_connection_manager", &manager)];
    let takes = |transport: &str| {
        Some(FilterChainMatch {
            destination_port: Some(8080),
            transport_protocol: transport.into(),
            source_type: 0,
            ..FilterChainMatch::default()
        })
    };
    Listener {
        additional_addresses: vec![AdditionalAddress {
            address: address("127.0.0.2", 15_000),
        }],
        filter_chains: vec![
            FilterChain {
                filter_chain_match: takes("tls"),
                transport_socket: transport("envoy.transport_sockets.tls", &tls::downstream(directory, pem)),
                transport_socket_connect_timeout: Some(seconds(10)),
                ..chain("tls", filters.clone())
            },
            FilterChain {
                filter_chain_match: takes("raw_buffer"),
                metadata: clusters::metadata(),
                ..chain("plain", filters)
            },
        ],
        listener_filters: vec![
            before(
                "envoy.filters.listener.proxy_protocol",
                &ProxyProtocol {
                    allow_requests_without_proxy_protocol: true,
                },
            ),
            before("envoy.filters.listener.original_dst", &OriginalDst {}),
            ListenerFilter {
                filter_disabled: Some(not_for_server_first_ports()),
                ..before(
                    "envoy.filters.listener.tls_inspector",
                    &TlsInspector {
                        initial_read_buffer_size: Some(1024),
                        ..TlsInspector::default()
                    },
                )
            },
        ],
        listener_filters_timeout: Some(millis(1000)),
        continue_on_listener_filters_timeout: true,
        traffic_direction: 1,
        connection_balance_config: Some(ConnectionBalanceConfig {
            balance_type: Some(BalanceType::ExactBalance(ExactBalance {})),
        }),
        access_log: vec![stdout_log()],
        per_connection_buffer_limit_bytes: Some(32_768),
        tcp_backlog_size: Some(128),
        enable_reuse_port: Some(true),
        ..bound("lds_ingress_0.0.0.0_15000", 15_000)
    }
}

/// Every kind of rule: ports on which a server speaks first, and nothing else.
fn not_for_server_first_ports() -> ListenerFilterChainMatchPredicate {
    let rule = |rule| ListenerFilterChainMatchPredicate { rule: Some(rule) };
    let port = |start| {
        rule(Rule::DestinationPortRange(Int32Range {
            start,
            end: start + 1,
        }))
    };
    rule(Rule::AndMatch(MatchSet {
        rules: vec![
            rule(Rule::OrMatch(MatchSet {
                rules: vec![port(25), port(3306)],
            })),
            rule(Rule::NotMatch(Box::new(port(443)))),
            rule(Rule::AnyMatch(true)),
        ],
    }))
}

/// Redirected traffic: TCP to some, the original destination for all else.
fn outbound(directory: &str) -> Listener {
    let share = |name: &str, weight| ClusterWeight {
        name: name.into(),
        weight,
    };
    let weighted = TcpProxy {
        stat_prefix: "egress".into(),
        cluster_specifier: Some(ClusterSpecifier::WeightedClusters(WeightedCluster {
            clusters: vec![share("local", 3), share("named", 1)],
        })),
        idle_timeout: Some(seconds(300)),
        access_log: observe::logs(directory),
        access_log_options: Some(TcpAccessLogOptions {
            access_log_flush_interval: Some(seconds(60)),
            flush_access_log_on_connected: true,
        }),
        max_connect_attempts: Some(3),
        backoff_options: Some(BackoffStrategy {
            base_interval: Some(millis(100)),
            max_interval: Some(seconds(1)),
        }),
        hash_policy: vec![HashPolicy {
            policy_specifier: Some(hash_policy::PolicySpecifier::SourceIp(hash_policy::SourceIp {})),
        }],
        ..TcpProxy::default()
    };
    let anywhere = TcpProxy {
        stat_prefix: "anywhere".into(),
        cluster_specifier: Some(ClusterSpecifier::Cluster("anywhere".into())),
        ..TcpProxy::default()
    };
    let secure_upstream = FilterChainMatch {
        destination_port: Some(443),
        prefix_ranges: vec![CidrRange {
            address_prefix: "0.0.0.0".into(),
            prefix_len: Some(0),
        }],
        server_names: vec!["*.amazonaws.com".into()],
        ..FilterChainMatch::default()
    };
    Listener {
        filter_chains: vec![
            FilterChain {
                filter_chain_match: Some(FilterChainMatch {
                    destination_port: Some(3306),
                    ..FilterChainMatch::default()
                }),
                ..chain("tcp", vec![network("envoy.filters.network.tcp_proxy", &weighted)])
            },
            FilterChain {
                filter_chain_match: Some(secure_upstream),
                ..chain("aws", vec![network("envoy.filters.network.tcp_proxy", &anywhere)])
            },
        ],
        default_filter_chain: Some(chain(
            "all-else",
            vec![network("envoy.filters.network.tcp_proxy", &anywhere)],
        )),
        listener_filters: vec![
            before("envoy.filters.listener.original_dst", &OriginalDst {}),
            before("envoy.filters.listener.tls_inspector", &TlsInspector::default()),
        ],
        traffic_direction: 2,
        bind_to_port: Some(true),
        ..bound("lds_egress_0.0.0.0_15001", 15_001)
    }
}

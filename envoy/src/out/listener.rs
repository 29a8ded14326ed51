//! Listeners: sockets, chains, connection managers, TCP proxies.

use super::cluster::http2;
use super::delivery::{Delivery, duration, socket};
use super::{telemetry, tls};
use crate::ir::listener::{Chain, Direction, HttpService, Listener, Service, TcpService, Transport};
use crate::resources::ResourceType;
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::config::listener::v3 as api;
use meshform_envoy_api::envoy::config::route::v3::RouteConfiguration;
use meshform_envoy_api::envoy::extensions::filters::http::router::v3::Router;
use meshform_envoy_api::envoy::extensions::filters::listener::original_dst::v3::OriginalDst;
use meshform_envoy_api::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3 as hcm;
use meshform_envoy_api::envoy::extensions::filters::network::tcp_proxy::v3 as tcp;
use meshform_envoy_api::envoy::r#type::v3::Int32Range;
use meshform_envoy_api::prost_types::Any;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a client of a PERMISSIVE TCP listener may be silent before it is taken for one without TLS. One with TLS
/// speaks at once.
const FIRST_BYTES: Duration = Duration::from_secs(1);

/// Envoy's message. With inline delivery a connection manager's table is only named in it; the writer puts the table
/// there.
pub(crate) fn message(listener: &Listener, delivery: &Delivery) -> api::Listener {
    let mut filters = Vec::new();
    if listener.original_destination {
        filters.push(listener_filter(
            "envoy.filters.listener.original_dst",
            any(&OriginalDst {}),
        ));
    }
    filters.extend(inspector(listener));
    let waits = may_speak_first(listener);
    api::Listener {
        listener_filters_timeout: waits.then(|| duration(FIRST_BYTES)),
        continue_on_listener_filters_timeout: waits,
        name: listener.name.clone(),
        address: Some(socket(&listener.address, listener.port, listener.ipv4_compat)),
        traffic_direction: match listener.direction {
            Direction::Inbound => core::TrafficDirection::Inbound,
            Direction::Outbound => core::TrafficDirection::Outbound,
        } as i32,
        listener_filters: filters,
        filter_chains: listener
            .chains
            .iter()
            .map(|chain| filter_chain(chain, delivery))
            .collect(),
        default_filter_chain: listener
            .default_chain
            .as_ref()
            .map(|chain| filter_chain(chain, delivery)),
        ..Default::default()
    }
}

/// Whether there is a chain without TLS, of which a look at the first bytes decides, and whose server may be the one
/// that speaks first: its client says nothing until then.
fn may_speak_first(listener: &Listener) -> bool {
    listener
        .chains
        .iter()
        .any(|chain| chain.transport == Some(Transport::Plain) && matches!(chain.service, Service::Tcp(_)))
}

fn listener_filter(name: &str, config: Any) -> api::ListenerFilter {
    api::ListenerFilter {
        name: name.to_owned(),
        config_type: Some(api::listener_filter::ConfigType::TypedConfig(config)),
        ..Default::default()
    }
}

/// Looks at a connection's first bytes, only on the ports whose chains ask for it: on others a server that speaks
/// first would wait for nothing.
fn inspector(listener: &Listener) -> Option<api::ListenerFilter> {
    use api::listener_filter_chain_match_predicate::{MatchSet, Rule};
    let needs = |chain: &&Chain| chain.transport.is_some() || !chain.server_names.is_empty();
    let ports: BTreeSet<Option<u16>> = listener
        .chains
        .iter()
        .filter(needs)
        .map(|chain| chain.destination_port)
        .collect();
    if ports.is_empty() {
        return None;
    }
    let mut filter = listener_filter(
        "envoy.filters.listener.tls_inspector",
        any(&TlsInspector::default()),
    );
    let others = listener
        .chains
        .iter()
        .chain(&listener.default_chain)
        .any(|chain| !ports.contains(&chain.destination_port));
    if listener.original_destination && others && !ports.contains(&None) {
        let predicate = |rule| api::ListenerFilterChainMatchPredicate { rule: Some(rule) };
        let mut inspected: Vec<_> = ports
            .into_iter()
            .flatten()
            .map(|port| {
                predicate(Rule::DestinationPortRange(Int32Range {
                    start: i32::from(port),
                    end: i32::from(port) + 1,
                }))
            })
            .collect();
        // "Or" needs two; one stands alone.
        let any_of = match (inspected.len(), inspected.pop()) {
            (1, Some(only)) => only,
            (_, Some(last)) => {
                inspected.push(last);
                predicate(Rule::OrMatch(MatchSet { rules: inspected }))
            }
            (_, None) => predicate(Rule::AnyMatch(true)),
        };
        filter.filter_disabled = Some(predicate(Rule::NotMatch(Box::new(any_of))));
    }
    Some(filter)
}

fn filter_chain(chain: &Chain, delivery: &Delivery) -> api::FilterChain {
    let matches = api::FilterChainMatch {
        destination_port: chain.destination_port.map(u32::from),
        server_names: chain.server_names.iter().map(|name| name.value.clone()).collect(),
        transport_protocol: match chain.transport {
            Some(Transport::Tls) => "tls",
            Some(Transport::Plain) => "raw_buffer",
            None => "",
        }
        .to_owned(),
        ..Default::default()
    };
    let filter = match &chain.service {
        Service::Http(http) => (
            "envoy.filters.network.http_connection_manager",
            any(&connection_manager(http, delivery)),
        ),
        Service::Tcp(tcp) => ("envoy.filters.network.tcp_proxy", any(&tcp_proxy(tcp))),
    };
    let (name, config) = filter;
    api::FilterChain {
        name: chain.name.clone(),
        filter_chain_match: (matches != api::FilterChainMatch::default()).then_some(matches),
        transport_socket: chain.tls.as_ref().map(|tls| tls::server(tls, delivery)),
        filters: vec![api::Filter {
            name: name.to_owned(),
            config_type: Some(api::filter::ConfigType::TypedConfig(config)),
        }],
        ..Default::default()
    }
}

fn connection_manager(http: &HttpService, delivery: &Delivery) -> hcm::HttpConnectionManager {
    use hcm::http_connection_manager::{PathWithEscapedSlashesAction, RouteSpecifier, UpgradeConfig};
    hcm::HttpConnectionManager {
        stat_prefix: http.stat_prefix.clone(),
        route_specifier: Some(match delivery.source(ResourceType::Routes, &http.table) {
            Some(source) => RouteSpecifier::Rds(hcm::Rds {
                config_source: Some(source),
                route_config_name: http.table.clone(),
            }),
            None => RouteSpecifier::RouteConfig(RouteConfiguration {
                name: http.table.clone(),
                ..Default::default()
            }),
        }),
        // App Mesh's path rules: they decide what a route's path is compared with.
        normalize_path: Some(true),
        merge_slashes: true,
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::KeepUnchanged as i32,
        upgrade_configs: http
            .websocket
            .then(|| UpgradeConfig {
                upgrade_type: "websocket".to_owned(),
                enabled: Some(true),
            })
            .into_iter()
            .collect(),
        http2_protocol_options: http.websocket.then(http2),
        common_http_protocol_options: http.max_request_headers_count.as_ref().map(|count| {
            core::HttpProtocolOptions {
                max_headers_count: Some(count.value),
                ..Default::default()
            }
        }),
        max_request_headers_kb: http.max_request_headers_kb.as_ref().map(|kb| kb.value),
        access_log: http
            .access_log
            .iter()
            .map(|log| telemetry::access_log(log))
            .collect(),
        tracing: Some(telemetry::tracing(http.tracing.as_deref())),
        http_filters: vec![hcm::HttpFilter {
            name: "envoy.filters.http.router".to_owned(),
            config_type: Some(hcm::http_filter::ConfigType::TypedConfig(any(&Router::default()))),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn tcp_proxy(service: &TcpService) -> tcp::TcpProxy {
    use tcp::tcp_proxy::{ClusterSpecifier, WeightedCluster, weighted_cluster::ClusterWeight};
    let clusters = match service.targets.as_slice() {
        [only] => ClusterSpecifier::Cluster(only.cluster.clone()),
        several => ClusterSpecifier::WeightedClusters(WeightedCluster {
            clusters: several
                .iter()
                .map(|target| ClusterWeight {
                    name: target.cluster.clone(),
                    weight: target.weight,
                })
                .collect(),
        }),
    };
    tcp::TcpProxy {
        stat_prefix: service.stat_prefix.clone(),
        cluster_specifier: Some(clusters),
        idle_timeout: Some(duration(service.idle_timeout.value)),
        access_log: service
            .access_log
            .iter()
            .map(|log| telemetry::access_log(log))
            .collect(),
        ..Default::default()
    }
}

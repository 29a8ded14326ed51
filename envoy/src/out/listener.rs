//! Listeners: sockets, chains, connection managers, TCP proxies.

use super::cluster::http2;
use super::delivery::{Delivery, duration, socket};
use super::{telemetry, tls};
use crate::ir::listener::{Chain, Direction, Edge, HttpService, Listener, Service, TcpService, Transport};
use crate::resources::ResourceType;
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::config::listener::v3 as api;
use meshform_envoy_api::envoy::config::route::v3::RouteConfiguration;
use meshform_envoy_api::envoy::extensions::filters::http::router::v3::Router;
use meshform_envoy_api::envoy::extensions::filters::listener::original_dst::v3::OriginalDst;
use meshform_envoy_api::envoy::extensions::filters::listener::proxy_protocol::v3::ProxyProtocol as ProxyProtocolFilter;
use meshform_envoy_api::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3 as hcm;
use meshform_envoy_api::envoy::extensions::filters::network::tcp_proxy::v3 as tcp;
use meshform_envoy_api::envoy::r#type::v3::Int32Range;
use meshform_envoy_api::prost_types::Any;
use meshform_model::spec::{EscapedSlashes, ProxyProtocol, Underscores};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a client of a PERMISSIVE TCP listener may be silent before it is taken for one without TLS. One with TLS
/// speaks at once.
const FIRST_BYTES: Duration = Duration::from_secs(1);

/// Envoy's message. With inline delivery a connection manager's table is only named in it; the writer puts the table
/// there.
pub(crate) fn message(listener: &Listener, delivery: &Delivery) -> api::Listener {
    let mut filters = Vec::new();
    filters.extend(listener.proxy_protocol.as_ref().map(|found| {
        let config = ProxyProtocolFilter {
            allow_requests_without_proxy_protocol: found.value == ProxyProtocol::Optional,
        };
        listener_filter("envoy.filters.listener.proxy_protocol", any(&config))
    }));
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
        ignore_global_conn_limit: !listener.limited,
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
    use hcm::http_connection_manager::{RouteSpecifier, UpgradeConfig};
    let edge = http.edge.as_deref();
    let hops = edge.and_then(|edge| edge.trusted_hops.as_ref());
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
        path_with_escaped_slashes_action: escaped_slashes(edge) as i32,
        use_remote_address: hops.map(|_| true),
        xff_num_trusted_hops: hops.map_or(0, |hops| hops.value),
        request_headers_timeout: edge
            .filter(|edge| !edge.headers_timeout.value.is_zero())
            .map(|edge| duration(edge.headers_timeout.value)),
        upgrade_configs: http
            .websocket
            .then(|| UpgradeConfig {
                upgrade_type: "websocket".to_owned(),
                enabled: Some(true),
            })
            .into_iter()
            .collect(),
        http2_protocol_options: http2_of_clients(http),
        common_http_protocol_options: common(http),
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

fn escaped_slashes(edge: Option<&Edge>) -> hcm::http_connection_manager::PathWithEscapedSlashesAction {
    use hcm::http_connection_manager::PathWithEscapedSlashesAction as Action;
    match edge.map(|edge| edge.escaped_slashes.value).unwrap_or_default() {
        EscapedSlashes::KeepUnchanged => Action::KeepUnchanged,
        EscapedSlashes::RejectRequest => Action::RejectRequest,
        EscapedSlashes::UnescapeAndForward => Action::UnescapeAndForward,
        EscapedSlashes::UnescapeAndRedirect => Action::UnescapeAndRedirect,
    }
}

/// What holds for every version of HTTP, where something does.
fn common(http: &HttpService) -> Option<core::HttpProtocolOptions> {
    use core::http_protocol_options::HeadersWithUnderscoresAction as Action;
    let underscores = http.edge.as_ref().map(|edge| edge.underscores.value);
    let options = core::HttpProtocolOptions {
        max_headers_count: http.max_request_headers_count.as_ref().map(|count| count.value),
        headers_with_underscores_action: match underscores.unwrap_or_default() {
            Underscores::Allow => Action::Allow,
            Underscores::DropHeader => Action::DropHeader,
            Underscores::RejectRequest => Action::RejectRequest,
        } as i32,
        ..Default::default()
    };
    (options != core::HttpProtocolOptions::default()).then_some(options)
}

fn http2_of_clients(http: &HttpService) -> Option<core::Http2ProtocolOptions> {
    let options = http.websocket.then(http2);
    match http.edge.as_deref() {
        None => options,
        Some(edge) => Some(core::Http2ProtocolOptions {
            max_concurrent_streams: Some(edge.max_streams.value),
            initial_stream_window_size: Some(edge.stream_window.value),
            initial_connection_window_size: Some(edge.connection_window.value),
            ..options.unwrap_or_default()
        }),
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

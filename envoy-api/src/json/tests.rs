use serde_json::json;

use super::*;
use crate::envoy::config::cluster::v3::{CircuitBreakers, Cluster, circuit_breakers::Thresholds};
use crate::envoy::config::core::v3::TypedExtensionConfig;
use crate::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter::ConfigType};
use crate::envoy::config::route::v3::RouteConfiguration;
use crate::envoy::extensions::filters::http::router::v3::Router;
use crate::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, http_filter,
};
use crate::envoy::extensions::resource_monitors::downstream_connections::v3::DownstreamConnectionsConfig;
use crate::{any, millis};

#[test]
fn the_descriptors_decode() {
    assert!(pool().all_messages().len() > 200);
}

#[test]
fn an_any_inside_an_any_is_written_out() {
    let hcm = HttpConnectionManager {
        stat_prefix: "ingress".into(),
        http_filters: vec![HttpFilter {
            name: "envoy.filters.http.router".into(),
            config_type: Some(http_filter::ConfigType::TypedConfig(any(&Router::default()))),
            ..HttpFilter::default()
        }],
        ..HttpConnectionManager::default()
    };
    let listener = Listener {
        name: "l".into(),
        filter_chains: vec![FilterChain {
            filters: vec![Filter {
                name: "hcm".into(),
                config_type: Some(ConfigType::TypedConfig(any(&hcm))),
            }],
            ..FilterChain::default()
        }],
        ..Listener::default()
    };
    let json = to_json(&listener).unwrap();
    let inner = &json["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(inner["stat_prefix"], "ingress");
    assert_eq!(
        inner["http_filters"][0]["typed_config"],
        json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"})
    );
    assert_eq!(from_json::<Listener>(&json).unwrap(), listener);
}

#[test]
fn wrappers_keep_zero_and_numbers_stay_numbers() {
    let cluster = Cluster {
        name: "c".into(),
        connect_timeout: Some(millis(250)),
        circuit_breakers: Some(CircuitBreakers {
            thresholds: vec![Thresholds {
                max_retries: Some(0),
                ..Thresholds::default()
            }],
            per_host_thresholds: vec![],
        }),
        ..Cluster::default()
    };
    assert_eq!(
        to_json(&cluster).unwrap(),
        json!({
            "name": "c",
            "connect_timeout": "0.250s",
            "circuit_breakers": {"thresholds": [{"max_retries": 0}]},
        })
    );
    let limit = DownstreamConnectionsConfig {
        max_active_downstream_connections: i64::MAX,
    };
    let json = to_json(&limit).unwrap();
    assert_eq!(json, json!({"max_active_downstream_connections": i64::MAX}));
    assert_eq!(from_json::<DownstreamConnectionsConfig>(&json).unwrap(), limit);
}

#[test]
fn an_unknown_field_is_refused_with_its_place() {
    let json = json!({"name": "r", "virtual_hosts": [{"name": "v", "routes": [{"matsch": {}}]}]});
    let Error::Read { path, message, .. } = from_json::<RouteConfiguration>(&json).unwrap_err() else {
        panic!("not a reading error");
    };
    assert_eq!(path, "virtual_hosts[0].routes[0]");
    assert!(message.contains("matsch"), "{message}");
}

#[test]
fn a_place_inside_an_any_is_told_too() {
    let json = json!({
        "name": "x",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "upstream_log": [{"nme": 1}],
        },
    });
    let Error::Read { path, message, .. } = from_json::<TypedExtensionConfig>(&json).unwrap_err() else {
        panic!("not a reading error");
    };
    assert_eq!(path, "typed_config.upstream_log[0]");
    assert!(message.contains("nme"), "{message}");
}

#[test]
fn a_wrong_type_is_refused_with_its_place() {
    let json = json!({"name": "c", "circuit_breakers": {"thresholds": [{"max_retries": "many"}]}});
    let Error::Read { path, .. } = from_json::<Cluster>(&json).unwrap_err() else {
        panic!("not a reading error");
    };
    assert_eq!(path, "circuit_breakers.thresholds[0].max_retries");
}

#[test]
fn an_any_of_an_unknown_type_is_refused_both_ways() {
    let stranger = TypedExtensionConfig {
        name: "x".into(),
        typed_config: Some(prost_types::Any {
            type_url: "type.googleapis.com/some.Stranger".into(),
            value: vec![],
        }),
    };
    assert!(
        to_json(&stranger)
            .unwrap_err()
            .to_string()
            .contains("some.Stranger")
    );
    let json = json!({"name": "x", "typed_config": {"@type": "type.googleapis.com/some.Stranger"}});
    assert!(
        from_json::<TypedExtensionConfig>(&json)
            .unwrap_err()
            .to_string()
            .contains("some.Stranger")
    );
}

//! What a proxy is told as typed resources: the bytes for the wire are the JSON, digests tell contents apart, every
//! part knows its field, and what proxies share is encoded once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_envoy::resources::{Resource, ResourceType};
use meshform_envoy_api::envoy::config::bootstrap::v3::Bootstrap;
use meshform_envoy_api::envoy::config::cluster::v3::Cluster;
use meshform_envoy_api::envoy::config::endpoint::v3::ClusterLoadAssignment;
use meshform_envoy_api::envoy::config::listener::v3::Listener;
use meshform_envoy_api::envoy::config::route::v3::RouteConfiguration;
use meshform_envoy_api::envoy::extensions::transport_sockets::tls::v3::Secret;
use meshform_envoy_api::to_json;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The golden cases' proxies.
fn cases() -> Vec<(meshform_model::mesh::Mesh, meshform_envoy::Output)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path().join("mesh.json")).unwrap();
        let mesh = support::mesh(&serde_json::from_str(&text).unwrap());
        if let Ok(output) = support::build(&mesh) {
            out.push((mesh, output));
        }
    }
    assert!(out.len() > 5, "the cases are there");
    out
}

fn decoded(resource: &Resource) -> Value {
    fn read<M: prost::Message + prost::Name + Default>(resource: &Resource) -> Value {
        to_json(&M::decode(resource.message.as_slice()).unwrap()).unwrap()
    }
    match resource.kind {
        ResourceType::Bootstrap => read::<Bootstrap>(resource),
        ResourceType::Listener => read::<Listener>(resource),
        ResourceType::Cluster => read::<Cluster>(resource),
        ResourceType::Routes => read::<RouteConfiguration>(resource),
        ResourceType::Endpoints => read::<ClusterLoadAssignment>(resource),
        ResourceType::Secret => read::<Secret>(resource),
    }
}

#[test]
fn bytes_and_json_are_one_message_and_parts_know_their_fields() {
    let mut kinds = BTreeSet::new();
    for (mesh, output) in cases() {
        for proxy in &output.proxies {
            let all = proxy.resources.iter().map(|one| &**one);
            for resource in all.chain([&proxy.resources.bootstrap]) {
                let json: Value = serde_json::from_str(resource.json()).unwrap();
                assert_eq!(decoded(resource), json, "{} {}", proxy.key, resource.name);
                let is_bootstrap = resource.kind == ResourceType::Bootstrap;
                assert!(is_bootstrap || !resource.origins.is_empty(), "{}", resource.name);
                for part in &resource.origins {
                    // A field that holds its default is not printed; what it stands in is.
                    let (parent, _) = part.at.rsplit_once('/').unwrap_or_default();
                    assert!(json.pointer(parent).is_some(), "{} {}", resource.name, part.at);
                    let known = part.origin.key.kind.name() == "mesh" || mesh.contains(&part.origin.key);
                    assert!(known, "{} {}", resource.name, part.origin);
                }
                kinds.insert(resource.kind);
            }
        }
    }
    assert_eq!(kinds.len(), 6, "every kind is met: {kinds:?}");
}

/// Two callers of one service behind a route with this prefix.
fn two_callers(prefix: &str) -> meshform_envoy::Output {
    let port = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
    let caller = json!({"backends": [{"virtualService": {"virtualServiceName": "s.local"}}]});
    let called = json!({"listeners": port, "serviceDiscovery": {"dns": {"hostname": "n.local"}}});
    let action = json!({"weightedTargets": [{"virtualNode": "n", "weight": 1}]});
    let mesh = support::mesh(&json!({
        "mesh": "m",
        "virtualNode": {"a": caller, "b": caller, "n": called},
        "virtualService": {"s.local": {"provider": {"virtualRouter": {"virtualRouterName": "r"}}}},
        "virtualRouter": {"r": {"listeners": port}},
        "route": {"r/all": {"httpRoute": {"match": {"prefix": prefix}, "action": action}}},
    }));
    support::build(&mesh).unwrap()
}

#[test]
fn what_proxies_share_is_one_and_digests_follow_the_content() {
    let (before, after) = (two_callers("/"), two_callers("/new"));
    let by_name = |output: &meshform_envoy::Output, name: &str| {
        let proxy = output.proxies.iter().find(|one| one.key.name == name);
        proxy.unwrap().resources.clone()
    };
    let (a, b) = (by_name(&before, "a"), by_name(&before, "b"));
    assert!(!a.clusters.is_empty());
    for (one, other) in a.clusters.iter().zip(&b.clusters) {
        assert!(Arc::ptr_eq(one, other), "{} is encoded twice", one.name);
    }
    assert_ne!(a.bootstrap.digest, b.bootstrap.digest, "each has its node id");
    let digests = |resources: &meshform_envoy::resources::Resources| -> BTreeMap<_, _> {
        let all = resources.iter();
        all.map(|one| ((one.kind, one.name.clone()), one.digest.clone()))
            .collect()
    };
    let changed = by_name(&after, "a");
    assert_ne!(a.digest(), changed.digest());
    let (old, new) = (digests(&a), digests(&changed));
    let differ: Vec<_> = old
        .iter()
        .filter(|(name, digest)| new[*name] != **digest)
        .collect();
    assert_eq!(differ.len(), 1, "only the table: {differ:?}");
    assert_eq!(differ[0].0.0, ResourceType::Routes);
    assert_eq!(by_name(&before, "n").digest(), by_name(&after, "n").digest());
}

/// App Mesh took routes of another protocol than their router's listener.
#[test]
fn routes_of_another_layer_decide_what_a_port_speaks_where_there_are_no_others() {
    let tcp = json!({"tcpRoute": {"action": {"weightedTargets": [{"virtualNode": "b", "weight": 1}]}}});
    let http = json!({"httpRoute": {
        "match": {"prefix": "/"},
        "action": {"weightedTargets": [{"virtualNode": "b", "weight": 1}]},
    }});
    let listener = json!({"portMapping": {"port": 8080, "protocol": "http"}});
    for (routes, routed) in [
        (vec![&tcp], false),
        (vec![&tcp, &http], true),
        (vec![&http], true),
    ] {
        let routes = routes.iter().enumerate();
        let routes: BTreeMap<String, Value> = routes
            .map(|(number, route)| (format!("b/{number}"), (*route).clone()))
            .collect();
        let mesh = json!({
            "mesh": "m",
            "virtualNode": {
                "a": {"backends": [{"virtualService": {"virtualServiceName": "b.local"}}]},
                "b": {"listeners": [listener], "serviceDiscovery": {"dns": {"hostname": "b"}}},
            },
            "virtualRouter": {"b": {"listeners": [listener]}},
            "route": routes,
            "virtualService": {"b.local": {"provider": {"virtualRouter": {"virtualRouterName": "b"}}}},
        });
        let output = support::build(&support::mesh(&mesh)).unwrap();
        let caller = output.proxies.iter().find(|proxy| proxy.key.name == "a").unwrap();
        let listeners: String = caller
            .resources
            .iter()
            .filter(|one| one.kind == ResourceType::Listener)
            .map(|one| decoded(one).to_string())
            .collect();
        let tables = caller
            .resources
            .iter()
            .filter(|one| one.kind == ResourceType::Routes);
        let served = tables.map(|one| decoded(one).to_string()).collect::<String>();
        assert_eq!(served.contains("cds_egress_m_b_http_8080"), routed, "{served}");
        assert_eq!(
            listeners.contains("cds_egress_m_b_http_8080"),
            !routed,
            "{listeners}"
        );
    }
}

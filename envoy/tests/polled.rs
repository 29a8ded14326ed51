//! Nodes of Cloud Map: what the mesh says of who needs their addresses is what proxies ask for, and the warning.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_envoy::polled::{cloud_map_warning, polled};
use meshform_envoy::resources::ResourceType;
use meshform_model::diag::Severity;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn proxies_ask_for_the_addresses_of_the_nodes_that_the_mesh_says_they_need() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut seen = 0;
    for entry in fs::read_dir(cases).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path().join("mesh.json")) else {
            continue;
        };
        let mesh = support::mesh(&serde_json::from_str(&text).unwrap());
        let Ok(output) = support::build(&mesh) else {
            continue;
        };
        let nodes = polled(&mesh);
        for proxy in output.proxies {
            // A profile may list a node as having no addresses.
            let listed = mesh.profile_for(&proxy.key).endpoints;
            let is_listed = |name: &str| {
                listed
                    .iter()
                    .any(|one| name.contains(&format!("_{}_", one.virtual_node)))
            };
            let asked: BTreeSet<&str> = proxy
                .resources
                .iter()
                .filter(|one| one.kind == ResourceType::Endpoints && !one.json().contains("address"))
                .map(|one| one.name.as_str())
                .filter(|name| !is_listed(name))
                .collect();
            let needed: BTreeSet<&str> = nodes
                .iter()
                .filter(|node| node.callers.contains(&proxy.key))
                .flat_map(|node| &node.assignments)
                .map(|(name, _)| name.as_str())
                .collect();
            assert_eq!(asked, needed, "{}", proxy.key);
            seen += asked.len();
        }
    }
    assert!(seen > 0);
}

#[test]
fn the_warning_names_nodes_and_the_command_and_is_none_where_profiles_list_them() {
    let text = include_str!("cases/cloud-map-polled/mesh.json");
    let mut json: serde_json::Value = serde_json::from_str(text).unwrap();
    let warning = cloud_map_warning(&support::mesh(&json)).unwrap();
    assert_eq!((warning.code.0, warning.severity), ("MF0302", Severity::Warning));
    let told = warning.to_string();
    assert!(
        told.contains("`api`") && told.contains("meshform-agent endpoints"),
        "{told}"
    );
    assert_eq!(
        warning.places[0].pointer.to_string(),
        "/spec/serviceDiscovery/awsCloudMap"
    );
    json["proxyProfile"]["all"] = serde_json::json!(
        {"sdsSocketPath": "/run/sds.sock",
         "endpoints": [{"virtualNode": "api", "addresses": [{"address": "10.0.0.1"}]}]}
    );
    assert_eq!(cloud_map_warning(&support::mesh(&json)), None);
}

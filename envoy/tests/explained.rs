//! What is told of a proxy and of a request, without Envoy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_envoy::route::{Request, RouteSimulator};
use meshform_envoy::{self as envoy, Options};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;

fn case(name: &str) -> meshform_model::mesh::Mesh {
    let path = format!("{}/tests/cases/{name}/mesh.json", env!("CARGO_MANIFEST_DIR"));
    support::mesh(&serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn told(name: &str, key: (Kind, &str), request: &Request) -> String {
    let key = ResourceKey::in_mesh("apps", key.0, key.1);
    RouteSimulator::of(&case(name), &key)
        .unwrap()
        .explain(request)
        .to_string()
}

#[test]
fn a_request_is_explained_route_by_route() {
    let node = (Kind::VirtualNode, "servicea");
    let mut request = Request::get("serviceb.apps.local", "/v2/x");
    insta::assert_snapshot!("by_path", told("apps", node, &request));
    request.headers.push(("X-Version".into(), "2".into()));
    insta::assert_snapshot!("by_header", told("apps", node, &request));
    insta::assert_snapshot!(
        "by_weight",
        told("apps", node, &Request::get("serviceb.apps.local:8080", "/"))
    );
    insta::assert_snapshot!(
        "unknown_name",
        told("apps", node, &Request::get("other.local", "/"))
    );
}

#[test]
fn a_request_to_a_gateway_goes_through_twice() {
    let front = (Kind::VirtualGateway, "front");
    let mut request = Request::get("shop.example.com", "/chapter/1?x=1");
    request.port = Some(8080);
    insta::assert_snapshot!("gateway_rewrites", told("gateways", front, &request));
    request.path = "/kept/1".into();
    request
        .headers
        .push(("x-app-mesh-virtual-service".into(), "many.apps.local:8080".into()));
    insta::assert_snapshot!("gateway_keeps_the_host", told("gateways", front, &request));
}

#[test]
fn what_is_not_modelled_passes_or_is_dropped() {
    let web = (Kind::VirtualNode, "web");
    insta::assert_snapshot!(
        "passed_on",
        told("transparent", web, &Request::get("example.com", "/"))
    );
    let closed = Request::get("example.com:8443", "/");
    insta::assert_snapshot!("dropped", told("drop-all-with-names", web, &closed));
}

fn effective(case_name: &str, kind: Kind, name: &str) -> String {
    let key = ResourceKey::in_mesh("apps", kind, name);
    let values = envoy::explain(&case(case_name), &key, &Options::new(support::ROOT)).unwrap();
    let lines: Vec<String> = values
        .iter()
        .map(|v| format!("{} = {} ({})", v.path, v.value, v.source))
        .collect();
    lines.join("\n")
}

#[test]
fn every_effective_value_has_a_source() {
    let node = |case, name| effective(case, Kind::VirtualNode, name);
    insta::assert_snapshot!("effective_values", node("apps", "servicea"));
    insta::assert_snapshot!(
        "effective_pools_health_outliers",
        node("pools-health-outliers", "web")
    );
    insta::assert_snapshot!(
        "effective_metrics_limits_admin",
        node("metrics-limits-admin", "web")
    );
    insta::assert_snapshot!("effective_tls", node("tls-files", "web"));
    insta::assert_snapshot!("effective_tls_server", node("tls-files", "strict"));
    insta::assert_snapshot!("effective_transparent", node("transparent", "web"));
    insta::assert_snapshot!(
        "effective_gateway",
        effective("gateways", Kind::VirtualGateway, "front")
    );
    insta::assert_snapshot!("effective_matchers", node("matching", "web"));
    insta::assert_snapshot!("effective_logs", node("logs", "json"));
    insta::assert_snapshot!("effective_spans", node("tracing", "xray"));
}

#[test]
fn the_files_that_a_proxy_reads_are_known() {
    let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "web");
    let files = envoy::needed_files(&case("tls-files"), &key, &Options::new(support::ROOT)).unwrap();
    let lines: Vec<String> = files
        .iter()
        .map(|file| format!("{}: {}", file.path, file.origin))
        .collect();
    insta::assert_snapshot!("needed_files", lines.join("\n"));
}

#[test]
fn an_extension_is_shown_with_the_field_that_says_it() {
    let told = |kind, name: &str| {
        let key = ResourceKey::in_mesh("apps", kind, name);
        let values = envoy::explain(&case("extensions"), &key, &Options::new(support::ROOT)).unwrap();
        let lines = values
            .iter()
            .filter(|value| value.source.to_string().contains("/extensions"))
            .map(|v| format!("{} = {} ({})\n", v.path, v.value, v.source));
        lines.collect::<String>()
    };
    let web = told(Kind::VirtualNode, "web");
    insta::assert_snapshot!(
        "effective_extensions",
        format!("{web}\n{}", told(Kind::VirtualGateway, "front"))
    );
}

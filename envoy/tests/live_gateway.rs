//! A gateway on a real Envoy: what targets see of host, path and headers, byte for byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_envoy::route::{Request, RouteOutcome, RouteSimulator};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use serde_json::json;
use support::http::{Server, free_port, get};
use support::running::Running;

#[test]
fn a_gateway_rewrites_and_routes_and_lets_nobody_forge() {
    let (api, many) = (Server::start("api"), Server::start("many"));
    let (front, inner, admin) = (free_port(), free_port(), free_port());
    let listener = |port: u16| json!({"portMapping": {"port": port, "protocol": "http"}});
    let to = |service: &str| json!({"virtualService": {"virtualServiceName": service}});
    let kept =
        json!({"hostname": {"defaultTargetHostname": "DISABLED"}, "prefix": {"defaultPrefix": "DISABLED"}});
    let route = |matches: serde_json::Value, action: serde_json::Value| json!({"httpRoute": {"match": matches, "action": action}});
    let mesh = support::mesh(&json!({
        "mesh": "m",
        "virtualNode": {
            "api": {"listeners": [listener(8080)], "serviceDiscovery": {"dns": {"hostname": "api.local"}}},
            "many": {"listeners": [listener(8080), listener(9090)], "serviceDiscovery": {"dns": {"hostname": "many.local"}}},
        },
        "virtualService": {
            "api.local": {"provider": {"virtualNode": {"virtualNodeName": "api"}}},
            "a%20b.local": {"provider": {"virtualNode": {"virtualNodeName": "api"}}},
            "many.local": {"provider": {"virtualNode": {"virtualNodeName": "many"}}},
        },
        "virtualGateway": {"front": {"listeners": [listener(front)]}},
        "gatewayRoute": {
            "front/chapter": route(json!({"prefix": "/chapter"}), json!({"target": to("api.local")})),
            "front/value": route(json!({"prefix": "/value"}), json!({"target": to("api.local"), "rewrite": {"prefix": {"value": "/v"}}})),
            "front/kept": route(json!({"prefix": "/kept"}), json!({"target": to("api.local"), "rewrite": kept})),
            "front/exact": route(json!({"path": {"exact": "/old"}}), json!({"target": to("api.local"), "rewrite": {"path": {"exact": "/new"}}})),
            "front/regex": route(json!({"path": {"regex": "/r/[0-9]+"}}), json!({"target": to("api.local"), "rewrite": {"path": {"exact": "/n"}}})),
            "front/percent": route(json!({"prefix": "/percent"}), json!({"target": to("a%20b.local"), "rewrite": kept})),
            "front/host": route(json!({"hostname": {"suffix": ".example.com"}, "prefix": "/"}),
                json!({"target": {"virtualService": {"virtualServiceName": "many.local"}, "port": 9090}})),
        },
        "proxyProfile": {"all": {
            "interception": {"explicit": {"port": inner}}, "admin": {"port": admin},
            "endpoints": [
                {"virtualNode": "api", "addresses": [{"address": "127.0.0.1", "port": api.port}]},
                {"virtualNode": "many", "addresses": [{"address": "127.0.0.1", "port": many.port}]},
            ],
        }},
    }));
    let key = ResourceKey::in_mesh("m", Kind::VirtualGateway, "front");
    let root = tempfile::tempdir().unwrap();
    let _envoy = Running::start(&mesh, &key, root.path(), admin);
    let ways = RouteSimulator::of(&mesh, &key).unwrap();
    let forged = [("x-app-mesh-virtual-service", "many.local:9090")];
    for (host, path, seen_by, seen_path, seen_host) in [
        ("any", "/chapter/1", "api", "/1", "api.local"),
        ("any", "/chapter", "api", "/", "api.local"),
        ("any", "/chapter1", "api", "/1", "api.local"),
        ("any", "/chapter/", "api", "/", "api.local"),
        ("any", "/chapter//1?x=//", "api", "/1?x=//", "api.local"),
        ("any", "/value/1", "api", "/v/1", "api.local"),
        ("any", "/kept/1", "api", "/kept/1", "any"),
        ("many.local", "/kept/1", "api", "/kept/1", "many.local"),
        ("any", "/percent/1", "api", "/percent/1", "any"),
        ("any", "/old?x=1", "api", "/new?x=1", "api.local"),
        ("any", "/r/12?x=1", "api", "/n?x=1", "api.local"),
        ("shop.example.com", "/x", "many", "/x", "many.local:9090"),
        ("shop.example.com", "/chapter/x", "api", "/x", "api.local"),
        ("example.com", "/x", "", "", ""),
        ("any", "/r/x", "", "", ""),
    ] {
        let answer = get(front, host, path, &forged);
        let told = {
            let mut request = Request::get(host, path);
            request
                .headers
                .push((forged[0].0.to_owned(), forged[0].1.to_owned()));
            ways.explain(&request)
        };
        let mut requests = api.take();
        requests.extend(many.take());
        if seen_by.is_empty() {
            assert_eq!((answer.status, requests.len()), (404, 0), "{host} {path}");
            assert!(matches!(told.outcome, RouteOutcome::NotFound(_)), "{told}");
            continue;
        }
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, seen_by),
            "{host} {path}"
        );
        let request = requests.pop().unwrap();
        assert_eq!(request.line, format!("GET {seen_path} HTTP/1.1"), "{host} {path}");
        assert_eq!(request.headers["host"], seen_host, "{host} {path}");
        assert!(
            !request.headers.contains_key("x-app-mesh-virtual-service"),
            "{host} {path}"
        );
        let RouteOutcome::Sent(sent) = &told.outcome else {
            panic!("{told}")
        };
        assert_eq!(
            (sent.path.as_str(), sent.host.as_str()),
            (seen_path, seen_host),
            "{told}"
        );
    }
    nobody_outside_speaks_as_a_proxy(front, &api);
}

/// How long Envoy waits, how often it tries and what it writes into logs is not for those outside to say, wherever they
/// say that they are.
fn nobody_outside_speaks_as_a_proxy(front: u16, api: &Server) {
    for from in [None, Some(("x-forwarded-for", "10.0.0.1"))] {
        let mut headers = vec![
            ("x-envoy-upstream-rq-timeout-ms", "77"),
            ("x-envoy-max-retries", "9"),
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-original-path", "/forged"),
            ("x-envoy-downstream-service-cluster", "forged"),
        ];
        headers.extend(from);
        assert_eq!(get(front, "any", "/kept/1", &headers).status, 200);
        let request = api.take().pop().unwrap();
        assert_eq!(
            request.headers["x-envoy-expected-rq-timeout-ms"], "15000",
            "{from:?}"
        );
        for (name, _) in &headers {
            let kept = request.headers.contains_key(*name);
            assert_eq!(kept, *name == "x-forwarded-for", "{name} from {from:?}");
        }
        // What Envoy itself says of the path that it changed goes on.
        assert_eq!(get(front, "any", "/value/1", &headers).status, 200);
        let request = api.take().pop().unwrap();
        assert_eq!(request.headers["x-envoy-original-path"], "/value/1");
    }
}

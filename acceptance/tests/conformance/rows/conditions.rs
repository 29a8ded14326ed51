//! The same conditions on every kind of route that has them: HTTP/2 routes, gRPC metadata, gateway routes.

use crate::http2::{Call, Http2};
use crate::servers::{Http1, free_port};
use crate::sheet::Sheet;
use crate::world::{Plan, TestedProxy};
use serde_json::{Value, json};

/// A condition on `x-v`, a value that meets it and one that does not (`None`: no such header).
const HEADERS: &[(&str, &str, Option<&str>, Option<&str>)] = &[
    ("exact", r#"{"match": {"exact": "2"}}"#, Some("2"), Some("22")),
    (
        "prefix",
        r#"{"match": {"prefix": "ab"}}"#,
        Some("abc"),
        Some("bab"),
    ),
    (
        "suffix",
        r#"{"match": {"suffix": "yz"}}"#,
        Some("xyz"),
        Some("yza"),
    ),
    (
        "regex",
        r#"{"match": {"regex": "v[0-9]"}}"#,
        Some("v1"),
        Some("v10"),
    ),
    (
        "range",
        r#"{"match": {"range": {"start": 1, "end": 100}}}"#,
        Some("99"),
        Some("100"),
    ),
    ("present", "{}", Some("x"), None),
    (
        "invert",
        r#"{"match": {"exact": "2"}, "invert": true}"#,
        Some("3"),
        Some("2"),
    ),
];

/// The rules of HTTP routes, one for each condition, on paths of their own. With `kept`, gateways keep path and host.
fn http_rules(mut add: impl FnMut(&str, Value)) {
    for (name, condition, _, _) in HEADERS {
        let condition: Value = serde_json::from_str(condition).unwrap();
        let header = crate::world::merged(json!({"name": "x-v"}), condition);
        add(
            &format!("h-{name}"),
            json!({"prefix": format!("/h-{name}"), "headers": [header]}),
        );
    }
    add("path", json!({"path": {"exact": "/exact"}}));
    add("path-regex", json!({"path": {"regex": "/items/[0-9]+"}}));
    add("method", json!({"prefix": "/method", "method": "DELETE"}));
    add(
        "query",
        json!({"prefix": "/query", "queryParameters": [{"name": "beta", "match": {"exact": "on"}}]}),
    );
    add(
        "query-present",
        json!({"prefix": "/q-present", "queryParameters": [{"name": "beta"}]}),
    );
    add("prefix", json!({"prefix": "/prefix"}));
}

/// Asks for all of [`http_rules`]; `takes` says whether a request was taken.
fn http_holds(takes: impl Fn(&str, &str, &[(&str, &str)]) -> bool) {
    for (name, _, good, bad) in HEADERS {
        let asked = |value: Option<&str>| {
            let headers: Vec<(&str, &str)> = value.map(|value| ("x-v", value)).into_iter().collect();
            takes("GET", &format!("/h-{name}"), &headers)
        };
        assert!(asked(*good), "{name}: {good:?}");
        assert!(!asked(*bad), "{name}: {bad:?}");
    }
    for (method, path, taken) in [
        ("GET", "/exact", true),
        ("GET", "/exact/", false),
        ("GET", "/items/42", true),
        ("GET", "/items/42x", false),
        ("DELETE", "/method", true),
        ("GET", "/method", false),
        ("GET", "/query?beta=on", true),
        ("GET", "/query?beta=off", false),
        ("GET", "/q-present?beta", true),
        ("GET", "/q-present", false),
        ("GET", "/prefixed", true),
        ("GET", "/pre", false),
    ] {
        assert_eq!(takes(method, path, &[]), taken, "{method} {path}");
    }
}

fn h2_takes(port: u16, host: &str) -> impl Fn(&str, &str, &[(&str, &str)]) -> bool {
    move |method, path, headers| {
        let call = Call {
            method,
            ..Call::get(port, host, path)
        };
        call.with(headers).send().unwrap().status == 200
    }
}

/// The gRPC status of a call.
fn grpc(port: u16, host: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut all = vec![("content-type", "application/grpc")];
    all.extend(headers);
    let reply = Call::get(port, host, path).grpc(&all).send().unwrap();
    format!("{} {}", reply.grpc_status(), reply.service())
}

fn grpc_rules(mut add: impl FnMut(&str, Value)) {
    for (name, condition, _, _) in HEADERS {
        let condition: Value = serde_json::from_str(condition).unwrap();
        let entry = crate::world::merged(json!({"name": "x-v"}), condition);
        add(
            name,
            json!({"serviceName": format!("h.{name}"), "metadata": [entry]}),
        );
    }
}

fn metadata_holds(port: u16, host: &str) {
    for (name, _, good, bad) in HEADERS {
        let asked = |value: Option<&str>| {
            let headers: Vec<(&str, &str)> = value.map(|value| ("x-v", value)).into_iter().collect();
            grpc(port, host, &format!("/h.{name}/Get"), &headers)
        };
        assert_eq!(asked(*good), "0 grpc", "{name}: {good:?}");
        assert_ne!(asked(*bad), "0 grpc", "{name}: {bad:?}");
    }
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let (h2, calls) = (Http2::start("h2"), Http2::start("grpc"));
    let mut plan = Plan::new();
    plan.node("h2", 8080, "http2", h2.port);
    plan.node("calls", 9090, "grpc", calls.port);
    plan.node("other", 9090, "grpc", calls.port);
    plan.served_by_router("h2.apps.local", "h2", 80, "http2");
    plan.served_by_router("calls.apps.local", "calls", 9090, "grpc");
    plan.served_by_router("named.apps.local", "named", 9091, "grpc");
    http_rules(|name, rule| plan.route(&format!("h2/{name}"), "http2Route", json!({"match": rule}), "h2"));
    let port = json!({"match": {"prefix": "/port", "port": 80}});
    plan.route("h2/port", "http2Route", port, "h2");
    grpc_rules(|name, rule| {
        plan.route(
            &format!("calls/{name}"),
            "grpcRoute",
            json!({"match": rule}),
            "calls",
        )
    });
    let named = json!({"match": {"serviceName": "demo.Greeter", "methodName": "Hello", "port": 9091}});
    plan.route("named/method", "grpcRoute", named, "calls");
    let service = json!({"match": {"serviceName": "demo.Other"}});
    plan.route("named/service", "grpcRoute", service, "calls");
    let targets = json!([
        {"virtualNode": "calls", "weight": 75, "port": 9090},
        {"virtualNode": "other", "weight": 25},
    ]);
    plan.set(
        "virtualRouter/named/route/weights",
        json!({"grpcRoute": {"match": {"serviceName": "demo.Weights"}, "action": {"weightedTargets": targets}}}),
    );
    let targets = json!([{"virtualNode": "h2", "weight": 75}, {"virtualNode": "other-h2", "weight": 25}]);
    plan.node("other-h2", 8080, "http2", h2.port);
    plan.set(
        "virtualRouter/h2/route/weights",
        json!({"http2Route": {"match": {"prefix": "/weights"}, "action": {"weightedTargets": targets}}}),
    );
    let proxy = plan.start(json!({}));

    sheet.row(
        "HTTP/2 routes: every condition",
        &[
            "route.spec.http2Route.match.{prefix,method,port}",
            "route.spec.http2Route.match.path.{exact,regex}",
            "route.spec.http2Route.match.headers.{name,invert}",
            "route.spec.http2Route.match.headers.match.{exact,prefix,suffix,regex,range.start,range.end}",
            "route.spec.http2Route.match.queryParameters.{name,match.exact}",
        ],
        "over HTTP/2, each condition with a request that meets it and one that just does not",
        || {
            http_holds(h2_takes(proxy.port, "h2.apps.local"));
            assert_eq!(
                Call::get(proxy.port, "h2.apps.local", "/port")
                    .send()
                    .unwrap()
                    .status,
                200
            );
        },
    );
    sheet.row(
        "gRPC routes: service and method",
        &["route.spec.grpcRoute.match.{serviceName,methodName,port}"],
        "`demo.Greeter/Hello` is taken, another method of it not; of `demo.Other` every method; a request that is no gRPC passes by",
        || {
            let call = |path: &str| grpc(proxy.port, "named.apps.local:9091", path, &[]);
            assert_eq!(call("/demo.Greeter/Hello"), "0 grpc");
            assert_ne!(call("/demo.Greeter/Bye"), "0 grpc");
            assert_eq!(call("/demo.Other/Any"), "0 grpc");
            let plain = Call::get(proxy.port, "named.apps.local", "/demo.Other/Any").send().unwrap();
            assert_eq!(plain.status, 404);
        },
    );
    sheet.row(
        "gRPC routes: metadata",
        &[
            "route.spec.grpcRoute.match.metadata.{name,invert}",
            "route.spec.grpcRoute.match.metadata.match.{exact,prefix,suffix,regex,range.start,range.end}",
        ],
        "each condition with a call that meets it and one that just does not",
        || metadata_holds(proxy.port, "calls.apps.local"),
    );
    sheet.row(
        "HTTP/2 and gRPC targets",
        &["route.spec.{http2Route,grpcRoute}.action.weightedTargets.{virtualNode,weight}"],
        "75 to 25: 200 requests of each kind are shared within five standard deviations (by the counters of the targets' clusters)",
        || {
            let of_both = |first: &str, second: &str| {
                let count = |cluster: &str| {
                    proxy.sum(&format!("^cluster.cds_egress_apps_{cluster}.upstream_rq_total$"))
                };
                (count(first), count(second))
            };
            for (first, second, is_grpc) in [
                ("h2_http2_8080", "other-h2_http2_8080", false),
                ("calls_grpc_9090", "other_grpc_9090", true),
            ] {
                let before = of_both(first, second);
                for _ in 0..200 {
                    if is_grpc {
                        assert_eq!(
                            grpc(proxy.port, "named.apps.local", "/demo.Weights/Get", &[]),
                            "0 grpc"
                        );
                    } else {
                        let call = Call::get(proxy.port, "h2.apps.local", "/weights");
                        assert_eq!(call.send().unwrap().status, 200);
                    }
                }
                let after = of_both(first, second);
                assert_eq!(after.0 - before.0 + after.1 - before.1, 200);
                assert!((20..=80).contains(&(after.1 - before.1)), "{after:?}");
            }
        },
    );
    gateway(sheet);
}

/// A gateway with a listener of each protocol.
fn fronts(http: u16, http2: u16, calls: u16) -> (Plan, [u16; 3]) {
    let mut plan = Plan::new();
    let ports = [free_port(), free_port(), free_port()];
    let listeners: Vec<Value> = ports
        .iter()
        .zip(["http", "http2", "grpc"])
        .map(|(port, protocol)| json!({"portMapping": {"port": port, "protocol": protocol}}))
        .collect();
    plan.set("virtualGateway/front", json!({"listeners": listeners}));
    for (name, protocol, port) in [
        ("http", "http", http),
        ("h2", "http2", http2),
        ("calls", "grpc", calls),
    ] {
        plan.node(name, 8080, protocol, port);
        plan.served_by_node(&format!("{name}.apps.local"), name);
    }
    (plan, ports)
}

fn gateway(sheet: &mut Sheet) {
    let (one, h2, calls) = (Http1::start("http"), Http2::start("h2"), Http2::start("grpc"));
    let (mut plan, [http_port, h2_port, grpc_port]) = fronts(one.port, h2.port, calls.port);
    let to = |service: &str| json!({"target": {"virtualService": {"virtualServiceName": format!("{service}.apps.local")}}});
    for (kind, service, port) in [("httpRoute", "http", http_port), ("http2Route", "h2", h2_port)] {
        http_rules(|name, rule| {
            let rule = crate::world::merged(rule, json!({"port": port}));
            let path = format!("virtualGateway/front/gatewayRoute/{service}-{name}");
            plan.set(&path, json!({kind: {"match": rule, "action": to(service)}}));
        });
    }
    grpc_rules(|name, rule| {
        let path = format!("virtualGateway/front/gatewayRoute/grpc-{name}");
        let rule = crate::world::merged(rule, json!({"port": grpc_port}));
        plan.set(
            &path,
            json!({"grpcRoute": {"match": rule, "action": to("calls")}}),
        );
    });
    let on_port = json!({"match": {"prefix": "/port", "port": h2_port}, "action": to("h2")});
    plan.set(
        "virtualGateway/front/gatewayRoute/port",
        json!({"http2Route": on_port}),
    );
    let named = json!({"match": {"serviceName": "demo.Greeter", "port": grpc_port, "hostname": {"exact": "calls.example.com"}},
        "action": to("calls")});
    plan.set(
        "virtualGateway/front/gatewayRoute/named",
        json!({"grpcRoute": named}),
    );
    let suffix = json!({"match": {"serviceName": "demo.Suffix", "port": grpc_port, "hostname": {"suffix": ".example.com"}},
        "action": crate::world::merged(to("calls"), json!({"rewrite": {"hostname": {"defaultTargetHostname": "DISABLED"}}}))});
    plan.set(
        "virtualGateway/front/gatewayRoute/suffix",
        json!({"grpcRoute": suffix}),
    );
    let inner = free_port();
    let proxy: TestedProxy = plan.run(
        "virtualGateway/front",
        json!({"interception": {"explicit": {"port": inner}}}),
    );

    sheet.row(
        "gateway routes, HTTP: every condition",
        &[
            "gatewayRoute.spec.httpRoute.match.{prefix,method,port}",
            "gatewayRoute.spec.httpRoute.match.path.{exact,regex}",
            "gatewayRoute.spec.httpRoute.match.headers.{name,invert}",
            "gatewayRoute.spec.httpRoute.match.headers.match.{exact,prefix,suffix,regex,range.start,range.end}",
            "gatewayRoute.spec.httpRoute.match.queryParameters.{name,match.exact}",
            "gatewayRoute.spec.httpRoute.action.target.virtualService.virtualServiceName",
            "virtualGateway.spec.listeners.portMapping.{port,protocol}",
        ],
        "over HTTP/1.1, each condition with a request that meets it and one that just does not; routes of the same paths for the port of another listener are not taken",
        || {
            let mut client = meshform_acceptance::http::Client::new(([127, 0, 0, 1], http_port).into());
            let client = std::sync::Mutex::new(&mut client);
            http_holds(|method, path, headers| {
                let answer = client.lock().unwrap().request(method, "x.example.com", path, headers);
                let answer = answer.unwrap();
                answer.status == 200 && answer.service() == "http"
            });
        },
    );
    sheet.row(
        "gateway routes, HTTP/2: every condition",
        &[
            "gatewayRoute.spec.http2Route.match.{prefix,method,port}",
            "gatewayRoute.spec.http2Route.match.path.{exact,regex}",
            "gatewayRoute.spec.http2Route.match.headers.{name,invert}",
            "gatewayRoute.spec.http2Route.match.headers.match.{exact,prefix,suffix,regex,range.start,range.end}",
            "gatewayRoute.spec.http2Route.match.queryParameters.{name,match.exact}",
            "gatewayRoute.spec.http2Route.action.target.virtualService.virtualServiceName",
        ],
        "over HTTP/2, the same; the HTTP listener does not know these routes",
        || {
            http_holds(h2_takes(h2_port, "x.example.com"));
            assert_eq!(Call::get(h2_port, "x.example.com", "/port").send().unwrap().service(), "h2");
            assert_eq!(Call::get(http_port, "x.example.com", "/port").send().unwrap().status, 404);
        },
    );
    sheet.row(
        "gateway routes, gRPC: metadata",
        &[
            "gatewayRoute.spec.grpcRoute.match.metadata.{name,invert}",
            "gatewayRoute.spec.grpcRoute.match.metadata.match.{exact,prefix,suffix,regex,range.start,range.end}",
            "gatewayRoute.spec.grpcRoute.action.target.virtualService.virtualServiceName",
        ],
        "each condition with a call that meets it and one that just does not",
        || metadata_holds(grpc_port, "x.example.com"),
    );
    sheet.row(
        "gateway routes, gRPC: service and host name",
        &[
            "gatewayRoute.spec.grpcRoute.match.{serviceName,port}",
            "gatewayRoute.spec.grpcRoute.match.hostname.{exact,suffix}",
            "gatewayRoute.spec.grpcRoute.action.rewrite.hostname.defaultTargetHostname",
        ],
        "`demo.Greeter` at `calls.example.com` alone, `demo.Suffix` at any name that ends in `.example.com`, with any port; the service sees its own name as host, or with DISABLED the caller's",
        || {
            let call = |host: &str, path: &str| grpc(grpc_port, host, path, &[]);
            assert_eq!(call("calls.example.com", "/demo.Greeter/Hello"), "0 grpc");
            assert_eq!(call("calls.example.com:443", "/demo.Greeter/Hello"), "0 grpc");
            assert_ne!(call("x.example.com", "/demo.Greeter/Hello"), "0 grpc");
            assert!(calls.log.last("/demo.Greeter/Hello").unwrap().contains("://calls.apps.local/"));
            assert_eq!(call("x.example.com", "/demo.Suffix/Hello"), "0 grpc");
            assert_ne!(call("example.com", "/demo.Suffix/Hello"), "0 grpc");
            assert!(calls.log.last("/demo.Suffix/Hello").unwrap().contains("://x.example.com/"));
            assert_eq!(call("x.example.com:443", "/demo.Suffix/Hello"), "0 grpc");
            assert!(calls.log.last("/demo.Suffix/Hello").unwrap().contains("://x.example.com:443/"));
        },
    );
    sheet.row(
        "names of a gateway",
        &["virtualGateway.spec.listeners.portMapping.port"],
        "listeners `lds_ingress_0.0.0.0_<port>` and `lds_egress_0.0.0.0_…`, clusters `…_self_redirect_<port>_<protocol>_15001` of a gateway with several listeners, statistics `ingress.<protocol>.<port>`; the inner listener is on the loopback address alone",
        || {
            let dump = proxy.envoy.config_dump().unwrap().to_string();
            for name in [
                format!("lds_ingress_0.0.0.0_{http_port}"),
                format!("lds_egress_0.0.0.0_{inner}"),
                format!("cds_ingress_apps_front_self_redirect_{http_port}_http_15001"),
                format!("rds_ingress_http_{http_port}"),
                "cds_egress_apps_http_http_8080".to_owned(),
            ] {
                assert!(dump.contains(&format!("\"name\":\"{name}\"")), "{name}");
            }
            assert!(dump.contains(&format!("\"stat_prefix\":\"ingress.http.{http_port}\"")));
            assert!(dump.contains(&format!("\"address\":\"127.0.0.1\",\"port_value\":{inner}")));
        },
    );
}

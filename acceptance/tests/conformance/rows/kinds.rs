//! What HTTP routes are shown to do elsewhere, on the other kinds of routes: target ports, retries' timeouts, rewrites and
//! host names of gateways.

use super::retries::id;
use crate::http2::{Call, Http2, Reply};
use crate::servers::{Http1, connect, free_port, tcp};
use crate::sheet::Sheet;
use crate::world::{Plan, millis};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

pub(crate) fn rows(sheet: &mut Sheet) {
    routes(sheet);
    gateway(sheet);
}

const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc")];

fn routes(sheet: &mut Sheet) {
    let (first, second) = (Http2::start("first"), Http2::start("second"));
    let ((line_first, _), (line_second, _)) = (tcp("first", false), tcp("second", false));
    let (calls, lines) = ([first.port, second.port], [line_first, line_second]);
    let mut plan = Plan::new();
    // Found by name: each listener's port is the one that is called.
    for (node, protocol, ports) in [("calls", "grpc", calls), ("lines", "tcp", lines)] {
        let listeners = ports.map(|port| json!({"portMapping": {"port": port, "protocol": protocol}}));
        plan.set(
            &format!("virtualNode/{node}"),
            json!({"listeners": listeners,
                "serviceDiscovery": {"dns": {"hostname": "localhost", "ipPreference": "IPv4_ONLY"}}}),
        );
    }
    let target = |node: &str, port: u16| json!({"weightedTargets": [{"virtualNode": node, "weight": 1, "port": port}]});
    let mut services = Vec::new();
    let mut own = [0, 0];
    for at in 0..2 {
        let name = format!("calls-{at}");
        plan.served_by_router(&format!("{name}.apps.local"), &name, 9090, "grpc");
        let rule = json!({"match": {}, "action": target("calls", calls[at])});
        plan.set(
            &format!("virtualRouter/{name}/route/all"),
            json!({"grpcRoute": rule}),
        );
        let name = format!("lines-{at}");
        plan.served_by_router(&format!("{name}.apps.local"), &name, 5432, "tcp");
        let rule = json!({"action": target("lines", lines[at])});
        plan.set(
            &format!("virtualRouter/{name}/route/all"),
            json!({"tcpRoute": rule}),
        );
        own[at] = free_port();
        services.push(json!({"virtualService": format!("{name}.apps.local"), "port": own[at]}));
    }
    plan.node("slow", 8080, "http2", first.port);
    plan.served_by_router("slow.apps.local", "slow", 8080, "http2");
    let retry = json!({"maxRetries": 2, "perRetryTimeout": millis(300), "httpRetryEvents": ["server-error"]});
    plan.route(
        "slow/all",
        "http2Route",
        json!({"match": {"prefix": "/"}, "retryPolicy": retry}),
        "slow",
    );
    plan.served_by_router("scheme.apps.local", "scheme", 8080, "http");
    for scheme in ["http", "https"] {
        let rule = json!({"match": {"prefix": format!("/{scheme}/"), "scheme": scheme}});
        plan.route(&format!("scheme/{scheme}"), "httpRoute", rule, "target");
    }
    let target = Http1::start("target");
    plan.node("target", 8080, "http", target.port);
    let proxy = plan.start(json!({"interception": {"explicit": {"services": services}}}));
    sheet.row(
        "scheme",
        &["route.spec.httpRoute.match.scheme"],
        "a request over HTTP/1.1, which is plain, meets `http` and not `https`; one over HTTP/2 meets the scheme that it says",
        || {
            let host = "scheme.apps.local";
            let plain = |path: &str| proxy.get(host, path, &[]).status;
            assert_eq!((plain("/http/"), plain("/https/")), (200, 404));
            let says = |scheme: &str, path: &str| {
                let call = Call::get(proxy.port, host, path);
                Call { scheme, ..call }.send().unwrap().status
            };
            assert_eq!((says("https", "/https/"), says("http", "/https/")), (200, 404));
            assert_eq!(says("https", "/http/"), 404);
        },
    );
    sheet.row(
        "target port, gRPC and TCP",
        &["route.spec.{grpcRoute,tcpRoute}.action.weightedTargets.port"],
        "of a node with two listeners the route reaches the one that it names",
        || {
            for (at, name) in ["first", "second"].into_iter().enumerate() {
                let host = format!("calls-{at}.apps.local");
                let reply = Call::get(proxy.port, &host, "/a.B/C").grpc(GRPC).send().unwrap();
                assert_eq!((reply.grpc_status(), reply.service()), ("0", name));
                let mut stream = BufReader::new(connect(&format!("127.0.0.1:{}", own[at])).unwrap());
                stream.get_mut().write_all(b"hello\n").unwrap();
                let mut answer = String::new();
                stream.read_line(&mut answer).unwrap();
                assert_eq!(answer, format!("{name}:hello\n"));
            }
        },
    );
    sheet.row_in_time(
        "HTTP/2: per-retry timeout",
        &["route.spec.http2Route.retryPolicy.perRetryTimeout"],
        "300 ms, with `server-error`: a slow first try is ended and the second answers",
        || {
            let id = id();
            let headers = &[("x-script", "3000ms,200"), ("x-id", id.as_str())];
            let start = Instant::now();
            let call = Call::get(proxy.port, "slow.apps.local", "/").with(headers);
            assert_eq!(call.send().unwrap().status, 200);
            assert!(start.elapsed() < Duration::from_millis(2500));
            assert_eq!(first.log.count(&format!("x-id: {id}\r\n")), 2);
        },
    );
}

/// A gateway with an HTTP/2 and a gRPC listener before services that a router provides on two ports.
fn gateway(sheet: &mut Sheet) {
    let (first, second) = (Http2::start("first"), Http2::start("second"));
    let (http, calls) = (free_port(), free_port());
    let mut plan = Plan::new();
    plan.set(
        "virtualGateway/front",
        json!({"listeners": [
            {"portMapping": {"port": http, "protocol": "http2"}},
            {"portMapping": {"port": calls, "protocol": "grpc"}},
        ]}),
    );
    for (service, protocol, kind) in [("web", "http2", "http2Route"), ("calls", "grpc", "grpcRoute")] {
        let listeners = [80, 81].map(|port| json!({"portMapping": {"port": port, "protocol": protocol}}));
        plan.set(
            &format!("virtualRouter/{service}"),
            json!({ "listeners": listeners }),
        );
        for (port, node, at) in [(80, "first", first.port), (81, "second", second.port)] {
            let node = format!("{service}-{node}");
            plan.node(&node, 8080, protocol, at);
            let mut matches = json!({ "port": port });
            if protocol == "http2" {
                matches["prefix"] = json!("/");
            }
            plan.route(
                &format!("{service}/on-{port}"),
                kind,
                json!({ "match": matches }),
                &node,
            );
        }
        plan.set(
            &format!("virtualService/{service}.apps.local"),
            json!({"provider": {"virtualRouter": {"virtualRouterName": service}}}),
        );
    }
    let mut add = |name: &str, (matches, port, rewrite): (Value, u16, Value)| {
        let target = json!({"virtualService": {"virtualServiceName": "web.apps.local"}, "port": port});
        let mut rule = json!({"match": matches, "action": {"target": target}});
        rule["match"]["port"] = json!(http);
        if !rewrite.is_null() {
            rule["action"]["rewrite"] = rewrite;
        }
        plan.set(
            &format!("virtualGateway/front/gatewayRoute/{name}"),
            json!({"http2Route": rule}),
        );
    };
    let none = || Value::Null;
    add("chapter", (json!({"prefix": "/chapter"}), 80, none()));
    add("other-port", (json!({"prefix": "/p81"}), 81, none()));
    let kept =
        json!({"prefix": {"defaultPrefix": "DISABLED"}, "hostname": {"defaultTargetHostname": "DISABLED"}});
    add("kept", (json!({"prefix": "/kept"}), 80, kept));
    let value = json!({"prefix": {"value": "/new/"}});
    add("old", (json!({"prefix": "/old/"}), 80, value));
    let path = json!({"path": {"exact": "/other"}});
    add("exact", (json!({"path": {"exact": "/exact"}}), 80, path));
    let named = json!({"prefix": "/", "hostname": {"exact": "second.example.com"}});
    add("named", (named, 81, none()));
    let suffixed = json!({"prefix": "/", "hostname": {"suffix": ".example.org"}});
    add("suffixed", (suffixed, 81, none()));
    for port in [80, 81] {
        let target = json!({"virtualService": {"virtualServiceName": "calls.apps.local"}, "port": port});
        let matches = json!({"serviceName": format!("demo.On{port}"), "port": calls});
        plan.set(
            &format!("virtualGateway/front/gatewayRoute/calls-{port}"),
            json!({"grpcRoute": {"match": matches, "action": {"target": target}}}),
        );
    }
    let explicit = json!({"interception": {"explicit": {"port": free_port()}}});
    let _proxy = plan.run("virtualGateway/front", explicit);
    let ask = |host: &str, path: &str| Call::get(http, host, path).send().unwrap();
    // The request line as the service saw it: `GET http://host/path`.
    let line = |reply: &Reply| reply.body.lines().next().unwrap_or_default().to_owned();
    let seen = |path: &str| line(&ask("shop.example.com", path));

    sheet.row(
        "gateway routes, HTTP/2: rewrites",
        &[
            "gatewayRoute.spec.http2Route.action.rewrite.hostname.defaultTargetHostname",
            "gatewayRoute.spec.http2Route.action.rewrite.path.exact",
            "gatewayRoute.spec.http2Route.action.rewrite.prefix.{defaultPrefix,value}",
        ],
        "over HTTP/2 as over HTTP/1.1: a prefix becomes `/`, or the given one, or stays with DISABLED; a path becomes the given one; the host becomes the service's (with the port, of a service that has several), or stays with DISABLED; the query stays",
        || {
            assert_eq!(seen("/chapter/1?q"), "GET http://web.apps.local:80/1?q");
            assert_eq!(seen("/chapter"), "GET http://web.apps.local:80/");
            assert_eq!(seen("/old/1?q"), "GET http://web.apps.local:80/new/1?q");
            assert_eq!(seen("/exact?a=1"), "GET http://web.apps.local:80/other?a=1");
            assert_eq!(seen("/kept/1"), "GET http://shop.example.com/kept/1");
        },
    );
    sheet.row(
        "gateway routes, HTTP/2: host names",
        &["gatewayRoute.spec.http2Route.match.hostname.{exact,suffix}"],
        "an exact name, and what ends in a suffix; other names get 404",
        || {
            let by = |host: &str| ask(host, "/x").service().to_owned();
            assert_eq!(by("second.example.com"), "second");
            assert_eq!(by("a.example.org"), "second");
            assert_eq!(by("a.b.example.org"), "second");
            for host in ["example.org", "third.example.com"] {
                assert_eq!(ask(host, "/x").status, 404, "{host}");
            }
        },
    );
    sheet.row(
        "gateway routes, HTTP/2 and gRPC: target port",
        &["gatewayRoute.spec.{http2Route,grpcRoute}.action.target.port"],
        "each gateway route reaches the router listener that it names",
        || {
            assert_eq!(ask("shop.example.com", "/chapter").service(), "first");
            assert_eq!(ask("shop.example.com", "/p81").service(), "second");
            for (path, name) in [("/demo.On80/Get", "first"), ("/demo.On81/Get", "second")] {
                let reply = Call::get(calls, "shop.example.com", path)
                    .grpc(GRPC)
                    .send()
                    .unwrap();
                assert_eq!((reply.grpc_status(), reply.service()), ("0", name), "{path}");
            }
        },
    );
}

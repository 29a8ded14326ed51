//! Who ends a request or a connection that takes too long, and when.

use crate::http2::{Call, Http2};
use crate::servers::{Http1, connect, free_port, tcp};
use crate::sheet::Sheet;
use crate::world::{Plan, TestedProxy, merged, millis, seconds};
use meshform_acceptance::http::Client;
use serde_json::{Value, json};
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

const SLOW: &[(&str, &str)] = &[("x-script", "3000ms")];
const SLOW_GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("x-script", "3000ms")];

/// Milliseconds that it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, u128) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_millis())
}

fn cut(taken: u128) {
    assert!((250..2200).contains(&taken), "{taken} ms");
}

/// How long a silent connection stays open: until it is closed, or two seconds are over.
fn silence(port: u16) -> u128 {
    let mut stream = connect(&format!("127.0.0.1:{port}")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    timed(|| {
        let mut byte = [0];
        let _ = stream.read(&mut byte);
    })
    .1
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let (one, h2, line) = (Http1::start("one"), Http2::start("h2"), tcp("line", false).0);
    let mut plan = Plan::new();
    plan.node("one", 8080, "http", one.port);
    plan.node("h2", 8080, "http2", h2.port);
    plan.node("calls", 9090, "grpc", h2.port);
    plan.node("line", 5432, "tcp", line);
    for (router, kind, (protocol, node)) in [
        ("one", "httpRoute", ("http", "one")),
        ("h2", "http2Route", ("http2", "h2")),
        ("calls", "grpcRoute", ("grpc", "calls")),
    ] {
        let port = if protocol == "grpc" { 9090 } else { 80 };
        plan.served_by_router(&format!("{router}.apps.local"), router, port, protocol);
        for (name, timeout) in [
            ("request", json!({"perRequest": millis(300)})),
            ("idle", json!({"perRequest": seconds(0), "idle": millis(300)})),
            ("default", json!({})),
            ("off", json!({"perRequest": seconds(0)})),
        ] {
            let rule = match kind {
                "grpcRoute" => json!({"serviceName": name}),
                _ => json!({"prefix": format!("/{name}")}),
            };
            let retry =
                json!({"maxRetries": 0, "perRetryTimeout": seconds(0), "httpRetryEvents": ["server-error"]});
            let rule = json!({"match": rule, "timeout": timeout, "retryPolicy": retry});
            plan.route(&format!("{router}/{name}"), kind, rule, node);
        }
    }
    plan.served_by_node("node.apps.local", "one");
    let lines = [
        ("line-cut", json!({"idle": millis(400)})),
        ("line-off", json!({"idle": seconds(0)})),
    ];
    let mut services = Vec::new();
    let mut line_ports = Vec::new();
    for (at, (name, timeout)) in lines.into_iter().enumerate() {
        plan.served_by_router(&format!("{name}.apps.local"), name, 5432 + at as u16, "tcp");
        plan.route(
            &format!("{name}/all"),
            "tcpRoute",
            json!({"timeout": timeout}),
            "line",
        );
        let port = free_port();
        services.push(json!({"virtualService": format!("{name}.apps.local"), "port": port}));
        line_ports.push(port);
    }
    // A gateway before the same service, to see that its first pass cuts nothing.
    let front = free_port();
    plan.set(
        "virtualGateway/front",
        json!({"listeners": [{"portMapping": {"port": front, "protocol": "http"}}]}),
    );
    plan.set(
        "virtualGateway/front/gatewayRoute/all",
        json!({"httpRoute": {"match": {"prefix": "/off"}, "action": {
            "target": {"virtualService": {"virtualServiceName": "one.apps.local"}},
            "rewrite": {"prefix": {"defaultPrefix": "DISABLED"}, "hostname": {"defaultTargetHostname": "DISABLED"}},
        }}}),
    );
    let profile = json!({"interception": {"explicit": {"services": services}}});
    let proxy = plan.start(profile);
    let gateway = plan.run(
        "virtualGateway/front",
        json!({"interception": {"explicit": {"port": free_port()}}}),
    );

    sheet.row_in_time(
        "request timeout of a route",
        &["route.spec.{httpRoute,http2Route,grpcRoute}.timeout.perRequest"],
        "300 ms against a service that takes 3 s: 504, over HTTP/2 too, and gRPC's unavailable, each after 300 ms",
        || {
            let (answer, taken) = timed(|| proxy.get("one.apps.local", "/request", SLOW));
            assert_eq!(answer.status, 504);
            cut(taken);
            let call = Call::get(proxy.port, "h2.apps.local", "/request").with(SLOW);
            let (answer, taken) = timed(|| call.send().unwrap());
            assert_eq!(answer.status, 504);
            cut(taken);
            let call = Call::get(proxy.port, "calls.apps.local", "/request/Get").grpc(SLOW_GRPC);
            let (answer, taken) = timed(|| call.send().unwrap());
            assert_ne!(answer.grpc_status(), "0");
            cut(taken);
        },
    );
    sheet.row_in_time(
        "idle timeout of a route",
        &["route.spec.{httpRoute,http2Route,grpcRoute}.timeout.idle"],
        "300 ms without a byte end a stream: before the answer, and in its midst; with `perRequest` 0 nothing else does",
        || {
            let (answer, taken) = timed(|| proxy.get("one.apps.local", "/idle", SLOW));
            assert!(answer.status >= 500, "{}", answer.status);
            cut(taken);
            let stalled = || proxy.client().get("one.apps.local", "/idle", &[("x-script", "stall")]);
            let (answer, taken) = timed(stalled);
            assert!(answer.is_err());
            cut(taken);
            let call = Call::get(proxy.port, "h2.apps.local", "/idle").with(SLOW);
            cut(timed(|| call.send()).1);
            let call = Call::get(proxy.port, "calls.apps.local", "/idle/Get").grpc(SLOW_GRPC);
            cut(timed(|| call.send()).1);
        },
    );
    sheet.row_in_time(
        "idle timeout of a TCP route",
        &["route.spec.tcpRoute.timeout.idle"],
        "400 ms without a byte close the connection; with 0 it is still open after two seconds",
        || {
            let taken = silence(line_ports[0]);
            assert!((300..1500).contains(&taken), "{taken} ms");
            assert!(silence(line_ports[1]) >= 2000);
        },
    );
    let slow: &[(&str, &str)] = &[("x-script", "17000ms")];
    let (mut default, mut off, mut by_node, mut through) = (None, None, None, None);
    thread::scope(|scope| {
        let ask = |host: &'static str, path: &'static str| {
            let proxy = &proxy;
            scope.spawn(move || timed(|| proxy.get(host, path, slow).status))
        };
        let waiting = (
            ask("one.apps.local", "/default"),
            ask("one.apps.local", "/off"),
            ask("node.apps.local", "/"),
        );
        let gateway = scope.spawn(|| {
            let mut client = Client::new(([127, 0, 0, 1], front).into());
            timed(|| client.get("shop.example.com", "/off", slow).unwrap().status)
        });
        // The listeners' rows run while these wait.
        listeners(sheet);
        default = waiting.0.join().ok();
        off = waiting.1.join().ok();
        by_node = waiting.2.join().ok();
        through = gateway.join().ok();
    });
    let at_fifteen = |seen: Option<(u16, u128)>| {
        let (status, taken) = seen.unwrap();
        assert_eq!(status, 504);
        assert!((14_500..16_950).contains(&taken), "{taken} ms");
    };
    let kept = |seen: Option<(u16, u128)>| {
        let (status, taken) = seen.unwrap();
        assert_eq!(status, 200);
        assert!(taken >= 16_900, "{taken} ms");
    };
    sheet.row(
        "default request timeout",
        &["route.spec.httpRoute.timeout.perRequest"],
        "15 s: a service that takes 17 s is cut with 504 then; also with a node as provider, which has no timeout to set",
        || {
            at_fifteen(default);
            at_fifteen(by_node);
        },
    );
    sheet.row(
        "request timeout 0",
        &["route.spec.httpRoute.timeout.perRequest"],
        "switches it off: the service that takes 17 s answers with 200",
        || kept(off),
    );
    sheet.row(
        "timeouts behind a gateway",
        &["route.spec.httpRoute.timeout.perRequest"],
        "the gateway's first pass cuts nothing that the route allows, also when the host is kept: 17 s, 200",
        || kept(through),
    );
    drop(gateway);
}

/// A node's own proxy, before applications that are slow.
fn listeners(sheet: &mut Sheet) {
    let (one, h2, line) = (Http1::start("one"), Http2::start("h2"), tcp("line", false).0);
    let mut plan = Plan::new();
    let mut listeners = Vec::new();
    let mut apps = Vec::new();
    let mut ports = Vec::new();
    let both = |request: Value, idle: Value| json!({"perRequest": request, "idle": idle});
    for (protocol, app, timeout) in [
        ("http", one.port, both(millis(300), seconds(5))),
        ("http2", h2.port, both(millis(300), seconds(5))),
        ("grpc", h2.port, both(millis(300), seconds(5))),
        ("http", one.port, both(seconds(0), millis(300))),
        ("http2", h2.port, both(seconds(0), millis(300))),
        ("grpc", h2.port, both(seconds(0), millis(300))),
        ("tcp", line, json!({"idle": millis(400)})),
        ("tcp", line, json!({"idle": seconds(0)})),
    ] {
        let port = free_port();
        let mapping = json!({"portMapping": {"port": port, "protocol": protocol}});
        listeners.push(merged(mapping, json!({"timeout": {protocol: timeout}})));
        apps.push(json!({"listenerPort": port, "appPort": app}));
        ports.push(port);
    }
    plan.set("virtualNode/api", json!({"listeners": listeners}));
    let profile = json!({"interception": {"explicit": {"port": free_port()}}, "inbound": {"appPorts": apps}});
    let _proxy: TestedProxy = plan.run("virtualNode/api", profile);
    let ask = |port: u16| {
        timed(|| {
            Client::new(([127, 0, 0, 1], port).into())
                .get("api", "/", SLOW)
                .map_or(0, |answer| answer.status)
        })
    };
    sheet.row_in_time(
        "request timeout of a listener",
        &["virtualNode.spec.listeners.timeout.{http,http2,grpc}.perRequest"],
        "300 ms at the service's own proxy, whoever calls: 504 over HTTP/1.1 and HTTP/2, a failed call over gRPC",
        || {
            let (status, taken) = ask(ports[0]);
            assert_eq!(status, 504);
            cut(taken);
            let (answer, taken) = timed(|| Call::get(ports[1], "api", "/").with(SLOW).send().unwrap());
            assert_eq!(answer.status, 504);
            cut(taken);
            let (answer, taken) = timed(|| Call::get(ports[2], "api", "/a/B").grpc(SLOW_GRPC).send().unwrap());
            assert_ne!(answer.grpc_status(), "0");
            cut(taken);
        },
    );
    sheet.row_in_time(
        "idle timeout of a listener",
        &["virtualNode.spec.listeners.timeout.{http,http2,grpc}.idle"],
        "300 ms without a byte end the stream, in each of the three protocols",
        || {
            let (status, taken) = ask(ports[3]);
            assert_ne!(status, 200);
            cut(taken);
            cut(timed(|| Call::get(ports[4], "api", "/").with(SLOW).send()).1);
            cut(timed(|| Call::get(ports[5], "api", "/a/B").grpc(SLOW_GRPC).send()).1);
        },
    );
    sheet.row_in_time(
        "idle timeout of a TCP listener",
        &["virtualNode.spec.listeners.timeout.tcp.idle"],
        "400 ms without a byte close the connection; with 0 it is still open after two seconds",
        || {
            let taken = silence(ports[6]);
            assert!((300..1500).contains(&taken), "{taken} ms");
            assert!(silence(ports[7]) >= 2000);
        },
    );
}

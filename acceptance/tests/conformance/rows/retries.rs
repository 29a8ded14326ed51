//! What is tried again, how often, and how long each try may take.

use crate::http2::{Call, Http2};
use crate::servers::{Http1, free_port};
use crate::sheet::Sheet;
use crate::world::{Plan, TestedProxy, millis, seconds};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const HOST: &str = "api.apps.local";

/// An id that no other request has.
/// A name that no other request has.
pub(crate) fn id() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("r{}", NEXT.fetch_add(1, Ordering::SeqCst))
}

/// The final status of a request to `path` whose tries follow `script`, and how many tries the service saw.
fn tries(proxy: &TestedProxy, service: &Http1, path: &str, script: &str) -> (u16, usize) {
    let id = id();
    let answer = proxy.get(HOST, path, &[("x-id", &id), ("x-script", script)]);
    (answer.status, service.log.count(&format!("x-id: {id}\r\n")))
}

/// The same of a gRPC call: its gRPC status.
fn calls(proxy: &TestedProxy, service: &Http2, host: &str, script: &str) -> (String, usize) {
    let id = id();
    let headers = [
        ("content-type", "application/grpc"),
        ("x-id", &id),
        ("x-script", script),
    ];
    let reply = Call::get(proxy.port, host, "/demo.Greeter/Hello")
        .grpc(&headers)
        .send()
        .unwrap();
    (
        reply.grpc_status().to_owned(),
        service.log.count(&format!("x-id: {id}\r\n")),
    )
}

fn policy(events: Value, retries: u64, per_try: Value) -> Value {
    crate::world::merged(json!({"maxRetries": retries, "perRetryTimeout": per_try}), events)
}

pub(crate) fn rows(sheet: &mut Sheet) {
    http(sheet);
    grpc(sheet);
}

fn http(sheet: &mut Sheet) {
    let service = Http1::start("api");
    let mut plan = Plan::new();
    plan.node("api", 8080, "http", service.port);
    plan.node("closed", 8080, "http", free_port());
    plan.served_by_router(HOST, "api", 80, "http");
    plan.served_by_node("node.apps.local", "api");
    let mut with = |name: &str, node: &str, policy: Value| {
        let rule = json!({"match": {"prefix": format!("/{name}")}, "retryPolicy": policy,
            "timeout": {"perRequest": seconds(0)}});
        plan.route(&format!("api/{name}"), "httpRoute", rule, node);
    };
    for event in ["server-error", "gateway-error", "client-error", "stream-error"] {
        with(
            event,
            "api",
            policy(json!({"httpRetryEvents": [event]}), 2, seconds(5)),
        );
    }
    with(
        "connection-error",
        "closed",
        policy(json!({"tcpRetryEvents": ["connection-error"]}), 3, seconds(5)),
    );
    with(
        "five",
        "api",
        policy(json!({"httpRetryEvents": ["gateway-error"]}), 5, seconds(10)),
    );
    with(
        "never",
        "api",
        policy(json!({"httpRetryEvents": ["server-error"]}), 0, seconds(5)),
    );
    with(
        "slow",
        "api",
        policy(json!({"httpRetryEvents": ["server-error"]}), 2, millis(300)),
    );
    with(
        "client-slow",
        "api",
        policy(json!({"httpRetryEvents": ["client-error"]}), 2, millis(300)),
    );
    with(
        "unlimited",
        "api",
        policy(json!({"httpRetryEvents": ["server-error"]}), 1, seconds(0)),
    );
    plan.route(
        "api/default",
        "httpRoute",
        json!({"match": {"prefix": "/default"}}),
        "api",
    );
    let paused = json!({"spec": {"httpRoute": {
            "match": {"prefix": "/paused"},
            "action": {"weightedTargets": [{"virtualNode": "api", "weight": 1}]},
            "retryPolicy": policy(json!({"httpRetryEvents": ["server-error"]}), 8, seconds(5)),
            "timeout": {"perRequest": seconds(0)},
        }}, "extensions": {"retryBackOff": {"baseInterval": millis(400), "maxInterval": millis(400)}}});
    plan.set("virtualRouter/api/route/paused", paused);
    let proxy = plan.start(json!({}));
    let tries = |path: &str, script: &str| tries(&proxy, &service, path, script);

    sheet.row(
        "server-error",
        &["route.spec.httpRoute.retryPolicy.httpRetryEvents"],
        "each of 500 to 508, 510, 511 and a closed connection is tried again; 404, 409 and 509 are not",
        || {
            for script in [
                "500", "501", "502", "503", "504", "505", "506", "507", "508", "510", "511", "reset",
            ] {
                assert_eq!(
                    tries("/server-error", &format!("{script},200")),
                    (200, 2),
                    "{script}"
                );
            }
            for status in [404, 409, 509] {
                assert_eq!(tries("/server-error", &status.to_string()), (status, 1));
            }
        },
    );
    sheet.row(
        "gateway-error",
        &["route.spec.httpRoute.retryPolicy.httpRetryEvents"],
        "502, 503, 504 and a closed connection are tried again; 500 and 409 are not",
        || {
            for script in ["502", "503", "504", "reset"] {
                assert_eq!(
                    tries("/gateway-error", &format!("{script},200")),
                    (200, 2),
                    "{script}"
                );
            }
            assert_eq!(tries("/gateway-error", "500"), (500, 1));
            assert_eq!(tries("/gateway-error", "409"), (409, 1));
        },
    );
    sheet.row(
        "client-error",
        &["route.spec.httpRoute.retryPolicy.httpRetryEvents"],
        "409 is tried again; 404 and 503 are not",
        || {
            assert_eq!(tries("/client-error", "409,200"), (200, 2));
            assert_eq!(tries("/client-error", "404"), (404, 1));
            assert_eq!(tries("/client-error", "503"), (503, 1));
        },
    );
    sheet.row(
        "stream-error, not over HTTP/1.1",
        &["route.spec.httpRoute.retryPolicy.httpRetryEvents"],
        "a status or a closed connection is no refused stream: 503 and a reset are not tried again",
        || {
            assert_eq!(tries("/stream-error", "503"), (503, 1));
            assert_eq!(tries("/stream-error", "reset,200").1, 1);
        },
    );
    sheet.row(
        "connection-error",
        &["route.spec.httpRoute.retryPolicy.tcpRetryEvents"],
        "three retries to a closed port make four connections, then 503",
        || {
            let failed = || proxy.sum("^cluster.cds_egress_apps_closed_http_8080.upstream_cx_connect_fail$");
            let before = failed();
            assert_eq!(proxy.get(HOST, "/connection-error", &[]).status, 503);
            assert_eq!(failed() - before, 4);
        },
    );
    sheet.row(
        "how many retries",
        &["route.spec.httpRoute.retryPolicy.maxRetries"],
        "5: five failures are overcome, six are not (six tries at most); 0: one try",
        || {
            assert_eq!(tries("/five", "503,503,503,503,503,200"), (200, 6));
            assert_eq!(tries("/five", "503"), (503, 6));
            assert_eq!(tries("/never", "503"), (503, 1));
        },
    );
    sheet.row_in_time(
        "five retries, perRetryTimeout 10 s: no pause",
        &["route.spec.httpRoute.retryPolicy.{maxRetries,perRetryTimeout}"],
        "`perRetryTimeout` limits a try and is no pause: five quick failures are overcome in under two seconds",
        || {
            let start = Instant::now();
            assert_eq!(tries("/five", "503,503,503,503,503,200").0, 200);
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        },
    );
    sheet.row_in_time(
        "per-retry timeout",
        &["route.spec.httpRoute.retryPolicy.perRetryTimeout"],
        "a try that takes longer is ended and, with `server-error`, tried again: 300 ms, three tries, then 504; 0 waits",
        || {
            let start = Instant::now();
            assert_eq!(tries("/slow", "1500ms"), (504, 3));
            let taken = start.elapsed().as_millis();
            assert!((800..1600).contains(&taken), "{taken} ms");
            assert_eq!(tries("/slow", "1500ms,200"), (200, 2));
            assert_eq!(tries("/client-slow", "1500ms"), (504, 1));
            assert_eq!(tries("/unlimited", "700ms"), (200, 1));
        },
    );
    sheet.row(
        "default retries",
        &["route.spec.httpRoute.retryPolicy.maxRetries"],
        "a route without policy, and a node as provider: two retries after 503 and a closed connection, none after 500",
        || {
            assert_eq!(tries("/default", "503,reset,200"), (200, 3));
            assert_eq!(tries("/default", "503"), (503, 3));
            assert_eq!(tries("/default", "500"), (500, 1));
            let id = id();
            let headers = [("x-id", id.as_str()), ("x-script", "503,503,200")];
            assert_eq!(proxy.get("node.apps.local", "/", &headers).status, 200);
        },
    );
    sheet.row_in_time(
        "`extensions.retryBackOff`",
        &["route.extensions.retryBackOff.{baseInterval,maxInterval}"],
        "a pause before each retry, random up to 400 ms: eight of them take over 400 ms in all, and none over 500 ms",
        || {
            let id = id();
            proxy.get(HOST, "/paused", &[("x-id", &id), ("x-script", "503")]);
            let times = service.log.times(&format!("x-id: {id}\r\n"));
            let gaps: Vec<u128> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
            assert_eq!(gaps.len(), 8);
            assert!(gaps.iter().sum::<u128>() > 400 && gaps.iter().all(|gap| *gap < 500), "{gaps:?}");
        },
    );
}

fn grpc(sheet: &mut Sheet) {
    let service = Http2::start("grpc");
    let mut plan = Plan::new();
    plan.node("grpc", 9090, "grpc", service.port);
    plan.node("h2", 8080, "http2", service.port);
    plan.node("closed", 9090, "grpc", free_port());
    plan.node("closed-h2", 8080, "http2", free_port());
    let events = [
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    ];
    for event in events {
        let router = format!("{event}-router");
        plan.served_by_router(&format!("{event}.apps.local"), &router, 9090, "grpc");
        let rule =
            json!({"match": {}, "retryPolicy": policy(json!({"grpcRetryEvents": [event]}), 2, seconds(5))});
        plan.route(&format!("{router}/all"), "grpcRoute", rule, "grpc");
    }
    for (name, kind, node) in [
        ("grpc-http", "grpcRoute", "grpc"),
        ("grpc-tcp", "grpcRoute", "closed"),
        ("grpc-slow", "grpcRoute", "grpc"),
        ("h2-stream", "http2Route", "h2"),
        ("h2-server", "http2Route", "h2"),
        ("h2-tcp", "http2Route", "closed-h2"),
    ] {
        let protocol = if kind == "grpcRoute" { "grpc" } else { "http2" };
        plan.served_by_router(&format!("{name}.apps.local"), name, 9090, protocol);
        let events = match name {
            "grpc-http" => json!({"httpRetryEvents": ["gateway-error", "stream-error"]}),
            "grpc-slow" | "h2-server" => json!({"httpRetryEvents": ["server-error"]}),
            "h2-stream" => json!({"httpRetryEvents": ["stream-error"]}),
            _ => json!({"tcpRetryEvents": ["connection-error"]}),
        };
        let matches = if kind == "grpcRoute" {
            json!({})
        } else {
            json!({"prefix": "/"})
        };
        let limit = if name == "grpc-slow" {
            millis(300)
        } else {
            seconds(5)
        };
        let rule = json!({"match": matches, "retryPolicy": policy(events, 2, limit)});
        plan.route(&format!("{name}/all"), kind, rule, node);
    }
    let proxy = plan.start(json!({}));
    let calls = |host: &str, script: &str| calls(&proxy, &service, &format!("{host}.apps.local"), script);

    sheet.row(
        "gRPC events",
        &["route.spec.grpcRoute.retryPolicy.grpcRetryEvents"],
        "cancelled (1), deadline-exceeded (4), internal (13), resource-exhausted (8), unavailable (14): each is tried again by its own event and by no other",
        || {
            for (event, code) in events.into_iter().zip(["1", "4", "13", "8", "14"]) {
                assert_eq!(calls(event, &format!("grpc:{code},200")), ("0".to_owned(), 2), "{event}");
                let other = if code == "14" { "13" } else { "14" };
                assert_eq!(calls(event, &format!("grpc:{other}")), (other.to_owned(), 1), "{event}");
            }
        },
    );
    sheet.row(
        "gRPC: how many retries",
        &["route.spec.grpcRoute.retryPolicy.maxRetries"],
        "2: three tries at most",
        || assert_eq!(calls("unavailable", "grpc:14"), ("14".to_owned(), 3)),
    );
    sheet.row(
        "gRPC: HTTP events",
        &["route.spec.grpcRoute.retryPolicy.httpRetryEvents"],
        "`gateway-error` and `stream-error`: 503 and a refused stream are tried again, gRPC's unavailable is not",
        || {
            assert_eq!(calls("grpc-http", "503,200"), ("0".to_owned(), 2));
            assert_eq!(calls("grpc-http", "refused,200"), ("0".to_owned(), 2));
            assert_eq!(calls("grpc-http", "grpc:14"), ("14".to_owned(), 1));
        },
    );
    sheet.row(
        "gRPC and HTTP/2: connection-error",
        &["route.spec.{grpcRoute,http2Route}.retryPolicy.tcpRetryEvents"],
        "two retries to a closed port make three connections",
        || {
            let failed = || proxy.sum("^cluster.cds_egress_apps_closed.*upstream_cx_connect_fail$");
            for host in ["grpc-tcp", "h2-tcp"] {
                let before = failed();
                calls(host, "200");
                assert_eq!(failed() - before, 3, "{host}");
            }
        },
    );
    sheet.row_in_time(
        "gRPC: per-retry timeout",
        &["route.spec.grpcRoute.retryPolicy.perRetryTimeout"],
        "300 ms, with `server-error`: a slow first try is ended and the second answers",
        || {
            let start = Instant::now();
            assert_eq!(calls("grpc-slow", "1500ms,200"), ("0".to_owned(), 2));
            assert!(start.elapsed() < Duration::from_millis(1200));
        },
    );
    sheet.row(
        "HTTP/2: stream-error",
        &["route.spec.http2Route.retryPolicy.{httpRetryEvents,maxRetries}"],
        "a refused stream is tried again twice; another reset and 503 are not; `server-error` takes these",
        || {
            assert_eq!(calls("h2-stream", "refused,refused,200").1, 3);
            assert_eq!(calls("h2-stream", "internal").1, 1);
            assert_eq!(calls("h2-stream", "503").1, 1);
            assert_eq!(calls("h2-server", "internal,503,200").1, 3);
        },
    );
}

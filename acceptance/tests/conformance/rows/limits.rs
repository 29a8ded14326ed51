//! Connection pools, which shed what is too much; outlier detection and health checks, which avoid what is broken.

use crate::http2::{Call, Http2};
use crate::servers::{Http1, connect, free_port, tcp};
use crate::sheet::{Sheet, eventually};
use crate::world::{Plan, TestedProxy, merged, seconds};
use meshform_acceptance::envoy::Admin;
use meshform_acceptance::http::Client;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::thread;
use std::time::{Duration, Instant};

const SLOW: &[(&str, &str)] = &[("x-script", "1200ms")];
const SLOW_GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("x-script", "1200ms")];

/// What so many requests at once ended with, sorted.
fn together<T: Send + Ord>(count: usize, ask: impl Fn() -> T + Sync) -> Vec<T> {
    let mut answers: Vec<T> = thread::scope(|scope| {
        let one = |_| {
            // One after the other, so that the first has its connection before the next wants one.
            thread::sleep(Duration::from_millis(80));
            scope.spawn(&ask)
        };
        let asking: Vec<_> = (0..count).map(one).collect();
        asking.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    answers.sort();
    answers
}

fn http(port: u16) -> u16 {
    let mut client = Client::new(([127, 0, 0, 1], port).into());
    client
        .get("api.example.com", "/", SLOW)
        .map_or(0, |answer| answer.status)
}

fn h2(port: u16) -> u16 {
    Call::get(port, "api.example.com", "/")
        .with(SLOW)
        .send()
        .unwrap()
        .status
}

fn grpc(port: u16) -> String {
    let call = Call::get(port, "api.example.com", "/a/B").grpc(SLOW_GRPC);
    call.send().unwrap().grpc_status().to_owned()
}

const POOLS: [(&str, &str); 3] = [
    ("http", r#"{"maxConnections": 1, "maxPendingRequests": 1}"#),
    ("http2", r#"{"maxRequests": 1}"#),
    ("grpc", r#"{"maxRequests": 1}"#),
];

pub(crate) fn pools(sheet: &mut Sheet) {
    let (one, two) = (Http1::start("one"), Http2::start("h2"));
    let line = tcp("line", false).0;
    let mut plan = Plan::new();
    let (mut listeners, mut apps, mut ports) = (Vec::new(), Vec::new(), Vec::new());
    let pools = POOLS.into_iter().chain([("tcp", r#"{"maxConnections": 1}"#)]);
    for ((protocol, pool), app) in pools.zip([one.port, two.port, two.port, line]) {
        let port = free_port();
        let pool: Value = serde_json::from_str(pool).unwrap();
        listeners.push(
            json!({"portMapping": {"port": port, "protocol": protocol}, "connectionPool": {protocol: pool}}),
        );
        apps.push(json!({"listenerPort": port, "appPort": app}));
        ports.push(port);
    }
    plan.set("virtualNode/api", json!({"listeners": listeners}));
    let profile = json!({"interception": {"explicit": {"port": free_port()}}, "inbound": {"appPorts": apps}});
    let _proxy = plan.run("virtualNode/api", profile);
    sheet.row_in_time(
        "connection pool, HTTP",
        &["virtualNode.spec.listeners.connectionPool.http.{maxConnections,maxPendingRequests}"],
        "one connection and one waiting request: of four slow requests at once two are served, two get 503 at once",
        || assert_eq!(together(4, || http(ports[0])), [200, 200, 503, 503]),
    );
    sheet.row_in_time(
        "connection pool, HTTP/2 and gRPC",
        &["virtualNode.spec.listeners.connectionPool.{http2,grpc}.maxRequests"],
        "one request in flight: of three at once one is served, two get 503, or fail as unavailable",
        || {
            assert_eq!(together(3, || h2(ports[1])), [200, 503, 503]);
            assert_eq!(together(3, || grpc(ports[2])), ["0", "14", "14"]);
        },
    );
    sheet.row_in_time(
        "connection pool, TCP",
        &["virtualNode.spec.listeners.connectionPool.tcp.maxConnections"],
        "one connection: while it is open a second is closed; once it is closed another is served",
        || {
            let open = || {
                let mut stream = BufReader::new(connect(&format!("127.0.0.1:{}", ports[3])).unwrap());
                let _ = writeln!(stream.get_mut(), "x");
                let mut line = String::new();
                let _ = stream.read_line(&mut line);
                (stream, line)
            };
            let first = open();
            assert_eq!(first.1, "line:x\n");
            assert_eq!(open().1, "");
            drop(first);
            eventually("another is served", 5, || open().1 == "line:x\n");
        },
    );
    gateway_pools(sheet, one.port, two.port);
}

fn gateway_pools(sheet: &mut Sheet, one: u16, two: u16) {
    let mut plan = Plan::new();
    let (mut listeners, mut ports) = (Vec::new(), Vec::new());
    for ((protocol, pool), (kind, app)) in
        POOLS
            .into_iter()
            .zip([("httpRoute", one), ("http2Route", two), ("grpcRoute", two)])
    {
        let port = free_port();
        let pool: Value = serde_json::from_str(pool).unwrap();
        listeners.push(
            json!({"portMapping": {"port": port, "protocol": protocol}, "connectionPool": {protocol: pool}}),
        );
        ports.push(port);
        plan.node(protocol, 8080, protocol, app);
        plan.served_by_node(&format!("{protocol}.apps.local"), protocol);
        let rule = if protocol == "grpc" {
            json!({"port": port})
        } else {
            json!({"prefix": "/", "port": port})
        };
        let target = json!({"virtualService": {"virtualServiceName": format!("{protocol}.apps.local")}});
        let spec = json!({kind: {"match": rule, "action": {"target": target}}});
        plan.set(&format!("virtualGateway/front/gatewayRoute/{protocol}"), spec);
    }
    plan.set("virtualGateway/front", json!({"listeners": listeners}));
    let _proxy = plan.run(
        "virtualGateway/front",
        json!({"interception": {"explicit": {"port": free_port()}}}),
    );
    sheet.row(
        "connection pools of a gateway",
        &[
            "virtualGateway.spec.listeners.connectionPool.http.{maxConnections,maxPendingRequests}",
            "virtualGateway.spec.listeners.connectionPool.{http2,grpc}.maxRequests",
        ],
        "per listener, as at a node: HTTP serves two of four, HTTP/2 and gRPC one of three",
        || {
            assert_eq!(together(4, || http(ports[0])), [200, 200, 503, 503]);
            assert_eq!(together(3, || h2(ports[1])), [200, 503, 503]);
            assert_eq!(together(3, || grpc(ports[2])), ["0", "14", "14"]);
        },
    );
}

/// A plan in which `web` calls nodes whose routes never try again.
fn no_retries(plan: &mut Plan, name: &str, kind: &str) {
    let protocol = match kind {
        "httpRoute" => "http",
        "http2Route" => "http2",
        _ => "grpc",
    };
    plan.served_by_router(&format!("{name}.apps.local"), name, 80, protocol);
    let retry = json!({"maxRetries": 0, "perRetryTimeout": seconds(1), "httpRetryEvents": ["server-error"]});
    let matches = if protocol == "grpc" {
        json!({})
    } else {
        json!({"prefix": "/"})
    };
    plan.route(
        &format!("{name}/all"),
        kind,
        json!({"match": matches, "retryPolicy": retry}),
        name,
    );
}

pub(crate) fn outliers(sheet: &mut Sheet) {
    let (good, bad, worse) = (Http1::start("good"), Http1::start("bad"), Http1::start("worse"));
    bad.set_healthy(false);
    worse.set_healthy(false);
    let mut plan = Plan::new();
    let watched = |percent: u64| {
        json!({"portMapping": {"port": 8080, "protocol": "http"}, "outlierDetection": {
            "maxServerErrors": 3, "interval": seconds(1), "baseEjectionDuration": seconds(2), "maxEjectionPercent": percent,
        }})
    };
    plan.node_with("api", watched(100), &[good.port, bad.port]);
    plan.node_with("few", watched(0), &[good.port, bad.port, worse.port]);
    let worst = Http1::start("worst");
    worst.set_healthy(false);
    let of_four = [good.port, bad.port, worse.port, worst.port];
    plan.node_with("half", watched(50), &of_four);
    let (sound, failing) = (Http1::start("sound"), Http1::start("failing"));
    failing.set_failing(true);
    let checked = json!({"healthCheck": {"protocol": "http", "path": "/health", "intervalMillis": 5000,
        "timeoutMillis": 2000, "healthyThreshold": 2, "unhealthyThreshold": 2},
        "outlierDetection": {"interval": seconds(1), "baseEjectionDuration": seconds(60)}});
    plan.node_with(
        "checked",
        merged(watched(100), checked),
        &[sound.port, failing.port],
    );
    no_retries(&mut plan, "checked", "httpRoute");
    no_retries(&mut plan, "api", "httpRoute");
    no_retries(&mut plan, "few", "httpRoute");
    no_retries(&mut plan, "half", "httpRoute");
    let proxy = plan.start(json!({}));
    let before_out = Cell::new(Instant::now());
    let failures = |host: &str, count: usize| {
        let mut client = proxy.client();
        let answers = (0..count).map(|_| client.get(host, "/health", &[]).unwrap().status);
        answers.filter(|status| *status == 503).count()
    };
    sheet.row(
        "outlier detection: out",
        &["virtualNode.spec.listeners.outlierDetection.{maxServerErrors,maxEjectionPercent}"],
        "of two endpoints one answers 503: after two of those it is still there, after three in a row it is put out and gets none of 30 requests",
        || {
            let is_out = || {
                let clusters = proxy.envoy.admin("/clusters").unwrap();
                clusters.contains("failed_outlier_check")
            };
            let mut seen = 0;
            while seen < 2 {
                seen += failures("api.apps.local", 1);
            }
            assert!(!is_out(), "two are not enough");
            before_out.set(Instant::now());
            while seen < 3 {
                seen += failures("api.apps.local", 1);
            }
            // Other threads of Envoy learn of it a moment later.
            eventually("the endpoint is out", 5, is_out);
            assert_eq!(failures("api.apps.local", 30), 0);
        },
    );
    sheet.row(
        "outlier detection: back",
        &["virtualNode.spec.listeners.outlierDetection.{interval,baseEjectionDuration}"],
        "after two seconds out, at the next sweep (each second), the endpoint gets requests again",
        || {
            bad.set_healthy(true);
            let before = bad.log.count("GET");
            eventually("the endpoint is back", 6, || {
                failures("api.apps.local", 4);
                bad.log.count("GET") > before
            });
            let taken = before_out.get().elapsed();
            assert!(taken >= Duration::from_secs(2), "{taken:?}");
            bad.set_healthy(false);
        },
    );
    sheet.row(
        "outlier detection beside a health check",
        &["virtualNode.spec.listeners.outlierDetection.baseEjectionDuration"],
        "an endpoint that answers requests with 503 and its health checks well stays out: two checks later it still gets none of 30 requests",
        || {
            let mut client = proxy.client();
            let mut status = || client.get("checked.apps.local", "/", &[]).unwrap().status;
            while failing.log.count("GET / ") < 3 {
                status();
            }
            let checks = || failing.log.count("GET /health");
            let before = checks();
            eventually("two more checks", 20, || checks() >= before + 2);
            let answers: Vec<u16> = (0..30).map(|_| status()).collect();
            assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        },
    );
    sheet.row(
        "outlier detection: how many at most",
        &["virtualNode.spec.listeners.outlierDetection.maxEjectionPercent"],
        "0 percent still puts one endpoint out, and no second: the other broken one goes on getting its share; 50 percent puts two out of four, though three are broken",
        || {
            for (node, most) in [("few", 1), ("half", 2)] {
                let seen: Vec<usize> = (0..6)
                    .map(|_| {
                        failures(&format!("{node}.apps.local"), 12);
                        let clusters = proxy.envoy.admin("/clusters").unwrap();
                        let cluster = format!("cds_egress_apps_{node}");
                        let of_node = clusters.lines().filter(|line| line.starts_with(&cluster));
                        of_node.filter(|line| line.contains("failed_outlier_check")).count()
                    })
                    .collect();
                // On a slow machine it may be back before the last requests.
                assert_eq!(seen.iter().max(), Some(&most), "{node}: {seen:?}");
            }
        },
    );
}

pub(crate) fn health(sheet: &mut Sheet) {
    let check = |protocol: &str, more: Value| {
        let check = json!({"protocol": protocol, "intervalMillis": 5000, "timeoutMillis": 2000,
            "healthyThreshold": 2, "unhealthyThreshold": 2});
        json!({"portMapping": {"port": 8080, "protocol": protocol}, "healthCheck": merged(check, more)})
    };
    let (good, bad, flaky) = (Http1::start("good"), Http1::start("bad"), Http1::start("flaky"));
    let slow = Http1::start("slow");
    let (good_h2, bad_h2) = (Http2::start("good"), Http2::start("bad"));
    bad.set_healthy(false);
    bad_h2.set_healthy(false);
    let mut plan = Plan::new();
    let path = || json!({"path": "/health", "port": 8080});
    plan.node_with("http", check("http", path()), &[good.port, bad.port]);
    plan.node_with(
        "h2",
        check("http2", json!({"path": "/health"})),
        &[good_h2.port, bad_h2.port],
    );
    plan.node_with("grpc", check("grpc", json!({})), &[good_h2.port, bad_h2.port]);
    plan.node_with("flaky", check("http", json!({"path": "/health"})), &[flaky.port]);
    let other = json!({"path": "/health", "intervalMillis": 6500, "timeoutMillis": 3500,
        "healthyThreshold": 2, "unhealthyThreshold": 3});
    plan.node_with("slow", check("http", other), &[slow.port]);
    plan.served_by_node("slow.apps.local", "slow");
    plan.node_with(
        "line",
        check("tcp", json!({})),
        &[tcp("good", false).0, free_port()],
    );
    no_retries(&mut plan, "http", "httpRoute");
    no_retries(&mut plan, "h2", "http2Route");
    no_retries(&mut plan, "grpc", "grpcRoute");
    no_retries(&mut plan, "flaky", "httpRoute");
    plan.served_by_node("line.apps.local", "line");
    let line = free_port();
    let services = json!([{"virtualService": "line.apps.local", "port": line}]);
    let proxy: TestedProxy = plan.start(json!({"interception": {"explicit": {"services": services}}}));
    let stat = |node: &str, name: &str| {
        proxy.sum(&format!("^cluster.cds_egress_apps_{node}_[a-z0-9]*_8080.{name}$"))
    };
    let other_values = {
        // Beside the rows, because it takes longer than all of them.
        let admin = proxy.envoy.endpoint();
        thread::spawn(move || other_values(admin, &slow))
    };
    for node in ["http", "h2", "grpc", "line"] {
        eventually(node, 8, || {
            stat(node, "health_check.attempt") >= 2 && stat(node, "membership_healthy") == 1
        });
    }
    let all_good = |answers: Vec<String>| assert!(answers.iter().all(|name| name == "good"), "{answers:?}");
    sheet.row(
        "health check, HTTP",
        &["virtualNode.spec.listeners.healthCheck.{protocol,path,port}"],
        "`GET /health` with the node's name as host; of two endpoints the one that answers 503 gets none of 20 requests (`port` can only be the listener's own: each endpoint is checked where it is found)",
        || {
            let get = |_| proxy.get("http.apps.local", "/", &[]).service().to_owned();
            all_good((0..20).map(get).collect());
            let head = good.log.last("GET /health").unwrap();
            assert!(head.contains("\r\nhost: http.apps.local"), "{head}");
        },
    );
    sheet.row(
        "health check, HTTP/2 and gRPC",
        &["virtualNode.spec.listeners.healthCheck.{protocol,path}"],
        "the same over HTTP/2; over gRPC by the standard health service, where NOT_SERVING is broken",
        || {
            let get = |_| {
                Call::get(proxy.port, "h2.apps.local", "/")
                    .send()
                    .unwrap()
                    .service()
                    .to_owned()
            };
            all_good((0..20).map(get).collect());
            let call = |_| {
                let headers = [("content-type", "application/grpc")];
                Call::get(proxy.port, "grpc.apps.local", "/a/B")
                    .grpc(&headers)
                    .send()
                    .unwrap()
                    .service()
                    .to_owned()
            };
            all_good((0..20).map(call).collect());
            assert!(good_h2.log.count("/grpc.health.v1.Health/Check") > 0);
        },
    );
    sheet.row(
        "health check, TCP",
        &["virtualNode.spec.listeners.healthCheck.protocol"],
        "of two endpoints the one with a closed port gets none of 20 connections",
        || {
            for _ in 0..20 {
                let mut stream = BufReader::new(connect(&format!("127.0.0.1:{line}")).unwrap());
                writeln!(stream.get_mut(), "x").unwrap();
                let mut answer = String::new();
                stream.read_line(&mut answer).unwrap();
                assert_eq!(answer, "good:x\n");
            }
        },
    );
    sheet.row(
        "health check: time between checks",
        &["virtualNode.spec.listeners.healthCheck.intervalMillis"],
        "5,000 ms: two checks of one endpoint are five seconds apart",
        || {
            // A busy machine notes a check late now and then: some two must be five seconds apart.
            eventually("two checks, five seconds apart", 40, || {
                let times = flaky.log.times("GET /health");
                let mut gaps = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis());
                gaps.any(|gap| (4800..5600).contains(&gap))
            });
        },
    );
    sheet.row(
        "health check: timeout and thresholds",
        &["virtualNode.spec.listeners.healthCheck.{timeoutMillis,healthyThreshold,unhealthyThreshold}"],
        "an endpoint that falls silent fails a check after two seconds, is out with the second failure and not before, and back with the second success",
        || {
            flaky.set_silent(true);
            let healthy = || stat("flaky", "membership_healthy");
            let failed = || stat("flaky", "health_check.failure");
            eventually("a first failure", 9, || failed() == 1);
            let asked = flaky.log.times("GET /health").last().unwrap().elapsed().as_millis();
            // Not by the next check, which comes after five.
            assert!((1700..4500).contains(&asked), "failed after {asked} ms");
            assert_eq!(healthy(), 1);
            eventually("a second failure", 9, || failed() == 2);
            eventually("out", 3, || healthy() == 0);
            flaky.set_silent(false);
            let before = stat("flaky", "health_check.success");
            eventually("a first success", 9, || stat("flaky", "health_check.success") == before + 1);
            assert_eq!(healthy(), 0);
            eventually("a second success", 9, || stat("flaky", "health_check.success") == before + 2);
            eventually("back", 3, || healthy() == 1);
        },
    );
    sheet.row(
        "health check: other values",
        &["virtualNode.spec.listeners.healthCheck.{intervalMillis,timeoutMillis,unhealthyThreshold}"],
        "6,500 ms between two checks; one that gets no answer fails after 3,500 ms; the endpoint is out with the third failure and not with the second",
        || {
            let seen = other_values.join().map_err(|_| "a statistic or a check did not come");
            let seen = seen.unwrap();
            assert!(seen.gaps.iter().any(|gap| (6300..7300).contains(gap)), "{seen:?}");
            assert!(seen.timeouts.iter().any(|taken| (3200..4400).contains(taken)), "{seen:?}");
            assert_eq!(seen.out_with, 3, "{seen:?}");
        },
    );
}

/// How an endpoint went out.
#[derive(Debug)]
struct Seen {
    /// Milliseconds between two checks, and from a check to its failure.
    gaps: Vec<u128>,
    timeouts: Vec<u128>,
    /// With how many failures it went out.
    out_with: u64,
}

/// Lets the one endpoint of `slow` fall silent, and watches until it is out.
fn other_values(admin: Admin, slow: &Http1) -> Seen {
    let stat = |name: &str| {
        admin
            .sum(&format!("^cluster.cds_egress_apps_slow_http_8080.{name}$"))
            .unwrap()
    };
    eventually("a first check", 20, || stat("membership_healthy") == 1);
    slow.set_silent(true);
    let mut timeouts = Vec::new();
    for failures in 1.. {
        eventually("the next failure", 20, || {
            stat("health_check.failure") >= failures
        });
        let asked = slow.log.times("GET /health");
        timeouts.extend(asked.last().map(|asked| asked.elapsed().as_millis()));
        // The count is there a moment before what follows from it.
        thread::sleep(Duration::from_millis(200));
        if stat("membership_healthy") == 0 {
            break;
        }
    }
    let times = slow.log.times("GET /health");
    let gaps = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis());
    Seen {
        gaps: gaps.collect(),
        timeouts,
        out_with: stat("health_check.failure"),
    }
}

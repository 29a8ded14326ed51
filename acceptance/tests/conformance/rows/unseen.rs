//! What is emitted because Envoy's own default is another: nobody sees it as long as it is there.

use crate::certificates::Authority;
use crate::servers::{Http1, free_port};
use crate::sheet::{Sheet, eventually};
use crate::world::{Plan, TestedProxy, merged, seconds};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What takes no connection and refuses none: its queue is full.
struct Full {
    port: u16,
    _waiting: Vec<TcpStream>,
    _listener: TcpListener,
}

impl Full {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 20_000, "it takes every connection");
        }
        Self {
            port: address.port(),
            _waiting: waiting,
            _listener: listener,
        }
    }
}

pub(crate) fn rows(sheet: &mut Sheet) {
    clusters(sheet);
    removal(sheet);
    watched(sheet);
}

fn listener(more: Value) -> Value {
    merged(json!({"portMapping": {"port": 8080, "protocol": "http"}}), more)
}

/// A service with a route that tries again so often.
fn routed(plan: &mut Plan, name: &str, tries: u32) {
    plan.served_by_router(&format!("{name}.apps.local"), name, 80, "http");
    let retry =
        json!({"maxRetries": tries, "perRetryTimeout": seconds(8), "httpRetryEvents": ["server-error"]});
    let rule = json!({"match": {"prefix": "/"}, "retryPolicy": retry});
    plan.route(&format!("{name}/all"), "httpRoute", rule, name);
}

fn clusters(sheet: &mut Sheet) {
    let full = Full::new();
    let slow = Http1::start("slow");
    let all: Vec<Http1> = (0..6).map(|_| Http1::start("one")).collect();
    all[0].set_failing(true);
    let mut plan = Plan::new();
    plan.node("full", 8080, "http", full.port);
    plan.node("slow", 8080, "http", slow.port);
    let outliers = json!({"outlierDetection": {"maxServerErrors": 100_000, "interval": seconds(2),
        "baseEjectionDuration": seconds(60), "maxEjectionPercent": 100}});
    let ports: Vec<u16> = all.iter().map(|one| one.port).collect();
    plan.node_with("compared", listener(outliers), &ports);
    for (name, tries) in [("full", 0), ("slow", 1), ("compared", 0)] {
        routed(&mut plan, name, tries);
    }
    let proxy = plan.start(json!({}));
    sheet.row_in_time(
        "how long a connection may take",
        &[],
        "an endpoint that neither takes a connection nor refuses it: 503 after a second, where Envoy by itself waits for five",
        || {
            let begun = Instant::now();
            let status = proxy.get("full.apps.local", "/", &[]).status;
            let taken = begun.elapsed();
            assert_eq!(status, 503);
            assert!(taken < Duration::from_secs(4) && taken > Duration::from_millis(800), "{taken:?}");
        },
    );
    let id = AtomicU32::new(0);
    sheet.row(
        "how many may be tried again at once",
        &["route.spec.httpRoute.retryPolicy.maxRetries"],
        "of eight requests at once each fails and is tried again, and all are served: Envoy by itself lets three be tried again",
        || {
            let ask = || {
                let id = id.fetch_add(1, Ordering::SeqCst).to_string();
                let script = [("x-script", "503,1500ms"), ("x-id", id.as_str())];
                proxy.get("slow.apps.local", "/", &script).status
            };
            let answers: Vec<u16> = thread::scope(|scope| {
                let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
                asking.into_iter().map(|answer| answer.join().unwrap()).collect()
            });
            assert_eq!(answers, [200; 8]);
        },
    );
    sheet.row(
        "outlier detection: errors in a row alone",
        &["virtualNode.spec.listeners.outlierDetection.maxServerErrors"],
        "of six endpoints one answers every request with 503, not often enough: Envoy sees that it is worse than the others, and leaves it in",
        || compared(&proxy),
    );
    sheet.row(
        "outlier detection: what is switched off by name",
        &["virtualNode.spec.listeners.outlierDetection.maxServerErrors"],
        "Envoy's configuration says 0 for the ways of ejecting by rates, also for the one that is off by itself, so that no other default of a later Envoy switches it on",
        || {
            let dump = proxy.envoy.config_dump().unwrap();
            let found = detections(&dump);
            assert!(!found.is_empty());
            for one in found {
                for way in ["enforcing_success_rate", "enforcing_failure_percentage"] {
                    assert_eq!(one[way], 0, "{way}: {one}");
                }
            }
        },
    );
}

/// Sends until a sweep has found the endpoint that is worse than the others.
fn compared(proxy: &TestedProxy) {
    let stat = |name: &str| proxy.sum(&format!("^cluster.cds_egress_apps_compared_.*{name}$"));
    let begun = Instant::now();
    while stat("ejections_detected_success_rate") == 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no sweep has seen enough requests"
        );
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = proxy.client();
                    for _ in 0..100 {
                        let _ = client.get("compared.apps.local", "/", &[]);
                    }
                });
            }
        });
    }
    assert_eq!(stat("ejections_enforced_total"), 0);
    let clusters = proxy.envoy.admin("/clusters").unwrap();
    assert!(!clusters.contains("failed_outlier_check"), "{clusters}");
}

/// Every outlier detection in what Envoy says that it runs with.
fn detections(dump: &Value) -> Vec<&Value> {
    match dump {
        Value::Array(items) => items.iter().flat_map(detections).collect(),
        Value::Object(fields) => {
            let own = fields.get("outlier_detection").into_iter();
            own.chain(fields.values().flat_map(detections)).collect()
        }
        _ => Vec::new(),
    }
}

fn removal(sheet: &mut Sheet) {
    let (stays, goes) = (Http1::start("stays"), Http1::start("goes"));
    let check = json!({"healthCheck": {"protocol": "http", "path": "/health", "intervalMillis": 5000,
        "timeoutMillis": 2000, "healthyThreshold": 2, "unhealthyThreshold": 2}});
    let mut plan = Plan::new();
    plan.node_with("checked", listener(check), &[stays.port, goes.port]);
    plan.served_by_node("checked.apps.local", "checked");
    let mut proxy = plan.start(json!({}));
    let healthy = || proxy.sum("^cluster.cds_egress_apps_checked_.*membership_healthy$");
    eventually("both are healthy", 15, || healthy() == 2);
    plan.found("checked", &[stays.port]);
    proxy.follow(&plan);
    sheet.row(
        "an endpoint that is taken away",
        &["proxyProfile.spec.endpoints.addresses.{address,port}"],
        "it gets no request from then on, although its health checks went well; Envoy by itself keeps it until they fail",
        || {
            for _ in 0..20 {
                assert_eq!(proxy.get("checked.apps.local", "/", &[]).service(), "stays");
            }
            let clusters = proxy.envoy.admin("/clusters").unwrap();
            assert!(!clusters.contains(&format!("127.0.0.1:{}", goes.port)), "{clusters}");
        },
    );
}

/// Envoy watches the folders of files by itself too, so that only it can tell whether it was told.
fn watched(sheet: &mut Sheet) {
    let folder = tempfile::tempdir().unwrap();
    let keys = Authority::new("ours").write(folder.path(), "keys", &["web.apps.local"]);
    let at = |name: &str| keys.join(name).to_str().unwrap().to_owned();
    let certificate = json!({"file": {"certificateChain": at("tls.crt"), "privateKey": at("tls.key")}});
    let tls = json!({"certificate": certificate,
        "validation": {"trust": {"file": {"certificateChain": at("ca.crt")}}}});
    let (app, port) = (Http1::start("app"), free_port());
    let mut plan = Plan::new();
    plan.set(
        "virtualNode/web",
        json!({"backends": [], "backendDefaults": {"clientPolicy": {"tls": tls}},
            "serviceDiscovery": {"dns": {"hostname": "web.apps.local"}},
            "listeners": [{"portMapping": {"port": port, "protocol": "http"}, "tls": merged(tls.clone(), json!({"mode": "STRICT"}))}]}),
    );
    plan.node("api", 8080, "http", app.port);
    plan.served_by_node("api.apps.local", "api");
    let proxy = plan.start(json!({"inbound": {"appPorts": [{"listenerPort": port, "appPort": app.port}]}}));
    sheet.row(
        "which folders are watched",
        &["proxyProfile.spec.directory"],
        "for each file that it reads again (listeners, clusters, routes, endpoints, secrets, certificates, what is trusted) Envoy's configuration names the folder to watch",
        || {
            let dump = proxy.envoy.config_dump().unwrap();
            let mut found = Vec::new();
            read_again(&dump, &mut found);
            for name in ["path_config_source", "tls_certificate", "validation_context"] {
                assert!(found.iter().any(|(of, _)| *of == name), "no {name}");
            }
            for (name, one) in found {
                assert!(one["watched_directory"]["path"].is_string(), "{name}: {one:#}");
            }
        },
    );
}

/// What Envoy reads from files, and reads again.
fn read_again<'d>(dump: &'d Value, found: &mut Vec<(&'d str, &'d Value)>) {
    match dump {
        Value::Array(items) => items.iter().for_each(|item| read_again(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_one = match name.as_str() {
                    "path_config_source" => true,
                    "tls_certificate" => value["certificate_chain"].is_object(),
                    "validation_context" => value["trusted_ca"].is_object(),
                    _ => false,
                };
                if is_one {
                    found.push((name, value));
                }
                read_again(value, found);
            }
        }
        _ => {}
    }
}

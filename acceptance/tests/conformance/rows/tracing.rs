//! Spans, as they arrive at collectors of every kind that a profile can name.

use crate::collectors::{Collector, Span};
use crate::servers::{Http1, free_port};
use crate::sheet::Sheet;
use crate::world::{Plan, TestedProxy};
use meshform_acceptance::http::Client;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(crate) fn rows(sheet: &mut Sheet) {
    let service = Http1::start("one");
    let start = |tracing: Value| {
        let mut plan = Plan::new();
        plan.node("one", 8080, "http", service.port);
        plan.served_by_node("one.apps.local", "one");
        plan.start(json!({ "tracing": tracing }))
    };
    open_telemetry(sheet, &start);
    zipkin(sheet, &start);
    datadog(sheet, &start);
    x_ray(sheet, &start);
    gateway(sheet, &service);
}

type Start<'a> = &'a dyn Fn(Value) -> TestedProxy;

/// Sends requests one after the other.
fn send(proxy: &TestedProxy, count: usize) {
    let mut client = proxy.client();
    for _ in 0..count {
        assert_eq!(client.get("one.apps.local", "/seen", &[]).unwrap().status, 200);
    }
}

/// The spans of so many requests, all of which were traced.
fn every(proxy: &TestedProxy, collector: &Collector, service: &str) -> Vec<Span> {
    send(proxy, 10);
    let spans = collector.wait(10);
    for span in &spans {
        assert_eq!(span.service, service, "{span:?}");
        assert_eq!(
            span.tags["upstream_cluster"], "cds_egress_apps_one_http_8080",
            "{span:?}"
        );
        assert_eq!(span.tags["node_id"], NODE, "{span:?}");
    }
    spans
}

const NODE: &str = "arn:aws:appmesh:us-east-1:000000000000:mesh/apps/virtualNode/web";

/// That half of the requests are traced: of 400, 200 and a chance of one in a billion to be 60 off.
fn half(proxy: &TestedProxy, collector: &Collector) {
    send(proxy, 400);
    let sampled = usize::try_from(proxy.sum("tracing.random_sampling")).unwrap();
    assert!((140..=260).contains(&sampled), "{sampled} of 400");
    assert_eq!(collector.wait(sampled).len(), sampled);
}

fn open_telemetry(sheet: &mut Sheet, start: Start<'_>) {
    sheet.row(
        "tracing: OpenTelemetry",
        &["proxyProfile.spec.tracing.openTelemetry.{address,port,serviceName}"],
        "each of ten requests' spans comes over gRPC to the collector, found by name: of the service `apps/web` (mesh and node) or the given one, with the target's cluster and the proxy's ARN",
        || {
            for (name, service) in [(None, "apps/web"), (Some("shop"), "shop")] {
                let collector = Collector::open_telemetry();
                let to = json!({"address": "localhost", "port": collector.port, "serviceName": name});
                let spans = every(&start(json!({"openTelemetry": to})), &collector, service);
                let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
                assert!(spans.iter().all(|span| span.at == path), "{spans:?}");
            }
        },
    );
    sheet.row(
        "tracing: OpenTelemetry, sampling",
        &["proxyProfile.spec.tracing.openTelemetry.samplingPercent"],
        "50: about half of 400 requests are traced, and just their spans arrive",
        || {
            let collector = Collector::open_telemetry();
            let to = json!({"address": "127.0.0.1", "port": collector.port, "samplingPercent": 50});
            half(&start(json!({"openTelemetry": to})), &collector);
        },
    );
}

fn zipkin(sheet: &mut Sheet, start: Start<'_>) {
    sheet.row(
        "tracing: Zipkin and Jaeger",
        &["proxyProfile.spec.tracing.zipkin.{address,port,path}"],
        "each of ten requests' spans is posted to `/api/v2/spans`, or the given path: of the service named after the node's ARN",
        || {
            for (given, path) in [(None, "/api/v2/spans"), (Some("/own/spans"), "/own/spans")] {
                let collector = Collector::zipkin();
                let to = json!({"address": "127.0.0.1", "port": collector.port, "path": given});
                let spans = every(&start(json!({"zipkin": to})), &collector, NODE);
                assert!(spans.iter().all(|span| span.at == path), "{spans:?}");
            }
        },
    );
    sheet.row(
        "tracing: Zipkin, sampling",
        &["proxyProfile.spec.tracing.zipkin.samplingPercent"],
        "50: about half of 400 requests are traced, and just their spans arrive",
        || {
            let collector = Collector::zipkin();
            let to = json!({"address": "127.0.0.1", "port": collector.port, "samplingPercent": 50});
            half(&start(json!({"zipkin": to})), &collector);
        },
    );
}

/// A gateway hands each request on to a listener of its own; to its callers it is one hop.
fn gateway(sheet: &mut Sheet, service: &Http1) {
    sheet.row(
        "tracing at a gateway",
        &["proxyProfile.spec.tracing.zipkin.port"],
        "each of eleven requests has one span, of the service named after the gateway's ARN, and the service gets its id to go on with",
        || {
            let collector = Collector::zipkin();
            let port = free_port();
            let mut plan = Plan::new();
            plan.node("one", 8080, "http", service.port);
            plan.served_by_node("one.apps.local", "one");
            plan.set(
                "virtualGateway/front",
                json!({"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]}),
            );
            let target = json!({"virtualService": {"virtualServiceName": "one.apps.local"}});
            plan.set(
                "virtualGateway/front/gatewayRoute/all",
                json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"target": target}}}),
            );
            let profile = json!({
                "interception": {"explicit": {"port": free_port()}},
                "tracing": {"zipkin": {"address": "127.0.0.1", "port": collector.port}},
            });
            let _gateway = plan.run("virtualGateway/front", profile);
            let mut client = Client::new(([127, 0, 0, 1], port).into());
            let traced: Vec<String> = (0..11)
                .map(|_| {
                    let answer = client.get("shop.example.com", "/seen", &[]).unwrap();
                    assert_eq!((answer.status, answer.service()), (200, "one"));
                    let head = String::from_utf8_lossy(&answer.body).into_owned();
                    let id = |line: &str| line.strip_prefix("x-b3-traceid: ").map(str::to_owned);
                    head.lines().find_map(id).expect("the service can go on with the trace")
                })
                .collect();
            // They come in fives and the last when it is time, so that a second one of each would be there by then.
            let spans = collector.wait(11);
            assert_eq!(spans.len(), 11);
            for span in &spans {
                assert!(span.service.ends_with("/virtualGateway/front"), "{span:?}");
            }
            assert_eq!(traced.iter().collect::<BTreeSet<_>>().len(), 11);
        },
    );
}

fn datadog(sheet: &mut Sheet, start: Start<'_>) {
    sheet.row(
        "tracing: Datadog",
        &["proxyProfile.spec.tracing.datadog.{address,port,serviceName}"],
        "each of ten requests' spans comes to the agent: of the service `envoy-apps/web` or the given one",
        || {
            for (name, service) in [(None, "envoy-apps/web"), (Some("shop"), "shop")] {
                let collector = Collector::datadog();
                let to = json!({"address": "127.0.0.1", "port": collector.port, "serviceName": name});
                every(&start(json!({"datadog": to})), &collector, service);
            }
        },
    );
}

fn x_ray(sheet: &mut Sheet, start: Start<'_>) {
    sheet.row(
        "tracing: X-Ray",
        &["proxyProfile.spec.tracing.xray.{address,port,samplingPercent}"],
        "100: each of ten requests' segments comes to the daemon by UDP: named `apps/web`, of the origin `AWS::AppMesh::Proxy`, with mesh and node; 0: only the first request of a second",
        || {
            let collector = Collector::x_ray();
            let to = |collector: &Collector, percent: u32| {
                json!({"xray": {"address": "127.0.0.1", "port": collector.port, "samplingPercent": percent}})
            };
            send(&start(to(&collector, 100)), 10);
            for span in collector.wait(10) {
                let segment: Value = serde_json::from_str(&span.at).unwrap();
                assert_eq!(segment["name"], "apps/web");
                assert_eq!(segment["origin"], "AWS::AppMesh::Proxy");
                assert_eq!(
                    segment["aws"]["app_mesh"],
                    json!({"mesh_name": "apps", "virtual_node_name": "web"})
                );
                assert_eq!(segment["http"]["request"]["url"], "http://one.apps.local/seen");
            }
            let collector = Collector::x_ray();
            send(&start(to(&collector, 0)), 10);
            assert!((1..5).contains(&collector.wait(1).len()), "{:?}", collector.spans());
        },
    );
}

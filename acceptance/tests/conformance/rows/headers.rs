//! Limits on headers, which `extensions` of nodes and gateways set per listener.

use crate::servers::{Http1, each_connection, free_port, read_head};
use crate::sheet::Sheet;
use crate::world::Plan;
use meshform_acceptance::http::Client;
use serde_json::{Value, json};
use std::io::{BufReader, Write};
use std::net::TcpListener;

const HOST: &str = "api.apps.local";

/// The status of a request with a header of so many bytes, and of one with so many headers.
fn asked(port: u16, bytes: usize, count: usize) -> (u16, u16) {
    let ask = |headers: &[(&str, &str)]| {
        let mut client = Client::new(([127, 0, 0, 1], port).into());
        client.get(HOST, "/", headers).map_or(0, |answer| answer.status)
    };
    let names: Vec<String> = (0..count).map(|at| format!("x-{at}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    (ask(&[("x-long", &"x".repeat(bytes))]), ask(&many))
}

/// Answers `GET /<bytes>/<count>` with a header of so many bytes and so many more.
fn generous() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    each_connection(listener, |stream| {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(head) = read_head(&mut reader) {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let numbers: Vec<usize> = path.split('/').filter_map(|part| part.parse().ok()).collect();
            let (bytes, count) = (numbers[0], numbers[1]);
            let many: String = (0..count).map(|at| format!("x-{at}: 1\r\n")).collect();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nx-long: {}\r\n{many}content-length: 0\r\n\r\n",
                "x".repeat(bytes)
            );
            if writer.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    port
}

fn answered(port: u16, bytes: usize, count: usize) -> u16 {
    let mut client = Client::new(([127, 0, 0, 1], port).into());
    let answer = client.get(HOST, &format!("/{bytes}/{count}"), &[]);
    answer.map_or(0, |answer| answer.status)
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let service = Http1::start("one");
    let (small, other) = (free_port(), free_port());
    let listener = |port: u16| json!({"portMapping": {"port": port, "protocol": "http"}});
    let limits = |limits: Value| json!({"listeners": [{"port": small, "limits": limits}]});
    let requests = json!({"maxRequestHeadersKb": 8, "maxRequestHeadersCount": 20});
    let mut plan = Plan::new();
    plan.set(
        "virtualNode/api",
        json!({"spec": {"listeners": [listener(small), listener(other)]}, "extensions": limits(requests.clone())}),
    );
    let apps = [small, other].map(|port| json!({"listenerPort": port, "appPort": service.port}));
    let inner = || json!({"interception": {"explicit": {"port": free_port()}}});
    let mut profile = inner();
    profile["inbound"] = json!({ "appPorts": apps });
    let api = plan.run("virtualNode/api", profile);
    sheet.row(
        "limits on request headers of a node's listener",
        &[
            "virtualNode.extensions.listeners.port",
            "virtualNode.extensions.listeners.limits.{maxRequestHeadersKb,maxRequestHeadersCount}",
        ],
        "8 KiB and 20 headers: 7 KiB and 15 headers pass, 9 KiB and 30 headers get 431; on the other listener all \
         pass",
        || {
            assert_eq!(asked(small, 7 << 10, 15), (200, 200));
            assert_eq!(asked(small, 9 << 10, 30), (431, 431));
            assert_eq!(asked(other, 9 << 10, 30), (200, 200));
        },
    );
    responses(sheet);

    let mut plan = Plan::new();
    plan.node("api", 80, "http", service.port);
    plan.served_by_node(HOST, "api");
    plan.set(
        "virtualGateway/front",
        json!({"spec": {"listeners": [listener(small), listener(other)]}, "extensions": limits(requests)}),
    );
    for port in [small, other] {
        plan.set(
            &format!("virtualGateway/front/gatewayRoute/of-{port}"),
            json!({"httpRoute": {
                "match": {"prefix": "/", "port": port},
                "action": {"target": {"virtualService": {"virtualServiceName": HOST}}},
            }}),
        );
    }
    // Its ports are the gateway's now.
    drop(api);
    let _front = plan.run("virtualGateway/front", inner());
    sheet.row(
        "limits on request headers of a gateway's listener",
        &[
            "virtualGateway.extensions.listeners.port",
            "virtualGateway.extensions.listeners.limits.{maxRequestHeadersKb,maxRequestHeadersCount}",
        ],
        "8 KiB and 20 headers: 7 KiB and 12 headers pass, 9 KiB and 30 headers get 431; on the other listener all \
         pass",
        || {
            assert_eq!(asked(small, 7 << 10, 12), (200, 200));
            assert_eq!(asked(small, 9 << 10, 30), (431, 431));
            assert_eq!(asked(other, 9 << 10, 30), (200, 200));
        },
    );
}

/// At a caller's proxy, which is told by the node that it calls.
fn responses(sheet: &mut Sheet) {
    let app = generous();
    let mut plan = Plan::new();
    let port = 80;
    plan.node("api", port, "http", app);
    let spec = plan.at("virtualNode/api", "").take();
    let limits = json!({"maxResponseHeadersKb": 100, "maxResponseHeadersCount": 150});
    plan.set(
        "virtualNode/api",
        json!({"spec": spec, "extensions": {"listeners": [{"port": port, "limits": limits}]}}),
    );
    plan.node("plain", port, "http", app);
    plan.served_by_node(HOST, "api");
    plan.served_by_node("plain.apps.local", "plain");
    let proxy = plan.start(json!({}));
    sheet.row(
        "limits on response headers",
        &["virtualNode.extensions.listeners.limits.{maxResponseHeadersKb,maxResponseHeadersCount}"],
        "100 KiB and 150 headers: 90 KiB and 120 headers pass at the caller's proxy, 110 KiB and 170 headers get 502; \
         of a node that says nothing 90 KiB and 120 headers get 502",
        || {
            assert_eq!((answered(proxy.port, 90 << 10, 0), answered(proxy.port, 1, 120)), (200, 200));
            assert_eq!((answered(proxy.port, 110 << 10, 0), answered(proxy.port, 1, 170)), (502, 502));
            let plain = |path: &str| proxy.get("plain.apps.local", path, &[]).status;
            assert_eq!((plain("/92160/0"), plain("/1/120")), (502, 502));
        },
    );
}

//! Where a request goes: weights, target ports, router listeners, providers.

use crate::http2::{Call, Http2};
use crate::servers::{Http1, connect, tcp};
use crate::sheet::Sheet;
use crate::world::{Plan, TestedProxy};
use meshform_acceptance::load::Tally;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};

const SHARE: &str = "share.apps.local";
const H2: &str = "h2.apps.local";

/// How many of so many requests each of the services answered.
fn split(proxy: &TestedProxy, path: &str, requests: usize) -> Tally {
    let mut tally = Tally::default();
    let mut client = proxy.client();
    for _ in 0..requests {
        tally.send(&mut client, SHARE, path);
    }
    assert_eq!(tally.failures(), 0, "{tally:?}");
    tally
}

/// A share of `requests` within five standard deviations of what its probability says.
fn near(count: usize, requests: usize, share: f64) {
    let n = requests as f64;
    let deviation = (n * share * (1.0 - share)).sqrt();
    let off = (count as f64 - n * share).abs();
    assert!(off <= 5.0 * deviation, "{count} of {requests} for {share}");
}

fn weighted(kind: &str, rule: Value, targets: &[(&str, u32)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(node, weight)| json!({"virtualNode": node, "weight": weight}))
        .collect();
    crate::world::merged(
        json!({kind: {"action": {"weightedTargets": targets}}}),
        json!({kind: rule}),
    )
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let (one, two, second) = (Http1::start("one"), Http1::start("two"), Http2::start("h2"));
    let ((line_one, _), (line_two, _)) = (tcp("one", false), tcp("two", false));
    let line_port = crate::servers::free_port();
    let mut plan = Plan::new();
    plan.node("one", 8080, "http", one.port);
    plan.node("two", 8080, "http", two.port);
    plan.node("line-one", 5432, "tcp", line_one);
    plan.node("line-two", 5432, "tcp", line_two);
    plan.set(
        "virtualNode/both",
        json!({
            "listeners": [
                {"portMapping": {"port": one.port, "protocol": "http"}},
                {"portMapping": {"port": second.port, "protocol": "http2"}},
            ],
            "serviceDiscovery": {"dns": {"hostname": "localhost", "ipPreference": "IPv4_ONLY"}},
        }),
    );
    plan.served_by_router(SHARE, "share", 80, "http");
    let rule = |prefix: &str| json!({"match": {"prefix": prefix}});
    for (name, targets) in [
        ("75-25", &[("one", 75), ("two", 25)][..]),
        ("1-3", &[("one", 1), ("two", 3)]),
        ("100-0", &[("one", 100), ("two", 0)]),
    ] {
        let spec = weighted("httpRoute", rule(&format!("/{name}")), targets);
        plan.set(&format!("virtualRouter/share/route/{name}"), spec);
    }
    let ported = |port: u16| json!({"virtualNode": "both", "weight": 1, "port": port});
    plan.served_by_router(H2, "h2", 81, "http2");
    for (path, kind, port) in [
        ("virtualRouter/share/route/port", "httpRoute", one.port),
        ("virtualRouter/h2/route/port", "http2Route", second.port),
    ] {
        let rule = json!({"match": {"prefix": "/port"}, "action": {"weightedTargets": [ported(port)]}});
        plan.set(path, json!({kind: rule}));
    }
    plan.set(
        "virtualRouter/line",
        json!({"listeners": [{"portMapping": {"port": 5432, "protocol": "tcp"}}]}),
    );
    plan.set(
        "virtualRouter/line/route/all",
        weighted(
            "tcpRoute",
            json!({"match": {"port": 5432}}),
            &[("line-one", 50), ("line-two", 50)],
        ),
    );
    plan.set(
        "virtualService/line.apps.local",
        json!({"provider": {"virtualRouter": {"virtualRouterName": "line"}}}),
    );
    plan.backend("line.apps.local");
    plan.served_by_node("node.apps.local", "one");
    plan.served_by_node("several.apps.local", "both");
    plan.set("virtualService/nobody.apps.local", json!({}));
    plan.backend("nobody.apps.local");
    plan.set(
        "virtualRouter/ports",
        json!({"listeners": [
            {"portMapping": {"port": 80, "protocol": "http"}},
            {"portMapping": {"port": 8081, "protocol": "http"}},
        ]}),
    );
    for (port, node) in [(80, "one"), (8081, "two")] {
        plan.route(
            &format!("ports/on-{port}"),
            "httpRoute",
            json!({"match": {"prefix": "/", "port": port}}),
            node,
        );
    }
    plan.set(
        "virtualService/ports.apps.local",
        json!({"provider": {"virtualRouter": {"virtualRouterName": "ports"}}}),
    );
    plan.backend("ports.apps.local");
    let services = json!([{"virtualService": "line.apps.local", "port": line_port}]);
    let proxy = plan.start(json!({"interception": {"explicit": {"services": services}}}));

    sheet.row(
        "weights",
        &["route.spec.httpRoute.action.weightedTargets.{virtualNode,weight}"],
        "75 to 25: 2,000 requests are shared within five standard deviations",
        || near(split(&proxy, "/75-25", 2000).of("one"), 2000, 0.75),
    );
    sheet.row(
        "weights are relative",
        &["route.spec.httpRoute.action.weightedTargets.weight"],
        "1 to 3 shares as 25 to 75: 2,000 requests, five standard deviations",
        || near(split(&proxy, "/1-3", 2000).of("one"), 2000, 0.25),
    );
    sheet.row(
        "weight 0",
        &["route.spec.httpRoute.action.weightedTargets.weight"],
        "a target of weight 0 gets none of 500 requests",
        || assert_eq!(split(&proxy, "/100-0", 500).of("two"), 0),
    );
    sheet.row(
        "weights of TCP routes",
        &[
            "route.spec.tcpRoute.action.weightedTargets.{virtualNode,weight}",
            "route.spec.tcpRoute.match.port",
        ],
        "50 to 50: 400 connections, each with a line there and back, within five standard deviations",
        || {
            let mut first = 0;
            for _ in 0..400 {
                let stream = connect(&format!("127.0.0.1:{line_port}")).unwrap();
                let mut reader = BufReader::new(stream);
                writeln!(reader.get_mut(), "x").unwrap();
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                first += usize::from(line == "one:x\n");
            }
            near(first, 400, 0.5);
        },
    );
    sheet.row(
        "target port",
        &["route.spec.{httpRoute,http2Route}.action.weightedTargets.port", "virtualNode.spec.listeners.portMapping.{port,protocol}"],
        "of a node with an HTTP and an HTTP/2 listener, each route reaches the one whose port it names, in its protocol",
        || {
            assert_eq!(proxy.get(SHARE, "/port", &[]).service(), "one");
            assert_eq!(proxy.get(H2, "/port", &[]).service(), "h2");
        },
    );
    sheet.row(
        "a node as provider",
        &["virtualService.spec.provider.virtualNode.virtualNodeName"],
        "the service's requests all reach the node; on each of the node's listeners by its port",
        || {
            assert_eq!(proxy.get("node.apps.local", "/any", &[]).service(), "one");
            let by = |port: u16| proxy.get(&format!("several.apps.local:{port}"), "/", &[]);
            assert_eq!(by(one.port).service(), "one");
            assert_eq!(by(second.port).service(), "h2");
        },
    );
    sheet.row(
        "a service without provider",
        &["virtualService.spec.provider.virtualNode.virtualNodeName"],
        "is known by a virtual host without routes, and answered with 404 (where a mesh lets names out, this one stays: see ALLOW_ALL)",
        || {
            assert_eq!(proxy.get("nobody.apps.local", "/", &[]).status, 404);
            let dump = proxy.envoy.config_dump().unwrap().to_string();
            assert!(dump.contains("\"name\":\"nobody.apps.local\""), "{dump}");
        },
    );
    sheet.row(
        "a name with any port",
        &["virtualNode.spec.backends.virtualService.virtualServiceName"],
        "`host: name:port` means the service whatever the port is, but for one that is another listener's of its router; the service sees the host as it was sent",
        || {
            for host in ["node.apps.local:8443", "NODE.apps.local:80", "node.apps.local:1"] {
                let answer = proxy.get(host, "/", &[]);
                assert_eq!(answer.service(), "one", "{host}");
                let head = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
            }
            assert_eq!(proxy.get("ports.apps.local:8082", "/", &[]).service(), "one");
            assert_eq!(proxy.get("ports.apps.local:8081", "/", &[]).service(), "two");
            assert_eq!(proxy.get("nodes.apps.local:80", "/", &[]).status, 404);
        },
    );
    sheet.row(
        "a router with several listeners",
        &[
            "virtualRouter.spec.listeners.portMapping.{port,protocol}",
            "route.spec.httpRoute.match.port",
        ],
        "each route serves the port that it matches; the name without port means port 80",
        || {
            let host = "ports.apps.local";
            assert_eq!(proxy.get(host, "/", &[]).service(), "one");
            assert_eq!(proxy.get("ports.apps.local:80", "/", &[]).service(), "one");
            assert_eq!(proxy.get("ports.apps.local:8081", "/", &[]).service(), "two");
        },
    );
    sheet.row(
        "protocols between proxies",
        &["virtualNode.spec.listeners.portMapping.protocol"],
        "a caller over HTTP/1.1 reaches an HTTP/2 service, and a caller over HTTP/2 an HTTP/1.1 service",
        || {
            assert_eq!(proxy.get(H2, "/port/x", &[]).service(), "h2");
            let seen = second.log.last("/port/x").unwrap();
            assert!(seen.starts_with("GET http://h2.apps.local/port/x"), "{seen}");
            let reply = Call::get(proxy.port, SHARE, "/port/y").send().unwrap();
            assert_eq!(reply.service(), "one");
            assert!(
                reply.body.starts_with("GET /port/y HTTP/1.1\r\n"),
                "{}",
                reply.body
            );
        },
    );
    sheet.row(
        "only declared backends",
        &["virtualNode.spec.backends.virtualService.virtualServiceName"],
        "the proxy's configuration names no cluster but those behind its backends",
        || {
            let mut other = plan.clone();
            other
                .at("virtualNode/web", "/backends")
                .as_array_mut()
                .unwrap()
                .truncate(0);
            other.backend("node.apps.local");
            let proxy = other.start(json!({}));
            let clusters = proxy.envoy.admin("/clusters").unwrap();
            let names: std::collections::BTreeSet<&str> = clusters
                .lines()
                .filter_map(|line| line.split("::").next())
                .collect();
            assert_eq!(
                names.into_iter().collect::<Vec<_>>(),
                ["cds_egress_apps_one_http_8080"]
            );
            assert_eq!(proxy.get(SHARE, "/", &[]).status, 404);
        },
    );
    sheet.row(
        "names of App Mesh",
        &["virtualNode.spec.backends.virtualService.virtualServiceName"],
        "listener `lds_egress_…_<port>`, clusters `cds_egress_<mesh>_<node>_<protocol>_<port>`, route tables `rds_egress_…`, virtual hosts after their services, statistics `egress`",
        || {
            let dump = proxy.envoy.config_dump().unwrap().to_string();
            for name in [
                format!("lds_egress_127.0.0.1_{}", proxy.port),
                "cds_egress_apps_one_http_8080".to_owned(),
                "cds_egress_apps_line-one_tcp_5432".to_owned(),
                format!("rds_egress_http_{}", proxy.port),
            ] {
                assert!(dump.contains(&format!("\"name\":\"{name}\"")), "{name}");
            }
            assert!(dump.contains("\"name\":\"share.apps.local\"") && dump.contains("\"stat_prefix\":\"egress\""));
            assert!(dump.contains("arn:aws:appmesh:us-east-1:000000000000:mesh/apps/virtualNode/web"));
        },
    );
}

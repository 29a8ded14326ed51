//! Access logs, as they stand in their files; statistics; admin endpoint; limits.

use crate::http2;
use crate::servers::{Http1, connect, free_port, read_all};
use crate::sheet::{Sheet, eventually};
use crate::world::{Plan, TestedProxy, merged, millis};
use meshform_acceptance::http::Client;
use serde_json::{Value, json};
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

/// A file's text, as soon as it has `part` in it.
fn file_with(path: &Path, part: &str) -> String {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.contains(part) {
            return text;
        }
        // Envoy writes its logs out at least every ten seconds.
        assert!(
            start.elapsed() < Duration::from_secs(14),
            "no `{part}` in:\n{text}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn logging(path: &Path, format: Option<Value>) -> Value {
    let mut file = json!({"path": path.to_str().unwrap()});
    if let Some(format) = format {
        file["format"] = format;
    }
    json!({"accessLog": {"file": file}})
}

const TEXT: &str = "%REQ(:METHOD)% %REQ(:AUTHORITY)% %RESPONSE_CODE% %UPSTREAM_CLUSTER%\n";

pub(crate) fn rows(sheet: &mut Sheet) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let service = Http1::start("one");
    let plan = || {
        let mut plan = Plan::new();
        plan.node("one", 8080, "http", service.port);
        plan.served_by_node("one.apps.local", "one");
        plan
    };
    let inbound = free_port();
    let listen = json!({"listeners": [{"portMapping": {"port": inbound, "protocol": "http"}}],
        "serviceDiscovery": {"dns": {"hostname": "web.apps.local"}}});
    let apps = json!({"inbound": {"appPorts": [{"listenerPort": inbound, "appPort": service.port}]}});
    let own = |format: Option<Value>, name: &str| {
        let mut plan = plan();
        let node = merged(plan.at("virtualNode/web", "").clone(), listen.clone());
        plan.set(
            "virtualNode/web",
            merged(node, json!({"logging": logging(&path(name), format)})),
        );
        plan
    };
    let text = own(Some(json!({"text": TEXT})), "text").start(apps);
    let fields =
        json!([{"key": "code", "value": "%RESPONSE_CODE%"}, {"key": "path", "value": "%REQ(:PATH)%"}]);
    let lines = own(Some(json!({"json": fields})), "json").start(json!({}));
    let plain = own(None, "plain").start(json!({}));
    let by_profile = logging(
        &path("profile"),
        Some(json!({"text": "profile %RESPONSE_CODE%\n"})),
    );
    let profile = plan().start(json!({"logging": by_profile}));
    let json_profile = logging(
        &path("profile-json"),
        Some(json!({"json": [{"key": "p", "value": "%PROTOCOL%"}]})),
    );
    let profile_json = plan().start(json!({"logging": json_profile}));
    let front = |name: &str, format: Value| {
        let mut plan = plan();
        let port = free_port();
        let listeners = json!([{"portMapping": {"port": port, "protocol": "http"}}]);
        plan.set(
            "virtualGateway/front",
            json!({"listeners": listeners, "logging": logging(&path(name), Some(format))}),
        );
        let target = json!({"virtualService": {"virtualServiceName": "one.apps.local"}});
        let rule = json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"target": target}}});
        plan.set("virtualGateway/front/gatewayRoute/all", rule);
        let profile = json!({"interception": {"explicit": {"port": free_port()}}});
        (plan.run("virtualGateway/front", profile), port)
    };
    let (_gateway, gateway_port) = front("gateway", json!({"text": "%REQ(:PATH)% %UPSTREAM_CLUSTER%\n"}));
    let (_gateway_json, gateway_json_port) = front(
        "gateway-json",
        json!({"json": [{"key": "c", "value": "%RESPONSE_CODE%"}]}),
    );
    let shop = |port: u16| {
        Client::new(([127, 0, 0, 1], port).into())
            .get("shop", "/seen", &[])
            .unwrap()
    };
    for proxy in [&text, &lines, &plain, &profile, &profile_json] {
        proxy.get("one.apps.local", "/seen?q", &[]);
    }
    Client::new(([127, 0, 0, 1], inbound).into())
        .get("inbound", "/", &[])
        .unwrap();
    shop(gateway_port);
    shop(gateway_json_port);

    sheet.row(
        "access log, text",
        &[
            "virtualNode.spec.logging.accessLog.file.path",
            "virtualNode.spec.logging.accessLog.file.format.text",
        ],
        "one line of the given form per request in the file: outbound and inbound",
        || {
            let seen = file_with(&path("text"), "cds_ingress");
            assert!(
                seen.contains("GET one.apps.local 200 cds_egress_apps_one_http_8080\n"),
                "{seen}"
            );
            let line = format!("GET inbound 200 cds_ingress_apps_web_http_{inbound}\n");
            assert!(seen.contains(&line), "{seen}");
        },
    );
    sheet.row(
        "access log, JSON",
        &["virtualNode.spec.logging.accessLog.file.format.json.{key,value}"],
        "each line is an object with the given members; a number stays a number",
        || {
            let seen = file_with(&path("json"), "}\n");
            let line: Value = serde_json::from_str(seen.lines().next().unwrap()).unwrap();
            assert_eq!(line, json!({"code": 200, "path": "/seen?q"}));
        },
    );
    sheet.row(
        "access log without format",
        &["virtualNode.spec.logging.accessLog.file.path"],
        "Envoy's own form",
        || {
            let seen = file_with(&path("plain"), "\n");
            assert!(seen.contains("\"GET /seen?q HTTP/1.1\" 200 - "), "{seen}");
        },
    );
    sheet.row(
        "access log of the profile",
        &[
            "proxyProfile.spec.logging.accessLog.file.path",
            "proxyProfile.spec.logging.accessLog.file.format.text",
            "proxyProfile.spec.logging.accessLog.file.format.json.{key,value}",
        ],
        "holds where the node has none of its own: text and JSON",
        || {
            assert_eq!(file_with(&path("profile"), "\n"), "profile 200\n");
            assert_eq!(file_with(&path("profile-json"), "\n"), "{\"p\":\"HTTP/1.1\"}\n");
        },
    );
    sheet.row(
        "access log of a gateway",
        &[
            "virtualGateway.spec.logging.accessLog.file.path",
            "virtualGateway.spec.logging.accessLog.file.format.text",
            "virtualGateway.spec.logging.accessLog.file.format.json.{key,value}",
        ],
        "both passes write their line: the first to the gateway itself, the second to the service",
        || {
            // Each pass writes when it ends: the file may have one line a while before the other.
            file_with(&path("gateway"), "cds_egress");
            let seen = file_with(&path("gateway"), "self_redirect");
            assert!(
                seen.contains("/seen cds_ingress_apps_front_self_redirect_http_15001\n"),
                "{seen}"
            );
            assert!(seen.contains("cds_egress_apps_one_http_8080\n"), "{seen}");
            assert!(file_with(&path("gateway-json"), "\n").starts_with("{\"c\":200}\n"));
        },
    );
}

/// What the admin endpoint, limits and sinks of a profile do.
pub(crate) fn profile(sheet: &mut Sheet) {
    let service = Http1::start("one");
    let mut plan = Plan::new();
    plan.node("one", 8080, "http", service.port);
    plan.served_by_node("one.apps.local", "one");
    let folder = tempfile::tempdir().unwrap();
    let admin_log = folder.path().join("admin.log");
    let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
    sink.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let own = folder.path().join("own");
    let proxy: TestedProxy = plan.start(json!({
        "admin": {"address": "127.0.0.1", "accessLogPath": admin_log.to_str().unwrap()},
        "directory": own.to_str().unwrap(),
        "limits": {"maxRequestHeadersKb": 8, "maxRequestHeadersCount": 20},
        "metrics": {
            "dogStatsD": {"address": "127.0.0.1", "port": sink.local_addr().unwrap().port(), "prefix": "shop"},
            "resourceTags": true, "flushInterval": millis(500),
        },
        "drain": {"time": {"unit": "s", "value": 5}},
    }));
    sheet.row(
        "admin endpoint",
        &[
            "proxyProfile.spec.admin.{address,port,accessLogPath}",
            "proxyProfile.spec.virtualNode",
        ],
        "answers at the address and port, and writes its log",
        || {
            assert!(proxy.envoy.admin("/ready").unwrap().contains("LIVE"));
            let line = file_with(&admin_log, "/ready");
            assert!(line.contains("GET /ready"), "{line}");
        },
    );
    sheet.row(
        "directory on the proxy",
        &["proxyProfile.spec.directory"],
        "Envoy follows the files below it: `current` is a link, a release behind it is swapped by renaming, and the new route answers within half a second",
        || {
            assert!(own.join("current").is_symlink());
            let other = Http1::start("two");
            let mut changed = plan.clone();
            changed.node("two", 8080, "http", other.port);
            changed.set("virtualService/one.apps.local", json!({"provider": {"virtualNode": {"virtualNodeName": "two"}}}));
            let mut plan = plan.clone();
            plan.port = free_port();
            let beside = folder.path().join("beside");
            let mut proxy = plan.start(json!({"directory": beside.to_str().unwrap()}));
            assert_eq!(proxy.get("one.apps.local", "/", &[]).service(), "one");
            proxy.follow(&changed);
            assert!(beside.join("current").is_symlink());
            assert_eq!(proxy.get("one.apps.local", "/", &[]).service(), "two");
        },
    );
    sheet.row(
        "limits of request headers",
        &["proxyProfile.spec.limits.{maxRequestHeadersKb,maxRequestHeadersCount}"],
        "8 KiB and 20 headers: 7 KiB pass and 9 KiB get 431; 15 headers pass and 30 get 431",
        || {
            let long = |bytes: usize| "x".repeat(bytes);
            let with = |value: &str| proxy.get("one.apps.local", "/", &[("x-long", value)]).status;
            assert_eq!((with(&long(7 << 10)), with(&long(9 << 10))), (200, 431));
            let names: Vec<String> = (0..30).map(|at| format!("x-{at}")).collect();
            let many = |count: usize| {
                let headers: Vec<(&str, &str)> = names
                    .iter()
                    .take(count)
                    .map(|name| (name.as_str(), "1"))
                    .collect();
                proxy.get("one.apps.local", "/", &headers).status
            };
            assert_eq!((many(15), many(30)), (200, 431));
        },
    );
    sheet.row_in_time(
        "DogStatsD",
        &["proxyProfile.spec.metrics.dogStatsD.{address,port,prefix}", "proxyProfile.spec.metrics.flushInterval"],
        "datagrams arrive at the address, each name begins with the prefix; with 500 ms, two flushes come within two seconds",
        || {
            let mut buffer = vec![0; 65536];
            let mut flushes = Vec::new();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(2) {
                let length = sink.recv(&mut buffer).unwrap();
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                assert!(text.lines().all(|line| line.starts_with("shop.")), "{text}");
                if text.contains("shop.server.uptime") {
                    flushes.push(start.elapsed());
                }
            }
            assert!(flushes.len() >= 2, "{flushes:?}");
        },
    );
    sheet.row(
        "statistics tagged with the resource",
        &["proxyProfile.spec.metrics.resourceTags"],
        "the series carry `appmesh_mesh=\"apps\"` and `appmesh_virtual_node=\"web\"`; so do DogStatsD's (all but Envoy's count of its own files), and one about a target names it: `appmesh.target_virtual_node:one`",
        || {
            assert_eq!(proxy.get("one.apps.local", "/", &[]).status, 200);
            let mut buffer = vec![0; 65536];
            let start = Instant::now();
            let target = loop {
                assert!(start.elapsed() < Duration::from_secs(10), "nothing about the target");
                let length = sink.recv(&mut buffer).unwrap();
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                // Envoy counts its own files from before it has read about tags.
                let tagged = text.lines().filter(|line| !line.starts_with("shop.filesystem."));
                for line in tagged {
                    let (_, tags) = line.split_once("|#").unwrap_or_else(|| panic!("no tags: {line}"));
                    let tags: Vec<&str> = tags.split(',').collect();
                    for tag in ["appmesh.mesh:apps", "appmesh.virtual_node:web"] {
                        assert!(tags.contains(&tag), "{line}");
                    }
                }
                let about = |line: &&str| line.starts_with("shop.cluster.upstream_rq_total:");
                if let Some(line) = text.lines().find(about) {
                    break line.to_owned();
                }
            };
            assert!(target.contains("appmesh.target_virtual_node:one"), "{target}");
            let series = proxy
                .envoy
                .admin("/stats/prometheus?filter=server.uptime")
                .unwrap();
            assert!(
                series.contains("appmesh_mesh=\"apps\"") && series.contains("appmesh_virtual_node=\"web\""),
                "{series}"
            );
        },
    );
    sheet.row(
        "drain",
        &["proxyProfile.spec.admin.port"],
        "`POST /drain_listeners` at the admin endpoint closes the listeners; the process stays, for what is under way",
        || {
            let mut plan = plan.clone();
            plan.port = free_port();
            let proxy = plan.start(json!({}));
            assert_eq!(proxy.get("one.apps.local", "/", &[]).status, 200);
            proxy.envoy.endpoint().post("/drain_listeners").unwrap();
            eventually("the listener is closed", 10, || {
                connect(&format!("127.0.0.1:{}", plan.port)).is_err()
            });
            assert!(proxy.envoy.admin("/ready").is_ok());
        },
    );
    sheet.row_in_time(
        "drain, graceful",
        &["proxyProfile.spec.drain.time"],
        "2 s, as `--drain-time-s`: after `POST /drain_listeners?graceful` answers tell clients to close their connections, sooner or later within these two seconds, and new connections are still served; then the listeners close",
        || {
            let mut plan = plan.clone();
            plan.port = free_port();
            plan.arguments = vec!["--drain-time-s".to_owned(), "2".to_owned()];
            let proxy = plan.start(json!({}));
            let client = std::cell::RefCell::new(proxy.client());
            let is_told = || {
                let answer = client.borrow_mut().get("one.apps.local", "/", &[]).ok()?;
                Some(answer.headers.get("connection").is_some_and(|it| it == "close"))
            };
            assert_eq!(is_told(), Some(false));
            proxy.envoy.endpoint().post("/drain_listeners?graceful").unwrap();
            let begun = Instant::now();
            eventually("clients are told", 2, || is_told() == Some(true));
            let is_open = || connect(&format!("127.0.0.1:{}", plan.port)).is_ok();
            assert!(is_open(), "not yet");
            eventually("the listener is closed", 10, || !is_open());
            let taken = begun.elapsed().as_millis();
            assert!((1800..4500).contains(&taken), "{taken} ms");
        },
    );
    sheet.row(
        "websockets",
        &["virtualNode.spec.listeners.portMapping.protocol"],
        "an upgrade reaches the service; bytes go there and back",
        || super::websocket(proxy.port, "one.apps.local", "/ws"),
    );
    sheet.row(
        "websockets over HTTP/2",
        &["virtualNode.spec.listeners.portMapping.protocol"],
        "an extended CONNECT reaches a service of HTTP/1.1 as an upgrade; bytes go there and back",
        || {
            let back = http2::websocket(proxy.port, "one.apps.local", "/ws", b"\x81\x02hi").unwrap();
            assert_eq!(back, b"\x81\x02hi");
        },
    );
    sheet.row(
        "limit of connections",
        &["proxyProfile.spec.limits.maxDownstreamConnections"],
        "2: two open connections are served, a third is closed",
        || {
            let mut other = plan.clone();
            other.port = free_port();
            let few = other.start(json!({"limits": {"maxDownstreamConnections": 2}}));
            let open = || {
                let mut stream = connect(&format!("127.0.0.1:{}", few.port)).unwrap();
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: one.apps.local\r\n\r\n");
                let mut bytes = [0; 12];
                let read = std::io::Read::read(&mut stream, &mut bytes).unwrap_or(0);
                (stream, read)
            };
            let (first, second, mut third) = (open(), open(), open());
            assert_eq!((first.1, second.1, third.1), (12, 12, 0));
            assert_eq!(read_all(&mut third.0), "");
        },
    );
}

//! What a gateway does to hosts and paths: byte by byte, as the service sees the request line.

use crate::servers::{Http1, free_port};
use crate::sheet::Sheet;
use crate::world::{Plan, merged, seconds};
use meshform_acceptance::http::{Client, Response};
use serde_json::{Value, json};

fn ask(port: u16, host: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    Client::new(([127, 0, 0, 1], port).into())
        .get(host, path, headers)
        .unwrap()
}

/// The request line as the service saw it, without method and version.
fn target(port: u16, path: &str) -> String {
    let answer = ask(port, "shop.example.com", path, &[]);
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let words: Vec<&str> = body.split(' ').collect();
    assert_eq!(answer.status, 200, "{path}: {body}");
    words[1].to_owned()
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let (one, two) = (Http1::start("one"), Http1::start("two"));
    let (port, inner) = (free_port(), free_port());
    let mut plan = Plan::new();
    plan.set(
        "virtualGateway/front",
        json!({"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]}),
    );
    for (name, service) in [("one", &one), ("two", &two)] {
        plan.node(name, 8080, "http", service.port);
        plan.served_by_node(&format!("{name}.apps.local"), name);
    }
    plan.set(
        "virtualRouter/ports",
        json!({"listeners": [
            {"portMapping": {"port": 80, "protocol": "http"}},
            {"portMapping": {"port": 81, "protocol": "http"}},
        ]}),
    );
    for (router_port, node) in [(80, "one"), (81, "two")] {
        plan.route(
            &format!("ports/on-{router_port}"),
            "httpRoute",
            json!({"match": {"prefix": "/", "port": router_port}, "timeout": {"perRequest": seconds(0)}}),
            node,
        );
    }
    plan.set(
        "virtualService/ports.apps.local",
        json!({"provider": {"virtualRouter": {"virtualRouterName": "ports"}}}),
    );
    let mut add = |name: &str, rule: Value, (service, more): (&str, Value)| {
        let target = json!({"virtualService": {"virtualServiceName": format!("{service}.apps.local")}});
        let mut action = merged(json!({"target": target}), more);
        let priority = action.as_object_mut().unwrap().remove("priority");
        let mut spec = json!({"httpRoute": {"match": rule, "action": action}});
        if let Some(priority) = priority {
            spec["priority"] = priority;
        }
        plan.set(&format!("virtualGateway/front/gatewayRoute/{name}"), spec);
    };
    let keep_host = json!({"rewrite": {"hostname": {"defaultTargetHostname": "DISABLED"}}});
    add("chapter", json!({"prefix": "/chapter"}), ("one", json!({})));
    add(
        "kept",
        json!({"prefix": "/kept"}),
        (
            "one",
            json!({"rewrite": {"prefix": {"defaultPrefix": "DISABLED"}}}),
        ),
    );
    add(
        "old",
        json!({"prefix": "/old/"}),
        ("one", json!({"rewrite": {"prefix": {"value": "/new/"}}})),
    );
    add(
        "exact",
        json!({"path": {"exact": "/exact"}}),
        ("one", json!({"rewrite": {"path": {"exact": "/other"}}})),
    );
    add(
        "regex",
        json!({"path": {"regex": "/re/[a-z]+"}}),
        ("one", json!({"rewrite": {"path": {"exact": "/fixed"}}})),
    );
    add(
        "host-kept",
        json!({"prefix": "/host"}),
        ("one", keep_host.clone()),
    );
    add(
        "named",
        json!({"prefix": "/", "hostname": {"exact": "two.example.com"}}),
        ("two", json!({})),
    );
    add(
        "suffixed",
        json!({"prefix": "/", "hostname": {"suffix": ".example.org"}}),
        ("two", json!({})),
    );
    add(
        "ported",
        json!({"prefix": "/ported", "hostname": {"exact": "two.example.com:8443"}}),
        ("one", json!({})),
    );
    add(
        "first",
        json!({"prefix": "/order"}),
        ("two", json!({"priority": 1})),
    );
    add(
        "later",
        json!({"prefix": "/order/long"}),
        ("one", json!({"priority": 2})),
    );
    add(
        "port-81",
        json!({"prefix": "/p81"}),
        ("ports", json!({"target": {"port": 81}})),
    );
    add(
        "port-80",
        json!({"prefix": "/p80"}),
        ("ports", merged(keep_host, json!({"target": {"port": 80}}))),
    );
    let proxy = plan.run(
        "virtualGateway/front",
        json!({"interception": {"explicit": {"port": inner}}}),
    );
    sheet.row(
        "default prefix rewrite",
        &["gatewayRoute.spec.httpRoute.action.rewrite.prefix.defaultPrefix"],
        "`/chapter` goes to `/`: `/chapter/1` becomes `/1`, `/chapter1` `/1`, `/chapter` `/`, `/chapter/` `/`, the query stays; DISABLED keeps the path",
        || {
            for (asked, seen) in [
                ("/chapter/1", "/1"),
                ("/chapter1", "/1"),
                ("/chapter", "/"),
                ("/chapter/", "/"),
                ("/chapter/1/2?q=%2F", "/1/2?q=%2F"),
                ("/kept/1", "/kept/1"),
            ] {
                assert_eq!(target(port, asked), seen, "{asked}");
            }
        },
    );
    sheet.row(
        "prefix rewrite to a value",
        &["gatewayRoute.spec.httpRoute.action.rewrite.prefix.value"],
        "`/old/` to `/new/`: `/old/1?q` becomes `/new/1?q`",
        || assert_eq!(target(port, "/old/1?q"), "/new/1?q"),
    );
    sheet.row(
        "path rewrite",
        &["gatewayRoute.spec.httpRoute.action.rewrite.path.exact"],
        "an exact path and one matched by regular expression become the given path; the query stays",
        || {
            assert_eq!(target(port, "/exact?a=1"), "/other?a=1");
            assert_eq!(target(port, "/re/abc?a=1"), "/fixed?a=1");
        },
    );
    sheet.row(
        "host rewrite",
        &["gatewayRoute.spec.httpRoute.action.rewrite.hostname.defaultTargetHostname"],
        "the service sees its own name as `host`; with DISABLED the caller's",
        || {
            let host = |path: &str| {
                let answer = ask(port, "shop.example.com", path, &[]);
                String::from_utf8_lossy(&answer.body)
                    .lines()
                    .nth(1)
                    .unwrap()
                    .to_owned()
            };
            assert_eq!(host("/chapter"), "host: one.apps.local");
            assert_eq!(host("/host"), "host: shop.example.com");
        },
    );
    sheet.row(
        "the routing header is the proxy's own",
        &["gatewayRoute.spec.httpRoute.action.rewrite.hostname.defaultTargetHostname"],
        "a client's `x-app-mesh-virtual-service` neither changes where a request goes nor reaches the service",
        || {
            let forged: &[(&str, &str)] = &[("x-app-mesh-virtual-service", "two.apps.local")];
            for path in ["/host", "/chapter"] {
                let answer = ask(port, "shop.example.com", path, forged);
                assert_eq!(answer.service(), "one", "{path}");
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(!body.contains("virtual-service"), "{body}");
            }
        },
    );
    sheet.row(
        "host names",
        &["gatewayRoute.spec.httpRoute.match.hostname.{exact,suffix}"],
        "an exact name and a suffix, whatever port the client names behind it; a suffix takes `a.example.org` and `a.b.example.org`, not `example.org`",
        || {
            let by = |host: &str| ask(port, host, "/x", &[]).service().to_owned();
            assert_eq!(by("two.example.com"), "two");
            let any = [port, 80, 443, 8443];
            for host in ["two.example.com", "TWO.example.com", "a.example.org"] {
                for port in any {
                    assert_eq!(by(&format!("{host}:{port}")), "two", "{host}:{port}");
                }
            }
            assert_eq!(by("a.example.org"), "two");
            assert_eq!(by("a.b.example.org"), "two");
            assert_eq!(by("example.org"), "");
            assert_eq!(by("three.example.com"), "");
            assert_eq!(by("example.org:443"), "");
        },
    );
    sheet.row(
        "a host name with a port of its own",
        &["gatewayRoute.spec.httpRoute.match.hostname.exact"],
        "a route for `two.example.com:8443` takes requests that name that port, in any case of letters, and no others",
        || {
            let by = |host: &str| ask(port, host, "/ported", &[]).service().to_owned();
            assert_eq!(by("two.example.com:8443"), "one");
            assert_eq!(by("Two.example.com:8443"), "one");
            for host in ["two.example.com", "two.example.com:443", "two.example.com:84430"] {
                assert_eq!(by(host), "two", "{host}");
            }
        },
    );
    sheet.row(
        "routes without host name",
        &["gatewayRoute.spec.httpRoute.match.hostname.exact"],
        "serve named hosts too, in the one order of priority and length (App Mesh's answer is not known)",
        || {
            assert_eq!(ask(port, "two.example.com", "/chapter/1", &[]).service(), "one");
            assert_eq!(ask(port, "two.example.com", "/x", &[]).service(), "two");
        },
    );
    sheet.row(
        "order of gateway routes",
        &["gatewayRoute.spec.priority"],
        "priority 1 goes before priority 2, though its prefix is shorter",
        || assert_eq!(ask(port, "shop.example.com", "/order/long", &[]).service(), "two"),
    );
    sheet.row(
        "target port of a service with several",
        &["gatewayRoute.spec.httpRoute.action.target.port"],
        "each gateway route reaches the router listener that it names, with the host rewritten and with it kept",
        || {
            assert_eq!(ask(port, "shop.example.com", "/p81/x", &[]).service(), "two");
            assert_eq!(ask(port, "shop.example.com", "/p80/x", &[]).service(), "one");
        },
    );
    sheet.row(
        "names of a gateway with one listener",
        &["virtualGateway.spec.listeners.portMapping.port"],
        "cluster `cds_ingress_<mesh>_<gateway>_self_redirect_<protocol>_15001`, virtual host `self_redirect`, statistics `ingress`",
        || {
            let dump = proxy.envoy.config_dump().unwrap().to_string();
            for part in ["\"name\":\"cds_ingress_apps_front_self_redirect_http_15001\"", "\"name\":\"self_redirect\"", "\"stat_prefix\":\"ingress\""] {
                assert!(dump.contains(part), "{part}");
            }
        },
    );
    sheet.row(
        "websockets through a gateway",
        &["virtualGateway.spec.listeners.portMapping.protocol"],
        "an upgrade passes both passes of the gateway; bytes go there and back",
        || super::websocket(port, "shop.example.com", "/chapter/ws"),
    );
}

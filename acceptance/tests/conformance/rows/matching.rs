//! Which route a request takes: paths, methods, schemes, headers, query parameters, order.

use crate::http2::{Call, Http2};
use crate::servers::Http1;
use crate::sheet::Sheet;
use crate::world::{Plan, TestedProxy};
use serde_json::{Value, json};

const HOST: &str = "api.apps.local";
const H2: &str = "h2.apps.local";

/// Asks with a path and headers; who answered.
fn ask(proxy: &TestedProxy, path: &str, headers: &[(&str, &str)]) -> String {
    proxy.get(HOST, path, headers).service().to_owned()
}

fn header(name: &str, more: Value) -> Value {
    crate::world::merged(json!({"name": name}), more)
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let (yes, no, second) = (Http1::start("yes"), Http1::start("no"), Http2::start("h2"));
    let mut plan = Plan::new();
    plan.node("yes", 8080, "http", yes.port);
    plan.node("no", 8080, "http", no.port);
    plan.node("second", 8080, "http2", second.port);
    plan.served_by_router(HOST, "api", 80, "http");
    plan.served_by_router(H2, "h2", 81, "http2");
    let mut yes_when = |name: &str, rule: Value| {
        plan.route(&format!("api/{name}"), "httpRoute", json!({"match": rule}), "yes");
    };
    yes_when("prefix", json!({"prefix": "/prefix"}));
    yes_when("exact", json!({"path": {"exact": "/exact"}}));
    yes_when("regex", json!({"path": {"regex": "/items/[0-9]+"}}));
    yes_when("method", json!({"prefix": "/method", "method": "DELETE"}));
    let headers = |path: &str, list: Value| json!({"prefix": path, "headers": list});
    yes_when(
        "h-exact",
        headers(
            "/h-exact",
            json!([header("x-v", json!({"match": {"exact": "2"}}))]),
        ),
    );
    yes_when(
        "h-prefix",
        headers(
            "/h-prefix",
            json!([header("x-v", json!({"match": {"prefix": "ab"}}))]),
        ),
    );
    yes_when(
        "h-suffix",
        headers(
            "/h-suffix",
            json!([header("x-v", json!({"match": {"suffix": "yz"}}))]),
        ),
    );
    yes_when(
        "h-regex",
        headers(
            "/h-regex",
            json!([header("x-v", json!({"match": {"regex": "v[0-9]"}}))]),
        ),
    );
    yes_when(
        "h-range",
        headers(
            "/h-range",
            json!([header(
                "x-v",
                json!({"match": {"range": {"start": 1, "end": 100}}})
            )]),
        ),
    );
    yes_when(
        "h-present",
        headers("/h-present", json!([header("x-v", json!({}))])),
    );
    yes_when(
        "h-absent",
        headers("/h-absent", json!([header("x-v", json!({"invert": true}))])),
    );
    yes_when(
        "h-invert",
        headers(
            "/h-invert",
            json!([header("x-v", json!({"invert": true, "match": {"exact": "2"}}))]),
        ),
    );
    yes_when(
        "q-exact",
        json!({"prefix": "/q-exact", "queryParameters": [{"name": "beta", "match": {"exact": "on"}}]}),
    );
    yes_when(
        "q-present",
        json!({"prefix": "/q-present", "queryParameters": [{"name": "beta"}]}),
    );
    yes_when(
        "all",
        json!({"prefix": "/all", "method": "GET",
        "headers": [{"name": "x-v", "match": {"exact": "2"}}, {"name": "x-w", "match": {"exact": "3"}}],
        "queryParameters": [{"name": "beta", "match": {"exact": "on"}}]}),
    );
    let order = |prefix: &str, priority: u16| json!({"priority": priority, "match": {"prefix": prefix}});
    plan.route("api/order-first", "httpRoute", order("/order", 10), "no");
    plan.route("api/order-later", "httpRoute", order("/order/long", 20), "yes");
    let unordered = |prefix: &str| json!({"match": {"prefix": prefix}});
    plan.route("api/a-short", "httpRoute", unordered("/long"), "no");
    plan.route("api/z-long", "httpRoute", unordered("/long/er"), "yes");
    plan.route("api/rest", "httpRoute", unordered("/"), "no");
    let scheme = json!({"priority": 1, "match": {"prefix": "/scheme", "scheme": "https"}});
    plan.route("h2/scheme", "http2Route", scheme, "second");
    let rest = json!({"priority": 2, "match": {"prefix": "/", "method": "POST",
        "headers": [{"name": "x-v", "match": {"prefix": "ab"}}]}});
    plan.route("h2/rest", "http2Route", rest, "second");
    let proxy = plan.start(json!({}));
    let takes = |path: &str, headers: &[(&str, &str)]| ask(&proxy, path, headers) == "yes";

    sheet.row(
        "path prefix",
        &["route.spec.httpRoute.match.prefix"],
        "`/prefix` takes `/prefix`, `/prefix/x`, `/prefixed` and `/prefix?q`; `/pre` and `/x/prefix` pass by",
        || {
            for path in ["/prefix", "/prefix/x", "/prefixed", "/prefix?q"] {
                assert!(takes(path, &[]), "{path}");
            }
            assert!(!takes("/pre", &[]) && !takes("/x/prefix", &[]));
        },
    );
    sheet.row(
        "path, exact",
        &["route.spec.httpRoute.match.path.exact"],
        "`/exact` takes `/exact` and `/exact?q=1`; not `/exact/`, `/exactly`",
        || {
            assert!(takes("/exact", &[]) && takes("/exact?q=1", &[]));
            assert!(!takes("/exact/", &[]) && !takes("/exactly", &[]));
        },
    );
    sheet.row(
        "path, regular expression",
        &["route.spec.httpRoute.match.path.regex"],
        "`/items/[0-9]+` is held against the whole path: `/items/42`, not `/items/42x`, not `/v1/items/42`",
        || {
            assert!(takes("/items/42", &[]) && takes("/items/42?q", &[]));
            assert!(!takes("/items/42x", &[]) && !takes("/v1/items/42", &[]));
        },
    );
    sheet.row(
        "method",
        &["route.spec.httpRoute.match.method"],
        "a route for `DELETE` takes `DELETE`, not `GET`, `POST`",
        || {
            let with = |method: &str| {
                let answer = proxy.client().request(method, HOST, "/method", &[]).unwrap();
                answer.service() == "yes"
            };
            assert!(with("DELETE") && !with("GET") && !with("POST"));
        },
    );
    sheet.row(
        "header, exact",
        &[
            "route.spec.httpRoute.match.headers.match.exact",
            "route.spec.httpRoute.match.headers.name",
        ],
        "`x-v: 2` and `X-V: 2` match; `22`, another header and none do not",
        || {
            assert!(takes("/h-exact", &[("x-v", "2")]) && takes("/h-exact", &[("X-V", "2")]));
            assert!(!takes("/h-exact", &[("x-v", "22")]) && !takes("/h-exact", &[("x-w", "2")]));
            assert!(!takes("/h-exact", &[]));
        },
    );
    sheet.row(
        "header, prefix",
        &["route.spec.httpRoute.match.headers.match.prefix"],
        "`ab…` matches, `b…` and a missing header do not",
        || {
            assert!(takes("/h-prefix", &[("x-v", "abc")]));
            assert!(!takes("/h-prefix", &[("x-v", "bab")]) && !takes("/h-prefix", &[]));
        },
    );
    sheet.row(
        "header, suffix",
        &["route.spec.httpRoute.match.headers.match.suffix"],
        "`…yz` matches, `yza` and a missing header do not",
        || {
            assert!(takes("/h-suffix", &[("x-v", "xyz")]));
            assert!(!takes("/h-suffix", &[("x-v", "yza")]) && !takes("/h-suffix", &[]));
        },
    );
    sheet.row(
        "header, regular expression",
        &["route.spec.httpRoute.match.headers.match.regex"],
        "`v[0-9]` is held against the whole value: `v1`, not `v10`, not `xv1`",
        || {
            assert!(takes("/h-regex", &[("x-v", "v1")]));
            assert!(!takes("/h-regex", &[("x-v", "v10")]) && !takes("/h-regex", &[("x-v", "xv1")]));
        },
    );
    sheet.row(
        "header, range",
        &["route.spec.httpRoute.match.headers.match.range.{start,end}"],
        "1 to 100 takes 1 and 99, not 0, not 100 (the end is outside), not `x`",
        || {
            assert!(takes("/h-range", &[("x-v", "1")]) && takes("/h-range", &[("x-v", "99")]));
            for value in ["0", "100", "x"] {
                assert!(!takes("/h-range", &[("x-v", value)]), "{value}");
            }
        },
    );
    sheet.row(
        "header, present",
        &["route.spec.httpRoute.match.headers.name"],
        "a header without `match` has to be there, with any value",
        || {
            assert!(
                takes("/h-present", &[("x-v", "")])
                    && takes("/h-present", &[("x-v", "x")])
                    && !takes("/h-present", &[])
            )
        },
    );
    sheet.row(
        "header, inverted",
        &["route.spec.httpRoute.match.headers.invert"],
        "not `2` takes `3`, not `2`; without `match`, the header has to be absent",
        || {
            assert!(takes("/h-invert", &[("x-v", "3")]) && !takes("/h-invert", &[("x-v", "2")]));
            assert!(takes("/h-absent", &[]) && !takes("/h-absent", &[("x-v", "1")]));
        },
    );
    sheet.row(
        "header, inverted and missing",
        &["route.spec.httpRoute.match.headers.invert"],
        "not `2` does not take a request without the header (Envoy's default; what App Mesh's Envoy did is not known)",
        || assert!(!takes("/h-invert", &[])),
    );
    sheet.row(
        "query parameter, exact",
        &[
            "route.spec.httpRoute.match.queryParameters.match.exact",
            "route.spec.httpRoute.match.queryParameters.name",
        ],
        "`beta=on` matches, also among others; `beta=off`, `BETA=on` and none do not",
        || {
            assert!(takes("/q-exact?beta=on", &[]) && takes("/q-exact?a=1&beta=on", &[]));
            for path in ["/q-exact?beta=off", "/q-exact?BETA=on", "/q-exact"] {
                assert!(!takes(path, &[]), "{path}");
            }
        },
    );
    sheet.row(
        "query parameter, present",
        &["route.spec.httpRoute.match.queryParameters.name"],
        "without `match`, `?beta` and `?beta=x` match, no parameter does not",
        || {
            assert!(takes("/q-present?beta", &[]) && takes("/q-present?beta=x", &[]));
            assert!(!takes("/q-present", &[]) && !takes("/q-present?betamax=x", &[]));
        },
    );
    sheet.row(
        "all conditions together",
        &["route.spec.httpRoute.match.{prefix,method}"],
        "path, method, two headers and a query parameter: with any one missing the route passes by",
        || {
            let both: &[(&str, &str)] = &[("x-v", "2"), ("x-w", "3")];
            assert!(takes("/all?beta=on", both));
            assert!(
                !takes("/all", both) && !takes("/all?beta=on", &both[..1]) && !takes("/al?beta=on", both)
            );
            let post = proxy
                .client()
                .request("POST", HOST, "/all?beta=on", both)
                .unwrap();
            assert_eq!(post.service(), "no");
        },
    );
    sheet.row(
        "order by priority",
        &["route.spec.priority"],
        "`/order` with priority 10 goes before `/order/long` with 20, though that is longer",
        || assert_eq!(ask(&proxy, "/order/long", &[]), "no"),
    );
    sheet.row(
        "order without priority",
        &["route.spec.priority"],
        "the longer prefix goes first, whatever the names; routes with a priority before those without",
        || {
            assert_eq!(ask(&proxy, "/long/er", &[]), "yes");
            assert_eq!(ask(&proxy, "/long/", &[]), "no");
        },
    );
    sheet.row(
        "nothing matches",
        &["virtualService.spec.provider.virtualRouter.virtualRouterName"],
        "a request that no route takes is answered with 404 by the caller's proxy; so is a name that is no backend",
        || {
            assert_eq!(Call::get(proxy.port, H2, "/other").send().unwrap().status, 404);
            assert_eq!(proxy.get("other.apps.local", "/", &[]).status, 404);
        },
    );
    sheet.row(
        "the path's slashes and dots",
        &["route.spec.httpRoute.match.prefix"],
        "paths are normalised before they are matched: `//prefix` and `/x/../prefix` are `/prefix`",
        || assert!(takes("//prefix", &[]) && takes("/x/../prefix", &[])),
    );
    sheet.row(
        "HTTP/2 routes: scheme, method and headers",
        &[
            "route.spec.http2Route.match.prefix",
            "route.spec.http2Route.match.scheme",
            "route.spec.http2Route.match.method",
        ],
        "over HTTP/2, `scheme: https` takes a request with `:scheme: https` and not one with `http`",
        || {
            let call = Call::get(proxy.port, H2, "/scheme");
            let reply = Call {
                scheme: "https",
                ..call.clone()
            }
            .send()
            .unwrap();
            assert_eq!((reply.status, reply.service()), (200, "h2"));
            assert_eq!(call.send().unwrap().status, 404);
            let post = Call {
                method: "POST",
                ..Call::get(proxy.port, H2, "/")
            };
            assert_eq!(post.clone().with(&[("x-v", "abc")]).send().unwrap().status, 200);
            assert_eq!(post.send().unwrap().status, 404);
        },
    );
}

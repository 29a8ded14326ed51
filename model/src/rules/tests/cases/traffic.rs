//! Routes, gateway routes, weights, order, calls and TLS.

use super::{B, Case, GATEWAY, HEADER, PATH, ROUTER, WEIGHTED, broken, case, other, remove};
use serde_json::{Value, json};

pub(super) fn all() -> Vec<Case> {
    [
        routes(),
        gateways(),
        weights(),
        reached(),
        calls(),
        tls(),
        extensions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn routes() -> Vec<Case> {
    let seconds = |value: u64| json!({"unit": "s", "value": value});
    vec![
        case(
            "a route of another protocol than its router",
            &["MF0230", "MF0230", "MF0230"],
            broken(|m| m[ROUTER]["listeners"][0]["portMapping"]["protocol"] = json!("http2")),
        ),
        case(
            "a route for a port that its router lacks",
            &["MF0231"],
            broken(|m| m[PATH]["httpRoute"]["match"]["port"] = json!(81)),
        ),
        case(
            "a second listener while routes lack a port",
            &["MF0232", "MF0232", "MF0232"],
            broken(|m| {
                let second = json!({"portMapping": {"port": 81, "protocol": "http"}});
                m[ROUTER]["listeners"].as_array_mut().unwrap().push(second);
            }),
        ),
        case(
            "a port that the target lacks",
            &["MF0233"],
            broken(|m| m[PATH]["httpRoute"]["action"]["weightedTargets"][0]["port"] = json!(81)),
        ),
        case(
            "a target with several ports",
            &["MF0234"],
            broken(|m| {
                let second = json!({"portMapping": {"port": 81, "protocol": "http"}});
                m[B]["listeners"].as_array_mut().unwrap().push(second);
            }),
        ),
        case(
            "a target of another protocol",
            &["MF0235"],
            broken(|m| m[B]["listeners"][0]["portMapping"]["protocol"] = json!("tcp")),
        ),
        case(
            "a method of no service",
            &["MF0236"],
            other(|m| {
                let route = &mut m["virtualRouter/a/route/grpc"]["grpcRoute"];
                route["match"].as_object_mut().unwrap().remove("serviceName");
            }),
        ),
        case(
            "a match that says nothing",
            &["MF0237", "MF0261", "MF0261"],
            broken(|m| m[HEADER]["httpRoute"]["match"] = json!({})),
        ),
        case(
            "retries that the request timeout cannot hold",
            &["MF0255"],
            broken(|m| m[WEIGHTED]["httpRoute"]["timeout"]["perRequest"] = seconds(59)),
        ),
        case(
            "retries that the default timeout cannot hold",
            &["MF0255"],
            broken(|m| {
                m[WEIGHTED]["httpRoute"]
                    .as_object_mut()
                    .unwrap()
                    .remove("timeout");
            }),
        ),
        case(
            "retries without a limit for all of them",
            &[],
            broken(|m| m[WEIGHTED]["httpRoute"]["timeout"]["perRequest"] = seconds(0)),
        ),
        case(
            "a target that gives up sooner than each try may take",
            &["MF0256", "MF0256"],
            broken(|m| {
                m[WEIGHTED]["httpRoute"]["timeout"]["perRequest"] = seconds(200);
                m[WEIGHTED]["httpRoute"]["retryPolicy"]["perRetryTimeout"] = seconds(20);
            }),
        ),
        case(
            "a target that gives up sooner than the route, and one that allows more than others",
            &["MF0256", "MF0256", "MF0256"],
            broken(|m| {
                m[B]["listeners"][0]["timeout"] = json!({"http": {"perRequest": seconds(40)}});
                m["virtualNode/servicebv2"]["listeners"][0]["timeout"] =
                    json!({"http": {"perRequest": seconds(0)}});
                m[WEIGHTED]["httpRoute"]
                    .as_object_mut()
                    .unwrap()
                    .remove("retryPolicy");
            }),
        ),
        case(
            "a listener that allows more than a route that says nothing",
            &["MF0256", "MF0256"],
            other(|m| {
                m["virtualNode/a"]["listeners"][0]["timeout"] =
                    json!({"http": {"perRequest": seconds(60), "idle": seconds(900)}});
            }),
        ),
        case(
            "a listener that allows more than a route that says the default",
            &[],
            other(|m| {
                m["virtualNode/a"]["listeners"][0]["timeout"] =
                    json!({"http": {"perRequest": seconds(60), "idle": seconds(900)}});
                m["virtualRouter/a/route/http"]["httpRoute"]["timeout"] =
                    json!({"perRequest": seconds(15), "idle": seconds(300)});
            }),
        ),
        case(
            "listeners that allow more than services without a route",
            &["MF0256", "MF0256", "MF0256"],
            other(|m| {
                m["virtualNode/secure"]["listeners"][0]["timeout"] =
                    json!({"http": {"perRequest": seconds(0)}});
                m["virtualNode/db"]["listeners"][0]["timeout"] = json!({"tcp": {"idle": seconds(3600)}});
            }),
        ),
        case(
            "a target that cuts a silence sooner than the route",
            &["MF0256"],
            other(|m| {
                m["virtualRouter/a/route/grpc"]["grpcRoute"]["timeout"] = json!({"idle": seconds(3600)});
            }),
        ),
        case(
            "retries after nothing",
            &["MF0257"],
            broken(|m| {
                let policy = &mut m[WEIGHTED]["httpRoute"]["retryPolicy"];
                policy
                    .as_object_mut()
                    .unwrap()
                    .retain(|name, _| !name.ends_with("Events"));
            }),
        ),
        case(
            "retries after something unknown",
            &["MF0258"],
            broken(|m| m[WEIGHTED]["httpRoute"]["retryPolicy"]["httpRetryEvents"] = json!(["5xx"])),
        ),
    ]
}

fn gateways() -> Vec<Case> {
    let set = |at: &'static str, value: Value| other(|m| *m[GATEWAY].pointer_mut(at).unwrap() = value);
    vec![
        case(
            "a gateway route of another protocol",
            &["MF0240"],
            set("/httpRoute/match/port", json!(9090)),
        ),
        case(
            "a gateway route that says nothing",
            &["MF0237"],
            set("/httpRoute/match", json!({"port": 8080})),
        ),
        case(
            "a gateway route for a port that its gateway lacks",
            &["MF0241"],
            set("/httpRoute/match/port", json!(81)),
        ),
        case(
            "a gateway with several ports",
            &["MF0242"],
            set("/httpRoute/match", json!({"prefix": "/"})),
        ),
        case(
            "a port that the service lacks",
            &["MF0243"],
            set("/httpRoute/action/target/port", json!(81)),
        ),
        case(
            "a service with several ports",
            &["MF0244"],
            set(
                "/httpRoute/action/target",
                json!({"virtualService": {"virtualServiceName": "a.local"}}),
            ),
        ),
        case(
            "a gateway route to TCP",
            &["MF0245"],
            set(
                "/httpRoute/action/target",
                json!({"virtualService": {"virtualServiceName": "db.local"}}),
            ),
        ),
        case(
            "a gateway route whose gateway is gone",
            &["MF0211", "MF0211"],
            other(|m| remove(m, "virtualGateway/g")),
        ),
    ]
}

fn weights() -> Vec<Case> {
    let weights = |a: u32, b: u32| {
        broken(move |m| {
            let targets = &mut m[WEIGHTED]["httpRoute"]["action"]["weightedTargets"];
            targets[0]["weight"] = json!(a);
            targets[1]["weight"] = json!(b);
        })
    };
    vec![
        case("weights of 120", &["MF0250"], weights(60, 60)),
        case("weights of 3", &[], weights(1, 2)),
        case("weights of 0", &["MF0251"], weights(0, 0)),
        case(
            "a target twice",
            &["MF0252"],
            broken(|m| {
                m[WEIGHTED]["httpRoute"]["action"]["weightedTargets"][1]["virtualNode"] = json!("serviceb");
            }),
        ),
    ]
}

fn reached() -> Vec<Case> {
    let path = |m: Value| broken(|mesh| mesh[PATH]["httpRoute"]["match"] = m);
    vec![
        case(
            "a router without routes",
            &["MF0265"],
            broken(|m| {
                for route in [HEADER, PATH, WEIGHTED] {
                    remove(m, route);
                }
            }),
        ),
        case(
            "two routes of one priority",
            &["MF0260"],
            broken(|m| m[PATH]["priority"] = json!(10)),
        ),
        case(
            "a catch-all that comes first",
            &["MF0261", "MF0261"],
            broken(|m| m[WEIGHTED]["priority"] = json!(1)),
        ),
        case(
            "a header that is asked for already",
            &["MF0261"],
            broken(|m| {
                m[PATH]["httpRoute"]["match"]["headers"] =
                    json!([{"name": "X-Version", "match": {"exact": "2"}}, {"name": "y"}]);
            }),
        ),
        case(
            "a header that may have another value",
            &[],
            path(json!({"prefix": "/", "headers": [{"name": "x-version", "match": {"exact": "3"}}]})),
        ),
        case(
            "an inverted header",
            &[],
            path(
                json!({"prefix": "/", "headers": [{"name": "x-version", "invert": true, "match": {"exact": "2"}}]}),
            ),
        ),
        case(
            "a path without a slash",
            &["MF0262"],
            path(json!({"path": {"exact": "v2"}})),
        ),
        case(
            "an empty range",
            &["MF0262"],
            path(
                json!({"prefix": "/", "headers": [{"name": "x", "match": {"range": {"start": 2, "end": 2}}}]}),
            ),
        ),
        case(
            "look-ahead",
            &["MF0263"],
            path(json!({"path": {"regex": "/(?!v1).*"}})),
        ),
        case(
            "a back-reference in a header",
            &["MF0263"],
            path(json!({"prefix": "/", "headers": [{"name": "x", "match": {"regex": "(a)\\1"}}]})),
        ),
        case(
            "a regular expression of thousands of instructions",
            &["MF0264"],
            path(json!({"path": {"regex": "/.{200}"}})),
        ),
        case(
            "a regular expression of tens of thousands",
            &["MF0264"],
            path(json!({"path": {"regex": "/.{1000}"}})),
        ),
    ]
}

fn calls() -> Vec<Case> {
    let transparent = |m: &mut Value| m["proxyProfile/default"]["interception"] = json!({"transparent": {}});
    vec![
        case(
            "two TCP services on a port, transparently",
            &["MF0292", "MF0270"],
            other(transparent),
        ),
        case(
            "a TCP and an HTTP service on a port, transparently",
            &["MF0292", "MF0270"],
            other(|m| {
                transparent(m);
                m["virtualNode/secure"]["listeners"][0]["portMapping"]["port"] = json!(5432);
                m["virtualNode/a"]["backends"].as_array_mut().unwrap().remove(1);
            }),
        ),
        case(
            "two services of one host",
            &["MF0271"],
            broken(|m| {
                m["virtualService/ServiceB.apps.local"] = m["virtualService/serviceb.apps.local"].clone();
                let second = json!({"virtualService": {"virtualServiceName": "ServiceB.apps.local"}});
                m["virtualNode/servicea"]["backends"]
                    .as_array_mut()
                    .unwrap()
                    .push(second);
            }),
        ),
        case(
            "a service named like another with its port",
            &["MF0271"],
            broken(|m| {
                m["virtualService/serviceb.apps.local:8080"] =
                    m["virtualService/serviceb.apps.local"].clone();
                let second = json!({"virtualService": {"virtualServiceName": "serviceb.apps.local:8080"}});
                m["virtualNode/servicea"]["backends"]
                    .as_array_mut()
                    .unwrap()
                    .push(second);
            }),
        ),
        case(
            "a service that nobody provides, named like another",
            &["MF0217", "MF0271"],
            broken(|m| {
                m["virtualService/ServiceB.apps.local"] = json!({});
                let second = json!({"virtualService": {"virtualServiceName": "ServiceB.apps.local"}});
                let backends = m["virtualNode/servicea"]["backends"].as_array_mut();
                backends.unwrap().push(second);
            }),
        ),
        case(
            "explicitly, a service named like another with Envoy's port",
            &["MF0271"],
            other(|m| {
                m["virtualService/secure.local:15001"] = m["virtualService/secure.local"].clone();
                let mut second = m["virtualNode/a"]["backends"][2].clone();
                second["virtualService"]["virtualServiceName"] = json!("secure.local:15001");
                m["virtualNode/a"]["backends"]
                    .as_array_mut()
                    .unwrap()
                    .push(second);
            }),
        ),
        case(
            "a backend twice",
            &["MF0272"],
            broken(|m| {
                let again = m["virtualNode/servicea"]["backends"][0].clone();
                m["virtualNode/servicea"]["backends"]
                    .as_array_mut()
                    .unwrap()
                    .push(again);
            }),
        ),
        case(
            "a backend twice with different policies",
            &["MF0272"],
            broken(|m| {
                let mut again = m["virtualNode/servicea"]["backends"][0].clone();
                again["virtualService"]["clientPolicy"] = json!({});
                m["virtualNode/servicea"]["backends"]
                    .as_array_mut()
                    .unwrap()
                    .push(again);
            }),
        ),
    ]
}

fn tls() -> Vec<Case> {
    let policy = |names: Value| {
        json!({"clientPolicy": {"tls": {"validation": {
            "trust": {"file": {"certificateChain": "/ca.pem"}},
            "subjectAlternativeNames": {"match": {"exact": names}},
        }}}})
    };
    let file = json!({"file": {"certificateChain": "/c.pem", "privateKey": "/k.pem"}});
    vec![
        case(
            "validation without encryption",
            &["MF0281", "MF0280"],
            other(|m| m["virtualNode/secure"]["listeners"][0]["tls"]["mode"] = json!("DISABLED")),
        ),
        case(
            "encryption of what is plain",
            &["MF0281"],
            broken(|m| m["virtualNode/servicea"]["backendDefaults"] = policy(json!(["serviceb"]))),
        ),
        case(
            "encryption of another port",
            &[],
            broken(|m| {
                m["virtualNode/servicea"]["backendDefaults"] = policy(json!(["serviceb"]));
                m["virtualNode/servicea"]["backendDefaults"]["clientPolicy"]["tls"]["ports"] = json!([443]);
            }),
        ),
        case(
            "a certificate that nobody looks at",
            &["MF0282"],
            broken(|m| m[B]["listeners"][0]["tls"] = json!({"mode": "PERMISSIVE", "certificate": file})),
        ),
        case(
            "a caller without a certificate",
            &["MF0283"],
            other(|m| {
                m[GATEWAY]["httpRoute"]["action"]["target"] =
                    json!({"virtualService": {"virtualServiceName": "secure.local"}});
            }),
        ),
        case(
            "a wildcard where names are compared letter for letter",
            &["MF0284"],
            broken(|m| {
                m["virtualNode/servicea"]["backendDefaults"] = policy(json!(["a", "*.apps.local"]));
                m["virtualNode/servicea"]["backends"] = json!([]);
            }),
        ),
    ]
}

fn extensions() -> Vec<Case> {
    let beside = |mesh: &mut Value, path: &str, extensions: Value| {
        let spec = mesh[path].take();
        mesh[path] = json!({"spec": spec, "extensions": extensions});
    };
    let limits = json!({"maxRequestHeadersKb": 90});
    let of = |ports: &[u16]| {
        let listeners: Vec<Value> = ports
            .iter()
            .map(|port| json!({"port": port, "limits": limits}))
            .collect();
        json!({ "listeners": listeners })
    };
    vec![
        case(
            "limits for a port without a listener, and twice for one",
            &["MF0295", "MF0295"],
            broken(|m| beside(m, B, of(&[8080, 81, 8080]))),
        ),
        case(
            "limits on headers of TCP",
            &["MF0296"],
            other(|m| beside(m, "virtualNode/db", of(&[5432]))),
        ),
        case(
            "a pause before a retry that is never made",
            &["MF0296"],
            other(|m| {
                let pause = json!({"retryBackOff": {"baseInterval": {"unit": "s", "value": 1}}});
                m["virtualRouter/tcp"] =
                    json!({"listeners": [{"portMapping": {"port": 5432, "protocol": "tcp"}}]});
                m["virtualRouter/tcp/route/all"] = json!({"tcpRoute": {
                    "action": {"weightedTargets": [{"virtualNode": "db", "weight": 1}]},
                }});
                beside(m, "virtualRouter/tcp/route/all", pause);
            }),
        ),
        case(
            "pauses that shrink",
            &["MF0297"],
            broken(|m| {
                let pause = json!({"retryBackOff": {
                    "baseInterval": {"unit": "s", "value": 1},
                    "maxInterval": {"unit": "ms", "value": 999},
                }});
                beside(m, WEIGHTED, pause);
            }),
        ),
    ]
}

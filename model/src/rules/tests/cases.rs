//! Meshes that break one rule each.

mod refused;
mod traffic;

use super::{Case, demo};
use serde_json::{Value, json};

/// The demo mesh, changed.
fn broken(change: impl FnOnce(&mut Value)) -> Value {
    let mut mesh = demo();
    change(&mut mesh);
    mesh
}

fn remove(mesh: &mut Value, path: &str) {
    mesh.as_object_mut().unwrap().remove(path).unwrap();
}

/// A mesh of gateways, gRPC, TCP, TLS, several ports and profiles, with nothing wrong.
pub(super) fn everything() -> Value {
    let http = json!({"portMapping": {"port": 8080, "protocol": "http"}});
    let grpc = json!({"portMapping": {"port": 9090, "protocol": "grpc"}});
    let tcp = json!({"portMapping": {"port": 5432, "protocol": "tcp"}});
    let tls = json!({"tls": {
        "certificate": {"file": {"certificateChain": "/c.pem", "privateKey": "/k.pem"}},
        "validation": {"trust": {"file": {"certificateChain": "/ca.pem"}}},
    }});
    let mtls = json!({
        "portMapping": {"port": 8443, "protocol": "http"},
        "tls": {
            "mode": "STRICT",
            "certificate": {"acm": {"certificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/x"}},
            "validation": {"trust": {"sds": {"secretName": "ca"}}},
        },
    });
    json!({
        "": {},
        "proxyProfile/default": {"interception": {"explicit": {}}, "endpoints": [
            {"virtualNode": "db", "addresses": [{"address": "10.0.0.1"}]},
        ]},
        "proxyProfile/a": {"virtualNode": "a", "inbound": {"appPorts": [{"listenerPort": 8080, "appPort": 3000}]}},
        "virtualNode/a": {
            "listeners": [http, grpc],
            "backends": [
                {"virtualService": {"virtualServiceName": "db.local"}},
                {"virtualService": {"virtualServiceName": "cache.local"}},
                {"virtualService": {"virtualServiceName": "secure.local", "clientPolicy": tls}},
            ],
            "serviceDiscovery": {"dns": {"hostname": "a", "responseType": "ENDPOINTS"}},
        },
        "virtualNode/db": {"listeners": [tcp]},
        "virtualNode/secure": {
            "listeners": [mtls],
            "serviceDiscovery": {"awsCloudMap": {"namespaceName": "n", "serviceName": "s"}},
        },
        "virtualNode/caller": {},
        "virtualRouter/a": {"listeners": [http, grpc]},
        "virtualRouter/a/route/http": {"priority": 1, "httpRoute": {
            "match": {"path": {"regex": "/[a-z]+"}, "port": 8080},
            "action": {"weightedTargets": [{"virtualNode": "a", "weight": 1, "port": 8080}]},
        }},
        "virtualRouter/a/route/grpc": {"priority": 1, "grpcRoute": {
            "match": {"serviceName": "s", "methodName": "m", "port": 9090},
            "action": {"weightedTargets": [{"virtualNode": "a", "weight": 1, "port": 9090}]},
        }},
        "virtualService/a.local": {"provider": {"virtualRouter": {"virtualRouterName": "a"}}},
        "virtualService/db.local": {"provider": {"virtualNode": {"virtualNodeName": "db"}}},
        "virtualService/cache.local": {"provider": {"virtualNode": {"virtualNodeName": "db"}}},
        "virtualService/secure.local": {"provider": {"virtualNode": {"virtualNodeName": "secure"}}},
        "virtualService/unused.local": {},
        "virtualGateway/g": {"listeners": [http, grpc]},
        "virtualGateway/g/gatewayRoute/http": {"httpRoute": {
            "match": {"prefix": "/", "port": 8080},
            "action": {"target": {"virtualService": {"virtualServiceName": "a.local"}, "port": 8080}},
        }},
        "virtualGateway/g/gatewayRoute/grpc": {"grpcRoute": {
            "match": {"serviceName": "s", "port": 9090},
            "action": {"target": {"virtualService": {"virtualServiceName": "a.local"}, "port": 9090}},
        }},
    })
}

/// The mesh of everything, changed.
fn other(change: impl FnOnce(&mut Value)) -> Value {
    let mut mesh = everything();
    change(&mut mesh);
    mesh
}

const B: &str = "virtualNode/serviceb";
const ROUTER: &str = "virtualRouter/serviceb";
const HEADER: &str = "virtualRouter/serviceb/route/header";
const PATH: &str = "virtualRouter/serviceb/route/path";
const WEIGHTED: &str = "virtualRouter/serviceb/route/weighted";
const GATEWAY: &str = "virtualGateway/g/gatewayRoute/http";

fn case(name: &'static str, codes: &'static [&'static str], mesh: Value) -> Case {
    Case { name, codes, mesh }
}

pub(super) fn all() -> Vec<Case> {
    [
        names(),
        references(),
        listeners(),
        traffic::all(),
        profiles(),
        refused::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names() -> Vec<Case> {
    let named = |name: &str| {
        let name = name.to_owned();
        other(move |m| {
            m[format!("virtualService/{name}")] = json!({});
        })
    };
    vec![
        case("a name with a line break", &["MF0206"], named("a\nb")),
        case(
            "a name that reads as another",
            &["MF0206"],
            named("a\u{202e}local.b"),
        ),
        case("a name of 256 characters", &["MF0206"], named(&"x".repeat(256))),
        case("a service that catches all hosts", &["MF0206"], named("*")),
        case(
            "a certificate without an ARN",
            &["MF0208"],
            other(|m| {
                m["virtualNode/secure"]["listeners"][0]["tls"]["certificate"]["acm"]["certificateArn"] =
                    json!("certificate/x");
            }),
        ),
        case(
            "an authority without an ARN",
            &["MF0208"],
            other(|m| {
                m["virtualGateway/g"]["backendDefaults"] = json!({"clientPolicy": {"tls": {
                    "enforce": false,
                    "validation": {"trust": {"acm": {"certificateAuthorityArns": ["arn:aws"]}}},
                }}});
            }),
        ),
    ]
}

fn references() -> Vec<Case> {
    vec![
        case("no mesh", &["MF0210"], broken(|m| remove(m, ""))),
        case(
            "a router that is gone, with its routes left",
            &["MF0212", "MF0211", "MF0211", "MF0211"],
            broken(|m| remove(m, ROUTER)),
        ),
        case(
            "a canary that is gone, with its targets left",
            &["MF0213", "MF0213", "MF0213"],
            broken(|m| remove(m, "virtualNode/servicebv2")),
        ),
        case(
            "a service that is gone, with its callers left",
            &["MF0214"],
            broken(|m| remove(m, "virtualService/serviceb.apps.local")),
        ),
        case(
            "a gateway route to nowhere",
            &["MF0215"],
            other(|m| {
                let target = &mut m[GATEWAY]["httpRoute"]["action"]["target"];
                target["virtualService"]["virtualServiceName"] = json!("nobody.local");
            }),
        ),
        case(
            "profiles for nothing",
            &["MF0216", "MF0216"],
            broken(|m| {
                m["proxyProfile/p"] = json!({"virtualGateway": "nobody", "interception": {"explicit": {
                    "services": [{"virtualService": "nobody.local", "port": 1}],
                }}});
            }),
        ),
        case(
            "a service that nobody provides",
            &["MF0217"],
            broken(|m| m["virtualService/serviceb.apps.local"] = json!({})),
        ),
    ]
}

fn listeners() -> Vec<Case> {
    let check = json!({
        "healthyThreshold": 2, "unhealthyThreshold": 2, "intervalMillis": 5000, "timeoutMillis": 2000,
        "protocol": "http", "path": "/", "port": 8080,
    });
    let with = |change: fn(&mut Value)| {
        let mut check = check.clone();
        change(&mut check);
        broken(|m| m[B]["listeners"][0]["healthCheck"] = check)
    };
    vec![
        case(
            "two listeners on a port",
            &["MF0220"],
            broken(|m| {
                let listener = m["virtualNode/servicea"]["listeners"][0].clone();
                m["virtualGateway/g"] = json!({"listeners": [listener, listener]});
            }),
        ),
        case(
            "a target and a provider that do not listen",
            &["MF0221", "MF0221"],
            broken(|m| {
                m[B]["listeners"] = json!([]);
                m["virtualService/x"] = json!({"provider": {"virtualNode": {"virtualNodeName": "serviceb"}}});
            }),
        ),
        case(
            "a router that does not listen",
            &["MF0221"],
            broken(|m| m[ROUTER] = json!({})),
        ),
        case(
            "a target that cannot be found",
            &["MF0222"],
            broken(|m| {
                m[B].as_object_mut().unwrap().remove("serviceDiscovery");
            }),
        ),
        case(
            "a timeout of another protocol",
            &["MF0223"],
            broken(|m| m[B]["listeners"][0]["timeout"] = json!({"grpc": {}})),
        ),
        case(
            "a connection pool of another protocol",
            &["MF0224"],
            broken(|m| m[B]["listeners"][0]["connectionPool"] = json!({"tcp": {"maxConnections": 1}})),
        ),
        case("a health check of its listener", &[], with(|_| {})),
        case(
            "a health check of another port",
            &["MF0225"],
            with(|check| check["port"] = json!(8081)),
        ),
        case(
            "a gRPC health check over HTTP/1.1",
            &["MF0226"],
            with(|check| check["protocol"] = json!("grpc")),
        ),
        case(
            "HTTP/2 to a name that may have many addresses",
            &["MF0227", "MF0227"],
            other(|m| {
                m["virtualNode/secure"]["serviceDiscovery"] = json!({"dns": {"hostname": "s"}});
                m["virtualNode/secure"]["listeners"][0]["portMapping"]["protocol"] = json!("http2");
                m["virtualNode/a"]["serviceDiscovery"]["dns"] = json!({"hostname": "a"});
            }),
        ),
        case(
            "outlier detection of a load balancer",
            &["MF0228"],
            broken(|m| {
                m[B]["serviceDiscovery"]["dns"]["responseType"] = json!("LOADBALANCER");
                m[B]["listeners"][0]["outlierDetection"] = json!({
                    "maxServerErrors": 5, "maxEjectionPercent": 50,
                    "interval": {"unit": "s", "value": 10}, "baseEjectionDuration": {"unit": "s", "value": 30},
                });
            }),
        ),
    ]
}

fn profiles() -> Vec<Case> {
    vec![
        case(
            "two profiles for all and two for one",
            &["MF0290", "MF0290"],
            other(|m| {
                m["proxyProfile/z"] = json!({});
                m["proxyProfile/b"] = json!({"virtualNode": "a"});
            }),
        ),
        case(
            "a port behind no listener",
            &["MF0291"],
            other(|m| m["proxyProfile/a"]["inbound"]["appPorts"][0]["listenerPort"] = json!(81)),
        ),
        case(
            "everything comes to the proxies, and nothing may leave",
            &["MF0292", "MF0270"],
            other(|m| m["proxyProfile/default"]["interception"] = json!({"transparent": {}})),
        ),
        case(
            "names that may leave",
            &["MF0270"],
            other(|m| {
                m["proxyProfile/default"]["interception"] = json!({"transparent": {}});
                m["proxyProfile/default"]["egressSniAllowed"] = json!(["*.amazonaws.com"]);
            }),
        ),
        case(
            "everything may leave",
            &["MF0270"],
            other(|m| {
                m["proxyProfile/default"]["interception"] = json!({"transparent": {}});
                m[""] = json!({"egressFilter": {"type": "ALLOW_ALL"}});
            }),
        ),
    ]
}

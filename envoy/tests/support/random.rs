//! Meshes and requests by chance, the same for the same seed.

use serde_json::{Map, Value, json};

/// A small generator of numbers (xorshift).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    pub(crate) fn often(&mut self) -> bool {
        self.below(3) > 0
    }

    pub(crate) fn seldom(&mut self) -> bool {
        self.below(4) == 0
    }

    pub(crate) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

const PATHS: &[&str] = &["/", "/a", "/a/", "/a/b", "/ab", "/b", "/items/1", "/items/x"];
const VALUES: &[&str] = &["1", "2", "10", "12", "x1", "1x", "abc"];
const NAMES: &[&str] = &["h-a", "h-b"];

/// What a route matches, by chance.
pub(crate) fn http_match(random: &mut Random) -> Value {
    let mut out = Map::new();
    match random.below(4) {
        0 => out.insert("path".into(), json!({"exact": random.one(PATHS)})),
        1 => out.insert(
            "path".into(),
            json!({"regex": random.one(&["/items/[0-9]+", "/a.*", "/(a|b)", "/a/?b?"])}),
        ),
        _ => out.insert("prefix".into(), json!(random.one(PATHS))),
    };
    if random.often() {
        let count = 1 + random.below(2);
        let headers: Vec<Value> = (0..count).map(|at| header(random, NAMES[at])).collect();
        out.insert("headers".into(), json!(headers));
    }
    if random.seldom() {
        let exact = random.seldom().then(|| json!({"exact": "1"}));
        let mut query = json!({"name": "q"});
        if let Some(exact) = exact {
            query["match"] = exact;
        }
        out.insert("queryParameters".into(), json!([query]));
    }
    if random.seldom() {
        out.insert("method".into(), json!(random.one(&["GET", "POST"])));
    }
    Value::Object(out)
}

fn header(random: &mut Random, name: &str) -> Value {
    let value = random.one(VALUES);
    let mut out = json!({"name": name});
    let matcher = match random.below(6) {
        0 => None,
        1 => Some(json!({"exact": value})),
        2 => Some(json!({"prefix": value})),
        3 => Some(json!({"suffix": value})),
        4 => Some(json!({"regex": random.one(&["[0-9]+", "x.*", "1|2"])})),
        _ => Some(json!({"range": {"start": random.below(3), "end": 5 + random.below(10)}})),
    };
    if let Some(matcher) = matcher {
        out["match"] = matcher;
    }
    if random.seldom() {
        out["invert"] = json!(true);
    }
    out
}

/// A whole mesh by chance, in the form that [`super::resources`] reads.
pub(crate) fn mesh(random: &mut Random) -> Value {
    let nodes = 2 + random.below(5);
    let mut out = json!({
        "mesh": format!("m{}", random.below(3)),
        "meshSpec": {"egressFilter": {"type": random.one(&["ALLOW_ALL", "DROP_ALL"])}},
        "virtualNode": {}, "virtualService": {}, "virtualRouter": {}, "route": {},
    });
    if random.seldom() {
        out["meshSpec"]["serviceDiscovery"] =
            json!({"ipPreference": random.one(&["IPv4_ONLY", "IPv6_PREFERRED"])});
    }
    let protocols: Vec<&str> = (0..nodes)
        .map(|_| random.one(&["http", "http", "http2", "grpc", "tcp"]))
        .collect();
    for at in 0..nodes {
        let protocol = protocols[at];
        let port = 8000 + at;
        let listener = listener(random, port, protocol);
        let services: Vec<usize> = (0..nodes)
            .filter(|other| *other != at && random.below(2) == 0)
            .collect();
        let backends: Vec<Value> = services.iter().map(|other| backend(random, *other)).collect();
        let mut node = json!({
            "listeners": [listener],
            "backends": backends,
            "serviceDiscovery": {"dns": {"hostname": format!("n{at}.local"), "responseType": "ENDPOINTS"}},
        });
        if random.seldom() {
            node["logging"] = json!({"accessLog": {"file": {"path": "/dev/stdout"}}});
        }
        out["virtualNode"][format!("n{at}")] = node;
        let by_router = random.often();
        let provider = if by_router {
            router(random, &mut out, at, protocol, port);
            json!({"virtualRouter": {"virtualRouterName": format!("r{at}")}})
        } else {
            json!({"virtualNode": {"virtualNodeName": format!("n{at}")}})
        };
        out["virtualService"][format!("s{at}.local")] = json!({"provider": provider});
    }
    if random.often() {
        gateway(random, &mut out, &protocols);
    }
    out
}

fn listener(random: &mut Random, port: usize, protocol: &str) -> Value {
    let mut out = json!({"portMapping": {"port": port, "protocol": protocol}});
    if random.seldom() {
        let path = matches!(protocol, "http" | "http2").then_some("/health");
        out["healthCheck"] = json!({
            "protocol": protocol, "healthyThreshold": 2, "unhealthyThreshold": 2,
            "intervalMillis": 5000, "timeoutMillis": 2000, "path": path,
        });
        if path.is_none() {
            out["healthCheck"].as_object_mut().unwrap().remove("path");
        }
    }
    if random.seldom() {
        let second = json!({"unit": "s", "value": 1 + random.below(100)});
        out["outlierDetection"] = json!({
            "maxServerErrors": 5, "interval": second, "baseEjectionDuration": second, "maxEjectionPercent": random.below(101),
        });
    }
    if random.seldom() {
        let limits = match protocol {
            "http" => json!({"http": {"maxConnections": 10}}),
            "tcp" => json!({"tcp": {"maxConnections": 10}}),
            other => json!({other: {"maxRequests": 10}}),
        };
        out["connectionPool"] = limits;
    }
    if random.seldom() {
        out["tls"] = json!({
            "mode": random.one(&["STRICT", "PERMISSIVE", "DISABLED"]),
            "certificate": {"file": {"certificateChain": "/etc/meshform/tls/tls.crt", "privateKey": "/etc/meshform/tls/tls.key"}},
        });
    }
    out
}

fn backend(random: &mut Random, service: usize) -> Value {
    let mut out = json!({"virtualServiceName": format!("s{service}.local")});
    if random.seldom() {
        out["clientPolicy"] = json!({"tls": {
            "enforce": random.often(),
            "validation": {"trust": {"file": {"certificateChain": "/etc/meshform/tls/ca.crt"}}},
        }});
    }
    json!({ "virtualService": out })
}

fn router(random: &mut Random, out: &mut Value, at: usize, protocol: &str, port: usize) {
    out["virtualRouter"][format!("r{at}")] =
        json!({"listeners": [{"portMapping": {"port": port, "protocol": protocol}}]});
    let targets =
        json!({"weightedTargets": [{"virtualNode": format!("n{at}"), "weight": 1 + random.below(100)}]});
    let routes = if protocol == "tcp" { 1 } else { 1 + random.below(4) };
    for number in 0..routes {
        let mut rule = json!({"action": targets});
        let kind = match protocol {
            "tcp" => "tcpRoute",
            "grpc" => {
                rule["match"] = random.one(&[
                    json!({}),
                    json!({"serviceName": "a.B"}),
                    json!({"serviceName": "a.B", "methodName": "C"}),
                ]);
                "grpcRoute"
            }
            other => {
                rule["match"] = http_match(random);
                if other == "http" {
                    "httpRoute"
                } else {
                    "http2Route"
                }
            }
        };
        if protocol != "tcp" && random.seldom() {
            rule["retryPolicy"] = json!({
                "maxRetries": random.below(6), "perRetryTimeout": {"unit": "ms", "value": 100 * random.below(10)},
                "httpRetryEvents": [random.one(&["server-error", "gateway-error", "client-error", "stream-error"])],
            });
        }
        let mut spec = json!({ kind: rule });
        if random.often() {
            spec["priority"] = json!(random.below(1001));
        }
        out["route"][format!("r{at}/route{number}")] = spec;
    }
}

fn gateway(random: &mut Random, out: &mut Value, protocols: &[&str]) {
    let Some(at) = protocols.iter().position(|protocol| *protocol != "tcp") else {
        return;
    };
    let protocol = protocols[at];
    out["virtualGateway"] =
        json!({"front": {"listeners": [{"portMapping": {"port": 9000, "protocol": protocol}}]}});
    out["gatewayRoute"] = json!({});
    for number in 0..=random.below(4) {
        let mut rule =
            json!({"action": {"target": {"virtualService": {"virtualServiceName": format!("s{at}.local")}}}});
        let kind = match protocol {
            "grpc" => {
                rule["match"] = json!({"serviceName": format!("a.B{number}")});
                "grpcRoute"
            }
            other => {
                rule["match"] = http_match(random);
                if random.seldom() {
                    rule["match"]["hostname"] = random.one(&[
                        json!({"exact": "a.example.com"}),
                        json!({"suffix": ".example.com"}),
                    ]);
                }
                if random.seldom() {
                    rule["action"]["rewrite"] = json!({"hostname": {"defaultTargetHostname": "DISABLED"}});
                }
                if other == "http" {
                    "httpRoute"
                } else {
                    "http2Route"
                }
            }
        };
        out["gatewayRoute"][format!("front/g{number}")] = json!({ kind: rule });
    }
}

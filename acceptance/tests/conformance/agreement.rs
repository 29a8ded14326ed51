//! Requests by chance, as `meshform route` tells their way and as a real Envoy goes it: through nodes and gateways, over
//! HTTP/1.1, HTTP/2 and gRPC, to services with and without TLS; host and path as the service sees them.

use super::certificates::Authority;
use super::http2::{Call, Http2};
use super::secure::{self, Identity};
use super::servers::{Http1, Log, free_port};
use super::world::{Plan, TestedProxy, merged};
use meshform_acceptance::http::Client;
use meshform_envoy::route::{Request, RouteOutcome, RouteSimulator};
use meshform_model::diag::has_errors;
use meshform_model::key::ResourceKey;
use serde_json::{Map, Value, json};
use std::path::Path;
use tfplugin::testing::Random;

/// Meshes, each with an Envoy beside a node and one of a gateway.
const ROUNDS: u64 = 3;
/// Requests of each protocol to each of the two.
const REQUESTS: usize = 150;
const SERVICES: usize = 4;
const ROUTES: usize = 5;
const PROTOCOLS: [&str; 3] = ["http", "http2", "grpc"];

const PATHS: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/ab",
    "/b",
    "/items/1",
    "/items/x",
    "//a",
    "/a/../b",
    "/a/./b",
    "/a//b/",
    "/b/..",
    "/a%2Fb",
    "/%61",
    "/a/%2e%2e/b",
    "/A",
];
const PREFIXES: &[&str] = &["/", "/", "/a", "/a/", "/b", "/items/"];
const REGEXES: &[&str] = &["/items/[0-9]+", "/a.*", "/(a|b)", "/a/?b?", "/[^/]*"];
const VALUES: &[&str] = &["1", "2", "10", "12", "x1", "1x", "abc", "-3"];
const HEADERS: &[&str] = &["h-a", "h-b"];
const SCHEMES: &[&str] = &["http", "https"];
const FORWARDED: &str = "x-forwarded-proto";
const QUERIES: &[&str] = &[
    "", "", "?q=1", "?q=2", "?q", "?p=1&q=1", "?x=", "?q=2&q=1", "?q=%31",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE"];
const CALLS: &[&str] = &["/a.B/C", "/a.B/D", "/a.BC/C", "/a/C", "/", "/a.B/"];
const NAMES: &[&str] = &["shop.example.com", "example.com", "a.example.org", "other.test"];

fn one<T: Clone>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len())].clone()
}

fn seldom(random: &mut Random) -> bool {
    random.below(4) == 0
}

/// Who answers, and what was asked of whom.
struct Services {
    http: Vec<Http1>,
    http2: Vec<Http2>,
    grpc: Vec<Http2>,
    secure: u16,
}

impl Services {
    fn start(folder: &Path, authority: &Authority) -> Self {
        let identity: Identity = authority.sign(&["secure.apps.local"]);
        std::fs::write(folder.join("ca.crt"), &authority.pem).unwrap();
        Self {
            http: ["http-a", "http-b"].map(Http1::start).to_vec(),
            http2: ["http2-a", "http2-b", "http2-c"].map(Http2::start).to_vec(),
            grpc: ["grpc-a", "grpc-b", "grpc-c"].map(Http2::start).to_vec(),
            secure: secure::service(&identity, None).0,
        }
    }

    /// The nodes of a protocol, with their ports.
    fn nodes(&self, protocol: &str) -> Vec<(&'static str, u16)> {
        let ports = |servers: &[Http2]| servers.iter().map(|one| one.port).collect::<Vec<_>>();
        let (names, ports) = match protocol {
            "http" => (
                ["http-a", "http-b", "secure"],
                vec![self.http[0].port, self.http[1].port, self.secure],
            ),
            "http2" => (["http2-a", "http2-b", "http2-c"], ports(&self.http2)),
            _ => (["grpc-a", "grpc-b", "grpc-c"], ports(&self.grpc)),
        };
        names.into_iter().zip(ports).collect()
    }

    /// The request line and the host as the service saw them; the one with TLS keeps none.
    fn seen(&self, node: &str, id: usize) -> Option<(String, String)> {
        let at = |name: &str| usize::from(name.as_bytes()[name.len() - 1] - b'a');
        let log: &Log = match node.split_once('-')? {
            ("http", _) => &self.http[at(node)].log,
            ("http2", _) => &self.http2[at(node)].log,
            _ => &self.grpc[at(node)].log,
        };
        let head = log
            .last(&format!("x-id: {id}\r\n"))
            .expect("the service was asked");
        let target = head.split(' ').nth(1).unwrap().trim_end();
        let target = target.lines().next().unwrap_or_default();
        Some(match target.split_once("://") {
            Some((_, whole)) => {
                let at = whole.find('/').unwrap_or(whole.len());
                (whole[at..].to_owned(), whole[..at].to_owned())
            }
            None => {
                let host = head.lines().find_map(|line| line.strip_prefix("host: "));
                (target.to_owned(), host.unwrap_or_default().to_owned())
            }
        })
    }
}

fn header(random: &mut Random, name: &str) -> Value {
    let value = one(random, VALUES);
    let mut out = json!({"name": name});
    let matcher = match random.below(6) {
        0 => Value::Null,
        1 => json!({"exact": value}),
        2 => json!({"prefix": value}),
        3 => json!({"suffix": value}),
        4 => json!({"regex": one(random, &["[0-9]+", "x.*", "1|2"])}),
        _ => json!({"range": {"start": random.below(3), "end": 5 + random.below(10)}}),
    };
    if !matcher.is_null() {
        out["match"] = matcher;
    }
    if seldom(random) {
        out["invert"] = json!(true);
    }
    out
}

/// A header that Envoy itself makes of a request or sets. Names of pseudo-headers and `Host` come from the request.
fn own_header(random: &mut Random) -> Value {
    let (name, matcher) = match random.below(7) {
        0 => (
            ":authority",
            json!({"suffix": one(random, &[".local", ".com", ":8080"])}),
        ),
        1 => ("Host", json!({"prefix": one(random, &["http", "a", "shop"])})),
        2 => (":path", json!({"suffix": one(random, &["b", "1", "/", "C"])})),
        3 => (":method", json!({"exact": one(random, METHODS)})),
        4 => (":scheme", json!({"exact": one(random, SCHEMES)})),
        5 => (FORWARDED, json!({"exact": one(random, SCHEMES)})),
        _ => ("x-request-id", json!({"regex": "[0-9a-f-]{36}"})),
    };
    json!({"name": name, "match": matcher, "invert": seldom(random)})
}

fn headers(random: &mut Random, out: &mut Map<String, Value>, field: &str) {
    let mut all = Vec::new();
    if random.below(3) == 0 {
        let count = 1 + random.below(2);
        all.extend(HEADERS[..count].iter().map(|name| header(random, name)));
    }
    if seldom(random) {
        all.push(own_header(random));
    }
    if !all.is_empty() {
        out.insert(field.to_owned(), json!(all));
    }
}

/// What an HTTP route takes, at a router or at a gateway.
fn http_match(random: &mut Random) -> Map<String, Value> {
    let mut out = Map::new();
    match random.below(5) {
        0 => out.insert("path".to_owned(), json!({"exact": one(random, PATHS)})),
        1 => out.insert("path".to_owned(), json!({"regex": one(random, REGEXES)})),
        _ => out.insert("prefix".to_owned(), json!(one(random, PREFIXES))),
    };
    headers(random, &mut out, "headers");
    if seldom(random) {
        let mut query = json!({"name": "q"});
        if seldom(random) {
            query["match"] = json!({"exact": "1"});
        }
        out.insert("queryParameters".to_owned(), json!([query]));
    }
    if seldom(random) {
        out.insert("method".to_owned(), json!(one(random, METHODS)));
    }
    out
}

/// A route of a router.
fn rule(random: &mut Random, protocol: &str) -> Value {
    let matches = if protocol == "grpc" {
        let mut out = match random.below(3) {
            0 => json!({}),
            1 => json!({"serviceName": one(random, &["a.B", "a"])}),
            _ => json!({"serviceName": "a.B", "methodName": one(random, &["C", "D"])}),
        };
        headers(random, out.as_object_mut().unwrap(), "metadata");
        out
    } else {
        let mut out = http_match(random);
        if seldom(random) {
            out.insert("scheme".to_owned(), json!(one(random, &["http", "https"])));
        }
        Value::Object(out)
    };
    let mut out = json!({ "match": matches });
    if seldom(random) {
        out["priority"] = json!(random.below(4));
    }
    out
}

/// A route of the gateway, on its listener for that protocol.
fn gateway_rule(random: &mut Random, protocol: &str, port: u16) -> Value {
    let mut rewrite = Map::new();
    let mut matches = if protocol == "grpc" {
        let mut out = Map::new();
        if random.below(3) > 0 {
            out.insert("serviceName".to_owned(), json!(one(random, &["a.B", "a"])));
        }
        headers(random, &mut out, "metadata");
        out
    } else {
        let out = http_match(random);
        let by_prefix = out.contains_key("prefix");
        match random.below(4) {
            0 if by_prefix => {
                rewrite.insert("prefix".to_owned(), json!({"defaultPrefix": "DISABLED"}));
            }
            1 if by_prefix && out["prefix"] != "/" => {
                rewrite.insert("prefix".to_owned(), json!({"value": one(random, &["/v/", "/"])}));
            }
            2 if !by_prefix => {
                rewrite.insert("path".to_owned(), json!({"exact": "/fixed"}));
            }
            _ => {}
        }
        out
    };
    if seldom(random) {
        rewrite.insert(
            "hostname".to_owned(),
            json!({"defaultTargetHostname": "DISABLED"}),
        );
    }
    match random.below(4) {
        0 => {
            matches.insert("hostname".to_owned(), json!({"exact": one(random, NAMES)}));
        }
        1 => {
            matches.insert("hostname".to_owned(), json!({"suffix": ".example.com"}));
        }
        _ => {}
    }
    matches.insert("port".to_owned(), json!(port));
    let service = format!("{protocol}{}.apps.local", random.below(SERVICES));
    let mut action = json!({"target": {"virtualService": {"virtualServiceName": service}}});
    if !rewrite.is_empty() {
        action["rewrite"] = Value::Object(rewrite);
    }
    let mut out = json!({ format!("{protocol}Route"): {"match": matches, "action": action} });
    if seldom(random) {
        out["priority"] = json!(random.below(4));
    }
    out
}

/// A mesh by chance: services of each protocol behind routers, and a gateway with a listener for each.
fn plan(random: &mut Random, services: &Services, trust: &Path, gateway: [u16; 3]) -> Plan {
    let mut plan = Plan::new();
    for protocol in PROTOCOLS {
        let nodes = services.nodes(protocol);
        for (name, port) in &nodes {
            let mut listener = json!({"portMapping": {"port": 8080, "protocol": protocol}});
            if *name == "secure" {
                let files = json!({"certificateChain": "/none/tls.crt", "privateKey": "/none/tls.key"});
                listener["tls"] = json!({"mode": "STRICT", "certificate": {"file": files}});
            }
            plan.node_with(name, listener, &[*port]);
        }
        for at in 0..SERVICES {
            let router = format!("{protocol}{at}");
            plan.served_by_router(&format!("{router}.apps.local"), &router, 8080, protocol);
            for number in 0..ROUTES {
                let to = one(random, &nodes).0;
                let rule = rule(random, protocol);
                plan.route(
                    &format!("{router}/r{number}"),
                    &format!("{protocol}Route"),
                    rule,
                    to,
                );
            }
        }
    }
    let trusted = json!({"trust": {"file": {"certificateChain": trust.join("ca.crt")}}});
    let defaults = json!({"clientPolicy": {"tls": {"enforce": true, "ports": [9], "validation": trusted}}});
    *plan.at("virtualNode/web", "") = merged(
        plan.at("virtualNode/web", "").clone(),
        json!({"backendDefaults": defaults}),
    );
    let listeners: Vec<Value> = PROTOCOLS
        .iter()
        .zip(gateway)
        .map(|(protocol, port)| json!({"portMapping": {"port": port, "protocol": protocol}}))
        .collect();
    plan.set("virtualGateway/front", json!({ "listeners": listeners }));
    for (protocol, port) in PROTOCOLS.iter().zip(gateway) {
        for number in 0..3 * ROUTES {
            let spec = gateway_rule(random, protocol, port);
            plan.set(
                &format!("virtualGateway/front/gatewayRoute/{protocol}{number}"),
                spec,
            );
        }
    }
    plan
}

/// A request by chance.
fn request(random: &mut Random, protocol: &str, host: String) -> Request {
    let path = if protocol == "grpc" {
        one(random, CALLS).to_owned()
    } else {
        format!("{}{}", one(random, PATHS), one(random, QUERIES))
    };
    let mut request = Request::get(host, path);
    request.method = if protocol == "grpc" {
        "POST"
    } else {
        one(random, METHODS)
    }
    .to_owned();
    if protocol != "http" {
        let scheme = if protocol == "http2" && seldom(random) {
            "https"
        } else {
            "http"
        };
        request.scheme = Some(scheme.to_owned());
    }
    if seldom(random) {
        let said = one(random, &["http", "https", "HTTPS", "ftp"]);
        request.headers.push((FORWARDED.to_owned(), said.to_owned()));
    }
    for name in HEADERS {
        for _ in 0..random.below(3) {
            request
                .headers
                .push(((*name).to_owned(), one(random, VALUES).to_owned()));
            if !seldom(random) {
                break;
            }
        }
    }
    if protocol == "grpc" && !seldom(random) {
        let kind = one(
            random,
            &["application/grpc", "application/grpc+proto", "application/grpc"],
        );
        request.headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    request
}

/// What came back: the service, or the status when Envoy itself answered.
fn send(port: u16, protocol: &str, request: &Request) -> Result<String, u16> {
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (status, service) = if protocol == "http" {
        let mut client = Client::new(([127, 0, 0, 1], port).into());
        let answer = client
            .request(&request.method, &request.host, &request.path, &headers)
            .unwrap();
        (answer.status, answer.service().to_owned())
    } else {
        let call = Call {
            port,
            method: &request.method,
            scheme: request.scheme.as_deref().unwrap_or("http"),
            host: &request.host,
            path: &request.path,
            headers: &headers,
        };
        let answer = call.send().unwrap();
        // Envoy answers a gRPC call that no route takes with "unimplemented".
        let status = if answer.grpc_status() == "12" {
            404
        } else {
            answer.status
        };
        (status, answer.service().to_owned())
    };
    if service.is_empty() {
        Err(status)
    } else {
        Ok(service)
    }
}

/// Sends requests to a proxy, and holds each against what is told.
struct Trial<'a> {
    ways: RouteSimulator,
    services: &'a Services,
    proxy: ResourceKey,
    sent: usize,
    found: usize,
}

impl Trial<'_> {
    fn hold(&mut self, port: u16, protocol: &str, mut request: Request) {
        self.sent += 1;
        let id = self.sent;
        request.headers.push(("x-id".to_owned(), id.to_string()));
        let told = self.ways.explain(&request);
        let way = send(port, protocol, &request);
        let context = || format!("{request:?}\n{told}");
        match &told.outcome {
            RouteOutcome::NotFound(_) => assert_eq!(way, Err(404), "{}", context()),
            RouteOutcome::Sent(sent) => {
                let target = &sent.targets[0];
                assert_eq!(way.as_ref(), Ok(&target.node), "{}", context());
                let seen = self.services.seen(&target.node, id);
                assert_eq!(target.tls.is_some(), seen.is_none(), "{}", context());
                if let Some((path, host)) = seen {
                    assert_eq!((&path, &host), (&sent.path, &sent.host), "{}", context());
                }
                self.found += 1;
            }
            RouteOutcome::Closed(_) | RouteOutcome::PassedOn => panic!("{}", context()),
        }
    }

    fn end(&self) {
        let (sent, found) = (self.sent, self.found);
        assert!(
            found > sent / 4,
            "{found} of {sent} requests to {} found a route",
            self.proxy
        );
        println!("{}: {sent} requests, {found} found a route", self.proxy);
    }
}

#[test]
fn any_request_goes_the_way_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::start(folder.path(), &Authority::new("the authority"));
    for round in 0..ROUNDS {
        let mut random = Random::new(100 + round);
        let ports = [free_port(), free_port(), free_port()];
        let inner = free_port();
        let plan = (0..20)
            .map(|_| plan(&mut random, &services, folder.path(), ports))
            .find(|plan| !has_errors(&plan.mesh().check()))
            .expect("a mesh that is valid");
        let web = plan.start(json!({}));
        let front = plan.run(
            "virtualGateway/front",
            json!({"interception": {"explicit": {"port": inner}}}),
        );
        // What is told is told with the profiles that the proxies run with.
        let trial = |proxy: &TestedProxy| Trial {
            ways: RouteSimulator::of(&proxy.mesh(&plan), proxy.key()).unwrap(),
            services: &services,
            proxy: proxy.key().clone(),
            sent: 0,
            found: 0,
        };
        let mut at_node = trial(&web);
        for number in 0..REQUESTS * PROTOCOLS.len() {
            let protocol = PROTOCOLS[number % 3];
            let service = format!("{protocol}{}.apps.local", random.below(SERVICES));
            let host = match random.below(8) {
                0 => format!("{service}:8080"),
                1 => service.to_uppercase(),
                2 => format!("{service}:{}", web.port),
                3 => format!("x{service}"),
                _ => service,
            };
            let request = request(&mut random, protocol, host);
            at_node.hold(web.port, protocol, request);
        }
        at_node.end();
        let mut at_gateway = trial(&front);
        for number in 0..REQUESTS * PROTOCOLS.len() {
            let at = number % 3;
            let name = one(&mut random, NAMES);
            let host = if seldom(&mut random) {
                format!("{name}:{}", ports[at])
            } else {
                name.to_owned()
            };
            let mut request = request(&mut random, PROTOCOLS[at], host);
            request.port = Some(ports[at]);
            at_gateway.hold(ports[at], PROTOCOLS[at], request);
        }
        at_gateway.end();
    }
}

//! Transparent interception, by real iptables in a network namespace: the rules are App Mesh's, with what the compiler
//! writes into a task definition's proxy configuration.

use crate::namespace::{self, Check, Network, User};
use crate::secure::{self, Tls};
use crate::servers::{Http1, tcp};
use crate::sheet::Sheet;
use crate::world::{Plan, TestedProxy, merged};
use meshform_acceptance::http::{Client, Response};
use meshform_compiler::ecs::{self, Task, Templates};
use meshform_model::key::ResourceKey;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};

/// What a row says, whether it needs more than one user, and what is looked at.
type Promise = (&'static str, &'static [&'static str], &'static str, bool, Check);

const PROMISES: &[Promise] = &[
    (
        "outbound by iptables",
        &["proxyProfile.spec.interception.transparent.egressPort"],
        "what goes to a service's port, at any address, is answered by the service that `host` names, whatever port stands behind the name; over TCP by the port alone. Envoy listens at 15001, or the given port",
        false,
        outbound,
    ),
    (
        "egress filter, DROP_ALL",
        &["mesh.spec.egressFilter.type"],
        "a name that is no backend gets 404 at a service's port; at another port the connection ends",
        false,
        drop_all,
    ),
    (
        "inbound by iptables",
        &["proxyProfile.spec.interception.transparent.ingressPort"],
        "a client at the other end of a cable reaches the application by its proxy at the listener's port, over HTTP and TCP; at another port the application itself. Envoy listens at 15000, or the given port",
        false,
        inbound,
    ),
    (
        "ignored ports",
        &["proxyProfile.spec.interception.transparent.ignoredPorts"],
        "connections to them go by the proxy: what listens there answers",
        false,
        ignored_ports,
    ),
    (
        "ignored addresses",
        &["proxyProfile.spec.interception.transparent.ignoredAddresses"],
        "connections into the block go by the proxy: what listens there answers; others do not",
        false,
        ignored_addresses,
    ),
    (
        "egress filter, ALLOW_ALL",
        &[
            "mesh.spec.egressFilter.type",
            "virtualService.spec.provider.virtualNode.virtualNodeName",
            "proxyProfile.spec.interception.transparent.user",
        ],
        "a name that is no backend, and a port that no service has, reach what listens where the caller was going, through Envoy, whose own connections are told by its user and left alone; a service without provider does not: 404",
        true,
        allow_all,
    ),
    (
        "the proxy told by its group",
        &["proxyProfile.spec.interception.transparent.group"],
        "with another user's id in the rules, Envoy's own connections are told by its group",
        true,
        group,
    ),
    (
        "server names that may leave",
        &[
            "proxyProfile.spec.egressSniAllowed",
            "{mesh,virtualNode}.extensions.egress.serverNames",
        ],
        "under DROP_ALL a TLS connection to port 443 passes when it asks for a name that the profile, the mesh or the node allows, byte for byte: the certificate is the server's own; with another name it ends. A service that speaks first, at another port, is heard at once: nobody waits there for a name",
        true,
        server_names,
    ),
];

pub(crate) fn rows(sheet: &mut Sheet) {
    let users = namespace::users();
    let outcomes = namespace::outside();
    for ((feature, fields, shown, needs_users, _), failure) in PROMISES.iter().zip(outcomes) {
        let told = || {
            if let Some(failure) = failure {
                panic!("{failure}");
            }
        };
        if *needs_users {
            let needs = "needs root, to be more than one user";
            sheet
                .where_there_is(needs, users)
                .row(feature, fields, shown, told);
        } else {
            sheet.row(feature, fields, shown, told);
        }
    }
}

/// In the namespace.
pub(crate) fn inside() {
    let checks: Vec<(bool, Check)> = PROMISES
        .iter()
        .map(|(.., users, check)| (*users, *check))
        .collect();
    namespace::inside(&checks);
}

/// A mesh with the services `one` and `line`, and what serves them; both are on the loopback address, which is never
/// intercepted.
fn plan() -> Plan {
    let one = Http1::start("one");
    let (line, _) = tcp("line", false);
    let mut plan = Plan::new();
    plan.node("one", 8080, "http", one.port);
    plan.served_by_node("one.apps.local", "one");
    plan.node("line", 5432, "tcp", line);
    plan.served_by_node("line.apps.local", "line");
    plan
}

/// Starts `web`'s proxy, and the rules that its task definition asks for.
fn start(network: &Network, plan: &mut Plan, transparent: Value, more: Value) -> TestedProxy {
    let id = |name: &str, default: u32| {
        let given = transparent[name].as_u64();
        given.map_or(default, |id| u32::try_from(id).unwrap())
    };
    let user = if transparent["group"].is_null() {
        id("user", 1337)
    } else {
        1337
    };
    plan.user = network.users.then(|| User {
        id: user,
        group: id("group", user),
    });
    let profile = merged(json!({"interception": {"transparent": transparent}}), more);
    let proxy = plan.run("virtualNode/web", profile.clone());
    let mut whole = plan.clone();
    whole.set("proxyProfile/web", merged(json!({"virtualNode": "web"}), profile));
    let key = ResourceKey::from_path("mesh/apps/virtualNode/web").unwrap();
    let mesh = whole.mesh();
    let task = Task::new(&mesh, &key, ecs::Delivery::Static(b"{}"));
    let definition = ecs::build(&task, &Templates::default()).unwrap().json;
    network.intercept(&meshform_acceptance::interception::properties(&definition));
    proxy
}

/// A request to an address, by the name of a service.
fn ask(address: &str, host: &str) -> io::Result<Response> {
    Client::new(address.parse().unwrap()).get(host, "/", &[])
}

fn by(address: &str, host: &str) -> String {
    let answer = ask(address, host).unwrap();
    assert_eq!(answer.status, 200, "{address} {host}");
    answer.service().to_owned()
}

/// What a service of lines answers.
fn line(address: &str) -> io::Result<String> {
    let mut stream = BufReader::new(crate::servers::connect(address)?);
    stream.get_mut().write_all(b"hello\n")?;
    let mut answer = String::new();
    stream.read_line(&mut answer)?;
    Ok(answer)
}

/// Far beyond the cable; nothing is there.
const FAR: &str = "192.0.2.7";

fn outbound(network: &Network) {
    for (port, transparent) in [(15001, json!({})), (15101, json!({"egressPort": 15101}))] {
        let mut plan = plan();
        let proxy = start(network, &mut plan, transparent, json!({}));
        assert_eq!(by(&format!("{FAR}:8080"), "one.apps.local"), "one");
        for port in [8080, 80, 443] {
            assert_eq!(by("10.9.0.2:8080", &format!("one.apps.local:{port}")), "one");
        }
        assert_eq!(line(&format!("{FAR}:5432")).unwrap(), "line:hello\n");
        let listeners = proxy.envoy.admin("/listeners").unwrap();
        assert!(listeners.contains(&format!("0.0.0.0:{port}")), "{listeners}");
        network.clear();
    }
}

fn drop_all(network: &Network) {
    let beyond = network.there(|| Http1::on("beyond", "10.9.0.2:8081").unwrap());
    let _proxy = start(network, &mut plan(), json!({}), json!({}));
    assert_eq!(ask("10.9.0.2:8080", "other.apps.local").unwrap().status, 404);
    assert!(ask("10.9.0.2:8081", "beyond").is_err());
    assert_eq!(beyond.log.count(""), 0);
}

fn inbound(network: &Network) {
    let app = Http1::on("app", "127.0.0.1:8000").unwrap();
    let lines = std::net::TcpListener::bind("127.0.0.1:8001").unwrap();
    crate::servers::each_connection(lines, |mut stream| {
        let mut text = String::new();
        let _ = BufReader::new(stream.try_clone().unwrap()).read_line(&mut text);
        let _ = write!(stream, "app:{text}");
    });
    let _direct = Http1::on("direct", "10.9.0.1:8002").unwrap();
    for (port, transparent) in [(15000, json!({})), (15100, json!({"ingressPort": 15100}))] {
        let mut plan = plan();
        let node = json!({
            "listeners": [
                {"portMapping": {"port": 8000, "protocol": "http"}},
                {"portMapping": {"port": 8001, "protocol": "tcp"}},
            ],
            "serviceDiscovery": {"dns": {"hostname": "web.apps.local"}},
        });
        plan.set("virtualNode/web", node);
        let proxy = start(network, &mut plan, transparent, json!({}));
        network.there(|| {
            assert_eq!(by("10.9.0.1:8000", "web.apps.local"), "app");
            assert_eq!(line("10.9.0.1:8001").unwrap(), "app:hello\n");
            assert_eq!(by("10.9.0.1:8002", "web.apps.local"), "direct");
        });
        let head = app.log.last("GET / ").unwrap();
        assert!(head.contains("x-request-id: "), "{head}");
        // No one else asks: what is counted came by the rules.
        assert!(proxy.sum("http.ingress.*downstream_rq_2xx") > 0);
        assert!(proxy.sum("cluster.cds_ingress_apps_web_tcp_8001.upstream_cx_total") > 0);
        let listeners = proxy.envoy.admin("/listeners").unwrap();
        assert!(listeners.contains(&format!("0.0.0.0:{port}")), "{listeners}");
        network.clear();
    }
}

fn ignored_ports(network: &Network) {
    network.there(|| Http1::on("beyond", "10.9.0.2:8080").unwrap());
    network.there(|| Http1::on("beyond", "10.9.0.2:9090").unwrap());
    let ports = json!({"ignoredPorts": [9090, 9091]});
    let _proxy = start(network, &mut plan(), ports, json!({}));
    assert_eq!(by("10.9.0.2:9090", "one.apps.local"), "beyond");
    assert_eq!(by("10.9.0.2:8080", "one.apps.local"), "one");
}

fn ignored_addresses(network: &Network) {
    network.there(|| Http1::on("beyond", "0.0.0.0:8080").ok());
    let blocks = json!({"ignoredAddresses": ["10.9.0.0/24"]});
    let _proxy = start(network, &mut plan(), blocks, json!({}));
    assert_eq!(by("10.9.0.2:8080", "one.apps.local"), "beyond");
    assert_eq!(by(&format!("{FAR}:8080"), "one.apps.local"), "one");
}

fn passes_on(network: &Network, transparent: Value) {
    network.there(|| Http1::on("beyond", "10.9.0.2:8080").ok());
    network.there(|| Http1::on("beyond", "10.9.0.2:8083").ok());
    let mut plan = plan();
    plan.set("", json!({"egressFilter": {"type": "ALLOW_ALL"}}));
    plan.set("virtualService/nobody.apps.local", json!({}));
    plan.backend("nobody.apps.local");
    let proxy = start(network, &mut plan, transparent, json!({}));
    assert_eq!(by("10.9.0.2:8080", "one.apps.local"), "one");
    let passed = || proxy.sum("cluster.*original.*upstream_cx_total|cluster.*allow.*upstream_cx_total");
    let before = passed();
    assert_eq!(by("10.9.0.2:8080", "other.apps.local"), "beyond");
    assert_eq!(by("10.9.0.2:8083", "other.apps.local"), "beyond");
    for host in ["nobody.apps.local", "nobody.apps.local:81"] {
        assert_eq!(ask("10.9.0.2:8080", host).unwrap().status, 404, "{host}");
    }
    let names = proxy.envoy.admin("/clusters").unwrap();
    assert_eq!(passed() - before, 2, "{names}");
    network.clear();
}

fn allow_all(network: &Network) {
    passes_on(network, json!({}));
    passes_on(network, json!({"user": 2000}));
}

fn group(network: &Network) {
    passes_on(network, json!({"user": 4242, "group": 1338}));
}

fn server_names(network: &Network) {
    let authority = crate::certificates::Authority::new("beyond");
    let allowed = ["profile.example.com", "mesh.example.com", "node.example.com"];
    let names = [&allowed[..], &["other.example.com"]].concat();
    let identity = authority.sign(&names);
    let server = network.there(|| secure::service_on("10.9.0.2:443", &identity, None));
    let more = json!({"egressSniAllowed": [allowed[0]]});
    let extended =
        |spec: Value, name: &str| json!({"spec": spec, "extensions": {"egress": {"serverNames": [name]}}});
    let mut plan = plan();
    let (greeter, _) = tcp("greeter", true);
    plan.node("greeter", 5433, "tcp", greeter);
    plan.served_by_node("greeter.apps.local", "greeter");
    for (path, name) in [("", allowed[1]), ("virtualNode/web", allowed[2])] {
        let spec = plan.at(path, "").clone();
        plan.set(path, extended(spec, name));
    }
    let _proxy = start(network, &mut plan, json!({}), more);
    let mut greeting = String::new();
    let stream = crate::servers::connect(&format!("{FAR}:5433")).unwrap();
    let heard = BufReader::new(stream).read_line(&mut greeting);
    assert_eq!((heard.is_ok(), greeting.as_str()), (true, "greeter greets\n"));
    let ask = |name: &str| {
        let tls = Tls {
            trust: &authority.pem,
            identity: None,
            name,
        };
        tls.get_at("10.9.0.2:443", &["http/1.1"])
    };
    for name in allowed {
        let seen = ask(name).unwrap();
        assert!(seen.answer.starts_with("HTTP/1.1 200"), "{name}: {}", seen.answer);
    }
    assert!(ask("other.example.com").is_err());
    assert_eq!(server.1.count("sni="), allowed.len());
}

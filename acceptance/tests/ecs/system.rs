//! The system that runs: a gateway, an application whose connections are intercepted, and a service in two versions that
//! takes calls with mutual TLS alone.

use crate::app::{NAME, PORT};
use crate::certificates::Authority;
use crate::eventually;
use crate::network::{self, OUTSIDE};
use crate::publisher::Publisher;
use crate::task::{Cloud, Task};
use meshform_acceptance::http::Client;
use meshform_acceptance::load::{self, Load, Tally};
use meshform_acceptance::tools;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

/// The number, and so the address, of each task.
const GATEWAY: u8 = 10;
const WEB: u8 = 11;
const FIRST: u8 = 21;
const SECOND: u8 = 22;
const REPLACEMENT: u8 = 23;
const PUBLIC: u16 = 80;
/// Requests while a task is replaced.
const UNDER_LOAD: usize = 5_000;

pub(crate) fn run() {
    network::bridge();
    let folder = tempfile::tempdir().unwrap();
    let mut bucket = Publisher::new();
    let endpoint = forward(bucket.server.bucket("prod").address());
    let cloud = Cloud::new(folder.path(), endpoint);
    let system = System::new(folder.path());
    let stacks = compiled(folder.path(), &system);
    bucket.publish(&system.mesh([50, 50], &[SECOND]));

    let start = |name: &str, number| Task::start(&cloud, &stacks(name), number);
    let first = start("virtualNode/prices-v1", FIRST);
    let second = start("virtualNode/prices-v2", SECOND);
    let web = start("virtualNode/web", WEB);
    let gateway = start("virtualGateway/public", GATEWAY);
    let public = SocketAddr::from((gateway.interface.address, PUBLIC));
    let said = || {
        format!(
            "{}\n{}\n{}\n{}",
            gateway.logs(),
            web.logs(),
            first.logs(),
            second.logs()
        )
    };

    // Through the gateway to an application, and from it through its own proxy to one of two versions, half and half.
    let whole = |tally: &Tally, what: &str| {
        assert_eq!(tally.failures(), 0, "{what}: {tally:?}\n{}", said());
    };
    whole(
        &load::send(public, "shop.example", "/", 20),
        "through the gateway",
    );
    let split = load::send(public, "shop.example", "/called/", 200);
    whole(&split, "from one service to the other");
    assert!(
        split.of("prices-v1") > 40 && split.of("prices-v2") > 40,
        "{split:?}"
    );
    // Every second request fails at first, and the route says to try again.
    let flaky = load::send(public, "shop.example", "/called/flaky", 20);
    whole(&flaky, "with retries");
    // Nobody gets to it without a certificate.
    let plain = Client::new(SocketAddr::from((Ipv4Addr::new(10, 9, 1, FIRST), 8080))).get(
        "prices.shop.svc",
        "/",
        &[],
    );
    assert!(
        !plain.is_ok_and(|answer| answer.status == 200),
        "it took plain text"
    );

    // Weights change through the bucket, and no process is started anew.
    let before = [
        first.processes(),
        second.processes(),
        web.processes(),
        gateway.processes(),
    ];
    bucket.publish(&system.mesh([0, 100], &[SECOND]));
    eventually("the new weights hold", 60, || {
        let tally = load::send(public, "shop.example", "/called/", 20);
        whole(&tally, "while weights change");
        tally.of("prices-v2") == 20
    });
    assert_eq!(
        before,
        [
            first.processes(),
            second.processes(),
            web.processes(),
            gateway.processes()
        ]
    );

    // A rolling replacement, under load: the new task is healthy and known before the old one is stopped.
    let load = Load::start(public, "shop.example", "/called/", 250, 8);
    let third = start("virtualNode/prices-v2", REPLACEMENT);
    bucket.publish(&system.mesh([0, 100], &[SECOND, REPLACEMENT]));
    // ECS takes the address away and stops the task at about the same time.
    bucket.publish(&system.mesh([0, 100], &[REPLACEMENT]));
    let ended = second.stop();
    assert!(
        ended.values().all(|status| status.code().is_some()),
        "one had to be killed: {ended:?}"
    );
    // Whoever is left serves until enough has been sent.
    let begun = std::time::Instant::now();
    let mut tally = Tally::default();
    while begun.elapsed() < std::time::Duration::from_secs(2) {
        tally.add(load::send(public, "shop.example", "/called/", 50));
    }
    tally.add(load.stop());
    let more = UNDER_LOAD.saturating_sub(tally.sent());
    tally.add(load::send(public, "shop.example", "/called/", more));
    assert!(tally.sent() >= UNDER_LOAD, "{tally:?}");
    assert_eq!(
        tally.failures(),
        0,
        "{tally:?}\n{}\n{}\n{}",
        gateway.logs(),
        web.logs(),
        third.logs()
    );
}

struct System {
    certificates: String,
}

impl System {
    fn new(root: &Path) -> Self {
        let authority = Authority::new("shop");
        let folder = authority.write(
            root,
            "certificates",
            &[
                "prices-v1.shop.internal",
                "prices-v2.shop.internal",
                "web.shop.internal",
            ],
        );
        // The key is the proxy's user's.
        for name in ["tls.key", "tls.crt", "ca.crt"] {
            std::os::unix::fs::chown(folder.join(name), Some(1337), Some(1337)).unwrap();
        }
        Self {
            certificates: folder.display().to_string(),
        }
    }

    fn certificate(&self) -> Value {
        json!({"file": {
            "certificateChain": format!("{}/tls.crt", self.certificates),
            "privateKey": format!("{}/tls.key", self.certificates),
        }})
    }

    fn trust(&self) -> Value {
        json!({"trust": {"file": {"certificateChain": format!("{}/ca.crt", self.certificates)}}})
    }

    /// The mesh with these weights, and with the second version where these tasks are.
    fn mesh(&self, weights: [u8; 2], second: &[u8]) -> Vec<Value> {
        let listener = |port: u16| json!({"portMapping": {"port": port, "protocol": "http"}});
        let dns = |name: &str| json!({"dns": {"hostname": format!("{name}.shop.internal")}});
        let at = |number: u8| json!({"address": format!("10.9.1.{number}")});
        let of = |fields: Value, spec: Value| {
            let mut body = fields;
            body["meshName"] = json!("shop");
            body["spec"] = spec;
            body
        };
        let secured = || {
            let mut listener = listener(8080);
            listener["tls"] =
                json!({"mode": "STRICT", "certificate": self.certificate(), "validation": self.trust()});
            listener
        };
        let version = |name: &str| {
            of(
                json!({"virtualNodeName": name}),
                json!({"listeners": [secured()], "serviceDiscovery": dns(name)}),
            )
        };
        let explicit = |name: &str| {
            of(
                json!({"proxyProfileName": name}),
                json!({
                    "virtualNode": name,
                    "drain": {"time": {"unit": "s", "value": 2}},
                    "interception": {"explicit": {}},
                    "inbound": {"appPorts": [{"listenerPort": 8080, "appPort": 9080}]},
                }),
            )
        };
        let weighted = [("prices-v1", weights[0]), ("prices-v2", weights[1])]
            .map(|(node, weight)| json!({"virtualNode": node, "weight": weight}));
        let retries = json!({
            "maxRetries": 3, "perRetryTimeout": {"unit": "s", "value": 5},
            "httpRetryEvents": ["server-error", "gateway-error"], "tcpRetryEvents": ["connection-error"],
        });
        let client =
            json!({"tls": {"enforce": true, "certificate": self.certificate(), "validation": self.trust()}});
        let backend =
            json!({"virtualService": {"virtualServiceName": "prices.shop.svc", "clientPolicy": client}});
        vec![
            of(json!({}), json!({"egressFilter": {"type": "DROP_ALL"}})),
            of(
                json!({"virtualGatewayName": "public"}),
                json!({"listeners": [listener(PUBLIC)]}),
            ),
            of(
                json!({"virtualGatewayName": "public", "gatewayRouteName": "all"}),
                json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"target": {"virtualService": {"virtualServiceName": "web.shop.svc"}}}}}),
            ),
            of(
                json!({"virtualNodeName": "web"}),
                json!({"listeners": [listener(8080)], "serviceDiscovery": dns("web"), "backends": [backend]}),
            ),
            of(
                json!({"virtualServiceName": "web.shop.svc"}),
                json!({"provider": {"virtualNode": {"virtualNodeName": "web"}}}),
            ),
            of(
                json!({"virtualServiceName": "prices.shop.svc"}),
                json!({"provider": {"virtualRouter": {"virtualRouterName": "prices"}}}),
            ),
            of(
                json!({"virtualRouterName": "prices"}),
                json!({"listeners": [listener(8080)]}),
            ),
            of(
                json!({"virtualRouterName": "prices", "routeName": "all"}),
                json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": weighted}, "retryPolicy": retries}}),
            ),
            version("prices-v1"),
            version("prices-v2"),
            of(
                json!({"proxyProfileName": "web"}),
                json!({"virtualNode": "web", "drain": {"time": {"unit": "s", "value": 2}}, "interception": {"transparent": {}}}),
            ),
            explicit("prices-v1"),
            explicit("prices-v2"),
            of(
                json!({"proxyProfileName": "addresses"}),
                json!({"endpoints": [
                    {"virtualNode": "web", "addresses": [at(WEB)]},
                    {"virtualNode": "prices-v1", "addresses": [at(FIRST)]},
                    {"virtualNode": "prices-v2", "addresses": second.iter().map(|number| at(*number)).collect::<Vec<_>>()},
                ]}),
            ),
        ]
    }
}

/// What the command makes of the mesh and its workloads: a stack of each proxy.
fn compiled(folder: &Path, system: &System) -> impl Fn(&str) -> Value + use<> {
    let application = |node: &str, port: u16| {
        json!({
            "virtualNode": node, "image": "application", "port": port,
            "environment": {NAME: node, PORT: port.to_string()},
            // An application that ends at once loses what is still sent to it.
            "command": ["meshform-agent", "delay", "--seconds", "12", "--",
                "application", "--exact", "an_application", "--nocapture"],
        })
    };
    let workloads = json!({"meshName": "shop", "workloads": [
        application("web", 8080), application("prices-v1", 9080), application("prices-v2", 9080),
        {"virtualGateway": "public"},
    ]});
    fs::write(
        folder.join("mesh.json"),
        json!(system.mesh([50, 50], &[SECOND])).to_string(),
    )
    .unwrap();
    fs::write(folder.join("workloads.json"), workloads.to_string()).unwrap();
    let output = Command::new(tools::meshform())
        .current_dir(folder)
        .args([
            "compile",
            "mesh.json",
            "workloads.json",
            "--target",
            "ecs",
            "--out",
            "out",
        ])
        .args(["--proxy-image", "proxy", "--proxy-store", "s3://meshes/prod"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let out = folder.join("out/shop");
    move |name: &str| serde_json::from_slice(&fs::read(out.join(name).join("stack.json")).unwrap()).unwrap()
}

/// Lets the tasks reach the bucket's server, which listens on this machine's loopback.
fn forward(to: SocketAddr) -> String {
    let listener = TcpListener::bind((OUTSIDE, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(to) else {
                continue;
            };
            for (from, into) in [
                (stream.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, stream),
            ] {
                std::thread::spawn(move || copy(from, into));
            }
        }
    });
    format!("http://{address}")
}

fn copy(mut from: TcpStream, mut into: TcpStream) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count) = from.read(&mut bytes) {
        if count == 0 || into.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = into.shutdown(Shutdown::Write);
}

//! Whatever changes, no request is lost: 200 requests a second go through real Envoys while weights, routes, endpoints,
//! certificates and canaries come and go in files. Every answer is 200, and no connection is closed under a request.

use super::certificates::Authority;
use super::secure::Tls;
use super::servers::{Http1, free_port};
use super::world::{Plan, TestedProxy, seconds};
use meshform_acceptance::load::{Load, Tally};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

const SERVICE: &str = "api.apps.local";
const SECURE: &str = "secure.apps.local";

/// Sends requests through `web` to a service during a change; every one must be answered.
fn during(what: &str, web: &mut TestedProxy, service: &str, change: impl FnOnce(&mut TestedProxy)) -> Tally {
    let address = ([127, 0, 0, 1], web.port).into();
    let load = Load::start(address, service, "/", 200, 4);
    sleep(Duration::from_millis(200));
    change(web);
    sleep(Duration::from_millis(300));
    let tally = load.stop();
    println!("{what}: {} requests, {} failed", tally.sent(), tally.failures());
    assert!(
        tally.sent() > 60,
        "{what}: too few requests to show anything: {tally:?}"
    );
    let closed = tally.replaced;
    assert_eq!(
        (tally.failures(), closed),
        (0, 0),
        "{what}: {:?}, {closed} connections closed under a request",
        tally.failed,
    );
    tally
}

fn weights(plan: &mut Plan, targets: &[(&str, u32)]) {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(node, weight)| json!({"virtualNode": node, "weight": weight}))
        .collect();
    *plan.at("virtualRouter/api/route/all", "/httpRoute/action/weightedTargets") = json!(targets);
}

#[test]
fn no_request_is_lost_when_routes_and_nodes_change() {
    let servers = ["one", "two", "three"].map(Http1::start);
    let mut plan = Plan::new();
    plan.node("one", 8080, "http", servers[0].port);
    plan.node("two", 8080, "http", servers[1].port);
    plan.served_by_router(SERVICE, "api", 8080, "http");
    plan.route("api/all", "httpRoute", json!({"match": {"prefix": "/"}}), "one");
    let web = &mut plan.start(json!({}));
    let mut sent = 0;
    let mut hold = |what: &str, web: &mut TestedProxy, change: &mut dyn FnMut(&mut TestedProxy)| {
        let tally = during(what, web, SERVICE, |web| change(web));
        sent += tally.sent();
        tally
    };

    let tally = hold("weights", web, &mut |web| {
        for share in [10, 50, 90, 100, 0] {
            weights(&mut plan, &[("one", 100 - share), ("two", share)]);
            web.follow(&plan);
        }
    });
    assert!(tally.of("one") > 0 && tally.of("two") > 0, "{tally:?}");

    let tally = hold("a canary comes and goes", web, &mut |web| {
        plan.node("canary", 8080, "http", servers[2].port);
        weights(&mut plan, &[("one", 50), ("canary", 50)]);
        web.follow(&plan);
        weights(&mut plan, &[("one", 100)]);
        plan.remove("virtualNode/canary");
        web.follow(&plan);
    });
    assert!(tally.of("three") > 0, "{tally:?}");

    let tally = hold("routes come and go", web, &mut |web| {
        let rule = json!({"priority": 1, "match": {"prefix": "/"}, "timeout": {"perRequest": seconds(5)}});
        plan.route("api/first", "httpRoute", rule, "two");
        web.follow(&plan);
        *plan.at("virtualRouter/api/route/first", "/priority") = json!(900);
        plan.at("virtualRouter/api/route/all", "")["priority"] = json!(2);
        web.follow(&plan);
        plan.remove("virtualRouter/api/route/first");
        web.follow(&plan);
    });
    assert!(tally.of("two") > 0, "{tally:?}");

    let tally = hold("endpoints come and go", web, &mut |web| {
        for ports in [&[0, 1][..], &[1, 2], &[2], &[0, 1, 2], &[0]] {
            let ports: Vec<u16> = ports.iter().map(|at| servers[*at].port).collect();
            plan.found("one", &ports);
            web.follow(&plan);
        }
    });
    assert!(servers.iter().all(|one| one.log.count("GET") > 0), "{tally:?}");

    hold("what holds for a node's connections", web, &mut |web| {
        let listener = json!({
            "portMapping": {"port": 8080, "protocol": "http"},
            "connectionPool": {"http": {"maxConnections": 50}},
            "outlierDetection": {"maxServerErrors": 5, "interval": seconds(10), "baseEjectionDuration": seconds(10),
                "maxEjectionPercent": 50},
        });
        *plan.at("virtualNode/one", "/listeners/0") = listener;
        web.follow(&plan);
        plan.at("virtualNode/one", "/listeners/0")
            .as_object_mut()
            .unwrap()
            .remove("connectionPool");
        web.follow(&plan);
    });

    hold("another provider, and back", web, &mut |web| {
        let by_node = json!({"virtualNode": {"virtualNodeName": "two"}});
        let by_router = std::mem::replace(
            plan.at(&format!("virtualService/{SERVICE}"), "/provider"),
            by_node,
        );
        web.follow(&plan);
        *plan.at(&format!("virtualService/{SERVICE}"), "/provider") = by_router;
        web.follow(&plan);
    });

    hold("backends and logs of the caller", web, &mut |web| {
        plan.served_by_node("other.apps.local", "two");
        plan.at("virtualNode/web", "")["logging"] = json!({"accessLog": {"file": {"path": "/dev/null"}}});
        web.follow(&plan);
        plan.at("virtualNode/web", "/backends")
            .as_array_mut()
            .unwrap()
            .pop();
        plan.at("virtualNode/web", "")
            .as_object_mut()
            .unwrap()
            .remove("logging");
        web.follow(&plan);
    });
    println!("{sent} requests, none failed");
}

/// A folder of certificates as mounted secrets lie: the files are links through `..data`, which is swapped.
struct Mounted {
    folder: PathBuf,
}

impl Mounted {
    fn new(folder: PathBuf, from: &Path, names: &[&str]) -> Self {
        fs::create_dir(&folder).unwrap();
        for name in names {
            symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
        }
        let mounted = Self { folder };
        mounted.swap(from);
        mounted
    }

    fn swap(&self, to: &Path) {
        let link = self.folder.join("..next");
        symlink(to, &link).unwrap();
        fs::rename(link, self.folder.join("..data")).unwrap();
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn no_request_is_lost_when_certificates_and_authorities_change() {
    let app = Http1::start("app");
    let root = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let first = old.write(root.path(), "first", &[SECURE]);
    let second = old.write(root.path(), "second", &[SECURE]);
    let third = new.write(root.path(), "third", &[SECURE]);
    let both = root.path().join("both");
    fs::create_dir(&both).unwrap();
    fs::write(both.join("ca.crt"), format!("{}{}", old.pem, new.pem)).unwrap();
    let server = Mounted::new(root.path().join("server"), &first, &["tls.crt", "tls.key"]);
    let trust = Mounted::new(root.path().join("trust"), &first, &["ca.crt"]);

    let port = free_port();
    let mut plan = Plan::new();
    let files = json!({"certificateChain": server.file("tls.crt"), "privateKey": server.file("tls.key")});
    let listener = json!({
        "portMapping": {"port": port, "protocol": "http"},
        "tls": {"mode": "STRICT", "certificate": {"file": files}},
    });
    plan.node_with("secure", listener, &[port]);
    plan.served_by_node(SECURE, "secure");
    let validation = json!({"trust": {"file": {"certificateChain": trust.file("ca.crt")}}});
    plan.at("virtualNode/web", "")["backendDefaults"] =
        json!({"clientPolicy": {"tls": {"validation": validation}}});
    let inbound = json!({
        "interception": {"explicit": {"port": free_port()}},
        "inbound": {"appPorts": [{"listenerPort": port, "appPort": app.port}]},
    });
    let _secure = plan.run("virtualNode/secure", inbound);
    let web = &mut plan.start(json!({}));
    let shown = |trusted: &str| {
        let client = Tls {
            trust: trusted,
            identity: None,
            name: SECURE,
        };
        client.get(port, &["http/1.1"]).map(|seen| seen.certificate)
    };
    // Until the server shows another certificate than this one; each look is a connection of its own that must be served.
    let until_another = |before: &[u8], trusted: &str| {
        let start = Instant::now();
        loop {
            let now = shown(trusted).expect("each connection is served");
            if now != before {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "the old certificate is still shown"
            );
            sleep(Duration::from_millis(10));
        }
    };
    let mut connections = 0;
    // Clusters are made anew, so that connections are.
    let mut reconnect = |web: &mut TestedProxy, plan: &mut Plan| {
        connections += 1;
        plan.at("virtualNode/secure", "/listeners/0")["connectionPool"] =
            json!({"http": {"maxConnections": 100 + connections}});
        web.follow(plan);
    };
    let mut sent = 0;
    let either = format!("{}{}", old.pem, new.pem);
    sent += during("a certificate is renewed", web, SECURE, |web| {
        let before = shown(&old.pem).unwrap();
        server.swap(&second);
        until_another(&before, &old.pem);
        reconnect(web, &mut plan);
    })
    .sent();
    sent += during("an authority is replaced", web, SECURE, |web| {
        trust.swap(&both);
        reconnect(web, &mut plan);
        let before = shown(&either).unwrap();
        server.swap(&third);
        until_another(&before, &either);
        reconnect(web, &mut plan);
        trust.swap(&third);
        reconnect(web, &mut plan);
    })
    .sent();
    assert!(
        shown(&old.pem).is_err(),
        "the old authority is of no use any more"
    );
    println!("{sent} requests, none failed");
}

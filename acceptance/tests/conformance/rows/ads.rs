//! Bootstraps for a control plane: a small one here serves, over one stream, what the compiler makes for the proxy.

use crate::certificates::Authority;
use crate::mutation;
use crate::secure;
use crate::servers::{Http1, free_port};
use crate::sheet::Sheet;
use crate::world::{Plan, built, merged, seconds};
use crate::xds::{Resources, Xds, gather};
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::http::Client;
use meshform_acceptance::load::{Load, send};
use meshform_acceptance::tools;
use meshform_envoy::{self as envoy, Files, Mode, Options, layout};
use meshform_model::key::ResourceKey;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SERVICE: &str = "service.apps.local";
const NODE: &str = "arn:aws:appmesh:us-east-1:000000000000:mesh/apps/virtualNode/web";

/// The mesh, in which `service` is at `one` and `two` by their weights.
struct Setting {
    one: u16,
    two: u16,
    port: u16,
    admin: u16,
    root: tempfile::TempDir,
    /// Seconds that Envoy waits for its first configuration.
    patience: u64,
}

impl Setting {
    fn new(one: &Http1, two: &Http1) -> Self {
        Self {
            one: one.port,
            two: two.port,
            port: free_port(),
            admin: free_port(),
            root: tempfile::tempdir().unwrap(),
            patience: 20,
        }
    }

    fn plan(&self, weights: (u32, u32), plane: &Value) -> Plan {
        let mut plan = Plan::new();
        plan.port = self.port;
        plan.node("one", 8080, "http", self.one);
        plan.node("two", 8080, "http", self.two);
        plan.served_by_router(SERVICE, "router", 8080, "http");
        let target = |node: &str, weight: u32| json!({"virtualNode": node, "weight": weight});
        let targets = json!([target("one", weights.0), target("two", weights.1)]);
        plan.set(
            "virtualRouter/router/route/all",
            json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}}),
        );
        let profile = json!({
            "interception": {"explicit": {"port": self.port}},
            "controlPlane": plane, "initialFetchTimeout": seconds(self.patience),
        });
        plan.profile("virtualNode/web", self.admin, profile);
        plan
    }

    /// What the compiler makes, by types and names.
    fn resources(&self, weights: (u32, u32), plane: &Value) -> Resources {
        let proxy = built(&self.plan(weights, plane).mesh(), &key(), self.root.path());
        let mut resources = Resources::new();
        for content in mutation::applied(layout::files(&proxy.resources)).values() {
            gather(&serde_json::from_slice(content).unwrap(), &mut resources);
        }
        resources
    }

    /// An Envoy with the bootstrap for a control plane.
    fn start(&self, plane: &Value) -> Envoy {
        let options = Options::new(self.root.path().to_str().unwrap());
        let mesh = self.plan((1, 1), plane).mesh();
        let bootstrap = envoy::bootstrap(&mesh, &key(), Mode::Ads, &options).unwrap();
        // The server of these tests speaks the other form of the protocol.
        let bootstrap = bootstrap.replace("\"DELTA_GRPC\"", "\"GRPC\"");
        let file = self.root.path().join("bootstrap.json");
        let files = Files::from([(layout::BOOTSTRAP.to_owned(), bootstrap.into_bytes())]);
        fs::write(&file, &mutation::applied(files)[layout::BOOTSTRAP]).unwrap();
        let log = self.root.path().join("envoy.log");
        Envoy::start(&tools::envoy(), &file, self.admin, &log).unwrap()
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    fn status(&self) -> u16 {
        Client::new(self.address()).get(SERVICE, "/", &[]).unwrap().status
    }
}

fn key() -> ResourceKey {
    ResourceKey::from_path("mesh/apps/virtualNode/web").unwrap()
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let (one, two) = (Http1::start("one"), Http1::start("two"));
    sheet.row(
        "a control plane's bootstrap",
        &["proxyProfile.spec.controlPlane.{address,port}"],
        "Envoy asks the control plane, in the name of the proxy's ARN, for listeners, clusters, routes and endpoints over one stream, takes what the compiler made, and serves; weights that change (100 : 0 to 0 : 100) arrive under 200 requests per second, of which none fails",
        || plain(&Setting::new(&one, &two)),
    );
    sheet.row_in_time(
        "a control plane that is not there",
        &["proxyProfile.spec.initialFetchTimeout"],
        "Envoy waits for its first configuration as long as the profile says (2 s), and is ready then, without a listener",
        || {
            let setting = Setting {
                patience: 2,
                ..Setting::new(&one, &two)
            };
            let begun = Instant::now();
            let envoy = setting.start(&json!({"address": "127.0.0.1", "port": free_port()}));
            let taken = begun.elapsed().as_millis();
            // Envoy by itself waits for 15 s, for each kind of resource.
            assert!((1900..10_000).contains(&taken), "{taken} ms");
            assert!(envoy.stat("listener_manager.lds.init_fetch_timeout").unwrap() > 0, "{}", envoy.log());
            assert_eq!(envoy.admin("/listeners").unwrap(), "");
        },
    );
    sheet.row(
        "a control plane with TLS",
        &["proxyProfile.spec.controlPlane.tls.{certificateChain,privateKey,trustChain}"],
        "Envoy trusts the control plane by the given authority and its name, and shows its certificate; a control plane of another authority is not listened to",
        || {
            let setting = Setting::new(&one, &two);
            encrypted(&setting, true);
            let patience = 2;
            encrypted(&Setting { patience, ..Setting::new(&one, &two) }, false);
        },
    );
}

fn plain(setting: &Setting) {
    // The port is known once the server is there; what it serves does not depend on it.
    let (server, port) = Xds::on_port(None, Resources::new());
    let plane = json!({"address": "127.0.0.1", "port": port});
    server.change(setting.resources((100, 0), &plane));
    let envoy = setting.start(&plane);
    let tally = send(setting.address(), SERVICE, "/", 20);
    assert_eq!((tally.of("one"), tally.failures()), (20, 0), "{tally:?}");
    let load = Load::start(setting.address(), SERVICE, "/", 200, 4);
    server.change(setting.resources((0, 100), &plane));
    let start = Instant::now();
    while send(setting.address(), SERVICE, "/", 1).of("two") == 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", server.noted());
        std::thread::sleep(Duration::from_millis(20));
    }
    let tally = send(setting.address(), SERVICE, "/", 20);
    assert_eq!((tally.of("two"), tally.failures()), (20, 0), "{tally:?}");
    let under_load = load.stop();
    assert_eq!(under_load.failures(), 0, "{under_load:?}");
    let noted = server.noted();
    assert!(
        noted.nodes.iter().all(|node| node.is_empty() || node == NODE),
        "{:?}",
        noted.nodes
    );
    assert!(noted.nodes.iter().any(|node| node == NODE));
    assert_eq!(noted.refused, Vec::<String>::new());
    for kind in [
        "Listener",
        "Cluster",
        "RouteConfiguration",
        "ClusterLoadAssignment",
    ] {
        let taken = noted.taken.iter().any(|line| line.contains(&format!(".{kind} ")));
        assert!(taken, "{kind}: {:?}", noted.taken);
    }
    assert!(!envoy.log().contains("Deprecated field"), "{}", envoy.log());
}

fn encrypted(setting: &Setting, trusted: bool) {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let signer = if trusted { &ours } else { &other };
    let config = secure::server(&signer.sign(&["localhost"]), Some(&ours.pem), b"h2");
    let (server, port) = Xds::on_port(Some(Arc::new(config)), Resources::new());
    let folder = ours.write(setting.root.path(), "tls", &["web.apps.local"]);
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let files =
        json!({"certificateChain": at("tls.crt"), "privateKey": at("tls.key"), "trustChain": at("ca.crt")});
    let plane = merged(
        json!({"address": "localhost", "port": port}),
        json!({"tls": files}),
    );
    server.change(setting.resources((100, 0), &plane));
    let envoy = setting.start(&plane);
    if trusted {
        assert_eq!(setting.status(), 200);
        assert_eq!(server.noted().refused, Vec::<String>::new());
    } else {
        let refused = envoy.stat("cluster.xds_cluster.ssl.fail_verify_error").unwrap();
        assert!(refused > 0, "{}", envoy.log());
        assert_eq!(server.noted().nodes, Vec::<String>::new());
        assert!(Client::new(setting.address()).get(SERVICE, "/", &[]).is_err());
    }
}

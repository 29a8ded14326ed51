//! Real Envoys that are told by `meshform serve`: a weight that is shifted through the API, a canary that comes and goes
//! under load, and a server that is killed and comes back.

use crate::server::Server;
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::http::Client;
use meshform_acceptance::load::Load;
use meshform_acceptance::upstream::Upstream;
use meshform_acceptance::{ports, tools};
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A mesh of a client and two versions of a service, served to the client's Envoy.
struct World {
    directory: TempDir,
    server: Option<Server>,
    xds: u16,
    envoy: Envoy,
    entrance: SocketAddr,
    _upstreams: [Upstream; 2],
}

fn listener(port: u16) -> Json {
    json!([{"portMapping": {"port": port, "protocol": "http"}}])
}

fn to(targets: &[(&str, u32)]) -> Json {
    let targets: Vec<Json> = targets
        .iter()
        .map(|(node, weight)| json!({"virtualNode": node, "weight": weight}))
        .collect();
    json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}})
}

impl World {
    fn new(world: bool) -> Self {
        let directory = TempDir::new().unwrap();
        let upstreams = [Upstream::start("one").unwrap(), Upstream::start("two").unwrap()];
        let [xds, egress, admin] = ports::several().unwrap();
        let server = serve(directory.path(), xds);
        let put = |path: &str, body: Json| {
            let answer = server.send("PUT", &format!("/v20190125/meshes{path}"), &body.to_string());
            assert_eq!(answer.status, 200, "{}", answer.body);
        };
        let addresses = json!({"serviceDiscovery": {"ipPreference": "IPv4_ONLY"}});
        put("", json!({"meshName": "apps", "spec": addresses}));
        for (name, upstream) in ["one", "two"].iter().zip(&upstreams) {
            let port = upstream.address().port();
            let spec =
                json!({"listeners": listener(port), "serviceDiscovery": {"dns": {"hostname": "localhost"}}});
            put(
                "/apps/virtualNodes",
                json!({"virtualNodeName": name, "spec": spec}),
            );
        }
        put(
            "/apps/virtualRouters",
            json!({"virtualRouterName": "r", "spec": {"listeners": listener(80)}}),
        );
        put(
            "/apps/virtualRouter/r/routes",
            json!({"routeName": "split", "spec": to(&[("one", 100)])}),
        );
        let provider = json!({"provider": {"virtualRouter": {"virtualRouterName": "r"}}});
        put(
            "/apps/virtualServices",
            json!({"virtualServiceName": "s.local", "spec": provider}),
        );
        let client = json!({
            "listeners": [],
            "backends": [{"virtualService": {"virtualServiceName": "s.local"}}],
        });
        put(
            "/apps/virtualNodes",
            json!({"virtualNodeName": "client", "spec": client}),
        );
        // How the client's Envoy is run is told by a profile, which the API does not have.
        let spec = json!({
            "virtualNode": "client",
            "interception": {"explicit": {"port": egress}},
            "admin": {"port": admin},
            "controlPlane": {"address": "127.0.0.1", "port": xds},
        });
        let profile = json!([{"meshName": "apps", "proxyProfileName": "client", "spec": spec}]).to_string();
        std::fs::write(directory.path().join("profile.json"), profile).unwrap();
        meshform(directory.path(), &["adopt", "profile.json", "--store", "store"]);
        let bootstrap = meshform(
            directory.path(),
            &["bootstrap", "client", "--mode", "ads", "--store", "store"],
        );
        let bootstrap = match world {
            false => bootstrap,
            true => bootstrap.replace("\"DELTA_GRPC\"", "\"GRPC\""),
        };
        let file = directory.path().join("bootstrap.json");
        std::fs::write(&file, bootstrap).unwrap();
        let envoy = Envoy::start(&tools::envoy(), &file, admin, &directory.path().join("envoy.log")).unwrap();
        Self {
            server: Some(server),
            xds,
            envoy,
            entrance: SocketAddr::from(([127, 0, 0, 1], egress)),
            _upstreams: upstreams,
            directory,
        }
    }

    fn shift(&self, targets: &[(&str, u32)]) {
        let body = json!({ "spec": to(targets) }).to_string();
        let server = self.server.as_ref().unwrap();
        let answer = server.send(
            "PUT",
            "/v20190125/meshes/apps/virtualRouter/r/routes/split",
            &body,
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Waits until requests are answered by this version.
    fn answered_by(&self, version: &str) {
        let begun = Instant::now();
        loop {
            let answer = Client::new(self.entrance).get("s.local", "/", &[]);
            let service = answer.map(|answer| answer.service().to_owned());
            if service.as_deref().is_ok_and(|service| service == version) {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{version} never answered: {service:?}\n{}",
                self.envoy.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn serve(directory: &Path, xds: u16) -> Server {
    Server::start(&directory.join("store"), &["--xds", &format!("127.0.0.1:{xds}")])
}

fn meshform(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(tools::meshform());
    command.current_dir(directory).args(arguments);
    crate::server::output(&mut command)
}

#[test]
fn a_shift_reaches_an_envoy_that_asks_for_differences() {
    follow(false);
}

#[test]
fn a_shift_reaches_an_envoy_that_asks_for_the_state_of_the_world() {
    follow(true);
}

fn follow(world: bool) {
    let mut mesh = World::new(world);
    mesh.answered_by("one");
    let load = Load::start(mesh.entrance, "s.local", "/", 100, 2);
    mesh.shift(&[("two", 100)]);
    mesh.answered_by("two");
    // The server goes; the proxy goes on. It comes back, and the next change arrives.
    mesh.server.as_mut().unwrap().kill();
    mesh.answered_by("two");
    mesh.server = Some(serve(mesh.directory.path(), mesh.xds));
    mesh.shift(&[("one", 100)]);
    mesh.answered_by("one");
    let tally = load.stop();
    assert!(tally.sent() > 20, "{tally:?}");
    assert_eq!(tally.failures(), 0, "{tally:?}\n{}", mesh.envoy.log());
    // That its stream broke off counts as a failure; nothing may count as refused.
    let refused: Vec<String> = mesh.envoy.rejected_updates().unwrap();
    assert!(
        refused.iter().all(|line| !line.contains("rejected")),
        "{refused:?}"
    );
    let proxies = mesh.server.as_ref().unwrap().send("GET", "/meshform/proxies", "");
    assert_eq!(
        proxies.body["proxies"][0]["proxy"], "mesh/apps/virtualNode/client",
        "{}",
        proxies.body
    );
    assert_eq!(proxies.body["proxies"][0]["current"], true, "{}", proxies.body);
}

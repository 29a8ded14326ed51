//! Who gets a proxy's configuration: tokens that real Envoys send and that are replaced while they run, and certificates.

use crate::certificates::Authority;
use crate::server::{Server, output};
use meshform_acceptance::envoy::{Envoy, Start};
use meshform_acceptance::terraform::Module;
use meshform_acceptance::{ports, tools};
use meshform_release::{EnvoyBuilder, Releaser};
use meshform_store::{Access, Author, Location, Seed};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// A store with one node `web`, and everything that its Envoy needs but a token.
struct World {
    directory: TempDir,
    authority: Authority,
    xds: u16,
    admin: u16,
    egress: u16,
    ingress: u16,
    application: u16,
}

impl World {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let [xds, admin, egress, ingress, application] = ports::several().unwrap();
        let authority = Authority::new("mesh");
        authority.write(directory.path(), "served", &["localhost"]);
        let world = Self {
            directory,
            authority,
            xds,
            admin,
            egress,
            ingress,
            application,
        };
        world.run(&["keys", "init", "--out", "master.key"]);
        world.adopt(None);
        world
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(tools::meshform());
        command.current_dir(self.path()).args(arguments);
        command.env("MESHFORM_MASTER_KEY_FILE", "master.key");
        output(&mut command)
    }

    /// Puts the mesh into the store; `certificate` is the folder of what the node's Envoy shows, which otherwise has a
    /// token.
    fn adopt(&self, certificate: Option<&Path>) {
        let mut plane = json!({"address": "localhost", "port": self.xds});
        plane["tls"] = json!({"trustChain": self.path().join("served/ca.crt")});
        match certificate {
            Some(folder) => {
                plane["tls"]["certificateChain"] = json!(folder.join("tls.crt"));
                plane["tls"]["privateKey"] = json!(folder.join("tls.key"));
            }
            None => plane["tokenFile"] = json!(self.path().join("token.json")),
        }
        let mesh = json!([
            {"meshName": "apps", "spec": {}},
            {"meshName": "apps", "virtualNodeName": "web", "spec": {
                "listeners": [{"portMapping": {"port": self.ingress, "protocol": "http"}}],
                "serviceDiscovery": {"dns": {"hostname": "web.internal"}},
            }},
            {"meshName": "apps", "proxyProfileName": "web", "spec": {
                "virtualNode": "web",
                "interception": {"explicit": {"port": self.egress}},
                "inbound": {"appPorts": [{"listenerPort": self.ingress, "appPort": self.application}]},
                "admin": {"port": self.admin},
                "controlPlane": plane,
            }},
        ]);
        fs::write(self.path().join("mesh.json"), mesh.to_string()).unwrap();
        self.run(&["apply", "mesh.json", "--store", "store", "--owner", "team"]);
        self.run(&["release", "--store", "store"]);
    }

    fn serve(&self) -> Server {
        let file = |name: &str| self.path().join(name).display().to_string();
        Server::start(
            &self.path().join("store"),
            &[
                "--xds",
                &format!("127.0.0.1:{}", self.xds),
                "--master-key-file",
                &file("master.key"),
                "--tls-cert",
                &file("served/tls.crt"),
                "--tls-key",
                &file("served/tls.key"),
                "--tls-client-ca",
                &file("served/ca.crt"),
            ],
        )
    }

    fn token(&self, whose: &str, ttl: &str) {
        self.run(&["token", whose, "--ttl", ttl, "--out", "token.json"]);
    }

    fn envoy(&self) -> Envoy {
        let arguments = ["bootstrap", "web", "--mode", "ads", "--store", "store"];
        let file = self.path().join("bootstrap.json");
        fs::write(&file, self.run(&arguments)).unwrap();
        let log = self.path().join("envoy.log");
        let start = Start::new(&file, self.admin, &log);
        // It may never be ready.
        start.spawn(Command::new(tools::envoy())).unwrap()
    }

    /// Waits until Envoy's statistics say so.
    fn until(&self, envoy: &Envoy, what: &str, holds: impl Fn(u64) -> bool) {
        wait(envoy, || envoy.stat(what).is_ok_and(&holds));
    }

    /// Waits until the log says that the proxy was refused for its name, as gRPC writes it.
    fn refused(&self, envoy: &Envoy) {
        wait(envoy, || {
            envoy.log().contains("asks%20for%20the%20configuration%20of")
        });
    }
}

fn wait(envoy: &Envoy, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", envoy.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

const TAKEN: &str = "cluster_manager.cds.update_success";
const STREAMS: &str = "control_plane.connected_state";

#[test]
fn a_token_lets_its_proxy_in_and_is_replaced_without_a_restart() {
    let world = World::new();
    let _server = world.serve();
    world.token("mesh/apps/virtualNode/web", "10s");
    let envoy = world.envoy();
    world.until(&envoy, TAKEN, |taken| taken > 0);
    // The stream ends with its token. One for another proxy is refused; the same process reads each from the same file.
    world.token("mesh/apps/virtualNode/other", "1h");
    world.refused(&envoy);
    world.token("mesh/apps", "1h");
    // One that is refused is open for a moment, too.
    let open = || {
        (0..20).all(|_| {
            std::thread::sleep(Duration::from_millis(50));
            envoy.stat(STREAMS).is_ok_and(|open| open == 1)
        })
    };
    wait(&envoy, open);
}

#[test]
fn a_certificate_that_names_the_proxy_lets_it_in() {
    let world = World::new();
    let _server = world.serve();
    let folder = world.authority.write(
        world.path(),
        "client",
        &["spiffe://mesh.example/mesh/apps/virtualNode/web"],
    );
    world.adopt(Some(&folder));
    let envoy = world.envoy();
    world.until(&envoy, TAKEN, |taken| taken > 0);
    drop(envoy);
    // One of the same authority for another proxy does not.
    let folder = world.authority.write(
        world.path(),
        "other",
        &["spiffe://mesh.example/mesh/apps/virtualNode/other"],
    );
    world.adopt(Some(&folder));
    let envoy = world.envoy();
    world.refused(&envoy);
    assert_eq!(envoy.stat(TAKEN).unwrap(), 0, "{}", envoy.log());
}

#[test]
fn a_stream_ends_with_its_certificate() {
    let world = World::new();
    let _server = world.serve();
    let folder = world.path().join("brief");
    fs::create_dir(&folder).unwrap();
    let end = SystemTime::now() + Duration::from_secs(8);
    let names = ["spiffe://mesh.example/mesh/apps/virtualNode/web"];
    let (certificate, key) = world.authority.sign_until(&names, Some(end));
    fs::write(folder.join("tls.crt"), certificate).unwrap();
    fs::write(folder.join("tls.key"), key).unwrap();
    world.adopt(Some(&folder));
    let envoy = world.envoy();
    world.until(&envoy, TAKEN, |taken| taken > 0);
    assert_eq!(envoy.stat(STREAMS).unwrap(), 1);
    wait(&envoy, || envoy.log().contains("certificate%20has%20expired"));
    world.until(&envoy, STREAMS, |open| open == 0);
    // It comes again, and is not even listened to.
    wait(&envoy, || envoy.log().contains("CERTIFICATE_EXPIRED"));
    assert_eq!(envoy.stat(TAKEN).unwrap(), 1, "{}", envoy.log());
}

/// What a plan of the mesh would warn of.
fn warnings(store: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let location = Location::parse(store.to_str().unwrap(), Path::new("/")).unwrap();
        let store = location.open(&Access::default(), &Seed::default()).unwrap();
        let author = Author {
            owner: "test".to_owned(),
            actor: "test".to_owned(),
            run: None,
        };
        let releaser = Releaser::new(store, Arc::new(EnvoyBuilder), author);
        let warnings = releaser.warnings("apps").await.unwrap();
        warnings
            .always
            .into_iter()
            .map(|warning| warning.message)
            .collect()
    })
}

/// What status, history and the console say of the release that the only Envoy refuses.
fn told_everywhere(world: &World) {
    let store = ["--store", "store"];
    let run = |arguments: &[&str]| world.run(&[arguments, &store].concat());
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run(&[arguments, &["--format", "json"]].concat())).unwrap()
    };
    let is_told = |text: &str| {
        assert!(
            text.contains("    refused by the Envoy of mesh/apps/virtualNode/web:\n"),
            "{text}"
        );
        let reason = text.lines().find(|line| line.contains("cannot bind")).unwrap();
        assert!(
            reason.starts_with("      virtualNode/web, /spec/listeners/0: "),
            "{reason}"
        );
    };
    is_told(&run(&["status"]));
    is_told(&run(&["history"]));
    let has_reason = |refused: &serde_json::Value| {
        let reason = refused["mesh/apps/virtualNode/web"][0].as_str();
        assert!(
            reason.is_some_and(|text| text.contains("cannot bind")),
            "{refused}"
        );
    };
    has_reason(&json(&["status"])["meshes"][0]["refused"]);
    let history = json(&["history"]);
    let releases = history["meshes"][0]["releases"].as_array().unwrap();
    let refused: Vec<_> = releases.iter().filter(|one| one["refused"].is_object()).collect();
    assert_eq!(refused.len(), 1, "{history}");
    has_reason(&refused[0]["refused"]);
    let problems = status_of_terraform(world);
    assert!(
        problems.contains(
            "mesh/apps/virtualNode/web refuses the current release: virtualNode/web, /spec/listeners/0: "
        ) && problems.contains("cannot bind"),
        "{problems}"
    );
    run(&["console", "--out", "pages"]);
    let pages = html(&world.path().join("pages"));
    assert!(pages.iter().any(|page| page.contains("refused by 1 proxy")));
    assert!(
        pages
            .iter()
            .any(|page| page.contains("refuses the current release"))
    );
    let reasons = pages
        .iter()
        .filter(|page| page.contains("Refused by") && page.contains("cannot bind"));
    assert_eq!(reasons.count(), 1, "the page of that release alone");
}

/// The problems that the data source `appmesh_release_status` has.
fn status_of_terraform(world: &World) -> String {
    let folder = world.path().join("terraform");
    fs::create_dir(&folder).unwrap();
    let provider = tools::provider();
    let terraform = tools::terraform_in_turn();
    let module = Module::new(&terraform, &folder, provider.parent().unwrap()).unwrap();
    let configuration = r#"
terraform {
  required_providers {
    appmesh = { source = "meshform/appmesh" }
  }
}
provider "appmesh" {
  store = "../store"
}
data "appmesh_release_status" "apps" {
  mesh_name = "apps"
}
output "problems" {
  value = join("\n", data.appmesh_release_status.apps.problems)
}
"#;
    module.write("main.tf", configuration).unwrap();
    let applied = module.run(&["apply", "-auto-approve", "-no-color"]).unwrap();
    assert!(applied.ok(), "{}", applied.flat());
    let problems = module.run(&["output", "-raw", "problems"]).unwrap();
    problems.flat()
}

/// The pages below a folder.
fn html(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| match path.is_dir() {
        true => html(&path),
        false if path.extension().is_some_and(|kind| kind == "html") => {
            vec![fs::read_to_string(&path).unwrap()]
        }
        false => Vec::new(),
    };
    entries.flat_map(of).collect()
}

#[test]
fn what_envoy_refuses_is_told_by_the_next_plan_and_the_next_release_heals_it() {
    let world = World::new();
    // A port that something else has: the listener is right, and cannot be.
    let taken = std::net::TcpListener::bind(("0.0.0.0", world.ingress)).unwrap();
    let _server = world.serve();
    world.token("mesh/apps", "1h");
    let envoy = world.envoy();
    let store = world.path().join("store");
    let told = || warnings(&store).into_iter().find(|text| text.contains("refused"));
    wait(&envoy, || told().is_some());
    let text = told().unwrap();
    assert!(
        text.contains("Envoy refused the current release of mesh `apps`"),
        "{text}"
    );
    assert!(
        text.contains("virtualNode/web") && text.contains("listeners"),
        "{text}"
    );
    assert!(text.contains("cannot bind"), "{text}");
    told_everywhere(&world);
    drop(taken);
    // What was refused is not sent again as it was; the next release changes it.
    let mut mesh: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(world.path().join("mesh.json")).unwrap()).unwrap();
    mesh[1]["spec"]["logging"] = json!({"accessLog": {"file": {"path": "/dev/null"}}});
    fs::write(world.path().join("mesh.json"), mesh.to_string()).unwrap();
    world.run(&["apply", "mesh.json", "--store", "store", "--owner", "team"]);
    world.run(&["release", "--store", "store"]);
    wait(&envoy, || {
        std::net::TcpStream::connect(("127.0.0.1", world.ingress)).is_ok()
    });
    assert_eq!(told(), None);
    // Of the release before it stays told.
    let history = world.run(&["history", "--store", "store"]);
    assert_eq!(history.matches("refused by the Envoy of").count(), 1, "{history}");
    let status = world.run(&["status", "--store", "store"]);
    assert!(!status.contains("refused by the Envoy of"), "{status}");
}

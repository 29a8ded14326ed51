//! Hosts that a poller looks up reach Envoys by ADS, without a release, and stay where nobody says anything.

use crate::server::{Server, output};
use meshform_acceptance::envoy::{Admin, Envoy};
use meshform_acceptance::http::Client;
use meshform_acceptance::upstream::Upstream;
use meshform_acceptance::{ports, tools};
use serde_json::{Value as Json, json};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// `web` calls `api`, whose hosts are looked up.
struct Stage {
    place: TempDir,
    store: String,
    published: PathBuf,
    upstreams: [Upstream; 2],
    xds: u16,
    admin: u16,
    egress: u16,
}

struct Poller(Child);

impl Drop for Poller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stage {
    /// With a store in the form of a bucket, or with one beside which a directory is published to.
    fn new(is_bucket: bool) -> Self {
        let place = TempDir::new().unwrap();
        let first = Upstream::start_at("first", ([127, 0, 0, 2], 0).into()).unwrap();
        let port = first.address().port();
        let second = Upstream::start_at("second", ([127, 0, 0, 3], port).into()).unwrap();
        let [xds, admin, egress] = ports::several().unwrap();
        let directory = place.path().join(if is_bucket { "bucket" } else { "published" });
        fs::create_dir(&directory).unwrap();
        let store = match is_bucket {
            true => format!("file://{}", directory.display()),
            false => place.path().join("store").display().to_string(),
        };
        let listeners = json!([{"portMapping": {"port": port, "protocol": "http"}}]);
        let found = json!({"awsCloudMap": {"namespaceName": "apps.local", "serviceName": "api"}});
        let mesh = json!([
            {"meshName": "apps", "spec": {}},
            {"meshName": "apps", "virtualNodeName": "api", "spec": {"listeners": listeners, "serviceDiscovery": found}},
            {"meshName": "apps", "virtualNodeName": "web", "spec": {
                "backends": [{"virtualService": {"virtualServiceName": "api.local"}}]}},
            {"meshName": "apps", "virtualServiceName": "api.local", "spec": {
                "provider": {"virtualNode": {"virtualNodeName": "api"}}}},
            {"meshName": "apps", "proxyProfileName": "web", "spec": {
                "virtualNode": "web",
                "interception": {"explicit": {"port": egress}},
                "admin": {"port": admin},
                "controlPlane": {"address": "127.0.0.1", "port": xds},
            }},
        ]);
        fs::write(place.path().join("mesh.json"), mesh.to_string()).unwrap();
        let stage = Self {
            place,
            store,
            published: directory,
            upstreams: [first, second],
            xds,
            admin,
            egress,
        };
        stage.run(&["apply", "mesh.json", "--owner", "team", "--store", &stage.store]);
        let published = stage.published.display().to_string();
        let mut release = vec!["release", "--store", &stage.store];
        if !is_bucket {
            release.extend(["--publish", &published]);
        }
        stage.run(&release);
        stage
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(tools::meshform());
        output(command.current_dir(self.path()).args(arguments))
    }

    fn serve(&self) -> Server {
        let xds = format!("127.0.0.1:{}", self.xds);
        let published = self.published.display().to_string();
        let mut options = vec!["--xds", &xds];
        if !self.store.contains("://") {
            options.extend(["--publish", &published]);
        }
        Server::start(Path::new(&self.store), &options)
    }

    /// Says who is behind `api`.
    fn list(&self, hosts: &[&str]) {
        let hosts: Vec<Json> = hosts.iter().map(|address| json!({"address": address})).collect();
        let next = self.path().join("next.json");
        fs::write(&next, json!({"api": hosts}).to_string()).unwrap();
        fs::rename(next, self.path().join("listed.json")).unwrap();
    }

    fn poll(&self) -> Poller {
        let listen = format!("127.0.0.1:{}", ports::free().unwrap());
        let child = Command::new(tools::agent())
            .arg("endpoints")
            .env("MESHFORM_STORE", &self.published)
            .env("MESHFORM_MESH", "apps")
            .env("MESHFORM_POLL", "1")
            .env("MESHFORM_ENDPOINTS", self.path().join("listed.json"))
            .env("MESHFORM_LISTEN", listen)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Poller(child.unwrap())
    }

    fn envoy(&self) -> Envoy {
        let bootstrap = self.path().join("bootstrap.json");
        let written = self.run(&["bootstrap", "web", "--mode", "ads", "--store", &self.store]);
        fs::write(&bootstrap, written).unwrap();
        Envoy::start(
            &tools::envoy(),
            &bootstrap,
            self.admin,
            &self.path().join("envoy.log"),
        )
        .unwrap()
    }

    fn answers(&self) -> Option<String> {
        let egress = SocketAddr::from(([127, 0, 0, 1], self.egress));
        let answer = Client::new(egress).get("api.local", "/", &[]).ok()?;
        (answer.status == 200).then(|| answer.service().to_owned())
    }

    fn until(&self, whom: &str) {
        let begun = Instant::now();
        while (0..5).any(|_| self.answers().as_deref() != Some(whom)) {
            let clusters = Admin::on(self.admin).get("/clusters").unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(30), "{whom}: {clusters}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Hosts change, the poller ends, the server starts anew, what was written is spoilt: Envoy goes on.
    fn plays(&self, what_is_written: &dyn Fn() -> PathBuf) {
        self.list(&["127.0.0.2"]);
        let server = self.serve();
        let poller = self.poll();
        let envoy = self.envoy();
        self.until("first");
        let releases = || self.run(&["history", "--store", &self.store, "--format", "json"]);
        let before = releases();
        self.list(&["127.0.0.3"]);
        self.until("second");
        assert_eq!(releases(), before, "no release came of it");
        assert!(self.upstreams.iter().all(|upstream| upstream.served() > 0));
        // Nobody polls, another server is asked, and it cannot read what was found.
        drop(poller);
        drop(server);
        let written = what_is_written();
        let good = fs::read(&written).unwrap();
        fs::write(&written, "{").unwrap();
        let server = self.serve();
        let streams = || envoy.stat("control_plane.connected_state").unwrap_or_default();
        let begun = Instant::now();
        while streams() == 0 || !server.page("/meshform/proxies").1.contains("web") {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not come back");
            std::thread::sleep(Duration::from_millis(50));
        }
        for _ in 0..20 {
            assert_eq!(self.answers().as_deref(), Some("second"));
            std::thread::sleep(Duration::from_millis(50));
        }
        fs::write(&written, good).unwrap();
        self.list(&["127.0.0.2"]);
        let _poller = self.poll();
        // Another poller takes over when it has seen the first one's lease unchanged for half a minute.
        if !self.store.contains("://") {
            self.until("first");
        }
        let mut refused = envoy.rejected_updates().unwrap();
        // A stream that ends counts as a failed update.
        refused.retain(|stat| stat.contains("rejected"));
        assert_eq!(refused, Vec::<String>::new());
    }
}

#[test]
fn hosts_that_a_poller_writes_into_a_bucket_reach_envoy_without_a_release() {
    let stage = Stage::new(true);
    stage.plays(&|| {
        let lease = stage.published.join("m/apps/endpoints/lease.json");
        assert!(lease.is_file(), "{lease:?}");
        lease
    });
}

#[test]
fn hosts_that_a_poller_writes_into_a_directory_reach_envoy_without_a_release() {
    let stage = Stage::new(false);
    stage.plays(&|| {
        let mut files = fs::read_dir(stage.published.join(".meshform/endpoints"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let is_set = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.ends_with(".json") && !name.ends_with("lease.json")
        };
        files.find(is_set).unwrap()
    });
}

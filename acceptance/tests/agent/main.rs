//! `meshform-agent` beside real Envoys, on a bucket of an S3 server: releases arrive, refused ones go back, a store that
//! is away and a killed process do no harm, and nothing is lost when it is told to stop.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test program"
)]

mod appnet;
#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
mod control;
#[path = "../buckets/desk.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod desk;
mod ecs;
mod endpoints;
mod faults;
mod image;
mod kills;
mod life;
mod lookup;
mod measure;
mod mesh;
#[path = "../buckets/moto.rs"]
mod moto;
mod policy;
mod releases;
mod rolling;
mod secrets;
#[path = "../buckets/server.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod server;
mod surroundings;

use mesh::Published;
use meshform_acceptance::envoy::Admin;
use meshform_acceptance::http::Client;
use meshform_acceptance::{ports, tools};
use meshform_bundle::ProxyId;
use serde_json::Value;
use server::Server;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const KEY: &str = "AKIAEXAMPLE";
pub(crate) const SECRET: &str = "a-secret-for-tests";

pub(crate) struct Bucket {
    endpoint: String,
    url: String,
}

impl Bucket {
    pub(crate) fn at(address: SocketAddr, prefix: &str) -> Self {
        Self {
            endpoint: format!("http://{address}"),
            url: format!("s3://meshes/{prefix}"),
        }
    }
}

/// One proxy with its bucket, and the agents that are started for it.
pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    prefix: String,
    place: tempfile::TempDir,
    pub(crate) proxy: ProxyId,
    pub(crate) published: Published,
    listen: u16,
    agent: Option<Child>,
}

/// Waits for what can be seen.
pub(crate) fn eventually(what: &str, seconds: u64, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(seconds),
            "not within {seconds} s: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let web = ProxyId::virtual_node("apps", "web");
        Self::on(Arc::new(Server::start()), "prod", web)
    }

    /// Another proxy beside those of other worlds.
    pub(crate) fn on(server: Arc<Server>, prefix: &str, proxy: ProxyId) -> Self {
        Self {
            server,
            prefix: prefix.to_owned(),
            place: tempfile::tempdir().unwrap(),
            proxy,
            published: Published::new(),
            listen: ports::free().unwrap(),
            agent: None,
        }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.place.path().join("files")
    }

    /// The file of an object of this world's prefix.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.server.file(&format!("{}/{key}", self.prefix))
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let file = self.object(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let beside = file.with_extension("new");
        std::fs::write(&beside, bytes).unwrap();
        std::fs::rename(beside, file).unwrap();
    }

    /// Publishes a release in which `web` calls the service at that port.
    pub(crate) fn publish(&mut self, port: u16) {
        let bundle = self.published.bundle(&self.proxy, port);
        self.publish_bundle(&bundle.encode().unwrap(), &bundle.bootstrap_digest());
    }

    pub(crate) fn publish_bundle(&mut self, bytes: &[u8], bootstrap: &meshform_bundle::Digest) {
        let current = self.published.current(&self.proxy, bytes, bootstrap);
        self.put(&self.proxy.bundle_key(current.bundle.as_ref().unwrap()), bytes);
        self.put(&self.proxy.current_key(), &current.encode().unwrap());
    }

    fn command(&self) -> Command {
        let bucket = self.server.bucket(&self.prefix);
        let mut command = Command::new(tools::agent());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL_S3", &bucket.endpoint)
            .env("MESHFORM_STORE", &bucket.url)
            .env(
                "APPMESH_RESOURCE_ARN",
                format!("arn:aws:appmesh:us-east-1:000000000000:{}", self.proxy),
            )
            .env("MESHFORM_DIR", self.dir())
            .env("MESHFORM_LISTEN", format!("127.0.0.1:{}", self.listen))
            .env("MESHFORM_DRAIN_WAIT", "1")
            .env("MESHFORM_STOP_TIMEOUT", "15")
            .stdin(Stdio::null());
        command
    }

    /// The agent with Envoy, not started yet.
    pub(crate) fn run(&self) -> Command {
        let mut command = self.command();
        command
            .args(["run", "--"])
            .arg(tools::envoy())
            .args(["--concurrency", "1", "-l", "info"]);
        command
    }

    pub(crate) fn start(&mut self) {
        let command = self.run();
        self.start_by(command);
    }

    pub(crate) fn start_by(&mut self, mut command: Command) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let child = command
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.agent = Some(child);
    }

    fn log_file(&self) -> PathBuf {
        self.place.path().join("log")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.agent.as_ref().unwrap().id()
    }

    /// `meshform-agent health`: whether it is well, and what it says.
    pub(crate) fn health(&self) -> (bool, String) {
        let output = self.command().arg("health").output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.listen));
        let answer = Client::new(address).get("localhost", path, &[]).ok()?;
        Some(String::from_utf8_lossy(&answer.body).into_owned())
    }

    pub(crate) fn status(&self) -> Value {
        let text = self.get("/status").unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::on(self.published.admin)
    }

    /// Who answers a request of the application.
    pub(crate) fn answers(&self) -> Option<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.published.egress));
        let answer = Client::new(address).get("b.local", "/", &[]).ok()?;
        (answer.status == 200).then(|| answer.service().to_owned())
    }

    pub(crate) fn serves(&self, service: &str) {
        let begun = Instant::now();
        while self.answers().as_deref() != Some(service) {
            assert!(
                begun.elapsed() < Duration::from_secs(40),
                "{service} does not answer; {:?}\n{}",
                self.health(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// The agent's exit status, when it has ended by itself.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        self.agent.take().unwrap().wait().unwrap().code()
    }

    /// Envoy, as the agent wrote it down.
    pub(crate) fn envoy_pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.dir().join(".meshform/agent/envoy.pid")).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let noted = Path::new(&self.dir()).join(".meshform/agent/envoy.pid");
            let _ = agent.kill();
            let _ = agent.wait();
            if let Ok(text) = std::fs::read_to_string(noted)
                && let Some(pid) = text.split(' ').next()
            {
                let _ = Command::new("kill")
                    .args(["-s", "KILL", pid])
                    .stderr(Stdio::null())
                    .status();
            }
        }
    }
}

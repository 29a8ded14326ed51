//! From a store to a running Envoy, by the command: followed, held, let go, released by hand; and what `status` shows.

use crate::{World, eventually};
use meshform_acceptance::tools;
use meshform_acceptance::upstream::Upstream;
use meshform_model::key::ResourceKey;
use meshform_store::testing::author;
use meshform_store::{Expected, RecordDraft, SqliteOptions, SqliteStore, Store};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub(crate) struct Control {
    pub(crate) world: World,
    store: SqliteStore,
    folder: tempfile::TempDir,
    watch: Option<Child>,
    /// Where the control plane of the proxies is.
    control_plane: Option<u16>,
}

impl Control {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            world: World::new(),
            store: SqliteStore::open(SqliteOptions::new(folder.path())).unwrap(),
            folder,
            watch: None,
            control_plane: None,
        }
    }

    fn write(&self, path: &str, body: Value) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let key = ResourceKey::from_path(path).unwrap();
            let expected = match self.store.get(&key).await.unwrap() {
                Some(found) => Expected::At(found.revision),
                None => Expected::Absent,
            };
            let draft = RecordDraft::new(key, body);
            self.store.put(draft, expected, &author("test")).await.unwrap();
        });
    }

    /// Proxies are told by a control plane at that port.
    pub(crate) fn serve_by(&mut self, port: u16) {
        self.control_plane = Some(port);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The mesh in which `web` calls the service at that port; the profile is what changes.
    pub(crate) fn write_mesh(&self) {
        let listener = json!({"portMapping": {"port": 8080, "protocol": "http"}});
        let dns = json!({"dns": {"hostname": "b.apps.local"}});
        let backend = json!({"virtualService": {"virtualServiceName": "b.local"}});
        self.write("mesh/apps", json!({"spec": {}}));
        let b = json!({"listeners": [listener], "serviceDiscovery": dns});
        self.write("mesh/apps/virtualNode/b", json!({"spec": b}));
        let provider = json!({"provider": {"virtualNode": {"virtualNodeName": "b"}}});
        self.write("mesh/apps/virtualService/b.local", json!({"spec": provider}));
        self.write(
            "mesh/apps/virtualNode/web",
            json!({"spec": {"backends": [backend]}}),
        );
    }

    pub(crate) fn leads_to(&self, service: &Upstream) {
        let address = json!({"address": "127.0.0.1", "port": service.address().port()});
        let mut profile = json!({
            "virtualNode": "web",
            "admin": {"port": self.world.published.admin},
            "interception": {"explicit": {"port": self.world.published.egress}},
            "endpoints": [{"virtualNode": "b", "addresses": [address]}],
        });
        if let Some(port) = self.control_plane {
            profile["controlPlane"] = json!({"address": "127.0.0.1", "port": port});
        }
        self.write("mesh/apps/proxyProfile/web", json!({"spec": profile}));
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let bucket = self.world.server().bucket("prod");
        let mut command = Command::new(tools::meshform());
        command
            .args(arguments)
            .arg("--store")
            .arg(self.folder.path())
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", crate::KEY)
            .env("AWS_SECRET_ACCESS_KEY", crate::SECRET)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL_S3", bucket.endpoint)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn meshform(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    pub(crate) fn status(&self) -> Value {
        let output = self.command(&["status", "--format", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(mut watch) = self.watch.take() {
            let _ = watch.kill();
            let _ = watch.wait();
        }
    }
}

pub(crate) const PUBLISH: [&str; 2] = ["--publish", "s3://meshes/prod"];

fn with<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &PUBLISH].concat()
}

#[test]
fn agents_follow_what_is_released_held_let_go_and_released_by_hand() {
    let services = ["first", "second", "third", "fourth"].map(|name| Upstream::start(name).unwrap());
    let [first, second, third, fourth] = &services;
    let mut control = Control::new();
    control.write_mesh();
    control.leads_to(first);
    control.meshform(&with(&["release"]));
    control.world.start();
    control.world.serves("first");
    // Whatever is written is released and published.
    let log = std::fs::File::create(control.folder.path().join("watch.log")).unwrap();
    let mut watch = control.command(&with(&["release", "--watch"]));
    control.watch = Some(
        watch
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap(),
    );
    control.leads_to(second);
    control.world.serves("second");
    eventually("status shows the proxy", 30, || {
        let status = control.status();
        let proxy = &status["meshes"][0]["proxies"][0];
        proxy["condition"] == "current" && proxy["proxy"] == "mesh/apps/virtualNode/web"
    });
    let shown = control.status();
    let proxy = &shown["meshes"][0]["proxies"][0];
    assert!(
        proxy["envoy"].is_string() && proxy["release"].is_string(),
        "{shown}"
    );
    // Held at the first one, whatever is written; then let go.
    let history: Value = serde_json::from_str(&control.meshform(&["history", "--format", "json"])).unwrap();
    let releases = history["meshes"][0]["releases"].as_array().unwrap();
    let oldest = releases.last().unwrap()["release"].as_str().unwrap();
    control.meshform(&with(&["pin", oldest]));
    control.world.serves("first");
    control.leads_to(third);
    let said = control.meshform(&with(&["release"]));
    assert!(said.contains("held"), "{said}");
    assert_eq!(control.world.answers().as_deref(), Some("first"));
    control.meshform(&with(&["unpin"]));
    control.world.serves("third");
    // By hand.
    control.write(
        "mesh/apps",
        json!({"spec": {}, "extensions": {"releasePolicy": "MANUAL"}}),
    );
    control.leads_to(fourth);
    let watched = || std::fs::read_to_string(PathBuf::from(control.folder.path()).join("watch.log")).unwrap();
    eventually("the watch says that it waits", 30, || {
        watched().contains("MF0509")
    });
    assert_eq!(control.world.answers().as_deref(), Some("third"));
    control.meshform(&with(&["release"]));
    control.world.serves("fourth");
}

//! A running Envoy that follows a directory of releases.

use super::steps::{UpdateStage, steps};
use meshform_acceptance::envoy::{Envoy, Start};
use meshform_acceptance::tools;
use meshform_envoy::Files;
use meshform_envoy::{self as envoy, Options};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A running Envoy; it ends with this value.
pub(crate) struct Running {
    envoy: Envoy,
    root: PathBuf,
    key: ResourceKey,
    published: Files,
}

/// The files of one proxy, for a root.
pub(crate) fn proxy(mesh: &Mesh, key: &ResourceKey, root: &Path) -> envoy::BuiltProxy {
    let output = envoy::build(mesh, &Options::new(root.to_str().unwrap())).unwrap();
    output
        .proxies
        .into_iter()
        .find(|proxy| proxy.key == *key)
        .unwrap()
}

/// Puts a release beside the others and swaps the link.
pub(crate) fn publish(directory: &Path, step: &UpdateStage) {
    let release = directory.join("releases").join(&step.digest);
    for (path, content) in &step.files {
        let path = release.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let next = directory.join("next");
    let _ = fs::remove_file(&next);
    std::os::unix::fs::symlink(&release, &next).unwrap();
    fs::rename(&next, directory.join("current")).unwrap();
}

impl Running {
    /// Starts a proxy from files and waits until it is ready.
    pub(crate) fn start(mesh: &Mesh, key: &ResourceKey, root: &Path, admin: u16) -> Self {
        let proxy = proxy(mesh, key, root);
        let steps = steps(&Files::new(), &proxy.files());
        publish(Path::new(&proxy.directory), &steps[0]);
        let bootstrap = root.join("bootstrap.json");
        fs::write(&bootstrap, &proxy.files()["bootstrap.json"]).unwrap();
        let log = root.join("envoy.log");
        let start = Start::new(&bootstrap, admin, &log).threads(2);
        let envoy = start.spawn(Command::new(tools::envoy())).expect("envoy starts");
        let running = Self {
            envoy: envoy.ready().unwrap_or_else(|error| panic!("{error}")),
            root: root.to_owned(),
            key: key.clone(),
            published: steps[0].files.clone(),
        };
        assert_eq!(running.rejected(), Vec::<String>::new(), "{}", running.log());
        running
    }

    /// A page of the admin endpoint; nothing while that does not answer.
    pub(crate) fn ask(&self, page: &str) -> String {
        self.envoy.admin(page).unwrap_or_default()
    }

    /// The counters of refused configuration that are not zero.
    pub(crate) fn rejected(&self) -> Vec<String> {
        let stats = self
            .envoy
            .admin("/stats?filter=rejected|update_failure|create_failure");
        let stats = stats.unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        let lines = stats
            .lines()
            .filter(|line| line.contains(": ") && !line.ends_with(": 0"));
        lines.map(str::to_owned).collect()
    }

    /// Publishes the mesh's next state, step by step, each when Envoy has the one before.
    pub(crate) fn follow(&mut self, mesh: &Mesh) -> Duration {
        let proxy = proxy(mesh, &self.key, &self.root);
        let start = Instant::now();
        for step in steps(&self.published, &proxy.files()) {
            publish(Path::new(&proxy.directory), &step);
            self.wait("the release", |running| running.has(&step));
            self.published = step.files;
        }
        start.elapsed()
    }

    fn has(&self, step: &UpdateStage) -> bool {
        let stats = self.ask("/stats?filter=version_text|warming_clusters");
        let wanted = |file: &str| {
            let json: serde_json::Value = serde_json::from_slice(&step.files[file]).unwrap();
            json["version_info"].as_str().unwrap().to_owned()
        };
        let routes = step.files.keys().filter(|path| path.starts_with("rds/"));
        let mut files = vec!["lds.json", "cds.json"];
        files.extend(routes.map(String::as_str));
        stats.contains("warming_clusters: 0") && files.into_iter().all(|file| stats.contains(&wanted(file)))
    }

    fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "no {what}:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Publishes clusters with another connect timeout, then the real ones: Envoy makes its upstream connections anew.
    pub(crate) fn shake(&mut self, mesh: &Mesh) {
        let proxy = proxy(mesh, &self.key, &self.root);
        let mut files = proxy.files();
        let real = files["xds/cds.json"].clone();
        let text = String::from_utf8(real).unwrap();
        let other = text.replace("\"connect_timeout\": \"1s\"", "\"connect_timeout\": \"2s\"");
        files.insert("xds/cds.json".to_owned(), other.into_bytes());
        for step in steps(&Files::new(), &files) {
            publish(Path::new(&proxy.directory), &step);
            self.wait("the release", |running| running.has(&step));
            self.published = step.files;
        }
        self.follow(mesh);
    }

    pub(crate) fn log(&self) -> String {
        self.envoy.log()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.envoy.pid()
    }
}

//! A real Envoy: started with a bootstrap and ended when dropped, or asked what it thinks of one.

use crate::http::Client;
use crate::tools;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How an Envoy is started.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    bootstrap: &'a Path,
    admin_port: u16,
    log: &'a Path,
    threads: u8,
}

#[derive(Debug)]
pub struct Envoy {
    child: Child,
    admin: Admin,
    log: PathBuf,
}

/// What Envoy says of a bootstrap in validation mode.
#[derive(Debug)]
pub struct Validation {
    pub accepted: bool,
    /// Everything that it printed, warnings too.
    pub said: String,
}

/// Has Envoy judge a bootstrap, without listening anywhere.
///
/// # Errors
/// When Envoy cannot be run.
pub fn validate(bootstrap: &Path) -> io::Result<Validation> {
    let output = Command::new(tools::envoy())
        .args(["--mode", "validate", "--disable-hot-restart", "-l", "info", "-c"])
        .arg(bootstrap)
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok(Validation {
        accepted: output.status.success(),
        said: String::from_utf8_lossy(&said).into_owned(),
    })
}

impl<'a> Start<'a> {
    /// With that bootstrap, whose admin endpoint is on that port of the loopback address, on one worker thread.
    pub fn new(bootstrap: &'a Path, admin_port: u16, log: &'a Path) -> Self {
        Self {
            bootstrap,
            admin_port,
            log,
            threads: 1,
        }
    }

    /// With another number of worker threads, which take connections and updates each at its own time.
    #[must_use]
    pub fn threads(mut self, threads: u8) -> Self {
        self.threads = threads;
        self
    }

    /// Starts it by a command that takes Envoy's arguments, and becomes Envoy. It may never be ready.
    ///
    /// # Errors
    /// When the command cannot be run.
    pub fn spawn(&self, mut command: Command) -> io::Result<Envoy> {
        let child = command
            .arg("-c")
            .arg(self.bootstrap)
            .args(["--disable-hot-restart", "-l", "info"])
            .args(["--concurrency", &self.threads.to_string()])
            .arg("--log-path")
            .arg(self.log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Envoy {
            child,
            admin: Admin::on(self.admin_port),
            log: self.log.to_owned(),
        })
    }
}

impl Envoy {
    /// Starts `program` with the bootstrap file and waits until it answers as ready on its admin port.
    ///
    /// # Errors
    /// When it ends or is not ready within 30 s; the text carries the end of its log.
    pub fn start(program: &Path, bootstrap: &Path, admin_port: u16, log: &Path) -> io::Result<Self> {
        Self::start_by(Command::new(program), bootstrap, admin_port, log)
    }

    /// As [`start`](Self::start), by a command that takes Envoy's arguments, and becomes Envoy.
    ///
    /// # Errors
    /// As there.
    pub fn start_by(command: Command, bootstrap: &Path, admin_port: u16, log: &Path) -> io::Result<Self> {
        Start::new(bootstrap, admin_port, log).spawn(command)?.ready()
    }

    /// Waits until it answers as ready on its admin port.
    ///
    /// # Errors
    /// When it ends or is not ready within 30 s; the text carries the end of its log.
    pub fn ready(mut self) -> io::Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if self.admin.is_ready() {
                return Ok(self);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let log = self.log();
                let tail = log.lines().rev().take(12).collect::<Vec<_>>();
                let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(io::Error::other(format!(
                    "Envoy is not ready ({ended:?}):\n{tail}"
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The text of its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn endpoint(&self) -> Admin {
        self.admin
    }

    /// What its admin endpoint answers to `GET path`.
    ///
    /// # Errors
    /// When it does not answer with status 200.
    pub fn admin(&self, path: &str) -> io::Result<String> {
        self.admin.get(path)
    }

    /// As [`Admin::stat`].
    ///
    /// # Errors
    /// As there.
    pub fn stat(&self, name: &str) -> io::Result<u64> {
        self.admin.stat(name)
    }

    /// As [`Admin::rejected_updates`].
    ///
    /// # Errors
    /// As there.
    pub fn rejected_updates(&self) -> io::Result<Vec<String>> {
        self.admin.rejected_updates()
    }

    /// As [`Admin::config_dump`].
    ///
    /// # Errors
    /// As there.
    pub fn config_dump(&self) -> io::Result<Value> {
        self.admin.config_dump()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The admin endpoint of an Envoy, whoever started it.
#[derive(Debug, Clone, Copy)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// The admin endpoint on that port of the loopback address.
    pub fn on(port: u16) -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        }
    }

    /// What it answers to `GET path`.
    ///
    /// # Errors
    /// When it does not answer with status 200.
    pub fn get(&self, path: &str) -> io::Result<String> {
        self.request("GET", path)
    }

    /// What it answers to `POST path`.
    ///
    /// # Errors
    /// When it does not answer with status 200.
    pub fn post(&self, path: &str) -> io::Result<String> {
        self.request("POST", path)
    }

    /// Whether it is ready for traffic.
    pub fn is_ready(&self) -> bool {
        self.get("/ready").is_ok_and(|text| text.contains("LIVE"))
    }

    /// One counter or gauge; 0 when Envoy has none of that name.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn stat(&self, name: &str) -> io::Result<u64> {
        let text = self.get(&format!("/stats?filter=^{name}$"))?;
        Ok(text
            .trim()
            .rsplit(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0))
    }

    /// The sum of all counters that a regular expression matches.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn sum(&self, filter: &str) -> io::Result<u64> {
        let text = self.get(&format!("/stats?filter={filter}"))?;
        Ok(text
            .lines()
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum())
    }

    /// All counters whose name says that an update was rejected or failed, above zero.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn rejected_updates(&self) -> io::Result<Vec<String>> {
        let text = self.get("/stats?filter=update_(rejected|failure)")?;
        Ok(text
            .lines()
            .filter(|line| !line.is_empty() && !line.ends_with(": 0"))
            .map(str::to_owned)
            .collect())
    }

    /// The configuration that it runs on.
    ///
    /// # Errors
    /// As [`get`](Self::get), or when the answer is not JSON.
    pub fn config_dump(&self) -> io::Result<Value> {
        serde_json::from_str(&self.get("/config_dump?include_eds")?).map_err(io::Error::from)
    }

    /// The versions of everything that it runs on: listeners, clusters, route tables.
    ///
    /// # Errors
    /// As [`config_dump`](Self::config_dump).
    pub fn versions(&self) -> io::Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        gather_versions(&self.config_dump()?, &mut found);
        Ok(found)
    }

    fn request(&self, method: &str, path: &str) -> io::Result<String> {
        let response = Client::new(self.address)
            .timeout(Duration::from_secs(5))
            .request(method, "localhost", path, &[])?;
        let text = String::from_utf8_lossy(&response.body).into_owned();
        if response.status == 200 {
            Ok(text)
        } else {
            Err(io::Error::other(text))
        }
    }
}

fn gather_versions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(version) = fields.get("version_info").and_then(Value::as_str) {
                found.insert(version.to_owned());
            }
            fields.values().for_each(|value| gather_versions(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| gather_versions(value, found)),
        _ => {}
    }
}

/// The versions that a directory of published files (`lds.json`, `cds.json`, `rds/…`) tells an Envoy to run on.
///
/// # Errors
/// When a file cannot be read or is no JSON.
pub fn published_versions(current: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = vec![current.join("lds.json"), current.join("cds.json")];
    if let Ok(entries) = std::fs::read_dir(current.join("rds")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    let mut versions = BTreeSet::new();
    for file in files {
        let value: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        if let Some(version) = value.get("version_info").and_then(Value::as_str) {
            versions.insert(version.to_owned());
        }
    }
    Ok(versions)
}

//! A real Envoy, started with a bootstrap and ended when dropped.

use crate::http::Client;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Envoy {
    child: Child,
    admin: Admin,
    log: PathBuf,
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
    pub fn start_by(mut command: Command, bootstrap: &Path, admin_port: u16, log: &Path) -> io::Result<Self> {
        let child = command
            .arg("-c")
            .arg(bootstrap)
            .args([
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "-l",
                "info",
                "--log-path",
            ])
            .arg(log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let admin = Admin::on(admin_port);
        let mut envoy = Self {
            child,
            admin,
            log: log.to_owned(),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if envoy.admin.is_ready() {
                return Ok(envoy);
            }
            let ended = envoy.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(log).unwrap_or_default();
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

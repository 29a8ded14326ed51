//! What runs during the demo: two versions of a service, and servicea's Envoy in front of them.
//!
//! A file in the work directory says that they run. The services end when it goes; Envoy ends when it is asked to at
//! its admin endpoint. So what a demo left running (`--keep`, or because it was killed) can be ended by a later one,
//! without guessing at process ids.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use meshform_acceptance::envoy::{Admin, published_versions};
use meshform_acceptance::http::Client;
use serde_json::{Value, json};

use crate::children::{Children, Running};
use crate::failure::{Failure, Result};

const POLL: Duration = Duration::from_millis(10);
/// How long anything here may take: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(20);

/// The ports that a demo uses.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub(super) serviceb: u16,
    pub(super) servicebv2: u16,
    /// Where servicea's Envoy takes the application's calls.
    pub(super) proxy: u16,
    /// Where it takes servicea's own traffic from the network.
    pub(super) inbound: u16,
    pub(super) admin: u16,
}

/// The file that says that services and Envoy run.
pub(super) struct DemoMark {
    path: PathBuf,
}

pub(super) struct RunningEnvoy {
    process: Running,
    admin: Admin,
    directory: PathBuf,
}

impl Ports {
    /// The example's variables that say them.
    pub(super) fn settings(&self, published: &Path) -> Value {
        json!({
            "publish_directory": published.to_string_lossy(),
            "servicea_port": self.inbound,
            "servicea_proxy": { "port": self.proxy, "admin_port": self.admin },
            "addresses": {
                "serviceb": format!("127.0.0.1:{}", self.serviceb),
                "servicebv2": format!("127.0.0.1:{}", self.servicebv2),
            },
        })
    }
}

impl DemoMark {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says which Envoy is to be ended.
    pub(super) fn set(&self, ports: Ports, terraform: &Path) -> Result<()> {
        let text = json!({ "admin": ports.admin, "terraform": terraform.to_string_lossy() });
        fs::write(&self.path, format!("{text}\n")).map_err(Failure::io("write", &self.path))
    }

    /// The Terraform that a running demo was made with; nothing when none runs.
    pub(super) fn terraform(&self) -> Option<PathBuf> {
        Some(PathBuf::from(self.read()?.get("terraform")?.as_str()?))
    }

    /// Ends what runs, if anything does, and says whether Envoy did.
    pub(super) fn end(&self) -> Result<bool> {
        let Some(said) = self.read() else {
            return Ok(false);
        };
        let port = said
            .get("admin")
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok());
        let ran = match port.map(Admin::on) {
            Some(admin) => self.end_envoy(admin)?,
            None => false,
        };
        fs::remove_file(&self.path).map_err(Failure::io("remove", &self.path))?;
        // They look for the file ten times a second.
        std::thread::sleep(Duration::from_millis(250));
        Ok(ran)
    }

    /// Ends the Envoy behind that port, if it is the demo's.
    fn end_envoy(&self, admin: Admin) -> Result<bool> {
        let ours = |info: String| {
            self.path
                .parent()
                .is_some_and(|dir| info.contains(&*dir.to_string_lossy()))
        };
        if !admin.get("/server_info").is_ok_and(ours) {
            return Ok(false);
        }
        let asked = admin.post("/quitquitquit");
        asked.map_err(|error| Failure::new(format!("Envoy does not end: {error}")))?;
        wait("Envoy ends", || Ok(admin.get("/server_info").is_err()))?;
        Ok(true)
    }

    fn read(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(&self.path).ok()?).ok()
    }
}

/// This program. A build may have put another one in its place meanwhile (the tests' step of CI does); Linux keeps the one
/// that runs.
fn this_program() -> Result<PathBuf> {
    let kept = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    if kept.exists() {
        return Ok(kept);
    }
    std::env::current_exe().map_err(|error| Failure::new(format!("where am I? {error}")))
}

/// Starts one version of the service, and waits until it answers.
pub(super) fn start_service(
    children: &Children,
    name: &str,
    port: u16,
    mark: &DemoMark,
    logs: &Path,
) -> Result<()> {
    let mut command = Command::new(this_program()?);
    command
        .args(["upstream", name, &port.to_string()])
        .arg(mark.path());
    let log = logs.join(format!("{name}.log"));
    let running = children.start(name, &mut command, &log)?;
    wait(&format!("{name} answers"), || {
        fail_if_ended(&running, &log)?;
        Ok(Client::new(local(port)).get("localhost", "/", &[]).is_ok())
    })
}

impl RunningEnvoy {
    /// Starts Envoy with a published bootstrap, and waits until it is ready and runs on what is published.
    pub(super) fn start(
        children: &Children,
        program: &Path,
        directory: &Path,
        admin_port: u16,
        logs: &Path,
    ) -> Result<Self> {
        let log = logs.join("envoy.log");
        let mut command = Command::new(program);
        command.arg("-c").arg(directory.join("bootstrap.json"));
        command.args(["--disable-hot-restart", "--concurrency", "2"]);
        let proxy = Self {
            process: children.start("envoy", &mut command, &log)?,
            admin: Admin::on(admin_port),
            directory: directory.to_path_buf(),
        };
        wait("Envoy is ready", || {
            fail_if_ended(&proxy.process, &log)?;
            Ok(proxy.admin.is_ready())
        })?;
        proxy.follow()?;
        Ok(proxy)
    }

    /// Waits until Envoy runs on what is published, and says how long that took.
    pub(super) fn follow(&self) -> Result<Duration> {
        let started = Instant::now();
        let current = self.directory.join("current");
        let wanted = published_versions(&current).map_err(Failure::io("read", &current))?;
        wait("Envoy runs on what is published", || {
            self.sound()?;
            let versions = self.admin.versions().map_err(silent)?;
            Ok(wanted.iter().all(|version| versions.contains(version)))
        })?;
        Ok(started.elapsed())
    }

    /// That Envoy is still the process that was started, and has refused nothing.
    pub(super) fn sound(&self) -> Result<()> {
        if let Some(status) = self.process.exited()? {
            return Err(Failure::new(format!("Envoy has ended: {status}")));
        }
        let rejected = self.admin.rejected_updates().map_err(silent)?;
        if rejected.is_empty() {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "Envoy has refused an update:\n{}",
                rejected.join("\n")
            )))
        }
    }

    /// `process 4711, up 12 s, 9 updates taken, 0 refused`.
    pub(super) fn state(&self) -> Result<String> {
        self.sound()?;
        // `server.uptime` among the counters is only brought up to date every few seconds.
        let info: Value = self
            .admin
            .get("/server_info")
            .and_then(|text| serde_json::from_str(&text).map_err(std::io::Error::from))
            .map_err(silent)?;
        let up = info.get("uptime_current_epoch").and_then(Value::as_str);
        let up = up.unwrap_or_default().trim_end_matches('s');
        let taken = self.admin.sum("update_success$").map_err(silent)?;
        Ok(format!(
            "process {}, up {up} s, {taken} updates taken, 0 refused",
            self.process.pid()
        ))
    }
}

/// An address of this machine.
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn silent(error: std::io::Error) -> Failure {
    Failure::new(format!("Envoy's admin endpoint does not answer: {error}"))
}

fn fail_if_ended(running: &Running, log: &Path) -> Result<()> {
    let Some(status) = running.exited()? else {
        return Ok(());
    };
    let said = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    let last = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default();
    Err(Failure::new(format!(
        "{} has ended ({status}). The end of {}:\n{}",
        running.name(),
        log.display(),
        last.join("\n")
    )))
}

/// Polls until it is there, or fails after a while.
pub(super) fn wait(what: &str, mut there: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !there()? {
        if started.elapsed() > PATIENCE {
            return Err(Failure::new(format!(
                "waited {} s in vain: {what}",
                PATIENCE.as_secs()
            )));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

//! The second act: the same change reaches two Envoys that share no disk with Terraform, by a bucket and an agent beside
//! each; one of them is killed and started again while the bucket is away.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use meshform_acceptance::http::Client;
use meshform_acceptance::load::Tally;
use serde_json::{Value, json};

use super::HOST;
use super::live;
use super::split;
use super::steps::Steps;
use super::terraform::Terraform;
use crate::children::{Children, Running};
use crate::failure::{Failure, Result};
use crate::work::free_ports;

/// What the server that replaces S3 takes; the module says the rest.
const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIADEMO"),
    ("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-demo"),
    ("AWS_REGION", "us-east-1"),
];

/// How many requests show a split: of 75 and 25 percent.
const REQUESTS: usize = 400;

pub(super) struct Cast<'a> {
    pub(super) terraform: &'a Path,
    pub(super) envoy: &'a Path,
    pub(super) moto: &'a Path,
    pub(super) agent: &'a Path,
    /// Where the provider was installed for the first act.
    pub(super) plugins: &'a Path,
    /// The ports of the services of the first act.
    pub(super) serviceb: u16,
    pub(super) servicebv2: u16,
}

/// The stage: a folder, and what runs there.
struct Stage<'a> {
    cast: &'a Cast<'a>,
    children: &'a Children,
    folder: PathBuf,
    logs: &'a Path,
    bucket: u16,
}

/// A caller's Envoy with its agent.
struct Caller {
    name: &'static str,
    port: u16,
    listen: u16,
    running: Option<Running>,
}

/// A server that is stopped for a while; it goes on when this is dropped.
struct Away<'a>(&'a Running);

/// Plays it; nothing of it stays.
pub(super) fn play(
    steps: &Steps,
    cast: &Cast<'_>,
    children: &Children,
    folder: &Path,
    logs: &Path,
) -> Result<()> {
    steps.chapter("Two Envoys elsewhere: a bucket, and an agent beside each");
    let [bucket, port1, port2, admin1, admin2, listen1, listen2] = free_ports()?;
    let stage = Stage {
        cast,
        children,
        folder: folder.to_path_buf(),
        logs,
        bucket,
    };
    let server = steps.step("a server with S3's interface", || {
        Ok((stage.server()?, format!("on 127.0.0.1:{bucket}")))
    })?;
    let terraform = stage.module(json!({
        "east": {"port": port1, "admin_port": admin1},
        "west": {"port": port2, "admin_port": admin2},
    }))?;
    terraform.weights(100, 0, true)?;
    steps.step("terraform init", || Ok(((), terraform.init()?)))?;
    steps.step("terraform apply", || Ok(((), terraform.apply()?.counts)))?;
    let mut callers =
        [("east", port1, listen1), ("west", port2, listen2)].map(|(name, port, listen)| Caller {
            name,
            port,
            listen,
            running: None,
        });
    steps.step("two agents, two Envoys", || {
        for caller in &mut callers {
            stage.start(caller)?;
        }
        for caller in &callers {
            caller.becomes("serviceb")?;
            caller.confirms(None)?;
        }
        Ok(((), "each has fetched its release and serves".to_owned()))
    })?;
    let first = callers[0].release();
    terraform.weights(0, 100, true)?;
    steps.step("terraform apply", || Ok(((), terraform.apply()?.counts)))?;
    steps.step("both follow", || {
        for caller in &callers {
            caller.becomes("servicebv2")?;
            // What Envoy has not confirmed is not what an agent starts from.
            caller.confirms(first.as_deref())?;
        }
        Ok(((), "100 % to servicebv2, without a restart".to_owned()))
    })?;
    let away = Away::begin(&server);
    let [east, west] = &mut callers;
    steps.step("the bucket is away", || {
        if let Some(running) = east.running.take() {
            running.kill();
        }
        stage.start(east)?;
        east.becomes("servicebv2")?;
        west.becomes("servicebv2")?;
        let told = "east's agent and Envoy were killed: started again from its disk";
        Ok(((), told.to_owned()))
    })?;
    drop(away);
    terraform.weights(75, 25, true)?;
    steps.step("the bucket is back", || Ok(((), terraform.apply()?.counts)))?;
    let table = steps.step("requests", || {
        let mut table = split::head();
        for caller in &callers {
            // Both versions answer once the new weights are in effect. An agent that found no bucket looks again after
            // some fifteen seconds.
            caller
                .becomes("serviceb")
                .or_else(|_| caller.becomes("serviceb"))?;
            let tally = caller.send();
            let title = format!("{REQUESTS} × GET / by {}", caller.name);
            table.push_str(&split::compare(
                &title,
                &tally,
                &[("serviceb", 75), ("servicebv2", 25)],
            )?);
        }
        Ok((table, format!("{} by two Envoys, none failed", REQUESTS * 2)))
    })?;
    steps.more(&table);
    // The server forgets everything when it ends.
    steps.step("agents, Envoys, bucket", || {
        for caller in &mut callers {
            if let Some(running) = caller.running.take() {
                running.end();
            }
        }
        server.end();
        Ok(((), "ended".to_owned()))
    })
}

impl Stage<'_> {
    /// The server, with its bucket.
    fn server(&self) -> Result<Running> {
        let mut command = Command::new(self.cast.moto);
        command.args(["-H", "127.0.0.1", "-p", &self.bucket.to_string()]);
        let running = self
            .children
            .start("the bucket", &mut command, &self.logs.join("bucket.log"))?;
        let address = live::local(self.bucket);
        let host = address.to_string();
        live::wait("the bucket's server answers", || {
            Ok(Client::new(address).get(&host, "/", &[]).is_ok())
        })?;
        let made = Client::new(address).request("PUT", &host, "/meshes", &[]);
        match made {
            Ok(answer) if answer.status == 200 => Ok(running),
            Ok(answer) => Err(Failure::new(format!(
                "the bucket was not made: {}",
                answer.status
            ))),
            Err(error) => Err(Failure::new(format!("the bucket was not made: {error}"))),
        }
    }

    fn module(&self, callers: Value) -> Result<Terraform<'_>> {
        let folder = self.folder.join("module");
        fs::create_dir_all(&folder).map_err(Failure::io("make", &folder))?;
        let text = include_str!("bucket/main.tf");
        fs::write(folder.join("main.tf"), text).map_err(Failure::io("write", &folder))?;
        let terraform = Terraform::at(self.cast.terraform, &folder, self.children)?.with(&KEYS);
        let plugins = terraform.plugins();
        fs::create_dir_all(folder.join("terraform.d")).map_err(Failure::io("make", &plugins))?;
        std::os::unix::fs::symlink(self.cast.plugins, &plugins).map_err(Failure::io("make", &plugins))?;
        terraform.settings(&json!({
            "endpoint": format!("http://127.0.0.1:{}", self.bucket),
            "callers": callers,
            "addresses": {
                "serviceb": format!("127.0.0.1:{}", self.cast.serviceb),
                "servicebv2": format!("127.0.0.1:{}", self.cast.servicebv2),
            },
        }))?;
        Ok(terraform)
    }

    /// Starts a caller's agent, which starts its Envoy.
    fn start(&self, caller: &mut Caller) -> Result<()> {
        let mut command = Command::new(self.cast.agent);
        command
            .args(["run", "--"])
            .arg(self.cast.envoy)
            .args(["--concurrency", "1"])
            .envs(KEYS)
            .env("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{}", self.bucket))
            .env("MESHFORM_STORE", "s3://meshes/demo")
            .env(
                "MESHFORM_PROXY",
                format!("mesh/remote/virtualNode/{}", caller.name),
            )
            .env("MESHFORM_DIR", self.folder.join(caller.name))
            .env("MESHFORM_LISTEN", format!("127.0.0.1:{}", caller.listen))
            .env("MESHFORM_DRAIN_WAIT", "0")
            .env("MESHFORM_STOP_TIMEOUT", "5");
        let log = self.logs.join(format!("{}.log", caller.name));
        let running = self.children.start(caller.name, &mut command, &log)?;
        caller.running = Some(running);
        Ok(())
    }
}

impl Caller {
    /// Waits until a version of the service answers.
    fn becomes(&self, service: &str) -> Result<()> {
        let mut client = Client::new(live::local(self.port)).timeout(Duration::from_secs(2));
        live::wait(&format!("{service} answers {}", self.name), || {
            let answer = client.get(HOST, "/", &[]);
            Ok(answer.is_ok_and(|answer| answer.status == 200 && answer.service() == service))
        })
    }

    /// The release that its Envoy has confirmed.
    fn release(&self) -> Option<String> {
        let status = Client::new(live::local(self.listen)).get("localhost", "/status", &[]);
        let status = status.ok()?.json().ok()?;
        status.get("release")?.as_str().map(str::to_owned)
    }

    /// Waits until it has confirmed another release than that one.
    fn confirms(&self, before: Option<&str>) -> Result<()> {
        live::wait(
            &format!("the Envoy of {} confirms its release", self.name),
            || {
                let release = self.release();
                Ok(release.is_some() && release.as_deref() != before)
            },
        )
    }

    fn send(&self) -> Tally {
        let mut client = Client::new(live::local(self.port));
        let mut tally = Tally::default();
        for _ in 0..REQUESTS {
            tally.send(&mut client, HOST, "/");
        }
        tally
    }
}

impl<'a> Away<'a> {
    fn begin(server: &'a Running) -> Self {
        server.signal("STOP");
        Self(server)
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.signal("CONT");
    }
}

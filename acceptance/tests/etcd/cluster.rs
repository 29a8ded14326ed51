//! A cluster of etcd on ports of its own.

pub(crate) use crate::wait::wait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use meshform_acceptance::relay::Relay;
use meshform_acceptance::{ports, tools};
use meshform_store::{Access, Location, Seed, Store};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Members, killed when this is dropped.
pub(crate) struct Cluster {
    members: Vec<Member>,
    /// What leads to each member from the others.
    ways: Vec<Relay>,
    folder: TempDir,
    scheme: &'static str,
}

struct Member {
    process: Child,
    port: u16,
}

impl Cluster {
    pub(crate) fn start(members: usize) -> Self {
        Self::with(members, "etcd", |_| Vec::new())
    }

    /// With these options; `options` is given the cluster's folder.
    pub(crate) fn with(members: usize, scheme: &'static str, options: impl Fn(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports: Vec<(u16, u16)> = (0..members)
            .map(|_| (ports::free().unwrap(), ports::free().unwrap()))
            .collect();
        let ways: Vec<Relay> = ports
            .iter()
            .map(|(_, peer)| Relay::to(SocketAddr::from(([127, 0, 0, 1], *peer))).unwrap())
            .collect();
        let all: Vec<String> = ways
            .iter()
            .enumerate()
            .map(|(number, way)| format!("m{number}=http://{}", way.address()))
            .collect();
        let options = options(folder.path());
        let http = if scheme == "etcds" { "https" } else { "http" };
        let members = ports.iter().enumerate().map(|(number, (port, peer))| {
            let (client, peer) = (
                format!("{http}://127.0.0.1:{port}"),
                format!("http://127.0.0.1:{peer}"),
            );
            let process = Command::new(tools::etcd())
                .args(["--name", &format!("m{number}")])
                .arg("--data-dir")
                .arg(folder.path().join(format!("m{number}")))
                .args([
                    "--listen-client-urls",
                    &client,
                    "--advertise-client-urls",
                    &client,
                ])
                .args([
                    "--listen-peer-urls",
                    &peer,
                    "--initial-advertise-peer-urls",
                    &format!("http://{}", ways[number].address()),
                ])
                .args(["--initial-cluster", &all.join(","), "--log-level", "error"])
                .args(&options)
                .env("ETCD_UNSUPPORTED_ARCH", "arm64")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            Member { process, port: *port }
        });
        let cluster = Self {
            members: members.collect(),
            ways,
            folder,
            scheme,
        };
        let begun = Instant::now();
        while !cluster.members.iter().all(|member| cluster.serves(member)) {
            assert!(begun.elapsed() < Duration::from_secs(60), "etcd does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
    }

    fn serves(&self, member: &Member) -> bool {
        if self.scheme == "etcds" {
            return TcpStream::connect(("127.0.0.1", member.port)).is_ok();
        }
        let asked = json!({ "key": STANDARD.encode("x") });
        let answer = post(member.port, "/v3/kv/range", &asked, None);
        answer.is_ok_and(|answer| answer.get("header").is_some())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
    pub(crate) fn url(&self, prefix: &str) -> String {
        let host = if self.scheme == "etcds" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        let members: Vec<String> = self
            .members
            .iter()
            .map(|member| format!("{host}:{}", member.port))
            .collect();
        format!("{}://{}/{prefix}", self.scheme, members.join(","))
    }
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let ports = self.members.iter().map(|member| member.port);
        ports
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect()
    }

    /// Has all members stand still, as machines whose disk hangs.
    pub(crate) fn stand_still(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        for member in &self.members {
            kill_process(Pid::from_child(&member.process), signal).unwrap();
        }
    }

    pub(crate) fn store(&self, prefix: &str) -> Arc<dyn Store> {
        self.store_with(prefix, &[])
    }

    /// Of one member alone.
    pub(crate) fn store_of(&self, number: usize, prefix: &str) -> Arc<dyn Store> {
        let url = format!("etcd://127.0.0.1:{}/{prefix}", self.members[number].port);
        let location = Location::parse(&url, Path::new("/")).unwrap();
        location.open(&Access::default(), &Seed::default()).unwrap()
    }

    /// With variables of the environment.
    pub(crate) fn store_with(&self, prefix: &str, variables: &[(&str, &str)]) -> Arc<dyn Store> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let location = Location::parse(&self.url(prefix), Path::new("/")).unwrap();
        location
            .open(&Access::of_environment(variables), &Seed::default())
            .unwrap()
    }

    /// A call of the JSON gateway of the first member that lives.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Value {
        self.ask_as(path, body, None)
    }

    pub(crate) fn ask_as(&self, path: &str, body: &Value, token: Option<&str>) -> Value {
        let answers = self
            .members
            .iter()
            .map(|member| post(member.port, path, body, token));
        answers.flatten().next().unwrap()
    }
    pub(crate) fn leader(&self) -> usize {
        self.leader_among(&(0..self.members.len()).collect::<Vec<_>>())
    }

    /// Which of these members leads, as soon as one does.
    pub(crate) fn leader_among(&self, numbers: &[usize]) -> usize {
        let begun = Instant::now();
        loop {
            for (number, member) in numbers.iter().map(|number| (*number, &self.members[*number])) {
                let answer = post(member.port, "/v3/maintenance/status", &json!({}), None);
                if let Ok(answer) = answer
                    && answer["leader"].is_string()
                    && answer["leader"] == answer["header"]["member_id"]
                {
                    return number;
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no member leads");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Has the others hear nothing of a member, which goes on hearing them and answering its clients.
    pub(crate) fn cut_off(&self, number: usize) {
        self.ways[number].stop();
    }

    pub(crate) fn join_again(&self, number: usize) {
        self.ways[number].go_on();
    }

    /// Kills a member, as a machine that loses its power.
    pub(crate) fn kill(&mut self, number: usize) {
        let process = &mut self.members[number].process;
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            let _ = member.process.kill();
            let _ = member.process.wait();
        }
    }
}

/// A request to the JSON gateway.
fn post(port: u16, path: &str, body: &Value, token: Option<&str>) -> std::io::Result<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let body = body.to_string();
    let token = token
        .map(|token| format!("authorization: {token}\r\n"))
        .unwrap_or_default();
    write!(
        stream,
        "POST {path} HTTP/1.0\r\nhost: localhost\r\n{token}content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (_, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| std::io::Error::other(format!("no answer: {text:?}")))?;
    serde_json::from_str(body).map_err(std::io::Error::other)
}

/// Bytes as the JSON gateway takes them.
pub(crate) fn bytes(text: &str) -> String {
    STANDARD.encode(text)
}

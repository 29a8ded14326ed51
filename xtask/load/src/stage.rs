//! The mesh that is served, the programs that serve it, and what they take.

use bytes::Bytes;
use meshform_load::messages::Request;
use meshform_load::wire;
use serde_json::{Value as Json, json};
use std::cell::Cell;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const MESH: &str = "bench";
const SHARED: &str = "shared.local";
/// The kernel counts a process's time in hundredths of a second.
const TICKS: f64 = 100.0;

/// A mesh of `size` nodes, all of which call one service, and three others each.
pub(crate) struct Stage {
    folder: TempDir,
    meshform: PathBuf,
    size: usize,
    /// The processor of servers, and that of the clients; none where there is only one.
    cores: Option<[usize; 2]>,
    xds: u16,
    admin: u16,
    /// Where the nodes' instances are now.
    port: Cell<u16>,
}

/// A program that serves the stage's mesh.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) api: Option<SocketAddr>,
    pub(crate) xds: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a process has taken so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) seconds: f64,
    /// MiB now, and at most.
    pub(crate) resident: f64,
    pub(crate) peak: f64,
}

fn free() -> io::Result<u16> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn name(node: usize) -> String {
    format!("node-{node}")
}

impl Stage {
    pub(crate) fn new(meshform: &Path, size: usize) -> io::Result<Self> {
        let cores = rustix::thread::sched_getaffinity(None)?;
        let mut cores = (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| cores.is_set(*core));
        let stage = Self {
            folder: TempDir::new()?,
            meshform: meshform.to_owned(),
            size,
            cores: cores
                .next()
                .zip(cores.next())
                .map(|(first, second)| [first, second]),
            xds: free()?,
            admin: free()?,
            port: Cell::new(7000),
        };
        stage.write(&stage.records(stage.port.get()))?;
        stage.apply()?;
        Ok(stage)
    }

    /// The node ids of its proxies.
    pub(crate) fn nodes(&self) -> Vec<String> {
        let all = 0..self.size;
        all.map(|node| format!("mesh/{MESH}/virtualNode/{}", name(node)))
            .collect()
    }

    /// Everything; instances of the nodes at that port.
    fn records(&self, port: u16) -> Json {
        let listeners = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
        let mut all = vec![json!({"meshName": MESH, "spec": {}})];
        let mut endpoints = Vec::new();
        for node in 0..self.size {
            let calls = (1..4).map(|step| format!("service-{}.local", (node + step) % self.size));
            let backends: Vec<Json> = calls
                .chain([SHARED.to_owned()])
                .map(|service| json!({"virtualService": {"virtualServiceName": service}}))
                .collect();
            let found = json!({"awsCloudMap": {"namespaceName": "bench.local", "serviceName": name(node)}});
            let spec = json!({"listeners": listeners, "backends": backends, "serviceDiscovery": found});
            all.push(json!({"meshName": MESH, "virtualNodeName": name(node), "spec": spec}));
            let provider = json!({"provider": {"virtualNode": {"virtualNodeName": name(node)}}});
            let service = format!("service-{node}.local");
            all.push(json!({"meshName": MESH, "virtualServiceName": service, "spec": provider}));
            let address = format!("10.0.{}.{}", node / 250, node % 250 + 1);
            let addresses = json!([{"address": address, "port": port}]);
            endpoints.push(json!({"virtualNode": name(node), "addresses": addresses}));
        }
        let router = json!({"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]});
        all.push(json!({"meshName": MESH, "virtualRouterName": "split", "spec": router}));
        all.push(
            json!({"meshName": MESH, "virtualRouterName": "split", "routeName": "all", "spec": split(50)}),
        );
        let provider = json!({"provider": {"virtualRouter": {"virtualRouterName": "split"}}});
        all.push(json!({"meshName": MESH, "virtualServiceName": SHARED, "spec": provider}));
        let profile = json!({
            "interception": {"explicit": {"port": 15001}},
            "admin": {"port": self.admin},
            "controlPlane": {"address": "127.0.0.1", "port": self.xds},
            "endpoints": endpoints,
        });
        all.push(json!({"meshName": MESH, "proxyProfileName": "all", "spec": profile}));
        Json::Array(all)
    }

    fn write(&self, records: &Json) -> io::Result<()> {
        fs::write(self.folder.path().join("mesh.json"), records.to_string())
    }

    fn run(&self, arguments: &[&str]) -> io::Result<String> {
        let mut command = Command::new(&self.meshform);
        let command = command.current_dir(self.folder.path()).args(arguments);
        let ran = command.args(["--store", "store"]).output()?;
        match ran.status.success() {
            true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
            false => {
                let said = String::from_utf8_lossy(&ran.stderr).into_owned();
                Err(io::Error::other(format!("meshform {arguments:?}: {said}")))
            }
        }
    }

    fn apply(&self) -> io::Result<()> {
        self.run(&["apply", "mesh.json", "--owner", "bench"])?;
        self.run(&["release"]).map(drop)
    }

    /// Moves the instances of all nodes to that port, by the command.
    pub(crate) fn move_endpoints(&self) -> io::Result<()> {
        // A second case finds the stage as the first one left it: the same port again would change nothing.
        let port = self.port.get() + 1;
        self.port.set(port);
        self.write(&self.records(port))?;
        self.run(&["apply", "mesh.json", "--owner", "bench"]).map(drop)
    }

    /// Starts a program on the servers' core; this process goes on on the other one.
    fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let pinned = |core: usize| {
            let mut set = rustix::thread::CpuSet::new();
            set.set(core);
            rustix::thread::sched_setaffinity(None, &set)
        };
        if let Some([servers, _]) = self.cores {
            pinned(servers)?;
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        if let Some([_, clients]) = self.cores {
            pinned(clients)?;
        }
        child
    }

    /// `meshform serve`.
    pub(crate) fn serve(&self) -> io::Result<Server> {
        let xds = SocketAddr::from(([127, 0, 0, 1], self.xds));
        let mut command = Command::new(&self.meshform);
        command.current_dir(self.folder.path());
        command.args([
            "serve",
            "--store",
            "store",
            "--listen",
            "127.0.0.1:0",
            "--rate",
            "0",
        ]);
        command.arg("--xds").arg(xds.to_string());
        command.env("MESHFORM_LOG", "error");
        let mut process = self.spawn(&mut command)?;
        let line = first_line(&mut process)?;
        let api = line
            .split_once("://")
            .and_then(|(_, address)| address.trim().parse().ok());
        Ok(Server { process, api, xds })
    }

    /// This program as the other server, with what was collected.
    pub(crate) fn reference(&self, state: &[u8]) -> io::Result<Server> {
        let file = self.folder.path().join("reference");
        fs::write(&file, state)?;
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = self.spawn(command.arg("reference").arg(file))?;
        let line = first_line(&mut process)?;
        let xds = line.trim().parse().map_err(io::Error::other)?;
        Ok(Server {
            process,
            api: None,
            xds,
        })
    }

    /// What a real Envoy says about itself on its first request.
    pub(crate) async fn record(&self, envoy: &Path) -> io::Result<Bytes> {
        let listener = TcpListener::bind(("127.0.0.1", self.xds)).await?;
        let file = self.folder.path().join("bootstrap.json");
        fs::write(&file, self.run(&["bootstrap", &name(0), "--mode", "ads"])?)?;
        let mut command = Command::new(envoy);
        command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "off", "-c"]);
        let mut envoy = command
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let recorded = async {
            let (socket, _) = listener.accept().await?;
            let (sender, mut streams) = tokio::sync::mpsc::unbounded_channel();
            let connection = wire::serve(socket, move |receiver, answers| {
                let _ = sender.send((receiver, answers));
            });
            let first = async {
                let Some((mut receiver, _answers)) = streams.recv().await else {
                    return Ok(None);
                };
                receiver.next::<Request>().await
            };
            tokio::select! {
                ended = connection => { ended?; Ok(None) }
                first = first => first,
            }
        };
        let recorded = tokio::time::timeout(Duration::from_secs(30), recorded).await;
        let _ = envoy.kill();
        let _ = envoy.wait();
        let request: Option<Request> = recorded.map_err(io::Error::other)??;
        request
            .and_then(|request| request.node)
            .ok_or_else(|| io::Error::other("Envoy did not say who it is"))
    }
}

fn first_line(process: &mut Child) -> io::Result<String> {
    let out = process
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("no output"))?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    match line.is_empty() {
        true => Err(io::Error::other("the server did not start")),
        false => Ok(line),
    }
}

/// A route that gives the first node so many of a hundred requests.
fn split(first: u32) -> Json {
    let target = |node: usize, weight: u32| json!({"virtualNode": name(node), "weight": weight});
    let targets = [target(0, first), target(1, 100 - first)];
    json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}})
}

impl Server {
    /// Shifts the weights of the service that all call.
    pub(crate) async fn shift(&self, first: u32) -> io::Result<()> {
        let api = self.api.ok_or_else(|| io::Error::other("it has no API"))?;
        let body = json!({ "spec": split(first) }).to_string();
        let head = format!(
            "PUT /v20190125/meshes/{MESH}/virtualRouter/split/routes/all HTTP/1.1\r\nhost: {api}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(api).await?;
        stream.write_all((head + &body).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        match answer.starts_with("HTTP/1.1 200") {
            true => Ok(()),
            false => Err(io::Error::other(answer)),
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let pid = self.process.id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mib = |name: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
            number.unwrap_or_default() / 1024.0
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, which may hold anything, in parentheses.
        let fields = stat
            .rsplit_once(')')
            .map_or("", |(_, fields)| fields)
            .split_whitespace();
        let ticks: f64 = fields
            .skip(11)
            .take(2)
            .filter_map(|one| one.parse::<f64>().ok())
            .sum();
        Usage {
            seconds: ticks / TICKS,
            resident: mib("VmRSS:"),
            peak: mib("VmHWM:"),
        }
    }

    /// Lets it end as a service does, and waits.
    pub(crate) fn end(mut self) -> io::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.process.wait().map(drop)
    }
}

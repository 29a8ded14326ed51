//! The App Mesh API of `meshform serve`, on the embedded store, beside moto's: one client that asks again and again, on one
//! connection where the server keeps it.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use meshform_acceptance::http::Client;

use super::Bench;
use super::figures::row;
use crate::failure::{Failure, Result};
use crate::tools::{self, Tool};
use crate::work::free_ports;

/// How many resources are created, for each run that is asked for.
const CREATES: usize = 100;
/// How often each of them is described.
const DESCRIBES: usize = 5;
/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);
const MESHES: &str = "/v20190125/meshes";
const NODES: &str = "/v20190125/meshes/apps/virtualNodes";
/// moto finds the service in the scope of the signature, and checks nothing else of it.
const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/json"),
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=any/20261129/us-east-1/appmesh/aws4_request, SignedHeaders=host, Signature=00",
    ),
];

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let toolbox = tools::ensure(bench.checkout, &[Tool::Moto])?;
    let [ours, peer] = free_ports()?.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let mut serve = Command::new(&bench.meshform);
    serve
        .args(["serve", "--rate", "0", "--log", "warn", "--listen"])
        .arg(ours.to_string())
        .arg("--store")
        .arg(bench.work.path().join("rest"))
        .env_remove("MESHFORM_MASTER_KEY")
        .env_remove("MESHFORM_MASTER_KEY_FILE");
    let mut moto = Command::new(toolbox.path(Tool::Moto));
    moto.args(["-H", "127.0.0.1", "-p"]).arg(peer.port().to_string());
    let log = |name: &str| bench.work.path().join(format!("{name}.log"));
    let ours = measured(bench, &mut serve, ours, &log("serve"))?;
    let peer = measured(bench, &mut moto, peer, &log("moto"))?;
    let rows = [
        ("describe", &ours.describe, &peer.describe),
        ("create", &ours.create, &peer.create),
        ("list of a page of 100", &ours.list, &peer.list),
    ];
    for (what, ours, peer) in rows {
        row(&format!("{what}, meshform"), &ours.shown());
        row(&format!("{what}, moto"), &peer.shown());
        row(&format!("{what}, moto to meshform"), &peer.ratio(ours));
    }
    Ok(())
}

/// What a server takes for each of these.
struct Measured {
    create: Spread,
    describe: Spread,
    list: Spread,
}

fn measured(bench: &Bench<'_>, command: &mut Command, address: SocketAddr, log: &Path) -> Result<Measured> {
    let name = command.get_program().to_string_lossy().into_owned();
    let server = bench.children.start(&name, command, log)?;
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if begun.elapsed() > START || server.exited()?.is_some() {
            return Err(Failure::new(format!(
                "{name} does not listen; see {}",
                log.display()
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut client = Client::new(address);
    ask(&mut client, "PUT", MESHES, r#"{"meshName": "apps", "spec": {}}"#)?;
    let many = CREATES * bench.runs;
    let mut create = Vec::with_capacity(many);
    for number in 0..many {
        create.push(ask(&mut client, "PUT", NODES, &node(number))?);
    }
    let mut describe = Vec::with_capacity(many * DESCRIBES);
    for number in 0..many * DESCRIBES {
        let path = format!("{NODES}/{}", name_of(number % many));
        describe.push(ask(&mut client, "GET", &path, "")?);
    }
    let list = (0..many).map(|_| ask(&mut client, "GET", &format!("{NODES}?limit=100"), ""));
    let list = list.collect::<Result<_>>()?;
    server.end();
    Ok(Measured {
        create: Spread::of(create),
        describe: Spread::of(describe),
        list: Spread::of(list),
    })
}

fn name_of(number: usize) -> String {
    format!("node-{number:05}")
}

/// A node as many have it.
fn node(number: usize) -> String {
    let name = name_of(number);
    format!(
        r#"{{"virtualNodeName": "{name}", "spec": {{"listeners": [{{"portMapping": {{"port": 8080, "protocol": "http"}},
        "healthCheck": {{"protocol": "http", "path": "/ping", "healthyThreshold": 2, "unhealthyThreshold": 2,
        "timeoutMillis": 2000, "intervalMillis": 5000}}}}],
        "serviceDiscovery": {{"dns": {{"hostname": "{name}.apps.local"}}}},
        "backends": [{{"virtualService": {{"virtualServiceName": "api.apps.local"}}}}]}}}}"#
    )
}

/// Asks; how long the whole answer took.
fn ask(client: &mut Client, method: &str, path: &str, body: &str) -> Result<Duration> {
    let begun = Instant::now();
    let answer = client.send(method, path, &HEADERS, body);
    let took = begun.elapsed();
    match answer {
        Ok(answer) if answer.status == 200 => Ok(took),
        Ok(answer) => Err(Failure::new(format!("{method} {path}: {}", answer.status))),
        Err(error) => Err(Failure::new(format!("{method} {path}: {error}"))),
    }
}

/// How long many requests took: the middle, and all but one in a hundred.
struct Spread {
    p50: Duration,
    p99: Duration,
    count: usize,
}

impl Spread {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort();
        let at = |index: usize| all.get(index).copied().unwrap_or_default();
        Self {
            p50: at(all.len() / 2),
            p99: at(all.len() * 99 / 100),
            count: all.len(),
        }
    }

    fn shown(&self) -> String {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        format!(
            "p50 {:.2} ms, p99 {:.2} ms ({} requests)",
            millis(self.p50),
            millis(self.p99),
            self.count
        )
    }

    /// How many times as long this took as the other.
    fn ratio(&self, other: &Self) -> String {
        let times = |this: Duration, other: Duration| this.as_secs_f64() / other.as_secs_f64().max(1e-9);
        format!(
            "p50 {:.1} x, p99 {:.1} x",
            times(self.p50, other.p50),
            times(self.p99, other.p99)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one_and_all_but_one_in_a_hundred() {
        let spread = Spread::of((1..=200).map(Duration::from_millis).collect());
        assert_eq!(spread.shown(), "p50 101.00 ms, p99 199.00 ms (200 requests)");
        let half = Spread::of(vec![Duration::from_millis(50)]);
        assert_eq!(spread.ratio(&half), "p50 2.0 x, p99 4.0 x");
    }
}

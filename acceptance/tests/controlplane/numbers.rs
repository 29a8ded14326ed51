//! Live numbers on the console's pages: from end to end with a real Envoy and a real Prometheus that scrapes it, and from a
//! server that answers what it is told to, or nothing.

use crate::console::{MESH, apply};
use crate::keys::meshform;
use crate::server::Server;
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::http::read_head;
use meshform_acceptance::load::Load;
use meshform_acceptance::upstream::Upstream;
use meshform_acceptance::{ports, tools};
use serde_json::json;
use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Requests a second.
const RATE: u32 = 40;

/// A Prometheus that looks at one Envoy each second; it is ended when this is dropped.
struct Prometheus(Child);

impl Prometheus {
    fn start(dir: &Path, port: u16, admin: u16) -> Self {
        let config = json!({
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{
                "job_name": "envoy", "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [format!("127.0.0.1:{admin}")]}],
            }],
        });
        let file = dir.join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let log = std::fs::File::create(dir.join("prometheus.log")).unwrap();
        let child = Command::new(tools::prometheus())
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_page_shows_what_an_envoy_served_by_what_prometheus_scraped() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    let service = Upstream::start("api").unwrap();
    let [ingress, egress, admin, numbers] = ports::several().unwrap();
    let mesh = json!([
        {"meshName": "m", "spec": {}},
        {"meshName": "m", "virtualNodeName": "web", "spec": {"backends": [{"virtualService": {"virtualServiceName": "api.local"}}]}},
        {"meshName": "m", "virtualServiceName": "api.local", "spec": {"provider": {"virtualNode": {"virtualNodeName": "api"}}}},
        {"meshName": "m", "virtualNodeName": "api", "spec": {
            "listeners": [{"portMapping": {"port": ingress, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "localhost"}},
        }},
        {"meshName": "m", "proxyProfileName": "api", "spec": {
            "virtualNode": "api",
            "interception": {"explicit": {"port": egress}},
            "inbound": {"appPorts": [{"listenerPort": ingress, "appPort": service.address().port()}]},
            "admin": {"port": admin},
        }},
        {"meshName": "m", "proxyProfileName": "all", "spec": {"interception": {"transparent": {}}}},
    ]);
    apply(dir, &mesh.to_string());
    let bootstrap = dir.join("bootstrap.json");
    let text = meshform(dir, &["bootstrap", "api", "--mode", "static", "--store", "store"]);
    std::fs::write(&bootstrap, text).unwrap();
    let _envoy = Envoy::start(&tools::envoy(), &bootstrap, admin, &dir.join("envoy.log")).unwrap();
    let _prometheus = Prometheus::start(dir, numbers, admin);
    let server = Server::start(
        &dir.join("store"),
        &["--prometheus", &format!("http://127.0.0.1:{numbers}")],
    );
    let load = Load::start(
        SocketAddr::from(([127, 0, 0, 1], ingress)),
        "api.local",
        "/",
        RATE,
        1,
    );
    let until = Instant::now() + Duration::from_secs(60);
    let page = loop {
        let (status, page) = server.page("/console/m/m/proxies/virtualNode/api");
        assert_eq!(status, 200);
        // A rate needs two looks of Prometheus at least.
        if page.contains(" a second") || Instant::now() > until {
            break page;
        }
        std::thread::sleep(Duration::from_millis(250));
    };
    let log = || std::fs::read_to_string(dir.join("prometheus.log")).unwrap_or_default();
    let (before, _) = page
        .split_once(" a second")
        .unwrap_or_else(|| panic!("{page}{}", log()));
    let rate: f64 = before.rsplit('>').next().unwrap().parse().unwrap();
    assert!(rate > 0.1 && rate < 2.0 * f64::from(RATE), "{rate}");
    assert!(page.contains("0.0 % answered"), "{page}");
    let mesh = server.page("/console/m/m").1;
    // The node, and the service that it is behind.
    assert_eq!(mesh.matches("class=\"said\"").count(), 2, "{mesh}");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0);
    assert!(tally.of("api") > 0);
}

/// A server with Prometheus's answer to a query, by the metric that it is about; it tells how often it was asked.
fn prometheus(answers: &'static [(&'static str, &'static str)]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some(head)) = read_head(&mut stream) {
                counts.fetch_add(1, Ordering::SeqCst);
                let line = head.start_line.replace("%5F", "_");
                let found = answers.iter().find(|(metric, _)| line.contains(metric));
                let value = found.map_or("NaN", |(_, value)| value);
                let metric = json!({"envoy_cluster_name": "cds_ingress_m_api_http_8080"});
                let result = json!([{"metric": metric, "value": [1_700_000_000, value]}]);
                let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}})
                    .to_string();
                let head = "content-type: application/json";
                let answer = format!(
                    "HTTP/1.1 200 OK\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (address, asked)
}

#[test]
fn live_numbers_come_from_prometheus_and_no_page_waits_for_it() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    apply(dir, MESH);
    let store = dir.join("store");
    let (address, asked) = prometheus(&[
        ("upstream_rq_total", "12.6"),
        ("upstream_rq_xx", "0.5"),
        ("upstream_rq_time_bucket", "48.2"),
    ]);
    let server = Server::start(&store, &["--prometheus", &format!("http://{address}")]);
    // The first look waits but a moment: on a busy machine the numbers are there at the next.
    let until = Instant::now() + Duration::from_secs(30);
    let page = loop {
        let (status, page) = server.page("/console/m/m");
        assert_eq!(status, 200);
        if page.contains("class=\"said\"") || Instant::now() > until {
            break page;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    // The node, and the service that it is behind.
    assert_eq!(
        page.matches(">13/s · 4.0 % errors · p99 48 ms<").count(),
        2,
        "{page}"
    );
    let before = asked.load(Ordering::SeqCst);
    let proxy = server.page("/console/m/m/proxies/virtualNode/api").1;
    assert!(
        proxy.contains("12.6 a second") && proxy.contains("4.0 % answered"),
        "{proxy}"
    );
    let silent = server.page("/console/m/m/proxies/virtualNode/web").1;
    assert!(silent.contains("counted no requests of this proxy"), "{silent}");
    assert!(
        asked.load(Ordering::SeqCst) <= before + 3,
        "numbers are kept for some seconds"
    );
    drop(server);
    // One that takes connections and never answers holds no page up, and one that is not there says why.
    let deaf = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = Server::start(
        &store,
        &["--prometheus", &format!("http://{}", deaf.local_addr().unwrap())],
    );
    let page = server.page("/console/m/m").1;
    assert!(
        page.contains("no numbers") && page.contains("has not answered yet"),
        "{page}"
    );
    let gone = deaf.local_addr().unwrap();
    drop((server, deaf));
    let server = Server::start(&store, &["--prometheus", &format!("http://user:secret@{gone}")]);
    let until = Instant::now() + Duration::from_secs(30);
    let page = loop {
        let page = server.page("/console/m/m").1;
        if !page.contains("has not answered yet") || Instant::now() > until {
            break page;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(page.contains("no numbers") && page.contains("refused"), "{page}");
    assert!(!page.contains("secret"), "{page}");
    // What is no address is said at the start.
    let wrong = Command::new(tools::meshform())
        .args(["serve", "--prometheus", "prometheus:9090", "--store"])
        .arg(&store)
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("MF0823"));
}

//! Live numbers from end to end: a real Envoy beside a service, a real Prometheus that scrapes it, and the console's pages.

use crate::console::apply;
use crate::keys::meshform;
use crate::server::Server;
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::load::Load;
use meshform_acceptance::upstream::Upstream;
use meshform_acceptance::{ports, tools};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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

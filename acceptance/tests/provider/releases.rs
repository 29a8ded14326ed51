//! What an apply publishes, and what a running Envoy makes of it: the whole way, on the example.

use crate::small_mesh::{MESH, calls, node};
use crate::world::{World, module, no_panic, says};
use meshform_acceptance::envoy::{self, Envoy, published_versions};
use meshform_acceptance::http::Client;
use meshform_acceptance::load::{self, Load};
use meshform_acceptance::terraform::Module;
use meshform_acceptance::tools;
use meshform_acceptance::upstream::Upstream;
use serde_json::json;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const HOST: &str = "serviceb.apps.local";
const REQUESTS: usize = 1000;

/// The example, applied, with services behind it.
struct Apps {
    folder: tempfile::TempDir,
    module: Module,
    services: [Upstream; 2],
    proxy: u16,
    admin: u16,
    inbound: u16,
}

impl Apps {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = module(&tools::terraform(), &folder.path().join("apps"));
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/apps");
        for file in fs::read_dir(example).unwrap().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.ends_with(".tf") {
                fs::copy(file.path(), module.dir().join(name)).unwrap();
            }
        }
        let [proxy, admin, inbound] = meshform_acceptance::ports::several().unwrap();
        let services = ["serviceb", "servicebv2"].map(|name| Upstream::start(name).unwrap());
        let apps = Self {
            folder,
            module,
            services,
            proxy,
            admin,
            inbound,
        };
        apps.set((75, 25), true);
        apps
    }

    fn set(&self, weights: (u32, u32), canary: bool) {
        let [b, b2] = self
            .services
            .each_ref()
            .map(|service| service.address().to_string());
        let values = json!({
            "publish_directory": self.published(),
            "servicea_port": self.inbound,
            "servicea_proxy": {"port": self.proxy, "admin_port": self.admin},
            "addresses": {"serviceb": b, "servicebv2": b2},
            "weights": {"serviceb": weights.0, "servicebv2": weights.1},
            "canary": canary,
        });
        self.module
            .write("terraform.tfvars.json", &values.to_string())
            .unwrap();
    }

    fn published(&self) -> PathBuf {
        self.folder.path().join("published")
    }

    fn directory(&self) -> PathBuf {
        self.published().join("apps/virtualNode/servicea")
    }

    fn apply(&self) -> String {
        let ran = self.module.run(&["apply", "-auto-approve", "-no-color"]).unwrap();
        assert!(ran.ok(), "{}", ran.text);
        no_panic(&ran.text);
        ran.flat()
    }

    fn envoy(&self) -> Envoy {
        let log = self.folder.path().join("envoy.log");
        Envoy::start(
            &tools::envoy(),
            &self.directory().join("bootstrap.json"),
            self.admin,
            &log,
        )
        .unwrap()
    }

    /// Waits until Envoy runs on what is published.
    fn follows(&self, envoy: &Envoy) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let wanted = published_versions(&self.directory().join("current")).unwrap();
            let running = envoy.endpoint().versions().unwrap();
            if wanted.is_subset(&running) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "wanted {wanted:?}, runs on {running:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.proxy))
    }

    /// The split as it is measured must be the one that is wanted, within five standard deviations.
    fn splits(&self, percent: u32) {
        let tally = load::send(self.address(), HOST, "/", REQUESTS);
        assert_eq!(tally.failures(), 0, "{tally:?}");
        let wanted = f64::from(percent) / 100.0;
        let count = u32::try_from(REQUESTS).map(f64::from).unwrap();
        let deviation = (count * wanted * (1.0 - wanted)).sqrt();
        let got = u32::try_from(tally.of("serviceb")).map(f64::from).unwrap();
        assert!(
            (got - count * wanted).abs() <= 5.0 * deviation,
            "wanted {percent} %: {tally:?}"
        );
    }
}

#[test]
fn envoy_follows_an_apply_without_a_restart_and_a_canary_leaves_without_a_failed_request() {
    let apps = Apps::new();
    apps.apply();
    let envoy = apps.envoy();
    apps.follows(&envoy);
    let pid = envoy.pid();
    apps.splits(75);
    let mut client = Client::new(apps.address());
    let by_header = client.get(HOST, "/", &[("x-version", "2")]).unwrap();
    assert_eq!(by_header.service(), "servicebv2");
    assert_eq!(client.get(HOST, "/v2/x", &[]).unwrap().service(), "servicebv2");

    apps.set((10, 90), true);
    let said = apps.apply();
    says(&said, &["0 added, 1 changed, 0 destroyed"]);
    apps.follows(&envoy);
    apps.splits(10);

    // The canary goes, node and target in one apply; Terraform destroys the node first.
    let load = Load::start(apps.address(), HOST, "/", 200, 4);
    std::thread::sleep(Duration::from_millis(300));
    apps.set((10, 90), false);
    says(&apps.apply(), &["1 destroyed"]);
    apps.follows(&envoy);
    std::thread::sleep(Duration::from_millis(300));
    let tally = load.stop();
    assert_eq!((tally.failures(), tally.replaced), (0, 0), "{tally:?}");
    assert!(tally.sent() > 60, "{tally:?}");
    apps.splits(100);

    assert_eq!(envoy.pid(), pid);
    assert_eq!(envoy.rejected_updates().unwrap(), [] as [String; 0]);
    let info: serde_json::Value = serde_json::from_str(&envoy.admin("/server_info").unwrap()).unwrap();
    assert_eq!(info["state"], "LIVE");
}

#[test]
fn what_is_published_passes_envoys_own_validation() {
    let apps = Apps::new();
    apps.apply();
    let mut proxies = 0;
    for node in fs::read_dir(apps.published().join("apps/virtualNode"))
        .unwrap()
        .flatten()
    {
        let judged = envoy::validate(&node.path().join("bootstrap.json")).unwrap();
        assert!(judged.accepted, "{}: {}", node.path().display(), judged.said);
        proxies += 1;
    }
    assert_eq!(proxies, 3);
    // The same once more changes not one byte.
    let before = fs::read_link(apps.directory().join("current")).unwrap();
    apps.apply();
    assert_eq!(fs::read_link(apps.directory().join("current")).unwrap(), before);
}

#[test]
fn a_broken_mesh_publishes_nothing_until_it_is_whole() {
    let node = node("a", &calls("\"b.local\""));
    let configuration = |target: &str| {
        format!(
            r#"{MESH}{node}
resource "appmesh_virtual_service" "b" {{
  name      = "b.local"
  mesh_name = appmesh_mesh.m.name
  spec {{
    provider {{
      virtual_node {{
        virtual_node_name = "{target}"
      }}
    }}
  }}
}}
"#
        )
    };
    let settings = "publish_directory = \"published\"";
    let world = World::with_provider(settings, &configuration("nobody"));
    says(&world.apply().flat(), &["MF0707", "`nobody`"]);
    let current = world.module().dir().join("published/m/virtualNode/a/current");
    assert!(!current.exists(), "a broken mesh was published");
    world.write(settings, &configuration("a"));
    world.apply();
    let whole = fs::read_link(&current).unwrap();
    world.plan_is_empty();
    // Broken again, proxies keep what they have; repaired, they get the same again.
    world.write(settings, &configuration("nobody"));
    says(&world.apply().flat(), &["MF0707"]);
    assert_eq!(fs::read_link(&current).unwrap(), whole);
    world.write(settings, &configuration("a"));
    world.apply();
    assert_eq!(fs::read_link(&current).unwrap(), whole);
    world.destroy();
    let empty = world
        .module()
        .dir()
        .join("published/m/virtualNode/a/current/lds.json");
    if let Ok(text) = fs::read_to_string(&empty) {
        let text: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(text["resources"].as_array().is_none_or(Vec::is_empty), "{text}");
    }
}

#[test]
fn terraform_init_finds_an_installed_provider_without_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    let install = Command::new(tools::meshform())
        .args(["install-provider", "--binary"])
        .arg(tools::provider())
        .arg("--dir")
        .arg(&plugins)
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&install.stdout).into_owned() + &String::from_utf8_lossy(&install.stderr);
    assert!(install.status.success(), "{said}");
    let config = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path = {}\n  }}\n}}\n",
        serde_json::Value::from(plugins.to_string_lossy())
    );
    for terraform in tools::terraform_matrix() {
        let dir = folder.path().join(terraform.file_name().unwrap());
        let module = Module::with_cli_config(&terraform, &dir, &config).unwrap();
        module
            .write(
                "main.tf",
                "terraform {\n  required_providers {\n    appmesh = {\n      source = \"meshform/appmesh\"\n    }\n  \
                 }\n}\n\nresource \"appmesh_mesh\" \"it\" {\n  name = \"m\"\n}\n",
            )
            .unwrap();
        let init = module.run(&["init", "-no-color"]).unwrap();
        assert!(init.ok(), "{}", init.text);
        says(&init.text, &["Installed meshform/appmesh"]);
        let apply = module.run(&["apply", "-auto-approve", "-no-color"]).unwrap();
        assert!(apply.ok(), "{}", apply.text);
        says(&apply.text, &["1 added"]);
    }
}

//! `meshform-agent endpoints`: what Cloud Map, a file or another poller says reaches Envoys, and nothing is lost when they
//! say nothing.

use crate::lookup::{Registry, answers_at};
use crate::moto::Moto;
use crate::{KEY, SECRET, eventually};
use meshform_acceptance::envoy::{Admin, Envoy};
use meshform_acceptance::upstream::Upstream;
use meshform_acceptance::{ports, tools};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mesh in which `web` calls `api`, which is found by Cloud Map; its records are in a store.
struct Stage {
    place: tempfile::TempDir,
    /// Where the server of bucket and Cloud Map is, if there is one.
    server: Option<SocketAddr>,
    store: String,
    admin: u16,
    egress: u16,
    /// On which `api` listens.
    port: u16,
    started: Vec<Child>,
}

impl Stage {
    fn new(server: Option<SocketAddr>, port: u16) -> Self {
        let place = tempfile::tempdir().unwrap();
        let [admin, egress] = ports::several().unwrap();
        let store = match server {
            Some(_) => "s3://meshes/prod".to_owned(),
            None => place.path().join("store").display().to_string(),
        };
        let stage = Self {
            place,
            server,
            store,
            admin,
            egress,
            port,
            started: Vec::new(),
        };
        stage.write(1);
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Brings the mesh to the store, with so many routes that say the same.
    fn write(&self, routes: u32) {
        let resource = |kind: &str, properties: Value| json!({"Type": format!("AWS::AppMesh::{kind}"), "Properties": properties});
        let listener = json!({"PortMapping": {"Port": self.port, "Protocol": "http"}});
        let found = json!({"AWSCloudMap": {"NamespaceName": "apps.local", "ServiceName": "api",
            "Attributes": [{"Key": "stage", "Value": "prod"}]}});
        let target = json!({"WeightedTargets": [{"VirtualNode": "api", "Weight": 1}]});
        let rule = json!({"Match": {"Prefix": "/"}, "Action": target});
        let profile = json!({"MeshName": "apps", "ProxyProfileName": "web", "Spec": {
            "VirtualNode": "web",
            "Admin": {"Port": self.admin},
            "Interception": {"Explicit": {"Port": self.egress}},
        }});
        let mut template = json!({"Resources": {
            "Mesh": resource("Mesh", json!({"MeshName": "apps"})),
            "Web": resource("VirtualNode", json!({"MeshName": "apps", "VirtualNodeName": "web", "Spec": {
                "Backends": [{"VirtualService": {"VirtualServiceName": "api.local"}}]}})),
            "Api": resource("VirtualNode", json!({"MeshName": "apps", "VirtualNodeName": "api", "Spec": {
                "Listeners": [listener], "ServiceDiscovery": found}})),
            "Router": resource("VirtualRouter", json!({"MeshName": "apps", "VirtualRouterName": "api", "Spec": {
                "Listeners": [listener]}})),
            "Service": resource("VirtualService", json!({"MeshName": "apps", "VirtualServiceName": "api.local", "Spec": {
                "Provider": {"VirtualRouter": {"VirtualRouterName": "api"}}}})),
            "Profile": {"Type": "Meshform::AppMesh::ProxyProfile", "Properties": profile},
        }});
        for number in 1..=routes {
            let properties = json!({"MeshName": "apps", "VirtualRouterName": "api",
                "RouteName": format!("r{number}"), "Spec": {"Priority": number, "HttpRoute": rule}});
            template["Resources"][format!("Route{number}")] = resource("Route", properties);
        }
        let file = self.path("mesh.json");
        fs::write(&file, template.to_string()).unwrap();
        let said = self.meshform(&["adopt", file.to_str().unwrap(), "--store", &self.store]);
        assert!(said.contains("adopted"), "{said}");
    }

    fn environment(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", "us-east-1")
            .env("MESHFORM_MESH", "apps")
            .env("MESHFORM_POLL", "1")
            .current_dir(self.place.path())
            .stdin(Stdio::null());
        if let Some(server) = self.server {
            let url = format!("http://{server}");
            command
                .env("AWS_ENDPOINT_URL_S3", &url)
                .env("AWS_ENDPOINT_URL_SERVICEDISCOVERY", &url);
        }
        command
    }

    fn meshform(&self, arguments: &[&str]) -> String {
        let mut command = self.environment(&tools::meshform());
        let output = command.args(arguments).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    /// Starts a program whose log has that name.
    fn start(&mut self, name: &str, mut command: Command) -> u32 {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path(name))
            .unwrap();
        let child = command
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pid = child.id();
        self.started.push(child);
        pid
    }

    /// A poller, and where it tells how it is.
    fn poller(&mut self, name: &str, store: &str) -> (u32, SocketAddr) {
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
        let mut command = self.environment(&tools::agent());
        command
            .arg("endpoints")
            .env("MESHFORM_STORE", store)
            .env("MESHFORM_ENDPOINTS", self.listed())
            .env("MESHFORM_LISTEN", address.to_string());
        fs::write(self.listed(), fs::read(self.listed()).unwrap_or(b"{}".to_vec())).unwrap();
        (self.start(name, command), address)
    }

    /// The file of what is listed by hand.
    fn listed(&self) -> PathBuf {
        self.path("endpoints.json")
    }

    fn agent(&mut self) {
        self.agent_by(&[]);
    }

    fn agent_by(&mut self, settings: &[(&str, &str)]) {
        let listen = ports::free().unwrap();
        let mut command = self.environment(&tools::agent());
        command
            .args(["run", "--"])
            .arg(tools::envoy())
            .args(["--concurrency", "1"])
            .env("MESHFORM_STORE", &self.store)
            .env("MESHFORM_PROXY", "mesh/apps/virtualNode/web")
            .env("MESHFORM_DIR", self.path("files"))
            .env("MESHFORM_LISTEN", format!("127.0.0.1:{listen}"))
            .env("MESHFORM_STOP_TIMEOUT", "5")
            .envs(settings.iter().copied());
        self.start("agent", command);
    }

    /// Who answers a request of the application.
    fn answers(&self) -> Option<String> {
        answers_at(SocketAddr::from(([127, 0, 0, 1], self.egress)), "api.local")
    }

    fn serves(&self, service: &str) {
        eventually(service, 60, || self.answers().as_deref() == Some(service));
    }

    fn logs(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap_or_default();
        format!("{}\n{}", read("poller"), read("agent"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), self.logs().as_bytes());
        }
        for child in &self.started {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
        }
        for mut child in self.started.drain(..) {
            let _ = child.wait();
        }
    }
}

fn asked(address: SocketAddr, path: &str) -> Value {
    let answer = meshform_acceptance::http::Client::new(address).get("localhost", path, &[]);
    answer.map_or(Value::Null, |answer| {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    })
}

#[test]
fn instances_in_cloud_map_reach_envoy_by_a_bucket_and_the_agent() {
    let moto = Moto::start();
    let registry = Registry::new(&moto);
    let first = Upstream::start_at("first", ([127, 0, 0, 2], 0).into()).unwrap();
    let port = first.address().port();
    let second = Upstream::start_at("second", ([127, 0, 0, 3], port).into()).unwrap();
    let other = Upstream::start_at("other", ([127, 0, 0, 4], port).into()).unwrap();
    let mut stage = Stage::new(Some(moto.address()), port);
    let zoned = json!({"AWS_INSTANCE_IPV4": "127.0.0.2", "stage": "prod", "AVAILABILITY_ZONE": "eu-1a"});
    registry.register("a", &zoned);
    registry.register("o", &json!({"AWS_INSTANCE_IPV4": "127.0.0.4", "stage": "test"}));
    let store = stage.store.clone();
    let said = stage.meshform(&["release", "--store", &store]);
    assert!(
        said.contains("MF0302") && said.contains("MESHFORM_MESH=apps meshform-agent endpoints"),
        "{said}"
    );
    stage.agent();
    let (_, poller) = stage.poller("poller", &store);
    stage.serves("first");
    let clusters = Admin::on(stage.admin).get("/clusters").unwrap();
    assert!(clusters.contains("::zone::eu-1a\n"), "{clusters}");
    eventually("nothing is missing any more", 30, || {
        !stage.meshform(&["status", "--store", &store]).contains("MF0302")
    });
    // A rolling replacement: the new instance comes, the old one becomes unhealthy and goes.
    registry.register("b", &json!({"AWS_INSTANCE_IPV4": "127.0.0.3", "stage": "prod"}));
    stage.serves("second");
    registry.health("a", "UNHEALTHY");
    let known = || asked(poller, "/status")["nodes"]["api"]["endpoints"].clone();
    eventually("one is left", 30, || known() == json!(1));
    registry.deregister("a");
    eventually("only the second answers", 30, || {
        (0..5).all(|_| stage.answers().as_deref() == Some("second"))
    });
    // A release does not take the endpoints away.
    stage.write(2);
    let said = stage.meshform(&["release", "--store", &store]);
    assert!(said.contains("released") && !said.contains("MF0302"), "{said}");
    for _ in 0..50 {
        assert_eq!(stage.answers().as_deref(), Some("second"));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // Cloud Map says that there is nobody: that is believed when it says so for a while.
    registry.deregister("b");
    eventually("it is believed", 40, || known() == json!(0));
    eventually("nobody is called", 40, || stage.answers().is_none());
    assert!(first.served() > 0 && second.served() > 0);
    assert_eq!(other.served(), 0, "its attributes are others");
}

#[test]
fn a_proxy_of_a_small_mesh_asks_cloud_map_itself_and_keeps_what_it_knows() {
    let moto = Moto::start();
    let registry = Registry::new(&moto);
    let first = Upstream::start_at("first", ([127, 0, 0, 2], 0).into()).unwrap();
    let port = first.address().port();
    let _second = Upstream::start_at("second", ([127, 0, 0, 3], port).into()).unwrap();
    let mut stage = Stage::new(Some(moto.address()), port);
    registry.register("a", &json!({"AWS_INSTANCE_IPV4": "127.0.0.2", "stage": "prod"}));
    let store = stage.store.clone();
    stage.meshform(&["release", "--store", &store]);
    stage.agent_by(&[("MESHFORM_DISCOVERY", "own")]);
    stage.serves("first");
    assert!(
        stage.logs().contains("requests a month by this proxy alone"),
        "{}",
        stage.logs()
    );
    eventually("plans know that somebody looks", 30, || {
        !stage.meshform(&["status", "--store", &store]).contains("MF0302")
    });
    registry.register("b", &json!({"AWS_INSTANCE_IPV4": "127.0.0.3", "stage": "prod"}));
    registry.health("a", "UNHEALTHY");
    stage.serves("second");
    eventually("only the second answers", 30, || {
        (0..5).all(|_| stage.answers().as_deref() == Some("second"))
    });
    // A new start knows the addresses before anybody is asked.
    let mut agent = stage.started.pop().unwrap();
    crate::signal(agent.id(), "TERM");
    assert!(agent.wait().unwrap().success(), "{}", stage.logs());
    assert!(
        stage.meshform(&["status", "--store", &store]).contains("MF0302"),
        "nobody looks any more"
    );
    drop(moto);
    stage.agent_by(&[("MESHFORM_DISCOVERY", "own")]);
    stage.serves("second");
}

#[test]
fn a_directory_that_envoys_read_gets_what_is_listed_and_keeps_it_over_releases() {
    let first = Upstream::start_at("first", ([127, 0, 0, 2], 0).into()).unwrap();
    let port = first.address().port();
    let _second = Upstream::start_at("second", ([127, 0, 0, 3], port).into()).unwrap();
    let mut stage = Stage::new(None, port);
    let (store, published) = (stage.store.clone(), stage.path("published").display().to_string());
    let release = ["release", "--store", &store, "--publish", &published];
    let said = stage.meshform(&release);
    assert!(said.contains("MF0302"), "{said}");
    let list = |address: &str| {
        let text = json!({"api": [{"address": address}]}).to_string();
        let beside = stage.path("endpoints.new");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, stage.listed()).unwrap();
    };
    list("127.0.0.2");
    let folder = stage.path("published/apps/virtualNode/web");
    let log = stage.path("envoy.log");
    let envoy = Envoy::start(&tools::envoy(), &folder.join("bootstrap.json"), stage.admin, &log).unwrap();
    let (_, poller) = stage.poller("poller", &published);
    stage.serves("first");
    eventually("nothing is missing any more", 30, || {
        !stage.meshform(&["status", "--store", &store]).contains("MF0302")
    });
    // What cannot be read changes nothing.
    fs::write(stage.listed(), "{").unwrap();
    eventually("it is told", 20, || {
        asked(poller, "/health")["reasons"]
            .to_string()
            .contains("endpoints.json")
    });
    stage.serves("first");
    let text = json!({"api": [{"address": "127.0.0.3"}]}).to_string();
    fs::write(stage.listed(), text).unwrap();
    stage.serves("second");
    stage.write(2);
    let said = stage.meshform(&release);
    assert!(said.contains("1 written"), "{said}");
    for _ in 0..50 {
        assert_eq!(stage.answers().as_deref(), Some("second"));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(envoy.rejected_updates().unwrap(), Vec::<String>::new());
    // Another poller of the same directory waits until the first has ended.
    let (_, standby) = stage.poller("standby", &published);
    eventually("it waits", 20, || {
        asked(standby, "/health")["leads"] == json!(false)
    });
    assert!(asked(poller, "/health")["leads"] == json!(true));
}

#[test]
fn of_two_pollers_one_works_and_the_other_takes_over_at_once_when_it_is_told_to_stop() {
    let moto = Moto::start();
    let mut stage = Stage::new(Some(moto.address()), 8080);
    let store = stage.store.clone();
    stage.meshform(&["release", "--store", &store]);
    let (first, one) = stage.poller("poller", &store);
    let leads = |address: SocketAddr| asked(address, "/health")["leads"].clone();
    eventually("the first leads", 30, || leads(one) == json!(true));
    let (_, two) = stage.poller("standby", &store);
    eventually("the second waits", 30, || leads(two) == json!(false));
    // There is neither namespace nor service: told, and nothing is written.
    eventually("what is missing is told", 30, || {
        asked(one, "/health")["reasons"]
            .to_string()
            .contains("NamespaceNotFound")
    });
    eventually("status tells it too", 30, || {
        stage
            .meshform(&["status", "--store", &store])
            .contains("NamespaceNotFound")
    });
    crate::signal(first, "TERM");
    eventually("the second leads", 30, || leads(two) == json!(true));
}

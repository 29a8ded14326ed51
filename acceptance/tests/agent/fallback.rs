//! An Envoy that is to have its configuration by ADS, started while its control plane is away: by files of the bucket, by
//! those of the disk, and by ADS again when it is next started.

use crate::control::{Control, PUBLISH};
use crate::server::Fault;
use crate::{eventually, signal};
use meshform_acceptance::ports;
use meshform_acceptance::upstream::Upstream;
use std::path::{Path, PathBuf};
use std::process::Child;

/// `meshform serve` on the store of a stage, at places that stay the same.
struct Plane {
    api: u16,
    xds: u16,
    process: Option<Child>,
}

impl Plane {
    fn start(&mut self, control: &Control) {
        let [api, xds] = [self.api, self.xds].map(|port| format!("127.0.0.1:{port}"));
        let mut command = control.command(&["serve", "--listen", &api, "--xds", &xds]);
        let log = std::fs::File::create(control.path("serve.log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
    }

    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.end();
    }
}

/// How Envoy is given its bootstrap.
enum Given {
    File,
    Variable,
}

fn start(control: &mut Control, plane: &Plane, bootstrap: &Path, given: Given) {
    let mut command = control.world.run();
    match given {
        Given::File => command.arg("-c").arg(bootstrap),
        Given::Variable => {
            let text = std::fs::read_to_string(bootstrap).unwrap();
            command.env("MESHFORM_ADS_BOOTSTRAP", text)
        }
    };
    command
        .env(
            "MESHFORM_CONTROL_PLANE",
            format!("http://127.0.0.1:{}", plane.api),
        )
        .env("MESHFORM_CONTROL_PLANE_WAIT", "2");
    control.world.start_by(command);
}

fn is_by(control: &Control, mode: &str) {
    eventually(mode, 60, || {
        let status = control.world.status();
        status["mode"] == mode && status["state"] == "ready"
    });
}

/// What the agent has written down for itself.
fn memory(control: &Control) -> String {
    let file = control.world.dir().join(".meshform/agent/memory.json");
    std::fs::read_to_string(file).unwrap_or_default()
}

#[test]
fn without_its_control_plane_a_proxy_starts_from_the_last_release_and_goes_back_to_ads_when_it_is_next_started()
 {
    let services = ["first", "second"].map(|name| Upstream::start(name).unwrap());
    let [first, second] = &services;
    let [api, xds] = ports::several().unwrap();
    let mut plane = Plane {
        api,
        xds,
        process: None,
    };
    let mut control = Control::new();
    control.write_mesh();
    control.serve_by(xds);
    control.leads_to(first);
    control.meshform(&[&["release"], &PUBLISH[..]].concat());
    let output = control
        .command(&["bootstrap", "web", "--mode", "ads"])
        .output()
        .unwrap();
    let bootstrap: PathBuf = control.path("ads.json");
    std::fs::write(&bootstrap, output.stdout).unwrap();
    // From the bucket.
    start(&mut control, &plane, &bootstrap, Given::File);
    control.world.serves("first");
    is_by(&control, "fallback");
    assert!(
        control.world.health().1.contains("MF0446"),
        "{:?}",
        control.world.health()
    );
    eventually("status says it", 30, || {
        let status = control.status();
        status["meshes"][0]["proxies"][0]["condition"] == "fallback"
    });
    // From the disk.
    eventually("it is known as good", 20, || {
        memory(&control).contains("\"good\": {")
    });
    control.world.signal("TERM");
    control.world.ends();
    control
        .world
        .server()
        .fail("/meshes", Fault::Answer(500, "InternalError"));
    start(&mut control, &plane, &bootstrap, Given::Variable);
    control.world.serves("first");
    is_by(&control, "fallback");
    control.world.server().heal();
    // By ADS, when Envoy is next started.
    plane.start(&control);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(control.world.status()["mode"], "fallback");
    signal(control.world.envoy_pid(), "KILL");
    is_by(&control, "ads");
    control.world.serves("first");
    control.leads_to(second);
    control.world.serves("second");
    eventually("the release of the control plane is told", 60, || {
        control.world.status()["release"].is_string()
    });
    assert!(
        !control.world.health().1.contains("MF0446"),
        "{:?}",
        control.world.health()
    );
    // What is published meanwhile lies on the disk when it is needed.
    control.meshform(&[&["release"], &PUBLISH[..]].concat());
    let published =
        String::from_utf8(control.world.read(&control.world.proxy.current_key()).unwrap()).unwrap();
    let published: serde_json::Value = serde_json::from_str(&published).unwrap();
    eventually("it is put by", 60, || {
        let memory: serde_json::Value = serde_json::from_str(&memory(&control)).unwrap();
        memory["waiting"]["bundle"] == published["bundle"]
    });
    control
        .world
        .server()
        .fail("/meshes", Fault::Answer(500, "InternalError"));
    plane.end();
    signal(control.world.envoy_pid(), "KILL");
    is_by(&control, "fallback");
    control.world.serves("second");
}

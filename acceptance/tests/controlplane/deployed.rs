//! `meshform serve` as the examples run it: Docker Compose, a unit of systemd, a task definition of ECS. Their command lines,
//! with files and ports of the test in the place of the example's.

use crate::certificates::Authority;
use crate::server::output;
use meshform_acceptance::{ports, tools};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn example(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/serve");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(list: &Json) -> Vec<String> {
    list.as_array().unwrap().iter().map(text).collect()
}

/// Everything that a server needs beside its command line.
struct Place {
    folder: TempDir,
    api: u16,
    xds: u16,
}

/// A server that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Place {
    fn new() -> Self {
        let [api, xds] = ports::several().unwrap();
        let place = Self {
            folder: TempDir::new().unwrap(),
            api,
            xds,
        };
        let mut init = Command::new(tools::meshform());
        init.current_dir(place.folder.path());
        output(init.args(["keys", "init", "--out", "master.key"]));
        Authority::new("mesh").write(place.folder.path(), "tls", &["localhost"]);
        place
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Starts the command with these variables and nothing else of the machine's user.
    fn start(&self, arguments: &[String], variables: &BTreeMap<String, String>) -> Running {
        let mut command = Command::new(tools::meshform());
        command.args(arguments).env_clear().envs(variables);
        command.current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        Running(command.stderr(log).spawn().unwrap())
    }

    /// Arguments with what is here in the place of what an example names.
    fn moved(&self, arguments: &[String], api: &str) -> Vec<String> {
        let one = |argument: &String| match argument.as_str() {
            "s3://meshes/prod" => self.file("store"),
            "0.0.0.0:18000" => format!("127.0.0.1:{}", self.xds),
            "/etc/meshform/serve.toml" => self.file("serve.toml"),
            other if other == api => format!("127.0.0.1:{}", self.api),
            other => other.to_owned(),
        };
        let moved: Vec<String> = arguments.iter().map(one).collect();
        let stays = |argument: &String| argument.contains("0.0.0.0") || argument.contains("s3://");
        assert!(!moved.iter().any(stays), "{moved:?}");
        moved
    }

    /// Waits until it says that it is ready. Python asks, as it knows TLS.
    fn is_ready(&self, scheme: &str, running: &mut Running) {
        let url = format!("{scheme}://localhost:{}/readyz", self.api);
        let program = "import ssl, sys, urllib.request\n\
            context = ssl.create_default_context(cafile=sys.argv[2]) if sys.argv[1].startswith('https') else None\n\
            print(urllib.request.urlopen(sys.argv[1], context=context).read().decode())";
        let begun = Instant::now();
        loop {
            let mut ask = Command::new(tools::python());
            let asked = ask
                .args(["-c", program, &url, &self.file("tls/ca.crt")])
                .output()
                .unwrap();
            if asked.status.success() {
                assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "ready");
                break;
            }
            let said = || fs::read_to_string(self.file("log")).unwrap_or_default();
            assert!(running.0.try_wait().unwrap().is_none(), "it ended: {}", said());
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{}\n{}",
                String::from_utf8_lossy(&asked.stderr),
                said()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(std::net::TcpStream::connect(("127.0.0.1", self.xds)).is_ok());
    }
}

fn yaml(text: &str) -> Json {
    let mut python = Command::new(tools::python());
    let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])))";
    serde_json::from_str(&output(python.args(["-c", program, text]))).unwrap()
}

#[test]
fn the_compose_file_starts_a_server_that_is_ready() {
    let place = Place::new();
    let compose = yaml(&example("compose.yaml"));
    let service = &compose["services"]["meshform"];
    let files = [
        ("master.key", place.file("master.key")),
        ("tls.crt", place.file("tls/tls.crt")),
        ("tls.key", place.file("tls/tls.key")),
    ];
    let given = texts(&service["secrets"]);
    let secret = |path: &str| {
        let name = Path::new(path).strip_prefix("/run/secrets").unwrap();
        let name = name.to_str().unwrap().to_owned();
        assert!(given.contains(&name), "the service has no secret `{name}`");
        let file = text(&compose["secrets"][&name]["file"]);
        files.iter().find(|(known, _)| *known == file).unwrap().1.clone()
    };
    let variables = service["environment"].as_object().unwrap().iter();
    let variables = variables.map(|(name, path)| (name.clone(), secret(path.as_str().unwrap())));
    let command = texts(&service["command"]);
    for mapping in texts(&service["ports"]) {
        let inside = mapping.rsplit(':').next().unwrap().to_owned();
        let listens = |argument: &String| argument.ends_with(&format!(":{inside}"));
        assert!(command.iter().any(listens), "nothing listens on {inside}");
    }
    let mut running = place.start(&place.moved(&command, "0.0.0.0:8443"), &variables.collect());
    place.is_ready("https", &mut running);
}

#[test]
fn the_unit_of_systemd_starts_a_server_that_is_ready() {
    let place = Place::new();
    let unit = example("meshform.service");
    let line = |name: &str| {
        let mut lines = unit
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        lines
            .next()
            .unwrap_or_else(|| panic!("there is no {name}"))
            .to_owned()
    };
    let config = format!(
        "listen = \"127.0.0.1:{}\"\nxds = \"127.0.0.1:{}\"\n",
        place.api, place.xds
    );
    fs::write(place.file("serve.toml"), config).unwrap();
    let command = line("ExecStart");
    let (program, arguments) = command.split_once(' ').unwrap();
    assert_eq!(program, "/usr/local/bin/meshform");
    let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
    // `%d`: the folder of credentials; `%S`: that of state.
    assert_eq!(line("LoadCredential"), "master.key:/etc/meshform/master.key");
    assert_eq!(line("StateDirectory"), "meshform");
    let here = place.folder.path().display().to_string();
    let environment = line("Environment").replace("%d", &here).replace("%S", &here);
    let variables = environment.split(' ').map(|pair| pair.split_once('=').unwrap());
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut running = place.start(&place.moved(&arguments, ""), &variables.collect());
    place.is_ready("http", &mut running);
}

#[test]
fn the_task_definition_of_ecs_starts_a_server_that_is_ready() {
    let place = Place::new();
    let task: Json = serde_json::from_str(&example("task-definition.json")).unwrap();
    let container = &task["containerDefinitions"][0];
    let command = texts(&container["command"]);
    for mapping in container["portMappings"].as_array().unwrap() {
        let listens = |argument: &String| argument.ends_with(&format!(":{}", mapping["containerPort"]));
        assert!(command.iter().any(listens), "nothing listens on {mapping}");
    }
    let pairs = container["environment"].as_array().unwrap().iter();
    let mut variables: BTreeMap<String, String> = pairs
        .map(|pair| (text(&pair["name"]), text(&pair["value"])))
        .collect();
    for secret in container["secrets"].as_array().unwrap() {
        assert_eq!(secret["name"], "MESHFORM_MASTER_KEY");
        let key = fs::read_to_string(place.file("master.key")).unwrap();
        variables.insert(text(&secret["name"]), key.trim().to_owned());
    }
    let mut running = place.start(&place.moved(&command, "0.0.0.0:8080"), &variables);
    place.is_ready("http", &mut running);
}

//! A task, as ECS runs it: containers in the order of `dependsOn`, health checks, stopping the other way round.

use crate::network::Interface;
use crate::{KEY, SECRET, eventually};
use meshform_acceptance::{interception, tools};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What stands in for what AWS gives to tasks.
pub(crate) struct Cloud {
    pub(crate) endpoint: String,
    /// The programs that images hold.
    pub(crate) programs: PathBuf,
    /// Where tasks keep their volumes and logs.
    pub(crate) root: PathBuf,
}

impl Cloud {
    /// With the programs that the images of proxy and application hold.
    pub(crate) fn new(root: &Path, endpoint: String) -> Self {
        let programs = root.join("bin");
        fs::create_dir(&programs).unwrap();
        for (name, from) in [
            ("envoy", tools::envoy()),
            ("meshform-agent", tools::agent()),
            ("application", std::env::current_exe().unwrap()),
        ] {
            // The folders of the originals need not be open to every user.
            fs::copy(from, programs.join(name)).unwrap();
        }
        open(root);
        open(&programs);
        Self {
            endpoint,
            programs,
            root: root.to_owned(),
        }
    }
}

fn open(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}
pub(crate) struct Task {
    pub(crate) interface: Interface,
    containers: Vec<Container>,
    folder: PathBuf,
}

struct Container {
    name: String,
    definition: Value,
    process: Child,
}

/// The user of a container: the proxy's image has one of its own.
fn user(container: &Value) -> Option<&str> {
    let own = (container["Name"] == "envoy").then_some("1337");
    container["User"].as_str().or(own)
}

impl Task {
    /// Starts the task of a stack. It returns when every container that has a health check is healthy.
    pub(crate) fn start(cloud: &Cloud, stack: &Value, number: u8) -> Self {
        let definition = &stack["Resources"]["TaskDefinition"]["Properties"];
        let interface = Interface::new(number);
        if definition.get("ProxyConfiguration").is_some() {
            for rule in interception::rules(&interception::properties(stack), true) {
                interface.inside(&tools::iptables(), &rule);
            }
        }
        // As ECS does it for all containers of a task, whose network they share.
        for container in definition["ContainerDefinitions"].as_array().unwrap() {
            for control in container["SystemControls"].as_array().into_iter().flatten() {
                let file = control["Namespace"].as_str().unwrap().replace('.', "/");
                let set = format!("echo {} > /proc/sys/{file}", control["Value"].as_str().unwrap());
                let mut shell = interface.command(Path::new("/bin/sh"));
                assert!(shell.args(["-c", &set]).status().unwrap().success(), "{set}");
            }
        }
        let folder = cloud.root.join(format!("task-{number}"));
        fs::create_dir(&folder).unwrap();
        open(&folder);
        let mut task = Self {
            interface,
            containers: Vec::new(),
            folder,
        };
        for container in in_order(definition["ContainerDefinitions"].as_array().unwrap()) {
            let name = container["Name"].as_str().unwrap();
            let log = File::create(task.folder.join(format!("{name}.log"))).unwrap();
            let words = [words(&container["EntryPoint"]), words(&container["Command"])].concat();
            let process = task
                .command(cloud, container, &words)
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            task.containers.push(Container {
                name: name.to_owned(),
                definition: container.clone(),
                process,
            });
            task.wait_until_healthy(cloud, container);
        }
        task
    }

    /// A container's command in its environment, with its user and its limits.
    fn command(&self, cloud: &Cloud, container: &Value, words: &[String]) -> Command {
        let mut command = self.interface.command(Path::new("prlimit"));
        for limit in container["Ulimits"].as_array().into_iter().flatten() {
            command.arg(format!(
                "--{}={}:{}",
                limit["Name"].as_str().unwrap(),
                limit["SoftLimit"],
                limit["HardLimit"]
            ));
        }
        if let Some(user) = user(container) {
            command.args([
                "setpriv",
                &format!("--reuid={user}"),
                &format!("--regid={user}"),
                "--clear-groups",
            ]);
        }
        command.args(words);
        command
            .env_clear()
            .current_dir(&self.folder)
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", cloud.programs.display()),
            )
            .process_group(0)
            // What the task's role gives, and where S3 is.
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_ENDPOINT_URL_S3", &cloud.endpoint)
            .stdin(Stdio::null());
        let volumes = self.volumes(container);
        for variable in container["Environment"].as_array().into_iter().flatten() {
            let value = match &variable["Value"] {
                Value::String(text) => text.clone(),
                reference if reference["Ref"] == "AWS::Region" => "us-east-1".to_owned(),
                other => panic!("a value that only CloudFormation knows: {other}"),
            };
            // A volume is a folder of this machine here.
            let value = volumes
                .get(&value)
                .map_or(value, |folder| folder.display().to_string());
            command.env(variable["Name"].as_str().unwrap(), value);
        }
        command
    }

    /// The folders behind a container's mount points.
    fn volumes(&self, container: &Value) -> BTreeMap<String, PathBuf> {
        let mounts = container["MountPoints"].as_array().into_iter().flatten();
        mounts
            .map(|mount| {
                let folder = self.folder.join(mount["SourceVolume"].as_str().unwrap());
                if !folder.exists() {
                    fs::create_dir(&folder).unwrap();
                    // The image declares the folder as its user's.
                    if let Some(user) = user(container) {
                        let id = user.parse().unwrap();
                        std::os::unix::fs::chown(&folder, Some(id), Some(id)).unwrap();
                    }
                }
                (mount["ContainerPath"].as_str().unwrap().to_owned(), folder)
            })
            .collect()
    }

    fn wait_until_healthy(&mut self, cloud: &Cloud, container: &Value) {
        let check = words(&container["HealthCheck"]["Command"]);
        let Some((kind, check)) = check.split_first() else {
            return;
        };
        assert_eq!(kind, "CMD");
        eventually("the container gets healthy", 60, || {
            let ended = self.containers.last_mut().unwrap().process.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{} has ended: {ended:?}\n{}",
                container["Name"],
                self.logs()
            );
            let mut command = self.command(cloud, container, check);
            let output = command.output().unwrap();
            let healthy = output.status.success();
            if !healthy {
                std::thread::sleep(Duration::from_millis(200));
            }
            healthy
        });
    }

    /// What the containers have said.
    pub(crate) fn logs(&self) -> String {
        let read =
            |name: &str| fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
        self.containers
            .iter()
            .map(|one| format!("--- {}\n{}", one.name, read(&one.name)))
            .collect()
    }

    /// The processes of the containers, by name.
    pub(crate) fn processes(&self) -> BTreeMap<String, u32> {
        self.containers
            .iter()
            .map(|one| (one.name.clone(), one.process.id()))
            .collect()
    }

    /// Stops it as ECS does: the last started first, each with SIGTERM, and SIGKILL after its `stopTimeout`. Gives how
    /// each ended.
    pub(crate) fn stop(mut self) -> BTreeMap<String, ExitStatus> {
        let mut ended = BTreeMap::new();
        while let Some(mut container) = self.containers.pop() {
            signal(container.process.id(), "TERM");
            let given = container.definition["StopTimeout"].as_u64().unwrap_or(30);
            let begun = Instant::now();
            let status = loop {
                if let Some(status) = container.process.try_wait().unwrap() {
                    break status;
                }
                if begun.elapsed() > Duration::from_secs(given) {
                    signal(container.process.id(), "KILL");
                    break container.process.wait().unwrap();
                }
                std::thread::sleep(Duration::from_millis(50));
            };
            ended.insert(container.name, status);
        }
        ended
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        for container in &mut self.containers {
            // With what it has started: an agent its Envoy.
            let group = format!("-{}", container.process.id());
            let _ = Command::new("kill")
                .args(["-s", "KILL", "--", &group])
                .stderr(Stdio::null())
                .status();
            let _ = container.process.wait();
        }
    }
}

fn signal(process: u32, name: &str) {
    let _ = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The containers, each after those that it waits for.
fn in_order(containers: &[Value]) -> Vec<&Value> {
    let mut left: Vec<&Value> = containers.iter().collect();
    let mut order: Vec<&Value> = Vec::new();
    while !left.is_empty() {
        let ready = |container: &Value| {
            let needed = container["DependsOn"].as_array().into_iter().flatten();
            needed
                .into_iter()
                .all(|one| order.iter().any(|done| done["Name"] == one["ContainerName"]))
        };
        let at = left
            .iter()
            .position(|container| ready(container))
            .unwrap_or_else(|| panic!("containers wait for each other"));
        let next = left.remove(at);
        order.push(next);
    }
    order
}

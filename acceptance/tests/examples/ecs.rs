//! Task definitions that were written, taken for what they are: their proxy is started as ECS would, and an ECS takes
//! and describes them.

use meshform_acceptance::http::Client;
use meshform_acceptance::upstream::Upstream;
use meshform_acceptance::{ports, tools};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a proxy may take to be healthy, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

fn compile(folder: &Path, inputs: &[(&str, Value)], more: &[&str]) {
    for (name, json) in inputs {
        fs::write(folder.join(name), json.to_string()).unwrap();
    }
    let mut meshform = Command::new(tools::meshform());
    meshform
        .current_dir(folder)
        .args(["compile", "--target", "ecs", "--out", "out"]);
    let output = meshform
        .args(inputs.iter().map(|(name, _)| name))
        .args(more)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn read(folder: &Path, path: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join("out").join(path)).unwrap()).unwrap()
}

/// A container's process, which ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of a container in its environment. With `read_only` nothing of the file system may be written to.
fn command(container: &Value, command: &[&str], read_only: bool) -> Command {
    let mut words = Vec::new();
    if read_only {
        // The mount namespace is the process's own.
        let make = "mount -o remount,bind,ro / && for place in /tmp /var/tmp /dev/shm; do mount --bind $place $place && \
                    mount -o remount,bind,ro $place || exit 1; done; \
                    if touch /tmp/written 2>/dev/null || touch /written 2>/dev/null; then exit 1; fi; exec \"$@\"";
        words.extend(["unshare", "-rm", "sh", "-c", make, "sh"]);
    }
    words.extend(command);
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    let envoy = tools::envoy();
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .args(arguments)
        .env("PATH", format!("{}:{path}", envoy.parent().unwrap().display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for variable in container["Environment"].as_array().unwrap() {
        command.env(
            variable["Name"].as_str().unwrap(),
            variable["Value"].as_str().unwrap(),
        );
    }
    command
}

fn words<'j>(container: &'j Value, field: &str) -> Vec<&'j str> {
    let list = container[field].as_array().into_iter().flatten();
    list.map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn a_proxy_whose_root_is_read_only_gets_healthy_serves_and_drains() {
    let folder = tempfile::tempdir().unwrap();
    let app = Upstream::start("till").unwrap();
    let [listener, admin, outbound] = ports::several().unwrap();
    let mesh = json!([
        {"meshName": "shop", "spec": {}},
        {"meshName": "shop", "virtualNodeName": "till", "spec": {
            "listeners": [{"portMapping": {"port": listener, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "till.shop.internal"}}}},
        {"meshName": "shop", "proxyProfileName": "till", "spec": {
            "virtualNode": "till",
            "admin": {"port": admin},
            "drain": {"time": {"unit": "s", "value": 1}},
            "interception": {"explicit": {"port": outbound}},
            "inbound": {"appPorts": [{"listenerPort": listener, "appPort": app.address().port()}]}}},
    ]);
    compile(
        folder.path(),
        &[("mesh.json", mesh)],
        &["--configuration", "static"],
    );
    let stack = read(folder.path(), "shop/virtualNode/till/stack.json");
    let task = &stack["Resources"]["TaskDefinition"]["Properties"];
    let containers = task["ContainerDefinitions"].as_array().unwrap();
    let envoy = containers.iter().find(|one| one["Name"] == "envoy").unwrap();
    assert_eq!(envoy["ReadonlyRootFilesystem"], true);
    let start = [words(envoy, "EntryPoint"), words(envoy, "Command")].concat();
    let mut running = Running(command(envoy, &start, true).spawn().unwrap());

    let check = words(&envoy["HealthCheck"], "Command");
    assert_eq!(check[0], "CMD");
    let begun = Instant::now();
    while !command(envoy, &check[1..], false).status().unwrap().success() {
        assert!(running.0.try_wait().unwrap().is_none(), "the proxy has ended");
        assert!(begun.elapsed() < PATIENCE, "the proxy does not get healthy");
        sleep(Duration::from_millis(100));
    }
    let mut client = Client::new(([127, 0, 0, 1], listener).into());
    let answer = client.get("till.shop.internal", "/", &[]).unwrap();
    assert_eq!((answer.status, answer.service()), (200, "till"));

    // As ECS stops a container.
    let stopped = Command::new("kill")
        .arg(running.0.id().to_string())
        .status()
        .unwrap();
    assert!(stopped.success());
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = running.0.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "the proxy does not end");
        sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{status}");
}

#[test]
fn an_ecs_takes_and_describes_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = json!([
        {"meshName": "shop", "spec": {}},
        {"meshName": "shop", "virtualNodeName": "till", "spec": {
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "till.shop.internal"}}}},
    ]);
    let variables = json!([{"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualNode/till"}]);
    let pairs = [
        ("AppPorts", "8080"),
        ("IgnoredUID", "1337"),
        ("ProxyEgressPort", "15001"),
        ("ProxyIngressPort", "15000"),
    ];
    let properties: Vec<Value> = pairs
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let task = json!({
        "family": "till", "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [
            {"name": "app", "image": "till:7", "portMappings": [{"containerPort": 8080}]},
            {"name": "envoy", "image": "aws-appmesh-envoy:v1.29", "environment": variables},
        ],
        "proxyConfiguration": {"type": "APPMESH", "containerName": "envoy", "properties": properties},
    });
    let agent = [
        "--proxy-image",
        "registry/proxy:1",
        "--proxy-store",
        "s3://bucket/apps",
    ];
    compile(folder.path(), &[("mesh.json", mesh), ("task.json", task)], &agent);
    let written = read(folder.path(), "shop/virtualNode/till/task-definition.json");

    // The client holds every field against ECS's own model before it asks.
    let moto = crate::moto::Moto::start();
    let script = "import boto3, json, sys\n\
                  ecs = boto3.client('ecs', endpoint_url=sys.argv[1], region_name='eu-central-1',\n\
                  \x20   aws_access_key_id='a', aws_secret_access_key='b')\n\
                  ecs.register_task_definition(**json.load(sys.stdin))\n\
                  print(json.dumps(ecs.describe_task_definition(taskDefinition='till')['taskDefinition'], default=str))\n";
    let path = folder
        .path()
        .join("out/shop/virtualNode/till/task-definition.json");
    let output = Command::new(tools::moto_python())
        .args(["-I", "-c", script, &format!("http://{}", moto.address())])
        .stdin(fs::File::open(path).unwrap())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let described: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(described["proxyConfiguration"], written["proxyConfiguration"]);
    let by_name = |task: &Value| -> BTreeMap<String, Value> {
        let all = task["containerDefinitions"].as_array().unwrap().iter();
        all.map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone()))
            .collect()
    };
    let (described, written) = (by_name(&described), by_name(&written));
    assert_eq!(described.len(), 2);
    for (name, container) in written {
        for (field, value) in container.as_object().unwrap() {
            let there = &described[&name][field];
            // ECS fills in the host's port.
            assert!(
                field == "portMappings" || there == value,
                "{name}.{field}: {there} is not {value}"
            );
        }
    }
}

//! A mesh written piece by piece, and real Envoys that run on what the compiler makes of it.

use super::mutation;
use super::namespace;
use super::servers::free_port;
use super::sheet::eventually;
use super::steps::{UpdateStage, steps};
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::http::{Client, Response};
use meshform_acceptance::tools;
use meshform_envoy::Files;
use meshform_envoy::{self as envoy, Options};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use serde_json::{Map, Value, json};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The mesh `apps`, in which the node `web` calls others; they are where `endpoints` says.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    resources: Map<String, Value>,
    endpoints: Vec<Value>,
    /// Where `web` listens for its application.
    pub(crate) port: u16,
    /// What Envoy's command line has besides.
    pub(crate) arguments: Vec<String>,
    /// As whom Envoy runs, where not as ourselves.
    pub(crate) user: Option<namespace::User>,
}

pub(crate) struct TestedProxy {
    pub(crate) envoy: Envoy,
    /// Where `web` listens for its application.
    pub(crate) port: u16,
    pub(crate) admin: u16,
    pub(crate) directory: PathBuf,
    key: ResourceKey,
    profile: Value,
    published: Files,
    root: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let mut plan = Self {
            resources: Map::new(),
            endpoints: Vec::new(),
            port: free_port(),
            arguments: Vec::new(),
            user: None,
        };
        plan.set("", json!({"egressFilter": {"type": "DROP_ALL"}}));
        plan.set("virtualNode/web", json!({"backends": []}));
        plan
    }

    /// A resource by its path in the mesh: a spec, or `{"spec": …, "extensions": …}`.
    pub(crate) fn set(&mut self, path: &str, spec: Value) {
        self.resources.insert(path.to_owned(), spec);
    }

    /// Takes a resource away, and where it was found.
    pub(crate) fn remove(&mut self, path: &str) {
        self.resources.remove(path);
        let name = path.strip_prefix("virtualNode/");
        self.endpoints.retain(|one| one["virtualNode"].as_str() != name);
    }

    /// A place in what is there already.
    pub(crate) fn at(&mut self, path: &str, pointer: &str) -> &mut Value {
        self.resources
            .get_mut(path)
            .unwrap()
            .pointer_mut(pointer)
            .unwrap()
    }

    /// A node that listens on `port`, and is to be found at `actual` on the loopback address.
    pub(crate) fn node(&mut self, name: &str, port: u16, protocol: &str, actual: u16) {
        self.node_with(
            name,
            json!({"portMapping": {"port": port, "protocol": protocol}}),
            &[actual],
        );
    }

    /// A node with that listener, found at these ports of the loopback address.
    pub(crate) fn node_with(&mut self, name: &str, listener: Value, actual: &[u16]) {
        self.set(
            &format!("virtualNode/{name}"),
            json!({"listeners": [listener], "serviceDiscovery": {"dns": {"hostname": format!("{name}.apps.local")}}}),
        );
        self.found(name, actual);
    }

    /// Where a node is found: ports of the loopback address.
    pub(crate) fn found(&mut self, name: &str, actual: &[u16]) {
        let addresses: Vec<Value> = actual
            .iter()
            .map(|port| json!({"address": "127.0.0.1", "port": port}))
            .collect();
        self.endpoints.retain(|one| one["virtualNode"] != name);
        self.endpoints
            .push(json!({"virtualNode": name, "addresses": addresses}));
    }

    /// A service that a node provides, and that `web` may call.
    pub(crate) fn served_by_node(&mut self, service: &str, node: &str) {
        self.set(
            &format!("virtualService/{service}"),
            json!({"provider": {"virtualNode": {"virtualNodeName": node}}}),
        );
        self.backend(service);
    }

    /// A service that a router of its own provides on `port`, and that `web` may call.
    pub(crate) fn served_by_router(&mut self, service: &str, router: &str, port: u16, protocol: &str) {
        self.set(
            &format!("virtualRouter/{router}"),
            json!({"listeners": [{"portMapping": {"port": port, "protocol": protocol}}]}),
        );
        self.set(
            &format!("virtualService/{service}"),
            json!({"provider": {"virtualRouter": {"virtualRouterName": router}}}),
        );
        self.backend(service);
    }

    pub(crate) fn backend(&mut self, service: &str) {
        let backends = self.at("virtualNode/web", "/backends").as_array_mut().unwrap();
        backends.push(json!({"virtualService": {"virtualServiceName": service}}));
    }

    /// A route to one node.
    pub(crate) fn route(&mut self, path: &str, kind: &str, rule: Value, node: &str) {
        let (router, name) = path.split_once('/').unwrap();
        let mut spec = json!({kind: rule});
        if let Some(priority) = spec[kind].as_object_mut().unwrap().remove("priority") {
            spec["priority"] = priority;
        }
        spec[kind]["action"] = json!({"weightedTargets": [{"virtualNode": node, "weight": 1}]});
        self.set(&format!("virtualRouter/{router}/route/{name}"), spec);
    }

    /// The gateway `front` before a service, with that TLS policy for what it calls; gives its port, and the profile that its
    /// proxy needs.
    pub(crate) fn gateway_before(&mut self, service: &str, policy: &Value) -> (u16, Value) {
        let port = free_port();
        self.set(
            "virtualGateway/front",
            json!({"listeners": [{"portMapping": {"port": port, "protocol": "http"}}],
                "backendDefaults": {"clientPolicy": {"tls": policy}}}),
        );
        let target = json!({"virtualService": {"virtualServiceName": service}});
        let rule = json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"target": target}}});
        self.set("virtualGateway/front/gatewayRoute/all", rule);
        (port, json!({"interception": {"explicit": {"port": free_port()}}}))
    }

    /// Starts the proxy of `web`; `profile` adds to its profile.
    pub(crate) fn start(&self, profile: Value) -> TestedProxy {
        let base = json!({"virtualNode": "web", "interception": {"explicit": {"port": self.port}}});
        self.run("virtualNode/web", merged(base, profile))
    }

    /// Starts the proxy of any node or gateway.
    pub(crate) fn run(&self, path: &str, profile: Value) -> TestedProxy {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().to_owned();
        let admin = free_port();
        let mut plan = self.clone();
        plan.profile(path, admin, profile.clone());
        let key = ResourceKey::from_path(&format!("mesh/apps/{path}")).unwrap();
        let proxy = built(&plan.mesh(), &key, &root);
        let directory = PathBuf::from(&proxy.directory);
        let files = mutation::applied(proxy.files());
        let steps = steps(&Files::new(), &files);
        publish(&directory, &steps[0]);
        let bootstrap = root.join("bootstrap.json");
        fs::write(&bootstrap, &files["bootstrap.json"]).unwrap();
        let envoy = Envoy::start_by(self.program(&root), &bootstrap, admin, &root.join("envoy.log")).unwrap();
        let rejected = envoy.rejected_updates().unwrap();
        assert!(rejected.is_empty(), "{rejected:?}\n{}", envoy.log());
        assert!(!envoy.log().contains("Deprecated field"), "{}", envoy.log());
        TestedProxy {
            envoy,
            port: self.port,
            admin,
            directory,
            key,
            profile,
            published: steps[0].files.clone(),
            root,
            _temporary: temporary,
        }
    }

    /// Envoy, as whoever is to run it; that user may read and write below `root`.
    fn program(&self, root: &Path) -> Command {
        let Some(user) = self.user else {
            let mut program = Command::new(tools::envoy());
            program.args(&self.arguments);
            return program;
        };
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(root, open).unwrap();
        namespace::as_user(user, &tools::envoy().canonicalize().unwrap())
    }

    /// The profile of a node's or gateway's proxy.
    pub(crate) fn profile(&mut self, path: &str, admin: u16, profile: Value) {
        let (kind, name) = path.split_once('/').unwrap();
        let base = json!({kind: name, "admin": {"port": admin}, "endpoints": self.endpoints});
        self.set(&format!("proxyProfile/{name}"), merged(base, profile));
    }

    pub(crate) fn mesh(&self) -> Mesh {
        let resources = self.resources.iter().map(|(path, body)| {
            let path = match path.as_str() {
                "" => "mesh/apps".to_owned(),
                path => format!("mesh/apps/{path}"),
            };
            let key = ResourceKey::from_path(&path).unwrap();
            let spec = body.get("spec").unwrap_or(body);
            let extensions = body.get("extensions").unwrap_or(&Value::Null);
            let resource = Resource::from_json(key, spec).and_then(|one| one.with_extensions(extensions));
            resource.unwrap_or_else(|e| panic!("{path}: {e}"))
        });
        Mesh::new(resources.collect()).unwrap()
    }
}

impl TestedProxy {
    /// A client of `web`'s port.
    pub(crate) fn client(&self) -> Client {
        Client::new(SocketAddr::from(([127, 0, 0, 1], self.port)))
    }

    /// One request to a service, over a connection of its own.
    pub(crate) fn get(&self, host: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        self.client().get(host, path, headers).unwrap()
    }

    /// The sum of all counters that a regular expression matches.
    pub(crate) fn sum(&self, filter: &str) -> u64 {
        self.envoy.endpoint().sum(filter).unwrap()
    }

    /// Another profile, from the next [`follow`](Self::follow) on; fields that it does not name stay.
    pub(crate) fn change_profile(&mut self, profile: Value) {
        self.profile = merged(std::mem::take(&mut self.profile), profile);
    }
    pub(crate) fn key(&self) -> &ResourceKey {
        &self.key
    }

    /// The mesh with the profile that this proxy runs with.
    pub(crate) fn mesh(&self, plan: &Plan) -> Mesh {
        let mut plan = plan.clone();
        let path = format!("{}/{}", self.key.kind.name(), self.key.name);
        plan.profile(&path, self.admin, self.profile.clone());
        plan.mesh()
    }

    /// Publishes the mesh's next state step by step, each when Envoy has the one before.
    pub(crate) fn follow(&mut self, plan: &Plan) {
        let proxy = built(&self.mesh(plan), &self.key, &self.root);
        for step in steps(&self.published, &mutation::applied(proxy.files())) {
            publish(&self.directory, &step);
            eventually("Envoy has what was published", 20, || self.has(&step));
            // Its workers learn of it a moment after its main thread.
            std::thread::sleep(Duration::from_millis(100));
            self.published = step.files;
        }
    }

    fn has(&self, step: &UpdateStage) -> bool {
        let stats = self
            .envoy
            .admin("/stats?filter=version_text|warming_clusters")
            .unwrap();
        let mut versions = step.files.values().filter_map(|content| {
            let file: Value = serde_json::from_slice(content).unwrap();
            file["version_info"].as_str().map(str::to_owned)
        });
        stats.contains("warming_clusters: 0") && versions.all(|version| stats.contains(&version))
    }
}

/// What the compiler makes for one proxy.
pub(crate) fn built(mesh: &Mesh, key: &ResourceKey, root: &Path) -> envoy::BuiltProxy {
    let output = envoy::build(mesh, &Options::new(root.to_str().unwrap())).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    });
    output
        .proxies
        .into_iter()
        .find(|proxy| proxy.key == *key)
        .unwrap()
}

/// Puts a release beside the others and swaps the link.
fn publish(directory: &Path, step: &UpdateStage) {
    let release = directory.join("releases").join(&step.digest);
    for (path, content) in &step.files {
        let path = release.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let next = directory.join("next");
    let _ = fs::remove_file(&next);
    std::os::unix::fs::symlink(&release, &next).unwrap();
    fs::rename(&next, directory.join("current")).unwrap();
}

/// Objects joined, the second's fields over the first's.
pub(crate) fn merged(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (name, value) in over {
                let before = base.remove(&name).unwrap_or(Value::Null);
                base.insert(name, merged(before, value));
            }
            Value::Object(base)
        }
        (base, Value::Null) => base,
        (_, over) => over,
    }
}

/// Seconds, as durations are written.
pub(crate) fn seconds(value: u64) -> Value {
    json!({"unit": "s", "value": value})
}

/// Milliseconds, as durations are written.
pub(crate) fn millis(value: u64) -> Value {
    json!({"unit": "ms", "value": value})
}

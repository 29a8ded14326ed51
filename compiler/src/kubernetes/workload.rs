//! The proxy beside the containers of a workload that somebody has: a native sidecar, so that it starts before them and
//! ends after them.
//!
//! What the proxy's container needs is computed once, for ECS; here it is put in Kubernetes' words.

use super::codes;
use crate::ecs::{self, Sidecar};
use crate::frontend::kubernetes::{labels, matches};
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::value::Node;
use serde_json::{Map, Value as Json, json};

/// What the container is called that redirects connections, as App Mesh's controller called it.
const INIT: &str = "proxyinit";
/// What the proxy's container is called.
const ENVOY: &str = "envoy";
/// What Kubernetes gives a pod to end that does not say.
const GRACE_SECONDS: u64 = 30;
/// The most that one ConfigMap may hold.
const MAX_CONFIG_MAP: usize = 1 << 20;
/// The properties of an interception, and the variables that App Mesh's image takes them by.
const VARIABLES: [(&str, &str); 7] = [
    ("AppPorts", "APPMESH_APP_PORTS"),
    ("EgressIgnoredIPs", "APPMESH_EGRESS_IGNORED_IP"),
    ("EgressIgnoredPorts", "APPMESH_EGRESS_IGNORED_PORTS"),
    ("IgnoredGID", "APPMESH_IGNORE_GID"),
    ("IgnoredUID", "APPMESH_IGNORE_UID"),
    ("ProxyEgressPort", "APPMESH_ENVOY_EGRESS_PORT"),
    ("ProxyIngressPort", "APPMESH_ENVOY_INGRESS_PORT"),
];

/// Whether a manifest makes pods in that namespace with labels that the selector matches.
pub fn selects(workload: &Json, namespace: &str, selector: &Json) -> bool {
    let own = workload.pointer("/metadata/namespace").and_then(Json::as_str);
    let pod = template(workload.get("kind").and_then(Json::as_str));
    let labelled = workload
        .pointer(&format!("{pod}/metadata/labels"))
        .map(Node::from_json);
    // No selector matches nothing.
    own.unwrap_or("default") == namespace
        && selector.is_object()
        && matches(&Node::from_json(selector), &labels(labelled.as_ref()))
}

/// The name of a file for a workload: its kind and name.
pub fn file_name(workload: &Json) -> String {
    let text = |at: &str| workload.pointer(at).and_then(Json::as_str).unwrap_or_default();
    let kind = text("/kind").to_ascii_lowercase();
    format!(
        "{kind}-{}",
        meshform_model::file_name::file_name(text("/metadata/name"))
    )
}

/// Where a manifest has its pod, as a JSON pointer.
fn template(kind: Option<&str>) -> &'static str {
    match kind {
        Some("Pod") => "",
        Some("CronJob") => "/spec/jobTemplate/spec/template",
        _ => "/spec/template",
    }
}

/// What comes into the pods of a workload.
#[derive(Debug)]
pub struct PodProxy<'p> {
    pub key: &'p ResourceKey,
    /// Its container, and what the application's containers need, as for ECS.
    pub made: &'p Sidecar,
    /// The volume of its configuration.
    pub volume: Json,
    /// The image that redirects connections.
    pub init_image: Option<&'p str>,
    /// Names that the application's resolver shall find at an address of the proxy.
    pub hosts: Vec<(String, String)>,
}

/// The workload with the proxy in it. Applied to its own result it changes nothing.
///
/// # Errors
/// Where the interception needs an image that was not given.
pub fn beside(workload: &Json, proxy: &PodProxy<'_>) -> Result<Json, Box<Diagnostic>> {
    let mut workload = workload.clone();
    let at = template(workload.get("kind").and_then(Json::as_str));
    let Some(Json::Object(pod)) = workload.pointer_mut(&format!("{at}/spec")) else {
        return Ok(workload);
    };
    let made = proxy.made.containers.as_array();
    let containers = || made.into_iter().flatten().filter_map(Json::as_object);
    let named = |name: &str| containers().find(|one| one.get("name").and_then(Json::as_str) == Some(name));
    let Some(ours) = named(ENVOY) else {
        return Ok(workload);
    };
    let stop = ours.get("stopTimeout").and_then(Json::as_u64).unwrap_or_default();
    let grace = pod.get("terminationGracePeriodSeconds").and_then(Json::as_u64);
    let grace = grace.unwrap_or(GRACE_SECONDS).max(stop);
    pod.insert("terminationGracePeriodSeconds".to_owned(), json!(grace));
    let mut envoy = container(ours);
    if proxy.key.kind == Kind::VirtualGateway {
        // Its pods have no other container.
        change(pod, "containers", |containers| replace(containers, envoy));
    } else {
        envoy.insert("restartPolicy".to_owned(), json!("Always"));
        let mut before = vec![Json::Object(envoy)];
        before.extend(init(proxy)?);
        change(pod, "initContainers", |all| {
            all.retain(|one| !is_called(one, ENVOY) && !is_called(one, INIT));
            before.append(all);
            *all = before;
        });
        let application = containers().find(|one| one.get("name").and_then(Json::as_str) != Some(ENVOY));
        let variables = application
            .and_then(|one| one.get("environment"))
            .cloned()
            .unwrap_or_default();
        change(pod, "containers", |all| {
            // What App Mesh's own injection had put there.
            all.retain(|one| !is_called(one, ENVOY));
            for one in all.iter_mut().filter_map(Json::as_object_mut) {
                merge(one, "env", &variables, "name");
            }
        });
    }
    merge(pod, "volumes", &json!([proxy.volume]), "name");
    let hosts: Vec<Json> = proxy
        .hosts
        .iter()
        .map(|(address, name)| json!({"ip": address, "hostnames": [name]}))
        .collect();
    merge(pod, "hostAliases", &Json::Array(hosts), "ip");
    Ok(workload)
}

/// The container that redirects connections, where they are redirected.
fn init(proxy: &PodProxy<'_>) -> Result<Option<Json>, Box<Diagnostic>> {
    let Some(configuration) = &proxy.made.proxy_configuration else {
        return Ok(None);
    };
    let Some(image) = proxy.init_image else {
        let problem = Diagnostic::error(
            codes::INTERCEPTION,
            format!(
                "the pods of {} need a container that redirects connections to the proxy",
                proxy.key
            ),
        );
        let problem = problem.help(
            "name its image by `--init-image IMAGE` (App Mesh's `aws-appmesh-proxy-route-manager`, or one that takes its \
             variables), or choose explicit interception in the proxy profile",
        );
        return Err(Box::new(
            problem.at(ProblemLocation::of(proxy.key, &Pointer::root())),
        ));
    };
    let mut variables = vec![json!({"name": "APPMESH_START_ENABLED", "value": "1"})];
    variables.extend(VARIABLES.iter().filter_map(|(property, variable)| {
        let value = configuration.properties.get(*property)?;
        Some(json!({"name": variable, "value": value}))
    }));
    Ok(Some(json!({
        "name": INIT,
        "image": image,
        "env": variables,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}, "runAsUser": 0},
    })))
}

/// A container of ECS in Kubernetes' words.
fn container(ours: &Map<String, Json>) -> Map<String, Json> {
    let all = |name: &str| ours.get(name).and_then(Json::as_array).into_iter().flatten();
    let mut out = Map::new();
    let mut set = |name: &str, value: Json| {
        if value.as_array().is_none_or(|items| !items.is_empty()) {
            out.insert(name.to_owned(), value);
        }
    };
    for (from, to) in [
        ("name", "name"),
        ("image", "image"),
        ("entryPoint", "command"),
        ("command", "args"),
        ("environment", "env"),
    ] {
        if let Some(value) = ours.get(from) {
            set(to, value.clone());
        }
    }
    let ports = all("portMappings").filter_map(|mapping| mapping.get("containerPort"));
    set(
        "ports",
        ports
            .map(|port| json!({"containerPort": port, "protocol": "TCP"}))
            .collect(),
    );
    let mounts = all("mountPoints").map(|mount| {
        json!({
            "name": mount.get("sourceVolume"),
            "mountPath": mount.get("containerPath"),
            "readOnly": mount.get("readOnly"),
        })
    });
    set("volumeMounts", mounts.collect());
    // `CMD` is a word of ECS's.
    let health = ours
        .get("healthCheck")
        .and_then(|check| check.get("command"))
        .and_then(Json::as_array);
    let health: Vec<&Json> = health.into_iter().flatten().skip(1).collect();
    let probe = |period: u64, failures: u64| {
        json!({
            "exec": {"command": health},
            "periodSeconds": period,
            "timeoutSeconds": 2,
            "failureThreshold": failures,
        })
    };
    if !health.is_empty() {
        set("startupProbe", probe(1, 180));
        set("readinessProbe", probe(5, 3));
    }
    set("resources", json!({"requests": {"cpu": "10m", "memory": "64Mi"}}));
    let mut security = Map::new();
    security.insert("allowPrivilegeEscalation".to_owned(), json!(false));
    security.insert("capabilities".to_owned(), json!({"drop": ["ALL"]}));
    let user = ours
        .get("user")
        .and_then(Json::as_str)
        .and_then(|user| user.parse::<u64>().ok());
    if let Some(user) = user {
        security.insert("runAsUser".to_owned(), json!(user));
        security.insert("runAsNonRoot".to_owned(), json!(user != 0));
    }
    if let Some(read_only) = ours.get("readonlyRootFilesystem") {
        security.insert("readOnlyRootFilesystem".to_owned(), read_only.clone());
    }
    set("securityContext", Json::Object(security));
    out
}

/// Replaces the container of that name by the proxy; what that one has of its own stays.
fn replace(containers: &mut Vec<Json>, mut envoy: Map<String, Json>) {
    let Some(old) = containers.iter_mut().find(|one| is_called(one, ENVOY)) else {
        return containers.push(Json::Object(envoy));
    };
    for (name, value) in old.as_object().into_iter().flatten() {
        match name.as_str() {
            "resources" => drop(envoy.insert(name.clone(), value.clone())),
            "env" => {
                let own = value.as_array().into_iter().flatten();
                let foreign = |one: &&Json| {
                    let called = one.get("name").and_then(Json::as_str).unwrap_or_default();
                    !called.starts_with("APPMESH_") && !called.starts_with("MESHFORM_")
                };
                merge(&mut envoy, "env", &own.filter(foreign).cloned().collect(), "name");
            }
            "ports" => merge(&mut envoy, name, value, "containerPort"),
            "volumeMounts" => merge(&mut envoy, name, value, "mountPath"),
            _ => {}
        }
    }
    *old = Json::Object(envoy);
}

fn is_called(container: &Json, name: &str) -> bool {
    container.get("name").and_then(Json::as_str) == Some(name)
}

/// Changes a list of an object; one that is not there is empty, and one that became empty is not written.
fn change(object: &mut Map<String, Json>, name: &str, work: impl FnOnce(&mut Vec<Json>)) {
    let mut items = match object.remove(name) {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    };
    work(&mut items);
    if !items.is_empty() {
        object.insert(name.to_owned(), Json::Array(items));
    }
}

/// Adds to a list the elements that it does not have, distinguished by `key`.
fn merge(object: &mut Map<String, Json>, name: &str, more: &Json, key: &str) {
    let more = more.as_array().into_iter().flatten();
    let there = object
        .get(name)
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let missing: Vec<Json> = more
        .filter(|element| !there.iter().any(|one| one.get(key) == element.get(key)))
        .cloned()
        .collect();
    if !missing.is_empty() {
        change(object, name, |all| all.extend(missing));
    }
}

/// The ConfigMap of a proxy's files, and the volume that puts them where its Envoy follows them. `files` are by their
/// paths below the proxy's directory.
///
/// # Errors
/// Where the files are more than one ConfigMap may hold.
pub fn config_map(
    key: &ResourceKey,
    namespace: &str,
    files: &[(String, Vec<u8>)],
) -> Result<(Json, Json), Box<Diagnostic>> {
    let name = config_map_name(key);
    let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    if size > MAX_CONFIG_MAP {
        let message = format!("the files of {key} are {size} bytes, and a ConfigMap holds {MAX_CONFIG_MAP}");
        let problem = Diagnostic::error(codes::NOT_EXPRESSIBLE, message)
            .help("let the agent fetch them from a bucket: `--configuration agent`");
        return Err(Box::new(problem.at(ProblemLocation::of(key, &Pointer::root()))));
    }
    let mut data = Map::new();
    let mut items = Vec::new();
    for (number, (path, bytes)) in files.iter().enumerate() {
        let valid = |c: char| {
            if c.is_ascii_alphanumeric() || "-._".contains(c) {
                c
            } else {
                '_'
            }
        };
        let mut called: String = path.chars().map(valid).collect();
        if data.contains_key(&called) {
            called = format!("{number}-{called}");
        }
        data.insert(called.clone(), String::from_utf8_lossy(bytes).into());
        items.push(json!({"key": called, "path": path}));
    }
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    });
    let volume = json!({"name": ecs::VOLUME, "configMap": {"name": name, "items": items}});
    Ok((map, volume))
}

/// The volume on which the agent keeps what it brought.
pub fn kept_by_the_agent() -> Json {
    json!({"name": ecs::VOLUME, "emptyDir": {}})
}

fn config_map_name(key: &ResourceKey) -> String {
    let kind = match key.kind {
        Kind::VirtualGateway => "gateway",
        _ => "node",
    };
    format!(
        "meshform-{}-{kind}-{}",
        super::names::object_name(&key.mesh),
        super::names::object_name(&key.name)
    )
}

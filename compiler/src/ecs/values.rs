//! What a proxy's task needs: the proxy's container, what the application has to know, the interception. Everything
//! that has a meaning is computed here, in the API's spelling, and sorted; templates only place it.

use super::names::to_cloudformation;
use super::render::{self, Templates};
use super::{
    BOOTSTRAP, Delivery, Task, VOLUME, app, check, codes, companions, mounts, patch, ports, registry,
};
use crate::frontend::workloads::Workload;
use crate::policy;
use base64::Engine;
use flate2::{Compression, GzBuilder};
use meshform_model::agent::{self, variables};
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::digest::suffix;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::spec::{ExplicitInterception, Interception, ProxyProfileSpec, TransparentInterception};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// How the Envoy image's user is called by App Mesh's interception, and by us where nothing else is said.
pub(super) const USER: u64 = TransparentInterception::DEFAULT_USER;
/// ECS's own metadata and credentials: never through the proxy.
pub(super) const METADATA: [&str; 2] = ["169.254.169.254", "169.254.170.2"];
/// What App Mesh's walkthroughs gave Envoy; a lower limit made it crash.
const OPEN_FILES: u32 = 15_000;
/// ECS kills a container at most so long after it asked it to stop.
const MAX_STOP_SECONDS: u64 = 120;
/// Beside the drain: what Envoy takes to end.
const STOP_MARGIN: u64 = 10;
/// What ECS gives a container that does not say, such as the application.
pub(super) const APPLICATION_STOP_SECONDS: u64 = 30;

/// What a proxy's task needs.
pub(super) struct Parts {
    pub(super) envoy: Map<String, Json>,
    /// What the application's environment has to say: a list of names and values.
    pub(super) app_environment: Json,
    /// The application's container, but for its image and its logs; of no use for a gateway.
    pub(super) app: Map<String, Json>,
    /// What takes the proxy's traces and statistics, where somebody wants it.
    pub(super) collector: Option<Map<String, Json>>,
    /// The task's volumes that the proxy's container mounts.
    pub(super) volumes: Json,
    /// App Mesh's proxy configuration, where connections are intercepted.
    pub(super) proxy_configuration: Option<Json>,
}

impl Parts {
    pub(super) fn new(task: &Task<'_>, templates: &Templates, problems: &mut Vec<Diagnostic>) -> Self {
        let profile = task.mesh.profile_for(task.key);
        let ports = ports::listener_ports(task);
        let gateway = task.key.kind == Kind::VirtualGateway;
        let interception = profile.interception.clone().filter(|_| !gateway);
        let (mut app_environment, mut proxy_configuration) = (BTreeMap::new(), None);
        let (user, app_ports, envoy_ports) = match &interception {
            None => (None, Vec::new(), ports),
            // Envoy stands on the model's ports; the application behind them is reached over loopback only.
            Some(Interception::Explicit(explicit)) => {
                app_environment = explicit_environment(task.key, explicit, problems);
                (Some(USER), Vec::new(), ports)
            }
            Some(Interception::Transparent(transparent)) => {
                proxy_configuration = Some(intercepted(task.key, transparent, &ports, problems));
                let own = vec![transparent.ingress_port(), transparent.egress_port()];
                (Some(transparent.user()), ports, own)
            }
        };
        let mut envoy = Map::new();
        let mut set = |name: &str, value: Json| drop(envoy.insert(name.to_owned(), value));
        set("name", json!(super::ENVOY));
        set("essential", json!(true));
        set("memoryReservation", json!(64));
        set("portMappings", mappings(&envoy_ports));
        set("stopTimeout", json!(stop_timeout(task.key, &profile, problems)));
        set(
            "ulimits",
            json!([{"name": "nofile", "softLimit": OPEN_FILES, "hardLimit": OPEN_FILES}]),
        );
        if let Some(user) = user {
            set("user", json!(user.to_string()));
        }
        if !ports::privileged(task).is_empty() {
            set(
                "systemControls",
                json!([{"namespace": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]),
            );
        }
        // Nothing is written outside of volumes, unless a log is wanted where images let everybody write.
        if !task.files.iter().any(mounts::is_temporary) {
            set("readonlyRootFilesystem", json!(true));
        }
        let (volumes, delivered) = delivered(task, &profile, templates, problems);
        envoy.extend(delivered);
        let collector = companions::collector(task, &profile);
        Self {
            envoy,
            app: app::container(task, &app_environment, &app_ports, problems),
            app_environment: pairs(&app_environment),
            collector,
            volumes,
            proxy_configuration,
        }
    }

    /// What the task's role must allow.
    fn policies(&self, task: &Task<'_>) -> Json {
        let collector = self.collector.as_ref().map(|_| companions::collector_policy());
        let named = [("proxy", role_policy(task)), ("collector", collector)];
        let all = named.into_iter().filter_map(|(name, policy)| {
            policy.map(|policy| json!({"PolicyName": name, "PolicyDocument": policy}))
        });
        all.collect()
    }

    /// The container and port that a load balancer calls, where one may stand before the tasks.
    fn balanced(&self, task: &Task<'_>) -> Option<Json> {
        let is_gateway = task.key.kind == Kind::VirtualGateway;
        if !is_gateway && !registry::is_balanced(task.mesh, task.key) {
            return None;
        }
        let port = *ports::listener_ports(task).first()?;
        // What is intercepted comes to the application's port first.
        let container = match self.proxy_configuration {
            Some(_) => super::app::APP,
            None => super::ENVOY,
        };
        Some(json!({"container": container, "port": port}))
    }

    /// What the template of a task definition is given.
    pub(super) fn values(&self, task: &Task<'_>, registries: &registry::Registries<'_>) -> Json {
        let workload = task.workload;
        let number =
            |of: fn(&Workload) -> Option<u64>, default: u64| workload.and_then(of).unwrap_or(default);
        json!({
            "mesh": task.key.mesh,
            "kind": task.key.kind.name(),
            "name": task.key.name,
            "family": family(task),
            "description": description(task.key),
            "gateway": task.key.kind == Kind::VirtualGateway,
            "cpu": number(|of| of.cpu, 512).to_string(),
            "memory": number(|of| of.memory, 1024).to_string(),
            "count": number(|of| of.count, 1),
            "app": to_cloudformation(&Json::Object(self.app.clone())),
            "collector": self.collector.as_ref().map(|one| to_cloudformation(&Json::Object(one.clone()))),
            "envoy": to_cloudformation(&Json::Object(self.envoy.clone())),
            "parameters": patch::parameters(&task.delivery),
            "executionPolicy": app::execution_policy(task),
            "policies": self.policies(task),
            "ports": ports::listener_ports(task),
            "balanced": self.balanced(task),
            "registry": registries.of_proxy(task.mesh, task.key).map(|one| json!({"service": one.service, "shared": one.shared})),
            "serviceName": registry::attribute(task, registry::SERVICE_NAME),
            "volumes": to_cloudformation(&self.volumes),
            "proxyConfiguration": self.proxy_configuration.as_ref().map(to_cloudformation),
        })
    }
}

/// The volumes, and the members of the proxy's container that say how its configuration arrives.
fn delivered(
    task: &Task<'_>,
    profile: &ProxyProfileSpec,
    templates: &Templates,
    problems: &mut Vec<Diagnostic>,
) -> (Json, Map<String, Json>) {
    let mut members = Map::new();
    let mut set = |name: &str, value: Json| drop(members.insert(name.to_owned(), value));
    let (address, port) = profile.admin();
    let (bootstrap, volumes) = match task.delivery {
        Delivery::Static(bootstrap) | Delivery::Ads(bootstrap) => (bootstrap, json!([])),
        Delivery::Volume { bootstrap, directory } => {
            set(
                "mountPoints",
                json!([{"sourceVolume": VOLUME, "containerPath": directory, "readOnly": true}]),
            );
            (bootstrap, json!([{"name": VOLUME}]))
        }
        Delivery::Agent { image, store } => {
            let mut command = vec!["run".to_owned(), "--".to_owned(), "envoy".to_owned()];
            command.extend(flags(profile).into_iter().flatten());
            set("image", image.clone());
            set("entryPoint", json!(["meshform-agent"]));
            set("command", json!(command));
            set("healthCheck", health_check(&["meshform-agent", "health"]));
            let stop = stop_timeout(task.key, profile, &mut Vec::new());
            let mut environment = vec![
                json!({"name": variables::DIR, "value": agent::DIRECTORY}),
                json!({"name": variables::PROXY, "value": task.key.path()}),
                json!({"name": variables::STOP_TIMEOUT, "value": stop.to_string()}),
                json!({"name": variables::STORE, "value": store}),
            ];
            if let Some(ads) = task.ads {
                let more = [
                    (variables::ADS_BOOTSTRAP, ads.bootstrap),
                    (variables::CONTROL_PLANE, ads.api),
                ];
                let more = more.map(|(name, value)| json!({"name": name, "value": value}));
                environment.splice(0..0, more);
            }
            if *store == patch::store() {
                // The bucket is asked where it is; in a template that is known.
                environment.insert(0, json!({"name": "AWS_REGION", "value": {"Ref": "AWS::Region"}}));
            }
            set("environment", Json::Array(environment));
            set(
                "mountPoints",
                json!([{"sourceVolume": VOLUME, "containerPath": agent::DIRECTORY, "readOnly": false}]),
            );
            return (json!([{"name": VOLUME}]), members);
        }
    };
    if profile.image().contains("distroless") {
        problems.push(
            Diagnostic::error(
                codes::NO_SHELL,
                format!(
                    "the image `{}` has no shell, which starts Envoy where there is no agent",
                    profile.image()
                ),
            )
            .help(format!(
                "name an image with bash in the proxy profile, such as `{}`, or let the agent start Envoy",
                ProxyProfileSpec::DEFAULT_IMAGE
            ))
            .at(place(task.key)),
        );
    }
    set("image", json!(profile.image()));
    set("entryPoint", json!(["/bin/bash", "-c"]));
    set("command", json!([script(task.key, profile, templates, problems)]));
    set(
        "environment",
        json!([{"name": BOOTSTRAP, "value": packed(bootstrap)}]),
    );
    let probe = probe(loopback(address), port);
    set("healthCheck", health_check(&["/bin/bash", "-c", &probe]));
    (volumes, members)
}

pub(super) fn place(key: &ResourceKey) -> ProblemLocation {
    ProblemLocation::of(key, &Pointer::root())
}

/// What the task's role must allow; nothing where no agent asks a bucket.
fn role_policy(task: &Task<'_>) -> Option<Json> {
    let Delivery::Agent { store, .. } = task.delivery else {
        return None;
    };
    let needs = policy::Needs::of(task.mesh, task.key);
    match store.as_str() {
        Some(store) => policy::Bucket::parse(store)
            .map(|bucket| policy::proxy(task.key, &needs, |key| bucket.object(key))),
        None => Some(policy::proxy(task.key, &needs, patch::template_resource)),
    }
}

// === interception ===

/// The `ProxyConfiguration` of ECS, by which connections are redirected to Envoy.
fn intercepted(
    key: &ResourceKey,
    transparent: &TransparentInterception,
    ports: &[u16],
    problems: &mut Vec<Diagnostic>,
) -> Json {
    let joined = |ports: &[u16]| {
        let sorted: BTreeSet<u16> = ports.iter().copied().collect();
        sorted.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
    };
    let mut properties: BTreeMap<&str, String> = BTreeMap::new();
    properties.insert("IgnoredUID", transparent.user().to_string());
    if let Some(group) = transparent.group {
        properties.insert("IgnoredGID", group.to_string());
    }
    properties.insert("ProxyEgressPort", transparent.egress_port().to_string());
    // A node that only calls others has nothing to be led in.
    if !ports.is_empty() {
        properties.insert("ProxyIngressPort", transparent.ingress_port().to_string());
        properties.insert("AppPorts", joined(ports));
    }
    let mut addresses: BTreeSet<&str> = METADATA.into_iter().collect();
    addresses.extend(transparent.ignored_addresses.iter().map(String::as_str));
    properties.insert(
        "EgressIgnoredIPs",
        addresses.into_iter().collect::<Vec<_>>().join(","),
    );
    if !transparent.ignored_ports.is_empty() {
        properties.insert("EgressIgnoredPorts", joined(&transparent.ignored_ports));
    }
    if transparent.ignored_ports.len() > check::MAX_IGNORED_PORTS {
        problems.push(
            Diagnostic::error(
                codes::LIMIT,
                format!(
                    "{} ignored ports; ECS takes {}",
                    transparent.ignored_ports.len(),
                    check::MAX_IGNORED_PORTS
                ),
            )
            .help("ignore addresses instead, or fewer ports")
            .at(place(key)),
        );
    }
    json!({
        "type": "APPMESH",
        "containerName": super::ENVOY,
        "properties": pairs(&properties),
    })
}

/// The application uses the proxy by the variables that most HTTP libraries know.
fn explicit_environment(
    key: &ResourceKey,
    explicit: &ExplicitInterception,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let (address, port) = explicit.listener();
    let proxy = format!("http://{address}:{port}");
    let direct = ["127.0.0.1", "localhost"]
        .into_iter()
        .chain(METADATA)
        .collect::<Vec<_>>()
        .join(",");
    let hosts: Vec<String> = explicit
        .services
        .iter()
        .filter_map(|service| {
            Some(format!(
                "{} {}",
                service.address.as_ref()?,
                service.virtual_service
            ))
        })
        .collect();
    if !hosts.is_empty() {
        problems.push(
            Diagnostic::warning(
                codes::NOT_ON_ECS,
                "ECS writes no hosts entries in tasks with a network interface of their own",
            )
            .help(format!(
                "the stack of the mesh makes private DNS records of these; where it is not used, an application that \
                 does not know `http_proxy` has to add them itself when it starts:\n{}",
                hosts.join("\n")
            ))
            .at(place(key)),
        );
    }
    // Both cases: libraries differ in which one they read.
    [
        ("HTTP_PROXY", proxy.clone()),
        ("http_proxy", proxy),
        ("NO_PROXY", direct.clone()),
        ("no_proxy", direct),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

// === the proxy's container ===

fn script(
    key: &ResourceKey,
    profile: &ProxyProfileSpec,
    templates: &Templates,
    problems: &mut Vec<Diagnostic>,
) -> String {
    let (address, port) = profile.admin();
    let drain = drain_seconds(profile);
    let values = json!({
        "adminAddress": loopback(address),
        "adminPort": port,
        "drainSeconds": drain,
        "flags": flags(profile).into_iter().flatten().collect::<Vec<_>>().join(" "),
    });
    match render::entrypoint(templates, &values) {
        Ok(script) => script,
        Err(mut problem) => {
            problem.places.push(place(key));
            problems.push(*problem);
            String::new()
        }
    }
}

/// The arguments of the Envoy process that the profile decides, each with its value.
fn flags(profile: &ProxyProfileSpec) -> Vec<[String; 2]> {
    let mut flags = vec![
        ["--log-level".to_owned(), profile.log_level().name().to_owned()],
        ["--drain-time-s".to_owned(), drain_seconds(profile).to_string()],
    ];
    if let Some(threads) = profile.concurrency {
        flags.push(["--concurrency".to_owned(), threads.to_string()]);
    }
    flags
}

/// Where the container itself reaches an address that Envoy listens on.
fn loopback(address: &str) -> &str {
    match address {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "::1",
        other => other,
    }
}

/// Stock images have no curl. Envoy answers HTTP/1.0 with 426, so the probe speaks 1.1.
fn probe(address: &str, port: u16) -> String {
    format!(
        "exec 3<>/dev/tcp/{address}/{port} && printf 'GET /ready HTTP/1.1\\r\\nHost: proxy\\r\\nConnection: \
         close\\r\\n\\r\\n' >&3 && grep -q LIVE <&3"
    )
}

pub(super) fn health_check(command: &[&str]) -> Json {
    let command: Vec<&str> = std::iter::once("CMD").chain(command.iter().copied()).collect();
    json!({"command": command, "startPeriod": 10, "interval": 5, "timeout": 2, "retries": 3})
}

fn drain_seconds(profile: &ProxyProfileSpec) -> u64 {
    profile.drain_time().as_millis().div_ceil(1000)
}

/// Longer than the drain, so that ECS does not kill what is still draining.
fn stop_timeout(key: &ResourceKey, profile: &ProxyProfileSpec, problems: &mut Vec<Diagnostic>) -> u64 {
    let wanted = drain_seconds(profile).saturating_add(STOP_MARGIN);
    if wanted > MAX_STOP_SECONDS {
        problems.push(
            Diagnostic::error(
                codes::LIMIT,
                format!(
                    "a drain of {} seconds; ECS kills a container {MAX_STOP_SECONDS} seconds after it stops it",
                    drain_seconds(profile)
                ),
            )
            .help(format!("a drain time of at most {} seconds", MAX_STOP_SECONDS - STOP_MARGIN))
            .at(place(key)),
        );
    }
    // The application may still be calling while it stops.
    wanted.clamp(APPLICATION_STOP_SECONDS + STOP_MARGIN, MAX_STOP_SECONDS)
}

/// The bootstrap as text that an environment variable can hold. No time and no name goes into the header, so
/// the same bootstrap gives the same text.
fn packed(bootstrap: &[u8]) -> String {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bootstrap);
    let packed = encoder.finish().unwrap_or_default();
    base64::engine::general_purpose::STANDARD.encode(packed)
}

// === small parts ===

pub(super) fn pairs<K: AsRef<str>>(values: &BTreeMap<K, String>) -> Json {
    let list = values
        .iter()
        .map(|(name, value)| json!({"name": name.as_ref(), "value": value}));
    Json::Array(list.collect())
}

pub(super) fn mappings(ports: &[u16]) -> Json {
    let sorted: BTreeSet<u16> = ports.iter().copied().collect();
    let list = sorted
        .into_iter()
        .map(|port| json!({"containerPort": port, "protocol": "tcp"}));
    Json::Array(list.collect())
}

fn description(key: &ResourceKey) -> String {
    let text = format!("ECS task definition for {key}, with Envoy beside the application");
    text.chars().take(250).collect()
}

/// A family's name: letters, digits, hyphens, underscores. A name that had to be changed gets a hash. A node that is
/// found by the family in Cloud Map has that one.
fn family(task: &Task<'_>) -> String {
    let key = task.key;
    if let Some(family) = registry::attribute(task, registry::FAMILY) {
        return family.to_owned();
    }
    // ECS's limit for the name of a family.
    const LONGEST: usize = 255;
    let plain = format!("{}-{}", key.mesh, key.name);
    let family: String = plain
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                c
            } else {
                '-'
            }
        })
        .collect();
    if family == plain && family.len() <= LONGEST {
        return family;
    }
    let hash = suffix(&key.path());
    let cut: String = family.chars().take(LONGEST - hash.len() - 1).collect();
    format!("{cut}-{hash}")
}

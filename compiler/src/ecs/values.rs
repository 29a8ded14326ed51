//! What the templates are given. Everything is computed here and sorted; templates only place it.

use super::codes;
use super::render::{self, Templates};
use super::{Task, check};
use base64::Engine;
use flate2::{Compression, GzBuilder};
use meshform_model::diag::{Diagnostic, Place};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::spec::{ExplicitInterception, Interception, ProxyProfileSpec, TransparentInterception};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// How the Envoy image's user is called by App Mesh's interception, and by us where nothing else is said.
const USER: u64 = 1337;
/// ECS's own metadata and credentials: never through the proxy.
const METADATA: [&str; 2] = ["169.254.169.254", "169.254.170.2"];
/// What App Mesh's walkthroughs gave Envoy; a lower limit made it crash.
const OPEN_FILES: u32 = 15_000;
/// ECS kills a container at most so long after it asked it to stop.
const MAX_STOP_SECONDS: u64 = 120;
/// Beside the drain: what Envoy takes to end.
const STOP_MARGIN: u64 = 10;
/// What ECS gives a container that does not say, such as the application.
const APPLICATION_STOP_SECONDS: u64 = 30;

/// The values of one task definition.
pub(super) fn compute(
    task: &Task<'_>,
    profile: &ProxyProfileSpec,
    templates: &Templates,
    problems: &mut Vec<Diagnostic>,
) -> Json {
    let gateway = task.key.kind == Kind::VirtualGateway;
    let ports = listener_ports(task);
    let interception = profile.interception.clone().filter(|_| !gateway);
    let (app_ports, envoy_ports): (Vec<u16>, Vec<u16>) = match &interception {
        None => (Vec::new(), ports.clone()),
        // Envoy stands on the model's ports; the application behind them is reached over loopback only.
        Some(Interception::Explicit(_)) => (Vec::new(), ports.clone()),
        Some(Interception::Transparent(t)) => (ports.clone(), vec![t.ingress_port(), t.egress_port()]),
    };
    let user = match &interception {
        None => None,
        Some(Interception::Explicit(_)) => Some(USER),
        Some(Interception::Transparent(transparent)) => Some(transparent.user()),
    };
    let (proxy, app_environment) = match &interception {
        None => (Json::Null, BTreeMap::new()),
        Some(Interception::Explicit(explicit)) => {
            (Json::Null, explicit_environment(task.key, explicit, problems))
        }
        Some(Interception::Transparent(transparent)) => (
            proxy_configuration(task.key, transparent, &ports, problems),
            BTreeMap::new(),
        ),
    };
    let environment: BTreeMap<String, String> = [("MESHFORM_BOOTSTRAP".to_owned(), packed(task.bootstrap))]
        .into_iter()
        .collect();
    let (address, port) = profile.admin();
    json!({
        "mesh": task.key.mesh,
        "kind": task.key.kind.name(),
        "name": task.key.name,
        "family": family(task.key),
        "description": description(task.key),
        "gateway": gateway,
        "app": {
            "dependsOn": [{"ContainerName": "envoy", "Condition": "HEALTHY"}],
            "environment": pairs(&app_environment),
            "portMappings": mappings(&app_ports),
        },
        "envoy": {
            "image": profile.image(),
            "user": user.map(|user| user.to_string()),
            "entryPoint": ["/bin/bash", "-c"],
            "command": [script(task.key, profile, templates, problems)],
            "environment": pairs(&environment),
            "healthCheck": health_check(loopback(address), port),
            "portMappings": mappings(&envoy_ports),
            "stopTimeout": stop_timeout(task.key, profile, problems),
            "ulimits": [{"Name": "nofile", "SoftLimit": OPEN_FILES, "HardLimit": OPEN_FILES}],
        },
        "proxyConfiguration": proxy,
    })
}

/// The ports of the model on which the node or gateway is called, each once.
fn listener_ports(task: &Task<'_>) -> Vec<u16> {
    let name = &task.key.name;
    let ports: BTreeSet<u16> = match task.key.kind {
        Kind::VirtualGateway => task
            .mesh
            .virtual_gateway(name)
            .map(|gateway| {
                gateway
                    .spec
                    .listeners
                    .iter()
                    .map(|l| l.port_mapping.port)
                    .collect()
            })
            .unwrap_or_default(),
        _ => task
            .mesh
            .virtual_node(name)
            .map(|node| node.spec.listeners.iter().map(|l| l.port_mapping.port).collect())
            .unwrap_or_default(),
    };
    ports.into_iter().collect()
}

fn place(key: &ResourceKey) -> Place {
    Place::of(key, &Pointer::root())
}

// === interception ===

/// App Mesh's proxy configuration.
fn proxy_configuration(
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
        "Type": "APPMESH",
        "ContainerName": "envoy",
        "ProxyConfigurationProperties": pairs(&properties),
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
                "an application that does not know `http_proxy` has to add them itself when it starts:\n{}",
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
    let mut flags = vec![
        format!("--log-level {}", profile.log_level().name()),
        format!("--drain-time-s {drain}"),
        "--disable-hot-restart".to_owned(),
    ];
    if let Some(threads) = profile.concurrency {
        flags.push(format!("--concurrency {threads}"));
    }
    let values = json!({
        "adminAddress": loopback(address),
        "adminPort": port,
        "drainSeconds": drain,
        "flags": flags.join(" "),
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

/// Where the container itself reaches an address that Envoy listens on.
fn loopback(address: &str) -> &str {
    match address {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "::1",
        other => other,
    }
}

/// Stock images have no curl. Envoy answers HTTP/1.0 with 426, so the probe speaks 1.1.
fn health_check(address: &str, port: u16) -> Json {
    let probe = format!(
        "exec 3<>/dev/tcp/{address}/{port} && printf 'GET /ready HTTP/1.1\\r\\nHost: proxy\\r\\nConnection: \
         close\\r\\n\\r\\n' >&3 && grep -q LIVE <&3"
    );
    json!({
        "Command": ["CMD", "/bin/bash", "-c", probe],
        "StartPeriod": 10,
        "Interval": 5,
        "Timeout": 2,
        "Retries": 3,
    })
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

fn pairs<K: AsRef<str>>(values: &BTreeMap<K, String>) -> Json {
    let list = values
        .iter()
        .map(|(name, value)| json!({"Name": name.as_ref(), "Value": value}));
    Json::Array(list.collect())
}

fn mappings(ports: &[u16]) -> Json {
    let sorted: BTreeSet<u16> = ports.iter().copied().collect();
    let list = sorted
        .into_iter()
        .map(|port| json!({"ContainerPort": port, "Protocol": "tcp"}));
    Json::Array(list.collect())
}

fn description(key: &ResourceKey) -> String {
    let text = format!("ECS task definition for {key}, with Envoy beside the application");
    text.chars().take(250).collect()
}

/// A family's name: letters, digits, hyphens, underscores. A name that had to be changed gets a hash.
fn family(key: &ResourceKey) -> String {
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
    let digest = Sha256::digest(key.path().as_bytes());
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let cut: String = family.chars().take(LONGEST - hash.len() - 1).collect();
    format!("{cut}-{hash}")
}

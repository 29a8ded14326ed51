//! App Mesh's own Envoy container, recognised in a task definition: which proxy it is, what its variables mean to a
//! proxy profile, and what becomes of each.

use super::names::is_function;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::spec::{DogStatsD, LogLevel, XrayTracing, ZipkinTracing};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Variables that say which proxy it is; the first that is set counts.
const SUBJECT: [&str; 3] = [
    "APPMESH_RESOURCE_ARN",
    "APPMESH_RESOURCE_NAME",
    "APPMESH_VIRTUAL_NODE_NAME",
];

/// Variables that mean something only when another one switches a tracer or a sink on.
const SWITCHED: [&str; 5] = [
    "XRAY_",
    "AWS_XRAY_DAEMON_",
    "DATADOG_TRACER_",
    "JAEGER_TRACER_",
    "STATSD_",
];

/// What becomes of a variable or a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The variable, or the field of the task definition.
    pub what: String,
    /// What becomes of it, and why.
    pub fate: Fate,
    /// Where it went and why, for a report.
    pub why: String,
}

/// What becomes of a variable or a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Nobody takes it over: the proxy works differently from before.
    Lost,
    /// It is taken over by a field of the proxy profile, or by the proxy's container.
    Moved,
    /// It has no meaning without App Mesh's control plane or its agent.
    Dropped,
    /// It stays as it is.
    Kept,
}

impl Fate {
    pub fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Moved => "moved",
            Self::Dropped => "dropped",
            Self::Kept => "kept",
        }
    }
}

/// App Mesh's Envoy container in a task definition, in the API's spelling.
pub(super) fn find(definition: &Json) -> Option<&Map<String, Json>> {
    let containers = definition.get("containerDefinitions").and_then(Json::as_array);
    let mut containers = containers.into_iter().flatten().filter_map(Json::as_object);
    let intercepting = definition.pointer("/proxyConfiguration/containerName");
    containers.find(|container| {
        let variables = environment(container);
        let of_app_mesh = container
            .get("image")
            .and_then(Json::as_str)
            .is_some_and(|image| image.contains("aws-appmesh-envoy"));
        of_app_mesh
            || SUBJECT.iter().any(|name| variables.contains_key(name))
            || (intercepting.is_some() && container.get("name") == intercepting)
    })
}

/// The variables of a container. A value that only CloudFormation knows is none.
fn environment(container: &Map<String, Json>) -> BTreeMap<&str, Option<String>> {
    let list = container.get("environment").and_then(Json::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|pair| {
            let value = pair.get("value");
            let value = value.and_then(|value| match value {
                _ if is_function(value) => path_of(value),
                Json::String(text) => Some(text.trim().to_owned()),
                Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
                _ => None,
            });
            Some((pair.get("name")?.as_str()?, value))
        })
        .collect()
}

/// The path at the end of an ARN of which only partition, region and account are not known: what `Ref` gave of a virtual
/// node in the same template.
fn path_of(function: &Json) -> Option<String> {
    let (before, path) = function.get("Fn::Sub")?.as_str()?.rsplit_once(":mesh/")?;
    (before.starts_with("arn:") && !path.contains("${")).then(|| format!("mesh/{path}"))
}

/// The options that give what the variable with the proxy's name is made of, where CloudFormation would have to say it.
pub(super) fn unresolved(container: &Map<String, Json>) -> BTreeSet<String> {
    let all = container.get("environment").and_then(Json::as_array);
    let named = |one: &&Json| {
        let name = one.get("name").and_then(Json::as_str);
        name.is_some_and(|name| SUBJECT.contains(&name))
    };
    let mut options = BTreeSet::new();
    for value in all
        .into_iter()
        .flatten()
        .filter(named)
        .filter_map(|one| one.get("value"))
    {
        collect_options(value, &mut options);
    }
    options
}

fn collect_options(value: &Json, options: &mut BTreeSet<String>) {
    let option = |name: &str| {
        let kind = if name.contains('.') {
            "attribute"
        } else {
            "parameter"
        };
        format!("`--{kind} {name}=VALUE`")
    };
    match value {
        Json::Array(list) => list.iter().for_each(|item| collect_options(item, options)),
        Json::Object(object) => {
            for (function, argument) in object {
                match (function.as_str(), argument) {
                    ("Ref" | "Fn::GetAtt", Json::String(name)) => {
                        options.insert(option(name));
                    }
                    ("Fn::GetAtt", Json::Array(parts)) => {
                        let parts: Vec<&str> = parts.iter().filter_map(Json::as_str).collect();
                        options.insert(option(&parts.join(".")));
                    }
                    ("Fn::Sub", Json::String(text)) => {
                        let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
                        let open = names.filter(|(name, _)| !name.starts_with('!'));
                        options.extend(open.map(|(name, _)| option(name)));
                    }
                    ("Fn::ImportValue", Json::String(name)) => {
                        options.insert(format!("`--import {name}=VALUE`"));
                    }
                    _ => collect_options(argument, options),
                }
            }
        }
        _ => {}
    }
}

/// Which proxy the container is, or what it says that names none.
pub(super) fn subject(container: &Map<String, Json>) -> Result<ResourceKey, Option<String>> {
    let variables = environment(container);
    let set = SUBJECT
        .iter()
        .find_map(|name| variables.get(name).map(|value| (*name, value)));
    let Some((name, value)) = set else {
        return Err(None);
    };
    let Some(value) = value else {
        return Err(Some(format!(
            "`{name}` has a value that only CloudFormation knows"
        )));
    };
    let wrong = || {
        Some(format!(
            "`{name}` is `{value}`, which names no virtual node or virtual gateway"
        ))
    };
    // `mesh/M/virtualNode/N`, or an ARN that ends so. A mesh of another account has its owner behind an `@`.
    let path = value
        .rsplit_once(":mesh/")
        .map_or(value.as_str(), |(_, path)| path);
    let path = path.strip_prefix("mesh/").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let [mesh, kind, name] = parts.as_slice() else {
        return Err(wrong());
    };
    let kind = match *kind {
        "virtualNode" => Kind::VirtualNode,
        "virtualGateway" => Kind::VirtualGateway,
        _ => return Err(wrong()),
    };
    let mesh = mesh.split('@').next().unwrap_or(mesh);
    if mesh.is_empty() || name.is_empty() {
        return Err(wrong());
    }
    Ok(ResourceKey::in_mesh(mesh, kind, *name))
}

/// What the container's variables and the task's proxy configuration say to a proxy profile, and what becomes of each.
pub(super) struct Translation {
    pub(super) profile: Map<String, Json>,
    /// The variables that leave the container.
    pub(super) gone: BTreeSet<String>,
    pub(super) changes: Vec<Change>,
}

/// Translates one by one. `agent`: whether meshform's agent runs in the container, which knows some of them.
pub(super) fn translate(definition: &Json, container: &Map<String, Json>, agent: bool) -> Translation {
    let mut work = Work {
        variables: environment(container),
        out: Translation {
            profile: Map::new(),
            gone: BTreeSet::new(),
            changes: Vec::new(),
        },
    };
    work.numbers();
    work.tracing();
    work.metrics();
    work.texts();
    work.rest(agent);
    if let Some(configuration) = definition.get("proxyConfiguration").and_then(Json::as_object) {
        work.interception(configuration);
    }
    work.remaining();
    work.out
        .changes
        .sort_by(|a, b| (a.fate, &a.what).cmp(&(b.fate, &b.what)));
    work.out
}

struct Work<'c> {
    variables: BTreeMap<&'c str, Option<String>>,
    out: Translation,
}

impl Work<'_> {
    /// Takes a variable; none where it is not set or only CloudFormation knows it, which is told.
    fn take(&mut self, name: &str) -> Option<String> {
        let value = self.variables.remove(name)?;
        self.out.gone.insert(name.to_owned());
        if value.is_none() {
            self.tell(
                name,
                Fate::Lost,
                "its value is known to CloudFormation only: write it into the proxy profile",
            );
        }
        value.filter(|value| !value.is_empty())
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        let text = self.take(name)?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.tell(name, Fate::Lost, &format!("`{text}` is not a number"));
        }
        number
    }

    /// A port; what is none is told.
    fn port(&mut self, name: &str) -> Option<u16> {
        let text = self.take(name)?;
        let port = text.parse().ok().filter(|port: &u16| *port > 0);
        if port.is_none() {
            self.tell(name, Fate::Lost, &format!("`{text}` is not a port"));
        }
        port
    }

    /// Whether a variable is set to what Go's `ParseBool` takes for true: App Mesh's Envoy image reads its own so.
    fn switch(&mut self, name: &str) -> bool {
        let value = self.take(name);
        matches!(value.as_deref(), Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
    }

    fn tell(&mut self, what: &str, fate: Fate, why: &str) {
        self.out.changes.push(Change {
            what: what.to_owned(),
            fate,
            why: why.to_owned(),
        });
    }

    fn moved(&mut self, what: &str, field: &str) {
        self.tell(what, Fate::Moved, &format!("`{field}` of the proxy profile"));
    }

    fn set(&mut self, name: &str, value: Json) {
        self.out.profile.insert(name.to_owned(), value);
    }

    fn numbers(&mut self) {
        let seconds = |value: f64| json!({"unit": "s", "value": value.max(0.0) as u64});
        if let Some(threads) = self.number("ENVOY_CONCURRENCY").filter(|threads| *threads >= 1.0) {
            self.set("concurrency", json!(threads as u64));
            self.moved("ENVOY_CONCURRENCY", "concurrency");
        }
        if let Some(wait) = self.number("ENVOY_INITIAL_FETCH_TIMEOUT") {
            self.set("initialFetchTimeout", seconds(wait));
            self.moved("ENVOY_INITIAL_FETCH_TIMEOUT", "initialFetchTimeout");
        }
        if let Some(wait) = self.number("LISTENER_DRAIN_WAIT_TIME_S") {
            self.set("drain", json!({"time": seconds(wait)}));
            self.moved("LISTENER_DRAIN_WAIT_TIME_S", "drain.time");
        }
        let mut admin = Map::new();
        if let Some(port) = self.port("ENVOY_ADMIN_ACCESS_PORT") {
            admin.insert("port".to_owned(), json!(port));
            self.moved("ENVOY_ADMIN_ACCESS_PORT", "admin.port");
        }
        if let Some(path) = self.take("ENVOY_ADMIN_ACCESS_LOG_FILE") {
            admin.insert("accessLogPath".to_owned(), json!(path));
            self.moved("ENVOY_ADMIN_ACCESS_LOG_FILE", "admin.accessLogPath");
        }
        if !admin.is_empty() {
            self.set("admin", Json::Object(admin));
        }
    }

    fn texts(&mut self) {
        if let Some(level) = self.take("ENVOY_LOG_LEVEL") {
            let level = level.to_ascii_lowercase();
            let level = if level == "warn" { "warning" } else { &level };
            match serde_json::from_value::<LogLevel>(json!(level)) {
                Ok(level) => {
                    self.set("logLevel", json!(level));
                    self.moved("ENVOY_LOG_LEVEL", "logLevel");
                }
                Err(_) => self.tell(
                    "ENVOY_LOG_LEVEL",
                    Fate::Lost,
                    &format!("`{level}` is not a level of Envoy's log"),
                ),
            }
        }
        if let Some(path) = self.take("APPMESH_SDS_SOCKET_PATH") {
            self.set("sdsSocketPath", json!(path.trim_start_matches("unix://")));
            self.moved("APPMESH_SDS_SOCKET_PATH", "sdsSocketPath");
        }
    }

    fn tracing(&mut self) {
        let mut collectors = Vec::new();
        if self.switch("ENABLE_ENVOY_XRAY_TRACING") {
            let mut address = XrayTracing::DEFAULT_ADDRESS.to_owned();
            let mut port = self.port("XRAY_DAEMON_PORT").unwrap_or(XrayTracing::DEFAULT_PORT);
            if let Some(place) = self.take("AWS_XRAY_DAEMON_ADDRESS") {
                let (host, at) = place.rsplit_once(':').unwrap_or((&place, ""));
                address = host.to_owned();
                port = at.parse().unwrap_or(port);
            }
            // App Mesh traced 5 of 100 requests.
            let rate = self.number("XRAY_SAMPLING_RATE").unwrap_or(0.05);
            collectors.push("ENABLE_ENVOY_XRAY_TRACING");
            self.set(
                "tracing",
                json!({"xray": {"address": address, "port": port, "samplingPercent": rate.clamp(0.0, 1.0) * 100.0}}),
            );
        }
        if self.switch("ENABLE_ENVOY_DATADOG_TRACING") {
            let address = self.take("DATADOG_TRACER_ADDRESS");
            let port = self.port("DATADOG_TRACER_PORT").unwrap_or(8126);
            let mut datadog =
                json!({"address": address.unwrap_or_else(|| "127.0.0.1".to_owned()), "port": port});
            // The application may know the variable too: it stays.
            let service = self.variables.get("DD_SERVICE").cloned().flatten();
            if let (Some(service), Some(map)) = (service, datadog.as_object_mut()) {
                map.insert("serviceName".to_owned(), json!(service));
            }
            collectors.push("ENABLE_ENVOY_DATADOG_TRACING");
            self.set("tracing", json!({"datadog": datadog}));
        }
        if self.switch("ENABLE_ENVOY_JAEGER_TRACING") {
            let address = self.take("JAEGER_TRACER_ADDRESS");
            let port = self.port("JAEGER_TRACER_PORT").unwrap_or(9411);
            let address = address.unwrap_or_else(|| "127.0.0.1".to_owned());
            collectors.push("ENABLE_ENVOY_JAEGER_TRACING");
            self.set(
                "tracing",
                json!({"zipkin": {"address": address, "port": port, "path": ZipkinTracing::DEFAULT_PATH}}),
            );
        }
        for what in &collectors {
            self.moved(what, "tracing");
        }
    }

    fn metrics(&mut self) {
        let mut metrics = Map::new();
        for name in ["ENABLE_ENVOY_STATS_TAGS", "APPMESH_METRIC_EXTENSION_VERSION"] {
            if self.switch(name) {
                metrics.insert("resourceTags".to_owned(), json!(true));
                self.moved(name, "metrics.resourceTags");
            }
        }
        if self.switch("ENABLE_ENVOY_DOG_STATSD") {
            let address = self
                .take("STATSD_ADDRESS")
                .unwrap_or_else(|| DogStatsD::DEFAULT_ADDRESS.to_owned());
            let port = self.port("STATSD_PORT").unwrap_or(DogStatsD::DEFAULT_PORT);
            metrics.insert("dogStatsD".to_owned(), json!({"address": address, "port": port}));
            self.moved("ENABLE_ENVOY_DOG_STATSD", "metrics.dogStatsD");
        }
        if let Some(text) = self.take("ENVOY_STATS_FLUSH_INTERVAL") {
            match text
                .strip_suffix('s')
                .and_then(|seconds| seconds.parse::<u64>().ok())
            {
                Some(seconds) => {
                    metrics.insert("flushInterval".to_owned(), json!({"unit": "s", "value": seconds}));
                    self.moved("ENVOY_STATS_FLUSH_INTERVAL", "metrics.flushInterval");
                }
                None => self.tell(
                    "ENVOY_STATS_FLUSH_INTERVAL",
                    Fate::Lost,
                    &format!("`{text}`: write it into `metrics.flushInterval` of the proxy profile"),
                ),
            }
        }
        if !metrics.is_empty() {
            self.set("metrics", Json::Object(metrics));
        }
    }

    /// What no profile has a field for.
    fn rest(&mut self, agent: bool) {
        let left: Vec<String> = self.variables.keys().map(|name| (*name).to_owned()).collect();
        for name in left {
            let (fate, why) = match name.as_str() {
                "APPMESH_RESOURCE_ARN" | "APPMESH_RESOURCE_NAME" | "APPMESH_VIRTUAL_NODE_NAME" => (
                    Fate::Moved,
                    "the proxy's own name, which its configuration says now",
                ),
                "ENVOY_CONFIG_FILE"
                | "ENVOY_STATS_CONFIG_FILE"
                | "ENVOY_STATS_SINKS_CFG_FILE"
                | "ENVOY_TRACING_CFG_FILE"
                | "ENVOY_RESOURCES_CONFIG_FILE" => (
                    Fate::Lost,
                    "a configuration of your own was merged into Envoy's: say it with the proxy profile",
                ),
                "XRAY_SAMPLING_RULE_MANIFEST" | "XRAY_SEGMENT_NAME" | "STATSD_SOCKET_PATH" => {
                    (Fate::Lost, "the proxy profile has no field for it")
                }
                "APPMESH_RESOURCE_CLUSTER" | "APPMESH_VIRTUAL_NODE_CLUSTER" => {
                    (Fate::Lost, "the name of the node's cluster is the proxy's own")
                }
                "ENVOY_ADMIN_ACCESS_ENABLE_IPV6" | "ENVOY_ADMIN_MODE" => (
                    Fate::Dropped,
                    "Envoy's admin interface is at the proxy profile's `admin.address`, by default on loopback only",
                ),
                "APPNET_AGENT_ADMIN_MODE" | "APPNET_AGENT_HTTP_PORT" if agent => {
                    (Fate::Kept, "meshform's agent answers as App Mesh's did")
                }
                _ if is_of_control_plane(&name) => (
                    Fate::Dropped,
                    "it told how to reach App Mesh's control plane, which there is none of",
                ),
                _ if SWITCHED.iter().any(|prefix| name.starts_with(prefix)) => {
                    (Fate::Dropped, "its tracer or sink was not switched on")
                }
                _ if is_of_agent(&name) => (Fate::Dropped, "it was for the agent of App Mesh's image"),
                _ => (Fate::Kept, "not a variable of App Mesh"),
            };
            if fate != Fate::Kept {
                self.out.gone.insert(name.clone());
            }
            self.tell(&name, fate, why);
        }
    }

    /// Tells of what was taken together with something else.
    fn remaining(&mut self) {
        let told: BTreeSet<&String> = self.out.changes.iter().map(|change| &change.what).collect();
        let silent: Vec<String> = self
            .out
            .gone
            .iter()
            .filter(|name| !told.contains(name))
            .cloned()
            .collect();
        for name in silent {
            match name.starts_with("ENABLE_") || name.starts_with("APPMESH_") {
                true => self.tell(&name, Fate::Dropped, "it was switched off, as it is without it"),
                false => self.tell(
                    &name,
                    Fate::Moved,
                    "to the proxy profile, with the variable that switches it on",
                ),
            }
        }
    }

    fn interception(&mut self, configuration: &Map<String, Json>) {
        let list = configuration.get("properties").and_then(Json::as_array);
        let properties: BTreeMap<&str, String> = list
            .into_iter()
            .flatten()
            .filter_map(|pair| {
                let value = pair.get("value").filter(|value| !is_function(value))?;
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Some((pair.get("name")?.as_str()?, value))
            })
            .collect();
        let of = |name: &str| properties.get(name).filter(|value| !value.is_empty());
        let number = |name: &str| of(name).and_then(|value| value.trim().parse::<u64>().ok());
        let parts = |name: &str| -> Vec<String> {
            let parts = of(name).into_iter().flat_map(|value| value.split(','));
            parts
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect()
        };
        let mut transparent = Map::new();
        for (property, field) in [
            ("ProxyIngressPort", "ingressPort"),
            ("ProxyEgressPort", "egressPort"),
            ("IgnoredUID", "user"),
            ("IgnoredGID", "group"),
        ] {
            if let Some(value) = number(property) {
                transparent.insert(field.to_owned(), json!(value));
            }
        }
        let ports: Vec<u64> = parts("EgressIgnoredPorts")
            .iter()
            .filter_map(|port| port.parse().ok())
            .collect();
        if !ports.is_empty() {
            transparent.insert("ignoredPorts".to_owned(), json!(ports));
        }
        let metadata = super::values::METADATA;
        let addresses: Vec<String> = parts("EgressIgnoredIPs")
            .into_iter()
            .filter(|address| !metadata.contains(&address.as_str()))
            .collect();
        if !addresses.is_empty() {
            transparent.insert("ignoredAddresses".to_owned(), json!(addresses));
        }
        self.set("interception", json!({"transparent": transparent}));
        self.tell(
            "proxyConfiguration",
            Fate::Moved,
            "`interception.transparent` of the proxy profile, from which it is written again",
        );
    }
}

fn is_of_control_plane(name: &str) -> bool {
    name.starts_with("APPMESH_")
}

fn is_of_agent(name: &str) -> bool {
    const OTHERS: [&str; 8] = [
        "PID_POLL_INTERVAL_MS",
        "HC_POLL_INTERVAL_MS",
        "HC_DISCONNECTED_TIMEOUT_S",
        "ENABLE_STATS_SNAPSHOT",
        "DISABLE_HOT_RESTART",
        "MAX_REQUESTS_PER_IO_CYCLE",
        "RELAY_STREAM_IDLE_TIMEOUT",
        "RELAY_BUFFER_LIMIT_BYTES",
    ];
    name.starts_with("APPNET_") || name.starts_with("ENVOY_") || OTHERS.contains(&name)
}

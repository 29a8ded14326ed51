//! App Mesh's own Envoy container in a task definition: what its variables mean to a proxy profile, and what becomes of
//! each. `container`: how it is recognised, and which proxy it is.

mod container;

pub(super) use container::{NoSubject, find, subject, unresolved};

use super::names::is_function;
use container::{VariableValue, environment, pairs};
use meshform_model::spec::{DogStatsD, LogLevel, TransparentInterception, XrayTracing, ZipkinTracing};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

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
    pub fate: VariableFate,
    /// Where it went and why, for a report.
    pub why: String,
}

/// What becomes of a variable or a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableFate {
    /// Nobody takes it over: the proxy works differently from before.
    Lost,
    /// It is taken over by a field of the proxy profile, or by the proxy's container.
    Moved,
    /// It has no meaning without App Mesh's control plane or its agent.
    Dropped,
    /// It stays as it is.
    Kept,
    /// Nobody asked for it in so many words, and ECS cannot do it.
    Impossible,
}

impl VariableFate {
    pub fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Moved => "moved",
            Self::Dropped => "dropped",
            Self::Kept => "kept",
            Self::Impossible => "not possible",
        }
    }
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
    let mut work = Translator {
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

struct Translator<'c> {
    variables: BTreeMap<&'c str, VariableValue>,
    out: Translation,
}

impl Translator<'_> {
    /// Takes a variable; none where it is not set or its value is not known, which is told.
    fn take(&mut self, name: &str) -> Option<String> {
        let value = self.variables.remove(name)?;
        self.out.gone.insert(name.to_owned());
        if let Some(why) = value.unknown() {
            self.tell(name, VariableFate::Lost, why);
        }
        match value {
            VariableValue::Text(text) => Some(text).filter(|text| !text.is_empty()),
            VariableValue::Computed | VariableValue::Secret => None,
        }
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        let text = self.take(name)?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.tell(name, VariableFate::Lost, &format!("`{text}` is not a number"));
        }
        number
    }

    /// A port; what is none is told.
    fn port(&mut self, name: &str) -> Option<u16> {
        let text = self.take(name)?;
        let port = text.parse().ok().filter(|port: &u16| *port > 0);
        if port.is_none() {
            self.tell(name, VariableFate::Lost, &format!("`{text}` is not a port"));
        }
        port
    }

    /// Whether a variable is set to what Go's `ParseBool` takes for true: App Mesh's Envoy image reads its own so.
    fn switch(&mut self, name: &str) -> bool {
        let value = self.take(name);
        matches!(value.as_deref(), Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
    }

    fn tell(&mut self, what: &str, fate: VariableFate, why: &str) {
        self.out.changes.push(Change {
            what: what.to_owned(),
            fate,
            why: why.to_owned(),
        });
    }

    /// A property of the proxy configuration that nobody takes over.
    fn unused(&mut self, property: &str, why: &str) {
        self.tell(&format!("proxyConfiguration.{property}"), VariableFate::Lost, why);
    }

    fn moved(&mut self, what: &str, field: &str) {
        self.tell(
            what,
            VariableFate::Moved,
            &format!("`{field}` of the proxy profile"),
        );
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
                    VariableFate::Lost,
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
            let service = self.variables.get("DD_SERVICE").cloned();
            if let (Some(VariableValue::Text(service)), Some(map)) = (service, datadog.as_object_mut()) {
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
                    VariableFate::Lost,
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
                    VariableFate::Moved,
                    "the proxy's own name, which is part of its configuration",
                ),
                "ENVOY_CONFIG_FILE"
                | "ENVOY_STATS_CONFIG_FILE"
                | "ENVOY_STATS_SINKS_CFG_FILE"
                | "ENVOY_TRACING_CFG_FILE"
                | "ENVOY_RESOURCES_CONFIG_FILE" => (
                    VariableFate::Lost,
                    "a configuration of your own was merged into Envoy's: express it in the proxy profile",
                ),
                "XRAY_SAMPLING_RULE_MANIFEST" | "XRAY_SEGMENT_NAME" | "STATSD_SOCKET_PATH" => {
                    (VariableFate::Lost, "the proxy profile has no field for it")
                }
                "APPMESH_RESOURCE_CLUSTER" | "APPMESH_VIRTUAL_NODE_CLUSTER" => (
                    VariableFate::Lost,
                    "the name of the node's cluster is the proxy's own",
                ),
                "ENVOY_ADMIN_ACCESS_ENABLE_IPV6" | "ENVOY_ADMIN_MODE" => (
                    VariableFate::Dropped,
                    "Envoy's admin interface is at the proxy profile's `admin.address`, by default on loopback only",
                ),
                "APPNET_AGENT_ADMIN_MODE" | "APPNET_AGENT_HTTP_PORT" if agent => {
                    (VariableFate::Kept, "meshform's agent answers as App Mesh's did")
                }
                _ if is_of_control_plane(&name) => (
                    VariableFate::Dropped,
                    "it configured the connection to App Mesh's control plane, which does not exist here",
                ),
                _ if SWITCHED.iter().any(|prefix| name.starts_with(prefix)) => {
                    (VariableFate::Dropped, "its tracer or sink was not switched on")
                }
                _ if is_of_agent(&name) => {
                    (VariableFate::Dropped, "it was for the agent of App Mesh's image")
                }
                _ => (VariableFate::Kept, "not a variable of App Mesh"),
            };
            if fate != VariableFate::Kept {
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
                true => self.tell(
                    &name,
                    VariableFate::Dropped,
                    "it was switched off, which is the default",
                ),
                false => self.tell(
                    &name,
                    VariableFate::Moved,
                    "to the proxy profile, with the variable that switches it on",
                ),
            }
        }
    }

    fn interception(&mut self, configuration: &Map<String, Json>) {
        let mut properties: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in pairs(configuration, "properties") {
            let known = match value {
                Some(value) if is_function(value) => None,
                Some(value) => Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
                None => Some(String::new()),
            };
            match known {
                Some(value) => drop(properties.insert(name, value)),
                // It is written again from the node's listeners.
                None if name == "AppPorts" => {}
                None => self.unused(
                    name,
                    "its value is known only to CloudFormation: write it into the proxy profile",
                ),
            }
        }
        let parts = |name: &str| -> Vec<String> {
            let parts = properties
                .get(name)
                .into_iter()
                .flat_map(|value| value.split(','));
            let parts = parts.map(|part| part.trim().to_owned());
            parts.filter(|part| !part.is_empty()).collect()
        };
        let mut transparent = Map::new();
        for (property, field, (least, most), what) in [
            ("ProxyIngressPort", "ingressPort", (1, 65_535), "is not a port"),
            ("ProxyEgressPort", "egressPort", (1, 65_535), "is not a port"),
            (
                "IgnoredUID",
                "user",
                (0, u64::from(u32::MAX)),
                "is not a numeric user id",
            ),
            (
                "IgnoredGID",
                "group",
                (0, u64::from(u32::MAX)),
                "is not a numeric group id",
            ),
        ] {
            for text in parts(property) {
                match text.parse::<u64>() {
                    Ok(value) if (least..=most).contains(&value) => {
                        transparent.insert(field.to_owned(), json!(value));
                    }
                    _ => self.unused(property, &format!("`{text}` {what}")),
                }
            }
        }
        let mut ports = Vec::new();
        for text in parts("EgressIgnoredPorts") {
            match text.parse::<u16>() {
                Ok(port) if port > 0 => ports.push(port),
                _ => self.unused("EgressIgnoredPorts", &format!("`{text}` is not a port")),
            }
        }
        if !ports.is_empty() {
            transparent.insert("ignoredPorts".to_owned(), json!(ports));
        }
        let mut addresses = parts("EgressIgnoredIPs");
        addresses.retain(|address| !super::values::METADATA.contains(&address.as_str()));
        addresses.retain(|address| {
            let can = TransparentInterception::can_ignore(address);
            if !can {
                self.unused(
                    "EgressIgnoredIPs",
                    &format!("`{address}` is neither an IP address nor a CIDR block"),
                );
            }
            can
        });
        if !addresses.is_empty() {
            transparent.insert("ignoredAddresses".to_owned(), json!(addresses));
        }
        self.set("interception", json!({"transparent": transparent}));
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

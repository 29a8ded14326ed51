//! How the agent is set up: variables, and one file for those who prefer that.

use meshform_bundle::ProxyId;
use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All that can be set: name of the variable, what it means.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    (
        "MESHFORM_STORE",
        "s3://BUCKET/PREFIX or a directory with the releases; needed",
    ),
    (
        "MESHFORM_PROXY",
        "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME; APPMESH_RESOURCE_ARN also says it",
    ),
    (
        "MESHFORM_DIR",
        "directory for Envoy's files, and for the last good release (/var/lib/meshform)",
    ),
    (
        "MESHFORM_LISTEN",
        "loopback address of /health, /status and /metrics (127.0.0.1:9903)",
    ),
    (
        "MESHFORM_RESTARTS",
        "how often Envoy is started again within 10 minutes when it ends by itself (3)",
    ),
    (
        "MESHFORM_DRAIN_WAIT",
        "seconds between failing health and draining, for peers to notice (7)",
    ),
    (
        "MESHFORM_STOP_TIMEOUT",
        "seconds from SIGTERM to the end; ECS's stopTimeout (30)",
    ),
    (
        "MESHFORM_MESH",
        "for `endpoints`: the mesh whose endpoints are polled",
    ),
    (
        "MESHFORM_POLL",
        "for `endpoints`: seconds between two reads of a service (15)",
    ),
    (
        "MESHFORM_ENDPOINTS",
        "for `endpoints`: a JSON file with addresses of nodes that are not looked up",
    ),
    (
        "MESHFORM_CONFIG",
        "a JSON file with any of these, by name; variables win over it",
    ),
];

/// Variables of App Mesh's own image that change nothing here, and why.
const IGNORED: &[(&str, &str)] = &[
    (
        "APPMESH_XDS_ENDPOINT",
        "there is no management server; releases come from MESHFORM_STORE",
    ),
    ("APPMESH_PREVIEW", "there is no preview channel"),
    (
        "APPMESH_RESOURCE_CLUSTER",
        "the node's cluster stands in the published bootstrap",
    ),
    (
        "APPMESH_SDS_SOCKET_PATH",
        "set sdsSocketPath in the proxy profile",
    ),
    ("APPMESH_METRIC_EXTENSION_VERSION", "set it in the proxy profile"),
    ("ENVOY_ADMIN_ACCESS_PORT", "set admin.port in the proxy profile"),
    ("ENVOY_ADMIN_ACCESS_LOG_FILE", "set it in the proxy profile"),
    (
        "ENVOY_INITIAL_FETCH_TIMEOUT",
        "files are there before Envoy starts",
    ),
    ("ENVOY_STATS_CONFIG_FILE", "set statistics in the proxy profile"),
    ("ENVOY_STATS_SINKS_CFG_FILE", "set metrics in the proxy profile"),
    ("ENVOY_TRACING_CFG_FILE", "set tracing in the proxy profile"),
    ("ENABLE_ENVOY_STATS_TAGS", "set metrics in the proxy profile"),
    ("ENABLE_ENVOY_DOG_STATSD", "set metrics in the proxy profile"),
    ("ENABLE_ENVOY_XRAY_TRACING", "set tracing in the proxy profile"),
    ("ENABLE_ENVOY_DATADOG_TRACING", "set tracing in the proxy profile"),
];

/// How the agent is set up.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) store: String,
    pub(crate) proxy: ProxyId,
    pub(crate) dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) restarts: usize,
    pub(crate) drain_wait: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) envoy_log_level: Option<String>,
    pub(crate) envoy_concurrency: Option<String>,
}

/// Variables and file together.
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(crate) fn read() -> Result<Self, String> {
        let mut all = BTreeMap::new();
        if let Ok(file) = env::var("MESHFORM_CONFIG")
            && !file.is_empty()
        {
            let told = |error: &dyn std::fmt::Display| format!("MESHFORM_CONFIG names {file}: {error}");
            let text = std::fs::read_to_string(&file).map_err(|error| told(&error))?;
            let values: BTreeMap<String, serde_json::Value> =
                serde_json::from_str(&text).map_err(|error| told(&error))?;
            for (name, value) in values {
                if !VARIABLES.iter().any(|(known, _)| *known == name) {
                    return Err(told(&format!(
                        "`{name}` is not a setting; `meshform-agent --help` lists them"
                    )));
                }
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                all.insert(name, value);
            }
        }
        all.extend(
            env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        all.retain(|_, value| !value.is_empty());
        Ok(Self(all))
    }

    pub(crate) fn listen(&self) -> Result<SocketAddr, String> {
        let listen: SocketAddr = self.or("MESHFORM_LISTEN", SocketAddr::from(([127, 0, 0, 1], 9903)))?;
        if !listen.ip().is_loopback() {
            return Err(format!(
                "MESHFORM_LISTEN is {listen}: it must be a loopback address, for it asks nobody who they are"
            ));
        }
        Ok(listen)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn or<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                let meaning = VARIABLES.iter().find(|(known, _)| *known == name);
                format!(
                    "{name} is `{text}`: it is {}",
                    meaning.map_or("", |(_, meaning)| meaning)
                )
            }),
        }
    }
}

impl Config {
    /// Reads it.
    pub(crate) fn read() -> Result<Self, String> {
        let settings = Settings::read()?;
        let named = [
            "MESHFORM_PROXY",
            "APPMESH_RESOURCE_ARN",
            "APPMESH_RESOURCE_NAME",
            "APPMESH_VIRTUAL_NODE_NAME",
        ]
        .iter()
        .find_map(|name| Some((*name, settings.get(name)?)));
        let Some((name, proxy)) = named else {
            return Err(
                "MESHFORM_PROXY is not set: say which proxy this is, as mesh/MESH/virtualNode/NAME"
                    .to_owned(),
            );
        };
        let proxy = ProxyId::parse(proxy).map_err(|error| format!("{name}: {error}"))?;
        let Some(store) = settings.get("MESHFORM_STORE") else {
            return Err(
                "MESHFORM_STORE is not set: say where releases are, as s3://BUCKET/PREFIX or a directory"
                    .to_owned(),
            );
        };
        let listen = settings.listen()?;
        let dir = PathBuf::from(settings.get("MESHFORM_DIR").unwrap_or("/var/lib/meshform"));
        Ok(Self {
            store: store.to_owned(),
            proxy,
            dir: std::path::absolute(&dir).unwrap_or(dir),
            listen,
            restarts: settings.or("MESHFORM_RESTARTS", 3)?,
            drain_wait: Duration::from_secs(settings.or("MESHFORM_DRAIN_WAIT", 7)?),
            stop_timeout: Duration::from_secs(settings.or("MESHFORM_STOP_TIMEOUT", 30)?),
            envoy_log_level: settings.get("ENVOY_LOG_LEVEL").map(str::to_owned),
            envoy_concurrency: settings.get("ENVOY_CONCURRENCY").map(str::to_owned),
        })
    }

    /// Where a running agent listens.
    pub(crate) fn listen_address() -> Result<SocketAddr, String> {
        Settings::read()?.listen()
    }

    /// The folder of the proxy's files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.join(self.proxy.folder())
    }

    /// What is set for App Mesh's image and means nothing here.
    pub(crate) fn ignored() -> impl Iterator<Item = String> {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        IGNORED
            .iter()
            .filter(move |(name, _)| set(name))
            .map(|(name, why)| format!("{name} is ignored: {why}"))
    }
}

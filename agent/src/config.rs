//! How the agent is set up: variables, and one file for those who prefer that.

use meshform_bundle::ProxyId;
use meshform_bundle::codes::{SETTING, told};
use std::collections::BTreeMap;
use std::env;
use std::net::{IpAddr, SocketAddr};
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
        "MESHFORM_RESTART",
        "when Envoy is started anew for what it reads only then (a changed bootstrap, a control plane that is back): `next`, when it is next started anyway, or `idle`, as soon as no connection is open (next)",
    ),
    (
        "MESHFORM_CONTROL_PLANE",
        "http://HOST:PORT of `meshform serve`, where the bootstrap given to Envoy (-c FILE) is for ADS: asked before Envoy is started",
    ),
    (
        "MESHFORM_CONTROL_PLANE_WAIT",
        "seconds it has to be ready; then Envoy is started with the last release from files (30)",
    ),
    (
        "MESHFORM_CERTIFICATES",
        "seconds between two looks whether ACM has renewed a certificate that it exports for the proxy (43200)",
    ),
    (
        "MESHFORM_DISCOVERY",
        "who asks Cloud Map: `poller`, the mesh's `meshform-agent endpoints`; or `own`, this proxy for itself, in small meshes (poller)",
    ),
    (
        "MESHFORM_MESH",
        "for `endpoints`: the mesh whose endpoints are polled",
    ),
    (
        "MESHFORM_POLL",
        "for `endpoints`, and MESHFORM_DISCOVERY=own: seconds between two reads of a service (15)",
    ),
    (
        "MESHFORM_ENDPOINTS",
        "for the same: a JSON file with addresses of nodes that are not looked up",
    ),
    (
        "MESHFORM_CONFIG",
        "a JSON file with any of these, by name; variables win over it",
    ),
];

/// Variables of App Mesh's own image that mean here what they meant there.
pub(crate) const APP_MESH: &[(&str, &str)] = &[
    (
        "APPMESH_RESOURCE_ARN",
        "which proxy this is; also APPMESH_RESOURCE_NAME and APPMESH_VIRTUAL_NODE_NAME",
    ),
    (
        "ENVOY_LOG_LEVEL, ENVOY_CONCURRENCY",
        "Envoy's -l and --concurrency",
    ),
    ("APPNET_ENVOY_RESTART_COUNT", "as MESHFORM_RESTARTS, which wins"),
    ("LISTENER_DRAIN_WAIT_TIME_S", "Envoy's --drain-time-s (20)"),
    (
        "APPNET_AGENT_ADMIN_MODE",
        "`tcp` or `uds`: /status, /drain_listeners, /enableLogging and /stats/prometheus of App Mesh's own agent",
    ),
    (
        "APPNET_AGENT_HTTP_PORT",
        "their port (9902), at APPNET_AGENT_HTTP_BIND_ADDRESS (127.0.0.1: they ask nobody who they are)",
    ),
    (
        "APPNET_AGENT_ADMIN_UDS_PATH",
        "their socket (/var/run/ecs/appnet_admin.sock)",
    ),
    (
        "APPNET_AGENT_LOGGING_RESET_TIMEOUT",
        "seconds after which /enableLogging is undone (300)",
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
        "the published bootstrap sets the node's cluster",
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
    ("ENABLE_ENVOY_JAEGER_TRACING", "set tracing in the proxy profile"),
    ("HC_POLL_INTERVAL_MS", "Envoy is asked once a second"),
    (
        "HC_DISCONNECTED_TIMEOUT_S",
        "a store that is away makes no proxy unhealthy",
    ),
    ("PID_POLL_INTERVAL_MS", "the system reports the end of Envoy"),
    (
        "APPNET_ENVOY_LOG_DESTINATION",
        "Envoy logs to the container's log; give Envoy --log-path",
    ),
    (
        "APPNET_ENABLE_RELAY_MODE_FOR_XDS",
        "there is no management server to relay",
    ),
    ("ENABLE_STATS_SNAPSHOT", "/stats/prometheus has no `delta`"),
];

/// Where the interface of App Mesh's own agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AdminMode {
    Tcp(SocketAddr),
    Socket(PathBuf),
}

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
    /// Envoy's drain time, in seconds.
    pub(crate) drain_time: u32,
    /// Whether Envoy is started anew for a changed bootstrap once no connection is open.
    pub(crate) restart_when_idle: bool,
    /// Whether this proxy asks Cloud Map itself.
    pub(crate) own_discovery: bool,
    /// Where the control plane of an Envoy that follows ADS is asked whether it is ready.
    pub(crate) control_plane: Option<String>,
    /// How long that may take.
    pub(crate) control_plane_wait: Duration,
    /// How often ACM is asked for newer certificates.
    pub(crate) certificates: Duration,
    pub(crate) admin_mode: Option<AdminMode>,
    pub(crate) logging_reset: Duration,
}

/// The variables of the environment, and below them those of the file that `MESHFORM_CONFIG` names. An empty one counts
/// as absent.
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
                let known = VARIABLES.iter().chain(APP_MESH);
                let meaning = known
                    .into_iter()
                    .find(|(known, _)| known.split(", ").any(|one| one == name));
                format!(
                    "{name} is `{text}`: it is {}",
                    meaning.map_or("", |(_, meaning)| meaning)
                )
            }),
        }
    }
}

impl Settings {
    fn admin_mode(&self) -> Result<Option<AdminMode>, String> {
        match self.get("APPNET_AGENT_ADMIN_MODE") {
            None => Ok(None),
            Some(mode) if mode.eq_ignore_ascii_case("tcp") => {
                let port: u16 = self.or("APPNET_AGENT_HTTP_PORT", 9902)?;
                let host = self.get("APPNET_AGENT_HTTP_BIND_ADDRESS").unwrap_or("127.0.0.1");
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let host: IpAddr = host.parse().map_err(|_| {
                    format!("APPNET_AGENT_HTTP_BIND_ADDRESS is `{host}`: it is an IP address")
                })?;
                Ok(Some(AdminMode::Tcp(SocketAddr::new(host, port))))
            }
            Some(mode) if mode.eq_ignore_ascii_case("uds") => {
                let path = self.get("APPNET_AGENT_ADMIN_UDS_PATH");
                let path = path.unwrap_or("/var/run/ecs/appnet_admin.sock");
                Ok(Some(AdminMode::Socket(PathBuf::from(path))))
            }
            Some(mode) => Err(format!(
                "APPNET_AGENT_ADMIN_MODE is `{mode}`: it is `tcp` or `uds`"
            )),
        }
    }

    fn own_discovery(&self) -> Result<bool, String> {
        match self.get("MESHFORM_DISCOVERY").unwrap_or("poller") {
            "poller" => Ok(false),
            "own" => Ok(true),
            other => Err(format!(
                "MESHFORM_DISCOVERY is `{other}`: it is `poller` or `own`"
            )),
        }
    }

    fn restart_when_idle(&self) -> Result<bool, String> {
        match self.get("MESHFORM_RESTART").unwrap_or("next") {
            "next" => Ok(false),
            "idle" => Ok(true),
            other => Err(format!("MESHFORM_RESTART is `{other}`: it is `next` or `idle`")),
        }
    }
}

impl Config {
    pub(crate) fn read() -> Result<Self, String> {
        Self::understood().map_err(|error| told(SETTING, error))
    }

    fn understood() -> Result<Self, String> {
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
            restarts: match settings.get("MESHFORM_RESTARTS") {
                Some(_) => settings.or("MESHFORM_RESTARTS", 3)?,
                None => settings.or("APPNET_ENVOY_RESTART_COUNT", 3)?,
            },
            drain_wait: Duration::from_secs(settings.or("MESHFORM_DRAIN_WAIT", 7)?),
            stop_timeout: Duration::from_secs(settings.or("MESHFORM_STOP_TIMEOUT", 30)?),
            envoy_log_level: settings.get("ENVOY_LOG_LEVEL").map(str::to_owned),
            envoy_concurrency: settings.get("ENVOY_CONCURRENCY").map(str::to_owned),
            drain_time: settings.or("LISTENER_DRAIN_WAIT_TIME_S", 20)?,
            restart_when_idle: settings.restart_when_idle()?,
            own_discovery: settings.own_discovery()?,
            control_plane: settings.get("MESHFORM_CONTROL_PLANE").map(str::to_owned),
            control_plane_wait: Duration::from_secs(settings.or("MESHFORM_CONTROL_PLANE_WAIT", 30)?),
            certificates: Duration::from_secs(settings.or("MESHFORM_CERTIFICATES", 43_200)?),
            admin_mode: settings.admin_mode()?,
            logging_reset: Duration::from_secs(settings.or("APPNET_AGENT_LOGGING_RESET_TIMEOUT", 300)?),
        })
    }

    /// Where a running agent listens.
    pub(crate) fn listen_address() -> Result<SocketAddr, String> {
        let listen = Settings::read().and_then(|settings| settings.listen());
        listen.map_err(|error| told(SETTING, error))
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

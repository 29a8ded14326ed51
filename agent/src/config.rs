//! How the agent is set up: variables, and one file for those who prefer that.

mod variables;

use meshform_bundle::codes::{SETTING, told};
use meshform_bundle::{ProxyId, agent, closest, layout};
use std::collections::BTreeMap;
use std::env;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use variables::IGNORED;
pub(crate) use variables::{APP_MESH, VARIABLES};

/// What all settings of ours begin with.
const OURS: &str = "MESHFORM_";

/// The variables that say which proxy this is, the first that is set.
const PROXY: [&str; 4] = [
    "MESHFORM_PROXY",
    "APPMESH_RESOURCE_ARN",
    "APPMESH_RESOURCE_NAME",
    "APPMESH_VIRTUAL_NODE_NAME",
];

/// How often Envoy may be started again.
const RESTARTS: RangeInclusive<u64> = 0..=1000;

/// The longest time that a setting may be, in seconds: a day. More is a mistake in the unit.
pub(crate) const DAY: u64 = 86_400;

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
    /// The text of the bootstrap for ADS, where Envoy's command names no file.
    pub(crate) ads_bootstrap: Option<String>,
    /// How long the control plane has to be ready.
    pub(crate) control_plane_wait: Duration,
    /// How often ACM is asked for newer certificates.
    pub(crate) certificates: Duration,
    pub(crate) admin_mode: Option<AdminMode>,
    pub(crate) logging_reset: Duration,
    /// What is set and means nothing here, with the reason.
    pub(crate) ignored: Vec<String>,
    /// What has our prefix and is no setting.
    pub(crate) unknown: Vec<String>,
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
                if !is_known(&name) {
                    return Err(told(&unknown(&name)));
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
        let name = "MESHFORM_LISTEN";
        let listen: SocketAddr = match self.get(name) {
            None => SocketAddr::from(([127, 0, 0, 1], agent::PORT)),
            Some(text) => text
                .parse()
                .map_err(|_| wrong(name, text, "an address and a port"))?,
        };
        if !listen.ip().is_loopback() {
            return Err(format!(
                "MESHFORM_LISTEN is {listen}: it must be a loopback address, because the endpoint has no \
                 authentication"
            ));
        }
        Ok(listen)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number within bounds.
    pub(crate) fn number(
        &self,
        name: &str,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64, String> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        let (least, most) = (bounds.start(), bounds.end());
        let takes = || wrong(name, text, &format!("a whole number from {least} to {most}"));
        let number = text.parse().map_err(|_| takes())?;
        if bounds.contains(&number) {
            Ok(number)
        } else {
            Err(takes())
        }
    }

    /// A number of seconds, at most a day.
    fn seconds(&self, name: &str, default: u64, least: u64) -> Result<Duration, String> {
        self.number(name, default, least..=DAY).map(Duration::from_secs)
    }

    /// Variables with our prefix that are no settings of the agent: misspelt ones, which would be ignored otherwise.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let names = self
            .0
            .keys()
            .filter(|name| name.starts_with(OURS) && !is_known(name));
        names.map(|name| unknown(name)).collect()
    }
}

fn is_known(name: &str) -> bool {
    VARIABLES.iter().any(|(known, _)| *known == name)
}

/// That there is no such setting, and which one was probably meant.
fn unknown(name: &str) -> String {
    let own = |name: &'static str| name.strip_prefix(OURS);
    let known: Vec<&str> = VARIABLES.iter().filter_map(|(known, _)| own(known)).collect();
    let written = name.strip_prefix(OURS).unwrap_or(name);
    let meant = match closest(written, &known) {
        Some(near) => format!("did you mean {OURS}{near}?"),
        None => "`meshform-agent --help` lists them".to_owned(),
    };
    format!("{name} is not a setting of the agent: {meant}")
}

/// That a variable has a value which it does not take.
fn wrong(name: &str, text: &str, takes: &str) -> String {
    let known = VARIABLES.iter().chain(APP_MESH);
    let meaning = known
        .into_iter()
        .find(|(known, _)| known.split(", ").any(|one| one == name))
        .map_or(String::new(), |(_, meaning)| format!(": {meaning}"));
    format!("{name} is `{text}`; expected {takes}{meaning}")
}

impl Settings {
    fn admin_mode(&self) -> Result<Option<AdminMode>, String> {
        match self.get("APPNET_AGENT_ADMIN_MODE") {
            None => Ok(None),
            Some(mode) if mode.eq_ignore_ascii_case("tcp") => {
                let port = self.number("APPNET_AGENT_HTTP_PORT", 9902, 1..=u64::from(u16::MAX))?;
                let port = u16::try_from(port).unwrap_or(9902);
                let host = self.get("APPNET_AGENT_HTTP_BIND_ADDRESS").unwrap_or("127.0.0.1");
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let host: IpAddr = host.parse().map_err(|_| {
                    format!("APPNET_AGENT_HTTP_BIND_ADDRESS is `{host}`: expected an IP address")
                })?;
                Ok(Some(AdminMode::Tcp(SocketAddr::new(host, port))))
            }
            Some(mode) if mode.eq_ignore_ascii_case("uds") => {
                let path = self.get("APPNET_AGENT_ADMIN_UDS_PATH");
                let path = path.unwrap_or("/var/run/ecs/appnet_admin.sock");
                Ok(Some(AdminMode::Socket(PathBuf::from(path))))
            }
            Some(mode) => Err(format!(
                "APPNET_AGENT_ADMIN_MODE is `{mode}`: expected `tcp` or `uds`"
            )),
        }
    }

    fn own_discovery(&self) -> Result<bool, String> {
        match self.get("MESHFORM_DISCOVERY").unwrap_or("poller") {
            "poller" => Ok(false),
            "own" => Ok(true),
            other => Err(format!(
                "MESHFORM_DISCOVERY is `{other}`: expected `poller` or `own`"
            )),
        }
    }

    /// What is set and means nothing here; `proxy` is the variable that says which proxy this is.
    fn ignored(&self, proxy: &str) -> Vec<String> {
        let others = PROXY
            .iter()
            .filter(|name| **name != proxy && self.get(name).is_some());
        let mut ignored: Vec<String> = others
            .map(|name| format!("{name} is ignored: {proxy} says which proxy this is"))
            .collect();
        for (names, why) in IGNORED {
            let set = names.split(", ").filter(|name| self.get(name).is_some());
            ignored.extend(set.map(|name| format!("{name} is ignored: {why}")));
        }
        ignored
    }

    fn restart_when_idle(&self) -> Result<bool, String> {
        match self.get("MESHFORM_RESTART").unwrap_or("next") {
            "next" => Ok(false),
            "idle" => Ok(true),
            other => Err(format!(
                "MESHFORM_RESTART is `{other}`: expected `next` or `idle`"
            )),
        }
    }
}

impl Config {
    pub(crate) fn read() -> Result<Self, String> {
        Self::understood().map_err(|error| told(SETTING, error))
    }

    fn understood() -> Result<Self, String> {
        let settings = Settings::read()?;
        let named = PROXY.iter().find_map(|name| Some((*name, settings.get(name)?)));
        let Some((name, proxy)) = named else {
            return Err(
                "MESHFORM_PROXY is not set: name the proxy, as mesh/MESH/virtualNode/NAME".to_owned(),
            );
        };
        let proxy = ProxyId::parse(proxy).map_err(|error| format!("{name}: {error}"))?;
        let Some(store) = settings.get("MESHFORM_STORE") else {
            return Err(
                "MESHFORM_STORE is not set: give the location of the releases, as s3://BUCKET/PREFIX or the \
                 directory of a store"
                    .to_owned(),
            );
        };
        let listen = settings.listen()?;
        let restarts = settings.number("APPNET_ENVOY_RESTART_COUNT", 3, RESTARTS)?;
        let restarts = settings.number("MESHFORM_RESTARTS", restarts, RESTARTS)?;
        let drain_time = settings.number("LISTENER_DRAIN_WAIT_TIME_S", 20, 0..=DAY)?;
        let dir = PathBuf::from(settings.get("MESHFORM_DIR").unwrap_or(agent::DIRECTORY));
        Ok(Self {
            store: store.to_owned(),
            proxy,
            dir: std::path::absolute(&dir).unwrap_or(dir),
            listen,
            restarts: usize::try_from(restarts).unwrap_or(3),
            drain_wait: settings.seconds("MESHFORM_DRAIN_WAIT", 7, 0)?,
            stop_timeout: settings.seconds("MESHFORM_STOP_TIMEOUT", 30, 0)?,
            envoy_log_level: settings.get("ENVOY_LOG_LEVEL").map(str::to_owned),
            envoy_concurrency: settings.get("ENVOY_CONCURRENCY").map(str::to_owned),
            drain_time: u32::try_from(drain_time).unwrap_or(20),
            restart_when_idle: settings.restart_when_idle()?,
            own_discovery: settings.own_discovery()?,
            control_plane: settings.get("MESHFORM_CONTROL_PLANE").map(str::to_owned),
            ads_bootstrap: settings.get("MESHFORM_ADS_BOOTSTRAP").map(str::to_owned),
            control_plane_wait: settings.seconds("MESHFORM_CONTROL_PLANE_WAIT", 30, 0)?,
            certificates: settings.seconds("MESHFORM_CERTIFICATES", 43_200, 1)?,
            admin_mode: settings.admin_mode()?,
            logging_reset: settings.seconds("APPNET_AGENT_LOGGING_RESET_TIMEOUT", 300, 0)?,
            ignored: settings.ignored(name),
            unknown: settings.unknown(),
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

    /// What Envoy is started with, where it follows files.
    pub(crate) fn bootstrap(&self) -> PathBuf {
        self.folder().join(layout::BOOTSTRAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(all: &[(&str, &str)]) -> Settings {
        let all = all.iter();
        Settings(
            all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn others_write_variables_that_the_agent_has() {
        use agent::variables as known;
        let listed = |name: &str| variables::VARIABLES.iter().find(|(own, _)| *own == name);
        for name in [
            known::ADS_BOOTSTRAP,
            known::CONTROL_PLANE,
            known::DIR,
            known::PROXY,
            known::STOP_TIMEOUT,
            known::STORE,
        ] {
            assert!(listed(name).is_some(), "{name}");
        }
        let (_, text) = listed(known::DIR).unwrap();
        assert!(text.contains(agent::DIRECTORY), "{text}");
        let (_, text) = listed("MESHFORM_LISTEN").unwrap();
        assert!(text.contains(&format!(":{}", agent::PORT)), "{text}");
    }

    #[test]
    fn a_misspelt_setting_is_told_with_the_one_that_was_meant() {
        let all = [
            ("MESHFORM_DRAINWAIT", "3"),
            ("MESHFORM_STORE", "/s"),
            ("OTHER", "x"),
            ("MESHFORM_X", "1"),
        ];
        let told = settings(&all).unknown();
        assert_eq!(
            told,
            [
                "MESHFORM_DRAINWAIT is not a setting of the agent: did you mean MESHFORM_DRAIN_WAIT?",
                "MESHFORM_X is not a setting of the agent: `meshform-agent --help` lists them"
            ]
        );
    }

    #[test]
    fn numbers_have_bounds_and_say_them() {
        let number = |value: &str| {
            settings(&[("MESHFORM_STOP_TIMEOUT", value)]).seconds("MESHFORM_STOP_TIMEOUT", 30, 1)
        };
        assert_eq!(number("90"), Ok(Duration::from_secs(90)));
        for value in [
            "0",
            "-1",
            "30s",
            "1.5",
            "86401",
            "18446744073709551615",
            "99999999999999999999999",
        ] {
            let error = number(value).unwrap_err();
            let told = format!(
                "MESHFORM_STOP_TIMEOUT is `{value}`; expected a whole number from 1 to 86400: seconds"
            );
            assert!(error.starts_with(&told), "{error}");
        }
        assert_eq!(
            settings(&[]).seconds("MESHFORM_STOP_TIMEOUT", 30, 1),
            Ok(Duration::from_secs(30))
        );
    }

    #[test]
    fn every_variable_of_app_mesh_that_means_nothing_is_told_with_a_reason() {
        let all = [
            ("APPMESH_RESOURCE_ARN", "mesh/m/virtualNode/n"),
            ("APPMESH_VIRTUAL_NODE_NAME", "mesh/m/virtualNode/n"),
            ("DD_SERVICE", "x"),
            ("ENVOY_ADMIN_MODE", "uds"),
            ("ENVOY_LOG_LEVEL", "debug"),
            ("XRAY_SAMPLING_RATE", "1"),
        ];
        assert_eq!(
            settings(&all).ignored("APPMESH_RESOURCE_ARN"),
            [
                "APPMESH_VIRTUAL_NODE_NAME is ignored: APPMESH_RESOURCE_ARN says which proxy this is",
                "ENVOY_ADMIN_MODE is ignored: set admin in the proxy profile",
                "XRAY_SAMPLING_RATE is ignored: set tracing in the proxy profile",
                "DD_SERVICE is ignored: set tracing in the proxy profile",
            ]
        );
    }

    #[test]
    fn what_is_understood_is_not_ignored_and_nothing_is_named_twice() {
        let names = |table: &'static [(&str, &str)]| table.iter().flat_map(|(names, _)| names.split(", "));
        let mut seen = std::collections::BTreeSet::new();
        for name in names(VARIABLES).chain(names(APP_MESH)).chain(names(IGNORED)) {
            assert!(seen.insert(name), "{name} is there twice");
        }
    }
}

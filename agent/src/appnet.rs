//! The interface of App Mesh's own agent, for scripts that ask it: the same port or socket, paths and names of fields,
//! where `APPNET_AGENT_ADMIN_MODE` is set. What it says of a management server is said of the store here.

use crate::config::{AdminMode, Config};
use crate::envoy::Admin;
use crate::log;
use crate::server::{HttpAnswer, IncomingRequest, Listener};
use crate::shared::Shared;
use meshform_bundle::codes::{SETTING, told};
use meshform_bundle::objects::ProxyState;
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::time::Instant;

/// Requests a second. App Mesh's agent bounded them too, because most are passed on to Envoy's admin interface, which
/// works on Envoy's main thread. Ten are enough for a script and a health check.
const RATE: f64 = 10.0;
/// How many may come at once after a pause: what a second allows.
const BURST: f64 = 10.0;

/// The levels that Envoy's log has.
const LEVELS: [&str; 7] = ["trace", "debug", "info", "warning", "error", "critical", "off"];

pub(crate) struct Appnet {
    shared: Rc<Shared>,
    begun: Instant,
    /// Since when the store has not been read.
    away: Cell<Option<std::time::SystemTime>>,
    /// How many requests may come yet, and as of when.
    tokens: Cell<(f64, Instant)>,
    /// The task that sets Envoy's log levels back, where somebody changed them.
    reset: RefCell<Option<tokio::task::JoinHandle<()>>>,
    /// After so long levels are what they were.
    reset_after: Duration,
    level: String,
}

/// Listens where the variables say so.
pub(crate) async fn listen(config: &Config) -> Result<Option<Listener>, String> {
    let refused = |place: &str, error: std::io::Error| {
        told(
            SETTING,
            format!("APPNET_AGENT_ADMIN_MODE: {place} cannot be listened on: {error}"),
        )
    };
    match &config.admin_mode {
        None => Ok(None),
        Some(AdminMode::Tcp(address)) => TcpListener::bind(address)
            .await
            .map(|listener| Some(Listener::Tcp(listener)))
            .map_err(|error| refused(&address.to_string(), error)),
        Some(AdminMode::Socket(path)) => {
            // One that a killed agent has left would be in the way; the directory's lock says that no other agent runs.
            let _ = std::fs::remove_file(path);
            UnixListener::bind(path)
                .map(|listener| Some(Listener::Unix(listener)))
                .map_err(|error| refused(&path.display().to_string(), error))
        }
    }
}

impl Appnet {
    pub(crate) fn new(config: &Config, shared: Rc<Shared>) -> Self {
        Self {
            shared,
            begun: Instant::now(),
            away: Cell::default(),
            tokens: Cell::new((BURST, Instant::now())),
            reset: RefCell::default(),
            reset_after: config.logging_reset,
            level: config
                .envoy_log_level
                .clone()
                .unwrap_or_else(|| "info".to_owned()),
        }
    }

    pub(crate) async fn answer(&self, asked: IncomingRequest) -> HttpAnswer {
        if !self.may_ask() {
            return HttpAnswer::text(429, "Too Many Requests\n");
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/status") => HttpAnswer::json(200, &self.status()),
            ("POST", "/drain_listeners") => self.drain(&asked.query).await,
            ("POST", "/enableLogging") => self.logging(&asked.query).await,
            ("GET", "/stats/prometheus") => self.statistics(&asked.query).await,
            (_, "/status" | "/drain_listeners" | "/enableLogging" | "/stats/prometheus") => {
                HttpAnswer::text(405, "Method Not Allowed\n")
            }
            _ => HttpAnswer::text(404, "Not Found\n"),
        }
    }

    fn may_ask(&self) -> bool {
        let (left, then) = self.tokens.get();
        let now = Instant::now();
        let left = (left + (now - then).as_secs_f64() * RATE).min(BURST);
        let may = left >= 1.0;
        self.tokens.set((if may { left - 1.0 } else { left }, now));
        may
    }

    fn status(&self) -> Value {
        let shared = &self.shared;
        let status = shared.status.borrow();
        let is_away = shared.store.borrow().is_some();
        let live = matches!(status.state, ProxyState::Ready | ProxyState::Draining);
        let mut told = Map::new();
        let always = json!({
            "healthStatus": if status.state == ProxyState::Ready { "HEALTHY" } else { "UNHEALTHY" },
            "agentUptime": uptime(self.begun.elapsed()),
            "envoyPid": shared.envoy_pid.get().map_or_else(String::new, |pid| pid.to_string()),
            "envoyState": match status.state {
                ProxyState::Ready => "LIVE",
                ProxyState::Draining => "DRAINING",
                ProxyState::Starting => "PRE_INITIALIZING",
                ProxyState::Failing | ProxyState::Stopped => "NOT_LIVE",
            },
            "envoyRestartCount": status.restarts.to_string(),
            "managementServerConnectionStatus": if is_away { "NOT_CONNECTED" } else { "CONNECTED" },
            "envoyReadinessState": if live { "INITIALIZED" } else { "NOT_INITIALIZED" },
        });
        if let Value::Object(always) = always {
            told.extend(always);
        }
        if is_away {
            let since = self.away.get().unwrap_or_else(std::time::SystemTime::now);
            self.away.set(Some(since));
            let since = humantime::format_rfc3339_seconds(since).to_string();
            told.insert("managementServerDisconnectedTimestamp".to_owned(), json!(since));
        } else {
            self.away.set(None);
        }
        if status.since > 0 {
            let outcome = if status.rejected.is_some() && status.release.is_none() {
                "UPDATE_FAILED"
            } else {
                "UPDATE_SUCCESSFUL"
            };
            told.insert("initialConfigUpdateStatus".to_owned(), json!(outcome));
        }
        Value::Object(told)
    }

    async fn drain(&self, query: &str) -> HttpAnswer {
        if !matches!(query, "inboundonly" | "graceful" | "skip_exit") {
            let text = "expected inboundonly, graceful or skip_exit, as in /drain_listeners?inboundonly\n";
            return HttpAnswer::text(400, text);
        }
        self.post(&format!("/drain_listeners?{query}")).await
    }

    async fn logging(&self, query: &str) -> HttpAnswer {
        let named = query
            .split_once('=')
            .filter(|(name, level)| LEVELS.contains(level) && is_logger(name));
        let Some((name, level)) = named else {
            let text = format!(
                "expected level=LEVEL or LOGGER=LEVEL, with one of {}\n",
                LEVELS.join(", ")
            );
            return HttpAnswer::text(400, text);
        };
        let answer = self.post(&format!("/logging?{name}={level}")).await;
        if answer.status == 200 {
            let (shared, after, level) = (Rc::clone(&self.shared), self.reset_after, self.level.clone());
            let reset = tokio::task::spawn_local(async move {
                tokio::time::sleep(after).await;
                let admin = shared.admin.borrow().clone();
                if let Some(admin) = admin {
                    let _ = admin.post(&format!("/logging?level={level}")).await;
                    log::info("Envoy's log levels are reset");
                }
            });
            // The last request counts.
            if let Some(before) = self.reset.borrow_mut().replace(reset) {
                before.abort();
            }
        }
        answer
    }

    async fn statistics(&self, query: &str) -> HttpAnswer {
        let mut asked = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part {
                "usedonly" => asked.push("usedonly".to_owned()),
                "filter=metrics_extension" => asked.push("filter=appmesh".to_owned()),
                _ => {
                    let text = format!(
                        "unknown parameter `{part}`: expected usedonly or filter=metrics_extension\n"
                    );
                    return HttpAnswer::text(400, text);
                }
            }
        }
        let path = match asked.as_slice() {
            [] => "/stats/prometheus".to_owned(),
            asked => format!("/stats/prometheus?{}", asked.join("&")),
        };
        let Some(admin) = self.admin() else {
            return no_envoy();
        };
        match admin.get(&path).await {
            Ok(answer) => HttpAnswer::new(answer.status.as_u16(), "text/plain; version=0.0.4", answer.text()),
            Err(error) => HttpAnswer::text(503, format!("{error}\n")),
        }
    }

    async fn post(&self, path: &str) -> HttpAnswer {
        let Some(admin) = self.admin() else {
            return no_envoy();
        };
        match admin.post(path).await {
            Ok(answer) => HttpAnswer::text(answer.status.as_u16(), answer.text()),
            Err(error) => HttpAnswer::text(503, format!("{error}\n")),
        }
    }

    fn admin(&self) -> Option<Admin> {
        self.shared.admin.borrow().clone()
    }
}

fn no_envoy() -> HttpAnswer {
    HttpAnswer::text(503, "Envoy is not running\n")
}

/// A name that cannot lead to anything else than a logger.
fn is_logger(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A time as App Mesh's agent told it: `1h2m3s`.
fn uptime(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_names_are_as_they_were() {
        assert_eq!(uptime(Duration::from_secs(7)), "7s");
        assert_eq!(uptime(Duration::from_secs(3723)), "1h2m3s");
        assert!(is_logger("http2") && !is_logger("level&x") && !is_logger(""));
    }
}

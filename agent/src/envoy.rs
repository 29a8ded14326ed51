//! What Envoy says of itself, by its admin interface.

use crate::http::{Request, Response};
use http::Method;
use meshform_bundle::Bundle;
use meshform_bundle::objects::RejectedResource;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How long a question may take that costs Envoy nothing: who waits for it must hear SIGTERM meanwhile.
const SOON: Duration = Duration::from_secs(2);

/// Where the admin interface listens.
#[derive(Debug, Clone)]
pub(crate) enum Admin {
    Address(String),
    Socket(PathBuf),
}

/// How Envoy stands to what it follows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Updates {
    /// How often each subscription refused an update.
    pub(crate) rejected: BTreeMap<String, u64>,
    /// The version of each subscription.
    versions: BTreeMap<String, String>,
}

impl Admin {
    pub(crate) fn of(bootstrap: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(bootstrap).ok()?;
        let address = value.pointer("/admin/address")?;
        if let Some(path) = address.pointer("/pipe/path") {
            return Some(Self::Socket(PathBuf::from(path.as_str()?)));
        }
        let host = address.pointer("/socket_address/address")?.as_str()?;
        let port = address.pointer("/socket_address/port_value")?.as_u64()?;
        let host = match host {
            "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
            host if host.contains(':') => format!("[{host}]"),
            host => host.to_owned(),
        };
        Some(Self::Address(format!("http://{host}:{port}")))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Response, String> {
        self.ask(Method::GET, path).await
    }

    pub(crate) async fn post(&self, path: &str) -> Result<Response, String> {
        self.ask_soon(Method::POST, path).await
    }

    async fn ask_soon(&self, method: Method, path: &str) -> Result<Response, String> {
        match tokio::time::timeout(SOON, self.ask(method, path)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer to {path} within {} s", SOON.as_secs())),
        }
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Response, String> {
        match self {
            Self::Address(base) => Request::new(method, &format!("{base}{path}"))?.send().await,
            Self::Socket(socket) => {
                Request::new(method, &format!("http://localhost{path}"))?
                    .send_to(socket)
                    .await
            }
        }
    }

    /// Whether it serves; otherwise why not.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        let answer = self
            .ask_soon(Method::GET, "/ready")
            .await
            .map_err(|error| format!("Envoy does not answer: {error}"))?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(format!("Envoy is not ready: {}", answer.text().trim()))
    }

    /// Envoy's version, `1.40.0`; none where it does not answer, or not so.
    pub(crate) async fn version(&self) -> Option<String> {
        let answer = self.get("/server_info").await.ok()?;
        let info: Value = serde_json::from_slice(&answer.body).ok()?;
        info.get("version")?
            .as_str()?
            .split('/')
            .nth(1)
            .map(str::to_owned)
    }

    /// How it stands to what it follows.
    pub(crate) async fn updates(&self) -> Result<Updates, String> {
        let answer = self
            .get("/stats?filter=(update_rejected%7Cversion_text)$")
            .await?;
        let text = answer.text();
        let mut updates = Updates::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
            if let Some(name) = name.strip_suffix(".update_rejected") {
                if let Ok(count) = value.parse() {
                    updates.rejected.insert(name.to_owned(), count);
                }
            } else if let Some(name) = name.strip_suffix(".version_text") {
                updates
                    .versions
                    .insert(name.to_owned(), value.trim_matches('"').to_owned());
            }
        }
        Ok(updates)
    }

    /// The sum of the connections that applications and peers have open.
    pub(crate) async fn connections(&self) -> Result<u64, String> {
        let answer = self.get("/stats?filter=_cx_active$").await?;
        Ok(open_connections(&answer.text()))
    }

    /// What the config dump says of resources that were refused, with where they come from.
    pub(crate) async fn refused(&self, bundle: &Bundle) -> Vec<RejectedResource> {
        let mut problems = Vec::new();
        let Ok(answer) = self.get("/config_dump").await else {
            return problems;
        };
        let dump: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        find_errors(&dump, None, bundle, &mut problems);
        problems
    }

    /// The certificates that it holds, with the day on which each ends.
    pub(crate) async fn certificates(&self) -> Vec<meshform_bundle::objects::Certificate> {
        let mut found = Vec::new();
        let Ok(answer) = self.get("/certs").await else {
            return found;
        };
        let certs: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let lists = certs.get("certificates").and_then(Value::as_array);
        for one in lists.into_iter().flatten() {
            let parts = ["ca_cert", "cert_chain"]
                .iter()
                .filter_map(|part| one.get(part)?.as_array());
            for cert in parts.flatten() {
                let text = |name: &str| {
                    cert.get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                let certificate = meshform_bundle::objects::Certificate {
                    name: certificate_name(cert),
                    not_after: text("expiration_time"),
                };
                if !found.contains(&certificate) {
                    found.push(certificate);
                }
            }
        }
        // Envoy lists them in no order.
        found.sort_by(|one, other| (&one.name, &one.not_after).cmp(&(&other.name, &other.not_after)));
        found
    }
}

/// What a certificate is called: its file, or, where it came as a secret, whom it is for, or its number.
fn certificate_name(cert: &Value) -> String {
    let text = |name: &str| cert.get(name).and_then(Value::as_str).unwrap_or_default();
    let path = text("path");
    if !path.is_empty() && path != "<inline>" {
        return path.to_owned();
    }
    let names = cert.get("subject_alt_names").and_then(Value::as_array);
    let mut names = names.into_iter().flatten().filter_map(Value::as_object);
    let first = names.find_map(|name| name.values().find_map(Value::as_str));
    first.map_or_else(|| format!("serial {}", text("serial_number")), str::to_owned)
}

impl Updates {
    /// The version of the list of clusters.
    pub(crate) fn clusters(&self) -> Option<&str> {
        self.versions.get("cluster_manager.cds").map(String::as_str)
    }

    /// Whether the lists of listeners and clusters have these versions.
    pub(crate) fn has(&self, listeners: &str, clusters: &str) -> bool {
        let at = |name: &str, wanted: &str| self.versions.get(name).is_some_and(|version| version == wanted);
        at("listener_manager.lds", listeners) && at("cluster_manager.cds", clusters)
    }

    /// The subscriptions that refused something since.
    pub(crate) fn refused_since(&self, before: &Self) -> Vec<String> {
        let since = |(name, count): &(&String, &u64)| {
            **count > before.rejected.get(*name).copied().unwrap_or_default()
        };
        self.rejected
            .iter()
            .filter(since)
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// Every `error_state` below, with the name beside it or above it.
fn find_errors(value: &Value, name: Option<&str>, bundle: &Bundle, problems: &mut Vec<RejectedResource>) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| find_errors(item, name, bundle, problems)),
        Value::Object(fields) => {
            let name = fields.get("name").and_then(Value::as_str).or(name);
            if let Some(state) = fields.get("error_state") {
                let reason = state.get("details").and_then(Value::as_str).unwrap_or_default();
                let failed = state
                    .pointer("/failed_configuration/name")
                    .and_then(Value::as_str);
                let found = problem(failed.or(name).unwrap_or_default(), reason, bundle);
                // The dump has it once for the listener and once for each of its states.
                if !problems.contains(&found) {
                    problems.push(found);
                }
            }
            let deeper = fields.iter().filter(|(field, _)| *field != "error_state");
            deeper.for_each(|(_, item)| find_errors(item, name, bundle, problems));
        }
        _ => {}
    }
}

/// A problem, with the resource and the field of the mesh that it is about.
pub(crate) fn problem(envoy: &str, reason: &str, bundle: &Bundle) -> RejectedResource {
    let origins = bundle.origins.get(envoy).map(Vec::as_slice).unwrap_or_default();
    let origin = meshform_bundle::blamed(origins, reason);
    RejectedResource {
        envoy: envoy.to_owned(),
        reason: reason.to_owned(),
        resource: origin.map(|origin| origin.resource.clone()),
        field: origin.map(|origin| origin.field.clone()),
    }
}

/// The connections of others that are open, from Envoy's counters. A gateway also connects to itself, to lead a request on to
/// the virtual service; that connection outlives the request by an hour.
fn open_connections(counters: &str) -> u64 {
    let (mut taken, mut own) = (0_u64, 0_u64);
    for (name, value) in counters.lines().filter_map(|line| line.rsplit_once(": ")) {
        let count = value.parse::<u64>().unwrap_or_default();
        let is_summed = !name.contains(".worker_") && !name.starts_with("listener.admin.");
        if is_summed && name.starts_with("listener.") && name.ends_with(".downstream_cx_active") {
            taken += count;
        } else if name.starts_with("cluster.cds_ingress_")
            && name.contains("_self_redirect_")
            && name.ends_with(".upstream_cx_active")
        {
            own += count;
        }
    }
    taken.saturating_sub(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_bundle::{Body, Origin, ProxyId};
    use serde_json::json;

    #[test]
    fn what_a_gateway_opens_to_itself_is_no_connection_of_others() {
        let counters = "cluster.cds_egress_apps_a_http_19101.upstream_cx_active: 3\n\
                        cluster.cds_ingress_apps_gw_self_redirect_http_15001.upstream_cx_active: 1\n\
                        http.admin.downstream_cx_active: 1\n\
                        listener.0.0.0.0_19200.downstream_cx_active: OUTSIDE\n\
                        listener.0.0.0.0_19200.worker_0.downstream_cx_active: OUTSIDE\n\
                        listener.127.0.0.1_15001.downstream_cx_active: 1\n\
                        listener.admin.downstream_cx_active: 1\n";
        assert_eq!(open_connections(&counters.replace("OUTSIDE", "0")), 0);
        assert_eq!(open_connections(&counters.replace("OUTSIDE", "2")), 2);
    }

    #[test]
    fn a_problem_names_the_field_of_the_part_that_the_reason_is_about() {
        let origin = |at: &str, resource: &str, field: &str| Origin {
            at: at.to_owned(),
            resource: resource.to_owned(),
            field: field.to_owned(),
        };
        let origins = vec![
            origin("", "virtualNode/a", "/spec/backends"),
            origin("/address", "proxyProfile/a", "/spec/interception/explicit/port"),
            origin("/filter_chains/0", "virtualNode/a", "/spec/backends"),
        ];
        let bundle = Bundle {
            proxy: ProxyId::virtual_node("apps", "a"),
            bootstrap: Body::parse("{}").unwrap(),
            resources: Vec::new(),
            origins: [("lds".to_owned(), origins)].into(),
        };
        let field = |reason: &str| problem("lds", reason, &bundle).field.unwrap();
        let taken = "cannot bind '127.0.0.1:15001': Address already in use";
        assert_eq!(field(taken), "/spec/interception/explicit/port");
        assert_eq!(field("something else"), "/spec/backends");
        assert_eq!(
            problem("lds", taken, &bundle).resource.as_deref(),
            Some("proxyProfile/a")
        );
    }

    #[test]
    fn a_certificate_is_called_by_its_file_or_by_whom_it_is_for() {
        let cases = [
            (
                json!({"path": "/certs/tls.crt", "serial_number": "1"}),
                "/certs/tls.crt",
            ),
            (
                json!({"path": "<inline>", "serial_number": "1", "subject_alt_names": [{"dns": "web.local"}]}),
                "web.local",
            ),
            (
                json!({"path": "<inline>", "serial_number": "1f", "subject_alt_names": []}),
                "serial 1f",
            ),
        ];
        for (cert, name) in cases {
            assert_eq!(certificate_name(&cert), name);
        }
    }
}

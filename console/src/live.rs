//! Live numbers, asked of a Prometheus that scrapes the Envoys.
//!
//! Envoy counts by cluster, and the names of clusters say which proxy they lead to: what a proxy's own Envoy sent to its
//! application is what that proxy served. A page never waits for Prometheus: it shows what was answered last, and asks
//! anew in the background where that is older than a few seconds.

use crate::codes;
use meshform_model::diag::{Diagnostic, with_causes};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_store::storage::http;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How old numbers may be before they are asked for again.
const FRESH: Duration = Duration::from_secs(5);
/// How old they may be and still be shown.
const SHOWN: Duration = Duration::from_secs(60);
/// How long Prometheus may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the first page of a mesh waits for them.
const FIRST: Duration = Duration::from_millis(200);
/// Over which time rates are taken.
const WINDOW: &str = "1m";

/// What a proxy, or those of a service, served in the last minute.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Numbers {
    /// Requests a second.
    pub rate: f64,
    /// Those of them that were answered with 5xx.
    pub errors: f64,
    /// The 99th percentile of the time to the whole answer, in milliseconds.
    pub p99: Option<f64>,
}

/// The numbers of a mesh, or why there are none.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Of virtual nodes and virtual gateways.
    proxies: BTreeMap<ResourceKey, Numbers>,
    pub(crate) problem: Option<String>,
}

/// A Prometheus to be asked.
#[derive(Debug)]
pub struct Prometheus {
    base: String,
    client: reqwest::Client,
    kept: Mutex<BTreeMap<String, CachedNumbers>>,
}

#[derive(Debug, Clone, Default)]
struct CachedNumbers {
    last: Option<(Instant, Arc<Live>)>,
    is_asking: bool,
}

impl Prometheus {
    /// The one at this address: `http://prometheus:9090`, or below a path of a server.
    ///
    /// # Errors
    /// When that is no address of HTTP.
    pub fn at(address: &str) -> Result<Self, Box<Diagnostic>> {
        let wrong = |why: String| {
            let help = "write an address such as `http://prometheus:9090`";
            Box::new(Diagnostic::error(codes::PROMETHEUS, why).help(help))
        };
        let base = address.trim_end_matches('/');
        let is_http = ["http://", "https://"]
            .iter()
            .any(|scheme| base.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
        let is_plain = !base.contains(['?', '#']) && reqwest::Url::parse(base).is_ok();
        if !is_http || !is_plain {
            return Err(wrong(format!("`{address}` is not the address of a Prometheus")));
        }
        Ok(Self {
            base: base.to_owned(),
            client: http::client().map_err(wrong)?,
            kept: Mutex::default(),
        })
    }

    /// What is known of a mesh now. Of the first look, or where nobody looked for a minute, it waits a moment.
    pub(crate) async fn live(self: &Arc<Self>, mesh: &Mesh) -> Arc<Live> {
        let name = mesh.name().to_owned();
        let (last, begins) = {
            let mut all = self.lock();
            let kept = all.entry(name.clone()).or_default();
            let age = kept.last.as_ref().map(|(at, _)| at.elapsed());
            let begins = !kept.is_asking && age.is_none_or(|age| age > FRESH);
            kept.is_asking |= begins;
            (kept.last.clone().filter(|(at, _)| at.elapsed() < SHOWN), begins)
        };
        if begins {
            let (this, mesh, name) = (Arc::clone(self), mesh.clone(), name.clone());
            let asked = tokio::spawn(async move {
                let live = Arc::new(this.ask(&mesh).await);
                let mut all = this.lock();
                let kept = all.entry(name).or_default();
                kept.last = Some((Instant::now(), Arc::clone(&live)));
                kept.is_asking = false;
                live
            });
            if last.is_none()
                && let Ok(Ok(live)) = tokio::time::timeout(FIRST, asked).await
            {
                return live;
            }
        }
        match last {
            Some((_, live)) => live,
            None => Arc::new(Live {
                problem: Some("Prometheus has not answered yet; load the page again".to_owned()),
                ..Live::default()
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, CachedNumbers>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, mesh: &Mesh) -> Live {
        let of = matcher(mesh.name());
        let sum = |metric: &str, more: &str, by: &str| {
            format!(
                "sum by ({by}) (rate(envoy_cluster_{metric}{{envoy_cluster_name=~\"{of}\"{more}}}[{WINDOW}]))"
            )
        };
        let name = "envoy_cluster_name";
        let rates = sum("upstream_rq_total", "", name);
        let errors = sum("upstream_rq_xx", ",envoy_response_code_class=\"5\"", name);
        let times = sum("upstream_rq_time_bucket", "", &format!("{name}, le"));
        let times = format!("histogram_quantile(0.99, {times})");
        let answers = async {
            Ok::<_, String>((
                self.query(&rates).await?,
                self.query(&errors).await?,
                self.query(&times).await?,
            ))
        };
        let answers = tokio::time::timeout(PATIENCE, answers)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        match answers {
            Ok((rates, errors, times)) => Live::of(mesh, rates, errors, times),
            Err(problem) => Live {
                problem: Some(problem),
                ..Live::default()
            },
        }
    }

    /// The values of an instant query, by cluster.
    async fn query(&self, query: &str) -> Result<BTreeMap<String, f64>, String> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let asked = self
            .client
            .get(format!("{}/api/v1/query?query={query}", self.base));
        // Without the address: it may carry a password.
        let answer = asked
            .send()
            .await
            .map_err(|error| with_causes(&error.without_url()))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .map_err(|error| with_causes(&error.without_url()))?;
        let json: Json = serde_json::from_str(&text)
            .map_err(|_| format!("answered with status {status}, and not as Prometheus does"))?;
        if let Some(error) = json.get("error").and_then(Json::as_str) {
            return Err(format!("answered with an error: {error}"));
        }
        let results = json.pointer("/data/result").and_then(Json::as_array);
        let results = results.ok_or_else(|| format!("answered with status {status} and no result"))?;
        let value = |one: &Json| {
            let cluster = one.pointer("/metric/envoy_cluster_name")?.as_str()?.to_owned();
            let value: f64 = one.pointer("/value/1")?.as_str()?.parse().ok()?;
            value.is_finite().then_some((cluster, value))
        };
        Ok(results.iter().filter_map(value).collect())
    }
}

/// What the clusters of a mesh's own proxies match, as it stands between quotes in a query.
fn matcher(mesh: &str) -> String {
    let mut out = String::from("cds_ingress_");
    for c in mesh.chars() {
        if !(c.is_alphanumeric() || c == '_' || c == '-') {
            // Once for the regular expression, once for the quotes.
            out.push_str("\\\\");
        }
        if c == '"' || c == '\\' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push_str("_.+");
    out
}

/// The proxy whose own Envoy has this cluster: `cds_ingress_<mesh>_<node>_<protocol>_<port>`, of a gateway
/// `cds_ingress_<mesh>_<gateway>_self_redirect_…`.
fn proxy(mesh: &Mesh, cluster: &str) -> Option<ResourceKey> {
    let rest = cluster.strip_prefix("cds_ingress_")?.strip_prefix(mesh.name())?;
    let rest = rest.strip_prefix('_')?;
    let (rest, _port) = rest.rsplit_once('_')?;
    let (name, _protocol) = rest.rsplit_once('_')?;
    let node = ResourceKey::in_mesh(mesh.name(), Kind::VirtualNode, name);
    let gateway = rest.rfind("_self_redirect").and_then(|at| rest.get(..at));
    let gateway = gateway.map(|name| ResourceKey::in_mesh(mesh.name(), Kind::VirtualGateway, name));
    [Some(node), gateway]
        .into_iter()
        .flatten()
        .find(|key| mesh.contains(key))
}

impl Live {
    fn of(
        mesh: &Mesh,
        rates: BTreeMap<String, f64>,
        errors: BTreeMap<String, f64>,
        times: BTreeMap<String, f64>,
    ) -> Self {
        let mut live = Self::default();
        for (cluster, rate) in rates {
            let Some(key) = proxy(mesh, &cluster) else {
                continue;
            };
            let one = Numbers {
                rate,
                errors: errors.get(&cluster).copied().unwrap_or_default(),
                p99: times.get(&cluster).copied(),
            };
            live.proxies.entry(key).or_default().add(&one);
        }
        live
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.proxies.is_empty()
    }

    /// What a proxy served; nothing where Prometheus knows nothing of it.
    pub(crate) fn proxy(&self, key: &ResourceKey) -> Option<Numbers> {
        self.proxies.get(key).copied()
    }

    /// Of everything that a picture shows, in words: proxies, and services by the nodes that serve them.
    pub(crate) fn words(&self, mesh: &Mesh) -> BTreeMap<ResourceKey, String> {
        let mut all = self.proxies.clone();
        for service in mesh.virtual_services() {
            let mut sum = Numbers::default();
            let nodes = nodes(mesh, &service.key);
            let found: Vec<&Numbers> = nodes.iter().filter_map(|key| self.proxies.get(key)).collect();
            found.iter().for_each(|one| sum.add(one));
            if !found.is_empty() {
                all.insert(service.key.clone(), sum);
            }
        }
        all.into_iter()
            .map(|(key, numbers)| (key, numbers.to_string()))
            .collect()
    }
}

/// The nodes to which a service's requests may go.
fn nodes(mesh: &Mesh, service: &ResourceKey) -> BTreeSet<ResourceKey> {
    let mut out = BTreeSet::new();
    for reference in mesh.references_from(service) {
        match reference.to.kind {
            Kind::VirtualNode => drop(out.insert(reference.to.clone())),
            Kind::VirtualRouter => {
                let routes = mesh.routes_of(&reference.to.name);
                let targets = routes.iter().flat_map(|route| route.spec.rule.targets());
                let node = |name: &str| ResourceKey::in_mesh(mesh.name(), Kind::VirtualNode, name);
                out.extend(targets.map(|target| node(&target.virtual_node)));
            }
            _ => {}
        }
    }
    out
}

impl Numbers {
    /// Together with another's. Of percentiles the worse one is told: they do not add up.
    fn add(&mut self, other: &Self) {
        self.rate += other.rate;
        self.errors += other.errors;
        self.p99 = match (self.p99, other.p99) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
    }

    /// The share of errors, in hundredths.
    pub fn error_percent(&self) -> f64 {
        match self.rate > 0.0 {
            true => (self.errors / self.rate * 100.0).clamp(0.0, 100.0),
            false => 0.0,
        }
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: f64| match value {
            value if value >= 100.0 => format!("{value:.0}"),
            value if value >= 10.0 || value == 0.0 => format!("{value:.0}"),
            value => format!("{value:.1}"),
        };
        write!(
            f,
            "{}/s · {} % errors",
            short(self.rate),
            short(self.error_percent())
        )?;
        match self.p99 {
            Some(p99) => write!(f, " · p99 {} ms", short(p99)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::testing;

    fn one(cluster: &str, value: f64) -> BTreeMap<String, f64> {
        BTreeMap::from([(cluster.to_owned(), value)])
    }

    #[test]
    fn clusters_are_told_to_their_proxies_and_services() {
        let mesh = Mesh::new(testing::resources(&testing::demo()).unwrap()).unwrap();
        let cluster = "cds_ingress_apps_servicebv2_http_8080";
        let live = Live::of(&mesh, one(cluster, 20.0), one(cluster, 1.0), one(cluster, 45.3));
        let node = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicebv2");
        assert_eq!(live.proxy(&node).unwrap().error_percent(), 5.0);
        let words = live.words(&mesh);
        assert_eq!(words[&node], "20/s · 5.0 % errors · p99 45 ms");
        let service = ResourceKey::in_mesh("apps", Kind::VirtualService, "serviceb.apps.local");
        assert_eq!(words[&service], words[&node]);
        for other in [
            "cds_egress_apps_servicebv2_http_8080",
            "cds_ingress_apps_none_http_1",
            "x",
        ] {
            assert!(
                Live::of(&mesh, one(other, 1.0), BTreeMap::new(), BTreeMap::new())
                    .proxies
                    .is_empty()
            );
        }
    }

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(matcher("a-b"), "cds_ingress_a-b_.+");
        assert_eq!(matcher("a.b\""), "cds_ingress_a\\\\.b\\\\\\\"_.+");
    }

    #[test]
    fn only_addresses_of_http_are_taken() {
        for wrong in ["prometheus:9090", "http://", "http://a/?x", "ftp://a"] {
            assert!(Prometheus::at(wrong).is_err(), "{wrong}");
        }
        assert!(Prometheus::at("https://user:pass@metrics.example/prometheus/").is_ok());
    }
}

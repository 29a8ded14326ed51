//! Every effective value of a proxy, with where it comes from: nothing that App Mesh set silently stays hidden.
//!
//! Each part takes its form of the `ir` to pieces by name, so that a value which is added there does not compile until
//! it is reported here. What is the same for every proxy and stands only in the messages (path rules, the choice of
//! another host for a retry) is told beside the values that it works with.
//!
//! - [`process`]: the bootstrap: admin, limits, statistics, control plane.
//! - [`listener`]: sockets, chains, access logs, spans.
//! - [`route`]: matchers, targets, timeouts, retries, rewrites.
//! - [`cluster`]: discovery, pool, health, load balancing.
//! - [`tls`]: both ends.

mod cluster;
mod listener;
mod process;
mod route;
mod tls;

use crate::ir::{Origin, ProxyIr, Source, Sourced};
use crate::lower::lowered;
use crate::out::Options;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::fmt::Display;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// What it is: `cluster cds_… / connect timeout`.
    pub path: String,
    /// The value as people write it: `15s`, `none`.
    pub value: String,
    pub source: Source,
}

/// Every effective value of the proxy of a node or a gateway: the process, then listeners, routes, clusters.
///
/// # Errors
/// When the mesh is not valid, or has no such node or gateway.
pub fn explain(mesh: &Mesh, key: &ResourceKey, options: &Options) -> Result<Vec<Effective>, Vec<Diagnostic>> {
    let ProxyIr {
        key: _,
        settings,
        listeners,
        tables,
        clusters,
        // Told where they are used, at listeners and clusters.
        secrets: _,
    } = lowered(mesh, key, &options.root)?;
    let mut list = Vec::new();
    process::tell(
        &mut EffectiveSection::new(&mut list, "proxy".to_owned()),
        &settings,
    );
    for one in &listeners {
        listener::tell(&mut list, one);
    }
    for table in &tables {
        route::tell(&mut list, table);
    }
    for one in &clusters {
        cluster::tell(
            &mut EffectiveSection::new(&mut list, format!("cluster {}", one.name)),
            one,
        );
    }
    Ok(list)
}

/// What holds where a value is not set, and whose default that is.
struct Unset<'a> {
    means: &'a str,
    whose: Source,
}

/// What is told of one thing.
#[derive(Debug)]
struct EffectiveSection<'a> {
    list: &'a mut Vec<Effective>,
    at: String,
}

impl<'a> EffectiveSection<'a> {
    fn new(list: &'a mut Vec<Effective>, at: String) -> Self {
        Self { list, at }
    }

    /// A value, and whose it is.
    fn tell(&mut self, name: &str, value: impl Into<String>, source: Source) {
        self.list.push(Effective {
            path: format!("{} / {name}", self.at),
            value: value.into(),
            source,
        });
    }

    /// A value that was made from a field.
    fn field(&mut self, name: &str, value: impl Into<String>, origin: &Origin) {
        self.tell(name, value, Source::Field(origin.clone()));
    }

    /// A value that knows whose it is.
    fn add<T>(&mut self, name: &str, value: &Sourced<T>, show: impl FnOnce(&T) -> String) {
        self.tell(name, show(&value.value), value.source.clone());
    }

    /// A value that may be left to somebody's default.
    fn or<T>(
        &mut self,
        name: &str,
        value: Option<&Sourced<T>>,
        show: impl FnOnce(&T) -> String,
        unset: Unset<'_>,
    ) {
        match value {
            Some(value) => self.add(name, value, show),
            None => self.tell(name, unset.means, unset.whose),
        }
    }
}

fn plain<T: Display>(value: &T) -> String {
    value.to_string()
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Zero means no limit wherever Envoy has a timeout.
fn time(duration: &Duration) -> String {
    if duration.is_zero() {
        "no limit".to_owned()
    } else {
        seconds(duration)
    }
}

/// What one of several gets, of a hundred.
fn shares<'a>(targets: impl Iterator<Item = (&'a str, u32)> + Clone) -> String {
    let sum: u64 = targets.clone().map(|(_, weight)| u64::from(weight)).sum();
    let share = |(name, weight): (&str, u32)| {
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let percent = f64::from(weight) * 100.0 / sum.max(1) as f64;
        format!("{name} {} %", (percent * 10.0).round() / 10.0)
    };
    targets.map(share).collect::<Vec<_>>().join(", ")
}

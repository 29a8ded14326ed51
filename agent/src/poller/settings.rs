//! How the poller is set up.

use super::listed::{self, Listed};
use crate::config::{Config, Settings as Variables};
use crate::log;
use crate::store::StoreUser;
use meshform_bundle::codes::{SETTING, told};
use meshform_bundle::publish::Publisher;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds between two rounds where `MESHFORM_POLL` says nothing: as long as a proxy takes to see them (`15 s`), so
/// that a host that is new or gone is known everywhere after half a minute.
const EVERY: u64 = 15;

/// How the poller is set up.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) store: String,
    pub(super) mesh: String,
    pub(super) listen: SocketAddr,
    /// Who asks: the poller of a mesh, or a proxy for itself.
    pub(super) user: StoreUser,
    /// Between two reads of a service.
    pub(super) interval: Duration,
    endpoints: Option<PathBuf>,
}

impl Settings {
    pub(super) fn read() -> Result<Self, String> {
        Self::understood().map_err(|error| told(SETTING, error))
    }

    fn understood() -> Result<Self, String> {
        let variables = Variables::read()?;
        for name in variables.unknown() {
            log::warn(&told(SETTING, name));
        }
        let needed = |name: &str, what: &str| {
            let value = variables.get(name).map(str::to_owned);
            value.ok_or_else(|| format!("{name} is not set: say {what}"))
        };
        let interval = interval(&variables)?;
        Ok(Self {
            store: needed(
                "MESHFORM_STORE",
                "where releases are, as s3://BUCKET/PREFIX or the directory that is published to",
            )?,
            mesh: needed("MESHFORM_MESH", "whose endpoints are polled")?,
            listen: variables.listen()?,
            user: StoreUser::Poller,
            interval,
            endpoints: variables.get("MESHFORM_ENDPOINTS").map(PathBuf::from),
        })
    }

    /// Those of an agent that polls for its own proxy.
    pub(super) fn of(config: &Config) -> Result<Self, String> {
        let variables = Variables::read().map_err(|error| told(SETTING, error))?;
        Ok(Self {
            store: config.store.clone(),
            mesh: config.proxy.mesh().to_owned(),
            listen: config.listen,
            user: StoreUser::Proxy,
            interval: interval(&variables)?,
            endpoints: variables.get("MESHFORM_ENDPOINTS").map(PathBuf::from),
        })
    }

    #[cfg(test)]
    pub(super) fn for_tests(store: &Path, mesh: &str) -> Self {
        Self {
            store: format!("file://{}", store.display()),
            mesh: mesh.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            user: StoreUser::Poller,
            interval: Duration::from_secs(EVERY),
            endpoints: None,
        }
    }

    /// What is listed by hand now.
    pub(super) fn listed(&self) -> Result<Listed, String> {
        listed::read(self.endpoints.as_deref())
    }

    /// The directory, where the store is one that Envoys read themselves.
    pub(super) fn directory(&self) -> Option<&Path> {
        let is_path = !self.store.contains("://");
        is_path.then(|| Path::new(&self.store))
    }

    /// Whether the store is a directory that releases are published to, and not one in the form of a bucket.
    pub(super) fn is_published(&self) -> bool {
        self.directory().is_some_and(|directory| {
            !directory.join("m").is_dir() || Publisher::new(directory).knows(&self.mesh)
        })
    }
}

fn interval(variables: &Variables) -> Result<Duration, String> {
    let interval = variables.number("MESHFORM_POLL", EVERY, 1..=120);
    interval
        .map(Duration::from_secs)
        .map_err(|error| told(SETTING, error))
}

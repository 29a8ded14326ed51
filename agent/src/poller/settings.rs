//! How the poller is set up.

use super::listed::{self, Listed};
use crate::config::Settings as Variables;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The pace of a poller that nobody says anything to.
const EVERY: u64 = 15;

/// How the poller is set up.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) store: String,
    pub(super) mesh: String,
    pub(super) listen: SocketAddr,
    /// Between two reads of a service.
    pub(super) interval: Duration,
    endpoints: Option<PathBuf>,
}

impl Settings {
    pub(super) fn read() -> Result<Self, String> {
        let variables = Variables::read()?;
        let needed = |name: &str, what: &str| {
            let value = variables.get(name).map(str::to_owned);
            value.ok_or_else(|| format!("{name} is not set: say {what}"))
        };
        let interval: u64 = variables.or("MESHFORM_POLL", EVERY)?;
        if !(1..=120).contains(&interval) {
            return Err(format!(
                "MESHFORM_POLL is {interval}: it is a number of seconds from 1 to 120; health changes are seen that late"
            ));
        }
        Ok(Self {
            store: needed(
                "MESHFORM_STORE",
                "where releases are, as s3://BUCKET/PREFIX or the directory that is published to",
            )?,
            mesh: needed("MESHFORM_MESH", "whose endpoints are polled")?,
            listen: variables.listen()?,
            interval: Duration::from_secs(interval),
            endpoints: variables.get("MESHFORM_ENDPOINTS").map(PathBuf::from),
        })
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
        self.directory()
            .is_some_and(|directory| !directory.join("m").is_dir())
    }
}

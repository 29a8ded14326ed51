//! That Envoys refused the current release which a control plane told them: noted beside the pointer, as agents leave markers
//! in buckets.

use crate::error::Result;
use crate::releaser::Releaser;
use meshform_store::{Digest, PointerWrite, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The pointer of a mesh that has them.
const NAME: &str = "refused";
/// How often it is written anew when others are faster; what is not written now is written at the next look.
const ATTEMPTS: u32 = 3;

/// Why proxies refused a release, by their paths (`mesh/MESH/virtualNode/NAME`). No reason: the proxy has taken it.
pub type Refusals = BTreeMap<String, Vec<String>>;

/// A refusal, as the target keeps it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    pub(crate) release: Option<Digest>,
    pub(crate) proxies: Refusals,
}

impl Noted {
    /// With what a server has seen; what it has not seen another one may have.
    fn with(mut self, release: &Digest, seen: &Refusals) -> Self {
        if self.release.as_ref() != Some(release) {
            self = Self {
                release: Some(release.clone()),
                proxies: Refusals::new(),
            };
        }
        for (proxy, reasons) in seen {
            if reasons.is_empty() {
                self.proxies.remove(proxy);
            } else {
                self.proxies.insert(proxy.clone(), reasons.clone());
            }
        }
        self
    }
}

impl Releaser {
    /// Notes which proxies refused a release, and which have taken it. Written only where that is news.
    ///
    /// # Errors
    /// When the store does not answer, or others write all the time.
    pub async fn note_refusals(&self, mesh: &str, release: &Digest, seen: &Refusals) -> Result<()> {
        let mut attempt = 0;
        loop {
            let (noted, expected) = self.noted(mesh).await?;
            let next = noted.clone().with(release, seen);
            if next == noted || (next.proxies.is_empty() && noted.proxies.is_empty()) {
                return Ok(());
            }
            let write = PointerWrite {
                mesh: mesh.to_owned(),
                name: NAME.to_owned(),
                expected,
                value: serde_json::to_string(&next).unwrap_or_default(),
            };
            attempt += 1;
            match self.store.set_pointer(write, &self.author).await {
                Err(StoreError::PointerConflict(_)) if attempt < ATTEMPTS => {}
                other => return Ok(other.map(drop)?),
            }
        }
    }

    /// Which proxies refused a release, with their reasons.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn refusals(&self, mesh: &str, release: &Digest) -> Result<Refusals> {
        let (noted, _) = self.noted(mesh).await?;
        Ok(match noted.release.as_ref() == Some(release) {
            true => noted.proxies,
            false => Refusals::new(),
        })
    }

    async fn noted(&self, mesh: &str) -> Result<(Noted, Option<u64>)> {
        let Some(found) = self.store.pointer(mesh, NAME).await? else {
            return Ok((Noted::default(), None));
        };
        // What another version wrote is written anew.
        let noted = serde_json::from_str(&found.value).unwrap_or_default();
        Ok((noted, Some(found.version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_see_different_proxies_and_a_new_release_begins_anew() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let seen = |proxy: &str, reasons: &[&str]| {
            let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
            Refusals::from([(proxy.to_owned(), reasons)])
        };
        let noted = Noted::default()
            .with(&one, &seen("a", &["x"]))
            .with(&one, &seen("b", &["y"]));
        assert_eq!(noted.proxies.len(), 2);
        let healed = noted.clone().with(&one, &seen("a", &[]));
        assert_eq!(healed.proxies, seen("b", &["y"]));
        let next = noted.with(&two, &seen("c", &[]));
        assert_eq!((next.release, next.proxies.len()), (Some(two), 0));
    }
}

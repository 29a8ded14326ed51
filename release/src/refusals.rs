//! That Envoys refused a release which a control plane told them: noted beside the pointer, as agents leave markers in buckets.
//! What is noted of earlier releases stays as long as they are in the history.

use crate::error::Result;
use crate::releaser::Releaser;
use crate::state::KEPT;
use meshform_store::{Digest, PointerWrite, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The pointer of a mesh that has them.
const NAME: &str = "refused";
/// How often it is written anew when others are faster; what is not written now is written at the next look.
const ATTEMPTS: u32 = 3;

/// Why proxies refused a release, by their paths (`mesh/MESH/virtualNode/NAME`). No reason: the proxy has taken it.
pub type Refusals = BTreeMap<String, Vec<String>>;

/// The refusals of a mesh, as the target keeps them.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusalNotes {
    /// The releases that proxies refused, the last one last.
    #[serde(default)]
    releases: Vec<RefusedRelease>,
}

/// A release that proxies refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RefusedRelease {
    release: Digest,
    proxies: Refusals,
}

/// What a server knows of what is noted, so that it looks only where it has news.
#[derive(Debug, Default)]
pub struct RefusalMemory(BTreeMap<(String, Digest), CachedRefusals>);

#[derive(Debug)]
struct CachedRefusals {
    noted: RefusalNotes,
    /// What was refused when it was looked at.
    refused: Refusals,
}

impl RefusalMemory {
    /// Forgets releases that no proxy is told any more.
    pub fn retain(&mut self, is_told: impl Fn(&str, &Digest) -> bool) {
        self.0.retain(|(mesh, release), _| is_told(mesh, release));
    }
}

impl RefusalNotes {
    /// With what a server has seen; what it has not seen another one may have.
    fn with(mut self, release: &Digest, seen: &Refusals) -> Self {
        let of_release = |one: &RefusedRelease| one.release == *release;
        let mut proxies = match self.releases.iter().position(of_release) {
            Some(at) => self.releases.remove(at).proxies,
            None => Refusals::new(),
        };
        for (proxy, reasons) in seen {
            if reasons.is_empty() {
                proxies.remove(proxy);
            } else {
                proxies.insert(proxy.clone(), reasons.clone());
            }
        }
        if !proxies.is_empty() {
            let release = release.clone();
            self.releases.push(RefusedRelease { release, proxies });
        }
        let dropped = self.releases.len().saturating_sub(KEPT);
        self.releases.drain(..dropped);
        self
    }

    fn of(&self, release: &Digest) -> Option<&Refusals> {
        let mut releases = self.releases.iter();
        releases
            .find(|one| one.release == *release)
            .map(|one| &one.proxies)
    }

    /// Whether what is noted of each release is the same; which of them was refused last says nothing.
    fn says_the_same(&self, other: &Self) -> bool {
        self.releases.len() == other.releases.len()
            && self
                .releases
                .iter()
                .all(|one| other.of(&one.release) == Some(&one.proxies))
    }
}

impl Releaser {
    /// Notes which proxies refused a release, and which have taken it. The store is asked only where something was refused or
    /// taken since the last time, and written only where that is news.
    ///
    /// # Errors
    /// When the store does not answer, or others write all the time.
    pub async fn note_refusals(
        &self,
        mesh: &str,
        release: &Digest,
        seen: &Refusals,
        memory: &mut RefusalMemory,
    ) -> Result<()> {
        let mut refused = seen.clone();
        refused.retain(|_, reasons| !reasons.is_empty());
        let key = (mesh.to_owned(), release.clone());
        if let Some(known) = memory.0.get(&key)
            && known.refused == refused
            && known
                .noted
                .clone()
                .with(release, seen)
                .says_the_same(&known.noted)
        {
            return Ok(());
        }
        let mut attempt = 0;
        let noted = loop {
            let (noted, expected) = self.noted(mesh).await?;
            let next = noted.clone().with(release, seen);
            if next.says_the_same(&noted) {
                break noted;
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
                other => {
                    other?;
                    break next;
                }
            }
        };
        memory.0.insert(key, CachedRefusals { noted, refused });
        Ok(())
    }

    /// Which proxies refused a release, each with its reasons; not those that have taken it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn refusals(&self, mesh: &str, release: &Digest) -> Result<Refusals> {
        let (noted, _) = self.noted(mesh).await?;
        Ok(noted.of(release).cloned().unwrap_or_default())
    }

    /// The same of every release of which something is noted.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn all_refusals(&self, mesh: &str) -> Result<BTreeMap<Digest, Refusals>> {
        let (noted, _) = self.noted(mesh).await?;
        let releases = noted.releases.into_iter();
        Ok(releases.map(|one| (one.release, one.proxies)).collect())
    }

    async fn noted(&self, mesh: &str) -> Result<(RefusalNotes, Option<u64>)> {
        let Some(found) = self.store.pointer(mesh, NAME).await? else {
            return Ok((RefusalNotes::default(), None));
        };
        // What another version wrote is written anew.
        let noted = serde_json::from_str(&found.value).unwrap_or_default();
        Ok((noted, Some(found.version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(proxy: &str, reasons: &[&str]) -> Refusals {
        let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        Refusals::from([(proxy.to_owned(), reasons)])
    }

    #[test]
    fn servers_see_different_proxies_and_earlier_releases_are_remembered() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let noted = RefusalNotes::default()
            .with(&one, &seen("a", &["x"]))
            .with(&one, &seen("b", &["y"]));
        assert_eq!(noted.of(&one).unwrap().len(), 2);
        let healed = noted.clone().with(&one, &seen("a", &[]));
        assert_eq!(healed.of(&one), Some(&seen("b", &["y"])));
        let next = noted.clone().with(&two, &seen("c", &[]));
        assert!(next.says_the_same(&noted) && next.of(&two).is_none());
        let next = noted.with(&two, &seen("c", &["z"]));
        assert_eq!(
            (next.of(&one).unwrap().len(), next.of(&two).unwrap().len()),
            (2, 1)
        );
        let back = next.clone().with(&one, &seen("a", &["x"]));
        assert!(back.says_the_same(&next), "the order alone is no news");
        let many = (0..20_u8).fold(next, |noted, number| {
            noted.with(&Digest::of(&[number]), &seen("a", &["x"]))
        });
        assert_eq!(many.releases.len(), KEPT);
    }
}

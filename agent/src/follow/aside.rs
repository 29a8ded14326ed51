//! Releases that are not brought to Envoy as they were published: put by while Envoy has its configuration by ADS, and the last good
//! one with the addresses of now.

use super::Follower;
use crate::shared::now;
use meshform_bundle::Digest;
use meshform_bundle::objects::Current;

impl Follower {
    /// Says which release Envoy has by ADS: the control plane names it as the version of what it sends.
    pub(super) async fn tell_release(&self) {
        let admin = self.shared.admin.borrow().clone();
        let Some(admin) = admin else { return };
        let Ok(updates) = admin.updates().await else {
            return;
        };
        let release = updates.clusters().and_then(Digest::parse);
        let before = std::mem::replace(&mut self.shared.status.borrow_mut().release, release.clone());
        if before != release {
            self.shared.status.borrow_mut().since = now();
            self.shared.changed.notify_one();
        }
    }

    /// Puts a release by while Envoy has its configuration by ADS.
    pub(super) async fn put_by(&mut self, current: &Current) -> Result<(), String> {
        if self.memory.waiting.as_ref() == Some(current) {
            return Ok(());
        }
        if let Some(digest) = &current.bundle {
            self.bundle(digest).await?;
        }
        if let Some(endpoints) = &current.endpoints {
            self.endpoints(endpoints).await?;
        }
        self.memory.waiting = Some(current.clone());
        self.kept.remember(&self.memory)?;
        self.sweep();
        Ok(())
    }

    /// A release that Envoy took, with the addresses that the refused one after it came with: hosts come and go whichever of the
    /// two is in effect. What those say nothing of keeps the addresses that it has.
    pub(super) async fn with_endpoints(
        &mut self,
        good: &Current,
        endpoints: Option<&Digest>,
    ) -> Result<Current, String> {
        let Some(newer) = endpoints.filter(|newer| good.endpoints.as_ref() != Some(*newer)) else {
            return Ok(good.clone());
        };
        let mut set = self.endpoints(newer).await?;
        if let Some(older) = &good.endpoints {
            for (cluster, hosts) in self.endpoints(older).await?.clusters {
                set.clusters.entry(cluster).or_insert(hosts);
            }
        }
        let bytes = set.encode().map_err(|error| error.to_string())?;
        let digest = Digest::of(&bytes);
        self.kept.keep(&digest, &bytes)?;
        Ok(Current {
            endpoints: Some(digest),
            ..good.clone()
        })
    }
}

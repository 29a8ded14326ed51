//! Releases that Envoy has refused: the way back from one, and that none is tried again before another was taken.

use super::{FIRST_LOOK, Follower};
use crate::log;
use crate::shared::now;
use meshform_bundle::codes::{REJECTED, told};
use meshform_bundle::objects::{Current, RejectedRelease, RejectedResource};

/// How many refused releases are remembered besides the last: who tries this and that without success comes back to one
/// of the last few.
const EARLIER: usize = 16;

impl Follower {
    /// Whether Envoy has refused it since it took a release last. If it was not the last that was refused, it is now: the
    /// reports are of what is published.
    pub(super) async fn is_refused(&mut self, current: &Current) -> Result<bool, String> {
        let is_same =
            |refused: &RejectedRelease| refused.bundle.is_some() && refused.bundle == current.bundle;
        if self.memory.rejected.as_ref().is_some_and(is_same) {
            return Ok(true);
        }
        let Some(at) = self.memory.earlier.iter().position(is_same) else {
            return Ok(false);
        };
        let mut again = self.memory.earlier.remove(at);
        again.release.clone_from(&current.release);
        self.note(again).await?;
        log::warn("this release was refused before, and is not tried again");
        Ok(true)
    }

    /// Envoy has refused it: what it had before is written again, and this is not tried a second time.
    pub(super) async fn go_back(
        &mut self,
        current: &Current,
        problems: Vec<RejectedResource>,
    ) -> Result<(), String> {
        for problem in &problems {
            log::error(&told(REJECTED, problem));
        }
        let rejected = RejectedRelease {
            release: current.release.clone(),
            bundle: current.bundle.clone(),
            at: now(),
            problems,
        };
        self.remember_refused(rejected.clone())?;
        if let Some(good) = self.memory.good.clone()
            && good.bundle != current.bundle
        {
            // Without the newer addresses, if they cannot be had: going back comes first.
            let with = self.with_endpoints(&good, current.endpoints.as_ref()).await;
            let good = with.unwrap_or(good);
            self.write(&good).await?;
            self.shared.took_release.set(true);
            self.shared.status.borrow_mut().release.clone_from(&good.release);
            log::info("back to the last good release; the refused one is not tried again");
        }
        self.shared.changed.notify_one();
        self.mark(&rejected).await;
        Ok(())
    }

    /// Remembers and reports a refused release.
    async fn note(&mut self, rejected: RejectedRelease) -> Result<(), String> {
        self.remember_refused(rejected.clone())?;
        self.shared.changed.notify_one();
        self.mark(&rejected).await;
        Ok(())
    }

    fn remember_refused(&mut self, rejected: RejectedRelease) -> Result<(), String> {
        self.shared.status.borrow_mut().rejected = Some(rejected.clone());
        let before = self.memory.rejected.replace(rejected);
        let is_now = self.memory.rejected.as_ref().and_then(|now| now.bundle.as_ref());
        self.memory
            .earlier
            .extend(before.filter(|before| before.bundle.as_ref() != is_now));
        let many = self.memory.earlier.len().saturating_sub(EARLIER);
        self.memory.earlier.drain(..many);
        self.kept.remember(&self.memory)
    }

    /// Leaves the marker that a plan looks for. The status says the same.
    pub(super) async fn mark(&mut self, rejected: &RejectedRelease) {
        let key = self.config.proxy.rejected_key(&self.instance());
        let written = match serde_json::to_vec(rejected) {
            Ok(marker) => tokio::time::timeout(FIRST_LOOK, self.store.write(&key, marker)).await,
            Err(_) => return,
        };
        if let Ok(Err(error)) = written {
            log::warn(&error);
        }
    }
}

//! Takes away the blobs that no kept release refers to.

use crate::error::Result;
use crate::manifest::Manifest;
use crate::state::{KEPT, State};
use futures_util::future::try_join_all;
use meshform_store::{Clock, Digest, Store, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Blobs that were put within this time are spared: their release may be about to be pointed to, by a process that
/// stands still between the two. So one sweep within it is enough.
const GRACE_MILLIS: i64 = 3_600_000;

/// When this process swept each mesh last. A sweep reads every release of the history, which an apply that releases
/// again and again does not have the time for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sweeper(Arc<Mutex<BTreeMap<String, Timestamp>>>);

impl Sweeper {
    /// Sweeps after `state` was set, where it is time and the history is full. What cannot be read keeps everything: a
    /// sweep is never urgent.
    pub(crate) async fn sweep(
        &self,
        store: &dyn Store,
        clock: &dyn Clock,
        mesh: &str,
        state: &State,
    ) -> Result<usize> {
        if state.history.len() < KEPT || !self.is_due(mesh, clock.now()) {
            return Ok(0);
        }
        let mut live: BTreeSet<Digest> = BTreeSet::new();
        let releases = state.history.iter().map(|entry| store.blob(mesh, &entry.release));
        for (entry, bytes) in state.history.iter().zip(try_join_all(releases).await?) {
            let Some(bytes) = bytes else {
                continue;
            };
            let manifest = Manifest::decode(mesh, &bytes)?;
            live.insert(entry.release.clone());
            live.extend(manifest.resources);
            live.extend(manifest.proxies.into_values().map(|proxy| proxy.bundle));
        }
        let young = clock.now().plus_millis(-GRACE_MILLIS);
        let dead: Vec<Digest> = store
            .blobs(mesh)
            .await?
            .into_iter()
            .filter(|blob| blob.touched_at < young && !live.contains(&blob.digest))
            .map(|blob| blob.digest)
            .collect();
        if !dead.is_empty() {
            store.delete_blobs(mesh, &dead).await?;
        }
        Ok(dead.len())
    }

    fn is_due(&self, mesh: &str, now: Timestamp) -> bool {
        let mut swept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = swept
            .get(mesh)
            .is_none_or(|last| last.plus_millis(GRACE_MILLIS) <= now);
        if due {
            swept.insert(mesh.to_owned(), now);
        }
        due
    }
}

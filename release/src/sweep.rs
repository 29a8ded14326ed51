//! Takes away the blobs that no kept release refers to.

use crate::error::Result;
use crate::manifest::Manifest;
use crate::state::State;
use meshform_store::{Clock, Digest, Store};
use std::collections::BTreeSet;

/// Blobs that were put within this time are spared: their release may be about to be pointed to.
const GRACE_MILLIS: i64 = 3_600_000;

/// Sweeps after `state` was set. What cannot be read keeps everything: a sweep is never urgent.
pub(crate) async fn sweep(store: &dyn Store, clock: &dyn Clock, mesh: &str, state: &State) -> Result<usize> {
    let mut live: BTreeSet<Digest> = BTreeSet::new();
    for entry in &state.history {
        let Some(bytes) = store.blob(mesh, &entry.release).await? else {
            continue;
        };
        let manifest = Manifest::decode(mesh, &bytes)?;
        live.insert(entry.release.clone());
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

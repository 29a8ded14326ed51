//! What happened to a mesh since a revision: how everything that keeps a mesh in memory follows the change feed.

use meshform_model::key::ResourceKey;
use meshform_store::{Action, Feed, Result, Revision, Store};
use std::collections::BTreeMap;

/// How many changes are asked for at once.
const STEP: usize = 500;

/// How often more may come while it is read, before whoever follows had better list everything.
const ROUNDS: usize = 64;

/// What happened after a revision: the last change of each resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// Everything up to here is in it.
    pub upto: Revision,
    /// What was done last to each resource, and by which write.
    pub changed: BTreeMap<ResourceKey, (Action, Revision)>,
}

impl Since {
    /// The resources that were written and not deleted again.
    pub fn written(&self) -> impl Iterator<Item = &ResourceKey> {
        let written = self
            .changed
            .iter()
            .filter(|(_, (action, _))| *action == Action::Put);
        written.map(|(key, _)| key)
    }
}

/// What happened to a mesh after a revision, up to now. None where that is not kept any more, or others write faster
/// than it is read: then the mesh is listed anew.
pub async fn since(store: &dyn Store, mesh: &str, after: Revision) -> Result<Option<Since>> {
    let mut since = Since {
        upto: after,
        ..Since::default()
    };
    for _ in 0..ROUNDS {
        let Feed::Changes { changes, head } = store.changes(mesh, since.upto, STEP).await? else {
            return Ok(None);
        };
        let Some(last) = changes.last().map(|change| change.revision) else {
            // A revision that changed no resource (a compaction) has no entry.
            since.upto = since.upto.max(head);
            return Ok(Some(since));
        };
        let all = changes.into_iter();
        since
            .changed
            .extend(all.map(|change| (change.key, (change.action, change.revision))));
        since.upto = since.upto.max(last);
        if since.upto >= head {
            return Ok(Some(since));
        }
    }
    Ok(None)
}

//! Requests of this server that are about the same resource take turns: a write that finds another in between has to look
//! again, and of many at once some would look in vain until they gave up. And nothing is made in a mesh, router or gateway
//! while that is being deleted: the store takes records in any order, so the answers to both could be that they were done.

use meshform_model::key::ResourceKey;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How many turns there are. Resources that share one only wait for each other.
const TURNS: usize = 64;

/// How long one waits for its turn. While the store does not answer, those who wait must hear so, each in its own time; after
/// this the store's compare-and-swap alone decides.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Turns {
    patience: Duration,
    resources: Vec<Mutex<()>>,
    meshes: Vec<RwLock<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            patience: PATIENCE,
            resources: (0..TURNS).map(|_| Mutex::default()).collect(),
            meshes: (0..TURNS).map(|_| RwLock::default()).collect(),
        }
    }
}

impl Turns {
    /// The turn of who changes a resource.
    pub(crate) async fn change(&self, key: &ResourceKey) -> Option<MutexGuard<'_, ()>> {
        let turn = of(&self.resources, key)?;
        tokio::time::timeout(self.patience, turn.lock()).await.ok()
    }

    /// The turn of who makes something in a mesh: any number at a time.
    pub(crate) async fn make(&self, mesh: &str) -> Option<RwLockReadGuard<'_, ()>> {
        let turn = of(&self.meshes, mesh)?;
        tokio::time::timeout(self.patience, turn.read()).await.ok()
    }

    /// The turn of who deletes something of a mesh that others may be made in, while nobody makes any.
    pub(crate) async fn empty(&self, mesh: &str) -> Option<RwLockWriteGuard<'_, ()>> {
        let turn = of(&self.meshes, mesh)?;
        tokio::time::timeout(self.patience, turn.write()).await.ok()
    }
}

fn of<'t, T>(turns: &'t [T], what: &(impl Hash + ?Sized)) -> Option<&'t T> {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    turns.get(hasher.finish() as usize % TURNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_goes_on() {
        let turns = Turns {
            patience: Duration::from_millis(20),
            ..Turns::default()
        };
        let key = ResourceKey::mesh("apps");
        let first = turns.change(&key).await;
        assert!(first.is_some());
        assert!(turns.change(&key).await.is_none());
        drop(first);
        assert!(turns.change(&key).await.is_some());
        let makers = (turns.make("apps").await, turns.make("apps").await);
        assert!(makers.0.is_some() && makers.1.is_some());
        assert!(turns.empty("apps").await.is_none());
        drop(makers);
        let empties = turns.empty("apps").await;
        assert!(empties.is_some());
        assert!(turns.make("apps").await.is_none());
    }
}

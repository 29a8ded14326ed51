//! Takes away what proxies that are gone still had, when they have had it for long enough.

use super::apply::{millis, now_millis};
use super::ledger::Ledger;
use super::{Publisher, Session, disk};
use crate::error::{Error, Result};
use std::fs;
use std::path::Path;

impl Publisher {
    /// Takes the folders of proxies away that were told to let go long enough ago. Publishing does this too, for
    /// every mesh of the directory; this is for when nothing is published any more.
    pub fn tidy(&self) -> Result<Vec<String>> {
        if !self.own().is_dir() {
            return Ok(Vec::new());
        }
        self.lock("", &|_| {})?.tidy_others()
    }

    /// A proxy's folder, and those above it that have become empty.
    pub(super) fn remove(&self, proxy: &str) -> Result<()> {
        let folder = self.root.join(proxy);
        // A folder that is reached through a link is not ours to take away.
        if !disk::is_plain_dir(&self.root, &folder) {
            return Ok(());
        }
        disk::remove_tree(&folder)?;
        if let Some(parent) = folder.parent() {
            disk::remove_empty_up_to(parent, &self.root);
        }
        Ok(())
    }

    /// Whether something that happened then may be cleaned away now.
    pub(super) fn is_due(&self, since: u64) -> bool {
        since <= now_millis().saturating_sub(millis(self.grace))
    }
}

impl Session<'_> {
    /// For the meshes that this session is not about: nobody may ever publish them again.
    pub(super) fn tidy_others(&self) -> Result<Vec<String>> {
        let own = self.publisher.own();
        let mine = self.publisher.ledger_path(&self.mesh);
        let entries = fs::read_dir(&own).map_err(|e| Error::io(&own, "read", &e))?;
        let mut removed = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_ledger = path.extension().is_some_and(|extension| extension == "json");
            if is_ledger && path != mine {
                removed.extend(self.tidy_ledger(&path)?);
            }
        }
        Ok(removed)
    }

    fn tidy_ledger(&self, path: &Path) -> Result<Vec<String>> {
        // One that cannot be read is its own mesh's problem.
        let Ok(Some(mut ledger)) = Ledger::read_any(path) else {
            return Ok(Vec::new());
        };
        let due = |(_, since): &(&String, &u64)| self.publisher.is_due(**since);
        let due: Vec<String> = ledger
            .retired
            .iter()
            .filter(due)
            .map(|(proxy, _)| proxy.clone())
            .collect();
        for proxy in &due {
            // A mesh that is being published again may have it back.
            if !ledger.proxies.contains_key(proxy) {
                self.publisher.remove(proxy)?;
            }
            ledger.retired.remove(proxy);
        }
        if ledger.proxies.is_empty() && ledger.retired.is_empty() {
            disk::remove_file(path)?;
        } else if !due.is_empty() {
            ledger.write(path)?;
        }
        Ok(due)
    }
}

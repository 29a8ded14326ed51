//! From what a directory has to what it should have.

use super::ledger::{Ledger, PublishedProxy};
use super::{PublishStep, Published, SPARE, Session, disk, parallel};
use crate::bundle::Bundle;
use crate::endpoints::merge;
use crate::error::{Error, Result};
use crate::layout::{self, BOOTSTRAP, CLUSTERS, CURRENT, Files, LISTENERS, RELEASES, STATIC, is_inside};
use crate::resource::Resource;
use crate::transition::{transition, without_listeners};
use meshform_model::digest::Digest;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is to be done.
#[derive(Debug)]
pub struct ApplyWork {
    store: String,
    release: Option<Digest>,
    /// All proxies of the release by their folder, and the bundle of each.
    wanted: BTreeMap<String, Digest>,
    /// Those whose folders are not as they should be.
    write: BTreeSet<String>,
    /// Those that the release does not have any more: their files stay for a while, because an Envoy may still run.
    retire: BTreeSet<String>,
    /// Those that have been gone for long enough.
    remove: BTreeSet<String>,
}

/// The sets of files by which a proxy comes from what it follows to what it should; the last is that.
#[derive(Debug)]
struct Transition {
    path: String,
    sets: Vec<String>,
}

impl ApplyWork {
    /// The folders that will be written, and the bundles that are needed for it.
    pub fn needed(&self) -> impl Iterator<Item = (&str, &Digest)> {
        let needed = |path: &String| self.wanted.get_key_value(path);
        self.write
            .iter()
            .filter_map(needed)
            .map(|(path, bundle)| (path.as_str(), bundle))
    }
}

/// What a running Envoy follows when its proxy is gone.
const EMPTY: [(&str, &str); 2] = [
    (
        CLUSTERS,
        "{\n  \"version_info\": \"empty\",\n  \"type_url\": \"type.googleapis.com/envoy.config.cluster.v3.Cluster\",\n  \
         \"resources\": []\n}\n",
    ),
    (
        LISTENERS,
        "{\n  \"version_info\": \"empty\",\n  \"type_url\": \"type.googleapis.com/envoy.config.listener.v3.Listener\",\n  \
         \"resources\": []\n}\n",
    ),
];

/// The name of the set of files that a proxy which is gone is given.
const EMPTY_SET: &str = "empty";

impl Session<'_> {
    /// What is to be done for a release of `store`, which has these bundles by the folders of their proxies; none where
    /// the mesh is gone.
    ///
    /// # Errors
    /// When the mesh is published here by another store, or a folder leads out of the directory.
    pub fn compare(
        &self,
        store: &str,
        release: Option<&Digest>,
        wanted: BTreeMap<String, Digest>,
    ) -> Result<ApplyWork> {
        if let Some(path) = wanted.keys().find(|path| !is_inside(path)) {
            return Err(Error::Unfit {
                name: path.clone(),
                why: "its path points outside of its folder",
            });
        }
        let mut work = ApplyWork {
            store: store.to_owned(),
            release: release.cloned(),
            write: BTreeSet::new(),
            retire: BTreeSet::new(),
            remove: BTreeSet::new(),
            wanted,
        };
        let nothing = Ledger::new(store, &self.mesh);
        let ledger = self.ledger.as_ref().unwrap_or(&nothing);
        if ledger.store != store {
            return Err(Error::OtherStore {
                mesh: self.mesh.clone(),
                ledger: self.publisher.ledger_path(&self.mesh),
                found: ledger.store.clone(),
            });
        }
        for (path, bundle) in &work.wanted {
            let known = ledger.proxies.get(path).filter(|place| {
                ledger.complete
                    && place.bundle == *bundle
                    && self.is_current(path, &place.set)
                    && (!self.verifies || is_whole(&self.folder(path), &place.set))
            });
            if known.is_none() {
                work.write.insert(path.clone());
            }
        }
        let gone = |path: &&String| !work.wanted.contains_key(*path);
        work.retire = ledger.proxies.keys().filter(gone).cloned().collect();
        let long_gone = ledger
            .retired
            .iter()
            .filter(|(path, since)| gone(path) && self.publisher.is_due(**since));
        work.remove = long_gone.map(|(path, _)| path.clone()).collect();
        Ok(work)
    }

    /// Does it, with the bundles that are needed. Whatever proxies read is complete at every moment.
    ///
    /// # Errors
    /// When the directory cannot be written, or a bundle that is needed is not there. What is written by then is
    /// complete, and the next call goes on.
    pub fn apply(self, work: ApplyWork, bundles: &BTreeMap<Digest, Bundle>) -> Result<Published> {
        self.tidy_others()?;
        let before = self
            .ledger
            .clone()
            .unwrap_or_else(|| Ledger::new(&work.store, &self.mesh));
        let idle = work.write.is_empty() && work.retire.is_empty() && work.remove.is_empty();
        if idle && before.complete && before.release == work.release {
            return Ok(Published::default());
        }
        let mut ledger = self.mark(before, &work)?;
        let ways = self.stage(&work, bundles)?;
        self.walk(&ways)?;
        let sets: Vec<(String, String)> = ways
            .into_iter()
            .filter_map(|way| Some((way.path, way.sets.last()?.clone())))
            .collect();
        parallel::for_each(&sets, |(path, _)| disk::sync(&self.folder(path)))?;
        if !work.retire.is_empty() && !sets.is_empty() {
            // Callers first learn that a proxy is going, then it lets go.
            std::thread::sleep(self.publisher.settle);
        }
        self.silence(&work.retire)?;
        for path in &work.retire {
            self.retire(path)?;
            ledger.retired.insert(path.clone(), now_millis());
            ledger.proxies.remove(path);
        }
        for path in &work.remove {
            self.publisher.remove(path)?;
            ledger.retired.remove(path);
        }
        parallel::for_each(&sets, |(path, set)| self.collect(path, set))?;
        for (path, set) in sets {
            ledger.retired.remove(&path);
            if let Some(bundle) = work.wanted.get(&path).cloned() {
                ledger.proxies.insert(path, PublishedProxy { bundle, set });
            }
        }
        (self.watcher)(PublishStep::Collected);
        self.finish(ledger)?;
        Ok(Published {
            written: work.write.into_iter().collect(),
            retired: work.retire.into_iter().collect(),
            removed: work.remove.into_iter().collect(),
        })
    }

    /// Says what is about to happen, so that whoever comes after a kill looks at every proxy that may have files.
    fn mark(&self, mut ledger: Ledger, work: &ApplyWork) -> Result<Ledger> {
        ledger.complete = false;
        ledger.release = work.release.clone();
        for (path, bundle) in &work.wanted {
            ledger
                .proxies
                .entry(path.clone())
                .or_insert_with(|| PublishedProxy {
                    bundle: bundle.clone(),
                    set: String::new(),
                });
        }
        ledger.write(&self.publisher.ledger_path(&self.mesh))?;
        (self.watcher)(PublishStep::Marked);
        Ok(ledger)
    }

    fn finish(&self, mut ledger: Ledger) -> Result<()> {
        let path = self.publisher.ledger_path(&self.mesh);
        if ledger.proxies.is_empty() && ledger.retired.is_empty() {
            disk::remove_file(&path)?;
        } else {
            ledger.complete = true;
            ledger.write(&path)?;
        }
        (self.watcher)(PublishStep::Done);
        Ok(())
    }

    /// Leads every proxy to its last set of files. Where clusters come or go, there are sets on the way, and Envoy
    /// is given time to take each in: otherwise a route could arrive before the cluster that it needs.
    fn walk(&self, ways: &[Transition]) -> Result<()> {
        let longest = ways.iter().map(|way| way.sets.len()).max().unwrap_or(0);
        for stage in 0..longest {
            if stage > 0 {
                std::thread::sleep(self.publisher.settle);
            }
            for way in ways {
                if let Some(set) = way.sets.get(stage) {
                    self.swap(&way.path, set)?;
                }
            }
        }
        Ok(())
    }

    /// Puts the files of every proxy beside those in use, and what its Envoy is started with in place. The way of
    /// each to its new files.
    fn stage(&self, work: &ApplyWork, bundles: &BTreeMap<Digest, Bundle>) -> Result<Vec<Transition>> {
        let mut proxies = Vec::new();
        for (path, digest) in work.needed() {
            let Some(bundle) = bundles.get(digest) else {
                return Err(Error::damaged(
                    "release",
                    format!("the bundle {digest} is not there"),
                ));
            };
            proxies.push((path, bundle));
        }
        let polled = self.publisher.endpoints(&self.mesh)?;
        parallel::for_each(&proxies, |(path, bundle)| {
            let mut sets = Vec::new();
            let mut resources = bundle.resources.clone();
            if let Some(polled) = &polled {
                merge(&mut resources, polled)?;
            }
            for set in transition(&self.followed(path), &resources) {
                sets.push(self.stage_one(path, &layout::files(&set, &self.publisher.root))?);
            }
            self.start(path, bundle)?;
            Ok(Transition {
                path: (*path).to_owned(),
                sets,
            })
        })
    }

    /// What a proxy's Envoy follows now; nothing where it cannot be read.
    pub(super) fn followed(&self, path: &str) -> Vec<Resource> {
        let set = self.current_set(path);
        set.and_then(|set| layout::resources(&files_in(&set)).ok())
            .unwrap_or_default()
    }

    pub(super) fn stage_one(&self, path: &str, files: &Files) -> Result<String> {
        let set = set_name(files);
        let releases = self.folder(path).join(RELEASES);
        disk::create_dirs(&self.publisher.root, &releases)?;
        let files = files.iter().map(|(name, text)| (name.as_str(), text.as_slice()));
        disk::make_folder(&releases.join(&set), files)?;
        disk::sync(&releases)?;
        (self.watcher)(PublishStep::Staged);
        Ok(set)
    }

    /// What lies beside the sets of files: what an Envoy is started with.
    fn start(&self, path: &str, bundle: &Bundle) -> Result<()> {
        let folder = self.folder(path);
        let text = layout::bootstrap(&bundle.bootstrap, &self.publisher.root);
        disk::replace_if_different(&folder.join(BOOTSTRAP), text.as_bytes())?;
        // Versions up to 0.1 published it; nobody keeps it in step with the rest.
        disk::remove_file(&folder.join(STATIC))?;
        (self.watcher)(PublishStep::Started);
        Ok(())
    }

    pub(super) fn swap(&self, path: &str, set: &str) -> Result<()> {
        if !self.is_current(path, set) {
            disk::swap_link(&self.folder(path).join(CURRENT), &Path::new(RELEASES).join(set))?;
            disk::sync(&self.folder(path))?;
        }
        (self.watcher)(PublishStep::Swapped);
        Ok(())
    }

    /// Takes the listeners from the Envoys of proxies that are gone, so that what they still serve drains before their
    /// clusters go.
    fn silence(&self, paths: &BTreeSet<String>) -> Result<()> {
        let mut waited = false;
        for path in paths {
            let followed = self.followed(path);
            if followed.is_empty() || self.is_current(path, EMPTY_SET) {
                continue;
            }
            let files = layout::files(&without_listeners(&followed), &self.publisher.root);
            let set = self.stage_one(path, &files)?;
            self.swap(path, &set)?;
            waited = true;
        }
        if waited {
            std::thread::sleep(self.publisher.settle);
        }
        Ok(())
    }

    /// A proxy that is gone: its Envoy stops serving, and another cannot be started.
    fn retire(&self, path: &str) -> Result<()> {
        let folder = self.folder(path);
        if !disk::is_plain_dir(&self.publisher.root, &folder) {
            return Ok(());
        }
        let releases = folder.join(RELEASES);
        disk::create_dirs(&self.publisher.root, &releases)?;
        let files = EMPTY.iter().map(|(name, text)| (*name, text.as_bytes()));
        disk::make_folder(&releases.join(EMPTY_SET), files)?;
        self.swap(path, EMPTY_SET)?;
        for name in [BOOTSTRAP, STATIC] {
            disk::remove_file(&folder.join(name))?;
        }
        disk::sync(&folder)?;
        (self.watcher)(PublishStep::Retired);
        Ok(())
    }

    /// Takes old sets of files away, and what killed publishers left.
    pub(super) fn collect(&self, path: &str, current: &str) -> Result<()> {
        let releases = self.folder(path).join(RELEASES);
        let entries = fs::read_dir(&releases).map_err(|e| Error::io(&releases, "read", &e))?;
        let mut old: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name == current {
                continue;
            }
            if name.to_string_lossy().starts_with('.') {
                disk::remove_tree(&entry.path())?;
                continue;
            }
            let made = entry.metadata().and_then(|meta| meta.modified());
            old.push((made.unwrap_or(UNIX_EPOCH), entry.path()));
        }
        old.sort();
        let many = old.len().saturating_sub(SPARE);
        for (made, folder) in old.into_iter().take(many) {
            if made.elapsed().is_ok_and(|age| age >= self.publisher.grace) {
                disk::remove_tree(&folder)?;
            }
        }
        Ok(())
    }

    fn is_current(&self, path: &str, set: &str) -> bool {
        let releases = self.folder(path).join(RELEASES);
        self.current_set(path)
            .is_some_and(|found| found == releases.join(set))
    }

    /// The folder that a proxy's `current` leads to, where that is one of its own.
    fn current_set(&self, path: &str) -> Option<PathBuf> {
        let folder = self.folder(path);
        let target = fs::read_link(folder.join(CURRENT)).ok()?;
        let set = target.strip_prefix(RELEASES).ok()?;
        let found = folder.join(RELEASES).join(set);
        (set.components().count() == 1 && disk::is_plain_dir(&self.publisher.root, &found)).then_some(found)
    }

    fn folder(&self, path: &str) -> PathBuf {
        self.publisher.root.join(path)
    }
}

/// Whether what an Envoy is started with and the set of files that it follows are as they were written. A disk that was
/// full, or somebody's hand, may have changed them since.
pub(super) fn is_whole(folder: &Path, set: &str) -> bool {
    let bootstrap = fs::read(folder.join(BOOTSTRAP));
    let starts = bootstrap.is_ok_and(|text| serde_json::from_slice::<&RawValue>(&text).is_ok());
    starts && set_name(&files_in(&folder.join(RELEASES).join(set))) == set
}

/// The name of a set of files, which is a digest of their names and contents.
fn set_name(files: &Files) -> String {
    let mut whole = Vec::new();
    for (name, text) in files {
        // The lengths keep one file's end from being another's beginning.
        whole.extend_from_slice(format!("{} {} ", name.len(), text.len()).as_bytes());
        whole.extend_from_slice(name.as_bytes());
        whole.extend_from_slice(text);
    }
    Digest::of(&whole)
        .as_str()
        .get(..32)
        .unwrap_or_default()
        .to_owned()
}

/// The files of a folder and those below it, without what cannot be read.
fn files_in(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match fs::read(entry.path()) {
                Ok(bytes) => drop(files.insert(name, bytes)),
                Err(_) => folders.push((entry.path(), name + "/")),
            }
        }
    }
    files
}

pub(super) fn now_millis() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

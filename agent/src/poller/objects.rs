//! A bucket that agents read: sets of endpoints by their content, and for each proxy which of them it is to use.

use super::settings::Settings;
use super::{Clusters, WORKERS, workers};
use crate::log;
use crate::shared::now;
use crate::store::{ObjectRead, ObjectSource};
use meshform_bundle::codes::{MALFORMED, told};
use meshform_bundle::discovery::{DiscoveredNode, Discovery};
use meshform_bundle::objects::{Current, EndpointSet};
use meshform_bundle::{Digest, ProxyId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How often somebody else may write a proxy's object between our look and our write. Others are publishers, which
/// write once for each release: more in a row is something else than chance.
const ATTEMPTS: u32 = 16;

/// How often it is looked whether a proxy's object still names the set, and whether that is there: a publisher to a server
/// that does not heed conditions may have written over the one, and somebody may have removed the other.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// How often a set that is in use is written again: publishers take away what nobody has touched for a day.
const WRITE_AGAIN: Duration = Duration::from_secs(6 * 3600);

/// Where it is written, and what was written last.
pub(crate) struct Objects {
    mesh: String,
    stores: Vec<ObjectSource>,
    store: ObjectSource,
    discovery: Option<(Discovery, String)>,
    /// By the nodes whose endpoints are in a set: proxies that call the same nodes share one.
    sets: BTreeMap<BTreeSet<String>, PublishedSet>,
    told: BTreeMap<String, CurrentObject>,
    /// What an earlier poller has written: where nothing has changed, no proxy is told anything.
    inherited: BTreeMap<Digest, Clusters>,
}

/// A set that is in the bucket.
#[derive(Clone)]
struct PublishedSet {
    clusters: Clusters,
    digest: Digest,
    /// When; none where an earlier poller wrote it.
    at: Option<Instant>,
    /// When it was there last.
    looked: Instant,
}

/// What a proxy's object says.
#[derive(Clone)]
struct CurrentObject {
    current: Current,
    version: String,
    looked: Instant,
}

impl Objects {
    pub(super) fn open(settings: &Settings) -> Result<Self, String> {
        let stores: Result<Vec<ObjectSource>, String> = (0..WORKERS)
            .map(|_| ObjectSource::parse(&settings.store, settings.user))
            .collect();
        Ok(Self {
            mesh: settings.mesh.clone(),
            stores: stores?,
            store: ObjectSource::parse(&settings.store, settings.user)?,
            discovery: None,
            sets: BTreeMap::new(),
            told: BTreeMap::new(),
            inherited: BTreeMap::new(),
        })
    }

    /// Another poller writes from now on: nothing that is known here holds.
    pub(super) fn forget(&mut self) {
        self.discovery = None;
        self.sets.clear();
        self.told.clear();
        self.inherited.clear();
    }

    /// What is to be looked up. A mesh that has nothing of it has no such object.
    pub(super) async fn discovery(&mut self) -> Result<Discovery, String> {
        let key = Discovery::key(&self.mesh);
        let known = self.discovery.as_ref().map(|(_, version)| version.as_str());
        match self.store.look(&key, known).await? {
            ObjectRead::Found(bytes, version) => {
                let read = Discovery::decode(&self.mesh, &bytes).map_err(|error| error.to_string())?;
                // Proxies may have come or gone.
                self.told.clear();
                self.discovery = Some((read, version));
            }
            ObjectRead::Missing => {
                self.discovery = None;
                return Ok(Discovery::new(&self.mesh, 0));
            }
            ObjectRead::Unchanged => {}
        }
        let read = self.discovery.as_ref().map(|(read, _)| read.clone());
        Ok(read.unwrap_or_else(|| Discovery::new(&self.mesh, 0)))
    }

    /// What an earlier poller has written for a node's callers: of the first one that has something.
    pub(super) async fn before(&mut self, node: &DiscoveredNode) -> Result<Option<EndpointSet>, String> {
        for caller in &node.callers {
            let Some(told) = look(&mut self.store, caller, self.told.get(caller)).await? else {
                continue;
            };
            let digest = told.current.endpoints.clone();
            self.told.insert(caller.clone(), told);
            let Some(digest) = digest else { continue };
            let written = self.sets.values().find(|known| known.digest == digest);
            let written = written.map(|known| &known.clusters);
            if let Some(clusters) = written.or_else(|| self.inherited.get(&digest)) {
                let mut set = EndpointSet::new(0);
                set.clusters.clone_from(clusters);
                return Ok(Some(set));
            }
            let bytes = self.store.read(&EndpointSet::key(&self.mesh, &digest)).await;
            let set = bytes.and_then(|bytes| EndpointSet::decode(&bytes).map_err(|error| error.to_string()));
            match set {
                Ok(set) => {
                    self.inherited.insert(digest, set.clusters.clone());
                    return Ok(Some(set));
                }
                // A set that is lost is written anew.
                Err(error) => log::warn(&error),
            }
        }
        Ok(None)
    }

    /// A set that has what was written last of a node.
    pub(super) fn set_of(&self, node: &str) -> Option<Digest> {
        let mut sets = self.sets.iter();
        let found = sets.find(|(nodes, _)| nodes.contains(node));
        found.map(|(_, written)| written.digest.clone())
    }

    /// Writes what differs; the number of proxies that were told something else.
    pub(super) async fn write(
        &mut self,
        discovery: &Discovery,
        known: &BTreeMap<String, Clusters>,
    ) -> Result<usize, String> {
        let mut needs: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
        for (name, node) in &discovery.nodes {
            for caller in node.callers.iter().filter(|_| known.contains_key(name)) {
                needs.entry(caller).or_default().insert(name.clone());
            }
        }
        let groups: BTreeSet<BTreeSet<String>> = needs.values().cloned().collect();
        self.sets.retain(|nodes, _| groups.contains(nodes));
        for nodes in groups {
            self.write_set(nodes, known).await?;
        }
        let mut work = Vec::new();
        for (caller, nodes) in needs {
            let Some(digest) = self.sets.get(&nodes).map(|set| set.digest.clone()) else {
                continue;
            };
            let told = self.told.get(caller);
            let fine = told.is_some_and(|told| {
                told.current.endpoints.as_ref() == Some(&digest) && told.looked.elapsed() < LOOK_AGAIN
            });
            if !fine {
                work.push((caller.clone(), digest, told.cloned()));
            }
        }
        let tell =
            async |store: &mut ObjectSource,
                   (caller, digest, known): (String, Digest, Option<CurrentObject>)| {
                let outcome = tell(store, &caller, &digest, known).await;
                (caller, outcome)
            };
        let mut changed = 0;
        let mut failed = None;
        for (caller, outcome) in workers::each(&mut self.stores, work, tell).await {
            match outcome {
                Ok(Some((told, wrote))) => {
                    changed += usize::from(wrote);
                    self.told.insert(caller, told);
                }
                // It is not published yet, or gone.
                Ok(None) => drop(self.told.remove(&caller)),
                Err(error) => {
                    self.told.remove(&caller);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(changed), Err)
    }

    /// Writes the endpoints of these nodes as a set, where they differ from the last.
    async fn write_set(
        &mut self,
        nodes: BTreeSet<String>,
        known: &BTreeMap<String, Clusters>,
    ) -> Result<(), String> {
        let clusters: Clusters = nodes
            .iter()
            .filter_map(|node| known.get(node))
            .flatten()
            .map(|(name, endpoints)| (name.clone(), endpoints.clone()))
            .collect();
        let written = self.sets.get(&nodes).filter(|set| set.clusters == clusters);
        if let Some(written) = written.cloned() {
            if written.looked.elapsed() < LOOK_AGAIN {
                return Ok(());
            }
            match self.look_after(written.clone()).await? {
                Some(set) => {
                    self.sets.insert(nodes, set);
                    return Ok(());
                }
                // It is written anew, which gives it another name.
                None => drop(self.inherited.remove(&written.digest)),
            }
        }
        let inherited = self.inherited.iter().find(|(_, known)| **known == clusters);
        if let Some((digest, _)) = inherited {
            let set = PublishedSet {
                digest: digest.clone(),
                clusters,
                at: None,
                looked: Instant::now(),
            };
            self.sets.insert(nodes, set);
            return Ok(());
        }
        let mut set = EndpointSet::new(now());
        set.clusters.clone_from(&clusters);
        let bytes = set.encode().map_err(|error| error.to_string())?;
        let digest = Digest::of(&bytes);
        self.store
            .write(&EndpointSet::key(&self.mesh, &digest), bytes)
            .await?;
        let looked = Instant::now();
        let set = PublishedSet {
            clusters,
            digest,
            at: Some(looked),
            looked,
        };
        self.sets.insert(nodes, set);
        Ok(())
    }

    /// Sees that a set is still there, for a proxy that starts, and young. None where it is lost or damaged.
    async fn look_after(&mut self, mut set: PublishedSet) -> Result<Option<PublishedSet>, String> {
        let key = EndpointSet::key(&self.mesh, &set.digest);
        let bytes = match self.store.look(&key, None).await? {
            ObjectRead::Found(bytes, _) if Digest::of(&bytes) == set.digest => bytes,
            _ => {
                log::warn(&told(
                    MALFORMED,
                    format!("{key} is lost or damaged: it is written again"),
                ));
                return Ok(None);
            }
        };
        set.looked = Instant::now();
        if set.at.is_none_or(|at| at.elapsed() >= WRITE_AGAIN) {
            // The same content under the same name: what is read must not look new.
            self.store.write(&key, bytes).await?;
            set.at = Some(set.looked);
        }
        Ok(Some(set))
    }
}

/// Has a proxy's object name a set; what it says then, and whether it was written. None where there is no such object.
async fn tell(
    store: &mut ObjectSource,
    caller: &str,
    digest: &Digest,
    mut known: Option<CurrentObject>,
) -> Result<Option<(CurrentObject, bool)>, String> {
    for _ in 0..ATTEMPTS {
        let Some(mut told) = look(store, caller, known.as_ref()).await? else {
            return Ok(None);
        };
        if told.current.endpoints.as_ref() == Some(digest) {
            return Ok(Some((told, false)));
        }
        told.current.endpoints = Some(digest.clone());
        let key = proxy(caller)?.current_key();
        let bytes = told.current.encode().map_err(|error| error.to_string())?;
        if let Some(version) = store.replace(&key, bytes, Some(&told.version)).await? {
            told.version = version;
            return Ok(Some((told, true)));
        }
        // A publisher was faster.
        known = None;
    }
    Err(format!(
        "{caller}: its object was written by others {ATTEMPTS} times in a row"
    ))
}

/// What a proxy's object says now.
async fn look(
    store: &mut ObjectSource,
    caller: &str,
    known: Option<&CurrentObject>,
) -> Result<Option<CurrentObject>, String> {
    let proxy = proxy(caller)?;
    let version = known.map(|known| known.version.as_str());
    let looked = Instant::now();
    Ok(match store.look(&proxy.current_key(), version).await? {
        ObjectRead::Missing => None,
        ObjectRead::Unchanged => known.map(|known| CurrentObject {
            looked,
            ..known.clone()
        }),
        ObjectRead::Found(bytes, version) => Some(CurrentObject {
            current: Current::decode(&proxy, &bytes).map_err(|error| error.to_string())?,
            version,
            looked,
        }),
    })
}

fn proxy(caller: &str) -> Result<ProxyId, String> {
    ProxyId::parse(caller).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_set_that_is_lost_is_written_anew_and_its_callers_are_told() {
        // Workers are tasks of this thread.
        tokio::task::LocalSet::new().run_until(a_set_is_lost()).await;
    }

    async fn a_set_is_lost() {
        let root = std::env::temp_dir().join(format!("meshform-poller-{}", std::process::id()));
        let proxy = ProxyId::virtual_node("apps", "a");
        let current = Current::new(&proxy, 1).encode().unwrap();
        std::fs::create_dir_all(&root).unwrap();
        let mut objects = Objects::open(&Settings::for_tests(&root, "apps")).unwrap();
        objects.store.write(&proxy.current_key(), current).await.unwrap();
        let node = DiscoveredNode {
            namespace: "shop.local".to_owned(),
            service: "api".to_owned(),
            attributes: BTreeMap::new(),
            ip_preference: None,
            assignments: BTreeMap::new(),
            callers: [proxy.to_string()].into(),
        };
        let mut discovery = Discovery::new("apps", 1);
        discovery.nodes.insert("api".to_owned(), node);
        let known = [("api".to_owned(), Clusters::from([("c".to_owned(), Vec::new())]))].into();
        assert_eq!(objects.write(&discovery, &known).await, Ok(1));
        let set = objects.set_of("api").unwrap();
        let file = |digest: &Digest| root.join(EndpointSet::key("apps", digest));
        std::fs::remove_file(file(&set)).unwrap();
        assert_eq!(
            objects.write(&discovery, &known).await,
            Ok(0),
            "it was looked at lately"
        );
        let long_ago = Instant::now().checked_sub(LOOK_AGAIN).unwrap();
        objects.sets.values_mut().for_each(|set| set.looked = long_ago);
        objects.told.clear();
        assert!(objects.write(&discovery, &known).await.is_ok());
        assert!(file(&objects.set_of("api").unwrap()).is_file());
        std::fs::remove_dir_all(&root).unwrap();
    }
}

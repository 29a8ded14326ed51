//! Brings a bucket to a release: what each proxy is to run, in one object that its agent follows.
//!
//! Bundles are written before the object that names them, and stay for a day after nothing does: an agent that has read
//! the older object still finds its bundle. The object of a proxy that did not change is left alone, so that its agent
//! has nothing to do. Several publishers may be at work: each writes only over what it has seen, and looks at the
//! mesh's pointer once more when it is done.

use crate::error::{ReleaseError, Result};
use crate::manifest::ProxyEntry;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use meshform_bundle::discovery::DiscoveredNode;
use meshform_bundle::objects::{Current, WAKE_KEY};
use meshform_bundle::publish::Published;
use meshform_bundle::{ProxyId, mesh_prefix};
use meshform_model::agent::LOST_SECONDS;
use meshform_store::{
    Digest, Ids as _, ListedObject, ObjectVersion, PublishedObjects, RandomIds, Store, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many objects are read or written at once. A request takes some tens of milliseconds wherever it is answered; 32
/// are about a thousand a second, and S3 takes 3,500 writes a second below a prefix.
const CONCURRENCY: usize = 32;

/// How often somebody else may change an object between our look and our write. Each try loses only to one that went
/// through, so that as many others would have to write the same object one after the other.
pub(crate) const ATTEMPTS: u32 = 16;

/// How long a bundle stays after nothing names it, and the object of a proxy that is gone: longer than an agent can be
/// away and still follow.
pub(crate) const GRACE_MILLIS: i64 = 24 * 3_600_000;

/// After how long without a report an agent is not there any more.
pub(crate) const LOST_MILLIS: i64 = LOST_SECONDS.cast_signed() * 1000;

/// A bucket that agents read.
#[derive(Debug, Clone)]
pub struct BucketTarget {
    pub(crate) objects: PublishedObjects,
    /// What was read or written last, by key: an object that has not changed since is not read again.
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    /// Whether it was said that `wake` must not be written.
    told: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
struct Known {
    version: ObjectVersion,
    current: Current,
}

/// What proxies are to run.
#[derive(Debug)]
pub(crate) struct DesiredState<'a> {
    pub(crate) mesh: &'a str,
    /// The version of the mesh's pointer.
    pub(crate) sequence: u64,
    pub(crate) release: Option<&'a Digest>,
    pub(crate) pinned: bool,
    pub(crate) proxies: &'a BTreeMap<String, ProxyEntry>,
    /// What a poller has to look up.
    pub(crate) discovery: &'a BTreeMap<String, DiscoveredNode>,
}

/// Where bundles are read that have to be written.
#[derive(Debug)]
pub(crate) struct Bundles<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) mesh: &'a str,
    /// Those that need not be read again.
    pub(crate) fresh: &'a BTreeMap<Digest, Vec<u8>>,
    /// Whether those that are there are read, to see that they are not damaged.
    pub(crate) verifies: bool,
}

/// A bucket that was made ready for a release while the release was stored.
#[derive(Debug)]
pub(crate) struct Prepared {
    listing: Listing,
    /// The bundles that were written meanwhile, by key.
    written: BTreeSet<String>,
}

/// What is known of a bucket when proxies are brought to a release.
struct BucketContext<'a> {
    prepared: &'a Prepared,
    bundles: &'a Bundles<'a>,
}

/// The objects of a mesh below some key.
#[derive(Debug)]
pub(crate) struct Listing {
    by_key: BTreeMap<String, ListedObject>,
    /// When the youngest was written: the storage's own clock, never ahead of it.
    now: Timestamp,
}

impl Listing {
    /// When the oldest bundle was touched.
    fn oldest_bundle(&self) -> Option<Timestamp> {
        let bundles = self.by_key.iter().filter(|(key, _)| ProxyId::is_bundle_key(key));
        bundles.map(|(_, object)| object.touched_at).min()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// The keys of what nobody has touched for long.
    pub(crate) fn old(&self) -> impl Iterator<Item = &String> {
        let keys = self.by_key.keys();
        keys.filter(|key| self.is_older_than(key, GRACE_MILLIS))
    }

    fn is_older_than(&self, key: &str, millis: i64) -> bool {
        let touched = self.by_key.get(key).map(|object| object.touched_at);
        touched.is_some_and(|touched| touched.plus_millis(millis) < self.now)
    }
}

impl DesiredState<'_> {
    /// What a proxy is to run; a proxy that is gone is to let go.
    fn of(&self, proxy: &ProxyId, entry: Option<&ProxyEntry>) -> Current {
        let mut current = Current::new(proxy, self.sequence);
        current.release = self.release.cloned();
        current.pinned = self.pinned;
        current.bundle = entry.map(|entry| entry.bundle.clone());
        current.bootstrap = entry.map(|entry| entry.bootstrap.clone());
        current
    }
}

/// What became of telling a proxy what it is to run.
enum ProxyUpdate {
    Now,
    /// It had been told the same before.
    Already,
    /// It was told something that carries a later sequence number, this one.
    Later(u64),
}

/// What was done, and the latest sequence number that was met and is later than ours.
#[derive(Debug, Default)]
pub(crate) struct BucketResult {
    pub(crate) published: Published,
    pub(crate) later: Option<u64>,
    /// When the oldest bundle was touched: whether there may be something for [`collect`](BucketTarget::collect), which
    /// needs every release of the history.
    pub(crate) oldest_bundle: Option<Timestamp>,
}

impl BucketResult {
    /// Whether it was told now.
    fn note(&mut self, told: &ProxyUpdate) -> bool {
        if let ProxyUpdate::Later(sequence) = told {
            self.later = self.later.max(Some(*sequence));
        }
        matches!(told, ProxyUpdate::Now)
    }
}

/// Whether an agent would do the same by both.
fn is_same(one: &Current, other: &Current) -> bool {
    (&one.bundle, &one.bootstrap, one.pinned) == (&other.bundle, &other.bootstrap, other.pinned)
}

impl BucketTarget {
    pub fn new(objects: PublishedObjects) -> Self {
        Self {
            objects,
            known: Arc::default(),
            told: Arc::default(),
        }
    }

    pub fn name(&self) -> String {
        self.objects.place()
    }

    /// The folders of the proxies that are not as they should be. Writes nothing.
    pub(crate) async fn behind(&self, wanted: &DesiredState<'_>) -> Result<Vec<String>> {
        let listing = self.list(wanted.mesh).await?;
        let looks = wanted.proxies.values();
        let looks = looks.map(|entry| self.lags(wanted, entry, &listing));
        let lags: Vec<bool> = at_once(looks.collect()).await?;
        let folders = wanted.proxies.keys().zip(lags).filter(|(_, lags)| *lags);
        let mut behind: Vec<String> = folders.map(|(folder, _)| folder.clone()).collect();
        for (proxy, known) in self.gone(wanted, &listing).await? {
            behind.extend(known.current.bundle.map(|_| proxy.folder()));
        }
        Ok(behind)
    }

    async fn lags(&self, wanted: &DesiredState<'_>, entry: &ProxyEntry, listing: &Listing) -> Result<bool> {
        let proxy = proxy_of(wanted.mesh, entry)?;
        let found = self.look(&proxy, Some(listing)).await?;
        let fine = found.is_some_and(|found| is_same(&found.current, &wanted.of(&proxy, Some(entry))))
            && listing.by_key.contains_key(&proxy.bundle_key(&entry.bundle));
        Ok(!fine)
    }

    /// Writes the bundles of a release that is about to become current, and looks at what is there.
    pub(crate) async fn prepare(
        &self,
        mesh: &str,
        proxies: &BTreeMap<String, ProxyEntry>,
        bundles: &BTreeMap<Digest, Vec<u8>>,
    ) -> Result<Prepared> {
        let mut written = BTreeSet::new();
        let mut writes = Vec::new();
        for entry in proxies.values() {
            if let Some(bytes) = bundles.get(&entry.bundle) {
                let key = proxy_of(mesh, entry)?.bundle_key(&entry.bundle);
                writes.push(self.supply(key.clone(), bytes));
                written.insert(key);
            }
        }
        let (listing, done) = futures_util::future::join(self.list(mesh), at_once(writes)).await;
        done?;
        Ok(Prepared {
            listing: listing?,
            written,
        })
    }

    async fn supply(&self, key: String, bytes: &[u8]) -> Result<()> {
        self.objects.write(&key, bytes.to_vec()).await?;
        Ok(())
    }

    /// Brings every proxy of a mesh to what it is to run.
    pub(crate) async fn bring(
        &self,
        wanted: &DesiredState<'_>,
        bundles: &Bundles<'_>,
        prepared: Option<Prepared>,
    ) -> Result<BucketResult> {
        let prepared = match prepared {
            Some(prepared) => prepared,
            None => Prepared {
                listing: self.list(wanted.mesh).await?,
                written: BTreeSet::new(),
            },
        };
        let mut brought = BucketResult {
            oldest_bundle: prepared.listing.oldest_bundle(),
            ..BucketResult::default()
        };
        let ground = BucketContext {
            prepared: &prepared,
            bundles,
        };
        let listing = &prepared.listing;
        let writes = wanted.proxies.values();
        let writes = writes.map(|entry| self.bring_one(wanted, entry, &ground));
        let pollers = self.tell_pollers(wanted, listing);
        let (told, pollers) = futures_util::future::join(at_once(writes.collect()), pollers).await;
        let (told, pollers_told): (Vec<ProxyUpdate>, bool) = (told?, pollers?);
        for (folder, told) in wanted.proxies.keys().zip(&told) {
            if brought.note(told) {
                brought.published.written.push(folder.clone());
            }
        }
        // Callers were told first; now those that are called no more.
        for (proxy, known) in self.gone(wanted, listing).await? {
            if known.current.bundle.is_some() {
                let next = wanted.of(&proxy, None);
                if brought.note(&self.set(&proxy, next, None, None).await?) {
                    brought.published.retired.push(proxy.folder());
                }
            } else if listing.is_older_than(&proxy.current_key(), GRACE_MILLIS) {
                let below = format!("{}/", proxy.prefix());
                let keys = listing.by_key.keys().filter(|key| key.starts_with(&below));
                self.delete(keys.cloned().collect()).await?;
                brought.published.removed.push(proxy.folder());
            }
        }
        // Otherwise whoever publishes wakes those who follow.
        if pollers_told && brought.published == Published::default() {
            self.wake().await;
        }
        Ok(brought)
    }

    async fn bring_one(
        &self,
        wanted: &DesiredState<'_>,
        entry: &ProxyEntry,
        ground: &BucketContext<'_>,
    ) -> Result<ProxyUpdate> {
        let BucketContext { prepared, bundles } = ground;
        let listing = &prepared.listing;
        let proxy = proxy_of(wanted.mesh, entry)?;
        let key = proxy.bundle_key(&entry.bundle);
        let is_new = prepared.written.contains(&key);
        let is_there = is_new || self.has_bundle(&key, &entry.bundle, ground).await?;
        // Also for a proxy that knows: a new task of it finds nothing to start with.
        if !is_there {
            self.objects
                .write(&key, bundles.read(&entry.bundle).await?)
                .await?;
        }
        // One that is about to be collected is written anew, so that its time begins again.
        let is_old = is_there && !is_new && listing.is_older_than(&key, GRACE_MILLIS / 2);
        let next = wanted.of(&proxy, Some(entry));
        let supply = is_old.then_some(*bundles);
        Ok(match self.set(&proxy, next, Some(listing), supply).await? {
            ProxyUpdate::Already if !is_there => ProxyUpdate::Now,
            told => told,
        })
    }

    /// Whether a bundle is there, as it should be where that is asked for.
    async fn has_bundle(&self, key: &str, digest: &Digest, ground: &BucketContext<'_>) -> Result<bool> {
        if !ground.prepared.listing.by_key.contains_key(key) {
            return Ok(false);
        }
        if !ground.bundles.verifies {
            return Ok(true);
        }
        let found = self.objects.get(key).await?;
        Ok(found.is_some_and(|(bytes, _)| Digest::of(&bytes) == *digest))
    }

    /// Takes bundles away that neither a proxy's object nor one of the releases that may become current again names.
    pub(crate) async fn collect(&self, wanted: &DesiredState<'_>, kept: &BTreeSet<Digest>) -> Result<usize> {
        let listing = self.list(wanted.mesh).await?;
        let mut named: BTreeSet<String> = BTreeSet::new();
        let mut prefixes: BTreeSet<String> = BTreeSet::new();
        for entry in wanted.proxies.values() {
            let proxy = proxy_of(wanted.mesh, entry)?;
            let found = self.look(&proxy, Some(&listing)).await?;
            named.extend(
                found
                    .and_then(|found| found.current.bundle)
                    .map(|digest| proxy.bundle_key(&digest)),
            );
            named.extend(kept.iter().map(|digest| proxy.bundle_key(digest)));
            prefixes.insert(proxy.bundle_prefix());
        }
        let is_bundle = |key: &str| {
            key.rfind('/')
                .is_some_and(|end| prefixes.contains(key.get(..=end).unwrap_or_default()))
        };
        let keys = listing.by_key.keys();
        let dead: Vec<String> = keys
            .filter(|key| is_bundle(key) && !named.contains(*key) && listing.is_older_than(key, GRACE_MILLIS))
            .cloned()
            .collect();
        let count = dead.len();
        self.delete(dead).await?;
        Ok(count)
    }

    /// The digests of the sets of endpoints that proxies' objects name.
    pub(crate) async fn named_endpoints(&self, wanted: &DesiredState<'_>) -> Result<BTreeSet<Digest>> {
        let listing = self.list(wanted.mesh).await?;
        let mut named = BTreeSet::new();
        for entry in wanted.proxies.values() {
            let found = self.look(&proxy_of(wanted.mesh, entry)?, Some(&listing)).await?;
            named.extend(found.and_then(|found| found.current.endpoints));
        }
        Ok(named)
    }

    /// The storage's own clock: when what is published for a mesh was written last.
    pub(crate) async fn now(&self, mesh: &str) -> Result<Timestamp> {
        Ok(self.list(mesh).await?.now)
    }

    async fn list(&self, mesh: &str) -> Result<Listing> {
        self.list_below(&format!("{}/proxies", mesh_prefix(mesh))).await
    }

    pub(crate) async fn list_below(&self, key: &str) -> Result<Listing> {
        let listed = self.objects.list(key).await?;
        Ok(Listing {
            now: listed
                .iter()
                .map(|object| object.touched_at)
                .max()
                .unwrap_or(Timestamp(0)),
            by_key: listed
                .into_iter()
                .map(|object| (object.key.clone(), object))
                .collect(),
        })
    }

    /// What a proxy has been sent, from memory where a listing shows that it is still so.
    async fn look(&self, proxy: &ProxyId, listing: Option<&Listing>) -> Result<Option<Known>> {
        let key = proxy.current_key();
        if let Some(listing) = listing {
            if !listing.by_key.contains_key(&key) {
                return Ok(None);
            }
            if let Some(known) = self.still_known(&key, listing) {
                return Ok(Some(known));
            }
        }
        let Some((bytes, version)) = self.objects.get(&key).await? else {
            return Ok(None);
        };
        let current = match Current::decode(proxy, &bytes) {
            Ok(current) => current,
            Err(error @ meshform_bundle::Error::Newer { .. }) => {
                return Err(ReleaseError::of_bundle(proxy.mesh(), error));
            }
            Err(error) => {
                tracing::warn!(%proxy, %error, "the proxy's `current.json` is written again");
                Current::new(proxy, 0)
            }
        };
        let known = Known { version, current };
        self.remember(key, known.clone());
        Ok(Some(known))
    }

    /// What is remembered of an object, where a listing shows that it has not changed since.
    fn still_known(&self, key: &str, listing: &Listing) -> Option<Known> {
        let listed = listing.by_key.get(key)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(key)?;
        listed.is_still(&known.version).then(|| known.clone())
    }

    fn remember(&self, key: String, known: Known) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, known);
    }

    /// Tells a proxy what it is to run, unless it knows, or was told something later. `supply` has the bundle, where it
    /// is to be written anew.
    async fn set(
        &self,
        proxy: &ProxyId,
        next: Current,
        mut listing: Option<&Listing>,
        supply: Option<&Bundles<'_>>,
    ) -> Result<ProxyUpdate> {
        let key = proxy.current_key();
        for _ in 0..ATTEMPTS {
            let found = self.look(proxy, listing.take()).await?;
            let mut next = next.clone();
            if let Some(found) = &found {
                if is_same(&found.current, &next) {
                    return Ok(ProxyUpdate::Already);
                }
                if found.current.sequence > next.sequence {
                    return Ok(ProxyUpdate::Later(found.current.sequence));
                }
                next.endpoints.clone_from(&found.current.endpoints);
            }
            if let (Some(bundles), Some(digest)) = (supply, &next.bundle) {
                let bytes = bundles.read(digest).await?;
                self.objects.write(&proxy.bundle_key(digest), bytes).await?;
            }
            let bytes = next
                .encode()
                .map_err(|error| ReleaseError::of_bundle(proxy.mesh(), error))?;
            let seen = found.as_ref().map(|found| &found.version);
            if let Some(version) = self.objects.replace(&key, bytes, seen).await? {
                self.remember(
                    key,
                    Known {
                        version,
                        current: next,
                    },
                );
                return Ok(ProxyUpdate::Now);
            }
        }
        Err(ReleaseError::Contended {
            mesh: proxy.mesh().to_owned(),
            attempts: ATTEMPTS,
        })
    }

    /// The proxies that have an object and are none of the release.
    async fn gone(&self, wanted: &DesiredState<'_>, listing: &Listing) -> Result<Vec<(ProxyId, Known)>> {
        let mut there = BTreeSet::new();
        for entry in wanted.proxies.values() {
            there.insert(proxy_of(wanted.mesh, entry)?.current_key());
        }
        let keys = listing.by_key.keys();
        let others = keys.filter(|key| ProxyId::is_current_key(key) && !there.contains(*key));
        let looks = others.map(|key| self.whose(key, listing));
        let found: Vec<Option<(ProxyId, Known)>> = at_once(looks.collect()).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Of which proxy an object is, and what it says. The key may be shortened; the object itself knows.
    async fn whose(&self, key: &String, listing: &Listing) -> Result<Option<(ProxyId, Known)>> {
        // It stays for a day, and every release passes here.
        if let Some(known) = self.still_known(key, listing)
            && let Ok(proxy) = ProxyId::parse(&known.current.proxy)
        {
            return Ok(Some((proxy, known)));
        }
        let Some((bytes, _)) = self.objects.get(key).await? else {
            return Ok(None);
        };
        let named: Option<NamedProxy> = serde_json::from_slice(&bytes).ok();
        let proxy = named.and_then(|named| ProxyId::parse(&named.proxy).ok());
        let Some(proxy) = proxy.filter(|proxy| proxy.current_key() == *key) else {
            tracing::warn!(
                key,
                "the object does not say which proxy it is of, and is left alone"
            );
            return Ok(None);
        };
        let known = self.look(&proxy, None).await?;
        Ok(known.map(|known| (proxy, known)))
    }

    pub(crate) async fn delete(&self, keys: Vec<String>) -> Result<()> {
        at_once(keys.iter().map(|key| self.remove(key)).collect())
            .await
            .map(drop)
    }

    async fn remove(&self, key: &str) -> Result<()> {
        Ok(self.objects.delete(key).await?)
    }

    /// A hint to those who follow the whole bucket. They list all the same, so that it is no error where a policy does
    /// not let us write it.
    pub(crate) async fn wake(&self) {
        let written = self.objects.write(WAKE_KEY, RandomIds.next().into_bytes()).await;
        if let Err(error) = written
            && !self.told.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "`{WAKE_KEY}` cannot be written: followers learn of changes a little later");
        }
    }
}

impl Bundles<'_> {
    async fn read(&self, digest: &Digest) -> Result<Vec<u8>> {
        if let Some(bytes) = self.fresh.get(digest) {
            return Ok(bytes.clone());
        }
        let found = self.store.blob(self.mesh, digest).await?;
        found.ok_or_else(|| ReleaseError::Damaged {
            mesh: self.mesh.to_owned(),
            detail: format!("the blob {digest} is not there"),
        })
    }
}

/// Does it all, so many at a time; the results in order.
async fn at_once<T>(work: Vec<impl Future<Output = Result<T>>>) -> Result<Vec<T>> {
    stream::iter(work).buffered(CONCURRENCY).try_collect().await
}

#[derive(serde::Deserialize)]
struct NamedProxy {
    proxy: String,
}

fn proxy_of(mesh: &str, entry: &ProxyEntry) -> Result<ProxyId> {
    ProxyId::of(&entry.key).ok_or_else(|| ReleaseError::Damaged {
        mesh: mesh.to_owned(),
        detail: format!("{} has no proxy", entry.key),
    })
}

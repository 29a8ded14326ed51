//! From the pointer to every target, and what is remembered of each.

use crate::bucket::{BucketTarget, Bundles, DesiredState, GRACE_MILLIS, Prepared};
use crate::discovered;
use crate::error::{ReleaseError, Result};
use crate::manifest::{Manifest, ProxyEntry};
use crate::releaser::{CurrentPointer, Releaser};
use crate::reports::TargetOutcome;
use crate::state::State;
use crate::steps::ReleaseStep;
use crate::supply::Supply;
use crate::target::{self, Delivery, Target, TargetState, TargetStatus};
use meshform_bundle::discovery::DiscoveredNode;
use meshform_bundle::publish::{Published, Publisher};
use meshform_bundle::{Bundle, ProxyId};
use meshform_store::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

mod words;

pub use words::{listed, store_argument};

/// How often what a target reports is written anew when others are faster: they are the other publishers of the same
/// mesh, each of which writes once for a release.
const ATTEMPTS: u32 = 8;

/// How closely targets are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckDepth {
    /// What is there is compared with what should be, in directories file by file.
    Everything,
    /// Of buckets, what publishers have reported is taken for true; of directories, that their files are as written.
    Reports,
}

/// Which proxies are behind, as far as that can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaggingProxies {
    /// Their folders.
    pub paths: Vec<String>,
    /// The places that did not tell.
    pub unknown: Vec<String>,
}

impl Releaser {
    /// Makes the buckets among the targets ready for a release that is about to become current. One that cannot be is
    /// left to [`publish`](Self::publish), which tells why.
    pub(crate) async fn prepare(
        &self,
        mesh: &str,
        manifest: &Manifest,
        bundles: &BTreeMap<Digest, Vec<u8>>,
    ) -> BTreeMap<String, Prepared> {
        let buckets = self.targets.iter().filter_map(|target| match target {
            Target::Bucket(bucket) => Some(bucket),
            Target::Directory(_) => None,
        });
        let all = buckets.map(|bucket| async {
            let prepared = bucket.prepare(mesh, &manifest.proxies, bundles).await;
            Some((bucket.name(), prepared.ok()?))
        });
        let all = futures_util::future::join_all(all).await;
        all.into_iter().flatten().collect()
    }

    /// Brings every target to what the pointer says, and remembers beside the pointer what became of each. A target
    /// that fails keeps no other from being brought up.
    ///
    /// `pointed` is the pointer as it was seen or written last. Whoever moves it meanwhile may bring a target to
    /// something newer before this does; so it is looked at again at the end, by the write that notes what targets have.
    pub(crate) async fn publish(
        &self,
        mesh: &str,
        mut supply: Supply,
        mut pointed: CurrentPointer,
    ) -> Result<Vec<Delivery>> {
        let mut deliveries: Vec<Delivery> = Vec::with_capacity(self.targets.len());
        let mut reports = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let before = self.elsewhere_before(target, mesh, &pointed);
            let (release, result) = match target {
                Target::Directory(publisher) => self.to_directory(publisher, mesh, &supply.bundles).await,
                Target::Bucket(bucket) => self.to_bucket(bucket, mesh, &mut supply, &mut pointed).await,
            };
            let mut delivery = self.delivery(target, mesh, result).await;
            if let (Some(before), Ok(_)) = (before, &delivery.result) {
                delivery.is_elsewhere = true;
                delivery.behind = self.proxies_of(mesh, &before).await;
            }
            deliveries.push(delivery);
            reports.push(TargetOutcome::new(target, release, deliveries.last()));
        }
        for _ in 0..ATTEMPTS {
            let seen = pointed.clone();
            let told = self.targets.iter().zip(&deliveries);
            let told = told.filter_map(|(target, delivery)| to_wake(target, delivery));
            let wakes = futures_util::future::join_all(told.map(BucketTarget::wake));
            let reported = self.report(mesh, &reports, &mut pointed);
            let (reported, _) = futures_util::future::join(reported, wakes).await;
            if let Err(error) = reported {
                // The files are where they belong, or the delivery says that they are not.
                tracing::warn!(mesh, %error, "what was published could not be noted in the store");
                break;
            }
            if seen.is_at(&pointed) {
                break;
            }
            for (at, target) in self.targets.iter().enumerate() {
                // A directory is published under its lock, with what the pointer said then.
                let Target::Bucket(bucket) = target else {
                    continue;
                };
                let (release, result) = self.to_bucket(bucket, mesh, &mut supply, &mut pointed).await;
                let mut delivery = self.delivery(target, mesh, result).await;
                let Some(before) = deliveries.get_mut(at) else {
                    continue;
                };
                if let (Ok(now), Ok(earlier)) = (&mut delivery.result, &before.result) {
                    now.written.extend_from_slice(&earlier.written);
                    now.retired.extend_from_slice(&earlier.retired);
                    now.removed.extend_from_slice(&earlier.removed);
                }
                *before = delivery;
                if let Some(report) = reports.get_mut(at) {
                    *report = TargetOutcome::new(target, release, deliveries.get(at));
                }
            }
        }
        Ok(deliveries)
    }

    async fn delivery(&self, target: &Target, mesh: &str, result: Result<Published>) -> Delivery {
        Delivery {
            target: target.name(),
            behind: match &result {
                Ok(_) => Vec::new(),
                Err(_) => self.behind(target, mesh).await,
            },
            is_elsewhere: false,
            result,
        }
    }

    /// The release that a directory has had on another file system, where this one has nothing of the mesh: it is a mount
    /// that is away, and proxies go on reading what it has. A directory that was emptied is only written anew.
    fn elsewhere_before(&self, target: &Target, mesh: &str, pointed: &CurrentPointer) -> Option<Digest> {
        let publisher = match target {
            Target::Directory(publisher) if !publisher.knows(mesh) => publisher,
            Target::Directory(_) | Target::Bucket(_) => return None,
        };
        let mut reports = pointed.state.targets.iter();
        let report = reports.find(|report| report.is_of(target, &self.host))?;
        let (before, now) = (report.device?, publisher.device()?);
        report.release.clone().filter(|_| before != now)
    }

    /// The folders of a release's proxies, as far as it can be read.
    async fn proxies_of(&self, mesh: &str, release: &Digest) -> Vec<String> {
        let manifest = self.blob(mesh, release).await.ok();
        let manifest = manifest.and_then(|bytes| Manifest::decode(mesh, &bytes).ok());
        manifest.map_or_else(Vec::new, |manifest| manifest.proxies.into_keys().collect())
    }

    /// Publishes to a directory: the release that it has then, and what was done.
    async fn to_directory(
        &self,
        publisher: &Publisher,
        mesh: &str,
        fresh: &BTreeMap<Digest, Vec<u8>>,
    ) -> (Option<Digest>, Result<Published>) {
        let mut release = None;
        let published = async {
            let pointed = self.pointed(mesh).await?;
            if pointed.state.current.is_none() && !publisher.knows(mesh) {
                return Ok(Published::default());
            }
            let unfit = |error| ReleaseError::of_bundle(mesh, error);
            let told = |step| self.steps.passed(ReleaseStep::Publishing(step));
            let session = publisher
                .lock(mesh, &told)
                .map_err(unfit)?
                .verifying(self.verifies);
            // Read under the lock: the last to hold it publishes the newest.
            let state = self.pointed(mesh).await?.state;
            let manifest = self.current(mesh, &state).await?;
            let Some(store) = self.store.identity().await? else {
                return Ok(Published::default());
            };
            let proxies = manifest.as_deref().map(|manifest| &manifest.proxies);
            let wanted = proxies
                .into_iter()
                .flatten()
                .map(|(path, entry)| (path.clone(), entry.bundle.clone()));
            session
                .tell_pollers(&discovered::told(
                    mesh,
                    pointed.version.unwrap_or_default(),
                    manifest.as_deref(),
                ))
                .map_err(unfit)?;
            let work = session
                .compare(&store.id, state.current.as_ref(), wanted.collect())
                .map_err(unfit)?;
            let mut bundles = BTreeMap::new();
            for (path, digest) in work.needed() {
                let bytes = match fresh.get(digest) {
                    Some(bytes) => bytes.clone(),
                    None => self.blob(mesh, digest).await?,
                };
                let entry = proxies.and_then(|proxies| proxies.get(path));
                let Some(proxy) = entry.and_then(|entry| ProxyId::of(&entry.key)) else {
                    return Err(ReleaseError::Damaged {
                        mesh: mesh.to_owned(),
                        detail: format!("`{path}` is not a virtual node or gateway"),
                    });
                };
                let bundle = Bundle::decode(&proxy, &bytes).map_err(unfit)?;
                bundles.insert(digest.clone(), bundle);
            }
            let published = session.apply(work, &bundles).map_err(unfit)?;
            release.clone_from(&state.current);
            Ok(published)
        };
        let published = published.await;
        (release, published)
    }

    /// Publishes to a bucket: the release that it has then, and what was done.
    async fn to_bucket(
        &self,
        bucket: &BucketTarget,
        mesh: &str,
        supply: &mut Supply,
        pointed: &mut CurrentPointer,
    ) -> (Option<Digest>, Result<Published>) {
        match self.bring(bucket, mesh, supply, pointed).await {
            Ok(published) => (pointed.state.current.clone(), Ok(published)),
            Err(error) => (None, Err(error)),
        }
    }

    async fn bring(
        &self,
        bucket: &BucketTarget,
        mesh: &str,
        supply: &mut Supply,
        pointed: &mut CurrentPointer,
    ) -> Result<Published> {
        let mut published = Published::default();
        for _ in 0..ATTEMPTS {
            let manifest = self.current(mesh, &pointed.state).await?;
            let wanted = wanted(mesh, pointed, manifest.as_deref());
            // What was looked at before another release became current says nothing of it.
            let prepared = supply.prepared.remove(&bucket.name());
            let bundles = Bundles {
                store: &*self.store,
                mesh,
                fresh: &supply.bundles,
                verifies: self.verifies,
            };
            let done = bucket.bring(&wanted, &bundles, prepared).await?;
            published.written.extend(done.published.written);
            published.retired.extend(done.published.retired);
            published.removed.extend(done.published.removed);
            // By our own clock: what was looked at may be all old. What is old enough to go, the storage's clock says.
            let now = self.clock.now();
            let has_old_bundles = done
                .oldest_bundle
                .is_some_and(|oldest| oldest.plus_millis(GRACE_MILLIS) < now);
            self.collect(bucket, &wanted, &pointed.state, has_old_bundles)
                .await;
            let Some(later) = done.later else {
                return Ok(published);
            };
            // Somebody was there with a later number: the pointer has it, or it is not one of this store's.
            let now = self.pointed(mesh).await?;
            if later > now.version.unwrap_or_default() {
                return Err(ReleaseError::OtherPublisher {
                    mesh: mesh.to_owned(),
                    target: bucket.name(),
                    found: later,
                });
            }
            let same = pointed.is_at(&now);
            *pointed = now;
            if same {
                return Ok(published);
            }
        }
        Err(ReleaseError::Contended {
            mesh: mesh.to_owned(),
            attempts: ATTEMPTS,
        })
    }

    /// Takes old bundles out of a bucket. It is never urgent: what cannot be read keeps everything.
    async fn collect(
        &self,
        bucket: &BucketTarget,
        wanted: &DesiredState<'_>,
        state: &State,
        has_old_bundles: bool,
    ) {
        let collected = async {
            bucket.collect_endpoints(wanted).await?;
            if !has_old_bundles {
                return Ok(0);
            }
            // Where nothing is older than a day, no report is.
            self.sweep_reports(bucket, wanted.mesh).await;
            let mut kept = BTreeSet::new();
            for entry in &state.history {
                let bytes = self.blob(wanted.mesh, &entry.release).await?;
                kept.extend(Manifest::decode(wanted.mesh, &bytes)?.bundles().cloned());
            }
            // One that went back, or has not heard of anything newer, may be started anew from what it runs.
            kept.extend(bucket.bundles_in_use(wanted.mesh).await?);
            bucket.collect(wanted, &kept).await
        };
        let collected: Result<usize> = collected.await;
        if let Err(error) = collected {
            tracing::warn!(mesh = wanted.mesh, bucket = bucket.name(), %error, "old bundles were not removed");
        }
    }

    /// Takes away what proxies have reported that are gone. It is never urgent, and a policy need not allow it.
    async fn sweep_reports(&self, bucket: &BucketTarget, mesh: &str) {
        let swept = async { bucket.sweep_reports(mesh, bucket.now(mesh).await?).await };
        if let Err(error) = swept.await {
            tracing::warn!(mesh, bucket = bucket.name(), %error, "reports of proxies that are gone were not removed");
        }
    }

    /// Which proxies a target may lack.
    async fn behind(&self, target: &Target, mesh: &str) -> Vec<String> {
        match self.standing(target, mesh).await {
            Ok(TargetState::Behind(paths)) => paths,
            Ok(TargetState::Current | TargetState::Unreachable) => Vec::new(),
            Ok(TargetState::Failed(_)) | Err(_) => {
                let state = self.pointed(mesh).await.map(|pointed| pointed.state);
                let manifest = match state {
                    Ok(state) => self.current(mesh, &state).await.ok().flatten(),
                    Err(_) => None,
                };
                manifest.map_or_else(Vec::new, |manifest| manifest.proxies.keys().cloned().collect())
            }
        }
    }

    async fn standing(&self, target: &Target, mesh: &str) -> Result<TargetState> {
        let pointed = self.pointed(mesh).await?;
        self.standing_of(target, mesh, &pointed, CheckDepth::Reports)
            .await
    }

    async fn standing_of(
        &self,
        target: &Target,
        mesh: &str,
        pointed: &CurrentPointer,
        look: CheckDepth,
    ) -> Result<TargetState> {
        let manifest = self.current(mesh, &pointed.state).await?;
        let publisher = match target {
            Target::Directory(publisher) => publisher,
            Target::Bucket(bucket) => {
                let wanted = wanted(mesh, pointed, manifest.as_deref());
                return Ok(match bucket.behind(&wanted).await {
                    Ok(behind) if behind.is_empty() => TargetState::Current,
                    Ok(behind) => TargetState::Behind(behind),
                    Err(error) => TargetState::Failed(error),
                });
            }
        };
        let store = self
            .store
            .identity()
            .await?
            .map(|store| store.id)
            .unwrap_or_default();
        let found = publisher.standing(mesh, look == CheckDepth::Everything);
        Ok(target::directory(found, mesh, &store, manifest.as_deref()))
    }

    /// How every target stands that has reported, or is to be published to from here.
    pub(crate) async fn targets_of(
        &self,
        mesh: &str,
        pointed: &CurrentPointer,
        look: CheckDepth,
    ) -> Result<Vec<TargetStatus>> {
        let state = &pointed.state;
        let mut found = Vec::new();
        for report in &state.targets {
            let mine = self
                .targets
                .iter()
                .find(|target| report.is_of(target, &self.host));
            let looked_at = self
                .looked_at
                .iter()
                .find(|target| report.is_of(target, &self.host));
            let standing = match mine.or(looked_at).cloned().or_else(|| report.here(&self.host)) {
                // Only publishers write there, and they say so: a plan need not read an object for each proxy.
                Some(Target::Bucket(_))
                    if look == CheckDepth::Reports && report.has(state.current.as_ref()) =>
                {
                    TargetState::Current
                }
                Some(target) => match self.standing_of(&target, mesh, pointed, look).await? {
                    // Somebody else's: that this machine or user does not get there says nothing of it.
                    TargetState::Failed(error) if mine.is_none() && error.is_unreachable() => {
                        TargetState::Unreachable
                    }
                    standing => standing,
                },
                None => TargetState::Unreachable,
            };
            found.push(TargetStatus {
                report: report.clone(),
                standing,
            });
        }
        for target in &self.targets {
            if state
                .targets
                .iter()
                .any(|report| report.is_of(target, &self.host))
            {
                continue;
            }
            // A store in a bucket is a target without being named: what older versions wrote to it has no agents.
            let own = || self.store.place().trim_end_matches('/') == target.name();
            if look == CheckDepth::Reports && matches!(target, Target::Bucket(_)) && own() {
                continue;
            }
            let standing = self.standing_of(target, mesh, pointed, look).await?;
            let report = self.unreported(target, self.clock.now());
            found.push(TargetStatus { report, standing });
        }
        Ok(found)
    }

    /// The URLs of buckets that the publishers of a mesh have reported.
    pub async fn reported_targets(&self, mesh: &str) -> Result<Vec<String>> {
        let state = self.pointed(mesh).await?.state;
        let names = state.targets.into_iter().map(|report| report.target);
        Ok(names.filter(|name| name.contains("://")).collect())
    }

    /// The proxies of a mesh that may lack what was written last: those that the next release changes, and those of
    /// which a target lacks the current one. Each place has that long to tell.
    pub async fn lagging(&self, mesh: &str, limit: Duration) -> LaggingProxies {
        let mut found = LaggingProxies::default();
        let store = async { self.preview(mesh).await.map(|preview| preview.changes) };
        let targets = self.targets.iter().map(|target| async {
            let behind = self.behind(target, mesh);
            (target.name(), tokio::time::timeout(limit, behind).await)
        });
        let store = tokio::time::timeout(limit, store);
        // Side by side: one that is silent keeps nobody from being named.
        let (store, targets) =
            futures_util::future::join(store, futures_util::future::join_all(targets)).await;
        match store {
            Ok(Ok(changes)) => found.paths.extend(changes.into_iter().map(|change| change.path)),
            Ok(Err(_)) | Err(_) => found.unknown.push(store_argument(&*self.store)),
        }
        for (name, behind) in targets {
            match behind {
                Ok(behind) => found.paths.extend(behind),
                Err(_) => found.unknown.push(name),
            }
        }
        found.paths.sort();
        found.paths.dedup();
        found.unknown.dedup();
        found
    }

    /// Whether every target here has the current release, as far as can be told.
    pub async fn is_published(&self, mesh: &str) -> bool {
        for target in &self.targets {
            if !self.behind(target, mesh).await.is_empty() {
                return false;
            }
        }
        true
    }
}

/// The bucket whose followers are to be told of a delivery.
fn to_wake<'a>(target: &'a Target, delivery: &Delivery) -> Option<&'a BucketTarget> {
    let Target::Bucket(bucket) = target else {
        return None;
    };
    let published = delivery.result.as_ref().ok()?;
    (*published != Published::default()).then_some(bucket)
}

fn wanted<'a>(
    mesh: &'a str,
    pointed: &'a CurrentPointer,
    manifest: Option<&'a Manifest>,
) -> DesiredState<'a> {
    static NO_PROXIES: BTreeMap<String, ProxyEntry> = BTreeMap::new();
    static NO_NODES: BTreeMap<String, DiscoveredNode> = BTreeMap::new();
    DesiredState {
        mesh,
        sequence: pointed.version.unwrap_or_default(),
        release: pointed.state.current.as_ref(),
        pinned: pointed.state.pinned,
        proxies: manifest.map_or(&NO_PROXIES, |manifest| &manifest.proxies),
        discovery: manifest.map_or(&NO_NODES, |manifest| &manifest.discovery),
    }
}

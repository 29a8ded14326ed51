//! From the pointer to every target, and what is remembered of each.

use crate::bucket::{BucketTarget, Bundles, Wanted};
use crate::codes;
use crate::discovery;
use crate::error::{ReleaseError, Result};
use crate::manifest::{Manifest, ProxyEntry};
use crate::releaser::{Pointed, Releaser};
use crate::state::State;
use crate::steps::Step;
use crate::target::{self, Delivery, Standing, Target, TargetFailure, TargetReport, TargetStatus};
use meshform_bundle::discovery::DiscoveredNode;
use meshform_bundle::publish::{Published, Publisher};
use meshform_bundle::{Bundle, ProxyId};
use meshform_model::diag::{Diagnostic, Place};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_store::{Digest, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// How often what a target reports is written anew when others are faster.
const ATTEMPTS: u32 = 8;

/// How closely targets are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// What is there is compared with what should be.
    Everything,
    /// Of buckets, what publishers have reported is taken for true.
    Reports,
}

/// How many proxies a message names.
const NAMED: usize = 5;

impl Releaser {
    /// Brings every target to what the pointer says, and remembers beside the pointer what became of each. A target
    /// that fails keeps no other from being brought up.
    ///
    /// `fresh` are bundles that need not be read again.
    pub(crate) async fn publish(
        &self,
        mesh: &str,
        fresh: BTreeMap<Digest, Vec<u8>>,
    ) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::with_capacity(self.targets.len());
        let mut reports = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let (release, result) = match target {
                Target::Directory(publisher) => self.to_directory(publisher, mesh, &fresh).await,
                Target::Bucket(bucket) => self.to_bucket(bucket, mesh, &fresh).await,
            };
            let behind = match &result {
                Ok(_) => Vec::new(),
                Err(_) => self.behind(target, mesh).await,
            };
            reports.push((target, release, result.as_ref().err().map(ToString::to_string)));
            deliveries.push(Delivery {
                target: target.name(),
                result,
                behind,
            });
        }
        if let Err(error) = self.report(mesh, reports).await {
            // The files are where they belong, or the delivery says that they are not.
            tracing::warn!(mesh, %error, "what was published could not be noted in the store");
        }
        Ok(deliveries)
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
            let told = |step| self.steps.passed(Step::Publishing(step));
            let session = publisher.lock(mesh, &told).map_err(unfit)?;
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
                .tell_pollers(&discovery::told(
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
        fresh: &BTreeMap<Digest, Vec<u8>>,
    ) -> (Option<Digest>, Result<Published>) {
        let mut release = None;
        let published = async {
            let mut published = Published::default();
            for _ in 0..ATTEMPTS {
                let pointed = self.pointed(mesh).await?;
                let manifest = self.current(mesh, &pointed.state).await?;
                let wanted = wanted(mesh, &pointed, manifest.as_deref());
                let bundles = Bundles {
                    store: &*self.store,
                    mesh,
                    fresh,
                };
                let done = bucket.bring(&wanted, &bundles).await?;
                published.written.extend(done.published.written);
                published.retired.extend(done.published.retired);
                published.removed.extend(done.published.removed);
                // Whoever moved the pointer meanwhile may have been there before us.
                let now = self.pointed(mesh).await?;
                // No publisher of this store writes a number that the pointer has not reached.
                if let Some(found) = done
                    .later
                    .filter(|later| *later > now.version.unwrap_or_default())
                {
                    return Err(ReleaseError::OtherPublisher {
                        mesh: mesh.to_owned(),
                        target: bucket.name(),
                        found,
                    });
                }
                let now = now.state;
                if (&now.current, now.pinned) == (&pointed.state.current, pointed.state.pinned) {
                    release.clone_from(&now.current);
                    self.collect(bucket, &wanted, &now).await;
                    return Ok(published);
                }
            }
            Err(ReleaseError::Contended {
                mesh: mesh.to_owned(),
                attempts: ATTEMPTS,
            })
        };
        let published = published.await;
        (release, published)
    }

    /// Takes old bundles out of a bucket. It is never urgent: what cannot be read keeps everything.
    async fn collect(&self, bucket: &BucketTarget, wanted: &Wanted<'_>, state: &State) {
        let collected = async {
            bucket.collect_endpoints(wanted).await?;
            if !bucket.has_old_bundles(wanted.mesh).await? {
                return Ok(0);
            }
            let mut kept = BTreeSet::new();
            for entry in &state.history {
                let bytes = self.blob(wanted.mesh, &entry.release).await?;
                kept.extend(Manifest::decode(wanted.mesh, &bytes)?.bundles().cloned());
            }
            bucket.collect(wanted, &kept).await
        };
        let collected: Result<usize> = collected.await;
        if let Err(error) = collected {
            tracing::warn!(mesh = wanted.mesh, bucket = bucket.name(), %error, "old bundles were not taken away");
        }
    }

    /// Which proxies a target may lack.
    async fn behind(&self, target: &Target, mesh: &str) -> Vec<String> {
        match self.standing(target, mesh).await {
            Ok(Standing::Behind(paths)) => paths,
            Ok(Standing::Current | Standing::Unreachable) => Vec::new(),
            Ok(Standing::Failed(_)) | Err(_) => {
                let state = self.pointed(mesh).await.map(|pointed| pointed.state);
                let manifest = match state {
                    Ok(state) => self.current(mesh, &state).await.ok().flatten(),
                    Err(_) => None,
                };
                manifest.map_or_else(Vec::new, |manifest| manifest.proxies.keys().cloned().collect())
            }
        }
    }

    async fn standing(&self, target: &Target, mesh: &str) -> Result<Standing> {
        self.standing_of(target, mesh, &self.pointed(mesh).await?).await
    }

    async fn standing_of(&self, target: &Target, mesh: &str, pointed: &Pointed) -> Result<Standing> {
        let manifest = self.current(mesh, &pointed.state).await?;
        let publisher = match target {
            Target::Directory(publisher) => publisher,
            Target::Bucket(bucket) => {
                let wanted = wanted(mesh, pointed, manifest.as_deref());
                return Ok(match bucket.behind(&wanted).await {
                    Ok(behind) if behind.is_empty() => Standing::Current,
                    Ok(behind) => Standing::Behind(behind),
                    Err(error) => Standing::Failed(error),
                });
            }
        };
        let store = self
            .store
            .identity()
            .await?
            .map(|store| store.id)
            .unwrap_or_default();
        Ok(target::directory(publisher, mesh, &store, manifest.as_deref()))
    }

    /// Notes beside the pointer what targets have, where it is not noted already.
    async fn report(
        &self,
        mesh: &str,
        reports: Vec<(&Target, Option<Digest>, Option<String>)>,
    ) -> Result<()> {
        if reports.is_empty() {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let pointed = self.pointed(mesh).await?;
            let mut state = pointed.state.clone();
            for (target, release, failure) in &reports {
                let host = if target.is_of_this_host() {
                    self.host.clone()
                } else {
                    String::new()
                };
                let old = state
                    .targets
                    .iter()
                    .find(|old| old.is_of(target, &self.host))
                    .cloned();
                // A mesh that was never released here leaves no trace.
                if old.is_none() && release.is_none() && failure.is_none() {
                    continue;
                }
                let now = self.clock.now();
                let known = |old: &TargetReport| match failure {
                    None => old.failure.is_none() && old.release == *release,
                    Some(message) => old
                        .failure
                        .as_ref()
                        .is_some_and(|known| known.message == *message),
                };
                if old.as_ref().is_some_and(known) {
                    continue;
                }
                let report = match failure {
                    None => TargetReport {
                        target: target.name(),
                        host,
                        release: release.clone(),
                        at: now,
                        failure: None,
                    },
                    Some(message) => TargetReport {
                        target: target.name(),
                        host,
                        release: old.as_ref().and_then(|old| old.release.clone()),
                        at: old.map_or(now, |old| old.at),
                        failure: Some(TargetFailure {
                            at: now,
                            message: message.clone(),
                        }),
                    },
                };
                target::remember(&mut state.targets, report);
            }
            if state == pointed.state {
                return Ok(());
            }
            match self.set(mesh, &pointed, &state).await {
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) => {}
                other => return other,
            }
        }
        Err(ReleaseError::Contended {
            mesh: mesh.to_owned(),
            attempts: ATTEMPTS,
        })
    }

    /// How every target stands that has reported, or is to be published to from here.
    pub(crate) async fn targets_of(
        &self,
        mesh: &str,
        pointed: &Pointed,
        look: Look,
    ) -> Result<Vec<TargetStatus>> {
        let state = &pointed.state;
        let mut found = Vec::new();
        for report in &state.targets {
            let mine = self
                .targets
                .iter()
                .find(|target| report.is_of(target, &self.host));
            let standing = match mine.cloned().or_else(|| report.here(&self.host)) {
                // Only publishers write there, and they say so: a plan need not read an object for each proxy.
                Some(Target::Bucket(_)) if look == Look::Reports && report.has(state.current.as_ref()) => {
                    Standing::Current
                }
                Some(target) => self.standing_of(&target, mesh, pointed).await?,
                None => Standing::Unreachable,
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
            if look == Look::Reports && matches!(target, Target::Bucket(_)) && own() {
                continue;
            }
            let standing = self.standing_of(target, mesh, pointed).await?;
            let report = TargetReport {
                target: target.name(),
                host: if target.is_of_this_host() {
                    self.host.clone()
                } else {
                    String::new()
                },
                release: None,
                at: self.clock.now(),
                failure: None,
            };
            found.push(TargetStatus { report, standing });
        }
        Ok(found)
    }

    /// The command that brings a mesh, or one target of it, to what the store has.
    pub fn command(&self, mesh: &str, target: Option<&str>) -> String {
        let mut command = format!(
            "meshform release --store {} --mesh {mesh}",
            store_argument(&*self.store)
        );
        let all: Vec<String> = self.targets.iter().map(Target::name).collect();
        match target {
            Some(target) => command.push_str(&format!(" --publish {target}")),
            None => all
                .iter()
                .for_each(|target| command.push_str(&format!(" --publish {target}"))),
        }
        command
    }

    /// The proxies of a mesh that may lack what was written last: those that the next release changes, and those of
    /// which a target lacks the current one. Empty also where that cannot be told.
    pub async fn lagging(&self, mesh: &str) -> Vec<String> {
        let mut all = match self.preview(mesh).await {
            Ok(preview) => preview.changes.into_iter().map(|change| change.path).collect(),
            Err(_) => Vec::new(),
        };
        for target in &self.targets {
            all.extend(self.behind(target, mesh).await);
        }
        all.sort();
        all.dedup();
        all
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

    /// That a target does not have the current release, as a warning; none where it has.
    pub fn target_warning(&self, mesh: &str, status: &TargetStatus) -> Option<Diagnostic> {
        let report = &status.report;
        let since = |failure: &TargetFailure| format!(" since {}: {}", failure.at, failure.message);
        let why = report.failure.as_ref().map(since).unwrap_or_default();
        let (message, help) = match &status.standing {
            Standing::Current => return None,
            Standing::Unreachable => {
                let failure = report.failure.as_ref()?;
                let (on, there) = match report.host.as_str() {
                    "" => (String::new(), ""),
                    host => (format!(" on {host}"), "there, "),
                };
                (
                    format!(
                        "`{}`{on} could not be brought to the current release of mesh `{mesh}` at {}: {}",
                        report.target, failure.at, failure.message
                    ),
                    format!("{there}run `{}`", self.command(mesh, Some(&report.target))),
                )
            }
            Standing::Behind(paths) => (
                format!(
                    "`{}` does not have the current release of mesh `{mesh}`{why}; behind: {}",
                    report.target,
                    listed(paths)
                ),
                format!("run `{}`", self.command(mesh, Some(&report.target))),
            ),
            Standing::Failed(error) => (
                format!(
                    "`{}` cannot be looked at for mesh `{mesh}`: {error}",
                    report.target
                ),
                format!(
                    "when that is mended, run `{}`",
                    self.command(mesh, Some(&report.target))
                ),
            ),
        };
        let place = Place::of(&ResourceKey::mesh(mesh), &Pointer::root());
        Some(Diagnostic::warning(codes::BEHIND, message).help(help).at(place))
    }

    /// That a target could not be brought to the current release just now.
    pub fn undelivered(&self, mesh: &str, delivery: &Delivery) -> Option<Diagnostic> {
        let error = delivery.result.as_ref().err()?;
        let behind = match delivery.behind.as_slice() {
            [] => String::new(),
            paths => format!("; behind: {}", listed(paths)),
        };
        let message = format!(
            "the release of mesh `{mesh}` is not published to `{}`: {error}{behind}",
            delivery.target
        );
        let help = match error {
            ReleaseError::Publish { .. } => format!(
                "running proxies go on with what they have; when the cause is gone, apply again or run `{}`",
                self.command(mesh, Some(&delivery.target))
            ),
            other => other.help(),
        };
        let place = Place::of(&ResourceKey::mesh(mesh), &Pointer::root());
        Some(Diagnostic::warning(error.code(), message).help(help).at(place))
    }
}

fn wanted<'a>(mesh: &'a str, pointed: &'a Pointed, manifest: Option<&'a Manifest>) -> Wanted<'a> {
    static NO_PROXIES: BTreeMap<String, ProxyEntry> = BTreeMap::new();
    static NO_NODES: BTreeMap<String, DiscoveredNode> = BTreeMap::new();
    Wanted {
        mesh,
        sequence: pointed.version.unwrap_or_default(),
        release: pointed.state.current.as_ref(),
        pinned: pointed.state.pinned,
        proxies: manifest.map_or(&NO_PROXIES, |manifest| &manifest.proxies),
        discovery: manifest.map_or(&NO_NODES, |manifest| &manifest.discovery),
    }
}

/// Some of many, in words.
pub fn listed(paths: &[String]) -> String {
    let named: Vec<&str> = paths.iter().take(NAMED).map(String::as_str).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

impl Releaser {
    /// The manifest of the current release. It is read once.
    pub(crate) async fn current(
        &self,
        mesh: &str,
        state: &State,
    ) -> Result<Option<std::sync::Arc<Manifest>>> {
        let Some(release) = &state.current else {
            return Ok(None);
        };
        if let Some(known) = self.manifests.get(mesh, release) {
            return Ok(Some(known));
        }
        let manifest = std::sync::Arc::new(Manifest::decode(mesh, &self.blob(mesh, release).await?)?);
        self.manifests.put(mesh, release, &manifest);
        Ok(Some(manifest))
    }
}

/// The store as the option `--store` takes it: the embedded one by its directory.
pub fn store_argument(store: &dyn Store) -> String {
    let place = store.place();
    match place.strip_suffix("/store.db") {
        Some(directory) => directory.to_owned(),
        None => place,
    }
}

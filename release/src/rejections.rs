//! What agents write into a bucket: how each proxy is, and a marker where one refused its release.

use crate::bucket::{BucketTarget, GRACE_MILLIS, LOST_MILLIS};
use crate::error::Result;
use crate::fleet::FleetReader;
use crate::manifest::{Manifest, ProxyEntry};
use crate::publishing::{listed, store_argument};
use crate::releaser::Releaser;
use crate::succession::Succession;
use meshform_bundle::objects::RejectedRelease;
use meshform_bundle::{ProxyId, codes, mesh_prefix};
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_store::{Digest, ListedObject, ObjectVersion, Timestamp};
use std::collections::BTreeSet;

/// The folders of what agents write.
const STATUS: &str = "status";
const REJECTED: &str = "rejected";

/// How many markers, the youngest first, are read to say what was refused. Every plan reads them; the proxies of a mesh mostly refuse the
/// same thing.
const READ: usize = 16;

impl BucketTarget {
    /// The objects in which agents say how their proxies are.
    pub(crate) async fn statuses(&self, mesh: &str) -> Result<Vec<ListedObject>> {
        Ok(self
            .objects
            .list(&format!("{}/{STATUS}", mesh_prefix(mesh)))
            .await?)
    }

    /// The markers of proxies that run something else than they should.
    async fn markers(&self, mesh: &str) -> Result<Vec<ListedObject>> {
        Ok(self
            .objects
            .list(&format!("{}/{REJECTED}", mesh_prefix(mesh)))
            .await?)
    }

    /// The instances that have reported nothing for so long that they are lost: who was killed takes no marker away.
    async fn silent(&self, mesh: &str, now: Timestamp) -> Result<BTreeSet<String>> {
        let lost = |one: &ListedObject| one.touched_at.plus_millis(LOST_MILLIS) < now;
        let statuses = self.statuses(mesh).await?;
        let lost = statuses.iter().filter(|one| lost(one));
        Ok(lost
            .filter_map(|one| instance(mesh, one.key.strip_suffix(".json")?, STATUS))
            .collect())
    }

    /// The instances of these proxies whose agents gave up, and which were replaced: such an agent takes no marker away either.
    async fn replaced(
        &self,
        mesh: &str,
        of: &BTreeSet<&ResourceKey>,
        wanted: &Manifest,
        now: Timestamp,
    ) -> Result<BTreeSet<String>> {
        let proxies = of.iter().filter_map(|key| ProxyId::of(key));
        let prefixes: Vec<String> = proxies
            .map(|proxy| format!("{}/", proxy.status_prefix()))
            .collect();
        if prefixes.is_empty() {
            return Ok(BTreeSet::new());
        }
        let is_of_these = |key: &str| prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()));
        let reports = FleetReader::default().read_where(self, mesh, is_of_these).await?;
        let succession = Succession::of(&reports);
        let over = reports
            .iter()
            .filter(|(status, at)| succession.is_over(status, *at, now, Some(wanted)));
        Ok(over
            .filter_map(|(status, _)| {
                let proxy = ProxyId::parse(&status.proxy).ok()?;
                instance(mesh, &proxy.rejected_key(&status.instance), REJECTED)
            })
            .collect())
    }

    /// The bundles that proxies run.
    pub(crate) async fn bundles_in_use(&self, mesh: &str) -> Result<BTreeSet<Digest>> {
        let statuses = FleetReader::default().read(self, mesh).await?;
        Ok(statuses
            .into_iter()
            .filter_map(|(status, _)| status.bundle)
            .collect())
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, ObjectVersion)>> {
        Ok(self.objects.get(key).await?)
    }

    /// Takes away what agents have written that have been gone for a day. `now` is the storage's own clock.
    pub(crate) async fn sweep_reports(&self, mesh: &str, now: Timestamp) -> Result<usize> {
        let mut all = self.statuses(mesh).await?;
        let markers = self.markers(mesh).await?;
        // A marker is written once; its proxy is there as long as its status is.
        let alive: BTreeSet<String> = all
            .iter()
            .filter(|one| !is_old(one, now))
            .filter_map(|one| instance(mesh, one.key.strip_suffix(".json")?, STATUS))
            .collect();
        let left =
            |one: &ListedObject| instance(mesh, &one.key, REJECTED).is_none_or(|name| !alive.contains(&name));
        all.extend(markers.into_iter().filter(left));
        all.retain(|one| is_old(one, now));
        let keys: Vec<String> = all.into_iter().map(|one| one.key).collect();
        let count = keys.len();
        self.delete(keys).await?;
        Ok(count)
    }
}

/// Whose object it is of those below a folder: kind, name and instance.
fn instance(mesh: &str, key: &str, folder: &str) -> Option<String> {
    key.strip_prefix(&format!("{}/{folder}/", mesh_prefix(mesh)))
        .map(str::to_owned)
}

fn is_old(object: &ListedObject, now: Timestamp) -> bool {
    object.touched_at.plus_millis(GRACE_MILLIS) < now
}

impl Releaser {
    /// That proxies refused the current release, where they say so: one listing for each bucket, and one look beside the
    /// pointer.
    pub(crate) async fn rejections(
        &self,
        mesh: &str,
        current: Option<(&Digest, &Manifest)>,
    ) -> Result<Option<Diagnostic>> {
        let Some((release, wanted)) = current else {
            return Ok(None);
        };
        let noted = self.refusals(mesh, release).await?;
        let mut proxies: Vec<String> = noted.keys().cloned().collect();
        let mut reasons: Vec<String> = noted.into_values().flatten().collect();
        for bucket in self.buckets() {
            let markers = bucket.markers(mesh).await?;
            let of_ours = markers
                .iter()
                .filter_map(|marker| Some((marker, entry_of(marker, wanted)?)));
            let of_ours: Vec<_> = of_ours.collect();
            if of_ours.is_empty() {
                continue;
            }
            let gone = bucket.silent(mesh, self.clock.now()).await?;
            let mut of_ours: Vec<_> = of_ours
                .into_iter()
                .filter(|(marker, _)| {
                    instance(mesh, &marker.key, REJECTED).is_none_or(|one| !gone.contains(&one))
                })
                .collect();
            of_ours.sort_by_key(|(marker, _)| std::cmp::Reverse(marker.touched_at));
            of_ours.truncate(READ);
            let entries: BTreeSet<&ResourceKey> = of_ours.iter().map(|(_, entry)| &entry.key).collect();
            let replaced = bucket.replaced(mesh, &entries, wanted, self.clock.now()).await?;
            for (marker, entry) in of_ours {
                if instance(mesh, &marker.key, REJECTED).is_some_and(|one| replaced.contains(&one)) {
                    continue;
                }
                let Some((bytes, _)) = bucket.get(&marker.key).await? else {
                    continue;
                };
                // What cannot be read says nothing of the current release.
                let Ok(refused) = serde_json::from_slice::<RejectedRelease>(&bytes) else {
                    continue;
                };
                if refused.bundle.as_ref() != Some(&entry.bundle) {
                    continue;
                }
                proxies.push(entry.key.path());
                reasons.extend(refused.problems.iter().map(ToString::to_string));
            }
        }
        proxies.sort();
        proxies.dedup();
        reasons.sort();
        reasons.dedup();
        let options = format!("--store {} --mesh {mesh}", store_argument(&*self.store));
        Ok((!proxies.is_empty()).then(|| rejected(mesh, &options, &proxies, &reasons)))
    }
}

/// The proxy that a marker is of, where it is one of the release.
fn entry_of<'m>(marker: &ListedObject, wanted: &'m Manifest) -> Option<&'m ProxyEntry> {
    wanted.proxies.values().find(|entry| {
        let prefix = ProxyId::of(&entry.key).map(|proxy| format!("{}/", proxy.rejected_prefix()));
        prefix.is_some_and(|prefix| marker.key.starts_with(&prefix))
    })
}

fn rejected(mesh: &str, options: &str, proxies: &[String], reasons: &[String]) -> Diagnostic {
    let why: String = reasons
        .iter()
        .take(5)
        .map(|reason| format!("\n  {reason}"))
        .collect();
    let message = format!(
        "Envoy refused the current release of mesh `{mesh}` at {}: these proxies run the one before, and those that have none do not \
         serve:{why}",
        listed(proxies)
    );
    Diagnostic::warning(codes::REJECTED, message)
        .help(format!(
            "correct what the reasons name and apply again; `meshform status {options}` shows each proxy, and `meshform pin RELEASE \
             {options}` holds all of them at a release that Envoy takes"
        ))
        .at(ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root()))
}

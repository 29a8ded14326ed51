//! The hosts that pollers have found, for a server that tells proxies of them itself.

use crate::bucket::BucketTarget;
use crate::error::{ReleaseError, Result};
use crate::releaser::Releaser;
use crate::served::ServedRelease;
use crate::target::Target;
use meshform_bundle::objects::{Endpoint, EndpointSet};
use meshform_bundle::publish::{Publisher, Stamp};
use meshform_store::Digest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What pollers have found, by the name under which Envoy asks for a cluster's endpoints.
#[derive(Debug, Default)]
pub struct Hosts {
    pub clusters: BTreeMap<String, Vec<Endpoint>>,
    /// Why that may not be all.
    pub problem: Option<ReleaseError>,
}

/// What was read of a mesh's hosts before: only what is new is read again.
#[derive(Debug, Default)]
pub struct ReadSets {
    objects: BTreeMap<(String, Digest), Arc<EndpointSet>>,
    files: BTreeMap<String, (Stamp, Arc<EndpointSet>)>,
}

impl Releaser {
    /// The hosts that pollers have written where releases are published, as of now. Where several places have those of a
    /// cluster, the ones that were read last.
    pub async fn hosts(&self, served: &ServedRelease, read: &mut ReadSets) -> Hosts {
        let mut found = Hosts::default();
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        let mut next = ReadSets::default();
        for target in self.targets.iter().chain(&self.looked_at) {
            let sets = match target {
                Target::Directory(publisher) => of_directory(publisher, served, read, &mut next),
                Target::Bucket(bucket) => of_bucket(bucket, served, read, &mut next).await,
            };
            let sets = match sets {
                Ok(sets) => sets,
                Err(error) => {
                    found.problem = Some(error);
                    continue;
                }
            };
            for (set, name) in sets
                .iter()
                .flat_map(|set| served.polled().map(move |name| (set, name)))
            {
                let Some(hosts) = set.clusters.get(name) else {
                    continue;
                };
                if newest.get(name).is_none_or(|at| *at < set.at) {
                    newest.insert(name, set.at);
                    found.clusters.insert(name.to_owned(), hosts.clone());
                }
            }
        }
        if found.problem.is_none() {
            *read = next;
        }
        found
    }
}

/// The sets that the poller's lease names.
async fn of_bucket(
    bucket: &BucketTarget,
    served: &ServedRelease,
    read: &ReadSets,
    next: &mut ReadSets,
) -> Result<Vec<Arc<EndpointSet>>> {
    let mesh = served.mesh();
    let Some((state, _)) = bucket.poller(mesh).await? else {
        return Ok(Vec::new());
    };
    let mut sets = Vec::new();
    for digest in state.nodes.values().filter_map(|node| node.set.as_ref()) {
        let key = (bucket.name(), digest.clone());
        if next.objects.contains_key(&key) {
            continue;
        }
        let set = match read.objects.get(&key) {
            Some(known) => Arc::clone(known),
            None => Arc::new(bucket.endpoint_set(mesh, digest).await?),
        };
        next.objects.insert(key, Arc::clone(&set));
        sets.push(set);
    }
    Ok(sets)
}

/// What the poller has written into a directory.
fn of_directory(
    publisher: &Publisher,
    served: &ServedRelease,
    read: &ReadSets,
    next: &mut ReadSets,
) -> Result<Vec<Arc<EndpointSet>>> {
    let mesh = served.mesh();
    let told = |error| ReleaseError::of_bundle(mesh, error);
    let Some(stamp) = publisher.endpoints_stamp(mesh).map_err(told)? else {
        return Ok(Vec::new());
    };
    let name = publisher.root().to_string_lossy().into_owned();
    let set = match read.files.get(&name) {
        Some((seen, known)) if *seen == stamp => Arc::clone(known),
        _ => match publisher.endpoints(mesh).map_err(told)? {
            Some(set) => Arc::new(set),
            None => return Ok(Vec::new()),
        },
    };
    next.files.insert(name, (stamp, Arc::clone(&set)));
    Ok(vec![set])
}

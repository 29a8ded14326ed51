//! Where releases are published, and how each of those places stands.

use crate::bucket::BucketTarget;
use crate::error::{ReleaseError, Result};
use crate::manifest::Manifest;
use meshform_bundle::publish::{Published, PublishedState, Publisher};
use meshform_store::{Access, Digest, Location, PublishedObjects, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A place where proxies look for their configuration.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Target {
    /// A directory of this machine.
    Directory(Publisher),
    /// A bucket that agents read.
    Bucket(BucketTarget),
}

/// What became of one target when a release was published.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub target: String,
    /// What was written, or why not everything was.
    pub result: Result<Published>,
    /// Where it failed, or was written somewhere else than before: the folders of the proxies that may not have what they
    /// should.
    pub behind: Vec<String>,
    /// The directory is on another file system than when it was published to last, and had nothing of the mesh: a mount is
    /// away.
    pub is_elsewhere: bool,
}

/// What is remembered of a target beside the pointer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetReport {
    /// The directory as an absolute path, or the bucket's URL.
    pub target: String,
    /// The machine whose directory it is; empty where the name means the same everywhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The release that it has, whole; none where it has none, or the mesh is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Digest>,
    pub at: Timestamp,
    /// The file system that the directory was on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<u64>,
    /// Why it does not have a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<TargetFailure>,
}

/// The last failure of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetFailure {
    pub at: Timestamp,
    pub message: String,
}

/// How a target stands that was looked at now.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetStatus {
    /// What is remembered of it.
    pub report: TargetReport,
    pub standing: TargetState,
}

impl TargetStatus {
    /// Whether it lacks the current release, or a part of it, as far as can be told from here. What cannot be read may
    /// have anything.
    pub fn is_behind(&self, current: Option<&Digest>) -> bool {
        match &self.standing {
            TargetState::Current => false,
            TargetState::Behind(_) | TargetState::Failed(_) => true,
            TargetState::Unreachable => {
                self.report.failure.is_some() || self.report.release.as_ref() != current
            }
        }
    }
}

/// Whether a target has the current release.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetState {
    /// Every proxy's part of the release is there.
    Current,
    /// It lacks it, or a part of it: the folders of the proxies that may be behind.
    Behind(Vec<String>),
    /// It cannot be looked at from here: what it reported last is all that is known.
    Unreachable,
    /// What it has cannot be read.
    Failed(ReleaseError),
}

/// How many targets are remembered; of more, those that reported last. They stand in the pointer; runners of CI that
/// publish to a directory of their own would fill it otherwise.
const REMEMBERED: usize = 32;

/// The name of this machine, as targets report it.
pub fn this_host() -> String {
    let read = |path| std::fs::read_to_string(path).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    name.unwrap_or_default().trim().to_owned()
}

impl Target {
    /// A directory, relative to `base`, or the URL of a bucket. Nothing is connected to yet.
    ///
    /// # Errors
    /// Where it is something that nothing is published to.
    pub fn open(name: &str, base: &Path, access: &Access) -> Result<Self> {
        if !name.contains("://") {
            return Self::parse(name, base);
        }
        match Location::parse(name, base)? {
            Location::Bucket(url) => {
                Ok(BucketTarget::new(PublishedObjects::open(&url, access.clone())).into())
            }
            Location::Directory(_) | Location::Etcd(_) => Err(ReleaseError::Target {
                name: name.to_owned(),
            }),
        }
    }

    /// A directory, relative to `base`.
    fn parse(name: &str, base: &Path) -> Result<Self> {
        if name.is_empty() || name.contains("://") {
            return Err(ReleaseError::Target {
                name: name.to_owned(),
            });
        }
        Ok(Self::Directory(Publisher::new(base.join(name))))
    }

    /// What it is called: the directory or the URL.
    pub fn name(&self) -> String {
        match self {
            Self::Directory(publisher) => publisher.root().to_string_lossy().into_owned(),
            Self::Bucket(bucket) => bucket.name(),
        }
    }

    /// The directory, where it is one.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(publisher) => Some(publisher.root()),
            Self::Bucket(_) => None,
        }
    }

    /// The file system of a directory.
    pub(crate) fn device(&self) -> Option<u64> {
        match self {
            Self::Directory(publisher) => publisher.device(),
            Self::Bucket(_) => None,
        }
    }

    /// Whether its name means another place on another machine.
    pub fn is_of_this_host(&self) -> bool {
        match self {
            Self::Directory(_) => true,
            Self::Bucket(_) => false,
        }
    }
}

impl From<BucketTarget> for Target {
    fn from(bucket: BucketTarget) -> Self {
        Self::Bucket(bucket)
    }
}

impl From<Publisher> for Target {
    fn from(publisher: Publisher) -> Self {
        Self::Directory(publisher)
    }
}

impl TargetReport {
    /// Whether it reported what is current now, and nothing failed since.
    pub(crate) fn has(&self, release: Option<&Digest>) -> bool {
        self.failure.is_none() && self.release.as_ref() == release
    }

    /// A target that was reported from this machine, or from anywhere where it is no directory.
    pub(crate) fn is_of(&self, target: &Target, host: &str) -> bool {
        self.target == target.name() && (!target.is_of_this_host() || self.host == host)
    }

    /// The target, where it can be looked at from here.
    pub(crate) fn here(&self, host: &str) -> Option<Target> {
        let target = Target::parse(&self.target, Path::new("/")).ok()?;
        (!target.is_of_this_host() || self.host == host).then_some(target)
    }
}

/// With one more report; it takes the place of the target's last one.
pub(crate) fn remember(reports: &mut Vec<TargetReport>, report: TargetReport) {
    reports.retain(|old| (&old.target, &old.host) != (&report.target, &report.host));
    reports.push(report);
    let dropped = reports.len().saturating_sub(REMEMBERED);
    reports.drain(..dropped);
}

/// How a directory, as it was found, stands against the current release of a mesh.
pub(crate) fn directory(
    found: meshform_bundle::Result<Option<PublishedState>>,
    mesh: &str,
    store: &str,
    wanted: Option<&Manifest>,
) -> TargetState {
    let found = match found {
        Ok(found) => found,
        Err(error) => return TargetState::Failed(ReleaseError::of_bundle(mesh, error)),
    };
    let Some(wanted) = wanted else {
        // What a mesh leaves that is gone needs nobody: its proxies were told to let go.
        let left = found.filter(|found| !found.complete || !found.proxies.is_empty());
        return left.map_or(TargetState::Current, |left| {
            TargetState::Behind(left.proxies.into_keys().collect())
        });
    };
    let behind: Vec<String> = match &found {
        Some(found) if found.store != store => wanted.proxies.keys().cloned().collect(),
        Some(found) => {
            let has = |path: &str, bundle: &Digest| found.complete && found.proxies.get(path) == Some(bundle);
            let lacking = wanted
                .proxies
                .iter()
                .filter(|(path, entry)| !has(path, &entry.bundle));
            let left = found
                .proxies
                .keys()
                .filter(|path| !wanted.proxies.contains_key(*path));
            lacking.map(|(path, _)| path).chain(left).cloned().collect()
        }
        None => wanted.proxies.keys().cloned().collect(),
    };
    if behind.is_empty() {
        TargetState::Current
    } else {
        TargetState::Behind(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_or_failed_may_be_behind() {
        let current = Digest::of(b"a release");
        let failed = TargetState::Failed(ReleaseError::NoRelease {
            mesh: "apps".to_owned(),
            release: "x".to_owned(),
        });
        let failure = TargetFailure {
            at: Timestamp(0),
            message: "no space".to_owned(),
        };
        let cases = [
            (TargetState::Current, None, None, false),
            (TargetState::Behind(Vec::new()), Some(&current), None, true),
            (failed, Some(&current), None, true),
            (TargetState::Unreachable, Some(&current), None, false),
            (TargetState::Unreachable, None, None, true),
            (TargetState::Unreachable, Some(&current), Some(failure), true),
        ];
        for (standing, release, failure, wanted) in cases {
            let report = TargetReport {
                target: "/srv".to_owned(),
                host: "here".to_owned(),
                release: release.cloned(),
                at: Timestamp(0),
                failure,
                device: None,
            };
            let status = TargetStatus { report, standing };
            assert_eq!(status.is_behind(Some(&current)), wanted, "{status:?}");
        }
    }
}

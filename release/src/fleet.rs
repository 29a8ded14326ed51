//! What runs where: what the agents beside a mesh's proxies have written into its buckets, held against what each of
//! them is to run. For the command, the control plane and the console.

use crate::bucket::{BucketTarget, LOST_MILLIS};
use crate::error::{ReleaseError, Result};
use crate::manifest::Manifest;
use crate::publishing::listed;
use crate::releaser::Releaser;
use crate::succession::Succession;
use crate::target::Target;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use meshform_bundle::objects::{Delivery, ProxyState, Status};
use meshform_bundle::{ProxyId, codes};
use meshform_model::diag::{Diagnostic, ProblemLocation, Severity};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_store::{ListedObject, ObjectVersion, Timestamp};
use std::collections::BTreeMap;

/// How many objects are read at once; as many as a release writes at once.
const CONCURRENCY: usize = 32;

/// How a running proxy stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// It refused the release that it is to run.
    Rejects,
    /// Envoy does not answer, or says that it is not ready; or its agent gave up on it, and nothing runs in its place.
    Failing,
    /// It has reported nothing for 25 minutes.
    Lost,
    /// It runs something older than it is to run.
    Lagging,
    /// Envoy is not ready yet.
    Starting,
    /// It has what it is to run, from files, because its control plane was away when it was started.
    Fallback,
    /// It has its release, of which Envoy reads a part only when it is started anew.
    NeedsRestart,
    /// It has what it is to run.
    Current,
    /// It was told to stop.
    Draining,
    /// Its agent has reported that it ends, and nothing since; or it gave up, and was replaced.
    Stopped,
}

/// A proxy that runs, or did until lately, as its agent has reported it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningProxy {
    /// The bucket where it reports.
    pub target: String,
    /// The last report of its agent.
    pub status: Status,
    /// When, by the storage's clock.
    pub at: Timestamp,
    pub condition: Condition,
}

/// What the agents of a mesh's proxies report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    /// The proxies, the worst first.
    pub proxies: Vec<RunningProxy>,
    /// The buckets that could not be read, and why.
    pub unseen: Vec<(String, ReleaseError)>,
}

/// What was read, so that only what has changed is read again.
#[derive(Debug, Default)]
pub struct FleetReader {
    /// What was read last, by bucket and mesh, then by object.
    seen: BTreeMap<(String, String), BTreeMap<String, SeenStatus>>,
}

/// An object, and what it says where it can be read.
#[derive(Debug, Clone)]
struct SeenStatus {
    version: ObjectVersion,
    status: Option<Status>,
}

impl Condition {
    /// Every condition, the worst first.
    pub const ALL: [Self; 10] = [
        Self::Rejects,
        Self::Failing,
        Self::Lost,
        Self::Lagging,
        Self::Starting,
        Self::Fallback,
        Self::NeedsRestart,
        Self::Current,
        Self::Draining,
        Self::Stopped,
    ];

    /// The name in the JSON output of `meshform status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejects => "rejects",
            Self::Failing => "failing",
            Self::Lost => "lost",
            Self::Lagging => "lagging",
            Self::Starting => "starting",
            Self::Fallback => "fallback",
            Self::NeedsRestart => "needsRestart",
            Self::Current => "current",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::NeedsRestart => "needs a restart",
            Self::Fallback => "without its control plane",
            other => other.name(),
        }
    }

    fn of(status: &Status, silent_millis: i64, wanted: Option<&Manifest>) -> Self {
        match status.state {
            ProxyState::Stopped => return Self::Stopped,
            // Nothing more is to come of it.
            _ if status.gave_up => {}
            _ if silent_millis > LOST_MILLIS => return Self::Lost,
            ProxyState::Draining => return Self::Draining,
            _ => {}
        }
        let proxy = ProxyId::parse(&status.proxy).ok();
        let entry = proxy
            .zip(wanted)
            .and_then(|(proxy, wanted)| wanted.proxies.get(&proxy.folder()));
        let bundle = entry.map(|entry| &entry.bundle);
        let refused = status.rejected.as_ref();
        if bundle.is_some() && refused.is_some_and(|refused| refused.bundle.as_ref() == bundle) {
            return Self::Rejects;
        }
        match status.state {
            ProxyState::Failing => Self::Failing,
            ProxyState::Starting => Self::Starting,
            // What it has by ADS its control plane knows.
            _ if status.mode == Delivery::Ads => Self::Current,
            _ if status.bundle.as_ref() != bundle => Self::Lagging,
            _ if status.mode == Delivery::Fallback => Self::Fallback,
            _ if status.needs_restart => Self::NeedsRestart,
            _ => Self::Current,
        }
    }
}

impl Fleet {
    pub fn count(&self, condition: Condition) -> usize {
        self.proxies
            .iter()
            .filter(|one| one.condition == condition)
            .count()
    }

    /// What is wrong, one problem for each kind of it.
    pub fn problems(&self, mesh: &str) -> Vec<Diagnostic> {
        let told = [
            (
                Condition::Rejects,
                codes::REJECTED,
                Severity::Error,
                "refused the release that they are to run",
            ),
            (
                Condition::Failing,
                codes::NOT_SERVING,
                Severity::Error,
                "do not serve",
            ),
            (
                Condition::Lost,
                codes::SILENT,
                Severity::Warning,
                "have reported nothing for 25 minutes",
            ),
        ];
        let problem = |(condition, code, severity, what)| {
            let of: Vec<String> = self
                .proxies
                .iter()
                .filter(|one: &&RunningProxy| one.condition == condition)
                .map(|one| format!("{} ({})", one.status.proxy, one.status.instance))
                .collect();
            (!of.is_empty()).then(|| {
                let message = format!("proxies of mesh `{mesh}` {what}: {}", listed(&of));
                let mut problem = Diagnostic::error(code, message)
                    .at(ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root()));
                problem.severity = severity;
                problem
            })
        };
        told.into_iter().filter_map(problem).collect()
    }
}

impl Releaser {
    /// The proxies of a mesh that run, as their agents report it. A bucket that cannot be read is told, and the others
    /// are read all the same.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn fleet(&self, mesh: &str, reader: &mut FleetReader) -> Result<Fleet> {
        let state = self.pointed(mesh).await?.state;
        let wanted = self.current(mesh, &state).await?;
        let now = self.clock.now();
        let mut fleet = Fleet::default();
        for bucket in self.buckets() {
            let statuses = match reader.read(bucket, mesh).await {
                Ok(statuses) => statuses,
                Err(error) => {
                    fleet.unseen.push((bucket.name(), error));
                    continue;
                }
            };
            let succession = Succession::of(&statuses);
            let over: Vec<bool> = statuses
                .iter()
                .map(|(status, at)| succession.is_over(status, *at, now, wanted.as_deref()))
                .collect();
            for ((status, at), over) in statuses.into_iter().zip(over) {
                let silent = now.0.saturating_sub(at.0);
                fleet.proxies.push(RunningProxy {
                    condition: match over {
                        true => Condition::Stopped,
                        false => Condition::of(&status, silent, wanted.as_deref()),
                    },
                    target: bucket.name(),
                    status,
                    at,
                });
            }
        }
        fleet.proxies.sort_by(|one, other| order(one).cmp(&order(other)));
        Ok(fleet)
    }

    /// The buckets that are published to, or looked at, from here.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = &BucketTarget> {
        let all = self.targets.iter().chain(&self.looked_at);
        all.filter_map(|target| match target {
            Target::Bucket(bucket) => Some(bucket),
            Target::Directory(_) => None,
        })
    }
}

fn order(one: &RunningProxy) -> (Condition, &str, &str) {
    (one.condition, &one.status.proxy, &one.status.instance)
}

impl FleetReader {
    /// What agents have written into a bucket. What cannot be read as a status is left out: a newer agent's is none of
    /// this version's business, and a damaged one is written anew within ten minutes.
    pub(crate) async fn read(
        &mut self,
        bucket: &BucketTarget,
        mesh: &str,
    ) -> Result<Vec<(Status, Timestamp)>> {
        self.read_where(bucket, mesh, |_| true).await
    }

    /// The same of the objects whose keys are wanted.
    pub(crate) async fn read_where(
        &mut self,
        bucket: &BucketTarget,
        mesh: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<(Status, Timestamp)>> {
        let mut listed = bucket.statuses(mesh).await?;
        listed.retain(|object| wanted(&object.key));
        let seen = self.seen.entry((bucket.name(), mesh.to_owned())).or_default();
        let reads = listed.into_iter().map(|object| {
            let known = seen.remove(&object.key);
            read_one(bucket, object, known)
        });
        let reads: Vec<_> = reads.collect();
        let found: Vec<Option<(ListedObject, SeenStatus)>> =
            stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
        seen.clear();
        let mut statuses = Vec::new();
        for (object, one) in found.into_iter().flatten() {
            statuses.extend(one.status.clone().map(|status| (status, object.touched_at)));
            seen.insert(object.key, one);
        }
        Ok(statuses)
    }
}

async fn read_one(
    bucket: &BucketTarget,
    object: ListedObject,
    known: Option<SeenStatus>,
) -> Result<Option<(ListedObject, SeenStatus)>> {
    if let Some(known) = known.filter(|known| object.is_still(&known.version)) {
        return Ok(Some((object, known)));
    }
    let Some((bytes, version)) = bucket.get(&object.key).await? else {
        // Taken away meanwhile.
        return Ok(None);
    };
    let status = Status::decode(&bytes)
        .inspect_err(|error| tracing::debug!(key = object.key, %error, "a proxy's status cannot be read"))
        .ok();
    Ok(Some((object, SeenStatus { version, status })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_bundle::Digest;
    use meshform_bundle::objects::RejectedRelease;
    use meshform_model::kind::Kind;
    use meshform_store::Revision;

    /// What a status says, how long ago, and how its proxy stands.
    type Case<'a> = (&'a dyn Fn(&mut Status), i64, Condition);

    #[test]
    fn what_is_wrong_comes_before_what_is_not() {
        let proxy = ProxyId::virtual_node("apps", "a");
        let mut wanted = Manifest::new("store".into(), "apps", Revision(1));
        let entry = crate::ProxyEntry {
            key: ResourceKey::in_mesh("apps", Kind::VirtualNode, "a"),
            digest: "digest".to_owned(),
            bundle: Digest::of(b"bundle"),
            bootstrap: Digest::of(b"bootstrap"),
        };
        wanted.proxies.insert(proxy.folder(), entry);
        let of = |change: &dyn Fn(&mut Status), silent| {
            let mut status = Status::new(&proxy, "i");
            status.state = ProxyState::Ready;
            status.bundle = Some(Digest::of(b"bundle"));
            change(&mut status);
            Condition::of(&status, silent, Some(&wanted))
        };
        let rejects = |bundle: &'static [u8]| {
            move |status: &mut Status| {
                status.rejected = Some(RejectedRelease {
                    release: None,
                    bundle: Some(Digest::of(bundle)),
                    at: 0,
                    problems: Vec::new(),
                });
            }
        };
        let gave_up = |status: &mut Status| {
            status.state = ProxyState::Failing;
            status.gave_up = true;
        };
        let cases: [Case<'_>; 15] = [
            (&|_| {}, 0, Condition::Current),
            (&gave_up, 0, Condition::Failing),
            (&gave_up, LOST_MILLIS + 1, Condition::Failing),
            (
                &|status| {
                    gave_up(status);
                    rejects(b"bundle")(status);
                },
                0,
                Condition::Rejects,
            ),
            (&|_| {}, LOST_MILLIS + 1, Condition::Lost),
            (&|status| status.bundle = None, 0, Condition::Lagging),
            (
                &|status| status.state = ProxyState::Failing,
                0,
                Condition::Failing,
            ),
            (&|status| status.needs_restart = true, 0, Condition::NeedsRestart),
            (&|status| status.mode = Delivery::Fallback, 0, Condition::Fallback),
            (
                &|status| {
                    status.mode = Delivery::Ads;
                    status.bundle = None;
                },
                0,
                Condition::Current,
            ),
            (&rejects(b"bundle"), 0, Condition::Rejects),
            (&rejects(b"an older one"), 0, Condition::Current),
            (
                &|status| status.state = ProxyState::Draining,
                0,
                Condition::Draining,
            ),
            (
                &|status| status.state = ProxyState::Stopped,
                LOST_MILLIS + 1,
                Condition::Stopped,
            ),
            (
                &|status| status.state = ProxyState::Starting,
                0,
                Condition::Starting,
            ),
        ];
        for (change, silent, condition) in cases {
            assert_eq!(of(change, silent), condition);
        }
        let mut status = Status::new(&ProxyId::virtual_node("apps", "gone"), "i");
        status.state = ProxyState::Ready;
        assert_eq!(
            Condition::of(&status, 0, Some(&wanted)),
            Condition::Current,
            "it has let go"
        );
        assert!(Condition::ALL.is_sorted());
    }
}

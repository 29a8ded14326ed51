//! What is remembered of each target beside the pointer.

use crate::error::{ReleaseError, Result};
use crate::releaser::{CurrentPointer, Releaser};
use crate::target::{self, Delivery, Target, TargetFailure, TargetReport};
use meshform_store::{Digest, StoreError, Timestamp};

/// How often what a target reports is written anew when others are faster. Each loser writes to the pointer's next
/// version, so that as many others would have to report at the same time.
const ATTEMPTS: u32 = 8;

/// What became of a target: the release that it has, or why it was not brought up.
#[derive(Debug)]
pub(crate) struct TargetOutcome<'a> {
    target: &'a Target,
    release: Option<Digest>,
    failure: Option<String>,
}

impl<'a> TargetOutcome<'a> {
    pub(crate) fn new(target: &'a Target, release: Option<Digest>, delivery: Option<&Delivery>) -> Self {
        let error = delivery.and_then(|delivery| delivery.result.as_ref().err());
        Self {
            target,
            release,
            failure: error.map(ToString::to_string),
        }
    }
}

impl Releaser {
    /// Notes beside the pointer what targets have, where it is not noted already. Then `pointed` is the pointer as it is
    /// now, in every case.
    pub(crate) async fn report(
        &self,
        mesh: &str,
        outcomes: &[TargetOutcome<'_>],
        pointed: &mut CurrentPointer,
    ) -> Result<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let mut state = pointed.state.clone();
            for outcome in outcomes {
                self.note(&mut state.targets, outcome);
            }
            if state == pointed.state {
                *pointed = self.pointed(mesh).await?;
                return Ok(());
            }
            match self.set(mesh, pointed, state).await {
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) => {
                    let now = self.pointed(mesh).await?;
                    let same = pointed.is_at(&now);
                    *pointed = now;
                    if !same {
                        // What targets have is not what they should have any more.
                        return Ok(());
                    }
                }
                other => return other,
            }
        }
        Err(ReleaseError::Contended {
            mesh: mesh.to_owned(),
            attempts: ATTEMPTS,
        })
    }

    /// Forgets targets of this name, whichever machine reported them, so that nobody is told any more that they are behind.
    /// What was published there stays. The names that are remembered otherwise, where there is none of this name.
    ///
    /// # Errors
    /// When the store cannot be read or written, or others write to the pointer all the time.
    pub async fn forget(&self, mesh: &str, target: &str) -> Result<std::result::Result<(), Vec<String>>> {
        for _ in 0..ATTEMPTS {
            let mut pointed = self.pointed(mesh).await?;
            let mut state = pointed.state.clone();
            state.targets.retain(|report| report.target != target);
            if state == pointed.state {
                let known = state.targets.into_iter().map(|report| report.target);
                return Ok(Err(known.collect()));
            }
            match self.set(mesh, &mut pointed, state).await {
                Err(ReleaseError::Store(StoreError::PointerConflict(_))) => {}
                other => return other.map(Ok),
            }
        }
        Err(ReleaseError::Contended {
            mesh: mesh.to_owned(),
            attempts: ATTEMPTS,
        })
    }

    /// Notes what became of one target, unless that is known.
    fn note(&self, reports: &mut Vec<TargetReport>, outcome: &TargetOutcome<'_>) {
        let TargetOutcome {
            target,
            release,
            failure,
        } = outcome;
        let old = reports.iter().find(|old| old.is_of(target, &self.host)).cloned();
        // A mesh that was never released here leaves no trace.
        if old.is_none() && release.is_none() && failure.is_none() {
            return;
        }
        let known = |old: &TargetReport| match failure {
            None => old.failure.is_none() && old.release == *release && old.device == target.device(),
            Some(message) => old
                .failure
                .as_ref()
                .is_some_and(|known| known.message == *message),
        };
        if old.as_ref().is_some_and(known) {
            return;
        }
        let now = self.clock.now();
        let report = match failure {
            None => TargetReport {
                release: release.clone(),
                ..self.unreported(target, now)
            },
            Some(message) => TargetReport {
                release: old.as_ref().and_then(|old| old.release.clone()),
                at: old.as_ref().map_or(now, |old| old.at),
                device: old.and_then(|old| old.device),
                failure: Some(TargetFailure {
                    at: now,
                    message: message.clone(),
                }),
                ..self.unreported(target, now)
            },
        };
        target::remember(reports, report);
    }

    /// A target that has no release yet.
    pub(crate) fn unreported(&self, target: &Target, at: Timestamp) -> TargetReport {
        TargetReport {
            target: target.name(),
            host: if target.is_of_this_host() {
                self.host.clone()
            } else {
                String::new()
            },
            release: None,
            at,
            device: target.device(),
            failure: None,
        }
    }
}

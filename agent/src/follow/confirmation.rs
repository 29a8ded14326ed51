//! Whether Envoy has taken what was written for it.

use super::{AppliedBundle, Follower};
use crate::envoy::{Admin, Updates};
use meshform_bundle::objects::RejectedResource;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long Envoy has to take in what was written for it. It reads files within a second; a new listener waits for
/// clusters that are being warmed, which DNS and health checks hold up.
pub(super) const CONFIRMATION: Duration = Duration::from_secs(60);

/// How an Envoy ends that somebody else ended, or the system for want of memory (SIGKILL, SIGTERM): that says nothing of what it was
/// given.
const SENT: [i32; 2] = [128 + 9, 128 + 15];

/// What became of a release.
pub(super) enum ConfirmationVerdict {
    Taken,
    Refused(Vec<RejectedResource>),
    /// Envoy has neither taken nor refused it in time, or is no longer to be asked.
    Open,
}

impl Follower {
    /// Waits until Envoy has taken what was written, or has refused it.
    pub(super) async fn confirm(
        &self,
        written: &AppliedBundle,
        mut before: Updates,
        mut ends: u32,
    ) -> ConfirmationVerdict {
        let until = Instant::now() + CONFIRMATION;
        let is_new = self
            .memory
            .good
            .as_ref()
            .is_none_or(|good| good.bundle != self.shared.status.borrow().bundle);
        let mut confirmed = false;
        let turn = self.shared.files_turn.get();
        while Instant::now() < until {
            sleep(Duration::from_millis(200)).await;
            if !self.shared.follows_files() || self.shared.files_turn.get() != turn {
                // It is settled anew where Envoy has its configuration from.
                return ConfirmationVerdict::Open;
            }
            let (ended, code) = self.shared.ends.get();
            if ended != ends {
                // Its counters begin again.
                (before, ends) = (Updates::default(), ended);
                if is_new && !SENT.contains(&code) {
                    let reason =
                        format!("Envoy exited with status {code} when it was started with it; see its log");
                    return ConfirmationVerdict::Refused(vec![crate::envoy::problem(
                        "bootstrap",
                        &reason,
                        &written.bundle,
                    )]);
                }
            }
            let admin = self.shared.admin.borrow().clone();
            let Some(admin) = admin else { continue };
            let Ok(updates) = admin.updates().await else {
                continue;
            };
            let refused = updates.refused_since(&before);
            if !refused.is_empty() {
                return ConfirmationVerdict::Refused(problems(&admin, &refused, written).await);
            }
            if updates.has(&written.listeners, &written.clusters) {
                // Routes and endpoints come after what names them: one more look.
                if confirmed {
                    return ConfirmationVerdict::Taken;
                }
                confirmed = true;
                sleep(Duration::from_millis(500)).await;
            }
        }
        ConfirmationVerdict::Open
    }
}

/// What Envoy says of it, at least which subscription.
async fn problems(admin: &Admin, subscriptions: &[String], written: &AppliedBundle) -> Vec<RejectedResource> {
    let mut problems = admin.refused(&written.bundle).await;
    if problems.is_empty() {
        for name in subscriptions {
            let reason = "an update was rejected; Envoy's log says why";
            problems.push(crate::envoy::problem(name, reason, &written.bundle));
        }
    }
    problems
}

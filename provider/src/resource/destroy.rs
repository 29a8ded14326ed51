//! The plan of a delete: what is to go is what was looked at.

use super::{MeshResource, REVISION, foreign, write};
use crate::codes;
use crate::foresight::PlannedChange;
use crate::key;
use crate::session::{Packed, Session};
use meshform_model::key::ResourceKey;
use meshform_registry::LastWrite;
use meshform_store::Revision;
use tfplugin::resource::{Plan, PlanRequest};
use tfplugin::{Context, Diagnostic, Diagnostics};

/// From which version on Terraform refreshes what the configuration has no more before it plans the delete.
const REFRESHES_FIRST: (u32, u32) = (1, 15);

impl MeshResource {
    pub(super) async fn plan_destroy(
        &self,
        cx: &Context,
        session: &Session,
        request: &PlanRequest,
        plan: &mut Plan,
    ) {
        let Some(key) = key::of_value(self.kind, &request.prior) else {
            return;
        };
        if let Err(problems) = self.expect(session, &request.private).await {
            return plan.diagnostics.extend(problems);
        }
        if !session.has_read(&key) {
            // What a failing store has to say, the rest of the plan tells.
            match session.registry.views().last_write(&key).await {
                Ok(Some(last)) if write::revision(&request.private) != Some(last.revision) => {
                    let is_own = last.belongs_to(&session.settings.owner);
                    let unseen = unseen(&key, &last, write::revision(&request.private));
                    if refreshes_first(cx.terraform_version()) || !is_own {
                        return plan.diagnostics.push(unseen);
                    }
                    // The refresh may be to come: then what is there now is what it shows.
                    plan.private.set(REVISION, last.revision.0);
                    plan.diagnostics
                        .push(Diagnostic::warning(unseen.summary, unseen.detail));
                }
                Ok(None) => plan.diagnostics.extend(nothing_to_delete(session, &key, request)),
                Ok(Some(_)) | Err(_) => {}
            }
        }
        self.foresee(session, &key, PlannedChange::Gone).await;
        let mesh = key.mesh.clone();
        session.plan(key, Packed::Gone);
        plan.diagnostics.extend(session.by_hand(&mesh).await);
    }
}

fn refreshes_first(version: Option<&str>) -> bool {
    let mut parts = version
        .unwrap_or_default()
        .split('.')
        .map(|part| part.parse().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= REFRESHES_FIRST,
        _ => false,
    }
}

/// A delete that was planned without a look at the store would take what nobody has seen: what was written since, and, for
/// a state of another provider, what may be anyone's.
fn unseen(key: &ResourceKey, last: &LastWrite, known: Option<Revision>) -> Diagnostic {
    let LastWrite { owner, revision, .. } = last;
    let why = match known {
        Some(known) => {
            format!("the store has it at revision {revision}, and the state shows it as of {known}")
        }
        None => "the state comes from another provider and was not compared with the store yet".to_owned(),
    };
    Diagnostic::error(
        codes::summary(meshform_store::codes::CONFLICT),
        format!(
            "This deletes {key} of the owner `{owner}` before anyone has looked at it: {why}. Plan without `-refresh=false`, \
             or run `terraform apply -refresh-only` first: then the plan shows what it deletes."
        ),
    )
}

/// A state of another provider may be of a store that is not this one, and of resources that are in AWS alone.
fn nothing_to_delete(session: &Session, key: &ResourceKey, request: &PlanRequest) -> Diagnostics {
    if write::revision(&request.private).is_some() || !foreign::was_written(&request.prior) {
        return Diagnostics::new();
    }
    Diagnostic::warning(
        codes::summary(meshform_registry::codes::NOT_FOUND),
        format!(
            "The state of {key} comes from another provider, and the store {} does not have it: the destroy takes it out of \
             Terraform's state, and deletes nothing. What AWS App Mesh may still have of it stays there.",
            session.store.place()
        ),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::refreshes_first;

    #[test]
    fn who_refreshes_first_is_told_by_the_version() {
        for version in ["1.15.0", "1.15.2-dev", "1.100.0", "2.0.0"] {
            assert!(refreshes_first(Some(version)), "{version}");
        }
        for version in ["1.11.4", "1.9.0", "dev", "1"] {
            assert!(!refreshes_first(Some(version)), "{version}");
        }
        assert!(!refreshes_first(None));
    }
}

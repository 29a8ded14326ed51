//! What a plan says of a mesh whose release policy is MANUAL.

use crate::problem;
use crate::session::{PlannedState, Session};
use meshform_model::key::ResourceKey;
use meshform_model::spec::ReleasePolicy;
use tfplugin::Diagnostic;

impl Session {
    /// That what this plan changes waits for an order: once for each mesh. The mesh as it is planned decides, where
    /// it is planned, else the one in the store.
    pub(crate) async fn by_hand(&self, mesh: &str) -> Option<Diagnostic> {
        let manual = match self.planned_for(&ResourceKey::mesh(mesh)) {
            Some(PlannedState::Gone) => false,
            Some(PlannedState::As(value)) => {
                let extensions = value
                    .get("extensions")
                    .items()
                    .first()
                    .cloned()
                    .unwrap_or_default();
                extensions.str("release_policy") == Some(ReleasePolicy::Manual.name())
            }
            // Another configuration has the mesh: the store is asked once.
            None if self.first_time(format!("policy {mesh}")) => {
                self.foreteller().policy(mesh).await.ok()? == ReleasePolicy::Manual
            }
            None => false,
        };
        let note = manual && self.first_time(format!("by hand {mesh}"));
        note.then(|| problem::plain(&self.foreteller().by_hand(mesh)))
    }
}

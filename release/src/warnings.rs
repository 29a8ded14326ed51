//! What belongs on every plan of a mesh: that its proxies are held, that it is not valid, that something which was
//! written has not reached them.

use crate::codes;
use crate::error::Result;
use crate::outcome::Preview;
use crate::publishing::CheckDepth;
use crate::publishing::listed;
use crate::releaser::{CurrentPointer, Releaser};
use crate::state::InvalidMesh;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_model::spec::ReleasePolicy;
use meshform_store::{Feed, Revision, RunState};

/// How many changes are looked at to learn who wrote them: one page of the feed. Of more nothing needs to be said: a
/// run that writes so much is under way.
const STEP: usize = 500;

/// What every plan of a mesh says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Warnings {
    /// Also where the plan changes the mesh.
    pub always: Vec<Diagnostic>,
    /// Only where it does not: a write brings proxies up, and says so itself where it cannot.
    pub idle: Vec<Diagnostic>,
}

impl Releaser {
    /// What belongs on every plan of a mesh. Writes nothing. What is remembered of an older revision than the mesh has
    /// now is not told: the mesh is looked at again.
    pub async fn warnings(&self, mesh: &str) -> Result<Warnings> {
        let pointed = self.pointed(mesh).await?;
        let state = &pointed.state;
        let mut warnings = Warnings::default();
        if let (true, Some(entry)) = (state.pinned, state.current_entry()) {
            let short = entry.release.as_str().get(..12).unwrap_or_default();
            let message = format!(
                "the proxies of mesh `{mesh}` are pinned to release {short} by `{}` since {}",
                entry.actor, entry.at
            );
            let help = format!(
                "to release what is written since, run `{}`",
                self.command_of("unpin", mesh, None)
            );
            let held = Diagnostic::warning(codes::PINNED, message).help(help);
            warnings.always.push(held.at(place(mesh)));
        } else if !self.was_judged(mesh, state.judged).await? {
            self.look_again(mesh, &mut warnings).await?;
        } else if let Some(broken) = &state.broken {
            warnings.idle.push(invalid(mesh, broken));
        }
        // A bucket that cannot be listed is told by the targets' own reports.
        if let Ok(manifest) = self.current(mesh, state).await {
            let current = state.current.as_ref().zip(manifest.as_deref());
            let rejections = self.rejections(mesh, current).await;
            warnings.always.extend(rejections.ok().flatten());
        }
        self.of_targets(mesh, &pointed, &mut warnings).await?;
        warnings.always.extend(self.without_endpoints(mesh).await?);
        Ok(warnings)
    }

    /// The mesh's revision that was looked at when it was last released; none where it waits for an order.
    pub async fn judged(&self, mesh: &str) -> Result<Option<Revision>> {
        let state = self.pointed(mesh).await?.state;
        if state.pinned || self.policy(mesh).await? == ReleasePolicy::Manual {
            return Ok(None);
        }
        Ok(Some(state.judged))
    }

    /// Whether nothing of a mesh was written after a revision.
    async fn was_judged(&self, mesh: &str, judged: Revision) -> Result<bool> {
        Ok(match self.store.changes(mesh, judged, 1).await? {
            Feed::Changes { changes, .. } => changes.is_empty(),
            Feed::Compacted { .. } => false,
        })
    }

    /// The mesh as it is now.
    async fn look_again(&self, mesh: &str, warnings: &mut Warnings) -> Result<()> {
        if self.policy(mesh).await? == ReleasePolicy::Manual {
            return Ok(());
        }
        let Preview {
            valid,
            diagnostics,
            changes,
            ..
        } = self.preview(mesh).await?;
        if !valid && !diagnostics.is_empty() {
            let broken = InvalidMesh::new(Revision::default(), &diagnostics);
            warnings.idle.push(invalid(mesh, &broken));
        } else if !changes.is_empty() && !self.is_under_way(mesh).await? {
            let paths: Vec<String> = changes.into_iter().map(|change| change.path).collect();
            let message = format!(
                "the last changes of mesh `{mesh}` are not released; behind: {}",
                listed(&paths)
            );
            let help = format!("run `{}`", self.command(mesh, None));
            let unreleased = Diagnostic::warning(codes::UNRELEASED, message).help(help);
            warnings.idle.push(unreleased.at(place(mesh)));
        }
        Ok(())
    }

    /// Whether a run that lives has written what no release has: it is about to release it.
    async fn is_under_way(&self, mesh: &str) -> Result<bool> {
        let judged = self.pointed(mesh).await?.state.judged;
        let Feed::Changes { changes, .. } = self.store.changes(mesh, judged, STEP).await? else {
            return Ok(false);
        };
        let keys: Vec<ResourceKey> = changes.into_iter().map(|change| change.key).collect();
        let records = self.store.get_all(&keys).await?;
        let mut runs: Vec<_> = records
            .into_iter()
            .filter(|record| record.revision > judged)
            .filter_map(|record| record.author.run)
            .collect();
        runs.dedup();
        for run in runs {
            if self.store.run_state(&run).await? == RunState::Alive {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn of_targets(&self, mesh: &str, pointed: &CurrentPointer, warnings: &mut Warnings) -> Result<()> {
        if self.targets.is_empty() && pointed.state.targets.is_empty() {
            return Ok(());
        }
        for status in self.targets_of(mesh, pointed, CheckDepth::Reports).await? {
            let report = &status.report;
            let configured = self.targets.iter().any(|target| report.is_of(target, &self.host));
            // What is published to no more is nobody's concern, unless it says that it failed.
            if configured || report.failure.is_some() {
                warnings.idle.extend(self.target_warning(mesh, &status));
            }
        }
        Ok(())
    }
}

/// That a mesh is not valid.
fn invalid(mesh: &str, broken: &InvalidMesh) -> Diagnostic {
    let more = match broken.count.saturating_sub(broken.problems.len()) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    let message = format!(
        "mesh `{mesh}` is not valid, so its proxies keep their last release:\n  {}{more}",
        broken.problems.join("\n  ")
    );
    Diagnostic::warning(codes::INVALID_MESH, message)
        .help("fix what is listed: the next write that makes the mesh valid is released")
        .at(place(mesh))
}

fn place(mesh: &str) -> ProblemLocation {
    ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root())
}

//! When a mesh is released: as soon as it is valid, or when somebody says so. The mesh itself says which, in
//! `extensions.releasePolicy`.

use crate::codes;
use crate::error::Result;
use crate::outcome::{Outcome, Verdict};
use crate::records;
use crate::releaser::Releaser;
use meshform_model::diag::{Diagnostic, Place};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_model::spec::{Extensions, ReleasePolicy};
use meshform_store::Prefix;
use std::collections::BTreeMap;

/// Whether a release may be held that leaves a router or a virtual service without routes which had some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// It may: more writes may be on their way.
    Allowed,
    /// It may not: it was held for long enough, or somebody asks for it.
    Over,
}

impl Releaser {
    /// What a write to a mesh leads to: a release, or, where the mesh is released by hand, nothing but that its
    /// current release is published whole.
    pub async fn follow(&self, mesh: &str, holding: Holding) -> Result<Outcome> {
        if self.policy(mesh).await? == ReleasePolicy::Auto {
            return self.release_or_hold(mesh, holding).await;
        }
        let revision = self.store.list(&Prefix::mesh(mesh)).await?.revision;
        let deliveries = self.publish(mesh, BTreeMap::new()).await?;
        tracing::debug!(mesh, revision = revision.0, "no release: it waits for an order");
        Ok(Outcome {
            mesh: mesh.to_owned(),
            revision,
            verdict: Verdict::Waits,
            diagnostics: vec![by_hand(mesh)],
            lost: Vec::new(),
            deliveries,
        })
    }

    /// When a mesh is released. A mesh that is not there, or cannot be read, says nothing of it.
    pub async fn policy(&self, mesh: &str) -> Result<ReleasePolicy> {
        let record = self.store.get(&ResourceKey::mesh(mesh)).await?;
        let said = record.and_then(|record| records::resource(record).ok()?.extensions);
        let policy = said.as_ref().and_then(Extensions::mesh);
        Ok(policy
            .and_then(|extensions| extensions.release_policy)
            .unwrap_or_default())
    }
}

/// That what is written to a mesh waits for an order.
pub fn by_hand(mesh: &str) -> Diagnostic {
    Diagnostic::warning(
        codes::BY_HAND,
        format!("mesh `{mesh}` is released by hand: what is written does not reach proxies by itself"),
    )
    .help(format!(
        "`meshform release --mesh {mesh}`, or an `appmesh_release` resource, gives it to them"
    ))
    .at(Place::of(
        &ResourceKey::mesh(mesh),
        &Pointer::root().field("extensions").field("releasePolicy"),
    ))
}

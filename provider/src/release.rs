//! `appmesh_release`: stands at the end of the graph (by `depends_on`), says in the plan which proxies the apply
//! will change, and fails the apply when the mesh is not valid after it.
//!
//! Terraform plans it after everything that it depends on, in the same process. So what was planned before it is
//! known here, and laid over what the store has it gives the mesh as it will be.

use crate::codes;
use crate::foresight::of_the_whole;
use crate::key;
use crate::problem;
use crate::resource::document;
use crate::session::{self, Session};
use async_trait::async_trait;
use meshform_model::diag::{Severity, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::{Change, Mesh};
use meshform_release::{Preview, ReleaseError, ReleaseName, ReleaseOutcome, ReleaseVerdict, WhatChanged};
use meshform_store::RecordDraft;
use std::collections::BTreeMap;
use std::sync::Arc;
use tfplugin::resource::{Create, Delete, Failure, Import, NewState, Plan, PlanRequest, Read, Update};
use tfplugin::schema::{Attribute, IdentityAttribute, IdentitySchema, Schema};
use tfplugin::value::Type;
use tfplugin::{Context, Diagnostic, Diagnostics, Path, Resource, Value};

#[derive(Debug, Clone, Copy)]
pub(crate) struct ReleaseResource;

#[async_trait]
impl Resource for ReleaseResource {
    fn schema(&self) -> Schema {
        Schema::new()
            .description(
                "The release of a mesh at the end of an apply. With `depends_on` on the mesh's resources its plan \
                 names the proxies whose configuration will change, and the apply fails when the mesh is not valid \
                 after it. Where nothing is to be released its plan is empty; it is not where a release is \
                 missing, or has not reached every place that it is published to: then the apply publishes it \
                 there.",
            )
            .attribute(
                Attribute::string("mesh_name").required().requires_replace().description("The name of the mesh."),
            )
            .attribute(
                Attribute::string("id").computed().use_state_for_unknown().description("The name of the mesh."),
            )
            .attribute(
                Attribute::string("release")
                    .computed()
                    .use_state_for_unknown()
                    .description("The digest of the release that proxies get."),
            )
            .attribute(
                Attribute::string_list("proxies")
                    .computed()
                    .use_state_for_unknown()
                    .description("The proxies that the last apply changed, as `mesh/kind/name`."),
            )
    }

    fn identity(&self) -> Option<IdentitySchema> {
        Some(IdentitySchema::new().attribute(IdentityAttribute::required("mesh_name", Type::String)))
    }

    async fn modify_plan(&self, cx: &Context, request: &PlanRequest, plan: &mut Plan) {
        let Some(session) = cx.try_data::<Session>().filter(|_| !request.is_destroy()) else {
            return;
        };
        let Some(mesh) = plan.planned.str("mesh_name").map(str::to_owned) else {
            return;
        };
        plan.planned.set_attr("id", mesh.as_str());
        let foreseen = match foresee(&session, &mesh).await {
            Ok(foreseen) => foreseen,
            Err(problems) => return plan.diagnostics.extend(problems),
        };
        // Terraform plans once more during the apply, and then the release may have been made already: what was a
        // change must stay one. So the state's release counts too, and nothing that may move in between is planned
        // as a value; the names are told.
        let nothing_changes = foreseen
            .as_ref()
            .is_some_and(|one| one.preview.valid && one.preview.changes.is_empty())
            && session.foreteller().is_published(&mesh).await;
        if nothing_changes && request.is_update() && is_current(&session, &mesh, &request.prior).await {
            return;
        }
        plan.planned.set_attr("proxies", Value::UNKNOWN);
        plan.planned.set_attr("release", Value::UNKNOWN);
        // Without a preview a part of the mesh is not known yet: the apply will tell.
        if let Some(foreseen) = foreseen {
            let ReleaseForecast { preview, after } = foreseen;
            let mut changed = BTreeMap::new();
            if let Some(after) = after.filter(|_| preview.valid) {
                plan.diagnostics.extend(without_endpoints(&session, &after).await);
                if session.first_time(session::whole_of(&mesh)) {
                    let found = of_the_whole(&preview.diagnostics, |key| after.get(key));
                    plan.diagnostics.extend(session::in_short(&found));
                }
                changed = parts(&session, &after, &preview).await;
            }
            plan.diagnostics.extend(foretold(&mesh, &preview, &changed));
        }
    }

    async fn create(&self, cx: &Context, request: Create) -> Result<NewState, Failure> {
        let session = cx.data::<Session>()?;
        released(cx, &session, &request.plan)
            .await
            .map_err(Failure::nothing_done)
    }

    async fn read(&self, cx: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        let session: Arc<Session> = cx.data()?;
        let mesh = request.state.str("mesh_name").unwrap_or_default().to_owned();
        let release = current(&session, &mesh).await?;
        Ok(release.map(|release| identified(request.state.with("release", release), &mesh)))
    }

    async fn import(&self, cx: &Context, request: Import) -> Result<NewState, Diagnostics> {
        let session: Arc<Session> = cx.data()?;
        let mesh = match request {
            Import::Id(id) => id,
            Import::Identity(identity) => identity.str("mesh_name").unwrap_or_default().to_owned(),
            _ => return Err(key::other_import()),
        };
        let release = current(&session, &mesh).await?.ok_or_else(|| {
            Diagnostics::from(problem::absent(format!(
                "The store {} has no release of a mesh `{mesh}`. The id is the name of a mesh that was released.",
                session.store.place()
            )))
        })?;
        let state = Value::object([
            ("id", Value::from(mesh.as_str())),
            ("mesh_name", Value::from(mesh.as_str())),
            ("release", Value::from(release)),
            // Which proxies the last apply changed, no other apply knows.
            ("proxies", Value::list::<Value>([])),
        ]);
        Ok(identified(state, &mesh))
    }

    async fn update(&self, cx: &Context, request: Update) -> Result<NewState, Failure> {
        let session = cx.data::<Session>()?;
        Ok(released(cx, &session, &request.plan).await?)
    }

    /// The release itself stays as long as the mesh: proxies run on it.
    async fn delete(&self, _cx: &Context, _request: Delete) -> Result<Diagnostics, Failure> {
        Ok(Diagnostics::new())
    }
}

/// The digest of the release that the proxies of a mesh get.
async fn current(session: &Session, mesh: &str) -> Result<Option<String>, Diagnostics> {
    let current = session.foreteller().current_release(mesh).await;
    let current = current.map_err(|error| failed(&error))?;
    Ok(current.map(|release| release.to_string()))
}

/// A state with the identity that belongs to it.
fn identified(state: Value, mesh: &str) -> NewState {
    NewState::new(state).identity(Value::object([("mesh_name", Value::from(mesh))]))
}

/// Whether the release of a state is the one that proxies get now.
async fn is_current(session: &Session, mesh: &str, state: &Value) -> bool {
    let history = session.foreteller().history(mesh).await.unwrap_or_default();
    let newest = history.first().map(|entry| entry.release.to_string());
    newest.is_some() && newest.as_deref() == state.str("release")
}

/// A mesh as it will be, and what releasing it will do.
struct ReleaseForecast {
    preview: Preview,
    /// None where the resources make no mesh: the preview says why.
    after: Option<Arc<Mesh>>,
}

/// How many proxies a message names: a screenful; of more their number is told.
const NAMED: usize = 20;

/// What the user is told of a release to come: which proxies it changes, or why there will be none.
fn foretold(mesh: &str, preview: &Preview, parts: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    if !preview.valid {
        let as_warnings = preview.diagnostics.iter().map(|found| {
            let mut warning = found.clone();
            warning.severity = Severity::Warning;
            problem::plain(&warning)
        });
        return as_warnings.collect();
    }
    let count = preview.changes.len();
    if count == 0 {
        return Vec::new();
    }
    let named = preview.changes.iter().take(NAMED);
    let mut names: Vec<String> = named
        .map(|change| match parts.get(&change.path) {
            Some(parts) => format!("{}: {parts}", change.path),
            None => format!("{}{}", change.path, how(change.what)),
        })
        .collect();
    if count > NAMED {
        names.push(format!("and {} more", count.saturating_sub(NAMED)));
    }
    let noun = if count == 1 { "proxy" } else { "proxies" };
    vec![Diagnostic::warning(
        format!("The release of mesh `{mesh}` changes {count} {noun}"),
        format!(
            "This apply changes the configuration of:\n  {}",
            names.join("\n  ")
        ),
    )]
}

/// How a proxy changes, after its name. Most follow by themselves, which needs no word.
fn how(what: WhatChanged) -> &'static str {
    match what {
        WhatChanged::Configuration => "",
        WhatChanged::Added => " (new)",
        WhatChanged::Removed => " (gone: its listeners drain)",
        WhatChanged::Bootstrap => " (its bootstrap too, which Envoy reads only when it starts)",
    }
}

/// What releasing will do after this apply. None while a part of the mesh is not known.
async fn foresee(session: &Session, mesh: &str) -> Result<Option<ReleaseForecast>, Diagnostics> {
    let snapshot = session.registry.views().snapshot(mesh).await;
    let snapshot = snapshot.map_err(|error| session::failed(&error))?;
    let mut unfit = snapshot.unfit;
    let mut after = snapshot.mesh;
    let seed = match session.identity().await? {
        Some(identity) => identity.seed,
        None => session.settings.seed.clone(),
    };
    let author = session.authored_by(None);
    let mut changes = Vec::new();
    for (key, planned) in session.planned_of(mesh) {
        unfit.remove(&key);
        let value = match planned {
            session::PlannedState::Gone => {
                changes.push(Change::Deleted(key));
                continue;
            }
            session::PlannedState::As(value) => value,
        };
        // Tags are nothing to proxies, and may be unknown.
        let Some(body) = document::body(key.kind, &value.with("tags", Value::Null)) else {
            return Ok(None);
        };
        let there = after.get(&key);
        let record = RecordDraft::new(key, body).foreseen(&seed, &author);
        let mut resource = meshform_registry::resource(record).map_err(|found| problem::plain(&found))?;
        if let Some(there) = &there {
            resource.mesh_owner.clone_from(&there.mesh_owner);
            resource.identity.clone_from(&there.identity);
            resource.tags.clone_from(&there.tags);
        }
        // Most of a plan is as it was; the mesh is copied for what is not.
        if there.as_ref() != Some(&resource) {
            changes.push(Change::Written(Box::new(resource)));
        }
    }
    if let Some(problem) = unfit.values().next() {
        return Err(problem::plain(problem).into());
    }
    if !changes.is_empty()
        && let Err(problems) = Arc::make_mut(&mut after).apply(changes)
    {
        return Err(problems.iter().map(problem::plain).collect());
    }
    let preview = session.foreteller().preview_of(&after).await;
    let preview = preview.map_err(|error| failed(&error))?;
    let after = Some(after).filter(|after| !after.is_empty());
    Ok(Some(ReleaseForecast { preview, after }))
}

/// The nodes in Cloud Map that this plan adds and for which nobody looks up hosts. Of those that were released before, every
/// plan tells.
async fn without_endpoints(session: &Session, mesh: &Mesh) -> Vec<Diagnostic> {
    if !session.first_time(session::endpoints_of(mesh.name())) {
        return Vec::new();
    }
    // What cannot be looked at now, the apply tells.
    let told = session.foreteller().without_endpoints_of(mesh).await;
    told.unwrap_or_default().iter().map(problem::plain).collect()
}

/// What each proxy that was there before will be sent differently, by its path. A word more where it can be told; where it
/// cannot, because the release was made by an older version, say, the names are enough.
async fn parts(session: &Session, after: &Mesh, preview: &Preview) -> BTreeMap<String, String> {
    if preview.changes.is_empty() {
        return BTreeMap::new();
    }
    let mesh = after.name();
    let releaser = session.foreteller();
    let Ok(Some(current)) = releaser.find(mesh, &ReleaseName::Current).await else {
        return BTreeMap::new();
    };
    let Ok(Some(released)) = releaser.resources_of(mesh, &current).await else {
        return BTreeMap::new();
    };
    let Ok(before) = Mesh::new(released) else {
        return BTreeMap::new();
    };
    let keys: Vec<ResourceKey> = before.differing(after).into_iter().collect();
    let proxies = meshform_envoy::diff::diff(&before, after, &keys).unwrap_or_default();
    let changed = proxies.iter().filter(|proxy| !proxy.parts.is_empty());
    changed.map(|proxy| (proxy.path(), proxy.in_short())).collect()
}

/// Waits for the release of everything that was written so far.
async fn released(cx: &Context, session: &Arc<Session>, plan: &Value) -> Result<NewState, Diagnostics> {
    let mesh = plan.str("mesh_name").unwrap_or_default().to_owned();
    let limit = session.settings.release_timeout;
    let outcome = tokio::select! {
        outcome = session.release_now(&mesh) => outcome,
        () = tokio::time::sleep(limit) => None,
        () = cx.cancelled() => None,
    };
    let Some((report, changed)) = outcome else {
        return Err(Diagnostic::error(
            codes::summary(codes::NOT_RELEASED),
            format!(
                "Mesh `{mesh}` was not released within {} s (`release_timeout`), or the apply was interrupted. \
                 Everything is written; the next apply, or `{}`, goes on from there.",
                limit.as_secs_f64(),
                session.foreteller().command(&mesh, None)
            ),
        )
        .into());
    };
    let outcome = report.map_err(|error| failed(&error))?;
    if outcome.verdict == ReleaseVerdict::Invalid || has_errors(&outcome.diagnostics) {
        return Err(invalid_mesh(session, &outcome).await);
    }
    if !outcome.is_published() {
        return Err(not_published(session, &outcome));
    }
    let release = current(session, &mesh).await?.ok_or_else(|| {
        problem::absent(format!(
            "The store {} has no mesh `{mesh}`, so there is nothing to release.",
            session.store.place()
        ))
        .at(Path::root().attr("mesh_name"))
    })?;
    let mut state = plan.clone().with("id", mesh.as_str());
    if plan.get("release").is_unknown() {
        state.set_attr("release", Value::from(release));
    }
    if plan.get("proxies").is_unknown() {
        state.set_attr("proxies", Value::list(changed));
    }
    let mut warnings = Diagnostics::new();
    if let Some(settled) = session.settled(&outcome) {
        warnings.push(settled);
    }
    warnings.extend(outcome.diagnostics.iter().map(problem::plain));
    Ok(identified(state, &mesh).diagnostics(warnings))
}

/// What was not published: an error here, as the resource stands for the release.
fn not_published(session: &Session, outcome: &ReleaseOutcome) -> Diagnostics {
    let releaser = session.foreteller();
    let found = outcome
        .deliveries
        .iter()
        .filter_map(|one| releaser.undelivered(&outcome.mesh, one));
    let as_errors = found.map(|mut problem| {
        problem.severity = Severity::Error;
        problem::plain(&problem)
    });
    as_errors.collect()
}

async fn invalid_mesh(session: &Session, outcome: &ReleaseOutcome) -> Diagnostics {
    let mesh = &outcome.mesh;
    let mut problems = Diagnostics::from(Diagnostic::error(
        codes::summary(meshform_release::codes::INVALID_MESH),
        format!(
            "The resources are written, but mesh `{mesh}` is not valid, so its proxies keep their last release. The \
             problems follow."
        ),
    ));
    let views = session.registry.views();
    for found in &outcome.diagnostics {
        problems.push(problem::plain(&views.with_what_was_meant(found.clone()).await));
    }
    problems
}

fn failed(error: &ReleaseError) -> Diagnostics {
    problem::plain(&error.diagnostic()).into()
}

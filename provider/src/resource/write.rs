//! Create, update and delete: one record each, by compare-and-swap.

use super::{MeshResource, REVISION, STORE, document, is_pending, is_replaced, merge};
use crate::codes;
use crate::problem;
use crate::session::{self, Session};
use meshform_model::canonical;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Role;
use meshform_model::pointer::Pointer;
use meshform_store::{Draft, Expected, ImportedIdentity, Record, Revision, Seed, StoreError};
use std::time::Duration;
use tfplugin::resource::{Create, Delete, Failure, NewState, Update};
use tfplugin::value::Misfit;
use tfplugin::{Diagnostic, Diagnostics, Private, Value};

/// How long a delete waits for what is inside to go, as long as nothing goes. Terraform deletes in parallel what
/// does not refer to each other, so a mesh named by a literal may be asked to go before its last node.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

impl MeshResource {
    /// Writes what is not there yet.
    pub(super) async fn write_new(&self, session: &Session, request: &Create) -> Result<NewState, Failure> {
        let plan = &request.plan;
        same_store(session, &request.private)
            .await
            .map_err(Failure::nothing_done)?;
        let (draft, found) = self.draft(plan).map_err(Failure::nothing_done)?;
        let author = session.author().await.map_err(Failure::nothing_done)?;
        let created = meshform_store::create(&*session.store, draft, &author).await;
        let record = created
            .map_err(|error| Failure::nothing_done(taken(session, &error)))?
            .record();
        Ok(self.finished(session, &record, plan).await?.diagnostics(found))
    }

    /// Writes over what the state shows, or, where the state came from elsewhere, for the first time.
    pub(super) async fn write_over(&self, session: &Session, request: &Update) -> Result<NewState, Failure> {
        same_store(session, &request.private).await?;
        let (mut draft, found) = self.draft(&request.plan)?;
        let record = if is_pending(&request.private) {
            draft.imported = imported_identity(&request.prior);
            if let Some(seed) = draft.imported.arn.as_deref().and_then(Seed::from_arn) {
                session
                    .store
                    .establish(&seed)
                    .await
                    .map_err(|error| session::failed(&error))?;
            }
            // Only now: the run's first trace creates the store, with the account of the provider block.
            let author = session.author().await?;
            let created = meshform_store::create(&*session.store, draft, &author).await;
            created.map_err(|error| session::failed(&error))?.record()
        } else {
            keep_ignored_tags(session, &mut draft).await?;
            self.replace(session, draft, request).await?
        };
        Ok(self
            .finished(session, &record, &request.plan)
            .await?
            .diagnostics(found))
    }

    /// Writes over one's own record. What another run of the same owner changed since stays, where it is something
    /// else; where it is the same, and where somebody else has written, it says who and when.
    async fn replace(
        &self,
        session: &Session,
        mut draft: Draft,
        request: &Update,
    ) -> Result<Record, Diagnostics> {
        let author = session.author().await?;
        let mut expected = match revision(&request.private) {
            Some(revision) => revision,
            // A state that remembers no revision was never read since it came to this provider.
            None => {
                self.current(session, &draft.key, &request.private)
                    .await?
                    .revision
            }
        };
        let mut seen = None;
        loop {
            let written = session
                .store
                .put(draft.clone(), Expected::At(expected), &author)
                .await;
            let conflict = match written {
                Ok(record) => return Ok(record),
                Err(StoreError::Conflict(conflict)) => conflict,
                Err(error) => return Err(session::failed(&error)),
            };
            match &conflict.found {
                Some(found) if found.author.owner == author.owner && found.revision != expected => {
                    let base = match seen {
                        Some(body) => body,
                        None => {
                            let (mut prior, _) = self.draft(&request.prior)?;
                            keep_ignored_tags(session, &mut prior).await?;
                            prior.body
                        }
                    };
                    draft.body = merge::merge(&base, &draft.body, &found.body)
                        .map_err(|both| self.both_changed(&StoreError::Conflict(conflict.clone()), &both))?;
                    expected = found.revision;
                    seen = Some(found.body.clone());
                }
                _ => return Err(session::failed(&StoreError::Conflict(conflict))),
            }
        }
    }

    /// A conflict, at the fields that it is about.
    fn both_changed(&self, conflict: &StoreError, both: &[Pointer]) -> Diagnostics {
        let told = both.iter().map(|pointer| {
            let mut problem = conflict.diagnostic();
            for place in &mut problem.places {
                place.pointer = pointer.clone();
            }
            problem
                .message
                .push_str(", and what was changed is changed here too");
            problem::of_resource(self.kind, &problem)
        });
        let mut all = Diagnostics::new();
        all.extend(told);
        all
    }

    async fn current(
        &self,
        session: &Session,
        key: &ResourceKey,
        private: &Private,
    ) -> Result<Record, Diagnostics> {
        self.record(session, key, private).await?.ok_or_else(|| {
            problem::absent(format!(
                "{key} is not in the store {} any more. Plan again.",
                session.store.place()
            ))
            .into()
        })
    }

    /// Deletes the record, unless something is inside it or another owner's resource refers to it.
    pub(super) async fn take_away(&self, session: &Session, request: &Delete) -> Result<(), Failure> {
        let key = self.key(&request.state)?;
        let Some(record) = self.record(session, &key, &request.private).await? else {
            return Ok(());
        };
        self.wait_until_empty(session, &key).await?;
        refuse_if_named(session, &record).await?;
        let author = session.author().await?;
        // What the plan was made from; what another owner has written since is not deleted.
        let mut expected = revision(&request.private).unwrap_or(record.revision);
        loop {
            match session.store.delete(&key, expected, &author).await {
                Ok(_) => {
                    if is_replaced(&request.private) {
                        session.replacing(&key.mesh);
                    } else {
                        session.written(&key.mesh);
                    }
                    return Ok(());
                }
                Err(StoreError::Conflict(conflict)) => match conflict.found.clone() {
                    None => return Ok(()),
                    Some(found) if found.author.owner == author.owner => expected = found.revision,
                    Some(_) => return Err(session::failed(&StoreError::Conflict(conflict)).into()),
                },
                Err(error) => return Err(session::failed(&error).into()),
            }
        }
    }

    async fn wait_until_empty(&self, session: &Session, key: &ResourceKey) -> Result<(), Diagnostics> {
        let mut inside = session.views.inside(&*session.store, key).await?;
        let mut waited = Duration::ZERO;
        while let Some(first) = inside.first() {
            if waited >= PATIENCE {
                let more = match inside.len() - 1 {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                return Err(Diagnostic::error(
                    codes::summary(codes::IN_USE),
                    format!(
                        "{key} still contains {}{more}, written by `{}` (owner `{}`). Delete what is inside first.",
                        first.key, first.actor, first.owner
                    ),
                )
                .into());
            }
            tokio::time::sleep(PAUSE).await;
            let now = session.views.inside(&*session.store, key).await?;
            waited = if now.len() < inside.len() {
                Duration::ZERO
            } else {
                waited + PAUSE
            };
            inside = now;
        }
        Ok(())
    }

    /// What is to be written, and the warnings about it.
    fn draft(&self, plan: &Value) -> Result<(Draft, Diagnostics), Diagnostics> {
        let key = self.key(plan)?;
        // The record keeps every tag that applies; which of them are the resource's own is Terraform's matter.
        let whole = plan
            .clone()
            .with("tags", plan.get("tags_all").clone())
            .unknown_as_null();
        let (document, problems) = document::of_value(self.kind, &whole);
        let found = problem::all_of_resource(self.kind, &problems);
        if found.has_errors() {
            return Err(found);
        }
        let body = canonical::body(self.kind, &document).ok_or_else(|| {
            Diagnostics::from(problem::incomplete(format!(
                "{key} cannot be written while a part of it is not known."
            )))
        })?;
        let mut draft = Draft::new(key, body);
        if self.kind != Kind::Mesh {
            draft.imported.mesh_owner = plan.str("mesh_owner").map(str::to_owned);
        }
        Ok((draft, found))
    }

    /// The plan with what the store has filled in.
    async fn finished(
        &self,
        session: &Session,
        record: &Record,
        plan: &Value,
    ) -> Result<NewState, Diagnostics> {
        session.written(&record.key.mesh);
        let state = self
            .filled_in(record, plan)
            .map_err(|misfit| Diagnostics::from(problem::misfit(format!("{}: {misfit}.", record.key))))?;
        session.views.wrote(record).await;
        self.remembered(session, record, state).await
    }
}

/// Makes sure that the store is the one that the plan was made with: a plan that was saved may be applied while the
/// provider block, or the working directory, names another.
async fn same_store(session: &Session, private: &Private) -> Result<(), Diagnostics> {
    match private.str(STORE) {
        Some(id) => session.expect(id).await,
        None => Ok(()),
    }
}

impl MeshResource {
    /// A plan in which what was unknown is what the record says. Mostly that is what stands beside the body, and
    /// then the body, which the plan has already, is not turned into a state once more.
    fn filled_in(&self, record: &Record, plan: &Value) -> Result<Value, Misfit> {
        let attributes = plan.entries().into_iter().flatten();
        let unknown: Vec<&str> = attributes
            .filter(|(_, value)| value.is_unknown())
            .map(|(name, _)| name.as_ref())
            .collect();
        let mut shown = document::beside_body(self.terraform(), record)?;
        let is_there = |name: &&str| match shown.get(name) {
            Value::List(items) | Value::Set(items) => !items.is_empty(),
            value => !value.is_null(),
        };
        if !unknown.iter().all(is_there) {
            shown = document::to_state(self.terraform(), record, plan)?;
        }
        let mut state = plan.clone();
        for name in unknown {
            state.set_attr(name, shown.get(name).clone());
        }
        Ok(state)
    }
}

/// Why a create failed. What the same owner has written before was forgotten by Terraform.
fn taken(session: &Session, error: &StoreError) -> Diagnostics {
    let owner = &session.settings.owner;
    let found = match error {
        StoreError::Conflict(conflict) => conflict.found.as_ref(),
        _ => None,
    };
    let Some(found) = found.filter(|found| found.author.owner == *owner) else {
        return session::failed(error);
    };
    let mut told = problem::plain(&error.diagnostic());
    told.detail.push_str(&format!(
        "\n\nThe owner `{owner}` wrote {} before, so Terraform's state was lost, or another state has it. A Terraform \
         that is killed can leave a `terraform.tfstate` of 0 bytes: then put `terraform.tfstate.backup` in its place. Or \
         let one apply take everything back:\n  terraform plan -out=tfplan && terraform show -json tfplan > plan.json\n  \
         meshform imports --owner {owner} --store {} plan.json > imports.tf",
        found.key,
        meshform_release::store_argument(&*session.store)
    ));
    told.into()
}

/// Tags that `ignore_tags` leaves to others stay on a record that is written over.
async fn keep_ignored_tags(session: &Session, draft: &mut Draft) -> Result<(), Diagnostics> {
    let rules = &session.settings.tags;
    if !rules.ignores_any() {
        return Ok(());
    }
    let found = session.store.get(&draft.key).await;
    let Some(record) = found.map_err(|error| session::failed(&error))? else {
        return Ok(());
    };
    let key = |tag: &serde_json::Value| {
        tag.get("key")
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    let tags = |body: &serde_json::Value| {
        let tags = body.get("tags").and_then(serde_json::Value::as_array);
        tags.cloned().unwrap_or_default()
    };
    let mut all = tags(&draft.body);
    all.extend(
        tags(&record.body)
            .into_iter()
            .filter(|tag| key(tag).is_some_and(|key| rules.ignores(&key))),
    );
    all.sort_by_key(|tag| key(tag));
    if let Some(body) = draft.body.as_object_mut().filter(|_| !all.is_empty()) {
        body.insert("tags".to_owned(), all.into());
    }
    Ok(())
}

/// Refuses the delete of what another owner's resource refers to; with `strict_deletes`, of what any refers to and
/// App Mesh would have kept. Asked right after what is inside was looked for.
async fn refuse_if_named(session: &Session, record: &Record) -> Result<(), Diagnostics> {
    let key = &record.key;
    let strict = session.settings.strict_deletes;
    for (reference, entry) in session.views.referrers(key).await {
        let others = entry.owner != session.settings.owner;
        if reference.role != Role::Container && reference.role.held_in_app_mesh() && (others || strict) {
            return Err(Diagnostic::error(
                codes::summary(codes::IN_USE),
                format!(
                    "{} still {} {key}. It was written by `{}` (owner `{}`): it has to go, or to be pointed \
                     elsewhere, first.",
                    entry.key,
                    reference.role.verb(),
                    entry.actor,
                    entry.owner
                ),
            )
            .into());
        }
    }
    Ok(())
}

fn revision(private: &Private) -> Option<Revision> {
    let number = private.get(REVISION)?.as_i64()?;
    u64::try_from(number).ok().map(Revision)
}

/// What a state from elsewhere says of the resource's life so far.
fn imported_identity(state: &Value) -> ImportedIdentity {
    let text = |name: &str| state.str(name).map(str::to_owned);
    ImportedIdentity {
        arn: text("arn"),
        uid: text("id").filter(|id| Some(id.as_str()) != state.str("name")),
        mesh_owner: text("mesh_owner"),
        resource_owner: text("resource_owner"),
        created_at: text("created_date").and_then(|date| date.parse().ok()),
        last_updated_at: None,
        version: None,
    }
}

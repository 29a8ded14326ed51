//! Create, update and delete: what Terraform says as the registry takes it, and its answers as Terraform takes them.

use super::{MeshResource, REVISION, STORE, document, is_pending, is_replaced};
use crate::problem;
use crate::session::{self, Session};
use meshform_model::canonical;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_registry::{RegistryError, belongs_to, dangling};
use meshform_store::{ImportedIdentity, Record, RecordDraft, Revision, Seed, StoreError};
use tfplugin::resource::{Create, Delete, Failure, NewState, Update};
use tfplugin::value::Misfit;
use tfplugin::{Diagnostics, Private, Value};

impl MeshResource {
    /// Writes what is not there yet.
    pub(super) async fn write_new(&self, session: &Session, request: &Create) -> Result<NewState, Failure> {
        let plan = &request.plan;
        same_store(session, &request.private)
            .await
            .map_err(Failure::nothing_done)?;
        let (draft, found) = self.draft(plan).map_err(Failure::nothing_done)?;
        let author = session.author().await.map_err(Failure::nothing_done)?;
        let created = session.registry.create(draft, &author).await;
        let record = created
            .map_err(|error| Failure::nothing_done(self.taken(session, &error)))?
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
            let created = session.registry.create(draft, &author).await;
            created.map_err(|error| self.refused(&error))?.record()
        } else {
            self.replace(session, draft, request).await?
        };
        Ok(self
            .finished(session, &record, &request.plan)
            .await?
            .diagnostics(found))
    }

    /// Writes over what the state shows.
    async fn replace(
        &self,
        session: &Session,
        draft: RecordDraft,
        request: &Update,
    ) -> Result<Record, Diagnostics> {
        let author = session.author().await?;
        let seen = match revision(&request.private) {
            Some(revision) => revision,
            // A state that remembers no revision was never read since it came to this provider.
            None => {
                self.current(session, &draft.key, &request.private)
                    .await?
                    .revision
            }
        };
        let mut unreadable = None;
        let update = meshform_registry::Update {
            draft,
            seen: Some(seen),
            base: || match self.draft(&request.prior) {
                Ok((prior, _)) => Some(prior.body),
                Err(problems) => {
                    unreadable = Some(problems);
                    None
                }
            },
        };
        let written = session.registry.update(update, &author, &session.policy()).await;
        match (written, unreadable) {
            (Ok(record), _) => Ok(record),
            (Err(_), Some(problems)) => Err(problems),
            (Err(error), None) => Err(self.refused(&error)),
        }
    }

    /// Why a create failed. What the same owner has written before was forgotten by Terraform.
    fn taken(&self, session: &Session, error: &RegistryError) -> Diagnostics {
        let owner = &session.settings.owner;
        let found = match error {
            RegistryError::Store(StoreError::Conflict(conflict)) => conflict.found.as_ref(),
            _ => None,
        };
        let Some(found) = found.filter(|found| belongs_to(found, owner)) else {
            return self.refused(error);
        };
        if !session.first_time("lost state".to_owned()) {
            // The way back is one for all of them.
            let why = "\n\nThe same owner wrote it before: it comes back as the error says that names \
                       `terraform.tfstate.backup`.";
            return self.in_short(error, why);
        }
        let why = format!(
            "\n\nThe owner `{owner}` wrote {} before, so Terraform's state was lost, or another state has it. A Terraform \
             that is killed can leave a `terraform.tfstate` of 0 bytes: then put `terraform.tfstate.backup` in its place. Or \
             let one apply take everything back:\n  terraform plan -out=tfplan && terraform show -json tfplan > plan.json\n  \
             meshform imports --owner {owner} --store {} plan.json > imports.tf",
            found.key,
            meshform_release::store_argument(&*session.store)
        );
        let refused = self.refused(error).into_iter().map(|mut told| {
            told.detail.push_str(&why);
            told
        });
        refused.collect()
    }

    /// What went wrong, with another way out than usual.
    fn in_short(&self, error: &RegistryError, way: &str) -> Diagnostics {
        let found = error.diagnostics().into_iter().map(|mut problem| {
            problem.help = None;
            let mut told = problem::of_resource(self.kind, &problem);
            told.detail.push_str(way);
            told
        });
        found.collect()
    }

    /// Why the registry wrote nothing, at the fields that it is about.
    fn refused(&self, error: &RegistryError) -> Diagnostics {
        problem::all_of_resource(self.kind, &error.diagnostics())
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
        self.expect(session, &request.private).await?;
        let author = session.author().await?;
        // What the plan was made from; what another owner has written since is not deleted.
        let seen = revision(&request.private);
        let deleted = session
            .registry
            .delete(&key, seen, &author, &session.policy())
            .await;
        if deleted.map_err(|error| self.refused(&error))?.is_some() {
            if is_replaced(&request.private) {
                session.replacing(&key.mesh);
            } else {
                session.written(&key.mesh);
            }
        }
        Ok(())
    }

    /// What is to be written, and the warnings about it.
    fn draft(&self, plan: &Value) -> Result<(RecordDraft, Diagnostics), Diagnostics> {
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
        let mut draft = RecordDraft::new(key, body);
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

/// What a resource names and the store does not have: a warning each.
pub(crate) async fn dangling_of(
    session: &Session,
    key: &ResourceKey,
    since: Option<Revision>,
) -> Result<Diagnostics, Diagnostics> {
    let missing = session.registry.views().missing(key, since).await;
    let mut found = Diagnostics::new();
    for missing in missing.map_err(|error| session::failed(&error))? {
        let problem = dangling(&missing);
        // Terraform folds warnings of one summary into the first: each missing resource has its own.
        let mut told = problem::of_resource(key.kind, &problem);
        let named = problem::capital(&missing.reference.to.to_string());
        told.summary = format!("{named} does not exist yet ({})", problem.code);
        found.push(told);
    }
    Ok(found)
}

pub(super) fn revision(private: &Private) -> Option<Revision> {
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

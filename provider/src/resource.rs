//! The one implementation of every kind's resource.
//!
//! - [`key`]: names, import ids, identity.
//! - [`document`]: value ⇄ canonical document ⇄ record.
//! - [`plan`]: what the plan knows before the apply.
//! - [`destroy`]: the same of a delete.
//! - [`region`]: the region, which is the store's.
//! - [`write`]: create, update, delete. Each answers when what it led to is released and published
//!   ([`crate::answer`]).
//! - [`foreign`]: states that another provider wrote.

mod destroy;
pub(crate) mod document;
mod foreign;
mod plan;
pub(crate) mod region;
mod write;

pub(crate) use write::dangling_of;

use crate::key;
use crate::problem;
use crate::session::{self, Session};
use async_trait::async_trait;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_store::Record;
use std::sync::{Arc, OnceLock};
use tfplugin::resource::{
    Create, Delete, Failure, Import, MoveFrom, NewState, Plan, PlanRequest, Read, StoredState, Update,
};
use tfplugin::schema::{IdentitySchema, Schema};
use tfplugin::{Context, Diagnostics, Private, Resource, Value};

/// In private state: the id of the store that the resource was last seen in.
const STORE: &str = "store";
/// In private state: the revision that wrote what the state shows.
const REVISION: &str = "revision";
/// In private state: the resource comes from another provider's state and is not in the store yet.
const PENDING: &str = "pending";

/// In private state of a plan: the resource is taken away to be made anew.
const REPLACED: &str = "replaced";

/// Whether a resource comes from another provider's state and is not in the store yet.
fn is_pending(private: &Private) -> bool {
    private.get(PENDING).and_then(Value::as_bool) == Some(true)
}

/// Whether a plan takes a resource away to make it anew.
fn is_replaced(private: &Private) -> bool {
    private.get(REPLACED).and_then(Value::as_bool) == Some(true)
}

/// An answer with what is to be said of the release that the write led to.
fn answered(done: Result<NewState, Failure>, told: Diagnostics) -> Result<NewState, Failure> {
    match done {
        Ok(state) => Ok(state.diagnostics(told)),
        Err(failure) => Err(failure.diagnostics(told)),
    }
}

/// The resource type of a kind, under whichever name.
#[derive(Debug)]
pub(crate) struct MeshResource {
    kind: Kind,
    schema: OnceLock<Schema>,
    /// Attributes that every write sets anew.
    moving: OnceLock<Vec<String>>,
}

impl MeshResource {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            schema: OnceLock::new(),
            moving: OnceLock::new(),
        }
    }

    fn terraform(&self) -> &Schema {
        self.schema.get_or_init(|| crate::schema::resource(self.kind))
    }

    /// The key that a planned or stored value names.
    fn key(&self, value: &Value) -> Result<ResourceKey, Diagnostics> {
        key::of_value(self.kind, value)
            .ok_or_else(|| problem::damaged_state("a part of the resource's name is missing").into())
    }

    /// A state whose identity names another resource than its attributes was changed by hand, or damaged.
    fn same_resource(&self, key: &ResourceKey, identity: Option<&Value>) -> Result<(), Diagnostics> {
        let named = identity.and_then(|identity| key::of_value(self.kind, identity));
        match named.filter(|named| named != key) {
            None => Ok(()),
            Some(named) => Err(problem::damaged_state(format!(
                "its attributes name {key}, and its identity names {named}"
            ))
            .into()),
        }
    }

    /// A record as a state, with what is kept beside it.
    pub(crate) async fn state(
        &self,
        session: &Session,
        record: &Record,
        prior: &Value,
    ) -> Result<NewState, Diagnostics> {
        let mut state = document::to_state(self.terraform(), record, prior).map_err(|misfit| {
            Diagnostics::from(problem::misfit(format!(
                "{} (revision {}) cannot be shown as a state: {misfit}.",
                record.key, record.revision
            )))
        })?;
        let all = state.get("tags").clone();
        let rules = &session.settings.tags;
        let all = if all.is_null() {
            Value::map::<&str>([])
        } else {
            all
        };
        state.set_attr("tags", rules.own(&all, prior.get("tags")));
        let shown = all.entries().cloned().unwrap_or_default();
        let ignored: Vec<String> = rules.kept(&all).into_iter().map(|(key, _)| key).collect();
        state.set_attr(
            "tags_all",
            Value::map(
                shown
                    .into_iter()
                    .filter(|(key, _)| !ignored.iter().any(|other| other == key.as_ref())),
            ),
        );
        self.remembered(session, record, state).await
    }

    /// A state with the private part that belongs to a record.
    async fn remembered(
        &self,
        session: &Session,
        record: &Record,
        state: Value,
    ) -> Result<NewState, Diagnostics> {
        let store = session.identity().await?.map(|identity| identity.id);
        Ok(NewState::new(state)
            .private(STORE, Value::from(store))
            .private(REVISION, record.revision.0)
            .private(PENDING, Value::Null)
            .private(REPLACED, Value::Null)
            .identity(key::identity(&record.key)))
    }

    /// The record, after making sure that the store is the one that the state remembers.
    async fn record(
        &self,
        session: &Session,
        key: &ResourceKey,
        private: &Private,
    ) -> Result<Option<Record>, Diagnostics> {
        self.expect(session, private).await?;
        session
            .store
            .get(key)
            .await
            .map_err(|error| session::failed(&error))
    }

    /// Makes sure that the store is the one that the state remembers.
    async fn expect(&self, session: &Session, private: &Private) -> Result<(), Diagnostics> {
        match private.str(STORE) {
            Some(id) => session.expect(id).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Resource for MeshResource {
    fn schema(&self) -> Schema {
        self.terraform().clone()
    }

    fn identity(&self) -> Option<IdentitySchema> {
        Some(crate::schema::identity(self.kind))
    }

    async fn validate(&self, _cx: &Context, config: &Value, found: &mut Diagnostics) {
        let (document, mut problems) = document::of_value(self.kind, config);
        if problems.is_empty() {
            problems = document::judged_alone(self.kind, config, document);
        }
        found.extend(
            problems
                .iter()
                .map(|problem| problem::of_resource(self.kind, problem)),
        );
    }

    async fn modify_plan(&self, cx: &Context, request: &PlanRequest, plan: &mut Plan) {
        match cx.try_data::<Session>() {
            Some(session) if request.is_destroy() => self.plan_destroy(cx, &session, request, plan).await,
            Some(session) => self.finish_plan(&session, request, plan).await,
            None => {}
        }
    }

    async fn create(&self, cx: &Context, request: Create) -> Result<NewState, Failure> {
        let session = cx.data::<Session>()?;
        let key = self.key(&request.plan)?;
        let flight = session.begin(&key.mesh);
        let done = self.write_new(&session, &request).await;
        answered(done, session.landed(cx, flight, Some(&key)).await)
    }

    async fn read(&self, cx: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        let session: Arc<Session> = cx.data()?;
        let key = self.key(&request.state)?;
        self.same_resource(&key, request.identity.as_ref())?;
        match self.record(&session, &key, &request.private).await? {
            Some(record) => {
                session.was_read(&record.key);
                session.finish_what_was_left(&record).await;
                Ok(Some(self.state(&session, &record, &request.state).await?))
            }
            // It was never in this store: the state comes from elsewhere and is written by the next apply.
            None if request.private.str(STORE).is_none() && foreign::was_written(&request.state) => {
                let kept = NewState::new(request.state)
                    .private(PENDING, true)
                    .identity(key::identity(&key));
                Ok(Some(kept))
            }
            None => Ok(None),
        }
    }

    async fn update(&self, cx: &Context, request: Update) -> Result<NewState, Failure> {
        let session = cx.data::<Session>()?;
        let key = self.key(&request.plan)?;
        let flight = session.begin(&key.mesh);
        let done = self.write_over(&session, &request).await;
        answered(done, session.landed(cx, flight, Some(&key)).await)
    }

    async fn delete(&self, cx: &Context, request: Delete) -> Result<Diagnostics, Failure> {
        let session = cx.data::<Session>()?;
        let key = self.key(&request.state)?;
        let flight = session.begin(&key.mesh);
        let done = self.take_away(&session, &request).await;
        if done.is_ok() && is_replaced(&request.private) {
            // Its other half answers for both.
            return Ok(Diagnostics::new());
        }
        let told = session.landed(cx, flight, None).await;
        match done {
            Ok(()) => Ok(told),
            Err(failure) => Err(failure.diagnostics(told)),
        }
    }

    async fn import(&self, cx: &Context, request: Import) -> Result<NewState, Diagnostics> {
        let session: Arc<Session> = cx.data()?;
        let (key, wanted) = match request {
            Import::Id(id) => key::of_import_id(self.kind, &id)?,
            Import::Identity(identity) => (self.key(&identity)?, None),
            _ => return Err(key::other_import()),
        };
        let record = session
            .store
            .get(&key)
            .await
            .map_err(|error| session::failed(&error))?;
        let record = record.ok_or_else(|| {
            Diagnostics::from(problem::absent(format!(
                "The store {} has no {key}. Check the name, or fill the store from a Terraform state, a template \
                 or API documents with `meshform adopt`.",
                session.store.place()
            )))
        })?;
        if let Some(problem) = wanted.and_then(|wanted| region::another(&wanted, &record.identity.arn)) {
            return Err(problem.into());
        }
        self.state(&session, &record, &Value::Null).await
    }

    async fn upgrade(&self, _cx: &Context, request: StoredState) -> Result<Value, Diagnostics> {
        foreign::state(self.kind, self.terraform(), &request.state)
    }

    async fn move_from(&self, _cx: &Context, request: &MoveFrom) -> Result<Option<NewState>, Diagnostics> {
        foreign::moved(self.kind, self.terraform(), request)
    }
}

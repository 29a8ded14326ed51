//! Resources: what a provider creates, reads, changes and deletes.

use std::sync::Arc;

use async_trait::async_trait;

use crate::private::Edits;
use crate::schema::{IdentitySchema, Schema};
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics, Path, Private};

/// A kind of object that Terraform manages. Four methods are needed; the rest has defaults.
///
/// Every method gets values in the form of [`schema`](Self::schema): all attributes are there, absent ones
/// null, collections of blocks never null.
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// The schema of the resource. It is asked for once, when the provider starts.
    fn schema(&self) -> Schema;

    /// What tells one object from all others; asked once.
    fn identity(&self) -> Option<IdentitySchema> {
        None
    }

    /// Checks a configuration as a whole. Any part may be unknown. The provider may not be configured.
    async fn validate(&self, _cx: &Context, _config: &Value, _found: &mut Diagnostics) {}

    /// Changes a plan after the attributes' own modifiers; also called for a destroy, where it can only warn
    /// or refuse.
    async fn modify_plan(&self, _cx: &Context, _request: &PlanRequest, _plan: &mut Plan) {}

    /// Makes the object and returns its state. See [`Failure`] for what is kept when it fails half way.
    async fn create(&self, cx: &Context, request: Create) -> Result<NewState, Failure>;

    /// Looks at the object and returns its state, or `None` when it is gone.
    async fn read(&self, cx: &Context, request: Read) -> Result<Option<NewState>, Diagnostics>;

    /// Changes the object and returns its state.
    async fn update(&self, cx: &Context, _request: Update) -> Result<NewState, Failure> {
        Err(Diagnostic::error(
            "Mistake in the provider",
            format!(
                "`{}` cannot be changed in place, yet the plan says so: every attribute of it that can be \
                 configured must require replacement. Please report this to the provider.",
                cx.type_name()
            ),
        )
        .into())
    }

    /// Removes the object. An object that is gone already is a success. What is returned are messages for the user,
    /// such as what else has to be done; without an error among them Terraform forgets the object.
    async fn delete(&self, cx: &Context, request: Delete) -> Result<Diagnostics, Failure>;

    /// Takes over an existing object: returns what is needed to read it. [`read`](Self::read) follows.
    async fn import(&self, cx: &Context, _request: Import) -> Result<NewState, Diagnostics> {
        Err(Diagnostic::error(
            "Import is not supported",
            format!("`{}` cannot be imported.", cx.type_name()),
        )
        .into())
    }

    /// Brings a state of another schema version to the current one. States of the current version never come
    /// here.
    async fn upgrade(&self, cx: &Context, request: StoredState) -> Result<Value, Diagnostics> {
        Err(Diagnostic::error(
            "State of another version",
            format!(
                "The state of this `{}` was written with schema version {}, which this version of the provider \
                 cannot read.",
                cx.type_name(),
                request.version
            ),
        )
        .into())
    }

    /// Brings an identity of another version to the current one.
    async fn upgrade_identity(&self, cx: &Context, request: StoredState) -> Result<Value, Diagnostics> {
        self.upgrade(cx, request).await
    }

    /// Takes over the state of a resource of another type or provider (a `moved` block). `None` when the
    /// source is not one that it knows.
    async fn move_from(&self, _cx: &Context, _request: &MoveFrom) -> Result<Option<NewState>, Diagnostics> {
        Ok(None)
    }

    /// Changes the configuration that was generated from a state: removes what conflicts or only repeats a
    /// default. What the provider sets itself is removed already.
    async fn generate_config(&self, _cx: &Context, _state: &Value, _config: &mut Value) -> Diagnostics {
        Diagnostics::new()
    }
}

/// What a plan is made from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PlanRequest {
    /// The configuration; null for a destroy.
    pub config: Value,
    /// The state before; null for a create.
    pub prior: Value,
    /// What Terraform proposed; null for a destroy.
    pub proposed: Value,
    /// The private state that the last operation left.
    pub private: Private,
    /// The identity in the state; `None` where an older version wrote the state.
    pub identity: Option<Value>,
    /// What the module's `provider_meta` block says.
    pub meta: Value,
}

impl PlanRequest {
    /// Whether the object is to be made.
    pub fn is_create(&self) -> bool {
        self.prior.is_null()
    }

    /// Whether the object is to be removed.
    pub fn is_destroy(&self) -> bool {
        self.proposed.is_null()
    }

    /// Whether the object is to be changed (or left alone).
    pub fn is_update(&self) -> bool {
        !self.is_create() && !self.is_destroy()
    }
}

/// A plan that may still be changed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The state that the change will lead to; what is not known yet is unknown. Null for a destroy.
    pub planned: Value,
    /// Places whose change makes a new object.
    pub requires_replace: Vec<Path>,
    /// What to hand to the apply.
    pub private: Private,
    /// The identity that the object will have.
    pub identity: Option<Value>,
    /// Errors make the operation fail; warnings are shown beside its result.
    pub diagnostics: Diagnostics,
}

/// What is known when an object is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Create {
    /// The configuration; the only place where write-only values are.
    pub config: Value,
    /// The plan. What is known in it must come out the same.
    pub plan: Value,
    /// What the plan handed over.
    pub private: Private,
    /// The identity that the plan announced.
    pub identity: Option<Value>,
    /// What the module's `provider_meta` block says.
    pub meta: Value,
}

/// What is known when an object is read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Read {
    /// The state as it is known.
    pub state: Value,
    /// The private state that the last operation left.
    pub private: Private,
    /// The identity in the state; `None` where an older version wrote the state.
    pub identity: Option<Value>,
    /// What the module's `provider_meta` block says.
    pub meta: Value,
}

/// What is known when an object is changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Update {
    /// The configuration; the only place where write-only values are.
    pub config: Value,
    /// The plan. What is known in it must come out the same.
    pub plan: Value,
    /// The state that the plan began with.
    pub prior: Value,
    /// What the plan handed over.
    pub private: Private,
    /// The identity that the plan announced.
    pub identity: Option<Value>,
    /// What the module's `provider_meta` block says.
    pub meta: Value,
}

/// What is known when an object is removed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delete {
    /// What is to be deleted, as the state has it.
    pub state: Value,
    /// What the plan handed over.
    pub private: Private,
    /// The identity in the state; `None` where an older version wrote the state.
    pub identity: Option<Value>,
    /// What the module's `provider_meta` block says.
    pub meta: Value,
}

/// How the object to import is named.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Import {
    /// By the id that the user wrote.
    Id(String),
    /// By its identity (Terraform 1.12 and later).
    Identity(Value),
}

impl Import {
    /// The id, or what the function makes of the identity.
    pub fn id_or(self, of_identity: impl FnOnce(&Value) -> Option<String>) -> Result<String, Diagnostics> {
        match self {
            Self::Id(id) => Ok(id),
            Self::Identity(identity) => of_identity(&identity).ok_or_else(|| {
                Diagnostic::error(
                    "Incomplete identity",
                    "The identity does not say which object is meant.",
                )
                .into()
            }),
        }
    }
}

/// A state as it lies in the state file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredState {
    /// The schema version that it was written with.
    pub version: i64,
    /// The stored JSON as a bare tree; numbers keep all their digits.
    pub state: Value,
}

/// A state of another resource type or provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MoveFrom {
    /// The other provider, such as `registry.terraform.io/hashicorp/aws`.
    pub provider: String,
    /// The resource type that the object is moved from, such as `aws_appmesh_mesh`.
    pub type_name: String,
    /// The schema version that the state was written with.
    pub version: i64,
    /// The stored JSON as a bare tree; numbers keep all their digits.
    pub state: Value,
    /// The other provider's private state.
    pub private: Vec<u8>,
    /// The stored identity as a bare tree.
    pub identity: Option<Value>,
}

impl MoveFrom {
    /// Whether the source is this provider, on whatever registry, and this type.
    pub fn is(&self, namespace: &str, provider: &str, type_name: &str) -> bool {
        let mut parts = self.provider.rsplit('/');
        parts.next() == Some(provider) && parts.next() == Some(namespace) && self.type_name == type_name
    }
}

/// The state of an object after something was done to it.
#[derive(Debug, Clone, Default)]
pub struct NewState {
    pub(crate) state: Value,
    pub(crate) private: Edits,
    pub(crate) identity: Option<Value>,
    pub(crate) diagnostics: Diagnostics,
}

impl NewState {
    /// This state; private state and identity as they were.
    pub fn new(state: Value) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// Keeps a value in the private state; null removes it.
    #[must_use]
    pub fn private(mut self, key: impl Into<Arc<str>>, value: impl Into<Value>) -> Self {
        self.private.0.push((key.into(), value.into()));
        self
    }

    /// The identity of the object.
    #[must_use]
    pub fn identity(mut self, identity: Value) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Adds messages for the user.
    #[must_use]
    pub fn diagnostics(mut self, more: impl Into<Diagnostics>) -> Self {
        self.diagnostics.extend(more.into());
        self
    }

    /// The value that Terraform will store as the resource's state.
    pub fn state(&self) -> &Value {
        &self.state
    }
}

impl From<Value> for NewState {
    fn from(state: Value) -> Self {
        Self::new(state)
    }
}

/// Why a change failed, and what of it is kept.
///
/// A failure made from messages alone keeps what is safe: after a create the planned object with everything
/// unknown left out (Terraform then knows of it and makes it anew next time, so nothing is orphaned); after
/// an update or a delete the state before.
///
/// [`Failure::nothing_done`] is for a create that certainly made nothing, as when the name is taken:
/// otherwise Terraform would believe it owned the object and would remove it. [`Failure::partial`] is for
/// those who know exactly how far they came.
#[derive(Debug, Clone)]
pub struct Failure {
    pub(crate) diagnostics: Diagnostics,
    pub(crate) kept: StateAfterFailure,
}

#[derive(Debug, Clone)]
pub(crate) enum StateAfterFailure {
    Safe,
    Nothing,
    State(Box<NewState>),
}

impl Failure {
    /// The object is as before: Terraform keeps the prior state and shows why.
    pub fn nothing_done(why: impl Into<Diagnostics>) -> Self {
        Self {
            diagnostics: why.into(),
            kept: StateAfterFailure::Nothing,
        }
    }

    /// It came as far as this state.
    pub fn partial(state: impl Into<NewState>, why: impl Into<Diagnostics>) -> Self {
        Self {
            diagnostics: why.into(),
            kept: StateAfterFailure::State(Box::new(state.into())),
        }
    }
}

impl Failure {
    /// Adds messages for the user.
    #[must_use]
    pub fn diagnostics(mut self, more: impl Into<Diagnostics>) -> Self {
        self.diagnostics.extend(more.into());
        self
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self {
            diagnostics,
            kept: StateAfterFailure::Safe,
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics::from(diagnostic).into()
    }
}

//! `ApplyResourceChange`: create, update and delete.

use super::identity::{Ask, settle};
use super::registry::{ResourceEntry, ResourceSchemas};
use super::{contract, guard, mistake, tidy};
use crate::private::Edits;
use crate::resource::{Create, Delete, Failure, NewState, StateAfterFailure, Update};
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics, Path, Private};

/// What Terraform wants done.
pub(crate) struct Request {
    pub(crate) prior: Value,
    pub(crate) planned: Value,
    pub(crate) config: Value,
    pub(crate) private: Private,
    pub(crate) identity: Option<Value>,
    pub(crate) meta: Value,
}

/// What came of it. A null state with errors leaves Terraform's state as it was.
pub(crate) struct Applied {
    pub(crate) state: Value,
    pub(crate) private: Private,
    pub(crate) identity: Option<Value>,
    pub(crate) diagnostics: Diagnostics,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Update,
    Delete,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Create => "creating",
            Self::Update => "updating",
            Self::Delete => "deleting",
        }
    }
}

pub(crate) async fn apply(
    cx: &Context,
    entry: &ResourceEntry,
    request: Request,
) -> Result<Applied, Diagnostic> {
    let schemas = entry.schemas()?;
    let kind = match (request.prior.is_null(), request.planned.is_null()) {
        (true, true) => {
            return Err(Diagnostic::error(
                "Nothing to apply",
                "Neither a state nor a plan was sent.",
            ));
        }
        (true, false) => Kind::Create,
        (false, true) => Kind::Delete,
        (false, false) => Kind::Update,
    };
    let outcome = match kind {
        Kind::Create => {
            let create = Create {
                config: request.config.clone(),
                plan: request.planned.clone(),
                private: request.private.clone(),
                identity: request.identity.clone(),
                meta: request.meta.clone(),
            };
            guard("Creating", entry.resource.create(cx, create)).await
        }
        Kind::Update => {
            let update = Update {
                config: request.config.clone(),
                plan: request.planned.clone(),
                prior: request.prior.clone(),
                private: request.private.clone(),
                identity: request.identity.clone(),
                meta: request.meta.clone(),
            };
            guard("Updating", entry.resource.update(cx, update)).await
        }
        Kind::Delete => {
            let delete = Delete {
                state: request.prior.clone(),
                private: request.private.clone(),
                identity: request.identity.clone(),
                meta: request.meta.clone(),
            };
            let done = guard("Deleting", entry.resource.delete(cx, delete)).await;
            done.map(|outcome| match outcome {
                Ok(told) if told.has_errors() => Err(Failure::from(told)),
                Ok(told) => Ok(NewState::new(Value::Null).diagnostics(told)),
                Err(failure) => Err(failure),
            })
        }
    };
    let outcome = outcome.unwrap_or_else(|crash| Err(Failure::from(crash)));
    Ok(match outcome {
        Ok(new) => succeeded(&schemas, kind, request, new),
        Err(failure) => failed(&schemas, kind, request, failure),
    })
}

fn succeeded(schemas: &ResourceSchemas, kind: Kind, request: Request, new: NewState) -> Applied {
    let NewState {
        state,
        private: edits,
        identity,
        mut diagnostics,
    } = new;
    let mut private = request.private;
    private.apply(edits);
    if kind == Kind::Delete {
        return Applied {
            state: Value::Null,
            private: Private::new(),
            identity: None,
            diagnostics,
        };
    }
    if state.is_null() {
        diagnostics.push(mistake(
            &Path::root(),
            format!(
                "After {} no state was returned. Return what the object is now.",
                kind.words()
            ),
        ));
    }
    let given = state.clone();
    let state = tidy::state(
        &schemas.schema,
        kind.words(),
        &request.planned,
        state,
        &mut diagnostics,
    );
    if !given.is_null() && !diagnostics.has_errors() {
        for breach in contract::result(schemas.schema.root(), &request.planned, &state) {
            let place = if breach.path.is_root() {
                "The object".into()
            } else {
                format!("`{}`", breach.path)
            };
            diagnostics.push(mistake(
                &breach.path,
                format!("After {}, {place} {}.", kind.words(), breach.what),
            ));
        }
    }
    let ask = Ask {
        schema: schemas.identity.as_ref(),
        during: kind.words(),
        given: identity,
        prior: request.identity,
        state: &state,
        same_object: kind == Kind::Update,
    };
    let identity = settle(ask, &mut diagnostics);
    Applied {
        state,
        private,
        identity,
        diagnostics,
    }
}

fn failed(schemas: &ResourceSchemas, kind: Kind, request: Request, failure: Failure) -> Applied {
    let mut diagnostics = failure.diagnostics;
    if !diagnostics.has_errors() {
        diagnostics.push(mistake(
            &Path::root(),
            format!("{} failed without saying why.", kind.words()),
        ));
    }
    let (state, edits, given) = match failure.kept {
        StateAfterFailure::Safe if kind == Kind::Create => {
            (request.planned.clone().unknown_as_null(), Edits::default(), None)
        }
        StateAfterFailure::Safe => (request.prior.clone(), Edits::default(), None),
        StateAfterFailure::Nothing => (Value::Null, Edits::default(), None),
        StateAfterFailure::State(new) => {
            diagnostics.extend(new.diagnostics);
            (new.state, new.private, new.identity)
        }
    };
    let mut private = request.private;
    private.apply(edits);
    if state.is_null() {
        // Terraform keeps the state before, if there was one.
        return Applied {
            state,
            private,
            identity: request.identity,
            diagnostics,
        };
    }
    let old = if kind == Kind::Create {
        &request.planned
    } else {
        &request.prior
    };
    // Nobody is helped by complaints about the form of a state that exists because something else failed.
    let state = tidy::state(&schemas.schema, kind.words(), old, state, &mut Diagnostics::new());
    let ask = Ask {
        schema: schemas.identity.as_ref(),
        during: kind.words(),
        given,
        prior: request.identity,
        state: &state,
        same_object: false,
    };
    let identity = settle(ask, &mut Diagnostics::new());
    Applied {
        state,
        private,
        identity,
        diagnostics,
    }
}

//! `ReadResource`.

use super::identity::{Ask, settle};
use super::registry::ResourceEntry;
use super::{guard, tidy};
use crate::resource::Read;
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics, Private};

/// What is there now; null when it is gone.
pub(crate) struct ReadOutcome {
    pub(crate) state: Value,
    pub(crate) private: Private,
    pub(crate) identity: Option<Value>,
    pub(crate) diagnostics: Diagnostics,
}

pub(crate) async fn read(
    cx: &Context,
    entry: &ResourceEntry,
    request: Read,
) -> Result<ReadOutcome, Diagnostic> {
    let schemas = entry.schemas()?;
    let Read {
        state: old,
        private: mut kept,
        identity: old_identity,
        ..
    } = request.clone();
    let unchanged = |private: Private, diagnostics: Diagnostics| ReadOutcome {
        state: old.clone(),
        private,
        identity: old_identity.clone(),
        diagnostics,
    };
    let new = match guard("Reading", entry.resource.read(cx, request)).await {
        Ok(Ok(Some(new))) => new,
        Ok(Ok(None)) => {
            let diagnostics = Diagnostics::new();
            return Ok(ReadOutcome {
                state: Value::Null,
                private: Private::new(),
                identity: None,
                diagnostics,
            });
        }
        Ok(Err(diagnostics)) => return Ok(unchanged(kept, diagnostics)),
        Err(crash) => return Ok(unchanged(kept, crash.into())),
    };
    let mut diagnostics = new.diagnostics;
    kept.apply(new.private);
    if new.state.is_null() {
        return Ok(ReadOutcome {
            state: Value::Null,
            private: Private::new(),
            identity: None,
            diagnostics,
        });
    }
    let state = tidy::state(&schemas.schema, "reading", &old, new.state, &mut diagnostics);
    let ask = Ask {
        schema: schemas.identity.as_ref(),
        during: "reading",
        given: new.identity,
        prior: old_identity.clone(),
        state: &state,
        same_object: true,
    };
    let identity = settle(ask, &mut diagnostics);
    Ok(ReadOutcome {
        state,
        private: kept,
        identity,
        diagnostics,
    })
}

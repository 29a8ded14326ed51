//! `ImportResourceState`.

use super::identity::{Ask, settle};
use super::registry::ResourceEntry;
use super::{guard, mistake, tidy};
use crate::resource::Import;
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics, Path, Private};

/// The object to be read next.
pub(crate) struct Imported {
    pub(crate) state: Value,
    pub(crate) private: Private,
    pub(crate) identity: Option<Value>,
}

pub(crate) async fn import(
    cx: &Context,
    entry: &ResourceEntry,
    request: Import,
) -> Result<(Option<Imported>, Diagnostics), Diagnostic> {
    let schemas = entry.schemas()?;
    let asked = match &request {
        Import::Identity(identity) => Some(identity.clone()),
        Import::Id(_) => None,
    };
    let new = match guard("Importing", entry.resource.import(cx, request)).await? {
        Ok(new) => new,
        Err(diagnostics) => return Ok((None, diagnostics)),
    };
    let mut diagnostics = new.diagnostics;
    if new.state.is_null() {
        diagnostics.push(mistake(
            &Path::root(),
            "An import returned no state. Return an error, or what to read.",
        ));
        return Ok((None, diagnostics));
    }
    let empty = schemas.schema.empty();
    let state = tidy::state(&schemas.schema, "importing", &empty, new.state, &mut diagnostics);
    let mut private = Private::new();
    private.apply(new.private);
    let ask = Ask {
        schema: schemas.identity.as_ref(),
        during: "importing",
        given: new.identity.or(asked),
        prior: None,
        state: &state,
        same_object: false,
    };
    let identity = settle(ask, &mut diagnostics);
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    Ok((
        Some(Imported {
            state,
            private,
            identity,
        }),
        diagnostics,
    ))
}

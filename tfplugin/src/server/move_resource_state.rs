//! `MoveResourceState`: a `moved` block across resource types or providers.

use super::identity::{Ask, settle};
use super::import_resource_state::Imported;
use super::registry::ResourceEntry;
use super::{guard, misfit_from_provider, mistake, tidy};
use crate::resource::MoveFrom;
use crate::{Context, Diagnostic, Diagnostics, Path, Private};

pub(crate) async fn move_state(
    cx: &Context,
    entry: &ResourceEntry,
    source: MoveFrom,
) -> Result<(Imported, Diagnostics), Diagnostics> {
    let schemas = entry.schemas()?;
    let Some(new) = guard("Moving the state", entry.resource.move_from(cx, &source)).await?? else {
        return Err(Diagnostic::error(
            "Unable to move the state",
            format!(
                "`{}` cannot take over the state of a `{}` of {} (schema version {}).",
                cx.type_name(),
                source.type_name,
                source.provider,
                source.version
            ),
        )
        .into());
    };
    let mut diagnostics = new.diagnostics;
    let mut state = schemas
        .schema
        .conform_stored(new.state)
        .map_err(|misfit| misfit_from_provider("moving the state", &misfit))?;
    if state.is_null() || !state.is_wholly_known() {
        return Err(mistake(
            &Path::root(),
            "Moving the state must return a state that is wholly known.",
        )
        .into());
    }
    tidy::drop_write_only(&schemas.schema, &mut state);
    let mut private = Private::new();
    private.apply(new.private);
    let ask = Ask {
        schema: schemas.identity.as_ref(),
        during: "moving the state",
        given: new.identity,
        prior: None,
        state: &state,
        same_object: false,
    };
    let identity = settle(ask, &mut diagnostics);
    Ok((
        Imported {
            state,
            private,
            identity,
        },
        diagnostics,
    ))
}

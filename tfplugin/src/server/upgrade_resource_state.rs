//! `UpgradeResourceState` and `UpgradeResourceIdentity`. Terraform calls the first for every stored instance
//! on every run, also when the version is the current one.

use super::registry::ResourceEntry;
use super::{guard, mistake, tidy};
use crate::resource::StoredState;
use crate::value::{Misfit, Value};
use crate::{Context, Diagnostics, Path};

pub(crate) async fn upgrade(
    cx: &Context,
    entry: &ResourceEntry,
    stored: StoredState,
) -> Result<Value, Diagnostics> {
    let schemas = entry.schemas()?;
    let schema = &schemas.schema;
    let current = stored.version == schema.current_version();
    let tree = if current {
        stored.state
    } else {
        guard("Upgrading the state", entry.resource.upgrade(cx, stored)).await??
    };
    let mut state = schema
        .conform_stored(tree)
        .map_err(|misfit| does_not_fit(&misfit, current))?;
    wholly_known(&state, "state")?;
    tidy::drop_write_only(schema, &mut state);
    Ok(state)
}

pub(crate) async fn upgrade_identity(
    cx: &Context,
    entry: &ResourceEntry,
    stored: StoredState,
) -> Result<Value, Diagnostics> {
    let schemas = entry.schemas()?;
    let Some(schema) = &schemas.identity else {
        return Err(mistake(&Path::root(), "The resource has no identity schema.").into());
    };
    let current = stored.version == schema.version;
    let tree = if current {
        stored.state
    } else {
        guard(
            "Upgrading the identity",
            entry.resource.upgrade_identity(cx, stored),
        )
        .await??
    };
    let identity = crate::value::conform(schema.ty(), tree, crate::value::Fit::Stored)
        .map_err(|misfit| does_not_fit(&misfit, current))?;
    wholly_known(&identity, "identity")?;
    Ok(identity)
}

fn wholly_known(value: &Value, what: &str) -> Result<(), Diagnostics> {
    match value.unknown_paths().first() {
        Some(path) => Err(mistake(path, format!("Upgrading the {what} left `{path}` unknown.")).into()),
        None => Ok(()),
    }
}

fn does_not_fit(misfit: &Misfit, current: bool) -> Diagnostics {
    if current {
        let what = format!(
            "The stored state does not fit the schema although its version is the current one: {misfit}. When the \
             type of an attribute changes, the schema's version must be raised."
        );
        return mistake(&misfit.path, what).into();
    }
    super::misfit_from_provider("upgrading the state", misfit).into()
}

//! `UpgradeResourceState` and `UpgradeResourceIdentity`. Terraform calls the first for every stored instance
//! on every run, also when the version is the current one.

use super::registry::ResourceEntry;
use super::{guard, mistake, tidy};
use crate::resource::StoredState;
use crate::value::{Misfit, Value};
use crate::{Context, Diagnostic, Diagnostics, Path};

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
        .map_err(|misfit| does_not_fit("state", &misfit, current))?;
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
        .map_err(|misfit| does_not_fit("identity", &misfit, current))?;
    wholly_known(&identity, "identity")?;
    Ok(identity)
}

fn wholly_known(value: &Value, what: &str) -> Result<(), Diagnostics> {
    match value.unknown_paths().first() {
        Some(path) => Err(mistake(path, format!("Upgrading the {what} left `{path}` unknown.")).into()),
        None => Ok(()),
    }
}

/// What Terraform has stored is not what was given to it, or what another version upgraded badly.
fn does_not_fit(what: &str, misfit: &Misfit, current: bool) -> Diagnostics {
    if !current {
        return super::misfit_from_provider(&format!("upgrading the {what}"), misfit).into();
    }
    let detail = format!(
        "The stored {what} does not have the form that this version of the provider writes: {misfit}. It was damaged or \
         changed by hand, or written by another build of the provider. Restore the state from a backup (a local state \
         has one in `terraform.tfstate.backup`), or take the resource out of it with `terraform state rm` and import it \
         again."
    );
    Diagnostic::error("Damaged state", detail)
        .at(misfit.path.clone())
        .into()
}

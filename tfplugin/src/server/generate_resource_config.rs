//! `GenerateResourceConfig`: from a state to a configuration that could have made it.

use super::registry::ResourceEntry;
use super::walk::{Node, walk};
use super::{guard, misfit_from_provider};
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics};

pub(crate) async fn generate(
    cx: &Context,
    entry: &ResourceEntry,
    state: Value,
) -> Result<(Value, Diagnostics), Diagnostic> {
    let schemas = entry.schemas()?;
    let mut config = state.clone();
    walk(
        schemas.schema.root(),
        &Value::Null,
        &Value::Null,
        &mut config,
        &mut |place, value| {
            if let Node::Attribute(one) = place.node {
                let only_default = one.default.as_ref().is_some_and(|default| default == value);
                let dead = one.deprecation.is_some() && !one.required;
                if one.is_read_only() || one.is_write_only() || only_default || dead {
                    *value = Value::Null;
                }
            }
            true
        },
    );
    let hook = entry.resource.generate_config(cx, &state, &mut config);
    let mut diagnostics = guard("Generating configuration", hook)
        .await
        .unwrap_or_else(Diagnostics::from);
    match schemas.schema.conform(config) {
        Ok(config) => Ok((config, diagnostics)),
        Err(misfit) => {
            diagnostics.push(misfit_from_provider("generating configuration", &misfit));
            Ok((Value::Null, diagnostics))
        }
    }
}

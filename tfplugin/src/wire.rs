//! The protocol's messages and what they stand for; pure conversion, no decisions.

mod calls;
mod calls_resource;
pub mod msgpack;
mod schema;
mod service;

pub(crate) use service::Service;

use crate::diag::Severity;
use crate::r#gen::tfplugin6 as pb;
use crate::path::PathStep;
use crate::schema::Schema;
use crate::server::misfit_from_terraform;
use crate::value::{Fit, Misfit, Type, Value, json};
use crate::{Diagnostic, Diagnostics, Path};

/// A value that Terraform sent: MessagePack if there is any, else JSON, else null.
pub(crate) fn read_value(ty: &Type, value: Option<&pb::DynamicValue>) -> Result<Value, Misfit> {
    match value {
        Some(value) if !value.msgpack.is_empty() => msgpack::decode(ty, &value.msgpack),
        Some(value) if !value.json.is_empty() => {
            let tree = json::parse(&value.json).map_err(|error| Misfit {
                path: Path::root(),
                problem: error.to_string(),
            })?;
            crate::value::conform(ty, tree, Fit::Stored)
        }
        _ => Ok(Value::Null),
    }
}

pub(crate) fn decode(schema: &Schema, value: Option<&pb::DynamicValue>) -> Result<Value, Diagnostic> {
    read_value(schema.ty(), value).map_err(|misfit| misfit_from_terraform(&misfit))
}

/// A value for Terraform. What the inner ring hands over was brought into form there; should it not fit all
/// the same, Terraform gets a message instead of it.
pub(crate) fn encode(ty: &Type, value: &Value, found: &mut Diagnostics) -> Option<pb::DynamicValue> {
    match msgpack::encode(ty, value) {
        Ok(msgpack) => Some(pb::DynamicValue {
            msgpack,
            json: Vec::new(),
        }),
        Err(misfit) => {
            found.push(crate::server::misfit_from_provider("the provider", &misfit));
            None
        }
    }
}

pub(crate) fn diagnostics(all: Diagnostics) -> Vec<pb::Diagnostic> {
    all.into_iter()
        .map(|one| pb::Diagnostic {
            severity: match one.severity {
                Severity::Error => pb::diagnostic::Severity::Error.into(),
                Severity::Warning => pb::diagnostic::Severity::Warning.into(),
            },
            summary: one.summary,
            detail: one.detail,
            attribute: (!one.path.is_root()).then(|| path(&one.path)),
        })
        .collect()
}

pub(crate) fn path(path: &Path) -> pb::AttributePath {
    use pb::attribute_path::step::Selector;
    let steps = path.steps().iter().map_while(|step| {
        let selector = match step {
            PathStep::Attribute(name) => Selector::AttributeName(name.to_string()),
            PathStep::Key(key) => Selector::ElementKeyString(key.to_string()),
            PathStep::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).ok()?),
            PathStep::Element(_) => return None,
        };
        Some(pb::attribute_path::Step {
            selector: Some(selector),
        })
    });
    pb::AttributePath {
        steps: steps.collect(),
    }
}

pub(crate) fn identity(data: Option<&pb::ResourceIdentityData>) -> Option<&pb::DynamicValue> {
    data.and_then(|data| data.identity_data.as_ref())
}

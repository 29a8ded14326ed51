//! Reading and writing a part of a resource: its `spec`, its `extensions`.

use crate::diag::{Diagnostic, ProblemLocation};
use crate::kind::Kind;
use crate::pointer::Pointer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy)]
pub(super) enum BodyPart {
    Spec,
    Extensions,
}

/// What a kind without extensions may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoExtensions {}

/// Reads what stands under a part of a resource.
pub(super) fn read<T: DeserializeOwned>(
    kind: Kind,
    part: BodyPart,
    json: &serde_json::Value,
) -> Result<T, Diagnostic> {
    let name = match part {
        BodyPart::Spec => "spec",
        BodyPart::Extensions => "extensions",
    };
    T::deserialize(json).map_err(|error| {
        Diagnostic::error(
            crate::codes::SHAPE,
            format!("the {name} does not have the shape of a {kind}'s: {error}"),
        )
        .help("validate the document first: validation names the field")
        .at(ProblemLocation::at(&Pointer::root().field(name), None))
    })
}

/// Structs of strings, numbers and lists with string keys: nothing in them can fail to serialise.
pub(super) fn write<T: Serialize>(part: &T) -> serde_json::Value {
    serde_json::to_value(part).unwrap_or_default()
}

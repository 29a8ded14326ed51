//! The properties of a custom resource as CloudFormation sends them, and the resource that they are.

use super::short_type;
use crate::frontend;
use meshform_model::diag::Diagnostic;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use serde_json::Value as Json;

/// The property that holds our own settings, which stood in the resource's `Metadata`: CloudFormation sends no metadata.
pub const EXTENSIONS: &str = "Extensions";

/// The property that says that a value came from a parameter that nobody may see.
pub const NO_ECHO: &str = "NoEcho";

/// Properties of the custom resource itself.
const BESIDE: &[&str] = &["ServiceToken", "ServiceTimeout", EXTENSIONS, NO_ECHO];

const CUSTOM: &str = "Custom::AppMesh";

/// The type of the custom resources of a kind.
pub(super) fn custom_type(kind: Kind) -> String {
    format!("{CUSTOM}{}", short_type(kind))
}

/// The kind of a custom resource of that type.
pub fn kind_of_custom(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| custom_type(*kind) == name)
}

/// The resource that properties of a custom resource say. CloudFormation sends every value as a text; the schema says
/// what it is.
///
/// # Errors
/// What is wrong with them.
pub fn resource(kind: Kind, logical_id: &str, properties: &Json) -> Result<Resource, Vec<Diagnostic>> {
    let mut plain = properties.clone();
    if let Some(fields) = plain.as_object_mut() {
        fields.retain(|name, _| !BESIDE.contains(&name.as_str()));
    }
    let extensions = properties
        .get(EXTENSIONS)
        .filter(|extensions| !extensions.is_null());
    frontend::of_properties(kind, logical_id, &plain, extensions)
}

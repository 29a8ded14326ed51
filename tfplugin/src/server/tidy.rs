//! What every state goes through before it leaves for Terraform.

use super::align;
use super::walk::{Node, walk};
use super::{misfit_from_provider, mistake};
use crate::Diagnostics;
use crate::schema::Schema;
use crate::value::Value;

/// Sets write-only attributes to null: they are never stored.
pub(crate) fn drop_write_only(schema: &Schema, value: &mut Value) {
    walk(
        schema.root(),
        &Value::Null,
        &Value::Null,
        value,
        &mut |place, value| {
            if let Node::Attribute(attribute) = place.node
                && attribute.is_write_only()
            {
                *value = Value::Null;
            }
            true
        },
    );
}

/// Brings a state that a provider returned into its exact form: blocks without order as in `old`, nothing
/// write-only, nothing unknown. What does not fit is reported; the last resort is `old` itself.
pub(crate) fn state(
    schema: &Schema,
    during: &str,
    old: &Value,
    new: Value,
    found: &mut Diagnostics,
) -> Value {
    let mut new = match schema.conform(new) {
        Ok(new) => new,
        Err(misfit) => {
            found.push(misfit_from_provider(during, &misfit));
            return old.clone().unknown_as_null();
        }
    };
    drop_write_only(schema, &mut new);
    align::reorder(schema.root(), old, &mut new);
    for path in new.unknown_paths() {
        let what = format!(
            "Attribute `{path}` is unknown in the state that {during} returned. A state holds only known \
             values: set it to its value, or to null."
        );
        found.push(mistake(&path, what));
    }
    new.unknown_as_null()
}

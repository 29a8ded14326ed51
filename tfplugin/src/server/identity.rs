//! Identities: given by the provider, or taken from attributes of the same names.

use super::{misfit_from_provider, mistake};
use crate::schema::IdentitySchema;
use crate::value::{Entries, Value};
use crate::{Diagnostics, Path};

/// The identity to return with a state.
pub(crate) struct Ask<'a> {
    pub(crate) schema: Option<&'a IdentitySchema>,
    pub(crate) during: &'a str,
    /// What the provider returned.
    pub(crate) given: Option<Value>,
    /// What was known before.
    pub(crate) prior: Option<Value>,
    pub(crate) state: &'a Value,
    /// Whether the object must still be the same one.
    pub(crate) same_object: bool,
}

pub(crate) fn settle(ask: Ask<'_>, found: &mut Diagnostics) -> Option<Value> {
    let Some(schema) = ask.schema else {
        if ask.given.is_some() {
            let what = format!(
                "{} returned an identity, but the resource has no identity schema.",
                ask.during
            );
            found.push(mistake(&Path::root(), what));
        }
        return None;
    };
    let prior = ask
        .prior
        .filter(|prior| !prior.is_null() && prior.is_wholly_known());
    let identity = match ask.given {
        Some(given) => Some(given),
        None if prior.is_some() => prior.clone(),
        None => from_state(schema, ask.state),
    };
    let identity = match schema.conform(identity?) {
        Ok(identity) => identity,
        Err(misfit) => {
            found.push(misfit_from_provider(ask.during, &misfit));
            return prior;
        }
    };
    if !identity.is_wholly_known() {
        let what = format!("{} returned an identity that is not wholly known.", ask.during);
        found.push(mistake(&Path::root(), what));
        return prior;
    }
    let moved = prior.as_ref().is_some_and(|prior| *prior != identity);
    if ask.same_object && moved && !schema.mutable {
        let what = format!(
            "{} changed the identity of the object. An identity tells an object from all others for as long as \
             it lives; if this one may change, declare it mutable.",
            ask.during
        );
        found.push(mistake(&Path::root(), what));
        return prior;
    }
    Some(identity)
}

/// Attributes of the state with the names of the identity's, when all that an import needs are there.
fn from_state(schema: &IdentitySchema, state: &Value) -> Option<Value> {
    let mut all = Entries::new();
    for attribute in &schema.attributes {
        let value = state.get(&attribute.name);
        if value.is_unknown() || (attribute.required && value.is_null()) {
            return None;
        }
        all.insert(attribute.name.clone(), value.clone());
    }
    Some(Value::Object(all))
}

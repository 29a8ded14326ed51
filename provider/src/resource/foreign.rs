//! States that another provider wrote: hashicorp/aws under its own type names, and either name of ours.

use crate::codes;
use crate::resource::region::REGION;
use crate::resource::{PENDING, REVISION, STORE};
use crate::schema::SCHEMA_VERSION;
use crate::value;
use meshform_model::canonical;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::schema::{self as model_schema, terraform};
use meshform_store::Seed;
use tfplugin::resource::{MoveFrom, NewState};
use tfplugin::schema::Schema;
use tfplugin::{Diagnostic, Diagnostics, Value};

/// Whether a state shows a resource that exists somewhere: an import stub has no ARN yet.
pub(super) fn was_written(state: &Value) -> bool {
    state.str("arn").is_some()
}

/// A state of hashicorp/aws in our schema: its zeros, empty texts and derived ports of what was never set become
/// null, and what it has and we have not goes.
pub(super) fn state(kind: Kind, schema: &Schema, stored: &Value) -> Result<Value, Diagnostics> {
    let (document, _) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(stored));
    let plain = canonical::foreign(kind, &document);
    let state = value::from_node(&dialect::from_canonical(kind, Dialect::Terraform, &plain));
    let mut state = schema
        .conform_stored(state)
        .map_err(|misfit| unreadable(kind, &misfit.to_string()))?;
    // What the canonical document does not have is taken over as it is.
    let body = terraform::resource(kind).body;
    for name in body
        .attributes
        .iter()
        .filter(|one| one.field.is_none())
        .map(|one| one.name.as_str())
    {
        let given = stored.get(name);
        if state.get(name).is_null() && !given.is_null() {
            state.set_attr(name, as_map(given));
        }
    }
    fill_from_arn(schema, &mut state);
    // Versions before 3.38 knew a resource's own tags alone.
    if has(schema, "tags_all") && state.get("tags_all").is_null() {
        let own = state.get("tags").clone();
        let all = if own.is_null() {
            Value::map::<&str>([])
        } else {
            own
        };
        state.set_attr("tags_all", all);
    }
    schema
        .conform_stored(state)
        .map_err(|misfit| unreadable(kind, &misfit.to_string()))
}

/// Fills in what later versions wrote and the ARN says: the region, and the owners, which were one and the same before
/// a mesh could be shared.
fn fill_from_arn(schema: &Schema, state: &mut Value) {
    let Some(seed) = state.str("arn").and_then(Seed::from_arn) else {
        return;
    };
    for (name, text) in [
        ("mesh_owner", seed.account()),
        ("resource_owner", seed.account()),
        (REGION, seed.region()),
    ] {
        if has(schema, name) && state.get(name).is_null() {
            state.set_attr(name, text);
        }
    }
}

fn has(schema: &Schema, name: &str) -> bool {
    schema.root().attributes().iter().any(|one| one.name() == name)
}

/// A stored map is read as an object, because the state's JSON does not tell them apart.
fn as_map(value: &Value) -> Value {
    match value.entries() {
        Some(entries) => Value::map(
            entries
                .iter()
                .map(|(key, value)| (key.to_string(), value.clone())),
        ),
        None => value.clone(),
    }
}

/// The state of a `moved` block, if it comes from a type that we know.
pub(super) fn moved(kind: Kind, schema: &Schema, from: &MoveFrom) -> Result<Option<NewState>, Diagnostics> {
    let ours = model_schema::kind(kind).type_in(Dialect::Terraform);
    let theirs = format!("aws_{ours}");
    if from.is("hashicorp", "aws", &theirs) && from.version < SCHEMA_VERSION {
        return Ok(Some(
            NewState::new(state(kind, schema, &from.state)?).private(PENDING, true),
        ));
    }
    if !from.is("meshform", "appmesh", ours) && !from.is("meshform", "appmesh", &theirs) {
        return Ok(None);
    }
    let same = if from.version < SCHEMA_VERSION {
        state(kind, schema, &from.state)?
    } else {
        schema
            .conform_stored(from.state.clone())
            .map_err(|misfit| unreadable(kind, &misfit.to_string()))?
    };
    // What was remembered of the store moves along; bytes that are not ours say nothing.
    let private: serde_json::Value = serde_json::from_slice(&from.private).unwrap_or_default();
    let text = |key: &str| {
        private
            .get(key)
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    let number = |key: &str| private.get(key).and_then(serde_json::Value::as_u64);
    Ok(Some(
        NewState::new(same)
            .private(STORE, Value::from(text(STORE)))
            .private(REVISION, number(REVISION).map_or(Value::Null, Value::from)),
    ))
}

fn unreadable(kind: Kind, why: &str) -> Diagnostics {
    Diagnostic::error(
        codes::summary(codes::FOREIGN_STATE),
        format!("The stored state of this {kind} does not have the form that hashicorp/aws writes: {why}."),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};
    use tfplugin::codec::json::parse;

    const STATE: &str = include_str!("../../../model/tests/data/all-fields.state.json");

    /// Puts something else in the place of one value, by chance (splitmix64).
    fn spoil(value: &mut Json, mut next: impl FnMut(usize) -> usize) {
        let mut at = value;
        loop {
            let inner = match at {
                Json::Object(fields) => fields.len(),
                Json::Array(items) => items.len(),
                _ => 0,
            };
            if inner == 0 || next(6) == 0 {
                break;
            }
            let chosen = next(inner);
            at = match at {
                Json::Object(fields) => fields.values_mut().nth(chosen).unwrap(),
                Json::Array(items) => &mut items[chosen],
                _ => unreachable!("it has nothing inside"),
            };
        }
        let others = [
            Json::Null,
            json!(""),
            json!("x"),
            json!(0),
            json!(-1.5),
            json!(1e300),
            json!(true),
            json!([]),
            json!([null]),
            json!({}),
            json!({"x": [1]}),
            json!([at.clone(), at.clone()]),
        ];
        *at = others[next(others.len())].clone();
    }

    #[test]
    fn a_spoilt_state_of_another_provider_is_refused_or_fits_our_schema() {
        let state: Json = serde_json::from_str(STATE).unwrap();
        let mut taken = 0;
        for (at, resource) in state["resources"].as_array().unwrap().iter().enumerate() {
            let name = resource["type"].as_str().unwrap().trim_start_matches("aws_");
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| model_schema::kind(*kind).type_in(Dialect::Terraform) == name);
            let schema = crate::schema::resource(kind.unwrap());
            for seed in 0..60_u64 {
                let mut number = seed * 1000 + at as u64;
                let mut next = |n: usize| {
                    number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let z = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    ((z ^ (z >> 31)) % n as u64) as usize
                };
                let mut stored = resource["instances"][0]["attributes"].clone();
                for _ in 0..seed % 4 {
                    spoil(&mut stored, &mut next);
                }
                let tree = parse(stored.to_string().as_bytes()).unwrap();
                match super::state(kind.unwrap(), &schema, &tree) {
                    Ok(state) => {
                        taken += 1;
                        assert!(schema.conform_stored(state).is_ok(), "{stored}");
                    }
                    Err(found) => {
                        assert!(
                            seed % 4 > 0 && !format!("{found:?}").contains("bug"),
                            "{found:?}: {stored}"
                        );
                    }
                }
            }
        }
        assert!(taken > 1000, "{taken}");
    }
}

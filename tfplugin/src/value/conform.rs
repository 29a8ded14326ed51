//! Giving a bare tree the exact form that a type asks for.

use std::sync::Arc;

use super::{Entries, Type, Value};
use crate::path::{Path, PathStep};

/// How strictly a tree has to fit a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Attributes that the type does not name are a mistake; those left out become null.
    Exact,
    /// The tree comes from a state file: attributes that the type does not name are dropped (an older version
    /// of the type had them), and where any type may stand there is a pair of value and type.
    Stored,
}

/// A part of a value that is of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", PathPrefix(.path))]
pub struct Misfit {
    /// Where the value stands that does not fit its type.
    pub path: Path,
    /// What is wrong with it.
    pub problem: String,
}

struct PathPrefix<'p>(&'p Path);

impl std::fmt::Display for PathPrefix<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_root() {
            Ok(())
        } else {
            write!(f, "{}: ", self.0)
        }
    }
}

/// Gives a value the form of a type: lists become sets where a set is meant, objects become maps, attributes
/// that were left out become null, and what stands where any type may stand learns its type.
///
/// # Errors
/// When a part is of another type; the error names its place.
pub fn conform(ty: &Type, value: Value, fit: Fit) -> Result<Value, Misfit> {
    conform_at(ty, value, fit, &mut Path::root())
}

pub(crate) fn conform_at(ty: &Type, value: Value, fit: Fit, path: &mut Path) -> Result<Value, Misfit> {
    match (ty, value) {
        (_, Value::Null) => Ok(Value::Null),
        (_, unknown @ Value::Unknown(_)) => Ok(unknown),
        (Type::Dynamic, value) => {
            let known = match value {
                Value::Dynamic(inner) => (inner.0.clone(), conform_at(&inner.0, inner.1, fit, path)?),
                Value::Object(mut pair) if fit == Fit::Stored && stored_pair(&pair) => {
                    let ty = pair.remove("type").unwrap_or_default();
                    let ty =
                        Type::from_json(crate::value::json::to_string(&ty).as_bytes()).map_err(|error| {
                            Misfit {
                                path: path.clone(),
                                problem: error.to_string(),
                            }
                        })?;
                    let value = conform_at(&ty, pair.remove("value").unwrap_or_default(), fit, path)?;
                    if value.is_null() {
                        return Ok(Value::Null);
                    }
                    (ty, value)
                }
                bare => {
                    let ty = Type::of(&bare);
                    let value = conform_at(&ty, bare, fit, path)?;
                    (ty, value)
                }
            };
            Ok(Value::Dynamic(Box::new(known)))
        }
        (ty, Value::Dynamic(inner)) => conform_at(ty, inner.1, fit, path),
        (Type::Bool, value @ Value::Bool(_))
        | (Type::Number, value @ Value::Number(_))
        | (Type::String, value @ Value::String(_)) => Ok(value),
        (Type::List(inner), Value::List(items) | Value::Set(items)) => {
            Ok(Value::List(each(inner, items, PathStep::Index, fit, path)?))
        }
        (Type::Set(inner), Value::List(items) | Value::Set(items)) => {
            Ok(Value::set(each(inner, items, PathStep::Element, fit, path)?))
        }
        (Type::Map(inner), Value::Map(entries) | Value::Object(entries)) => {
            let mut out = Entries::new();
            for (key, value) in entries {
                path.push(PathStep::Key(Arc::clone(&key)));
                let value = conform_at(inner, value, fit, path)?;
                path.pop();
                out.insert(key, value);
            }
            Ok(Value::Map(out))
        }
        (Type::Object(attributes), Value::Map(entries) | Value::Object(entries)) => {
            let mut entries = entries;
            let mut out = Entries::new();
            for (name, ty) in attributes.iter() {
                path.push(PathStep::Attribute(Arc::clone(name)));
                let value = entries.remove(name).unwrap_or_default();
                out.insert(Arc::clone(name), conform_at(ty, value, fit, path)?);
                path.pop();
            }
            if let (Fit::Exact, Some((name, _))) = (fit, entries.first_key_value()) {
                return Err(Misfit {
                    path: path.attr(Arc::clone(name)),
                    problem: "unsupported attribute".into(),
                });
            }
            Ok(Value::Object(out))
        }
        (Type::Tuple(types), Value::List(items)) => {
            if types.len() != items.len() {
                let problem = format!(
                    "a tuple of {} elements is required ({} given)",
                    types.len(),
                    items.len()
                );
                return Err(Misfit {
                    path: path.clone(),
                    problem,
                });
            }
            let mut out = Vec::with_capacity(items.len());
            for (index, (ty, item)) in types.iter().zip(items).enumerate() {
                path.push(PathStep::Index(index));
                out.push(conform_at(ty, item, fit, path)?);
                path.pop();
            }
            Ok(Value::List(out))
        }
        (ty, other) => Err(Misfit {
            path: path.clone(),
            problem: format!("{ty} is required, got {}", other.kind()),
        }),
    }
}

fn stored_pair(entries: &Entries) -> bool {
    entries.len() == 2 && entries.contains_key("type") && entries.contains_key("value")
}

fn each(
    ty: &Type,
    items: Vec<Value>,
    step: fn(usize) -> PathStep,
    fit: Fit,
    path: &mut Path,
) -> Result<Vec<Value>, Misfit> {
    let mut out = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        path.push(step(index));
        out.push(conform_at(ty, item, fit, path)?);
        path.pop();
    }
    Ok(out)
}

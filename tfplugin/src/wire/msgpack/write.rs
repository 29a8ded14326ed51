//! Writing.

use std::sync::Arc;

use rmp::encode as out;

use super::REFINED;
use crate::path::{Path, PathStep};
use crate::value::{Misfit, Number, Refinement, Type, Value};

/// Writes a value of a type.
///
/// # Errors
/// When the value is not of the type; the error names the place.
pub fn encode(ty: &Type, value: &Value) -> Result<Vec<u8>, Misfit> {
    let mut writer = Writer {
        bytes: Vec::with_capacity(256),
        path: Path::root(),
    };
    writer.value(ty, value)?;
    Ok(writer.bytes)
}

struct Writer {
    bytes: Vec<u8>,
    path: Path,
}

/// Writing into memory cannot fail; the codec's signatures say it could.
macro_rules! put {
    ($call:expr) => {
        let _ = $call;
    };
}

impl Writer {
    fn wrong(&self, ty: &Type, value: &Value) -> Misfit {
        Misfit {
            path: self.path.clone(),
            problem: format!("{ty} is required, got {}", value.kind()),
        }
    }

    fn len(&self, len: usize) -> Result<u32, Misfit> {
        u32::try_from(len).map_err(|_| Misfit {
            path: self.path.clone(),
            problem: "more than fits a message".into(),
        })
    }

    fn text(&mut self, text: &str) -> Result<(), Misfit> {
        self.len(text.len())?;
        put!(out::write_str(&mut self.bytes, text));
        Ok(())
    }

    fn value(&mut self, ty: &Type, value: &Value) -> Result<(), Misfit> {
        match (ty, value) {
            (_, Value::Null) => {
                put!(out::write_nil(&mut self.bytes));
                Ok(())
            }
            (_, Value::Unknown(refinement)) => {
                self.unknown(refinement.as_deref());
                Ok(())
            }
            (Type::Dynamic, value) => self.dynamic(value),
            (ty, Value::Dynamic(inner)) => self.value(ty, &inner.1),
            (Type::Bool, Value::Bool(value)) => {
                put!(out::write_bool(&mut self.bytes, *value));
                Ok(())
            }
            (Type::Number, Value::Number(number)) => match number.as_i64() {
                Some(whole) => {
                    put!(out::write_sint(&mut self.bytes, whole));
                    Ok(())
                }
                None => self.text(&number.to_string()),
            },
            (Type::String, Value::String(text)) => self.text(text),
            (Type::List(inner), Value::List(items)) => self.array(inner, items, PathStep::Index),
            (Type::Set(inner), Value::Set(items)) => self.array(inner, items, PathStep::Element),
            (Type::Map(inner), Value::Map(entries)) => {
                let len = self.len(entries.len())?;
                put!(out::write_map_len(&mut self.bytes, len));
                for (key, value) in entries {
                    self.text(key)?;
                    self.path.push(PathStep::Key(Arc::clone(key)));
                    self.value(inner, value)?;
                    self.path.pop();
                }
                Ok(())
            }
            (Type::Object(attributes), Value::Object(entries)) => {
                if let Some(name) = entries.keys().find(|name| !attributes.contains_key(*name)) {
                    return Err(Misfit {
                        path: self.path.attr(Arc::clone(name)),
                        problem: "unsupported attribute".into(),
                    });
                }
                let len = self.len(attributes.len())?;
                put!(out::write_map_len(&mut self.bytes, len));
                for (name, ty) in attributes.iter() {
                    self.text(name)?;
                    self.path.push(PathStep::Attribute(Arc::clone(name)));
                    self.value(ty, entries.get(name).unwrap_or(&Value::Null))?;
                    self.path.pop();
                }
                Ok(())
            }
            (Type::Tuple(types), Value::List(items)) if types.len() == items.len() => {
                let len = self.len(types.len())?;
                put!(out::write_array_len(&mut self.bytes, len));
                for (index, (ty, item)) in types.iter().zip(items).enumerate() {
                    self.path.push(PathStep::Index(index));
                    self.value(ty, item)?;
                    self.path.pop();
                }
                Ok(())
            }
            (ty, other) => Err(self.wrong(ty, other)),
        }
    }

    fn array(&mut self, inner: &Type, items: &[Value], step: fn(usize) -> PathStep) -> Result<(), Misfit> {
        let len = self.len(items.len())?;
        put!(out::write_array_len(&mut self.bytes, len));
        for (index, item) in items.iter().enumerate() {
            self.path.push(step(index));
            self.value(inner, item)?;
            self.path.pop();
        }
        Ok(())
    }

    fn dynamic(&mut self, value: &Value) -> Result<(), Misfit> {
        let (ty, value) = match value {
            Value::Dynamic(inner) => (inner.0.clone(), &inner.1),
            bare => (Type::of(bare), bare),
        };
        let json = ty.to_json();
        self.len(json.len())?;
        put!(out::write_array_len(&mut self.bytes, 2));
        put!(out::write_bin(&mut self.bytes, json.as_bytes()));
        self.value(&ty, value)
    }

    fn unknown(&mut self, refinement: Option<&Refinement>) {
        let Some(promise) = refinement.filter(|promise| !promise.is_empty()) else {
            self.bytes.extend_from_slice(&[0xd4, 0, 0]);
            return;
        };
        let mut payload = Writer {
            bytes: Vec::new(),
            path: Path::root(),
        };
        let length = |count: &u64| Value::from(*count);
        let bound = |(number, closed): &(Number, bool)| {
            Value::List(vec![Value::Number(number.clone()), Value::Bool(*closed)])
        };
        let bound_type = Type::tuple([Type::Number, Type::Bool]);
        let parts: Vec<(u8, Type, Value)> = [
            promise.null.map(|null| (1, Type::Bool, Value::Bool(null))),
            promise
                .prefix
                .as_ref()
                .map(|prefix| (2, Type::String, prefix.into())),
            promise
                .lower
                .as_ref()
                .map(|lower| (3, bound_type.clone(), bound(lower))),
            promise
                .upper
                .as_ref()
                .map(|upper| (4, bound_type.clone(), bound(upper))),
            promise
                .min_length
                .as_ref()
                .map(|count| (5, Type::Number, length(count))),
            promise
                .max_length
                .as_ref()
                .map(|count| (6, Type::Number, length(count))),
        ]
        .into_iter()
        .flatten()
        .collect();
        put!(out::write_map_len(
            &mut payload.bytes,
            u32::try_from(parts.len()).unwrap_or_default()
        ));
        for (key, ty, value) in parts {
            put!(out::write_uint(&mut payload.bytes, u64::from(key)));
            put!(payload.value(&ty, &value));
        }
        let size = u32::try_from(payload.bytes.len()).unwrap_or_default();
        put!(out::write_ext_meta(&mut self.bytes, size, REFINED));
        self.bytes.extend_from_slice(&payload.bytes);
    }
}

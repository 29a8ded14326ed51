//! Reading; nothing in the bytes is trusted.

use std::sync::Arc;

use rmp::Marker;

use super::REFINED;
use crate::path::{Path, PathStep};
use crate::value::{Entries, Misfit, Number, Refinement, Type, Value};

/// Reads a value of a type. Empty input is null.
///
/// # Errors
/// When the bytes are cut off, go on after the value, or hold something else; the error names the place.
pub fn decode(ty: &Type, bytes: &[u8]) -> Result<Value, Misfit> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut reader = Reader {
        rest: bytes,
        path: Path::root(),
    };
    let value = reader.value(ty)?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(reader.wrong("bytes follow the value"))
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    path: Path,
}

impl<'b> Reader<'b> {
    fn wrong(&self, problem: impl Into<String>) -> Misfit {
        Misfit {
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], Misfit> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.wrong("the message is cut off")),
        }
    }

    fn uint(&mut self, bytes: usize) -> Result<u64, Misfit> {
        Ok(self
            .take(bytes)?
            .iter()
            .fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    fn size(&mut self, bytes: usize) -> Result<usize, Misfit> {
        let size = self.uint(bytes)?;
        usize::try_from(size).map_err(|_| self.wrong("a length that cannot be"))
    }

    fn marker(&mut self) -> Result<Marker, Misfit> {
        Ok(Marker::from_u8(self.take(1)?.first().copied().unwrap_or(0xc1)))
    }

    /// Payload size of an extension, when the marker is one.
    fn ext(&mut self, marker: Marker) -> Result<Option<usize>, Misfit> {
        Ok(Some(match marker {
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Ext8 => self.size(1)?,
            Marker::Ext16 => self.size(2)?,
            Marker::Ext32 => self.size(4)?,
            _ => return Ok(None),
        }))
    }

    fn str_len(&mut self, marker: Marker) -> Result<Option<usize>, Misfit> {
        Ok(Some(match marker {
            Marker::FixStr(size) => usize::from(size),
            Marker::Str8 => self.size(1)?,
            Marker::Str16 => self.size(2)?,
            Marker::Str32 => self.size(4)?,
            _ => return Ok(None),
        }))
    }

    fn array_len(&mut self, marker: Marker) -> Result<Option<usize>, Misfit> {
        Ok(Some(match marker {
            Marker::FixArray(size) => usize::from(size),
            Marker::Array16 => self.size(2)?,
            Marker::Array32 => self.size(4)?,
            _ => return Ok(None),
        }))
    }

    fn map_len(&mut self, marker: Marker) -> Result<Option<usize>, Misfit> {
        Ok(Some(match marker {
            Marker::FixMap(size) => usize::from(size),
            Marker::Map16 => self.size(2)?,
            Marker::Map32 => self.size(4)?,
            _ => return Ok(None),
        }))
    }

    fn text(&mut self, size: usize) -> Result<&'b str, Misfit> {
        let bytes = self.take(size)?;
        std::str::from_utf8(bytes).map_err(|_| self.wrong("text that is not UTF-8"))
    }

    fn key(&mut self) -> Result<&'b str, Misfit> {
        let marker = self.marker()?;
        match self.str_len(marker)? {
            Some(size) => self.text(size),
            None => Err(self.wrong("a key that is no string")),
        }
    }

    fn value(&mut self, ty: &Type) -> Result<Value, Misfit> {
        let marker = self.marker()?;
        if marker == Marker::Null {
            return Ok(Value::Null);
        }
        if let Some(size) = self.ext(marker)? {
            let code = i8::from_be_bytes([self.take(1)?.first().copied().unwrap_or(0)]);
            let payload = self.take(size)?;
            return Ok(if code == REFINED {
                refined(payload)
            } else {
                Value::UNKNOWN
            });
        }
        match ty {
            Type::Bool => match marker {
                Marker::True => Ok(Value::Bool(true)),
                Marker::False => Ok(Value::Bool(false)),
                _ => Err(self.wrong("bool is required")),
            },
            Type::Number => self.number(marker).map(Value::Number),
            Type::String => match self.str_len(marker)? {
                Some(size) => Ok(Value::String(self.text(size)?.to_owned())),
                None => Err(self.wrong("string is required")),
            },
            Type::List(inner) => self.array(inner, marker, PathStep::Index).map(Value::List),
            Type::Set(inner) => self.array(inner, marker, PathStep::Element).map(Value::Set),
            Type::Map(inner) => self.map(inner, marker),
            Type::Object(_) => self.object(ty, marker),
            Type::Tuple(types) => {
                if self.array_len(marker)? != Some(types.len()) {
                    return Err(self.wrong(format!("a tuple of {} elements is required", types.len())));
                }
                let mut items = Vec::with_capacity(types.len());
                for (index, ty) in types.iter().enumerate() {
                    self.path.push(PathStep::Index(index));
                    items.push(self.value(ty)?);
                    self.path.pop();
                }
                Ok(Value::List(items))
            }
            Type::Dynamic => self.dynamic(marker),
        }
    }

    fn number(&mut self, marker: Marker) -> Result<Number, Misfit> {
        let signed = |bits: u64, bytes: u32| {
            let shift = 64 - 8 * bytes;
            // Sign extension of a two's complement number of fewer bits.
            (bits << shift).cast_signed() >> shift
        };
        let float = |value: f64| Number::from_f64_exact(value);
        Ok(match marker {
            Marker::FixPos(value) => value.into(),
            Marker::FixNeg(value) => value.into(),
            Marker::U8 => self.uint(1)?.into(),
            Marker::U16 => self.uint(2)?.into(),
            Marker::U32 => self.uint(4)?.into(),
            Marker::U64 => self.uint(8)?.into(),
            Marker::I8 => signed(self.uint(1)?, 1).into(),
            Marker::I16 => signed(self.uint(2)?, 2).into(),
            Marker::I32 => signed(self.uint(4)?, 4).into(),
            Marker::I64 => signed(self.uint(8)?, 8).into(),
            Marker::F32 => {
                let bits = u32::try_from(self.uint(4)?).unwrap_or_default();
                float(f64::from(f32::from_bits(bits)))
                    .ok_or_else(|| self.wrong("a finite number is required"))?
            }
            Marker::F64 => float(f64::from_bits(self.uint(8)?))
                .ok_or_else(|| self.wrong("a finite number is required"))?,
            _ => match self.str_len(marker)? {
                Some(size) => self
                    .text(size)?
                    .parse()
                    .map_err(|_| self.wrong("number is required"))?,
                None => return Err(self.wrong("number is required")),
            },
        })
    }

    fn array(
        &mut self,
        inner: &Type,
        marker: Marker,
        step: fn(usize) -> PathStep,
    ) -> Result<Vec<Value>, Misfit> {
        let Some(count) = self.array_len(marker)? else {
            return Err(self.wrong("a sequence is required"));
        };
        // The stated length is not trusted: each element takes at least one byte.
        let mut items = Vec::with_capacity(count.min(self.rest.len()).min(4096));
        for index in 0..count {
            self.path.push(step(index));
            items.push(self.value(inner)?);
            self.path.pop();
        }
        Ok(items)
    }

    fn map(&mut self, inner: &Type, marker: Marker) -> Result<Value, Misfit> {
        let Some(count) = self.map_len(marker)? else {
            return Err(self.wrong("a map is required"));
        };
        let mut entries = Entries::new();
        for _ in 0..count {
            let key: Arc<str> = self.key()?.into();
            self.path.push(PathStep::Key(Arc::clone(&key)));
            let value = self.value(inner)?;
            self.path.pop();
            entries.insert(key, value);
        }
        Ok(Value::Map(entries))
    }

    fn object(&mut self, ty: &Type, marker: Marker) -> Result<Value, Misfit> {
        let (Type::Object(attributes), Some(count)) = (ty, self.map_len(marker)?) else {
            return Err(self.wrong("an object is required"));
        };
        if count != attributes.len() {
            let problem = format!(
                "an object with {} attributes is required ({count} given)",
                attributes.len()
            );
            return Err(self.wrong(problem));
        }
        let mut entries = Entries::new();
        for _ in 0..count {
            let key = self.key()?;
            let Some((name, ty)) = attributes.get_key_value(key) else {
                return Err(Misfit {
                    path: self.path.attr(key),
                    problem: "unsupported attribute".into(),
                });
            };
            self.path.push(PathStep::Attribute(Arc::clone(name)));
            let value = self.value(ty)?;
            self.path.pop();
            if entries.insert(Arc::clone(name), value).is_some() {
                return Err(self.wrong(format!("attribute `{name}` occurs twice")));
            }
        }
        Ok(Value::Object(entries))
    }

    fn dynamic(&mut self, marker: Marker) -> Result<Value, Misfit> {
        if self.array_len(marker)? != Some(2) {
            return Err(self.wrong("a type and a value are required"));
        }
        let marker = self.marker()?;
        let size = match marker {
            Marker::Bin8 => Some(self.size(1)?),
            Marker::Bin16 => Some(self.size(2)?),
            Marker::Bin32 => Some(self.size(4)?),
            other => self.str_len(other)?,
        };
        let Some(size) = size else {
            return Err(self.wrong("a type is required"));
        };
        let ty = Type::from_json(self.take(size)?).map_err(|error| self.wrong(error.to_string()))?;
        if ty == Type::Dynamic {
            return Err(self.wrong("a concrete type is required"));
        }
        Ok(match self.value(&ty)? {
            Value::Null => Value::Null,
            value => Value::dynamic(ty, value),
        })
    }
}

/// A promise in a form that this version does not know is skipped: less is then known, nothing wrong.
fn refined(payload: &[u8]) -> Value {
    Value::unknown_with(read_refinement(payload).unwrap_or_default())
}

fn read_refinement(payload: &[u8]) -> Result<Refinement, Misfit> {
    let mut reader = Reader {
        rest: payload,
        path: Path::root(),
    };
    let mut all = Refinement::default();
    let marker = reader.marker()?;
    let count = reader
        .map_len(marker)?
        .ok_or_else(|| reader.wrong("a map is required"))?;
    for _ in 0..count {
        let marker = reader.marker()?;
        match reader.number(marker)?.as_i64() {
            Some(1) => all.null = reader.value(&Type::Bool)?.as_bool(),
            Some(2) => all.prefix = reader.value(&Type::String)?.as_str().map(str::to_owned),
            Some(3) => all.lower = reader.bound()?,
            Some(4) => all.upper = reader.bound()?,
            Some(5) => all.min_length = reader.value(&Type::Number)?.as_number().and_then(Number::as_u64),
            Some(6) => all.max_length = reader.value(&Type::Number)?.as_number().and_then(Number::as_u64),
            _ => return Ok(all),
        }
    }
    Ok(all)
}

impl Reader<'_> {
    fn bound(&mut self) -> Result<Option<(Number, bool)>, Misfit> {
        let value = self.value(&Type::tuple([Type::Number, Type::Bool]))?;
        let number = value.items().first().and_then(Value::as_number).cloned();
        Ok(number.zip(value.items().get(1).and_then(Value::as_bool)))
    }
}

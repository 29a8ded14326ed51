//! Canonical protobuf JSON straight from a message's bytes.
//!
//! The general way, through a message of `prost-reflect`, builds a map of boxed values for every message, and then throws it away:
//! three quarters of the time that the files of a large mesh took. Here the descriptors are read once into tables, and
//! the bytes are walked along them. Tests hold the two ways equal for every type.

use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};
use prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// The tables of all messages of a pool.
#[derive(Debug, Default)]
pub(crate) struct Printer {
    shapes: Vec<Shape>,
    by_name: BTreeMap<String, usize>,
}

/// How a message is printed.
#[derive(Debug)]
enum Shape {
    /// An object of its fields.
    Fields(BTreeMap<u32, Field>),
    /// The entry of a map.
    Entry(BTreeMap<u32, Field>),
    /// The value alone, or its default: `google.protobuf.UInt32Value` and its like.
    Wrapper(Scalar),
    Duration,
    Any,
    /// `google.protobuf.Struct`, with [`Value`](Self::Value) and [`List`](Self::List) printed as the JSON that they
    /// stand for.
    Struct,
    Value,
    List,
    /// What has a form of its own that nothing here needs, such as a timestamp: for the general way.
    Other,
}

#[derive(Debug)]
struct Field {
    name: String,
    many: bool,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Scalar(Scalar),
    /// The place of the message's shape.
    Message(usize),
}

#[derive(Debug, Clone)]
enum Scalar {
    Bool,
    String,
    Bytes,
    /// `int32` and `int64`, which the wire does not tell apart.
    Int,
    UInt,
    /// `sint32` and `sint64`, whose sign stands in the lowest bit.
    ZigZag,
    Fixed32,
    Fixed64,
    SFixed32,
    SFixed64,
    Float,
    Double,
    /// The values' names by number: JSON has the name.
    Enum(BTreeMap<i32, String>),
}

/// Why the bytes cannot be printed here: broken ones, or a type that only the general way knows.
#[derive(Debug)]
pub(crate) struct NotHere;

impl From<prost::DecodeError> for NotHere {
    fn from(_: prost::DecodeError) -> Self {
        Self
    }
}

type Result<T> = std::result::Result<T, NotHere>;

impl Printer {
    pub(crate) fn new(pool: &DescriptorPool) -> Self {
        let mut printer = Self::default();
        let messages: Vec<MessageDescriptor> = pool.all_messages().collect();
        for (at, message) in messages.iter().enumerate() {
            printer.by_name.insert(message.full_name().to_owned(), at);
        }
        printer.shapes = messages.iter().map(|message| printer.shape(message)).collect();
        printer
    }

    fn shape(&self, message: &MessageDescriptor) -> Shape {
        let fields = || {
            let fields = message.fields();
            fields.map(|field| (field.number(), self.field(&field))).collect()
        };
        if message.is_map_entry() {
            return Shape::Entry(fields());
        }
        match message.full_name().strip_prefix("google.protobuf.") {
            None | Some("Empty") => Shape::Fields(fields()),
            Some("Duration") => Shape::Duration,
            Some("Any") => Shape::Any,
            Some("Struct") => Shape::Struct,
            Some("Value") => Shape::Value,
            Some("ListValue") => Shape::List,
            Some(wrapper) if wrapper.ends_with("Value") => {
                let value = message.get_field(1).map(|field| scalar(&field.kind()));
                value.flatten().map_or(Shape::Other, Shape::Wrapper)
            }
            Some(_) => Shape::Other,
        }
    }

    fn field(&self, field: &FieldDescriptor) -> Field {
        let kind = field.kind();
        let of = match scalar(&kind) {
            Some(scalar) => Of::Scalar(scalar),
            None => {
                let message = kind.as_message().map(MessageDescriptor::full_name);
                let at = message.and_then(|name| self.by_name.get(name));
                Of::Message(at.copied().unwrap_or(usize::MAX))
            }
        };
        Field {
            name: field.name().to_owned(),
            many: field.cardinality() == Cardinality::Repeated,
            of,
        }
    }

    /// The JSON of a message.
    pub(crate) fn print(&self, name: &str, bytes: &[u8]) -> Result<Value> {
        let at = self.by_name.get(name).ok_or(NotHere)?;
        self.message(*at, bytes)
    }

    fn message(&self, at: usize, mut bytes: &[u8]) -> Result<Value> {
        match self.shapes.get(at).ok_or(NotHere)? {
            Shape::Fields(fields) => Ok(Value::Object(self.fields(fields, bytes)?)),
            Shape::Wrapper(scalar) => {
                let mut value = default(scalar);
                while bytes.has_remaining() {
                    let (_, wire) = decode_key(&mut bytes)?;
                    value = self::value(scalar, wire, &mut bytes)?;
                }
                Ok(value)
            }
            Shape::Duration => duration(bytes),
            Shape::Any => self.any(bytes),
            Shape::Struct => structure(bytes),
            Shape::Value => free(bytes),
            Shape::List => list(bytes),
            Shape::Entry(_) | Shape::Other => Err(NotHere),
        }
    }

    fn fields(&self, fields: &BTreeMap<u32, Field>, mut bytes: &[u8]) -> Result<Map<String, Value>> {
        let mut out = Map::new();
        while bytes.has_remaining() {
            let (number, wire) = decode_key(&mut bytes)?;
            let field = fields.get(&number).ok_or(NotHere)?;
            match &field.of {
                Of::Scalar(scalar) if field.many => {
                    let items = entries(&mut out, &field.name)?;
                    let packed = !matches!(scalar, Scalar::String | Scalar::Bytes)
                        && wire == WireType::LengthDelimited;
                    if packed {
                        let mut packed = piece(&mut bytes)?;
                        while packed.has_remaining() {
                            items.push(value(scalar, wire_of(scalar), &mut packed)?);
                        }
                    } else {
                        items.push(value(scalar, wire, &mut bytes)?);
                    }
                }
                Of::Scalar(scalar) => {
                    out.insert(field.name.clone(), value(scalar, wire, &mut bytes)?);
                }
                Of::Message(at) => {
                    let inner = piece(&mut bytes)?;
                    if let Some(Shape::Entry(entry)) = self.shapes.get(*at) {
                        self.entry(&mut out, &field.name, entry, inner)?;
                    } else if field.many {
                        let printed = self.message(*at, inner)?;
                        entries(&mut out, &field.name)?.push(printed);
                    } else {
                        // Once: what comes twice would have to be merged, and nothing here writes it so.
                        let printed = self.message(*at, inner)?;
                        if out.insert(field.name.clone(), printed).is_some() {
                            return Err(NotHere);
                        }
                    }
                }
            }
        }
        Ok(out)
    }

    fn entry(
        &self,
        out: &mut Map<String, Value>,
        name: &str,
        entry: &BTreeMap<u32, Field>,
        bytes: &[u8],
    ) -> Result<()> {
        let mut fields = self.fields(entry, bytes)?;
        let key = match fields.remove("key") {
            Some(Value::String(key)) => key,
            Some(key) => key.to_string(),
            None => match entry.get(&1).map(|field| &field.of) {
                Some(Of::Scalar(scalar)) => match default(scalar) {
                    Value::String(key) => key,
                    key => key.to_string(),
                },
                _ => return Err(NotHere),
            },
        };
        let value = match (fields.remove("value"), entry.get(&2).map(|field| &field.of)) {
            (Some(value), _) => value,
            (None, Some(Of::Scalar(scalar))) => default(scalar),
            (None, Some(Of::Message(at))) => self.message(*at, &[])?,
            (None, None) => return Err(NotHere),
        };
        let map = out
            .entry(name)
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut()
            .ok_or(NotHere)?;
        map.insert(key, value);
        Ok(())
    }

    fn any(&self, mut bytes: &[u8]) -> Result<Value> {
        let (mut url, mut inner): (&[u8], &[u8]) = (&[], &[]);
        while bytes.has_remaining() {
            match decode_key(&mut bytes)? {
                (1, WireType::LengthDelimited) => url = piece(&mut bytes)?,
                (2, WireType::LengthDelimited) => inner = piece(&mut bytes)?,
                _ => return Err(NotHere),
            }
        }
        let url = text(url)?;
        let name = url.rsplit('/').next().unwrap_or_default();
        let at = *self.by_name.get(name).ok_or(NotHere)?;
        let mut out = match (self.shapes.get(at), self.message(at, inner)?) {
            (Some(Shape::Fields(_)), Value::Object(fields)) => fields,
            (_, value) => Map::from_iter([("value".to_owned(), value)]),
        };
        out.insert("@type".to_owned(), Value::String(url));
        Ok(Value::Object(out))
    }
}

fn entries<'a>(out: &'a mut Map<String, Value>, name: &str) -> Result<&'a mut Vec<Value>> {
    let list = out.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    list.as_array_mut().ok_or(NotHere)
}

fn scalar(kind: &Kind) -> Option<Scalar> {
    Some(match kind {
        Kind::Bool => Scalar::Bool,
        Kind::String => Scalar::String,
        Kind::Bytes => Scalar::Bytes,
        Kind::Int32 | Kind::Int64 => Scalar::Int,
        Kind::Uint32 | Kind::Uint64 => Scalar::UInt,
        Kind::Sint32 | Kind::Sint64 => Scalar::ZigZag,
        Kind::Fixed32 => Scalar::Fixed32,
        Kind::Fixed64 => Scalar::Fixed64,
        Kind::Sfixed32 => Scalar::SFixed32,
        Kind::Sfixed64 => Scalar::SFixed64,
        Kind::Float => Scalar::Float,
        Kind::Double => Scalar::Double,
        Kind::Enum(of) => Scalar::Enum(names(of)),
        Kind::Message(_) => return None,
    })
}

fn names(of: &EnumDescriptor) -> BTreeMap<i32, String> {
    let mut names = BTreeMap::new();
    for value in of.values() {
        names
            .entry(value.number())
            .or_insert_with(|| value.name().to_owned());
    }
    names
}

fn default(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Bool => Value::Bool(false),
        Scalar::String | Scalar::Bytes => Value::String(String::new()),
        Scalar::Float | Scalar::Double => Value::from(0.0),
        Scalar::Enum(names) => named(names, 0),
        _ => Value::from(0),
    }
}

fn named(names: &BTreeMap<i32, String>, number: i32) -> Value {
    names
        .get(&number)
        .map_or_else(|| Value::from(number), |name| Value::String(name.clone()))
}

fn wire_of(scalar: &Scalar) -> WireType {
    match scalar {
        Scalar::String | Scalar::Bytes => WireType::LengthDelimited,
        Scalar::Fixed32 | Scalar::SFixed32 | Scalar::Float => WireType::ThirtyTwoBit,
        Scalar::Fixed64 | Scalar::SFixed64 | Scalar::Double => WireType::SixtyFourBit,
        Scalar::Bool | Scalar::Int | Scalar::UInt | Scalar::ZigZag | Scalar::Enum(_) => WireType::Varint,
    }
}

/// One value of that type.
fn value(scalar: &Scalar, wire: WireType, bytes: &mut &[u8]) -> Result<Value> {
    if wire != wire_of(scalar) {
        return Err(NotHere);
    }
    Ok(match scalar {
        Scalar::Bool => Value::Bool(decode_varint(bytes)? != 0),
        Scalar::String => Value::String(text(piece(bytes)?)?),
        // Nothing here prints bytes; the general way knows base64.
        Scalar::Bytes => return Err(NotHere),
        Scalar::Int => Value::from(decode_varint(bytes)?.cast_signed()),
        Scalar::UInt => Value::from(decode_varint(bytes)?),
        Scalar::ZigZag => {
            let n = decode_varint(bytes)?;
            Value::from((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
        }
        Scalar::Fixed32 => Value::from(u32::from_le_bytes(array(bytes)?)),
        Scalar::Fixed64 => Value::from(u64::from_le_bytes(array(bytes)?)),
        Scalar::SFixed32 => Value::from(i32::from_le_bytes(array(bytes)?)),
        Scalar::SFixed64 => Value::from(i64::from_le_bytes(array(bytes)?)),
        Scalar::Float => float(f64::from(f32::from_le_bytes(array(bytes)?)))?,
        Scalar::Double => float(f64::from_le_bytes(array(bytes)?))?,
        Scalar::Enum(names) => {
            let number = decode_varint(bytes)?.cast_signed();
            named(names, i32::try_from(number).map_err(|_| NotHere)?)
        }
    })
}

/// What JSON has no number for is text, in the general way.
fn float(number: f64) -> Result<Value> {
    Number::from_f64(number).map(Value::Number).ok_or(NotHere)
}

fn piece<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = usize::try_from(decode_varint(bytes)?).map_err(|_| NotHere)?;
    let (piece, rest) = bytes.split_at_checked(length).ok_or(NotHere)?;
    *bytes = rest;
    Ok(piece)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk().ok_or(NotHere)?;
    *bytes = rest;
    Ok(*head)
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| NotHere)
}

/// `1.5s`, with as many digits as are needed: none, three, six or nine.
fn duration(mut bytes: &[u8]) -> Result<Value> {
    let (mut seconds, mut nanos) = (0, 0);
    while bytes.has_remaining() {
        match decode_key(&mut bytes)? {
            (1, WireType::Varint) => seconds = decode_varint(&mut bytes)?.cast_signed(),
            (2, WireType::Varint) => nanos = decode_varint(&mut bytes)?.cast_signed(),
            _ => return Err(NotHere),
        }
    }
    // Durations of configurations are not negative; others are for the general way.
    if seconds < 0 || !(0..1_000_000_000).contains(&nanos) {
        return Err(NotHere);
    }
    Ok(Value::String(match nanos {
        0 => format!("{seconds}s"),
        n if n % 1_000_000 == 0 => format!("{seconds}.{:03}s", n / 1_000_000),
        n if n % 1000 == 0 => format!("{seconds}.{:06}s", n / 1000),
        n => format!("{seconds}.{n:09}s"),
    }))
}

/// `google.protobuf.Struct`: a map from names to free values.
fn structure(mut bytes: &[u8]) -> Result<Value> {
    let mut out = Map::new();
    while bytes.has_remaining() {
        let (1, WireType::LengthDelimited) = decode_key(&mut bytes)? else {
            return Err(NotHere);
        };
        let mut entry = piece(&mut bytes)?;
        let (mut key, mut value) = (String::new(), Value::Null);
        while entry.has_remaining() {
            match decode_key(&mut entry)? {
                (1, WireType::LengthDelimited) => key = text(piece(&mut entry)?)?,
                (2, WireType::LengthDelimited) => value = free(piece(&mut entry)?)?,
                _ => return Err(NotHere),
            }
        }
        out.insert(key, value);
    }
    Ok(Value::Object(out))
}

fn list(mut bytes: &[u8]) -> Result<Value> {
    let mut out = Vec::new();
    while bytes.has_remaining() {
        let (1, WireType::LengthDelimited) = decode_key(&mut bytes)? else {
            return Err(NotHere);
        };
        out.push(free(piece(&mut bytes)?)?);
    }
    Ok(Value::Array(out))
}

/// `google.protobuf.Value`: one of its kinds.
fn free(mut bytes: &[u8]) -> Result<Value> {
    let (kind, wire) = decode_key(&mut bytes)?;
    let value = match (kind, wire) {
        (1, WireType::Varint) => {
            decode_varint(&mut bytes)?;
            Value::Null
        }
        (2, WireType::SixtyFourBit) => float(f64::from_le_bytes(array(&mut bytes)?))?,
        (3, WireType::LengthDelimited) => Value::String(text(piece(&mut bytes)?)?),
        (4, WireType::Varint) => Value::Bool(decode_varint(&mut bytes)? != 0),
        (5, WireType::LengthDelimited) => structure(piece(&mut bytes)?)?,
        (6, WireType::LengthDelimited) => list(piece(&mut bytes)?)?,
        _ => return Err(NotHere),
    };
    if bytes.has_remaining() {
        return Err(NotHere);
    }
    Ok(value)
}

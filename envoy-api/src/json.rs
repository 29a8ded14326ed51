//! Canonical protobuf JSON, both ways, by means of the descriptors that the definitions give.
//!
//! Field names are Envoy's own (snake case), 64-bit numbers are numbers, and an `Any` is written out with its
//! `@type`, however deep it sits. Plain fields that hold their default are left out, so equal messages give
//! equal text.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

use crate::Error;
use crate::print::{NotHere, Printer};

/// Decoding the descriptors takes milliseconds: only what prints or reads pays for it.
static POOL: LazyLock<DescriptorPool> =
    // A set that does not decode leaves an empty pool, where every type is unknown; a test looks.
    LazyLock::new(|| {
        DescriptorPool::decode(include_bytes!("gen/descriptors.bin").as_slice()).unwrap_or_default()
    });

static PRINTER: LazyLock<Printer> = LazyLock::new(|| Printer::new(pool()));

/// The descriptors of every type in this crate.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The message as canonical JSON.
///
/// # Errors
/// When an `Any` in it is of an unknown type or does not decode.
pub fn to_json<M: Message + Name>(message: &M) -> Result<Value, Error> {
    encoded_to_json::<M>(&message.encode_to_vec())
}

/// A message that is encoded already as canonical JSON.
///
/// # Errors
/// When the bytes are not such a message, or an `Any` in it is of an unknown type or does not decode.
pub fn encoded_to_json<M: Name>(bytes: &[u8]) -> Result<Value, Error> {
    let name = M::full_name();
    match PRINTER.print(&name, bytes) {
        Ok(value) => Ok(value),
        // It also says what is wrong, where something is.
        Err(NotHere) => by_reflection(&name, bytes),
    }
}

/// The general way, for every type and form.
fn by_reflection(name: &str, bytes: &[u8]) -> Result<Value, Error> {
    let dynamic = DynamicMessage::decode(descriptor(name)?, bytes).map_err(|source| Error::Decode {
        name: name.to_owned(),
        source,
    })?;
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| Error::Print {
            name: name.to_owned(),
            message: error.to_string(),
        })
}

/// The message that this JSON is; a field that it does not have is an error.
///
/// What an `Any` holds is written in another order of fields than [`any`](crate::any()) writes it, so compare
/// such messages by their JSON, not by their bytes.
///
/// # Errors
/// When the JSON is not that message; the error tells where.
pub fn from_json<M: Message + Name + Default>(json: &Value) -> Result<M, Error> {
    let name = M::full_name();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(json, &mut track);
    let dynamic = match DynamicMessage::deserialize(descriptor(&name)?, tracked) {
        Ok(dynamic) => dynamic,
        Err(error) => {
            let (path, message) = (track.path().to_string(), error.to_string());
            return Err(Error::Read { name, path, message });
        }
    };
    dynamic
        .transcode_to()
        .map_err(|source| Error::Decode { name, source })
}

fn descriptor(name: &str) -> Result<MessageDescriptor, Error> {
    pool()
        .get_message_by_name(name)
        .ok_or_else(|| Error::UnknownType(name.to_owned()))
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;

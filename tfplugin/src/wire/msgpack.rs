//! Values as MessagePack, read and written by their type.

mod read;
mod write;

pub use read::decode;
pub use write::encode;

/// The extension code of an unknown value about which something is promised.
const REFINED: i8 = 12;

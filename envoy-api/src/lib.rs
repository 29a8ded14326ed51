//! The part of Envoy's v3 API that meshform writes: messages, and their canonical JSON.
//!
//! - [`envoy`] and [`google`]: the messages, in modules named like their protobuf packages. They are made from
//!   the definitions under `proto/`, which hold only the messages and fields in use; Envoy's names and numbers.
//! - [`to_json`], [`encoded_to_json`], [`from_json`]: what Envoy reads from a file, and back.
//! - [`any`], [`unpack`]: an extension's configuration, and back.
//! - [`millis`], [`seconds`], [`structure`]: durations, and free-form JSON.
//!
//! Nothing here knows a mesh, and nothing decides a default: an unset field is Envoy's own default.

mod any;
mod json;
mod print;
mod structure;

#[allow(
    unreachable_pub,
    clippy::all,
    reason = "generated; what there is to say is said in the definitions"
)]
#[path = "gen/mod.rs"]
mod generated;

pub use any::{any, unpack};
pub use generated::{envoy, google};
pub use json::{encoded_to_json, from_json, pool, to_json};
pub use prost;
pub use prost_types;
pub use structure::structure;

/// Why a message could not be printed or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The type is not among those this crate was generated from.
    #[error("`{0}` is not a type that is known here")]
    UnknownType(String),
    /// The bytes of a message, or of what is inside one of its `Any`s, are not that message.
    #[error("cannot decode `{name}`")]
    Decode {
        /// The message's full name: `envoy.config.cluster.v3.Cluster`.
        name: String,
        /// What is wrong with the bytes.
        source: prost::DecodeError,
    },
    /// A message holds what JSON has no form for, for instance an `Any` of an unknown type.
    #[error("cannot print `{name}`: {message}")]
    Print {
        name: String,
        /// What JSON has no form for.
        message: String,
    },
    /// The JSON is not that message: an unknown field, a wrong type.
    #[error("{name}: at `{path}`: {message}")]
    Read {
        name: String,
        /// The value that is wrong, or the object with the unknown field: `virtual_hosts[0].routes[2]`.
        path: String,
        message: String,
    },
    /// An `Any` holds another type than the one asked for.
    #[error("this is `{found}`, not `{wanted}`")]
    OtherType {
        /// The type URL that was found.
        found: String,
        /// The full name of the type asked for.
        wanted: String,
    },
}

/// That many milliseconds, as Envoy's fields want them.
pub const fn millis(ms: u64) -> prost_types::Duration {
    prost_types::Duration {
        seconds: (ms / 1000) as i64,
        nanos: ((ms % 1000) * 1_000_000) as i32,
    }
}

/// That many seconds, as Envoy's fields want them.
pub const fn seconds(s: u32) -> prost_types::Duration {
    prost_types::Duration {
        seconds: s as i64,
        nanos: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generated_file_is_in_the_tree_of_modules() {
        let tree = include_str!("gen/mod.rs");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let generated = name.ends_with(".rs") && name != "mod.rs";
            assert!(!generated || tree.contains(&format!("\"{name}\"")), "{name}");
        }
    }

    #[test]
    fn durations_are_split_into_seconds_and_the_rest() {
        assert_eq!((millis(250).seconds, millis(250).nanos), (0, 250_000_000));
        assert_eq!((millis(61_001).seconds, millis(61_001).nanos), (61, 1_000_000));
        assert_eq!(millis(0), seconds(0));
        assert_eq!(millis(15_000), seconds(15));
    }
}

//! Files as values, and names that are safe as parts of a path.

use meshform_model::digest::Digest;
pub use meshform_model::file_name::file_name;
use std::collections::BTreeMap;

/// Files by relative path; `/` separates, whatever the system.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Digest::of(bytes).into()
}

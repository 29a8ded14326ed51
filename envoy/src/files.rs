//! Files as values, and names that are safe as parts of a path.

pub use meshform_model::file_name::file_name;
use std::collections::BTreeMap;

/// Files by relative path; `/` separates, whatever the system.
pub type Files = BTreeMap<String, Vec<u8>>;

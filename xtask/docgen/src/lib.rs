//! The reference pages in the layout of the Terraform registry, each from the one place that knows:
//!
//! - what a kind's fields mean: `schemas/`, by `meshform_model::docs`;
//! - what the provider offers: its own schema, as Terraform prints it (`terraform providers schema -json`);
//! - the problems that are reported: each crate's `CODES` ([`errors`]);
//! - what a person would write: the files of `examples/`, which tests apply.
//!
//! `cargo xtask docs` runs the program; [`tree`] compares and writes.

mod errors;
mod offer;
mod original;
mod page;
pub mod tree;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

pub use errors::errors;

/// Pages by their path from the root of the repository.
pub type Pages = BTreeMap<String, String>;

/// Every page, for the checkout at `root`. `schema` is what `terraform providers schema -json` says of the provider.
///
/// # Errors
/// When `schema` is not such an answer, or something that the provider offers has no example.
pub fn pages(root: &Path, schema: &Value) -> Result<Pages, String> {
    let mut pages = known(root);
    pages.extend(offer::pages(root, schema)?);
    Ok(pages)
}

/// The pages that need no answer of the provider.
pub fn known(root: &Path) -> Pages {
    let mut pages = meshform_model::docs::render(|path| std::fs::read_to_string(root.join(path)).ok());
    pages.insert("docs/guides/errors.md".to_owned(), errors());
    pages
}

//! The reference of every kind as Markdown, from the schemas alone.
//!
//! The layout is the Terraform registry's: `docs/resources/<name>.md` with front matter, the arguments in groups
//! (Required, Optional, Read-Only), one section per nested block. Examples are files of their own, which tests apply.
//! `cargo xtask docs` writes the pages, a test says when they are stale.

mod hcl;
mod page;

use crate::kind::Kind;
use std::collections::BTreeMap;

/// Every page: its path from the root of the repository, and its text. `read` gives the text of an example's file,
/// by its path from there.
pub fn render(read: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    Kind::ALL
        .into_iter()
        .map(|kind| page::page(kind, &read))
        .collect()
}

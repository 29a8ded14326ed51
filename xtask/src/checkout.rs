//! Where this checkout and its ignored folders are.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The root of the checkout that tasks work on.
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout whose `xtask` this is.
    pub(crate) fn find() -> Result<Self> {
        // `cargo run` says at run time where the package is; that holds when two checkouts share a target folder,
        // where what was compiled in may be the other one's.
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        match package.parent() {
            Some(root) if root.join("Cargo.toml").is_file() => Ok(Self {
                root: root.to_path_buf(),
            }),
            _ => Err(
                Failure::new(format!("{} is not inside a checkout", package.display()))
                    .help("start tasks with `cargo xtask`, inside the checkout"),
            ),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Ignored by git: programs from elsewhere.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }
}

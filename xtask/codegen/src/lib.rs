//! Writes the Rust that is checked in and that follows from something else: from the project's own `.proto` files, so that
//! no build needs a protobuf compiler, and from `schemas/`, so that what a schema says is not said again by hand.
//!
//! [`generate`] writes it; [`stale`] says what is out of date (the test of this crate, and `cargo xtask codegen --check`).

mod protobuf;
pub mod schemas;

pub use protobuf::{Services, TARGETS, Target};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The text or bytes of each generated file by its path under the workspace root.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Why nothing could be generated.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The crate that is generated from the schemas.
const MODEL: &str = "model";

/// Generates everything in memory, or what one crate has of it.
///
/// # Errors
/// When a definition or a schema cannot be read or nothing follows from it; the text names file and place.
pub fn render(root: &Path, only: Option<&str>) -> Result<Files, Error> {
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut all = Files::new();
    for target in TARGETS.iter().filter(|target| wanted(target.krate)) {
        protobuf::render(root, target, &mut all)?;
    }
    if wanted(MODEL) {
        all.extend(schemas::render(&root.join("schemas"))?);
    }
    if all.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.krate).chain([MODEL]).collect();
        return Err(format!(
            "nothing is generated for this crate, only for {}",
            names.join(", ")
        )
        .into());
    }
    Ok(all)
}

/// The folders that hold what is generated and nothing else, but for a `mod.rs` by hand.
fn folders(files: &Files) -> Vec<PathBuf> {
    let protobuf = TARGETS
        .iter()
        .map(|target| Path::new(target.krate).join("src/gen"));
    let all = protobuf.chain(schemas::FOLDERS.into_iter().map(PathBuf::from));
    all.filter(|folder| files.keys().any(|path| path.starts_with(folder)))
        .collect()
}

/// What stands in those folders and is no longer generated.
fn left_over(root: &Path, files: &Files) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for folder in folders(files) {
        if !root.join(&folder).is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(root.join(&folder))? {
            let path = folder.join(entry?.file_name());
            let by_hand = path.file_name().is_some_and(|name| name == "mod.rs");
            if !files.contains_key(&path) && !by_hand {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Writes every generated file, or only those of one crate, and removes what is no longer generated. What is as it should
/// be is left alone, so that nothing is built anew for it.
///
/// # Errors
/// As [`render`], or when a file cannot be written.
pub fn generate(root: &Path, only: Option<&str>) -> Result<usize, Error> {
    let files = render(root, only)?;
    let mut count = 0;
    for path in left_over(root, &files)? {
        std::fs::remove_file(root.join(path))?;
        count += 1;
    }
    for (path, bytes) in &files {
        let path = root.join(path);
        if std::fs::read(&path).ok().as_ref() == Some(bytes) {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)?;
        count += 1;
    }
    Ok(count)
}

/// The generated files whose checked-in form differs from what their sources give today.
///
/// # Errors
/// As [`render`].
pub fn stale(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let files = render(root, None)?;
    let mut stale = left_over(root, &files)?;
    let changed = files
        .iter()
        .filter(|(path, bytes)| std::fs::read(root.join(path)).ok().as_ref() != Some(*bytes));
    stale.extend(changed.map(|(path, _)| path.clone()));
    Ok(stale)
}

/// The workspace's root, from where this crate was built.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn checked_in_code_is_what_its_sources_give() {
        let stale = super::stale(&super::workspace_root()).unwrap();
        assert!(
            stale.is_empty(),
            "run `cargo xtask codegen`; out of date: {stale:?}"
        );
    }
}

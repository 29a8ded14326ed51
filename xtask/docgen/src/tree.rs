//! Pages against the files of a checkout: what differs, what is nobody's, and writing.

use crate::Pages;
use std::fs;
use std::io;
use std::path::Path;

/// The folders in which every page is written by us.
const OURS: [&str; 4] = [
    "docs/resources",
    "docs/data-sources",
    "docs/list-resources",
    "docs/functions",
];

/// What is not as it should be, one line each.
pub fn differences(root: &Path, pages: &Pages) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in pages {
        match fs::read_to_string(root.join(path)) {
            Ok(there) if there == *text => {}
            Ok(_) => found.push(format!("{path} is out of date")),
            Err(_) => found.push(format!("{path} is missing")),
        }
    }
    found.extend(
        orphans(root, pages)
            .into_iter()
            .map(|path| format!("{path} is nobody's page")),
    );
    found
}

/// Writes what differs, removes what is nobody's; gives what was done, one line each.
///
/// # Errors
/// When a file cannot be written.
pub fn write(root: &Path, pages: &Pages) -> io::Result<Vec<String>> {
    let mut done = Vec::new();
    for (path, text) in pages {
        let place = root.join(path);
        if fs::read_to_string(&place).is_ok_and(|there| there == *text) {
            continue;
        }
        fs::create_dir_all(place.parent().unwrap_or(root))?;
        fs::write(&place, text)?;
        done.push(format!("wrote {path}"));
    }
    for path in orphans(root, pages) {
        fs::remove_file(root.join(&path))?;
        done.push(format!("removed {path}"));
    }
    Ok(done)
}

fn orphans(root: &Path, pages: &Pages) -> Vec<String> {
    let mut found = Vec::new();
    for folder in OURS {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let paths = entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()));
        found.extend(paths.filter(|path| !pages.contains_key(path)));
    }
    found.sort();
    found
}

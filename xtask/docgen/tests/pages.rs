//! What is written is up to date, and every link in it leads somewhere.

#![allow(clippy::unwrap_used, reason = "a test program")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages of which Terraform need not be asked; `cargo xtask docs --check` compares the others too.
#[test]
fn pages_that_need_no_terraform_are_up_to_date() {
    let root = root();
    for (path, text) in meshform_docgen::known(&root) {
        let found = fs::read_to_string(root.join(&path)).unwrap_or_default();
        assert!(
            found == text,
            "{path} is out of date: `cargo xtask docs` writes it anew"
        );
    }
}

#[test]
fn every_page_has_the_form_that_the_registry_wants() {
    let pages = markdown();
    for (path, text) in &pages {
        let folder = path.strip_prefix("docs/").unwrap_or_default();
        let of_registry = [
            "resources/",
            "data-sources/",
            "list-resources/",
            "functions/",
            "guides/",
            "index.md",
        ];
        if !of_registry.iter().any(|start| folder.starts_with(start)) {
            continue;
        }
        assert!(
            text.starts_with("---\npage_title: \""),
            "{path} has no front matter"
        );
        assert!(
            text.contains("\ndescription: |-\n  "),
            "{path} has no description"
        );
        assert!(text.len() < 500_000, "{path} is too long for the registry");
        assert!(path.matches('/').count() <= 2, "{path} lies too deep");
    }
    assert!(pages.len() > 40, "{}", pages.len());
}

#[test]
fn every_link_leads_to_a_file_and_an_anchor() {
    let pages = markdown();
    let root = root();
    let mut broken = Vec::new();
    let mut checked = 0;
    for (path, text) in &pages {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                normal(&Path::new(path).parent().unwrap().join(file))
            };
            if !root.join(&target).exists() {
                broken.push(format!("{path}: {link}: there is no {target}"));
            } else if !anchor.is_empty()
                && !anchors(pages.get(&target).map_or("", String::as_str)).contains(anchor)
            {
                broken.push(format!("{path}: {link}: {target} has no such anchor"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 200, "only {checked} links were found");
}

/// Every page for people, by its path from the root.
fn markdown() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let root = root();
    let mut folders = vec![root.join("docs"), root.join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        found.insert(name.to_owned(), fs::read_to_string(root.join(name)).unwrap());
    }
    found
}

/// What links point to, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            found.extend(part.split(')').next().map(str::to_owned));
        }
    }
    found
}

/// The anchors of a page: those that are written, and those of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let written = text
        .split("<a id=\"")
        .skip(1)
        .filter_map(|part| part.split('"').next());
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let of_headings = headings.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    });
    written.map(str::to_owned).chain(of_headings).collect()
}

/// `docs/guides/../errors.md` is `docs/errors.md`.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|part| part.to_str()) {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

//! Manifests: every crate takes the workspace's lints and its versions, and features that change what numbers and
//! objects mean stay off.

use std::fs;
use std::path::Path;

use crate::common::{list, members, metadata, none, text};

/// A line of a manifest that says something, with the table it stands in.
struct ManifestLine<'a> {
    table: &'a str,
    key: &'a str,
    value: &'a str,
}

/// Reads as much TOML as our manifests use: tables and one-line entries. A list over several lines gives lines
/// without a key, which are left out.
fn entries(manifest: &str) -> Vec<ManifestLine<'_>> {
    let mut table = "";
    let mut entries = Vec::new();
    for line in manifest
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            table = name;
        } else if let Some((key, value)) = line.split_once('=') {
            entries.push(ManifestLine {
                table,
                key: key.trim(),
                value: value.trim(),
            });
        }
    }
    entries
}

/// What a manifest says that is not for it to say.
fn complaints(manifest: &str) -> Vec<String> {
    let entries = entries(manifest);
    let mut complaints = Vec::new();
    let says = |table: &str, key: &str, value: &str| {
        entries
            .iter()
            .any(|entry| entry.table == table && entry.key == key && entry.value == value)
    };
    if !says("lints", "workspace", "true") {
        complaints.push("needs `[lints]` with `workspace = true`".to_owned());
    }
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !says("package", &format!("{key}.workspace"), "true") {
            complaints.push(format!("needs `{key}.workspace = true`"));
        }
    }
    for ManifestLine { table, key, value } in &entries {
        let shared = if table.ends_with("dependencies") {
            (key.ends_with(".workspace") && *value == "true") || value.contains("workspace = true")
        } else if table.contains("dependencies.") {
            // `[dependencies.name]`: each of its lines is an entry of its own.
            !matches!(*key, "version" | "path" | "git")
        } else {
            true
        };
        let own = ["version =", "path =", "git ="]
            .iter()
            .any(|own| value.contains(own));
        // The package itself, in its tests, with a feature that only they switch on.
        let itself = value.starts_with("{ path = \".\"");
        if table.contains("dependencies") && (!shared || own) && !itself {
            complaints.push(format!(
                "`{key}`: its version belongs into the root's table, here `workspace = true`"
            ));
        }
    }
    complaints
}

#[test]
fn every_crate_takes_lints_and_versions_from_the_workspace() {
    let metadata = metadata();
    let mut all = Vec::new();
    for package in members(metadata) {
        let manifest = fs::read_to_string(Path::new(text(package, "manifest_path"))).unwrap();
        all.extend(
            complaints(&manifest)
                .into_iter()
                .map(|complaint| format!("{}: {complaint}", text(package, "name"))),
        );
    }
    none(&all);
}

#[test]
fn a_manifest_with_its_own_mind_is_noticed() {
    let good = "[package]\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n[dependencies]\n\
                serde.workspace = true\ntokio = { workspace = true, features = [\"net\"] }\n[features]\nx = []\n";
    assert_eq!(complaints(good), Vec::<String>::new());
    for bad in [
        good.replace("[lints]\nworkspace = true", ""),
        good.replace("edition.workspace = true", "edition = \"2021\""),
        good.replace("serde.workspace = true", "serde = \"1\""),
        good.replace("serde.workspace = true", "serde = { version = \"1\" }"),
        good.replace("serde.workspace = true", "serde = { path = \"../serde\" }"),
        format!("{good}[dev-dependencies.rand]\nversion = \"1\"\n"),
        format!("{good}[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n"),
    ] {
        assert_eq!(complaints(&bad).len(), 1, "{bad}");
    }
}

/// `arbitrary_precision` turns numbers into maps for other deserialisers; `preserve_order` makes output depend on
/// the order of input. Either, switched on by any crate, is on for all.
#[test]
fn features_that_change_the_meaning_of_json_are_off() {
    let metadata = metadata();
    let nodes = list(&metadata["resolve"], "nodes");
    let serde_json: Vec<_> = nodes
        .iter()
        .filter(|node| text(node, "id").contains("#serde_json@"))
        .collect();
    assert!(!serde_json.is_empty(), "serde_json is not in the graph any more");
    for node in serde_json {
        for feature in ["arbitrary_precision", "preserve_order"] {
            let on = list(node, "features").iter().any(|found| found == feature);
            assert!(
                !on,
                "{} has `{feature}` on: `cargo tree -e features -i serde_json` shows who asks",
                node["id"]
            );
        }
    }
}

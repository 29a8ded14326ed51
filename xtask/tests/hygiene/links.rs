//! What our crates link: a crate that one task needs stays with those who do it.

use std::process::Command;

use crate::common::{members, metadata, none, root, text};

/// A crate that only some of ours may link, built as users build them.
struct Rare {
    name: &'static str,
    by: &'static [&'static str],
    reason: &'static str,
}

const RARE: &[Rare] = &[
    Rare {
        name: "handlebars",
        by: &["meshform", "terraform-provider-appmesh", "meshform-docgen"],
        reason: "only who renders ECS or Compose needs templates: feature `ecs` of the compiler",
    },
    Rare {
        name: "jsonschema",
        by: &[],
        reason: "it is the oracle of tests; at run time the model judges",
    },
    Rare {
        name: "rusqlite",
        by: &[
            "meshform-store",
            "meshform-registry",
            "meshform-release",
            "meshform-console",
            "meshform-controlplane",
            "terraform-provider-appmesh",
            "meshform",
            "meshform-cfn",
            "meshform-docgen",
        ],
        reason: "only who has a store needs a database; an agent has none",
    },
];

#[test]
fn crates_link_only_what_their_task_needs() {
    let mut complaints = Vec::new();
    for package in members(metadata()) {
        let name = text(package, "name");
        let linked = linked(name);
        for rare in RARE {
            let links = linked.iter().any(|one| one == rare.name);
            match (links, rare.by.contains(&name)) {
                (true, false) => complaints.push(format!("{name} links {}: {}", rare.name, rare.reason)),
                (false, true) => complaints.push(format!(
                    "{name} does not link {} any more: take it out of the list",
                    rare.name
                )),
                _ => {}
            }
        }
    }
    none(&complaints);
}

/// The crates that a package is built with when nothing else is built beside it.
fn linked(package: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--package", package])
        .current_dir(root());
    let output = tree.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {said}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = lines.lines().filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

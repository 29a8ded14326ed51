//! `meshform validate` on what people really get wrong: each file of `bad/` says what `bad/expected.txt` says of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Ran, World};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where a file of a test stands.
fn beside(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A folder with copies of files that stand here.
fn world_of(names: &[&str]) -> World {
    let world = World::new(&[]);
    for name in names {
        let to = world.path().join(Path::new(name).file_name().unwrap());
        fs::copy(beside(name), to).unwrap();
    }
    world
}

/// What was told, in short: `MF0102 10:7`, `warning MF0612 -`.
fn told(ran: &Ran) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let problems = report["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| {
            let places = problem["places"].as_array().unwrap();
            let at = places.iter().find(|place| place.get("line").is_some());
            let at = at.map_or("-".to_owned(), |at| format!("{}:{}", at["line"], at["column"]));
            let warning = if problem["severity"] == "warning" {
                "warning "
            } else {
                ""
            };
            format!("{warning}{} {at}", problem["code"].as_str().unwrap())
        })
        .collect()
}

/// The table: by file, what is to be reported.
fn expected() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(beside("bad/expected.txt")).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (file, rest) = line.split_once(' ').unwrap();
            let told = rest.split(',').map(|one| one.trim().to_owned()).collect();
            (file.to_owned(), told)
        })
        .collect()
}

#[test]
fn each_bad_file_is_refused_with_its_code_at_its_place() {
    let expected = expected();
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(beside("bad")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "expected.txt" {
            continue;
        }
        let world = world_of(&[&format!("bad/{name}")]);
        let ran = world.run(&["validate", &name, "--format", "json"]);
        let told = told(&ran);
        let refused = told.iter().any(|one| !one.starts_with("warning"));
        assert_eq!(ran.exit.code(), u8::from(refused), "{name}: {told:?}");
        found.insert(name, told);
    }
    let mut differences = String::new();
    for (name, told) in &found {
        if expected.get(name) != Some(told) {
            differences.push_str(&format!("{name:<48} {}\n", told.join(", ")));
        }
    }
    assert_eq!(
        differences, "",
        "what is told, where the table says something else"
    );
    let gone: Vec<&String> = expected
        .keys()
        .filter(|name| !found.contains_key(*name))
        .collect();
    assert!(gone.is_empty(), "in the table, but not there: {gone:?}");
    let refused = found
        .values()
        .filter(|told| told.iter().any(|one| !one.starts_with("warning")));
    assert!(refused.count() >= 100, "few bad files are left");
}

/// In `seventeen-faults.yaml` each fault's line ends with its number.
#[test]
fn a_template_with_seventeen_faults_is_told_of_all_of_them() {
    let name = "seventeen-faults.yaml";
    let text = fs::read_to_string(beside(name)).unwrap();
    let ran = world_of(&[name]).run(&["validate", name, "--format", "json"]);
    let mut found = String::new();
    let mut numbers = Vec::new();
    for one in told(&ran) {
        let (code, at) = one.rsplit_once(' ').unwrap();
        let line: usize = at.split(':').next().unwrap().parse().unwrap();
        // A whole value is shown where it begins, which for a block is the line after its name.
        let lines = text.lines().skip(line.saturating_sub(2)).take(2);
        let fault = lines.filter_map(|line| line.split_once(" # ")).last();
        let (number, what) = fault
            .unwrap_or_else(|| panic!("{one}"))
            .1
            .split_once(": ")
            .unwrap();
        numbers.push(number.parse::<usize>().unwrap());
        found.push_str(&format!("{number:>2} {code} {at} {what}\n"));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=17).collect::<Vec<_>>(), "each once:\n{found}");
    insta::assert_snapshot!(found);
}

#[test]
fn what_is_said_of_a_bad_file_shows_it() {
    let files = [
        "duplicate-key.json",
        "everything-at-once.yaml",
        "latin-1.yaml",
        "mesh-unknown-names.yaml",
        "tab-as-indentation.yaml",
        "template-getatt-of-a-missing-attribute.yaml",
        "template-spec-beside-properties.yaml",
        "two-members-of-a-union.yaml",
        "wide-characters-before-a-fault.json",
    ];
    let shown = files.map(|name| {
        let world = world_of(&[&format!("bad/{name}")]);
        format!("## {name}\n{}", world.run(&["validate", name]).all())
    });
    insta::assert_snapshot!(shown.join("\n"));
}

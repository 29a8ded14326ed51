//! How the command talks: colours, less and more words, completions, manual pages, reports for other programs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test program")]

mod common;

use common::World;
use meshform::Exit;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A service of a node that is not there, whose name has everything that XML and terminals mind, and a service that
/// is called and has no provider.
const BROKEN: &str = r#"
- {meshName: shop, spec: {}}
- {meshName: shop, virtualServiceName: x.local, spec: {provider: {virtualNode: {virtualNodeName: "a<b>&\"c"}}}}
- {meshName: shop, virtualNodeName: n, spec: {backends: [{virtualService: {virtualServiceName: gone.local}}]}}
"#;

fn world() -> World {
    World::new(&[("mesh.yaml", BROKEN)])
}

#[test]
fn colours_are_there_when_they_are_asked_for() {
    let world = world();
    let plain = world.run(&["validate", "mesh.yaml"]);
    assert!(!plain.err.contains('\u{1b}'), "{}", plain.err);
    let colored = world.run(&["validate", "mesh.yaml", "--color", "always"]);
    assert!(
        colored.err.contains("\u{1b}[1;31merror[MF0212]\u{1b}[0m: "),
        "{}",
        colored.err
    );
    let mut without = String::new();
    let mut rest = colored.err.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        without.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    without.push_str(rest);
    assert_eq!(without, plain.err, "colours change no word");
}

#[test]
fn less_and_more_is_told() {
    let world = world();
    world.write(
        "fine.yaml",
        "- {meshName: shop, spec: {}}\n- {meshName: shop, virtualServiceName: a.local, spec: {}}\n",
    );
    let loud = world.run(&["validate", "fine.yaml", "-v"]);
    assert!(
        loud.err.contains("read fine.yaml") && loud.err.contains("took "),
        "{}",
        loud.err
    );
    let quiet = world.run(&["-q", "validate", "mesh.yaml"]);
    assert!(
        quiet.err.contains("error[MF0212]") && !quiet.err.contains("warning["),
        "{}",
        quiet.err
    );
    assert_eq!(quiet.exit, Exit::Found);
}

#[test]
fn every_shell_gets_completions_and_every_command_a_manual_page() {
    let world = world();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let ran = world.run(&["completions", shell]);
        assert!(
            ran.exit == Exit::Fine && ran.out.contains("install-provider"),
            "{shell}"
        );
    }
    assert_eq!(world.run(&["man", "--out", "man"]).exit, Exit::Fine);
    let page = std::fs::read_to_string(world.path().join("man/meshform-diff.1")).unwrap();
    assert!(
        page.contains(".SH NAME") && page.contains("\\-\\-summary"),
        "{page}"
    );
    assert!(world.path().join("man/meshform.1").is_file());
}

#[test]
fn reports_for_other_programs_hold_every_problem() {
    let world = world();
    let sarif = world.run(&["validate", "mesh.yaml", "--format", "sarif"]);
    assert_eq!(sarif.exit, Exit::Found);
    let report: serde_json::Value = serde_json::from_str(&sarif.out).unwrap();
    let results = report["runs"][0]["results"].as_array().unwrap();
    let missing = results.iter().find(|one| one["ruleId"] == "MF0212").unwrap();
    assert_eq!(missing["level"], "error");
    let place = &missing["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "mesh.yaml");
    assert_eq!(place["region"]["startLine"], 3);
    let junit = world.run(&["validate", "mesh.yaml", "--format", "junit"]);
    assert_eq!(junit.exit, Exit::Found);
    assert!(junit.out.contains("<failure type=\"MF0212\""), "{}", junit.out);
    assert!(
        junit.out.contains("a&lt;b&gt;&amp;") && !junit.out.contains("a<b>"),
        "{}",
        junit.out
    );
}

#[test]
fn what_is_watched_is_validated_when_it_changes() {
    let world = world();
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshform"))
        .args(["validate", "mesh.yaml", "--watch"])
        .current_dir(world.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "3 resources of the mesh `shop`");
    world.write("mesh.yaml", "- {meshName: shop, spec: {}}\n");
    let next = lines.next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(next, "1 resource of the mesh `shop`: fine");
}

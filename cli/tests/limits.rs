//! Inputs at the edge of what is read, and far beyond: the program answers with a code, within a time of the processor
//! and a memory that the system holds it to.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::Value;
use std::fs;
use std::process::Command;

const MIB: usize = 1 << 20;
/// As the readers have it.
const MAX_BYTES: usize = 32 * MIB;
/// A tree is larger than its text: 3 GiB.
const MEMORY_KIB: usize = 3 << 20;
/// Seconds of the processor's, however busy the machine is; a program that is not optimised needs up to ten.
const SECONDS: usize = 60;

/// What `meshform validate` says of a text: the code of each problem.
fn told(name: &str, text: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -v {MEMORY_KIB}; ulimit -t {SECONDS}; exec \"$@\""),
            "sh",
        ])
        .args([
            env!("CARGO_BIN_EXE_meshform"),
            "validate",
            name,
            "--format",
            "json",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = report["problems"].as_array().unwrap();
    assert!(
        output.stdout.len() < problems.len() * 2000 + 10_000,
        "each is short"
    );
    problems
        .iter()
        .map(|problem| problem["code"].as_str().unwrap().to_owned())
        .collect()
}

/// A text between two others that makes `length` bytes with them.
fn filled(before: &str, after: &str, length: usize) -> Vec<u8> {
    let mut text = before.as_bytes().to_vec();
    text.resize(length - after.len(), b'a');
    text.extend(after.bytes());
    text
}

#[test]
fn a_text_of_64_mib_is_read_and_a_longer_one_is_not() {
    let json = |length| filled("{\"meshName\": \"", "\"}", length);
    assert_eq!(told("x.json", &json(MAX_BYTES)), ["MF0107"]);
    assert_eq!(told("x.json", &json(MAX_BYTES + 1)), ["MF0602"]);
    assert_eq!(told("x.json", &json(100_000_000)), ["MF0602"]);
    assert_eq!(
        told("x.yaml", &filled("meshName: ", "\n", MAX_BYTES + 1)),
        ["MF0602"]
    );
}

#[test]
fn long_texts_of_any_form_are_refused_as_short_ones_are() {
    let length = 8 * MIB;
    assert_eq!(told("x.yaml", &filled("meshName: ", "\n", length)), ["MF0107"]);
    let template = filled(
        "{\"Resources\": {\"M\": {\"Type\": \"AWS::AppMesh::Mesh\", \"Properties\": {\"MeshName\": \"",
        "\"}}}}",
        length,
    );
    assert_eq!(told("t.json", &template), ["MF0107"]);
    let state = filled(
        r#"{"version": 4, "terraform_version": "1.11.4", "resources": [{"mode": "managed", "type": "appmesh_mesh",
           "name": "m", "instances": [{"schema_version": 1000, "attributes": {"name": ""#,
        "\"}}]}]}",
        length,
    );
    assert_eq!(told("t.tfstate", &state), ["MF0107"]);
    // A name, not a value.
    let name = filled("{\"meshName\": \"m\", \"", "\": 1}", length);
    assert_eq!(told("x.json", &name), ["MF0102"]);
}

#[test]
fn two_million_values_are_read_and_one_more_is_not() {
    // The list is a value too.
    for (count, code) in [(1_999_999, "MF0607"), (2_000_000, "MF0602")] {
        let list = format!("[{}1]", "1,".repeat(count - 1));
        assert_eq!(told("x.json", list.as_bytes()), [code], "{count}");
    }
}

#[test]
fn many_problems_in_one_line_are_told_in_time() {
    let one = r#"{"meshName": "m", "spec": {"egressFilter": {"type": 1}}}"#;
    let text = format!("[{}{one}]", format!("{one},").repeat(20_000));
    let told = told("x.json", text.as_bytes());
    assert!(told.len() > 20_000 && told.iter().all(|code| code == "MF0101"));
    let refs: String = (0..5_000)
        .map(|n| format!("  N{n}: {{Type: 'AWS::AppMesh::Mesh', Properties: {{MeshName: !Ref X{n}}}}}\n"))
        .collect();
    let told = self::told("t.yaml", format!("Resources:\n{refs}").as_bytes());
    assert_eq!(told.len(), 5_000);
    assert!(told.iter().all(|code| code == "MF0615"));
}

#[test]
fn sixty_four_levels_are_read_and_one_more_is_not() {
    for (levels, code) in [(64, "MF0607"), (65, "MF0602"), (1_000_000, "MF0602")] {
        let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(told("x.json", text.as_bytes()), [code], "{levels}");
        assert_eq!(told("x.yaml", text.as_bytes()), [code], "{levels}");
    }
    let template = format!(
        "Resources: {{M: {{Type: 'AWS::AppMesh::Mesh', Properties: {{MeshName: {}x{}}}}}}}",
        "!Join ['', [".repeat(40),
        "]]".repeat(40)
    );
    assert_eq!(told("t.yaml", template.as_bytes()), ["MF0602"]);
}

#[test]
fn aliases_may_stand_for_200_000_values_and_for_no_more() {
    // Each alias is a list of 999 ones: a thousand values.
    let text = |aliases: usize| format!("a: &a [{}1]\nb: [{}0]\n", "1,".repeat(998), "*a,".repeat(aliases));
    assert_eq!(told("x.yaml", text(200).as_bytes()), ["MF0607"]);
    assert_eq!(told("x.yaml", text(201).as_bytes()), ["MF0602"]);
    let mut laughs = String::from("a0: &a0 [lol]\n");
    for level in 1..40 {
        let below = format!("*a{},", level - 1).repeat(10);
        laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert_eq!(told("x.yaml", laughs.as_bytes()), ["MF0602"]);
}

#[test]
fn a_template_that_would_fill_the_memory_is_stopped() {
    let long = "x".repeat(MIB);
    let head = format!(
        "Parameters: {{P: {{Type: String, Default: {long}}}}}\nResources:\n  M:\n    Type: AWS::AppMesh::Mesh\n"
    );
    let many = |one: &str| one.repeat(1_000);
    for name in [
        format!("!Sub '{}'", many("${P}")),
        format!("!Join ['', [{}a]]", many("!Ref P, ")),
        format!("!Select [0, [{}a]]", many("!Ref P, ")),
    ] {
        let text = format!("{head}    Properties: {{MeshName: {name}}}\n");
        let told = told("t.yaml", text.as_bytes());
        assert!(told.contains(&"MF0602".to_owned()), "{told:?}");
    }
    // Each resource doubles the name of the one before.
    let mut text =
        String::from("Resources:\n  N0: {Type: 'AWS::AppMesh::Mesh', Properties: {MeshName: a}}\n");
    for level in 1..60 {
        let below = level - 1;
        text.push_str(&format!(
            "  N{level}: {{Type: 'AWS::AppMesh::Mesh', Properties: {{MeshName: !Sub '${{N{below}.MeshName}}${{N{below}.MeshName}}'}}}}\n"
        ));
    }
    assert!(told("t.yaml", text.as_bytes()).contains(&"MF0615".to_owned()));
}

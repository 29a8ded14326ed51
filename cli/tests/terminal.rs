//! How the command talks: colours, less and more words, completions, manual pages, reports for other programs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test program"
)]

mod common;

use common::World;
use meshform::Exit;
use serde_json::json;
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

/// The commands below one, as its help lists them.
fn below(world: &World, command: &[&str]) -> Vec<String> {
    let help = world.run(&[command, &["--help"]].concat()).out;
    let Some((_, list)) = help.split_once("Commands:\n") else {
        return Vec::new();
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What is longer than a line goes on further to the right.
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = named.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_shell_gets_completions() {
    let world = world();
    let commands = below(&world, &[]);
    assert!(commands.len() > 20, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = world.run(&["completions", shell]);
        assert_eq!(ran.exit, Exit::Fine, "{shell}");
        for command in &commands {
            assert!(ran.out.contains(command), "{shell}: {command}");
        }
        world.write(&format!("complete.{shell}"), &ran.out);
    }
    // As bash calls it when somebody presses Tab after these words.
    let complete = |words: &[&str]| {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let script = format!(
            "set -e; source complete.bash; COMP_WORDS=({}); COMP_CWORD={}; \
             name=$(complete -p meshform | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             $name meshform '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            quoted.join(" "),
            words.len() - 1,
        );
        let ran = Command::new("bash")
            .args(["--norc", "-c", &script])
            .current_dir(world.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        text(&ran.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["meshform", "val"]), ["validate"]);
    assert_eq!(complete(&["meshform", "diff", "--summ"]), ["--summary"]);
    assert_eq!(
        complete(&["meshform", "diff", "--format", ""]),
        ["text", "json", "markdown"]
    );
}

#[test]
fn every_command_gets_a_manual_page_with_all_its_options() {
    let world = world();
    assert_eq!(world.run(&["man", "--out", "man"]).exit, Exit::Fine);
    let commands = below(&world, &[]);
    let mut pages = vec![("meshform".to_owned(), vec!["--help".to_owned()])];
    for command in &commands {
        pages.push((
            format!("meshform-{command}"),
            vec![command.clone(), "--help".to_owned()],
        ));
        pages.extend(below(&world, &[command]).into_iter().map(|inner| {
            (
                format!("meshform-{command}-{inner}"),
                vec![command.clone(), inner, "--help".to_owned()],
            )
        }));
    }
    let written = std::fs::read_dir(world.path().join("man")).unwrap();
    let written = written
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|one| one == "1")
        })
        .count();
    assert_eq!(written, pages.len(), "no page is of a command that is gone");
    for (name, help) in pages {
        let file = format!("man/{name}.1");
        let page = std::fs::read_to_string(world.path().join(&file)).unwrap();
        for part in [".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n"] {
            assert!(page.contains(part), "{name}: {part}");
        }
        let macros = page.lines().filter_map(|line| line.strip_prefix(['.', '\'']));
        for line in macros {
            let one = line.split(' ').next().unwrap();
            let known = [
                "ie", "el", "ds", "TH", "SH", "SS", "TP", "PP", "RS", "RE", "br", "IP",
            ];
            assert!(known.contains(&one), "{name}: .{line}");
        }
        let words: Vec<&str> = help.iter().map(String::as_str).collect();
        let help = world.run(&words).out;
        let options = help.lines().filter_map(|line| {
            let (_, option) = line
                .trim_start()
                .strip_prefix('-')
                .and_then(|_| line.split_once("--"))?;
            Some(
                option
                    .split(|c: char| !c.is_alphanumeric() && c != '-')
                    .next()
                    .unwrap(),
            )
        });
        for option in options {
            let escaped = format!("\\-\\-{}", option.replace('-', "\\-"));
            assert!(page.contains(&escaped), "{name}: --{option}");
        }
        // Where a program is there that shows manual pages, it has nothing to say against it.
        let shown = Command::new("man")
            .args(["--warnings", "-l", &file])
            .current_dir(world.path())
            .output();
        if let Ok(shown) = shown {
            assert!(
                shown.status.success() && shown.stderr.is_empty(),
                "{name}: {shown:?}"
            );
            assert!(
                String::from_utf8_lossy(&shown.stdout).contains("SYNOPSIS"),
                "{name}"
            );
        }
    }
}

/// The text of an XML document is one, with all elements closed, and every attribute and reference readable.
fn is_xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open = 0_usize;
    loop {
        use quick_xml::events::Event;
        let event = reader
            .read_event()
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        let element = match &event {
            Event::Eof => break,
            Event::Start(element) => {
                open += 1;
                Some(element)
            }
            Event::Empty(element) => Some(element),
            Event::End(_) => {
                open -= 1;
                None
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().unwrap().into_owned();
                assert!(["amp", "lt", "gt", "quot"].contains(&name.as_str()), "&{name};");
                None
            }
            Event::Text(_) | Event::Decl(_) => None,
            other => panic!("{other:?}"),
        };
        for attribute in element.into_iter().flat_map(|element| element.attributes()) {
            attribute
                .unwrap()
                .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                .unwrap();
        }
    }
    assert_eq!(open, 0);
    let allowed = |c: char| matches!(c, '\n' | '\t' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(
        text.chars().all(allowed),
        "a character that XML has not: {text:?}"
    );
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
    let schema = serde_json::from_str(include_str!("sarif.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults = |report: &serde_json::Value| {
        validator
            .iter_errors(report)
            .map(|one| one.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(faults(&report), [""; 0]);
    let rules = report["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        assert!(
            rules.iter().any(|rule| rule["id"] == result["ruleId"]),
            "{result}"
        );
    }
    assert_ne!(
        faults(&json!({"version": "2.1.0", "runs": [{"results": []}]})),
        [""; 0]
    );
    let junit = world.run(&["validate", "mesh.yaml", "--format", "junit"]);
    assert_eq!(junit.exit, Exit::Found);
    is_xml(&junit.out);
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

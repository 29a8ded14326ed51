//! `docs/guides/editors.md`: what it names is there, and its sample is right for the schema and for the command.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::World;
use jsonschema::{Registry, Validator};
use meshform::Exit;
use meshform_compiler::frontend::yaml;
use meshform_model::schema::FILES;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The page's fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/guides/editors.md")).unwrap();
    let mut parts = page.split("```");
    let mut found = Vec::new();
    parts.next();
    while let (Some(block), Some(_)) = (parts.next(), parts.next()) {
        if let Some(text) = block.strip_prefix(&format!("{language}\n")) {
            found.push(text.to_owned());
        }
    }
    found
}

/// A schema as the page names it: `../schemas/mesh.json`, `./schemas/mesh.json`.
fn schema(path: &str) -> Value {
    let name = path.rsplit_once("schemas/").unwrap().1;
    let text = fs::read_to_string(root().join("schemas").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// As an editor has it: the file, and beside it those that it refers to.
fn validator(schema: &Value) -> Validator {
    let files = FILES.iter().map(|(_, text)| {
        let json: Value = serde_json::from_str(text).unwrap();
        (json["$id"].as_str().unwrap().to_owned(), json)
    });
    let registry = Registry::new().extend(files).unwrap().prepare().unwrap();
    jsonschema::options()
        .with_registry(&registry)
        .build(schema)
        .unwrap()
}

/// The schema that the sample's first line names, and the sample.
fn sample() -> (Value, String) {
    let [sample] = <[String; 1]>::try_from(blocks("yaml")).unwrap();
    let first = sample.lines().next().unwrap();
    let path = first.strip_prefix("# yaml-language-server: $schema=").unwrap();
    (schema(path), sample)
}

fn as_json(text: &str) -> Value {
    let (documents, problems) = yaml::read(text, 0);
    assert_eq!(problems, []);
    documents[0].to_json().unwrap()
}

#[test]
fn the_sample_is_right_and_a_fault_in_it_would_be_underlined() {
    let (schema, sample) = sample();
    let validator = validator(&schema);
    let right = as_json(&sample);
    let told: Vec<String> = validator
        .iter_errors(&right)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(told, [""; 0]);
    for (good, bad, at) in [
        (
            "protocol: http",
            "protocol: https",
            "/spec/listeners/0/portMapping/protocol",
        ),
        ("port: 8080", "port: 99999", "/spec/listeners/0/portMapping/port"),
        ("portMapping:", "portMaping:", "/spec/listeners/0"),
    ] {
        let wrong = sample.replace(good, bad);
        let json = as_json(&wrong);
        let places: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| error.instance_path().to_string())
            .collect();
        assert!(places.iter().any(|place| place == at), "{bad}: {places:?}");
        let world = World::new(&[("node.yaml", &wrong)]);
        assert_eq!(world.run(&["validate", "node.yaml"]).exit, Exit::Found, "{bad}");
    }
    let world = World::new(&[("node.yaml", &sample), ("mesh.yaml", "meshName: apps\n")]);
    let ran = world.run(&["validate", "."]);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
}

#[test]
fn the_settings_are_json_and_name_schemas_that_are_there() {
    let mut named = Vec::new();
    for block in blocks("json") {
        let settings: Value = serde_json::from_str(&block).unwrap();
        for (setting, value) in settings.as_object().unwrap() {
            match setting.as_str() {
                "yaml.schemas" => named.extend(value.as_object().unwrap().keys().cloned()),
                "json.schemas" => {
                    for entry in value.as_array().unwrap() {
                        assert!(entry["fileMatch"].is_array(), "{entry}");
                        named.push(entry["url"].as_str().unwrap().to_owned());
                    }
                }
                other => panic!("no editor has the setting `{other}`"),
            }
        }
    }
    assert!(named.len() >= 3, "{named:?}");
    for path in named {
        assert!(path.starts_with("./schemas/"), "{path}");
        assert!(!validator(&schema(&path)).is_valid(&json!(7)), "{path}");
    }
}

/// "Take the folder as it is: the files refer to each other by relative names."
#[test]
fn the_files_find_each_other_by_their_names() {
    fn references(json: &Value, found: &mut Vec<String>) {
        match json {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut across = 0;
    for (name, text) in FILES {
        let json: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            fs::read_to_string(root().join("schemas").join(name)).unwrap(),
            *text
        );
        // Resolved by the file's place or by its id, a relative name leads to the same file.
        let id = json["$id"].as_str().unwrap();
        assert_eq!(
            id.rsplit_once('/'),
            Some(("https://meshform.dev/schemas/v1", name))
        );
        let mut found = Vec::new();
        references(&json, &mut found);
        for reference in found {
            let (file, pointer) = reference.split_once('#').unwrap_or((&reference, ""));
            if reference.starts_with("https://json-schema.org/") {
                continue;
            }
            let target = match file {
                "" => json.clone(),
                file => schema(&format!("schemas/{file}")),
            };
            assert!(target.pointer(pointer).is_some(), "{name}: {reference}");
            across += usize::from(!file.is_empty());
        }
    }
    assert!(across > 50, "{across}");
}

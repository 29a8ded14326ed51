//! The `jsonschema` crate as a second opinion: on the schema files, and on what they allow.

use jsonschema::{Registry, Validator};
use meshform_model::kind::Kind;
use meshform_model::schema::{self, FILES};
use meshform_model::testing::broken;
use meshform_model::testing::generate::{Chance, resource};
use meshform_model::validate;
use meshform_model::value::Node;
use serde_json::{Value as Json, json};

fn file(name: &str) -> Json {
    let (_, text) = FILES.iter().find(|(n, _)| *n == name).unwrap();
    serde_json::from_str(text).unwrap()
}

/// The file that describes a kind.
fn file_of(kind: Kind) -> Json {
    let files = FILES
        .iter()
        .map(|(_, text)| serde_json::from_str::<Json>(text).unwrap());
    files
        .into_iter()
        .find(|json| json["x-kind"]["name"] == kind.name())
        .unwrap()
}

/// The groups (`x-one-of`, `x-at-most-one`) in standard keywords. They are annotations in the files because
/// `oneOf` cannot say where an error is.
fn with_groups(json: &mut Json) {
    let mut rules: Vec<Json> = Vec::new();
    for group in json["x-one-of"].as_array().into_iter().flatten() {
        let names = group.as_array().unwrap().iter();
        rules.push(json!({ "oneOf": names.map(|n| json!({"required": [n]})).collect::<Vec<_>>() }));
    }
    for group in json["x-at-most-one"].as_array().into_iter().flatten() {
        rules.push(json!({ "not": {"required": group} }));
        assert_eq!(group.as_array().unwrap().len(), 2);
    }
    match json {
        Json::Object(map) => {
            map.values_mut().for_each(with_groups);
            if !rules.is_empty() {
                map.insert("allOf".to_owned(), json!(rules));
            }
        }
        Json::Array(list) => list.iter_mut().for_each(with_groups),
        _ => {}
    }
}

/// Gives each kind's validator to `check`.
fn each_kind(mut check: impl FnMut(Kind, &Validator)) {
    let mut shared = file("shared.json");
    with_groups(&mut shared);
    let id = shared["$id"].as_str().unwrap().to_owned();
    let registry = Registry::new().extend([(id, shared)]).unwrap().prepare().unwrap();
    for kind in Kind::ALL {
        let mut json = file_of(kind);
        with_groups(&mut json);
        let validator = jsonschema::options()
            .with_registry(&registry)
            .build(&json)
            .unwrap();
        check(kind, &validator);
    }
}

#[test]
fn the_files_are_valid_schemas_and_valid_by_our_meta_schema() {
    let meta = file("meta.json");
    assert!(jsonschema::meta::is_valid(&meta));
    let meta = jsonschema::validator_for(&meta).unwrap();
    for (name, text) in FILES.iter().filter(|(name, _)| *name != "meta.json") {
        let json: Json = serde_json::from_str(text).unwrap();
        assert!(jsonschema::meta::is_valid(&json), "{name}");
        let errors: Vec<String> = meta
            .iter_errors(&json)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0], "{name}");
        assert_eq!(json["$id"], format!("https://meshform.dev/schemas/v1/{name}"));
    }
}

#[test]
fn the_meta_schema_refuses_what_it_should() {
    let meta = jsonschema::validator_for(&file("meta.json")).unwrap();
    let field = |more: Json| {
        let mut field = json!({"description": "A field of a test.", "type": "string"});
        field
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"description": "A test object.", "type": "object", "additionalProperties": false, "properties": {"a": field}})
    };
    assert!(meta.is_valid(&field(json!({}))));
    for wrong in [
        json!({"x-typo": true}),
        json!({"description": "x"}),
        json!({"x-ref": "No Kind"}),
        json!({"x-role": "target"}),
        json!({"x-group": {"field": "rule", "suffix": "Route"}}),
        json!({"x-rust": "not a type"}),
        json!({"x-sent": true}),
        json!({"x-key": ["a"]}),
        json!({"x-terraform": {"form": "odd"}}),
        json!({"type": "strange"}),
        json!({"oneOf": []}),
    ] {
        assert!(!meta.is_valid(&field(wrong.clone())), "{wrong}");
    }
}

#[test]
fn both_accept_what_is_right() {
    each_kind(|kind, validator| {
        for example in &schema::kind(kind).examples {
            assert!(validator.is_valid(example), "{kind}: {example}");
        }
        for seed in 0..100 {
            let json = resource(kind, &mut Chance::new(seed));
            assert!(
                validator.is_valid(&json),
                "{kind}, seed {seed}: {:?}",
                validator.validate(&json)
            );
        }
    });
}

#[test]
fn both_refuse_what_is_broken_at_the_same_place() {
    let all = broken::all();
    let mut compared = 0;
    each_kind(|kind, validator| {
        for broken in all.iter().filter(|broken| broken.kind == kind) {
            // JSON Schema has no largest integer; we have 64 bits.
            if broken.what.ends_with(": huge") && validator.is_valid(&broken.json) {
                continue;
            }
            assert!(!validate::resource(kind, &Node::from_json(&broken.json)).is_empty());
            let places: Vec<String> = validator
                .iter_errors(&broken.json)
                .map(|e| e.instance_path().to_string())
                .collect();
            // An unknown field is reported at its object, a null in place of a field at the null.
            let wanted = broken.pointer.trim_end_matches("/misspelt");
            assert!(
                places.iter().any(|place| place.starts_with(wanted)),
                "{kind} {}: {places:?}",
                broken.what
            );
            compared += 1;
        }
    });
    assert!(compared > 300, "{compared}");
}

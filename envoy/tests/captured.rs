//! Names, structure and defaults beside what App Mesh's own control plane gave to Envoys: whatever public dumps of these
//! held is in our files too, but for what a case lists with its reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Everything in `captured` that `ours` has not, by its place.
fn compare(place: &str, captured: &Value, ours: Option<&Value>, found: &mut BTreeMap<String, String>) {
    match (captured, ours) {
        (Value::Object(fields), Some(Value::Object(ours))) => {
            for (name, value) in fields {
                compare(&format!("{place}/{name}"), value, ours.get(name), found);
            }
        }
        (Value::Array(items), Some(Value::Array(ours))) => {
            for (at, item) in items.iter().enumerate() {
                // What has a name is looked for by it.
                let same = |one: &&Value| item.get("name").is_some() && one.get("name") == item.get("name");
                let other = ours.iter().find(same).or_else(|| ours.get(at));
                compare(&format!("{place}/{at}"), item, other, found);
            }
        }
        (captured, Some(ours)) if captured == ours => {}
        (captured, ours) => {
            let ours = ours.map_or_else(|| "nothing".to_owned(), Value::to_string);
            found.insert(place.to_owned(), format!("{captured}, ours: {ours}"));
        }
    }
}

/// The resources of a proxy's files, by the first part of the file's name and by their own.
fn resources(proxy: &meshform_envoy::BuiltProxy) -> Value {
    let mut out = Map::new();
    for kind in ["lds", "cds", "rds"] {
        let mut named = Map::new();
        let files = proxy.files().into_iter();
        for (_, content) in files.filter(|(path, _)| path.starts_with(&format!("xds/{kind}"))) {
            let file: Value = serde_json::from_slice(&content).unwrap();
            for resource in file["resources"].as_array().unwrap() {
                named.insert(resource["name"].as_str().unwrap().to_owned(), resource.clone());
            }
        }
        out.insert(kind.to_owned(), Value::Object(named));
    }
    Value::Object(out)
}

#[test]
fn what_was_captured_is_in_our_files_too() {
    for name in ["gateway", "node"] {
        let path = format!("{}/tests/captured/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let output = support::build(&support::mesh(&case["mesh"])).unwrap();
        let wanted = case["proxy"].as_str().unwrap();
        let mut proxies = output.proxies.iter();
        let proxy = proxies.find(|proxy| proxy.path.ends_with(wanted)).unwrap();
        let mut found = BTreeMap::new();
        compare("", &case["captured"], Some(&resources(proxy)), &mut found);
        let listed = case["differences"].as_object().unwrap();
        let unlisted: Vec<_> = found
            .iter()
            .filter(|(place, _)| !listed.contains_key(*place))
            .collect();
        assert!(unlisted.is_empty(), "{name}: {unlisted:#?}");
        let gone: Vec<_> = listed
            .keys()
            .filter(|place| !found.contains_key(*place))
            .collect();
        assert!(
            gone.is_empty(),
            "{name}: listed, and no difference any more: {gone:#?}"
        );
    }
}

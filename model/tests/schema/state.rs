//! One set of resources as Terraform configuration, as the state that hashicorp/aws 5.100.0 wrote, and as API JSON:
//! under the engine the three are the same.

use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::value::Node;
use meshform_model::{canonical, schema, validate};
use serde_json::Value as Json;
use std::collections::BTreeMap;

fn read(name: &str) -> Json {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What each resource means, by its name.
fn meant() -> BTreeMap<String, (Kind, Node)> {
    let json = read("all-fields.api.json");
    let entries = json.as_object().unwrap().iter();
    entries
        .map(|(name, entry)| {
            let kind = Kind::from_name(entry["kind"].as_str().unwrap()).unwrap();
            (name.clone(), (kind, Node::from_json(&entry["spec"])))
        })
        .collect()
}

/// The canonical spec of Terraform values; a problem of the conversion fails the test.
fn spec_of(kind: Kind, name: &str, attributes: &Json) -> Node {
    let (node, problems) = dialect::to_canonical(kind, Dialect::Terraform, &Node::from_json(attributes));
    assert!(problems.is_empty(), "{name}: {problems:?}");
    node
}

fn json(kind: Kind, node: &Node) -> Json {
    canonical::canonicalise(kind, node).to_json().unwrap()["spec"].clone()
}

fn whole(spec: &Node) -> Node {
    Node::from_json(&serde_json::json!({ "spec": spec.to_json().unwrap() }))
}

/// hashicorp/aws does not send an empty optional block, so its states lack them.
fn without_empty_blocks(mut json: Json) -> Json {
    match &mut json {
        Json::Object(map) => {
            map.values_mut()
                .for_each(|value| *value = without_empty_blocks(value.take()));
            map.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
        }
        Json::Array(list) => list
            .iter_mut()
            .for_each(|value| *value = without_empty_blocks(value.take())),
        _ => {}
    }
    json
}

#[test]
fn the_configuration_means_the_api_json() {
    let meant = meant();
    let config = read("all-fields.tf.json");
    let mut seen = 0;
    for (type_name, resources) in config["resource"].as_object().unwrap() {
        let kind = schema::kind_of_terraform(type_name).unwrap();
        for (name, body) in resources.as_object().unwrap() {
            let (_, spec) = &meant[name];
            let node = spec_of(kind, name, body);
            assert_eq!(json(kind, &node), json(kind, &whole(spec)), "{name}");
            assert_eq!(validate::resource(kind, &node), [], "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, meant.len());
}

#[test]
fn the_state_means_the_api_json() {
    let meant = meant();
    let state = read("all-fields.state.json");
    let mut seen = 0;
    for resource in state["resources"].as_array().unwrap() {
        let name = resource["name"].as_str().unwrap();
        let kind = schema::kind_of_terraform(resource["type"].as_str().unwrap()).unwrap();
        let Some((_, spec)) = meant.get(name) else {
            continue;
        };
        let node = spec_of(kind, name, &resource["instances"][0]["attributes"]);
        let node = canonical::foreign(kind, &node);
        let (found, wanted) = (json(kind, &node), json(kind, &whole(spec)));
        assert_eq!(
            without_empty_blocks(found),
            without_empty_blocks(wanted),
            "{name}"
        );
        assert_eq!(validate::resource(kind, &node), [], "{name}");
        seen += 1;
    }
    assert_eq!(seen, meant.len());
}

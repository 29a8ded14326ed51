//! From hashicorp/aws: what its version 5.100 wrote goes on as it is. `model/tests/data` has a configuration of 62 resources
//! that fill nearly every field, the state that hashicorp/aws left of it, and what its API calls said.

use crate::world::{HEAD_JSON, World, module, no_panic, says};
use meshform_acceptance::terraform::Ran;
use meshform_acceptance::tools;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub(crate) const CONFIGURATION: &str = include_str!("../../../model/tests/data/all-fields.tf.json");
pub(crate) const STATE: &str = include_str!("../../../model/tests/data/all-fields.state.json");
const API: &str = include_str!("../../../model/tests/data/all-fields.api.json");
pub(crate) const COUNT: usize = 62;

/// What stays the same of a resource when it comes over.
pub(crate) const KEPT: [&str; 4] = ["arn", "id", "created_date", "resource_owner"];

#[test]
fn a_resource_that_only_says_provider_appmesh_keeps_name_state_and_arn() {
    let world = migrating(&tools::terraform_in_turn(), &same_names(CONFIGURATION), STATE);
    first_plan_changes_in_place(&world);
    let before = theirs();
    says(&world.apply().flat(), &["0 added, 62 changed, 0 destroyed"]);
    world.plan_is_empty();
    is_as_before(&before, &world.state(), "");
    store_says_what_the_api_was_told(&world);
    // From here on the state is this provider's own, and needs no other.
    let state = fs::read_to_string(world.module().dir().join("terraform.tfstate")).unwrap();
    assert!(
        !state.contains("hashicorp/aws"),
        "the old provider is still in the state"
    );
    says(&state, &["meshform/appmesh"]);
}

#[test]
fn a_moved_block_renames_the_type_and_nothing_else() {
    let world = migrating(&tools::terraform_in_turn(), &moved(CONFIGURATION), STATE);
    let plan = first_plan_changes_in_place(&world);
    let previous = plan["resource_changes"].as_array().unwrap().iter();
    let moved = previous.filter(|change| change["previous_address"].is_string());
    assert_eq!(moved.count(), COUNT);
    let before = theirs();
    says(&world.apply().flat(), &["0 added, 62 changed, 0 destroyed"]);
    world.plan_is_empty();
    is_as_before(&before, &world.state(), "aws_");
    store_says_what_the_api_was_told(&world);
    world.destroy();
    assert_eq!(world.records(), []);
}

#[test]
fn replacing_the_provider_in_the_state_is_a_way_without_the_old_one() {
    let world = World::of_replaced_state(&tools::terraform_in_turn(), &same_names(CONFIGURATION), STATE);
    first_plan_changes_in_place(&world);
    world.apply();
    world.plan_is_empty();
    is_as_before(&theirs(), &world.state(), "");
}

#[test]
fn a_first_apply_of_the_whole_configuration_plans_empty_afterwards() {
    let world = World::of_json(&tools::terraform_in_turn(), &same_names(CONFIGURATION));
    says(&world.apply().flat(), &["62 added, 0 changed, 0 destroyed"]);
    world.plan_is_empty();
    store_says_what_the_api_was_told(&world);
    world.destroy();
    assert_eq!(world.records(), []);
}

#[test]
fn what_moved_is_adopted_under_its_own_account_and_region() {
    let world = migrating(&tools::terraform_in_turn(), &same_names(CONFIGURATION), STATE);
    world.apply();
    for (key, resource) in theirs() {
        let arn = resource["arn"].as_str().unwrap();
        let record = world
            .records()
            .into_iter()
            .find(|record| record.identity.arn == arn);
        let record = record.unwrap_or_else(|| panic!("no record has the ARN of {key}, {arn}"));
        if resource["id"] != resource["name"] {
            assert_eq!(resource["id"], record.identity.uid.as_str(), "{key}");
        }
    }
    // What is made now belongs to the same account.
    let mut more = same_names(CONFIGURATION);
    more["resource"]["appmesh_mesh"] = json!({"new": {"name": "new"}});
    world.write_json(&more);
    world.apply();
    let new = &world.state()["appmesh_mesh.new"];
    let old = &theirs()["aws_appmesh_mesh.mesh-0"];
    assert_eq!(new["resource_owner"], old["resource_owner"]);
    let account = |arn: &Value| arn.as_str().unwrap().rsplit_once(':').unwrap().0.to_owned();
    assert_eq!(account(&new["arn"]), account(&old["arn"]));
}

// === What the tests share ===

/// The configuration with `provider = appmesh` on every resource.
pub(crate) fn same_names(configuration: &str) -> Value {
    let mut configuration: Value = serde_json::from_str(configuration).unwrap();
    configuration["terraform"] = serde_json::from_str(HEAD_JSON).unwrap();
    configuration["provider"] = json!({"appmesh": {}});
    for resources in configuration["resource"].as_object_mut().unwrap().values_mut() {
        for resource in resources.as_object_mut().unwrap().values_mut() {
            resource["provider"] = "appmesh".into();
        }
    }
    configuration
}

/// The configuration under our type names, with a `moved` block for each resource.
pub(crate) fn moved(configuration: &str) -> Value {
    let mut configuration = same_names(configuration);
    let old = configuration["resource"].take();
    let (mut new, mut blocks) = (Map::new(), Vec::new());
    for (theirs, resources) in old.as_object().unwrap() {
        let ours = theirs.trim_start_matches("aws_");
        new.insert(ours.to_owned(), resources.clone());
        let names = resources.as_object().unwrap().keys();
        blocks.extend(
            names.map(|name| json!({"from": format!("{theirs}.{name}"), "to": format!("{ours}.{name}")})),
        );
    }
    configuration["resource"] = new.into();
    let text = configuration.to_string().replace("${aws_appmesh_", "${appmesh_");
    let mut configuration: Value = serde_json::from_str(&text).unwrap();
    configuration["moved"] = blocks.into();
    configuration
}

/// A root module with the state of hashicorp/aws. Something has to answer for that provider while the state still
/// names it; its own binary is a gigabyte, and Terraform asks it for no more than a schema.
pub(crate) fn migrating(program: &Path, configuration: &Value, state: &str) -> World {
    let world = World::of_json(program, configuration);
    let stand_in = world.folder().join("aws");
    fs::create_dir(&stand_in).unwrap();
    std::os::unix::fs::symlink(tools::provider(), stand_in.join("terraform-provider-aws")).unwrap();
    let config = world.module().dir().join("cli.tfrc");
    let text = fs::read_to_string(&config).unwrap().replace(
        "dev_overrides {\n",
        &format!(
            "dev_overrides {{\n    \"hashicorp/aws\" = {}\n",
            Value::from(stand_in.to_string_lossy())
        ),
    );
    fs::write(&config, text).unwrap();
    world.module().write("terraform.tfstate", state).unwrap();
    world
}

/// Nothing is created, replaced or destroyed, and the plan says why there is something to do.
fn first_plan_changes_in_place(world: &World) -> Value {
    let plan = world.plan();
    let changes = plan.changes();
    assert_eq!(changes.len(), COUNT);
    assert!(changes.values().all(|action| action == "update"), "{changes:?}");
    says(
        &plan.text,
        &[
            "MF0705",
            "nothing is replaced",
            "0 to add, 62 to change, 0 to destroy",
        ],
    );
    assert!(!world.store_directory().exists(), "a plan has written");
    plan.json
}

/// The attributes in the state of hashicorp/aws, by address.
fn theirs() -> BTreeMap<String, Value> {
    let state: Value = serde_json::from_str(STATE).unwrap();
    let resources = state["resources"].as_array().unwrap().iter();
    resources
        .map(|one| {
            let address = format!(
                "{}.{}",
                one["type"].as_str().unwrap(),
                one["name"].as_str().unwrap()
            );
            (address, one["instances"][0]["attributes"].clone())
        })
        .collect()
}

fn is_as_before(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>, less: &str) {
    assert_eq!(before.len(), after.len());
    for (address, before) in before {
        let after = &after[address.trim_start_matches(less)];
        for name in KEPT {
            assert_eq!(before[name], after[name], "{address}: {name}");
        }
    }
}

fn store_says_what_the_api_was_told(world: &World) {
    let mut told: BTreeMap<String, Value> = serde_json::from_str(API).unwrap();
    for record in world.records() {
        let wanted = told.remove(&record.key.name).unwrap();
        let (wanted, held) = (plain(&wanted["spec"]), plain(&record.body["spec"]));
        assert_eq!(wanted, held, "{}", record.key);
    }
    assert_eq!(told, BTreeMap::new(), "not in the store");
}

/// Without the two defaults that hashicorp/aws sends and the API does not need, and without the order of its sets.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.iter().filter(|(name, value)| {
                !matches!(
                    (name.as_str(), value.as_bool()),
                    ("invert", Some(false)) | ("enforce", Some(true))
                )
            });
            Value::Object(said.map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(plain).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        leaf => leaf.clone(),
    }
}

#[test]
fn a_state_that_makes_no_sense_is_refused_where_it_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let module = module(&tools::terraform_in_turn(), dir.path());
    let mut state: Value = serde_json::from_str(STATE).unwrap();
    let attributes = &mut state["resources"][0]["instances"][0]["attributes"];
    attributes["spec"] = "a text".into();
    let address = format!(
        "{}.{}",
        state["resources"][0]["type"].as_str().unwrap(),
        state["resources"][0]["name"].as_str().unwrap()
    );
    let state = state.to_string().replace("hashicorp/aws", "meshform/appmesh");
    module.write("terraform.tfstate", &state).unwrap();
    let configuration = same_names(CONFIGURATION).to_string();
    module.write("main.tf.json", &configuration).unwrap();
    let ran: Ran = module.run(&["plan", "-no-color"]).unwrap();
    assert!(!ran.ok(), "{}", ran.text);
    no_panic(&ran.text);
    says(&ran.flat(), &["MF0706", &address]);
}

//! States as every major version of hashicorp/aws since 3 wrote them go on without anything being made anew.
//!
//! `model/tests/data/versions` has, for each, a configuration and its state in the attributes that the version had:
//! 3.0 knows no owners, no gateways and one listener a node; 3.76 has TLS, pools, time-outs and `tags_all`; 4.67
//! several listeners, ports of targets and rewrites; 5.100 matches on paths and query parameters, JSON logs and address
//! families; 6.20 `region`. Zeros and empty texts stand for what was never set, and sets are in the order of their
//! hashes.

use crate::migration::{KEPT, migrating, moved, same_names};
use crate::world::{World, no_panic, says};
use meshform_acceptance::tools;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What one version left behind.
struct Left {
    version: &'static str,
    configuration: &'static str,
    state: &'static str,
}

macro_rules! left {
    ($($version:literal),*) => {
        [$(Left {
            version: $version,
            configuration: include_str!(concat!("../../../model/tests/data/versions/aws-", $version, ".tf.json")),
            state: include_str!(concat!("../../../model/tests/data/versions/aws-", $version, ".state.json")),
        }),*]
    };
}

const VERSIONS: [Left; 5] = left!["3.0", "3.76", "4.67", "5.100", "6.20"];
const REGION: &str = "eu-west-1";

impl Left {
    /// The attributes in the state, by address.
    fn attributes(&self) -> BTreeMap<String, Value> {
        let state: Value = serde_json::from_str(self.state).unwrap();
        let resources = state["resources"].as_array().unwrap().iter();
        let named = resources.map(|one| {
            let (kind, name) = (one["type"].as_str().unwrap(), one["name"].as_str().unwrap());
            (
                format!("{kind}.{name}"),
                one["instances"][0]["attributes"].clone(),
            )
        });
        named.collect()
    }

    /// A root module whose state was given to this provider by `terraform state replace-provider`.
    fn replaced(&self, program: &Path) -> World {
        World::of_replaced_state(program, &same_names(self.configuration), self.state)
    }

    /// The first plan writes everything in place; after the apply nothing is left to do, and names, ids, ARNs, owners
    /// and dates are what they were.
    fn goes_on(&self, world: &World, less: &str) {
        let before = self.attributes();
        let count = before.len();
        let plan = world.plan();
        let changes = plan.changes();
        assert_eq!(changes.len(), count, "{}: {}", self.version, plan.text);
        assert!(
            changes.values().all(|action| action == "update"),
            "{}: {changes:?}",
            self.version
        );
        no_panic(&plan.text);
        assert!(!world.store_directory().exists(), "a plan has written");
        says(
            &world.apply().flat(),
            &[&format!("0 added, {count} changed, 0 destroyed")],
        );
        world.plan_is_empty();
        self.is_as_before(&before, &world.state(), less);
        assert_eq!(world.records().len(), count, "{}", self.version);
    }

    fn is_as_before(&self, before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>, less: &str) {
        assert_eq!(before.len(), after.len());
        for (address, before) in before {
            let after = &after[address.trim_start_matches(less)];
            for name in KEPT.iter().filter(|name| before.get(**name).is_some()) {
                assert_eq!(before[name], after[name], "{} {address}: {name}", self.version);
            }
            assert_eq!(after["resource_owner"], "210987654321", "{address}");
            assert_eq!(after["region"], REGION, "{} {address}", self.version);
        }
    }
}

#[test]
fn a_state_of_every_version_goes_on_under_its_own_names() {
    for left in &VERSIONS {
        let world = left.replaced(&tools::terraform_in_turn());
        left.goes_on(&world, "");
        world.destroy();
        assert_eq!(world.records(), []);
    }
}

#[test]
fn a_state_of_every_version_moves_to_our_names() {
    for left in &VERSIONS {
        let world = migrating(
            &tools::terraform_in_turn(),
            &moved(left.configuration),
            left.state,
        );
        left.goes_on(&world, "aws_");
    }
}

#[test]
fn both_ways_do_with_every_version_of_terraform() {
    let newest = &VERSIONS[VERSIONS.len() - 1];
    for terraform in tools::terraform_matrix() {
        newest.goes_on(&newest.replaced(&terraform), "");
        newest.goes_on(
            &migrating(&terraform, &moved(newest.configuration), newest.state),
            "aws_",
        );
    }
}

#[test]
fn after_meshform_adopt_the_first_plan_of_every_version_is_empty() {
    for left in &VERSIONS {
        let world = left.replaced(&tools::terraform_in_turn());
        adopt(&world);
        world.plan_is_empty();
        let records = world.records();
        let before = left.attributes();
        assert_eq!(records.len(), before.len(), "{}", left.version);
        for record in &records {
            let arns: Vec<&Value> = before.values().map(|one| &one["arn"]).collect();
            assert!(
                arns.contains(&&Value::from(record.identity.arn.as_str())),
                "{}",
                record.key
            );
        }
        // `show` reads a state by the schema of who wrote it last.
        let ran = world.run(&["apply", "-refresh-only", "-auto-approve", "-no-color"]);
        assert!(ran.ok(), "{}: {}", left.version, ran.text);
        left.is_as_before(&before, &world.state(), "");
    }
}

#[test]
fn what_was_adopted_is_imported_with_the_region_behind_its_id() {
    let left = &VERSIONS[VERSIONS.len() - 1];
    let first = left.replaced(&tools::terraform_in_turn());
    adopt(&first);
    let mut configuration = same_names(left.configuration);
    configuration["provider"]["appmesh"] = json!({"store": first.store_directory().to_string_lossy()});
    let world = World::of_json(&tools::terraform_in_turn(), &configuration);
    for (address, attributes) in left.attributes() {
        let parts = ["mesh_name", "virtual_router_name", "virtual_gateway_name", "name"];
        let parts: Vec<&str> = parts
            .iter()
            .filter_map(|name| attributes[name].as_str())
            .collect();
        let id = format!("{}@{REGION}", parts.join("/"));
        let ran = world.run(&["import", "-no-color", &address, &id]);
        assert!(ran.ok(), "{address} {id}: {}", ran.text);
        let elsewhere = format!("{}@us-west-2", parts.join("/"));
        let other = world.run(&["state", "rm", &address]);
        assert!(other.ok(), "{}", other.text);
        let ran = world.run(&["import", "-no-color", &address, &elsewhere]);
        assert!(!ran.ok(), "{address}: {}", ran.text);
        says(&ran.flat(), &["MF0708", "us-west-2", REGION]);
        let ran = world.run(&["import", "-no-color", &address, &id]);
        assert!(ran.ok(), "{address} {id}: {}", ran.text);
    }
    world.plan_is_empty();
    left.is_as_before(&left.attributes(), &world.state(), "");
}

#[test]
fn a_region_is_what_the_store_has_and_nothing_else() {
    let mesh = |region: &str| {
        format!(
            "resource \"appmesh_mesh\" \"it\" {{\n  name = \"m\"\n  region = \"{region}\"\n}}\n\noutput \"region\" {{\n  \
             value = appmesh_mesh.it.region\n}}\n"
        )
    };
    let world = World::new(&mesh(REGION));
    says(
        &world.plan_fails(),
        &[
            "MF0708",
            REGION,
            "us-east-1",
            "`region = \"eu-west-1\"` in the provider block",
        ],
    );
    world.write("region = \"eu-west-1\"", &mesh(REGION));
    world.apply();
    world.plan_is_empty();
    assert_eq!(world.state()["appmesh_mesh.it"]["region"], REGION);
    says(
        world.state()["appmesh_mesh.it"]["arn"].as_str().unwrap(),
        &["arn:aws:appmesh:eu-west-1:"],
    );
    // Taken out again it changes nothing; what refers to it still gets it.
    let without = mesh(REGION).replace("  region = \"eu-west-1\"\n", "");
    world.write("", &without);
    world.plan_is_empty();
    // Another one is refused, before and after the resource is there, and in a look-up.
    world.write("", &mesh("us-west-2"));
    says(
        &world.plan_fails(),
        &["MF0708", "us-west-2", REGION, "region = \"us-west-2\""],
    );
    let data = |region: &str| {
        format!("{without}\ndata \"appmesh_mesh\" \"it\" {{\n  name = \"m\"\n  region = \"{region}\"\n}}\n")
    };
    world.write("", &data(REGION));
    world.apply();
    assert_eq!(world.state()["data.appmesh_mesh.it"]["region"], REGION);
    world.write("", &data("us-west-2"));
    says(&world.plan_fails(), &["MF0708", "us-west-2"]);
}

/// Fills the store from the state, as a user does before the first plan.
fn adopt(world: &World) {
    let adopted = Command::new(tools::meshform())
        .current_dir(world.module().dir())
        .args(["adopt", "terraform.tfstate", "--store", ".meshform"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&adopted.stderr).into_owned();
    assert!(adopted.status.success(), "{said}");
}

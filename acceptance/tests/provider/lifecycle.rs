//! What a resource goes through, for every kind.

use crate::kinds::{CASES, EVERY_KIND};
use crate::world::{World, says};
use meshform_acceptance::tools;
use meshform_model::kind::Kind;
use std::collections::BTreeSet;
use std::path::Path;

/// The second virtual service, and its import id.
const ELSEWHERE: [(&str, &str); 1] = [("appmesh_virtual_service.elsewhere", "m/elsewhere.local")];

/// What a run changes by itself.
const MOVING: [&str; 2] = ["last_updated_date", "created_date"];

#[test]
fn the_cases_leave_no_kind_out() {
    let covered: Vec<Kind> = CASES.iter().map(|case| case.kind).collect();
    for kind in Kind::ALL {
        assert!(covered.contains(&kind), "{kind}");
    }
}

#[test]
fn what_was_applied_plans_empty_and_a_destroy_leaves_the_store_empty() {
    for terraform in tools::terraform_matrix() {
        let world = World::on(&terraform, "", EVERY_KIND);
        let said = world.apply();
        says(&said.flat(), &["Resources: 9 added, 0 changed, 0 destroyed"]);
        world.plan_is_empty();
        assert_eq!(world.records().len(), 9);
        for (address, values) in world.state() {
            says(
                values["arn"].as_str().unwrap(),
                &["arn:aws:appmesh:us-east-1:000000000000:mesh/m"],
            );
            assert!(
                values["id"].is_string() && values["created_date"].is_string(),
                "{address}: {values}"
            );
            assert_eq!(values["resource_owner"], "000000000000", "{address}");
        }
        world.destroy();
        assert_eq!(world.records(), []);
    }
}

#[test]
fn a_change_is_one_attribute_updated_in_place() {
    for terraform in tools::terraform_matrix() {
        changed_one_by_one(&terraform);
    }
}

fn changed_one_by_one(terraform: &Path) {
    let world = World::on(terraform, "", EVERY_KIND);
    world.apply();
    let before = world.state();
    let mut configuration = EVERY_KIND.to_owned();
    for case in CASES {
        let (old, new) = case.edit;
        assert_eq!(configuration.matches(old).count(), 1, "{old}");
        configuration = configuration.replace(old, new);
        world.write("", &configuration);
        let plan = world.plan();
        plan.is(&[(case.address, "update")]);
        let mut differences = plan.differences(case.address);
        differences.retain(|line| !line.starts_with("tags_all"));
        assert_eq!(differences, [case.difference]);
        let ran = world.run(&["apply", "-no-color", "tfplan"]);
        says(&ran.flat(), &["0 added, 1 changed, 0 destroyed"]);
    }
    world.plan_is_empty();
    let after = world.state();
    for case in CASES {
        for kept in ["arn", "id", "created_date"] {
            assert_eq!(
                before[case.address][kept], after[case.address][kept],
                "{}",
                case.address
            );
        }
        assert_ne!(
            before[case.address]["last_updated_date"], after[case.address]["last_updated_date"],
            "{}",
            case.address
        );
    }
    // And back again, all at once.
    world.write("", EVERY_KIND);
    says(&world.apply().flat(), &["0 added, 8 changed, 0 destroyed"]);
    world.plan_is_empty();
}

#[test]
fn a_name_is_replaced_and_nothing_else_is() {
    let world = World::new(EVERY_KIND);
    world.apply();
    let renamed = EVERY_KIND.replace("\"gr\"", "\"gr2\"");
    world.write("", &renamed);
    let plan = world.plan();
    plan.is(&[("appmesh_gateway_route.it", "delete+create")]);
    world.apply();
    world.plan_is_empty();
    assert_eq!(world.records().len(), 9);
    // From one type of route to another is a change of the same resource.
    let grpc = renamed.replace(
        "prefix = \"/\"\n        header {\n          name = \"x\"\n          match {\n            range {\n              \
         start = 0\n              end   = 10\n            }\n          }\n        }",
        "service_name = \"a.B\"",
    );
    let grpc = grpc.replacen("http_route", "grpc_route", 1);
    assert_ne!(grpc, renamed);
    world.write("", &grpc);
    world.plan().is(&[("appmesh_route.it", "update")]);
    world.apply();
    world.plan_is_empty();
}

#[test]
fn an_import_by_id_shows_what_the_resource_is() {
    for terraform in tools::terraform_matrix() {
        imported_by_id(&terraform);
    }
}

fn imported_by_id(terraform: &Path) {
    let world = World::on(terraform, "", EVERY_KIND);
    world.apply();
    let other = world.neighbour_on(terraform, "terraform", EVERY_KIND);
    for case in CASES {
        let ran = other.run(&["import", "-no-color", case.address, case.import_id]);
        assert!(ran.ok(), "{}:\n{}", case.address, ran.text);
    }
    let ran = other.run(&[
        "import",
        "-no-color",
        "appmesh_virtual_service.elsewhere",
        "m/elsewhere.local@us-east-1",
    ]);
    assert!(ran.ok(), "{}", ran.text);
    assert_eq!(world.state(), other.state());
    other.plan_is_empty();
}

#[test]
fn an_import_block_names_an_id_or_an_identity() {
    let world = World::new(EVERY_KIND);
    world.apply();
    let newest = tools::terraform_shim();
    for by_identity in [false, true] {
        let mut configuration = EVERY_KIND.to_owned();
        for case in CASES {
            let source = if by_identity {
                format!("identity = {}", case.identity)
            } else {
                format!("id = \"{}\"", case.import_id)
            };
            configuration.push_str(&format!("\nimport {{\n  to = {}\n  {source}\n}}\n", case.address));
        }
        configuration.push_str(
            "\nimport {\n  to = appmesh_virtual_service.elsewhere\n  id = \"m/elsewhere.local\"\n}\n",
        );
        let settings = format!(
            "store = {}",
            serde_json::Value::from(world.store_directory().to_string_lossy())
        );
        let other = World::on(&newest, &settings, &configuration);
        says(
            &other.apply().flat(),
            &["9 imported, 0 added, 0 changed, 0 destroyed"],
        );
        assert_eq!(world.state(), other.state());
        other.plan_is_empty();
    }
}

#[test]
fn configuration_that_terraform_generates_plans_empty() {
    let world = World::new(EVERY_KIND);
    world.apply();
    let imports: String = CASES
        .iter()
        .map(|case| {
            format!(
                "import {{\n  to = {}\n  id = \"{}\"\n}}\n",
                case.address, case.import_id
            )
        })
        .collect();
    let other = world.neighbour("terraform", &imports);
    let ran = other.run(&[
        "plan",
        "-no-color",
        "-generate-config-out=generated.tf",
        "-out=imports",
    ]);
    assert!(ran.ok(), "{}", ran.text);
    says(&ran.flat(), &["8 to import, 0 to add, 0 to change, 0 to destroy"]);
    let ran = other.run(&["apply", "-no-color", "imports"]);
    assert!(ran.ok(), "{}", ran.text);
    other.plan_is_empty();
}

#[test]
fn an_import_of_what_is_not_there_says_what_to_do() {
    let world = World::new(EVERY_KIND);
    let missing = world.run(&["import", "-no-color", "appmesh_virtual_node.it", "m/none"]);
    assert!(!missing.ok());
    says(&missing.flat(), &["has no virtual node", "meshform adopt"]);
    for id in ["m/r", "m//rt", "rt", "m/r/rt/more"] {
        let wrong = world.run(&["import", "-no-color", "appmesh_route.it", id]);
        assert!(!wrong.ok());
        says(
            &wrong.flat(),
            &["MF0703", id, "mesh-name/virtual-router-name/name"],
        );
    }
}

#[test]
fn what_disappears_behind_terraform_is_made_again() {
    for terraform in tools::terraform_matrix() {
        disappeared_one_by_one(&terraform);
    }
}

fn disappeared_one_by_one(terraform: &Path) {
    let world = World::on(terraform, "", EVERY_KIND);
    world.apply();
    for case in CASES {
        world.forget(&case.key());
        world.plan().is(&[(case.address, "create")]);
        world.apply();
        assert!(world.record(&case.key()).is_some(), "{}", case.address);
    }
    world.plan_is_empty();
    // A destroy does not stumble over what is gone already.
    for case in CASES {
        world.forget(&case.key());
    }
    world.destroy();
    assert_eq!(world.records(), []);
}

#[test]
fn what_changes_behind_terraform_shows_as_drift_and_is_put_right() {
    let world = World::new(EVERY_KIND);
    world.apply();
    let route = CASES.iter().find(|case| case.kind == Kind::Route).unwrap();
    world.tamper(&route.key(), |body| {
        body["spec"]["httpRoute"]["action"]["weightedTargets"][0]["weight"] = 3.into();
    });
    let plan = world.plan();
    plan.is(&[(route.address, "update")]);
    assert_eq!(
        plan.differences(route.address),
        ["spec[0].http_route[0].action[0].weighted_target[0].weight: 3 -> 70"]
    );
    let drifted: BTreeSet<&str> = plan.json["resource_drift"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["address"].as_str())
        .collect();
    assert_eq!(drifted, BTreeSet::from([route.address]));
    world.apply();
    world.plan_is_empty();
    let record = world.record(&route.key()).unwrap();
    assert_eq!(
        record.body["spec"]["httpRoute"]["action"]["weightedTargets"][0]["weight"],
        70
    );
}

#[test]
fn the_original_type_names_do_the_same() {
    for terraform in tools::terraform_matrix() {
        under_the_original_names(&terraform);
    }
}

fn under_the_original_names(terraform: &Path) {
    let configuration = EVERY_KIND
        .replace("\"appmesh_", "\"aws_appmesh_")
        .replace(" appmesh_", " aws_appmesh_")
        .replace("\"aws_appmesh_proxy_profile\"", "\"appmesh_proxy_profile\"");
    let configuration = add_to_every_resource(&configuration, "provider = appmesh");
    let world = World::on(terraform, "", &configuration);
    world.apply();
    world.plan_is_empty();
    let other = world.neighbour_on(terraform, "terraform", &configuration);
    for (address, id) in CASES
        .iter()
        .map(|case| (case.address, case.import_id))
        .chain(ELSEWHERE)
    {
        let address = match address.starts_with("appmesh_proxy_profile") {
            true => address.to_owned(),
            false => format!("aws_{address}"),
        };
        let ran = other.run(&["import", "-no-color", &address, id]);
        assert!(ran.ok(), "{address}:\n{}", ran.text);
    }
    assert_eq!(world.state(), other.state());
    other.plan_is_empty();
    // Under either name it is the same record: the other configuration has nothing to make.
    let plain = World::on(terraform, "", EVERY_KIND);
    plain.apply();
    let bodies = |world: &World| -> Vec<(String, serde_json::Value)> {
        let records = world.records().into_iter();
        records.map(|record| (record.key.path(), record.body)).collect()
    };
    assert_eq!(bodies(&world), bodies(&plain));
    for (address, values) in plain.state() {
        let mut theirs = world.state().remove(&format!("aws_{address}"));
        if address.starts_with("appmesh_proxy_profile") {
            theirs = world.state().remove(&address);
        }
        let (mut ours, mut theirs) = (values, theirs.unwrap());
        for values in [&mut ours, &mut theirs] {
            let values = values.as_object_mut().unwrap();
            values.retain(|name, _| !MOVING.contains(&name.as_str()) && name != "id");
        }
        assert_eq!(ours, theirs, "{address}");
    }
}

fn add_to_every_resource(configuration: &str, line: &str) -> String {
    let lines = configuration.lines().map(|text| {
        if text.starts_with("resource ") {
            format!("{text}\n  {line}\n")
        } else {
            format!("{text}\n")
        }
    });
    lines.collect()
}

//! What a provider can offer beside the plain life of objects, as Terraform's users see it.

use tfplugin::testing::Action;
use tfplugin::testing::terraform::{ScenarioStep, Versions, Workspace};

use super::{each, garden};

fn bed(body: &str) -> String {
    garden(&format!(
        "resource \"garden_bed\" \"a\" {{\n  name = \"a\"\n{body}\n}}\n"
    ))
}

/// A bed that Terraform did not make.
fn plant(all: &Workspace, name: &str) -> Result<(), String> {
    let beds = all.scratch().join("beds");
    let bed = format!(
        r#"{{"name":"{name}","id":"bed-{name}","soil":"loam","revision":1,"tools":["spade"],"area":3,"sunny":true}}"#
    );
    std::fs::create_dir_all(&beds)
        .and_then(|()| std::fs::write(beds.join(format!("{name}.json")), bed))
        .map_err(|error| error.to_string())
}

#[test]
fn a_write_only_value_reaches_the_provider_and_is_in_no_file() {
    let keyed = |key: &str, version: u32| bed(&format!("  key_wo = \"{key}\"\n  key_wo_version = {version}"));
    let nowhere = |secret: &'static str| {
        move |all: &Workspace| {
            for file in ["terraform.tfstate", "terraform.tfstate.backup"] {
                let text = std::fs::read_to_string(all.root().join(file)).unwrap_or_default();
                if text.contains(secret) {
                    return Err(format!("`{secret}` is in {file}"));
                }
            }
            Ok(())
        }
    };
    // What the provider made of the value: it keeps its length as private state.
    let length = |expected: &'static str| {
        move |all: &Workspace| {
            let text = std::fs::read_to_string(all.root().join("terraform.tfstate"));
            let text = text.map_err(|error| error.to_string())?;
            let state = tfplugin::codec::json::parse(text.as_bytes()).map_err(|error| error.to_string())?;
            let instance = &state.get("resources").items()[0].get("instances").items()[0];
            let private = instance.str("private").unwrap_or_default();
            if private == expected {
                return Ok(());
            }
            Err(format!("the private state is {private}"))
        }
    };
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(ScenarioStep::config(bed("  key_wo = \"hunter2\"")).fails("key_wo_version"))
            .step(
                ScenarioStep::config(keyed("hunter2", 1))
                    .check(nowhere("hunter2"))
                    // {"key_length":7,"planned_by":"garden_bed"}
                    .check(length("eyJrZXlfbGVuZ3RoIjo3LCJwbGFubmVkX2J5IjoiZ2FyZGVuX2JlZCJ9"))
                    .check(|all| match all.state("garden_bed.a") {
                        Ok(state) if state.get("key_wo").is_null() => Ok(()),
                        other => Err(format!("{other:?}")),
                    }),
            )
            // Another value alone is no change: that is what the version is for.
            .step(ScenarioStep::config(keyed("hunter33", 1)).plans("garden_bed.a", Action::None))
            .step(
                ScenarioStep::config(keyed("hunter33", 2))
                    .plans("garden_bed.a", Action::Update)
                    .check(nowhere("hunter33")),
            )
    });
}

#[test]
fn a_state_of_an_older_version_of_the_provider_is_taken_over_without_a_change() {
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(bed("  size = 12345678901234567890.5"))
                    .program(crate::example("garden_before"))
                    .plans("garden_bed.a", Action::Create)
                    .state("garden_bed.a", "id", "bed-a"),
            )
            .step(
                ScenarioStep::config(bed("  area = 12345678901234567890.5"))
                    .program(crate::example("garden"))
                    .plans("garden_bed.a", Action::None)
                    .check(|all| match all.state("garden_bed.a") {
                        Ok(state)
                            if state.get("area").as_number().map(ToString::to_string).as_deref()
                                == Some("12345678901234567890.5") =>
                        {
                            Ok(())
                        }
                        other => Err(format!("{other:?}")),
                    }),
            )
            .step(
                ScenarioStep::config(bed("  area = 12345678901234567891"))
                    .plans("garden_bed.a", Action::Update),
            )
    });
}

#[test]
fn what_a_module_says_of_itself_reaches_the_provider() {
    let module = |gardener: &str| {
        bed("").replacen(
            "terraform {",
            &format!("terraform {{\n  provider_meta \"garden\" {{\n    gardener = {gardener}\n  }}\n"),
            1,
        )
    };
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(ScenarioStep::config(module("[]")).fails("string required"))
            .step(ScenarioStep::config(module("\"eve\"")).state("garden_bed.a", "gardener", "eve"))
    });
}

#[test]
fn a_deprecated_attribute_is_warned_of_once_and_only_where_it_is_used() {
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(bed("  shady = true"))
                    .says("shady = true Use `sunny = false`.")
                    .says("Attribute is deprecated")
                    .plan_check(|plan| match plan.text.matches("Use `sunny = false`.").count() {
                        1 => Ok(()),
                        count => Err(format!("said {count} times:\n{}", plan.text)),
                    }),
            )
            .step(ScenarioStep::config(bed("")).plan_check(|plan| {
                if plan.text.contains("deprecated") {
                    return Err(plan.text.clone());
                }
                Ok(())
            }))
    });
}

#[test]
fn lists_find_what_exists_also_what_terraform_did_not_make() {
    let list = |config: &str, more: &str| {
        format!("list \"garden_bed\" \"all\" {{\n  provider = garden\n{more}  config {{\n{config}  }}\n}}\n")
    };
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(ScenarioStep::config(bed("")))
            .step(
                ScenarioStep::query(list("", "  include_resource = true\n"))
                    .before(|all| plant(all, "wild"))
                    .says("name=a bed a")
                    .says("name=wild bed wild"),
            )
            .step(ScenarioStep::query(list("    prefix = \"w\"\n", "")).says("name=wild bed wild"))
            .step(ScenarioStep::query(list("    prefix = []\n", "")).fails("string required"))
            .step(ScenarioStep::query(list("    size = 1\n", "")).fails("\"size\" is not expected here"))
    });
}

#[test]
fn generated_configuration_makes_the_object_that_is_there() {
    let import = garden("import {\n  to = garden_bed.wild\n  id = \"wild\"\n}\n");
    let written = |all: &Workspace| {
        let text = std::fs::read_to_string(all.root().join("generated.tf"));
        let text = text.map_err(|error| error.to_string())?;
        // The second only repeats its default, the others are the provider's own.
        let wrong = ["id ", "soil", "revision", "gardener"];
        match wrong.iter().find(|name| text.contains(&format!("  {name} "))) {
            Some(name) => Err(format!("`{name}` is in it:\n{text}")),
            None if text.contains("name ") && text.contains("area ") => Ok(()),
            None => Err(format!("something is missing:\n{text}")),
        }
    };
    // Older ones make the configuration themselves, with all that an object has.
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::generate(import.clone())
                    .only(Versions::since(1, 14).terraform_only())
                    .before(|all| plant(all, "wild"))
                    .plans("garden_bed.wild", Action::None)
                    .state("garden_bed.wild", "area", 3)
                    .check(written),
            )
            .step(
                ScenarioStep::generate(import.clone())
                    .only(Versions::below(1, 14))
                    .before(|all| plant(all, "wild"))
                    .plans("garden_bed.wild", Action::None)
                    .state("garden_bed.wild", "area", 3),
            )
    });
}

#[test]
fn a_change_from_outside_is_read_into_the_state() {
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(ScenarioStep::config(bed("  tools = [\"spade\"]")))
            .step(
                ScenarioStep::refresh()
                    .before(|all| plant(all, "a"))
                    .state("garden_bed.a", "area", 3),
            )
            .step(ScenarioStep::config(bed("  tools = [\"spade\"]")).plans("garden_bed.a", Action::Update))
    });
}

#[test]
fn what_the_provider_does_not_offer_is_said_to_be_missing() {
    let ephemeral = garden("ephemeral \"garden_key\" \"k\" {}\n");
    let action = garden("action \"garden_water\" \"w\" {}\n");
    let store = garden("").replacen(
        "terraform {",
        "terraform {\n  state_store \"garden_shed\" {\n    provider \"garden\" {}\n  }\n",
        1,
    );
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(ephemeral.clone())
                    .fails("does not support ephemeral resource \"garden_key\""),
            )
            .step(
                ScenarioStep::config(action.clone())
                    .only(Versions::since(1, 14).terraform_only())
                    .fails("does not have an action schema for garden_water"),
            )
            // Behind an experiment that released builds do not have: the block itself is refused.
            .step(ScenarioStep::config(store.clone()).fails("state_store"))
            .step(ScenarioStep::config(garden("")))
    });
}

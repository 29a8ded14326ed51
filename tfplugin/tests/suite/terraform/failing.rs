//! What Terraform keeps and says when something goes wrong.

use tfplugin::testing::Action;
use tfplugin::testing::terraform::{ScenarioStep, Workspace};

use super::{each, garden};

fn bed(body: &str) -> String {
    garden(&format!(
        "resource \"garden_bed\" \"a\" {{\n  name = \"a\"\n{body}\n}}\n"
    ))
}

fn on_disk(workspace: &Workspace) -> bool {
    workspace.scratch().join("beds/a.json").exists()
}

#[test]
fn a_create_that_failed_half_way_is_made_anew() {
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(bed("  tags = { test = \"fail\" }"))
                    .fails("Frost")
                    .tainted("garden_bed.a", true)
                    .state("garden_bed.a", "name", "a"),
            )
            .step(
                ScenarioStep::config(bed(""))
                    .plans("garden_bed.a", Action::Replace)
                    .tainted("garden_bed.a", false),
            )
    });
}

#[test]
fn a_create_that_made_nothing_leaves_nothing_behind() {
    let both = garden(
        "resource \"garden_bed\" \"a\" {\n  name = \"a\"\n}\nresource \"garden_bed\" \"b\" {\n  name = \"a\"\n  \
         depends_on = [garden_bed.a]\n}\n",
    );
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(both.clone())
                    .fails("name = \"a\" There is a bed named `a` already.")
                    .tainted("garden_bed.a", false)
                    .check(|all| match all.tainted("garden_bed.b") {
                        Ok(None) => Ok(()),
                        other => Err(format!("it is in the state: {other:?}")),
                    }),
            )
            .step(ScenarioStep::config(bed("")).plans("garden_bed.a", Action::None))
    });
}

#[test]
fn an_update_that_failed_keeps_the_state_before_or_what_was_reached() {
    let with = |area: u32, test: &str| {
        bed(&format!(
            "  area = {area}\n  soil = \"{}\"\n  tags = {{ test = \"{test}\" }}",
            if test == "no" { "loam" } else { "sand" }
        ))
    };
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(ScenarioStep::config(with(1, "no")))
            .step(
                ScenarioStep::config(with(2, "fail"))
                    .plans("garden_bed.a", Action::Update)
                    .fails("Nothing was changed.")
                    .state("garden_bed.a", "area", 1)
                    .state("garden_bed.a", "soil", "loam")
                    .state("garden_bed.a", "revision", 1)
                    .tainted("garden_bed.a", false),
            )
            .step(
                ScenarioStep::config(with(2, "half"))
                    .plans("garden_bed.a", Action::Update)
                    .fails("Only the area was changed.")
                    .state("garden_bed.a", "area", 2)
                    .state("garden_bed.a", "soil", "loam")
                    .tainted("garden_bed.a", false),
            )
            // What was reached is where the next plan begins.
            .step(ScenarioStep::config(with(2, "no")).plans("garden_bed.a", Action::None))
    });
}

#[test]
fn an_interrupted_create_still_answers_and_its_part_is_kept() {
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(bed("  tags = { test = \"slow\" }"))
                    .interrupt_when(on_disk)
                    .fails("The operation was cancelled before it was done.")
                    .state("garden_bed.a", "id", "bed-a")
                    .tainted("garden_bed.a", true),
            )
            .step(ScenarioStep::config(bed("")).plans("garden_bed.a", Action::Replace))
    });
}

#[test]
fn a_timeout_of_the_configuration_holds() {
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(bed(
                    "  tags = { test = \"slow\" }\n  timeouts { create = \"soon\" }",
                ))
                .fails("\"soon\" is not a duration"),
            )
            .step(
                ScenarioStep::config(bed(
                    "  tags = { test = \"slow\" }\n  timeouts { create = \"300ms\" }",
                ))
                .fails("It took longer than 300ms.")
                .tainted("garden_bed.a", true),
            )
            .step(
                ScenarioStep::config(bed("  timeouts { create = \"1h30m\" }"))
                    .plans("garden_bed.a", Action::Replace),
            )
    });
}

#[test]
fn a_destroy_may_be_refused() {
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(ScenarioStep::config(bed("  tags = { keep = \"yes\" }")))
            .step(
                ScenarioStep::destroy()
                    .fails("The tag `keep` forbids to remove it.")
                    .tainted("garden_bed.a", false),
            )
            .step(ScenarioStep::config(bed("")).plans("garden_bed.a", Action::Update))
            .destroyed(|all| {
                if on_disk(all) {
                    return Err("the bed is still there".into());
                }
                Ok(())
            })
    });
}

#[test]
fn a_result_that_breaks_the_plan_is_the_providers_mistake_and_names_the_attribute() {
    each("garden", "acme/garden", |scenario| {
        scenario.step(
            ScenarioStep::config(bed("  tags = { test = \"wrong\" }"))
                .fails("After creating, `soil` was planned as \"loam\", but is \"sand\"")
                .tainted("garden_bed.a", true),
        )
    });
}

//! With a real Terraform, or several.

mod failing;
mod features;
mod nested;

use tfplugin::testing::Action;
use tfplugin::testing::terraform::{Scenario, ScenarioStep, Versions};

/// Runs a scenario with every Terraform. Each step must be one for at least one of them.
fn each(name: &str, provider: &str, make: impl Fn(Scenario) -> Scenario) {
    let program = super::example(name);
    let mut steps: Vec<bool> = Vec::new();
    for (terraform, version) in super::terraforms() {
        match make(Scenario::new(&terraform, provider, &program)).run() {
            Ok(ran) if steps.is_empty() => steps = ran.steps,
            Ok(ran) => steps.iter_mut().zip(ran.steps).for_each(|(all, one)| *all |= one),
            Err(problem) => panic!("{version}: {problem}"),
        }
    }
    assert!(steps.iter().all(|ran| *ran), "never run: {steps:?}");
}

fn notes(body: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    note = {{ source = \"acme/note\" }}\n  }}\n}}\n{body}"
    )
}

fn garden(body: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    garden = {{ source = \"acme/garden\" }}\n  }}\n}}\n\
         provider \"garden\" {{\n  directory = \"${{SCRATCH}}/beds\"\n}}\n{body}"
    )
}

#[test]
fn the_small_example_makes_changes_replaces_imports_and_removes() {
    let note = |path: &str, text: &str| {
        notes(&format!(
            "resource \"note_file\" \"a\" {{\n  path = \"${{SCRATCH}}/{path}\"\n{text}}}\n"
        ))
    };
    each("note", "acme/note", |scenario| {
        scenario
            .step(
                ScenarioStep::config(note("a.txt", ""))
                    .plans("note_file.a", Action::Create)
                    .state("note_file.a", "text", ""),
            )
            .step(
                ScenarioStep::config(note("a.txt", "  text = \"hi\"\n")).plans("note_file.a", Action::Update),
            )
            .step(
                // Deleted behind Terraform's back.
                ScenarioStep::config(note("a.txt", "  text = \"hi\"\n"))
                    .before(|all| {
                        std::fs::remove_file(all.scratch().join("a.txt")).map_err(|e| e.to_string())
                    })
                    .plans("note_file.a", Action::Create),
            )
            .step(
                ScenarioStep::config(note("b.txt", "  text = \"hi\"\n"))
                    .plans("note_file.a", Action::Replace),
            )
            .step(ScenarioStep::config(note("", "")).fails("Cannot write the note"))
            .destroyed(|all| {
                if all.scratch().join("b.txt").exists() {
                    Err("the note is still there".into())
                } else {
                    Ok(())
                }
            })
    });
}

#[test]
fn everything_in_the_large_example_works() {
    let first = garden(
        r#"
resource "garden_bed" "a" {
  name     = "herbs"
  area     = 0.1
  tags     = { owner = "eve" }
  secret   = "hush"
  anything = { deep = [1, "x", null] }
  seeds    = { kale = { kind = "green" } }
  row {
    plant   = "thyme"
    spacing = 20
  }
  row {
    plant   = "sage"
    spacing = 30
  }
  fence {
    height = 1.5
    gate { side = "north" }
    gate { side = "south" }
  }
}
resource "garden_bed" "b" {
  name = "next-to-${garden_bed.a.name}"
  tags = { neighbour = garden_bed.a.id }
  dynamic "row" {
    for_each = toset([garden_bed.a.id])
    content { plant = row.value }
  }
}
data "garden_bed" "a" {
  name = garden_bed.a.name
}
output "soil" { value = data.garden_bed.a.soil }
output "mix"  { value = provider::garden::mix("a", "b", "c") }
"#,
    );
    let swapped = garden(
        r#"
resource "garden_bed" "a" {
  name     = "herbs"
  area     = 0.1
  tags     = { owner = "eve" }
  secret   = "hush"
  anything = { deep = [1, "x", null] }
  seeds    = { kale = { kind = "green" } }
  row {
    plant   = "sage"
    spacing = 30
  }
  row {
    plant   = "thyme"
    spacing = 20
  }
  fence {
    height = 1.50
    gate { side = "south" }
    gate { side = "north" }
  }
}
"#,
    );
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(first.clone())
                    .plans("garden_bed.a", Action::Create)
                    .plans("garden_bed.b", Action::Create)
                    .state("garden_bed.a", "row[1].label", "herbs/sage")
                    .state("garden_bed.b", "row[0].plant", "bed-herbs"),
            )
            .step(ScenarioStep::import("garden_bed.a", "herbs").ignore("anything"))
            .step(
                ScenarioStep::config(swapped.clone())
                    .plans("garden_bed.a", Action::None)
                    .plans("garden_bed.b", Action::Delete),
            )
            .step(
                ScenarioStep::config(swapped.replace("area     = 0.1", "area     = 0.05"))
                    .plans("garden_bed.a", Action::Replace),
            )
    });
}

#[test]
fn mistakes_in_a_configuration_are_shown_where_they_are() {
    each("garden", "acme/garden", |scenario| {
        let wrong = garden("resource \"garden_bed\" \"a\" {\n  name = \"Herbs\"\n  soil = \"peat\"\n}\n");
        let mint = garden(
            "resource \"garden_bed\" \"a\" {\n  name = \"a\"\n  row {\n    plant = \"mint\"\n  }\n}\n",
        );
        let function = garden("output \"x\" {\n  value = provider::garden::mix(\"a\", \"\")\n}\n");
        let crash =
            garden("resource \"garden_bed\" \"a\" {\n  name = \"a\"\n  tags = { test = \"panic\" }\n}\n");
        scenario
            .step(ScenarioStep::config(wrong).fails("soil = \"peat\" `soil` must be one of"))
            .step(ScenarioStep::config(mint).fails("plant = \"mint\" Mint takes over every bed"))
            .step(ScenarioStep::config(function).fails("must not be empty"))
            .step(ScenarioStep::config(crash).fails("Creating crashed: a slug"))
    });
}

#[test]
fn moves_between_types_keep_the_object() {
    let old = garden("resource \"old_garden_bed\" \"a\" {\n  provider = garden\n  name = \"a\"\n}\n");
    let new = garden(
        "moved {\n  from = old_garden_bed.a\n  to   = garden_bed.a\n}\nresource \"garden_bed\" \"a\" {\n  name = \"a\"\n}\n",
    );
    each("garden", "acme/garden", |scenario| {
        scenario.step(ScenarioStep::config(old.clone())).step(
            ScenarioStep::config(new.clone())
                .plan_check(|plan| {
                    let moved = plan.moved() == [("old_garden_bed.a".to_owned(), "garden_bed.a".to_owned())];
                    if moved && plan.changed().is_empty() {
                        Ok(())
                    } else {
                        Err(plan.text.clone())
                    }
                })
                .state("garden_bed.a", "id", "bed-a"),
        )
    });
}

#[test]
fn objects_are_imported_by_identity() {
    each("garden", "acme/garden", |scenario| {
        let import = "import {\n  to = garden_bed.a\n  identity = { name = \"a\" }\n}\n";
        scenario.only(Versions::since(1, 12)).step(
            ScenarioStep::config(garden(&format!(
                "{import}resource \"garden_bed\" \"a\" {{\n  name = \"a\"\n}}\n"
            )))
            .before(|all| {
                let beds = all.scratch().join("beds");
                std::fs::create_dir_all(&beds).map_err(|error| error.to_string())?;
                let bed = r#"{"name":"a","id":"bed-a","soil":"loam","revision":1,"tools":["spade"]}"#;
                std::fs::write(beds.join("a.json"), bed).map_err(|error| error.to_string())
            })
            .plans("garden_bed.a", Action::None)
            .state("garden_bed.a", "id", "bed-a"),
        )
    });
}

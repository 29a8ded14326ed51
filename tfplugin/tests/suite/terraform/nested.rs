//! Every way in which attributes and blocks nest, and what is asked of several attributes together.

use tfplugin::testing::Action;
use tfplugin::testing::terraform::ScenarioStep;

use super::{each, garden};

fn pond(body: &str) -> String {
    garden(&format!(
        "resource \"garden_pond\" \"a\" {{\n  name = \"a\"\n{body}\n}}\n"
    ))
}

const FIRST: &str = r#"
  spring = "hill"
  area   = 4
  lining = "clay"
  pump   = { power = 5 }
  ledge  = [{ depth = 0.5 }, { depth = 1 }]
  fish   = [{ kind = "carp" }, { kind = "roach", count = 3 }]
  bridge "north" { length = 2 }
  bridge "south" { length = 3 }
  edge { stone = "slate" }
"#;

#[test]
fn every_kind_of_nesting_is_made_changed_replaced_and_removed() {
    let attributes = FIRST
        .replace("power = 5", "power = 6")
        .replace("depth = 1 }]", "depth = 2 }, { depth = 3 }]")
        .replace("count = 3", "count = 4");
    let blocks = attributes
        .replace("length = 3", "length = 4")
        .replace(
            "bridge \"north\" { length = 2 }",
            "bridge \"west\" { length = 2 }",
        )
        .replace("slate", "granite");
    let unlined = blocks.replace("lining = \"clay\"", "depth  = 2");
    let lined = unlined.replace("depth  = 2", "depth  = 2\n  lining = \"foil\"");
    let dry = "  spring = \"hill\"\n  depth  = 2\n  lining = \"foil\"\n";
    let a = "garden_pond.a";
    each("garden", "acme/garden", |scenario| {
        scenario
            .step(
                ScenarioStep::config(pond(FIRST))
                    .plans(a, Action::Create)
                    .state(a, "permit", tfplugin::Value::Null)
                    .state(a, "pump.serial", "p1")
                    .state(a, "ledge[1].label", "ledge-1")
                    .state(a, "fish[0].count", 1)
                    .state(a, "fish[1].label", "fish-1")
                    .state(a, "bridge.south.label", "south-1")
                    .state(a, "edge.label", "edge-1"),
            )
            .step(
                ScenarioStep::config(pond(&attributes))
                    .plans(a, Action::Update)
                    .state(a, "pump.power", 6)
                    .state(a, "pump.serial", "p1")
                    .state(a, "ledge[1].depth", 2)
                    .state(a, "ledge[1].label", "ledge-1")
                    .state(a, "ledge[2].label", "ledge-2")
                    .state(a, "fish[0].label", "fish-1")
                    .state(a, "fish[1].count", 4)
                    .state(a, "fish[1].label", "fish-2")
                    .state(a, "bridge.north.length", 2),
            )
            .step(
                ScenarioStep::config(pond(&blocks))
                    .plans(a, Action::Update)
                    .state(a, "bridge.north", tfplugin::Value::Null)
                    .state(a, "bridge.south.length", 4)
                    .state(a, "bridge.south.label", "south-1")
                    .state(a, "bridge.west.label", "west-3")
                    .state(a, "edge.stone", "granite")
                    .state(a, "edge.label", "edge-1")
                    .state(a, "permit", tfplugin::Value::Null),
            )
            // What is not configured is no reason to make it anew, although nobody knows yet what it will be.
            .step(
                ScenarioStep::config(pond(&unlined))
                    .plans(a, Action::Update)
                    .state(a, "lining", "clay")
                    .state(a, "permit", "permit-4"),
            )
            .step(
                ScenarioStep::config(pond(&unlined.replace("granite", "marble")))
                    .plans(a, Action::Update)
                    .state(a, "revision", 5)
                    .state(a, "permit", "permit-4"),
            )
            .step(
                ScenarioStep::config(pond(&lined))
                    .plans(a, Action::Replace)
                    .state(a, "lining", "foil")
                    .state(a, "revision", 1),
            )
            .step(
                ScenarioStep::config(pond(dry))
                    .plans(a, Action::Update)
                    .state(a, "pump", tfplugin::Value::Null)
                    .state(a, "ledge", tfplugin::Value::Null)
                    .state(a, "fish", tfplugin::Value::Null)
                    .state(a, "edge.stone", tfplugin::Value::Null)
                    .state(a, "edge.label", "edge-1"),
            )
            .step(
                ScenarioStep::config(pond(&format!("{dry}  rain = true\n")))
                    .fails("Only one of `spring`, `rain` can be set."),
            )
            .step(ScenarioStep::config(pond("  depth = 2\n")).fails("One of `spring`, `rain` must be set."))
            .step(
                ScenarioStep::config(pond("  rain = true\n"))
                    .fails("At least one of `depth`, `area` must be set."),
            )
            // Nothing of that was done.
            .step(ScenarioStep::config(pond(dry)).plans(a, Action::None))
    });
}

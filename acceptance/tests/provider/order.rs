//! Lists whose order has no meaning: a reorder is nothing, a change reads as what it is.

use crate::world::World;

fn route(targets: &[(&str, u32)], headers: &[&str]) -> String {
    let targets: String = targets
        .iter()
        .map(|(node, weight)| {
            format!("weighted_target {{\n  virtual_node = \"{node}\"\n  weight = {weight}\n}}\n")
        })
        .collect();
    let headers: String = headers
        .iter()
        .map(|name| format!("header {{\n  name = \"{name}\"\n  match {{\n    exact = \"1\"\n  }}\n}}\n"))
        .collect();
    format!(
        "resource \"appmesh_route\" \"it\" {{\n name = \"rt\"\n mesh_name = \"m\"\n virtual_router_name = \"r\"\n \
         spec {{\n http_route {{\n match {{\n prefix = \"/\"\n {headers} }}\n action {{\n {targets} }}\n }}\n }}\n}}\n"
    )
}

const TARGETS: [(&str, u32); 3] = [("a", 75), ("b", 20), ("c", 5)];
const IT: &str = "appmesh_route.it";

#[test]
fn a_reorder_is_nothing() {
    let world = World::new(&route(&TARGETS, &["x", "y"]));
    world.apply();
    for (targets, headers) in [
        ([("c", 5), ("a", 75), ("b", 20)], ["y", "x"]),
        ([("b", 20), ("c", 5), ("a", 75)], ["x", "y"]),
    ] {
        world.write("", &route(&targets, &headers));
        world.plan_is_empty();
    }
}

#[test]
fn a_shifted_weight_reads_as_that_one_attribute() {
    let world = World::new(&route(&TARGETS, &["x"]));
    world.apply();
    world.write("", &route(&[("a", 50), ("b", 45), ("c", 5)], &["x"]));
    let plan = world.plan();
    plan.is(&[(IT, "update")]);
    assert_eq!(
        plan.differences(IT),
        [
            "spec[0].http_route[0].action[0].weighted_target[0].weight: 75 -> 50",
            "spec[0].http_route[0].action[0].weighted_target[1].weight: 20 -> 45",
        ]
    );
    assert!(plan.text.contains("weight = 75 -> 50"), "{}", plan.text);
    world.apply();
    world.plan_is_empty();
}

#[test]
fn what_is_shuffled_in_the_store_is_shown_in_the_order_of_the_state() {
    let world = World::new(&route(&TARGETS, &["x", "y"]));
    world.apply();
    let key = world.records()[0].key.clone();
    world.tamper(&key, |body| {
        let targets = &mut body["spec"]["httpRoute"]["action"]["weightedTargets"];
        targets.as_array_mut().unwrap().reverse();
    });
    world.plan_is_empty();
    // Shuffled and changed: the change alone can be seen.
    world.tamper(&key, |body| {
        let targets = &mut body["spec"]["httpRoute"]["action"]["weightedTargets"];
        let targets = targets.as_array_mut().unwrap();
        targets.rotate_left(1);
        let b = targets
            .iter_mut()
            .find(|target| target["virtualNode"] == "b")
            .unwrap();
        b["weight"] = 99.into();
    });
    let plan = world.plan();
    assert_eq!(
        plan.differences(IT),
        ["spec[0].http_route[0].action[0].weighted_target[1].weight: 99 -> 20"]
    );
}

#[test]
fn a_set_of_texts_has_no_order() {
    let retry = |events: &str| {
        route(&TARGETS, &[]).replace(
            "http_route {\n",
            &format!(
                "http_route {{\n retry_policy {{\n max_retries = 1\n http_retry_events = [{events}]\n \
                 per_retry_timeout {{\n unit = \"s\"\n value = 1\n }}\n }}\n"
            ),
        )
    };
    let world = World::new(&retry("\"server-error\", \"gateway-error\""));
    world.apply();
    world.plan_is_empty();
    world.write("", &retry("\"gateway-error\", \"server-error\""));
    world.plan_is_empty();
}

/// Terraform's core does not let a provider keep the order where blocks set different arguments.
#[test]
fn a_move_that_terraform_insists_on_is_explained_and_ends_with_one_apply() {
    let with_port = |targets: &[(&str, u32)]| {
        route(targets, &["x"]).replace("virtual_node = \"a\"", "virtual_node = \"a\"\n  port = 8080")
    };
    let world = World::new(&with_port(&[("a", 90), ("b", 10)]));
    world.apply();
    world.write("", &with_port(&[("b", 10), ("a", 90)]));
    let plan = world.plan();
    plan.is(&[(IT, "update")]);
    assert!(plan.text.contains("MF0630"), "{}", plan.text);
    world.apply();
    world.plan_is_empty();
    world.write("", &with_port(&[("a", 80), ("b", 20)]));
    let plan = world.plan();
    assert!(!plan.text.contains("MF0630"), "{}", plan.text);
}

/// The plan keeps the state's order, and Terraform shows the block of the configuration with the number that it is told.
#[test]
fn a_warning_is_shown_at_its_block_whatever_the_order() {
    let world = World::new(&route(&TARGETS, &["x"]));
    world.apply();
    world.write("", &route(&[("c", 5), ("a", 75), ("b", 20)], &["x"]));
    let plan = world.plan();
    plan.is(&[]);
    let text = plan.text.replace(['│', '╷', '╵'], "");
    for node in ["a", "b", "c"] {
        let warned = format!("Warning: Virtual node `{node}` in mesh `m` does not exist yet");
        let (_, shown) = text
            .split_once(&warned)
            .unwrap_or_else(|| panic!("{node}: {text}"));
        let line = shown
            .lines()
            .find(|line| line.contains("virtual_node ="))
            .unwrap();
        assert!(line.contains(&format!("\"{node}\"")), "{node}: {line}");
    }
}

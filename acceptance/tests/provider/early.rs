//! What is wrong is told as early as it can be known: by the validation, by the plan, at the attribute.

use crate::migration::{CONFIGURATION, STATE, same_names};
use crate::world::{World, says};
use meshform_acceptance::tools;

const MESH: &str = "resource \"appmesh_mesh\" \"it\" {\n  name = \"m\"\n}\n";

fn listener(port: u16) -> String {
    format!(
        "    listener {{\n      port_mapping {{\n        port = {port}\n        protocol = \"http\"\n      }}\n    }}\n"
    )
}

fn node(ports: &[u16]) -> String {
    let listeners: String = ports.iter().map(|port| listener(*port)).collect();
    format!(
        "resource \"appmesh_virtual_node\" \"n\" {{\n  name = \"n\"\n  mesh_name = appmesh_mesh.it.name\n  spec {{\n{listeners}    \
         service_discovery {{\n      dns {{\n        hostname = \"n.local\"\n      }}\n    }}\n  }}\n}}\n"
    )
}

/// A router with a route; `node` and `port` are the arguments of its target.
fn route(node: &str, port: &str) -> String {
    format!(
        "resource \"appmesh_virtual_router\" \"r\" {{\n  name = \"r\"\n  mesh_name = appmesh_mesh.it.name\n  spec {{\n{}  }}\n}}\n\
         resource \"appmesh_route\" \"rt\" {{\n  name = \"rt\"\n  mesh_name = appmesh_mesh.it.name\n  \
         virtual_router_name = appmesh_virtual_router.r.name\n  spec {{\n    http_route {{\n      match {{\n        \
         prefix = \"/\"\n      }}\n      action {{\n        weighted_target {{\n          virtual_node = {node}\n          \
         weight = 1\n{port}        }}\n      }}\n    }}\n  }}\n}}\n",
        listener(80)
    )
}

#[test]
fn a_plan_tells_what_it_makes_wrong_with_the_mesh() {
    for name in ["appmesh_virtual_node.n.name", "\"n\""] {
        let world = World::new(&format!("{MESH}{}{}", node(&[80]), route(name, "")));
        let first = world.plan().text;
        assert!(!first.contains("MF0234"), "{first}");
        world.apply();
        // The route says no port, and will have to choose between two.
        world.write("", &format!("{MESH}{}{}", node(&[80, 81]), route(name, "")));
        let plan = world.plan().text;
        says(&plan, &["Warning:", "MF0234", "80 and 81"]);
        assert_eq!(plan.matches("MF0234").count(), 1, "once: {plan}");
        // Both ends in one plan, in whichever order Terraform plans them, are no fault.
        let port = "          port = 80\n";
        world.write("", &format!("{MESH}{}{}", node(&[80, 81]), route(name, port)));
        let plan = world.plan().text;
        assert!(!plan.contains("MF02"), "{plan}");
        world.apply();
        world.plan_is_empty();
    }
}

#[test]
fn a_misspelt_mesh_is_told_with_the_one_that_was_meant() {
    let world = World::new(MESH.replace("\"m\"", "\"orchard\"").as_str());
    world.apply();
    let strayed = node(&[80]).replace("appmesh_mesh.it.name", "\"orchart\"");
    let neighbour = world.neighbour("others", &strayed);
    let ran = neighbour.run(&["apply", "-auto-approve", "-no-color"]);
    says(&ran.flat(), &["MF0210", "id you mean mesh `orchard`?"]);
}

#[test]
fn another_owners_end_counts_as_it_is() {
    let world = World::new(&format!("{MESH}{}", node(&[80, 81])));
    world.apply();
    let other = route("\"n\"", "").replace("appmesh_mesh.it.name", "\"m\"");
    let neighbour = world.neighbour("others", &other);
    says(&neighbour.plan().text, &["MF0234", "weighted_target {"]);
}

#[test]
fn an_id_in_the_place_of_a_name_is_refused_with_the_name() {
    let service = "resource \"appmesh_virtual_service\" \"s\" {\n  name = \"s.local\"\n  mesh_name = appmesh_mesh.it.name\n  \
                   spec {\n    provider {\n      virtual_node {\n        virtual_node_name = appmesh_virtual_node.n.id\n      \
                   }\n    }\n  }\n}\n";
    let world = World::new(&format!("{MESH}{}{service}", node(&[80])));
    let wanted = ["MF0266", "is the id of virtual node `n`", "use its name: `n`"].map(str::to_lowercase);
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    // First the id is not known before the node is there; then the plan knows it.
    says(&world.apply_fails().to_lowercase(), &wanted);
    says(&world.plan_fails().to_lowercase(), &wanted);
    world.write(
        "",
        &format!("{MESH}{}{}", node(&[80]), service.replace("n.id", "n.name")),
    );
    world.apply();
    world.plan_is_empty();
}

#[test]
fn a_host_name_in_a_profile_is_told_at_its_attribute() {
    let profile = "resource \"appmesh_proxy_profile\" \"p\" {\n  name = \"p\"\n  mesh_name = \"m\"\n  spec {\n    admin {\n      \
                   address = \"localhost\"\n    }\n  }\n}\n";
    let world = World::new(profile);
    let ran = world.run(&["validate", "-no-color"]);
    assert!(!ran.ok(), "{}", ran.text);
    says(&ran.flat(), &["Error:", "MF0307", "address = \"localhost\""]);
}

#[test]
fn a_plan_without_a_refresh_after_the_provider_was_switched_is_an_error() {
    let world = World::of_replaced_state(&tools::terraform_in_turn(), &same_names(CONFIGURATION), STATE);
    let ran = world.run(&["plan", "-no-color", "-refresh=false"]);
    assert!(!ran.ok(), "{}", ran.text);
    says(&ran.flat(), &["MF1003", "once without `-refresh=false`"]);
}

#[test]
fn a_look_up_of_what_another_team_has_yet_to_make_says_whose_it_is() {
    let world = World::with_provider("owner = \"platform\"", &format!("{MESH}{}", node(&[80])));
    world.apply();
    let data = |name: &str| {
        format!("data \"appmesh_virtual_node\" \"x\" {{\n  name = \"{name}\"\n  mesh_name = \"m\"\n}}\n")
    };
    let neighbour = world.neighbour("shop", &data("checkout"));
    says(
        &neighbour.plan_fails(),
        &["MF1003", "the owner `platform`'s", "plan again after that apply"],
    );
    let missing = data("x").replace("\"m\"", "\"nowhere\"");
    let neighbour = world.neighbour("shop", &missing);
    says(&neighbour.plan_fails(), &["has no mesh `nowhere` either"]);
}

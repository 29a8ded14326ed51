//! Every guide, followed from its beginning to its end.

use crate::desk::Desk;
use crate::moto::Moto;
use meshform_acceptance::tools;

#[test]
fn the_migration_guide_takes_two_teams_over() {
    let desk = Desk::new();
    desk.stand_in_for_aws();
    desk.copy("migration");
    desk.follow("migrating-from-aws-app-mesh.md");
}

#[test]
fn the_guide_for_several_teams_does_what_it_says() {
    let desk = installed();
    desk.follow("several-teams.md");
}

#[test]
fn the_guide_on_envoy_ends_with_an_envoy_that_follows_and_drains() {
    let mut desk = installed();
    desk.program("envoy", &tools::envoy());
    desk.free_ports(&[15001, 9901, 8081, 8082]);
    desk.follow("running-envoy.md");
}

#[test]
fn the_decisions_are_what_the_command_shows() {
    Desk::new().follow("decisions.md");
}

#[test]
fn the_guide_on_buckets_keeps_a_store_in_one() {
    let moto = Moto::start();
    let mut desk = installed();
    desk.port(9000, moto.address().port());
    desk.follow("buckets.md");
}

#[test]
fn the_guide_on_cloudformation_takes_a_stack_over() {
    let moto = Moto::start();
    let mut desk = Desk::new();
    desk.port(9000, moto.address().port());
    desk.stand_in_for_the_aws_command();
    desk.copy("cloudformation");
    desk.follow("from-cloudformation.md");
}

#[test]
fn the_guide_on_the_agent_brings_a_release_and_endpoints_to_an_envoy() {
    let moto = Moto::start();
    let mut desk = Desk::new();
    desk.program("meshform-agent", &tools::agent());
    desk.program("envoy", &tools::envoy());
    desk.port(9000, moto.address().port());
    desk.free_ports(&[15001, 9901, 9903, 9904]);
    desk.follow("agent.md");
}

#[test]
fn the_guide_on_the_control_plane_serves_the_api() {
    let mut desk = Desk::new();
    desk.free_ports(&[8080]);
    desk.follow("control-plane.md");
}

#[test]
fn the_guide_on_ecs_gives_task_definitions_back() {
    Desk::new().follow("ecs.md");
}

#[test]
fn the_quick_start_goes_from_archives_to_a_changed_weight() {
    let desk = Desk::new();
    desk.program("envoy", &tools::envoy());
    desk.copy("mesh.yaml");
    desk.archives();
    desk.follow("quick-start.md");
}

#[test]
fn the_guide_on_kubernetes_keeps_manifests_as_the_source() {
    Desk::new().follow("from-kubernetes.md");
}

#[test]
fn the_guide_on_cloud_map_finds_the_nodes_and_gives_them_addresses() {
    Desk::new().follow("cloud-map.md");
}

#[test]
fn the_guide_on_certificates_swaps_them_at_once() {
    Desk::new().follow("certificates.md");
}

#[test]
fn the_page_on_sixty_services_shows_the_way_and_the_way_back() {
    Desk::new().follow("sixty-services.md");
}

/// The page that everybody sees first: its commands for those without Terraform, word for word, on the mesh that it shows.
#[test]
fn the_commands_of_the_readme_do_what_they_say() {
    let desk = Desk::new();
    desk.copy_as("mesh.yaml", "examples/mesh.yaml");
    // What the reader brings: task definitions, and a mesh from before and after a change.
    desk.file("tasks.json", include_str!("tasks.json"));
    desk.copy_as("mesh.yaml", "before.yaml");
    desk.copy_as("mesh.yaml", "after.yaml");
    desk.run_block("README.md", "meshform validate mesh.yaml");
    for made in [
        "published/apps/virtualNode/servicea/bootstrap.json",
        "out/apps/virtualNode/servicea/bootstrap.json",
        "mesh.html",
    ] {
        assert!(!desk.made(made).is_empty(), "{made} is not there");
    }
}

/// A desk on which the provider is installed, as the first guide says.
fn installed() -> Desk {
    let desk = Desk::new();
    desk.install();
    desk
}

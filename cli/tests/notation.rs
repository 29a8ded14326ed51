//! Help is given in the form of the input: what to write as HCL, YAML or JSON, and fields by the names that the input uses.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;

/// A node whose certificate comes from a server that no proxy profile names, and whose route matches no port.
const API: &str = "\
- {meshName: m, spec: {}}
- meshName: m
  virtualNodeName: n
  spec:
    listeners:
      - portMapping: {port: 8080, protocol: http}
        tls: {mode: STRICT, certificate: {sds: {secretName: s}}}
    serviceDiscovery: {dns: {hostname: n.local}}
";

/// The same node as a state of Terraform has it.
const STATE: &str = r#"{"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "l", "outputs": {}, "resources": [
  {"mode": "managed", "type": "aws_appmesh_mesh", "name": "m", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
   "instances": [{"schema_version": 0, "attributes": {"name": "m", "spec": []}}]},
  {"mode": "managed", "type": "aws_appmesh_virtual_node", "name": "n", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
   "instances": [{"schema_version": 1, "attributes": {"name": "n", "mesh_name": "m", "spec": [{
     "listener": [{"port_mapping": [{"port": 8080, "protocol": "http"}],
       "tls": [{"mode": "STRICT", "certificate": [{"acm": [], "file": [], "sds": [{"secret_name": "s"}]}], "validation": []}]}],
     "service_discovery": [{"dns": [{"hostname": "n.local"}], "aws_cloud_map": []}]}]}}]}]}"#;

/// What is told of a file for which Envoy's configuration cannot be made.
fn told(world: &World, file: &str) -> String {
    let ran = world.run(&["compile", file, "--target", "envoy", "--out", "out"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(ran.err.contains("error[MF0305]"), "{}", ran.err);
    ran.err
}

fn converted(world: &World, form: &str) -> String {
    let ran = world.run(&["convert", "api.yaml", "--to", form]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    ran.out
}

#[test]
fn what_to_write_is_shown_in_the_form_of_the_input() {
    let world = World::new(&[("api.yaml", API), ("terraform.tfstate", STATE)]);
    world.write("api.json", &converted(&world, "api"));
    world.write("template.json", &converted(&world, "cloudformation"));
    world.write("objects.yaml", &converted(&world, "kubernetes"));
    let yaml = "SPIRE:\n             spec:\n               sdsSocketPath: /run/spire/sockets/agent.sock\n";
    let json = "\"sdsSocketPath\": \"/run/spire/sockets/agent.sock\"\n";
    let hcl = "sds_socket_path = \"/run/spire/sockets/agent.sock\"\n";
    for (file, expected) in [
        ("api.yaml", yaml.trim_start_matches("SPIRE:\n").trim_start()),
        ("objects.yaml", "sdsSocketPath: /run/spire/sockets/agent.sock\n"),
        ("api.json", json),
        // A template holds profiles in its metadata, with the API's names.
        ("template.json", json),
        ("terraform.tfstate", hcl),
    ] {
        let told = told(&world, file);
        assert!(
            told.contains("help: set in its proxy profile, for instance for SPIRE:\n"),
            "{file}: {told}"
        );
        let told: String = told.lines().map(|line| format!("{}\n", line.trim())).collect();
        let expected: String = expected
            .lines()
            .map(|line| format!("{}\n", line.trim()))
            .collect();
        assert!(told.contains(&expected), "{file}: {told}");
    }
    let report = world.run(&["validate", "api.yaml", "--format", "json"]);
    assert_eq!(report.exit, Exit::Fine, "{}", report.all());
}

#[test]
fn what_is_told_of_a_store_is_told_as_terraform_writes_it() {
    let world = World::new(&[("api.yaml", API)]);
    let adopted = world.run(&["adopt", "api.yaml", "--store", "s"]);
    assert_eq!(adopted.exit, Exit::Fine, "{}", adopted.all());
    let ran = world.run(&["compile", "--store", "s", "--target", "envoy", "--out", "out"]);
    assert!(ran.err.contains("sds_socket_path = "), "{}", ran.all());
}

#[test]
fn fields_are_called_as_the_input_calls_them() {
    let api = API.replace("    serviceDiscovery: {dns: {hostname: n.local}}\n", "")
        + "- {meshName: m, virtualServiceName: s.local, spec: {provider: {virtualNode: {virtualNodeName: n}}}}\n\
           - {meshName: m, virtualNodeName: c, spec: {backends: [{virtualService: {virtualServiceName: s.local}}]}}\n";
    let world = World::new(&[("api.yaml", &api)]);
    world.write("template.json", &converted(&world, "cloudformation"));
    for (file, name) in [
        ("api.yaml", "`serviceDiscovery`"),
        ("template.json", "`ServiceDiscovery`"),
    ] {
        let ran = world.run(&["validate", file]);
        assert!(ran.err.contains(name), "{file}: {}", ran.all());
    }
}

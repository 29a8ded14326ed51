//! The API beside the Terraform provider on one store, and the releases that follow writes.

use crate::server::Server;
use meshform_acceptance::terraform::Module;
use meshform_acceptance::tools;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const MODULE: &str = r#"
terraform {
  required_providers {
    appmesh = { source = "meshform/appmesh" }
  }
}
provider "appmesh" {
  store = "./store"
}
resource "appmesh_mesh" "apps" {
  name = "apps"
}
resource "appmesh_virtual_node" "a" {
  name      = "a"
  mesh_name = appmesh_mesh.apps.id
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
    service_discovery {
      dns {
        hostname = "a.internal"
      }
    }
  }
}
"#;

fn meshform(arguments: &[&str], store: &Path) -> (i32, String) {
    let mut command = Command::new(tools::meshform());
    command.args(arguments).arg("--store").arg(store);
    let ran = command.output().unwrap();
    let text = [ran.stdout, ran.stderr].concat();
    (ran.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn terraform_and_the_api_write_one_store() {
    let directory = TempDir::new().unwrap();
    let provider = tools::provider();
    let terraform = Module::new(
        &tools::terraform_in_turn(),
        directory.path(),
        provider.parent().unwrap(),
    )
    .unwrap();
    terraform.write("main.tf", MODULE).unwrap();
    let applied = terraform.run(&["apply", "-auto-approve", "-no-color"]).unwrap();
    assert!(applied.ok(), "{}", applied.flat());
    let server = Server::start(&directory.path().join("store"), &[]);

    let node = "/v20190125/meshes/apps/virtualNodes/a";
    let described = server.send("GET", node, "");
    assert_eq!(
        described.body["spec"]["serviceDiscovery"]["dns"]["hostname"],
        "a.internal"
    );
    let mut spec = described.body["spec"].clone();
    spec["serviceDiscovery"]["dns"]["hostname"] = json!("b.internal");
    let updated = server.send("PUT", node, &json!({ "spec": spec }).to_string());
    assert_eq!(updated.status, 200, "{}", updated.body);

    // Terraform sees what another hand did, and takes it back; the record stayed its own.
    let plan = terraform
        .run(&["plan", "-no-color", "-detailed-exitcode"])
        .unwrap();
    assert!(
        plan.flat().contains("\"b.internal\" -> \"a.internal\""),
        "{}",
        plan.flat()
    );
    let applied = terraform.run(&["apply", "-auto-approve", "-no-color"]).unwrap();
    assert!(applied.ok(), "{}", applied.flat());
    let described = server.send("GET", node, "");
    assert_eq!(
        described.body["spec"]["serviceDiscovery"]["dns"]["hostname"],
        "a.internal"
    );
    assert_eq!(described.body["metadata"]["version"], 3);

    let mesh = server.send("DELETE", "/v20190125/meshes/apps", "");
    assert_eq!(
        (mesh.status, mesh.error().0.as_str()),
        (409, "ResourceInUseException")
    );
    let destroyed = terraform.run(&["destroy", "-auto-approve", "-no-color"]).unwrap();
    assert!(destroyed.ok(), "{}", destroyed.flat());
    assert_eq!(
        server.send("GET", "/v20190125/meshes", "").body,
        json!({"meshes": []})
    );
}

#[test]
fn a_release_follows_each_write_and_can_be_waited_for() {
    let directory = TempDir::new().unwrap();
    let (store, published) = (directory.path().join("store"), directory.path().join("published"));
    let server = Server::start(&store, &["--publish", published.to_str().unwrap()]);
    let send = |path: &str, body: &str| {
        let answer = server.send("PUT", &format!("/v20190125/meshes{path}"), body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    };
    send("", r#"{"meshName": "apps"}"#);
    let node = json!({
        "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
        "serviceDiscovery": {"dns": {"hostname": "a.internal"}},
    });
    let written = send(
        "/apps/virtualNodes",
        &json!({"virtualNodeName": "a", "spec": node}).to_string(),
    );
    assert_eq!(written.header("x-meshform-warning"), None);
    let revision = written.header("x-meshform-revision").unwrap().to_owned();
    let (code, told) = meshform(&["status", "--mesh", "apps", "--wait", &revision], &store);
    assert_eq!(code, 0, "{told}");
    let found = published.join("apps/virtualNode/a/current");
    assert!(
        found.exists(),
        "{told}\nnothing is published to {}",
        found.display()
    );

    // What is not valid yet is stored, with a warning, and told by whoever waits.
    let service = json!({"provider": {"virtualNode": {"virtualNodeName": "missing"}}});
    let body = json!({"virtualServiceName": "a.local", "spec": service}).to_string();
    let dangling = send("/apps/virtualServices", &body);
    let warning = dangling.header("x-meshform-warning").unwrap();
    assert!(
        warning.contains("missing") && warning.contains("MF0707"),
        "{warning}"
    );
    let revision = dangling.header("x-meshform-revision").unwrap().to_owned();
    let (code, told) = meshform(&["status", "--mesh", "apps", "--wait", &revision], &store);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("missing"), "{told}");
    assert!(server.stop().success());
}

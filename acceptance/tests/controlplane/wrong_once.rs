//! Every operation with each of its fields wrong once.

use crate::server::{Server, output, python};
use meshform_model::kind::Kind;
use meshform_model::testing::broken;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// What the schema does not take, in what a request of the API says of a resource.
fn broken() -> Vec<Json> {
    let all = broken::all().iter();
    let of_the_api = all.filter(|broken| {
        let of = ["/spec", "/tags"];
        broken.kind != Kind::ProxyProfile && of.iter().any(|part| broken.pointer.starts_with(part))
    });
    of_the_api
        .map(|broken| {
            json!({
                "kind": broken.kind.name(),
                "what": broken.what,
                "spec": broken.json.get("spec"),
                "tags": broken.json.get("tags"),
                "code": broken.code.to_string(),
                "pointer": broken.pointer,
            })
        })
        .collect()
}

#[test]
fn every_operation_refuses_each_field_that_is_wrong_and_names_it() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("given.json");
    let given = json!({"specs": crate::specs(), "broken": broken()});
    std::fs::write(&file, given.to_string()).unwrap();
    let server = Server::start(&directory.path().join("store"), &[]);
    let told = output(python("wrong_once.py").arg(server.url()).arg(&file));
    assert!(told.starts_with("38 operations, "), "{told}");
}

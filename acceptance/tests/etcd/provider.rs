//! The provider on a store in etcd: how it is reached stands in the provider block.

use crate::certificates::Authority;
use crate::cluster::{Cluster, wait};
use crate::security::{with_certificates, with_users};
use meshform_acceptance::terraform::Module;
use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use serde_json::json;
use std::path::Path;

fn module(cluster: &Cluster, block: &str) -> Module {
    let dir = cluster.folder().join("root");
    let module = Module::new(
        &tools::terraform_in_turn(),
        &dir,
        tools::provider().parent().unwrap(),
    )
    .unwrap();
    configure(&module, &cluster.url("mine"), block);
    module
}

fn configure(module: &Module, store: &str, block: &str) {
    let text = format!(
        "terraform {{\n  required_providers {{\n    appmesh = {{ source = \"meshform/appmesh\" }}\n  }}\n}}\n\
         provider \"appmesh\" {{\n  store = \"{store}\"\n{block}}}\n\
         resource \"appmesh_mesh\" \"apps\" {{\n  name = \"apps\"\n}}\n"
    );
    module.write("main.tf", &text).unwrap();
}

#[test]
fn the_block_etcd_has_user_and_password() {
    let cluster = Cluster::start(1);
    with_users(&cluster);
    cluster.ask("/v3/auth/enable", &json!({}));
    let password = cluster.folder().join("root/password");
    let module = module(
        &cluster,
        "  etcd {\n    user = \"mesh\"\n    password_file = \"password\"\n  }\n",
    );
    std::fs::write(&password, "secret\n").unwrap();
    // What the environment says instead does not hold.
    let module = module
        .env("MESHFORM_ETCD_USER", "other")
        .env("MESHFORM_ETCD_PASSWORD", "wrong");
    let applied = module.run(&["apply", "-auto-approve", "-no-color"]).unwrap();
    assert!(applied.ok(), "{}", applied.text);
    let plan = module.run(&["plan", "-no-color", "-detailed-exitcode"]).unwrap();
    assert_eq!(plan.status, 0, "{}", plan.text);
    let named = [
        ("MESHFORM_ETCD_USER", "mesh"),
        ("MESHFORM_ETCD_PASSWORD", "secret"),
    ];
    let found = wait(cluster.store_with("mine", &named).get(&ResourceKey::mesh("apps"))).unwrap();
    assert!(found.is_some());
    std::fs::write(&password, "wrong").unwrap();
    let plan = module.run(&["plan", "-no-color"]).unwrap();
    assert!(!plan.ok() && plan.flat().contains("MF0471"), "{}", plan.text);
    configure(&module, "elsewhere", "  etcd {\n    user = \"mesh\"\n  }\n");
    let plan = module.run(&["plan", "-no-color"]).unwrap();
    let said = "Remove the block `etcd`, or set `store` to";
    assert!(!plan.ok() && plan.flat().contains(said), "{}", plan.text);
}

#[test]
fn the_block_etcd_has_certificates() {
    let ours = Authority::new("ours");
    let cluster = with_certificates(&ours);
    let client = ours.write(cluster.folder(), "client", &["client"]);
    let block = |folder: &Path| {
        let file = |name: &str| folder.join(name).display().to_string();
        format!(
            "  etcd {{\n    ca_file = \"{}\"\n    cert_file = \"{}\"\n    key_file = \"{}\"\n  }}\n",
            file("ca.crt"),
            file("tls.crt"),
            file("tls.key"),
        )
    };
    let module = module(&cluster, &block(&client));
    let applied = module.run(&["apply", "-auto-approve", "-no-color"]).unwrap();
    assert!(applied.ok(), "{}", applied.text);
    let stranger = Authority::new("others").write(cluster.folder(), "stranger", &["client"]);
    configure(&module, &cluster.url("mine"), &block(&stranger));
    let plan = module.run(&["plan", "-no-color"]).unwrap();
    assert!(!plan.ok() && plan.flat().contains("MF0475"), "{}", plan.text);
}

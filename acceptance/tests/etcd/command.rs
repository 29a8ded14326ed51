//! The command on a store in etcd, and servers that share one.

use crate::cluster::Cluster;
use meshform_acceptance::tools;
use std::fs;
use std::process::Command;

const MESH: &str = r#"[
  {"meshName": "apps", "spec": {}},
  {"meshName": "apps", "virtualNodeName": "web", "spec": {
    "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
    "serviceDiscovery": {"dns": {"hostname": "web.internal"}}}}
]"#;

#[test]
fn a_mesh_is_applied_released_and_shown() {
    let cluster = Cluster::start(1);
    let url = cluster.url("meshes/shop");
    let file = cluster.folder().join("mesh.json");
    fs::write(&file, MESH).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(tools::meshform());
        command.args(arguments).args(["--store", &url]);
        command.current_dir(cluster.folder());
        let ran = command.output().unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        (ran.status.code(), text)
    };
    // Nothing that was lost shall look empty.
    let (code, text) = run(&["status"]);
    assert_ne!(code, Some(0), "{text}");
    assert!(text.contains("there is no store"), "{text}");
    let file = file.display().to_string();
    let (code, text) = run(&["apply", &file, "--owner", "team"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(&["release"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(&["status"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("mesh `apps`"), "{text}");
}

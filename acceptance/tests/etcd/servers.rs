//! Two servers that share a store in etcd: what one writes the other tells its Envoys, and one that stood still goes on.

use crate::cluster::Cluster;
use crate::server::{Server, output};
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::{ports, tools};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Has a server change the port on which the node's Envoy listens.
fn listen(server: &Server, port: u16) {
    let spec = json!({
        "listeners": [{"portMapping": {"port": port, "protocol": "tcp"}}],
        "serviceDiscovery": {"dns": {"hostname": "web.internal"}},
    });
    let path = "/v20190125/meshes/apps/virtualNodes/web";
    let answer = server.send("PUT", path, &json!({ "spec": spec }).to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn what_one_server_writes_another_tells_its_envoys_and_one_that_stood_still_writes_again() {
    let cluster = Cluster::start(1);
    let url = cluster.url("meshes");
    let [xds, admin, egress, first, second] = ports::several().unwrap();
    let [third] = ports::several().unwrap();
    let ports = [first, second, third].map(|port| json!({"listenerPort": port, "appPort": 9}));
    let mesh = json!([
        {"meshName": "apps", "spec": {}},
        {"meshName": "apps", "virtualNodeName": "web", "spec": {
            "listeners": [{"portMapping": {"port": first, "protocol": "tcp"}}],
            "serviceDiscovery": {"dns": {"hostname": "web.internal"}}}},
        {"meshName": "apps", "proxyProfileName": "web", "spec": {
            "virtualNode": "web",
            "interception": {"explicit": {"port": egress}},
            "inbound": {"appPorts": ports},
            "admin": {"port": admin},
            "controlPlane": {"address": "127.0.0.1", "port": xds}}},
    ]);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(tools::meshform());
        command.current_dir(cluster.folder()).args(arguments);
        output(command.args(["--store", &url]))
    };
    fs::write(cluster.folder().join("mesh.json"), mesh.to_string()).unwrap();
    run(&["apply", "mesh.json", "--owner", "api"]);
    run(&["release"]);
    let writes = Server::start(Path::new(&url), &[]);
    let tells = Server::start(Path::new(&url), &["--xds", &format!("127.0.0.1:{xds}")]);
    let bootstrap = cluster.folder().join("bootstrap.json");
    fs::write(&bootstrap, run(&["bootstrap", "web", "--mode", "ads"])).unwrap();
    let log = cluster.folder().join("envoy.log");
    let envoy = Envoy::start(&tools::envoy(), &bootstrap, admin, &log).unwrap();
    let listens = |port: u16| {
        until(&format!("{port}: {}", envoy.log()), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    };
    listens(first);
    listen(&writes, second);
    listens(second);
    // A process that stands still renews nothing; others take its run for dead.
    let pid = Pid::from_raw(i32::try_from(writes.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    until("its lease ends", || {
        let leases = cluster.ask("/v3/lease/leases", &json!({}));
        leases["leases"].as_array().is_none_or(Vec::is_empty)
    });
    listen(&tells, third);
    listens(third);
    kill_process(pid, Signal::CONT).unwrap();
    listen(&writes, first);
    listens(first);
}

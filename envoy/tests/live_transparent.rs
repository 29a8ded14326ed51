//! Transparent interception with real iptables, in network namespaces of this user: outbound by OUTPUT, inbound by
//! PREROUTING, as App Mesh's script did. `unshare` and `nsenter` are util-linux's, `ip` and `iptables` the workspace's
//! tools; no right of root is needed.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use serde_json::json;
use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};
use support::http::{Client, Server};
use support::running::Running;

/// In which role this program was started again.
const ROLE: &str = "MESHFORM_TEST_ROLE";

fn run(program: impl AsRef<OsStr>, arguments: &str) {
    let program = program.as_ref();
    let status = Command::new(program).args(arguments.split(' ')).status();
    let status = status.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(status.success(), "{} {arguments}", program.display());
}

fn ip(arguments: &str) {
    run(tools::ip(), arguments);
}

fn iptables(arguments: &str) {
    run(tools::iptables(), arguments);
}

fn again(role: &str, test: &str, through: &[&str]) -> Command {
    let mut command = Command::new(through[0]);
    command.args(&through[1..]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(ROLE, role);
    // What the harness says in there is not for whoever counts tests; panics go to standard error.
    command.stdout(Stdio::null());
    command
}

#[test]
fn connections_are_intercepted_both_ways() {
    match std::env::var(ROLE).as_deref() {
        Err(_) => {
            let inside = again(
                "inside",
                "connections_are_intercepted_both_ways",
                &["unshare", "-Urn"],
            );
            let status = { inside }.status().expect("unshare runs (util-linux)");
            assert!(
                status.success(),
                "see above; without user namespaces this test cannot run: sysctl user.max_user_namespaces"
            );
        }
        Ok("inside") => inside(),
        Ok(_) => outside(),
    }
}

struct Neighbour(Child);

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Another network namespace, joined to this one by a cable: 10.9.0.1 here, 10.9.0.2 there.
fn neighbour() -> Neighbour {
    ip("link set lo up");
    let child = Command::new("unshare")
        .args(["-n", "sleep", "300"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let neighbour = Neighbour(child);
    let pid = neighbour.0.id();
    let namespace = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).unwrap();
    while namespace(&pid.to_string()) == namespace("self") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    ip(&format!("link add v0 type veth peer name v1 netns {pid}"));
    ip("addr add 10.9.0.1/24 dev v0");
    ip("link set v0 up");
    for arguments in ["addr add 10.9.0.2/24 dev v1", "link set v1 up", "link set lo up"] {
        let there = format!("-t {pid} -n {} {arguments}", tools::ip().display());
        run("nsenter", &there);
    }
    neighbour
}

/// App Mesh's rules; Envoy's own connections go to loopback here, which is never intercepted.
fn intercept() {
    iptables("-t nat -N APPMESH_EGRESS");
    iptables("-t nat -A APPMESH_EGRESS -p tcp -j REDIRECT --to-port 15001");
    iptables("-t nat -A OUTPUT -p tcp -m addrtype ! --dst-type LOCAL -j APPMESH_EGRESS");
    iptables("-t nat -N APPMESH_INGRESS");
    iptables("-t nat -A APPMESH_INGRESS -p tcp -m multiport --dports 8080 -j REDIRECT --to-port 15000");
    iptables("-t nat -A PREROUTING -p tcp -m addrtype ! --src-type LOCAL -j APPMESH_INGRESS");
}

fn mesh(backend: u16) -> Mesh {
    let http = |port: u16| json!([{"portMapping": {"port": port, "protocol": "http"}}]);
    support::mesh(&json!({
        "mesh": "m",
        "virtualNode": {
            "web": {"listeners": http(8080), "backends": [{"virtualService": {"virtualServiceName": "api.local"}}],
                    "serviceDiscovery": {"dns": {"hostname": "web.local"}}},
            "api": {"listeners": http(80), "serviceDiscovery": {"dns": {"hostname": "api.local"}}},
        },
        "virtualService": {"api.local": {"provider": {"virtualNode": {"virtualNodeName": "api"}}}},
        "proxyProfile": {"all": {"endpoints": [{"virtualNode": "api", "addresses": [{"address": "127.0.0.1", "port": backend}]}]}},
    }))
}

fn inside() {
    let neighbour = neighbour();
    intercept();
    let api = Server::start("api");
    let _app = Server::start_on("app", "127.0.0.1:8080");
    let root = tempfile::tempdir().unwrap();
    let key = ResourceKey::in_mesh("m", Kind::VirtualNode, "web");
    let envoy = Running::start(&mesh(api.port), &key, root.path(), 9901);

    // Out: the address does not matter, only the port and the name.
    let ask = |host: &str, port: u16| Client::connect("10.9.0.2", port).unwrap().get(host, "/", &[]);
    assert_eq!(ask("api.local", 80).unwrap().body, "api");
    assert_eq!(ask("api.local:80", 80).unwrap().body, "api");
    assert_eq!(
        ask("other.local", 80).unwrap().status,
        404,
        "DROP_ALL, a modelled port"
    );
    assert!(ask("api.local", 81).is_err(), "DROP_ALL, another port");

    // ALLOW_ALL is not asked here: passing on needs Envoy to run as another user than its callers, and a user
    // namespace has only one.
    // In: a client beyond the cable reaches the application through Envoy.
    let pid = neighbour.0.id().to_string();
    let client = again(
        "outside",
        "connections_are_intercepted_both_ways",
        &["nsenter", "-t", &pid, "-n"],
    );
    assert!({ client }.status().unwrap().success(), "{}", envoy.log());
    let stats = envoy.ask("/stats?filter=http.ingress.downstream_rq_2xx");
    assert!(stats.contains("http.ingress.downstream_rq_2xx: 1"), "{stats}");
    assert_eq!(envoy.rejected(), Vec::<String>::new());
}

fn outside() {
    let answer = Client::connect("10.9.0.1", 8080)
        .unwrap()
        .get("web.local", "/", &[])
        .unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "app"));
    assert!(
        answer.headers.contains_key("x-envoy-upstream-service-time"),
        "through Envoy"
    );
}

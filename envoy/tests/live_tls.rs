//! TLS between two real Envoys: mutual, by files, read again when they change; what App Mesh's modes let through.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use support::http::{Client, Server, free_port, get};
use support::running::Running;

struct Ports {
    app: u16,
    listener: u16,
    caller: u16,
    admins: (u16, u16),
}

/// Files behind a link that is swapped, as Kubernetes mounts secrets.
fn put_certificates(folder: &Path, version: &str) {
    let data = folder.join(version);
    fs::create_dir_all(&data).unwrap();
    support::write_certificates(&data);
    swap(folder, version);
    for name in ["tls.crt", "tls.key", "ca.crt"] {
        let link = folder.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(format!("..data/{name}"), link).unwrap();
        }
    }
}

fn swap(folder: &Path, version: &str) {
    let next = folder.join("..next");
    std::os::unix::fs::symlink(version, &next).unwrap();
    fs::rename(next, folder.join("..data")).unwrap();
}

fn mesh(ports: &Ports, server: &Path, client: &Path, mode: &str, own: bool) -> Mesh {
    let files = |folder: &Path| json!({"file": {"certificateChain": folder.join("tls.crt"), "privateKey": folder.join("tls.key")}});
    let trust = |folder: &Path| json!({"trust": {"file": {"certificateChain": folder.join("ca.crt")}}});
    let mut tls = json!({"validation": trust(client)});
    if own {
        tls["certificate"] = files(client);
    }
    let mut listener = json!({"mode": mode, "certificate": files(server)});
    if mode == "STRICT" {
        listener["validation"] = trust(server);
    }
    support::mesh(&json!({
        "mesh": "m",
        "virtualNode": {
            "caller": {"backends": [{"virtualService": {"virtualServiceName": "serviceb.apps.local", "clientPolicy": {"tls": tls}}}]},
            "server": {
                "listeners": [{"portMapping": {"port": ports.listener, "protocol": "http"}, "tls": listener}],
                "serviceDiscovery": {"dns": {"hostname": "serviceb.apps.local"}},
            },
        },
        "virtualService": {"serviceb.apps.local": {"provider": {"virtualNode": {"virtualNodeName": "server"}}}},
        "proxyProfile": {
            "caller": {
                "virtualNode": "caller", "interception": {"explicit": {"port": ports.caller}}, "admin": {"port": ports.admins.0},
                "endpoints": [{"virtualNode": "server", "addresses": [{"address": "127.0.0.1"}]}],
            },
            "server": {
                "virtualNode": "server", "interception": {"explicit": {"port": free_port()}}, "admin": {"port": ports.admins.1},
                "inbound": {"appPorts": [{"listenerPort": ports.listener, "appPort": ports.app}]},
            },
        },
    }))
}

fn start(mesh: &Mesh, node: &str, root: &Path, admin: u16) -> Running {
    let root = root.join(node);
    fs::create_dir_all(&root).unwrap();
    Running::start(
        mesh,
        &ResourceKey::in_mesh("m", Kind::VirtualNode, node),
        &root,
        admin,
    )
}

fn status(ports: &Ports) -> u16 {
    get(ports.caller, "serviceb.apps.local", "/", &[]).status
}

#[test]
fn mutual_tls_by_files_follows_their_rotation() {
    let app = Server::start("app");
    let ports = Ports {
        app: app.port,
        listener: free_port(),
        caller: free_port(),
        admins: (free_port(), free_port()),
    };
    let work = tempfile::tempdir().unwrap();
    let (one, two) = (work.path().join("server"), work.path().join("client"));
    put_certificates(&one, "v1");
    fs::create_dir_all(two.join("v1")).unwrap();
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        fs::copy(one.join("v1").join(file), two.join("v1").join(file)).unwrap();
        std::os::unix::fs::symlink(format!("..data/{file}"), two.join(file)).unwrap();
    }
    swap(&two, "v1");
    let strict = mesh(&ports, &one, &two, "STRICT", true);
    let _server = start(&strict, "server", work.path(), ports.admins.1);
    let mut caller = start(&strict, "caller", work.path(), ports.admins.0);
    assert_eq!(
        status(&ports),
        200,
        "both show a certificate that the other trusts"
    );
    let plain = Client::connect("127.0.0.1", ports.listener)
        .unwrap()
        .get("serviceb.apps.local", "/", &[]);
    assert!(plain.is_err(), "STRICT takes no plain connection");

    caller.follow(&mesh(&ports, &one, &two, "STRICT", false));
    assert_eq!(status(&ports), 503, "without a certificate of the caller");
    caller.follow(&strict);
    assert_eq!(status(&ports), 200);

    put_certificates(&one, "v2");
    let next = mesh(&ports, &one, &two, "STRICT", true);
    // The caller still trusts only the old authority: once its connections are new, it refuses the server.
    reconnect(&mut caller, &ports, &next, 503);
    fs::create_dir_all(two.join("v2")).unwrap();
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        fs::copy(one.join("v2").join(file), two.join("v2").join(file)).unwrap();
    }
    swap(&two, "v2");
    reconnect(&mut caller, &ports, &next, 200);
}

/// Waits until new connections give the wanted answer. An Envoy closes its upstream connections when a cluster
/// changes, so the caller's is changed to and fro.
fn reconnect(caller: &mut Running, ports: &Ports, mesh: &Mesh, wanted: u16) {
    let start = Instant::now();
    while status(ports) != wanted {
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "not {wanted}: {}",
            caller.log()
        );
        caller.shake(mesh);
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn permissive_takes_both() {
    let app = Server::start("app");
    let ports = Ports {
        app: app.port,
        listener: free_port(),
        caller: free_port(),
        admins: (free_port(), free_port()),
    };
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("tls");
    put_certificates(&folder, "v1");
    let permissive = mesh(&ports, &folder, &folder, "PERMISSIVE", false);
    let server = start(&permissive, "server", work.path(), ports.admins.1);
    let _caller = start(&permissive, "caller", work.path(), ports.admins.0);
    assert_eq!(status(&ports), 200, "over TLS");
    let stats = server.ask("/stats?filter=ssl.handshake");
    assert!(
        stats.lines().any(|line| line.contains("ssl.handshake: 1")),
        "{stats}"
    );
    assert_eq!(
        get(ports.listener, "serviceb.apps.local", "/", &[]).status,
        200,
        "plain"
    );
}

/// A server that speaks first, as databases do, behind a listener that takes TLS too: nobody says anything at first.
#[test]
fn a_server_that_speaks_first_is_heard_through_a_permissive_listener() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let app = server.local_addr().unwrap().port();
    let greeter = thread::spawn(move || {
        let (mut connection, _) = server.accept().unwrap();
        connection.write_all(b"hello").unwrap();
    });
    let (listener, admin) = (free_port(), free_port());
    let work = tempfile::tempdir().unwrap();
    support::write_certificates(work.path());
    let files =
        json!({"certificateChain": work.path().join("tls.crt"), "privateKey": work.path().join("tls.key")});
    let mesh = support::mesh(&json!({
        "mesh": "m",
        "virtualNode": {"server": {
            "listeners": [{
                "portMapping": {"port": listener, "protocol": "tcp"},
                "tls": {"mode": "PERMISSIVE", "certificate": {"file": files}},
            }],
            "serviceDiscovery": {"dns": {"hostname": "server.local"}},
        }},
        "proxyProfile": {"all": {
            "interception": {"explicit": {"port": free_port()}}, "admin": {"port": admin},
            "inbound": {"appPorts": [{"listenerPort": listener, "appPort": app}]},
        }},
    }));
    let _envoy = start(&mesh, "server", work.path(), admin);
    let mut caller = TcpStream::connect(("127.0.0.1", listener)).unwrap();
    caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut heard = [0; 5];
    caller.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    greeter.join().unwrap();
}

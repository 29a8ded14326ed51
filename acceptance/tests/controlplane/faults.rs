//! Servers that are killed, and many who write at once: what was answered is there.

use crate::server::Server;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

/// How often the server is killed.
fn kills() -> usize {
    std::env::var("MESHFORM_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5)
}

#[test]
fn what_was_answered_is_there_after_every_kill() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("store");
    let first = Server::start(&store, &[]);
    assert_eq!(
        first
            .send("PUT", "/v20190125/meshes", r#"{"meshName": "apps"}"#)
            .status,
        200
    );
    drop(first);
    // The port that each name was last told to have.
    let told: Mutex<BTreeMap<String, u16>> = Mutex::default();
    for round in 0..kills() {
        let mut server = Server::start(&store, &[]);
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let (server, told) = (&server, &told);
                scope.spawn(move || write(server, told, writer, round));
            }
            // Not at once, and at another moment each time.
            std::thread::sleep(Duration::from_millis(150 + 37 * round as u64));
            kill(&server);
        });
        server.kill();
    }
    let told = told.into_inner().unwrap();
    assert!(
        told.len() > kills(),
        "too little was written to learn anything: {}",
        told.len()
    );
    let server = Server::start(&store, &[]);
    for (name, port) in &told {
        let found = server.send("GET", &format!("/v20190125/meshes/apps/virtualNodes/{name}"), "");
        assert_eq!(found.status, 200, "{name} was answered and is gone");
        let is = found.body["spec"]["listeners"][0]["portMapping"]["port"]
            .as_u64()
            .unwrap();
        // An update under way when the server was killed may have been stored without an answer.
        assert!(is >= u64::from(*port), "{name}: {is}, and {port} was answered");
    }
}

fn kill(server: &Server) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn write(server: &Server, told: &Mutex<BTreeMap<String, u16>>, writer: usize, round: usize) {
    for number in 0.. {
        let name = format!("w{writer}-{round}-{number}");
        for port in [1, 2] {
            let spec = json!({"listeners": [{"portMapping": {"port": port, "protocol": "tcp"}}]});
            let sent = match port {
                1 => {
                    let body = json!({"virtualNodeName": name, "spec": spec}).to_string();
                    server.try_send("PUT", "/v20190125/meshes/apps/virtualNodes", &body)
                }
                _ => {
                    let path = format!("/v20190125/meshes/apps/virtualNodes/{name}");
                    server.try_send("PUT", &path, &json!({ "spec": spec }).to_string())
                }
            };
            match sent {
                Ok(answer) if answer.status == 200 => {
                    told.lock().unwrap().insert(name.clone(), port);
                }
                Ok(answer) => panic!("{}: {}", answer.status, answer.body),
                Err(_) => return,
            }
        }
    }
}

#[test]
fn a_client_that_sends_slowly_or_goes_away_holds_nobody_up() {
    use std::io::Write as _;
    let directory = TempDir::new().unwrap();
    let server = Server::start(&directory.path().join("store"), &[]);
    let half: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
            stream
                .write_all(
                    b"PUT /v20190125/meshes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{",
                )
                .unwrap();
            stream
        })
        .collect();
    let made = server.send("PUT", "/v20190125/meshes", r#"{"meshName": "apps"}"#);
    assert_eq!(made.status, 200);
    drop(half);
    assert_eq!(server.page("/readyz"), (200, "ready\n".to_owned()));
    assert!(server.stop().success());
}

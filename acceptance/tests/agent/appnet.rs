//! The interface of App Mesh's own agent, as scripts ask it.

use crate::{World, eventually};
use meshform_acceptance::http::Client;
use meshform_acceptance::ports;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[test]
fn scripts_that_ask_app_meshs_own_agent_get_their_answers() {
    let mut world = World::new();
    let port = ports::free().unwrap();
    let _services = world.running_by(|command| {
        command
            .env("APPNET_AGENT_ADMIN_MODE", "tcp")
            .env("APPNET_AGENT_HTTP_PORT", port.to_string())
            .env("APPNET_AGENT_LOGGING_RESET_TIMEOUT", "1")
            .env(
                "APPMESH_XDS_ENDPOINT",
                "appmesh-envoy-management.us-east-1.amazonaws.com:443",
            );
    });
    let ask = |method: &str, path: &str| {
        let mut client = Client::new(SocketAddr::from(([127, 0, 0, 1], port)));
        let answer = client.request(method, "localhost", path, &[]).unwrap();
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    };
    // Who asks too often is told to wait.
    let patiently = |method: &str, path: &str| loop {
        let answer = ask(method, path);
        if answer.0 != 429 {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let status = || -> Value { serde_json::from_str(&patiently("GET", "/status").1).unwrap_or_default() };
    eventually("it is healthy", 20, || status()["healthStatus"] == "HEALTHY");
    let told = status();
    assert_eq!(told["envoyPid"], world.envoy_pid().to_string());
    for (field, value) in [
        ("envoyState", "LIVE"),
        ("envoyRestartCount", "0"),
        ("managementServerConnectionStatus", "CONNECTED"),
        ("envoyReadinessState", "INITIALIZED"),
        ("initialConfigUpdateStatus", "UPDATE_SUCCESSFUL"),
    ] {
        assert_eq!(told[field], value, "{told}");
    }
    let (answered, text) = patiently("GET", "/stats/prometheus?usedonly");
    assert!(answered == 200 && text.contains("# TYPE envoy_"), "{text}");
    let (answered, text) = patiently("POST", "/enableLogging?level=debug");
    assert!(answered == 200 && text.contains("debug"), "{text}");
    eventually("the levels are reset", 20, || {
        world.log().contains("log levels are reset")
    });
    for (method, path, answered) in [
        ("POST", "/enableLogging?level=loud", 400),
        ("POST", "/drain_listeners", 400),
        ("POST", "/drain_listeners?inboundonly&graceful", 400),
        ("GET", "/drain_listeners?inboundonly", 405),
        ("GET", "/elsewhere", 404),
    ] {
        eventually(path, 10, || ask(method, path).0 == answered);
    }
    // One after the other as fast as they go.
    let refused = (0..200).any(|_| ask("GET", "/status").0 == 429);
    assert!(refused, "it is asked too often");
    eventually("listeners drain", 20, || {
        ask("POST", "/drain_listeners?inboundonly").0 == 200
    });
    world.serves("first");
    assert_eq!(world.log().matches("APPMESH_XDS_ENDPOINT is ignored").count(), 1);
}

#[test]
fn the_same_on_a_socket() {
    let mut world = World::new();
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("admin.sock");
    let mut command = world.run();
    command
        .env("APPNET_AGENT_ADMIN_MODE", "uds")
        .env("APPNET_AGENT_ADMIN_UDS_PATH", &socket);
    world.start_by(command);
    eventually("it listens", 20, || socket.exists());
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream
        .write_all(b"GET /status HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\"healthStatus\":\"UNHEALTHY\""), "{text}");
}

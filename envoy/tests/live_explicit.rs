//! Explicit interception beside the common listener: an address per service, a TCP port, inbound to the application;
//! and what the profile adds: limits, a pause between tries, endpoints that change.
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
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;
use support::http::{Client, Server, free_port, get};
use support::running::Running;

/// Sends back what it gets, behind its greeting: a server that speaks first.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                stream.write_all(b"hello ").unwrap();
                let mut bytes = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    stream.write_all(&bytes[..count]).unwrap();
                }
            });
        }
    });
    port
}

struct Ports {
    proxy: u16,
    admin: u16,
    inbound: u16,
    tcp: u16,
    own: u16,
}

fn mesh(ports: &Ports, api: u16, db: u16, app: u16) -> Value {
    let listener = |port: u16, protocol: &str| json!({"portMapping": {"port": port, "protocol": protocol}});
    json!({
        "mesh": "m",
        "virtualNode": {
            "web": {
                "listeners": [listener(ports.inbound, "http")],
                "backends": [{"virtualService": {"virtualServiceName": "api.local"}}, {"virtualService": {"virtualServiceName": "db.local"}}],
                "serviceDiscovery": {"dns": {"hostname": "web.local"}},
            },
            "api": {"listeners": [listener(ports.own, "http")], "serviceDiscovery": {"dns": {"hostname": "api.local"}}},
            "db": {"listeners": [listener(5432, "tcp")], "serviceDiscovery": {"dns": {"hostname": "db.local"}}},
        },
        "virtualService": {
            "api.local": {"provider": {"virtualRouter": {"virtualRouterName": "api"}}},
            "db.local": {"provider": {"virtualNode": {"virtualNodeName": "db"}}},
        },
        "virtualRouter": {"api": {"listeners": [listener(ports.own, "http")]}},
        "route": {"api/all": {"httpRoute": {
            "match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "api", "weight": 1}]},
            "retryPolicy": {"maxRetries": 2, "perRetryTimeout": {"unit": "s", "value": 2}, "httpRetryEvents": ["gateway-error"]},
            "timeout": {"perRequest": {"unit": "s", "value": 30}},
        }}},
        "proxyProfile": {"all": {
            "interception": {"explicit": {"port": ports.proxy, "services": [
                {"virtualService": "api.local", "address": "127.0.0.7"},
                {"virtualService": "db.local", "port": ports.tcp},
            ]}},
            "inbound": {"appPorts": [{"listenerPort": ports.inbound, "appPort": app}]},
            "admin": {"port": ports.admin},
            "limits": {"maxRequestHeadersKb": 4, "maxRequestHeadersCount": 20},
            "endpoints": [
                {"virtualNode": "api", "addresses": [{"address": "127.0.0.1", "port": api}]},
                {"virtualNode": "db", "addresses": [{"address": "127.0.0.1", "port": db}]},
            ],
        }},
    })
}

fn with_pause(mut json: Value) -> Mesh {
    let route = json["route"]["api/all"].take();
    let second = json!({"unit": "s", "value": 1});
    json["route"]["api/all"] = json!({"spec": route, "extensions": {"retryBackOff": {"baseInterval": second, "maxInterval": second}}});
    support::mesh(&json)
}

#[test]
fn sockets_of_services_and_the_way_in() {
    let (api, app) = (Server::start("api"), Server::start("app"));
    let db = echo();
    let ports = Ports {
        proxy: free_port(),
        admin: free_port(),
        inbound: free_port(),
        tcp: free_port(),
        own: free_port(),
    };
    let json = mesh(&ports, api.port, db, app.port);
    let root = tempfile::tempdir().unwrap();
    let key = ResourceKey::in_mesh("m", Kind::VirtualNode, "web");
    let mut envoy = Running::start(&support::mesh(&json), &key, root.path(), ports.admin);

    let mut client = Client::connect("127.0.0.7", ports.own).unwrap();
    assert_eq!(
        client.get("whatever.name", "/", &[]).unwrap().body,
        "api",
        "by its own address, under any name"
    );

    let mut stream = TcpStream::connect(("127.0.0.1", ports.tcp)).unwrap();
    stream.write_all(b"there").unwrap();
    let mut bytes = [0; 11];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(
        &bytes, b"hello there",
        "by its own TCP port, the server speaking first"
    );

    assert_eq!(get(ports.inbound, "web.local", "/", &[]).body, "app", "inbound");

    let long = "x".repeat(5000);
    assert_eq!(
        get(ports.proxy, "api.local", "/", &[("x-long", &long)]).status,
        431,
        "headers over 4 KiB"
    );
    let many: Vec<(String, String)> = (0..25).map(|n| (format!("x-{n}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        get(ports.proxy, "api.local", "/", &many).status,
        431,
        "more than 20 headers"
    );

    let quick = Instant::now();
    assert_eq!(get(ports.proxy, "api.local", "/", &[("x-fail", "2")]).status, 200);
    assert!(quick.elapsed().as_millis() < 900, "Envoy's own pauses are short");
    envoy.follow(&with_pause(json.clone()));
    // Pauses are uniform between nothing and a second: of ten, the longest is hardly below 0.3 s.
    let longest = (0..5).map(|_| {
        let start = Instant::now();
        assert_eq!(get(ports.proxy, "api.local", "/", &[("x-fail", "2")]).status, 200);
        start.elapsed()
    });
    assert!(longest.max().unwrap().as_millis() > 300, "the pause is kept");

    let other = Server::start("other");
    let mut moved = json.clone();
    moved["proxyProfile"]["all"]["endpoints"][0]["addresses"][0]["port"] = json!(other.port);
    envoy.follow(&support::mesh(&moved));
    let start = Instant::now();
    while get(ports.proxy, "api.local", "/", &[]).body != "other" {
        assert!(start.elapsed().as_secs() < 5, "the new endpoint is not used");
    }
    assert_eq!(envoy.rejected(), Vec::<String>::new());
}

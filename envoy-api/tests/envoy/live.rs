//! A running Envoy that reads everything from our files.

use std::process::Command;
use std::time::{Duration, Instant};

use meshform_acceptance::envoy::Start;
use meshform_acceptance::{ports, tools};
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::listener::v3::{FilterChain, Listener};
use meshform_envoy_api::envoy::config::trace::v3::tracing;
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

use crate::make::{address, transport};
use crate::{bootstrap, clusters, http, listeners, response, routes, tls, write};

/// A listener on a free port whose certificate and routes come from files.
fn listener(directory: &str) -> Listener {
    let manager = http::plain(directory, tracing::Http::default());
    let manager = HttpConnectionManager {
        tracing: None,
        ..manager
    };
    Listener {
        name: "live".into(),
        address: address("127.0.0.1", 0),
        filter_chains: vec![FilterChain {
            filters: vec![listeners::network(
                "envoy.filters.network.http_connection_manager",
                &manager,
            )],
            transport_socket: transport("envoy.transport_sockets.tls", &tls::from_files(directory)),
            ..FilterChain::default()
        }],
        ..Listener::default()
    }
}

#[test]
fn a_running_envoy_reads_all_five_kinds_of_files() {
    let temporary = tempfile::tempdir().unwrap();
    let (directory, root) = (temporary.path(), temporary.path().to_str().unwrap());
    let pem = tls::Pem::new();
    let file = |name: &str, resource| write(&directory.join(name), &response(vec![resource]));
    file("lds.json", any(&listener(root)));
    file("cds.json", any(&clusters::discovered(root)));
    file("eds.json", any(&clusters::full_assignment("discovered")));
    file("rds.json", any(&routes::configuration("from-file")));
    file("sds.json", any(&tls::server_secret(&pem)));
    let (path, admin) = (directory.join("bootstrap.json"), ports::free().unwrap());
    write(&path, &bootstrap::files_only(root, admin));

    let log = directory.join("envoy.log");
    let start = Start::new(&path, admin, &log);
    let envoy = start.spawn(Command::new(tools::envoy())).unwrap();
    let wanted = [
        "listener_manager.lds.update_success: 1",
        "cluster_manager.cds.update_success: 1",
        "cluster.discovered.update_success: 1",
        "http.ingress.rds.from-file.update_success: 1",
        "sds.server.update_success: 1",
        "listener_manager.listener_create_success: ",
    ];
    let deadline = Instant::now() + Duration::from_secs(20);
    let statistics = loop {
        let statistics = envoy.admin("/stats").unwrap_or_default();
        let all = wanted.iter().all(|want| statistics.contains(want));
        if all || Instant::now() > deadline {
            break statistics;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    for want in wanted {
        assert!(statistics.contains(want), "{want} is not in\n{statistics}");
    }
    let refused = statistics.lines().find(|line| {
        (line.contains("update_rejected") || line.contains("create_failure")) && !line.ends_with(": 0")
    });
    assert_eq!(refused, None);
}

//! How long the Envoy files of large meshes take: nodes in a ring, each calling the next ten by a virtual service
//! with a router and a weighted route; one node in a hundred calls a hundred. A proxy alone, and a changed route from
//! the written resource to the new files of whoever it reaches, are made in memory.
//! `cargo bench -p meshform-envoy --bench scale [-- NODES…]`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that prints a table"
)]

use meshform_envoy::{self as envoy, Options};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::{Change, Mesh};
use meshform_model::resource::Resource;
use meshform_model::rules::{self, Verdicts};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Instant;

fn mesh(nodes: usize) -> Mesh {
    let key = |kind, name: String| ResourceKey::in_mesh("large", kind, name);
    let port = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
    let mut all = vec![Resource::from_json(ResourceKey::mesh("large"), &json!({})).unwrap()];
    for at in 0..nodes {
        let calls = if at % 100 == 0 { 100 } else { 10 };
        let backends: Vec<_> = (1..=calls.min(nodes.saturating_sub(1)))
            .map(|step| json!({"virtualService": {"virtualServiceName": format!("s{}.local", (at + step) % nodes)}}))
            .collect();
        let dns = json!({"dns": {"hostname": format!("n{at}.local"), "responseType": "ENDPOINTS"}});
        let node = json!({"listeners": port, "backends": backends, "serviceDiscovery": dns});
        all.push(Resource::from_json(key(Kind::VirtualNode, format!("n{at}")), &node).unwrap());
        let router = key(Kind::VirtualRouter, format!("r{at}"));
        all.push(Resource::from_json(router.clone(), &json!({"listeners": port})).unwrap());
        all.push(route(nodes, at, 100));
        let provider = json!({"provider": {"virtualRouter": {"virtualRouterName": format!("r{at}")}}});
        all.push(Resource::from_json(key(Kind::VirtualService, format!("s{at}.local")), &provider).unwrap());
    }
    Mesh::new(all).unwrap()
}

/// A service's only route: all to its node, which `weight` stands for, the rest to the next one.
fn route(nodes: usize, at: usize, weight: u32) -> Resource {
    let router = ResourceKey::in_mesh("large", Kind::VirtualRouter, format!("r{at}"));
    let targets = json!([
        {"virtualNode": format!("n{at}"), "weight": weight},
        {"virtualNode": format!("n{}", (at + 1) % nodes), "weight": 0},
    ]);
    let route = json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}});
    Resource::from_json(ResourceKey::child(&router, Kind::Route, "all"), &route).unwrap()
}

fn main() {
    let wanted: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if wanted.is_empty() {
        vec![100, 1000, 10_000]
    } else {
        wanted
    };
    println!(
        "nodes   check ms   release ms   all files ms   one proxy ms   one route ms (proxies)   bytes per proxy   \
         resident MiB"
    );
    for nodes in sizes {
        measure(nodes);
    }
}

fn measure(nodes: usize) {
    let mut mesh = mesh(nodes);
    let mut options = Options::new("/var/lib/meshform");
    let mut judged = Verdicts::of(&mesh, rules::Options::default());
    let check = median(5, || {
        assert!(!meshform_model::diag::has_errors(&mesh.check()));
    });
    let mut bytes = 0;
    let mut resident = 0;
    options.static_files = false;
    let release = median(1, || {
        let output = envoy::build(&mesh, &options).unwrap();
        // As a release does it: one proxy's files at a time, from what all of them share.
        let sizes = output
            .proxies
            .iter()
            .flat_map(|proxy| proxy.files().into_values());
        bytes = sizes.map(|file| file.len()).sum::<usize>() / output.proxies.len();
        resident = resident_mib();
    });
    options.static_files = true;
    let all = median(1, || {
        let output = envoy::build(&mesh, &options).unwrap();
        output.proxies.iter().for_each(|proxy| drop(proxy.files()));
    });
    options.static_files = false;
    let one = BTreeSet::from([ResourceKey::in_mesh("large", Kind::VirtualNode, "n1")]);
    let single = median(9, || drop(envoy::build_some(&mesh, &one, &options).unwrap()));
    let mut reached = 0;
    let mut weight = 100;
    // The change as a whole: the mesh follows, the rules are asked, the files are made.
    let change = median(9, || {
        weight -= 1;
        let written = Change::Written(Box::new(route(nodes, 0, weight)));
        let applied = mesh.apply(vec![written]).unwrap();
        judged.again(&mesh, &applied.subjects);
        assert!(!judged.has_errors());
        let output = envoy::build_some(&mesh, &applied.proxies, &options).unwrap();
        reached = output.proxies.len();
    });
    println!(
        "{nodes:>5}   {check:>8.1}   {release:>10.1}   {all:>12.1}   {single:>12.2}   {change:>12.2} ({reached:>7})   \
         {bytes:>15}   {resident:>12}"
    );
}

/// The middle of some runs, in milliseconds.
fn median(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

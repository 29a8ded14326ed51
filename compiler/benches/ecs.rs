//! How long ECS takes for many workloads: a stack for each from its short form, the stack of the mesh, and the file for
//! Docker Compose. `cargo bench -p meshform-compiler --bench ecs [-- WORKLOADS…]`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that prints a table"
)]

use meshform_compiler::ecs::{self, Delivery, MeshStack, Task, Templates};
use meshform_compiler::frontend::workloads::Workload;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use serde_json::json;
use std::time::Instant;

fn mesh(nodes: usize) -> (Mesh, Vec<ResourceKey>) {
    let key = |kind, name: String| ResourceKey::in_mesh("large", kind, name);
    let mut all = vec![Resource::from_json(ResourceKey::mesh("large"), &json!({})).unwrap()];
    let mut keys = Vec::new();
    for at in 0..nodes {
        let node = key(Kind::VirtualNode, format!("n{at}"));
        let spec = json!({
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": format!("n{at}.large.internal")}},
        });
        all.push(Resource::from_json(node.clone(), &spec).unwrap());
        keys.push(node);
    }
    let profile = json!({"interception": {"transparent": {}}});
    all.push(Resource::from_json(key(Kind::ProxyProfile, "all".to_owned()), &profile).unwrap());
    (Mesh::new(all).unwrap(), keys)
}

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![1_000] } else { asked };
    let (image, store) = (ecs::image(), ecs::store());
    let templates = Templates::default();
    for size in sizes {
        let (mesh, keys) = mesh(size);
        let workload = Workload {
            image: Some("registry/app:1".to_owned()),
            environment: (0..10)
                .map(|n| (format!("VARIABLE_{n}"), "value".to_owned()))
                .collect(),
            ..Workload::default()
        };
        let delivery = Delivery::Agent {
            image: &image,
            store: &store,
        };
        let task = |key| Task {
            workload: Some(&workload),
            ..Task::new(&mesh, key, delivery)
        };
        let begun = Instant::now();
        let registries = ecs::Registries::of(&mesh);
        let built = |key| ecs::build_among(&task(key), &registries, &templates).unwrap();
        let bytes: usize = keys.iter().map(|key| built(key).json.to_string().len()).sum();
        let stacks = begun.elapsed();
        let begun = Instant::now();
        let shared = MeshStack {
            mesh: &mesh,
            proxies: &keys,
            delivery,
            poller: None,
        };
        ecs::build_mesh(&shared, &templates).unwrap();
        let of_mesh = begun.elapsed();
        let begun = Instant::now();
        let tasks: Vec<Task<'_>> = keys.iter().map(task).collect();
        let composed = ecs::compose(&mesh, &tasks, &templates).unwrap().text.len();
        println!(
            "{size} workloads: stacks {stacks:.0?} ({} MB), stack of the mesh {of_mesh:.0?}, compose {:.0?} ({} MB)",
            bytes / 1_000_000,
            begun.elapsed(),
            composed / 1_000_000
        );
    }
}

//! What holds for every mesh: the same bytes for the same mesh in any order, and no byte of a proxy that a change does
//! not name. (`batches` gives complete meshes to real Envoy.)
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use meshform_envoy::{self as envoy, Options};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::{Change, Mesh};
use serde_json::Value;
use std::collections::BTreeSet;
use support::random::{self, Random};

/// Lists of the generated meshes whose order has no meaning.
const SETS: &[&str] = &[
    "backends",
    "headers",
    "weightedTargets",
    "queryParameters",
    "httpRetryEvents",
];

fn shuffle_sets(random: &mut Random, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let (true, Value::Array(items)) = (SETS.contains(&name.as_str()), &mut *field) {
                    random.shuffle(items);
                }
                shuffle_sets(random, field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shuffle_sets(random, item)),
        _ => {}
    }
}

#[test]
fn the_same_mesh_in_any_order_gives_the_same_bytes() {
    let mut built = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let json = random::mesh(&mut random);
        let mut other = json.clone();
        shuffle_sets(&mut random, &mut other);
        let mut resources = support::resources(&other);
        random.shuffle(&mut resources);
        let one = support::build(&support::mesh(&json));
        let two = support::build(&Mesh::new(resources).unwrap());
        match (one, two) {
            (Ok(one), Ok(two)) => {
                built += 1;
                for (one, two) in one.proxies.iter().zip(&two.proxies) {
                    let other = two.files();
                    for (path, content) in &one.files() {
                        let (a, b) = (
                            String::from_utf8_lossy(content),
                            String::from_utf8_lossy(&other[path]),
                        );
                        assert!(a == b, "seed {seed}, {} {path}\n{json:#}", one.key);
                    }
                    assert_eq!(one.digest, two.digest);
                }
                assert_eq!(one.proxies.len(), two.proxies.len());
            }
            (Err(one), Err(_)) => assert!(one.contains("error"), "seed {seed}"),
            (one, two) => panic!("seed {seed}: {:?} but {:?}", one.err(), two.err()),
        }
    }
    assert!(built > 20, "only {built} meshes are valid");
}

/// One resource of a mesh, changed in a way that its rules allow.
fn change(random: &mut Random, json: &mut Value) -> Option<ResourceKey> {
    let mesh = json["mesh"].as_str().unwrap().to_owned();
    let pick = |random: &mut Random, json: &Value, kind: &str| -> Option<String> {
        let names: Vec<String> = json.get(kind)?.as_object()?.keys().cloned().collect();
        (!names.is_empty()).then(|| random.one(&names))
    };
    let node = |name: &str| ResourceKey::in_mesh(&mesh, Kind::VirtualNode, name);
    match random.below(5) {
        0 => {
            let name = pick(random, json, "virtualNode")?;
            json["virtualNode"][&name]["serviceDiscovery"]["dns"]["hostname"] = "moved.local".into();
            Some(node(&name))
        }
        1 => {
            let name = pick(random, json, "virtualNode")?;
            json["virtualNode"][&name]["backends"] = serde_json::json!([]);
            Some(node(&name))
        }
        2 => {
            let name = pick(random, json, "route")?;
            let (router, route) = name.split_once('/').unwrap();
            json["route"][&name]["priority"] = serde_json::json!(random.below(1001));
            let router = ResourceKey::in_mesh(&mesh, Kind::VirtualRouter, router);
            Some(ResourceKey::child(&router, Kind::Route, route))
        }
        3 => {
            let name = pick(random, json, "virtualNode")?;
            let profile = serde_json::json!({"virtualNode": name, "admin": {"port": 9999}});
            json["proxyProfile"] = serde_json::json!({ "one": profile });
            Some(ResourceKey::in_mesh(&mesh, Kind::ProxyProfile, "one"))
        }
        _ => {
            let name = pick(random, json, "gatewayRoute")?;
            json["gatewayRoute"].as_object_mut().unwrap().remove(&name);
            let (gateway, route) = name.split_once('/').unwrap();
            let gateway = ResourceKey::in_mesh(&mesh, Kind::VirtualGateway, gateway);
            Some(ResourceKey::child(&gateway, Kind::GatewayRoute, route))
        }
    }
}

/// The proxies that are named when the mesh is changed in place, which gives the mesh that was made anew.
fn in_place(before: &Mesh, after: &Mesh, changed: &ResourceKey) -> BTreeSet<ResourceKey> {
    let mut mesh = before.clone();
    let now = after.resources().into_iter().find(|one| one.key == *changed);
    let change = match now {
        Some(resource) => Change::Written(Box::new(resource)),
        None => Change::Deleted(changed.clone()),
    };
    let applied = mesh.apply(vec![change]).unwrap();
    assert!(mesh == *after);
    let there = applied.proxies.into_iter().filter(|key| mesh.contains(key));
    there.collect()
}

#[test]
fn a_change_reaches_no_proxy_that_is_not_named() {
    let mut options = Options::new(support::ROOT);
    options.static_files = false;
    let (mut compared, mut left_alone) = (0, 0);
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let before = random::mesh(&mut random);
        let mut after = before.clone();
        let Some(changed) = change(&mut random, &mut after) else {
            continue;
        };
        let (before, after) = (support::mesh(&before), support::mesh(&after));
        let (Ok(one), Ok(two)) = (envoy::build(&before, &options), envoy::build(&after, &options)) else {
            continue;
        };
        let reached = envoy::affected(&before, &after, std::slice::from_ref(&changed));
        let in_place = in_place(&before, &after, &changed);
        assert_eq!(reached, in_place, "seed {seed}: changed in place");
        let some = envoy::build_some(&after, &reached, &options).unwrap();
        for proxy in &two.proxies {
            compared += 1;
            if reached.contains(&proxy.key) {
                assert!(
                    some.proxies.contains(proxy),
                    "seed {seed}: {} alone is another",
                    proxy.key
                );
                continue;
            }
            left_alone += 1;
            let old = one.proxies.iter().find(|old| old.key == proxy.key).unwrap();
            assert!(old == proxy, "seed {seed}: {changed} reaches {}", proxy.key);
        }
    }
    assert!(
        left_alone > 30 && left_alone < compared,
        "{left_alone} of {compared} left alone"
    );
}

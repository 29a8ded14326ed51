//! A mesh that is changed step by step is the mesh that is made anew, and so is what the rules say of it.

use super::*;
use crate::kind::Kind;
use crate::mesh::Change;
use crate::resource::Resource;
use std::collections::BTreeMap;

/// Numbers by chance, the same for the same seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn seldom(&mut self) -> bool {
        self.below(4) == 0
    }
}

const PORTS: [u16; 2] = [80, 8080];
const PROTOCOLS: [&str; 4] = ["http", "http", "tcp", "grpc"];
/// Two are one host, one looks like another with its port.
const SERVICES: [&str; 4] = ["s.local", "S.local", "s.local:80", "t.local"];

/// Few names, so that resources meet.
fn key(random: &mut Random) -> ResourceKey {
    let kind = random.one(&Kind::ALL);
    let number = random.below(3);
    let in_mesh = |kind, name: String| ResourceKey::in_mesh("apps", kind, name);
    match kind {
        Kind::Mesh => ResourceKey::mesh("apps"),
        Kind::VirtualService => in_mesh(kind, random.one(&SERVICES).to_owned()),
        Kind::Route | Kind::GatewayRoute => {
            let parent = format!("x{}", random.below(2));
            ResourceKey::child(
                &in_mesh(kind.parent().unwrap(), parent),
                kind,
                format!("x{number}"),
            )
        }
        _ => in_mesh(kind, format!("x{number}")),
    }
}

fn listeners(random: &mut Random) -> Value {
    let count = random.one(&[0, 1, 1, 1, 2]);
    let each = (0..count).map(|_| {
        let port = random.one(&PORTS);
        let mut listener = json!({"portMapping": {"port": port, "protocol": random.one(&PROTOCOLS)}});
        if random.seldom() {
            listener["tls"] = json!({
                "mode": random.one(&["STRICT", "DISABLED"]),
                "certificate": {"file": {"certificateChain": "/c", "privateKey": "/k"}},
            });
        }
        listener
    });
    each.collect()
}

fn policy(random: &mut Random) -> Value {
    let name = random.one(&["a.local", "*.local"]);
    json!({"tls": {"validation": {
        "trust": {"file": {"certificateChain": "/ca"}},
        "subjectAlternativeNames": {"match": {"exact": [name]}},
    }}})
}

fn node(random: &mut Random) -> Value {
    let mut node = json!({"listeners": listeners(random)});
    if !random.seldom() {
        let response = random.one(&["ENDPOINTS", "LOADBALANCER"]);
        node["serviceDiscovery"] = json!({"dns": {"hostname": "x.local", "responseType": response}});
    }
    let backends = (0..random.below(4)).map(|_| {
        let mut service = json!({"virtualServiceName": random.one(&SERVICES)});
        if random.seldom() {
            service["clientPolicy"] = policy(random);
        }
        json!({"virtualService": service})
    });
    node["backends"] = backends.collect();
    node
}

fn rule(random: &mut Random, action: Value, most: usize) -> (String, Value) {
    let kind = random.one(&["http", "http", "grpc", "tcp"][..most]);
    let mut m = json!({});
    if kind == "http" {
        m["prefix"] = json!(random.one(&["/", "/a"]));
        if random.seldom() {
            let regex = random.one(&["a+", "a{", "(?=a)"]);
            m["headers"] = json!([{"name": "h", "match": {"regex": regex}}]);
        }
    }
    if random.seldom() {
        m["port"] = json!(random.one(&PORTS));
    }
    (format!("{kind}Route"), json!({"match": m, "action": action}))
}

fn spec(kind: Kind, random: &mut Random) -> Value {
    match kind {
        Kind::Mesh => json!({}),
        Kind::VirtualNode => node(random),
        Kind::VirtualRouter => {
            let port = random.one(&PORTS);
            json!({"listeners": [{"portMapping": {"port": port, "protocol": random.one(&PROTOCOLS)}}]})
        }
        Kind::VirtualService => {
            let name = format!("x{}", random.below(3));
            match random.below(3) {
                0 => json!({}),
                1 => json!({"provider": {"virtualNode": {"virtualNodeName": name}}}),
                _ => json!({"provider": {"virtualRouter": {"virtualRouterName": name}}}),
            }
        }
        Kind::Route => {
            let targets: Vec<Value> = (0..=random.below(2))
                .map(|_| {
                    let weight = random.one(&[0, 50, 60]);
                    json!({"virtualNode": format!("x{}", random.below(3)), "weight": weight})
                })
                .collect();
            let (field, rule) = rule(random, json!({"weightedTargets": targets}), 4);
            json!({field: rule, "priority": random.below(3)})
        }
        Kind::VirtualGateway => {
            let port = random.one(&PORTS);
            json!({"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]})
        }
        Kind::GatewayRoute => {
            let target = json!({"virtualService": {"virtualServiceName": random.one(&SERVICES)}});
            let (field, rule) = rule(random, json!({"target": target}), 3);
            json!({field: rule})
        }
        Kind::ProxyProfile => {
            let mut profile = json!({});
            match random.below(3) {
                0 => {}
                1 => profile["virtualNode"] = json!(format!("x{}", random.below(3))),
                _ => profile["virtualGateway"] = json!(format!("x{}", random.below(3))),
            }
            if random.seldom() {
                profile["interception"] =
                    json!({"explicit": {"services": [{"virtualService": random.one(&SERVICES)}]}});
            }
            if random.seldom() {
                let node = format!("x{}", random.below(3));
                profile["endpoints"] = json!([{"virtualNode": node, "addresses": [{"address": "10.0.0.1"}]}]);
            }
            if random.seldom() {
                profile["inbound"] = json!({"appPorts": [{"listenerPort": 80, "appPort": 81}]});
            }
            profile
        }
    }
}

fn change(random: &mut Random) -> Change {
    let key = key(random);
    if random.seldom() {
        return Change::Deleted(key);
    }
    let spec = spec(key.kind, random);
    Change::Written(Box::new(Resource::from_json(key, &spec).unwrap()))
}

#[test]
fn a_mesh_that_is_changed_is_the_mesh_made_anew_and_is_judged_alike() {
    let options = Options {
        quotas: [(Quota::VirtualNodes, 2), (Quota::Routes, 1)]
            .into_iter()
            .collect(),
    };
    let mut codes = BTreeSet::new();
    for seed in 1..=16_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut all: BTreeMap<ResourceKey, Resource> = BTreeMap::new();
        let first = Resource::from_json(ResourceKey::mesh("apps"), &json!({})).unwrap();
        all.insert(first.key.clone(), first.clone());
        let mut mesh = Mesh::new(vec![first]).unwrap();
        let mut judged = Verdicts::of(&mesh, options.clone());
        for step in 0..60 {
            let changes: Vec<Change> = (0..=random.below(3)).map(|_| change(&mut random)).collect();
            for change in &changes {
                match change {
                    Change::Written(resource) => {
                        all.insert(resource.key.clone(), Resource::clone(resource));
                    }
                    Change::Deleted(key) => drop(all.remove(key)),
                }
            }
            let before = mesh.clone();
            let applied = mesh.apply(changes.clone()).unwrap();
            if all.is_empty() {
                assert!(mesh.is_empty());
            } else {
                let anew = Mesh::new(all.values().cloned().collect()).unwrap();
                assert!(mesh == anew, "seed {seed}, step {step}: {changes:?}");
            }
            judged.again(&mesh, &applied.subjects);
            let wanted = mesh.check_with(&options);
            assert_eq!(
                judged.diagnostics(),
                wanted,
                "seed {seed}, step {step}: {changes:?}"
            );
            codes.extend(wanted.iter().map(|found| found.code));
            let mut back = mesh.clone();
            back.apply(applied.undo).unwrap();
            assert!(
                back == before,
                "seed {seed}, step {step}: taken back: {changes:?}"
            );
        }
    }
    assert!(codes.len() > 25, "the meshes break many rules: {codes:?}");
}

#[test]
fn what_does_not_belong_changes_nothing() {
    let mut mesh = mesh(&demo());
    let before = mesh.clone();
    let stranger = ResourceKey::in_mesh("other", Kind::VirtualNode, "servicea");
    let own = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicea");
    let both = vec![Change::Deleted(own), Change::Deleted(stranger)];
    let problems = mesh.apply(both).unwrap_err();
    assert_eq!(problems[0].code, codes::SEVERAL_MESHES);
    assert!(mesh == before);
}

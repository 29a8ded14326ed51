//! No conversion loses anything.

use meshform_model::canonical;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::testing::generate::{Chance, resource};
use meshform_model::value::{Node, Value};
use serde_json::{Value as Json, json};

const SEEDS: u64 = 150;

fn each(mut check: impl FnMut(Kind, u64, Node)) {
    for kind in Kind::ALL {
        for seed in 0..SEEDS {
            let json = resource(kind, &mut Chance::new(seed));
            check(kind, seed, Node::from_json(&json));
        }
    }
}

/// Through a dialect and back, with nothing to report.
fn through(kind: Kind, dialect: Dialect, node: &Node) -> Node {
    let there = dialect::from_canonical(kind, dialect, node);
    let (back, problems) = dialect::to_canonical(kind, dialect, &there);
    assert_eq!(problems, [], "{kind} through {dialect:?}");
    back
}

/// What a resource is to be after a dialect. But for the two differences here it is the same.
fn after(dialect: Dialect, resource: &mut Json) {
    let object = resource.as_object_mut().unwrap();
    match dialect {
        // The properties of a template have no extensions: they stand in its metadata.
        Dialect::CloudFormation => drop(object.remove("extensions")),
        // The API wants the match of a gRPC route, and means the same by an empty one as by none.
        Dialect::Api => {
            if let Some(route) = resource.pointer_mut("/spec/grpcRoute") {
                let route = route.as_object_mut().unwrap();
                route.entry("match").or_insert_with(|| json!({}));
            }
        }
        Dialect::Terraform | Dialect::Kubernetes => {}
    }
}

#[test]
fn every_pair_of_dialects_is_loss_free() {
    let (mut extensions, mut matches) = (0, 0);
    each(|kind, seed, node| {
        let plain = canonical::canonicalise(kind, &node).to_json().unwrap();
        for first in Dialect::ALL {
            for second in Dialect::ALL {
                let got = through(kind, second, &through(kind, first, &node));
                let mut wanted = plain.clone();
                after(first, &mut wanted);
                after(second, &mut wanted);
                let wanted = canonical::canonicalise(kind, &Node::from_json(&wanted));
                assert_eq!(
                    canonical::canonicalise(kind, &got).to_json(),
                    wanted.to_json(),
                    "{kind} by {first:?} and {second:?}, seed {seed}"
                );
            }
        }
        extensions += usize::from(plain.get("extensions").is_some());
        let grpc = plain.pointer("/spec/grpcRoute");
        matches += usize::from(grpc.is_some_and(|route| route.get("match").is_none()));
    });
    assert!(extensions > 20 && matches > 5, "{extensions}, {matches}");
}

#[test]
fn terraform_values_are_stable() {
    each(|kind, seed, node| {
        let first = dialect::from_canonical(kind, Dialect::Terraform, &node);
        let (back, _) = dialect::to_canonical(kind, Dialect::Terraform, &first);
        let second = dialect::from_canonical(kind, Dialect::Terraform, &back);
        assert_eq!(first.to_json(), second.to_json(), "{kind}, seed {seed}");
    });
}

#[test]
fn canonical_is_canonical() {
    each(|kind, seed, node| {
        let once = canonical::canonicalise(kind, &node);
        let twice = canonical::canonicalise(kind, &once);
        assert_eq!(once.to_json(), twice.to_json(), "{kind}, seed {seed}");
        assert!(canonical::equal(kind, &node, &once));
    });
}

/// Lists whose order means nothing, turned round.
fn reversed(schema: &meshform_model::schema::SchemaNode, node: &Node) -> Node {
    use meshform_model::schema::Shape;
    let value = match (&schema.shape, &node.value) {
        (Shape::Object(shape) | Shape::Union(shape), Value::Object(object)) => Value::Object(
            object
                .iter()
                .map(|f| {
                    let node = shape
                        .field(&f.name)
                        .map_or_else(|| f.node.clone(), |s| reversed(s.node, &f.node));
                    (f.name.clone(), node)
                })
                .collect(),
        ),
        (Shape::List(list), Value::List(nodes)) => {
            let mut out: Vec<Node> = nodes.iter().map(|node| reversed(list.items, node)).collect();
            if list.unordered {
                out.reverse();
            }
            Value::List(out)
        }
        (_, value) => value.clone(),
    };
    Node::new(value)
}

#[test]
fn order_without_meaning_has_none() {
    each(|kind, seed, node| {
        let other = reversed(meshform_model::schema::kind(kind).root, &node);
        let (a, b) = (
            canonical::canonicalise(kind, &node),
            canonical::canonicalise(kind, &other),
        );
        assert_eq!(a.to_json(), b.to_json(), "{kind}, seed {seed}");
        // Whoever wrote the other order sees it again.
        let shown = canonical::align(kind, &a, &other);
        let wanted = canonical::align(kind, &canonical::canonicalise(kind, &other), &other);
        assert_eq!(shown.to_json(), wanted.to_json(), "{kind}, seed {seed}");
    });
}

#[test]
fn a_shifted_weight_keeps_its_place() {
    let route = |targets: &[(&str, i64)]| {
        let targets: Vec<_> = targets
            .iter()
            .map(|(node, weight)| serde_json::json!({"virtualNode": node, "weight": weight}))
            .collect();
        Node::from_json(&serde_json::json!({"spec": {"httpRoute": {
            "match": {"prefix": "/"},
            "action": {"weightedTargets": targets},
        }}}))
    };
    let prior = route(&[("v2", 25), ("v1", 75)]);
    let stored = canonical::canonicalise(Kind::Route, &route(&[("v1", 50), ("v2", 50), ("v0", 0)]));
    let shown = canonical::align(Kind::Route, &stored, &prior);
    let wanted = route(&[("v2", 50), ("v1", 50), ("v0", 0)]);
    assert_eq!(shown.to_json(), wanted.to_json());
}

#[test]
fn what_is_not_known_passes_through_everywhere() {
    let mut node = Node::from_json(&serde_json::json!({
        "spec": {"listeners": [{"portMapping": {"port": 1, "protocol": "http"}}], "serviceDiscovery": {"dns": {"hostname": "a"}}}
    }));
    let Value::Object(root) = &mut node.value else {
        panic!()
    };
    let Value::Object(spec) = &mut root.get_mut("spec").unwrap().value else {
        panic!()
    };
    let Value::List(listeners) = &mut spec.get_mut("listeners").unwrap().value else {
        panic!()
    };
    let Value::Object(listener) = &mut listeners[0].value else {
        panic!()
    };
    listener.set("healthCheck", Node::new(Value::Unknown));
    let Value::Object(mapping) = &mut listener.get_mut("portMapping").unwrap().value else {
        panic!()
    };
    mapping.set("port", Node::new(Value::Unknown));
    spec.set("backends", Node::new(Value::Unknown));
    assert_eq!(meshform_model::validate::resource(Kind::VirtualNode, &node), []);
    for dialect in Dialect::ALL {
        assert!(canonical::equal(
            Kind::VirtualNode,
            &through(Kind::VirtualNode, dialect, &node),
            &node
        ));
    }
}

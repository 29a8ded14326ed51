//! Faults that a linter of CloudFormation templates lets pass, or finds: fields and rules together catch all that
//! a mesh can have.

use super::*;
use crate::kind::Kind;
use crate::validate;
use crate::value::Node;

const NODE: &str = "virtualNode/serviceb";
const ROUTE: &str = "virtualRouter/serviceb/route/path";

/// What a fault is, where it is put, and what is put there; `None` takes the field away.
type Fault = (&'static str, &'static str, &'static str, Option<Value>);

fn faults() -> Vec<Fault> {
    let service = "virtualService/serviceb.apps.local";
    let both = json!({
        "virtualNode": {"virtualNodeName": "serviceb"},
        "virtualRouter": {"virtualRouterName": "serviceb"},
    });
    let twice = json!({
        "dns": {"hostname": "b"},
        "awsCloudMap": {"namespaceName": "n", "serviceName": "s"},
    });
    let check = json!({
        "healthyThreshold": 1, "unhealthyThreshold": 11, "intervalMillis": 4999, "timeoutMillis": 60001,
        "protocol": "http",
    });
    let tcp = json!({"action": {"weightedTargets": [{"virtualNode": "serviceb", "weight": 1}]}});
    vec![
        ("an unknown property", NODE, "/listener", Some(json!([]))),
        ("no spec", NODE, "", None),
        (
            "an egress filter of no type",
            "",
            "/egressFilter/type",
            Some(json!("ALLOW")),
        ),
        (
            "an unknown protocol",
            NODE,
            "/listeners/0/portMapping/protocol",
            Some(json!("https")),
        ),
        (
            "a port beyond all ports",
            NODE,
            "/listeners/0/portMapping/port",
            Some(json!(65536)),
        ),
        (
            "health checks out of range",
            NODE,
            "/listeners/0/healthCheck",
            Some(check),
        ),
        (
            "DNS and Cloud Map together",
            NODE,
            "/serviceDiscovery",
            Some(twice),
        ),
        (
            "an unknown router",
            service,
            "/provider/virtualRouter/virtualRouterName",
            Some(json!("servicec")),
        ),
        (
            "an unknown node",
            ROUTE,
            "/httpRoute/action/weightedTargets/0/virtualNode",
            Some(json!("servicec")),
        ),
        ("a priority beyond all", ROUTE, "/priority", Some(json!(1001))),
        (
            "a weight of 101",
            ROUTE,
            "/httpRoute/action/weightedTargets/0/weight",
            Some(json!(101)),
        ),
        ("an empty match", ROUTE, "/httpRoute/match", Some(json!({}))),
        ("an HTTP and a TCP route together", ROUTE, "/tcpRoute", Some(tcp)),
        (
            "no targets",
            ROUTE,
            "/httpRoute/action/weightedTargets",
            Some(json!([])),
        ),
        (
            "a router and a node as provider",
            service,
            "/provider",
            Some(both),
        ),
    ]
}

/// The demo mesh with the fault.
fn with(fault: &Fault) -> Value {
    let (_, path, pointer, value) = fault;
    let mut mesh = demo();
    let resource = mesh.get_mut(*path).unwrap();
    match (value, pointer.rsplit_once('/')) {
        (None, _) => *resource = Value::Null,
        (Some(value), Some((parent, field))) => {
            let parent = resource.pointer_mut(parent).unwrap();
            match parent.as_array_mut() {
                Some(list) => list[field.parse::<usize>().unwrap()] = value.clone(),
                None => parent[field] = value.clone(),
            }
        }
        (Some(_), None) => panic!("{pointer}"),
    }
    mesh
}

/// What fields and rules say: the rules only when the fields are right, as everywhere.
fn found(mesh_json: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (path, spec) in mesh_json.as_object().unwrap() {
        let key = ResourceKey::from_path(format!("mesh/apps/{path}").trim_end_matches('/')).unwrap();
        let json = if spec.is_null() {
            json!({})
        } else {
            json!({"spec": spec})
        };
        let problems = validate::resource(key.kind, &Node::from_json(&json));
        found.extend(problems.into_iter().map(|mut problem| {
            problem
                .places
                .iter_mut()
                .for_each(|place| place.resource = Some(key.clone()));
            problem
        }));
    }
    if found.is_empty() {
        found = mesh(mesh_json).check();
    }
    found
}

#[test]
fn every_fault_is_caught_at_its_place() {
    assert_eq!(found(&demo()), []);
    let mut text = String::new();
    for fault in faults() {
        let found = found(&with(&fault));
        assert!(!found.is_empty(), "{} is let pass", fault.0);
        text.push_str(&format!("# {}\n", fault.0));
        text.extend(found.iter().map(shown));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_kind_is_in_the_good_meshes() {
    let (demo, everything) = (demo(), cases::everything());
    let paths = || {
        demo.as_object()
            .unwrap()
            .keys()
            .chain(everything.as_object().unwrap().keys())
    };
    for kind in Kind::ALL {
        let there = paths().any(|path| {
            let key = ResourceKey::from_path(format!("mesh/apps/{path}").trim_end_matches('/'));
            key.is_some_and(|key| key.kind == kind)
        });
        assert!(there, "{kind}");
    }
    assert_eq!(found(&everything), [], "also by its fields");
}

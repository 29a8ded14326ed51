use super::*;
use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::testing::{demo, resources};
use serde_json::json;

fn mesh(json: &serde_json::Value) -> Mesh {
    Mesh::new(resources(json).unwrap()).unwrap()
}

fn refused(resources: Vec<Resource>) -> String {
    let problems = Mesh::new(resources).unwrap_err();
    problems.iter().map(|p| format!("{p}\n")).collect()
}

#[test]
fn the_demo_mesh_is_found_again() {
    let mesh = mesh(&demo());
    assert_eq!(mesh.name(), "apps");
    let routes = mesh.routes_of("serviceb").iter().map(|r| r.key.name.as_str());
    assert_eq!(routes.collect::<Vec<_>>(), ["header", "path", "weighted"]);
    let Some(Provider::VirtualRouter(router)) = mesh.provider_of("serviceb.apps.local") else {
        panic!("a router provides serviceb");
    };
    assert_eq!(router.key.name, "serviceb");
    assert_eq!(mesh.ports_of("serviceb.apps.local")[0].port, 8080);
    let target = &mesh.routes_of("serviceb")[2].spec.rule.targets()[1];
    let (node, listener) = mesh.listener_of(target).unwrap();
    assert_eq!(
        (node.key.name.as_str(), listener.port_mapping.port),
        ("servicebv2", 8080)
    );
    let referrers = mesh.referrers(&node.key).map(|r| {
        let from = &r.from.name;
        format!("{from} {} {}", r.role.verb(), r.pointer)
    });
    assert_eq!(
        referrers.collect::<Vec<_>>(),
        [
            "header sends to /spec/httpRoute/action/weightedTargets/0/virtualNode",
            "path sends to /spec/httpRoute/action/weightedTargets/0/virtualNode",
            "weighted sends to /spec/httpRoute/action/weightedTargets/1/virtualNode",
        ]
    );
}

#[test]
fn the_order_in_which_resources_come_does_not_matter() {
    let forward = resources(&demo()).unwrap();
    let mut backward = forward.clone();
    backward.reverse();
    let forward = Mesh::new(forward).unwrap();
    assert_eq!(forward, Mesh::new(backward).unwrap());
    assert_eq!(
        forward,
        Mesh::new(forward.resources()).unwrap(),
        "taken apart and put together"
    );
}

#[test]
fn what_is_not_one_mesh_is_refused() {
    let all = resources(&demo()).unwrap();
    let mut twice = all.clone();
    twice.push(all[1].clone());
    let mut two = all.clone();
    two[1].key.mesh = "other".to_owned();
    let mut misfits = all.clone();
    misfits[0].key = ResourceKey::in_mesh("apps", Kind::VirtualService, "x");
    let route = misfits.iter_mut().find(|r| r.key.kind == Kind::Route).unwrap();
    route.key.parent = None;
    insta::assert_snapshot!(
        [
            refused(Vec::new()),
            refused(twice),
            refused(two),
            refused(misfits)
        ]
        .concat()
    );
}

/// Routes in the order in which they are tried.
fn order(routes: &serde_json::Value) -> Vec<String> {
    let routes = routes.as_object().unwrap().iter();
    let all: serde_json::Map<String, serde_json::Value> = routes
        .map(|(name, spec)| (format!("virtualRouter/r/route/{name}"), spec.clone()))
        .collect();
    let mesh = mesh(&serde_json::Value::Object(all));
    mesh.routes_of("r")
        .iter()
        .map(|route| route.key.name.clone())
        .collect()
}

#[test]
fn routes_are_tried_by_priority_path_conditions_and_name() {
    let to = json!({"weightedTargets": [{"virtualNode": "n", "weight": 1}]});
    let http = |m: serde_json::Value| json!({"httpRoute": {"match": m, "action": to}});
    let with = |priority: u16, m| {
        let mut route = http(m);
        route["priority"] = priority.into();
        route
    };
    let header = json!([{"name": "x"}]);
    assert_eq!(
        order(&json!({
            "a-none-b": http(json!({"prefix": "/"})),
            "a-none": http(json!({"prefix": "/"})),
            "b-header": http(json!({"prefix": "/", "headers": header})),
            "c-longer": http(json!({"prefix": "/long/"})),
            "d-regex": http(json!({"path": {"regex": "/.*"}})),
            "e-exact": http(json!({"path": {"exact": "/"}})),
            "f-thousand": with(1000, json!({"prefix": "/"})),
            "g-zero": with(0, json!({"prefix": "/"})),
            "h-method": http(json!({"prefix": "/", "headers": header, "method": "GET"})),
        })),
        [
            "g-zero",
            "f-thousand",
            "e-exact",
            "d-regex",
            "c-longer",
            "h-method",
            "b-header",
            "a-none",
            "a-none-b"
        ]
    );
    let grpc = |m: serde_json::Value| json!({"grpcRoute": {"match": m, "action": to}});
    assert_eq!(
        order(&json!({
            "a": grpc(json!({})),
            "b": grpc(json!({"serviceName": "s"})),
            "c": grpc(json!({"serviceName": "s", "methodName": "m"})),
        })),
        ["c", "b", "a"]
    );
}

#[test]
fn a_proxy_has_its_own_profile_over_the_meshs() {
    let mut all = demo();
    all["proxyProfile/all"] =
        json!({"image": "envoy:1", "logLevel": "debug", "interception": {"explicit": {}}});
    all["proxyProfile/a"] = json!({"virtualNode": "servicea", "image": "envoy:2"});
    let mesh = mesh(&all);
    let node = |name| mesh.virtual_node(name).unwrap().key.clone();
    let (a, b) = (
        mesh.profile_for(&node("servicea")),
        mesh.profile_for(&node("serviceb")),
    );
    assert_eq!((a.image(), b.image()), ("envoy:2", "envoy:1"));
    assert_eq!(a.log_level(), b.log_level());
    assert_eq!(mesh.interception_for(&node("servicea")), Some(&a.interception()));
}

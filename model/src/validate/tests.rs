//! One wrong field gives one error, which says what the writer wants.

use super::*;
use serde_json::json;

fn found(kind: Kind, dialect: Dialect, json: &serde_json::Value) -> Vec<(&'static str, String)> {
    let problems = resource_in(kind, dialect, &Node::from_json(json));
    let told = problems.into_iter();
    told.map(|problem| (problem.code.0, problem.help.unwrap_or_default()))
        .collect()
}

#[test]
fn a_misspelt_field_is_not_missing_too() {
    let node = |discovery: serde_json::Value| json!({"meshName": "m", "virtualNodeName": "n", "spec": {"serviceDiscovery": {"dns": discovery}}});
    let misspelt = found(Kind::VirtualNode, Dialect::Api, &node(json!({"hostnam": "n.m"})));
    assert_eq!(
        misspelt,
        [("MF0102", "did you mean `hostname`?".to_owned())],
        "{misspelt:?}"
    );
    let missing = found(Kind::VirtualNode, Dialect::Api, &node(json!({"zone": "n.m"})));
    assert_eq!(missing.len(), 2, "{missing:?}");
}

#[test]
fn tls_that_is_off_is_left_out() {
    let listener = |tls| json!({"portMapping": {"port": 80, "protocol": "http"}, "tls": tls});
    let node = |tls| json!({"meshName": "m", "virtualNodeName": "n", "spec": {"listeners": [listener(tls)]}});
    let off = found(
        Kind::VirtualNode,
        Dialect::Api,
        &node(json!({"mode": "DISABLED"})),
    );
    assert_eq!(
        off,
        [(
            "MF0103",
            "leave `tls` out: then the listener takes plain text only".to_owned()
        )]
    );
    let off = found(
        Kind::VirtualNode,
        Dialect::CloudFormation,
        &node(json!({"mode": "DISABLED"})),
    );
    assert!(off[0].1.starts_with("leave `TLS` out"), "{off:?}");
    let on = found(Kind::VirtualNode, Dialect::Api, &node(json!({"mode": "STRICT"})));
    assert!(on[0].1.starts_with("it says:"), "{on:?}");
    let policy = |tls| json!({"meshName": "m", "virtualNodeName": "n", "spec": {"backendDefaults": {"clientPolicy": {"tls": tls}}}});
    let off = found(
        Kind::VirtualNode,
        Dialect::Api,
        &policy(json!({"enforce": false})),
    );
    assert!(off[0].1.starts_with("leave `tls` out"), "{off:?}");
    let on = found(Kind::VirtualNode, Dialect::Api, &policy(json!({})));
    assert!(on[0].1.starts_with("it says:"), "{on:?}");
}

#[test]
fn an_arn_is_told_with_the_name_in_it() {
    let arn = "arn:aws:appmesh:us-west-2:111122223333:mesh/yard";
    let node = json!({"meshName": arn, "virtualNodeName": "n", "spec": {}});
    assert_eq!(
        found(Kind::VirtualNode, Dialect::Api, &node),
        [("MF0266", "give its name: `yard`".to_owned())]
    );
    let service = json!({"meshName": "yard", "virtualServiceName": "s", "spec": {"provider": {
        "virtualNode": {"virtualNodeName": format!("{arn}/virtualNode/b2")},
    }}});
    assert_eq!(
        found(Kind::VirtualService, Dialect::Api, &service),
        [("MF0266", "give its name: `b2`".to_owned())]
    );
}

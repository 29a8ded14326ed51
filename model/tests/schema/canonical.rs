//! Null, empty, default, order: one place decides.

use meshform_model::canonical;
use meshform_model::kind::Kind;
use meshform_model::value::Node;
use serde_json::{Value as Json, json};

fn canonicalised(kind: Kind, json: Json) -> Json {
    canonical::canonicalise(kind, &Node::from_json(&json))
        .to_json()
        .unwrap()
}

#[test]
fn null_is_absent_an_empty_list_is_absent_an_empty_object_stays() {
    let json = json!({"tags": [], "spec": {
        "listeners": null, "backends": [], "logging": {}, "backendDefaults": {"clientPolicy": {"tls": null}},
    }});
    assert_eq!(
        canonicalised(Kind::VirtualNode, json),
        json!({"spec": {"logging": {}, "backendDefaults": {"clientPolicy": {}}}})
    );
}

#[test]
fn a_required_list_stays_for_validation_to_refuse() {
    let json = json!({"spec": {"tcpRoute": {"action": {"weightedTargets": []}}}});
    assert_eq!(canonicalised(Kind::Route, json.clone()), json);
}

#[test]
fn a_default_that_is_sent_is_written_out_and_one_that_holds_is_not() {
    assert_eq!(
        canonicalised(Kind::Mesh, json!({"spec": {"egressFilter": {"type": null}}})),
        json!({"spec": {"egressFilter": {"type": "DROP_ALL"}}})
    );
    let pool = json!({"spec": {"listeners": [{
        "portMapping": {"port": 1, "protocol": "http"}, "connectionPool": {"http": {"maxConnections": 1}},
    }]}});
    assert_eq!(canonicalised(Kind::VirtualNode, pool.clone()), pool);
}

#[test]
fn numbers_and_order_have_one_form() {
    let ports = |ports: Json| {
        json!({"spec": {"backendDefaults": {"clientPolicy": {"tls": {
            "enforce": true, "ports": ports, "validation": {"trust": {"file": {"certificateChain": "/ca"}}},
        }}}}})
    };
    let node = |json: &Json| Node::from_json(json);
    let (a, b) = (ports(json!([9.0, 10, 443])), ports(json!([443, 9, 10.0])));
    assert!(canonical::equal(Kind::VirtualNode, &node(&a), &node(&b)));
    assert_eq!(canonicalised(Kind::VirtualNode, a), ports(json!([9, 10, 443])));
    let listeners = |first, second| {
        json!({"spec": {"listeners": [
            {"portMapping": {"port": first, "protocol": "http"}}, {"portMapping": {"port": second, "protocol": "http"}},
        ]}})
    };
    let (a, b) = (listeners(1, 2), listeners(2, 1));
    assert!(
        !canonical::equal(Kind::VirtualRouter, &node(&a), &node(&b)),
        "the order of listeners has a meaning"
    );
}

#[test]
fn an_empty_list_that_was_written_is_shown_again() {
    let written = json!({"tags": [], "spec": {"backends": []}});
    let stored = canonical::canonicalise(Kind::VirtualNode, &Node::from_json(&written));
    let shown = canonical::align(Kind::VirtualNode, &stored, &Node::from_json(&written));
    assert_eq!(shown.to_json().unwrap(), written);
}

#[test]
fn a_foreign_states_zeros_and_derived_ports_were_never_set() {
    let state = json!({"spec": {"logging": {}, "listeners": [{
        "portMapping": {"port": 8080, "protocol": "http"},
        "healthCheck": {"port": 8080, "path": "", "protocol": "http", "intervalMillis": 5000},
        "timeout": {"http": {"idle": {"unit": "s", "value": 0}}},
    }, {
        "portMapping": {"port": 9090, "protocol": "http"}, "healthCheck": {"port": 8080},
    }]}});
    let cleaned = canonical::foreign(Kind::VirtualNode, &Node::from_json(&state));
    assert_eq!(
        cleaned.to_json().unwrap(),
        json!({"spec": {"logging": {}, "listeners": [{
            "portMapping": {"port": 8080, "protocol": "http"},
            "healthCheck": {"protocol": "http", "intervalMillis": 5000},
            "timeout": {"http": {"idle": {"unit": "s", "value": 0}}},
        }, {
            "portMapping": {"port": 9090, "protocol": "http"}, "healthCheck": {"port": 8080},
        }]}})
    );
}

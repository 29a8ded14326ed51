//! The corners of the dialects.

use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::validate::{self, codes};
use meshform_model::value::{Node, Symbol, Value};
use serde_json::{Value as Json, json};

fn read(kind: Kind, dialect: Dialect, json: Json) -> (Json, Vec<String>) {
    let (node, problems) = dialect::to_canonical(kind, dialect, &Node::from_json(&json));
    let problems = problems
        .iter()
        .map(|p| format!("{p} at {}", p.places[0].pointer))
        .collect();
    (node.to_json().unwrap(), problems)
}

#[test]
fn null_and_absent_blocks_are_absent_and_an_empty_block_is_empty() {
    let (canonical, problems) = read(
        Kind::VirtualNode,
        Dialect::Terraform,
        json!({"name": "a", "mesh_name": "m", "tags": null, "spec": [{
            "backend": [], "logging": [null], "backend_defaults": [{"client_policy": []}], "service_discovery": null,
            "listener": [{"port_mapping": [{"port": 1, "protocol": "http"}], "health_check": []}],
        }]}),
    );
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        canonical,
        json!({"virtualNodeName": "a", "meshName": "m", "spec": {
            "logging": {}, "backendDefaults": {}, "listeners": [{"portMapping": {"port": 1, "protocol": "http"}}],
        }})
    );
}

#[test]
fn terraforms_form_is_whole() {
    let node = Node::from_json(&json!({"meshName": "m", "spec": {}, "tags": [{"key": "a", "value": "b"}]}));
    let json = dialect::from_canonical(Kind::Mesh, Dialect::Terraform, &node)
        .to_json()
        .unwrap();
    assert_eq!(
        json,
        json!({
            "name": "m", "spec": [{"egress_filter": [], "service_discovery": []}], "tags": {"a": "b"},
            "tags_all": null, "id": null, "arn": null, "created_date": null, "last_updated_date": null,
            "mesh_owner": null, "region": null, "resource_owner": null, "extensions": [],
        })
    );
}

#[test]
fn what_the_store_knows_lies_beside_the_rest_outside_the_api() {
    let canonical = json!({"virtualNodeName": "n", "spec": {}, "meshOwner": "111122223333", "metadata": {
        "arn": "arn:x", "uid": "u", "version": 3, "createdAt": "2026-01-01T00:00:00Z", "resourceOwner": "444455556666",
    }});
    let node = Node::from_json(&canonical);
    let terraform = dialect::from_canonical(Kind::VirtualNode, Dialect::Terraform, &node)
        .to_json()
        .unwrap();
    assert_eq!(terraform["id"], "u");
    assert_eq!(terraform["arn"], "arn:x");
    assert_eq!(terraform["mesh_owner"], "111122223333");
    assert_eq!(terraform["created_date"], "2026-01-01T00:00:00Z");
    let (back, problems) = read(Kind::VirtualNode, Dialect::Terraform, terraform);
    assert_eq!(problems, [""; 0]);
    assert_eq!(back["metadata"]["uid"], "u");
    let template = dialect::from_canonical(Kind::VirtualNode, Dialect::CloudFormation, &node)
        .to_json()
        .unwrap();
    assert_eq!(template["Arn"], "arn:x");
    assert_eq!(template.get("CreatedAt"), None);
}

#[test]
fn dead_arguments_are_taken_and_forgotten() {
    let spec = json!([{"grpc_route": [{"match": [{"prefix": "/", "service_name": "s"}], "action": [{"weighted_target": []}]}]}]);
    let (canonical, problems) = read(
        Kind::Route,
        Dialect::Terraform,
        json!({ "spec": spec, "tags_all": {"a": "b"} }),
    );
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        canonical["spec"]["grpcRoute"]["match"],
        json!({"serviceName": "s"})
    );
}

#[test]
fn misspelt_names_are_reported_in_the_words_of_the_dialect() {
    let (_, problems) = read(
        Kind::VirtualNode,
        Dialect::CloudFormation,
        json!({"Spec": {"Listeners": [{"Tls": {}, "PortMaping": {}}]}, "ARN": "x"}),
    );
    assert_eq!(
        problems,
        [
            "error[MF0102]: there is no field `ARN`; did you mean `Arn`? at /ARN",
            "error[MF0102]: there is no field `PortMaping`; did you mean `PortMapping`? at /spec/listeners/0/PortMaping",
            "error[MF0102]: there is no field `Tls`; did you mean `TLS`? at /spec/listeners/0/Tls",
        ]
    );
    let (_, problems) = read(
        Kind::Mesh,
        Dialect::Terraform,
        json!({"nmae": "x", "spec": [{}, {}]}),
    );
    assert_eq!(
        problems,
        [
            "error[MF0102]: there is no field `nmae`; did you mean `name`? at /nmae",
            "error[MF0114]: `spec` is given 2 times; give the block once at /spec",
        ]
    );
}

#[test]
fn cloudformation_takes_texts_for_numbers_and_numbers_for_texts() {
    let (canonical, problems) = read(
        Kind::VirtualRouter,
        Dialect::CloudFormation,
        json!({"VirtualRouterName": 7, "Spec": {"Listeners": [{"PortMapping": {"Port": "8080", "Protocol": "http"}}]}}),
    );
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        canonical,
        json!({"virtualRouterName": "7", "spec": {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]}})
    );
    let (canonical, _) = read(
        Kind::VirtualRouter,
        Dialect::CloudFormation,
        json!({"Spec": {"Listeners": "eight"}}),
    );
    let problems = validate::resource(Kind::VirtualRouter, &Node::from_json(&canonical));
    assert_eq!(problems[0].code, codes::WRONG_TYPE);
}

#[test]
fn an_expression_stays_as_it_was_read() {
    let symbol = Node::new(Value::Symbol(Symbol {
        function: "Fn::If".to_owned(),
        argument: Box::new(Node::from_json(
            &json!(["Secure", {"TLS": {}}, {"Ref": "AWS::NoValue"}]),
        )),
    }));
    let mut template = Node::from_json(&json!({"VirtualNodeName": "a", "Spec": {}}));
    let Value::Object(object) = &mut template.value else {
        panic!()
    };
    let Value::Object(spec) = &mut object.get_mut("Spec").unwrap().value else {
        panic!()
    };
    spec.set("BackendDefaults", symbol.clone());
    let (canonical, problems) = dialect::to_canonical(Kind::VirtualNode, Dialect::CloudFormation, &template);
    assert_eq!(problems, []);
    assert_eq!(
        canonical.get("spec").unwrap().get("backendDefaults"),
        Some(&symbol)
    );
    assert_eq!(validate::resource(Kind::VirtualNode, &canonical), []);
    assert_eq!(
        dialect::from_canonical(Kind::VirtualNode, Dialect::CloudFormation, &canonical),
        template
    );
}

#[test]
fn a_choice_that_may_turn_out_empty_is_no_conflict() {
    let mut node = Node::from_json(&json!({"spec": {"provider": {"virtualNode": {"virtualNodeName": "a"}}}}));
    let Value::Object(root) = &mut node.value else {
        panic!()
    };
    let Value::Object(spec) = &mut root.get_mut("spec").unwrap().value else {
        panic!()
    };
    let Value::Object(provider) = &mut spec.get_mut("provider").unwrap().value else {
        panic!()
    };
    provider.set("virtualRouter", Node::new(Value::Unknown));
    assert_eq!(validate::resource(Kind::VirtualService, &node), []);
    let Value::Object(root) = &mut node.value else {
        panic!()
    };
    let Value::Object(spec) = &mut root.get_mut("spec").unwrap().value else {
        panic!()
    };
    let Value::Object(provider) = &mut spec.get_mut("provider").unwrap().value else {
        panic!()
    };
    provider.set(
        "virtualRouter",
        Node::from_json(&json!({"virtualRouterName": "b"})),
    );
    let problems = validate::resource(Kind::VirtualService, &node);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, codes::UNION_SEVERAL);
}

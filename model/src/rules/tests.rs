//! Each rule: a mesh that breaks it and nothing else, what is said, and where.

mod cases;
mod faults;
mod following;

use super::*;
use crate::testing::{demo, resources};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A mesh that breaks a rule.
struct Case {
    name: &'static str,
    /// The codes that are reported, in order.
    codes: &'static [&'static str],
    mesh: Value,
}

fn mesh(json: &Value) -> Mesh {
    Mesh::new(resources(json).unwrap()).unwrap()
}

/// A diagnostic as the snapshots show it: all of it.
fn shown(diagnostic: &Diagnostic) -> String {
    let mut text = format!("{diagnostic}\n").replacen("; ", "\n  help: ", 1);
    for place in &diagnostic.places {
        let key = place.resource.as_ref().map(ResourceKey::path).unwrap_or_default();
        let label = place.label.as_ref().map(|label| format!(" ({label})"));
        text.push_str(&format!(
            "  at {key} {}{}\n",
            place.pointer,
            label.unwrap_or_default()
        ));
    }
    text
}

#[test]
fn each_rule_says_what_is_wrong_and_where() {
    let mut text = String::new();
    let mut wrong = Vec::new();
    for case in cases::all() {
        let found = mesh(&case.mesh).check();
        let codes: Vec<&str> = found.iter().map(|d| d.code.0).collect();
        text.push_str(&format!("# {}\n", case.name));
        text.extend(found.iter().map(shown));
        if codes != case.codes {
            wrong.push(format!("{}: {codes:?}", case.name));
        }
        for place in found.iter().flat_map(|d| &d.places) {
            exists(&case.mesh, place);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_wrong_with_a_resource_alone_is_wrong_in_its_mesh_too() {
    let mut alone = 0;
    for case in cases::all() {
        let in_mesh = mesh(&case.mesh).check();
        for resource in resources(&case.mesh).unwrap() {
            for found in check_alone(resource) {
                assert!(in_mesh.contains(&found), "{}: {found}", case.name);
                alone += 1;
            }
        }
    }
    assert!(alone > 20, "{alone}");
}

/// A place leads to something in the document, but for what is missing and for what is beside the spec.
fn exists(mesh: &Value, place: &ProblemLocation) {
    let pointer = place.pointer.to_string();
    let Some(field) = pointer.strip_prefix("/spec") else {
        return;
    };
    let path = place.resource.as_ref().unwrap().path();
    let spec = &mesh[path.strip_prefix("mesh/apps").unwrap().trim_start_matches('/')];
    let spec = spec.get("spec").unwrap_or(spec);
    assert!(spec.pointer(field).is_some(), "{path} has no {pointer}");
}

#[test]
fn every_code_is_shown_by_a_case() {
    // These need no mesh, or a test of their own.
    let elsewhere = [
        codes::SHAPE,
        codes::NOTHING,
        codes::SEVERAL_MESHES,
        codes::TWICE,
        codes::MISFIT,
        codes::INVALID_MESH,
        codes::ACCOUNT,
        codes::QUOTA,
        codes::NOT_A_NAME,
        codes::INVALID_MESH,
    ];
    let shown: BTreeSet<&str> = cases::all().iter().flat_map(|case| case.codes).copied().collect();
    let missing = codes::CODES
        .iter()
        .map(|info| info.code)
        .filter(|code| !shown.contains(code.0) && !elsewhere.contains(code));
    assert_eq!(missing.collect::<Vec<_>>(), []);
}

#[test]
fn a_good_mesh_gives_nothing() {
    let found = mesh(&demo()).check();
    assert!(found.is_empty(), "{found:?}");
    let found = mesh(&cases::everything()).check();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_order_of_resources_does_not_change_what_is_said() {
    // Each fault alone, and all in one document, as far as they fit together.
    let mut all = serde_json::Map::new();
    let mut meshes: Vec<Value> = cases::all().into_iter().map(|case| case.mesh).collect();
    for mesh in &meshes {
        all.extend(mesh.as_object().unwrap().clone());
    }
    meshes.push(Value::Object(all));
    for json in &meshes {
        let mut list = resources(json).unwrap();
        let wanted = Mesh::new(list.clone()).unwrap().check();
        list.reverse();
        assert_eq!(Mesh::new(list.clone()).unwrap().check(), wanted);
        // Every third first, and so on: far from both orders.
        let shuffled: Vec<_> = (0..3)
            .flat_map(|i| list.iter().skip(i).step_by(3).cloned())
            .collect();
        assert_eq!(Mesh::new(shuffled).unwrap().check(), wanted);
    }
}

#[test]
fn identities_fit_their_resources() {
    use crate::resource::Identity;
    let mut list = resources(&demo()).unwrap();
    let node = list.iter_mut().find(|r| r.key.name == "servicea").unwrap();
    let good = Identity {
        arn: "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/servicea".to_owned(),
        uid: "u".to_owned(),
        mesh_owner: "123456789012".to_owned(),
        resource_owner: "123456789012".to_owned(),
        created_at: String::new(),
        last_updated_at: String::new(),
        version: 1,
    };
    node.identity = Some(good.clone());
    assert_eq!(Mesh::new(list.clone()).unwrap().check(), []);
    let node = list.iter_mut().find(|r| r.key.name == "servicea").unwrap();
    node.identity = Some(Identity {
        mesh_owner: "12345678901".to_owned(),
        arn: good.arn.replace("servicea", "serviceb"),
        ..good
    });
    let found = Mesh::new(list).unwrap().check();
    insta::assert_snapshot!(found.iter().map(shown).collect::<String>());
}

#[test]
fn quotas_are_off_unless_configured() {
    let mesh = mesh(&demo());
    let quotas = [(Quota::VirtualNodes, 2), (Quota::Routes, 2), (Quota::Backends, 0)];
    let quotas = Quotas::from_iter(quotas);
    let found = mesh.check_with(&Options { quotas });
    insta::assert_snapshot!(found.iter().map(shown).collect::<String>());
    let quotas = Quotas::app_mesh();
    assert_eq!(mesh.check_with(&Options { quotas }), []);
}

/// Thousands of nodes, each with its service, router and two routes, each calling ten others: the work must
/// grow with the references, so this ends at once even unoptimised.
#[test]
fn a_large_mesh_is_checked_in_no_time() {
    let count = 3_000;
    let mut all = serde_json::Map::new();
    all.insert(String::new(), json!({}));
    for i in 0..count {
        let backends: Vec<Value> = (1..=10)
            .map(|k| json!({"virtualService": {"virtualServiceName": format!("s{}", (i + k) % count)}}))
            .collect();
        let listener = json!({"portMapping": {"port": 8080, "protocol": "http"}});
        all.insert(
            format!("virtualNode/n{i}"),
            json!({"listeners": [listener], "backends": backends, "serviceDiscovery": {"dns": {"hostname": "x"}}}),
        );
        all.insert(format!("virtualRouter/r{i}"), json!({"listeners": [listener]}));
        for (name, prefix) in [("a", "/a/"), ("b", "/")] {
            let to = json!({"weightedTargets": [{"virtualNode": format!("n{i}"), "weight": 100}]});
            all.insert(
                format!("virtualRouter/r{i}/route/{name}"),
                json!({"httpRoute": {"match": {"prefix": prefix}, "action": to}}),
            );
        }
        all.insert(
            format!("virtualService/s{i}"),
            json!({"provider": {"virtualRouter": {"virtualRouterName": format!("r{i}")}}}),
        );
    }
    // And one router with thousands of routes that only a header distinguishes.
    for i in 0..count {
        let m = json!({"prefix": "/", "headers": [{"name": "x", "match": {"exact": format!("{i}")}}]});
        let to = json!({"weightedTargets": [{"virtualNode": "n0", "weight": 100}]});
        all.insert(
            format!("virtualRouter/r0/route/c{i}"),
            json!({"httpRoute": {"match": m, "action": to}}),
        );
    }
    let list = resources(&Value::Object(all)).unwrap();
    let start = std::time::Instant::now();
    let found = Mesh::new(list).unwrap().check();
    let took = start.elapsed();
    assert!(found.is_empty(), "{:?}", found.first());
    assert!(took.as_secs() < 20, "{took:?}: something looks at pairs");
    println!("{} resources: {took:?}", 6 * count);
}

#[test]
fn one_fault_is_told_once_with_what_was_meant() {
    let mut json = demo();
    let node = json["virtualNode/servicebv2"].take();
    json.as_object_mut().unwrap().remove("virtualNode/servicebv2");
    json["virtualNode/servcebv2"] = node;
    let mesh = mesh(&json);
    let found = mesh.check();
    let missing = found.iter().filter(|problem| missing(problem).is_some()).count();
    assert!(missing > 1, "{found:?}");
    let errors: Vec<_> = told(&mesh, found)
        .into_iter()
        .filter(Diagnostic::is_error)
        .collect();
    let [only] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    assert_eq!(only.code, codes::NO_TARGET);
    assert!(
        only.help
            .as_ref()
            .unwrap()
            .starts_with("did you mean `servcebv2`?"),
        "{only}"
    );
    assert!(only.places.len() > missing.min(10), "{only:?}");
    assert_eq!(only.places.last().unwrap().label.as_deref(), Some("missing"));
}

#[test]
fn a_name_that_something_of_another_kind_has_is_told_with_that() {
    let mut json = demo();
    json["virtualService/x.local"] =
        json!({"provider": {"virtualRouter": {"virtualRouterName": "servicea"}}});
    let mesh = mesh(&json);
    let found = told(&mesh, mesh.check());
    let missing = found.iter().find(|one| one.code == codes::NO_PROVIDER).unwrap();
    let help = missing.help.as_deref().unwrap();
    assert!(
        help.starts_with("`servicea` is a virtual node. Otherwise create"),
        "{help}"
    );
}

#[test]
fn an_id_where_a_name_belongs_is_told_with_the_name() {
    use crate::resource::Identity;
    let id = "02ce3a22-91c5-4d0b-9d1c-6f0a4d1e7b55";
    let mut json = demo();
    json["virtualService/x.local"] = json!({"provider": {"virtualNode": {"virtualNodeName": id}}});
    let mut list = resources(&json).unwrap();
    let node = list.iter_mut().find(|r| r.key.name == "servicea").unwrap();
    node.identity = Some(Identity {
        arn: "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/servicea".to_owned(),
        uid: id.to_owned(),
        mesh_owner: "123456789012".to_owned(),
        resource_owner: "123456789012".to_owned(),
        created_at: String::new(),
        last_updated_at: String::new(),
        version: 1,
    });
    let mesh = Mesh::new(list).unwrap();
    let told = told(&mesh, mesh.check());
    let [only] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(only.code, codes::NOT_A_NAME);
    assert_eq!(only.help.as_deref(), Some("use its name: `servicea`"));
}

#[test]
fn a_slash_in_a_name_is_refused() {
    for name in ["a/b", "", "a\u{0}b", "a\u{202e}b", "\u{2066}a"] {
        let mut list = resources(&demo()).unwrap();
        let mut extra = list.iter().find(|r| r.key.name == "servicebv2").unwrap().clone();
        extra.key.name = name.to_owned();
        list.push(extra);
        let found = Mesh::new(list).unwrap().check();
        let codes: Vec<_> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, [codes::NAME], "{name:?}: {found:?}");
    }
}

#[test]
fn a_missing_mesh_is_told_where_something_of_it_stands() {
    let route = json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}}});
    let mesh = mesh(&json!({"virtualRouter/r/route/all": route}));
    let problem = mesh
        .check()
        .into_iter()
        .find(|one| one.code == codes::NO_MESH)
        .unwrap();
    assert!(
        shown(&problem).contains("virtualRouter/r/route/all  (belongs to it)"),
        "{}",
        shown(&problem)
    );
}

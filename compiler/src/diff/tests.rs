use super::*;
use meshform_model::testing;
use serde_json::{Value, json};

fn told(change: impl FnOnce(&mut Value)) -> String {
    let before = testing::demo();
    let mut after = before.clone();
    change(&mut after);
    let changes = diff(
        &testing::resources(&before).unwrap(),
        &testing::resources(&after).unwrap(),
    );
    changes.iter().map(|change| format!("{change}\n")).collect()
}

fn moved(mesh: &mut Value, from: &str, to: &str) {
    let taken = mesh.as_object_mut().unwrap().remove(from).unwrap();
    mesh[to] = taken;
}

const WEIGHTED: &str = "virtualRouter/serviceb/route/weighted";

#[test]
fn changes_are_told_in_the_words_of_the_mesh() {
    assert_eq!(told(|_| {}), "");
    assert_eq!(
        told(|mesh| {
            let targets = &mut mesh[WEIGHTED]["httpRoute"]["action"]["weightedTargets"];
            targets[0]["weight"] = json!(50);
            targets[1]["weight"] = json!(50);
            mesh[WEIGHTED]["httpRoute"]["timeout"]["perRequest"] = json!({"unit": "s", "value": 5});
            mesh[WEIGHTED].as_object_mut().unwrap().remove("priority");
        }),
        "route serviceb/weighted: weight of serviceb 75 → 50\n\
         route serviceb/weighted: weight of servicebv2 25 → 50\n\
         route serviceb/weighted: timeout per request 60 s → 5 s\n\
         route serviceb/weighted: priority no longer set (was 100)\n"
    );
}

#[test]
fn what_comes_and_goes_is_told() {
    let told = told(|mesh| {
        mesh.as_object_mut()
            .unwrap()
            .remove("virtualRouter/serviceb/route/header");
        mesh["virtualNode/new"] = json!({"backends": []});
    });
    assert_eq!(told, "virtual node new: new\nroute serviceb/header: gone\n");
}

#[test]
fn another_order_without_a_meaning_is_nothing() {
    let reversed = told(|mesh| {
        let targets = &mut mesh[WEIGHTED]["httpRoute"]["action"]["weightedTargets"];
        targets.as_array_mut().unwrap().reverse();
    });
    assert_eq!(reversed, "");
}

#[test]
fn a_rename_is_one_and_takes_what_lies_in_it_along() {
    assert_eq!(
        told(|mesh| moved(mesh, "virtualNode/servicea", "virtualNode/front")),
        "virtual node front: was named servicea\n".to_owned()
    );
    // The host name goes with it.
    assert_eq!(
        told(|mesh| {
            moved(mesh, "virtualNode/servicebv2", "virtualNode/canary");
            let node = &mut mesh["virtualNode/canary"];
            *node = serde_json::from_str(&node.to_string().replace("servicebv2", "canary")).unwrap();
        }),
        "virtual node canary: was named servicebv2\n\
         virtual node canary: dns hostname servicebv2.apps.local → canary.apps.local\n"
    );
    let router = told(|mesh| {
        moved(mesh, "virtualRouter/serviceb", "virtualRouter/b");
        for route in ["header", "path", "weighted"] {
            moved(
                mesh,
                &format!("virtualRouter/serviceb/route/{route}"),
                &format!("virtualRouter/b/route/{route}"),
            );
        }
        mesh["virtualRouter/b/route/path"]["priority"] = json!(5);
        mesh["virtualService/serviceb.apps.local"]["provider"]["virtualRouter"]["virtualRouterName"] =
            json!("b");
    });
    assert_eq!(
        router,
        "virtual service serviceb.apps.local: virtual router name serviceb → b\n\
         virtual router b: was named serviceb\n\
         route b/path: priority 20 → 5\n"
    );
}

#[test]
fn targets_of_a_renamed_node_follow_it_in_words() {
    let renamed = told(|mesh| {
        moved(mesh, "virtualNode/servicebv2", "virtualNode/canary");
        let routes = ["header", "path", "weighted"];
        for route in routes.map(|route| format!("virtualRouter/serviceb/route/{route}")) {
            let text = mesh[&route].to_string().replace("\"servicebv2\"", "\"canary\"");
            mesh[&route] = serde_json::from_str(&text).unwrap();
        }
        mesh[WEIGHTED]["httpRoute"]["action"]["weightedTargets"][1]["weight"] = json!(40);
    });
    assert_eq!(
        renamed,
        "virtual node canary: was named servicebv2\n\
         route serviceb/header: weighted target servicebv2 → canary\n\
         route serviceb/path: weighted target servicebv2 → canary\n\
         route serviceb/weighted: weighted target servicebv2 → canary\n\
         route serviceb/weighted: weight of canary 25 → 40\n"
    );
}

#[test]
fn parts_that_come_and_go_are_told_in_words() {
    let told = told(|mesh| {
        let targets = mesh[WEIGHTED]["httpRoute"]["action"]["weightedTargets"]
            .as_array_mut()
            .unwrap();
        targets[1] = json!({"virtualNode": "third", "weight": 10, "port": 8080});
        mesh["virtualNode/servicea"]["backends"] = json!([{"virtualService": {
            "virtualServiceName": "new.local",
            "clientPolicy": {"tls": {"enforce": true, "validation": {"trust": {"file": {"certificateChain": "/ca.pem"}}}}},
        }}]);
    });
    assert_eq!(
        told,
        "virtual node servicea: backend new.local new (client policy tls (enforce true, validation trust file certificate chain \
         /ca.pem))\n\
         virtual node servicea: backend serviceb.apps.local gone\n\
         route serviceb/weighted: weighted target servicebv2 gone (weight 25)\n\
         route serviceb/weighted: weighted target third 8080 new (weight 10)\n"
    );
}

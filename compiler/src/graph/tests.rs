use super::*;
use meshform_model::mesh::Mesh;
use meshform_model::testing;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const ALL: [Format; 4] = [Format::Svg, Format::Html, Format::Mermaid, Format::Dot];

fn picture(specs: &Value) -> Picture {
    let mesh = Mesh::new(testing::resources(specs).unwrap()).unwrap();
    let problems = mesh.check();
    Picture::of(&[mesh], &problems)
}

/// A gateway, a service with routes of every condition, TLS, and everything that can be missing.
fn broken() -> Value {
    let mut mesh = testing::demo();
    mesh["virtualGateway/front"] = json!({"listeners": [{
        "portMapping": {"port": 443, "protocol": "http"},
        "tls": {"mode": "STRICT", "certificate": {"sds": {"secretName": "front"}}},
    }]});
    let to = |name: &str| json!({"target": {"virtualService": {"virtualServiceName": name}}});
    mesh["virtualGateway/front/gatewayRoute/b"] = json!({"httpRoute": {
        "match": {"prefix": "/b/", "hostname": {"suffix": ".example.com"}, "method": "POST"},
        "action": to("serviceb.apps.local"),
    }});
    mesh["virtualGateway/front/gatewayRoute/nowhere"] = json!({"grpcRoute": {
        "match": {"serviceName": "shop.Cart"}, "action": to("nowhere.local"),
    }});
    mesh["virtualRouter/serviceb/route/range"] = json!({"priority": 30, "httpRoute": {
        "match": {
            "path": {"regex": "/items/[0-9]+"},
            "headers": [{"name": "x-n", "invert": true, "match": {"range": {"start": 1, "end": 9}}}],
            "queryParameters": [{"name": "q", "match": {"exact": "1"}}],
        },
        "action": {"weightedTargets": [
            {"virtualNode": "serviceb", "weight": 1}, {"virtualNode": "lost", "weight": 2},
        ]},
    }});
    mesh["virtualRouter/alone"] = json!({"listeners": []});
    mesh["virtualService/half.local"] =
        json!({"provider": {"virtualRouter": {"virtualRouterName": "never"}}});
    mesh["virtualService/empty.local"] = json!({});
    mesh
}

#[test]
fn a_mesh_with_errors_is_drawn_with_the_errors_in_it() {
    let picture = picture(&broken());
    let svg = picture.write(Format::Svg);
    for told in [
        "there is no virtual service `nowhere.local`",
        "lost is missing",
        "router never is missing",
        "POST · path /b/…",
        "gRPC shop.Cart",
        "header x-n not from 1 to below 9",
        "callers get 404",
    ] {
        assert!(svg.contains(told), "{told}");
    }
    insta::assert_snapshot!("broken_svg", svg.split_once("</style>").unwrap().1);
    insta::assert_snapshot!("broken_mermaid", picture.write(Format::Mermaid));
    insta::assert_snapshot!("broken_dot", picture.write(Format::Dot));
}

#[test]
fn the_order_of_resources_does_not_matter() {
    let mut resources = testing::resources(&broken()).unwrap();
    let first = picture(&broken());
    resources.reverse();
    let mesh = Mesh::new(resources).unwrap();
    let second = Picture::of(std::slice::from_ref(&mesh), &mesh.check());
    for format in ALL {
        assert_eq!(first.write(format), second.write(format));
    }
}

#[test]
fn a_part_is_what_is_near_a_name() {
    let mut mesh = Map::new();
    for at in 0..6 {
        let next = format!("s{}.local", at + 1);
        let backends = json!([{"virtualService": {"virtualServiceName": next}}]);
        mesh.insert(format!("virtualNode/n{at}"), json!({"backends": backends}));
        let provider = json!({"virtualNode": {"virtualNodeName": format!("n{at}")}});
        mesh.insert(
            format!("virtualService/s{at}.local"),
            json!({"provider": provider}),
        );
    }
    let whole = picture(&Value::Object(mesh));
    let services = |picture: &Picture| -> Vec<String> {
        let names = picture.names().into_iter();
        names
            .filter(|name| name.ends_with(".local"))
            .map(str::to_owned)
            .collect()
    };
    let mut near = whole.clone();
    assert!(near.around("n3", 1), "a node stands for the card that it is in");
    assert_eq!(services(&near), ["s2.local", "s3.local", "s4.local"]);
    assert!(
        near.write(Format::Svg)
            .contains("1 arrow leads out of the picture")
    );
    let mut none = whole.clone();
    assert!(!none.around("unknown", 3));
    assert_eq!(services(&none), services(&whole));
}

#[test]
fn many_routes_stand_in_several_cards() {
    let mut mesh = testing::demo();
    for at in 0..60 {
        mesh[format!("virtualRouter/serviceb/route/r{at:02}")] = json!({"httpRoute": {
            "match": {"prefix": format!("/{at}/")},
            "action": {"weightedTargets": [{"virtualNode": "serviceb", "weight": 1}]},
        }});
    }
    let svg = picture(&mesh).write(Format::Svg);
    for told in [
        "virtual service · 1 of 3",
        "virtual service · 3 of 3",
        "path /59/…",
    ] {
        assert!(svg.contains(told), "{told}");
    }
}

#[test]
fn the_way_of_a_request_is_marked() {
    let mut picture = picture(&testing::demo());
    let keys = testing::resources(&testing::demo())
        .unwrap()
        .into_iter()
        .map(|one| one.key);
    picture.highlight(keys.filter(|key| key.name == "weighted"));
    assert_eq!(picture.write(Format::Svg).matches("row route taken").count(), 1);
}

#[test]
fn the_page_lets_nothing_in_but_its_own_script_and_styles() {
    let page = picture(&broken()).write(Format::Html);
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(page.contains("default-src 'none'; script-src 'sha256-"));
    for forbidden in ["http://", "https://", "src=", "onclick", "style=\""] {
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!outside.contains(forbidden), "{forbidden}");
    }
    assert!(page.len() < 100_000, "{}", page.len());
}

/// The names of all tags, in order.
fn tags(text: &str) -> Vec<String> {
    let (_, body) = text.split_once("</style>").unwrap();
    let tags = body.split('<').skip(1).map(|rest| {
        let end = rest.find([' ', '>', '/', '\n']).unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    tags.collect()
}

fn named(name: &str) -> Value {
    let mut mesh = Map::new();
    let weighted =
        json!({"weightedTargets": [{"virtualNode": name, "weight": 1}, {"virtualNode": "x", "weight": 1}]});
    mesh.insert(format!("virtualNode/{name}"), json!({}));
    mesh.insert(format!("virtualRouter/{name}"), json!({"listeners": []}));
    mesh.insert(
        format!("virtualRouter/{name}/route/{name}"),
        json!({"httpRoute": {"match": {"prefix": format!("/{name}")}, "action": weighted}}),
    );
    let provider = json!({"virtualRouter": {"virtualRouterName": name}});
    mesh.insert(format!("virtualService/{name}"), json!({"provider": provider}));
    Value::Object(mesh)
}

fn without_problems(specs: &Value, format: Format) -> String {
    let mesh = Mesh::new(testing::resources(specs).unwrap()).unwrap();
    Picture::of(&[mesh], &[]).write(format)
}

/// Texts that mean something to one reader of a picture or another.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^/]{1,40}",
        r#"[<>&"'`\\\]\[=/;#! x-]{1,12}"#,
        Just("<script>alert(1)<\u{2044}script>".to_owned()),
        Just("]]>--><!--".to_owned()),
        Just("\"'`\\\n${x}".to_owned()),
        Just("\\".to_owned()),
        Just("\u{202e}evil\u{202c}".to_owned()),
        Just("שלום-مرحبا".to_owned()),
        Just("<".repeat(255)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// In every field, right or wrong, that a picture or the problems in it show.
    #[test]
    fn texts_are_never_markup(text in hostile(), other in hostile()) {
        let spec = json!({"priority": 1, "httpRoute": {
            "match": {
                "prefix": format!("/{text}"), "method": text, "scheme": other,
                "headers": [{"name": text, "match": {"exact": other}}, {"name": "x-a", "match": {"regex": text}}],
                "queryParameters": [{"name": other, "match": {"exact": text}}],
            },
            "action": {"weightedTargets": [{"virtualNode": other, "weight": 1}, {"virtualNode": "n", "weight": 1}]},
            "retryPolicy": {"httpRetryEvents": [text]},
        }});
        let listener = json!({"portMapping": {"port": 80, "protocol": text}});
        let sds = json!({"sds": {"secretName": other}});
        let tls = json!({"portMapping": {"port": 443, "protocol": "http"}, "tls": {"mode": "STRICT", "certificate": sds}});
        let mesh = json!([
            {"meshName": "m", "spec": {}},
            {"meshName": "m", "virtualNodeName": "n", "spec": {"serviceDiscovery": {"dns": {"hostname": text}}, "listeners": [tls]}},
            {"meshName": "m", "virtualNodeName": text, "spec": {"listeners": [listener], (other.as_str()): text}},
            {"meshName": "m", "virtualServiceName": other, "spec": {"provider": {"virtualRouter": {"virtualRouterName": text}}}},
            {"meshName": "m", "virtualServiceName": "s", "spec": {"provider": {"virtualRouter": {"virtualRouterName": "r"}}}},
            {"meshName": "m", "virtualRouterName": "r", "spec": {"listeners": []}},
            {"meshName": "m", "virtualRouterName": "r", "routeName": other, "spec": spec},
            {"meshName": "m", "virtualGatewayName": text, "spec": {"listeners": []}},
            {"meshName": text, "spec": {}},
        ]);
        prop_assert_eq!(crate::fuzzing::picture(&mesh.to_string()), Ok(()));
    }

    #[test]
    fn names_are_never_markup(name in hostile().prop_map(|name| name.replace('/', "\u{2044}"))) {
        let plain = named("plain");
        let hostile = named(&name);
        for format in [Format::Svg, Format::Html] {
            prop_assert_eq!(tags(&without_problems(&hostile, format)), tags(&without_problems(&plain, format)));
        }
        for format in [Format::Mermaid, Format::Dot] {
            let text = without_problems(&hostile, format);
            // Each line of the one is a line of the other, and quotes are only those that hold labels.
            let plain = without_problems(&plain, format);
            prop_assert_eq!(text.lines().count(), plain.lines().count());
            let quotes = |text: &str| match format {
                // Only Dot escapes by a backslash; in Mermaid it is a character like others.
                Format::Dot => text.replace("\\\\", "").replace("\\\"", "").matches('"').count(),
                _ => text.matches('"').count(),
            };
            prop_assert_eq!(quotes(&text), quotes(&plain));
        }
    }
}

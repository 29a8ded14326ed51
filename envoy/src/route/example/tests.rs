use super::*;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::testing;
use serde_json::{Value, json};

fn target(node: &str) -> Value {
    json!({"weightedTargets": [{"virtualNode": node, "weight": 1}]})
}

/// A node and a gateway before one router with a route of every condition.
fn mesh() -> Mesh {
    let route = |priority: u32, condition: Value| json!({"priority": priority, "httpRoute": {"match": condition, "action": target("one")}});
    let header = |name: &str, condition: Value| json!({"name": name, "match": condition});
    let to = json!({"target": {"virtualService": {"virtualServiceName": "s.local"}}});
    let specs = json!({
        "": {},
        "proxyProfile/all": {"interception": {"transparent": {}}},
        "virtualNode/web": {"backends": [{"virtualService": {"virtualServiceName": "s.local"}}]},
        "virtualNode/one": {
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "one.local"}},
        },
        "virtualService/s.local": {"provider": {"virtualRouter": {"virtualRouterName": "r"}}},
        "virtualRouter/r": {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]},
        "virtualRouter/r/route/path": route(1, json!({"path": {"regex": "/items/[0-9]+"}, "method": "PUT"})),
        "virtualRouter/r/route/headers": route(2, json!({"prefix": "/", "headers": [
            header("a", json!({"exact": "1"})), header("b", json!({"prefix": "x"})), header("c", json!({"suffix": "y"})),
            header("d", json!({"range": {"start": 4, "end": 9}})), header("e", json!({"regex": "v[12]"})),
            {"name": "f", "invert": true, "match": {"exact": "1"}}, {"name": "g"}, {"name": "h", "invert": true},
        ]})),
        "virtualRouter/r/route/query": route(3, json!({"prefix": "/q", "queryParameters": [{"name": "q", "match": {"exact": "1"}}, {"name": "p"}]})),
        "virtualRouter/r/route/rest": route(4, json!({"prefix": "/"})),
        "virtualRouter/r/route/shadowed": route(5, json!({"prefix": "/never"})),
        "virtualGateway/front": {"listeners": [{"portMapping": {"port": 8443, "protocol": "http"}}]},
        "virtualGateway/front/gatewayRoute/shop": {"httpRoute": {
            "match": {"prefix": "/shop/", "hostname": {"suffix": ".example.com"}}, "action": to,
        }},
    });
    Mesh::new(testing::resources(&specs).unwrap()).unwrap()
}

fn route(name: &str) -> ResourceKey {
    let router = ResourceKey::in_mesh(mesh().name(), Kind::VirtualRouter, "r");
    ResourceKey::child(&router, Kind::Route, name)
}

#[test]
fn every_route_that_can_be_reached_has_an_example() {
    let mesh = mesh();
    for proxy in [(Kind::VirtualNode, "web"), (Kind::VirtualGateway, "front")] {
        let key = ResourceKey::in_mesh(mesh.name(), proxy.0, proxy.1);
        let ways = RouteSimulator::of(&mesh, &key).unwrap();
        for name in ["path", "headers", "query", "rest"] {
            let (request, way) = ways
                .example(&route(name))
                .unwrap_or_else(|| panic!("{proxy:?}: {name}"));
            assert!(way.goes_by(&route(name)), "{request:?}");
        }
        assert!(ways.example(&route("shadowed")).is_none());
        assert!(ways.example(&route("unknown")).is_none());
    }
}

#[test]
fn an_example_is_what_a_client_would_send() {
    let mesh = mesh();
    let front = ResourceKey::in_mesh(mesh.name(), Kind::VirtualGateway, "front");
    let gateway_route = ResourceKey::child(&front, Kind::GatewayRoute, "shop");
    let ways = RouteSimulator::of(&mesh, &front).unwrap();
    let (request, way) = ways.example(&gateway_route).unwrap();
    assert_eq!(
        (request.host.as_str(), request.path.as_str(), request.port),
        ("x.example.com", "/shop/", Some(8443))
    );
    assert!(way.goes_by(&gateway_route) && way.goes_by(&route("rest")));
    let (request, _) = ways.example(&route("path")).unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("PUT", "/shop/items/0")
    );
}

//! For tests of this crate and (feature `testing`) of others: meshes written compactly, and resources made from the
//! schema, right, broken and changed.

pub mod broken;
pub mod generate;
pub mod variants;

use crate::diag::Diagnostic;
use crate::key::ResourceKey;
use crate::resource::Resource;

/// The resources of mesh `apps`, by the part of their path after the mesh: `""` is the mesh itself,
/// `virtualNode/servicea` a node, `virtualRouter/serviceb/route/weighted` a route. Each is a
/// spec, or `{"spec": …, "extensions": …}`.
pub fn resources(specs: &serde_json::Value) -> Result<Vec<Resource>, Diagnostic> {
    let none = serde_json::Map::new();
    let specs = specs.as_object().unwrap_or(&none);
    specs
        .iter()
        .map(|(path, spec)| {
            let path = match path.as_str() {
                "" => "mesh/apps".to_owned(),
                path => format!("mesh/apps/{path}"),
            };
            let key = ResourceKey::from_path(&path)
                .ok_or_else(|| Diagnostic::error(crate::codes::MISFIT, format!("`{path}` is not a path")))?;
            let (spec, extensions) = match spec.get("spec") {
                Some(inner) => (inner, spec.get("extensions").unwrap_or(&serde_json::Value::Null)),
                None => (spec, &serde_json::Value::Null),
            };
            Resource::from_json(key, spec)?.with_extensions(extensions)
        })
        .collect()
}

/// The mesh that the project shows everywhere: servicea calls serviceb, whose two versions share by weight, by
/// header and by path, with retries.
pub fn demo() -> serde_json::Value {
    let listener = serde_json::json!({"portMapping": {"port": 8080, "protocol": "http"}});
    let node = |host: &str, backends: &[&str]| {
        let backends: Vec<serde_json::Value> = backends
            .iter()
            .map(|name| serde_json::json!({"virtualService": {"virtualServiceName": name}}))
            .collect();
        let mut node = serde_json::json!({
            "listeners": [listener],
            "serviceDiscovery": {"dns": {"hostname": host}},
        });
        if let Some(fields) = node.as_object_mut().filter(|_| !backends.is_empty()) {
            fields.insert("backends".to_owned(), backends.into());
        }
        node
    };
    let retries = serde_json::json!({
        "maxRetries": 5,
        "perRetryTimeout": {"unit": "s", "value": 10},
        "httpRetryEvents": ["gateway-error"],
        "tcpRetryEvents": ["connection-error"],
    });
    let to = |name: &str| serde_json::json!({"weightedTargets": [{"virtualNode": name, "weight": 100}]});
    serde_json::json!({
        "": {"egressFilter": {"type": "DROP_ALL"}},
        "virtualNode/servicea": node("servicea.apps.local", &["serviceb.apps.local"]),
        "virtualNode/serviceb": node("serviceb.apps.local", &[]),
        "virtualNode/servicebv2": node("servicebv2.apps.local", &[]),
        "virtualRouter/serviceb": {"listeners": [listener]},
        "virtualRouter/serviceb/route/header": {"priority": 10, "httpRoute": {
            "match": {"prefix": "/", "headers": [{"name": "x-version", "match": {"exact": "2"}}]},
            "action": to("servicebv2"),
        }},
        "virtualRouter/serviceb/route/path": {"priority": 20, "httpRoute": {
            "match": {"prefix": "/v2/"},
            "action": to("servicebv2"),
        }},
        "virtualRouter/serviceb/route/weighted": {"priority": 100, "httpRoute": {
            "match": {"prefix": "/"},
            "action": {"weightedTargets": [
                {"virtualNode": "serviceb", "weight": 75},
                {"virtualNode": "servicebv2", "weight": 25},
            ]},
            "retryPolicy": retries,
            "timeout": {"perRequest": {"unit": "s", "value": 60}},
        }},
        "virtualService/servicea.apps.local": {"provider": {"virtualNode": {"virtualNodeName": "servicea"}}},
        "virtualService/serviceb.apps.local": {"provider": {"virtualRouter": {"virtualRouterName": "serviceb"}}},
    })
}

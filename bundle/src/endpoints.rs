//! Endpoints that change by themselves, as Envoy's files.

use crate::body::Body;
use crate::error::{Error, Result};
use crate::layout::types;
use crate::objects::{Endpoint, EndpointSet, Health};
use crate::resource::Resource;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Puts what a set says in place of the endpoints that resources have for the same clusters. Whether anything differs.
///
/// # Errors
/// Never, in practice.
pub fn merge(resources: &mut [Resource], set: &EndpointSet) -> Result<bool> {
    let mut differs = false;
    for resource in resources
        .iter_mut()
        .filter(|one| one.type_url == types::ENDPOINTS)
    {
        let Some(endpoints) = set.clusters.get(&resource.name) else {
            continue;
        };
        let body = assignment(&resource.name, endpoints).to_string();
        let body = Body::parse(&body).map_err(|error| Error::damaged("endpoint set", error))?;
        let merged = Resource::new(types::ENDPOINTS, &resource.name, &resource.file, body);
        differs |= merged != *resource;
        *resource = merged;
    }
    Ok(differs)
}

/// Whether a bundle has clusters whose endpoints somebody else has to find.
pub fn are_looked_up(resources: &[Resource]) -> bool {
    let has_none = |resource: &Resource| {
        let body: Value = serde_json::from_str(resource.body.as_str()).unwrap_or_default();
        body.get("endpoints")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
    };
    let mut assignments = resources.iter().filter(|one| one.type_url == types::ENDPOINTS);
    assignments.any(has_none)
}

/// The endpoints of a cluster as Envoy's `ClusterLoadAssignment`.
pub fn assignment(cluster: &str, endpoints: &[Endpoint]) -> Value {
    let mut zones: BTreeMap<&str, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        zones
            .entry(endpoint.zone.as_deref().unwrap_or_default())
            .or_default()
            .push(endpoint);
    }
    let localities: Vec<Value> = zones
        .into_iter()
        .map(|(zone, endpoints)| {
            let hosts: Vec<Value> = endpoints.into_iter().map(host).collect();
            if zone.is_empty() {
                json!({"lb_endpoints": hosts})
            } else {
                json!({"lb_endpoints": hosts, "locality": {"zone": zone}})
            }
        })
        .collect();
    json!({"cluster_name": cluster, "endpoints": localities})
}

fn host(endpoint: &Endpoint) -> Value {
    let address = json!({"address": endpoint.address, "port_value": endpoint.port});
    let health = match endpoint.health {
        Health::Healthy => "HEALTHY",
        Health::Unhealthy => "UNHEALTHY",
        Health::Draining => "DRAINING",
    };
    json!({
        "endpoint": {"address": {"socket_address": address}},
        "health_status": health,
        "load_balancing_weight": endpoint.weight.unwrap_or(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_takes_the_place_of_what_the_bundle_has() {
        let body = |text: &str| Body::parse(text).unwrap();
        let mut resources = ["b", "c"]
            .map(|name| Resource::new(types::ENDPOINTS, name, &format!("eds/{name}.json"), body("{}")));
        let mut set = EndpointSet::new(0);
        let endpoint = Endpoint {
            address: "10.0.0.1".into(),
            port: 80,
            zone: Some("z1".into()),
            health: Health::Draining,
            weight: None,
        };
        set.clusters.insert("b".into(), vec![endpoint]);
        assert!(are_looked_up(&resources));
        assert!(merge(&mut resources, &set).unwrap());
        assert!(!are_looked_up(&resources[..1]) && are_looked_up(&resources));
        assert!(!merge(&mut resources, &set).unwrap(), "it is there already");
        let value: Value = serde_json::from_str(resources[0].body.as_str()).unwrap();
        assert_eq!(value["endpoints"][0]["locality"]["zone"], "z1");
        assert_eq!(
            value["endpoints"][0]["lb_endpoints"][0]["health_status"],
            "DRAINING"
        );
        assert_eq!(resources[1].body.as_str(), "{}", "of this one nothing is known");
    }
}

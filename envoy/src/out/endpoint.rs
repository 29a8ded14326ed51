//! Hosts of a cluster.

use super::delivery::socket;
use crate::ir::cluster::Endpoint;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::config::endpoint::v3 as api;
use std::collections::BTreeMap;

/// The hosts of `cluster`, grouped by zone.
pub(crate) fn assignment(cluster: &str, hosts: &[Endpoint]) -> api::ClusterLoadAssignment {
    let mut zones: BTreeMap<Option<&str>, Vec<&Endpoint>> = BTreeMap::new();
    for host in hosts {
        zones.entry(host.zone.as_deref()).or_default().push(host);
    }
    api::ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: zones
            .into_iter()
            .map(|(zone, hosts)| api::LocalityLbEndpoints {
                locality: zone.map(|zone| core::Locality {
                    zone: zone.to_owned(),
                    ..Default::default()
                }),
                lb_endpoints: hosts
                    .into_iter()
                    .map(|host| lb_endpoint(socket(&host.address, host.port, false), host.weight))
                    .collect(),
                ..Default::default()
            })
            .collect(),
        policy: None,
    }
}

/// One host that is known by an address or a name.
pub(crate) fn single(cluster: &str, address: core::Address) -> api::ClusterLoadAssignment {
    api::ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: vec![api::LocalityLbEndpoints {
            lb_endpoints: vec![lb_endpoint(address, None)],
            ..Default::default()
        }],
        policy: None,
    }
}

fn lb_endpoint(address: core::Address, weight: Option<u32>) -> api::LbEndpoint {
    api::LbEndpoint {
        load_balancing_weight: weight,
        host_identifier: Some(api::lb_endpoint::HostIdentifier::Endpoint(api::Endpoint {
            address: Some(address),
            ..Default::default()
        })),
        ..Default::default()
    }
}

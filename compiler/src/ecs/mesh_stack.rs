//! What all proxies of a mesh share on ECS, as one stack: namespaces of Cloud Map, the services in them that several
//! nodes use, the security group of callers, private DNS records, and the poller of endpoints.

use super::{Definition, Delivery, Templates, check, codes, patch, registry, render};
use crate::cloudformation::logical_name;
use meshform_model::diag::{Diagnostic, ProblemLocation, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::pointer::Pointer;
use meshform_model::spec::{Interception, ServiceDiscovery};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the stack of a mesh is made of.
#[derive(Debug, Clone, Copy)]
pub struct MeshStack<'a> {
    pub mesh: &'a Mesh,
    /// The proxies that have stacks of their own beside it.
    pub proxies: &'a [ResourceKey],
    /// How proxies get their configuration.
    pub delivery: Delivery<'a>,
    /// The poller of endpoints, where the agent runs.
    pub poller: Option<Poller<'a>>,
}

/// The service that asks Cloud Map for a mesh.
#[derive(Debug, Clone, Copy)]
pub struct Poller<'a> {
    /// What its role must allow; texts with `${…}` are expressions.
    pub policy: &'a Json,
}

/// A name that proxies of the mesh's network are to find on their own loopback.
struct Record {
    service: String,
    address: String,
}

/// The stack, or none where the proxies share nothing.
///
/// # Errors
/// Where a template of the user's own does not render, or what it renders is beyond a limit.
pub fn build_mesh(
    stack: &MeshStack<'_>,
    templates: &Templates,
) -> Result<Option<Definition>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let poller = stack.poller.filter(|_| registry::asks_cloud_map(stack.mesh));
    let records = records(stack, &mut problems);
    if stack.proxies.is_empty() && poller.is_none() && records.is_empty() {
        return Ok(None);
    }
    let values = values(stack, poller, &records);
    let json = match render::mesh(templates, &values) {
        Ok(json) => json,
        Err(problem) => {
            problems.push(*problem);
            return Err(problems);
        }
    };
    problems.extend(check::definition(&json));
    match has_errors(&problems) {
        true => Err(problems),
        false => Ok(Some(Definition {
            json,
            warnings: problems,
        })),
    }
}

fn values(stack: &MeshStack<'_>, poller: Option<Poller<'_>>, records: &[Record]) -> Json {
    let of_mesh = registry::Registries::of(stack.mesh);
    let registries: BTreeSet<registry::Registry> = stack
        .proxies
        .iter()
        .filter_map(|key| of_mesh.of_proxy(stack.mesh, key))
        .collect();
    let namespaces: BTreeSet<&str> = registries.iter().map(|one| one.namespace.as_str()).collect();
    let ids: BTreeMap<&str, String> = distinct("Namespace", namespaces.into_iter());
    let shared = registries.iter().filter(|one| one.shared);
    let shared: Vec<(String, &registry::Registry)> = {
        let full: Vec<(String, &registry::Registry)> = shared
            .map(|one| (format!("{}.{}", one.service, one.namespace), one))
            .collect();
        let ids = distinct("Registry", full.iter().map(|(name, _)| name.as_str()));
        full.iter()
            .map(|(name, one)| (ids.get(name.as_str()).cloned().unwrap_or_default(), *one))
            .collect()
    };
    let records_ids = distinct("Record", records.iter().map(|record| record.service.as_str()));
    let mut conditions: BTreeMap<String, Json> = ids
        .values()
        .map(|id| (format!("Make{id}"), json!({"Fn::Equals": [{"Ref": id}, ""]})))
        .collect();
    if !records.is_empty() {
        conditions.insert(
            "MakeRecords".to_owned(),
            json!({"Fn::Equals": [{"Ref": "PrivateDns"}, "true"]}),
        );
    }
    let kind = |address: &str| if address.contains(':') { "AAAA" } else { "A" };
    json!({
        "mesh": stack.mesh.name(),
        "description": format!("What the proxies of the mesh {} share", stack.mesh.name()).chars().take(250).collect::<String>(),
        "conditions": conditions,
        "namespaces": ids.iter().map(|(name, id)| json!({"id": id, "name": name})).collect::<Vec<_>>(),
        "registries": shared
            .iter()
            .map(|(id, one)| json!({
                "id": id, "name": one.service, "namespace": ids.get(one.namespace.as_str()),
            }))
            .collect::<Vec<_>>(),
        "records": records
            .iter()
            .map(|record| json!({
                "id": records_ids.get(record.service.as_str()),
                "name": record.service,
                "address": record.address,
                "type": kind(&record.address),
            }))
            .collect::<Vec<_>>(),
        "poller": poller.map(|poller| json!({
            "policy": substituted(poller.policy),
            "image": match stack.delivery {
                Delivery::Agent { image, .. } => image.clone(),
                _ => patch::image(),
            },
            "imageIsParameter": match stack.delivery {
                Delivery::Agent { image, .. } => *image == patch::image(),
                _ => true,
            },
            "store": match stack.delivery {
                Delivery::Agent { store, .. } if *store != patch::store() => store.clone(),
                _ => json!({"Fn::Sub": "s3://${Bucket}/${Prefix}"}),
            },
            "storeIsParameter": match stack.delivery {
                Delivery::Agent { store, .. } => *store == patch::store(),
                _ => true,
            },
        })),
    })
}

/// A policy of `s3://${Bucket}/${Prefix}` where the parameter `Prefix` is empty or ends with a slash of its own.
pub fn with_prefix_parameter(policy: Json) -> Json {
    match policy {
        Json::String(text) => json!(text.replace("${Prefix}/", "${Prefix}")),
        Json::Array(list) => list.into_iter().map(with_prefix_parameter).collect(),
        Json::Object(map) => {
            let fields = map.into_iter();
            Json::Object(
                fields
                    .map(|(name, value)| (name, with_prefix_parameter(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// Texts with `${…}` as expressions of CloudFormation.
fn substituted(json: &Json) -> Json {
    match json {
        Json::String(text) if text.contains("${") => json!({"Fn::Sub": text}),
        Json::Array(list) => list.iter().map(substituted).collect(),
        Json::Object(map) => Json::Object(
            map.iter()
                .map(|(name, value)| (name.clone(), substituted(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// A logical id for each name; names that differ only in what an id cannot say are counted.
fn distinct<'n>(prefix: &str, names: impl Iterator<Item = &'n str>) -> BTreeMap<&'n str, String> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let names: BTreeSet<&str> = names.collect();
    names
        .into_iter()
        .map(|name| {
            let plain = logical_name(prefix, name);
            let count = taken.entry(plain.clone()).or_default();
            *count += 1;
            let id = match *count {
                1 => plain,
                n => format!("{plain}x{n}"),
            };
            (name, id)
        })
        .collect()
}

/// The records for virtual services that have loopback addresses of their own.
fn records(stack: &MeshStack<'_>, problems: &mut Vec<Diagnostic>) -> Vec<Record> {
    let mut addresses: BTreeMap<String, BTreeMap<String, Vec<&ResourceKey>>> = BTreeMap::new();
    for key in stack.mesh.virtual_nodes().map(|node| &node.key) {
        let profile = stack.mesh.profile_for(key);
        let Some(Interception::Explicit(explicit)) = &profile.interception else {
            continue;
        };
        for service in &explicit.services {
            if let Some(address) = &service.address {
                let service = addresses.entry(service.virtual_service.clone()).or_default();
                service.entry(address.clone()).or_default().push(key);
            }
        }
    }
    let resolved = resolved(stack.mesh);
    let mut records = Vec::new();
    for (service, by_address) in addresses {
        let mut warn = |why: String, help: &str| {
            let warning = Diagnostic::warning(
                codes::NO_RECORD,
                format!("the virtual service `{service}` gets no private DNS record: {why}"),
            );
            let warning = warning.help(help.to_owned());
            let keys = by_address.values().flatten();
            problems.push(keys.fold(warning, |warning, key| {
                warning.at(ProblemLocation::of(key, &Pointer::root()))
            }));
        };
        if !is_dns_name(&service) {
            warn(
                "its name is not a DNS name".to_owned(),
                "its callers need `http_proxy`, or a virtual service with another name",
            );
        } else if let Some(node) = resolved.get(service.trim_end_matches('.')) {
            warn(
                format!("Envoy itself finds the virtual node `{node}` by that name, and would call itself"),
                "give the virtual service a name that no node is found by",
            );
        } else if by_address.len() > 1 {
            let all: Vec<String> = by_address
                .iter()
                .map(|(address, keys)| {
                    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
                    format!("{address} ({})", names.join(", "))
                })
                .collect();
            warn(
                format!("its proxies have different addresses for it: {}", all.join("; ")),
                "a network has one record: give it the same address in all proxy profiles",
            );
        } else if let Some(address) = by_address.into_keys().next() {
            records.push(Record { service, address });
        }
    }
    records
}

/// The names that Envoys ask DNS for, and the node that is found by each.
fn resolved(mesh: &Mesh) -> BTreeMap<String, &str> {
    let mut names = BTreeMap::new();
    for node in mesh.virtual_nodes() {
        if let Some(ServiceDiscovery::Dns(dns)) = &node.spec.service_discovery {
            names.insert(
                dns.hostname.trim_end_matches('.').to_owned(),
                node.key.name.as_str(),
            );
        }
    }
    names
}

fn is_dns_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_apart() {
        let ids = distinct("Namespace", ["apps.local", "apps-local", "b"].into_iter());
        assert_eq!(ids["b"], "NamespaceB");
        assert_ne!(ids["apps.local"], ids["apps-local"]);
    }

    #[test]
    fn a_zone_needs_a_name_of_dns() {
        for name in ["b.apps.local", "b.apps.local."] {
            assert!(is_dns_name(name), "{name}");
        }
        for name in ["b", "", "a_b.c", "-a.b", "a..b", "a b.c"] {
            assert!(!is_dns_name(name), "{name}");
        }
    }
}

//! Instances of services as AWS Cloud Map has them, and which of them a node means.

use super::{Host, Source};
use crate::aws::{Api, Refusal, Service, region};
use meshform_bundle::discovery::{DiscoveredNode, IpPreference};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most that one answer may hold, and as many as a service may have: answers have no second page.
const MOST: u32 = 1000;

pub(super) struct CloudMap(Service);

/// All instances of a service.
#[derive(Debug, Clone)]
pub(super) struct Instances {
    list: Vec<Instance>,
    pub(super) revision: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    #[serde(default)]
    health_status: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

impl CloudMap {
    /// In the region of the environment.
    pub(super) fn new() -> Self {
        let api = Api {
            target: "Route53AutoNaming_v20170314",
            signed_as: "servicediscovery",
            host: "data-servicediscovery",
            endpoint: "AWS_ENDPOINT_URL_SERVICEDISCOVERY",
            title: "Cloud Map",
        };
        Self(Service::new(api, &region()))
    }

    /// All instances of a service, whatever their health.
    pub(super) async fn discover(&mut self, source: &Source) -> Result<Instances, Refusal> {
        let asked = json!({
            "NamespaceName": source.namespace,
            "ServiceName": source.service,
            "MaxResults": MOST,
            "HealthStatus": "ALL",
        });
        let body = self.0.call("DiscoverInstances", &asked).await.map_err(needs)?;
        Instances::read(&body).map_err(Refusal::Other)
    }
}

/// With what the poller's role lacks, where that is why.
fn needs(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Denied(told) => Refusal::Denied(format!(
            "{told}; the poller's role needs servicediscovery:DiscoverInstances"
        )),
        other => other,
    }
}

impl Instances {
    fn read(body: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct DiscoverResponse {
            instances: Vec<Instance>,
            #[serde(default)]
            instances_revision: Value,
        }
        let answer: DiscoverResponse = serde_json::from_slice(body)
            .map_err(|error| format!("Cloud Map's answer cannot be read: {error}"))?;
        Ok(Self {
            list: answer.instances,
            revision: answer.instances_revision.as_u64(),
        })
    }

    /// Those that a node means. Where none of them is well, all of them are tried, as an answer of
    /// `HEALTHY_OR_ELSE_ALL` would have it.
    pub(super) fn of(&self, node: &DiscoveredNode) -> Vec<Host> {
        let carries = |one: &&Instance| {
            let mut wanted = node.attributes.iter();
            wanted.all(|(name, value)| one.attributes.get(name) == Some(value))
        };
        let meant: Vec<&Instance> = self.list.iter().filter(carries).collect();
        let well = |one: &&&Instance| one.health_status != "UNHEALTHY";
        let mut chosen: Vec<&Instance> = meant.iter().filter(well).copied().collect();
        if chosen.is_empty() {
            chosen = meant;
        }
        let hosts = chosen.into_iter();
        hosts.filter_map(|one| one.host(node.ip_preference)).collect()
    }
}

impl Instance {
    /// The address that is preferred; none where it has only others. A name takes the place of an address, and is
    /// resolved later.
    fn host(&self, preference: Option<IpPreference>) -> Option<Host> {
        let of = |name: &str| self.attributes.get(name).filter(|value| !value.is_empty());
        let (four, six) = (of("AWS_INSTANCE_IPV4"), of("AWS_INSTANCE_IPV6"));
        let address = match preference {
            None | Some(IpPreference::Ipv4Preferred) => four.or(six),
            Some(IpPreference::Ipv6Preferred) => six.or(four),
            Some(IpPreference::Ipv4Only) => four,
            Some(IpPreference::Ipv6Only) => six,
        };
        let name = || of("AWS_INSTANCE_CNAME").or_else(|| of("AWS_ALIAS_DNS_NAME"));
        Some(Host {
            address: address.or_else(name)?.clone(),
            // The listener's port holds, as with App Mesh.
            port: None,
            zone: of("AVAILABILITY_ZONE").cloned(),
            weight: of("MESHFORM_WEIGHT")
                .and_then(|text| text.parse().ok())
                .filter(|weight| (1..=1000).contains(weight)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instances() -> Instances {
        let one = |id: &str, health: &str, attributes: Value| json!({"InstanceId": id, "HealthStatus": health, "Attributes": attributes});
        let body = json!({
            "Instances": [
                one("a", "HEALTHY", json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "stage": "prod", "AVAILABILITY_ZONE": "z1"})),
                one("b", "UNHEALTHY", json!({"AWS_INSTANCE_IPV4": "10.0.0.2", "stage": "prod"})),
                one("c", "UNHEALTHY", json!({"AWS_INSTANCE_IPV4": "10.0.0.3", "stage": "test"})),
                one("d", "UNKNOWN", json!({"AWS_INSTANCE_IPV6": "fd00::4", "stage": "prod", "MESHFORM_WEIGHT": "3"})),
            ],
            "InstancesRevision": 7,
        });
        Instances::read(body.to_string().as_bytes()).unwrap()
    }

    fn node(stage: &str, preference: Option<IpPreference>) -> DiscoveredNode {
        DiscoveredNode {
            namespace: "apps.local".into(),
            service: "api".into(),
            attributes: [("stage".to_owned(), stage.to_owned())].into(),
            ip_preference: preference,
            assignments: BTreeMap::new(),
            callers: std::collections::BTreeSet::new(),
        }
    }

    fn addresses(node: &DiscoveredNode) -> Vec<String> {
        instances()
            .of(node)
            .into_iter()
            .map(|host| host.address)
            .collect()
    }

    #[test]
    fn attributes_health_and_preference_choose() {
        assert_eq!(addresses(&node("prod", None)), ["10.0.0.1", "fd00::4"]);
        assert_eq!(
            addresses(&node("prod", Some(IpPreference::Ipv4Only))),
            ["10.0.0.1"]
        );
        assert_eq!(
            addresses(&node("prod", Some(IpPreference::Ipv6Only))),
            ["fd00::4"]
        );
        assert_eq!(
            addresses(&node("test", None)),
            ["10.0.0.3"],
            "none is well: all are tried"
        );
        assert_eq!(addresses(&node("other", None)), [""; 0]);
        let hosts = instances().of(&node("prod", None));
        assert_eq!((hosts[0].zone.as_deref(), hosts[1].weight), (Some("z1"), Some(3)));
        assert_eq!(instances().revision, Some(7));
    }

    #[test]
    fn an_address_of_both_kinds_follows_the_preference() {
        let attributes = [
            ("AWS_INSTANCE_IPV4", "10.0.0.1"),
            ("AWS_INSTANCE_IPV6", "fd00::1"),
        ];
        let one = Instance {
            health_status: String::new(),
            attributes: attributes
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        let address = |preference| one.host(preference).unwrap().address;
        assert_eq!(address(None), "10.0.0.1");
        assert_eq!(address(Some(IpPreference::Ipv4Preferred)), "10.0.0.1");
        assert_eq!(address(Some(IpPreference::Ipv6Preferred)), "fd00::1");
    }

    #[test]
    fn who_is_denied_is_told_what_the_role_needs() {
        let told = needs(Refusal::Denied("no".to_owned())).told();
        assert!(told.contains("servicediscovery:DiscoverInstances"), "{told}");
    }
}

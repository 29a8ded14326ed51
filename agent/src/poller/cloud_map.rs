//! Instances of services as AWS Cloud Map has them, and which of them a node means.

use super::{Host, Source};
use crate::credentials::Credentials;
use crate::http::Request;
use crate::sigv4::sign;
use http::{Method, StatusCode};
use meshform_bundle::discovery::{DiscoveredNode, IpPreference};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::env;
use std::time::SystemTime;

/// The most that one answer may hold, and as many as a service may have: answers have no second page.
const MOST: u32 = 1000;

/// Asks Cloud Map.
pub(super) struct CloudMap {
    base: String,
    region: String,
    credentials: Credentials,
}

/// Why a service was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many requests: ask less.
    Throttled(String),
    Other(String),
}

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
        let variable = |names: &[&str]| {
            let mut found = names.iter().filter_map(|name| env::var(name).ok());
            found.find(|value| !value.is_empty())
        };
        let region =
            variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]).unwrap_or_else(|| "us-east-1".to_owned());
        // AWS_ENDPOINT_URL may be the bucket's server, which need not know Cloud Map.
        let base = variable(&["AWS_ENDPOINT_URL_SERVICEDISCOVERY"]).unwrap_or_else(|| {
            let domain = if region.starts_with("cn-") {
                "amazonaws.com.cn"
            } else {
                "amazonaws.com"
            };
            format!("https://data-servicediscovery.{region}.{domain}")
        });
        Self {
            base: base.trim_end_matches('/').to_owned(),
            region,
            credentials: Credentials::default(),
        }
    }

    /// All instances of a service, whatever their health.
    pub(super) async fn discover(&mut self, source: &Source) -> Result<Instances, Refusal> {
        let asked = json!({
            "NamespaceName": source.namespace,
            "ServiceName": source.service,
            "MaxResults": MOST,
            "HealthStatus": "ALL",
        });
        let mut request = Request::new(Method::POST, &format!("{}/", self.base))
            .map_err(Refusal::Other)?
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "Route53AutoNaming_v20170314.DiscoverInstances");
        request.body = asked.to_string().into_bytes();
        let keys = self.credentials.keys().await.map_err(Refusal::Other)?;
        let answer = sign(
            request,
            &keys,
            &self.region,
            "servicediscovery",
            SystemTime::now(),
        )
        .send()
        .await
        .map_err(Refusal::Other)?;
        if answer.status.is_success() {
            return Instances::read(&answer.body).map_err(Refusal::Other);
        }
        if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
            self.credentials.forget();
        }
        Err(refusal(answer.status, &answer.body))
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> Refusal {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| value.get(*name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let code = text(&["__type", "code", "Code"]);
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let mut told = format!("Cloud Map answered {} {code}", status.as_u16());
    let message = text(&["message", "Message"]);
    if !message.is_empty() {
        told.push_str(&format!(": {message}"));
    }
    if code.contains("AccessDenied") || status == StatusCode::FORBIDDEN {
        told.push_str("; the poller's role needs servicediscovery:DiscoverInstances");
    }
    if status == StatusCode::TOO_MANY_REQUESTS || code.contains("Throttl") || code.contains("LimitExceeded") {
        Refusal::Throttled(told)
    } else {
        Refusal::Other(told)
    }
}

impl Instances {
    fn read(body: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            instances: Vec<Instance>,
            #[serde(default)]
            instances_revision: Value,
        }
        let answer: Answer = serde_json::from_slice(body)
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
    fn refusals_say_what_is_needed_and_whether_to_ask_less() {
        let throttled = br#"{"__type":"RequestLimitExceeded","message":"slow down"}"#;
        assert!(matches!(
            refusal(StatusCode::BAD_REQUEST, throttled),
            Refusal::Throttled(_)
        ));
        let denied = br#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#;
        let Refusal::Other(told) = refusal(StatusCode::BAD_REQUEST, denied) else {
            panic!("not throttled");
        };
        assert!(told.contains("servicediscovery:DiscoverInstances"), "{told}");
    }
}

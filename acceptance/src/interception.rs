//! What App Mesh's proxy configuration of an ECS task means to the kernel.

use serde_json::Value;
use std::collections::BTreeMap;

/// The properties of a proxy configuration in a CloudFormation template's task definition `TaskDefinition`.
///
/// # Panics
/// Where it has none: a test's input is wrong then.
#[allow(clippy::panic, reason = "only tests use it")]
pub fn properties(definition: &Value) -> BTreeMap<String, String> {
    let all = definition
        .pointer("/Resources/TaskDefinition/Properties/ProxyConfiguration/ProxyConfigurationProperties");
    let Some(all) = all.and_then(Value::as_array) else {
        panic!("no proxy configuration: {definition:#}");
    };
    let text = |pair: &Value, name: &str| {
        pair.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    all.iter()
        .map(|pair| (text(pair, "Name"), text(pair, "Value")))
        .collect()
}

/// App Mesh's rules for these properties, in the order of its script, as the arguments of `iptables`. `users`: whether
/// there is more than one user, without which rules about users have no meaning.
pub fn rules(properties: &BTreeMap<String, String>, users: bool) -> Vec<String> {
    let of = |name: &str| properties.get(name).map(String::as_str);
    let mut all = vec!["-t nat -N APPMESH_EGRESS".to_owned()];
    let mut egress = |rule: &str| all.push(format!("-t nat -A APPMESH_EGRESS {rule}"));
    if users {
        for (name, owner) in [("IgnoredUID", "uid"), ("IgnoredGID", "gid")] {
            if let Some(id) = of(name) {
                egress(&format!("-m owner --{owner}-owner {id} -j RETURN"));
            }
        }
    }
    let ports = of("EgressIgnoredPorts").map_or("22".to_owned(), |ports| format!("{ports},22"));
    egress(&format!("-p tcp -m multiport --dports {ports} -j RETURN"));
    for address in of("EgressIgnoredIPs").into_iter().flat_map(|all| all.split(',')) {
        egress(&format!("-p tcp -d {address} -j RETURN"));
    }
    let port = of("ProxyEgressPort").unwrap_or("15001");
    egress(&format!("-p tcp -j REDIRECT --to-port {port}"));
    all.push("-t nat -A OUTPUT -p tcp -m addrtype ! --dst-type LOCAL -j APPMESH_EGRESS".to_owned());
    if let (Some(ports), Some(port)) = (of("AppPorts"), of("ProxyIngressPort")) {
        all.push("-t nat -N APPMESH_INGRESS".to_owned());
        all.push(format!(
            "-t nat -A APPMESH_INGRESS -p tcp -m multiport --dports {ports} -j REDIRECT --to-port {port}"
        ));
        all.push("-t nat -A PREROUTING -p tcp -m addrtype ! --src-type LOCAL -j APPMESH_INGRESS".to_owned());
    }
    all
}

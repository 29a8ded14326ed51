//! The same tasks on one machine, for Docker Compose: each proxy with its application in one network.
//!
//! What a proxy's container is comes from where ECS's comes from; only the spelling is Compose's.

use super::app::APP;
use super::ports::listener_ports;
use super::values::Parts;
use super::{Delivery, Task, Templates, codes, companions, parts, patch, render};
use crate::cloudformation::logical_name;
use crate::frontend::yaml;
use meshform_model::agent;
use meshform_model::diag::{Diagnostic, Sources, has_errors};
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::spec::{Interception, ServiceDiscovery, TransparentInterception};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The folder of the store in the proxies' containers.
const STORE: &str = "/mesh";
/// The store's folder on the machine, where nothing else is said.
const STORE_OUTSIDE: &str = "${MESHFORM_STORE:-./mesh}";
/// The image of agent and Envoy, where nothing else is said.
const IMAGE: &str = "${MESHFORM_PROXY_IMAGE:?the image with meshform-agent and Envoy}";
/// What the AWS CLI has in its environment, for a store in a bucket.
const CREDENTIALS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

#[derive(Debug, Clone)]
pub struct Compose {
    pub text: String,
    /// What works differently from what one may expect.
    pub warnings: Vec<Diagnostic>,
}

/// The file of a mesh's tasks.
///
/// # Errors
/// Where a profile does not say how traffic gets to its proxy, or a template does not render to such a file.
pub fn compose(mesh: &Mesh, tasks: &[Task<'_>], templates: &Templates) -> Result<Compose, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut volumes = BTreeSet::new();
    let mut listed = Vec::new();
    let mut names = Names::default();
    for task in tasks {
        let mut own = Vec::new();
        match parts(task, templates, &mut own) {
            Ok(made) => listed.push(service(task, &made, &mut names, &mut volumes)),
            Err(found) => own = found,
        }
        // Hosts entries are what Compose has and ECS has not.
        own.retain(|problem| problem.code != codes::NOT_ON_ECS || problem.is_error());
        own.extend(companions::untaken(task));
        for place in own.iter_mut().flat_map(|problem| problem.places.iter_mut()) {
            place.resource.get_or_insert_with(|| task.key.clone());
        }
        problems.extend(own);
    }
    if has_errors(&problems) {
        return Err(problems);
    }
    let values = json!({
        "mesh": mesh.name(),
        "project": project(mesh.name()),
        "tasks": listed,
        "volumes": volumes,
    });
    let text = match render::compose(templates, &values) {
        Ok(text) => text,
        Err(problem) => {
            problems.push(*problem);
            return Err(problems);
        }
    };
    problems.extend(check(&text));
    match has_errors(&problems) {
        true => Err(problems),
        false => Ok(Compose {
            text,
            warnings: problems,
        }),
    }
}

/// Compose's names of services: letters, digits, dots, hyphens, underscores.
#[derive(Default)]
struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    fn of(&mut self, name: &str) -> String {
        let plain = spelled(name);
        let mut own = plain.clone();
        let mut count = 1;
        while !self.taken.insert(own.clone()) {
            count += 1;
            own = format!("{plain}-{count}");
        }
        own
    }
}

fn spelled(name: &str) -> String {
    let sign = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let text: String = name.chars().map(sign).collect();
    match text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        true => text,
        false => format!("x{text}"),
    }
}

/// Compose's names of projects have small letters only.
fn project(mesh: &str) -> String {
    spelled(&mesh.to_ascii_lowercase()).replace('.', "-")
}

fn service(task: &Task<'_>, made: &Parts, names: &mut Names, volumes: &mut BTreeSet<String>) -> Json {
    let name = names.of(&task.key.name);
    let gateway = task.key.kind == Kind::VirtualGateway;
    let profile = task.mesh.profile_for(task.key);
    let mut hosts = Map::new();
    let resolved = names_of_nodes(task.mesh);
    if let Some(Interception::Explicit(explicit)) = profile.interception.as_ref().filter(|_| !gateway) {
        for service in &explicit.services {
            // By a name that Envoy asks for itself it would call itself.
            if let Some(address) = service
                .address
                .as_ref()
                .filter(|_| !resolved.contains(&service.virtual_service))
            {
                hosts.insert(service.virtual_service.clone(), json!(address));
            }
        }
    }
    let ports: Vec<String> = match gateway {
        true => listener_ports(task)
            .iter()
            .map(|port| format!("{port}:{port}"))
            .collect(),
        false => Vec::new(),
    };
    let intercept = made.proxy_configuration.as_ref().map(script);
    let collector = made.collector.as_ref().map(|one| {
        json!({
            "image": text(one.get("image")),
            "command": one.get("command").map(doubled),
            "user": one.get("user"),
        })
    });
    json!({
        "network": format!("service:{name}"),
        "appName": names.of(&format!("{name}-{APP}")),
        "interceptName": names.of(&format!("{name}-intercept")),
        "collectorName": names.of(&format!("{name}-collector")),
        "proxy": proxy(task, made, &name, volumes),
        "aliases": aliases(task),
        "hosts": hosts,
        "ports": ports,
        "app": (!gateway).then(|| app(task, made)),
        "collector": collector,
        "intercept": intercept,
        "name": name,
    })
}

fn proxy(task: &Task<'_>, made: &Parts, name: &str, volumes: &mut BTreeSet<String>) -> Json {
    let envoy = &made.envoy;
    let mut environment = variables(envoy.get("environment"));
    let mut mounted: Vec<String> = Vec::new();
    let mut image = doubled(envoy.get("image").unwrap_or(&Json::Null));
    if let Delivery::Agent { image: own, store } = task.delivery {
        if *own == patch::image() {
            image = json!(IMAGE);
        }
        environment.remove("AWS_REGION");
        if *store == patch::store() {
            environment.insert(agent::variables::STORE.to_owned(), STORE.to_owned());
            mounted.push(format!("{STORE_OUTSIDE}:{STORE}"));
        } else if store.as_str().is_some_and(|store| store.starts_with("s3://")) {
            for variable in CREDENTIALS {
                environment.insert(variable.to_owned(), format!("${{{variable}:-}}"));
            }
        }
    }
    for mount in envoy
        .get("mountPoints")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let volume = format!("{name}-{}", text(mount.get("sourceVolume")));
        mounted.push(format!("{volume}:{}", text(mount.get("containerPath"))));
        volumes.insert(volume);
    }
    let limits = envoy
        .get("ulimits")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .map(|limit| {
            (
                text(limit.get("name")),
                json!({"soft": limit.get("softLimit"), "hard": limit.get("hardLimit")}),
            )
        });
    json!({
        "image": image,
        "entrypoint": envoy.get("entryPoint").map(doubled),
        "command": envoy.get("command").map(doubled),
        "user": envoy.get("user"),
        "environment": environment,
        "healthcheck": envoy.get("healthCheck").map(healthcheck),
        "stop_grace_period": format!("{}s", envoy.get("stopTimeout").and_then(Json::as_u64).unwrap_or(40)),
        "ulimits": Json::Object(limits.collect()),
        "volumes": mounted,
    })
}

fn app(task: &Task<'_>, made: &Parts) -> Json {
    let mut environment = variables(made.app.get("environment"));
    // Nobody here asks Secrets Manager: the machine's own environment has them.
    for name in task.workload.iter().flat_map(|workload| workload.secrets.keys()) {
        environment.insert(
            name.clone(),
            format!("${{{name}:?a secret of {}}}", task.key.name),
        );
    }
    let variable = logical_name("", &task.key.name).to_ascii_uppercase();
    json!({
        "image": made.app.get("image").map_or_else(
            || json!(format!("${{{variable}_IMAGE:?the image of {}}}", task.key.name)),
            doubled,
        ),
        "command": made.app.get("command").map(doubled),
        "environment": environment,
        "healthcheck": made.app.get("healthCheck").map(healthcheck),
    })
}

/// The names by which proxies find a node.
fn aliases(task: &Task<'_>) -> Vec<String> {
    let node = task
        .mesh
        .virtual_node(&task.key.name)
        .filter(|_| task.key.kind == Kind::VirtualNode);
    let discovery = node.and_then(|node| node.spec.service_discovery.as_ref());
    let mut names = vec![spelled(&task.key.name)];
    match discovery {
        Some(ServiceDiscovery::Dns(dns)) => names.push(dns.hostname.trim_end_matches('.').to_owned()),
        Some(ServiceDiscovery::AwsCloudMap(map)) => {
            names.push(format!("{}.{}", map.service_name, map.namespace_name))
        }
        None => {}
    }
    names
}

fn names_of_nodes(mesh: &Mesh) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for node in mesh.virtual_nodes() {
        if let Some(ServiceDiscovery::Dns(dns)) = &node.spec.service_discovery {
            names.insert(dns.hostname.trim_end_matches('.').to_owned());
        }
    }
    names
}

/// What App Mesh's proxy configuration means to the kernel, for a container that may say it.
fn script(configuration: &Json) -> String {
    let pairs = configuration
        .get("properties")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    let of: BTreeMap<String, String> = pairs
        .map(|pair| (text(pair.get("name")), text(pair.get("value"))))
        .collect();
    let mut lines = vec!["set -e".to_owned(), "iptables -t nat -N EGRESS".to_owned()];
    for (name, owner) in [("IgnoredUID", "uid"), ("IgnoredGID", "gid")] {
        if let Some(id) = of.get(name) {
            lines.push(format!(
                "iptables -t nat -A EGRESS -m owner --{owner}-owner {id} -j RETURN"
            ));
        }
    }
    if let Some(ports) = of.get("EgressIgnoredPorts") {
        lines.push(format!(
            "iptables -t nat -A EGRESS -p tcp -m multiport --dports {ports} -j RETURN"
        ));
    }
    for address in of
        .get("EgressIgnoredIPs")
        .into_iter()
        .flat_map(|all| all.split(','))
        // These are the rules for IPv4, in which other addresses have no place: nothing of IPv6 is intercepted.
        .filter(|address| !address.contains(':'))
    {
        lines.push(format!("iptables -t nat -A EGRESS -p tcp -d {address} -j RETURN"));
    }
    let default = || TransparentInterception::DEFAULT_EGRESS_PORT.to_string();
    let port = of.get("ProxyEgressPort").cloned().unwrap_or_else(default);
    lines.push(format!(
        "iptables -t nat -A EGRESS -p tcp -j REDIRECT --to-port {port}"
    ));
    lines.push("iptables -t nat -A OUTPUT -p tcp -m addrtype ! --dst-type LOCAL -j EGRESS".to_owned());
    if let (Some(ports), Some(port)) = (of.get("AppPorts"), of.get("ProxyIngressPort")) {
        lines.push(format!(
            "iptables -t nat -A PREROUTING -p tcp -m multiport --dports {ports} -m addrtype ! --src-type LOCAL -j REDIRECT --to-port {port}"
        ));
    }
    lines.join("\n")
}

fn healthcheck(check: &Json) -> Json {
    let seconds = |name: &str| format!("{}s", check.get(name).and_then(Json::as_u64).unwrap_or(5));
    json!({
        "test": check.get("command").map(doubled),
        "interval": seconds("interval"),
        "timeout": seconds("timeout"),
        "retries": check.get("retries"),
        "start_period": seconds("startPeriod"),
    })
}

/// Names and texts of a list of pairs; Compose would take a dollar sign for a variable of its own.
fn variables(list: Option<&Json>) -> BTreeMap<String, String> {
    let pairs = list.and_then(Json::as_array).into_iter().flatten();
    pairs
        .map(|pair| (text(pair.get("name")), text(pair.get("value")).replace('$', "$$")))
        .collect()
}

fn doubled(json: &Json) -> Json {
    match json {
        Json::String(text) => json!(text.replace('$', "$$")),
        Json::Array(list) => list.iter().map(doubled).collect(),
        other => other.clone(),
    }
}

fn text(json: Option<&Json>) -> String {
    json.and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// Whether what was rendered is a file for Compose: a template of the user's own may have left something out.
fn check(text: &str) -> Vec<Diagnostic> {
    let wrong = |message: String| {
        Diagnostic::error(codes::RENDERED, message)
            .help("change the template that was given by `--templates`")
    };
    let mut sources = Sources::default();
    let source = sources.add(render::COMPOSE, text);
    let (documents, problems) = yaml::read(text, source);
    if let Some(problem) = problems.into_iter().next() {
        let line = problem
            .places
            .first()
            .and_then(|place| place.span)
            .and_then(|span| sources.locate(span));
        let line = line.map_or(0, |at| at.line);
        return vec![wrong(format!(
            "what the template `{}` rendered is not YAML: {}, in line {line}",
            render::COMPOSE,
            problem.message
        ))];
    }
    let document = documents
        .first()
        .and_then(|document| document.to_json())
        .unwrap_or_default();
    let services = document.get("services").and_then(Json::as_object);
    let Some(services) = services.filter(|services| !services.is_empty()) else {
        return vec![wrong("what the template rendered has no `services`".to_owned())];
    };
    let mut problems = Vec::new();
    for (name, service) in services {
        if service
            .get("image")
            .and_then(Json::as_str)
            .is_none_or(str::is_empty)
        {
            problems.push(wrong(format!("the service `{name}` has no image")));
        }
        let needed = service
            .get("depends_on")
            .and_then(Json::as_object)
            .into_iter()
            .flatten();
        for (other, _) in needed.filter(|(other, _)| !services.contains_key(*other)) {
            problems.push(wrong(format!(
                "the service `{name}` waits for `{other}`, which is not there"
            )));
        }
        let network = service.get("network_mode").and_then(Json::as_str);
        if let Some(other) = network.and_then(|mode| mode.strip_prefix("service:"))
            && !services.contains_key(other)
        {
            problems.push(wrong(format!(
                "the service `{name}` is in the network of `{other}`, which is not there"
            )));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_compose_and_stay_apart() {
        let mut names = Names::default();
        assert_eq!(names.of("a b"), "a-b");
        assert_eq!(names.of("a-b"), "a-b-2");
        assert_eq!(project("_Shop.X"), "x_shop-x");
    }
}

//! The proxy put beside the containers of a task that somebody has already: as ECS's own JSON (camelCase), which is
//! what `container_definitions` of Terraform and `aws ecs register-task-definition` take.
//!
//! What the input has is kept.

use super::schema::Misfit;
use super::{Delivery, ENVOY, Task, Templates, codes, mounts, parts, ports, types};
use meshform_model::diag::{Diagnostic, ProblemLocation, has_errors};
use meshform_model::pointer::Pointer;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Members of the proxy's container that make it the proxy: a container of that name in the input does not keep its
/// own. All other members it keeps.
const OURS: [&str; 7] = [
    "image",
    "entryPoint",
    "command",
    "essential",
    "healthCheck",
    "stopTimeout",
    "user",
];

/// The task-level part of transparent interception, as ECS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyConfiguration {
    /// The type, which is `APPMESH`: ECS has no other.
    pub kind: String,
    pub container: String,
    /// `ProxyEgressPort`, `IgnoredUID` and the like, as ECS names them.
    pub properties: BTreeMap<String, String>,
}

/// A task with the proxy beside its containers.
#[derive(Debug, Clone, PartialEq)]
pub struct Sidecar {
    /// The containers, sorted as they were, the proxy last.
    pub containers: Json,
    /// The task's volumes that the proxy's container mounts.
    pub volumes: Vec<String>,
    /// The proxy configuration of the task; none where connections are not intercepted.
    pub proxy_configuration: Option<ProxyConfiguration>,
    /// The same in the API's spelling.
    pub(super) intercepted: Option<Json>,
    /// What works differently from what one may expect.
    pub warnings: Vec<Diagnostic>,
}

/// Puts the proxy beside a task's containers. Applied to its own result it changes nothing.
///
/// # Errors
/// Where the containers are no list of ECS's containers, or the profile does not say how traffic gets to the proxy.
pub fn sidecar(task: &Task<'_>, containers: &Json) -> Result<Sidecar, Vec<Diagnostic>> {
    let made = beside(task, containers, ENVOY, &Templates::default())?;
    let misfits: Vec<Diagnostic> = types::of_containers(containers)
        .into_iter()
        .map(|Misfit { at, what }| {
            Diagnostic::error(
                codes::RENDERED,
                format!("the container definitions at {at}: {what}"),
            )
            .help(
                "convert it with `tonumber(…)`, `tobool(…)` or `tostring(…)`: ECS accepts no string for a \
                       number, and no number for a string",
            )
            .at(ProblemLocation::at(&Pointer::root(), None))
        })
        .collect();
    match misfits.is_empty() {
        true => Ok(made),
        false => Err(misfits),
    }
}

/// The same where the container `called` is to be the proxy.
pub(super) fn beside(
    task: &Task<'_>,
    containers: &Json,
    called: &str,
    templates: &Templates,
) -> Result<Sidecar, Vec<Diagnostic>> {
    let mut containers = list(containers).map_err(|problem| vec![problem])?;
    let mut warnings = ports::collisions(task, &containers, called);
    let mut made = parts(task, templates, &mut warnings)?;
    for (part, field) in [
        (Some(&mut made.envoy), "name"),
        (
            made.proxy_configuration.as_mut().and_then(Json::as_object_mut),
            "containerName",
        ),
    ] {
        drop(part.map(|part| part.insert(field.to_owned(), json!(called))));
    }
    let own = containers.iter().position(|one| name(one) == called);
    let mut envoy = own.map(|at| containers.remove(at)).unwrap_or_default();
    let waited_for = waited_for(&envoy, &containers);
    for container in &mut containers {
        // What runs before the proxy can neither wait for it nor use it.
        let user = container.get("user").filter(|user| !user.is_null());
        // As the proxy's own user its traffic is not intercepted: it serves the proxy. ECS starts a log router before
        // all containers whose logs it takes, and the proxy may be one of them.
        let serves = user.is_some() && user == made.envoy.get("user") || routes_logs(container);
        if !waited_for.contains(name(container)) && !serves {
            wait_for_the_proxy(container, called);
            merge(container, "environment", &made.app_environment, "name");
        }
    }
    let taken: BTreeSet<u64> = containers
        .iter()
        .flat_map(|container| elements(container, "portMappings"))
        .filter_map(|mapping| mapping.get("containerPort").and_then(ports::number))
        .collect();
    proxy(&mut envoy, made.envoy, &taken);
    if envoy.get("logConfiguration").is_none_or(Json::is_null)
        && let Some(logs) = logs_beside(&containers, called)
    {
        envoy.insert("logConfiguration".to_owned(), logs);
    }
    let envoy = Json::Object(envoy);
    warnings.extend(unmounted(task, &envoy));
    if has_errors(&warnings) {
        return Err(warnings);
    }
    let mut all: Vec<Json> = containers.into_iter().map(Json::Object).collect();
    all.push(envoy);
    let volumes = made.volumes.as_array().into_iter().flatten();
    Ok(Sidecar {
        containers: Json::Array(all),
        volumes: volumes
            .filter_map(|volume| volume.get("name")?.as_str().map(str::to_owned))
            .collect(),
        proxy_configuration: made.proxy_configuration.as_ref().map(configuration),
        intercepted: made.proxy_configuration,
        warnings,
    })
}

/// Files that the proxy needs and its container does not have.
pub(super) fn unmounted(task: &Task<'_>, envoy: &Json) -> Vec<Diagnostic> {
    let mounts = envoy.get("mountPoints").and_then(Json::as_array);
    let mounted: Vec<String> = mounts
        .into_iter()
        .flatten()
        .filter_map(|mount| mount.get("containerPath")?.as_str().map(str::to_owned))
        .collect();
    let read_only = match envoy.get("readonlyRootFilesystem") {
        // CloudFormation takes a text for it.
        Some(Json::String(text)) => text.eq_ignore_ascii_case("true"),
        other => other.and_then(Json::as_bool) == Some(true),
    };
    let profile = task.mesh.profile_for(task.key);
    let image = match envoy.get("image") {
        Some(Json::String(image)) => Some(image.as_str()),
        // A parameter, whose default is the profile's.
        _ if matches!(task.delivery, Delivery::Static(_) | Delivery::Ads(_)) => Some(profile.image()),
        _ => None,
    };
    mounts::missing(task, image, &mounted, read_only)
}

fn configuration(json: &Json) -> ProxyConfiguration {
    let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
    let pairs = json
        .get("properties")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    ProxyConfiguration {
        kind: text(json.get("type")),
        container: text(json.get("containerName")),
        properties: pairs
            .map(|pair| (text(pair.get("name")), text(pair.get("value"))))
            .collect(),
    }
}

fn list(containers: &Json) -> Result<Vec<Map<String, Json>>, Diagnostic> {
    let wrong = |what: String, help: &str| {
        Diagnostic::error(codes::CONTAINERS, what)
            .help(help)
            .at(ProblemLocation::at(&Pointer::root(), None))
    };
    let Json::Array(all) = containers else {
        return Err(wrong(
            "the container definitions are not a list".to_owned(),
            "give a list of objects, each with a `name`",
        ));
    };
    let mut names = BTreeSet::new();
    let mut out = Vec::with_capacity(all.len());
    for (at, one) in all.iter().enumerate() {
        let Some(container) = one.as_object().filter(|one| !name(one).is_empty()) else {
            return Err(wrong(
                format!("container {at} is not an object with a `name`"),
                "give each container a `name` of its own, as a text",
            ));
        };
        if !names.insert(name(container)) {
            return Err(wrong(
                format!("two containers are called `{}`", name(container)),
                "give one of them another name",
            ));
        }
        out.push(container.clone());
    }
    Ok(out)
}

fn name(container: &Map<String, Json>) -> &str {
    container.get("name").and_then(Json::as_str).unwrap_or_default()
}

fn elements<'j>(container: &'j Map<String, Json>, list: &str) -> impl Iterator<Item = &'j Json> {
    container.get(list).and_then(Json::as_array).into_iter().flatten()
}

/// Everything that has to run, or to end, before the proxy starts: it cannot wait for the proxy.
fn waited_for(envoy: &Map<String, Json>, containers: &[Map<String, Json>]) -> BTreeSet<String> {
    let needed = |container: &Map<String, Json>| -> Vec<String> {
        elements(container, "dependsOn")
            .filter_map(|entry| entry.get("containerName").and_then(Json::as_str))
            .map(str::to_owned)
            .collect()
    };
    let mut found = BTreeSet::new();
    let mut pending = needed(envoy);
    while let Some(next) = pending.pop() {
        let container = containers.iter().find(|one| name(one) == next);
        if found.insert(next) {
            pending.extend(container.map(needed).unwrap_or_default());
        }
    }
    found
}

fn wait_for_the_proxy(container: &mut Map<String, Json>, proxy: &str) {
    let wait = json!([{"containerName": proxy, "condition": "HEALTHY"}]);
    merge(container, "dependsOn", &wait, "containerName");
    let needed = container.get_mut("dependsOn").and_then(Json::as_array_mut);
    let early = needed.into_iter().flatten().filter(|entry| starts(entry, proxy));
    for entry in early.filter_map(Json::as_object_mut) {
        entry.insert("condition".to_owned(), json!("HEALTHY"));
    }
}

/// Whether an entry of `dependsOn` waits for no more than the proxy's start, when it does not take connections yet.
pub(super) fn starts(entry: &Json, proxy: &str) -> bool {
    let is = |member: &str, value: &str| entry.get(member).and_then(Json::as_str) == Some(value);
    is("containerName", proxy) && is("condition", "START")
}

/// Whether a container is FireLens, which takes the logs of others.
fn routes_logs(container: &Map<String, Json>) -> bool {
    container
        .get("firelensConfiguration")
        .is_some_and(Json::is_object)
}

/// Adds to a list of a container the elements that it does not have, distinguished by `key`.
pub(super) fn merge(container: &mut Map<String, Json>, list: &str, more: &Json, key: &str) {
    let missing: Vec<Json> = more
        .as_array()
        .into_iter()
        .flatten()
        .filter(|element| !elements(container, list).any(|one| one.get(key) == element.get(key)))
        .cloned()
        .collect();
    if missing.is_empty() {
        return;
    }
    match container.entry(list).or_insert_with(|| json!([])) {
        Json::Array(all) => all.extend(missing),
        // Null is how some tools write an empty list.
        other => *other = Json::Array(missing),
    }
}

/// Where the logs of the other containers go, for a proxy of which nothing is said: a proxy without logs helps nobody.
fn logs_beside(containers: &[Map<String, Json>], called: &str) -> Option<Json> {
    // A log router that was told to wait for the proxy cannot start before it.
    let waits = containers.iter().any(|container| {
        let mut needed = elements(container, "dependsOn");
        routes_logs(container)
            && needed.any(|entry| entry.get("containerName").and_then(Json::as_str) == Some(called))
    });
    let routed = |logs: &Json| logs.get("logDriver").and_then(Json::as_str) == Some("awsfirelens");
    let mut given = containers
        .iter()
        .filter_map(|container| container.get("logConfiguration"));
    let mut logs = given
        .find(|logs| logs.is_object() && !(waits && routed(logs)))?
        .clone();
    let prefix = logs.pointer_mut("/options/awslogs-stream-prefix");
    if let Some(prefix) = prefix.filter(|prefix| prefix.is_string()) {
        *prefix = json!(called);
    }
    Some(logs)
}

/// Makes the container of the input that is called like the proxy, or a new one, the proxy.
fn proxy(envoy: &mut Map<String, Json>, mut made: Map<String, Json>, taken: &BTreeSet<u64>) {
    if envoy.get("memory").and_then(ports::number).is_some() {
        // A reservation must be below the limit, which somebody chose.
        made.remove("memoryReservation");
    }
    let environment = made.remove("environment").unwrap_or_default();
    let mounts = made.remove("mountPoints").unwrap_or_default();
    let controls = made.remove("systemControls").unwrap_or_default();
    let ports = made.remove("portMappings").and_then(|ports| match ports {
        Json::Array(ports) => Some(ports),
        _ => None,
    });
    for (member, value) in made {
        if OURS.contains(&member.as_str()) || envoy.get(&member).is_none_or(Json::is_null) {
            envoy.insert(member, value);
        }
    }
    // Its bootstrap is ours; what else its environment has stays.
    if let Some(Json::Array(variables)) = envoy.get_mut("environment") {
        let ours = environment.as_array().map_or(&[][..], Vec::as_slice);
        variables.retain(|one| !ours.iter().any(|own| own.get("name") == one.get("name")));
    }
    merge(envoy, "environment", &environment, "name");
    merge(envoy, "mountPoints", &mounts, "containerPath");
    merge(envoy, "systemControls", &controls, "namespace");
    // In one network a port is mapped once, by whoever has it already.
    let free = ports.into_iter().flatten();
    let is_taken = |mapping: &Json| {
        let port = mapping.get("containerPort").and_then(ports::number);
        port.is_some_and(|port| taken.contains(&port))
    };
    let free = free.filter(|mapping| !is_taken(mapping));
    merge(
        envoy,
        "portMappings",
        &Json::Array(free.collect()),
        "containerPort",
    );
}

//! What takes a proxy's traces and statistics in its own task: the containers that somebody has (X-Ray's daemon,
//! CloudWatch's agent, a StatsD server), or AWS Distro for OpenTelemetry in their place.

use super::appmesh::{Change, VariableFate};
use super::{Task, codes, values};
use meshform_model::diag::Diagnostic;
use meshform_model::spec::{DogStatsD, Interception, ProxyProfileSpec, Tracing, XrayTracing};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// The image of the collector where nothing else is said.
pub const COLLECTOR_IMAGE: &str = "public.ecr.aws/aws-observability/aws-otel-collector:v0.40.0";
const COLLECTOR: &str = "collector";
/// The configuration that its image brings for ECS: these ports, to X-Ray and CloudWatch.
pub const COLLECTOR_CONFIGURATION: &str = "--config=/etc/ecs/ecs-default-config.yaml";
/// Where it listens with that: X-Ray's segments, StatsD, OpenTelemetry.
const PORTS: [u16; 3] = [XrayTracing::DEFAULT_PORT, DogStatsD::DEFAULT_PORT, 4317];
/// What the images of containers that it replaces have in their names.
const REPLACED: [&str; 3] = ["xray-daemon", "cloudwatch-agent", "statsd"];

/// Somewhere within the task to which the proxy sends.
struct Sink {
    what: &'static str,
    port: u16,
}

/// Where the proxy sends traces and statistics within its task.
fn sinks(profile: &ProxyProfileSpec) -> Vec<Sink> {
    let mut sinks = Vec::new();
    let mut add = |what, address: &str, port| {
        if address.starts_with("127.") || address == "localhost" || address == "::1" {
            sinks.push(Sink { what, port });
        }
    };
    match &profile.tracing {
        Some(Tracing::Xray(xray)) => add(
            "X-Ray segments",
            xray.address.as_deref().unwrap_or(XrayTracing::DEFAULT_ADDRESS),
            xray.port.unwrap_or(XrayTracing::DEFAULT_PORT),
        ),
        Some(Tracing::OpenTelemetry(to)) => add("OpenTelemetry traces", &to.address, to.port),
        Some(Tracing::Zipkin(to)) => add("Zipkin traces", &to.address, to.port),
        Some(Tracing::Datadog(to)) => add("Datadog traces", &to.address, to.port),
        None => {}
    }
    if let Some(statistics) = profile
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.dog_stats_d.as_ref())
    {
        add(
            "DogStatsD statistics",
            statistics
                .address
                .as_deref()
                .unwrap_or(DogStatsD::DEFAULT_ADDRESS),
            statistics.port.unwrap_or(DogStatsD::DEFAULT_PORT),
        );
    }
    sinks
}

/// The collector, where somebody wants it and the proxy sends something to it.
pub(super) fn collector(task: &Task<'_>, profile: &ProxyProfileSpec) -> Option<Map<String, Json>> {
    let image = task.collector?;
    (!sinks(profile).is_empty()).then(|| container(task, image))
}

/// Warnings about what is sent within the task and nothing takes.
pub(super) fn untaken(task: &Task<'_>) -> Vec<Diagnostic> {
    let profile = task.mesh.profile_for(task.key);
    let taken = |port: u16| task.collector.is_some() && PORTS.contains(&port);
    let open = sinks(&profile).into_iter().filter(|sink| !taken(sink.port));
    open.map(|sink| {
        let help = match task.collector {
            None => "`--companions collector` adds AWS Distro for OpenTelemetry, which takes them to X-Ray and CloudWatch"
                .to_owned(),
            Some(_) => "the collector listens on 2000 (X-Ray), 8125 (StatsD) and 4317 (OpenTelemetry)".to_owned(),
        };
        Diagnostic::warning(
            codes::NO_COMPANION,
            format!(
                "the proxy of {} sends {} to port {} of its own task, where nothing listens",
                task.key, sink.what, sink.port
            ),
        )
        .help(help)
        .at(values::place(task.key))
    })
    .collect()
}

fn container(task: &Task<'_>, image: &str) -> Map<String, Json> {
    // As the proxy's own user what it sends is not intercepted.
    let user = match task.mesh.profile_for(task.key).interception {
        Some(Interception::Transparent(transparent)) => transparent.user(),
        _ => values::USER,
    };
    let fields = json!({
        "name": COLLECTOR,
        "image": image,
        "essential": false,
        "command": [COLLECTOR_CONFIGURATION],
        "user": user.to_string(),
        "memoryReservation": 128,
        "readonlyRootFilesystem": true,
    });
    match fields {
        Json::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What the task's role must allow for the collector.
pub fn collector_policy() -> Json {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "WriteTraces",
                "Effect": "Allow",
                "Action": [
                    "xray:GetSamplingRules",
                    "xray:GetSamplingStatisticSummaries",
                    "xray:GetSamplingTargets",
                    "xray:PutTelemetryRecords",
                    "xray:PutTraceSegments",
                ],
                // X-Ray has no resources that a policy could name.
                "Resource": "*",
            },
            {
                "Sid": "WriteMetrics",
                "Effect": "Allow",
                "Action": [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                    "logs:PutRetentionPolicy",
                ],
                "Resource": "arn:*:logs:*:*:log-group:/aws/ecs/*",
            },
        ],
    })
}

/// Whether a container is a companion that the collector replaces.
fn is_replaced(container: &Json) -> bool {
    let image = container.get("image").and_then(Json::as_str).unwrap_or_default();
    REPLACED.iter().any(|part| image.contains(part))
}

/// Replaces the companions of a task definition by the collector, where that is wanted.
pub(super) fn replace(task: &Task<'_>, containers: &mut Json) -> Vec<Change> {
    let (Some(image), Some(all)) = (task.collector, containers.as_array_mut()) else {
        return Vec::new();
    };
    let mut collector = container(task, image);
    let mut gone: BTreeSet<String> = BTreeSet::new();
    let mut changes = Vec::new();
    all.retain(|container| {
        let name = container.get("name").and_then(Json::as_str).unwrap_or_default();
        let replaced = is_replaced(container);
        if replaced {
            gone.insert(name.to_owned());
            if let Some(logs) = container.get("logConfiguration").filter(|logs| !logs.is_null()) {
                collector.entry("logConfiguration").or_insert_with(|| logs.clone());
            }
            changes.push(Change {
                what: name.to_owned(),
                fate: VariableFate::Moved,
                why: format!("the container `{COLLECTOR}` listens where it did; its role needs what `collector-policy.json` says"),
            });
        }
        !replaced
    });
    if gone.is_empty() {
        return changes;
    }
    for container in all.iter_mut().filter_map(Json::as_object_mut) {
        let Some(Json::Array(needed)) = container.get_mut("dependsOn") else {
            continue;
        };
        let is_gone = |entry: &Json| {
            entry
                .get("containerName")
                .and_then(Json::as_str)
                .is_some_and(|name| gone.contains(name))
        };
        let before = needed.len();
        needed.retain(|entry| !is_gone(entry));
        if needed.len() < before {
            needed.push(json!({"containerName": COLLECTOR, "condition": "START"}));
        }
    }
    // In the place of the first, but one that is called so already stays.
    let taken = all
        .iter()
        .any(|one| one.get("name").and_then(Json::as_str) == Some(COLLECTOR));
    if !taken {
        all.push(Json::Object(collector));
    }
    changes
}

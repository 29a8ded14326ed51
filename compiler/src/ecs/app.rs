//! The application's container in a stack of ours: what its workload says, or nothing but parameters.

use super::values::{APPLICATION_STOP_SECONDS, health_check, mappings, pairs};
use super::{ENVOY, Task, codes, ports};
use crate::frontend::workloads::Workload;
use meshform_model::arn::Arn;
use meshform_model::diag::Diagnostic;
use meshform_model::kind::Kind;
use meshform_model::spec::Interception;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

pub(super) const APP: &str = "app";

/// The container, but for its logs. `proxied`: the variables by which it finds the proxy; `ports`: those on which it is
/// called from outside of the task.
pub(super) fn container(
    task: &Task<'_>,
    proxied: &BTreeMap<String, String>,
    ports: &[u16],
    problems: &mut Vec<Diagnostic>,
) -> Map<String, Json> {
    let mut app = Map::new();
    let mut set = |name: &str, value: Json| drop(app.insert(name.to_owned(), value));
    set("name", json!(APP));
    set("essential", json!(true));
    set(
        "dependsOn",
        json!([{"containerName": ENVOY, "condition": "HEALTHY"}]),
    );
    set("portMappings", mappings(ports));
    set("stopTimeout", json!(APPLICATION_STOP_SECONDS));
    let mut variables = proxied.clone();
    if let Some(workload) = task.workload {
        // What somebody writes wins.
        variables.extend(workload.environment.clone());
        if let Some(image) = &workload.image {
            set("image", json!(image));
        }
        if !workload.command.is_empty() {
            set("command", json!(workload.command));
        }
        if !workload.health_check.is_empty() {
            let words: Vec<&str> = workload.health_check.iter().map(String::as_str).collect();
            set("healthCheck", health_check(&words));
        }
        if !workload.secrets.is_empty() {
            let list = workload.secrets.iter();
            let list = list.map(|(name, from)| json!({"name": name, "valueFrom": from}));
            set("secrets", Json::Array(list.collect()));
        }
        problems.extend(
            misfits(task, workload)
                .into_iter()
                .map(|problem| workload.problem(problem)),
        );
    }
    set("environment", pairs(&variables));
    app
}

/// What the workload says of ports and sizes and cannot be.
fn misfits(task: &Task<'_>, workload: &Workload) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let profile = task.mesh.profile_for(task.key);
    let interception = profile
        .interception
        .as_ref()
        .filter(|_| task.key.kind != Kind::VirtualGateway);
    let listeners = ports::listener_ports(task);
    let mut refuse = |message: String, help: String| {
        problems.push(Diagnostic::error(codes::PORT, message).help(help));
    };
    if let Some(port) = workload.port {
        let own = ports::of_the_proxy(task, interception);
        if let Some((_, what)) = own.iter().find(|(own, _)| *own == port) {
            refuse(
                format!("the application has the port {port}, which is the proxy's {what}"),
                "let it listen on another port, or give the proxy another in its profile".to_owned(),
            );
        }
        match interception {
            Some(Interception::Transparent(_)) if !listeners.is_empty() && !listeners.contains(&port) => refuse(
                format!("the application listens on {port}, and {} on {}", task.key, listed(&listeners)),
                "with intercepted traffic the proxy hands requests to the listener's port: make the two equal".to_owned(),
            ),
            Some(Interception::Explicit(_)) => {
                let behind: Vec<u16> = listeners.iter().map(|listener| profile.app(*listener).1).collect();
                if listeners.contains(&port) {
                    refuse(
                        format!("Envoy and the application would both listen on {port}"),
                        "with `explicit` interception the application has a port of its own".to_owned(),
                    );
                } else if !behind.is_empty() && !behind.contains(&port) {
                    refuse(
                        format!(
                            "the application listens on {port}, and the proxy hands requests to {}",
                            listed(&behind)
                        ),
                        "say it in `inbound.appPorts` of the proxy profile".to_owned(),
                    );
                }
            }
            _ => {}
        }
    }
    if let (Some(cpu), Some(memory)) = (workload.cpu, workload.memory)
        && !fits_fargate(cpu, memory)
    {
        problems.push(
            Diagnostic::warning(
                codes::LIMIT,
                format!("{cpu} CPU units with {memory} MiB are not a Fargate task size"),
            )
            .help("for example 256 with 512, 512 with 1024, 1024 with 2048; tasks on EC2 take any"),
        );
    }
    problems
}

fn listed(ports: &[u16]) -> String {
    let all: Vec<String> = ports.iter().map(u16::to_string).collect();
    all.join(", ")
}

/// Whether Fargate has tasks of that size.
fn fits_fargate(cpu: u64, memory: u64) -> bool {
    let gib = |from: u64, to: u64, step: u64| {
        memory >= from * 1024 && memory <= to * 1024 && (memory - from * 1024).is_multiple_of(step * 1024)
    };
    match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        512 => gib(1, 4, 1),
        1024 => gib(2, 8, 1),
        2048 => gib(4, 16, 1),
        4096 => gib(8, 30, 1),
        8192 => gib(16, 60, 4),
        16384 => gib(32, 120, 8),
        _ => false,
    }
}

/// What the execution role must allow besides pulling images and writing logs: reading the workload's secrets.
pub(super) fn execution_policy(task: &Task<'_>) -> Option<Json> {
    let secrets = &task.workload?.secrets;
    let mut statements = Vec::new();
    for (service, action, sid) in [
        (":secretsmanager:", "secretsmanager:GetSecretValue", "ReadSecrets"),
        (":ssm:", "ssm:GetParameters", "ReadParameters"),
    ] {
        let mut arns: Vec<String> = secrets
            .values()
            .filter(|from| from.contains(service))
            .map(|from| whole_secret(from))
            .collect();
        arns.sort();
        arns.dedup();
        if !arns.is_empty() {
            statements.push(json!({"Sid": sid, "Effect": "Allow", "Action": [action], "Resource": arns}));
        }
    }
    (!statements.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": statements}))
}

/// ECS takes one member of a secret, its stage and its version behind the ARN; IAM knows the whole secret only.
fn whole_secret(from: &str) -> String {
    let Some(arn) = Arn::parse(from) else {
        return from.to_owned();
    };
    let parts: Vec<&str> = arn.resource.split(':').take(2).collect();
    let resource = &parts.join(":");
    Arn { resource, ..arn }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fargate_has_some_sizes() {
        for (cpu, memory) in [
            (256, 512),
            (512, 1024),
            (1024, 8192),
            (4096, 30720),
            (8192, 20480),
            (16384, 32768),
        ] {
            assert!(fits_fargate(cpu, memory), "{cpu} {memory}");
        }
        for (cpu, memory) in [(256, 4096), (512, 512), (300, 1024), (8192, 17408), (1024, 2100)] {
            assert!(!fits_fargate(cpu, memory), "{cpu} {memory}");
        }
    }

    #[test]
    fn a_member_of_a_secret_is_read_with_the_secret() {
        assert_eq!(
            whole_secret("arn:aws:secretsmanager:eu-central-1:1:secret:db-AbCdEf:password::"),
            "arn:aws:secretsmanager:eu-central-1:1:secret:db-AbCdEf"
        );
        assert_eq!(
            whole_secret("arn:aws:ssm:eu-central-1:1:parameter/a/b"),
            "arn:aws:ssm:eu-central-1:1:parameter/a/b"
        );
    }
}

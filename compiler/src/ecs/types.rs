//! Numbers, switches and texts of ECS's API. CloudFormation makes each of the others; the API, and with it the AWS CLI and
//! hashicorp/aws, takes none in the place of another.

use super::schema::Misfit;
use meshform_model::pointer::Pointer;
use serde_json::Value as Json;

const NUMBERS: [&str; 22] = [
    "containerPort",
    "cpu",
    "hardLimit",
    "hostPort",
    "ignoredExitCodes",
    "interval",
    "maxComputePercent",
    "maxSwap",
    "memory",
    "memoryReservation",
    "restartAttemptPeriod",
    "retries",
    "sharedMemorySize",
    "size",
    "sizeInGiB",
    "softLimit",
    "startPeriod",
    "startTimeout",
    "stopTimeout",
    "swappiness",
    "timeout",
    "transitEncryptionPort",
];
const SWITCHES: [&str; 12] = [
    "autoprovision",
    "configuredAtLaunch",
    "disableNetworking",
    "enableFaultInjection",
    "enabled",
    "essential",
    "initProcessEnabled",
    "interactive",
    "privileged",
    "pseudoTerminal",
    "readOnly",
    "readonlyRootFilesystem",
];
/// Texts that look like something else.
const TEXTS: [&str; 8] = [
    "command",
    "containerPortRange",
    "entryPoint",
    "family",
    "hostname",
    "image",
    "user",
    "value",
];
/// Numbers of a container that are texts of the task.
const TEXTS_OF_THE_TASK: [&str; 2] = ["cpu", "memory"];
/// Objects whose members are texts under names of the user's own.
const FREE: [&str; 4] = ["dockerLabels", "driverOpts", "labels", "options"];

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Switch,
    Text,
}

/// What the API would not take of a task definition in its own spelling because of its type.
pub(super) fn misfits(definition: &Json) -> Vec<Misfit> {
    let mut found = Vec::new();
    members(definition, &Pointer::root(), &mut found);
    found
}

/// The same of a list of containers.
pub(super) fn of_containers(containers: &Json) -> Vec<Misfit> {
    let mut found = Vec::new();
    let list = containers.as_array().into_iter().flatten();
    for (at, container) in list.enumerate() {
        members(container, &Pointer::root().index(at), &mut found);
    }
    found
}

fn members(json: &Json, at: &Pointer, found: &mut Vec<Misfit>) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                let here = at.field(name);
                match kind(name, at.is_root()) {
                    _ if FREE.contains(&name.as_str()) => {
                        for (own, value) in value.as_object().into_iter().flatten() {
                            judge(Kind::Text, value, &here.field(own), found);
                        }
                    }
                    Some(kind) => judge(kind, value, &here, found),
                    None => members(value, &here, found),
                }
            }
        }
        Json::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                members(value, &at.index(index), found);
            }
        }
        _ => {}
    }
}

fn kind(name: &str, of_the_task: bool) -> Option<Kind> {
    if TEXTS.contains(&name) || (of_the_task && TEXTS_OF_THE_TASK.contains(&name)) {
        Some(Kind::Text)
    } else if NUMBERS.contains(&name) {
        Some(Kind::Number)
    } else {
        SWITCHES.contains(&name).then_some(Kind::Switch)
    }
}

fn judge(kind: Kind, value: &Json, at: &Pointer, found: &mut Vec<Misfit>) {
    let what = match (kind, value) {
        (_, Json::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                judge(kind, value, &at.index(index), found);
            }
            return;
        }
        (Kind::Number, Json::Number(_)) | (Kind::Switch, Json::Bool(_)) | (Kind::Text, Json::String(_)) => {
            return;
        }
        // What is no single value is no matter of types.
        (_, Json::Object(_) | Json::Null) => return,
        (Kind::Number, _) => format!("{value} is not a number"),
        (Kind::Switch, _) => format!("{value} is neither true nor false"),
        (Kind::Text, _) => format!("{value} is not a text: it needs quotes"),
    };
    let what = match value {
        Json::String(text) if is_written(kind, text) => format!("{what}: it is in quotes"),
        _ => what,
    };
    found.push(Misfit { at: at.clone(), what });
}

/// Whether a text would be right without its quotes.
fn is_written(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Number => text.parse::<i64>().is_ok(),
        Kind::Switch => text == "true" || text == "false",
        Kind::Text => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_type_is_known_by_its_place() {
        let definition = json!({
            "family": "f", "cpu": 256, "memory": "512", "enableFaultInjection": "false",
            "ephemeralStorage": {"sizeInGiB": "30"},
            "containerDefinitions": [{
                "name": "a", "image": "a", "cpu": 10, "memory": "256", "essential": "yes", "user": 1337,
                "command": ["sleep", 30], "dockerLabels": {"memory": 5, "essential": "no"},
                "environment": [{"name": "PORT", "value": 8080}], "portMappings": [{"containerPort": 8080}],
                "restartPolicy": {"enabled": true, "ignoredExitCodes": [0, "1"]},
            }],
        });
        let told: Vec<String> = misfits(&definition)
            .into_iter()
            .map(|Misfit { at, what }| format!("{at} {what}"))
            .collect();
        assert_eq!(
            told,
            [
                "/containerDefinitions/0/command/1 30 is not a text: it needs quotes",
                "/containerDefinitions/0/dockerLabels/memory 5 is not a text: it needs quotes",
                "/containerDefinitions/0/environment/0/value 8080 is not a text: it needs quotes",
                "/containerDefinitions/0/essential \"yes\" is neither true nor false",
                "/containerDefinitions/0/memory \"256\" is not a number: it is in quotes",
                "/containerDefinitions/0/restartPolicy/ignoredExitCodes/1 \"1\" is not a number: it is in quotes",
                "/containerDefinitions/0/user 1337 is not a text: it needs quotes",
                "/cpu 256 is not a text: it needs quotes",
                "/enableFaultInjection \"false\" is neither true nor false: it is in quotes",
                "/ephemeralStorage/sizeInGiB \"30\" is not a number: it is in quotes",
            ]
        );
    }
}

//! Task definitions of any form in the API's spelling, as `register-task-definition` takes it.

use super::{codes, names};
use crate::frontend::tasks::TaskForm;
use meshform_model::diag::Diagnostic;
use serde_json::{Map, Value as Json, json};

/// What `describe-task-definition` answers and `register-task-definition` does not take.
const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];
/// Blocks of Terraform that are objects of the API.
const BLOCKS: [&str; 7] = [
    "efsVolumeConfiguration",
    "dockerVolumeConfiguration",
    "fsxWindowsFileServerVolumeConfiguration",
    "authorizationConfig",
    "ephemeralStorage",
    "runtimePlatform",
    "proxyConfiguration",
];

/// A task definition in the API's spelling.
///
/// # Errors
/// Where Terraform's `container_definitions` are not JSON.
pub(super) fn api(form: TaskForm, written: &Json) -> Result<Json, Diagnostic> {
    match form {
        TaskForm::CloudFormation(_) => Ok(names::to_api(written)),
        TaskForm::Api => {
            let mut definition = without_nulls(written);
            if let Some(fields) = definition.as_object_mut() {
                fields.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
            }
            Ok(definition)
        }
        TaskForm::Terraform => terraform(written),
    }
}

/// Some tools write null for what is not set, which the API does not take.
fn without_nulls(json: &Json) -> Json {
    match json {
        Json::Object(map) => {
            let set = map.iter().filter(|(_, value)| !value.is_null());
            Json::Object(
                set.map(|(name, value)| (name.clone(), without_nulls(value)))
                    .collect(),
            )
        }
        Json::Array(list) => list.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Terraform's arguments as the API's fields.
fn terraform(attributes: &Json) -> Result<Json, Diagnostic> {
    let mut fields = Map::new();
    for name in [
        "family",
        "network_mode",
        "cpu",
        "memory",
        "requires_compatibilities",
        "execution_role_arn",
        "task_role_arn",
        "pid_mode",
        "ipc_mode",
        "enable_fault_injection",
        "ephemeral_storage",
        "inference_accelerator",
        "placement_constraints",
        "runtime_platform",
        "proxy_configuration",
        "volume",
    ] {
        let value = attributes.get(name).map(block).filter(|value| !is_unset(value));
        let name = api_name(name);
        if let Some(value) = value {
            fields.insert(name.clone(), unwrapped(&name, value));
        }
    }
    if let Some(properties) = fields
        .get_mut("proxyConfiguration")
        .and_then(|one| one.get_mut("properties"))
        && let Json::Object(map) = properties
    {
        let pairs = map
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}));
        *properties = Json::Array(pairs.collect());
    }
    for volume in fields
        .get_mut("volumes")
        .and_then(Json::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(volume) = volume.as_object_mut()
            && let Some(path) = volume.remove("hostPath")
        {
            volume.insert("host".to_owned(), json!({"sourcePath": path}));
        }
    }
    let containers = attributes
        .get("container_definitions")
        .and_then(Json::as_str)
        .unwrap_or("[]");
    let containers: Json = serde_json::from_str(containers).map_err(|error| {
        Diagnostic::error(
            codes::CONTAINERS,
            format!("`container_definitions` is not JSON: {error}"),
        )
        .help("give the state, or the output of `terraform show -json`, as Terraform wrote it")
    })?;
    fields.insert("containerDefinitions".to_owned(), without_nulls(&containers));
    // With the provider's default tags, where the state has them.
    let tags = ["tags_all", "tags"]
        .iter()
        .find_map(|name| attributes.get(*name)?.as_object().filter(|tags| !tags.is_empty()));
    if let Some(tags) = tags {
        let pairs = tags
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}));
        fields.insert("tags".to_owned(), Json::Array(pairs.collect()));
    }
    Ok(Json::Object(fields))
}

/// A block of Terraform with the API's names, without what is not set.
fn block(json: &Json) -> Json {
    match json {
        Json::Object(map) => {
            let fields = map
                .iter()
                .filter(|(_, value)| !is_unset(value))
                .map(|(name, value)| {
                    // Keys of these maps are no names of fields.
                    let value = match name.as_str() {
                        "properties" | "driver_opts" | "labels" => value.clone(),
                        _ => unwrapped(&api_name(name), block(value)),
                    };
                    (api_name(name), value)
                });
            Json::Object(fields.collect())
        }
        Json::Array(list) => Json::Array(list.iter().map(block).collect()),
        other => other.clone(),
    }
}

/// A block that may stand once is a list of one in Terraform.
fn unwrapped(name: &str, value: Json) -> Json {
    match value {
        Json::Array(list) if BLOCKS.contains(&name) => list.into_iter().next().unwrap_or_default(),
        other => other,
    }
}

/// What hashicorp/aws writes for arguments that are not set.
fn is_unset(json: &Json) -> bool {
    match json {
        Json::Null | Json::Bool(false) => true,
        Json::Number(number) => number.as_u64() == Some(0),
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::Bool(true) => false,
    }
}

/// The API's name of an argument of Terraform.
fn api_name(argument: &str) -> String {
    match argument {
        "configure_at_launch" => "configuredAtLaunch".to_owned(),
        "inference_accelerator" => "inferenceAccelerators".to_owned(),
        "size_in_gib" => "sizeInGiB".to_owned(),
        "volume" => "volumes".to_owned(),
        _ => camel(argument),
    }
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        let mut letters = part.chars();
        all.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        all.extend(letters);
        all
    })
}

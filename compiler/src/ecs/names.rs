//! The two spellings of ECS's names: the API's (`containerDefinitions`, which Terraform takes too) and
//! CloudFormation's (`ContainerDefinitions`). Everything in here thinks in the API's.

use serde_json::{Map, Value as Json};

/// Objects whose names are the user's own.
const FREE: [&str; 4] = ["dockerLabels", "options", "driverOpts", "labels"];

/// Names that do not follow from each other: the API's, CloudFormation's.
const IRREGULAR: [(&str, &str); 4] = [
    ("efsVolumeConfiguration", "EFSVolumeConfiguration"),
    (
        "fsxWindowsFileServerVolumeConfiguration",
        "FSxWindowsFileServerVolumeConfiguration",
    ),
    ("fileSystemId", "FilesystemId"),
    ("iam", "IAM"),
];

/// Whether a value is computed by CloudFormation: `{"Ref": …}`, `{"Fn::…": …}`.
pub(super) fn is_function(json: &Json) -> bool {
    let one = json.as_object().filter(|map| map.len() == 1);
    one.and_then(|map| map.keys().next())
        .is_some_and(|name| name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
}

/// CloudFormation's spelling of the API's.
pub(super) fn to_cloudformation(json: &Json) -> Json {
    let proxy = |map: &Map<String, Json>| map.contains_key("containerName") && map.contains_key("properties");
    rename(json, &|name, parent| match name {
        "properties" if proxy(parent) => "ProxyConfigurationProperties".to_owned(),
        _ => IRREGULAR.iter().find(|(api, _)| *api == name).map_or_else(
            || first(name, |c| c.to_ascii_uppercase()),
            |(_, cfn)| (*cfn).to_owned(),
        ),
    })
}

/// The API's spelling of CloudFormation's; functions stay as they are.
pub(super) fn to_api(json: &Json) -> Json {
    rename(json, &|name, _| api_name(name))
}

/// The API's name of a field of CloudFormation's.
pub(super) fn api_name(name: &str) -> String {
    match name {
        "ProxyConfigurationProperties" => "properties".to_owned(),
        _ => IRREGULAR.iter().find(|(_, cfn)| *cfn == name).map_or_else(
            || first(name, |c| c.to_ascii_lowercase()),
            |(api, _)| (*api).to_owned(),
        ),
    }
}

fn rename(json: &Json, spelling: &dyn Fn(&str, &Map<String, Json>) -> String) -> Json {
    match json {
        _ if is_function(json) => json.clone(),
        Json::Object(map) => {
            let fields = map.iter().map(|(name, value)| {
                let own = first(name, |c| c.to_ascii_lowercase());
                let value = match FREE.contains(&own.as_str()) {
                    true => value.clone(),
                    false => rename(value, spelling),
                };
                (spelling(name, map), value)
            });
            Json::Object(fields.collect())
        }
        Json::Array(list) => Json::Array(list.iter().map(|one| rename(one, spelling)).collect()),
        other => other.clone(),
    }
}

/// The name with its first letter changed: all that parts CloudFormation's names from the API's.
fn first(name: &str, letter: impl Fn(char) -> char) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(letter);
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_way_there_and_back_is_nothing() {
        let api = json!({
            "family": "f",
            "containerDefinitions": [{"name": "a", "image": {"Fn::Sub": "${x}"}, "dockerLabels": {"Team": "a", "b": "c"},
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": {"Ref": "G"}}}}],
            "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "authorizationConfig": {"iam": "ENABLED"}}}],
            "proxyConfiguration": {"containerName": "envoy", "type": "APPMESH", "properties": [{"name": "A", "value": "1"}]},
        });
        let cfn = to_cloudformation(&api);
        assert_eq!(
            cfn.pointer("/ContainerDefinitions/0/DockerLabels/b"),
            Some(&json!("c"))
        );
        assert_eq!(
            cfn.pointer("/ContainerDefinitions/0/Image"),
            Some(&json!({"Fn::Sub": "${x}"}))
        );
        assert_eq!(
            cfn.pointer("/Volumes/0/EFSVolumeConfiguration/AuthorizationConfig/IAM"),
            Some(&json!("ENABLED"))
        );
        assert_eq!(
            cfn.pointer("/ProxyConfiguration/ProxyConfigurationProperties/0/Name"),
            Some(&json!("A"))
        );
        assert_eq!(to_api(&cfn), api);
    }
}

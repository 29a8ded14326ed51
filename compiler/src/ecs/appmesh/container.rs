//! App Mesh's own Envoy container: how it is recognised, its variables, and which proxy it is.

use super::super::names::is_function;
use meshform_model::key::ResourceKey;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// Variables that say which proxy it is; the first that is set counts.
const SUBJECT: [&str; 3] = [
    "APPMESH_RESOURCE_ARN",
    "APPMESH_RESOURCE_NAME",
    "APPMESH_VIRTUAL_NODE_NAME",
];

/// App Mesh's Envoy container in a task definition, in the API's spelling.
pub(in crate::ecs) fn find(definition: &Json) -> Option<&Map<String, Json>> {
    let containers = definition.get("containerDefinitions").and_then(Json::as_array);
    let mut containers = containers.into_iter().flatten().filter_map(Json::as_object);
    let intercepting = definition.pointer("/proxyConfiguration/containerName");
    containers.find(|container| {
        let variables = environment(container);
        let of_app_mesh = container
            .get("image")
            .and_then(Json::as_str)
            .is_some_and(|image| image.contains("aws-appmesh-envoy"));
        of_app_mesh
            || SUBJECT.iter().any(|name| variables.contains_key(name))
            || (intercepting.is_some() && container.get("name") == intercepting)
    })
}

/// What a variable of a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VariableValue {
    Text(String),
    /// CloudFormation computes it.
    Computed,
    /// ECS takes it from a secret when it starts the container.
    Secret,
}

impl VariableValue {
    /// Why its value is not known.
    pub(super) fn unknown(&self) -> Option<&'static str> {
        match self {
            Self::Text(_) => None,
            Self::Computed => {
                Some("its value is known only to CloudFormation: write it into the proxy profile")
            }
            Self::Secret => {
                Some("its value is a secret, which only ECS reads: write it into the proxy profile")
            }
        }
    }
}

/// The variables of a container, those that it takes from secrets among them.
pub(super) fn environment(container: &Map<String, Json>) -> BTreeMap<&str, VariableValue> {
    let secrets = pairs(container, "secrets").map(|(name, _)| (name, VariableValue::Secret));
    let variables = pairs(container, "environment").map(|(name, value)| {
        let given = match value {
            Some(value) if is_function(value) => {
                path_of(value).map_or(VariableValue::Computed, VariableValue::Text)
            }
            Some(Json::String(text)) => VariableValue::Text(text.trim().to_owned()),
            Some(value @ (Json::Number(_) | Json::Bool(_))) => VariableValue::Text(value.to_string()),
            _ => VariableValue::Text(String::new()),
        };
        (name, given)
    });
    secrets.chain(variables).collect()
}

/// A list of names and values.
pub(super) fn pairs<'j>(
    of: &'j Map<String, Json>,
    list: &str,
) -> impl Iterator<Item = (&'j str, Option<&'j Json>)> {
    let list = of.get(list).and_then(Json::as_array).into_iter().flatten();
    list.filter_map(|pair| Some((pair.get("name")?.as_str()?, pair.get("value"))))
}

/// The path at the end of an ARN of which only partition, region and account are not known: what `Ref` gave of a virtual
/// node in the same template.
fn path_of(function: &Json) -> Option<String> {
    let (before, path) = function.get("Fn::Sub")?.as_str()?.rsplit_once(":mesh/")?;
    (before.starts_with("arn:") && !path.contains("${")).then(|| format!("mesh/{path}"))
}

/// The options that give what the variable with the proxy's name is made of, where CloudFormation would have to say it.
pub(in crate::ecs) fn unresolved(container: &Map<String, Json>) -> BTreeSet<String> {
    let all = container.get("environment").and_then(Json::as_array);
    let named = |one: &&Json| {
        let name = one.get("name").and_then(Json::as_str);
        name.is_some_and(|name| SUBJECT.contains(&name))
    };
    let mut options = BTreeSet::new();
    for value in all
        .into_iter()
        .flatten()
        .filter(named)
        .filter_map(|one| one.get("value"))
    {
        collect_options(value, &mut options);
    }
    options
}

fn collect_options(value: &Json, options: &mut BTreeSet<String>) {
    let option = |name: &str| {
        let kind = if name.contains('.') {
            "attribute"
        } else {
            "parameter"
        };
        format!("`--{kind} {name}=VALUE`")
    };
    match value {
        Json::Array(list) => list.iter().for_each(|item| collect_options(item, options)),
        Json::Object(object) => {
            for (function, argument) in object {
                match (function.as_str(), argument) {
                    ("Ref" | "Fn::GetAtt", Json::String(name)) => {
                        options.insert(option(name));
                    }
                    ("Fn::GetAtt", Json::Array(parts)) => {
                        let parts: Vec<&str> = parts.iter().filter_map(Json::as_str).collect();
                        options.insert(option(&parts.join(".")));
                    }
                    ("Fn::Sub", Json::String(text)) => {
                        let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
                        let open = names.filter(|(name, _)| !name.starts_with('!'));
                        options.extend(open.map(|(name, _)| option(name)));
                    }
                    ("Fn::ImportValue", Json::String(name)) => {
                        options.insert(format!("`--import {name}=VALUE`"));
                    }
                    _ => collect_options(argument, options),
                }
            }
        }
        _ => {}
    }
}

/// Why a container does not say which proxy it is.
pub(in crate::ecs) enum NoSubject {
    Unset,
    Computed(&'static str),
    Secret(&'static str),
    /// The variable and its value.
    Other(&'static str, String),
}

/// Which proxy the container is.
pub(in crate::ecs) fn subject(container: &Map<String, Json>) -> Result<ResourceKey, NoSubject> {
    let variables = environment(container);
    let set = SUBJECT
        .iter()
        .find_map(|name| variables.get(name).map(|value| (*name, value)));
    let (name, value) = match set {
        None => return Err(NoSubject::Unset),
        Some((name, VariableValue::Text(value))) => (name, value),
        Some((name, VariableValue::Computed)) => return Err(NoSubject::Computed(name)),
        Some((name, VariableValue::Secret)) => return Err(NoSubject::Secret(name)),
    };
    // Older images take the path without its first segment, and the ARN may begin with an expression.
    let rest = value
        .rsplit_once(":mesh/")
        .map_or(value.as_str(), |(_, rest)| rest);
    ResourceKey::of_proxy(value)
        .or_else(|| ResourceKey::of_proxy(&format!("mesh/{rest}")))
        .ok_or_else(|| NoSubject::Other(name, value.clone()))
}

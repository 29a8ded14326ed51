//! A template of the user's own, in which the task definitions are ours now and App Mesh's resources are gone.

use super::appmesh::{Change, Fate};
use super::{Delivery, codes, names};
use crate::frontend::tasks::TYPE;
use meshform_model::diag::Diagnostic;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The parameter that holds the image with agent and Envoy.
pub const IMAGE_PARAMETER: &str = "MeshformProxyImage";
/// The parameter that holds the bucket, with a prefix where there is one.
pub const STORE_PARAMETER: &str = "MeshformStore";
/// The types that nothing deploys any more.
const APP_MESH: &str = "AWS::AppMesh::";

/// The image of the proxy, as a template has it.
pub fn image() -> Json {
    json!({"Ref": IMAGE_PARAMETER})
}

/// The store, as a template has it.
pub fn store() -> Json {
    json!({"Fn::Sub": format!("s3://${{{STORE_PARAMETER}}}")})
}

/// An object of the store, as a template has its ARN.
pub fn template_resource(key: &str) -> Json {
    json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:s3:::${{{STORE_PARAMETER}}}/{key}")})
}

/// The parameters to which a template with such proxies refers.
pub(super) fn parameters(delivery: &Delivery<'_>) -> Map<String, Json> {
    let mut all = Map::new();
    let Delivery::Agent {
        image: own,
        store: place,
    } = delivery
    else {
        return all;
    };
    if **own == image() {
        all.insert(
            IMAGE_PARAMETER.to_owned(),
            json!({
                "Type": "String",
                "Description": "The container image with meshform-agent and Envoy",
            }),
        );
    }
    if **place == store() {
        all.insert(
            STORE_PARAMETER.to_owned(),
            json!({
                "Type": "String",
                "AllowedPattern": "[a-z0-9][a-z0-9.-]+(/[^/]+)*",
                "Description": "The bucket that holds the mesh, or bucket/prefix",
            }),
        );
    }
    all
}

/// Through so many names one may lead; more lead in a circle.
const MAX_NAMES: usize = 16;

/// A task definition of a template, translated.
#[derive(Debug, Clone)]
pub struct PatchedTask {
    /// The definition with the API's names (`containerDefinitions`).
    pub definition: Json,
    /// What its role must allow, where the agent runs.
    pub policy: Option<Json>,
}

/// Puts task definitions, by logical id, into the template that they came from.
///
/// # Errors
/// Where something that stays refers to a resource of App Mesh.
pub fn patch(
    template: &Json,
    tasks: &BTreeMap<String, PatchedTask>,
    delivery: &Delivery<'_>,
) -> Result<(Json, Vec<Change>), Vec<Diagnostic>> {
    let mut out = template.clone();
    let mut changes = Vec::new();
    let mut gone = BTreeSet::new();
    if let Some(resources) = out.get_mut("Resources").and_then(Json::as_object_mut) {
        resources.retain(|id, resource| {
            let stays = !kind(resource).starts_with(APP_MESH);
            if !stays {
                gone.insert(id.clone());
                changes.push(Change {
                    what: id.clone(),
                    fate: Fate::Dropped,
                    why: format!(
                        "`{}` deploys nowhere any more: the mesh lives in the store",
                        kind(resource)
                    ),
                });
            }
            stays
        });
        for (id, resource) in resources.iter_mut() {
            if let (Some(task), Some(fields), TYPE) =
                (tasks.get(id), resource.as_object_mut().cloned(), kind(resource))
            {
                let mut fields = fields;
                fields.insert(
                    "Properties".to_owned(),
                    names::to_cloudformation(&task.definition),
                );
                *resource = Json::Object(fields);
            }
            if let Some(fields) = resource.as_object_mut() {
                wait_less(fields, &gone);
            }
        }
    }
    if let Some(resources) = out.get_mut("Resources").and_then(Json::as_object_mut) {
        for (id, task) in tasks {
            changes.extend(allow(resources, id, task));
        }
    }
    for section in ["Resources", "Outputs"] {
        if let Some(part) = out.get_mut(section) {
            write_out(part, template, 0);
        }
    }
    if let Some(outputs) = out.get_mut("Outputs").and_then(Json::as_object_mut) {
        outputs.retain(|name, output| {
            let stays = !refers(output, &gone);
            if !stays {
                changes.push(Change {
                    what: format!("Outputs.{name}"),
                    fate: Fate::Lost,
                    why:
                        "it shows a resource of App Mesh: other stacks that import it need the literal value"
                            .to_owned(),
                });
            }
            stays
        });
        if outputs.is_empty()
            && let Some(fields) = out.as_object_mut()
        {
            fields.remove("Outputs");
        }
    }
    let resources = out.get("Resources").and_then(Json::as_object);
    let broken: Vec<Diagnostic> = resources
        .into_iter()
        .flatten()
        .filter(|(_, resource)| refers(resource, &gone))
        .map(|(id, _)| {
            Diagnostic::error(
                codes::NOT_ON_ECS,
                format!("`{id}` refers to a resource of App Mesh, which the template does not hold any more"),
            )
            .help("write the name out that it needs of it")
        })
        .collect();
    if !broken.is_empty() {
        return Err(broken);
    }
    let own = parameters(delivery);
    if !own.is_empty()
        && let Some(Json::Object(all)) = out
            .as_object_mut()
            .map(|out| out.entry("Parameters").or_insert_with(|| json!({})))
    {
        all.extend(own);
    }
    Ok((out, changes))
}

/// Names that resources of App Mesh gave to others (`Fn::GetAtt` of `VirtualNodeName`) become what the template gave them.
fn write_out(json: &mut Json, template: &Json, through: usize) {
    let named = |id: &str, attribute: &str| {
        let resource = template.get("Resources")?.get(id)?;
        let own = kind(resource).starts_with(APP_MESH) && attribute.ends_with("Name");
        own.then(|| resource.get("Properties")?.get(attribute))
            .flatten()
            .cloned()
    };
    let name = match json.get("Fn::GetAtt") {
        Some(Json::Array(parts)) => match parts.as_slice() {
            [Json::String(id), Json::String(attribute)] => named(id, attribute),
            _ => None,
        },
        Some(Json::String(text)) => text
            .split_once('.')
            .and_then(|(id, attribute)| named(id, attribute)),
        _ => None,
    };
    if let Some(mut name) = name.filter(|_| through < MAX_NAMES) {
        // The name may be another's name again.
        write_out(&mut name, template, through + 1);
        *json = name;
        return;
    }
    match json {
        Json::Array(list) => list.iter_mut().for_each(|one| write_out(one, template, through)),
        Json::Object(map) => map.values_mut().for_each(|one| write_out(one, template, through)),
        _ => {}
    }
}

/// Lets the role of a task read the proxy's part of the bucket, where the template holds the role.
fn allow(resources: &mut Map<String, Json>, id: &str, task: &PatchedTask) -> Option<Change> {
    let policy = task.policy.as_ref()?;
    let given = task.definition.get("taskRoleArn");
    let role = given.and_then(|role| match (role.get("Ref"), role.get("Fn::GetAtt")) {
        (Some(Json::String(id)), _) => Some(id.clone()),
        (_, Some(Json::Array(parts))) => parts.first()?.as_str().map(str::to_owned),
        (_, Some(Json::String(text))) => text.split('.').next().map(str::to_owned),
        _ => None,
    });
    let role = role.filter(|role| {
        resources
            .get(role)
            .is_some_and(|one| kind(one) == "AWS::IAM::Role")
    });
    let Some(role) = role else {
        return Some(Change {
            what: format!("{id}.TaskRoleArn"),
            fate: Fate::Lost,
            why: "the task's role is not in the template: give it the policy in `task-role-policy.json`"
                .to_owned(),
        });
    };
    let name = format!("{id}MeshformPolicy");
    resources.insert(
        name.clone(),
        json!({
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": name, "PolicyDocument": policy, "Roles": [{"Ref": role}]},
        }),
    );
    Some(Change {
        what: name,
        fate: Fate::Moved,
        why: format!("lets `{role}` read the proxy's configuration and write its status, and nothing else"),
    })
}

fn kind(resource: &Json) -> &str {
    resource.get("Type").and_then(Json::as_str).unwrap_or_default()
}

/// Takes what is gone out of `DependsOn`.
fn wait_less(resource: &mut Map<String, Json>, gone: &BTreeSet<String>) {
    let is_gone = |id: &Json| id.as_str().is_some_and(|id| gone.contains(id));
    let empty = match resource.get_mut("DependsOn") {
        Some(Json::Array(list)) => {
            list.retain(|id| !is_gone(id));
            list.is_empty()
        }
        Some(one) => is_gone(one),
        None => false,
    };
    if empty {
        resource.remove("DependsOn");
    }
}

/// Whether an expression below refers to one of these resources.
fn refers(json: &Json, ids: &BTreeSet<String>) -> bool {
    match json {
        Json::Array(list) => list.iter().any(|one| refers(one, ids)),
        Json::Object(map) => map.iter().any(|(name, value)| match (name.as_str(), value) {
            ("Ref", Json::String(id)) => ids.contains(id),
            ("Fn::GetAtt", Json::Array(parts)) => parts
                .first()
                .and_then(Json::as_str)
                .is_some_and(|id| ids.contains(id)),
            ("Fn::GetAtt", Json::String(text)) => text.split('.').next().is_some_and(|id| ids.contains(id)),
            ("Fn::Sub", Json::String(text)) => names_of(text).any(|id| ids.contains(id)),
            ("Fn::Sub", Json::Array(parts)) => {
                let text = parts.first().and_then(Json::as_str).unwrap_or_default();
                names_of(text).any(|id| ids.contains(id)) || parts.iter().any(|part| refers(part, ids))
            }
            _ => refers(value, ids),
        }),
        _ => false,
    }
}

/// The resources and parameters that a text of `Fn::Sub` names.
fn names_of(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| {
        let inner = rest.split('}').next()?;
        inner.split('.').next().filter(|name| !name.starts_with('!'))
    })
}

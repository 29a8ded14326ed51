//! A template of the user's own, in which the task definitions are ours now and App Mesh's resources are gone.

use super::appmesh::{Change, VariableFate};
use super::{Delivery, codes, names, unused};
use crate::frontend::tasks::TYPE;
use crate::stack::Literals;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// The parameter that holds the image with agent and Envoy.
pub const IMAGE_PARAMETER: &str = "MeshformProxyImage";
/// The parameter that holds the bucket, with a prefix where there is one.
pub const STORE_PARAMETER: &str = "MeshformStore";

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

/// A task definition of a template, translated.
#[derive(Debug, Clone)]
pub struct PatchedTask {
    /// The definition with the API's names (`containerDefinitions`).
    pub definition: Json,
    /// What its role must allow, where the agent runs.
    pub policy: Option<Json>,
    /// Where it stands.
    pub place: Option<ProblemLocation>,
}

/// Puts task definitions, by logical id, into the template that they came from. Names and ARNs that resources of App
/// Mesh gave to others are written out; `given` has those that no template tells, by `LOGICAL.ATTRIBUTE`.
///
/// # Errors
/// Where something that stays refers to a resource of App Mesh, and what it needs of it is not known.
pub fn patch(
    template: &Json,
    tasks: &BTreeMap<String, PatchedTask>,
    delivery: &Delivery<'_>,
    given: &BTreeMap<String, String>,
) -> Result<(Json, Vec<Change>), Vec<Diagnostic>> {
    let literals = Literals::of(template, given)?;
    let mut out = template.clone();
    let mut changes = Vec::new();
    let mut problems = Vec::new();
    if let Some(resources) = out.get_mut("Resources").and_then(Json::as_object_mut) {
        resources.retain(|id, resource| {
            let stays = !literals.holds(id);
            if !stays {
                changes.push(Change {
                    what: id.clone(),
                    fate: VariableFate::Dropped,
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
                wait_less(fields, &literals);
            }
            let before = resource.clone();
            for needed in literals.write_out(resource) {
                let place = tasks.get(id).and_then(|task| task.place.clone());
                problems.push(unknown(id, &needed, place));
            }
            changes.extend((*resource != before).then(|| Change {
                what: id.clone(),
                fate: VariableFate::Moved,
                why: "names and ARNs that it had of App Mesh's resources are written out".to_owned(),
            }));
        }
        for (id, task) in tasks {
            changes.extend(allow(resources, id, task));
        }
    }
    if let Some(outputs) = out.get_mut("Outputs").and_then(Json::as_object_mut) {
        outputs.retain(|name, output| {
            let unknown = literals.write_out(output);
            changes.extend(unknown.first().map(|needed| Change {
                what: format!("Outputs.{name}"),
                fate: VariableFate::Lost,
                why: format!(
                    "it outputs `{needed}` of App Mesh, whose value does not follow from the template: other \
                     stacks that import it need the literal value (`--attribute {needed}=VALUE`)"
                ),
            }));
            unknown.is_empty()
        });
        if outputs.is_empty()
            && let Some(fields) = out.as_object_mut()
        {
            fields.remove("Outputs");
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    changes.extend(unused::remove(template, &mut out));
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

/// That a resource which stays needs what only App Mesh could give.
fn unknown(id: &str, needed: &str, place: Option<ProblemLocation>) -> Diagnostic {
    let problem = Diagnostic::error(
        codes::NOT_ON_ECS,
        format!(
            "`{id}` needs `{needed}` of an App Mesh resource, whose value does not follow from the template"
        ),
    )
    .help(format!(
        "give it with `--attribute {needed}=VALUE`, or write it out in the template"
    ));
    match place {
        Some(place) => problem.at(place),
        None => problem,
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
            fate: VariableFate::Lost,
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
        fate: VariableFate::Moved,
        why: format!("lets `{role}` read the proxy's configuration and write its status, and nothing else"),
    })
}

fn kind(resource: &Json) -> &str {
    resource.get("Type").and_then(Json::as_str).unwrap_or_default()
}

/// Takes what is gone out of `DependsOn`.
fn wait_less(resource: &mut Map<String, Json>, literals: &Literals<'_>) {
    let is_gone = |id: &Json| id.as_str().is_some_and(|id| literals.holds(id));
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

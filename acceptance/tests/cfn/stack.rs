//! CloudFormation: creates, updates and deletes stacks of custom resources as it does, with rollbacks and cleanups. What
//! is of no mesh is taken to be there; `AWS::AppMesh::*` can be kept and retained, and nothing else.

use crate::lambda::{FUNCTION, Lambda};
use crate::template::{Scope, named, policies_aside, texts};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// Parameters of a stack, by name.
pub(crate) type Parameters = BTreeMap<String, String>;

#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: &'static str,
    pub(crate) reasons: Vec<String>,
}

pub(crate) struct CloudFormation<'l> {
    lambda: &'l Lambda,
    pub(crate) stacks: BTreeMap<String, Stack>,
    /// Whether Lambda delivers each event twice.
    pub(crate) twice: bool,
    /// The events that were sent.
    pub(crate) sent: Vec<Value>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Stack {
    pub(crate) id: String,
    template: Value,
    parameters: Parameters,
    pub(crate) resources: BTreeMap<String, Resource>,
    pub(crate) outputs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Resource {
    kind: String,
    pub(crate) physical: String,
    pub(crate) attributes: Value,
    properties: Value,
    retained: bool,
}

/// What a step does to a resource.
struct StackOperation {
    id: String,
    request: &'static str,
    resource: Resource,
    old: Option<Resource>,
}

/// A number that nothing else has: ids of CloudFormation never come again.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn ended(done: Result<Done, String>, status: &str) -> Vec<String> {
    let done = done.unwrap();
    assert_eq!(done.status, status, "{:?}", done.reasons);
    done.reasons
}

impl<'l> CloudFormation<'l> {
    pub(crate) fn new(lambda: &'l Lambda) -> Self {
        Self {
            lambda,
            stacks: BTreeMap::new(),
            twice: false,
            sent: Vec::new(),
        }
    }

    /// A stack as it was when App Mesh still was there.
    pub(crate) fn deployed_before(&mut self, name: &str, template: &Value, of_mesh: &[(&str, &str)]) {
        let mut stack = Self::fresh(name, template, &Parameters::new());
        for (id, resource) in template["Resources"].as_object().unwrap() {
            let physical = of_mesh.iter().find(|(known, _)| known == id).map(|(_, arn)| *arn);
            let mut made = made_of(name, id, resource);
            if let Some(arn) = physical {
                let last = arn.rsplit('/').next().unwrap();
                let kind = made.kind.rsplit("::").next().unwrap();
                made.physical = arn.to_owned();
                made.attributes = json!({"Arn": arn, "MeshName": "apps", "Uid": format!("uid-{last}")});
                made.attributes[format!("{kind}Name")] = json!(last);
            }
            stack.resources.insert(id.clone(), made);
        }
        let exports = self.exports(name);
        for (id, resource) in template["Resources"].as_object().unwrap() {
            let value = scope(&stack, &exports, name).value(&resource["Properties"]);
            stack.resources.get_mut(id).unwrap().properties = texts(&value);
        }
        stack.outputs = outputs(&stack, &exports, name);
        self.stacks.insert(name.to_owned(), stack);
    }

    pub(crate) fn create(
        &mut self,
        name: &str,
        template: &Value,
        parameters: &Parameters,
    ) -> Result<Done, String> {
        assert!(!self.stacks.contains_key(name), "{name} is there");
        let template = self.expanded(name, template, parameters)?;
        let mut stack = Self::fresh(name, &template, parameters);
        let before = stack.clone();
        let reasons = self.bring(name, &mut stack);
        if reasons.is_empty() {
            stack.outputs = outputs(&stack, &self.exports(name), name);
            self.stacks.insert(name.to_owned(), stack);
            return Ok(Done {
                status: "CREATE_COMPLETE",
                reasons,
            });
        }
        let more = self.back(name, &mut stack, &before);
        assert!(more.is_empty(), "the rollback failed: {more:?}");
        Ok(Done {
            status: "ROLLBACK_COMPLETE",
            reasons,
        })
    }

    pub(crate) fn update(
        &mut self,
        name: &str,
        template: &Value,
        parameters: &Parameters,
    ) -> Result<Done, String> {
        let template = self.expanded(name, template, parameters)?;
        let before = self.stacks[name].clone();
        for (id, resource) in template["Resources"].as_object().unwrap() {
            let old = before.template["Resources"].get(id);
            if old.is_some_and(|old| old["Type"] != resource["Type"]) {
                return Err(format!("Update of resource type is not permitted: {id}"));
            }
        }
        if policies_aside(&template) == policies_aside(&before.template) && *parameters == before.parameters {
            return Err("No updates are to be performed.".to_owned());
        }
        let mut stack = Stack {
            template,
            parameters: parameters.clone(),
            ..before.clone()
        };
        let reasons = self.bring(name, &mut stack);
        if !reasons.is_empty() {
            let more = self.back(name, &mut stack, &before);
            assert!(more.is_empty(), "the rollback failed: {more:?}");
            self.stacks.insert(name.to_owned(), stack);
            return Ok(Done {
                status: "UPDATE_ROLLBACK_COMPLETE",
                reasons,
            });
        }
        stack.outputs = outputs(&stack, &self.exports(name), name);
        self.check_exports(name, &before, &stack)?;
        let reasons = self.cleanup(name, &before, &mut stack);
        self.stacks.insert(name.to_owned(), stack);
        Ok(Done {
            status: "UPDATE_COMPLETE",
            reasons,
        })
    }

    pub(crate) fn delete(&mut self, name: &str) -> Done {
        let mut stack = self.stacks.remove(name).unwrap();
        let all: BTreeSet<String> = stack.resources.keys().cloned().collect();
        let reasons = self.take_away(name, &mut stack, all);
        if reasons.is_empty() {
            return Done {
                status: "DELETE_COMPLETE",
                reasons,
            };
        }
        self.stacks.insert(name.to_owned(), stack);
        Done {
            status: "DELETE_FAILED",
            reasons,
        }
    }

    fn fresh(name: &str, template: &Value, parameters: &Parameters) -> Stack {
        Stack {
            id: format!(
                "arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/{:08x}",
                number()
            ),
            template: template.clone(),
            parameters: parameters.clone(),
            ..Stack::default()
        }
    }

    /// The template after its macros.
    fn expanded(&mut self, name: &str, template: &Value, parameters: &Parameters) -> Result<Value, String> {
        let mut plain = template.clone();
        let Some(transform) = plain.as_object_mut().unwrap().remove("Transform") else {
            return Ok(plain);
        };
        assert!(
            transform == "Meshform" || transform == json!(["Meshform"]),
            "{transform}"
        );
        let id = number().to_string();
        let event = json!({"region": "eu-west-1", "accountId": "123456789012", "fragment": plain, "params": {},
            "transformId": "123456789012::Meshform", "requestId": id, "templateParameterValues": parameters});
        let invocation = self.lambda.invoke(&event, false);
        let answer = self
            .lambda
            .outcome(&invocation)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(answer["requestId"], id);
        match answer["status"].as_str() {
            Some("success") => Ok(answer["fragment"].clone()),
            _ => Err(answer["errorMessage"].as_str().unwrap().to_owned()),
        }
    }

    /// Creates and updates what the stack's template says. The answer is why resources failed.
    fn bring(&mut self, name: &str, stack: &mut Stack) -> Vec<String> {
        let exports = self.exports(name);
        let mut waiting = wanted(stack, &exports, name);
        let mut reasons = Vec::new();
        while !waiting.is_empty() && reasons.is_empty() {
            let open: BTreeSet<String> = waiting.keys().cloned().collect();
            let ready = waiting.iter().filter(|(_, needs)| needs.is_disjoint(&open));
            let ready: Vec<String> = ready.map(|(id, _)| id.clone()).collect();
            assert!(!ready.is_empty(), "a circle: {waiting:?}");
            let mut steps = Vec::new();
            for id in ready {
                waiting.remove(&id);
                let written = stack.template["Resources"][&id].clone();
                let mut resource = made_of(name, &id, &written);
                resource.properties = match resource.kind.contains("AppMesh") {
                    true => texts(&scope(stack, &exports, name).value(&written["Properties"])),
                    false => written["Properties"].clone(),
                };
                let old = stack.resources.get(&id).cloned();
                if let Some(old) = &old {
                    resource.physical.clone_from(&old.physical);
                    resource.attributes = old.attributes.clone();
                }
                let changed = old
                    .as_ref()
                    .is_none_or(|old| old.properties != resource.properties);
                let kind = resource.kind.as_str();
                match (kind.starts_with("Custom::"), changed) {
                    (true, true) => {
                        let request = if old.is_some() { "Update" } else { "Create" };
                        steps.push(StackOperation {
                            id,
                            request,
                            resource,
                            old,
                        });
                    }
                    (false, true) if kind.starts_with("AWS::AppMesh::") => {
                        reasons.push(format!("{id}: App Mesh is not available"));
                    }
                    _ => drop(stack.resources.insert(id, resource)),
                }
            }
            reasons.extend(self.run(stack, steps));
        }
        reasons
    }

    /// Makes a stack what it was, after an operation failed.
    fn back(&mut self, name: &str, stack: &mut Stack, before: &Stack) -> Vec<String> {
        let failed = stack.clone();
        let updated = before.resources.iter().filter(|(id, old)| {
            old.kind.starts_with("Custom::")
                && stack
                    .resources
                    .get(*id)
                    .is_some_and(|now| now.properties != old.properties)
        });
        let steps: Vec<StackOperation> = updated
            .map(|(id, old)| StackOperation {
                id: id.clone(),
                request: "Update",
                resource: Resource {
                    physical: stack.resources[id].physical.clone(),
                    ..old.clone()
                },
                old: stack.resources.get(id).cloned(),
            })
            .collect();
        let mut reasons = self.run(stack, steps);
        let others = before
            .resources
            .iter()
            .filter(|(_, old)| !old.kind.starts_with("Custom::"));
        stack
            .resources
            .extend(others.map(|(id, old)| (id.clone(), old.clone())));
        stack.template = before.template.clone();
        stack.parameters = before.parameters.clone();
        // What the failed operation made goes: new resources, and those in whose place the old ones are again.
        reasons.extend(self.cleanup(name, &failed, stack));
        let created: BTreeSet<String> = stack
            .resources
            .keys()
            .filter(|id| !before.resources.contains_key(*id))
            .cloned()
            .collect();
        stack.template = failed.template;
        reasons.extend(self.take_away(name, stack, created));
        stack.template = before.template.clone();
        reasons
    }

    /// Deletes what was replaced, and what the template has no more.
    fn cleanup(&mut self, name: &str, before: &Stack, stack: &mut Stack) -> Vec<String> {
        let replaced = before.resources.iter().filter(|(id, old)| {
            let now = stack.resources.get(*id);
            now.is_some_and(|now| now.physical != old.physical)
        });
        let mut reasons = Vec::new();
        let steps: Vec<StackOperation> = replaced
            .map(|(id, old)| StackOperation {
                id: id.clone(),
                request: "Delete",
                resource: old.clone(),
                old: None,
            })
            .collect();
        for step in steps {
            let answer = self.ask(stack, &[step]).pop().unwrap();
            reasons.extend(reason(answer));
        }
        let exports = self.exports(name);
        let there = wanted(stack, &exports, name);
        let removed: BTreeSet<String> = stack
            .resources
            .keys()
            .filter(|id| !there.contains_key(*id))
            .cloned()
            .collect();
        let mut gone = stack.clone();
        gone.template = before.template.clone();
        reasons.extend(self.take_away(name, &mut gone, removed));
        stack.resources = gone.resources;
        reasons
    }

    /// Deletes resources, those that others need last.
    fn take_away(&mut self, name: &str, stack: &mut Stack, ids: BTreeSet<String>) -> Vec<String> {
        let exports = self.exports(name);
        let needs = wanted(stack, &exports, name);
        let mut left = ids;
        let mut reasons = Vec::new();
        while !left.is_empty() && reasons.is_empty() {
            let needed: BTreeSet<&String> = left.iter().filter_map(|id| needs.get(id)).flatten().collect();
            let ready: Vec<String> = left.iter().filter(|id| !needed.contains(id)).cloned().collect();
            let mut steps = Vec::new();
            for id in ready {
                left.remove(&id);
                let resource = stack.resources[&id].clone();
                if resource.retained || !resource.kind.contains("AppMesh") {
                    stack.resources.remove(&id);
                } else if resource.kind.starts_with("Custom::") {
                    steps.push(StackOperation {
                        id,
                        request: "Delete",
                        resource,
                        old: None,
                    });
                } else {
                    reasons.push(format!("{id}: App Mesh is not available"));
                }
            }
            let answers = self.ask(stack, &steps);
            for (step, answer) in steps.into_iter().zip(answers) {
                match reason(answer) {
                    None => drop(stack.resources.remove(&step.id)),
                    Some(why) => reasons.push(format!("{}: {why}", step.id)),
                }
            }
        }
        reasons
    }

    /// Runs creates and updates of one moment, and takes up what is answered.
    fn run(&mut self, stack: &mut Stack, steps: Vec<StackOperation>) -> Vec<String> {
        let answers = self.ask(stack, &steps);
        let mut reasons = Vec::new();
        for (step, answer) in steps.into_iter().zip(answers) {
            let StackOperation {
                id,
                mut resource,
                old,
                ..
            } = step;
            let name = id.clone();
            match &answer {
                Some(answer) => {
                    resource.physical = answer["PhysicalResourceId"].as_str().unwrap().to_owned();
                    resource.attributes = answer["Data"].clone();
                }
                // CloudFormation makes one up for what never answered.
                None if old.is_none() => resource.physical = format!("stack-{id}-1ABCDEFGHIJKL"),
                None => {}
            }
            assert!(resource.physical.len() <= 1024 && !resource.physical.is_empty());
            stack.resources.insert(id, resource);
            reasons.extend(reason(answer).map(|why| format!("{name}: {why}")));
        }
        reasons
    }

    /// Sends the events of one moment, and waits for their answers.
    fn ask(&mut self, stack: &Stack, steps: &[StackOperation]) -> Vec<Option<Value>> {
        let mut invocations = Vec::new();
        for step in steps {
            let request = format!("request-{}", number());
            let mut event = json!({
                "RequestType": step.request, "RequestId": request, "ResponseURL": self.lambda.answer_url(&request),
                "StackId": stack.id, "ServiceToken": FUNCTION, "ResourceType": step.resource.kind,
                "LogicalResourceId": step.id, "ResourceProperties": step.resource.properties,
            });
            if step.request != "Create" {
                event["PhysicalResourceId"] = json!(step.resource.physical);
            }
            if let Some(old) = &step.old {
                event["OldResourceProperties"] = old.properties.clone();
            }
            assert_eq!(step.resource.properties["ServiceToken"], FUNCTION);
            assert_eq!(step.resource.properties["ServiceTimeout"], "600");
            let again = self.twice.then(|| self.lambda.invoke(&event, true));
            invocations.push((self.lambda.invoke(&event, true), again, request));
            self.sent.push(event);
        }
        let wait = |(invocation, again, request): (String, Option<String>, String)| {
            let answer = self.lambda.answer(&invocation, &request);
            if let Some(again) = again {
                self.lambda.outcome(&again).unwrap();
            }
            if let Some(answer) = &answer {
                assert_eq!(answer["RequestId"], request);
            }
            answer
        };
        invocations.into_iter().map(wait).collect()
    }

    fn exports(&self, but: &str) -> BTreeMap<String, String> {
        let others = self.stacks.iter().filter(|(name, _)| *name != but);
        others.flat_map(|(name, stack)| exported(stack, name)).collect()
    }

    /// What others import stays as it is.
    fn check_exports(&self, name: &str, before: &Stack, after: &Stack) -> Result<(), String> {
        let now = exported(after, name);
        for (export, value) in exported(before, name) {
            let mut others = self.stacks.iter().filter(|(other, _)| *other != name);
            let used = others.any(|(_, other)| {
                other
                    .template
                    .to_string()
                    .contains(&format!("\"Fn::ImportValue\":\"{export}\""))
            });
            if used && now.get(&export) != Some(&value) {
                return Err(format!("Export {export} cannot be updated as it is in use"));
            }
        }
        Ok(())
    }
}

fn reason(answer: Option<Value>) -> Option<String> {
    match answer {
        None => Some("no answer".to_owned()),
        Some(answer) if answer["Status"] == "SUCCESS" => None,
        Some(answer) => Some(answer["Reason"].as_str().unwrap().to_owned()),
    }
}

fn made_of(stack: &str, id: &str, written: &Value) -> Resource {
    Resource {
        kind: written["Type"].as_str().unwrap().to_owned(),
        physical: format!("{stack}-{id}"),
        attributes: json!({}),
        properties: json!({}),
        retained: written["DeletionPolicy"] == "Retain",
    }
}

fn scope<'a>(stack: &'a Stack, exports: &'a BTreeMap<String, String>, name: &'a str) -> Owned<'a> {
    Owned {
        physical: stack
            .resources
            .iter()
            .map(|(id, one)| (id.clone(), one.physical.clone()))
            .collect(),
        attributes: stack
            .resources
            .iter()
            .map(|(id, one)| (id.clone(), one.attributes.clone()))
            .collect(),
        stack,
        exports,
        name,
    }
}

struct Owned<'a> {
    stack: &'a Stack,
    exports: &'a BTreeMap<String, String>,
    name: &'a str,
    physical: BTreeMap<String, String>,
    attributes: BTreeMap<String, Value>,
}

impl Owned<'_> {
    fn scope(&self) -> Scope<'_> {
        Scope {
            template: &self.stack.template,
            parameters: &self.stack.parameters,
            stack: self.name,
            physical: &self.physical,
            attributes: &self.attributes,
            exports: self.exports,
        }
    }

    fn value(&self, json: &Value) -> Value {
        self.scope().value(json)
    }
}

/// The resources that the template makes, and what each needs.
fn wanted(
    stack: &Stack,
    exports: &BTreeMap<String, String>,
    name: &str,
) -> BTreeMap<String, BTreeSet<String>> {
    let owned = scope(stack, exports, name);
    let all = stack.template["Resources"].as_object().unwrap();
    let made = all.iter().filter(|(_, one)| {
        let condition = one.get("Condition").and_then(Value::as_str);
        condition.is_none_or(|condition| owned.scope().condition(condition))
    });
    let mut found = BTreeMap::new();
    for (id, one) in made {
        let mut needs = BTreeSet::new();
        named(&one["Properties"], &mut needs);
        match &one["DependsOn"] {
            Value::String(other) => drop(needs.insert(other.clone())),
            Value::Array(others) => {
                needs.extend(others.iter().map(|other| other.as_str().unwrap().to_owned()))
            }
            _ => {}
        }
        needs.retain(|other| all.contains_key(other) && other != id);
        found.insert(id.clone(), needs);
    }
    found
}

fn outputs(stack: &Stack, exports: &BTreeMap<String, String>, name: &str) -> BTreeMap<String, String> {
    let owned = scope(stack, exports, name);
    let all = stack.template["Outputs"].as_object().into_iter().flatten();
    all.map(|(output, said)| {
        (
            output.clone(),
            owned.value(&said["Value"]).as_str().unwrap().to_owned(),
        )
    })
    .collect()
}

fn exported(stack: &Stack, name: &str) -> BTreeMap<String, String> {
    let empty = BTreeMap::new();
    let owned = scope(stack, &empty, name);
    let all = stack.template["Outputs"].as_object().into_iter().flatten();
    let exports = all.filter(|(_, said)| said.get("Export").is_some());
    exports
        .map(|(output, said)| {
            let export = owned.value(&said["Export"]["Name"]);
            (
                export.as_str().unwrap().to_owned(),
                stack.outputs.get(output).cloned().unwrap_or_default(),
            )
        })
        .collect()
}

//! ECS task definitions that stand beside a mesh: in the same template or state, or by themselves, as
//! `aws ecs describe-task-definition` prints and `aws ecs register-task-definition` takes them.

use super::Reading;
use super::cloudformation::{self, Stacks, Template, TemplateScope};
use meshform_model::value::{Node, Span};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A task definition that an input holds.
#[derive(Debug, Clone)]
pub struct FoundTask {
    /// What its form calls it: a logical id, an address, a family.
    pub label: String,
    pub form: TaskForm,
    /// As it was read, in its form's own spelling; expressions of CloudFormation are functions.
    pub written: Json,
    /// The same with every expression worked out that the template has a value for.
    pub known: Json,
    pub span: Option<Span>,
}

/// How a task definition was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskForm {
    /// `AWS::ECS::TaskDefinition` of the template with this number in [`Reading::templates`](super::Reading::templates).
    CloudFormation(usize),
    /// The API's JSON, such as `aws ecs describe-task-definition` prints.
    Api,
    /// `aws_ecs_task_definition` of a state, or of what `terraform show -json` prints.
    Terraform,
}

/// A template as a whole.
#[derive(Debug, Clone)]
pub struct FoundTemplate {
    /// What its input is called.
    pub name: String,
    /// The whole template, with functions in their long form.
    pub json: Json,
}

pub(crate) const TYPE: &str = "AWS::ECS::TaskDefinition";
const TERRAFORM: &str = "aws_ecs_task_definition";

/// The task definitions that a document is: one, or a list of them, as `jq -s` makes of several. Nothing when it is
/// anything else.
pub(super) fn by_themselves(document: &Node) -> Option<Vec<FoundTask>> {
    let all = document.as_list().unwrap_or(std::slice::from_ref(document));
    let theirs = !all.is_empty() && all.iter().all(is_one);
    theirs.then(|| all.iter().filter_map(by_itself).collect())
}

fn is_one(document: &Node) -> bool {
    let definition = document.get("taskDefinition").unwrap_or(document);
    definition
        .get("containerDefinitions")
        .is_some_and(|all| all.as_list().is_some())
}

fn by_itself(document: &Node) -> Option<FoundTask> {
    let definition = document.get("taskDefinition").unwrap_or(document);
    let mut written = definition.to_json()?;
    // `describe-task-definition --include TAGS` has them beside the definition.
    let tags = document.get("tags").and_then(Node::to_json);
    let tags = tags.filter(|tags| tags.as_array().is_some_and(|tags| !tags.is_empty()));
    if let (Some(tags), Some(fields)) = (tags, written.as_object_mut()) {
        fields.insert("tags".to_owned(), tags);
    }
    let family = written.get("family").and_then(Json::as_str);
    Some(FoundTask {
        label: family.unwrap_or("task definition").to_owned(),
        form: TaskForm::Api,
        known: written.clone(),
        written,
        span: definition.span,
    })
}

/// Adds the task definitions of a template and of the stacks that it nests, and with them these templates. Of a template
/// that several stacks nest, those of its first stack. Values that are missing are no problem here: most are of no
/// interest to the mesh.
pub(super) fn of_template<'s>(
    template: usize,
    stacks: &'s Stacks,
    scope: &mut TemplateScope<'s>,
    reading: &mut Reading,
) {
    let mut seen = BTreeSet::new();
    for stack in stacks.of_template(template) {
        if !scope.deployed(stack) {
            continue;
        }
        let number = stacks.stacks.get(stack).map(|stack| stack.template);
        if let Some(template) = number
            .filter(|number| seen.insert(*number))
            .and_then(|number| stacks.templates.get(number))
        {
            scope.enter(stack);
            of_stack(template, scope, reading);
        }
    }
}

fn of_stack(template: &Template, scope: &mut TemplateScope<'_>, reading: &mut Reading) {
    let resources = template.root.get("Resources").and_then(Node::as_object);
    let of_type = |node: &Node| node.get("Type").and_then(Node::as_str) == Some(TYPE);
    let mut found = Vec::new();
    for field in resources
        .into_iter()
        .flatten()
        .filter(|field| of_type(&field.node))
    {
        let Some(properties) = field.node.get("Properties") else {
            continue;
        };
        let known = cloudformation::evaluate(properties, scope).and_then(|node| node.to_json());
        if let (Some(written), Some(known)) = (properties.to_json(), known) {
            found.push(FoundTask {
                label: field.name.clone(),
                form: TaskForm::CloudFormation(reading.templates.len()),
                written,
                known,
                span: field.name_span,
            });
        }
    }
    if found.is_empty() {
        // Nobody needs the template, which takes more memory than anything else here.
        return;
    }
    if let Some(json) = template.root.to_json() {
        reading.tasks.extend(found);
        reading.templates.push(FoundTemplate {
            name: template.file.clone(),
            json,
        });
    }
}

/// The task definitions of a state, or of what `terraform show -json` prints.
pub(super) fn of_state(document: &Node) -> Vec<FoundTask> {
    let mut all = Vec::new();
    let list = |node: &Node, name: &str| {
        node.get(name)
            .and_then(Node::as_list)
            .unwrap_or_default()
            .to_vec()
    };
    for resource in list(document, "resources") {
        for instance in list(&resource, "instances") {
            all.extend(
                instance
                    .get("attributes")
                    .and_then(|values| terraform(&resource, values)),
            );
        }
    }
    let shown = document.get("values").or_else(|| document.get("planned_values"));
    let mut modules: Vec<Node> = shown
        .and_then(|values| values.get("root_module"))
        .into_iter()
        .cloned()
        .collect();
    while let Some(module) = modules.pop() {
        for resource in list(&module, "resources") {
            all.extend(
                resource
                    .get("values")
                    .and_then(|values| terraform(&resource, values)),
            );
        }
        modules.extend(list(&module, "child_modules"));
    }
    all
}

fn terraform(resource: &Node, values: &Node) -> Option<FoundTask> {
    let text = |name: &str| resource.get(name).and_then(Node::as_str);
    if text("type") != Some(TERRAFORM) || text("mode").is_some_and(|mode| mode != "managed") {
        return None;
    }
    let written = values.to_json()?;
    let own = || format!("{TERRAFORM}.{}", text("name").unwrap_or_default());
    Some(FoundTask {
        label: text("address").map_or_else(own, str::to_owned),
        form: TaskForm::Terraform,
        known: written.clone(),
        written,
        span: resource.span,
    })
}

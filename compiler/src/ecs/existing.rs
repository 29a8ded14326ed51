//! Task definitions that somebody has: read from any form, App Mesh's own Envoy in them translated, everything else left
//! as it is.

use super::appmesh::{self, Change, NoSubject, VariableFate};
use super::{
    Delivery, Task, Templates, check, codes, companions, forms, interception, names, ports, sidecar,
};
use crate::frontend::tasks::{FoundTask, TaskForm};
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_model::spec::Interception;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// A task definition with App Mesh's Envoy in it.
#[derive(Debug, Clone)]
pub struct Existing {
    /// What its form calls it.
    pub label: String,
    pub form: TaskForm,
    /// The virtual node or virtual gateway that its Envoy is.
    pub key: ResourceKey,
    /// What its variables and its proxy configuration say to a proxy profile: the fields of its `spec`.
    pub profile: Json,
    /// What becomes of each variable.
    pub changes: Vec<Change>,
    /// The definition with the API's names (`containerDefinitions`), whatever form it was read from.
    definition: Json,
    /// The name of App Mesh's container.
    container: String,
    /// The variables that leave it.
    gone: BTreeSet<String>,
    found: FoundTask,
}

/// A task definition with our proxy in it.
#[derive(Debug, Clone)]
pub struct Translated {
    /// In the API's spelling, as `register-task-definition` takes it.
    pub definition: Json,
    /// What became of variables and fields.
    pub changes: Vec<Change>,
    /// What works differently from what one may expect.
    pub warnings: Vec<Diagnostic>,
}

/// Recognises a task definition with App Mesh's Envoy; one without it is none.
///
/// # Errors
/// Where the Envoy does not say which proxy it is, or the form cannot be read.
pub fn recognise(found: &FoundTask, agent: bool) -> Result<Option<Existing>, Diagnostic> {
    let definition = forms::api(found.form, &found.written).map_err(|problem| at(problem, found))?;
    let known = forms::api(found.form, &found.known).map_err(|problem| at(problem, found))?;
    let Some(container) = appmesh::find(&known) else {
        return match without_proxy(&known, &found.label) {
            Some(problem) => Err(at(problem, found)),
            None => Ok(None),
        };
    };
    let key = appmesh::subject(container).map_err(|why| at(unnamed(container, &why, &found.label), found))?;
    let translation = appmesh::translate(&known, container, agent);
    Ok(Some(Existing {
        label: found.label.clone(),
        form: found.form,
        key,
        profile: Json::Object(translation.profile),
        changes: translation.changes,
        definition,
        container: text(container, "name").to_owned(),
        gone: translation.gone,
        found: found.clone(),
    }))
}

/// A task definition that is one of the mesh, and yet has no Envoy.
fn without_proxy(definition: &Json, label: &str) -> Option<Diagnostic> {
    let containers = definition.get("containerDefinitions")?.as_array()?;
    if let Some(at) = containers.iter().position(|one| !one.is_object()) {
        let message = format!("container {at} of the task definition `{label}` is not an object");
        let help = "give each container as in ECS's API; where a jq variable stands for JSON, run jq first";
        return Some(Diagnostic::error(codes::CONTAINERS, message).help(help));
    }
    let wanted = definition
        .pointer("/proxyConfiguration/containerName")?
        .as_str()?;
    // What CloudFormation chooses may have the name.
    if containers.iter().any(names::is_function) {
        return None;
    }
    let message = format!(
        "the proxy configuration of the task definition `{label}` names the container `{wanted}`, which is not there"
    );
    Some(
        Diagnostic::error(codes::NO_SUBJECT, message)
            .help("name the container that is App Mesh's Envoy, or take the proxy configuration out"),
    )
}

/// A task definition by itself in which no proxy was found: nothing becomes of it.
pub fn untouched(found: &FoundTask) -> Option<Diagnostic> {
    (found.form == TaskForm::Api).then(|| {
        let message = format!(
            "the task definition `{}` has no App Mesh Envoy and is skipped",
            found.label
        );
        let problem = Diagnostic::warning(codes::NO_ENVOY, message).help(
            "to have a proxy put into it, add a container `envoy` with the variable `APPMESH_RESOURCE_ARN` = \
             `mesh/NAME/virtualNode/NAME`",
        );
        at(problem, found)
    })
}

/// That the Envoy of a task definition does not say which proxy it is.
fn unnamed(container: &Map<String, Json>, why: &NoSubject, label: &str) -> Diagnostic {
    const PLAIN: &str = "`mesh/NAME/virtualNode/NAME`";
    let listed = |field: &str| {
        container
            .get(field)
            .is_none_or(|list| list.is_array() || list.is_null())
    };
    let odd = ["environment", "secrets"]
        .into_iter()
        .find(|field| !listed(field));
    let (why, help) = match (why, odd) {
        (NoSubject::Unset, Some(field)) => (
            format!("its `{field}` is not a list"),
            format!(
                "ECS takes a list of objects with `name` and `{}`",
                if field == "secrets" { "valueFrom" } else { "value" }
            ),
        ),
        (NoSubject::Unset, None) => (
            "`APPMESH_RESOURCE_ARN` is not set".to_owned(),
            format!("set `APPMESH_RESOURCE_ARN` to {PLAIN}"),
        ),
        (NoSubject::Secret(name), _) => (
            format!("`{name}` is in `secrets`, whose values only ECS reads"),
            format!("it is no secret: write {PLAIN} into `environment`"),
        ),
        (NoSubject::Computed(name), _) => {
            let options: Vec<String> = appmesh::unresolved(container).into_iter().collect();
            let help = match options.is_empty() {
                true => format!("write {PLAIN} there"),
                false => format!("give what it is made of: {}", options.join(", ")),
            };
            (
                format!("`{name}` has a value that only CloudFormation knows"),
                help,
            )
        }
        (NoSubject::Other(name, value), _) => (
            format!("`{name}` is `{value}`, which names no virtual node or virtual gateway"),
            format!("set `{name}` to {PLAIN}"),
        ),
    };
    let message = format!("the Envoy of the task definition `{label}` names no proxy: {why}");
    Diagnostic::error(codes::NO_SUBJECT, message).help(help)
}

fn at(problem: Diagnostic, found: &FoundTask) -> Diagnostic {
    match found.span {
        Some(span) => problem.at(ProblemLocation::at(&Pointer::root(), Some(span))),
        None => problem,
    }
}

impl Existing {
    /// Where it stands, in a file.
    pub fn place(&self) -> Option<ProblemLocation> {
        self.found
            .span
            .map(|span| ProblemLocation::at(&Pointer::root(), Some(span)))
    }

    /// A problem of it, at its place.
    pub fn problem(&self, problem: Diagnostic) -> Diagnostic {
        at(problem, &self.found)
    }

    /// The task definition with our proxy instead of App Mesh's.
    ///
    /// # Errors
    /// Where ECS cannot do with it what the profile asks for.
    pub fn translate(&self, task: &Task<'_>, templates: &Templates) -> Result<Translated, Vec<Diagnostic>> {
        let mut problems = self.misfits(task);
        let mut definition = self.definition.clone();
        let mut changes = self.changes.clone();
        let mut containers = definition
            .get("containerDefinitions")
            .cloned()
            .unwrap_or_default();
        self.clear(&mut containers);
        changes.extend(companions::replace(task, &mut containers));
        changes.extend(self.later(&containers));
        let mut made = match sidecar::beside(task, &containers, &self.container, templates) {
            Ok(made) if problems.is_empty() => made,
            Ok(_) => return Err(problems),
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| self.problem(problem)));
                return Err(problems);
            }
        };
        for field in [
            "image",
            "command",
            "entryPoint",
            "healthCheck",
            "stopTimeout",
            "user",
        ] {
            changes.extend(self.replaced(field, &made.containers));
        }
        let before = definition.get("proxyConfiguration").filter(|one| one.is_object());
        changes.extend(interception::changes(task, before, made.intercepted.as_ref()));
        changes.sort_by(|a, b| (a.fate, &a.what).cmp(&(b.fate, &b.what)));
        let mut warnings = made.warnings;
        warnings.extend(self.on_the_host(task, &mut made.containers));
        warnings.extend(self.without_role(task));
        let Some(fields) = definition.as_object_mut() else {
            return Err(problems);
        };
        fields.insert("containerDefinitions".to_owned(), made.containers);
        match made.intercepted {
            Some(configuration) => drop(fields.insert("proxyConfiguration".to_owned(), configuration)),
            None => drop(fields.remove("proxyConfiguration")),
        }
        let volumes = made.volumes.iter().map(|name| json!({"name": name})).collect();
        sidecar::merge(fields, "volumes", &Json::Array(volumes), "name");
        let mut refused: Vec<Diagnostic> = check::too_large(&definition).into_iter().collect();
        if !matches!(self.form, TaskForm::CloudFormation(_)) {
            refused.extend(check::registered(&definition));
        }
        if !refused.is_empty() {
            return Err(refused.into_iter().map(|problem| self.problem(problem)).collect());
        }
        let warnings = warnings
            .into_iter()
            .map(|warning| self.problem(warning))
            .collect();
        Ok(Translated {
            definition,
            changes,
            warnings,
        })
    }

    /// Takes the variables of App Mesh out of its container.
    fn clear(&self, containers: &mut Json) {
        let list = containers
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter_map(Json::as_object_mut);
        for container in list.filter(|one| text(one, "name") == self.container) {
            for list in ["environment", "secrets"] {
                if let Some(Json::Array(variables)) = container.get_mut(list) {
                    variables.retain(|pair| {
                        let name = pair.get("name").and_then(Json::as_str);
                        name.is_none_or(|name| !self.gone.contains(name))
                    });
                }
            }
        }
    }

    /// Containers that waited for the proxy's start only.
    fn later(&self, containers: &Json) -> Vec<Change> {
        let list = containers.as_array().into_iter().flatten();
        let early = list.filter(|container| {
            let needed = container.get("dependsOn").and_then(Json::as_array);
            let mut needed = needed.into_iter().flatten();
            needed.any(|entry| sidecar::starts(entry, &self.container))
        });
        early
            .filter_map(|container| {
                Some(Change {
                    what: format!("{}.dependsOn", container.get("name")?.as_str()?),
                    fate: VariableFate::Moved,
                    why:
                        "`START` becomes `HEALTHY`: a proxy that has only started accepts no connections yet"
                            .to_owned(),
                })
            })
            .collect()
    }

    /// In the host's own network ECS sets no kernel parameters, and Envoy cannot take ports that are root's.
    fn on_the_host(&self, task: &Task<'_>, containers: &mut Json) -> Option<Diagnostic> {
        let ports = ports::privileged(task);
        if ports.is_empty() || self.definition.get("networkMode").and_then(Json::as_str) != Some("host") {
            return None;
        }
        let all = containers.as_array_mut().into_iter().flatten();
        for container in all.filter_map(Json::as_object_mut) {
            if text(container, "name") == self.container {
                container.remove("systemControls");
            }
        }
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let message = format!(
            "the task definition `{}` has the host's network, in which Envoy, not being root, cannot listen on {}",
            self.label,
            ports.join(", ")
        );
        Some(Diagnostic::warning(codes::NOT_ON_ECS, message).help(
            "set `net.ipv4.ip_unprivileged_port_start` on the instances, or take ports from 1024 on, or the network mode `awsvpc`",
        ))
    }

    /// An agent in a task without a role cannot read the bucket.
    fn without_role(&self, task: &Task<'_>) -> Option<Diagnostic> {
        let role = self.definition.get("taskRoleArn");
        let none = role.is_none_or(|role| role.as_str().is_some_and(str::is_empty));
        let reads = matches!(task.delivery, Delivery::Agent { .. });
        (none && reads).then(|| {
            Diagnostic::warning(
                codes::NO_ROLE,
                format!(
                    "the task definition `{}` has no task role, which the agent needs to read the bucket",
                    self.label
                ),
            )
            .help("give it a role that allows what `task-role-policy.json` says")
        })
    }

    /// A field of the proxy's container that is another now.
    fn replaced(&self, field: &str, containers: &Json) -> Option<Change> {
        let of = |containers: &Json| {
            let mut list = containers.as_array()?.iter();
            let proxy = list.find(|one| one.get("name").and_then(Json::as_str) == Some(&self.container))?;
            proxy.get(field).cloned()
        };
        let before = of(self.definition.get("containerDefinitions")?);
        let after = of(containers);
        let shown = |value: Option<&Json>| value.map_or("nothing".to_owned(), |value| format!("`{value}`"));
        (before != after).then(|| Change {
            what: format!("{}.{field}", self.container),
            fate: VariableFate::Moved,
            why: match field {
                // What runs it is long, and of no interest beside the rest.
                "command" | "entryPoint" | "healthCheck" => "the proxy's own".to_owned(),
                _ => format!("{} becomes {}", shown(before.as_ref()), shown(after.as_ref())),
            },
        })
    }

    /// What ECS cannot do with this task definition.
    fn misfits(&self, task: &Task<'_>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut refuse = |code, message: String, help: String| {
            problems.push(self.problem(Diagnostic::error(code, message).help(help)));
        };
        let platform = self.definition.pointer("/runtimePlatform/operatingSystemFamily");
        if let Some(system) = platform
            .and_then(Json::as_str)
            .filter(|one| one.starts_with("WINDOWS"))
        {
            refuse(
                codes::NOT_ON_ECS,
                format!(
                    "the task definition `{}` is for `{system}`, where no Envoy runs",
                    self.label
                ),
                "App Mesh had none there either: take the task out of the mesh, or run it on Linux"
                    .to_owned(),
            );
        }
        let mode = self.definition.get("networkMode");
        let text = mode.and_then(Json::as_str).unwrap_or("bridge");
        let (fits, needs) = match ports::interception(task) {
            None => (true, ""),
            Some(Interception::Transparent(_)) if text == "host" => (
                false,
                "`awsvpc`; or `explicit` interception in a proxy profile, with which `host` does too",
            ),
            Some(Interception::Transparent(_)) => (text == "awsvpc", "`awsvpc`"),
            Some(Interception::Explicit(_)) => (matches!(text, "awsvpc" | "host"), "`awsvpc` or `host`"),
        };
        if !fits && !mode.is_some_and(names::is_function) {
            refuse(
                codes::NOT_ON_ECS,
                format!(
                    "the task definition `{}` has the network mode `{text}`, in which no traffic gets to the proxy",
                    self.label
                ),
                format!("the network mode has to be {needs}"),
            );
        }
        let containers = self.definition.get("containerDefinitions").unwrap_or(&Json::Null);
        for port in ports::missing(task, containers, &self.container) {
            refuse(
                codes::PORT,
                format!(
                    "no container of the task definition `{}` has the listener's port {port}",
                    self.label
                ),
                format!(
                    "{} listens on {port}: map it in the application's container",
                    task.key
                ),
            );
        }
        problems
    }
}

fn text<'j>(container: &'j Map<String, Json>, name: &str) -> &'j str {
    container.get(name).and_then(Json::as_str).unwrap_or_default()
}

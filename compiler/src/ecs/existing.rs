//! Task definitions that somebody has: read from any form, App Mesh's own Envoy in them translated, everything else left
//! as it is.

use super::appmesh::{self, Change, Fate};
use super::{Task, codes, companions, names, sidecar};
use crate::frontend::tasks::{FoundTask, TaskForm};
use meshform_model::diag::{Diagnostic, Place};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::spec::Interception;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

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
    let definition = api(found.form, &found.written).map_err(|problem| at(problem, found))?;
    let known = api(found.form, &found.known).map_err(|problem| at(problem, found))?;
    let Some(container) = appmesh::find(&known) else {
        return Ok(None);
    };
    let key = appmesh::subject(container).map_err(|why| {
        let why = why.unwrap_or_else(|| "`APPMESH_RESOURCE_ARN` is not set".to_owned());
        let problem = Diagnostic::error(
            codes::NO_SUBJECT,
            format!(
                "the Envoy of the task definition `{}` names no proxy: {why}",
                found.label
            ),
        );
        let options: Vec<String> = appmesh::unresolved(container).into_iter().collect();
        let help = match options.is_empty() {
            true => "set `APPMESH_RESOURCE_ARN` to `mesh/NAME/virtualNode/NAME`".to_owned(),
            false => format!("give what it is made of: {}", options.join(", ")),
        };
        at(problem.help(help), found)
    })?;
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

fn at(problem: Diagnostic, found: &FoundTask) -> Diagnostic {
    match found.span {
        Some(span) => problem.at(Place::at(&Pointer::root(), Some(span))),
        None => problem,
    }
}

impl Existing {
    /// A problem of it, at its place.
    pub fn problem(&self, problem: Diagnostic) -> Diagnostic {
        at(problem, &self.found)
    }

    /// The task definition with our proxy instead of App Mesh's.
    ///
    /// # Errors
    /// Where ECS cannot do with it what the profile asks for.
    pub fn translate(&self, task: &Task<'_>) -> Result<Translated, Vec<Diagnostic>> {
        let mut problems = self.misfits(task);
        let mut definition = self.definition.clone();
        let mut changes = self.changes.clone();
        let mut containers = definition
            .get("containerDefinitions")
            .cloned()
            .unwrap_or_default();
        self.clear(&mut containers);
        changes.extend(companions::replace(task, &mut containers));
        let made = match sidecar::beside(task, &containers, &self.container) {
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
        changes.sort_by(|a, b| (a.fate, &a.what).cmp(&(b.fate, &b.what)));
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
        let bytes = definition.to_string().len();
        if bytes > super::check::MAX_BYTES {
            return Err(vec![self.problem(super::check::too_large(bytes))]);
        }
        let warnings = made
            .warnings
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
            if let Some(Json::Array(variables)) = container.get_mut("environment") {
                variables.retain(|pair| {
                    let name = pair.get("name").and_then(Json::as_str);
                    name.is_none_or(|name| !self.gone.contains(name))
                });
            }
        }
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
            fate: Fate::Moved,
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
        let profile = task.mesh.profile_for(task.key);
        let mode = self.definition.get("networkMode").and_then(Json::as_str);
        let interception = profile
            .interception
            .as_ref()
            .filter(|_| task.key.kind != Kind::VirtualGateway);
        let (fits, needs) = match interception {
            None => (true, ""),
            Some(Interception::Transparent(_)) => (mode == Some("awsvpc"), "`awsvpc`"),
            Some(Interception::Explicit(_)) => {
                (matches!(mode, Some("awsvpc" | "host")), "`awsvpc` or `host`")
            }
        };
        let computed = self.definition.get("networkMode").is_some_and(names::is_function);
        if !fits && !computed {
            problems.push(self.problem(
                Diagnostic::error(
                    codes::NOT_ON_ECS,
                    format!(
                        "the task definition `{}` has the network mode `{}`, in which no traffic gets to the proxy",
                        self.label,
                        mode.unwrap_or("bridge")
                    ),
                )
                .help(format!("its containers must share one network: {needs}")),
            ));
        }
        problems.extend(self.ports(task, interception));
        problems
    }

    /// Ports that collide with the proxy's, and listeners that no container is behind.
    fn ports(&self, task: &Task<'_>, interception: Option<&Interception>) -> Vec<Diagnostic> {
        let own = super::values::ports_of_the_proxy(task, interception);
        let behind = match interception {
            Some(Interception::Transparent(_)) => super::values::listener_ports(task),
            _ => Vec::new(),
        };
        let mut problems = Vec::new();
        let containers = self
            .definition
            .get("containerDefinitions")
            .and_then(Json::as_array);
        let mut mapped = BTreeSet::new();
        let mut computed = false;
        for container in containers.into_iter().flatten() {
            let name = container.get("name").and_then(Json::as_str).unwrap_or_default();
            let mappings = container.get("portMappings").and_then(Json::as_array);
            for mapping in mappings.into_iter().flatten().filter(|_| name != self.container) {
                let port = mapping.get("containerPort");
                computed |= port.is_none_or(names::is_function);
                let Some(port) = port.and_then(number) else {
                    continue;
                };
                mapped.insert(port);
                if let Some((_, what)) = own.iter().find(|(own, _)| u64::from(*own) == port) {
                    problems.push(self.problem(
                        Diagnostic::error(
                            codes::PORT,
                            format!("the container `{name}` has the port {port}, which is the proxy's {what}"),
                        )
                        .help("let the container listen on another port, or give the proxy another in its profile"),
                    ));
                }
            }
        }
        for port in behind
            .into_iter()
            .filter(|port| !mapped.contains(&u64::from(*port)) && !computed)
        {
            problems.push(
                self.problem(
                    Diagnostic::error(
                        codes::PORT,
                        format!(
                            "no container of the task definition `{}` has the listener's port {port}",
                            self.label
                        ),
                    )
                    .help(format!(
                        "{} listens on {port}: map it in the application's container",
                        task.key
                    )),
                ),
            );
        }
        problems
    }
}

fn number(json: &Json) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.trim().parse().ok())
}

fn text<'j>(container: &'j Map<String, Json>, name: &str) -> &'j str {
    container.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A task definition in the API's spelling.
fn api(form: TaskForm, written: &Json) -> Result<Json, Diagnostic> {
    match form {
        TaskForm::CloudFormation(_) => Ok(names::to_api(written)),
        TaskForm::Api => {
            let mut definition = written.clone();
            if let Some(fields) = definition.as_object_mut() {
                fields.retain(|name, value| !READ_ONLY.contains(&name.as_str()) && !value.is_null());
            }
            Ok(definition)
        }
        TaskForm::Terraform => terraform(written),
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
        "ephemeral_storage",
        "runtime_platform",
        "proxy_configuration",
        "volume",
    ] {
        let value = attributes.get(name).map(block).filter(|value| !is_empty(value));
        let name = if name == "volume" {
            "volumes".to_owned()
        } else {
            camel(name)
        };
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
        .help("give the state, or what `terraform show -json` prints, as Terraform wrote it")
    })?;
    fields.insert("containerDefinitions".to_owned(), containers);
    Ok(Json::Object(fields))
}

/// A block of Terraform with the API's names, without what is not set.
fn block(json: &Json) -> Json {
    match json {
        Json::Object(map) => {
            let fields = map
                .iter()
                .filter(|(_, value)| !is_empty(value))
                .map(|(name, value)| {
                    // Keys of these maps are no names of fields.
                    let value = match name.as_str() {
                        "properties" | "driver_opts" | "labels" => value.clone(),
                        _ => unwrapped(&camel(name), block(value)),
                    };
                    (camel(name), value)
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

fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
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

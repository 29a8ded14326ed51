//! What the inputs hold beside the mesh: task definitions and workloads, and what they say of how their proxies are run.

use super::super::{Arguments, Configuration};
use crate::codes;
use crate::commands::load::{Loaded, is_called};
use meshform_compiler::ecs::{self, Existing};
use meshform_compiler::frontend::codes as reading_codes;
use meshform_compiler::frontend::workloads::{Interception, Workload};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::spec::Spec;
use meshform_model::validate::closest;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the inputs hold beside the mesh.
pub(in crate::commands::compile) struct CompanionInputs {
    pub(super) existing: Vec<Existing>,
    pub(super) workloads: BTreeMap<ResourceKey, Workload>,
    /// Profiles that come from task definitions and workloads.
    pub(super) profiles: Vec<ResourceKey>,
}

/// Finds the task definitions, and adds to the mesh what they say of how their proxies are run.
pub(in crate::commands::compile) fn prepare(arguments: &Arguments, loaded: &mut Loaded) -> CompanionInputs {
    let mut beside = CompanionInputs {
        existing: Vec::new(),
        workloads: BTreeMap::new(),
        profiles: Vec::new(),
    };
    let agent = arguments.configuration != Configuration::Static;
    let mut problems = Vec::new();
    for found in &loaded.reading.tasks {
        match ecs::recognise(found, agent) {
            Ok(Some(existing)) => beside.existing.push(existing),
            Ok(None) => problems.extend(ecs::untouched(found)),
            Err(problem) => problems.push(problem),
        }
    }
    let wanted = |key: &ResourceKey| {
        arguments.input.mesh.as_ref().is_none_or(|mesh| key.mesh == *mesh)
            && arguments.node.as_ref().is_none_or(|node| is_called(key, node))
    };
    beside.existing.retain(|existing| wanted(&existing.key));
    for existing in &beside.existing {
        if !loaded
            .resources
            .iter()
            .any(|resource| resource.key == existing.key)
        {
            let problem = Diagnostic::error(
                codes::NOT_THERE,
                format!(
                    "the task definition `{}` runs the proxy of {}, which is not among the inputs",
                    existing.label, existing.key
                ),
            );
            let elsewhere = loaded
                .resources
                .iter()
                .find(|one| one.key.kind == existing.key.kind && one.key.name == existing.key.name);
            let help = match elsewhere {
                Some(one) => format!(
                    "use the same mesh name in both, with `--parameter` where it comes from parameters: mesh `{}` \
                     has one of that name",
                    one.key.mesh
                ),
                None => missing(&existing.key, &loaded.resources),
            };
            problems.push(existing.problem(problem.help(help)));
            continue;
        }
        match profile(&existing.key, existing.profile.clone(), &mut loaded.resources) {
            Ok(key) => beside.profiles.push(key),
            Err(problem) => problems.push(existing.problem(problem)),
        }
    }
    for workload in std::mem::take(&mut loaded.reading.workloads) {
        match beside.workload(&workload, &mut loaded.resources) {
            Ok(()) => {}
            Err(problem) => problems.push(workload.problem(*problem)),
        }
    }
    beside.workloads.retain(|key, _| wanted(key));
    loaded.add(problems);
    beside
}

impl CompanionInputs {
    /// Finds the proxy of a workload, and tells it how traffic gets to it.
    fn workload(
        &mut self,
        workload: &Workload,
        resources: &mut Vec<Resource>,
    ) -> Result<(), Box<Diagnostic>> {
        let meshes: BTreeSet<&str> = resources
            .iter()
            .map(|resource| resource.key.mesh.as_str())
            .collect();
        let mesh = match (&workload.mesh_name, meshes.first()) {
            (Some(mesh), _) => mesh.clone(),
            (None, Some(only)) if meshes.len() == 1 => (*only).to_owned(),
            _ => {
                let problem = Diagnostic::error(codes::NOT_THERE, "a workload names no mesh");
                return Err(Box::new(problem.help("write `meshName` beside `workloads`")));
            }
        };
        let Some(key) = workload.key(&mesh) else {
            return Ok(());
        };
        if !resources.iter().any(|resource| resource.key == key) {
            let message = format!("a workload is for {key}, which is not among the inputs");
            let problem = Diagnostic::error(codes::NOT_THERE, message);
            return Err(Box::new(problem.help(missing(&key, resources))));
        }
        if self.workloads.contains_key(&key) || self.existing.iter().any(|existing| existing.key == key) {
            let message = format!("{key} has a second workload or task definition");
            let problem = Diagnostic::error(reading_codes::WORKLOAD, message);
            return Err(Box::new(problem.help("one workload stands for one proxy: several ECS services of one virtual node need task definitions")));
        }
        let spec = workload_profile(workload, &key, resources);
        if spec.as_object().is_some_and(|fields| !fields.is_empty()) {
            self.profiles
                .push(profile(&key, spec, resources).map_err(Box::new)?);
        }
        self.workloads.insert(key, workload.clone());
        Ok(())
    }
}

/// What to do about a proxy that is not there: another name, where one of the mesh is like it.
fn missing(key: &ResourceKey, resources: &[Resource]) -> String {
    let alike = |one: &&Resource| one.key.mesh == key.mesh && one.key.kind == key.kind;
    let names: Vec<&str> = resources
        .iter()
        .filter(alike)
        .map(|one| one.key.name.as_str())
        .collect();
    match closest(&key.name, &names) {
        Some(name) => format!("the mesh has a {} `{name}`: write that name", key.kind),
        None => "give the mesh with it: its template, JSON or state".to_owned(),
    }
}

/// What a workload says to a proxy profile.
fn workload_profile(workload: &Workload, key: &ResourceKey, resources: &[Resource]) -> Json {
    let mut spec = serde_json::Map::new();
    match workload.interception {
        Some(Interception::Transparent) => {
            spec.insert("interception".to_owned(), json!({"transparent": {}}));
        }
        Some(Interception::Explicit) => {
            spec.insert("interception".to_owned(), json!({"explicit": {}}));
        }
        None => {}
    }
    let node = resources.iter().find(|resource| resource.key == *key);
    if let (Some(Spec::VirtualNode(node)), Some(port), Some(Interception::Explicit)) =
        (node.map(|node| &node.spec), workload.port, workload.interception)
        && let [listener] = node.listeners.as_slice()
        && listener.port_mapping.port != port
    {
        // With one listener there is no question which one the application is behind.
        let ports = json!([{"listenerPort": listener.port_mapping.port, "appPort": port}]);
        spec.insert("inbound".to_owned(), json!({"appPorts": ports}));
    }
    Json::Object(spec)
}

/// Puts what a task definition or a workload says below what the proxy's own profile says.
fn profile(
    key: &ResourceKey,
    mut spec: Json,
    resources: &mut Vec<Resource>,
) -> Result<ResourceKey, Diagnostic> {
    let subject = match key.kind {
        Kind::VirtualGateway => "virtualGateway",
        _ => "virtualNode",
    };
    if let Some(fields) = spec.as_object_mut() {
        fields.insert(subject.to_owned(), json!(key.name));
    }
    let name = ResourceKey::in_mesh(&key.mesh, Kind::ProxyProfile, &key.name);
    let derived = Resource::from_json(name, &spec)?;
    let Spec::ProxyProfile(told) = &derived.spec else {
        return Ok(derived.key);
    };
    let own = resources
        .iter_mut()
        .find_map(|resource| match &mut resource.spec {
            Spec::ProxyProfile(own) if own.subject(&resource.key.mesh).as_ref() == Some(key) => {
                Some((&resource.key, own))
            }
            _ => None,
        });
    match own {
        Some((name, own)) => {
            **own = own.as_ref().clone().over(told);
            Ok(name.clone())
        }
        None => {
            let mut derived = derived;
            while resources.iter().any(|resource| resource.key == derived.key) {
                derived.key.name.push_str("-ecs");
            }
            let key = derived.key.clone();
            resources.push(derived);
            Ok(key)
        }
    }
}

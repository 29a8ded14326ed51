//! `--target ecs`: task definitions with the proxy in them. Those that the inputs hold are kept but for App Mesh's Envoy;
//! a proxy without one gets a template of its own.

use super::targets::{needed_file, proxies, templates};
use super::{Arguments, Configuration};
use crate::codes;
use crate::commands::convert::pretty;
use crate::commands::load::Loaded;
use crate::io::Io;
use crate::output::Files;
use meshform_compiler::ecs::{self, Change, Delivery, Existing};
use meshform_compiler::frontend::codes as reading_codes;
use meshform_compiler::frontend::tasks::TaskForm;
use meshform_compiler::frontend::workloads::{Companions, Interception, Workload};
use meshform_compiler::policy::{self, Bucket, MeshPrefix};
use meshform_envoy::{self as envoy, Proxy};
use meshform_model::diag::Diagnostic;
use meshform_model::file_name::file_name;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::spec::Spec;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the inputs hold beside the mesh.
pub(super) struct Beside {
    existing: Vec<Existing>,
    workloads: BTreeMap<ResourceKey, Workload>,
    /// Profiles that come from task definitions and workloads.
    profiles: Vec<ResourceKey>,
}

/// Finds the task definitions, and adds to the mesh what they say of how their proxies are run.
pub(super) fn prepare(arguments: &Arguments, loaded: &mut Loaded) -> Beside {
    let mut beside = Beside {
        existing: Vec::new(),
        workloads: BTreeMap::new(),
        profiles: Vec::new(),
    };
    let agent = arguments.configuration == Configuration::Agent;
    let mut problems = Vec::new();
    for found in &loaded.reading.tasks {
        match ecs::recognise(found, agent) {
            Ok(Some(existing)) => beside.existing.push(existing),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    let wanted = |key: &ResourceKey| {
        arguments.input.mesh.as_ref().is_none_or(|mesh| key.mesh == *mesh)
            && arguments.node.as_ref().is_none_or(|node| key.name == *node)
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
                    "the task definition `{}` runs the proxy of {}, which the inputs do not hold",
                    existing.label, existing.key
                ),
            );
            problems
                .push(existing.problem(problem.help("give the mesh with it: its template, JSON or state")));
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

impl Beside {
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
                let problem =
                    Diagnostic::error(codes::NOT_THERE, "a workload does not say of which mesh it is");
                return Err(Box::new(problem.help("write `meshName` beside `workloads`")));
            }
        };
        let Some(key) = workload.key(&mesh) else {
            return Ok(());
        };
        if !resources.iter().any(|resource| resource.key == key) {
            let message = format!("a workload is for {key}, which the inputs do not hold");
            let problem = Diagnostic::error(codes::NOT_THERE, message);
            return Err(Box::new(
                problem.help("give the mesh with it: its template, JSON or state"),
            ));
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

/// The files of all proxies.
pub(super) fn build(
    (arguments, io): (&Arguments, &Io),
    meshes: &[Mesh],
    beside: &Beside,
    loaded: &mut Loaded,
) -> Files {
    let mut out = Out {
        arguments,
        files: Files::default(),
        reports: String::new(),
        patched: BTreeMap::new(),
        stacks: Vec::new(),
        image: arguments.proxy_image.as_ref().map(|image| json!(image)),
        store: arguments.proxy_store.as_ref().map(|store| json!(store)),
    };
    let own = templates(arguments, io, &mut loaded.problems);
    for (mesh, proxy) in proxies(arguments, io, meshes, loaded) {
        let there: Vec<&Existing> = beside
            .existing
            .iter()
            .filter(|one| one.key == proxy.key)
            .collect();
        for existing in &there {
            let problems = out.translated((mesh, &proxy), existing, there.len() > 1);
            loaded.add(problems);
        }
        if there.is_empty() {
            let problems = out.stack((mesh, &proxy), beside.workloads.get(&proxy.key), &own);
            let problems = loaded.placed(problems);
            loaded.add(problems);
        }
    }
    for mesh in meshes {
        let problems = out.shared(mesh, &own);
        let problems = loaded.placed(problems);
        loaded.add(problems);
    }
    let problems = out.templates(loaded);
    loaded.add(problems);
    let profiles: Vec<Resource> = loaded
        .resources
        .iter()
        .filter(|resource| beside.profiles.contains(&resource.key))
        .cloned()
        .collect();
    if !profiles.is_empty() {
        let bodies = meshform_compiler::api::build(&profiles);
        out.files.file("proxy-profiles.json", pretty(&bodies));
    }
    if !out.reports.is_empty() {
        out.files.file("report.md", out.reports);
    }
    out.files
}

struct Out<'a> {
    arguments: &'a Arguments,
    files: Files,
    reports: String,
    /// Translated task definitions by template and logical id.
    patched: BTreeMap<usize, BTreeMap<String, ecs::PatchedTask>>,
    /// The proxies that got stacks of their own.
    stacks: Vec<ResourceKey>,
    image: Option<Json>,
    store: Option<Json>,
}

impl<'a> Out<'a> {
    /// A task definition of the user's, with our proxy in it.
    fn translated(
        &mut self,
        (mesh, proxy): (&Mesh, &Proxy),
        existing: &Existing,
        several: bool,
    ) -> Vec<Diagnostic> {
        let template = match existing.form {
            TaskForm::CloudFormation(template) => Some(template),
            TaskForm::Api | TaskForm::Terraform => None,
        };
        let agent = self.arguments.configuration == Configuration::Agent;
        let literal = |given: &Option<Json>, parameter: fn() -> Json| {
            given.clone().or_else(|| template.map(|_| parameter()))
        };
        let (image, store) = (literal(&self.image, ecs::image), literal(&self.store, ecs::store));
        let (image, store) = match (image, store) {
            (Some(image), Some(store)) => (image, store),
            _ if !agent => (Json::Null, Json::Null),
            _ => return vec![existing.problem(no_agent(&existing.label))],
        };
        let files = needed(mesh, proxy);
        let delivery = match agent {
            true => Delivery::Agent {
                image: &image,
                store: &store,
            },
            false => Delivery::Static(proxy.static_bootstrap.as_deref().unwrap_or_default().as_bytes()),
        };
        let task = ecs::Task {
            mesh,
            key: &proxy.key,
            delivery,
            files: &files,
            workload: None,
            collector: self.collector(None),
        };
        let made = match existing.translate(&task) {
            Ok(made) => made,
            Err(problems) => return problems,
        };
        self.report(&format!("{}: {}", existing.label, existing.key), &made.changes);
        let folder = match several {
            true => format!("{}/{}", proxy.path, file_name(&existing.label)),
            false => proxy.path.clone(),
        };
        let policy = match store.as_str().map(Bucket::parse) {
            _ if !agent => None,
            Some(Some(bucket)) => Some(policy::proxy(&proxy.key, |key| bucket.object(key))),
            Some(None) => return vec![existing.problem(no_bucket(store.as_str().unwrap_or_default()))],
            None => Some(policy::proxy(&proxy.key, ecs::template_resource)),
        };
        if let Some(policy) = &policy {
            self.files
                .file(format!("{folder}/task-role-policy.json"), pretty(policy));
        }
        if made.definition.to_string().contains(ecs::COLLECTOR_CONFIGURATION) {
            self.files.file(
                format!("{folder}/collector-policy.json"),
                pretty(&ecs::collector_policy()),
            );
        }
        match template {
            Some(template) => {
                let task = ecs::PatchedTask {
                    definition: made.definition,
                    policy,
                };
                self.patched
                    .entry(template)
                    .or_default()
                    .insert(existing.label.clone(), task);
            }
            None => self
                .files
                .file(format!("{folder}/task-definition.json"), pretty(&made.definition)),
        }
        made.warnings
    }

    /// A proxy without a task definition: a template of its own.
    fn stack(
        &mut self,
        (mesh, proxy): (&Mesh, &Proxy),
        workload: Option<&Workload>,
        own: &ecs::Templates,
    ) -> Vec<Diagnostic> {
        let files = needed(mesh, proxy);
        let (image, store) = (
            self.image.clone().unwrap_or_else(ecs::image),
            self.store.clone().unwrap_or_else(ecs::store),
        );
        let delivery = match self.arguments.configuration {
            Configuration::Agent => Delivery::Agent {
                image: &image,
                store: &store,
            },
            Configuration::Static => {
                Delivery::Static(proxy.static_bootstrap.as_deref().unwrap_or_default().as_bytes())
            }
        };
        let task = ecs::Task {
            mesh,
            key: &proxy.key,
            delivery,
            files: &files,
            workload,
            collector: self.collector(workload),
        };
        self.stacks.push(proxy.key.clone());
        match ecs::build(&task, own) {
            Ok(definition) => {
                let path = format!("{}/stack.json", proxy.path);
                self.files.file(path, pretty(&definition.json));
                definition.warnings
            }
            Err(problems) => problems,
        }
    }

    /// The image of what takes traces and statistics, where it is wanted.
    fn collector(&self, workload: Option<&Workload>) -> Option<&'a str> {
        let wanted = match workload.and_then(|workload| workload.companions) {
            Some(asked) => asked == Companions::Collector,
            None => self.arguments.companions == super::Companions::Collector,
        };
        wanted.then_some(self.arguments.collector_image.as_str())
    }

    /// What the proxies of a mesh share.
    fn shared(&mut self, mesh: &Mesh, own: &ecs::Templates) -> Vec<Diagnostic> {
        let (image, store) = (
            self.image.clone().unwrap_or_else(ecs::image),
            self.store.clone().unwrap_or_else(ecs::store),
        );
        let agent = self.arguments.configuration == Configuration::Agent;
        let literal = store.as_str().map(Bucket::parse);
        let bucket = match literal {
            Some(bucket) => bucket,
            // Its prefix is empty or ends with a slash, which the parameter's pattern sees to.
            None => Bucket::parse("s3://${Bucket}/${Prefix}")
                .map(|bucket| bucket.in_partition("${AWS::Partition}")),
        };
        let policy = bucket.map(|bucket| {
            let records = meshform_store::records_prefix(mesh.name());
            let prefix = MeshPrefix {
                mesh: mesh.name(),
                records: &records,
            };
            ecs::with_prefix_parameter(policy::endpoints(prefix, &bucket))
        });
        let proxies: Vec<ResourceKey> = self
            .stacks
            .iter()
            .filter(|key| key.mesh == mesh.name())
            .cloned()
            .collect();
        let stack = ecs::MeshStack {
            mesh,
            proxies: &proxies,
            delivery: match agent {
                true => Delivery::Agent {
                    image: &image,
                    store: &store,
                },
                false => Delivery::Static(&[]),
            },
            poller: policy
                .as_ref()
                .filter(|_| agent)
                .map(|policy| ecs::Poller { policy }),
        };
        match ecs::build_mesh(&stack, own) {
            Ok(Some(made)) => {
                self.files.file(
                    format!("{}/stack.json", file_name(mesh.name())),
                    pretty(&made.json),
                );
                made.warnings
            }
            Ok(None) => Vec::new(),
            Err(problems) => problems,
        }
    }

    /// The templates that task definitions came from, with the new ones in them.
    fn templates(&mut self, loaded: &Loaded) -> Vec<Diagnostic> {
        let (image, store) = (
            self.image.clone().unwrap_or_else(ecs::image),
            self.store.clone().unwrap_or_else(ecs::store),
        );
        let delivery = match self.arguments.configuration {
            Configuration::Agent => Delivery::Agent {
                image: &image,
                store: &store,
            },
            Configuration::Static => Delivery::Static(&[]),
        };
        let mut problems = Vec::new();
        for (number, tasks) in std::mem::take(&mut self.patched) {
            let Some(template) = loaded.reading.templates.get(number) else {
                continue;
            };
            match ecs::patch(&template.json, &tasks, &delivery) {
                Ok((json, changes)) => {
                    let name = Path::new(&template.name).file_name().unwrap_or_default();
                    self.report(&name.to_string_lossy(), &changes);
                    let stem = Path::new(&template.name).file_stem().unwrap_or_default();
                    let stem = file_name(&stem.to_string_lossy());
                    // Two templates of one name lie in different folders.
                    let mut path = format!("templates/{stem}.json");
                    if self.files.paths().contains(&path.as_str()) {
                        path = format!("templates/{stem}-{number}.json");
                    }
                    self.files.file(path, pretty(&json));
                }
                Err(found) => problems.extend(found.into_iter().map(|mut problem| {
                    problem.message = format!("`{}`: {}", template.name, problem.message);
                    problem
                })),
            }
        }
        problems
    }

    fn report(&mut self, title: &str, changes: &[Change]) {
        if self.reports.is_empty() {
            self.reports.push_str("# What became of App Mesh's Envoy\n");
        }
        self.reports.push_str(&format!("\n## {title}\n\n"));
        for change in changes {
            let line = format!("- **{}** `{}`: {}\n", change.fate.word(), change.what, change.why);
            self.reports.push_str(&line);
        }
    }
}

fn needed(mesh: &Mesh, proxy: &Proxy) -> Vec<ecs::NeededFile> {
    // The proxy was made from this mesh, so these are known.
    let needed = envoy::needed_files(mesh, &proxy.key, &envoy::Options::new("/")).unwrap_or_default();
    needed.into_iter().map(needed_file).collect()
}

fn no_agent(label: &str) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_OPTION,
        format!("the task definition `{label}` needs the image of the proxy, and the store that it follows"),
    )
    .help(
        "give `--proxy-image IMAGE` (agent and Envoy) and `--proxy-store s3://BUCKET/PREFIX`, or put the whole \
         configuration into the task definition by `--configuration static`",
    )
}

fn no_bucket(store: &str) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_OPTION,
        format!("`--proxy-store {store}` is no bucket of S3"),
    )
    .help("tasks of ECS follow `s3://BUCKET/PREFIX`")
}

//! `--target ecs`: task definitions with the proxy in them. Those that the inputs hold are kept but for App Mesh's Envoy;
//! a proxy without one gets a template of its own.

use super::targets::{needed_file, proxies, templates};
use super::{Arguments, Configuration};
use crate::codes;
use crate::commands::convert::pretty;
use crate::commands::load::{Loaded, is_called};
use crate::io::Io;
use crate::output::Files;
use meshform_compiler::ecs::{self, Change, Delivery, Existing};
use meshform_compiler::frontend::tasks::TaskForm;
use meshform_compiler::policy::{self, Bucket};
use meshform_envoy::{self as envoy, Proxy};
use meshform_model::diag::Diagnostic;
use meshform_model::file_name::file_name;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::spec::Spec;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What the inputs hold beside the mesh.
pub(super) struct Beside {
    existing: Vec<Existing>,
    /// Profiles that come from task definitions.
    profiles: Vec<ResourceKey>,
}

/// Finds the task definitions, and adds to the mesh what they say of how their proxies are run.
pub(super) fn prepare(arguments: &Arguments, loaded: &mut Loaded) -> Beside {
    let mut beside = Beside {
        existing: Vec::new(),
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
                    "the task definition `{}` runs the proxy of {}, which the inputs do not hold",
                    existing.label, existing.key
                ),
            );
            problems
                .push(existing.problem(problem.help("give the mesh with it: its template, JSON or state")));
            continue;
        }
        match profile(existing, &mut loaded.resources) {
            Ok(key) => beside.profiles.push(key),
            Err(problem) => problems.push(existing.problem(problem)),
        }
    }
    loaded.add(problems);
    beside
}

/// Puts what a task definition says below what the proxy's own profile says.
fn profile(existing: &Existing, resources: &mut Vec<Resource>) -> Result<ResourceKey, Diagnostic> {
    let subject = match existing.key.kind {
        Kind::VirtualGateway => "virtualGateway",
        _ => "virtualNode",
    };
    let mut spec = existing.profile.clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.insert(subject.to_owned(), json!(existing.key.name));
    }
    let name = ResourceKey::in_mesh(&existing.key.mesh, Kind::ProxyProfile, &existing.key.name);
    let derived = Resource::from_json(name, &spec)?;
    let Spec::ProxyProfile(told) = &derived.spec else {
        return Ok(derived.key);
    };
    let own = resources
        .iter_mut()
        .find_map(|resource| match &mut resource.spec {
            Spec::ProxyProfile(own) if own.subject(&resource.key.mesh).as_ref() == Some(&existing.key) => {
                Some((&resource.key, own))
            }
            _ => None,
        });
    match own {
        Some((key, own)) => {
            **own = own.as_ref().clone().over(told);
            Ok(key.clone())
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
            let problems = out.stack((mesh, &proxy), &own);
            let problems = loaded.placed(problems);
            loaded.add(problems);
        }
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
    image: Option<Json>,
    store: Option<Json>,
}

impl Out<'_> {
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
    fn stack(&mut self, (mesh, proxy): (&Mesh, &Proxy), own: &ecs::Templates) -> Vec<Diagnostic> {
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
        };
        match ecs::build(&task, own) {
            Ok(definition) => {
                let path = format!("{}/stack.json", proxy.path);
                self.files.file(path, pretty(&definition.json));
                definition.warnings
            }
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

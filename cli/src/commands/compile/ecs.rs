//! `--target ecs`: task definitions with the proxy in them. Those that the inputs hold are kept but for App Mesh's Envoy;
//! a proxy without one gets a template of its own.

mod beside;
mod way;

pub(super) use beside::{CompanionInputs, prepare};

use super::targets::{needed_file, proxies, templates};
use super::{Arguments, Configuration};
use crate::codes;
use crate::commands::convert::pretty;
use crate::commands::load::Loaded;
use crate::io::Io;
use crate::output::Files;
use meshform_compiler::ecs::{self, Change, Delivery, Existing, VariableFate};
use meshform_compiler::frontend::tasks::TaskForm;
use meshform_compiler::frontend::workloads::{Companions, Workload};
use meshform_compiler::policy::{self, Bucket, MeshPrefix};
use meshform_envoy::BuiltProxy;
use meshform_model::diag::Diagnostic;
use meshform_model::file_name::file_name;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use way::{ConfigurationDelivery, Needed};

/// The files of all proxies.
pub(super) fn build(
    arguments: &Arguments,
    io: &Io,
    meshes: &[Mesh],
    beside: &CompanionInputs,
    loaded: &mut Loaded,
) -> Files {
    let own = templates(arguments, io, &mut loaded.problems);
    let mut out = Out {
        arguments,
        own: &own,
        needed: way::needed(arguments, meshes),
        registries: meshes
            .iter()
            .map(|mesh| (mesh.name(), ecs::Registries::of(mesh)))
            .collect(),
        files: Files::default(),
        reports: String::new(),
        patched: BTreeMap::new(),
        stacks: Vec::new(),
        patched_agents: false,
    };
    if let Some(store) = arguments
        .proxy_store
        .as_ref()
        .filter(|store| Bucket::parse(store).is_none())
    {
        loaded.add(vec![no_bucket(store)]);
        return out.files;
    }
    for (mesh, proxy) in proxies(arguments, io, meshes, loaded) {
        let there: Vec<&Existing> = beside
            .existing
            .iter()
            .filter(|one| one.key == proxy.key)
            .collect();
        for existing in &there {
            let problems = out.translated(mesh, &proxy, existing, there.len() > 1);
            loaded.add(problems);
        }
        if there.is_empty() {
            let mut problems = out.stack(mesh, &proxy, beside.workloads.get(&proxy.key));
            if !beside.existing.is_empty() && arguments.node.is_none() {
                problems.iter_mut().for_each(or_one_alone);
            }
            let problems = loaded.placed(problems);
            loaded.add(problems);
        }
    }
    // Of one proxy alone nobody knows what all of them share: deployed, such a stack would take the rest away.
    for mesh in meshes.iter().filter(|_| arguments.node.is_none()) {
        let problems = out.shared(mesh);
        let problems = loaded.placed(problems);
        loaded.add(problems);
    }
    let problems = out.templates(loaded, &arguments.input.attributes(io));
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

/// A file for Docker Compose of each mesh. Task definitions that the inputs hold say how their proxies are run, and
/// nothing else of them is taken: what runs beside them on a laptop is its workload.
pub(super) fn compose(
    arguments: &Arguments,
    io: &Io,
    meshes: &[Mesh],
    beside: &CompanionInputs,
    loaded: &mut Loaded,
) -> Files {
    let mut files = Files::default();
    let own = templates(arguments, io, &mut loaded.problems);
    let source = Source::of(arguments);
    let proxies = proxies(arguments, io, meshes, loaded);
    let needed = way::needed(arguments, meshes);
    let mut ways = Vec::with_capacity(proxies.len());
    for (mesh, proxy) in &proxies {
        match ConfigurationDelivery::of(arguments, mesh, proxy, &needed) {
            Ok(way) => ways.push((*mesh, proxy, way)),
            Err(problems) => {
                let problems = loaded.placed(problems);
                loaded.add(problems);
            }
        }
    }
    for mesh in meshes {
        let tasks: Vec<ecs::Task<'_>> = ways
            .iter()
            .filter(|(_, proxy, _)| proxy.key.mesh == mesh.name())
            .map(|(mesh, proxy, way)| {
                let workload = beside.workloads.get(&proxy.key);
                ecs::Task {
                    workload,
                    collector: collector(arguments, workload),
                    ads: way.ads(),
                    ..ecs::Task::new(mesh, &proxy.key, way.delivery(&source.image, &source.store))
                }
            })
            .collect();
        if tasks.is_empty() {
            continue;
        }
        let problems = match ecs::compose(mesh, &tasks, &own) {
            Ok(made) => {
                files.file(format!("{}/compose.yaml", file_name(mesh.name())), made.text);
                made.warnings
            }
            Err(problems) => problems,
        };
        let problems = loaded.placed(problems);
        loaded.add(problems);
    }
    files
}

/// The image of what takes traces and statistics, where it is wanted.
fn collector<'a>(arguments: &'a Arguments, workload: Option<&Workload>) -> Option<&'a str> {
    let wanted = match workload.and_then(|workload| workload.companions) {
        Some(asked) => asked == Companions::Collector,
        None => arguments.companions == super::Companions::Collector,
    };
    wanted.then_some(arguments.collector_image.as_str())
}

/// Where an agent beside a proxy comes from, and the store that it follows: as the options say, else a parameter of the
/// template.
struct Source {
    image: Json,
    store: Json,
}

impl Source {
    fn of(arguments: &Arguments) -> Self {
        let given = |option: &Option<String>| option.as_ref().map(|text| json!(text));
        Self {
            image: given(&arguments.proxy_image).unwrap_or_else(ecs::image),
            store: given(&arguments.proxy_store).unwrap_or_else(ecs::store),
        }
    }

    /// How proxies with or without an agent get their configuration, where what is theirs does not matter.
    fn delivery(&self, agent: bool) -> Delivery<'_> {
        match agent {
            true => Delivery::Agent {
                image: &self.image,
                store: &self.store,
            },
            false => Delivery::Static(&[]),
        }
    }
}

struct Out<'a> {
    arguments: &'a Arguments,
    /// The user's templates.
    own: &'a ecs::Templates,
    needed: Needed,
    /// Of each mesh.
    registries: BTreeMap<&'a str, ecs::Registries<'a>>,
    files: Files,
    reports: String,
    /// Translated task definitions by template and logical id.
    patched: BTreeMap<usize, BTreeMap<String, ecs::PatchedTask>>,
    /// The proxies that got stacks of their own.
    stacks: Vec<ResourceKey>,
    /// Whether the agent runs in one of the translated task definitions.
    patched_agents: bool,
}

impl<'a> Out<'a> {
    /// A task definition of the user's, with our proxy in it.
    fn translated(
        &mut self,
        mesh: &Mesh,
        proxy: &BuiltProxy,
        existing: &Existing,
        several: bool,
    ) -> Vec<Diagnostic> {
        let template = match existing.form {
            TaskForm::CloudFormation(template) => Some(template),
            TaskForm::Api | TaskForm::Terraform => None,
        };
        let way = match ConfigurationDelivery::of(self.arguments, mesh, proxy, &self.needed) {
            Ok(way) => way,
            Err(problems) => return problems,
        };
        let agent = way.has_agent();
        let literal = |given: &Option<String>, parameter: fn() -> Json| {
            let given = given.as_ref().map(|text| json!(text));
            given.or_else(|| template.map(|_| parameter()))
        };
        let image = literal(&self.arguments.proxy_image, ecs::image);
        let store = literal(&self.arguments.proxy_store, ecs::store);
        let (image, store) = match (image, store) {
            (Some(image), Some(store)) => (image, store),
            _ if !agent => (Json::Null, Json::Null),
            _ => return vec![existing.problem(no_agent(&existing.label))],
        };
        let source = Source { image, store };
        let task = ecs::Task {
            files: &way.files,
            collector: collector(self.arguments, None),
            ads: way.ads(),
            ..ecs::Task::new(mesh, &proxy.key, way.delivery(&source.image, &source.store))
        };
        let made = match existing.translate(&task, self.own) {
            Ok(made) => made,
            Err(problems) => return problems,
        };
        let mut problems = made.warnings;
        let lost = self.report(&format!("{}: {}", existing.label, existing.key), &made.changes);
        problems.extend(lost.map(|problem| existing.problem(problem)));
        let folder = match several {
            true => format!("{}/{}", proxy.path, file_name(&existing.label)),
            false => proxy.path.clone(),
        };
        let needs = policy::Needs::of(mesh, &proxy.key);
        let policy = match source.store.as_str().map(Bucket::parse) {
            _ if !agent => None,
            Some(bucket) => bucket.map(|bucket| policy::proxy(&proxy.key, &needs, |key| bucket.object(key))),
            None => Some(policy::proxy(&proxy.key, &needs, ecs::template_resource)),
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
                self.patched_agents |= agent;
                let task = ecs::PatchedTask {
                    definition: made.definition,
                    policy,
                    place: existing.place(),
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
        problems
    }

    /// A proxy without a task definition: a template of its own.
    fn stack(&mut self, mesh: &Mesh, proxy: &BuiltProxy, workload: Option<&Workload>) -> Vec<Diagnostic> {
        let way = match ConfigurationDelivery::of(self.arguments, mesh, proxy, &self.needed) {
            Ok(way) => way,
            Err(problems) => return problems,
        };
        let source = Source::of(self.arguments);
        let task = ecs::Task {
            files: &way.files,
            workload,
            collector: collector(self.arguments, workload),
            ads: way.ads(),
            ..ecs::Task::new(mesh, &proxy.key, way.delivery(&source.image, &source.store))
        };
        self.stacks.push(proxy.key.clone());
        let built = match self.registries.get(mesh.name()) {
            Some(registries) => ecs::build_among(&task, registries, self.own),
            None => ecs::build(&task, self.own),
        };
        match built {
            Ok(definition) => {
                let path = format!("{}/stack.json", proxy.path);
                if let Some(change) = ecs::not_left_out(&task) {
                    self.report(&format!("{path}: {}", proxy.key), &[change]);
                }
                self.files.file(path, pretty(&definition.json));
                definition.warnings
            }
            Err(problems) => problems,
        }
    }

    /// What the proxies of a mesh share.
    fn shared(&mut self, mesh: &Mesh) -> Vec<Diagnostic> {
        let source = Source::of(self.arguments);
        let agent = self.arguments.configuration != Configuration::Static;
        let literal = source.store.as_str().map(Bucket::parse);
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
            delivery: source.delivery(agent),
            poller: policy
                .as_ref()
                .filter(|_| agent)
                .map(|policy| ecs::Poller { policy }),
        };
        match ecs::build_mesh(&stack, self.own) {
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
    fn templates(&mut self, loaded: &Loaded, given: &BTreeMap<String, String>) -> Vec<Diagnostic> {
        let source = Source::of(self.arguments);
        let delivery = source.delivery(self.patched_agents);
        let mut problems = Vec::new();
        for (number, tasks) in std::mem::take(&mut self.patched) {
            let Some(template) = loaded.reading.templates.get(number) else {
                continue;
            };
            match ecs::patch(&template.json, &tasks, &delivery, given) {
                Ok((json, changes)) => {
                    let name = Path::new(&template.name).file_name().unwrap_or_default();
                    problems.extend(self.report(&name.to_string_lossy(), &changes));
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

    /// Writes what became of something into the report; what is lost is a warning besides.
    fn report(&mut self, title: &str, changes: &[Change]) -> Option<Diagnostic> {
        if self.reports.is_empty() {
            self.reports
                .push_str("# How App Mesh's Envoy was converted, and what ECS cannot do\n");
        }
        self.reports.push_str(&format!("\n## {title}\n\n"));
        for change in changes {
            let line = format!("- **{}** `{}`: {}\n", change.fate.word(), change.what, change.why);
            self.reports.push_str(&line);
        }
        let lost: Vec<&Change> = changes
            .iter()
            .filter(|change| change.fate == VariableFate::Lost)
            .collect();
        let names: Vec<String> = lost.iter().map(|change| format!("`{}`", change.what)).collect();
        let why: Vec<String> = lost
            .iter()
            .map(|change| format!("`{}`: {}", change.what, change.why))
            .collect();
        (!lost.is_empty()).then(|| {
            let message = format!("{title}: not taken over: {}", names.join(", "));
            Diagnostic::warning(ecs::codes::LOST, message).help(why.join("\n"))
        })
    }
}

/// Who gives the task definitions of some proxies may not mean the others yet.
fn or_one_alone(problem: &mut Diagnostic) {
    if problem.code == ecs::codes::NO_INTERCEPTION
        && let Some(help) = &mut problem.help
    {
        help.insert_str(
            0,
            "no task definition is for it: compile others alone by `--node NAME`, or ",
        );
    }
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
        format!("`--proxy-store {store}` is not an S3 bucket"),
    )
    .help("tasks of ECS follow `s3://BUCKET/PREFIX`")
}

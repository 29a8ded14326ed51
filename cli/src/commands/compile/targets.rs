//! What each target puts into the folder.

use super::{
    Arguments, Configuration, Target, ecs as ecs_target, ecs::CompanionInputs,
    kubernetes as kubernetes_target,
};
use crate::codes;
use crate::commands::convert::pretty;
use crate::commands::load::{Loaded, is_called, no_proxy};
use crate::io::Io;
use crate::output::Files;
use meshform_compiler::{cloudformation, ecs};
use meshform_envoy::{self as envoy, BuiltProxy, polled};
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::file_name::file_name;
use meshform_model::mesh::Mesh;
use std::fs;
use std::path::Path;

/// The files, and the meshes that they are made of; problems are added to what was loaded.
pub(super) fn build(arguments: &Arguments, io: &Io, loaded: &mut Loaded) -> (Files, Vec<Mesh>) {
    loaded.demand_values();
    let tasks = matches!(arguments.target, Target::Ecs | Target::Compose);
    let beside = tasks.then(|| ecs_target::prepare(arguments, loaded));
    let meshes = loaded.meshes(&arguments.quotas.options());
    let files = made(arguments, io, &meshes, beside.as_ref(), loaded);
    (files, meshes)
}

fn made(
    arguments: &Arguments,
    io: &Io,
    meshes: &[Mesh],
    beside: Option<&CompanionInputs>,
    loaded: &mut Loaded,
) -> Files {
    let mut files = Files::default();
    if meshes.is_empty() && !has_errors(&loaded.problems) {
        let message = match &arguments.input.mesh {
            Some(mesh) => format!("the inputs hold nothing of the mesh `{mesh}`"),
            None => "the inputs hold no resource of a mesh".to_owned(),
        };
        loaded.problems.push(Diagnostic::error(codes::NOT_THERE, message));
    }
    // What is not valid is reported once, not again by each target.
    if has_errors(&loaded.problems) {
        return files;
    }
    arguments
        .proxy_files
        .check(io, meshes, arguments.node.as_deref(), loaded);
    match arguments.target {
        Target::CloudFormation => {
            let template = cloudformation::build(&loaded.resources);
            loaded.problems.extend(template.warnings);
            files.file("template.json", pretty(&template.json));
        }
        Target::Envoy => {
            for (_, proxy) in proxies(arguments, io, meshes, loaded) {
                place(&proxy, &mut files);
            }
        }
        Target::Compose => {
            if let Some(beside) = beside {
                files = ecs_target::compose(arguments, io, meshes, beside, loaded);
            }
        }
        Target::Ecs => {
            if let Some(beside) = beside {
                files = ecs_target::build(arguments, io, meshes, beside, loaded);
            }
        }
        Target::Kubernetes => files = kubernetes_target::build(arguments, io, meshes, loaded),
    }
    if let Some(beside) = beside_proxies(arguments) {
        let node = arguments.node.as_deref();
        for mesh in meshes {
            let is_meant = |key: &_| node.is_none_or(|node| is_called(key, node));
            let problems = loaded.placed(envoy::without_agent(mesh, beside, is_meant));
            loaded.add(problems);
        }
    }
    files
}

/// What stands beside the proxies of a target that may have no agent.
fn beside_proxies(arguments: &Arguments) -> Option<envoy::AgentPresence> {
    match arguments.target {
        Target::CloudFormation => None,
        Target::Envoy => Some(envoy::AgentPresence::PerhapsAnAgent),
        Target::Ecs | Target::Kubernetes | Target::Compose => {
            // An Envoy that has its configuration by ADS is given no files by an agent.
            (arguments.configuration != Configuration::Agent).then_some(envoy::AgentPresence::Nothing)
        }
    }
}

/// The proxies of all meshes that are asked for.
pub(super) fn proxies<'m>(
    arguments: &Arguments,
    io: &Io,
    meshes: &'m [Mesh],
    loaded: &mut Loaded,
) -> Vec<(&'m Mesh, BuiltProxy)> {
    let out = io.path(&arguments.out);
    let root = std::path::absolute(&out).unwrap_or(out);
    let options = match arguments.target {
        Target::Kubernetes => envoy::Options::new(kubernetes_target::ROOT),
        _ => envoy::Options::new(root.to_string_lossy()),
    };
    let mut all = Vec::new();
    for mesh in meshes {
        match envoy::build(mesh, &options) {
            Ok(output) => {
                let mut warnings = output.warnings;
                warnings.extend(without_endpoints(arguments, io, mesh, loaded));
                let warnings = loaded.placed(warnings);
                loaded.add(warnings);
                all.extend(output.proxies.into_iter().map(|proxy| (mesh, proxy)));
            }
            Err(problems) => {
                let problems = loaded.placed(problems);
                loaded.add(problems);
            }
        }
    }
    if let Some(node) = &arguments.node {
        all.retain(|(_, proxy)| is_called(&proxy.key, node));
        if all.is_empty() && !has_errors(&loaded.problems) {
            loaded.problems.push(no_proxy(node, meshes));
        }
    }
    all
}

/// Nodes that are found by Cloud Map, and have no addresses: who could look these up depends on the target.
fn without_endpoints(arguments: &Arguments, io: &Io, mesh: &Mesh, loaded: &Loaded) -> Vec<Diagnostic> {
    let tasks = matches!(arguments.target, Target::Ecs | Target::Compose);
    if tasks && arguments.configuration == Configuration::Static {
        let node = arguments.node.as_deref();
        return polled::without_poller(mesh, |key| node.is_none_or(|node| is_called(key, node)));
    }
    let mut found = loaded.without_endpoints(io, mesh);
    let help = match arguments.target {
        Target::Ecs if arguments.node.is_none() => Some(format!(
            "deploy `{}/stack.json`: its poller looks them up; or list addresses under `endpoints` in a proxy profile",
            file_name(mesh.name())
        )),
        Target::Compose => Some(
            "use DNS discovery (`serviceDiscovery.dns`) with a name that the file gives the node's container, or \
             list addresses under `endpoints` in a proxy profile: on one machine nothing registers containers in \
             Cloud Map"
                .to_owned(),
        ),
        _ => None,
    };
    if let Some(help) = help {
        for problem in found
            .iter_mut()
            .filter(|problem| problem.code == envoy::codes::CLOUD_MAP)
        {
            problem.help = Some(help.clone());
        }
    }
    found
}

/// A release's files lie in a folder of their own behind the link `current`, which is what the bootstrap names:
/// a running Envoy follows when the link is swapped.
fn place(proxy: &BuiltProxy, files: &mut Files) {
    let set = format!("{}/{}", envoy::layout::RELEASES, proxy.digest);
    for (name, bytes) in proxy.files() {
        let name = match name.strip_prefix(envoy::layout::FOLLOWED) {
            Some(rest) => format!("{}/{set}/{rest}", proxy.path),
            None => format!("{}/{name}", proxy.path),
        };
        files.file(name, bytes);
    }
    files.link(format!("{}/{}", proxy.path, envoy::layout::CURRENT), set);
}

pub(super) fn needed_file(file: envoy::NeededFile) -> ecs::NeededFile {
    ecs::NeededFile {
        what: file.purpose.noun(),
        written: file.purpose == envoy::Purpose::Log,
        place: file.origin.place(),
        path: file.path,
    }
}

/// The user's templates instead of ours.
pub(super) fn templates(arguments: &Arguments, io: &Io, problems: &mut Vec<Diagnostic>) -> ecs::Templates {
    let mut templates = ecs::Templates::default();
    let Some(directory) = &arguments.templates else {
        return templates;
    };
    let folder = io.path(directory);
    let mut found = false;
    for name in ecs::Templates::names() {
        match read(&folder, name) {
            Ok(Some(text)) => {
                found = true;
                templates = templates.with(name, text);
            }
            Ok(None) => {}
            Err(error) => problems.push(Diagnostic::error(
                codes::CANNOT_READ,
                format!("`{}/{name}` cannot be read: {error}", directory.display()),
            )),
        }
    }
    let mut wrong = unknown(&folder);
    if !found && wrong.is_empty() && !has_errors(problems) {
        wrong.push("no template that can be replaced".to_owned());
    }
    let names: Vec<String> = ecs::Templates::names().map(|name| format!("`{name}`")).collect();
    problems.extend(wrong.into_iter().map(|what| {
        let message = format!("`{}` holds {what}", directory.display());
        Diagnostic::error(codes::BAD_OPTION, message)
            .help(format!("these can be replaced: {}", names.join(", ")))
    }));
    templates
}

/// Templates of a folder that replace none, because of a typing mistake most likely.
fn unknown(folder: &Path) -> Vec<String> {
    let mut unknown = Vec::new();
    for below in ["", "ecs", "compose"] {
        let files = fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let paths = names.map(|name| match below {
            "" => name,
            below => format!("{below}/{name}"),
        });
        unknown
            .extend(paths.filter(|path| {
                path.ends_with(".hbs") && !ecs::Templates::names().any(|known| known == path)
            }));
    }
    unknown.sort();
    let told = |path| format!("`{path}`, which replaces no template");
    unknown.into_iter().map(told).collect()
}

fn read(folder: &Path, name: &str) -> std::io::Result<Option<String>> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

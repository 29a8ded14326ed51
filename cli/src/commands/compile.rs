//! `meshform compile`: from a mesh to what runs it.

mod ecs;
mod kubernetes;
mod targets;

use super::files::FilesArgument;
use super::load::{Loaded, load_or_store};
use super::quotas::QuotaArgument;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::output::{self, Files};
use crate::render::{self, Count, Format, FormatArgument};
use crate::store::FromStoreArgument;
use meshform_model::diag::has_errors;
use meshform_model::mesh::Mesh;
use serde_json::json;
use std::path::PathBuf;

/// Compile meshes to Envoy files, a CloudFormation template, ECS task definitions, Kubernetes manifests or a file for Docker Compose
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    from: FromStoreArgument,
    /// The platform or form to write files for
    #[arg(long, value_enum)]
    target: Target,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only this virtual node or virtual gateway
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Templates that take the place of meshform's own (`ecs/task-definition.json.hbs`, …)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// How proxies on ECS, Kubernetes and Docker Compose get their configuration
    #[arg(long, value_enum, default_value_t = Configuration::Agent)]
    configuration: Configuration,
    /// The container image with meshform-agent and Envoy. Default on ECS: a parameter of the template
    #[arg(long, value_name = "IMAGE")]
    proxy_image: Option<String>,
    /// On Kubernetes, the image that redirects connections to the proxy, where the profile does not choose explicit interception
    #[arg(long, value_name = "IMAGE")]
    init_image: Option<String>,
    /// On Kubernetes, the namespace of what did not come from a manifest
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// The store that proxies follow, `s3://BUCKET/PREFIX`. Default on ECS: a parameter of the template; for Compose a folder
    #[arg(long, value_name = "URL")]
    proxy_store: Option<String>,
    /// What to do with X-Ray, CloudWatch and StatsD containers beside proxies on ECS
    #[arg(long, value_enum, default_value_t = Companions::Keep)]
    companions: Companions,
    /// The container image of the collector
    #[arg(long, value_name = "IMAGE", default_value = meshform_compiler::ecs::COLLECTOR_IMAGE)]
    collector_image: String,
    /// Write nothing; exit with 1 if the folder differs from what would be written
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    proxy_files: FilesArgument,
    #[command(flatten)]
    quotas: QuotaArgument,
    #[command(flatten)]
    format: FormatArgument,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Target {
    /// A bootstrap, a static configuration and filesystem xDS for each proxy
    Envoy,
    /// A template with `AWS::AppMesh::*`, for interchange and review
    #[value(name = "cloudformation")]
    CloudFormation,
    /// A task definition with Envoy for each proxy
    Ecs,
    /// The inputs' Deployments and the like, with Envoy as a sidecar of their pods
    Kubernetes,
    /// A file for Docker Compose, for one machine
    Compose,
}

/// How proxies on ECS and Kubernetes get their configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Configuration {
    /// meshform-agent brings each release from a bucket: a changed route changes no task definition
    Agent,
    /// The whole configuration is in the task definition, or in a ConfigMap that Envoy watches
    Static,
    /// On ECS and Docker Compose, the control plane of the proxy profile sends it (ADS). Where the profile has its `apiUrl` the agent starts Envoy, and follows releases by files while the control plane is unavailable
    Ads,
}

/// What becomes of containers that take traces and statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Companions {
    /// They stay as they are; none is added
    Keep,
    /// AWS Distro for OpenTelemetry replaces them, and is added where a proxy sends to one that is missing
    Collector,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let Some(mut loaded) = load_or_store(&arguments.input, arguments.from.name(), io) else {
        return Exit::WrongUse;
    };
    let (files, _) = targets::build(arguments, io, &mut loaded);
    if has_errors(&loaded.problems) {
        return report(arguments, io, &loaded, CompileOutcome::Refused);
    }
    let folder = io.path(&arguments.out);
    if arguments.check {
        let differences = output::compare(&folder, &files);
        return report(arguments, io, &loaded, CompileOutcome::Checked(differences));
    }
    match output::write(&folder, &files) {
        Ok(changed) => report(arguments, io, &loaded, CompileOutcome::Written(&files, changed)),
        Err(problem) => {
            loaded.problems.push(problem);
            report(arguments, io, &loaded, CompileOutcome::Refused)
        }
    }
}

/// A compilation that keeps nothing.
pub(crate) struct CompileCheck<'a> {
    pub(crate) target: Target,
    pub(crate) input: &'a InputArguments,
    pub(crate) files: &'a FilesArgument,
    pub(crate) quotas: &'a QuotaArgument,
}

/// What stands in the way of making that of what was loaded: everything that a compilation says, and nothing is kept.
/// The meshes come back.
pub(crate) fn judge(trial: CompileCheck<'_>, io: &Io, loaded: &mut Loaded) -> Vec<Mesh> {
    let arguments = Arguments {
        input: trial.input.clone(),
        from: FromStoreArgument::default(),
        target: trial.target,
        out: PathBuf::from("."),
        node: None,
        templates: None,
        configuration: Configuration::Agent,
        proxy_image: None,
        init_image: None,
        namespace: "default".to_owned(),
        proxy_store: None,
        companions: Companions::Keep,
        collector_image: meshform_compiler::ecs::COLLECTOR_IMAGE.to_owned(),
        check: true,
        proxy_files: trial.files.clone(),
        quotas: trial.quotas.clone(),
        format: FormatArgument { format: Format::Text },
    };
    targets::build(&arguments, io, loaded).1
}

enum CompileOutcome<'f> {
    Refused,
    Written(&'f Files, usize),
    Checked(Vec<output::Difference>),
}

fn report(arguments: &Arguments, io: &mut Io, loaded: &Loaded, outcome: CompileOutcome<'_>) -> Exit {
    let shown = arguments.out.display();
    let exit = match &outcome {
        CompileOutcome::Refused => loaded.exit(),
        CompileOutcome::Checked(differences) if !differences.is_empty() => Exit::Found,
        CompileOutcome::Checked(_) | CompileOutcome::Written(..) => Exit::Fine,
    };
    if arguments.format.format == Format::Json {
        io.print(&format!("{:#}\n", report_json(arguments, loaded, &outcome)));
        return exit;
    }
    render::tell(io, &loaded.reading.sources, &loaded.problems);
    match outcome {
        CompileOutcome::Refused => io.tell(&format!("nothing was written to `{shown}`\n")),
        CompileOutcome::Checked(differences) if differences.is_empty() => {
            io.print(&format!("`{shown}` is up to date\n"));
        }
        CompileOutcome::Checked(differences) => {
            for difference in &differences {
                let (what, path) = difference.words();
                io.print(&format!("{what}: {shown}/{path}\n"));
            }
        }
        CompileOutcome::Written(files, changed) => {
            let count = files.len();
            let noun = if count == 1 { "file" } else { "files" };
            io.print(&format!("{count} {noun} in `{shown}`, {changed} changed\n"));
        }
    }
    exit
}

fn report_json(arguments: &Arguments, loaded: &Loaded, outcome: &CompileOutcome<'_>) -> serde_json::Value {
    let count = Count::of(&loaded.problems);
    let differences: Vec<_> = match outcome {
        CompileOutcome::Checked(differences) => differences
            .iter()
            .map(|difference| {
                let (what, path) = difference.words();
                json!({"difference": what, "path": path})
            })
            .collect(),
        _ => Vec::new(),
    };
    let (files, changed) = match outcome {
        CompileOutcome::Written(files, changed) => (files.paths(), *changed),
        _ => (Vec::new(), 0),
    };
    json!({
        "errors": count.errors,
        "warnings": count.warnings,
        "problems": render::problems_json(&loaded.reading.sources, &loaded.problems),
        "out": arguments.out.display().to_string(),
        "differences": differences,
        "files": files,
        "changed": changed,
    })
}

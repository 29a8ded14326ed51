//! `meshform validate`: every problem of the inputs, at its place.

use super::compile;
use super::files::FilesArgument;
use super::load::load;
use super::quotas::QuotaArgument;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render::{self, Count};
use meshform_compiler::frontend::Reading;
use meshform_compiler::frontend::codes::NOTHING_FOUND;
use meshform_envoy::polled;
use meshform_model::diag::Diagnostic;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Validate inputs of any form and report every problem with its location
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    /// The form of the report, on standard output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Also check what only this target of `meshform compile` requires
    #[arg(long, value_enum)]
    target: Option<compile::Target>,
    #[command(flatten)]
    files: FilesArgument,
    #[command(flatten)]
    quotas: QuotaArgument,
    /// Exit with 1 also when there are only warnings
    #[arg(long)]
    strict: bool,
    /// Validate again whenever a file changes, until interrupted
    #[arg(long)]
    watch: bool,
}

impl Arguments {
    /// Whether it goes on until it is interrupted.
    pub(crate) fn is_endless(&self) -> bool {
        self.watch
    }
}

/// How long files are left alone before they are looked at again.
const PAUSE: Duration = Duration::from_millis(400);

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Problems with excerpts of the input
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, as code hosts and editors show it
    Sarif,
    /// JUnit's XML, as build servers show it
    Junit,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    if !arguments.watch {
        return once(arguments, io);
    }
    let mut seen = None;
    loop {
        let now = stamps(&arguments.input.paths, io);
        if seen.as_ref() != Some(&now) {
            once(arguments, io);
            io.finish();
            seen = Some(now);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The size and time of every file that is read, by path.
fn stamps(paths: &[PathBuf], io: &Io) -> BTreeMap<PathBuf, Option<(u64, SystemTime)>> {
    let mut out = BTreeMap::new();
    let mut open: Vec<PathBuf> = paths.iter().map(|path| io.path(path)).collect();
    while let Some(path) = open.pop() {
        let meta = fs::symlink_metadata(&path);
        if meta.as_ref().is_ok_and(|meta| meta.is_dir()) {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            let shown = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
            open.extend(shown.map(|entry| entry.path()));
            continue;
        }
        let meta = fs::metadata(&path).ok();
        let stamp = meta.and_then(|meta| Some((meta.len(), meta.modified().ok()?)));
        out.insert(path, stamp);
    }
    out
}

fn once(arguments: &Arguments, io: &mut Io) -> Exit {
    if arguments.input.paths.is_empty() {
        io.tell("error: nothing to validate; give files or folders, or `-` for standard input\n");
        return Exit::WrongUse;
    }
    let Some(mut loaded) = load(&arguments.input, io) else {
        return Exit::WrongUse;
    };
    if loaded.reading.found.is_empty() && loaded.problems.is_empty() {
        // A folder may hold other tools' files alone: that nothing was looked at is not that all is fine.
        let message = "the inputs hold no resource of a mesh";
        loaded.add(vec![Diagnostic::warning(NOTHING_FOUND, message)]);
    }
    let (files, quotas) = (&arguments.files, &arguments.quotas);
    let meshes = match arguments.target {
        Some(target) => {
            let trial = compile::CompileCheck {
                target,
                input: &arguments.input,
                files,
                quotas,
            };
            compile::judge(trial, io, &mut loaded)
        }
        None => {
            let meshes = loaded.meshes(&quotas.options());
            loaded.allow_parts(&meshes);
            let without_endpoints = meshes.iter().filter_map(polled::cloud_map_warning).collect();
            let without_endpoints = loaded.placed(without_endpoints);
            loaded.add(without_endpoints);
            files.check(io, &meshes, None, &mut loaded);
            meshes
        }
    };
    let count = Count::of(&loaded.problems);
    let sources = &loaded.reading.sources;
    match arguments.format {
        Format::Text => {
            render::tell(io, sources, &loaded.problems);
            let found = loaded.reading.found.len();
            let names: Vec<&str> = meshes.iter().map(|mesh| mesh.name()).collect();
            let of = match names.as_slice() {
                [] => String::new(),
                [one] => format!(" of the mesh `{one}`"),
                many => format!(" of the meshes `{}`", many.join("`, `")),
            };
            let end = match found {
                1 => "1 resource",
                _ => &format!("{found} resources"),
            };
            io.print(&format!(
                "{end}{of}{}\n",
                if count == Count::default() { ": fine" } else { "" }
            ));
        }
        Format::Sarif => {
            let report = render::sarif(sources, &loaded.problems);
            io.print(&format!("{report:#}\n"));
        }
        Format::Junit => io.print(&render::junit(sources, &loaded.problems)),
        Format::Json => {
            let report = json!({
                "errors": count.errors,
                "warnings": count.warnings,
                "problems": render::problems_json(sources, &loaded.problems),
                "resources": resources(&loaded.reading),
            });
            io.print(&format!("{report:#}\n"));
        }
    }
    match count {
        Count { errors: 1.., .. } => Exit::Found,
        Count { warnings: 1.., .. } if arguments.strict => Exit::Found,
        _ => Exit::Fine,
    }
}

fn resources(reading: &Reading) -> Vec<Json> {
    let mut lines = render::Lines::new(&reading.sources);
    let found = reading.found.iter().map(|found| {
        let at = found.span.and_then(|span| lines.excerpt(span));
        json!({
            "kind": found.kind.name(),
            "resource": found.key.as_ref().map(|key| key.path()),
            "label": found.label,
            "file": at.as_ref().map(|at| at.name),
            "line": at.as_ref().map(|at| at.line),
            "refused": found.refused,
        })
    });
    found.collect()
}

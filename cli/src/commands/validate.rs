//! `meshform validate`: every problem of the inputs, at its place.

use super::files::FilesArgument;
use super::load::load;
use super::quotas::QuotaArgument;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render::{self, Count, Format, FormatArgument};
use meshform_compiler::frontend::Reading;
use serde_json::{Value as Json, json};

/// Read any input form and report every problem with its place
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    files: FilesArgument,
    #[command(flatten)]
    quotas: QuotaArgument,
    /// Exit with 1 also when there are only warnings
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    if arguments.input.paths.is_empty() {
        io.tell("error: nothing to validate; give files or folders, or `-` for standard input\n");
        return Exit::WrongUse;
    }
    let Some(mut loaded) = load(&arguments.input, io) else {
        return Exit::WrongUse;
    };
    let meshes = loaded.meshes(&arguments.quotas.options());
    loaded.allow_parts(&meshes);
    arguments.files.check(io, &meshes, (None, &mut loaded));
    let count = Count::of(&loaded.problems);
    let sources = &loaded.reading.sources;
    match arguments.format.format {
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

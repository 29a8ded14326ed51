//! `meshform graph`: the picture of the mesh.

use super::load::load_or_store;
use crate::codes;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render;
use crate::store::FromStoreArgument;
use meshform_compiler::graph::{self, Picture};
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::rules::Options as Rules;

/// Draw the graph of the mesh, who calls whom by which routes, on standard output
///
/// A mesh with errors is drawn too, with the errors in it; the exit status is then 1, as it is when a part of the
/// input could not be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    from: FromStoreArgument,
    /// The form of the picture
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
    /// Draw only the neighbourhood of the resource with this name: a service, node, gateway, router or route
    #[arg(long, value_name = "NAME")]
    around: Option<String>,
    /// How many calls away from it, in either direction
    #[arg(long, value_name = "N", default_value_t = 2, requires = "around")]
    hops: usize,
}

/// How the picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A picture for browsers and documents, light or dark as the reader's system is
    Svg,
    /// One page with the picture, search, zoom and details; it loads nothing
    Html,
    /// Mermaid, as Markdown shows it
    Mermaid,
    /// DOT, for Graphviz
    Dot,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let Some(mut loaded) = load_or_store(&arguments.input, arguments.from.name(), io) else {
        return Exit::WrongUse;
    };
    let mut refused = has_errors(&loaded.problems);
    let meshes = loaded.meshes(&Rules::default());
    let mut picture = Picture::of(&meshes, &loaded.problems);
    if let Some(name) = &arguments.around
        && !picture.around(name, arguments.hops)
    {
        let problem = no_such(name, &picture);
        loaded.problems.push(problem);
        picture = Picture::default();
        refused = true;
    }
    render::tell(io, &loaded.reading.sources, &loaded.problems);
    if arguments.around.is_none() || !refused || !picture.names().is_empty() {
        let format = match arguments.format {
            Format::Svg => graph::Format::Svg,
            Format::Html => graph::Format::Html,
            Format::Mermaid => graph::Format::Mermaid,
            Format::Dot => graph::Format::Dot,
        };
        io.print(&picture.write(format));
    }
    match loaded.exit() {
        Exit::Fine if refused => Exit::Found,
        exit => exit,
    }
}

fn no_such(name: &str, picture: &Picture) -> Diagnostic {
    let problem = Diagnostic::error(
        codes::NOT_THERE,
        format!("the picture has nothing named `{name}`"),
    );
    let wanted = name.to_lowercase();
    let like: Vec<String> = picture
        .names()
        .into_iter()
        .filter(|known| known.to_lowercase().contains(&wanted))
        .take(8)
        .map(|known| format!("`{known}`"))
        .collect();
    if like.is_empty() {
        problem.help("give the name of a virtual service, node, gateway, router or route")
    } else {
        problem.help(format!("there are {}", like.join(", ")))
    }
}

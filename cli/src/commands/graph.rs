//! `meshform graph`: the picture of the mesh.

use super::load::load_or_store;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render;
use meshform_compiler::graph;
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::rules::Options as Rules;
use std::path::PathBuf;

/// Draw who calls whom, on standard output
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    /// Read from this store, a directory or a bucket such as `s3://bucket/prefix`, instead of files
    #[arg(long, value_name = "DIR|URL", conflicts_with = "paths")]
    store: Option<PathBuf>,
    /// What draws it
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
}

/// What draws the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Mermaid, as Markdown shows it
    Mermaid,
    /// Graphviz
    Dot,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let Some(mut loaded) = load_or_store(&arguments.input, arguments.store.as_deref(), io) else {
        return Exit::WrongUse;
    };
    let refused = has_errors(&loaded.problems);
    let meshes = loaded.meshes(&Rules::default());
    // A mesh with a hole in it is worth a picture, too: what cannot be read is not.
    let problems: Vec<Diagnostic> = std::mem::take(&mut loaded.problems);
    render::tell(io, &loaded.reading.sources, &problems);
    if refused {
        return Exit::Found;
    }
    let format = match arguments.format {
        Format::Mermaid => graph::Format::Mermaid,
        Format::Dot => graph::Format::Dot,
    };
    io.print(&graph::draw(&meshes, format));
    Exit::Fine
}

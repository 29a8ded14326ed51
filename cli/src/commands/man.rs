//! `meshform man`: manual pages.

use crate::codes;
use crate::exit::Exit;
use crate::io::Io;
use crate::output::{self, Files};
use crate::render;
use meshform_model::diag::{Diagnostic, Sources};
use std::path::PathBuf;

/// Write the manual pages, one for each command, into a folder of `MANPATH` such as `~/.local/share/man/man1`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder for the pages, created if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let mut command = crate::command_line();
    command.build();
    let written = pages(&command).and_then(|files| output::write(&io.path(&arguments.out), &files));
    match written {
        Ok(_) => Exit::Fine,
        Err(problem) => {
            render::tell(io, &Sources::default(), &[problem]);
            Exit::WrongUse
        }
    }
}

fn pages(command: &clap::Command) -> Result<Files, Diagnostic> {
    let mut files = Files::default();
    page("meshform".to_owned(), command, &mut files)?;
    Ok(files)
}

/// The page of a command, and those of the commands below it.
fn page(name: String, command: &clap::Command, files: &mut Files) -> Result<(), Diagnostic> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut text)
        .map_err(|error| {
            Diagnostic::error(
                codes::CANNOT_WRITE,
                format!("the page `{name}` cannot be made: {error}"),
            )
        })?;
    files.file(format!("{name}.1"), text);
    for below in command.get_subcommands().filter(|one| one.get_name() != "help") {
        page(format!("{name}-{}", below.get_name()), below, files)?;
    }
    Ok(())
}

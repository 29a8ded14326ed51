//! The `meshform` command: what it is told, in process, so that tests can tell it too.
//!
//! - [`run`] parses the arguments and calls one of `commands`, one file each.
//! - [`io`] is all it has of the world besides files: streams, environment, working directory.
//! - `boundary` is where a panic ends.
//! - `input` finds the inputs, `output` writes files atomically, `render` shows problems.

#![cfg_attr(test, allow(clippy::disallowed_types))]

mod boundary;
pub mod codes;
mod commands;
mod exit;
mod input;
pub mod io;
mod output;
mod render;
mod store;

pub use boundary::keep_panics_quiet;
pub use exit::Exit;

use clap::Parser;
use commands::Command;
use io::Io;
use meshform_model::diag::Sources;
use std::ffi::OsString;

/// AWS App Mesh's model, without AWS: validates, converts and compiles meshes.
#[derive(Debug, Parser)]
#[command(name = "meshform", version, max_term_width = 100, subcommand_required = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Does what the arguments say (the first is the program's name).
pub fn run(arguments: Vec<OsString>, io: &mut Io) -> Exit {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => match boundary::guard(|| arguments.command.run(io)) {
            Ok(exit) => exit,
            Err(problem) => {
                render::tell(io, &Sources::default(), &[problem]);
                Exit::Broken
            }
        },
        Err(error) if error.use_stderr() => {
            io.tell(&error.to_string());
            Exit::WrongUse
        }
        Err(help) => {
            io.print(&help.to_string());
            Exit::Fine
        }
    }
}

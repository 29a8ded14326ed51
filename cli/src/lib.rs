//! The `meshform` command: what it prints, in process, so that tests can check it.
//!
//! - [`run`] parses the arguments and calls one of `commands`, one file each.
//! - [`io`] is all it has of the world besides files: streams, environment, working directory.
//! - `boundary` is where a panic ends.
//! - `input` finds the inputs, `output` writes files atomically, `render` shows problems.

#![cfg_attr(test, allow(clippy::disallowed_types))]

mod api;
mod boundary;
pub mod codes;
mod commands;
mod exit;
mod input;
pub mod io;
mod output;
mod progress;
mod render;
mod store;

pub use boundary::keep_panics_quiet;
pub use exit::Exit;

use clap::{CommandFactory, Parser};
use commands::Command;
use io::Io;
use meshform_model::diag::{Diagnostic, Sources};
use progress::Progress;
use std::ffi::OsString;
use std::time::Instant;

/// AWS App Mesh's model, without AWS: validates, converts and compiles meshes.
#[derive(Debug, Parser)]
#[command(name = "meshform", version, max_term_width = 100, subcommand_required = true)]
struct Arguments {
    #[command(flatten)]
    manner: OutputArguments,
    #[command(subcommand)]
    command: Command,
}

/// Where `--help` lists what every command takes.
const MESSAGES: &str = "Messages";

/// How the command talks, whichever it is.
#[derive(Debug, clap::Args)]
struct OutputArguments {
    /// When problems are coloured; `auto` is on a terminal, unless NO_COLOR is set or TERM is `dumb`
    #[arg(help_heading = MESSAGES, long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Color,
    /// Print errors only, no warnings
    #[arg(help_heading = MESSAGES, short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Also print what was read and how long it took
    #[arg(help_heading = MESSAGES, short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl OutputArguments {
    fn apply(&self, io: &mut Io) {
        let plain = io.var("NO_COLOR").is_some() || io.var("TERM") == Some("dumb");
        io.manner.color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io.manner.terminal && !plain,
        };
        io.manner.quiet = self.quiet;
        io.manner.verbose = self.verbose;
    }
}

/// Does what the arguments say (the first is the program's name), and sees to it that the result has reached standard output.
pub fn run(arguments: Vec<OsString>, io: &mut Io) -> Exit {
    let exit = asked(arguments, io);
    io.finish();
    let Some(error) = io.lost.take() else {
        return exit;
    };
    let message = format!("standard output cannot be written: {error}");
    let help = "the output is incomplete";
    let problem = Diagnostic::error(codes::CANNOT_WRITE, message).help(help);
    render::tell(io, &Sources::default(), &[problem]);
    match exit {
        Exit::Broken => exit,
        _ => Exit::WrongUse,
    }
}

fn asked(arguments: Vec<OsString>, io: &mut Io) -> Exit {
    // For people who wait: the command as they wrote it.
    let name = arguments.iter().skip(1).map(|one| one.to_string_lossy());
    let name = name.into_iter().find(|one| !one.starts_with('-'));
    let name = name.map_or_else(String::new, std::borrow::Cow::into_owned);
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => {
            arguments.manner.apply(io);
            let started = Instant::now();
            let can_wipe = io.manner.terminal && io.var("TERM") != Some("dumb");
            let tells = can_wipe && !io.manner.quiet && !arguments.command.is_endless();
            let progress = tells.then(|| Progress::of(name));
            let exit = match boundary::guard(|| arguments.command.run(io)) {
                Ok(exit) => exit,
                Err(problem) => {
                    render::tell(io, &Sources::default(), &[problem]);
                    Exit::Broken
                }
            };
            drop(progress);
            if io.manner.verbose {
                io.tell(&format!("took {:.2} s\n", started.elapsed().as_secs_f64()));
            }
            exit
        }
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

/// The command line as clap knows it, for completions and manual pages.
fn command_line() -> clap::Command {
    Arguments::command()
}

//! The subcommands, one file each.

mod adopt;
mod apply;
mod bootstrap;
mod compile;
mod completions;
mod console;
mod convert;
mod diff;
mod drafts;
mod explain;
mod files;
mod graph;
mod imports;
mod install_provider;
mod keys;
mod load;
mod man;
mod migrate;
mod policy;
mod quotas;
mod readable;
mod release;
mod said;
mod serve;
mod status;
mod token;
mod validate;

use crate::exit::Exit;
use crate::io::Io;

/// What the command can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Validate(validate::Arguments),
    Compile(Box<compile::Arguments>),
    Convert(convert::Arguments),
    Diff(diff::Arguments),
    Bootstrap(bootstrap::Arguments),
    Explain(explain::ExplainArguments),
    Route(explain::RouteArguments),
    Graph(graph::Arguments),
    Console(console::Arguments),
    Adopt(adopt::Arguments),
    Apply(Box<apply::Arguments>),
    Release(release::ReleaseArguments),
    Pin(release::PinArguments),
    Unpin(release::UnpinArguments),
    /// Show the releases of each mesh, the newest first
    History(said::MeshArguments),
    Status(status::StatusArguments),
    Policy(policy::Arguments),
    Imports(imports::Arguments),
    Migrate(migrate::Arguments),
    Serve(Box<serve::Arguments>),
    Keys(keys::Arguments),
    Token(token::Arguments),
    InstallProvider(install_provider::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Command {
    /// Whether it goes on until it is interrupted.
    pub(crate) fn is_endless(&self) -> bool {
        match self {
            Command::Serve(_) => true,
            Command::Validate(arguments) => arguments.is_endless(),
            _ => false,
        }
    }

    pub(crate) fn run(self, io: &mut Io) -> Exit {
        match self {
            Command::Validate(arguments) => validate::run(&arguments, io),
            Command::Compile(arguments) => compile::run(&arguments, io),
            Command::Convert(arguments) => convert::run(&arguments, io),
            Command::Diff(arguments) => diff::run(&arguments, io),
            Command::Bootstrap(arguments) => bootstrap::run(&arguments, io),
            Command::Explain(arguments) => explain::explain(&arguments, io),
            Command::Route(arguments) => explain::route(&arguments, io),
            Command::Graph(arguments) => graph::run(&arguments, io),
            Command::Console(arguments) => console::run(&arguments, io),
            Command::Adopt(arguments) => adopt::run(&arguments, io),
            Command::Apply(arguments) => apply::run(&arguments, io),
            Command::Release(arguments) => release::release(&arguments, io),
            Command::Pin(arguments) => release::pin(&arguments, io),
            Command::Unpin(arguments) => release::unpin(&arguments, io),
            Command::History(arguments) => release::history(&arguments, io),
            Command::Status(arguments) => status::status(&arguments, io),
            Command::Policy(arguments) => policy::run(&arguments, io),
            Command::Imports(arguments) => imports::run(&arguments, io),
            Command::Migrate(arguments) => migrate::run(&arguments, io),
            Command::Serve(arguments) => serve::run(&arguments, io),
            Command::Keys(arguments) => keys::run(&arguments, io),
            Command::Token(arguments) => token::run(&arguments, io),
            Command::InstallProvider(arguments) => install_provider::run(&arguments, io),
            Command::Completions(arguments) => completions::run(&arguments, io),
            Command::Man(arguments) => man::run(&arguments, io),
        }
    }
}

//! `meshform completions`: what a shell needs to complete the command.

use crate::exit::Exit;
use crate::io::Io;

/// Write completions for a shell to standard output
///
/// bash: into `~/.local/share/bash-completion/completions/meshform`; zsh: `_meshform` in a folder of `$fpath`; fish:
/// `~/.config/fish/completions/meshform.fish`; PowerShell: `meshform completions powershell | Out-String | Invoke-Expression`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The shell that is to complete commands and options
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let mut out = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::command_line(), "meshform", &mut out);
    io.print(&String::from_utf8_lossy(&out));
    Exit::Fine
}

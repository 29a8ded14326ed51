//! The meshform command.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshform::keep_panics_quiet();
    let arguments = std::env::args_os().collect();
    let mut io = meshform::io::Io::of_process();
    let exit = meshform::run(arguments, &mut io);
    io.finish();
    ExitCode::from(exit.code())
}

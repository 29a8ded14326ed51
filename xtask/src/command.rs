//! Runs programs: streaming, captured, or both.

use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::out;

/// The command as one would type it, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs to the end; both streams go to the terminal.
pub(crate) fn stream(command: &mut Command) -> Result<ExitStatus> {
    command.status().map_err(|error| cannot_start(command, &error))
}

/// Runs to the end; standard output goes to the terminal line by line and to `each`, standard error to the
/// terminal only.
pub(crate) fn stream_lines(command: &mut Command, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&bytes);
            out::text(&text);
            each(text.trim_end());
            bytes.clear();
        }
    }
    child.wait().map_err(|error| cannot_start(command, &error))
}

/// Runs to the end; gives standard output. A run that fails is an error that shows what was written to standard
/// error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null());
    let mut ran = command.output();
    // A script that was just written may still be open in a program that another thread is just starting.
    for _ in 0..50 {
        if !ran
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::ExecutableFileBusy)
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
        ran = command.output();
    }
    let Output {
        status,
        stdout,
        stderr,
    } = ran.map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let mut said = String::from_utf8_lossy(&stderr).into_owned();
    if said.trim().is_empty() {
        said = String::from_utf8_lossy(&stdout).into_owned();
    }
    Err(Failure::new(format!(
        "`{}` failed ({status}):\n{}",
        shown(command),
        said.trim_end()
    )))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot run `{}`: {error}", shown(command)))
}

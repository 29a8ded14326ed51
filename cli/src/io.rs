//! What the command has of the world besides files: streams, environment, working directory.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Streams and surroundings. Tests put buffers in.
pub struct Io {
    pub stdin: Box<dyn Read + Send>,
    /// Where the result goes, and nothing else.
    pub stdout: Box<dyn Write + Send>,
    /// Standard error: what is to be reported beside the result.
    pub stderr: Box<dyn Write + Send>,
    pub env: BTreeMap<String, String>,
    /// The working directory, which relative paths start from.
    pub directory: PathBuf,
    /// The path of the running program; none where the system does not tell it.
    pub program: Option<PathBuf>,
    /// How much is told on standard error, and whether in colour.
    pub manner: OutputStyle,
    /// Why a part of the result could not be written.
    pub lost: Option<io::Error>,
}

/// How standard error is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputStyle {
    /// Whether standard error is a terminal.
    pub terminal: bool,
    /// Whether standard output is a terminal.
    pub screen: bool,
    pub color: bool,
    /// Whether warnings are left out.
    pub quiet: bool,
    /// What was read, and how long it took.
    pub verbose: bool,
}

impl Io {
    pub fn of_process() -> Self {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        Self {
            stdin: Box::new(io::stdin()),
            stdout: Box::new(BufWriter::new(io::stdout())),
            stderr: Box::new(io::stderr()),
            env: std::env::vars_os()
                .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
                .collect(),
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            program: std::env::current_exe().ok(),
            manner: OutputStyle {
                terminal: io::stderr().is_terminal(),
                screen: io::stdout().is_terminal(),
                ..OutputStyle::default()
            },
            lost: None,
        }
    }

    /// A result, to standard output. A reader that went away (`meshform … | head`) is no reason to fail; a full disk is, and
    /// the command's end tells it.
    pub fn print(&mut self, text: &str) {
        let written = self.stdout.write_all(text.as_bytes());
        self.note(written);
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.lost.get_or_insert(error);
        }
    }

    /// A word beside the result, to standard error.
    pub fn tell(&mut self, text: &str) {
        crate::progress::wiped(|| drop(self.stderr.write_all(text.as_bytes())));
    }

    /// The same surroundings for a thread beside this one. What is written there is kept, so that it can be passed on in an
    /// order that does not depend on which thread was faster. Standard input stays here, unless it is lent.
    pub(crate) fn beside(&mut self, lends_stdin: bool) -> (Self, CapturedOutput) {
        let nothing: Box<dyn Read + Send> = Box::new(io::empty());
        let stdin = match lends_stdin {
            true => std::mem::replace(&mut self.stdin, nothing),
            false => nothing,
        };
        let kept = CapturedOutput::default();
        let beside = Self {
            stdin,
            stdout: Box::new(kept.clone()),
            stderr: Box::new(kept.clone()),
            env: self.env.clone(),
            directory: self.directory.clone(),
            program: self.program.clone(),
            manner: self.manner,
            lost: None,
        };
        (beside, kept)
    }

    /// Sends what is still held back.
    pub fn finish(&mut self) {
        let flushed = self.stdout.flush();
        self.note(flushed);
        let _ = self.stderr.flush();
    }

    /// A path as the process means it.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// A variable of the environment that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether a variable of the environment is set and says nothing.
    pub(crate) fn is_empty(&self, name: &str) -> bool {
        self.env.get(name).is_some_and(String::is_empty)
    }
}

/// What a thread has written to its standard output and error.
#[derive(Debug, Clone, Default)]
pub(crate) struct CapturedOutput(Arc<Mutex<Vec<u8>>>);

impl CapturedOutput {
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for CapturedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

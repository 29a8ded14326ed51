//! What the command has of the world besides files: streams, environment, working directory.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Streams and surroundings. Tests put buffers in.
pub struct Io {
    pub stdin: Box<dyn Read>,
    /// Where the result goes, and nothing else.
    pub stdout: Box<dyn Write>,
    /// Standard error: what is to be reported beside the result.
    pub stderr: Box<dyn Write>,
    pub env: BTreeMap<String, String>,
    /// The working directory, which relative paths start from.
    pub directory: PathBuf,
    /// The path of the running program; none where the system does not tell it.
    pub program: Option<PathBuf>,
    /// How much is told on standard error, and whether in colour.
    pub manner: Manner,
}

/// How standard error is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
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
            manner: Manner {
                terminal: io::stderr().is_terminal(),
                screen: io::stdout().is_terminal(),
                ..Manner::default()
            },
        }
    }

    /// A result, to standard output. A reader that went away (`meshform … | head`) is no reason to fail.
    pub fn print(&mut self, text: &str) {
        let _ = self.stdout.write_all(text.as_bytes());
    }

    /// A word beside the result, to standard error.
    pub fn tell(&mut self, text: &str) {
        crate::progress::wiped(|| drop(self.stderr.write_all(text.as_bytes())));
    }

    /// Sends what is still held back.
    pub fn finish(&mut self) {
        let _ = self.stdout.flush();
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
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

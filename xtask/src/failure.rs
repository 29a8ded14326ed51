//! What kept a task from being done, in words for the person who started it.

use std::fmt;
use std::path::Path;

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    help: Option<String>,
}

impl Failure {
    /// A failure that speaks for itself.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: None,
        }
    }

    /// The same, with the way out.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// For `map_err` on file operations: which file, and what was tried.
    pub(crate) fn io<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |error| Self::new(format!("cannot {what} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {}", help.replace('\n', "\n      ")),
            None => Ok(()),
        }
    }
}

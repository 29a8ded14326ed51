//! How the demo speaks: chapters, and in them one line per step with what came of it and how long it took.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::failure::Result;
use crate::out;

/// Where results begin, and where times end.
const NAME: usize = 26;
const RESULT: usize = 62;

pub(super) struct Steps {
    bold: bool,
}

impl Steps {
    pub(super) fn new() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            bold: std::io::stdout().is_terminal() && !plain,
        }
    }

    /// What the next steps are about.
    pub(super) fn chapter(&self, title: &str) {
        if self.bold {
            out::line(&format!("\n\u{1b}[1m{title}\u{1b}[0m"));
        } else {
            out::line(&format!("\n{title}"));
        }
    }

    /// Does one thing. Its name stands there while it is done; what it gives besides its value is said behind.
    pub(super) fn step<T>(&self, name: &str, run: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        out::text(&format!("  {name:<NAME$}  "));
        let started = Instant::now();
        match run() {
            Ok((value, result)) => {
                out::line(&format!("{result:<RESULT$}  {:>6}", seconds(started.elapsed())));
                Ok(value)
            }
            Err(failure) => {
                out::line("failed");
                Err(failure)
            }
        }
    }

    /// More on the step before.
    pub(super) fn more(&self, text: &str) {
        for line in text.lines() {
            out::line(format!("  {:NAME$}  {line}", "").trim_end());
        }
    }
}

/// A time as people read it.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

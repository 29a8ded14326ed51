//! Problems for people and for programs.

mod human;
mod json;
mod junit;
mod lines;
mod paint;
mod sarif;

use crate::exit::Exit;
use crate::io::Io;
use meshform_model::diag::{Diagnostic, Severity, Sources};

pub(crate) use human::clean;
pub(crate) use json::problem as problem_json;
pub(crate) use junit::report as junit;
pub(crate) use lines::Lines;
pub(crate) use sarif::report as sarif;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Lines with excerpts of the input.
    Text,
    /// One JSON document.
    Json,
}

/// How a report is written that people pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DocumentFormat {
    /// Text for a terminal
    Text,
    /// One JSON document
    Json,
    /// For a comment on a pull request, or a page
    Markdown,
}

/// The option that every command has that reports.
#[derive(Debug, clap::Args)]
pub(crate) struct FormatArgument {
    /// The form of the report, on standard output
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// How many there are of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

impl Count {
    pub(crate) fn of(problems: &[Diagnostic]) -> Self {
        let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
        Self {
            errors,
            warnings: problems.len() - errors,
        }
    }

    /// As a sentence says it: `2 errors, 1 warning`.
    pub(crate) fn words(self) -> String {
        let some = |count, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {one}s")),
        };
        let both: Vec<String> = [some(self.errors, "error"), some(self.warnings, "warning")]
            .into_iter()
            .flatten()
            .collect();
        both.join(", ")
    }
}

/// Shows problems to people, on standard error.
pub(crate) fn tell(io: &mut Io, sources: &Sources, problems: &[Diagnostic]) {
    let mut lines = Lines::new(sources);
    let quiet = io.manner.quiet;
    let told = problems.iter().filter(|problem| problem.is_error() || !quiet);
    for problem in told {
        let shown = human::render(problem, &mut lines);
        if io.manner.color {
            io.tell(&paint::colored(&shown));
        } else {
            io.tell(&shown);
        }
    }
    if io.manner.verbose {
        for name in sources.names() {
            io.tell(&format!("read {}\n", clean(name)));
        }
    }
    if problems.iter().any(|problem| problem.is_error() || !quiet) {
        io.tell(&format!("{}\n", Count::of(problems).words()));
    }
}

/// Prints what a command has made, or says why it has not.
pub(crate) fn printed(io: &mut Io, made: Result<String, Box<Diagnostic>>) -> Exit {
    match made {
        Ok(text) => {
            io.print(&text);
            Exit::Fine
        }
        Err(problem) => refused(io, *problem),
    }
}

/// Says why a command cannot do what it was asked.
pub(crate) fn refused(io: &mut Io, problem: Diagnostic) -> Exit {
    tell(io, &Sources::default(), &[problem]);
    Exit::WrongUse
}

/// The JSON of problems with their places.
pub(crate) fn problems_json(sources: &Sources, problems: &[Diagnostic]) -> Vec<serde_json::Value> {
    let mut lines = Lines::new(sources);
    problems.iter().map(|p| problem_json(p, &mut lines)).collect()
}

//! One problem for people: code, message, place, the line with the bytes underlined, help.

use super::lines::{Excerpt, Lines};
use meshform_model::diag::{Diagnostic, ProblemLocation, Severity};
use meshform_model::validate::is_hidden;
use std::fmt::Write;

pub(super) fn render(problem: &Diagnostic, lines: &mut Lines<'_>) -> String {
    let word = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let told = lines.told(problem);
    let mut out = format!("{word}[{}]: {}\n", problem.code, clean(&told.message));
    let excerpts: Vec<(&ProblemLocation, Option<Excerpt<'_>>)> = problem
        .places
        .iter()
        .map(|place| (place, place.span.and_then(|span| lines.excerpt(span))))
        .collect();
    let digits = excerpts
        .iter()
        .filter_map(|(_, excerpt)| excerpt.as_ref())
        .map(|excerpt| excerpt.line.to_string().len())
        .max()
        .unwrap_or(1);
    let gutter = " ".repeat(digits);
    for (place, excerpt) in &excerpts {
        if let Some(excerpt) = excerpt {
            show(&mut out, excerpt, place.label.as_deref(), digits);
        }
        // A resource that does not exist has no place to be shown; the message names it.
        let is_end = excerpt.is_none() && place.pointer.is_root() && excerpts.len() > 1;
        if let Some(at) = resource(place).filter(|_| !is_end) {
            // Writing to a text cannot fail.
            let _ = writeln!(out, "{gutter} = in: {}", clean(&at));
        }
    }
    if let Some(help) = told.whole_help() {
        let mut lines = help.lines();
        let first = lines.next().unwrap_or_default();
        let _ = writeln!(out, "{gutter} = help: {}", clean(first));
        for line in lines {
            let _ = writeln!(out, "{gutter}         {}", clean(line));
        }
    }
    out.push('\n');
    out
}

/// The resource and the field within it.
fn resource(place: &ProblemLocation) -> Option<String> {
    match (&place.resource, place.pointer.is_root()) {
        (Some(key), true) => Some(key.to_string()),
        (Some(key), false) => Some(format!("{key}, at {}", place.pointer)),
        (None, false) => Some(place.pointer.to_string()),
        (None, true) => None,
    }
}

fn show(out: &mut String, excerpt: &Excerpt<'_>, label: Option<&str>, digits: usize) {
    let (text, before, width) = cut(excerpt);
    let gutter = " ".repeat(digits);
    let label = label
        .map(|label| format!(" {}", clean(label)))
        .unwrap_or_default();
    let _ = write!(
        out,
        "{gutter}--> {}:{}:{}\n{gutter} |\n{:>digits$} | {text}\n{gutter} | {}{}{label}\n",
        clean(excerpt.name),
        excerpt.line,
        excerpt.column,
        excerpt.line,
        " ".repeat(before),
        "^".repeat(width),
    );
}

/// The line without what a terminal would obey, where in it the mark stands, and how long that is.
fn cut(excerpt: &Excerpt<'_>) -> (String, usize, usize) {
    let mark = |is_cut| if is_cut { "…" } else { "" };
    let ((before, cut_before), (rest, cut_behind)) = (excerpt.before, excerpt.rest);
    let before = format!("{}{}", mark(cut_before), clean(before));
    let offset = before.chars().count();
    let line = format!("{before}{}{}", clean(rest), mark(cut_behind));
    (line, offset, excerpt.width)
}

/// A text of the input can hold what a terminal would obey; each such character becomes one that it shows.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            // Marks that turn the direction of the text can hide what it says.
            c if is_hidden(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

//! JUnit's XML: each problem as a failed test of its file, as build servers show them.

use super::human;
use super::lines::Lines;
use meshform_model::diag::{Diagnostic, Sources};
use std::collections::BTreeMap;

/// A suite for each file. Warnings do not fail; they are told as output.
pub(crate) fn report(sources: &Sources, problems: &[Diagnostic]) -> String {
    let mut lines = Lines::new(sources);
    let mut by_file: BTreeMap<String, Vec<&Diagnostic>> = BTreeMap::new();
    for name in sources.names() {
        by_file.entry(name.to_owned()).or_default();
    }
    for problem in problems {
        let span = problem.places.iter().find_map(|place| place.span);
        let file = span
            .and_then(|span| sources.get(span.source))
            .map_or("inputs", |(name, _)| name);
        by_file.entry(file.to_owned()).or_default().push(problem);
    }
    let failures = problems.iter().filter(|problem| problem.is_error()).count();
    let tests: usize = by_file.values().map(|of| of.len().max(1)).sum();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"meshform validate\" tests=\"{tests}\" \
         failures=\"{failures}\">\n"
    );
    for (file, problems) in &by_file {
        let failures = problems.iter().filter(|problem| problem.is_error()).count();
        let name = text(file);
        out.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\">\n",
            problems.len().max(1)
        ));
        if problems.is_empty() {
            out.push_str(&format!("    <testcase name=\"valid\" classname=\"{name}\"/>\n"));
        }
        for problem in problems {
            let title = text(&format!("{}: {}", problem.code, lines.told(problem).message));
            let body = text(&human::render(problem, &mut lines));
            let inner = if problem.is_error() {
                format!(
                    "<failure type=\"{}\" message=\"{title}\">{body}</failure>",
                    problem.code
                )
            } else {
                format!("<system-out>{body}</system-out>")
            };
            out.push_str(&format!(
                "    <testcase name=\"{title}\" classname=\"{name}\">{inner}</testcase>\n"
            ));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

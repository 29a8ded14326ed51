//! Gauges as Prometheus reads them.

use std::fmt::Write as _;

/// The media type of the text.
pub(crate) const MEDIA: &str = "text/plain; version=0.0.4";

/// Writes a gauge: what it is, and its values, each with its labels as they stand in the text (`{mesh="a"}`, or nothing).
pub(crate) fn gauge<L: AsRef<str>>(
    out: &mut String,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (L, f64)>,
) {
    let _ = writeln!(out, "# HELP meshform_{name} {help}\n# TYPE meshform_{name} gauge");
    for (labels, value) in values {
        let _ = writeln!(out, "meshform_{name}{} {value}", labels.as_ref());
    }
}

/// A label's value without what would end it.
pub(crate) fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

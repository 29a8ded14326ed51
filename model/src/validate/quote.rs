//! Values in messages: short, on one line.

use super::readable::seen;
use crate::value::{Node, Value};

/// How many characters of a value a message quotes, so that it stays on one line of a terminal.
const LONGEST: usize = 60;

/// A text in backticks, cut when it is long, with control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(LONGEST).collect();
    let cut = if chars.next().is_some() { "…" } else { "" };
    format!("`{}{cut}`", seen(&start))
}

/// Names as a sentence has them: `` `a`, `b` or `c` ``.
pub(crate) fn listed<S: AsRef<str>>(names: &[S], word: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
    }
}

/// What is there, with its value where that is short to say.
pub(crate) fn shown(node: &Node) -> String {
    match &node.value {
        Value::String(text) => format!("the string {}", quoted(text)),
        Value::Number(number) => format!("the number {}", quoted(number.as_text())),
        Value::Bool(b) => format!("`{b}`"),
        other => other.noun().to_owned(),
    }
}

/// `1 character`, `2 characters`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

//! The lines of the sources, found once, so that many problems of a large text stay cheap, also where it is one line.

use meshform_model::diag::{Diagnostic, Sources};
use meshform_model::help::{self, ProblemText};
use meshform_model::value::Span;
use std::collections::BTreeMap;

/// Longer lines are cut around what is meant.
pub(crate) const WIDTH: usize = 140;
/// Between how many bytes characters are counted anew.
const STEP: usize = 1024;

/// Where lines begin, by source.
pub(crate) struct Lines<'s> {
    sources: &'s Sources,
    indexes: BTreeMap<u32, Index>,
}

/// What is known of one text.
struct Index {
    starts: Vec<usize>,
    /// How many characters begin before each [`STEP`]th byte.
    characters: Vec<usize>,
}

/// A span as people see it; everything counts from 1, in characters.
#[derive(Debug)]
pub(crate) struct Excerpt<'s> {
    pub(crate) name: &'s str,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
    /// What stands before the span in its first line, and whether something before that is left out.
    pub(crate) before: (&'s str, bool),
    /// That line from the span on, and whether something behind that is left out.
    pub(crate) rest: (&'s str, bool),
    /// How many characters of the rest are meant.
    pub(crate) width: usize,
}

// === impl Lines ===

impl<'s> Lines<'s> {
    /// The problem's words, as its reader writes.
    pub(crate) fn told(&self, problem: &Diagnostic) -> ProblemText {
        help::told(problem, self.sources.notation(problem))
    }

    pub(crate) fn new(sources: &'s Sources) -> Self {
        Self {
            sources,
            indexes: BTreeMap::new(),
        }
    }

    pub(crate) fn excerpt(&mut self, span: Span) -> Option<Excerpt<'s>> {
        let (name, text) = self.sources.get(span.source)?;
        let index = self
            .indexes
            .entry(span.source)
            .or_insert_with(|| Index::new(text));
        let (start, end) = (span.start as usize, (span.end as usize).min(text.len()));
        let (line, column, line_start) = index.locate(text, start);
        let (end_line, end_column, _) = index.locate(text, end.max(start));
        let before = ending(text.get(line_start..start)?);
        let rest = beginning(text.get(start..)?, WIDTH - before.0.chars().count());
        let shown = rest.0.chars().count();
        let width = match line == end_line {
            true => shown.min(end_column.saturating_sub(column)),
            false => shown,
        };
        Some(Excerpt {
            name,
            line,
            column,
            end_line,
            end_column,
            before,
            rest,
            width: width.max(1),
        })
    }
}

// === impl Index ===

impl Index {
    fn new(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut sum = 0;
        let characters = text.as_bytes().chunks(STEP).map(|chunk| {
            let before = sum;
            sum += count(chunk);
            before
        });
        Self {
            characters: characters.collect(),
            starts: std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect(),
        }
    }

    /// The line and the column of a byte, and where its line begins.
    fn locate(&self, text: &str, at: usize) -> (usize, usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.characters_before(text, at) - self.characters_before(text, start) + 1;
        (line, column, start)
    }

    fn characters_before(&self, text: &str, at: usize) -> usize {
        let step = (at / STEP).min(self.characters.len().saturating_sub(1));
        let rest = text.as_bytes().get(step * STEP..at).unwrap_or_default();
        self.characters.get(step).copied().unwrap_or_default() + count(rest)
    }
}

/// How many characters begin in these bytes.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

/// The last half of what a line may show, and whether there is more before it.
fn ending(text: &str) -> (&str, bool) {
    let from = text.char_indices().rev().take(WIDTH / 2).last();
    let from = from.map_or(0, |(at, _)| at);
    (text.get(from..).unwrap_or_default(), from > 0)
}

/// So many characters of the first line of a text, and whether there is more of it.
fn beginning(text: &str, room: usize) -> (&str, bool) {
    for (count, (at, c)) in text.char_indices().enumerate() {
        let is_end = matches!(c, '\n' | '\r');
        if is_end || count == room {
            return (text.get(..at).unwrap_or_default(), !is_end);
        }
    }
    (text, false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn places_are_those_that_counting_finds() {
        let line = "größe: 日本 🚀, and words up to the end of a longer line.\r\n";
        let text = format!("{}{}", line.repeat(50), "ü".repeat(3000));
        let mut sources = Sources::default();
        let source = sources.add("x", text.as_str());
        let mut lines = Lines::new(&sources);
        let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        for (start, end) in bytes.iter().zip(bytes.iter().skip(7)) {
            let excerpt = lines.excerpt(Span {
                source,
                start: u32::try_from(*start).unwrap(),
                end: u32::try_from(*end).unwrap(),
            });
            let excerpt = excerpt.unwrap();
            for (at, found) in [
                (*start, (excerpt.line, excerpt.column)),
                (*end, (excerpt.end_line, excerpt.end_column)),
            ] {
                let before = text.get(..at).unwrap();
                let line = before.rsplit('\n').next().unwrap();
                let counted = (before.matches('\n').count() + 1, line.chars().count() + 1);
                assert_eq!(found, counted, "byte {at}");
            }
            let shown = excerpt.before.0.chars().count() + excerpt.rest.0.chars().count();
            assert!(shown <= WIDTH, "{excerpt:?}");
        }
    }

    #[test]
    fn many_places_in_one_long_line_are_found_at_once() {
        let text = "ü".repeat(4 << 20);
        let mut sources = Sources::default();
        let source = sources.add("x", text.as_str());
        let mut lines = Lines::new(&sources);
        let begun = std::time::Instant::now();
        for at in (0..8 << 20).step_by(128) {
            let excerpt = lines.excerpt(Span {
                source,
                start: at,
                end: at + 2,
            });
            assert_eq!(excerpt.unwrap().column, at as usize / 2 + 1);
        }
        // Counting from the beginning each time takes minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    }
}

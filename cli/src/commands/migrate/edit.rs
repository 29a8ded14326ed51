//! Insertions into the text of a file: everything else stays byte for byte, comments and line endings too.

use std::ops::Range;

/// One change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// What goes away; empty for an insertion.
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

/// The text with all edits made. They must not overlap.
pub(super) fn apply(text: &str, edits: &[Edit]) -> String {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let mut out = String::with_capacity(text.len() + 64 * edits.len());
    let mut done = 0;
    for edit in sorted {
        out.push_str(text.get(done..edit.at.start).unwrap_or_default());
        out.push_str(&edit.text);
        done = edit.at.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// The line ending that a text uses: that of its first line.
pub(super) fn line_ending(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}

/// Where a block is in its text, in bytes.
#[derive(Clone, Copy)]
pub(super) struct BlockBounds {
    pub(super) start: usize,
    /// Where the block's name and labels end.
    pub(super) header: usize,
    /// One past its closing brace.
    pub(super) end: usize,
}

/// Writes lines as the first ones of a block. With `apart`, a blank line comes behind them, so that nothing is aligned with them.
pub(super) fn first_in_block(text: &str, bounds: BlockBounds, lines: &[String], apart: bool) -> Option<Edit> {
    let newline = line_ending(text);
    let open = opening_brace(text, bounds.header, bounds.end)? + 1;
    let close = bounds.end.checked_sub(1)?;
    let outer = indentation(text, bounds.start);
    let inner = format!("{outer}  ");
    let mut written = String::new();
    for line in lines {
        written.push_str(&inner);
        written.push_str(line);
        written.push_str(newline);
    }
    let body = text.get(open..close)?;
    if !body.contains('\n') {
        // A block in one line becomes one of several.
        let content = body.trim();
        if !content.is_empty() {
            if apart {
                written.push_str(newline);
            }
            written.push_str(&format!("{inner}{content}{newline}"));
        }
        return Some(Edit {
            at: open..close,
            text: format!("{newline}{written}{outer}"),
        });
    }
    let at = line_after(text, open)?;
    let rest = text.get(at..close)?;
    let next = rest.lines().next().unwrap_or_default().trim();
    if apart && !next.is_empty() && rest.contains(|c: char| !c.is_whitespace()) {
        written.push_str(newline);
    }
    Some(Edit {
        at: at..at,
        text: written,
    })
}

/// Blocks at the end of a file.
pub(super) fn at_end(text: &str, blocks: &[String]) -> Edit {
    let newline = line_ending(text);
    let mut written = String::new();
    if !text.is_empty() && !text.ends_with('\n') {
        written.push_str(newline);
    }
    for (number, block) in blocks.iter().enumerate() {
        if number > 0 || !text.trim().is_empty() {
            written.push_str(newline);
        }
        written.push_str(&block.replace('\n', newline));
    }
    Edit {
        at: text.len()..text.len(),
        text: written,
    }
}

/// The brace that opens a block's body: only blanks and comments are before it.
fn opening_brace(text: &str, from: usize, end: usize) -> Option<usize> {
    let mut at = from;
    while at < end {
        let rest = text.get(at..end)?;
        match rest.chars().next()? {
            '{' => return Some(at),
            '/' if rest.starts_with("/*") => at += rest.find("*/")? + 2,
            c => at += c.len_utf8(),
        }
    }
    None
}

/// Where the next line begins, behind a comment that may stand in this one.
fn line_after(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        match rest.chars().next()? {
            '\n' => return Some(at + 1),
            '/' if rest.starts_with("/*") => at += rest.find("*/")? + 2,
            '#' | '/' => at += rest.find('\n')?,
            c => at += c.len_utf8(),
        }
    }
}

/// The blanks that the line of a place begins with.
fn indentation(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line..at).unwrap_or_default();
    let blanks = line.find(|c: char| c != ' ' && c != '\t').unwrap_or(line.len());
    line.get(..blanks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserted(text: &str, apart: bool) -> String {
        let header = text.find('{').unwrap();
        let end = text.rfind('}').unwrap() + 1;
        let start = text.find("resource").unwrap();
        let edit = first_in_block(
            text,
            BlockBounds { start, header, end },
            &["x = y".to_owned()],
            apart,
        )
        .unwrap();
        apply(text, &[edit])
    }

    #[test]
    fn every_way_to_write_a_block_takes_a_line() {
        for (before, after) in [
            ("resource {\n  a = 1\n}\n", "resource {\n  x = y\n\n  a = 1\n}\n"),
            (
                "resource {\r\n  a = 1\r\n}\r\n",
                "resource {\r\n  x = y\r\n\r\n  a = 1\r\n}\r\n",
            ),
            ("resource {\n\n  a = 1\n}", "resource {\n  x = y\n\n  a = 1\n}"),
            ("resource {\n}\n", "resource {\n  x = y\n}\n"),
            ("resource {}\n", "resource {\n  x = y\n}\n"),
            (
                "  resource { a = 1 } # c\n",
                "  resource {\n    x = y\n\n    a = 1\n  } # c\n",
            ),
            (
                "resource { # {\n  a = 1\n}\n",
                "resource { # {\n  x = y\n\n  a = 1\n}\n",
            ),
            (
                "resource { /* a\n b */ // c\n  a = 1\n}\n",
                "resource { /* a\n b */ // c\n  x = y\n\n  a = 1\n}\n",
            ),
        ] {
            assert_eq!(inserted(before, true), after);
        }
        assert_eq!(
            inserted("resource {\n  a = 1\n}\n", false),
            "resource {\n  x = y\n  a = 1\n}\n"
        );
    }

    #[test]
    fn blocks_go_to_the_end_of_a_file_that_may_be_empty_or_end_in_a_line() {
        let blocks = ["a {\n}\n".to_owned(), "b {\n}\n".to_owned()];
        for (before, after) in [
            ("", "a {\n}\n\nb {\n}\n"),
            ("c = 1", "c = 1\n\na {\n}\n\nb {\n}\n"),
            ("c = 1\r\n", "c = 1\r\n\r\na {\r\n}\r\n\r\nb {\r\n}\r\n"),
        ] {
            assert_eq!(apply(before, &[at_end(before, &blocks)]), after);
        }
    }
}

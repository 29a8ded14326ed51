//! What every reader shares: the limits, places, and objects whose names are unique.

use super::codes;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::pointer::Pointer;
use meshform_model::validate::seen;
use meshform_model::value::{Field, Node, Object, Span};
use std::collections::BTreeMap;

/// The largest text in bytes. A mesh of 10,000 resources has a third of it, and reading takes up to thirty times the
/// text's size in memory.
pub const MAX_BYTES: usize = 32 << 20;
/// The deepest nesting. App Mesh's deepest field is at 15; a Terraform state doubles that.
pub const MAX_DEPTH: usize = 64;
/// The most values of one text: each costs about 450 bytes until a mesh is judged.
pub const MAX_NODES: usize = 2_000_000;
/// The most values that the aliases of one text may add.
pub const MAX_ALIAS_NODES: usize = 200_000;

/// Why an input is no text.
#[derive(Debug)]
pub struct NoText {
    pub problem: Box<Diagnostic>,
    /// What can be read before the byte that is wrong, where one is; the byte itself is shown as `\u{FFFD}`.
    pub before: Option<String>,
}

/// The text of an input, or why it is none.
pub fn decode(name: &str, bytes: Vec<u8>) -> Result<String, NoText> {
    let refuse = |code, message: String, help: &str, before| NoText {
        problem: Box::new(Diagnostic::error(code, message).help(help)),
        before,
    };
    if bytes.len() > MAX_BYTES {
        // Whoever read it may have stopped there, so its length is not known.
        let message = format!("`{name}` has more than {MAX_BYTES} bytes, which is the most that is read");
        return Err(refuse(
            codes::TOO_LARGE,
            message,
            "split the input into several files",
            None,
        ));
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let message = format!("`{name}` is UTF-16");
        return Err(refuse(
            codes::NOT_TEXT,
            message,
            "save it as UTF-8",
            Some(String::new()),
        ));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(at);
            let message = format!("`{name}` is not UTF-8: the byte at offset {at}");
            return Err(refuse(
                codes::NOT_TEXT,
                message,
                "save it as UTF-8",
                String::from_utf8(bytes).ok(),
            ));
        }
    };
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        let message = format!("`{name}` is not a text: it holds a NUL at offset {at}");
        let before = text.get(..at).map(str::to_owned);
        return Err(refuse(
            codes::NOT_TEXT,
            message,
            "give a JSON or YAML file",
            before,
        ));
    }
    Ok(text)
}

/// Bytes `start..end` of a source, kept within what a span can say.
pub(super) fn span(source: u32, start: usize, end: usize) -> Span {
    let cut = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        source,
        start: cut(start),
        end: cut(end.max(start)),
    }
}

/// A place in a text, without a pointer: readers know no resources yet.
pub(super) fn place(span: Span) -> ProblemLocation {
    ProblemLocation::at(&Pointer::root(), Some(span))
}

/// Up to how many fields of an object are compared one by one. Nearly all objects have fewer, and an index of names
/// costs a copy of each.
const FEW: usize = 16;

/// Collects the fields of an object and reports a name that comes again. The first stays.
#[derive(Debug, Default)]
pub(super) struct Members {
    object: Object,
    /// Where each name stands, of an object with more than a few.
    index: BTreeMap<String, Option<Span>>,
}

impl Members {
    /// Takes a field, or gives the problem.
    pub(super) fn add(&mut self, name: String, name_span: Span, node: Node) -> Result<(), Box<Diagnostic>> {
        if let Some(first) = self.place(&name) {
            return Err(Box::new(
                Diagnostic::error(
                    codes::DUPLICATE_KEY,
                    format!("`{}` occurs twice in one object", shorten(&name)),
                )
                .help("remove one of the two; other tools take the last one silently")
                .at(place(name_span).label("again here"))
                .at(place(first.unwrap_or(name_span)).label("first here")),
            ));
        }
        if self.object.len() == FEW {
            let fields = self.object.iter();
            self.index = fields
                .map(|field| (field.name.clone(), field.name_span))
                .collect();
        }
        if self.object.len() >= FEW {
            self.index.insert(name.clone(), Some(name_span));
        }
        self.object.push(Field {
            name,
            name_span: Some(name_span),
            node,
        });
        Ok(())
    }

    /// Whether the name is there already.
    pub(super) fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Where a name stands that is there.
    fn place(&self, name: &str) -> Option<Option<Span>> {
        match self.object.len() <= FEW {
            true => self.object.field(name).map(|field| field.name_span),
            false => self.index.get(name).copied(),
        }
    }

    pub(super) fn finish(self) -> Object {
        self.object
    }
}

/// A text for a message: control characters escaped, long ones cut.
pub(super) fn shorten(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    let mut short = seen(&start);
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

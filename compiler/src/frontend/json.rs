//! A strict JSON reader (RFC 8259) that knows the place of every value and name.
//!
//! The YAML parser is not used for JSON although JSON is nearly YAML: it would take single quotes, comments and
//! trailing commas for good, refuse tabs as indentation, and tell of "flow mappings" to people who wrote JSON.

use super::codes;
use super::text::{MAX_DEPTH, MAX_NODES, Members, place, shorten, span};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Node, Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Reads one JSON document. `source` is the text's number for spans. The tree is there unless the text breaks
/// the grammar; names that stand twice are reported beside it.
pub fn read(text: &str, source: u32) -> (Option<Node>, Vec<Diagnostic>) {
    let mut reader = Reader::new(text, source);
    let result = reader.document();
    let mut problems = reader.problems;
    match result {
        Ok(node) => (Some(node), problems),
        Err(stop) => {
            problems.push(*stop);
            (None, problems)
        }
    }
}

/// Variables of jq: the request bodies in scripts for the AWS CLI are programs of it, which `jq --arg NAME VALUE` fills
/// in. A variable stands in the place of a text, without quotes.
#[derive(Debug)]
pub(super) struct Variables<'v> {
    pub(super) given: &'v BTreeMap<String, String>,
    /// The names that were met.
    pub(super) met: &'v mut BTreeSet<String>,
}

/// Reads the JSON documents of a text: one, or objects one after the other, as several commands write them into one file.
pub(super) fn read_all<'a>(
    text: &'a str,
    source: u32,
    variables: Option<Variables<'a>>,
) -> (Vec<Node>, Vec<Diagnostic>) {
    let mut reader = Reader {
        variables,
        ..Reader::new(text, source)
    };
    let result = reader.documents();
    let mut problems = reader.problems;
    match result {
        Ok(nodes) => (nodes, problems),
        Err(stop) => {
            problems.push(*stop);
            (Vec::new(), problems)
        }
    }
}

type Parsed<T> = Result<T, Box<Diagnostic>>;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    source: u32,
    nodes: usize,
    variables: Option<Variables<'a>>,
    problems: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, source: u32) -> Self {
        Self {
            text,
            at: if text.starts_with('\u{feff}') {
                '\u{feff}'.len_utf8()
            } else {
                0
            },
            source,
            nodes: 0,
            variables: None,
            problems: Vec::new(),
        }
    }

    fn document(&mut self) -> Parsed<Node> {
        self.space();
        let node = self.value(0)?;
        self.space();
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.unexpected("the end of the text after the one value")),
        }
    }

    fn documents(&mut self) -> Parsed<Vec<Node>> {
        self.space();
        let mut nodes = vec![self.value(0)?];
        self.space();
        while self.peek() == Some(b'{') && nodes.iter().all(|node| node.as_object().is_some()) {
            nodes.push(self.value(0)?);
            self.space();
        }
        match self.peek() {
            None => Ok(nodes),
            Some(_) => Err(self.unexpected("the end of the text after the one value")),
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Node> {
        let start = self.at;
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.limit(format!("more than {MAX_NODES} values")));
        }
        let value = match self.peek() {
            Some(b'{') => self.object(depth + 1)?,
            Some(b'[') => self.list(depth + 1)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'$') if self.variables.is_some() => self.variable()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node::at(value, span(self.source, start, self.at)))
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        self.descend(depth)?;
        let mut members = Members::default();
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Ok(Value::Object(members.finish()));
        }
        loop {
            let name_start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a name in double quotes"));
            }
            let name = self.string()?;
            let name_span = span(self.source, name_start, self.at);
            self.space();
            if !self.take(b':') {
                return Err(self.unexpected("`:` after the name"));
            }
            self.space();
            let node = self.value(depth)?;
            if let Err(twice) = members.add(name, name_span, node) {
                self.problems.push(*twice);
            }
            self.space();
            if self.take(b'}') {
                return Ok(Value::Object(members.finish()));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
            self.space();
        }
    }

    fn list(&mut self, depth: usize) -> Parsed<Value> {
        self.descend(depth)?;
        let mut list = Vec::new();
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Ok(Value::List(list));
        }
        loop {
            list.push(self.value(depth)?);
            self.space();
            if self.take(b']') {
                // Most lists have one or two elements, and a vector begins with room for four.
                list.shrink_to_fit();
                return Ok(Value::List(list));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
            self.space();
        }
    }

    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                .unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => {
                    return Err(self.wrong(
                        self.at,
                        self.at + 1,
                        "a control character within a string".to_owned(),
                    ));
                }
                None => {
                    return Err(self.wrong(start, start + 1, "unterminated string".to_owned()));
                }
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        self.at += 1;
        let simple = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(self.wrong(start, start + 1, "an unknown escape in a string".to_owned())),
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode(&mut self, start: usize) -> Parsed<char> {
        let mut code = self.hex4();
        if let Some(high @ 0xD800..=0xDBFF) = code
            && self.rest().starts_with("\\u")
        {
            self.at += 1;
            code = self
                .hex4()
                .filter(|low| (0xDC00..=0xDFFF).contains(low))
                .map(|low| 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        }
        match code.and_then(char::from_u32) {
            // The reader refuses NUL bytes in the text; one by the back door is no better.
            Some('\0') | None => Err(self.wrong(
                start,
                start + 2,
                "an escape that is not a valid character".to_owned(),
            )),
            Some(c) => Ok(c),
        }
    }

    /// The four digits after a `u` at which the reader stands.
    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at + 1..self.at + 5)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 5;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Parsed<Number> {
        let start = self.at;
        let rest = self.rest();
        let length = rest
            .bytes()
            .position(|b| !matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        self.at += length;
        Number::parse(text).ok_or_else(|| {
            self.wrong(
                start,
                start + length,
                format!("`{}` is not a number", shorten(text)),
            )
        })
    }

    /// A variable, where one may stand: its value, or, where it has none, the variable as it is written.
    fn variable(&mut self) -> Parsed<Value> {
        let start = self.at;
        let found = self.found();
        let name = found.trim_start_matches('$');
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && found.len() == name.len() + 1;
        let (true, Some(variables)) = (is_name, &mut self.variables) else {
            return Err(self.unexpected("a value"));
        };
        self.at += found.len();
        let is_first = variables.met.insert(name.to_owned());
        if let Some(value) = variables.given.get(name) {
            return Ok(Value::from(value.as_str()));
        }
        if is_first {
            let message = format!("`${}` is a variable that jq fills in", shorten(name));
            let problem = Diagnostic::error(codes::PLACEHOLDER, message).help(format!(
                "give it with `--parameter {name}=VALUE`, or give the output of `jq -n --arg {name} VALUE -f FILE`"
            ));
            self.problems
                .push(problem.at(place(span(self.source, start, self.at))));
        }
        Ok(Value::from(found))
    }

    fn word(&mut self, word: &str, value: Value) -> Parsed<Value> {
        let whole = self.rest().starts_with(word)
            && !self
                .rest()
                .as_bytes()
                .get(word.len())
                .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if !whole {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    // === small steps ===

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn descend(&self, depth: usize) -> Parsed<()> {
        if depth > MAX_DEPTH {
            return Err(self.limit(format!("nesting deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    // === problems ===

    fn limit(&self, what: String) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(codes::TOO_LARGE, what)
                .help("split the input; no mesh needs that")
                .at(place(span(self.source, self.at, self.at + 1))),
        )
    }

    fn wrong(&self, start: usize, end: usize, message: String) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(codes::JSON_SYNTAX, message).at(place(span(self.source, start, end))))
    }

    /// What stands here is not what the grammar wants.
    fn unexpected(&self, wanted: &str) -> Box<Diagnostic> {
        let found = self.found();
        let problem = self.wrong(
            self.at,
            self.at + found.len(),
            if found.is_empty() {
                format!("the input ends where {wanted} is expected")
            } else {
                format!("found `{}` where {wanted} is expected", shorten(found))
            },
        );
        match found.chars().next() {
            Some('$') => Box::new(
                problem
                    .help("this looks like a shell template; fill it in first, for instance with `envsubst`"),
            ),
            Some('}' | ']') if self.after_comma() => {
                Box::new(problem.help("JSON allows no comma after the last element"))
            }
            Some('/' | '#') => Box::new(problem.help("JSON has no comments")),
            Some('\'') => Box::new(problem.help("write JSON strings in double quotes")),
            _ => problem,
        }
    }

    fn after_comma(&self) -> bool {
        self.text
            .get(..self.at)
            .is_some_and(|before| before.trim_end().ends_with(','))
    }

    /// What a person would say stands here: a word or one character.
    fn found(&self) -> &'a str {
        let rest = self.rest();
        let word = rest
            .char_indices()
            .find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '-')))
            .map_or(rest.len(), |(at, _)| at);
        let end = if word > 0 {
            word
        } else {
            rest.chars().next().map_or(0, char::len_utf8)
        };
        rest.get(..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

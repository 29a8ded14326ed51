//! A YAML reader that knows the place of every value and name, and keeps CloudFormation's short functions.
//!
//! `saphyr-parser` gives events with positions and tags; the tree is built here, with a stack of its own instead
//! of recursion. The readers that stand on serde lose places, and most lose nested tags (`!If [A, !Ref B, …]`).
//!
//! Plain scalars are read by YAML 1.2's core schema. Numbers with leading zeros stay texts: an AWS account such
//! as `012345678901` is not a number.

use super::codes;
use super::tags::{self, Tagged};
use super::text::{MAX_ALIAS_NODES, MAX_DEPTH, MAX_NODES, Members, place, shorten, span};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Node, Number, Span, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Reads every document of a text; empty ones are left out. `source` is the text's number for spans. What was
/// read before an error in the grammar is given too.
pub fn read(text: &str, source: u32) -> (Vec<Node>, Vec<Diagnostic>) {
    let places = Places::new(text, source);
    let mut builder = Builder {
        places: &places,
        stack: Vec::new(),
        documents: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        alias_nodes: 0,
        problems: Vec::new(),
    };
    if let Some(at) = text.bytes().position(|b| b == 0) {
        let problem = Diagnostic::error(codes::NOT_TEXT, "the text holds a NUL");
        return (Vec::new(), vec![problem.at(place(span(source, at, at + 1)))]);
    }
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, at)) => builder.event(event, places.span(at)),
            Err(error) => Err(builder.grammar(text, &error)),
        };
        if let Err(stop) = step {
            builder.problems.push(*stop);
            break;
        }
    }
    (builder.documents, builder.problems)
}

type Handled = Result<(), Box<Diagnostic>>;

struct Builder<'p> {
    places: &'p Places,
    stack: Vec<Frame>,
    documents: Vec<Node>,
    /// What an alias stands for, and how much it weighs.
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    alias_nodes: usize,
    problems: Vec<Diagnostic>,
}

/// A collection that is being read.
struct Frame {
    body: Body,
    start: Span,
    /// Where its last part ended: the parser ends a block collection only at the next token.
    end: u32,
    tag: Option<Tag>,
    anchor: usize,
}

enum Body {
    List(Vec<Node>),
    Map {
        members: Members,
        key: Option<Key>,
        /// What `<<` brings in; a name of the map's own wins.
        merged: Vec<Node>,
    },
}

enum Key {
    Name(String, Span),
    Merge(Span),
    /// A key that has been reported; its value is dropped.
    Bad,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, at: Span) -> Handled {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_key = self.wants_key();
                if is_key && tag.is_none() {
                    return self.key(text.into_owned(), at, style);
                }
                let node = self.scalar(text, style, tag.map(Cow::into_owned), at);
                self.finish(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.open(Body::List(Vec::new()), anchor, tag, at),
            Event::MappingStart(anchor, tag) => {
                let body = Body::Map {
                    members: Members::default(),
                    key: None,
                    merged: Vec::new(),
                };
                self.open(body, anchor, tag, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame {
                body: Body::Map { key: None, .. },
                ..
            })
        )
    }

    fn key(&mut self, name: String, at: Span, style: ScalarStyle) -> Handled {
        if let Some(frame) = self.stack.last_mut() {
            frame.end = frame.end.max(at.end);
            if let Body::Map { key, .. } = &mut frame.body {
                *key = Some(if name == "<<" && style == ScalarStyle::Plain {
                    Key::Merge(at)
                } else {
                    Key::Name(name, at)
                });
            }
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<Tag>, at: Span) -> Node {
        let plain = style == ScalarStyle::Plain;
        // An empty plain scalar has no bytes of its own; where it would stand is still a place.
        let Some(tag) = tag else {
            let value = if plain {
                core_schema(&text)
            } else {
                Value::String(text.into_owned())
            };
            return Node::at(value, at);
        };
        let inner = Node::at(
            match tags::yaml_type(&tag) {
                Some(kind) => tags::typed(kind, &text, core_schema(&text)),
                None if plain && text.is_empty() => Value::Null,
                None => Value::String(text.into_owned()),
            },
            at,
        );
        self.tagged(inner, Some(&tag))
    }

    /// The node under its tag: a CloudFormation function, a type that changes nothing, or a problem.
    fn tagged(&mut self, node: Node, tag: Option<&Tag>) -> Node {
        let Some(tag) = tag else { return node };
        match tags::apply(tag, node) {
            Tagged::Node(node) => node,
            Tagged::Unknown(node) => {
                let shown = format!("{}{}", tag.handle, tag.suffix);
                let mut problem = Diagnostic::error(
                    codes::YAML_CONSTRUCT,
                    format!("the tag `{}` is not known", shorten(&shown)),
                )
                .help(match tag.suffix.starts_with("Rain::") {
                    true => "a directive of Rain: give the output of `rain pkg`",
                    false => {
                        "known are CloudFormation's functions (`!Ref`, `!Sub`, `!GetAtt`, …) and YAML's types"
                    }
                });
                if let Some(at) = node.span {
                    problem = problem.at(place(at));
                }
                self.problems.push(problem);
                node
            }
        }
    }

    fn open(&mut self, body: Body, anchor: usize, tag: Option<Cow<'_, Tag>>, at: Span) -> Handled {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.limit(format!("nesting deeper than {MAX_DEPTH} levels"), at));
        }
        self.stack.push(Frame {
            body,
            start: at,
            end: at.end,
            tag: tag.map(Cow::into_owned),
            anchor,
        });
        Ok(())
    }

    fn close(&mut self, at: Span) -> Handled {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        // A flow collection ends with a bracket, which has bytes (the parser counts a comment behind it too); a block
        // ends where its last part ended.
        let end = if at.end > at.start {
            frame.end.max(at.start.saturating_add(1))
        } else {
            frame.end
        };
        let whole = Span { end, ..frame.start };
        let value = match frame.body {
            Body::List(mut list) => {
                // Most lists have one or two elements, and a vector begins with room for four.
                list.shrink_to_fit();
                Value::List(list)
            }
            Body::Map {
                mut members, merged, ..
            } => {
                merge(&mut members, merged, whole);
                Value::Object(members.finish())
            }
        };
        let node = self.tagged(Node::at(value, whole), frame.tag.as_ref());
        self.finish(node, frame.anchor)
    }

    /// A node is complete: it becomes an anchor's, and part of what is open.
    fn finish(&mut self, node: Node, anchor: usize) -> Handled {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let at = node.span.unwrap_or(self.places.span_at(0));
            return Err(self.limit(format!("more than {MAX_NODES} values"), at));
        }
        if anchor != 0 {
            let weight = weigh(&node);
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        let Some(frame) = self.stack.last_mut() else {
            // A document that is empty or a comment is nothing that anybody wrote.
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        if let Some(at) = node.span {
            frame.end = frame.end.max(at.end);
        }
        match &mut frame.body {
            Body::List(list) => list.push(node),
            Body::Map { members, key, merged } => match key.take() {
                Some(Key::Name(name, at)) => {
                    if let Err(twice) = members.add(name, at, node) {
                        self.problems.push(*twice);
                    }
                }
                Some(Key::Merge(at)) => {
                    if mergeable(&node) {
                        merged.push(node);
                    } else {
                        let problem = Diagnostic::error(
                            codes::YAML_CONSTRUCT,
                            "`<<` takes an object or a list of objects",
                        );
                        self.problems.push(problem.at(place(at)));
                    }
                }
                Some(Key::Bad) => {}
                None => {
                    *key = Some(Key::Bad);
                    let mut problem = Diagnostic::error(
                        codes::YAML_CONSTRUCT,
                        format!("a mapping key must be a plain string, not {}", node.value.noun()),
                    );
                    if let Some(at) = node.span {
                        problem = problem.at(place(at));
                    }
                    self.problems.push(problem);
                }
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Span) -> Handled {
        let Some((node, weight)) = self.anchors.get(&anchor) else {
            let problem = Diagnostic::error(codes::YAML_SYNTAX, "an alias that contains itself");
            return Err(Box::new(problem.at(place(at))));
        };
        self.alias_nodes = self.alias_nodes.saturating_add(*weight);
        if self.alias_nodes > MAX_ALIAS_NODES {
            return Err(self.limit(
                format!("aliases that expand to more than {MAX_ALIAS_NODES} values"),
                at,
            ));
        }
        // Aliases of aliases grow in depth as well as in number.
        if self.stack.len() + depth(node) > MAX_DEPTH {
            return Err(self.limit(format!("nesting deeper than {MAX_DEPTH} levels"), at));
        }
        let node = node.clone();
        self.finish(node, 0)
    }

    fn limit(&self, message: String, at: Span) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(codes::TOO_LARGE, message)
                .help("split the input; no mesh needs that")
                .at(place(at)),
        )
    }

    fn grammar(&self, text: &str, error: &saphyr_parser::ScanError) -> Box<Diagnostic> {
        let start = self.places.byte(error.marker().index());
        let tab = tab_before(text, start);
        let start = tab.unwrap_or(start);
        let end = text
            .get(start..)
            .and_then(|rest| rest.chars().next())
            .map_or(start, |c| start + c.len_utf8());
        // The parser looks ahead, and gives up at a depth of its own.
        if error.info().contains("recursion limit") {
            let at = span(self.places.source, start, end);
            return self.limit(format!("nesting deeper than {MAX_DEPTH} levels"), at);
        }
        let problem = Diagnostic::error(codes::YAML_SYNTAX, shorten_long(error.info())).at(place(span(
            self.places.source,
            start,
            end,
        )));
        Box::new(match text.get(start..end) {
            Some("\t") if tab.is_some() => problem.help("YAML allows no tab as indentation"),
            _ => problem.help("check the indentation and the quotes around this place"),
        })
    }
}

/// The first tab of a line's indentation that ends at a byte: the parser may notice it behind the tab.
fn tab_before(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = text.get(line..)?;
    let indentation = rest.get(..rest.len() - rest.trim_start_matches([' ', '\t']).len())?;
    let tab = line + indentation.find('\t')?;
    (at <= line + indentation.len()).then_some(tab)
}

/// The parser's own words can hold a part of the input.
fn shorten_long(text: &str) -> String {
    let mut short = String::new();
    for c in text.chars().take(200) {
        match c.is_control() {
            true => short.extend(c.escape_default()),
            false => short.push(c),
        }
    }
    if text.chars().nth(200).is_some() {
        short.push('…');
    }
    short
}

fn mergeable(node: &Node) -> bool {
    match &node.value {
        Value::Object(_) => true,
        Value::List(list) => list.iter().all(|node| node.as_object().is_some()),
        _ => false,
    }
}

/// Adds what `<<` brings: names that the map has stay as they are, earlier sources win over later ones.
fn merge(members: &mut Members, merged: Vec<Node>, whole: Span) {
    let mut pending = merged;
    pending.reverse();
    while let Some(node) = pending.pop() {
        match node.value {
            Value::Object(object) => {
                for field in object {
                    if !members.has(&field.name) {
                        // The name is new, so nothing can be reported.
                        let _ = members.add(field.name, field.name_span.unwrap_or(whole), field.node);
                    }
                }
            }
            Value::List(list) => pending.extend(list.into_iter().rev()),
            _ => {}
        }
    }
}

/// What a copy costs: its values, and its text by the page.
fn weigh(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::List(list) => list.iter().map(weigh).sum(),
        Value::Object(object) => object.iter().map(|f| f.name.len() / 256 + weigh(&f.node)).sum(),
        Value::String(text) => text.len() / 256,
        Value::Symbol(symbol) => weigh(&symbol.argument),
        _ => 0,
    };
    below.saturating_add(1)
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(object) => 1 + object.iter().map(|field| depth(&field.node)).max().unwrap_or(0),
        Value::Symbol(symbol) => depth(&symbol.argument),
        _ => 0,
    }
}

/// A plain scalar by YAML 1.2's core schema.
fn core_schema(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let Some(first) = text.bytes().next() else {
        return Value::Null;
    };
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return Value::from(text);
    }
    number(text).map_or_else(|| Value::from(text), Value::Number)
}

/// YAML writes some numbers as JSON does not: `+1`, `.5`, `0x1f`, `0o17`.
fn number(text: &str) -> Option<Number> {
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(Number::from);
    let unsigned = |digits: &str| digits.bytes().all(|b| b.is_ascii_alphanumeric());
    match text.split_at_checked(2) {
        Some(("0x", digits)) if unsigned(digits) => return radix(digits, 16),
        Some(("0o", digits)) if unsigned(digits) => return radix(digits, 8),
        _ => {}
    }
    let text = match text.strip_prefix('+') {
        Some(rest) if !rest.starts_with('-') => rest,
        Some(_) => return None,
        None => text,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    if let Some(fraction) = digits.strip_prefix('.') {
        return fraction
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| Number::parse(&format!("{sign}0.{fraction}")))?;
    }
    Number::parse(text)
}

/// From the parser's positions, in characters, to bytes.
struct Places {
    source: u32,
    /// The byte at which every [`STEP`]th character begins. Empty where characters are bytes.
    steps: Vec<usize>,
    text: String,
    /// Of the text, in bytes.
    length: usize,
}

/// A step of 256 characters costs 8 bytes of memory in 256, and a look-up walks over 255 characters at most.
const STEP: usize = 256;

impl Places {
    fn new(text: &str, source: u32) -> Self {
        let length = text.len();
        let (steps, text) = if text.is_ascii() {
            (Vec::new(), String::new())
        } else {
            let steps = text.char_indices().step_by(STEP).map(|(at, _)| at).collect();
            (steps, text.to_owned())
        };
        Self {
            source,
            steps,
            length,
            text,
        }
    }

    fn byte(&self, index: usize) -> usize {
        if self.steps.is_empty() {
            return index.min(self.length);
        }
        let Some(start) = self.steps.get(index / STEP) else {
            return self.length;
        };
        self.text
            .get(*start..)
            .and_then(|rest| rest.char_indices().nth(index % STEP))
            .map_or(self.length, |(at, _)| start + at)
    }

    fn span(&self, at: saphyr_parser::Span) -> Span {
        span(
            self.source,
            self.byte(at.start.index()),
            self.byte(at.end.index()),
        )
    }

    fn span_at(&self, at: usize) -> Span {
        span(self.source, at, at)
    }
}

#[cfg(test)]
mod tests;

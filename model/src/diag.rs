//! Problems as values: a stable code, a severity, a message, a help text, and places.
//!
//! A message says what is wrong and quotes the value; the help says what would be right. Both are plain
//! sentences without a full stop at the end, so that a renderer can join them.

use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::pointer::Pointer;
use crate::value::Span;
use std::collections::BTreeMap;
use std::fmt;

/// A stable code, such as `MF0101`. Its page in the documentation says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

/// What the documentation says of a code. Each crate that has codes lists them in its `CODES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    pub code: Code,
    /// A few words: what the problem is.
    pub title: &'static str,
    /// A paragraph: why it is one, and what to do.
    pub explanation: &'static str,
}

/// Defines the codes of a crate, each once: constant, number, title, explanation; and `CODES`, all of them.
///
/// ```
/// meshform_model::codes! {
///     FULL "MF9999" "no space left"
///         "There is no space left on the disk. Make some, and try again."
/// }
/// assert_eq!(CODES[0].code, FULL);
/// ```
#[macro_export]
macro_rules! codes {
    ($($name:ident $code:literal $title:literal $explanation:literal)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $title, ".")]
            pub const $name: $crate::diag::Code = $crate::diag::Code($code);
        )*

        /// All of them, for the documentation.
        pub const CODES: &[$crate::diag::CodeInfo] = &[$(
            $crate::diag::CodeInfo { code: $name, title: $title, explanation: $explanation },
        )*];
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Error,
    /// Done, but look at it.
    Warning,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// What is wrong, with the value.
    pub message: String,
    pub help: Option<String>,
    /// What to write instead, in canonical form; who shows the problem turns it into the reader's notation.
    pub example: Option<Box<Example>>,
    /// Where; the first is the main one.
    pub places: Vec<ProblemLocation>,
}

/// Where a problem is: in a resource, at a field, in a text. Each part is there where it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProblemLocation {
    pub resource: Option<ResourceKey>,
    /// The field, in canonical form (API names), from the resource's root: `/spec/listeners/0/portMapping`.
    pub pointer: Pointer,
    /// The bytes in a source.
    pub span: Option<Span>,
    /// What can be seen there, where the message alone does not tell.
    pub label: Option<String>,
}

/// What to write. Who shows the problem writes it in the reader's notation ([`crate::help`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The kind of resource that it belongs to.
    pub kind: Kind,
    /// What to call the resource where it is a new one.
    pub label: Option<String>,
    /// The fields in canonical form, from the resource's root.
    pub body: serde_json::Value,
}

/// How a reader writes resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    Hcl,
    /// The API's names, in YAML; Kubernetes has the same.
    Yaml,
    /// The API's names, in JSON.
    Json,
    /// CloudFormation's names (`VirtualNodeName`), in YAML.
    CloudFormationYaml,
    /// CloudFormation's names (`VirtualNodeName`), in JSON.
    CloudFormationJson,
}

/// The texts that spans point into.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: Vec<(String, String)>,
    notations: BTreeMap<u32, Notation>,
}

/// A place in a text as people count: from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineColumn {
    /// The source's name, usually a path.
    pub name: String,
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

// === impl Diagnostic ===

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            help: None,
            example: None,
            places: Vec::new(),
        }
    }

    /// A warning without a place yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// With what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With what to write, which the help introduces.
    #[must_use]
    pub fn example(mut self, example: Example) -> Self {
        self.example = Some(Box::new(example));
        self
    }

    /// Adds a place; the first one added is the main one.
    #[must_use]
    pub fn at(mut self, place: ProblemLocation) -> Self {
        self.places.push(place);
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl ProblemLocation {
    /// A field of a tree.
    pub fn at(pointer: &Pointer, span: Option<Span>) -> Self {
        Self {
            pointer: pointer.clone(),
            span,
            ..Self::default()
        }
    }

    /// A field of a resource.
    pub fn of(resource: &ResourceKey, pointer: &Pointer) -> Self {
        Self {
            resource: Some(resource.clone()),
            pointer: pointer.clone(),
            ..Self::default()
        }
    }

    /// With a word on what can be seen there.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One line, for logs and for programs without a renderer: `error[MF0101]: … (help)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}[{}]: {}", self.code, self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        if let Some(example) = &self.example {
            write!(f, ": {}", example.body)?;
        }
        Ok(())
    }
}

/// An error's text with those of its causes, which its own leaves out.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}

// === impl Example ===

impl Example {
    /// Fields of a proxy profile's `spec`.
    pub fn profile(spec: serde_json::Value) -> Self {
        Self {
            kind: Kind::ProxyProfile,
            label: None,
            body: serde_json::json!({ "spec": spec }),
        }
    }

    /// As a new proxy profile of a mesh.
    #[must_use]
    pub fn of(mut self, mesh: &str, name: &str) -> Self {
        if let Some(body) = self.body.as_object_mut() {
            body.insert("meshName".to_owned(), mesh.into());
            body.insert("proxyProfileName".to_owned(), name.into());
        }
        self.label = Some(name.to_owned());
        self
    }
}

// === impl Sources ===

impl Sources {
    /// Takes a text in; the number is what its spans carry.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.texts.push((name.into(), text.into()));
        u32::try_from(self.texts.len() - 1).unwrap_or(u32::MAX)
    }

    /// A source's name and text.
    pub fn get(&self, source: u32) -> Option<(&str, &str)> {
        self.texts
            .get(source as usize)
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Notes how a source is written.
    pub fn note(&mut self, source: u32, notation: Notation) {
        self.notations.entry(source).or_insert(notation);
    }

    /// How the reader of a problem writes: as the source does in which it is, or as the first of which that is known. What
    /// stands in no text is in a store, which Terraform wrote.
    pub fn notation(&self, problem: &Diagnostic) -> Notation {
        let spans = problem.places.iter().filter_map(|place| place.span);
        let of_place = spans.filter_map(|span| self.notations.get(&span.source)).next();
        let known = of_place.or_else(|| self.notations.values().next());
        known.copied().unwrap_or(Notation::Hcl)
    }

    /// The sources' names, in the order in which they were taken in.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|(name, _)| name.as_str())
    }

    /// Where a span begins, as people count.
    pub fn locate(&self, span: Span) -> Option<LineColumn> {
        let (name, text) = self.get(span.source)?;
        let before = text.get(..span.start as usize)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some(LineColumn {
            name: name.to_owned(),
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before.get(line_start..)?.chars().count() + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_located_in_lines_and_characters() {
        let mut sources = Sources::default();
        let source = sources.add("mesh.yaml", "a: 1\nname: ü!\n");
        let at = sources
            .locate(Span {
                source,
                start: 13,
                end: 14,
            })
            .unwrap();
        assert_eq!((at.name.as_str(), at.line, at.column), ("mesh.yaml", 2, 8));
        assert_eq!(
            sources.locate(Span {
                source,
                start: 12,
                end: 13
            }),
            None,
            "inside a character"
        );
    }
}

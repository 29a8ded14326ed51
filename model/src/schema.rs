//! The schema of every kind, compiled once from `schemas/*.json` into nodes that walkers follow.
//!
//! A [`KindSchema`] is the root; below it each [`SchemaNode`] has a [`Shape`], and each [`Field`] of an object
//! carries what is said of that place: its names in the dialects, whether it is required, what it refers to.
//! Shapes that several places share are one node, so the whole is a small graph without cycles. Nothing is
//! parsed after the first use.

mod build;
mod dialect;
#[rustfmt::skip]
mod generated;
mod kinds;
mod load;
pub(crate) mod names;
mod raw;
pub mod terraform;

use crate::kind::Kind;
use regex_lite::Regex;
use std::sync::OnceLock;

pub use dialect::Dialect;
pub use generated::FILES;
pub use load::problems;

/// What a kind looks like as a whole.
#[derive(Debug)]
pub struct KindSchema {
    pub kind: Kind,
    /// The kind as headings call it: `Virtual node`.
    pub title: String,
    pub doc: String,
    /// The whole resource: identity, `spec`, `tags`, ….
    pub root: &'static SchemaNode,
    /// The name of the type by dialect; empty where the dialect does not have it.
    pub(crate) types: ByDialect<String>,
    /// The fields that name the resource, outermost first: `meshName`, `virtualRouterName`, `routeName`.
    pub key: Vec<String>,
    /// Whole documents that are right.
    pub examples: Vec<serde_json::Value>,
}

/// One place's shape, shared by all places that look alike.
#[derive(Debug)]
pub struct SchemaNode {
    pub shape: Shape,
    /// What it means; a field may say more.
    pub doc: String,
    pub examples: Vec<serde_json::Value>,
}

/// What may stand at a place.
#[derive(Debug)]
pub enum Shape {
    Object(ObjectShape),
    /// Exactly one of the named fields.
    Union(ObjectShape),
    List(ListShape),
    Text(TextShape),
    Int(NumberShape),
    Number(NumberShape),
    Bool,
    /// Anything: an open object, or one of several scalar types. Walkers pass it through.
    Any,
}

/// The fields of an object or a union.
#[derive(Debug, Default)]
pub struct ObjectShape {
    /// The fields in the order in which the schema writes them.
    pub fields: Vec<Field>,
    /// Groups of fields of which exactly one must be given.
    pub one_of: Vec<Vec<String>>,
    /// Groups of fields of which at most one may be given.
    pub at_most_one: Vec<Vec<String>>,
    /// Members (by path, `a.b`) that App Mesh filled in from another member when they were not given.
    pub derived: Vec<(String, String)>,
    /// With which value of which field the whole object does nothing.
    pub off: Option<DisablingValue>,
    /// Attributes that only Terraform has here; they never reach the canonical form.
    pub terraform_only: Vec<TerraformOnly>,
    /// Per dialect: names in order, with the field's position.
    pub(crate) index: ByDialect<Vec<(String, usize)>>,
}

/// A value of a field with which the object around it does nothing: who writes no more than that wants to leave the
/// object out.
#[derive(Debug)]
pub struct DisablingValue {
    pub field: String,
    pub value: serde_json::Value,
    /// What holds without the object, in words.
    pub means: String,
}

/// The elements of a list.
#[derive(Debug)]
pub struct ListShape {
    /// What each element looks like.
    pub items: &'static SchemaNode,
    pub min: usize,
    /// `None`: any number.
    pub max: Option<usize>,
    /// The order has no meaning: two lists are the same whatever their order.
    pub unordered: bool,
    /// Where the order means nothing: the members (by path, `a.b`) that tell elements apart.
    pub key: Vec<String>,
}

/// The bounds of a text.
#[derive(Debug)]
pub struct TextShape {
    /// The allowed values; empty: any.
    pub choices: Vec<String>,
    /// At least so many characters.
    pub min: Option<usize>,
    /// At most so many characters.
    pub max: Option<usize>,
    /// The regular expression that must match.
    pub pattern: Option<Pattern>,
    /// What the pattern means, in words: `a path that begins with a slash`.
    pub form: String,
}

/// A regular expression, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    /// As written in the schema.
    pub text: String,
    compiled: OnceLock<Option<Matcher>>,
}

#[derive(Debug)]
enum Matcher {
    /// Characters of one class only, one at least. Most names are of this form, and a mesh has many.
    Class(CharacterClass),
    Regex(Regex),
}

/// The characters that may stand in a text, or that may not.
#[derive(Debug)]
struct CharacterClass {
    ranges: Vec<(char, char)>,
    is_inverted: bool,
}

/// The bounds of a number, both included.
#[derive(Debug, Clone, Copy)]
pub struct NumberShape {
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// A field of an object: a shape at a place.
#[derive(Debug)]
pub struct Field {
    pub name: String,
    /// How it is called and how it stands, by dialect.
    pub(crate) names: ByDialect<DialectField>,
    pub node: &'static SchemaNode,
    pub doc: String,
    pub required: bool,
    /// Must be given in Terraform.
    pub terraform_required: bool,
    /// Part of the resource's identity: a change replaces the resource.
    pub identity: bool,
    /// Filled in by the store.
    pub computed: bool,
    /// Filled in by the store, anew with every write.
    pub moves: bool,
    /// Terraform marks the attribute sensitive.
    pub secret: bool,
    /// Still accepted, no longer advised.
    pub deprecated: bool,
    /// The kind whose name stands here.
    pub refers_to: Option<Kind>,
    /// What holds when the field is absent.
    pub default: Option<serde_json::Value>,
    /// The default is written into the canonical form, as App Mesh's tools send it.
    pub sent: bool,
    /// The API wants the field even when it is empty.
    pub absent_is_empty: bool,
}

/// A value for each dialect, indexed by [`Dialect`].
#[derive(Debug, Clone, Default)]
pub(crate) struct ByDialect<T>([T; Dialect::ALL.len()]);

/// How a field is called in a dialect, and how it stands there.
#[derive(Debug, Clone)]
pub struct DialectField {
    pub name: String,
    pub form: FieldForm,
}

/// How a field stands in a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldForm {
    /// As the shape says: in Terraform objects and lists of objects are blocks, all else attributes.
    Usual,
    Absent,
    /// Its members lie beside it.
    Flatten,
    /// A list of `{key, value}` as a map.
    Map,
}

/// An attribute that only Terraform has.
#[derive(Debug)]
pub struct TerraformOnly {
    pub name: String,
    pub kind: terraform::Type,
    pub optional: bool,
    /// The provider may fill it in.
    pub computed: bool,
    /// Why it should not be used.
    pub deprecated: Option<String>,
    pub doc: String,
}

/// The schema of a kind.
pub fn kind(kind: Kind) -> &'static KindSchema {
    load::compiled().kind(kind)
}

/// The kind of a type name in a dialect.
pub fn kind_of(dialect: Dialect, name: &str) -> Option<Kind> {
    let known = |k: &Kind| kind(*k).type_in(dialect) == name;
    Kind::ALL.into_iter().find(known).filter(|_| !name.is_empty())
}

/// The schema of a file of workloads, the short form of what runs beside proxies.
pub fn workloads() -> &'static SchemaNode {
    load::compiled().workloads()
}

/// The kind of a Terraform type name, with or without the prefix of hashicorp/aws.
pub fn kind_of_terraform(name: &str) -> Option<Kind> {
    kind_of(Dialect::Terraform, name.strip_prefix("aws_").unwrap_or(name))
}

/// The kind of a CloudFormation type name.
pub fn kind_of_cloudformation(name: &str) -> Option<Kind> {
    kind_of(Dialect::CloudFormation, name)
}

// === impl KindSchema ===

impl KindSchema {
    /// The name of the type in a dialect: `appmesh_virtual_node`, `AWS::AppMesh::VirtualNode`. Empty where the dialect does
    /// not have it.
    pub fn type_in(&self, dialect: Dialect) -> &str {
        self.types.of(dialect)
    }
}

// === impl ByDialect ===

impl<T> ByDialect<OnceLock<T>> {
    /// What is made when it is first asked for, for each dialect by itself.
    pub(crate) const fn unset() -> Self {
        Self([const { OnceLock::new() }; Dialect::ALL.len()])
    }
}

impl<T> ByDialect<T> {
    fn new(make: impl FnMut(Dialect) -> T) -> Self {
        Self(Dialect::ALL.map(make))
    }

    pub(crate) fn of(&self, dialect: Dialect) -> &T {
        let Self([api, cloudformation, terraform, kubernetes]) = self;
        match dialect {
            Dialect::Api => api,
            Dialect::CloudFormation => cloudformation,
            Dialect::Terraform => terraform,
            Dialect::Kubernetes => kubernetes,
        }
    }
}

// === impl Field ===

impl Field {
    /// How it is called in a dialect, and how it stands there.
    pub fn named(&self, dialect: Dialect) -> &DialectField {
        self.names.of(dialect)
    }
}

// === impl SchemaNode ===

impl SchemaNode {
    /// The fields, where this is an object or a union.
    pub fn object(&self) -> Option<&ObjectShape> {
        match &self.shape {
            Shape::Object(object) | Shape::Union(object) => Some(object),
            _ => None,
        }
    }

    /// The list, where this is one.
    pub fn list(&self) -> Option<&ListShape> {
        match &self.shape {
            Shape::List(list) => Some(list),
            _ => None,
        }
    }
}

// === impl ObjectShape ===

impl ObjectShape {
    /// The field of that canonical name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.field_in(Dialect::Api, name)
    }

    /// The field of that name in a dialect.
    pub fn field_in(&self, dialect: Dialect, name: &str) -> Option<&Field> {
        let index = self.index.of(dialect);
        let at = index.binary_search_by(|(n, _)| n.as_str().cmp(name)).ok()?;
        index.get(at).and_then(|(_, field)| self.fields.get(*field))
    }
}

// === impl Pattern ===

impl Pattern {
    fn new(text: String) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }

    /// Whether the text matches. A pattern that does not compile matches nothing (a test compiles all).
    pub fn matches(&self, text: &str) -> bool {
        match self.matcher() {
            Some(Matcher::Class(class)) => class.holds(text),
            Some(Matcher::Regex(regex)) => regex.is_match(text),
            None => false,
        }
    }

    fn matcher(&self) -> Option<&Matcher> {
        let compiled = || match CharacterClass::of(&self.text) {
            Some(class) => Some(Matcher::Class(class)),
            None => Regex::new(&self.text).ok().map(Matcher::Regex),
        };
        self.compiled.get_or_init(compiled).as_ref()
    }
}

// === impl CharacterClass ===

impl CharacterClass {
    /// Of `^[a-z]+$` or `^[^a-z]+$`, where nothing in the class means something else.
    fn of(pattern: &str) -> Option<Self> {
        let inside = pattern.strip_prefix("^[")?.strip_suffix("]+$")?;
        let (inside, is_inverted) = match inside.strip_prefix('^') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        if inside.is_empty() || inside.contains(['[', ']', '\\', '&', '^']) || inside.starts_with('-') {
            return None;
        }
        let mut ranges = Vec::new();
        let mut chars = inside.chars().peekable();
        while let Some(first) = chars.next() {
            match chars.next_if_eq(&'-').map(|_| chars.next()) {
                None => ranges.push((first, first)),
                // At the end it stands for itself.
                Some(None) => ranges.extend([(first, first), ('-', '-')]),
                Some(Some('-')) => return None,
                Some(Some(last)) => ranges.push((first, last)),
            }
        }
        Some(Self { ranges, is_inverted })
    }

    fn holds(&self, text: &str) -> bool {
        let is_in = |c: char| {
            self.ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&c))
        };
        !text.is_empty() && text.chars().all(|c| is_in(c) != self.is_inverted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_what_the_expression_says() {
        let texts = [
            "a", "z9", "", "-", "a-b", "A", "a\nb", "_", "é", "a/b", "/", "\u{202e}", "a\u{0}", "!", "~a",
        ];
        for pattern in [
            "^[a-z0-9_]+$",
            "^[a-z-]+$",
            "^[a-zA-Z0-9!-~]+$",
            "^[^/]+$",
            "^[^/\u{0}-\u{1f}\u{7f}\u{200e}\u{202a}-\u{202e}]+$",
        ] {
            let class = CharacterClass::of(pattern).expect(pattern);
            let regex = Regex::new(pattern).unwrap();
            for text in texts {
                assert_eq!(class.holds(text), regex.is_match(text), "{pattern} of {text:?}");
            }
        }
        for other in [
            "^[a-z]$",
            "^[\\d]+$",
            "^[[:alpha:]]+$",
            "[a-z]+$",
            "^[a-z]+",
            "^[a]b]+$",
        ] {
            assert!(CharacterClass::of(other).is_none(), "{other}");
        }
    }
}

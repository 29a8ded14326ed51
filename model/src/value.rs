//! The one instance tree: everything that is read (HCL values, YAML, JSON, state) becomes a [`Node`].
//!
//! Four things stay apart: *absent* (an object has no such field), *null* ([`Value::Null`]), *zero* (`0`, `""`,
//! `false`) and *empty* (an empty list or object). A leaf may be unknown (Terraform, before apply) or symbolic
//! (a CloudFormation parameter); whoever needs the value must say what happens then.

use std::fmt;

/// A value and where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub value: Value,
    /// The bytes it was read from, where there was a text.
    pub span: Option<Span>,
}

/// What may stand in a tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Written down as null (or, in Terraform, not set).
    Null,
    Bool(bool),
    /// A number, by its decimal text.
    Number(Number),
    String(String),
    List(Vec<Node>),
    Object(Object),
    /// Not known yet: Terraform will know after apply.
    Unknown,
    /// Known to another tool only, such as `{"Ref": "Param"}` in CloudFormation. Kept as it was read.
    Symbol(Symbol),
}

/// An expression that only another tool can evaluate.
#[derive(Debug, Clone, PartialEq)]
pub struct Symbol {
    /// The function's name: `Ref`, `Fn::Sub`, ….
    pub function: String,
    pub argument: Box<Node>,
}

/// Bytes of a source: `source` numbers the text in a [`Sources`](crate::diag::Sources).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub source: u32,
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// The fields of an object in the order in which they were read. Names are unique: readers report duplicates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object {
    fields: Vec<Field>,
}

/// One field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name as the input writes it, in whichever dialect that is.
    pub name: String,
    pub name_span: Option<Span>,
    pub node: Node,
}

/// A number kept as decimal text, so that nothing is rounded on the way.
#[derive(Debug, Clone)]
pub struct Number(String);

// === impl Field ===

impl Field {
    /// The field with another value.
    pub fn with(&self, node: Node) -> Self {
        Self {
            name: self.name.clone(),
            name_span: self.name_span,
            node,
        }
    }
}

// === impl Node ===

impl Node {
    /// A node without a place.
    pub fn new(value: Value) -> Self {
        Self { value, span: None }
    }

    /// A node read from `span`.
    pub fn at(value: Value, span: Span) -> Self {
        Self {
            value,
            span: Some(span),
        }
    }

    pub fn null() -> Self {
        Self::new(Value::Null)
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match &self.value {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The list, if this is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The field `name`, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.as_object().and_then(|object| object.get(name))
    }

    /// Whether the node and everything below it is known: neither unknown nor symbolic.
    pub fn is_wholly_known(&self) -> bool {
        match &self.value {
            Value::Unknown | Value::Symbol(_) => false,
            Value::List(list) => list.iter().all(Node::is_wholly_known),
            Value::Object(object) => object.fields.iter().all(|field| field.node.is_wholly_known()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }

    /// The tree as `serde_json`'s, without places. `None` when a leaf is unknown. A symbol becomes the object
    /// `{function: argument}`. A number beyond what JSON numbers of `serde_json` hold exactly becomes the
    /// nearest double.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        Some(match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Number(n) => n.to_json(),
            Value::String(s) => Json::String(s.clone()),
            Value::List(list) => Json::Array(list.iter().map(Node::to_json).collect::<Option<_>>()?),
            Value::Object(object) => Json::Object(
                object
                    .fields
                    .iter()
                    .map(|field| Some((field.name.clone(), field.node.to_json()?)))
                    .collect::<Option<_>>()?,
            ),
            Value::Unknown => return None,
            Value::Symbol(symbol) => Json::Object(
                [(symbol.function.clone(), symbol.argument.to_json()?)]
                    .into_iter()
                    .collect(),
            ),
        })
    }

    /// The tree of a `serde_json` value, without places.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        Self::new(match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => Value::Number(Number(n.to_string())),
            Json::String(s) => Value::String(s.clone()),
            Json::Array(list) => Value::List(list.iter().map(Node::from_json).collect()),
            Json::Object(map) => Value::Object(
                map.iter()
                    .map(|(name, value)| (name.clone(), Node::from_json(value)))
                    .collect(),
            ),
        })
    }
}

impl Value {
    /// What the value is, as a person would say it: "a number", "null", ….
    pub fn noun(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
            Value::Unknown => "a value known only after apply",
            Value::Symbol(_) => "an expression",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Number(Number::from(n))
    }
}

// === impl Object ===

impl Object {
    pub fn new() -> Self {
        Self::default()
    }

    /// The node of the field `name`.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.field(name).map(|field| &field.node)
    }

    /// The node of the field `name`, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.fields
            .iter_mut()
            .find(|field| field.name == name)
            .map(|field| &mut field.node)
    }

    /// The field `name` with its place.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Sets a field, replacing one of that name; gives back what was replaced.
    pub fn set(&mut self, name: impl Into<String>, node: Node) -> Option<Node> {
        let name = name.into();
        if let Some(old) = self.get_mut(&name) {
            return Some(std::mem::replace(old, node));
        }
        self.fields.push(Field {
            name,
            name_span: None,
            node,
        });
        None
    }

    /// Adds a field as read; the reader has seen to it that the name is new.
    pub fn push(&mut self, field: Field) {
        // Most objects have one to three fields, and a mesh has many objects: room for four, with which a vector
        // begins, would be most of the memory.
        if self.fields.len() == self.fields.capacity() {
            self.fields.reserve_exact(self.fields.len().max(1));
        }
        self.fields.push(field);
    }

    /// Takes a field out and gives its value; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Node> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        Some(self.fields.remove(index).node)
    }

    /// The fields in the order in which they were read.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.fields.iter()
    }

    /// The same, to change their values.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Field> {
        self.fields.iter_mut()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl FromIterator<(String, Node)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Node)>>(iter: I) -> Self {
        Self {
            fields: iter
                .into_iter()
                .map(|(name, node)| Field {
                    name,
                    name_span: None,
                    node,
                })
                .collect(),
        }
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Object {
    type Item = Field;
    type IntoIter = std::vec::IntoIter<Field>;
    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

// === impl Number ===

impl Number {
    /// A number from its decimal text (`-12`, `0.5`, `1e3`), or `None` when the text is not a number in JSON's
    /// grammar.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let fits = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(digits)
            && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// The value as an integer, when it is one that fits. `1.0` and `1e2` are integers.
    pub fn as_i64(&self) -> Option<i64> {
        if let Ok(n) = self.0.parse() {
            return Some(n);
        }
        let float: f64 = self.0.parse().ok()?;
        // Beyond 2^53 a double no longer tells neighbours apart.
        (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
    }

    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    pub fn to_json(&self) -> serde_json::Value {
        if let Some(n) = self.as_i64() {
            return serde_json::Value::from(n);
        }
        self.0
            .parse::<u64>()
            .map(serde_json::Value::from)
            .unwrap_or_else(|_| serde_json::Value::from(self.as_f64()))
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self(n.to_string())
    }
}

/// `1`, `1.0` and `1e0` are one number.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        match (self.as_i64(), other.as_i64()) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.as_f64() == other.as_f64() && !is_integer_text(&self.0),
            _ => false,
        }
    }
}

/// Integers beyond `i64` are compared by their text alone.
fn is_integer_text(text: &str) -> bool {
    text.strip_prefix('-')
        .unwrap_or(text)
        .bytes()
        .all(|b| b.is_ascii_digit())
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_value_and_keep_their_text() {
        let n = |text| Number::parse(text).unwrap();
        assert_eq!(n("1.0"), n("1"));
        assert_eq!(n("1e2"), n("100"));
        assert_ne!(n("36893488147419103232"), n("36893488147419103233"));
        assert_eq!(n("36893488147419103232").as_text(), "36893488147419103232");
        for bad in ["", "-", "01", "1.", ".5", "1e", "0x1", "NaN", "1 "] {
            assert!(Number::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn null_absent_zero_and_empty_are_four_things() {
        let tree = Node::from_json(&serde_json::json!({"a": null, "b": 0, "c": [], "d": {}}));
        assert!(tree.get("a").unwrap().is_null());
        assert!(tree.get("x").is_none());
        assert_eq!(tree.get("b").unwrap().value, Value::from(0));
        assert_eq!(tree.get("c").unwrap().as_list(), Some(&[][..]));
        assert!(tree.get("d").unwrap().as_object().unwrap().is_empty());
        assert_eq!(Node::from_json(&tree.to_json().unwrap()), tree);
    }
}

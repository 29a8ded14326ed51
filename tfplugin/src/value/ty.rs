//! Terraform's types and their JSON form.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Value;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Any type; the value brings its own.
    Dynamic,
    /// `bool`.
    Bool,
    /// A decimal number of any size.
    Number,
    /// `string`.
    String,
    /// Values of one type in order.
    List(Arc<Type>),
    /// Different values of one type, without order.
    Set(Arc<Type>),
    /// Values of one type by name.
    Map(Arc<Type>),
    /// Named values, each of its own type.
    Object(Arc<BTreeMap<Arc<str>, Type>>),
    /// Values in order, each of its own type.
    Tuple(Arc<[Type]>),
}

/// A type in JSON that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a type: {0}")]
pub struct NotAType(String);

impl Type {
    /// A list of this type.
    pub fn list(element: Type) -> Self {
        Self::List(Arc::new(element))
    }

    /// A set of this type.
    pub fn set(element: Type) -> Self {
        Self::Set(Arc::new(element))
    }

    /// A map of this type.
    pub fn map(element: Type) -> Self {
        Self::Map(Arc::new(element))
    }

    /// An object of these attributes.
    pub fn object<N: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (N, Type)>) -> Self {
        Self::Object(Arc::new(
            attributes
                .into_iter()
                .map(|(name, ty)| (name.into(), ty))
                .collect(),
        ))
    }

    /// A tuple of these types.
    pub fn tuple(elements: impl IntoIterator<Item = Type>) -> Self {
        Self::Tuple(elements.into_iter().collect())
    }

    /// Whether a dynamic type occurs anywhere in it.
    pub fn has_dynamic(&self) -> bool {
        match self {
            Self::Dynamic => true,
            Self::Bool | Self::Number | Self::String => false,
            Self::List(inner) | Self::Set(inner) | Self::Map(inner) => inner.has_dynamic(),
            Self::Object(attributes) => attributes.values().any(Self::has_dynamic),
            Self::Tuple(elements) => elements.iter().any(Self::has_dynamic),
        }
    }

    /// The JSON form that Terraform uses in schemas and inside dynamic values.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        let mut wrap = |kind: &str, inner: &Type| {
            out.push_str("[\"");
            out.push_str(kind);
            out.push_str("\",");
            inner.write_json(out);
            out.push(']');
        };
        match self {
            Self::Dynamic => out.push_str("\"dynamic\""),
            Self::Bool => out.push_str("\"bool\""),
            Self::Number => out.push_str("\"number\""),
            Self::String => out.push_str("\"string\""),
            Self::List(inner) => wrap("list", inner),
            Self::Set(inner) => wrap("set", inner),
            Self::Map(inner) => wrap("map", inner),
            Self::Object(attributes) => {
                out.push_str("[\"object\",{");
                for (index, (name, ty)) in attributes.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    crate::value::json::write_string(name, out);
                    out.push(':');
                    ty.write_json(out);
                }
                out.push_str("}]");
            }
            Self::Tuple(elements) => {
                out.push_str("[\"tuple\",[");
                for (index, ty) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    ty.write_json(out);
                }
                out.push_str("]]");
            }
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// When the text is not JSON, too deep, or not a type.
    pub fn from_json(text: &[u8]) -> Result<Self, NotAType> {
        let tree = crate::value::json::parse(text).map_err(|error| NotAType(error.to_string()))?;
        Self::from_tree(&tree)
    }

    fn from_tree(tree: &Value) -> Result<Self, NotAType> {
        let wrong = || NotAType(crate::value::json::to_string(tree).chars().take(120).collect());
        match tree {
            Value::String(name) => match name.as_str() {
                "dynamic" => Ok(Self::Dynamic),
                "bool" => Ok(Self::Bool),
                "number" => Ok(Self::Number),
                "string" => Ok(Self::String),
                _ => Err(wrong()),
            },
            Value::List(parts) => {
                let (Some(kind), Some(inner)) = (parts.first().and_then(Value::as_str), parts.get(1)) else {
                    return Err(wrong());
                };
                match (kind, inner) {
                    ("list", inner) => Ok(Self::list(Self::from_tree(inner)?)),
                    ("set", inner) => Ok(Self::set(Self::from_tree(inner)?)),
                    ("map", inner) => Ok(Self::map(Self::from_tree(inner)?)),
                    ("tuple", Value::List(elements)) => Ok(Self::Tuple(
                        elements.iter().map(Self::from_tree).collect::<Result<_, _>>()?,
                    )),
                    ("object", Value::Object(attributes)) => {
                        let attributes = attributes
                            .iter()
                            .map(|(name, inner)| Ok((Arc::clone(name), Self::from_tree(inner)?)))
                            .collect::<Result<_, NotAType>>()?;
                        Ok(Self::Object(Arc::new(attributes)))
                    }
                    _ => Err(wrong()),
                }
            }
            _ => Err(wrong()),
        }
    }

    /// The type that a bare value shows: lists become tuples, and the type of a null stays open.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null | Value::Unknown(_) => Self::Dynamic,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::List(items) => Self::tuple(items.iter().map(Self::of)),
            Value::Set(items) => Self::set(items.first().map_or(Self::Dynamic, Self::of)),
            Value::Map(entries) => Self::map(entries.values().next().map_or(Self::Dynamic, Self::of)),
            Value::Object(entries) => Self::object(
                entries
                    .iter()
                    .map(|(name, value)| (Arc::clone(name), Self::of(value))),
            ),
            Value::Dynamic(inner) => inner.0.clone(),
        }
    }
}

impl fmt::Display for Type {
    /// As a person writes it in a type constraint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("any"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::List(inner) => write!(f, "list of {inner}"),
            Self::Set(inner) => write!(f, "set of {inner}"),
            Self::Map(inner) => write!(f, "map of {inner}"),
            Self::Object(_) => f.write_str("object"),
            Self::Tuple(_) => f.write_str("tuple"),
        }
    }
}

//! Values as Terraform knows them: any of them may be null or not known yet.

mod access;
mod compare;
mod conform;
// Public as `codec::json`.
#[doc(hidden)]
pub mod json;
mod number;
mod refinement;
mod ty;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use conform::conform_at;
pub use conform::{Fit, Misfit, conform};
pub use number::{NotANumber, Number};
pub use refinement::Refinement;
pub use ty::{NotAType, Type};

/// Names to values, in order of the names.
pub type Entries = BTreeMap<Arc<str>, Value>;

/// A value of any type.
///
/// Attributes are read with [`Value::get`] and its kin, which never fail: what is not there is null.
///
/// ```
/// use tfplugin::Value;
/// let value = Value::object([("name", Value::from("shop")), ("size", Value::from(3))]);
/// assert_eq!(value.str("name"), Some("shop"));
/// assert_eq!(value.get("size").as_i64(), Some(3));
/// assert!(value.get("tags").is_null());
/// ```
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Terraform's `null`: the attribute is not set.
    #[default]
    Null,
    /// A value that is not known yet, with what is known about it.
    Unknown(Option<Arc<Refinement>>),
    /// Of the type `bool`.
    Bool(bool),
    /// Of the type `number`, without loss of precision.
    Number(Number),
    /// Of the type `string`: Unicode text in UTF-8.
    String(String),
    /// A list or a tuple.
    List(Vec<Value>),
    /// A set; order and repetition do not count.
    Set(Vec<Value>),
    /// Of the type `map`: elements of one type, in the order of their keys.
    Map(Entries),
    /// An object, or a block.
    Object(Entries),
    /// A value where the schema says "any type", with its type.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// A value that is not known yet.
    pub const UNKNOWN: Self = Self::Unknown(None);

    /// An unknown value about which something is promised.
    pub fn unknown_with(refinement: Refinement) -> Self {
        Self::Unknown((!refinement.is_empty()).then(|| Arc::new(refinement)))
    }

    /// An object of these attributes.
    pub fn object<N: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::Object(
            attributes
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    /// A map of these entries.
    pub fn map<N: Into<Arc<str>>>(entries: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::Map(
            entries
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    /// A list of these elements.
    pub fn list<V: Into<Value>>(elements: impl IntoIterator<Item = V>) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }

    /// A set of these elements; what occurs twice is kept once.
    pub fn set<V: Into<Value>>(elements: impl IntoIterator<Item = V>) -> Self {
        let mut elements: Vec<Value> = elements.into_iter().map(Into::into).collect();
        compare::dedup(&mut elements);
        Self::Set(elements)
    }

    /// A value that carries its type, for places whose type the schema leaves open.
    pub fn dynamic(ty: Type, value: Value) -> Self {
        Self::Dynamic(Box::new((ty, value)))
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Unknown(_) => "an unknown value",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
            Self::Dynamic(inner) => inner.1.kind(),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::String(value.clone())
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<f64> for Value {
    /// The shortest decimal text of the float; NaN and infinities become null, Terraform has none.
    fn from(value: f64) -> Self {
        Number::from_f64(value).map_or(Self::Null, Self::Number)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::list(values)
    }
}

macro_rules! from_whole {
    ($($ty:ty),*) => { $(impl From<$ty> for Value {
        fn from(value: $ty) -> Self { Self::Number(Number::from(value)) }
    })* };
}
from_whole!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

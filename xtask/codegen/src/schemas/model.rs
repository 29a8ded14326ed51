//! What the schemas say, as types: the form between the files and the generated Rust.

use super::names::{pascal, snake};

/// Everything that is generated from.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// In the order in which resources are sorted by kind.
    pub(super) kinds: Vec<Kind>,
    /// In the order in which the kinds' specs reach them.
    pub(super) types: Vec<Type>,
}

#[derive(Debug)]
pub(super) struct Kind {
    /// As `x-kind` names it: `virtualNode`.
    pub(super) name: String,
    /// As people are told: `Virtual node`.
    pub(super) title: String,
    pub(super) doc: String,
    /// Its file in `schemas/`: `virtual-node.json`.
    pub(super) file: String,
    /// The kind between the mesh and this one.
    pub(super) parent: Option<String>,
    /// Its place among the kinds in what is written.
    pub(super) stands: u32,
    /// The type of its spec.
    pub(super) spec: String,
    /// A spec may be left out where all of its fields may.
    pub(super) spec_required: bool,
    /// The type of its extensions.
    pub(super) extensions: Option<String>,
}

/// A type that is generated.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub(super) name: String,
    pub(super) doc: String,
    /// The module that it stands in: a file's name without its ending.
    pub(super) module: String,
    pub(super) shape: Shape,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Struct {
        fields: Vec<Field>,
        /// Those of which exactly one is there, as one field.
        group: Option<Group>,
    },
    /// Exactly one of the named fields.
    Union(Vec<Field>),
    /// A text that is one of these.
    Choice {
        values: Vec<String>,
        /// What holds where a field of this type is absent, if that is the same for all fields.
        default: Option<String>,
    },
}

/// Fields of which exactly one is there, as one field of the type of an enum.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The field that stands for them: `rule`.
    pub(super) field: String,
    /// The enum that is generated for them: `RouteRule`.
    pub(super) name: String,
    /// `Route`, which the variants lack that the fields have.
    pub(super) suffix: String,
    pub(super) members: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    /// As it is written in JSON.
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) value: Value,
    pub(super) presence: Presence,
    pub(super) default: Option<serde_json::Value>,
    /// Where it names a resource.
    pub(super) reference: Option<Reference>,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    /// Absent is the same as empty, and is written as empty.
    Empty,
}

/// A field that names a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) kind: String,
    /// As what; nothing outside specs.
    pub(super) role: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Text,
    Bool,
    /// A whole number, of that type.
    Int(String),
    Float,
    /// A type that is generated.
    Named(String),
    List(Box<Value>),
}

impl Model {
    pub(super) fn get(&self, name: &str) -> Option<&Type> {
        self.types.iter().find(|one| one.name == name)
    }

    /// Whether every value that a type can have is, all the way down, of a property that types have.
    pub(super) fn all(&self, value: &Value, leaf: &dyn Fn(&Value) -> bool) -> bool {
        match value {
            Value::Named(name) => self.get(name).is_none_or(|found| match &found.shape {
                Shape::Struct { fields, .. } | Shape::Union(fields) => {
                    fields.iter().all(|field| self.all(&field.value, leaf))
                }
                Shape::Choice { .. } => true,
            }),
            Value::List(inner) => leaf(value) && self.all(inner, leaf),
            value => leaf(value),
        }
    }

    /// Whether a type has a value without being told any.
    pub(super) fn has_default(&self, one: &Type) -> bool {
        match &one.shape {
            Shape::Union(_) | Shape::Struct { group: Some(_), .. } => false,
            Shape::Choice { default, .. } => default.is_some(),
            Shape::Struct { fields, .. } => fields.iter().all(|field| match (&field.value, field.presence) {
                (Value::Named(name), Presence::Required | Presence::Empty) => {
                    self.get(name).is_some_and(|inner| self.has_default(inner))
                }
                _ => true,
            }),
        }
    }
}

/// A spec with so many fields is boxed in `Spec`, so that the others need not its room.
const BOXED_FROM: usize = 13;

impl Kind {
    /// Whether its spec is boxed where it is beside others.
    pub(super) fn boxed(&self, model: &Model) -> bool {
        model
            .get(&self.spec)
            .is_some_and(|spec| spec.fields().len() >= BOXED_FROM)
    }

    /// From a spec to `Spec`, as an expression.
    pub(super) fn wrap(&self, model: &Model) -> String {
        let name = pascal(&self.name);
        if self.boxed(model) {
            format!("|spec| Spec::{name}(Box::new(spec))")
        } else {
            format!("Spec::{name}")
        }
    }
}

impl Type {
    /// The fields, where there are any.
    pub(super) fn fields(&self) -> &[Field] {
        match &self.shape {
            Shape::Struct { fields, .. } | Shape::Union(fields) => fields,
            Shape::Choice { .. } => &[],
        }
    }
}

impl Field {
    pub(super) fn rust(&self) -> String {
        snake(&self.name)
    }

    /// The name of the variant in a union.
    pub(super) fn variant(&self) -> String {
        pascal(&self.name)
    }
}

impl Group {
    pub(super) fn variant(&self, field: &Field) -> String {
        let stem = field.name.strip_suffix(&self.suffix).unwrap_or(&field.name);
        pascal(stem)
    }

    pub(super) fn has(&self, field: &Field) -> bool {
        self.members.contains(&field.name)
    }
}

impl Value {
    pub(super) fn rust(&self) -> String {
        match self {
            Self::Text => "String".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int(kind) => kind.clone(),
            Self::Float => "f64".to_owned(),
            Self::Named(name) => name.clone(),
            Self::List(inner) => format!("Vec<{}>", inner.rust()),
        }
    }
}

//! One attribute of a block.

use std::sync::Arc;

use super::Text;
use crate::plan::{self, PlanModifier};
use crate::validate::Validator;
use crate::value::{Type, Value};

/// How nested attributes or blocks repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// One nested object.
    Single,
    /// Nested objects in the order in which they were written.
    List,
    /// Nested objects without order; equal ones count once.
    Set,
    /// Nested objects, each under a key of the user's choice.
    Map,
}

/// A plain value of one type, or nested objects with attributes of their own.
#[derive(Debug, Clone)]
pub enum AttributeType {
    /// A value of a type, changed as a whole.
    Plain(Type),
    /// Objects whose parts are attributes of their own.
    Nested(Nesting, Vec<Attribute>),
}

/// One attribute: its type, who sets it, and how it is checked and planned.
#[derive(Debug, Clone)]
pub struct Attribute {
    pub(crate) name: Arc<str>,
    pub(crate) kind: AttributeType,
    pub(crate) required: bool,
    pub(crate) optional: bool,
    pub(crate) computed: bool,
    pub(crate) sensitive: bool,
    pub(crate) write_only: bool,
    pub(crate) description: Text,
    pub(crate) deprecation: Option<Text>,
    pub(crate) default: Option<Value>,
    pub(crate) validators: Vec<Arc<dyn Validator>>,
    pub(crate) modifiers: Vec<Arc<dyn PlanModifier>>,
}

impl Attribute {
    /// An attribute of a type. Say next who sets it: [`required`](Self::required),
    /// [`optional`](Self::optional), [`computed`](Self::computed), or the last two together.
    pub fn new(name: impl Into<Arc<str>>, ty: Type) -> Self {
        Self::of_kind(name, AttributeType::Plain(ty))
    }

    fn of_kind(name: impl Into<Arc<str>>, kind: AttributeType) -> Self {
        Self {
            name: name.into(),
            kind,
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            write_only: false,
            description: Text::Borrowed(""),
            deprecation: None,
            default: None,
            validators: Vec::new(),
            modifiers: Vec::new(),
        }
    }

    /// An attribute of the type `string`, neither required nor computed yet.
    pub fn string(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Type::String)
    }

    /// An attribute of the type `number`, neither required nor computed yet.
    pub fn number(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Type::Number)
    }

    /// An attribute of the type `bool`, neither required nor computed yet.
    pub fn bool(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Type::Bool)
    }

    /// An attribute of the type `set(string)`, neither required nor computed yet.
    pub fn string_set(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Type::set(Type::String))
    }

    /// An attribute of the type `list(string)`, neither required nor computed yet.
    pub fn string_list(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Type::list(Type::String))
    }

    /// An attribute of the type `map(string)`, neither required nor computed yet.
    pub fn string_map(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Type::map(Type::String))
    }

    /// Nested attributes, written `name = { … }` (or a list, set or map of them).
    pub fn nested(name: impl Into<Arc<str>>, nesting: Nesting, inner: Vec<Attribute>) -> Self {
        Self::of_kind(name, AttributeType::Nested(nesting, inner))
    }

    /// The configuration must set it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The configuration may set it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The provider sets it, if the configuration does not.
    #[must_use]
    pub fn computed(mut self) -> Self {
        self.computed = true;
        self
    }

    /// Terraform hides it in its output.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// It reaches the provider in the configuration only and is never stored (Terraform 1.11 and later).
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.write_only = true;
        self
    }

    /// What it is for, in Markdown.
    #[must_use]
    pub fn description(mut self, text: impl Into<Text>) -> Self {
        self.description = text.into();
        self
    }

    /// Warns those who use it, and says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, text: impl Into<Text>) -> Self {
        self.deprecation = Some(text.into());
        self
    }

    /// The value when the configuration sets none. Makes it optional and computed, as Terraform demands.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self.optional = true;
        self.computed = true;
        self
    }

    /// Adds a validator, which sees each known value that is configured.
    #[must_use]
    pub fn validate(mut self, validator: impl Validator + 'static) -> Self {
        self.validators.push(Arc::new(validator));
        self
    }

    /// Adds a plan modifier; modifiers run in the order in which they were added.
    #[must_use]
    pub fn modify(mut self, modifier: impl PlanModifier + 'static) -> Self {
        self.modifiers.push(Arc::new(modifier));
        self
    }

    /// A change makes a new object.
    #[must_use]
    pub fn requires_replace(self) -> Self {
        self.modify(plan::RequiresReplace)
    }

    /// A computed value that stays what it was, instead of being unknown in every plan that changes something.
    #[must_use]
    pub fn use_state_for_unknown(self) -> Self {
        self.modify(plan::UseStateForUnknown)
    }

    /// The attribute's name in HCL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it holds a plain value or nested objects.
    pub fn kind(&self) -> &AttributeType {
        &self.kind
    }

    /// Whether the configuration must set it.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Whether the configuration may set it.
    pub fn is_optional(&self) -> bool {
        self.optional
    }

    /// Whether the provider may set it.
    pub fn is_computed(&self) -> bool {
        self.computed
    }

    /// Whether only the provider sets it.
    pub fn is_read_only(&self) -> bool {
        self.computed && !self.optional
    }

    /// Whether Terraform shows `(sensitive value)` in place of it. The state still holds it.
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// Whether it is never stored.
    pub fn is_write_only(&self) -> bool {
        self.write_only
    }

    pub(crate) fn nested_attributes(&self) -> Option<(Nesting, &[Attribute])> {
        match &self.kind {
            AttributeType::Nested(nesting, inner) => Some((*nesting, inner)),
            AttributeType::Plain(_) => None,
        }
    }

    /// The type of its values on the wire; nested objects are object types there.
    pub fn ty(&self) -> Type {
        match &self.kind {
            AttributeType::Plain(ty) => ty.clone(),
            AttributeType::Nested(nesting, inner) => {
                let object = Type::object(inner.iter().map(|one| (Arc::clone(&one.name), one.ty())));
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::list(object),
                    Nesting::Set => Type::set(object),
                    Nesting::Map => Type::map(object),
                }
            }
        }
    }
}

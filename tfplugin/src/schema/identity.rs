//! What tells one remote object from all others.

use std::sync::{Arc, OnceLock};

use super::Text;
use crate::value::{Fit, Misfit, Type, Value};

/// One attribute of an identity.
#[derive(Debug, Clone)]
pub struct IdentityAttribute {
    pub(crate) name: Arc<str>,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    pub(crate) description: Text,
}

/// The identity of a resource type: a flat object that Terraform stores beside the state (1.12 and later).
#[derive(Debug, Clone, Default)]
pub struct IdentitySchema {
    pub(crate) version: i64,
    pub(crate) attributes: Vec<IdentityAttribute>,
    /// An identity normally never changes; see [`IdentitySchema::mutable`].
    pub(crate) mutable: bool,
    ty: OnceLock<Type>,
}

impl IdentityAttribute {
    /// An attribute that an import by identity must give.
    pub fn required(name: impl Into<Arc<str>>, ty: Type) -> Self {
        Self {
            name: name.into(),
            ty,
            required: true,
            description: Text::Borrowed(""),
        }
    }

    /// An attribute that an import by identity may give.
    pub fn optional(name: impl Into<Arc<str>>, ty: Type) -> Self {
        Self {
            required: false,
            ..Self::required(name, ty)
        }
    }

    /// The description, in Markdown, that `terraform providers schema` shows.
    #[must_use]
    pub fn description(mut self, text: impl Into<Text>) -> Self {
        self.description = text.into();
        self
    }
}

impl IdentitySchema {
    /// An identity without attributes, version 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The version that identities are stored with.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// Adds an attribute to the identity.
    #[must_use]
    pub fn attribute(mut self, attribute: IdentityAttribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Allows an update to change the identity of an object.
    #[must_use]
    pub fn mutable(mut self) -> Self {
        self.mutable = true;
        self
    }

    /// The type of its values.
    pub fn ty(&self) -> &Type {
        self.ty.get_or_init(|| {
            Type::object(
                self.attributes
                    .iter()
                    .map(|one| (Arc::clone(&one.name), one.ty.clone())),
            )
        })
    }

    /// Gives a value the form of this identity.
    ///
    /// # Errors
    /// When a part has the wrong type.
    pub fn conform(&self, value: Value) -> Result<Value, Misfit> {
        crate::value::conform(self.ty(), value, Fit::Exact)
    }

    pub(crate) fn problems(&self, name: &str) -> Vec<String> {
        let plain = |ty: &Type| match ty {
            Type::String | Type::Number | Type::Bool => true,
            Type::List(inner) => matches!(**inner, Type::String | Type::Number | Type::Bool),
            _ => false,
        };
        let mut problems = Vec::new();
        if self.attributes.is_empty() {
            problems.push(format!("identity of {name}: has no attributes"));
        }
        for one in self.attributes.iter().filter(|one| !plain(&one.ty)) {
            problems.push(format!(
                "identity of {name}: `{}` must be a string, number, bool or a list of them",
                one.name
            ));
        }
        problems
    }
}

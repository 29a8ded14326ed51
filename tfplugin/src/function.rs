//! Functions that a provider adds to the language.

use std::sync::Arc;

use async_trait::async_trait;

use crate::Context;
use crate::schema::Text;
use crate::value::{Type, Value};

/// A pure function: equal arguments, equal result. It is called without the provider being configured.
#[async_trait]
pub trait Function: Send + Sync + 'static {
    /// Its parameters and result; asked once.
    fn signature(&self) -> Signature;

    /// Computes the result. Arguments of a variadic parameter follow the others.
    async fn call(&self, cx: &Context, arguments: Vec<Value>) -> Result<Value, FunctionError>;
}

/// What a function takes and gives.
#[derive(Debug, Clone)]
pub struct Signature {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) variadic: Option<Parameter>,
    pub(crate) returns: Type,
    pub(crate) summary: Text,
    pub(crate) description: Text,
    pub(crate) deprecation: Option<Text>,
}

impl Signature {
    /// A function without parameters that gives a value of this type.
    pub fn returning(returns: Type) -> Self {
        let (summary, description) = (Text::Borrowed(""), Text::Borrowed(""));
        Self {
            parameters: Vec::new(),
            variadic: None,
            returns,
            summary,
            description,
            deprecation: None,
        }
    }

    /// Appends a positional parameter.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Takes any number of further arguments.
    #[must_use]
    pub fn variadic(mut self, parameter: Parameter) -> Self {
        self.variadic = Some(parameter);
        self
    }

    /// What it does, in a line.
    #[must_use]
    pub fn summary(mut self, text: impl Into<Text>) -> Self {
        self.summary = text.into();
        self
    }

    /// What it does, in Markdown.
    #[must_use]
    pub fn description(mut self, text: impl Into<Text>) -> Self {
        self.description = text.into();
        self
    }

    /// Warns those who use it.
    #[must_use]
    pub fn deprecated(mut self, text: impl Into<Text>) -> Self {
        self.deprecation = Some(text.into());
        self
    }

    pub(crate) fn parameter_at(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }

    pub(crate) fn problems(&self, name: &str) -> Vec<String> {
        let identifier = |name: &str| {
            name.bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_'))
                && !name.starts_with(|first: char| first.is_ascii_digit())
                && !name.is_empty()
        };
        let mut problems = Vec::new();
        if !identifier(name) {
            problems.push(format!("function {name}: not a name"));
        }
        let mut seen: Vec<&str> = Vec::new();
        for parameter in self.parameters.iter().chain(&self.variadic) {
            if !identifier(&parameter.name) || seen.contains(&&*parameter.name) {
                problems.push(format!(
                    "function {name}: parameter `{}` needs a name of its own",
                    parameter.name
                ));
            }
            seen.push(&parameter.name);
        }
        problems
    }
}

/// One parameter of a function.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub(crate) name: Arc<str>,
    pub(crate) ty: Type,
    pub(crate) allow_null: bool,
    pub(crate) allow_unknown: bool,
    pub(crate) description: Text,
}

impl Parameter {
    /// A parameter. Null is refused by Terraform; with an unknown argument the function is not called.
    pub fn new(name: impl Into<Arc<str>>, ty: Type) -> Self {
        let description = Text::Borrowed("");
        Self {
            name: name.into(),
            ty,
            allow_null: false,
            allow_unknown: false,
            description,
        }
    }

    /// Null is an argument like any other.
    #[must_use]
    pub fn allow_null(mut self) -> Self {
        self.allow_null = true;
        self
    }

    /// The function wants to be called with unknown arguments too.
    #[must_use]
    pub fn allow_unknown(mut self) -> Self {
        self.allow_unknown = true;
        self
    }

    /// The description, in Markdown, that editors and the registry show.
    #[must_use]
    pub fn description(mut self, text: impl Into<Text>) -> Self {
        self.description = text.into();
        self
    }
}

/// Why a call failed; Terraform points at the argument where one is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FunctionError {
    pub(crate) text: String,
    pub(crate) argument: Option<i64>,
}

impl FunctionError {
    /// The call as a whole failed.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            argument: None,
        }
    }

    /// An argument is wrong; they count from zero.
    pub fn argument(index: usize, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            argument: i64::try_from(index).ok(),
        }
    }
}

//! What a provider, a resource or a data source looks like to Terraform.

mod attribute;
mod block;
mod check;
mod identity;
mod shape;

use std::borrow::Cow;
use std::sync::OnceLock;

pub use attribute::{Attribute, AttributeType, Nesting};
pub use block::{Block, BlockNesting, NestedBlock};
pub use identity::{IdentityAttribute, IdentitySchema};
pub(crate) use shape::{conform_block, empty_block};

use crate::Path;
use crate::path::PathStep;
use crate::value::{Fit, Misfit, Type, Value};

/// Text that is either part of the program or made at run time.
pub type Text = Cow<'static, str>;

/// A versioned block.
///
/// ```
/// use tfplugin::schema::{Attribute, NestedBlock, Schema};
/// let schema = Schema::new()
///     .attribute(Attribute::string("name").required().requires_replace())
///     .attribute(Attribute::string("id").computed().use_state_for_unknown())
///     .block(NestedBlock::list("spec").max_items(1).attribute(Attribute::number("port").required()));
/// assert_eq!(schema.problems("mesh_thing"), Vec::<String>::new());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Schema {
    version: i64,
    block: Block,
    ty: OnceLock<Type>,
}

impl Schema {
    /// A schema without attributes, version 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The version that states are stored with.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// What the block is for, in Markdown.
    #[must_use]
    pub fn description(mut self, text: impl Into<Text>) -> Self {
        self.block = self.block.description(text);
        self
    }

    /// Tells users to stop using it, and what to use instead.
    #[must_use]
    pub fn deprecated(mut self, text: impl Into<Text>) -> Self {
        self.block = self.block.deprecated(text);
        self
    }

    /// Adds an attribute to the outermost block.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.block = self.block.attribute(attribute);
        self.ty = OnceLock::new();
        self
    }

    /// Adds a nested block to the outermost block.
    #[must_use]
    pub fn block(mut self, block: NestedBlock) -> Self {
        self.block = self.block.block(block);
        self.ty = OnceLock::new();
        self
    }

    /// The version that states are stored with.
    pub fn current_version(&self) -> i64 {
        self.version
    }

    /// The block that stands for the resource itself.
    pub fn root(&self) -> &Block {
        &self.block
    }

    /// The type of its values.
    pub fn ty(&self) -> &Type {
        self.ty.get_or_init(|| self.block.implied_type())
    }

    /// The attribute at a place, if an attribute is there (and not a block or a part of a plain value).
    pub fn attribute_at(&self, path: &Path) -> Option<&Attribute> {
        let mut block = Some(&self.block);
        let mut attributes = &self.block.attributes[..];
        let mut found: Option<&Attribute> = None;
        for step in path.steps() {
            match step {
                PathStep::Attribute(name) => {
                    let attribute = attributes.iter().find(|attribute| attribute.name == *name);
                    let inner = block.and_then(|block| block.blocks.iter().find(|b| b.name == *name));
                    match (attribute, inner) {
                        (Some(attribute), _) => {
                            found = Some(attribute);
                            block = None;
                            attributes = attribute.nested_attributes().map_or(&[], |(_, inner)| inner);
                        }
                        (None, Some(inner)) => {
                            found = None;
                            block = Some(&inner.block);
                            attributes = &inner.block.attributes;
                        }
                        (None, None) => return None,
                    }
                }
                // A part of a plain collection belongs to no attribute of its own.
                _ if found.is_some_and(|attribute| attribute.nested_attributes().is_none()) => return None,
                _ => {}
            }
        }
        found
    }

    /// Gives a value exactly the form that Terraform demands of this schema: what was left out becomes null,
    /// absent collections of blocks become empty, lists become sets where sets are meant.
    ///
    /// # Errors
    /// When a part has the wrong type; the error names the place.
    pub fn conform(&self, value: Value) -> Result<Value, Misfit> {
        conform_block(&self.block, value, Fit::Exact, &mut Path::root())
    }

    /// The same for a tree from a state file: attributes that the schema does not have are dropped.
    ///
    /// # Errors
    /// When a part has the wrong type; the error names the place.
    pub fn conform_stored(&self, value: Value) -> Result<Value, Misfit> {
        conform_block(&self.block, value, Fit::Stored, &mut Path::root())
    }

    /// A value of this schema with nothing in it: attributes null, collections of blocks empty.
    pub fn empty(&self) -> Value {
        shape::empty_block(&self.block)
    }

    /// What Terraform would refuse about this schema, and what would make it misbehave. Empty when it is fine.
    pub fn problems(&self, name: &str) -> Vec<String> {
        check::problems(self, name, check::Role::Resource)
    }

    pub(crate) fn problems_of_provider(&self) -> Vec<String> {
        check::problems(self, "provider", check::Role::Provider)
    }

    pub(crate) fn problems_of_data(&self, name: &str) -> Vec<String> {
        check::problems(self, name, check::Role::DataSource)
    }
}

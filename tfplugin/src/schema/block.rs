//! Blocks and how they nest.

use std::sync::Arc;

use super::{Attribute, Text};
use crate::plan::{self, PlanModifier};
use crate::validate::Validator;
use crate::value::Type;

/// How a nested block may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockNesting {
    /// At most once; absent is null.
    Single,
    /// At most once; absent is an object of nulls.
    Group,
    /// Any number of times, in order.
    List,
    /// Any number of times, without order.
    Set,
    /// Any number of times, each with a label.
    Map,
}

/// The body of a resource or of a nested block: attributes and further blocks, each name once.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<NestedBlock>,
    pub(crate) description: Text,
    pub(crate) deprecation: Option<Text>,
}

/// A block inside a block.
#[derive(Debug, Clone)]
pub struct NestedBlock {
    pub(crate) name: Arc<str>,
    pub(crate) nesting: BlockNesting,
    pub(crate) block: Block,
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) validators: Vec<Arc<dyn Validator>>,
    pub(crate) modifiers: Vec<Arc<dyn PlanModifier>>,
    /// `Some`: the order of the list has no meaning; the names are of attributes that tell its blocks apart.
    pub(crate) order_key: Option<Vec<Arc<str>>>,
}

impl Block {
    /// A block with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it is for, in Markdown.
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

    /// Adds an attribute; its name must be free in this block.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Adds a nested block; its name must be free in this block.
    #[must_use]
    pub fn block(mut self, block: NestedBlock) -> Self {
        self.blocks.push(block);
        self
    }

    /// The attributes in the order in which they were added.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The nested blocks in the order in which they were added.
    pub fn blocks(&self) -> &[NestedBlock] {
        &self.blocks
    }

    pub(crate) fn implied_type(&self) -> Type {
        let attributes = self
            .attributes
            .iter()
            .map(|one| (Arc::clone(&one.name), one.ty()));
        let blocks = self
            .blocks
            .iter()
            .map(|one| (Arc::clone(&one.name), one.implied_type()));
        Type::object(attributes.chain(blocks))
    }
}

impl NestedBlock {
    /// A nested block that may occur as `nesting` says.
    pub fn new(name: impl Into<Arc<str>>, nesting: BlockNesting, block: Block) -> Self {
        let (name, validators, modifiers) = (name.into(), Vec::new(), Vec::new());
        Self {
            name,
            nesting,
            block,
            min: 0,
            max: 0,
            validators,
            modifiers,
            order_key: None,
        }
    }

    /// A block that may occur many times, in order.
    pub fn list(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, BlockNesting::List, Block::new())
    }

    /// A block that may occur many times, without order.
    pub fn set(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, BlockNesting::Set, Block::new())
    }

    /// A block that may occur many times, with a label.
    pub fn map(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, BlockNesting::Map, Block::new())
    }

    /// A block that may occur once.
    pub fn single(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, BlockNesting::Single, Block::new())
    }

    /// A block that may occur once and whose absence is an object of nulls.
    pub fn group(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, BlockNesting::Group, Block::new())
    }

    /// It must occur at least so often. For a single block: 1 makes it required.
    #[must_use]
    pub fn min_items(mut self, min: usize) -> Self {
        self.min = i64::try_from(min).unwrap_or(i64::MAX);
        if self.nesting == BlockNesting::Single {
            self.max = self.min;
        }
        self
    }

    /// It may occur at most so often.
    #[must_use]
    pub fn max_items(mut self, max: usize) -> Self {
        self.max = i64::try_from(max).unwrap_or(i64::MAX);
        self
    }

    /// What it is for, in Markdown.
    #[must_use]
    pub fn description(mut self, text: impl Into<Text>) -> Self {
        self.block = self.block.description(text);
        self
    }

    /// Warns those who use it.
    #[must_use]
    pub fn deprecated(mut self, text: impl Into<Text>) -> Self {
        self.block = self.block.deprecated(text);
        self
    }

    /// Adds an attribute; its name must be free in this block.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.block = self.block.attribute(attribute);
        self
    }

    /// Adds a block inside it.
    #[must_use]
    pub fn block(mut self, block: NestedBlock) -> Self {
        self.block = self.block.block(block);
        self
    }

    /// Checks the configured blocks as one collection.
    #[must_use]
    pub fn validate(mut self, validator: impl Validator + 'static) -> Self {
        self.validators.push(Arc::new(validator));
        self
    }

    /// Takes part in planning the blocks as one collection.
    #[must_use]
    pub fn modify(mut self, modifier: impl PlanModifier + 'static) -> Self {
        self.modifiers.push(Arc::new(modifier));
        self
    }

    /// The order of the blocks of a list has no meaning. While the configuration lists the blocks that are
    /// there already, in whatever order, the plan keeps their order, as far as Terraform allows it: the blocks
    /// that trade places must set the same attributes and hold the same blocks. What is read is put into the
    /// order of the state. Otherwise the order is the configuration's.
    #[must_use]
    pub fn unordered(self) -> Self {
        self.unordered_by::<&str>([])
    }

    /// The same for blocks that a key of some attributes distinguishes: what the provider computed for a block
    /// follows the block to another place, also while other attributes of it change.
    #[must_use]
    pub fn unordered_by<N: Into<Arc<str>>>(mut self, key: impl IntoIterator<Item = N>) -> Self {
        self.order_key = Some(key.into_iter().map(Into::into).collect());
        self
    }

    /// Any change in it makes a new object.
    #[must_use]
    pub fn requires_replace(self) -> Self {
        self.modify(plan::RequiresReplace)
    }

    /// The block's type in HCL, such as `listener`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the block may be repeated, and how repetitions are told apart.
    pub fn nesting(&self) -> BlockNesting {
        self.nesting
    }

    /// The body of one such block.
    pub fn inner(&self) -> &Block {
        &self.block
    }

    /// How often it must and may occur; a maximum of 0 is none.
    pub fn bounds(&self) -> (i64, i64) {
        (self.min, self.max)
    }

    fn implied_type(&self) -> Type {
        let object = self.block.implied_type();
        match self.nesting {
            BlockNesting::Single | BlockNesting::Group => object,
            BlockNesting::List => Type::list(object),
            BlockNesting::Set => Type::set(object),
            BlockNesting::Map => Type::map(object),
        }
    }
}

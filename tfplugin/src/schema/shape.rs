//! Giving values the exact form of a block.

use std::sync::Arc;

use super::{Block, BlockNesting, NestedBlock};
use crate::path::{Path, PathStep};
use crate::value::{Entries, Fit, Misfit, Value, conform_at};

pub(crate) fn conform_block(block: &Block, value: Value, fit: Fit, path: &mut Path) -> Result<Value, Misfit> {
    let mut entries = match value {
        Value::Null => return Ok(Value::Null),
        unknown @ Value::Unknown(_) => return Ok(unknown),
        Value::Object(entries) | Value::Map(entries) => entries,
        other => {
            let problem = format!("an object is required, got {}", other.kind());
            return Err(Misfit {
                path: path.clone(),
                problem,
            });
        }
    };
    let mut out = Entries::new();
    for attribute in &block.attributes {
        let value = entries.remove(&attribute.name).unwrap_or_default();
        path.push(PathStep::Attribute(Arc::clone(&attribute.name)));
        let value = match (&attribute.kind, value) {
            (_, Value::Null) => Value::Null,
            (super::AttributeType::Plain(ty), value) => conform_at(ty, value, fit, path)?,
            (super::AttributeType::Nested(..), value) => conform_at(&attribute.ty(), value, fit, path)?,
        };
        path.pop();
        out.insert(Arc::clone(&attribute.name), value);
    }
    for nested in &block.blocks {
        let value = entries.remove(&nested.name).unwrap_or_default();
        path.push(PathStep::Attribute(Arc::clone(&nested.name)));
        let value = conform_nested(nested, value, fit, path)?;
        path.pop();
        out.insert(Arc::clone(&nested.name), value);
    }
    if let (Fit::Exact, Some((name, _))) = (fit, entries.first_key_value()) {
        return Err(Misfit {
            path: path.attr(Arc::clone(name)),
            problem: "unsupported attribute".into(),
        });
    }
    Ok(Value::Object(out))
}

fn conform_nested(nested: &NestedBlock, value: Value, fit: Fit, path: &mut Path) -> Result<Value, Misfit> {
    let block = &nested.block;
    let mut each = |items: Vec<Value>, step: fn(usize) -> PathStep| -> Result<Vec<Value>, Misfit> {
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            path.push(step(index));
            out.push(conform_block(block, item, fit, path)?);
            path.pop();
        }
        Ok(out)
    };
    match (nested.nesting, value) {
        (_, unknown @ Value::Unknown(_)) => Ok(unknown),
        (BlockNesting::Single, value) => conform_block(block, value, fit, path),
        (BlockNesting::Group, Value::Null) => Ok(empty_block(block)),
        (BlockNesting::Group, value) => conform_block(block, value, fit, path),
        (BlockNesting::List, Value::Null) => Ok(Value::List(Vec::new())),
        (BlockNesting::Set, Value::Null) => Ok(Value::Set(Vec::new())),
        (BlockNesting::Map, Value::Null) => Ok(Value::Map(Entries::new())),
        (BlockNesting::List, Value::List(items) | Value::Set(items)) => {
            Ok(Value::List(each(items, PathStep::Index)?))
        }
        (BlockNesting::Set, Value::List(items) | Value::Set(items)) => {
            Ok(Value::set(each(items, PathStep::Element)?))
        }
        (BlockNesting::Map, Value::Map(entries) | Value::Object(entries)) => {
            let mut out = Entries::new();
            for (key, value) in entries {
                path.push(PathStep::Key(Arc::clone(&key)));
                out.insert(key, conform_block(block, value, fit, path)?);
                path.pop();
            }
            Ok(Value::Map(out))
        }
        (_, other) => {
            let problem = format!("blocks are required, got {}", other.kind());
            Err(Misfit {
                path: path.clone(),
                problem,
            })
        }
    }
}

/// A block with nothing in it.
pub(crate) fn empty_block(block: &Block) -> Value {
    let attributes = block
        .attributes
        .iter()
        .map(|one| (Arc::clone(&one.name), Value::Null));
    let blocks = block.blocks.iter().map(|one| {
        let value = match one.nesting {
            BlockNesting::Single => Value::Null,
            BlockNesting::Group => empty_block(&one.block),
            BlockNesting::List => Value::List(Vec::new()),
            BlockNesting::Set => Value::Set(Vec::new()),
            BlockNesting::Map => Value::Map(Entries::new()),
        };
        (Arc::clone(&one.name), value)
    });
    Value::Object(attributes.chain(blocks).collect())
}

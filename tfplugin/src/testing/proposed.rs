//! What Terraform proposes as the new state before it asks the provider.

use std::sync::Arc;

use crate::schema::{Attribute, Block, BlockNesting, Nesting, Schema};
use crate::value::{Entries, Value};

/// The configuration with what the provider computed before: Terraform's proposal for a plan.
pub fn proposed(schema: &Schema, prior: &Value, config: &Value) -> Value {
    if config.is_null() {
        return Value::Null;
    }
    block(schema.root(), prior, config)
}

fn block(block_schema: &Block, prior: &Value, config: &Value) -> Value {
    if config.is_null() || config.is_unknown() {
        return config.clone();
    }
    let mut out = attributes(&block_schema.attributes, prior, config);
    for nested in &block_schema.blocks {
        let (old, new) = (prior.get(nested.name()), config.get(nested.name()));
        let inner = |old: &Value, new: &Value| block(&nested.block, old, new);
        let nesting = match nested.nesting {
            BlockNesting::Single | BlockNesting::Group => Nesting::Single,
            BlockNesting::List => Nesting::List,
            BlockNesting::Set => Nesting::Set,
            BlockNesting::Map => Nesting::Map,
        };
        out.insert(Arc::clone(&nested.name), each(nesting, old, new, &inner));
    }
    Value::Object(out)
}

fn attributes(all: &[Attribute], prior: &Value, config: &Value) -> Entries {
    let mut out = Entries::new();
    for one in all {
        let (old, new) = (prior.get(one.name()), config.get(one.name()));
        let value = match (new.is_null(), one.nested_attributes()) {
            (true, _) if one.is_computed() => old.clone(),
            (true, _) => Value::Null,
            (false, Some((nesting, inner))) => each(nesting, old, new, &|old, new| match new {
                Value::Null | Value::Unknown(_) => new.clone(),
                new => Value::Object(attributes(inner, old, new)),
            }),
            (false, None) => new.clone(),
        };
        out.insert(Arc::clone(&one.name), value);
    }
    out
}

fn each(nesting: Nesting, old: &Value, new: &Value, inner: &dyn Fn(&Value, &Value) -> Value) -> Value {
    match (nesting, new) {
        (_, Value::Null | Value::Unknown(_)) => new.clone(),
        (Nesting::Single, new) => inner(old, new),
        (Nesting::List, new) => Value::List(
            new.items()
                .iter()
                .enumerate()
                .map(|(index, item)| inner(old.items().get(index).unwrap_or(&Value::Null), item))
                .collect(),
        ),
        (Nesting::Map, new) => Value::Map(
            new.entries()
                .into_iter()
                .flatten()
                .map(|(key, item)| (Arc::clone(key), inner(old.get(key), item)))
                .collect(),
        ),
        (Nesting::Set, new) => Value::set(new.items().iter().map(|item| {
            // An old element stands for a new one when proposing from it changes nothing about it.
            let same = old.items().iter().find(|old| inner(old, item) == **old);
            inner(same.unwrap_or(&Value::Null), item)
        })),
    }
}

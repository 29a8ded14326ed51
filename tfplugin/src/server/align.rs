//! Lists of blocks whose order has no meaning.

use std::sync::Arc;

use crate::path::{Path, PathStep};
use crate::schema::{Block, BlockNesting, NestedBlock};
use crate::value::Value;

/// For each configured block the prior block that it continues: first those that say exactly the same, then,
/// where the blocks have a key, those with equal keys.
pub(crate) fn partners(
    block: &Block,
    key: &[Arc<str>],
    config: &[Value],
    prior: &[Value],
) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; prior.len()];
    let mut found: Vec<Option<usize>> = vec![None; config.len()];
    let mut pass = |found: &mut Vec<Option<usize>>, fits: &dyn Fn(&Value, &Value) -> bool| {
        for (one, slot) in config
            .iter()
            .zip(found.iter_mut())
            .filter(|(_, slot)| slot.is_none())
        {
            let partner = prior
                .iter()
                .zip(&free)
                .position(|(old, free)| *free && fits(one, old));
            if let Some(flag) = partner.and_then(|index| free.get_mut(index)) {
                *flag = false;
            }
            *slot = partner;
        }
    };
    pass(&mut found, &|one, old| says_same(block, one, old));
    if !key.is_empty() {
        pass(&mut found, &|one, old| {
            key.iter().all(|name| one.get(name) == old.get(name))
        });
    }
    found
}

/// Whether a configured block says what a prior block already is; what only the provider sets does not count.
fn says_same(block: &Block, config: &Value, prior: &Value) -> bool {
    block
        .attributes
        .iter()
        .filter(|one| !one.is_write_only())
        .all(|one| {
            let (new, old) = (config.get(one.name()), prior.get(one.name()));
            // Where nothing is configured, the default is; what has none is the provider's.
            let left_out = new.is_null() && one.is_computed();
            new == old || (left_out && one.default.as_ref().is_none_or(|default| default == old))
        })
        && block
            .blocks
            .iter()
            .all(|nested| blocks_say_same(nested, config, prior))
}

fn blocks_say_same(nested: &NestedBlock, config: &Value, prior: &Value) -> bool {
    let (new, old) = (config.get(nested.name()), prior.get(nested.name()));
    match nested.nesting {
        BlockNesting::List if nested.order_key.is_some() => {
            new.items().len() == old.items().len()
                && partners(&nested.block, &[], new.items(), old.items())
                    .iter()
                    .all(Option::is_some)
        }
        BlockNesting::List => {
            new.items().len() == old.items().len()
                && new
                    .items()
                    .iter()
                    .zip(old.items())
                    .all(|(new, old)| says_same(&nested.block, new, old))
        }
        BlockNesting::Single | BlockNesting::Group => {
            new.is_null() == old.is_null() && (new.is_null() || says_same(&nested.block, new, old))
        }
        BlockNesting::Set | BlockNesting::Map => new == old,
    }
}

/// Whether the configuration lists the same blocks as the prior state, in whatever order.
pub(crate) fn same_blocks(nested: &NestedBlock, config: &Value, prior: &Value) -> bool {
    let (new, old) = (config.items(), prior.items());
    !config.is_unknown()
        && new.len() == old.len()
        && partners(&nested.block, &[], new, old).iter().all(Option::is_some)
}

/// A place of a planned value as the configuration has it: Terraform shows the block of the configuration with the number that
/// it is told, and blocks that stayed in the state's order have another number there.
pub(crate) fn as_configured(block: &Block, config: &Value, planned: &Value, path: &Path) -> Path {
    let (mut block, mut config, mut planned) = (block, config, planned);
    let mut steps = path.steps().iter();
    let mut there = Path::root();
    while let Some(PathStep::Attribute(name)) = steps.next() {
        there.push(PathStep::Attribute(Arc::clone(name)));
        let Some(nested) = block.blocks.iter().find(|nested| nested.name() == &**name) else {
            break;
        };
        (block, config, planned) = (&nested.block, config.get(name), planned.get(name));
        if nested.nesting == BlockNesting::List {
            let Some(PathStep::Index(index)) = steps.clone().next() else {
                break;
            };
            steps.next();
            let of_config = if nested.order_key.is_some() {
                let partners = partners(block, &[], config.items(), planned.items());
                partners.iter().position(|partner| *partner == Some(*index))
            } else {
                None
            };
            let of_config = of_config.unwrap_or(*index);
            there.push(PathStep::Index(of_config));
            config = config.items().get(of_config).unwrap_or(&Value::Null);
            planned = planned.items().get(*index).unwrap_or(&Value::Null);
        } else if !matches!(nested.nesting, BlockNesting::Single | BlockNesting::Group) {
            break;
        }
    }
    for step in steps {
        there.push(step.clone());
    }
    there
}

/// Puts the blocks of a value that was just read into the order in which an older value has them. Blocks that
/// are new come last. Goes down into blocks within blocks.
pub(crate) fn reorder(block: &Block, old: &Value, new: &mut Value) {
    for nested in &block.blocks {
        let old = old.get(nested.name());
        let Some(value) = new
            .entries_mut()
            .and_then(|entries| entries.get_mut(nested.name()))
        else {
            continue;
        };
        match nested.nesting {
            BlockNesting::Single | BlockNesting::Group => reorder(&nested.block, old, value),
            BlockNesting::List => {
                if let (Some(key), Value::List(items)) = (&nested.order_key, &mut *value) {
                    let order = partners(&nested.block, key, items, old.items());
                    let mut ranked: Vec<(usize, Value)> = order
                        .into_iter()
                        .map(|partner| partner.unwrap_or(usize::MAX))
                        .zip(std::mem::take(items))
                        .collect();
                    ranked.sort_by_key(|(rank, _)| *rank);
                    for (rank, item) in &mut ranked {
                        reorder(
                            &nested.block,
                            old.items().get(*rank).unwrap_or(&Value::Null),
                            item,
                        );
                    }
                    *items = ranked.into_iter().map(|(_, item)| item).collect();
                } else if let Value::List(items) = value {
                    for (index, item) in items.iter_mut().enumerate() {
                        reorder(
                            &nested.block,
                            old.items().get(index).unwrap_or(&Value::Null),
                            item,
                        );
                    }
                }
            }
            BlockNesting::Set | BlockNesting::Map => {}
        }
    }
}

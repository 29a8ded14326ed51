//! Walking a schema with configuration, prior state and plan side by side.

use std::sync::Arc;

use super::align;
use crate::path::{Path, PathStep};
use crate::schema::{Attribute, Block, BlockNesting, NestedBlock, Nesting};
use crate::value::Value;

static NULL: Value = Value::Null;

/// What the walk has come to.
#[derive(Clone, Copy)]
pub(crate) enum Node<'s> {
    Attribute(&'s Attribute),
    Block(&'s NestedBlock),
}

/// One place of the walk.
pub(crate) struct WalkPosition<'a> {
    pub(crate) path: &'a Path,
    pub(crate) node: Node<'a>,
    pub(crate) config: &'a Value,
    /// `None` when the object around it did not exist.
    pub(crate) prior: Option<&'a Value>,
}

/// Called before what is inside; says whether to go inside.
pub(crate) type Visit<'f> = &'f mut dyn FnMut(&WalkPosition<'_>, &mut Value) -> bool;

/// Visits every attribute and collection of blocks of the plan.
pub(crate) fn walk(block: &Block, config: &Value, prior: &Value, planned: &mut Value, visit: Visit<'_>) {
    let prior = (!prior.is_null()).then_some(prior);
    walk_block(block, (config, prior), planned, &mut Path::root(), visit);
}

type Sides<'a> = (&'a Value, Option<&'a Value>);

fn walk_block(block: &Block, sides: Sides<'_>, planned: &mut Value, path: &mut Path, visit: Visit<'_>) {
    walk_attributes(&block.attributes, sides, planned, path, visit);
    for nested in &block.blocks {
        step_into(planned, &nested.name, path, &mut |planned, path| {
            let inside = (
                sides.0.get(&nested.name),
                sides.1.map(|prior| prior.get(&nested.name)),
            );
            let place = WalkPosition {
                path,
                node: Node::Block(nested),
                config: inside.0,
                prior: inside.1,
            };
            if !visit(&place, planned) {
                return;
            }
            let nesting = match nested.nesting {
                BlockNesting::Single | BlockNesting::Group => Nesting::Single,
                BlockNesting::List => Nesting::List,
                BlockNesting::Set => Nesting::Set,
                BlockNesting::Map => Nesting::Map,
            };
            let aligned = nested
                .order_key
                .as_deref()
                .zip(inside.1)
                .map(|(key, prior)| align::partners(&nested.block, key, inside.0.items(), prior.items()));
            let pairing = Pairing {
                nesting,
                partners: aligned.as_deref(),
            };
            each(pairing, inside, planned, path, &mut |sides, planned, path| {
                walk_block(&nested.block, sides, planned, path, visit);
            });
        });
    }
}

fn walk_attributes(
    attributes: &[Attribute],
    sides: Sides<'_>,
    planned: &mut Value,
    path: &mut Path,
    visit: Visit<'_>,
) {
    for attribute in attributes {
        step_into(planned, &attribute.name, path, &mut |planned, path| {
            let (config, prior) = (
                sides.0.get(&attribute.name),
                sides.1.map(|prior| prior.get(&attribute.name)),
            );
            let place = WalkPosition {
                path,
                node: Node::Attribute(attribute),
                config,
                prior,
            };
            if !visit(&place, planned) {
                return;
            }
            if let Some((nesting, inner)) = attribute.nested_attributes() {
                let inside = (config, prior.filter(|prior| !prior.is_null()));
                let pairing = Pairing {
                    nesting,
                    partners: None,
                };
                each(pairing, inside, planned, path, &mut |sides, planned, path| {
                    walk_attributes(inner, sides, planned, path, visit);
                });
            }
        });
    }
}

fn step_into(
    planned: &mut Value,
    name: &Arc<str>,
    path: &mut Path,
    go: &mut dyn FnMut(&mut Value, &mut Path),
) {
    if let Some(inner) = planned.entries_mut().and_then(|entries| entries.get_mut(name)) {
        path.push(PathStep::Attribute(Arc::clone(name)));
        go(inner, path);
        path.pop();
    }
}

/// How the objects of a collection find their counterparts. Partners are places in the prior state.
struct Pairing<'p> {
    nesting: Nesting,
    partners: Option<&'p [Option<usize>]>,
}

type Go<'f> = &'f mut dyn FnMut(Sides<'_>, &mut Value, &mut Path);

/// Pairs the objects of a plan with those of the configuration and of the prior state.
fn each(
    Pairing { nesting, partners }: Pairing<'_>,
    sides: Sides<'_>,
    planned: &mut Value,
    path: &mut Path,
    go: Go<'_>,
) {
    let (config, prior) = sides;
    // A parent that is null or unknown in the configuration has children that are too.
    let outside: &Value = if config.is_unknown() { config } else { &NULL };
    let exists = |value: Option<&'_ Value>| value.is_some_and(|value| !value.is_null());
    match (nesting, planned) {
        (Nesting::Single, planned @ Value::Object(_)) => {
            let prior = prior.filter(|prior| exists(Some(prior)));
            go((config, prior), planned, path);
        }
        (Nesting::List, Value::List(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                let old = match partners {
                    Some(partners) => partners.get(index).copied().flatten(),
                    None => Some(index),
                };
                let old = prior.zip(old).and_then(|(prior, old)| prior.items().get(old));
                path.push(PathStep::Index(index));
                go((config.items().get(index).unwrap_or(outside), old), item, path);
                path.pop();
            }
        }
        (Nesting::Set, Value::Set(items)) => {
            let configs: Vec<&Value> = items
                .iter()
                .map(|item| config.items().iter().find(|one| could_be(one, item)))
                .map(|found| found.unwrap_or(outside))
                .collect();
            let before = prior.map(Value::items).unwrap_or_default();
            let olds = unchanged_elements(items, &configs, before);
            for (index, (item, (config, old))) in
                items.iter_mut().zip(configs.into_iter().zip(olds)).enumerate()
            {
                path.push(PathStep::Element(index));
                go((config, old), item, path);
                path.pop();
            }
        }
        (Nesting::Map, Value::Map(entries)) => {
            for (key, item) in entries.iter_mut() {
                let config = config.entries().and_then(|all| all.get(key)).unwrap_or(outside);
                let old = prior
                    .and_then(|prior| prior.entries())
                    .and_then(|all| all.get(key));
                path.push(PathStep::Key(Arc::clone(key)));
                go((config, old), item, path);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Whether a configured object can have become this planned one: what it sets is there.
fn could_be(config: &Value, planned: &Value) -> bool {
    match (config.plain(), planned.plain()) {
        (Value::Null, _) => true,
        (Value::Object(config), Value::Object(planned)) => config
            .iter()
            .all(|(name, value)| planned.get(name).is_some_and(|planned| could_be(value, planned))),
        (Value::List(config), Value::List(planned)) => {
            config.len() == planned.len() && config.iter().zip(planned).all(|(c, p)| could_be(c, p))
        }
        (config, planned) => config == planned,
    }
}

/// What the elements of a set were. They have no identity over time, unless nothing about them changed, and then only
/// where it is beyond doubt which was which.
fn unchanged_elements<'p>(items: &[Value], configs: &[&Value], prior: &'p [Value]) -> Vec<Option<&'p Value>> {
    let only = |item: &Value, config: &Value| {
        let mut all = (0..prior.len()).filter(|at| prior.get(*at).is_some_and(|old| was(old, item, config)));
        all.next().filter(|_| all.next().is_none())
    };
    let places: Vec<Option<usize>> = items
        .iter()
        .zip(configs)
        .map(|(item, config)| only(item, config))
        .collect();
    let mut taken = vec![0_usize; prior.len()];
    for place in places.iter().flatten() {
        if let Some(count) = taken.get_mut(*place) {
            *count += 1;
        }
    }
    let alone = |place: &usize| taken.get(*place) == Some(&1);
    places
        .into_iter()
        .map(|place| place.filter(alone).and_then(|place| prior.get(place)))
        .collect()
}

/// Whether this planned element is what was there: all that is not left to the provider is the same. What the
/// configuration itself does not know yet may become anything.
fn was(old: &Value, planned: &Value, config: &Value) -> bool {
    match (old, planned) {
        (_, Value::Unknown(_)) => !config.is_unknown(),
        (Value::Object(old), Value::Object(planned)) | (Value::Map(old), Value::Map(planned)) => {
            old.len() == planned.len()
                && planned
                    .iter()
                    .all(|(name, value)| old.get(name).is_some_and(|old| was(old, value, config.get(name))))
        }
        (Value::List(old), Value::List(planned)) => {
            let configs = config.items().iter().chain(std::iter::repeat(&NULL));
            old.len() == planned.len()
                && old
                    .iter()
                    .zip(planned)
                    .zip(configs)
                    .all(|((o, p), c)| was(o, p, c))
        }
        (old, planned) => old == planned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fish(kind: Value, count: Value, label: Value) -> Value {
        Value::object([("kind", kind), ("count", count), ("label", label)])
    }

    /// The labels of what the elements were, each given as it is configured and as it is planned.
    fn labels<const N: usize>(elements: [(&Value, &Value); N], prior: &[Value]) -> Vec<Option<String>> {
        let configs = elements.map(|(config, _)| config);
        let planned = elements.map(|(_, planned)| planned.clone());
        unchanged_elements(&planned, &configs, prior)
            .into_iter()
            .map(|old| old.and_then(|old| old.str("label")).map(str::to_owned))
            .collect()
    }

    #[test]
    fn an_element_of_a_set_is_what_it_was_only_where_that_is_beyond_doubt() {
        let (null, open) = (|| Value::Null, || Value::UNKNOWN);
        let carps = |count: Value| {
            let planned = if count.is_null() { open() } else { count.clone() };
            (
                fish("carp".into(), count, null()),
                fish("carp".into(), planned, open()),
            )
        };
        let old = |count: i64, label: &str| fish("carp".into(), count.into(), label.into());
        let prior = [old(1, "a"), old(2, "b")];
        let (one, planned_one) = carps(1.into());
        let (three, planned_three) = carps(3.into());
        let (any, planned_any) = carps(null());
        let (open, planned_open) = (fish(open(), 1.into(), null()), fish(open(), 1.into(), open()));
        let a = Some("a".to_owned());
        assert_eq!(labels([(&one, &planned_one)], &prior), [a]);
        assert_eq!(labels([(&three, &planned_three)], &prior), [None], "it changed");
        assert_eq!(
            labels([(&any, &planned_any)], &prior),
            [None],
            "it could be either"
        );
        assert_eq!(
            labels([(&one, &planned_one), (&any, &planned_any)], &prior[..1]),
            [None, None],
            "both could be the one"
        );
        assert_eq!(
            labels([(&open, &planned_open)], &prior),
            [None],
            "the configuration may come to another one"
        );
    }
}

//! A record in the order in which somebody wrote it.

use super::{at, canonical, compare, sequence};
use crate::kind::Kind;
use crate::schema::{self, ListShape, SchemaNode, Shape};
use crate::value::{Field, Node, Object, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

/// `node`, whose lists without meaningful order take the order of `prior`, and whose absent lists are empty where
/// they are empty in `prior`. Both are in canonical names. Elements are matched by their key (`x-key`); those
/// that `prior` lacks follow in their own order.
pub fn align(kind: Kind, node: &Node, prior: &Node) -> Node {
    aligned(schema::kind(kind).root, node, prior)
}

fn aligned(schema: &SchemaNode, node: &Node, prior: &Node) -> Node {
    let value = match (&schema.shape, &node.value, &prior.value) {
        (Shape::Object(shape) | Shape::Union(shape), Value::Object(object), Value::Object(prior)) => {
            let mut out: Object = Object::new();
            for given in object {
                let node = match (shape.field(&given.name), prior.get(&given.name)) {
                    (Some(field), Some(prior)) => aligned(field.node, &given.node, prior),
                    _ => given.node.clone(),
                };
                out.push(Field {
                    name: given.name.clone(),
                    name_span: given.name_span,
                    node,
                });
            }
            for was in prior.iter().filter(|was| was.node.as_list() == Some(&[])) {
                if shape.field(&was.name).is_some() && object.get(&was.name).is_none() {
                    out.push(was.clone());
                }
            }
            Value::Object(out)
        }
        (Shape::List(shape), Value::List(nodes), Value::List(prior)) if shape.unordered => {
            Value::List(unordered(shape, nodes, prior))
        }
        (Shape::List(shape), Value::List(nodes), Value::List(prior)) => Value::List(
            nodes
                .iter()
                .enumerate()
                .map(|(index, node)| match prior.get(index) {
                    Some(prior) => aligned(shape.items, node, prior),
                    None => node.clone(),
                })
                .collect(),
        ),
        _ => return node.clone(),
    };
    Node {
        value,
        span: node.span,
    }
}

fn unordered(shape: &ListShape, nodes: &[Node], prior: &[Node]) -> Vec<Node> {
    let plain: Vec<Node> = nodes.iter().map(|node| canonical(shape.items, node)).collect();
    let was: Vec<Node> = prior.iter().map(|node| canonical(shape.items, node)).collect();
    let mut free = vec![true; nodes.len()];
    // Elements that are wholly equal find each other before those that only share the key.
    let mut matched = pair(was.iter().map(Some), &plain, |node| vec![Some(node)], &mut free);
    if !shape.key.is_empty() {
        let left = was
            .iter()
            .zip(&matched)
            .map(|(was, found)| found.is_none().then_some(was));
        let key = |node| shape.key.iter().map(|path| at(node, path)).collect();
        let by_key = pair(left, &plain, key, &mut free);
        for (slot, found) in matched.iter_mut().zip(by_key) {
            *slot = slot.or(found);
        }
    }
    let mut out = Vec::with_capacity(nodes.len());
    for (was, index) in prior.iter().zip(matched) {
        if let Some(node) = index.and_then(|index| nodes.get(index)) {
            out.push(aligned(shape.items, node, was));
        }
    }
    let rest = nodes.iter().zip(free).filter(|(_, free)| *free);
    out.extend(rest.map(|(node, _)| node.clone()));
    out
}

/// For each of `prior` the position of the first free node with the same parts; takes it.
fn pair<'n>(
    prior: impl Iterator<Item = Option<&'n Node>>,
    nodes: &'n [Node],
    parts: impl Fn(&'n Node) -> Vec<Option<&'n Node>>,
    free: &mut [bool],
) -> Vec<Option<usize>> {
    let mut places: BTreeMap<Parts<'n>, VecDeque<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        if free.get(index) == Some(&true) {
            places.entry(Parts(parts(node))).or_default().push_back(index);
        }
    }
    prior
        .map(|was| {
            let index = places.get_mut(&Parts(parts(was?)))?.pop_front()?;
            if let Some(free) = free.get_mut(index) {
                *free = false;
            }
            Some(index)
        })
        .collect()
}

/// Parts of a node, ordered without regard to places.
struct Parts<'n>(Vec<Option<&'n Node>>);

impl Ord for Parts<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        sequence(self.0.iter(), other.0.iter(), |a, b| match (a, b) {
            (Some(a), Some(b)) => compare(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
    }
}

impl PartialOrd for Parts<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Parts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Parts<'_> {}

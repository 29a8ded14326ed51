//! Where a mesh keeps its resources: a table for each kind. Children have an order among their siblings.

#[rustfmt::skip]
mod generated;

pub(super) use generated::Tables;

use super::order::{RouteRank, gateway_route_rank, route_rank};
use crate::key::ResourceKey;
use crate::resource::Resource;
use crate::spec::{GatewayRouteSpec, RouteSpec, Spec};
use std::collections::{BTreeMap, BTreeSet};

pub(super) type ByName<S> = BTreeMap<String, Resource<S>>;

/// A kind whose resources lie in another and have an order there.
pub(super) trait Sibling {
    /// The place among the siblings; the name decides between equals.
    type Rank: Ord;

    fn rank(&self) -> Self::Rank;
}

impl Sibling for RouteSpec {
    type Rank = RouteRank;

    fn rank(&self) -> RouteRank {
        route_rank(self)
    }
}

impl Sibling for GatewayRouteSpec {
    type Rank = RouteRank;

    fn rank(&self) -> RouteRank {
        gateway_route_rank(self)
    }
}

/// Children by the name of what they lie in, each list in the order of siblings. A list without children is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Children<S>(BTreeMap<String, Vec<Resource<S>>>);

impl<S> Default for Children<S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<S> Children<S> {
    pub(super) fn of(&self, parent: &str) -> &[Resource<S>] {
        self.0.get(parent).map_or(&[], Vec::as_slice)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Resource<S>> {
        self.0.values().flatten()
    }

    fn get(&self, key: &ResourceKey) -> Option<&Resource<S>> {
        self.of(parent(key)).iter().find(|child| child.key == *key)
    }

    fn take(&mut self, key: &ResourceKey) -> Option<Resource<S>> {
        let list = self.0.get_mut(parent(key))?;
        let at = list.iter().position(|child| child.key == *key)?;
        let child = list.remove(at);
        if list.is_empty() {
            self.0.remove(parent(key));
        }
        Some(child)
    }

    fn list(&mut self, key: &ResourceKey) -> &mut Vec<Resource<S>> {
        self.0.entry(parent(key).to_owned()).or_default()
    }

    fn add(&mut self, child: Resource<S>) {
        self.list(&child.key).push(child);
    }
}

impl<S: Sibling> Children<S> {
    fn sort(&mut self) {
        for list in self.0.values_mut() {
            list.sort_by_cached_key(place);
        }
    }

    fn insert(&mut self, child: Resource<S>) {
        let list = self.list(&child.key);
        let own = place(&child);
        let at = list.partition_point(|other| place(other) < own);
        list.insert(at, child);
    }
}

fn place<S: Sibling>(child: &Resource<S>) -> (S::Rank, String) {
    (child.spec.rank(), child.key.name.clone())
}

fn parent(key: &ResourceKey) -> &str {
    key.parent.as_deref().unwrap_or_default()
}

/// Adds the keys of what only one of two tables has, or of which they say different things.
fn compare<'r, S: PartialEq + 'r>(
    one: impl Iterator<Item = &'r Resource<S>>,
    other: impl Iterator<Item = &'r Resource<S>>,
    keys: &mut BTreeSet<ResourceKey>,
) {
    let mut left: BTreeMap<&ResourceKey, &Resource<S>> =
        one.map(|resource| (&resource.key, resource)).collect();
    for resource in other {
        let same = left.remove(&resource.key);
        if !same.is_some_and(|same| same.says_the_same(resource)) {
            keys.insert(resource.key.clone());
        }
    }
    keys.extend(left.into_keys().cloned());
}

/// With a spec that may be of any kind.
fn wrapped<S>(resource: Resource<S>, spec: impl FnOnce(S) -> Spec) -> Resource {
    let (own, bare) = resource.apart();
    bare.with_spec(spec(own))
}

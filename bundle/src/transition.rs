//! From one set of resources to the next without a failed request.
//!
//! Envoy reads the files of a swapped release in no promised order: a route may arrive before the cluster that it
//! needs, a cluster may go before the last route that uses it, and requests in between get 503. (Over one ADS stream
//! a control plane orders updates; files cannot.) So a change that adds or takes away clusters goes through sets in
//! between: first every cluster of both, then the new routes, then without the old clusters.

use crate::layout::types;
use crate::resource::Resource;
use std::collections::{BTreeMap, BTreeSet};

/// The sets from `old`, which is followed now, to `new`, which is the last of them. One where no cluster comes or goes,
/// or where nothing is followed yet. The next must not come before Envoy has taken one in and its new clusters are warm
/// (`cluster_manager.warming_clusters` is 0); without a look at Envoy, a second apart is ample for what resolves.
pub fn transition(old: &[Resource], new: &[Resource]) -> Vec<Vec<Resource>> {
    let last = new.to_vec();
    let (before, after) = (clusters(old), clusters(new));
    let comes = !after.is_subset(&before);
    let goes = !before.is_subset(&after);
    if old.is_empty() || (!comes && !goes) {
        return vec![last];
    }
    let mut sets = Vec::new();
    if comes {
        // The old listeners and routes, with what belongs to the clusters of both.
        sets.push(between(old, old, new));
    }
    if goes {
        // The new ones, with the same.
        sets.push(between(new, old, new));
    }
    sets.push(last);
    sets
}

/// What the proxy of a node or gateway that is gone follows before it follows nothing: no listeners, so that what it
/// still serves drains through its clusters.
pub fn without_listeners(old: &[Resource]) -> Vec<Resource> {
    let stays = |resource: &&Resource| resource.type_url != types::LISTENER;
    old.iter().filter(stays).cloned().collect()
}

/// Listeners and routes of one set, with the clusters of both and what belongs to them; the newer where both have one.
fn between(side: &[Resource], old: &[Resource], new: &[Resource]) -> Vec<Resource> {
    let mut set: Vec<Resource> = side.iter().filter(|one| !is_cluster_side(one)).cloned().collect();
    let mut both: BTreeMap<(&str, &str), &Resource> = BTreeMap::new();
    for one in old.iter().chain(new).filter(|one| is_cluster_side(one)) {
        both.insert((&one.type_url, &one.name), one);
    }
    set.extend(both.into_values().cloned());
    set
}

/// Endpoints and secrets belong to clusters; listeners and routes use them.
fn is_cluster_side(resource: &Resource) -> bool {
    [types::CLUSTER, types::ENDPOINTS, types::SECRET].contains(&resource.type_url.as_str())
}

fn clusters(set: &[Resource]) -> BTreeSet<&str> {
    let clusters = set.iter().filter(|one| one.type_url == types::CLUSTER);
    clusters.map(|one| one.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;

    fn one(type_url: &str, name: &str, file: &str, tag: &str) -> Resource {
        let body = serde_json::json!({"name": name, "tag": tag}).to_string();
        Resource::new(type_url, name, file, Body::parse(&body).unwrap())
    }

    fn set(clusters: &[&str], tag: &str) -> Vec<Resource> {
        let mut set = vec![
            one(types::LISTENER, "l", "lds.json", tag),
            one(types::ROUTES, "r", "rds/r.json", tag),
        ];
        for name in clusters {
            set.push(one(types::CLUSTER, name, "cds.json", tag));
            set.push(one(types::ENDPOINTS, name, &format!("eds/{name}.json"), tag));
        }
        set
    }

    /// Of each set: its clusters, the tag of its routes, and those of its endpoints.
    fn seen(sets: &[Vec<Resource>]) -> Vec<String> {
        let tag = |one: &Resource| one.body.as_str().rsplit('"').nth(1).unwrap().to_owned();
        sets.iter()
            .map(|set| {
                let clusters: Vec<&str> = super::clusters(set).into_iter().collect();
                let of = |type_url: &str| {
                    let tags = set.iter().filter(|one| one.type_url == type_url).map(tag);
                    tags.collect::<Vec<_>>().join(" ")
                };
                format!(
                    "{} | {} | {}",
                    clusters.join(" "),
                    of(types::ROUTES),
                    of(types::ENDPOINTS)
                )
            })
            .collect()
    }

    #[test]
    fn clusters_come_before_routes_and_go_after_them() {
        let old = set(&["a", "b"], "old");
        assert_eq!(
            seen(&transition(&old, &set(&["b", "c"], "new"))),
            [
                "a b c | old | old new new",
                "a b c | new | old new new",
                "b c | new | new new"
            ]
        );
        assert_eq!(
            seen(&transition(&old, &set(&["a", "b", "c"], "new"))),
            ["a b c | old | new new new", "a b c | new | new new new"]
        );
        assert_eq!(
            seen(&transition(&old, &set(&["a"], "new"))),
            ["a b | new | new old", "a | new | new"]
        );
        assert_eq!(transition(&old, &set(&["a", "b"], "new")).len(), 1);
        assert_eq!(transition(&[], &set(&["a"], "new")).len(), 1, "nothing before");
    }

    #[test]
    fn a_proxy_that_goes_lets_go_of_its_listeners_first() {
        let left = without_listeners(&set(&["a"], "old"));
        assert_eq!(seen(std::slice::from_ref(&left)), ["a | old | old"]);
        assert!(left.iter().all(|one| one.type_url != types::LISTENER));
    }
}

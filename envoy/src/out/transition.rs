//! From one release of a proxy to the next without a failed request.
//!
//! Envoy reads the files of a swapped release in no promised order: a route may arrive before the cluster that it
//! needs, a cluster may go before the last route that uses it, and requests in between get 503. (Over one ADS stream
//! a control plane orders updates; files cannot.) So a change that adds or takes away clusters goes through releases
//! in between: first every cluster of both, then the new routes, then without the old clusters.

use crate::files::{Files, sha256};
use crate::text::{Doc, write};
use serde_json::Value;
use std::collections::BTreeMap;

/// A release on the way. The next must not come before Envoy has taken this one in and its new clusters are warm
/// (`cluster_manager.warming_clusters` is 0); without a look at Envoy, a second apart is ample for what resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The hash of its files.
    pub digest: String,
    /// The files, under `xds/`.
    pub files: Files,
}

/// The steps from `old` (the files under `xds/` that are followed now) to a proxy's new ones, the last being those
/// themselves; what is not under `xds/` is left out. One step when no cluster comes or goes, or when the old files
/// cannot be read.
pub fn between(old: &Files, new: &Files) -> Vec<Step> {
    let new_files: Files = new
        .iter()
        .filter(|(path, _)| path.starts_with("xds/"))
        .map(|(path, content)| (path.clone(), content.clone()))
        .collect();
    let last = Step {
        digest: digest(&new_files),
        files: new_files,
    };
    let (Some(before), Some(after)) = (clusters(old), clusters(&last.files)) else {
        return vec![last];
    };
    let comes = after.keys().any(|name| !before.contains_key(name));
    let goes = before.keys().any(|name| !after.contains_key(name));
    if !comes && !goes {
        return vec![last];
    }
    let both = union(&before, &after);
    let mut steps = Vec::new();
    if comes {
        // The old listeners and routes, with what belongs to the clusters of both.
        steps.push(step(&[old], &[old, &last.files], &both));
    }
    if goes {
        // The new ones, with the same.
        steps.push(step(&[&last.files], &[old, &last.files], &both));
    }
    steps.push(last);
    steps
}

/// The releases by which the proxy of a node or gateway that is gone lets go: first no listeners, so that what it still
/// serves drains, then nothing at all. After the last one its files may be taken away.
pub fn farewell(old: &Files) -> Vec<Step> {
    let empty = response(&[]);
    let nothing: Files = [LDS, CDS]
        .into_iter()
        .map(|path| (path.to_owned(), empty.clone().into_bytes()))
        .collect();
    let mut deaf = old.clone();
    deaf.insert(LDS.to_owned(), empty.clone().into_bytes());
    [deaf, nothing]
        .into_iter()
        .map(|files| Step {
            digest: digest(&files),
            files,
        })
        .collect()
}

/// Of the files of a step, names and contents.
fn digest(files: &Files) -> String {
    let mut all = Vec::new();
    for (path, content) in files.iter().filter(|(path, _)| path.starts_with("xds/")) {
        all.extend_from_slice(path.as_bytes());
        all.push(0);
        all.extend_from_slice(sha256(content).as_bytes());
        all.push(b'\n');
    }
    sha256(&all)
}

/// Listeners and routes of the first, endpoints and secrets of the second (later ones win), and these clusters.
fn step(listeners: &[&Files], clusters: &[&Files], cds: &str) -> Step {
    let mut files = Files::new();
    let mut take = |from: &[&Files], cluster_side: bool| {
        for (path, content) in from.iter().copied().flatten() {
            if is_cluster_side(path) == cluster_side {
                files.insert(path.clone(), content.clone());
            }
        }
    };
    take(listeners, false);
    take(clusters, true);
    files.insert(CDS.to_owned(), cds.as_bytes().to_vec());
    Step {
        digest: digest(&files),
        files,
    }
}

const LDS: &str = "xds/lds.json";
const CDS: &str = "xds/cds.json";

/// Endpoints and secrets belong to clusters; listeners and routes use them.
fn is_cluster_side(path: &str) -> bool {
    path.starts_with("xds/eds/") || path.starts_with("xds/sds/")
}

/// The clusters of a release by name.
fn clusters(files: &Files) -> Option<BTreeMap<String, Value>> {
    let mut response: Value = serde_json::from_slice(files.get(CDS)?).ok()?;
    let Value::Array(resources) = response.get_mut("resources")?.take() else {
        return None;
    };
    resources
        .into_iter()
        .map(|cluster| Some((cluster.get("name")?.as_str()?.to_owned(), cluster)))
        .collect()
}

/// The clusters of both, the newer where both have one.
fn union(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> String {
    let mut all: BTreeMap<&String, &Value> = before.iter().collect();
    all.extend(after);
    let resources: Vec<&Value> = all.into_values().collect();
    response(&resources)
}

/// A discovery response of resources that were read from others.
fn response(resources: &[&Value]) -> String {
    let list = Doc::List(resources.iter().map(|resource| Doc::Value(resource)).collect());
    let version: String = sha256(write(&list).as_bytes()).chars().take(16).collect();
    let doc = Doc::Object(vec![("resources", list), ("version_info", Doc::Text(&version))]);
    write(&doc) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(clusters: &[&str], routes: &str) -> Files {
        let resources: Vec<Value> = clusters.iter().map(|name| json!({"name": name})).collect();
        let mut files = Files::from([
            (
                CDS.to_owned(),
                json!({ "resources": resources }).to_string().into_bytes(),
            ),
            (LDS.to_owned(), json!({"resources": []}).to_string().into_bytes()),
            ("xds/rds/r.json".to_owned(), routes.as_bytes().to_vec()),
            ("bootstrap.json".to_owned(), Vec::new()),
        ]);
        for name in clusters {
            files.insert(
                format!("xds/eds/{name}.json"),
                format!("{routes} {name}").into_bytes(),
            );
        }
        files
    }

    /// Of each step: its clusters, its routes, its endpoints.
    fn seen(steps: &[Step]) -> Vec<(String, String, usize)> {
        steps
            .iter()
            .map(|step| {
                let names: Vec<String> = clusters(&step.files).unwrap().into_keys().collect();
                let routes = String::from_utf8(step.files["xds/rds/r.json"].clone()).unwrap();
                let endpoints = step
                    .files
                    .keys()
                    .filter(|path| path.starts_with("xds/eds/"))
                    .count();
                (names.join(" "), routes, endpoints)
            })
            .collect()
    }

    #[test]
    fn clusters_come_before_routes_and_go_after_them() {
        let step =
            |clusters: &str, routes: &str, endpoints| (clusters.to_owned(), routes.to_owned(), endpoints);
        let old = release(&["a", "b"], "old");
        let replaced = between(&old, &release(&["b", "c"], "new"));
        assert_eq!(
            seen(&replaced),
            [
                step("a b c", "old", 3),
                step("a b c", "new", 3),
                step("b c", "new", 2)
            ]
        );
        let changed = String::from_utf8(replaced[0].files["xds/eds/b.json"].clone()).unwrap();
        assert_eq!(
            changed, "new b",
            "endpoints are the newer ones from the first step on"
        );
        assert!(
            !replaced[2].files.contains_key("bootstrap.json"),
            "a release has no bootstrap"
        );
        let added = between(&old, &release(&["a", "b", "c"], "new"));
        assert_eq!(seen(&added), [step("a b c", "old", 3), step("a b c", "new", 3)]);
        let removed = between(&old, &release(&["a"], "new"));
        assert_eq!(seen(&removed), [step("a b", "new", 2), step("a", "new", 1)]);
        assert_eq!(between(&old, &release(&["a", "b"], "new")).len(), 1);
        assert_eq!(
            between(&Files::new(), &release(&["a"], "new")).len(),
            1,
            "nothing before"
        );
    }

    #[test]
    fn a_proxy_that_goes_lets_go_of_its_listeners_first() {
        let steps = farewell(&release(&["a"], "old"));
        assert_eq!(clusters(&steps[0].files).unwrap().len(), 1);
        assert_eq!(steps[1].files.keys().collect::<Vec<_>>(), [CDS, LDS]);
        assert!(clusters(&steps[1].files).unwrap().is_empty());
    }
}

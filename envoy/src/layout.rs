//! Where the parts of a configuration lie in a proxy's folder. Only this knows which file a resource is in.
//!
//! Listeners and clusters are one file each, because Envoy reads each from one subscription; every route table, every
//! cluster's hosts and every secret is a file of its own.

use crate::files::{Files, file_name};
use crate::resources::{Resource, ResourceType, Resources};
use meshform_model::discovery_response::discovery_response;
use meshform_model::json_text::pretty;
use std::collections::BTreeMap;

pub use meshform_model::proxy_files::{BOOTSTRAP, CLUSTERS, CURRENT, FOLLOWED, LISTENERS, RELEASES, STATIC};

/// The file of a resource among those that a running Envoy follows.
pub fn file(kind: ResourceType, name: &str) -> String {
    let named = |folder: &str| format!("{folder}/{}.json", file_name(name));
    match kind {
        ResourceType::Bootstrap => BOOTSTRAP.to_owned(),
        ResourceType::Listener => LISTENERS.to_owned(),
        ResourceType::Cluster => CLUSTERS.to_owned(),
        ResourceType::Routes => named("rds"),
        ResourceType::Endpoints => named("eds"),
        ResourceType::Secret => named("sds"),
    }
}

/// The path by which the Envoy of a proxy's directory finds a resource.
pub(crate) fn followed(directory: &str, kind: ResourceType, name: &str) -> String {
    format!("{directory}/{CURRENT}/{}", file(kind, name))
}

/// The files that a running Envoy follows, without the bootstrap: one discovery response each.
pub fn files(resources: &Resources) -> Files {
    // Envoy looks for these two even where there is nothing to listen to.
    let mut by_file: BTreeMap<String, Vec<&Resource>> = [ResourceType::Listener, ResourceType::Cluster]
        .map(|kind| (file(kind, ""), Vec::new()))
        .into();
    for resource in resources.iter() {
        let file = file(resource.kind, &resource.name);
        by_file.entry(file).or_default().push(resource);
    }
    by_file
        .into_iter()
        .map(|(file, resources)| (file, response(&resources).into_bytes()))
        .collect()
}

/// The text of a file.
pub fn lines(json: &str) -> String {
    pretty(json) + "\n"
}

fn response(resources: &[&Resource]) -> String {
    let urls: Vec<String> = resources.iter().map(|one| one.kind.type_url()).collect();
    let parts = urls
        .iter()
        .zip(resources)
        .map(|(url, one)| (url.as_str(), one.json()));
    discovery_response(parts)
}

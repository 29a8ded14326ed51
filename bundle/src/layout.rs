//! Which files a set of resources is, and which set files are: discovery responses as Envoy reads them from disk.

use crate::body::Body;
use crate::error::{Error, Result};
use crate::resource::{ROOT, Resource};
use meshform_model::discovery_response::discovery_response;
pub use meshform_model::proxy_files::{
    BOOTSTRAP, CLUSTERS, CURRENT, FOLLOWED, LISTENERS, OWN, RELEASES, STATIC,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// Files by relative path; `/` separates, whatever the system.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The type URLs of what a running Envoy follows.
pub mod types {
    pub const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
    pub const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    pub const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
    /// The endpoints of a cluster.
    pub const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
    /// A certificate or what to trust.
    pub const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
}

/// The files that are there also when nothing is in them: Envoy is told to read them.
const ALWAYS: [&str; 2] = [LISTENERS, CLUSTERS];

/// The files of a set of resources, with `root` in place of the directory that was left open.
pub fn files(resources: &[Resource], root: &Path) -> Files {
    let mut by_file: BTreeMap<&str, Vec<&Resource>> = ALWAYS.map(|name| (name, Vec::new())).into();
    for resource in resources {
        by_file.entry(&resource.file).or_default().push(resource);
    }
    by_file
        .into_iter()
        .map(|(name, resources)| {
            let text = rooted(&response(&resources), root);
            (name.to_owned(), text.into_bytes())
        })
        .collect()
}

/// What Envoy is started with, as a file.
pub fn bootstrap(bootstrap: &Body, root: &Path) -> String {
    rooted(&bootstrap.pretty(), root) + "\n"
}

/// The resources in the files of a release's folder. The order within a file is kept.
///
/// # Errors
/// When a file is not a discovery response.
pub fn resources(files: &Files) -> Result<Vec<Resource>> {
    let mut all = Vec::new();
    for (name, content) in files {
        all.append(&mut read(name, content)?);
    }
    Ok(all)
}

/// Whether a relative path stays inside, on every file system that we write to. Names that begin with a dot are
/// the publisher's own.
pub fn is_inside(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty() && part.len() <= 255 && !part.starts_with('.') && !part.contains(['\0', '\\'])
    })
}

fn response(resources: &[&Resource]) -> String {
    let parts = resources
        .iter()
        .map(|one| (one.type_url.as_str(), one.body.as_str()));
    discovery_response(parts)
}

fn rooted(text: &str, root: &Path) -> String {
    if !text.contains(ROOT) {
        return text.to_owned();
    }
    let root = serde_json::Value::from(root.to_string_lossy()).to_string();
    let inner = root.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text.replace(ROOT, inner.unwrap_or_default())
}

fn read(file: &str, content: &[u8]) -> Result<Vec<Resource>> {
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        resources: Vec<&'a RawValue>,
    }
    let damaged = |detail: String| Error::damaged("discovery response", format!("`{file}`: {detail}"));
    let text = std::str::from_utf8(content).map_err(|error| damaged(error.to_string()))?;
    let response: Response<'_> = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    let one = |raw: &RawValue| -> Result<Resource> {
        let mut fields: BTreeMap<String, &RawValue> =
            serde_json::from_str(raw.get()).map_err(|error| damaged(error.to_string()))?;
        let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
        let type_url = fields.remove("@type").and_then(text);
        let type_url = type_url.ok_or_else(|| damaged("a resource has no `@type`".to_owned()))?;
        let name = ["name", "cluster_name"]
            .iter()
            .find_map(|field| fields.get(*field));
        let name = name.copied().and_then(text);
        let name = name.ok_or_else(|| damaged("a resource has no name".to_owned()))?;
        let body = serde_json::to_string(&fields)
            .and_then(|text| Body::parse(&text))
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Resource::new(&type_url, &name, file, body))
    };
    response.resources.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_become_files_and_files_the_same_resources() {
        let body = |text: &str| Body::parse(text).unwrap();
        let set = [
            Resource::new(
                types::CLUSTER,
                "b",
                "cds.json",
                body(r#"{"name":"b","type":"EDS"}"#),
            ),
            Resource::new(types::CLUSTER, "a", "cds.json", body(r#"{"name":"a"}"#)),
            Resource::new(
                types::ENDPOINTS,
                "b",
                "eds/b.json",
                body(&format!(r#"{{"cluster_name":"b","x":"{ROOT}/\""}}"#)),
            ),
        ];
        let files = files(&set, Path::new("/srv/\"x\""));
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["cds.json", "eds/b.json", "lds.json"]
        );
        let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
        assert!(
            text("eds/b.json").contains(r#""x": "/srv/\"x\"/\"""#),
            "{}",
            text("eds/b.json")
        );
        assert_eq!(
            text("lds.json"),
            "{\n  \"resources\": [],\n  \"version_info\": \"e3b0c44298fc1c14\"\n}\n"
        );
        assert!(text("cds.json").starts_with(
            "{\n  \"resources\": [\n    {\n      \"@type\": \"type.googleapis.com/envoy.config.cluster.v3.Cluster\",\n      \
             \"name\": \"b\",\n"
        ));
        let back = resources(&files).unwrap();
        assert_eq!(back[..2], set[..2], "in the order of the file");
        assert_eq!(
            (back[2].name.as_str(), back[2].file.as_str()),
            ("b", "eds/b.json")
        );
    }

    #[test]
    fn what_is_no_discovery_response_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"resources": [{"name": "a"}]}"#,
            r#"{"resources": [{"@type": "t"}]}"#,
        ] {
            let files = Files::from([("lds.json".to_owned(), text.as_bytes().to_vec())]);
            let error = resources(&files).unwrap_err().to_string();
            assert!(error.contains("`lds.json`"), "{error}");
        }
    }

    #[test]
    fn paths_that_lead_out_are_known() {
        for path in [
            "../x",
            "/x",
            "a//b",
            "a/../b",
            "",
            ".hidden",
            "a/.current",
            "a\\b",
            "a/",
            "a\0",
        ] {
            assert!(!is_inside(path), "{path}");
        }
        assert!(is_inside("apps/virtualNode/%2E./x.json"));
    }
}

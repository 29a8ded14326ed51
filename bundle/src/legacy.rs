//! Format 1 of a bundle, which versions up to 0.1 wrote: a JSON object from path to text.

use crate::body::Body;
use crate::error::{Error, Result};
use crate::layout::{BOOTSTRAP, FOLLOWED, Files, is_inside, resources};
use crate::resource::Resource;
use std::collections::BTreeMap;

/// What a bundle of format 1 says of its proxy.
pub(crate) struct Legacy {
    pub(crate) bootstrap: Body,
    pub(crate) resources: Vec<Resource>,
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Legacy> {
    let damaged = |error: serde_json::Error| Error::damaged("bundle", error);
    let texts: BTreeMap<String, String> = serde_json::from_slice(bytes).map_err(damaged)?;
    if let Some(path) = texts.keys().find(|path| !is_inside(path)) {
        return Err(Error::Unfit {
            name: path.clone(),
            why: "its path points outside of its folder",
        });
    }
    let Some(bootstrap) = texts.get(BOOTSTRAP) else {
        return Err(Error::damaged("bundle", "it has no bootstrap"));
    };
    let files: Files = texts
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(FOLLOWED)?.to_owned(), text.clone().into_bytes())))
        .collect();
    Ok(Legacy {
        bootstrap: Body::parse(bootstrap).map_err(damaged)?,
        resources: resources(&files)?,
    })
}

#[cfg(test)]
mod tests {
    use crate::bundle::Bundle;
    use crate::layout::{self, types};
    use crate::proxy::ProxyId;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn files_are_taken_apart_and_become_the_same_files() {
        let cluster = json!({"@type": types::CLUSTER, "name": "c", "type": "EDS"});
        let endpoints = json!({"@type": types::ENDPOINTS, "cluster_name": "c"});
        let file = |resource: &serde_json::Value| json!({"resources": [resource]}).to_string();
        let blob = json!({
            "bootstrap.json": "{\n  \"node\": {}\n}\n",
            "static.json": "{}",
            "xds/cds.json": file(&cluster),
            "xds/lds.json": json!({"resources": []}).to_string(),
            "xds/eds/c.json": file(&endpoints),
        });
        let proxy = ProxyId::virtual_node("apps", "a");
        let bundle = Bundle::decode(&proxy, blob.to_string().as_bytes()).unwrap();
        let seen: Vec<_> = bundle
            .resources
            .iter()
            .map(|r| (r.name.as_str(), r.file.as_str()))
            .collect();
        assert_eq!(seen, [("c", "cds.json"), ("c", "eds/c.json")]);
        assert_eq!(
            layout::bootstrap(&bundle.bootstrap, Path::new("/")),
            "{\n  \"node\": {}\n}\n"
        );
        let again = Bundle::decode(&proxy, &bundle.encode().unwrap()).unwrap();
        assert_eq!(again, bundle);
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let proxy = ProxyId::virtual_node("apps", "a");
        for blob in [
            "[]",
            "{}",
            "{\"../x\": \"\"}",
            "{\"bootstrap.json\": \"{\"}",
            "{\"bootstrap.json\": 1}",
        ] {
            assert!(Bundle::decode(&proxy, blob.as_bytes()).is_err(), "{blob}");
        }
    }
}

//! One proxy's files as one blob: a JSON object from path to text, which is format 1 of a bundle.

use crate::error::{ReleaseError, Result};
use meshform_bundle::layout::is_inside;
use std::collections::BTreeMap;

/// The files as one blob. What is not text is not a file of a proxy.
pub fn encode(mesh: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let mut texts = BTreeMap::new();
    for (path, bytes) in files {
        let unfit = |why| ReleaseError::Unfit {
            mesh: mesh.to_owned(),
            name: path.clone(),
            why,
        };
        if !is_inside(path) {
            return Err(unfit("its path leads out of its folder"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| unfit("it is not text"))?;
        texts.insert(path.as_str(), text);
    }
    serde_json::to_vec(&texts).map_err(|error| damaged(mesh, &error.to_string()))
}

fn damaged(mesh: &str, detail: &str) -> ReleaseError {
    ReleaseError::Damaged {
        mesh: mesh.to_owned(),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_bundle::{Bundle, ProxyId};

    #[test]
    fn a_bundle_is_read_back() {
        let files = BTreeMap::from([
            ("bootstrap.json".to_owned(), b"{\"a\": \"\xc3\xbc\"}".to_vec()),
            ("xds/lds.json".to_owned(), b"{\"resources\": []}".to_vec()),
        ]);
        let blob = encode("apps", &files).unwrap();
        let bundle = Bundle::decode(&ProxyId::virtual_node("apps", "a"), &blob).unwrap();
        assert_eq!(bundle.bootstrap.as_str(), "{\"a\":\"\u{fc}\"}");
        assert!(bundle.resources.is_empty());
    }

    #[test]
    fn what_leads_out_of_the_folder_or_is_not_text_is_refused() {
        let files = BTreeMap::from([("../x".to_owned(), b"{}".to_vec())]);
        assert!(encode("apps", &files).is_err());
        let files = BTreeMap::from([("x".to_owned(), vec![0xff])]);
        assert!(encode("apps", &files).is_err());
    }
}

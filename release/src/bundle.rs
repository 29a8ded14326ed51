//! One proxy's files as one blob: a JSON object from path to text, so that it can be read without us.

use crate::error::{ReleaseError, Result};
use std::collections::BTreeMap;

/// The files of a proxy by path.
pub type Texts = BTreeMap<String, String>;

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

/// The files in a blob.
pub fn decode(mesh: &str, blob: &[u8]) -> Result<Texts> {
    let texts: Texts = serde_json::from_slice(blob).map_err(|error| damaged(mesh, &error.to_string()))?;
    match texts.keys().find(|path| !is_inside(path)) {
        None => Ok(texts),
        Some(path) => Err(ReleaseError::Unfit {
            mesh: mesh.to_owned(),
            name: path.clone(),
            why: "its path leads out of its folder",
        }),
    }
}

/// Whether a relative path stays inside, on every file system that we write to. Names that begin with a dot are
/// the publisher's own.
pub fn is_inside(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty() && part.len() <= 255 && !part.starts_with('.') && !part.contains(['\0', '\\'])
    })
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

    #[test]
    fn a_bundle_is_read_back() {
        let files = BTreeMap::from([
            ("bootstrap.json".to_owned(), b"{\"a\": \"\xc3\xbc\"}".to_vec()),
            ("xds/lds.json".to_owned(), b"".to_vec()),
        ]);
        let texts = decode("apps", &encode("apps", &files).unwrap()).unwrap();
        let back: BTreeMap<_, _> = texts
            .into_iter()
            .map(|(path, text)| (path, text.into_bytes()))
            .collect();
        assert_eq!(back, files);
    }

    #[test]
    fn what_leads_out_of_the_folder_or_is_not_text_is_refused() {
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
        ] {
            let files = BTreeMap::from([(path.to_owned(), b"{}".to_vec())]);
            assert!(encode("apps", &files).is_err(), "{path}");
            let blob = serde_json::to_vec(&BTreeMap::from([(path, "{}")])).unwrap();
            assert!(decode("apps", &blob).is_err(), "{path}");
        }
        let files = BTreeMap::from([("x".to_owned(), vec![0xff])]);
        assert!(encode("apps", &files).is_err());
        assert!(decode("apps", b"[]").is_err());
    }
}

//! The keys of a store in etcd. Names are percent-encoded, so that a slash always parts.

use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands in a key as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Makes the keys under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: format!("{prefix}/"),
        }
    }

    /// What every key of the store begins with.
    pub(super) fn all(&self) -> &str {
        &self.prefix
    }

    /// The identity of the store.
    pub(super) fn card(&self) -> String {
        format!("{}store", self.prefix)
    }

    /// What the heads of all meshes begin with.
    pub(super) fn heads(&self) -> String {
        format!("{}heads/", self.prefix)
    }

    /// The key that every write of a mesh's records writes: its revision is the mesh's.
    pub(super) fn head(&self, mesh: &str) -> String {
        format!("{}heads/{}", self.prefix, encoded(mesh))
    }

    /// The mesh of a head.
    pub(super) fn mesh_of_head(&self, key: &[u8]) -> Option<String> {
        decoded(std::str::from_utf8(key).ok()?.strip_prefix(&self.heads())?)
    }

    /// What the records of a mesh begin with, or those of a kind, or those of a parent.
    pub(super) fn records(&self, mesh: &str, kind: Option<Kind>, parent: Option<&str>) -> String {
        let mut key = format!("{}r/", self.mesh(mesh));
        if let Some(kind) = kind {
            key.push_str(kind.name());
            key.push('/');
            if let Some(parent) = parent {
                key.push_str(&encoded(parent));
                key.push('/');
            }
        }
        key
    }

    pub(super) fn record(&self, key: &ResourceKey) -> String {
        let folder = self.records(&key.mesh, Some(key.kind), key.parent.as_deref());
        format!("{folder}{}", encoded(&key.name))
    }

    /// What a mesh's log begins with: who wrote what, one key each.
    pub(super) fn log(&self, mesh: &str) -> String {
        format!("{}log/", self.mesh(mesh))
    }

    /// Up to where the log was compacted.
    pub(super) fn floor(&self, mesh: &str) -> String {
        format!("{}floor", self.mesh(mesh))
    }

    pub(super) fn pointer(&self, mesh: &str, name: &str) -> String {
        format!("{}p/{}", self.mesh(mesh), encoded(name))
    }

    /// What the index of a mesh's blobs begins with.
    pub(super) fn blobs(&self, mesh: &str) -> String {
        format!("{}b/", self.mesh(mesh))
    }

    /// What the parts of a mesh's blob begin with.
    pub(super) fn parts(&self, mesh: &str, digest: &str) -> String {
        format!("{}parts/{digest}/", self.mesh(mesh))
    }

    /// What the settings begin with.
    pub(super) fn settings(&self) -> String {
        format!("{}settings/", self.prefix)
    }

    pub(super) fn setting(&self, name: &str) -> String {
        format!("{}{}", self.settings(), encoded(name))
    }

    /// The name of a setting.
    pub(super) fn name_of_setting(&self, key: &[u8]) -> Option<String> {
        decoded(std::str::from_utf8(key).ok()?.strip_prefix(&self.settings())?)
    }

    /// A run, until it is closed.
    pub(super) fn run(&self, id: &str) -> String {
        format!("{}runs/{}", self.prefix, encoded(id))
    }

    /// A run, until its process is gone.
    pub(super) fn alive(&self, id: &str) -> String {
        format!("{}/alive", self.run(id))
    }

    fn mesh(&self, mesh: &str) -> String {
        format!("{}m/{}/", self.prefix, encoded(mesh))
    }
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, PLAIN).to_string()
}

fn decoded(part: &str) -> Option<String> {
    let name = percent_decode_str(part).decode_utf8().ok()?;
    Some(name.into_owned())
}

/// The first key that does not begin so.
pub(super) fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Every key.
    vec![0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_place() {
        let keys = Keys::new("a/b");
        let router = ResourceKey::in_mesh("m/x", Kind::VirtualRouter, "r/1");
        let route = ResourceKey::child(&router, Kind::Route, "..");
        assert_eq!(keys.record(&route), "a/b/m/m%2Fx/r/route/r%2F1/..");
        assert_eq!(keys.record(&router), "a/b/m/m%2Fx/r/virtualRouter/r%2F1");
        assert!(
            keys.record(&route)
                .starts_with(&keys.records("m/x", Some(Kind::Route), Some("r/1")))
        );
        assert_eq!(keys.mesh_of_head(keys.head("ä/%").as_bytes()).unwrap(), "ä/%");
        assert_eq!(keys.mesh_of_head(b"a/b/m/x"), None);
        assert_eq!(
            keys.name_of_setting(keys.setting("keys/a").as_bytes()).unwrap(),
            "keys/a"
        );
    }

    #[test]
    fn a_prefix_ends_where_the_next_one_begins() {
        assert_eq!(end_of("a/"), b"a0");
        assert_eq!(end_of(""), [0]);
    }
}

//! The resources of a mesh as a release was made from them: a store keeps records of now only, so this is what two
//! releases are compared by.

use crate::error::{ReleaseError, Result};
use crate::manifest::Manifest;
use crate::releaser::Releaser;
use crate::state::ReleaseEntry;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_store::Revision;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{BufWriter, Read as _, Write as _};

/// More than this is no mesh: a blob that unpacks to more is damaged.
const MOST: u64 = 1 << 30;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredResource {
    key: ResourceKey,
    body: Json,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mesh_owner: Option<String>,
}

/// Packed JSON, the same bytes for equal meshes.
pub(crate) fn encode(mesh: &Mesh) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| damaged(mesh.name(), &error.to_string());
    // Each write to an encoder costs as much as its buffer has bytes, and JSON is written in words.
    let mut packed = BufWriter::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (at, resource) in mesh.resources().into_iter().enumerate() {
        let mut body = json!({"spec": resource.spec.to_json()});
        if let (Some(extensions), Some(body)) = (&resource.extensions, body.as_object_mut()) {
            body.insert("extensions".to_owned(), extensions.to_json());
        }
        let kept = StoredResource {
            key: resource.key,
            body,
            tags: resource.tags,
            mesh_owner: resource.mesh_owner,
        };
        packed
            .write_all(if at == 0 { b"[" } else { b"," })
            .map_err(failed)?;
        serde_json::to_writer(&mut packed, &kept)
            .map_err(|error| damaged(mesh.name(), &error.to_string()))?;
    }
    packed.write_all(b"]").map_err(failed)?;
    let packed = packed.into_inner();
    packed
        .map_err(|error| failed(error.into_error()))?
        .finish()
        .map_err(failed)
}

/// Reads what [`encode`] made. Fails on what does not unpack, or is no list of resources.
fn decode(mesh: &str, bytes: &[u8]) -> Result<Vec<Resource>> {
    let mut text = Vec::new();
    let unpacked = GzDecoder::new(bytes).take(MOST).read_to_end(&mut text);
    unpacked.map_err(|error| damaged(mesh, &error.to_string()))?;
    let kept: Vec<StoredResource> =
        serde_json::from_slice(&text).map_err(|error| damaged(mesh, &error.to_string()))?;
    let resources = kept.into_iter().map(|one| {
        let found = Resource::from_body(one.key, &one.body);
        let mut resource = found.map_err(|problem| damaged(mesh, &problem.to_string()))?;
        resource.tags = one.tags;
        resource.mesh_owner = one.mesh_owner;
        Ok(resource)
    });
    resources.collect()
}

fn damaged(mesh: &str, detail: &str) -> ReleaseError {
    ReleaseError::Damaged {
        mesh: mesh.to_owned(),
        detail: format!("its resources: {detail}"),
    }
}

/// How a release of the history is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseName {
    /// The one that proxies get.
    Current,
    /// The one that was released before the current one.
    Previous,
    /// The newest that was made from this revision of the mesh or an earlier one.
    Revision(Revision),
    /// Its digest, or the beginning of it.
    Digest(String),
}

impl ReleaseName {
    /// Reads `current`, `previous`, `r12` (of revision 12), or a digest's beginning.
    pub fn parse(text: &str) -> Self {
        let revision = text.strip_prefix('r').and_then(|number| number.parse().ok());
        match (text, revision) {
            ("current", _) => Self::Current,
            ("previous", _) => Self::Previous,
            (_, Some(revision)) => Self::Revision(Revision(revision)),
            (digest, None) => Self::Digest(digest.to_owned()),
        }
    }
}

impl Releaser {
    /// The release of a mesh's history that is named so; none where the history has none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, mesh: &str, named: &ReleaseName) -> Result<Option<ReleaseEntry>> {
        let state = self.pointed(mesh).await?.state;
        let found = match named {
            ReleaseName::Current => state.current_entry(),
            ReleaseName::Previous => {
                let current = state.current.as_ref();
                let mut older = state.history.iter().rev();
                older.find(|entry| Some(&entry.release) == current);
                older.next()
            }
            ReleaseName::Revision(revision) => {
                let upto = state.history.iter().filter(|entry| entry.revision <= *revision);
                upto.max_by_key(|entry| entry.revision)
            }
            ReleaseName::Digest(beginning) => state.find(beginning),
        };
        Ok(found.cloned())
    }

    /// What is in a release: which proxies, and which blobs.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn manifest(&self, mesh: &str, release: &ReleaseEntry) -> Result<Manifest> {
        Manifest::decode(mesh, &self.blob(mesh, &release.release).await?)
    }

    /// The resources that a release was made from; none where an older version made it, which kept none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn resources_of(&self, mesh: &str, release: &ReleaseEntry) -> Result<Option<Vec<Resource>>> {
        let Some(digest) = self.manifest(mesh, release).await?.resources else {
            return Ok(None);
        };
        decode(mesh, &self.blob(mesh, &digest).await?).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::spec::Spec;

    #[test]
    fn a_mesh_is_kept_whole() {
        let key = ResourceKey::mesh("apps");
        let spec = json!({"egressFilter": {"type": "DROP_ALL"}});
        let mut one = Resource::new(key.clone(), Spec::from_json(key.kind, &spec).unwrap());
        one.tags.insert("team".to_owned(), "a".to_owned());
        one.mesh_owner = Some("123456789012".to_owned());
        let mesh = Mesh::new(vec![one.clone()]).unwrap();
        let bytes = encode(&mesh).unwrap();
        assert_eq!(bytes, encode(&mesh).unwrap());
        assert_eq!(decode("apps", &bytes).unwrap(), [one]);
        assert!(decode("apps", &bytes[..bytes.len() / 2]).is_err());
        assert!(decode("apps", b"").is_err());
    }

    #[test]
    fn releases_have_names() {
        assert_eq!(ReleaseName::parse("current"), ReleaseName::Current);
        assert_eq!(ReleaseName::parse("r12"), ReleaseName::Revision(Revision(12)));
        assert_eq!(ReleaseName::parse("r1a"), ReleaseName::Digest("r1a".to_owned()));
        assert_eq!(ReleaseName::parse("ab"), ReleaseName::Digest("ab".to_owned()));
    }
}

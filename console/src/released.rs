//! What a release changed, in the mesh's words and for its proxies.

use meshform_compiler::diff::{Change, ChangeKind, diff};
use meshform_envoy::diff::{ProxyDiff, diff as proxies};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;

/// What differs between two releases.
#[derive(Debug, Clone, Default)]
pub(crate) struct Released {
    pub(crate) changes: Vec<Change>,
    pub(crate) proxies: Vec<ProxyDiff>,
    /// What keeps either from being known.
    pub(crate) note: Option<String>,
}

impl Released {
    /// Between the resources of two releases.
    pub(crate) fn between(before: Vec<Resource>, after: Vec<Resource>) -> Self {
        let changes = diff(&before, &after);
        let mut keys: Vec<ResourceKey> = changes.iter().map(|change| change.key.clone()).collect();
        keys.extend(changes.iter().filter_map(|change| match &change.what {
            ChangeKind::Renamed(was, _) => Some(ResourceKey::clone(was)),
            _ => None,
        }));
        let meshes = (Mesh::new(before), Mesh::new(after));
        let (Ok(before), Ok(after)) = meshes else {
            return Self {
                changes,
                ..Self::default()
            };
        };
        match proxies(&before, &after, &keys) {
            Ok(proxies) => Self {
                changes,
                proxies,
                note: None,
            },
            Err(_) => Self {
                changes,
                proxies: Vec::new(),
                note: Some(
                    "The changes for proxies cannot be shown: this version compiles that release differently."
                        .into(),
                ),
            },
        }
    }

    pub(crate) fn unknown(note: &str) -> Self {
        Self {
            note: Some(note.to_owned()),
            ..Self::default()
        }
    }
}

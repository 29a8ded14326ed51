//! One Envoy resource of a proxy.

use crate::body::Body;
use meshform_model::digest::Digest;
use serde::{Deserialize, Serialize};

/// Stands in bundles for the directory that they will be published under.
///
/// A release is the same for everyone, wherever they publish it: two machines with two directories must not take each
/// other's release for another one. So bundles are built with this in place of a directory, and whoever writes the files
/// (a publisher, or the agent beside an Envoy) puts its own in.
pub const ROOT: &str = "/@meshform-root@";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The type URL of its message; see [`crate::layout::types`].
    #[serde(rename = "type")]
    pub type_url: String,
    /// Its name, by which Envoy knows it.
    pub name: String,
    /// The digest of its body.
    pub digest: Digest,
    /// The file under a release's folder that it is written to.
    pub file: String,
    /// The message in Envoy's JSON, without `@type`, with [`ROOT`] in place of the directory.
    pub body: Body,
}

impl Resource {
    /// A resource with the digest of its body.
    pub fn new(type_url: &str, name: &str, file: &str, body: Body) -> Self {
        Self {
            type_url: type_url.to_owned(),
            name: name.to_owned(),
            digest: Digest::of(body.as_str().as_bytes()),
            file: file.to_owned(),
            body,
        }
    }
}

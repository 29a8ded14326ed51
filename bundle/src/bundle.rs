//! One proxy's configuration as one blob.

use crate::body::Body;
use crate::error::{Error, Result};
use crate::layout::is_inside;
use crate::legacy::{self, Legacy};
use crate::proxy::ProxyId;
use crate::resource::Resource;
use meshform_model::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The newest form of a bundle that is understood, and the one that is written.
pub const FORMAT: u32 = 2;

const WHAT: &str = "bundle";

/// All that one proxy gets, but for endpoints and certificates that change by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub proxy: ProxyId,
    /// What Envoy is started with.
    pub bootstrap: Body,
    /// What a running Envoy follows. Those of one file stand in the order in which they are written to it.
    pub resources: Vec<Resource>,
    /// Where the parts of a resource come from, by the resource's name.
    pub origins: Origins,
}

/// Origins by the name of the resource whose parts they are of.
type Origins = BTreeMap<String, Vec<Origin>>;

/// What in the mesh a part of an Envoy resource comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// A JSON pointer into the body; empty for all of it.
    pub at: String,
    /// The mesh's resource: `virtualNode/servicea`, `virtualRouter/serviceb/route/by-weight`.
    pub resource: String,
    /// The field's path in that resource; empty for all of it.
    pub field: String,
}

#[derive(Serialize, Deserialize)]
struct BundleDocument<R, O> {
    format: u32,
    proxy: String,
    bootstrap: Body,
    resources: R,
    #[serde(default)]
    origins: O,
}

impl Bundle {
    /// Writes format 2.
    ///
    /// # Errors
    /// When it is not what [`decode`](Self::decode) takes.
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        let written = BundleDocument {
            format: FORMAT,
            proxy: self.proxy.to_string(),
            bootstrap: self.bootstrap.clone(),
            resources: &self.resources,
            origins: &self.origins,
        };
        serde_json::to_vec(&written).map_err(|error| Error::damaged(WHAT, error))
    }

    /// Reads a bundle of `proxy`, in any format so far, and checks every digest in it.
    ///
    /// # Errors
    /// When it is malformed, of another proxy, or of a newer format.
    pub fn decode(proxy: &ProxyId, bytes: &[u8]) -> Result<Self> {
        let written: BundleDocument<Vec<Resource>, Origins> = match serde_json::from_slice(bytes) {
            Ok(BundleDocument { format, .. }) if format != FORMAT => {
                return Self::of_another_format(proxy, bytes, None);
            }
            Ok(written) => written,
            Err(why) => return Self::of_another_format(proxy, bytes, Some(why)),
        };
        if written.proxy != proxy.to_string() {
            return Err(Error::damaged(
                WHAT,
                format!("it belongs to {}, not to {proxy}", written.proxy),
            ));
        }
        let bundle = Self {
            proxy: proxy.clone(),
            bootstrap: written.bootstrap,
            resources: written.resources,
            origins: written.origins,
        };
        bundle.check()?;
        Ok(bundle)
    }

    /// Reads a bundle that is not of the format that is written, or says why it cannot be read.
    fn of_another_format(proxy: &ProxyId, bytes: &[u8], why: Option<serde_json::Error>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: Option<serde_json::Value>,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| Error::damaged(WHAT, error))?;
        match (head.format.as_ref().map(serde_json::Value::as_u64), why) {
            // Format 1 had no place for its number: a map of files.
            (None, _) => {
                let Legacy { bootstrap, resources } = legacy::decode(bytes)?;
                Ok(Self {
                    proxy: proxy.clone(),
                    bootstrap,
                    resources,
                    origins: BTreeMap::new(),
                })
            }
            (Some(Some(format)), Some(why)) if format == u64::from(FORMAT) => Err(Error::damaged(WHAT, why)),
            (Some(Some(format)), _) if format > u64::from(FORMAT) => Err(Error::Newer {
                what: WHAT,
                format,
                known: FORMAT,
            }),
            (Some(_), _) => Err(Error::damaged(WHAT, "its format is unknown")),
        }
    }

    /// The digest of the bootstrap: where it changes, a running Envoy must be started anew to see it.
    pub fn bootstrap_digest(&self) -> Digest {
        Digest::of(self.bootstrap.as_str().as_bytes())
    }

    /// Refuses a bundle that would write outside of its folder, or whose digests, names or files do not fit together.
    fn check(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        let mut files: BTreeMap<&str, &str> = BTreeMap::new();
        for resource in &self.resources {
            let Resource {
                type_url, name, file, ..
            } = resource;
            if !is_inside(file) {
                return Err(Error::Unfit {
                    name: file.clone(),
                    why: "its path points outside of its folder",
                });
            }
            if Digest::of(resource.body.as_str().as_bytes()) != resource.digest {
                return Err(Error::damaged(
                    WHAT,
                    format!("the digest of `{name}` is not that of its body"),
                ));
            }
            if !resource.body.as_str().starts_with('{') {
                return Err(Error::damaged(WHAT, format!("`{name}` is not an object")));
            }
            if !names.insert((type_url, name)) {
                return Err(Error::damaged(
                    WHAT,
                    format!("`{name}` ({type_url}) is there twice"),
                ));
            }
            if *files.entry(file).or_insert(type_url) != type_url {
                return Err(Error::damaged(
                    WHAT,
                    format!("`{file}` has resources of two types"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::types;

    fn bundle() -> Bundle {
        let listener = Body::parse(r#"{"name": "ingress", "stat_prefix": "\u00fc"}"#).unwrap();
        Bundle {
            proxy: ProxyId::virtual_node("apps", "a"),
            bootstrap: Body::parse(r#"{"node": {"id": "x"}}"#).unwrap(),
            resources: vec![Resource::new(types::LISTENER, "ingress", "lds.json", listener)],
            origins: BTreeMap::from([(
                "ingress".to_owned(),
                vec![Origin {
                    at: "/address".into(),
                    resource: "virtualNode/a".into(),
                    field: "spec.listeners[0]".into(),
                }],
            )]),
        }
    }

    fn spoilt(from: &str, to: &str) -> Error {
        let text = String::from_utf8(bundle().encode().unwrap()).unwrap();
        assert!(text.contains(from), "{text}");
        Bundle::decode(&bundle().proxy, text.replace(from, to).as_bytes()).unwrap_err()
    }

    #[test]
    fn a_bundle_is_read_back() {
        let bytes = bundle().encode().unwrap();
        assert_eq!(Bundle::decode(&bundle().proxy, &bytes).unwrap(), bundle());
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["format"], 2);
        assert_eq!(value["resources"][0]["body"]["name"], "ingress");
        assert_eq!(value["origins"]["ingress"][0]["field"], "spec.listeners[0]");
    }

    #[test]
    fn what_is_spoilt_is_refused_and_says_how() {
        let told = |from, to| spoilt(from, to).to_string();
        assert!(told("stat_prefix", "stat_prefiX").contains("digest of `ingress`"));
        assert!(told("\"file\":\"lds.json\"", "\"file\":\"../lds.json\"").contains("points outside"));
        assert!(told("mesh/apps/virtualNode/a", "mesh/apps/virtualNode/b").contains("not to"));
        assert!(told("\"format\":2", "\"format\":\"2\"").contains("is unknown"));
        assert_eq!(
            told("\"format\":2", "\"format\":3"),
            "the bundle has format 3; this version reads formats up to 2"
        );
        let bytes = bundle().encode().unwrap();
        for length in 0..bytes.len() {
            assert!(
                Bundle::decode(&bundle().proxy, &bytes[..length]).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn two_of_a_name_or_two_types_in_a_file_are_refused() {
        let mut twice = bundle();
        twice.resources.push(twice.resources[0].clone());
        assert!(twice.encode().unwrap_err().to_string().contains("twice"));
        let mut mixed = bundle();
        let body = Body::parse("{}").unwrap();
        mixed
            .resources
            .push(Resource::new(types::CLUSTER, "c", "lds.json", body));
        assert!(mixed.encode().unwrap_err().to_string().contains("two types"));
    }
}

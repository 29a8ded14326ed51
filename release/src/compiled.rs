//! The builder that the programs use: Envoy's configuration, as bundles.

use crate::build::{Builder, Built, ProxyBundle, ROOT};
use meshform_bundle::{Body, Bundle, Origin, ProxyId};
use meshform_envoy::resources::{PartOrigin, Resources};
use meshform_envoy::{self as envoy, layout};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::{BTreeMap, BTreeSet};

/// Builds what Envoys are told.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvoyBuilder;

impl Builder for EnvoyBuilder {
    fn build(&self, mesh: &Mesh) -> Result<Built, Vec<Diagnostic>> {
        let options = options();
        envoy::build(mesh, &options).map(built)
    }

    fn build_some(&self, mesh: &Mesh, proxies: &BTreeSet<ResourceKey>) -> Result<Built, Vec<Diagnostic>> {
        let options = options();
        envoy::build_some(mesh, proxies, &options).map(built)
    }
}

/// What a running Envoy follows. Who wants everything in one file compiles it.
fn options() -> envoy::Options {
    envoy::Options {
        root: ROOT.to_owned(),
        static_files: false,
        token_file: None,
    }
}

fn built(output: envoy::Output) -> Built {
    let proxies = output.proxies.into_iter().filter_map(|proxy| {
        Some(ProxyBundle {
            bundle: bundle(ProxyId::of(&proxy.key)?, &proxy.resources),
            key: proxy.key,
            path: proxy.path,
            digest: proxy.digest,
        })
    });
    Built {
        proxies: proxies.collect(),
        warnings: output.warnings,
    }
}

/// What Envoy is told, as one bundle. Texts that proxies share stay shared.
fn bundle(proxy: ProxyId, told: &Resources) -> Bundle {
    let mut origins = BTreeMap::new();
    let mut resources = Vec::new();
    for one in told.iter() {
        resources.push(meshform_bundle::Resource {
            type_url: one.kind.type_url(),
            name: one.name.clone(),
            digest: one.digest.clone(),
            file: layout::file(one.kind, &one.name),
            body: Body::of_compact(one.shared_json()),
        });
        // A cluster and its endpoints have one name, and come from one field.
        origins
            .entry(one.name.clone())
            .or_insert_with(|| one.origins.iter().map(origin).collect());
    }
    Bundle {
        proxy,
        bootstrap: Body::of_compact(told.bootstrap.shared_json()),
        resources,
        origins,
    }
}

fn origin(part: &PartOrigin) -> Origin {
    let key = &part.origin.key;
    let path = key.path();
    let in_mesh = path.strip_prefix(&ResourceKey::mesh(&key.mesh).path());
    let resource = in_mesh.and_then(|rest| rest.strip_prefix('/')).unwrap_or(&path);
    Origin {
        at: part.at.clone(),
        resource: resource.to_owned(),
        field: part.origin.pointer.to_string(),
    }
}

//! The builder that the programs use: the compiler's Envoy backend.

use crate::build::{Builder, Built, Proxy, ROOT};
use meshform_envoy as envoy;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::BTreeSet;

/// Builds Envoy's files.
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
    }
}

fn built(output: envoy::Output) -> Built {
    let proxies = output.proxies.into_iter().map(|proxy| Proxy {
        files: proxy.files(),
        key: proxy.key,
        path: proxy.path,
        digest: proxy.digest,
    });
    Built {
        proxies: proxies.collect(),
        warnings: output.warnings,
    }
}

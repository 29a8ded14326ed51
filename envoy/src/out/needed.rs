//! Files that must lie on a proxy's machine: certificates and keys, logs, the socket of a secret discovery service.
//! Whoever stands beside the proxy can look for them before Envoy does.

use super::{Options, lowered, refuse_broken};
use crate::ir::cluster::{Cluster, Discovery};
use crate::ir::listener::{Listener, Service};
use crate::ir::tls::{Files, SecretSource};
use crate::ir::{Origin, ProxyIr, Source, wanted_secrets};
use crate::lower::Lowering;
use crate::lower::index::Index;
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::exported::Exported;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file that Envoy will open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededFile {
    /// Its path on the proxy's machine.
    pub path: String,
    /// What Envoy does with it.
    pub purpose: Purpose,
    /// The field that wants it.
    pub origin: Origin,
}

/// What Envoy does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Reads a certificate, a key or trusted authorities from it.
    Certificate,
    /// Writes a log to it.
    Log,
    /// Talks to a secret discovery service through it.
    Socket,
    /// Reads the proxy's token for the control plane from it.
    Token,
}

impl Purpose {
    /// What a message calls the file: `log file`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Certificate => "certificate file",
            Self::Log => "log file",
            Self::Socket => "socket of the secret discovery service",
            Self::Token => "file with the token for the control plane",
        }
    }
}

/// The files that the proxy of a node or a gateway opens, by path.
///
/// # Errors
/// When the mesh is not valid, or has no such node or gateway.
pub fn needed_files(
    mesh: &Mesh,
    key: &ResourceKey,
    options: &Options,
) -> Result<Vec<NeededFile>, Vec<Diagnostic>> {
    let proxy = lowered(mesh, key, &options.root)?;
    let mut out = Vec::new();
    gather(&proxy, &mut out);
    out.sort();
    out.dedup();
    Ok(out)
}

/// The same of all proxies that are wanted, each file once for every field that wants it.
///
/// # Errors
/// When the mesh is not valid, or something is wrong with one of these proxies.
pub fn needed_files_where(
    mesh: &Mesh,
    options: &Options,
    wanted: impl Fn(&ResourceKey) -> bool,
) -> Result<Vec<NeededFile>, Vec<Diagnostic>> {
    let by_proxy = needed_files_by_proxy(mesh, options, wanted)?;
    let mut out: Vec<NeededFile> = by_proxy.into_values().flatten().collect();
    out.sort();
    out.dedup();
    Ok(out)
}

/// The same for each of the proxies: what they share, and the mesh's rules, are looked at once for all of them.
///
/// # Errors
/// When the mesh is not valid, or something is wrong with one of these proxies.
pub fn needed_files_by_proxy(
    mesh: &Mesh,
    options: &Options,
    wanted: impl Fn(&ResourceKey) -> bool,
) -> Result<BTreeMap<ResourceKey, Vec<NeededFile>>, Vec<Diagnostic>> {
    refuse_broken(mesh)?;
    let index = Index::new(mesh);
    let lowering = Lowering::new(&index, &options.root);
    let mut all = BTreeMap::new();
    let nodes = mesh.virtual_nodes().map(|node| &node.key);
    let keys = nodes.chain(mesh.virtual_gateways().map(|gateway| &gateway.key));
    for key in keys.filter(|key| wanted(key)) {
        if let Some(proxy) = lowering.proxy(key) {
            let mut files = Vec::new();
            gather(&proxy, &mut files);
            files.sort();
            files.dedup();
            all.insert(key.clone(), files);
        }
    }
    let problems = lowering.problems();
    match has_errors(&problems) {
        true => Err(problems),
        false => Ok(all),
    }
}

/// What a proxy opens besides where it has its configuration from the control plane of its profile: its token, and the
/// certificates of that connection.
///
/// # Errors
/// When the mesh is not valid, or has no such node or gateway.
pub fn control_plane_files(
    mesh: &Mesh,
    key: &ResourceKey,
    options: &Options,
) -> Result<Vec<NeededFile>, Vec<Diagnostic>> {
    let proxy = lowered(mesh, key, &options.root)?;
    let settings = &proxy.settings;
    let token = settings.token_file.as_ref().and_then(|file| match &file.source {
        Source::Field(origin) => Some(NeededFile {
            path: file.value.clone(),
            purpose: Purpose::Token,
            origin: origin.clone(),
        }),
        _ => None,
    });
    let mut out: Vec<NeededFile> = token.into_iter().collect();
    certificates(&[], settings.control_plane.as_slice(), &mut out);
    out.sort();
    out.dedup();
    Ok(out)
}

fn gather(proxy: &ProxyIr, out: &mut Vec<NeededFile>) {
    certificates(&proxy.listeners, &proxy.clusters, out);
    let log = |path: &str, origin: &Origin| NeededFile {
        path: path.to_owned(),
        purpose: Purpose::Log,
        origin: origin.clone(),
    };
    for listener in &proxy.listeners {
        for chain in listener.chains.iter().chain(&listener.default_chain) {
            let access_log = match &chain.service {
                Service::Http(http) => &http.access_log,
                Service::Tcp(tcp) => &tcp.access_log,
            };
            out.extend(access_log.iter().map(|access| log(&access.path, &access.origin)));
        }
    }
    if let Some(path) = &proxy.settings.admin.access_log {
        let origin = match &path.source {
            Source::Field(origin) => origin.clone(),
            _ => Origin::whole(&proxy.key),
        };
        out.push(log(&path.value, &origin));
    }
    if let Some(sds) = &proxy.settings.sds
        && let Discovery::Socket { path } = &sds.discovery
    {
        out.push(NeededFile {
            path: path.clone(),
            purpose: Purpose::Socket,
            origin: sds.origin.clone(),
        });
    }
}

fn certificates(listeners: &[Listener], clusters: &[Arc<Cluster>], out: &mut Vec<NeededFile>) {
    for (secret, origin) in wanted_secrets(listeners, clusters) {
        if Exported::of_secret(&secret.name).is_some() {
            // What the agent takes from ACM it writes itself.
            continue;
        }
        let paths = match &secret.source {
            SecretSource::Files(Files::Identity {
                chain,
                key,
                passphrase,
            }) => [Some(chain), Some(key), passphrase.as_ref()]
                .into_iter()
                .flatten()
                .collect(),
            SecretSource::Files(Files::Trust { bundle }) => vec![bundle],
            SecretSource::Sds => Vec::new(),
        };
        out.extend(paths.into_iter().map(|path| NeededFile {
            path: path.clone(),
            purpose: Purpose::Certificate,
            origin: origin.clone(),
        }));
    }
}

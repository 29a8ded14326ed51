//! Envoy's configuration: from a mesh, through what each proxy needs, to Envoy's own messages, encoded and as JSON.
//!
//! [`build`] makes all proxies' [`Resources`]; as files ([`ProxyIr::files`]) they are `bootstrap.json` (filesystem xDS),
//! `static.json` (all in one), and under `xds/` what a running Envoy follows. Those are put in
//! `<directory>/releases/<digest>/` and `<directory>/current` is a link to it, swapped by renaming. A
//! change that adds or takes away clusters goes through sets of files in between (the bundle crate's `transition`).
//!
//! The modules follow the model: `listener`, `route`, `cluster`, `endpoint`, `tls`, `telemetry`, `bootstrap`; `delivery`
//! says how the parts reach a proxy, `encode` makes resources of messages, `origins` says what each was made from.

mod affected;
pub(crate) mod bootstrap;
pub(crate) mod cluster;
pub(crate) mod delivery;
mod encode;
pub(crate) mod endpoint;
mod exported;
pub(crate) mod listener;
mod needed;
mod origins;
pub(crate) mod route;
pub(crate) mod telemetry;
pub(crate) mod tls;
mod token;

pub use affected::affected;
pub use exported::{AgentPresence, without_agent};
pub use needed::{
    NeededFile, Purpose, control_plane_files, needed_files, needed_files_by_proxy, needed_files_where,
};

use crate::codes;
use crate::files::Files;
use crate::ir;
use crate::layout;
use crate::lower::index::Index;
use crate::lower::proxy::folder;
use crate::lower::{Lowering, lowered, refuse_broken};
use crate::resources::Resources;
use delivery::Delivery;
use encode::Encoder;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_model::diag::{Diagnostic, Example, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::BTreeSet;

/// What building needs to know beside the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The absolute directory under which proxies find their files, where their profile names none.
    pub root: String,
    /// Whether `static.json` is written too. A release does not need it.
    pub static_files: bool,
    /// The file on the proxy's machine that holds its token for the control plane, where another is meant than that of its
    /// profile.
    pub token_file: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Virtual nodes, then virtual gateways, by name.
    pub proxies: Vec<BuiltProxy>,
    /// What is worth a look.
    pub warnings: Vec<Diagnostic>,
}

/// One proxy's configuration, from files.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltProxy {
    /// The virtual node or virtual gateway.
    pub key: ResourceKey,
    /// The folder for its files, relative: `mesh/virtualNode/name`.
    pub path: String,
    /// The directory on the proxy's machine that its bootstrap names.
    pub directory: String,
    /// A hash of what a running Envoy follows.
    pub digest: String,
    pub resources: Resources,
    /// The text of the bootstrap that holds everything; see [`Options::static_files`].
    pub static_bootstrap: Option<String>,
}

/// Where a proxy gets its configuration from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All of it stands in the bootstrap.
    Static,
    /// A directory whose files Envoy watches; they are swapped as a whole.
    Files,
    /// The control plane of the profile.
    Ads,
}

impl Options {
    /// Where proxies find their files where nobody says another directory.
    pub const DEFAULT_ROOT: &str = "/etc/meshform";

    pub fn new(root: impl Into<String>) -> Self {
        Self {
            root: root.into(),
            static_files: true,
            token_file: None,
        }
    }
}

/// Makes the files of every proxy of a mesh.
///
/// # Errors
/// Everything that is wrong, when the mesh is not valid or something has no form in Envoy.
pub fn build(mesh: &Mesh, options: &Options) -> Result<Output, Vec<Diagnostic>> {
    refuse_broken(mesh)?;
    build_where(mesh, options, |_| true)
}

/// Makes the files of some proxies of a mesh, after a change that reaches no others (see [`affected`]). The caller has
/// seen to it that [`Mesh::check`] finds no error: the whole mesh is not looked at for the sake of a few proxies.
///
/// # Errors
/// Everything that is wrong with these proxies.
pub fn build_some(
    mesh: &Mesh,
    proxies: &BTreeSet<ResourceKey>,
    options: &Options,
) -> Result<Output, Vec<Diagnostic>> {
    build_where(mesh, options, |key| proxies.contains(key))
}

fn build_where(
    mesh: &Mesh,
    options: &Options,
    wanted: impl Fn(&ResourceKey) -> bool,
) -> Result<Output, Vec<Diagnostic>> {
    let index = Index::new(mesh);
    let lowering = Lowering::new(&index, &options.root);
    let mut encoder = Encoder::default();
    let mut proxies = Vec::new();
    let mut faults = Vec::new();
    for key in index.proxies().filter(|key| wanted(key)) {
        let Some(proxy) = lowering.proxy(key) else {
            continue;
        };
        match encoded(&mut encoder, &proxy, options) {
            Ok(proxy) => proxies.push(proxy),
            Err(error) => faults.push(internal(&error)),
        }
    }
    let mut problems = lowering.problems();
    problems.extend(faults);
    if has_errors(&problems) {
        return Err(problems);
    }
    Ok(Output {
        proxies,
        warnings: problems,
    })
}

fn encoded(
    encoder: &mut Encoder,
    proxy: &ir::ProxyIr,
    options: &Options,
) -> Result<BuiltProxy, meshform_envoy_api::Error> {
    let directory = proxy.settings.directory.value.clone();
    let delivery = Delivery::Files {
        directory: directory.clone(),
    };
    let resources = encoder.resources(proxy, &delivery)?;
    Ok(BuiltProxy {
        key: ResourceKey::clone(&proxy.key),
        path: folder(&proxy.key),
        directory,
        digest: resources.digest().into(),
        static_bootstrap: match options.static_files {
            true => Some(layout::lines(&encoder.inline(proxy)?)),
            false => None,
        },
        resources,
    })
}

impl BuiltProxy {
    /// All of it as files by path: `bootstrap.json`, `static.json`, and under `xds/` what a running Envoy follows.
    pub fn files(&self) -> Files {
        let mut files: Files = layout::files(&self.resources)
            .into_iter()
            .map(|(path, content)| (layout::FOLLOWED.to_owned() + &path, content))
            .collect();
        files.insert(
            layout::BOOTSTRAP.to_owned(),
            layout::lines(self.resources.bootstrap.json()).into_bytes(),
        );
        if let Some(text) = &self.static_bootstrap {
            files.insert(layout::STATIC.to_owned(), text.clone().into_bytes());
        }
        files
    }
}

/// Makes one proxy's bootstrap.
///
/// # Errors
/// As [`build`], and when the mesh has no such node or gateway.
pub fn bootstrap(
    mesh: &Mesh,
    key: &ResourceKey,
    mode: Mode,
    options: &Options,
) -> Result<String, Vec<Diagnostic>> {
    let proxy = lowered(mesh, key, &options.root)?;
    let delivery = match mode {
        Mode::Static => Delivery::Inline,
        Mode::Ads => Delivery::Ads {
            token_file: options.token_file.clone().or_else(|| {
                let named = proxy.settings.token_file.as_ref();
                named.map(|file| file.value.clone())
            }),
        },
        Mode::Files => Delivery::Files {
            directory: proxy.settings.directory.value.clone(),
        },
    };
    if mode == Mode::Ads && proxy.settings.control_plane.is_none() {
        return Err(vec![
            Diagnostic::error(
                codes::NO_CONTROL_PLANE,
                format!("no control plane is known for {key}"),
            )
            .help("name it in the proxy profile")
            .example(Example::profile(serde_json::json!({
                "controlPlane": {"address": "control-plane.example", "port": 18000}
            }))),
        ]);
    }
    let text = match delivery {
        Delivery::Inline => Encoder::default().inline(&proxy),
        _ => encode::bootstrap(&proxy.settings, &delivery).map(|bootstrap| bootstrap.json().to_owned()),
    };
    text.map(|text| layout::lines(&text))
        .map_err(|error| vec![internal(&error)])
}

fn internal(error: &meshform_envoy_api::Error) -> Diagnostic {
    Diagnostic::error(
        codes::INTERNAL,
        format!("a message for Envoy cannot be written: {error}"),
    )
    .help("please report this")
}

/// A gRPC service behind a cluster.
pub(crate) fn grpc_service(cluster: &str) -> core::GrpcService {
    use core::grpc_service::{EnvoyGrpc, TargetSpecifier};
    core::GrpcService {
        target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
            cluster_name: cluster.to_owned(),
            ..Default::default()
        })),
        ..Default::default()
    }
}

//! How each proxy of a task gets its configuration, by `--configuration` and its profile.

use super::super::{Arguments, Configuration};
use super::needed_file;
use crate::codes;
use crate::commands::load::is_called;
use meshform_compiler::ecs::{Ads, Delivery, NeededFile};
use meshform_envoy::{self as envoy, BuiltProxy, Mode, Options};
use meshform_model::diag::{Diagnostic, Example, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::pointer::Pointer;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The files that proxies open, by proxy.
pub(super) type Needed = BTreeMap<ResourceKey, Vec<envoy::NeededFile>>;

/// Paths are those in the proxies' containers.
const ROOT: &str = "/";

/// The files of the proxies that are meant. They were compiled before, so that nothing is wrong with them.
pub(super) fn needed(arguments: &Arguments, meshes: &[Mesh]) -> Needed {
    let node = arguments.node.as_deref();
    let is_meant = |key: &ResourceKey| node.is_none_or(|node| is_called(key, node));
    let files = |mesh| envoy::needed_files_by_proxy(mesh, &Options::new(ROOT), is_meant).unwrap_or_default();
    meshes.iter().flat_map(files).collect()
}

/// How one proxy gets its configuration.
pub(super) struct ConfigurationDelivery {
    configuration: Configuration,
    /// What Envoy is given by the task itself.
    bootstrap: String,
    /// Where the control plane of an Envoy with ADS is asked whether it is ready: then the agent starts that Envoy.
    api: Option<String>,
    /// The files that Envoy opens.
    pub(super) files: Vec<NeededFile>,
}

impl ConfigurationDelivery {
    pub(super) fn of(
        arguments: &Arguments,
        mesh: &Mesh,
        proxy: &BuiltProxy,
        needed: &Needed,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (key, options) = (&proxy.key, Options::new(ROOT));
        let mut files = needed.get(key).cloned().unwrap_or_default();
        let (mut bootstrap, mut api) = (String::new(), None);
        match arguments.configuration {
            Configuration::Agent => {}
            Configuration::Static => bootstrap = proxy.static_bootstrap.clone().unwrap_or_default(),
            Configuration::Ads => {
                bootstrap = envoy::bootstrap(mesh, key, Mode::Ads, &options)?;
                files.extend(envoy::control_plane_files(mesh, key, &options)?);
                let plane = mesh.profile_for(key).control_plane;
                api = plane.and_then(|plane| plane.api_url);
                if api.is_none() && arguments.proxy_image.is_some() {
                    return Err(vec![no_api(proxy)]);
                }
            }
        }
        Ok(Self {
            configuration: arguments.configuration,
            bootstrap,
            api,
            files: files.into_iter().map(needed_file).collect(),
        })
    }

    /// Whether the agent starts Envoy.
    pub(super) fn has_agent(&self) -> bool {
        self.configuration == Configuration::Agent || self.api.is_some()
    }

    pub(super) fn delivery<'a>(&'a self, image: &'a Json, store: &'a Json) -> Delivery<'a> {
        match self.configuration {
            _ if self.has_agent() => Delivery::Agent { image, store },
            Configuration::Ads => Delivery::Ads(self.bootstrap.as_bytes()),
            Configuration::Agent | Configuration::Static => Delivery::Static(self.bootstrap.as_bytes()),
        }
    }

    pub(super) fn ads(&self) -> Option<Ads<'_>> {
        let api = self.api.as_deref()?;
        Some(Ads {
            bootstrap: &self.bootstrap,
            api,
        })
    }
}

fn no_api(proxy: &BuiltProxy) -> Diagnostic {
    let key = &proxy.key;
    Diagnostic::error(
        codes::BAD_OPTION,
        format!("the agent of {key} has no address to ask whether its control plane is ready"),
    )
    .help("set the API's address in the proxy profile (`apiUrl`), or leave `--proxy-image` out: Envoy then starts \
           without the agent, and waits for the control plane")
    .example(Example::profile(json!({"controlPlane": {"address": "mesh.internal", "port": 18000, "apiUrl": "http://mesh.internal:8080"}})))
    .at(ProblemLocation::of(key, &Pointer::root()))
}

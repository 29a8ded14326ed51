//! A proxy as an ECS task definition: the application's container, and stock Envoy beside it.
//!
//! - `values` computes what goes in: everything that has a meaning.
//! - `templates/ecs/` gives it a shape, and may be replaced by the user's own.
//! - `sidecar` puts the same proxy beside containers that somebody has already; `existing` does it to whole task
//!   definitions (`forms` reads them), and `appmesh` knows App Mesh's own Envoy in them; `patch` brings them back into their
//!   template.
//! - `mesh_stack` is what all proxies of a mesh share: namespaces of Cloud Map, a security group, private DNS records,
//!   the poller of endpoints.
//! - `ports`: where the proxy listens, and what other containers have. `interception`: what ECS cannot leave out of it.
//! - `app` is the application's container, `companions` what takes traces and statistics, `registry` where others find it.
//! - `compose` puts the same tasks into a file for Docker Compose.
//! - `mounts` looks whether every file that the configuration names is brought to the container.
//! - `check` holds the result against what ECS takes, whoever shaped it; `types` knows what its API does not coerce.
//!   `names`: the two spellings of ECS's names.
//!
//! How the configuration arrives is a [`Delivery`]; what the task's role must allow says `crate::policy`.

mod app;
mod appmesh;
mod check;
pub mod codes;
mod companions;
mod compose;
mod existing;
mod forms;
mod interception;
mod mesh_stack;
mod mounts;
mod names;
mod partials;
mod patch;
mod ports;
mod registry;
mod render;
mod schema;
mod sidecar;
mod types;
mod unused;
mod values;

pub use appmesh::{Change, VariableFate};
pub use companions::{COLLECTOR_CONFIGURATION, COLLECTOR_IMAGE, collector_policy};
pub use compose::{Compose, compose};
pub use existing::{Existing, Translated, recognise, untouched};
pub use interception::not_left_out;
pub use mesh_stack::{MeshStack, Poller, build_mesh, with_prefix_parameter};
pub use mounts::is_stock;
pub use patch::{IMAGE_PARAMETER, PatchedTask, STORE_PARAMETER, image, patch, store, template_resource};
pub use registry::Registries;
pub use render::Templates;
pub use sidecar::{ProxyConfiguration, Sidecar, sidecar};

use crate::frontend::workloads::Workload;
use meshform_model::diag::{Diagnostic, Example, ProblemLocation, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use serde_json::{Value as Json, json};

pub const ENVOY: &str = "envoy";
/// The task's volume that holds the proxy's files, where there is one.
pub const VOLUME: &str = "meshform";
/// The variable with the whole configuration, or the bootstrap, of a proxy without an agent.
const BOOTSTRAP: &str = "MESHFORM_BOOTSTRAP";

/// A proxy to be run on ECS.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    pub mesh: &'a Mesh,
    /// The virtual node or virtual gateway.
    pub key: &'a ResourceKey,
    pub delivery: Delivery<'a>,
    /// The files that its configuration names.
    pub files: &'a [NeededFile],
    /// What runs beside it, where that was said in its short form.
    pub workload: Option<&'a Workload>,
    /// The image of what takes traces and statistics in the task, where somebody wants it.
    pub collector: Option<&'a str>,
    /// The control plane from which Envoy has its configuration while that is there, with [`Delivery::Agent`].
    pub ads: Option<Ads<'a>>,
}

/// An Envoy that has its configuration by ADS, and is started by the agent.
#[derive(Debug, Clone, Copy)]
pub struct Ads<'a> {
    pub bootstrap: &'a str,
    /// Where the control plane is asked whether it is ready.
    pub api: &'a str,
}

impl<'a> Task<'a> {
    /// A proxy without anything beside it that is known.
    pub fn new(mesh: &'a Mesh, key: &'a ResourceKey, delivery: Delivery<'a>) -> Self {
        Self {
            mesh,
            key,
            delivery,
            files: &[],
            workload: None,
            collector: None,
            ads: None,
        }
    }
}

/// How the proxy's configuration arrives.
#[derive(Debug, Clone, Copy)]
pub enum Delivery<'a> {
    /// The whole static configuration, compressed, in an environment variable: a task needs no bucket, no volume and no
    /// permission to start, and a changed mesh is a changed task definition.
    Static(&'a [u8]),
    /// This bootstrap asks a control plane, in the same variable: a changed mesh changes no task definition, and a proxy
    /// that starts waits for the control plane.
    Ads(&'a [u8]),
    /// This bootstrap follows the files that somebody publishes on the task's volume [`VOLUME`].
    Volume {
        bootstrap: &'a [u8],
        /// Where the proxy's container has the volume.
        directory: &'a str,
    },
    /// meshform's agent brings each release from a store: a changed mesh changes no task definition.
    Agent {
        /// The container image that holds the agent and Envoy; a text, or an expression of CloudFormation.
        image: &'a Json,
        /// The store, such as `s3://bucket/prefix`; a text, or an expression of CloudFormation.
        store: &'a Json,
    },
}

/// A file, or a socket, that the proxy's configuration names.
#[derive(Debug, Clone)]
pub struct NeededFile {
    /// Its path in the proxy's container.
    pub path: String,
    /// What messages call it: `certificate file`.
    pub what: &'static str,
    /// Whether the proxy writes to it; it reads all others.
    pub written: bool,
    /// The field that names it.
    pub place: ProblemLocation,
}

/// A template with a task definition, and what to know about it.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The CloudFormation template with the task definition, as JSON.
    pub json: Json,
    /// What works differently from what one may expect.
    pub warnings: Vec<Diagnostic>,
}

/// The task definition of one proxy.
pub fn build(task: &Task<'_>, templates: &Templates) -> Result<Definition, Vec<Diagnostic>> {
    build_among(task, &Registries::of(task.mesh), templates)
}

/// The task definition of one of many proxies, with the registries of their mesh.
pub fn build_among(
    task: &Task<'_>,
    registries: &Registries<'_>,
    templates: &Templates,
) -> Result<Definition, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let parts = parts(task, templates, &mut problems)?;
    problems.extend(companions::untaken(task));
    problems.extend(registry::unset(task));
    let json = match render::task_definition(templates, &parts.values(task, registries)) {
        Ok(json) => json,
        Err(problem) => {
            problems.push(*problem);
            return Err(problems);
        }
    };
    problems.extend(check::definition(&json));
    if !has_errors(&problems) {
        problems.extend(unmounted(task, &json));
    }
    for place in problems.iter_mut().flat_map(|problem| problem.places.iter_mut()) {
        place.resource.get_or_insert_with(|| task.key.clone());
    }
    match has_errors(&problems) {
        true => Err(problems),
        false => Ok(Definition {
            json,
            warnings: problems,
        }),
    }
}

/// What the task needs, where the profile says how traffic gets into the proxy.
fn parts(
    task: &Task<'_>,
    templates: &Templates,
    problems: &mut Vec<Diagnostic>,
) -> Result<values::Parts, Vec<Diagnostic>> {
    // A gateway is called from outside: nothing has to be led into it.
    if task.mesh.profile_for(task.key).interception.is_none() && task.key.kind != Kind::VirtualGateway {
        return Err(vec![no_interception(task.key)]);
    }
    let parts = values::Parts::new(task, templates, problems);
    match has_errors(problems) {
        true => Err(std::mem::take(problems)),
        false => Ok(parts),
    }
}

/// Files that a rendered template, which may be the user's own, does not bring to the proxy's container.
fn unmounted(task: &Task<'_>, template: &Json) -> Vec<Diagnostic> {
    let resources = template.get("Resources").and_then(Json::as_object);
    let containers = resources
        .into_iter()
        .flat_map(|all| all.values())
        .filter_map(|resource| resource.pointer("/Properties/ContainerDefinitions")?.as_array())
        .flatten()
        .map(names::to_api);
    let proxies = containers.filter(|one| one.get("name").and_then(Json::as_str) == Some(ENVOY));
    proxies
        .flat_map(|envoy| sidecar::unmounted(task, &envoy))
        .collect()
}

fn no_interception(key: &ResourceKey) -> Diagnostic {
    Diagnostic::error(
        codes::NO_INTERCEPTION,
        format!("the proxy of {key} has no interception mode"),
    )
    .help("set one in a proxy profile (`explicit` needs no support from ECS, `transparent` is what App Mesh did)")
    .example(Example::profile(json!({"virtualNode": key.name, "interception": {"explicit": {}}})).of(&key.mesh, &key.name))
    .at(meshform_model::diag::ProblemLocation::of(key, &meshform_model::pointer::Pointer::root()))
}

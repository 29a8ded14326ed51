//! A proxy as an ECS task definition: the application's container, and stock Envoy beside it.
//!
//! - `values` computes what goes in: everything that has a meaning.
//! - `templates/ecs/` gives it a shape, and may be replaced by the user's own.
//! - `sidecar` puts the same proxy beside containers that somebody has already.
//! - `check` holds the result against what ECS takes, whoever shaped it.
//!
//! The proxy's whole static configuration travels in an environment variable, compressed, so that a task needs
//! no bucket, no volume and no permission to start. A changed mesh is then a changed task definition.

mod check;
pub mod codes;
mod partials;
mod render;
mod sidecar;
mod values;

pub use render::Templates;
pub use sidecar::{ProxyConfiguration, VOLUME, proxy_configuration, sidecar};

use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use serde_json::Value as Json;

/// A proxy to be run on ECS.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// Its mesh.
    pub mesh: &'a Mesh,
    /// The virtual node or virtual gateway.
    pub key: &'a ResourceKey,
    /// Its static Envoy configuration.
    pub bootstrap: &'a [u8],
}

/// A template with a task definition, and what to know about it.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The CloudFormation template.
    pub json: Json,
    /// What works differently from what one may expect.
    pub warnings: Vec<Diagnostic>,
}

/// The task definition of a proxy.
pub fn build(task: &Task<'_>, templates: &Templates) -> Result<Definition, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let profile = task.mesh.profile_for(task.key);
    let is_gateway = task.key.kind == Kind::VirtualGateway;
    // A gateway is called from outside: nothing has to be led into it.
    if profile.interception.is_none() && !is_gateway {
        return Err(vec![no_interception(task.key)]);
    }
    let values = values::compute(task, &profile, templates, &mut problems);
    if has_errors(&problems) {
        return Err(problems);
    }
    let json = match render::task_definition(templates, &values) {
        Ok(json) => json,
        Err(problem) => {
            problems.push(*problem);
            return Err(problems);
        }
    };
    problems.extend(check::definition(&json));
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

fn no_interception(key: &ResourceKey) -> Diagnostic {
    Diagnostic::error(
        codes::NO_INTERCEPTION,
        format!("how traffic gets into the proxy of {key} was not chosen"),
    )
    .help(format!(
        "choose in a proxy profile (`explicit` needs no support from ECS, `transparent` is what App Mesh did):\n\
         resource \"appmesh_proxy_profile\" \"{label}\" {{\n  name      = \"{name}\"\n  mesh_name = \"{mesh}\"\n  spec {{\n    \
         virtual_node = \"{name}\"\n    interception {{\n      explicit {{}}\n    }}\n  }}\n}}",
        label = key
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect::<String>(),
        name = key.name,
        mesh = key.mesh,
    ))
    .at(meshform_model::diag::Place::of(key, &meshform_model::pointer::Pointer::root()))
}

//! What can be looked up: one resource by its name, all resources of a kind, what is listed for
//! `terraform query`, what the release of a mesh says, and what the compiler makes of it.

mod compiled;
mod listing;
mod many;
mod one;
mod policy;
mod release;

pub(crate) use compiled::{CloudFormationTemplate, EcsTaskDefinition, ProxyConfiguration};
pub(crate) use listing::Listing;
pub(crate) use many::ResourceListDataSource;
pub(crate) use one::ResourceDataSource;
pub(crate) use policy::BucketPolicy;
pub(crate) use release::ReleaseStatus;

use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema as model_schema;
use meshform_store::Prefix;
use tfplugin::Value;

/// The plural of a kind's Terraform name: `appmesh_meshes`, `appmesh_virtual_nodes`.
pub(crate) fn plural(kind: Kind) -> String {
    meshform_model::kind::plural(model_schema::kind(kind).type_in(Dialect::Terraform))
}

/// The attributes that narrow a search down: the names of what contains the kind.
fn containers(kind: Kind) -> Vec<&'static str> {
    let mut names: Vec<&str> = crate::key::attributes(kind).collect();
    names.pop();
    names
}

/// The records that a block with [`containers`] asks for.
fn prefix(kind: Kind, block: &Value) -> Prefix {
    let mut names = containers(kind).into_iter().map(|name| block.str(name));
    let mut prefix = match names.next().flatten() {
        Some(mesh) => Prefix::mesh(mesh).kind(kind),
        None => Prefix::all().kind(kind),
    };
    if let Some(parent) = names.next().flatten() {
        prefix = prefix.parent(parent);
    }
    prefix
}

/// A name for people: `apps/serviceb/by-weight`.
fn display_name(key: &ResourceKey) -> String {
    key.names().join("/")
}

//! Stores in buckets: the contract on two servers with the interface of S3, and on one each with Google's and Azure's;
//! real Terraform on them, their credentials and their faults.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

mod azure;
mod blobs;
mod bucket;
#[path = "../conformance/certificates.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod certificates;
mod clouds;
mod contract;
mod credentials;
mod desk;
mod faults;
mod google;
mod issuers;
#[allow(dead_code, reason = "each test program uses its part")]
mod moto;
mod policies;
mod requests;
mod server;
mod targets;
mod teams;
#[path = "../provider/wait.rs"]
mod wait;
#[path = "../provider/world.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod world;

use bucket::said;
pub(crate) use bucket::{Bucket, KEY, SECRET, opened};
use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use std::process::Command;

/// What `meshform` says, and whether it ended with 0, with these variables and none of this process's.
pub(crate) fn meshform_alone(
    url: &str,
    arguments: &[&str],
    variables: &[(&'static str, String)],
) -> (bool, String) {
    let mut command = Command::new(tools::meshform());
    command.env_clear();
    command.args(arguments).args(["--store", url]);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    said(&mut command)
}

pub(crate) const MESH: &str = "resource \"appmesh_mesh\" \"it\" {\n  name = \"m\"\n}\n";

/// Nodes `a0`, `a1`, …, for `a`; each is a resource of its own.
pub(crate) fn nodes(name: &str, count: usize) -> String {
    format!(
        r#"
resource "appmesh_virtual_node" "{name}" {{
  count     = {count}
  name      = "{name}${{count.index}}"
  mesh_name = "m"
  spec {{
    listener {{
      port_mapping {{
        port     = 80
        protocol = "http"
      }}
    }}
    service_discovery {{
      dns {{
        hostname = "{name}${{count.index}}.local"
      }}
    }}
  }}
}}
"#
    )
}

pub(crate) fn node(name: &str) -> ResourceKey {
    ResourceKey::in_mesh("m", Kind::VirtualNode, name)
}

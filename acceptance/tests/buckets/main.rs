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
mod moto;
mod requests;
mod server;
mod teams;
#[path = "../provider/world.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod world;

use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_store::{Access, Location, Prefix, Record, Seed, Store};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use world::{World, no_panic, wait};

/// A bucket on a server.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// The server's address.
    pub(crate) endpoint: String,
    /// The store's name.
    pub(crate) url: String,
}

/// What the servers take.
pub(crate) const KEY: &str = "AKIAEXAMPLE";
pub(crate) const SECRET: &str = "a-secret-for-tests";

impl Bucket {
    /// A prefix of the bucket `meshes`.
    pub(crate) fn at(address: SocketAddr, prefix: &str) -> Self {
        Self {
            endpoint: format!("http://{address}"),
            url: format!("s3://meshes/{prefix}"),
        }
    }

    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_ENDPOINT_URL_S3", &self.endpoint),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The store, as the programs open it.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        opened(&self.url, self.environment())
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        wait(self.store().list(&Prefix::all())).unwrap().records
    }

    /// A root module whose resources are `owner`'s, and in this bucket.
    pub(crate) fn world(&self, owner: &str, configuration: &str) -> World {
        let world = World::with_provider(&self.settings(owner), configuration);
        let keys = [
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("CI", ""),
        ];
        keys.into_iter()
            .fold(world, |world, (name, value)| world.env(name, value))
    }

    pub(crate) fn settings(&self, owner: &str) -> String {
        format!(
            "store = \"{}\"\nowner = \"{owner}\"\ns3 {{\n  endpoint = \"{}\"\n}}\n",
            self.url, self.endpoint
        )
    }

    /// What `meshform` says, and whether it ended with 0.
    pub(crate) fn meshform(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(tools::meshform());
        command.args(arguments).args(["--store", &self.url]);
        command.envs(self.environment());
        said(&mut command)
    }
}

/// A store, as the programs open it in this environment.
pub(crate) fn opened(url: &str, environment: Vec<(String, String)>) -> Arc<dyn Store> {
    let access = Access {
        environment,
        ..Access::default()
    };
    let location = Location::parse(url, Path::new("/")).unwrap();
    location.open(&access, &Seed::default()).unwrap()
}

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

fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap();
    said.push_str(&String::from_utf8(output.stderr).unwrap());
    no_panic(&said);
    (output.status.success(), said)
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

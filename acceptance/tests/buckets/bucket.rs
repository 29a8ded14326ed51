//! A bucket on a server, as the programs are told of it.

use crate::world::{World, no_panic, wait};
use meshform_acceptance::tools;
use meshform_store::{Access, Location, Prefix, Record, Seed, Store};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A bucket on a server.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    pub(crate) url: String,
}

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

    pub(crate) fn access(&self) -> Access {
        Access {
            environment: self.environment(),
            ..Access::default()
        }
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

pub(crate) fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap();
    said.push_str(&String::from_utf8(output.stderr).unwrap());
    no_panic(&said);
    (output.status.success(), said)
}

//! `terraform-provider-appmesh`: the resources of App Mesh, kept in a store of one's own and published to Envoy.
//!
//! The way of a value: Terraform's wire form → [`tfplugin::Value`] → the model's instance tree ([`value`]) → its
//! canonical form → a record in the store ([`session`]) → a release. The Terraform schema is derived from the
//! model's ([`schema`]); one implementation ([`resource`]) serves every kind.
//!
//! Threads: the SDK's runtime answers Terraform's calls with two to four. The store has one (`meshform-store`): SQLite's
//! connection belongs to one thread, which commits together the writes that wait at the same time; connections to a bucket
//! or etcd, and the renewal of runs, live where no answer rests. The first write begins another (`meshform-release`), so
//! that a release goes on while calls come and go. A plan that only reads starts neither a run nor that one.

mod answer;
mod flights;
mod foresight;
mod functions;
mod key;
mod lookup;
mod policy;
mod problem;
mod provider;
mod release;
mod resource;
mod schema;
mod session;
mod settings;
mod tags;
mod value;

use std::process::ExitCode;
use terraform_provider_appmesh::codes;

fn main() -> ExitCode {
    tfplugin::serve(
        "registry.terraform.io/meshform/appmesh",
        provider::Appmesh::default(),
    )
}

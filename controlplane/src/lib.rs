//! `meshform serve`: the App Mesh REST API over a store, so that what spoke to App Mesh (AWS's command line, SDKs, the
//! Terraform provider hashicorp/aws) goes on working.
//!
//! - [`Server`] listens and answers. It keeps nothing that the store does not have, so that any number of servers may
//!   stand before one store.
//! - `rest`: the operations. Paths, members and shapes come from the schema; what a write means, `registry` says.
//! - `xds`: Envoy's discovery protocol, from the releases.
//! - `console`: pages for people, at `/console/`.
//! - `auth`: who may do what.
//! - `plane`: what all requests share.
//!
//! An answer means *stored*; the release follows within a second, as with App Mesh. The header `x-meshform-revision` says
//! which revision of the mesh to wait for.

pub mod auth;
mod certificate;
pub mod codes;
mod console;
mod fault;
pub mod fuzzing;
mod limits;
mod listen;
mod metrics;
mod plane;
mod rest;
mod seal;
mod server;
mod turns;
mod xds;

pub use auth::aws::Login;
pub use limits::Rate;
pub use listen::TlsFiles;
pub use plane::{Authentication, Settings};
pub use server::{Addresses, Server};

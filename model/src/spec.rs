//! What a resource says, typed: for the code that must think about a mesh.
//!
//! The types follow the canonical form, which is the API's JSON, shape by shape: `cargo xtask codegen` writes them from
//! `schemas/`. What they can tell beyond their fields stands here by hand. They are made from trees that field-level
//! validation has passed, so they carry types and unions, not bounds. A group of which exactly one must be there is an
//! enum; a group of which at most one may be there stays a pair of options with a method that tells which.
//!
//! What App Mesh defined several times with the same fields (TLS of nodes and gateways, HTTP and gRPC timeouts, header
//! and metadata matchers) is one type, because its places have the same `x-rust`.

mod duration;
mod extensions;
mod gateway_route;
#[rustfmt::skip]
mod generated;
mod listener;
mod matching;
mod mesh;
mod part;
mod proxy_profile;
mod route;
mod tls;
mod virtual_node;

pub use gateway_route::HostnameMatch;
pub use generated::*;
pub use matching::PathMatch;

#[cfg(test)]
mod tests;

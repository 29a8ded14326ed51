//! The provider's promises, each shown with real Terraform on a module and a store of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

mod arguments;
mod bad_input;
mod constraints;
mod early;
mod emitted;
mod extensions;
mod functions;
mod hcl;
mod killed;
mod kinds;
mod lifecycle;
mod logs;
mod lookups;
mod migration;
mod order;
mod original_bugs;
mod parity;
mod protocol;
mod release_resource;
mod releases;
mod small_mesh;
mod stores;
mod teams;
mod versions;
mod wait;
mod world;
mod writers;
mod zero_and_empty;

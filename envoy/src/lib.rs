//! From a valid mesh to what each Envoy needs. Pure: resources in, messages and files as values out.
//!
//! - `lower`: a valid mesh → what each proxy needs ([`ir`]).
//! - `out`: that → Envoy's own messages, encoded as [`resources`]; [`build`] is its door.
//! - [`layout`]: those as files (`text` writes JSON).
//! - [`route`]: the way of one request, without Envoy. `effective`: every value of a proxy and where it comes from;
//!   [`explain`] is its door.
//! - [`polled`](mod@polled): nodes whose addresses are looked up in Cloud Map, and who needs them.
//! - [`diff`]: what proxies are told differently between two states of a mesh.
//! - [`files`]: files as values, safe names. [`codes`]: the problems that are reported.

pub mod codes;
pub mod diff;
mod effective;
pub mod files;
pub mod ir;
pub mod layout;
mod lower;
mod out;
pub mod polled;
pub mod resources;
pub mod route;
mod text;

pub use codes::CODES;
pub use effective::{Effective, explain};
pub use files::Files;
pub use out::{
    AgentPresence, BuiltProxy, Mode, NeededFile, Options, Output, Purpose, affected, bootstrap, build,
    build_some, control_plane_files, needed_files, needed_files_by_proxy, needed_files_where, without_agent,
};

//! What one proxy gets, and how it reaches the proxy: everything that a publisher and an agent beside an Envoy share.
//!
//! - [`Bundle`]: one proxy's bootstrap and Envoy resources as one blob, with the origin of each. Format 2 is written;
//!   format 1 (a map of files) is read.
//! - [`objects`]: the small objects of a bucket (pointer, endpoints, status); [`ProxyId`] gives their keys.
//! - [`discovery`]: what a poller of endpoints is told and tells. [`endpoints`]: what it found, as Envoy reads it.
//! - [`layout`]: which files a bundle becomes. [`transition`](mod@transition): the sets of resources between two bundles
//!   that a running Envoy needs to lose no request.
//! - [`codes`]: the codes of what agents say.
//! - [`publish`]: brings a directory to a release, one atomic swap per proxy.
//!
//! Neither a mesh nor a store is known here, so that an agent that is built on this stays small.

mod blame;
mod body;
mod bundle;
pub mod codes;
pub mod discovery;
pub mod endpoints;
pub mod error;
pub mod fuzzing;
pub mod layout;
mod legacy;
pub mod objects;
mod proxy;
pub mod publish;
mod resource;
pub mod transition;

pub use blame::blamed;
pub use body::Body;
pub use bundle::{Bundle, FORMAT, Origin};
pub use error::{Error, Result};
pub use meshform_model::agent;
pub use meshform_model::digest::{Digest, hex};
pub use meshform_model::exported;
pub use meshform_model::validate::closest;
pub use proxy::{ProxyId, mesh_prefix};
pub use resource::{ROOT, Resource};

//! From a mesh to Envoy, CloudFormation and ECS. Pure: text and resources in, files as values out.
//!
//! - `lower`: a whole mesh → what each proxy needs ([`ir`]).
//! - [`envoy`]: that → Envoy's files. [`route`]: the way of one request, without Envoy.
//! - [`frontend`]: any form → resources. [`cloudformation`], [`ecs`], [`api`], [`terraform`]: resources → these.
//!   [`graph`]: meshes → a picture.
//! - [`files`]: files as values, safe names. [`codes`]: the problems that are reported.

pub mod api;
pub mod body;
pub mod cloudformation;
pub mod codes;
pub mod ecs;
pub mod envoy;
pub mod files;
pub mod frontend;
pub mod graph;
pub mod ir;
pub(crate) mod lower;
pub mod route;
pub mod terraform;

pub use codes::CODES;
pub use files::Files;

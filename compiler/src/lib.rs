//! From any form to a mesh, and from a mesh to CloudFormation, HCL, ECS and a picture. Pure: text and resources in,
//! files as values out. What Envoy gets is made by `meshform-envoy`.
//!
//! - [`frontend`]: any form → resources. [`cloudformation`], [`ecs`], [`api`], [`terraform`], [`kubernetes`]: resources → these.
//!   [`graph`]: meshes → a picture. [`diff`]: what differs between two states of meshes, in their own words.
//! - [`stack`]: whole templates of stacks that CloudFormation is to take again.
//! - [`policy`]: what AWS must allow those who use a bucket.
//!
//! [`ecs`] and [`kubernetes`] come with the feature `ecs`.

pub mod api;
pub mod cloudformation;
pub mod diff;
#[cfg(feature = "ecs")]
pub mod ecs;
pub mod frontend;
#[cfg(feature = "ecs")]
pub mod fuzzing;
pub mod graph;
#[cfg(feature = "ecs")]
pub mod kubernetes;
pub mod policy;
pub mod stack;
pub mod terraform;

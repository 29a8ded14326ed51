//! Decides when a mesh is valid, builds what proxies get, publishes it atomically.
//!
//! The way of a release:
//! 1. [`ReleaseScheduler`] notes which meshes were written and waits until the writes pause.
//! 2. [`Releaser`] reads the pointer of the mesh, then lists its records; a [`Builder`] judges the mesh and
//!    makes the files of every proxy. A mesh that is not valid makes no release: the last one stays.
//! 3. What is new goes into the store: a bundle per proxy, the list of them
//!    (`manifest`), and at last the pointer ([`state`]), by compare-and-swap. Whoever loses begins again, so
//!    the pointer never goes back to what was listed earlier.
//! 4. [`Publisher`] brings a directory to what the pointer says, one atomic swap per proxy.
//!
//! Every step may be the last one of a killed process: building is deterministic and publishing compares with
//! what is there, so whoever comes next finishes it.

mod bucket;
pub mod build;
pub mod codes;
mod compiled;
mod control;
mod debouncer;
mod discovered;
mod discovery;
mod draft;
pub mod error;
mod fleet;
mod held;
mod hosts;
mod kept;
mod manifest;
pub mod outcome;
mod policy;
mod publishing;
mod refusals;
mod rejections;
mod releaser;
mod releasing;
mod reports;
pub mod scheduler;
mod served;
mod snapshot_cache;
pub mod state;
pub mod steps;
mod succession;
mod supply;
mod sweep;
pub mod target;
#[cfg(test)]
mod tests;
mod warnings;

pub use bucket::BucketTarget;
pub use build::{Builder, Built, ProxyBundle, ROOT};
pub use compiled::EnvoyBuilder;
pub use control::Status;
pub use error::{ReleaseError, Result};
pub use fleet::{Condition, Fleet, FleetReader, RunningProxy};
pub use hosts::{Hosts, ReadSets};
pub use kept::ReleaseName;
pub use manifest::{Manifest, ProxyChange, ProxyEntry, WhatChanged};
pub use meshform_bundle::ProxyId;
pub use meshform_bundle::codes as agents;
pub use meshform_bundle::publish::{Published, Publisher};
pub use outcome::{Preview, ReleaseOutcome, ReleaseVerdict};
pub use policy::HoldPolicy;
pub use publishing::{LaggingProxies, listed, store_argument};
pub use refusals::{RefusalMemory, Refusals};
pub use releaser::Releaser;
pub use scheduler::{Patience, ReleaseResult, ReleaseScheduler, Timing};
pub use served::ServedRelease;
pub use state::{InvalidMesh, ReleaseEntry, State};
pub use target::{Delivery, Target, TargetFailure, TargetReport, TargetState, TargetStatus, this_host};
pub use warnings::Warnings;

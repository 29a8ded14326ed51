//! The steps of a release, in order; told to whoever wants to know. Tests stop a process at each of them.

use std::fmt;

/// A point that a release passes. After each of them the process may be killed and nothing is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseStep {
    /// Records were listed and built.
    Built,
    /// Bundles and manifest are in the store; nothing points to them yet.
    Stored,
    /// The pointer of the mesh says the new release.
    Pointed,
    /// A point that publishing passes.
    Publishing(meshform_bundle::publish::PublishStep),
}

pub trait Steps: Send + Sync + fmt::Debug {
    /// A step was just done.
    fn passed(&self, step: ReleaseStep);
}

/// For those who want to know of no step.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSteps;

impl Steps for NoSteps {
    fn passed(&self, _: ReleaseStep) {}
}

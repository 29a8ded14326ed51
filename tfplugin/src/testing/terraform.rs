//! Driving a real Terraform.

mod programs;
mod scenario;
mod step;
mod workspace;

pub use programs::{Version, Versions, binaries, matrix};
pub use scenario::{Ran, Scenario};
pub use step::ScenarioStep;
pub use workspace::{Command, Plan, Workspace};

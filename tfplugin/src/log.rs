//! Logging the way Terraform reads it: JSON lines in hclog's form on standard error, from `tracing` events.

mod call;
mod layer;
mod level;

pub(crate) use call::{Call, traced};
pub use layer::HclogLayer;
pub(crate) use level::Levels;

use tracing_subscriber::layer::SubscriberExt as _;

/// Sends the process's `tracing` events to Terraform, if its environment asks for logs. A subscriber that the
/// program has installed already stays.
pub(crate) fn install(levels: Levels) {
    if levels.any() {
        let subscriber = tracing_subscriber::registry().with(HclogLayer::new(levels));
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

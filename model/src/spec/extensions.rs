//! What a resource says beside its spec: settings that App Mesh never had.

use super::{Duration, Extensions, ListenerExtensions, RetryBackOff};

/// Without a `maxInterval`, so many times the `baseInterval`.
const LONGEST: u64 = 10;

// === impl Extensions ===

impl Extensions {
    /// What is said of single listeners, of a node or a gateway.
    pub fn listeners(&self) -> &[ListenerExtensions] {
        match self {
            Self::VirtualNode(extensions) => &extensions.listeners,
            Self::VirtualGateway(extensions) => &extensions.listeners,
            Self::Mesh(_) | Self::Route(_) => &[],
        }
    }
}

// === impl RetryBackOff ===

impl RetryBackOff {
    /// The longest pause at all, in milliseconds.
    pub fn max_millis(&self) -> u64 {
        self.max_interval.map_or_else(
            || self.base_interval.as_millis().saturating_mul(LONGEST),
            Duration::as_millis,
        )
    }
}

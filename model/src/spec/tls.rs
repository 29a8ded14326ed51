//! TLS of callers.

use super::ClientPolicyTls;

impl ClientPolicyTls {
    /// Whether encryption is demanded of connections to `port`.
    pub fn enforced_for(&self, port: u16) -> bool {
        self.enforce.unwrap_or(Self::DEFAULT_ENFORCE) && (self.ports.is_empty() || self.ports.contains(&port))
    }
}

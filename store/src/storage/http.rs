//! HTTP as this crate speaks it, for whoever else asks a server.

use super::access::tls_roots;
use std::time::Duration;

/// A client for requests of a command: TLS by ring, and no waiting for ever. Its connections belong to the runtime in
/// which it is used.
pub fn client() -> std::result::Result<reqwest::Client, String> {
    let built = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_roots()?)
        .http1_only()
        // Far services answer within a second; who waits at a terminal should hear of one that is away.
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        .user_agent(concat!("meshform/", env!("CARGO_PKG_VERSION")))
        .build();
    built.map_err(|error| error.to_string())
}

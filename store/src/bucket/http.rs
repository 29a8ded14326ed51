//! HTTP as this crate speaks it, for whoever else asks a server.

use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// A client for requests of a command: TLS by ring, and no waiting for ever. Its connections belong to the runtime in
/// which it is used.
pub fn client() -> std::result::Result<reqwest::Client, String> {
    let built = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .http1_only()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        .user_agent(concat!("meshform/", env!("CARGO_PKG_VERSION")))
        .build();
    built.map_err(|error| error.to_string())
}

/// TLS by ring. The system's roots are asked; a machine that has none (an image with nothing but this program) gets
/// those that Mozilla ships.
pub(super) fn tls() -> std::result::Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, refused) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(known = roots.len(), refused, errors = ?found.errors, "the system's certificates");
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

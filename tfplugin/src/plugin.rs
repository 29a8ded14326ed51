//! Being a plugin process: handshake, listener, TLS, the plugin system's own services, and the end.

mod connection;
pub(crate) mod environment;
pub(crate) mod handshake;
mod lifecycle;
pub(crate) mod listener;
mod serve;
mod services;
pub(crate) mod tls;

#[cfg(feature = "testing")]
pub(crate) use connection::Connection;
#[cfg(feature = "testing")]
pub(crate) use serve::routes;
pub use serve::{Serve, serve};

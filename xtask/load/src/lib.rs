//! Envoys as a control plane sees them: streams of the incremental protocol that ask, take and acknowledge as Envoy does.
//!
//! - [`client`]: one Envoy on one stream.
//! - [`wire`]: one stream of gRPC on HTTP/2, from either side.
//! - [`messages`]: the protocol's messages, as far as a client needs them.
//! - [`proxy`]: what an Envoy asks for, from what it was sent.

pub mod client;
pub mod messages;
pub mod proxy;
pub mod wire;

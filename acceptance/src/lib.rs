//! Real parts for tests, the demo and the bench: Terraform on a module of its own, Envoy on a bootstrap, small
//! services behind it, and requests through it. The promises shown with them are in `tests/`.

pub mod browser;
pub mod envoy;
pub mod http;
pub mod interception;
pub mod load;
pub mod ports;
pub mod relay;
pub mod terraform;
pub mod tools;
pub mod upstream;

//! Envoy's discovery protocol: aggregated (ADS), incremental or as state of the world, from the releases of a store.
//!
//! - `view`: what one proxy is told, from the bundle of its release.
//! - `session`: one stream's state; which rules hold there is told and tested there.
//! - `hosts`: what pollers have found of hosts that are looked up.
//! - `releases`: the releases of each mesh that somebody asks for, followed.
//! - `service`: the service around it.
//! - `door`: how many proxies come in at once.
//! - `grpc`: messages in and out, as gRPC has them.

mod door;
pub(crate) mod fuzzing;
mod grpc;
mod hosts;
mod proto;
mod releases;
mod service;
mod session;
mod view;

pub(crate) use door::AdmissionGate;
pub(crate) use releases::Releases;
pub(crate) use service::{Ads, Streams, ended, from_now};

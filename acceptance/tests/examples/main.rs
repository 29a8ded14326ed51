//! What the documentation shows does what it says: every example is applied, every command of a guide is run, with
//! real Terraform and real Envoy.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

mod aws_schema;
mod desk;
mod ecs;
mod fargate;
mod guides;
#[path = "../buckets/moto.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod moto;
mod reference;
mod shell;

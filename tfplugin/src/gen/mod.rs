//! The protocol's messages and services, generated from `proto/`.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_enum_variant
)]

pub mod tfplugin6 {
    include!("tfplugin6.rs");
}

pub mod plugin {
    include!("plugin.rs");
}

pub mod health {
    include!("grpc.health.v1.rs");
}

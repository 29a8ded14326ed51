//! The schema and its walkers, held against what was written by others, against each other, and against broken
//! input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod broken;
mod canonical;
mod conformance;
mod dialects;
mod docs;
mod files;
mod generated;
mod hostile;
mod oracle;
mod parity;
mod round_trips;
mod state;
mod terraform;

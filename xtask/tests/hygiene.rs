//! What holds for the checkout as a whole: who imports whom, what manifests and files look like.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program")]

#[path = "hygiene/circles.rs"]
mod circles;
#[allow(dead_code, reason = "each test program uses its part")]
mod common;
#[path = "hygiene/files.rs"]
mod files;
#[path = "hygiene/imports.rs"]
mod imports;
#[path = "hygiene/links.rs"]
mod links;
#[path = "hygiene/manifests.rs"]
mod manifests;
#[path = "hygiene/meanings.rs"]
mod meanings;

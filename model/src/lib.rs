//! The App Mesh model, pure: no I/O, no clock, no environment.
//!
//! The way of the data: a reader (Terraform's values, YAML, JSON, state) makes one [`Node`](value::Node) tree;
//! the schema walker converts it between dialects, canonicalises and validates it; what is complete and known
//! becomes typed resources. Every problem on the way is a [`Diagnostic`](diag::Diagnostic).
//!
//! - [`value`]: the one instance tree. Null, absent, zero and empty are four things.
//! - [`mod@pointer`]: where in a tree something is.
//! - [`diag`]: problems as values, with a stable code and places.
//! - [`kind`], [`key`], [`mod@arn`]: which resource.
//! - [`spec`], [`resource`]: resources, typed; [`mod@path`]: the places of their fields.
//! - [`mesh`]: all resources of one mesh, references resolved; [`rules`]: what must hold among them; [`mod@codes`]: their codes.
//! - [`schema`]: what each kind looks like, compiled once from `schemas/*.json`.
//! - [`dialect`], [`canonical`], [`validate`]: walkers of the schema.
//! - [`digest`], [`mod@file_name`]: what content is named by, and names as parts of a path; [`proxy_files`]: the files of a proxy.
//! - [`json_text`]: JSON as text, with or without white space.
//! - [`mod@agent`], [`mod@exported`]: what those agree about who write for agents and who are one.
//! - [`docs`]: the reference of every kind, as Markdown.

pub mod agent;
pub mod arn;
pub mod body;
pub mod canonical;
pub mod codes;
pub mod diag;
pub mod dialect;
pub mod digest;
pub mod discovery_response;
pub mod docs;
pub mod exported;
pub mod file_name;
pub mod help;
pub mod json_text;
pub mod key;
pub mod kind;
pub mod mesh;
pub mod path;
pub mod pointer;
pub mod proxy_files;
pub mod resource;
pub mod rules;
pub mod schema;
pub mod spec;
pub mod tags;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod validate;
pub mod value;

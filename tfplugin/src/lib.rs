//! A Terraform provider SDK for Rust.
//!
//! # From nothing to a published provider
//!
//! ## 1. A provider
//!
//! A provider is a program called `terraform-provider-` and its name; its resource types begin with the name.
//!
//! ```sh
//! cargo new terraform-provider-note
//! cd terraform-provider-note
//! cargo add tfplugin-rs --git https://github.com/meshform/meshform
//! ```
//!
//! The crate is not published yet, so it comes from its repository (or from a copy of that: `cargo add tfplugin-rs
//! --path meshform/tfplugin`). Once it is, `cargo add tfplugin-rs` is enough.
//!
//! This is all of `src/main.rs` for a provider of one resource: a type that names what it offers
//! ([`Provider::register`]), a [`Resource`], and [`serve`].
//!
//! ```rust,ignore
#![doc = include_str!("../examples/note.rs")]
//! ```
//!
//! ```sh
//! cargo build
//! ```
//!
//! To use the build, name its directory in a CLI configuration, `dev.tfrc` say:
//!
//! ```hcl
//! provider_installation {
//!   dev_overrides {
//!     "acme/note" = "/path/to/terraform-provider-note/target/debug"
//!   }
//!   direct {}
//! }
//! ```
//!
//! write a configuration, `main.tf`:
//!
//! ```hcl
//! terraform {
//!   required_providers {
//!     note = { source = "acme/note" }
//!   }
//! }
//!
//! resource "note_file" "hello" {
//!   path = "hello.txt"
//!   text = "Hello!"
//! }
//! ```
//!
//! and run Terraform (or OpenTofu), without `init`:
//!
//! ```sh
//! export TF_CLI_CONFIG_FILE=$PWD/dev.tfrc
//! terraform apply
//! ```
//!
//! ## 2. A resource
//!
//! A [`Resource`] has a [`Schema`] and four methods: create, read, update, delete. Each gets values in the form
//! of the schema and returns the state of the object.
//!
//! Attributes are required, optional, computed (only the provider sets them), or optional and computed.
//! Validators ([`validate`]), defaults and plan modifiers ([`plan`]) hang on attributes:
//!
//! ```
//! use tfplugin::{Attribute, NestedBlock, Schema, validate};
//!
//! Schema::new()
//!     .attribute(Attribute::string("id").computed().use_state_for_unknown())
//!     .attribute(Attribute::string("name").required().requires_replace().validate(validate::length(1..=64)))
//!     .attribute(Attribute::string("mode").default("fast").validate(validate::one_of(["fast", "slow"])))
//!     .block(NestedBlock::list("rule").unordered_by(["port"]).attribute(Attribute::number("port").required()));
//! ```
//!
//! ## 3. Values
//!
//! A [`Value`] may be null, or unknown: not known before something else was made. What a configuration leaves
//! out is null, and `value.get("a").get("b")` of something absent is null too; of something unknown it is
//! unknown. Numbers are decimal text of any size ([`Number`]): 0.1 is 0.1.
//!
//! ## 4. The plan
//!
//! Terraform asks what a change would lead to before it asks for the change. The SDK answers by itself:
//! Terraform's proposal, defaults, and "known after apply" for everything computed as soon as anything changes;
//! then the attributes' modifiers; then [`Resource::modify_plan`], which may change anything. What the plan says
//! and is known must come out the same: the SDK checks it, and says which attribute broke which rule.
//!
//! ## 5. What can go wrong
//!
//! Problems are [`Diagnostic`]s with a place; never panics (which become one all the same). A create that fails
//! half way leaves the object in the state, marked to be made anew, unless you say that nothing was done: see
//! [`Failure`]. [`Context::cancelled`] ends when the user presses Ctrl-C; return what there is then.
//!
//! ## 6. Configuration of the provider
//!
//! [`Provider::configure`] gets the provider block and returns what resources need, typically a client, which
//! they find with [`Context::data`].
//!
//! ## 7. Life over time
//!
//! [`Resource::import`] takes over objects; [`Resource::upgrade`] brings states of older schema versions to the
//! current one; [`Resource::move_from`] takes over states of other types and providers (`moved` blocks).
//! [`Private`] state keeps what users need not see. [`timeouts`] is the customary block.
//!
//! ## 8. Testing
//!
#![cfg_attr(
    feature = "testing",
    doc = "See [`testing`]: a client in process or over the wire, scenarios with a real Terraform, a conformance suite."
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = "Enable the feature `testing`: a client in process or over the wire, scenarios with a real Terraform, a conformance suite."
)]
//!
//! ## 9. Looking inside
//!
//! Under a debugger, start the program with `--debug` and set the variable that it prints in the shell that runs
//! Terraform. `TF_LOG_PROVIDER=debug` shows what it logs with `tracing`.
//!
//! ## 10. Publishing
//!
//! For each version `X.Y.Z` (tag `vX.Y.Z`) and platform, a registry wants
//! `terraform-provider-note_X.Y.Z_OS_ARCH.zip` with the program `terraform-provider-note_vX.Y.Z` in it (keep its
//! executable bit), a `…_SHA256SUMS` of them, its detached GPG signature `…_SHA256SUMS.sig`, and
//! `…_manifest.json` that names protocol 6: `{"version":1,"metadata":{"protocol_versions":["6.0"]}}`. Link the
//! program statically (musl), because Terraform's own image is Alpine.
//!
//! # Inside
//!
//! Three rings: this public API; `server`, one file for each call of the protocol, which knows values but no
//! messages; and `wire`, which only converts. `plugin` is the process around them.

#![warn(missing_docs)]

mod context;
mod data_source;
mod diag;
mod function;
mod r#gen;
mod list_resource;
mod log;
pub mod path;
pub mod plan;
mod plugin;
mod private;
mod provider;
pub mod resource;
pub mod schema;
mod server;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timeouts;
pub mod validate;
pub mod value;
mod wire;

/// Values as MessagePack and JSON: what goes over the wire and what lies in state files.
pub mod codec {
    pub use crate::value::json;
    pub use crate::wire::msgpack;
}

pub use async_trait::async_trait;
pub use context::Context;
pub use data_source::{DataSource, ReadData};
pub use diag::{Diagnostic, Diagnostics, Severity};
pub use function::{Function, FunctionError, Parameter, Signature};
pub use list_resource::{ListRequest, ListResource, ListSink, Listed};
pub use log::HclogLayer;
pub use path::Path;
pub use plugin::{Serve, serve};
pub use private::Private;
pub use provider::{Configured, Provider, Registry};
pub use resource::{
    Create, Delete, Failure, Import, MoveFrom, NewState, Plan, PlanRequest, Read, Resource, StoredState,
    Update,
};
pub use schema::{Attribute, IdentitySchema, NestedBlock, Schema};
pub use value::{Number, Type, Value};

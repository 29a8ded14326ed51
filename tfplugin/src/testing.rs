//! Testing a provider: in the same process over the protocol, as a binary over the wire, and with a real
//! Terraform.
//!
//! * [`Client`] speaks the protocol, to a provider in the same process or to a program. [`Client::resource`]
//!   takes one instance through plan and apply as Terraform does, and holds the provider to the same rules.
//! * [`terraform::Scenario`] runs steps with a real Terraform.
//! * [`conformance`] asks any provider program a long list of questions.
//!
//! ```
//! # use std::sync::Arc;
//! # use tfplugin::*;
//! # struct Notes; struct Note;
//! # impl Provider for Notes {
//! #     fn register(&self, registry: &mut Registry) { registry.resource("note", Arc::new(Note)); }
//! # }
//! # #[async_trait]
//! # impl Resource for Note {
//! #     fn schema(&self) -> Schema {
//! #         Schema::new().attribute(Attribute::string("id").computed()).attribute(Attribute::string("text").required())
//! #     }
//! #     async fn create(&self, _: &Context, r: Create) -> Result<NewState, Failure> { Ok(r.plan.with("id", "1").into()) }
//! #     async fn read(&self, _: &Context, r: Read) -> Result<Option<NewState>, Diagnostics> { Ok(Some(r.state.into())) }
//! #     async fn delete(&self, _: &Context, _: Delete) -> Result<Diagnostics, Failure> { Ok(Diagnostics::new()) }
//! # }
//! use tfplugin::testing::{Action, Client};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let client = Client::in_process(Notes).await.unwrap();
//! let mut note = client.resource("note").await.unwrap();
//! let config = Value::object([("text", Value::from("hello"))]);
//! assert_eq!(note.plan(&config).await.unwrap().action, Action::Create);
//! let state = note.apply(&config).await.unwrap();
//! assert_eq!(state.str("id"), Some("1"));
//! assert_eq!(note.plan(&config).await.unwrap().action, Action::None);
//! # });
//! ```

mod client;
pub mod conformance;
mod instance;
mod process;
mod proposed;
mod protocol5;
mod random;
mod read_schema;
pub mod terraform;
mod transport;

pub use client::{Client, Error, Protocol, Stored};
pub use instance::{Action, Instance, Planned};
pub use process::{Launch, Process};
pub use proposed::proposed;
pub use random::{Random, config};
pub use transport::Transport;

/// The protocol's messages as generated, for tests that need to go below [`Client`].
pub use crate::r#gen::tfplugin6 as messages;

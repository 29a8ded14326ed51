//! The floor that `cargo xtask bench --only apply` holds the provider against: the same resources on the same SDK, and
//! nothing behind them. What is planned is the state, and what was not known becomes null; there is no store, no
//! rule, no release. What the provider costs more than this is its own; what this costs more than Terraform's built-in
//! `terraform_data` is the schema's and the protocol's.

#![allow(dead_code, reason = "the provider's own modules, of which this needs a part")]

#[path = "../src/key.rs"]
mod key;
#[path = "../src/schema.rs"]
mod schema;

use async_trait::async_trait;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use std::process::ExitCode;
use std::sync::Arc;
use terraform_provider_appmesh::codes;

use tfplugin::resource::{Create, Delete, Failure, NewState, Read, Resource, Update};
use tfplugin::schema::{IdentitySchema, Schema};
use tfplugin::{Context, Diagnostics, Provider, Registry, Value};

struct Echoes;

struct Echo(Kind);

impl Provider for Echoes {
    fn register(&self, registry: &mut Registry) {
        for kind in Kind::ALL {
            let name = meshform_model::schema::kind(kind).type_in(Dialect::Terraform);
            let original = (kind != Kind::ProxyProfile).then(|| format!("aws_{name}"));
            for name in std::iter::once(name.to_owned()).chain(original) {
                registry.resource(name, Arc::new(Echo(kind)));
            }
        }
    }
}

impl Echo {
    fn said(&self, mut state: Value) -> NewState {
        for value in state.entries_mut().into_iter().flat_map(|all| all.values_mut()) {
            if value.is_unknown() {
                *value = Value::Null;
            }
        }
        match key::of_value(self.0, &state) {
            Some(key) => NewState::new(state).identity(key::identity(&key)),
            None => NewState::new(state),
        }
    }
}

#[async_trait]
impl Resource for Echo {
    fn schema(&self) -> Schema {
        schema::resource(self.0)
    }

    fn identity(&self) -> Option<IdentitySchema> {
        Some(schema::identity(self.0))
    }

    async fn create(&self, _cx: &Context, request: Create) -> Result<NewState, Failure> {
        Ok(self.said(request.plan))
    }

    async fn read(&self, _cx: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        Ok(Some(self.said(request.state)))
    }

    async fn update(&self, _cx: &Context, request: Update) -> Result<NewState, Failure> {
        Ok(self.said(request.plan))
    }

    async fn delete(&self, _cx: &Context, _request: Delete) -> Result<Diagnostics, Failure> {
        Ok(Diagnostics::new())
    }
}

fn main() -> ExitCode {
    tfplugin::serve("registry.terraform.io/meshform/appmesh", Echoes)
}

//! What exists, for `terraform query`: each resource with its identity, and its state where that is asked for.

use super::{containers, display_name, prefix};
use crate::key;
use crate::resource::MeshResource;
use crate::session::{self, Session};
use async_trait::async_trait;
use meshform_model::kind::Kind;
use std::sync::Arc;
use tfplugin::schema::{Attribute, Schema};
use tfplugin::{Context, Diagnostics, ListRequest, ListResource, ListSink, Listed, Value};

/// The list of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    kind: Kind,
    resource: Arc<MeshResource>,
}

impl Listing {
    pub(crate) fn new(kind: Kind, resource: Arc<MeshResource>) -> Self {
        Self { kind, resource }
    }
}

#[async_trait]
impl ListResource for Listing {
    fn schema(&self) -> Schema {
        let mut schema = Schema::new().description(format!("Lists every {} in the store.", self.kind));
        for name in containers(self.kind) {
            let doc = format!("Only where `{name}` is this.");
            schema = schema.attribute(Attribute::string(name).optional().description(doc));
        }
        schema
    }

    async fn list(
        &self,
        cx: &Context,
        request: ListRequest,
        found: &mut ListSink,
    ) -> Result<(), Diagnostics> {
        let session = cx.data::<Session>()?;
        let listing = session.store.list(&prefix(self.kind, &request.config)).await;
        for record in listing.map_err(|error| session::failed(&error))?.records {
            let mut listed = Listed::new(key::identity(&record.key), display_name(&record.key));
            if request.include_state {
                let state = self.resource.state(&session, &record, &Value::Null).await?;
                listed = listed.state(state.state().clone());
            }
            if !found.push(listed).await {
                break;
            }
        }
        Ok(())
    }
}

//! All resources of a kind: `data "appmesh_virtual_nodes" "all" { mesh_name = "apps" }`.

use super::{containers, prefix};
use crate::session::{self, Session};
use async_trait::async_trait;
use meshform_model::kind::Kind;
use tfplugin::schema::{Attribute, Schema};
use tfplugin::{Context, DataSource, Diagnostics, ReadData, Value};

/// The plural data source of a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceListDataSource(pub(crate) Kind);

#[async_trait]
impl DataSource for ResourceListDataSource {
    fn schema(&self) -> Schema {
        let kind = self.0;
        let list = |name: &'static str, doc: String| Attribute::string_list(name).computed().description(doc);
        let mut schema = Schema::new().description(format!("All resources of the kind {kind}, by name."));
        for name in containers(kind) {
            let doc = format!("Where to look: `{name}`.");
            schema = schema.attribute(Attribute::string(name).required().description(doc));
        }
        schema
            .attribute(list("names", "Their names, in order.".to_owned()))
            .attribute(list("arns", "Their ARNs, in the order of the names.".to_owned()))
            .attribute(list(
                "owners",
                "Who owns them in the store, in the order of the names.".to_owned(),
            ))
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let listing = session.store.list(&prefix(self.0, &request.config)).await;
        let records = listing.map_err(|error| session::failed(&error))?.records;
        let list = |of: fn(&meshform_store::Record) -> &str| Value::list(records.iter().map(of));
        Ok(request
            .config
            .with("names", list(|record| &record.key.name))
            .with("arns", list(|record| &record.identity.arn))
            .with("owners", list(|record| &record.author.owner)))
    }
}

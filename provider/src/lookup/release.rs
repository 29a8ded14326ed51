//! How a mesh and its release stand: `data "appmesh_release_status" "apps" { mesh_name = "apps" }`.

use crate::problem;
use crate::session::Session;
use async_trait::async_trait;
use tfplugin::schema::{Attribute, Schema};
use tfplugin::{Context, DataSource, Diagnostics, ReadData, Value};

#[derive(Debug, Clone, Copy)]
pub(crate) struct ReleaseStatus;

#[async_trait]
impl DataSource for ReleaseStatus {
    fn schema(&self) -> Schema {
        Schema::new()
            .description("Whether a mesh is valid, and which release its proxies get.")
            .attribute(
                Attribute::string("mesh_name")
                    .required()
                    .description("The name of the mesh."),
            )
            .attribute(
                Attribute::bool("whole")
                    .computed()
                    .description("Whether a release could be made of it now."),
            )
            .attribute(
                Attribute::bool("pinned")
                    .computed()
                    .description("Whether proxies are held at the release."),
            )
            .attribute(Attribute::string("release_policy").computed().description(
                "When proxies get what is written: `AUTO`, as soon as the mesh is valid, or `MANUAL`, when somebody \
                 says so.",
            ))
            .attribute(
                Attribute::string("release")
                    .computed()
                    .description("The digest of the current release; null where there is none."),
            )
            .attribute(
                Attribute::number("revision")
                    .computed()
                    .description("The mesh's revision, which every write raises."),
            )
            .attribute(
                Attribute::string_list("problems")
                    .computed()
                    .description("Why it is not valid, and what somebody should look at."),
            )
            .attribute(
                Attribute::string_list("pending")
                    .computed()
                    .description("The proxies whose configuration the next release changes."),
            )
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let mesh = request.config.str("mesh_name").unwrap_or_default().to_owned();
        let status = session.foreteller().status(&mesh).await;
        let status = status.map_err(|error| Diagnostics::from(problem::plain(&error.diagnostic())))?;
        let problems = status.pending.diagnostics.iter().map(ToString::to_string);
        let pending = status.pending.changes.iter().map(|change| change.path.clone());
        Ok(request
            .config
            .with("whole", status.pending.whole)
            .with("pinned", status.pinned)
            .with("release_policy", status.policy.name())
            .with(
                "release",
                Value::from(status.current.map(|entry| entry.release.to_string())),
            )
            .with("revision", status.revision.0)
            .with("problems", Value::list(problems))
            .with("pending", Value::list(pending)))
    }
}

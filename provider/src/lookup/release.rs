//! How a mesh and its release stand: `data "appmesh_release_status" "apps" { mesh_name = "apps" }`.

use crate::problem;
use crate::session::Session;
use async_trait::async_trait;
use meshform_release::{Condition, FleetReader, ReleaseEntry};
use tfplugin::schema::{Attribute, Schema};
use tfplugin::{Context, DataSource, Diagnostics, ReadData, Value};

#[derive(Debug, Clone, Copy)]
pub(crate) struct ReleaseStatus;

#[async_trait]
impl DataSource for ReleaseStatus {
    fn schema(&self) -> Schema {
        Schema::new()
            .description(
                "Whether a mesh is valid, and which release its proxies get, as the store has it now: what the same plan \
                 changes it does not see. `appmesh_release` tells that.",
            )
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
                    .description("Whether proxies are pinned to the release."),
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
                    .description("Why it is not valid, which Envoys refuse the current release from a control \
                         plane, and other warnings."),
            )
            .attribute(
                Attribute::string_list("pending")
                    .computed()
                    .description("The proxies whose configuration the next release changes."),
            )
            .attribute(
                Attribute::string_map("proxies")
                    .computed()
                    .description("What each proxy gets in the current release: the digest of its bundle, by `mesh/kind/name`."),
            )
            .attribute(Attribute::string_list("lagging").computed().description(
                "The running proxies that have not taken the current release, as their agents report it: those that \
                 refuse it, do not serve, are lost or are behind, as `mesh/kind/name (instance): state`. Proxies that have their \
                 configuration by ADS do not report; their control plane shows them (`/console`, `/metrics`).",
            ))
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let mesh = request.config.str("mesh_name").unwrap_or_default().to_owned();
        let status = session.foreteller().status(&mesh).await;
        let status = status.map_err(|error| Diagnostics::from(problem::plain(&error.diagnostic())))?;
        let proxies = match &status.current {
            Some(entry) => proxies(&session, &mesh, entry).await?,
            None => Vec::new(),
        };
        let lagging = lagging(&session, &mesh).await?;
        let refused = status.refused.iter();
        let refused = refused
            .map(|(proxy, reasons)| format!("{proxy} refuses the current release: {}", reasons.join("; ")));
        let problems = status.pending.diagnostics.iter().map(ToString::to_string);
        let problems = problems.chain(refused);
        let pending = status.pending.changes.iter().map(|change| change.path.clone());
        Ok(request
            .config
            .with("whole", status.pending.valid)
            .with("pinned", status.pinned)
            .with("release_policy", status.policy.name())
            .with(
                "release",
                Value::from(status.current.map(|entry| entry.release.to_string())),
            )
            .with("revision", status.revision.0)
            .with("problems", Value::list(problems))
            .with("pending", Value::list(pending))
            .with("proxies", Value::map(proxies))
            .with("lagging", Value::list(lagging)))
    }
}

/// The digest of each proxy's bundle in a release.
async fn proxies(
    session: &Session,
    mesh: &str,
    entry: &ReleaseEntry,
) -> Result<Vec<(String, Value)>, Diagnostics> {
    let manifest = session.foreteller().manifest(mesh, entry).await;
    let manifest = manifest.map_err(|error| Diagnostics::from(problem::plain(&error.diagnostic())))?;
    let proxies = manifest.proxies.into_iter();
    Ok(proxies
        .map(|(path, proxy)| (path, Value::from(proxy.bundle.to_string())))
        .collect())
}

/// The running proxies that do not have the current release, the worst first.
async fn lagging(session: &Session, mesh: &str) -> Result<Vec<String>, Diagnostics> {
    let fleet = session
        .foreteller()
        .fleet(mesh, &mut FleetReader::default())
        .await;
    let fleet = fleet.map_err(|error| Diagnostics::from(problem::plain(&error.diagnostic())))?;
    let behind = fleet
        .proxies
        .iter()
        .filter(|one| one.condition <= Condition::Lagging);
    Ok(behind
        .map(|one| {
            let of = one
                .status
                .proxy
                .strip_prefix("mesh/")
                .unwrap_or(&one.status.proxy);
            format!("{of} ({}): {}", one.status.instance, one.condition.words())
        })
        .collect())
}

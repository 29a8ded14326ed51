//! Calls about resources: from message to message.

use super::calls::meta;
use super::{decode, diagnostics, encode, identity, json, path, read_value};
use crate::r#gen::tfplugin6 as pb;
use crate::resource::{Import, MoveFrom, PlanRequest, Read, StoredState};
use crate::server::registry::ResourceSchemas;
use crate::server::{self, Server};
use crate::value::Value;
use crate::{Diagnostic, Diagnostics, Private};

fn read_identity(
    schemas: &ResourceSchemas,
    data: Option<&pb::ResourceIdentityData>,
) -> Result<Option<Value>, Diagnostic> {
    let Some(schema) = &schemas.identity else {
        return Ok(None);
    };
    let value =
        read_value(schema.ty(), identity(data)).map_err(|misfit| server::misfit_from_terraform(&misfit))?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

fn write_identity(
    schemas: &ResourceSchemas,
    value: Option<&Value>,
    found: &mut Diagnostics,
) -> Option<pb::ResourceIdentityData> {
    let identity_data = encode(schemas.identity.as_ref()?.ty(), value?, found)?;
    Some(pb::ResourceIdentityData {
        identity_data: Some(identity_data),
    })
}

pub(super) async fn validate_resource_config(
    server: &Server,
    request: pb::validate_resource_config::Request,
) -> pb::validate_resource_config::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let config = decode(&entry.schemas()?.schema, request.config.as_ref())?;
        let capable = request
            .client_capabilities
            .is_some_and(|all| all.write_only_attributes_allowed);
        let cx = server.context(&request.type_name);
        server::validate_config::resource(&cx, entry, &config, capable).await
    };
    let found = work.await.unwrap_or_else(Diagnostics::from);
    pb::validate_resource_config::Response {
        diagnostics: diagnostics(found),
    }
}

/// A stored document as a bare tree.
fn stored(raw: Option<&pb::RawState>) -> Result<Value, Diagnostic> {
    match raw {
        Some(raw) if !raw.json.is_empty() => json::parse(&raw.json)
            .map_err(|error| Diagnostic::error("Unreadable state", format!("The stored state is {error}."))),
        Some(raw) if !raw.flatmap.is_empty() => Err(Diagnostic::error(
            "State of an old Terraform",
            "The state was written by Terraform 0.11 or older. Upgrade it with Terraform 0.13 first.",
        )),
        _ => Ok(Value::Null),
    }
}

pub(super) async fn upgrade_resource_state(
    server: &Server,
    request: pb::upgrade_resource_state::Request,
) -> pb::upgrade_resource_state::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let state = stored(request.raw_state.as_ref())?;
        let state = StoredState {
            version: request.version,
            state,
        };
        let cx = server.context(&request.type_name);
        let state = server::upgrade_resource_state::upgrade(&cx, entry, state).await?;
        let mut found = Diagnostics::new();
        let state = encode(entry.schemas()?.schema.ty(), &state, &mut found);
        Ok::<_, Diagnostics>((state, found))
    };
    let (upgraded_state, found) = work.await.unwrap_or_else(|found| (None, found));
    pb::upgrade_resource_state::Response {
        upgraded_state,
        diagnostics: diagnostics(found),
    }
}

pub(super) async fn upgrade_resource_identity(
    server: &Server,
    request: pb::upgrade_resource_identity::Request,
) -> pb::upgrade_resource_identity::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let state = stored(request.raw_identity.as_ref())?;
        let state = StoredState {
            version: request.version,
            state,
        };
        let cx = server.context(&request.type_name);
        let identity = server::upgrade_resource_state::upgrade_identity(&cx, entry, state).await?;
        let mut found = Diagnostics::new();
        let identity = write_identity(&*entry.schemas()?, Some(&identity), &mut found);
        Ok::<_, Diagnostics>((identity, found))
    };
    let (upgraded_identity, found) = work.await.unwrap_or_else(|found| (None, found));
    pb::upgrade_resource_identity::Response {
        upgraded_identity,
        diagnostics: diagnostics(found),
    }
}

pub(super) async fn read_resource(
    server: &Server,
    request: pb::read_resource::Request,
) -> pb::read_resource::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let schemas = entry.schemas()?;
        let read = Read {
            state: decode(&schemas.schema, request.current_state.as_ref())?,
            private: Private::decode(&request.private),
            identity: read_identity(&schemas, request.current_identity.as_ref())?,
            meta: meta(server, request.provider_meta.as_ref())?,
        };
        let cx = server.context(&request.type_name);
        let outcome = server::read_resource::read(&cx, entry, read).await?;
        let mut found = outcome.diagnostics;
        Ok::<_, Diagnostic>(pb::read_resource::Response {
            new_state: encode(schemas.schema.ty(), &outcome.state, &mut found),
            private: outcome.private.encode(),
            new_identity: write_identity(&schemas, outcome.identity.as_ref(), &mut found),
            diagnostics: diagnostics(found),
            deferred: None,
        })
    };
    // Without a state Terraform would plan to make the object again: hand back what it sent.
    work.await.unwrap_or_else(|problem| pb::read_resource::Response {
        new_state: request.current_state,
        private: request.private,
        diagnostics: diagnostics(problem.into()),
        ..Default::default()
    })
}

pub(super) async fn plan_resource_change(
    server: &Server,
    request: pb::plan_resource_change::Request,
) -> pb::plan_resource_change::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let schemas = entry.schemas()?;
        let wanted = PlanRequest {
            config: decode(&schemas.schema, request.config.as_ref())?,
            prior: decode(&schemas.schema, request.prior_state.as_ref())?,
            proposed: decode(&schemas.schema, request.proposed_new_state.as_ref())?,
            private: Private::decode(&request.prior_private),
            identity: read_identity(&schemas, request.prior_identity.as_ref())?,
            meta: meta(server, request.provider_meta.as_ref())?,
        };
        let cx = server.context(&request.type_name);
        let plan = server::plan_resource_change::plan(&cx, entry, wanted).await?;
        let mut found = plan.diagnostics;
        Ok::<_, Diagnostic>(pb::plan_resource_change::Response {
            planned_state: encode(schemas.schema.ty(), &plan.planned, &mut found),
            requires_replace: plan.requires_replace.iter().map(path).collect(),
            planned_private: plan.private.encode(),
            planned_identity: write_identity(&schemas, plan.identity.as_ref(), &mut found),
            diagnostics: diagnostics(found),
            legacy_type_system: false,
            deferred: None,
        })
    };
    work.await
        .unwrap_or_else(|problem| pb::plan_resource_change::Response {
            planned_state: request.proposed_new_state,
            planned_private: request.prior_private,
            diagnostics: diagnostics(problem.into()),
            ..Default::default()
        })
}

pub(super) async fn apply_resource_change(
    server: &Server,
    request: pb::apply_resource_change::Request,
) -> pb::apply_resource_change::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let schemas = entry.schemas()?;
        let wanted = server::apply_resource_change::Request {
            prior: decode(&schemas.schema, request.prior_state.as_ref())?,
            planned: decode(&schemas.schema, request.planned_state.as_ref())?,
            config: decode(&schemas.schema, request.config.as_ref())?,
            private: Private::decode(&request.planned_private),
            identity: read_identity(&schemas, request.planned_identity.as_ref())?,
            meta: meta(server, request.provider_meta.as_ref())?,
        };
        let cx = server.context(&request.type_name);
        let applied = server::apply_resource_change::apply(&cx, entry, wanted).await?;
        let mut found = applied.diagnostics;
        Ok::<_, Diagnostic>(pb::apply_resource_change::Response {
            new_state: encode(schemas.schema.ty(), &applied.state, &mut found),
            private: applied.private.encode(),
            new_identity: write_identity(&schemas, applied.identity.as_ref(), &mut found),
            diagnostics: diagnostics(found),
            legacy_type_system: false,
        })
    };
    work.await
        .unwrap_or_else(|problem| pb::apply_resource_change::Response {
            new_state: request.prior_state,
            private: request.planned_private,
            diagnostics: diagnostics(problem.into()),
            ..Default::default()
        })
}

pub(super) async fn import_resource_state(
    server: &Server,
    request: pb::import_resource_state::Request,
) -> pb::import_resource_state::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let schemas = entry.schemas()?;
        let wanted = match read_identity(&schemas, request.identity.as_ref())? {
            Some(identity) => Import::Identity(identity),
            None => Import::Id(request.id),
        };
        let cx = server.context(&request.type_name);
        let (imported, mut found) = server::import_resource_state::import(&cx, entry, wanted).await?;
        let imported_resources = imported.map(|one| pb::import_resource_state::ImportedResource {
            type_name: request.type_name,
            state: encode(schemas.schema.ty(), &one.state, &mut found),
            private: one.private.encode(),
            identity: write_identity(&schemas, one.identity.as_ref(), &mut found),
        });
        Ok::<_, Diagnostic>((imported_resources.into_iter().collect(), found))
    };
    let (imported_resources, found) = work.await.unwrap_or_else(|problem| (Vec::new(), problem.into()));
    pb::import_resource_state::Response {
        imported_resources,
        diagnostics: diagnostics(found),
        deferred: None,
    }
}

pub(super) async fn move_resource_state(
    server: &Server,
    request: pb::move_resource_state::Request,
) -> pb::move_resource_state::Response {
    let work = async {
        let entry = server.entries.resource(&request.target_type_name)?;
        let schemas = entry.schemas()?;
        let identity = stored(request.source_identity.as_ref())?;
        let source = MoveFrom {
            provider: request.source_provider_address,
            type_name: request.source_type_name,
            version: request.source_schema_version,
            state: stored(request.source_state.as_ref())?,
            private: request.source_private,
            identity: Some(identity).filter(|identity| !identity.is_null()),
        };
        let cx = server.context(&request.target_type_name);
        let (moved, mut found) = server::move_resource_state::move_state(&cx, entry, source).await?;
        Ok::<_, Diagnostics>(pb::move_resource_state::Response {
            target_state: encode(schemas.schema.ty(), &moved.state, &mut found),
            target_private: moved.private.encode(),
            target_identity: write_identity(&schemas, moved.identity.as_ref(), &mut found),
            diagnostics: diagnostics(found),
        })
    };
    work.await
        .unwrap_or_else(|found| pb::move_resource_state::Response {
            diagnostics: diagnostics(found),
            ..Default::default()
        })
}

pub(super) async fn generate_resource_config(
    server: &Server,
    request: pb::generate_resource_config::Request,
) -> pb::generate_resource_config::Response {
    let work = async {
        let entry = server.entries.resource(&request.type_name)?;
        let schemas = entry.schemas()?;
        let state = decode(&schemas.schema, request.state.as_ref())?;
        let cx = server.context(&request.type_name);
        let (config, mut found) = server::generate_resource_config::generate(&cx, entry, state).await?;
        Ok::<_, Diagnostic>((encode(schemas.schema.ty(), &config, &mut found), found))
    };
    let (config, found) = work.await.unwrap_or_else(|problem| (None, problem.into()));
    pb::generate_resource_config::Response {
        config,
        diagnostics: diagnostics(found),
    }
}

//! Calls about the provider, its data sources, functions and lists: from message to message.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{decode, diagnostics, encode, read_value, schema};
use crate::data_source::ReadData;
use crate::function::FunctionError;
use crate::r#gen::tfplugin6 as pb;
use crate::list_resource::ListRequest;
use crate::server::list_resource::Event;
use crate::server::registry::Entries;
use crate::server::{self, Server};
use crate::value::Value;
use crate::{Diagnostic, Diagnostics};

pub(super) fn capabilities() -> pb::ServerCapabilities {
    pb::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        generate_resource_config: true,
    }
}

pub(super) fn get_metadata(server: &Server) -> pb::get_metadata::Response {
    use pb::get_metadata::{DataSourceMetadata, FunctionMetadata, ListResourceMetadata, ResourceMetadata};
    fn names<T, M>(all: &BTreeMap<Arc<str>, T>, make: impl Fn(String) -> M) -> Vec<M> {
        all.keys().map(|name| make(name.to_string())).collect()
    }
    let all = &server.entries;
    pb::get_metadata::Response {
        server_capabilities: Some(capabilities()),
        data_sources: names(&all.data_sources, |type_name| DataSourceMetadata { type_name }),
        resources: names(&all.resources, |type_name| ResourceMetadata { type_name }),
        functions: names(&all.functions, |name| FunctionMetadata { name }),
        list_resources: names(&all.list_resources, |type_name| ListResourceMetadata {
            type_name,
        }),
        ..Default::default()
    }
}

/// Everything that could be built goes out; what could not is among the messages.
fn each<T, M>(
    all: &BTreeMap<Arc<str>, T>,
    found: &mut Diagnostics,
    make: impl Fn(&T) -> Result<M, Diagnostic>,
) -> BTreeMap<String, M> {
    let mut out = BTreeMap::new();
    for (name, entry) in all {
        match make(entry) {
            Ok(message) => {
                out.insert(name.to_string(), message);
            }
            Err(problem) => found.push(problem),
        }
    }
    out
}

fn functions(all: &Entries, found: &mut Diagnostics) -> BTreeMap<String, pb::Function> {
    each(&all.functions, found, |entry| {
        Ok(schema::function(&*entry.signature()?))
    })
}

pub(super) fn get_provider_schema(server: &Server) -> pb::get_provider_schema::Response {
    let all = &server.entries;
    let mut found = all.problems();
    let provider = match all.config() {
        Ok(config) => schema::schema(&config),
        Err(problem) => {
            found.push(problem);
            schema::schema(&crate::schema::Schema::new())
        }
    };
    pb::get_provider_schema::Response {
        provider: Some(provider),
        provider_meta: all
            .meta()
            .ok()
            .and_then(|meta| meta.as_ref().as_ref().map(schema::schema)),
        resource_schemas: each(&all.resources, &mut found, |one| {
            Ok(schema::schema(&one.schemas()?.schema))
        }),
        data_source_schemas: each(&all.data_sources, &mut found, |one| {
            Ok(schema::schema(&*one.schema()?))
        }),
        functions: functions(all, &mut found),
        list_resource_schemas: each(&all.list_resources, &mut found, |one| {
            Ok(schema::schema(&*one.schema()?))
        }),
        server_capabilities: Some(capabilities()),
        diagnostics: diagnostics(found),
        ..Default::default()
    }
}

pub(super) fn get_resource_identity_schemas(server: &Server) -> pb::get_resource_identity_schemas::Response {
    let mut found = Diagnostics::new();
    let all = each(&server.entries.resources, &mut found, |entry| {
        Ok(entry.schemas()?.identity.as_ref().map(schema::identity))
    });
    let identity_schemas = all
        .into_iter()
        .filter_map(|(name, one)| Some((name, one?)))
        .collect();
    pb::get_resource_identity_schemas::Response {
        identity_schemas,
        diagnostics: diagnostics(found),
    }
}

pub(super) fn get_functions(server: &Server) -> pb::get_functions::Response {
    let mut found = Diagnostics::new();
    let functions = functions(&server.entries, &mut found);
    pb::get_functions::Response {
        functions,
        diagnostics: diagnostics(found),
    }
}

/// Messages are the whole answer of a validation.
fn messages(outcome: Result<Diagnostics, Diagnostic>) -> Vec<pb::Diagnostic> {
    diagnostics(outcome.unwrap_or_else(Diagnostics::from))
}

pub(super) async fn validate_provider_config(
    server: &Server,
    request: pb::validate_provider_config::Request,
) -> pb::validate_provider_config::Response {
    let work = async {
        let schema = server.entries.config()?;
        let config = decode(&schema, request.config.as_ref())?;
        Ok(server::validate_config::provider(server, &schema, &config).await)
    };
    pb::validate_provider_config::Response {
        diagnostics: messages(work.await),
    }
}

pub(super) async fn configure_provider(
    server: &Server,
    request: pb::configure_provider::Request,
) -> pb::configure_provider::Response {
    let work = async {
        let schema = server.entries.config()?;
        let request = server::configure_provider::Request {
            config: decode(&schema, request.config.as_ref())?,
            terraform_version: request.terraform_version,
        };
        Ok(server::configure_provider::configure(server, request).await)
    };
    pb::configure_provider::Response {
        diagnostics: messages(work.await),
    }
}

pub(super) async fn validate_data_resource_config(
    server: &Server,
    request: pb::validate_data_resource_config::Request,
) -> pb::validate_data_resource_config::Response {
    let work = async {
        let entry = server.entries.data_source(&request.type_name)?;
        let config = decode(&*entry.schema()?, request.config.as_ref())?;
        server::validate_config::data_source(&server.context(&request.type_name), entry, &config).await
    };
    pb::validate_data_resource_config::Response {
        diagnostics: messages(work.await),
    }
}

pub(super) async fn validate_list_resource_config(
    server: &Server,
    request: pb::validate_list_resource_config::Request,
) -> pb::validate_list_resource_config::Response {
    let work = async {
        let entry = server.entries.list(&request.type_name)?;
        let config = decode(&*entry.schema()?, request.config.as_ref())?;
        server::validate_config::list(&server.context(&request.type_name), entry, &config).await
    };
    pb::validate_list_resource_config::Response {
        diagnostics: messages(work.await),
    }
}

/// The module's `provider_meta` block, null when there is none.
pub(super) fn meta(server: &Server, value: Option<&pb::DynamicValue>) -> Result<Value, Diagnostic> {
    match server.entries.meta()?.as_ref() {
        Some(schema) => decode(schema, value),
        None => Ok(Value::Null),
    }
}

pub(super) async fn read_data_source(
    server: &Server,
    request: pb::read_data_source::Request,
) -> pb::read_data_source::Response {
    let work = async {
        let entry = server.entries.data_source(&request.type_name)?;
        let schema = entry.schema()?;
        let read = ReadData {
            config: decode(&schema, request.config.as_ref())?,
            meta: meta(server, request.provider_meta.as_ref())?,
        };
        let value = server::read_data_source::read(&server.context(&request.type_name), entry, read).await?;
        let mut found = Diagnostics::new();
        let state = encode(schema.ty(), &value, &mut found);
        Ok::<_, Diagnostics>((state, found))
    };
    let (state, found) = work.await.unwrap_or_else(|found| (None, found));
    pb::read_data_source::Response {
        state,
        diagnostics: diagnostics(found),
        deferred: None,
    }
}

pub(super) async fn call_function(
    server: &Server,
    request: pb::call_function::Request,
) -> pb::call_function::Response {
    let work = async {
        let failed = |diagnostic: Diagnostic| FunctionError::new(diagnostic.detail);
        let entry = server.entries.function(&request.name).map_err(failed)?;
        let signature = entry.signature().map_err(failed)?;
        let mut arguments = Vec::with_capacity(request.arguments.len());
        for (index, argument) in request.arguments.iter().enumerate() {
            let parameter = signature.parameter_at(index);
            let parameter = parameter.ok_or_else(|| FunctionError::argument(index, "too many arguments"))?;
            let value = read_value(&parameter.ty, Some(argument))
                .map_err(|misfit| FunctionError::argument(index, misfit.to_string()))?;
            if value.is_null() && !parameter.allow_null {
                return Err(FunctionError::argument(index, "must not be null"));
            }
            arguments.push(value);
        }
        if arguments.len() < signature.parameters.len() {
            return Err(FunctionError::new("too few arguments"));
        }
        let value = server::call_function::call(&server.context(&request.name), entry, arguments).await?;
        let mut found = Diagnostics::new();
        encode(&signature.returns, &value, &mut found).ok_or_else(|| FunctionError::new(found.to_string()))
    };
    match work.await {
        Ok(result) => pb::call_function::Response {
            result: Some(result),
            error: None,
        },
        Err(error) => {
            let error = pb::FunctionError {
                text: error.text,
                function_argument: error.argument,
            };
            pb::call_function::Response {
                result: None,
                error: Some(error),
            }
        }
    }
}

/// Starts a list; its events come through the channel, wrong requests as one event.
pub(super) fn list_resource(
    server: &Server,
    request: &pb::list_resource::Request,
) -> mpsc::Receiver<Result<pb::list_resource::Event, tonic::Status>> {
    let (out, stream) = mpsc::channel(16);
    let name = &request.type_name;
    let ready = (|| {
        let entry = server.entries.list(name)?;
        let config = decode(&*entry.schema()?, request.config.as_ref())?;
        let schemas = server.entries.resource(name)?.schemas()?;
        Ok::<_, Diagnostic>((Arc::clone(&entry.list), schemas, config))
    })();
    let (list, schemas, config) = match ready {
        Ok(ready) => ready,
        Err(problem) => {
            let event = pb::list_resource::Event {
                diagnostic: diagnostics(problem.into()),
                ..Default::default()
            };
            let _ = out.try_send(Ok(event));
            return stream;
        }
    };
    let (events, mut incoming) = mpsc::channel::<Event>(16);
    let limit = usize::try_from(request.limit)
        .ok()
        .filter(|limit| *limit > 0)
        .unwrap_or(usize::MAX);
    let wanted = ListRequest {
        config,
        include_state: request.include_resource_object,
        limit,
    };
    let cx = server.context(name);
    tokio::spawn(server::list_resource::list(
        cx,
        list,
        Arc::clone(&schemas),
        wanted,
        events,
    ));
    tokio::spawn(async move {
        while let Some(event) = incoming.recv().await {
            let mut found = event.diagnostics;
            let identity = event
                .identity
                .zip(schemas.identity.as_ref())
                .and_then(|(value, schema)| {
                    let identity_data = encode(schema.ty(), &value, &mut found);
                    Some(pb::ResourceIdentityData {
                        identity_data: Some(identity_data?),
                    })
                });
            let resource_object = event
                .state
                .and_then(|state| encode(schemas.schema.ty(), &state, &mut found));
            let display_name = event.display_name;
            let diagnostic = diagnostics(found);
            let event = pb::list_resource::Event {
                identity,
                display_name,
                resource_object,
                diagnostic,
            };
            if out.send(Ok(event)).await.is_err() {
                return;
            }
        }
    });
    stream
}

//! Schemas, and calls without a schema call before them.

use super::{Report, SKIP, Suite};
use crate::r#gen::tfplugin6 as pb;
use crate::schema::Schema;
use crate::testing::client::{Client, Error, Published, write_value};
use crate::testing::process::Launch;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(super) async fn client(suite: &Suite) -> Result<Client, String> {
    Launch::new(&suite.program)
        .start()
        .await
        .map_err(text)?
        .client()
        .await
        .map_err(text)
}

pub(super) async fn check(suite: &Suite, report: &mut Report) {
    report.add("the schemas are what Terraform accepts", schemas(suite).await);
    report.add(
        "the schema's bytes are the same in two processes",
        deterministic(suite).await,
    );
    report.add(
        "metadata and functions agree with the schema",
        metadata(suite).await,
    );
    report.add(
        "what is not offered is unimplemented, not a failure",
        not_offered(suite).await,
    );
    report.add(
        "unknown names are refused with a message",
        unknown_names(suite).await,
    );
    report.add("stopping is answered and ends nothing", stop(suite).await);
    report.add(
        "calls work without a schema call before them",
        without_schema(suite).await,
    );
    report.add(
        "broken values are refused with a message",
        broken_values(suite).await,
    );
}

async fn raw_schema(client: &Client) -> Result<pb::get_provider_schema::Response, String> {
    let answer = client
        .protocol()
        .get_provider_schema(pb::get_provider_schema::Request {})
        .await;
    Ok(answer.map_err(text)?.into_inner())
}

async fn schemas(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let size = prost::Message::encoded_len(&raw_schema(&client).await?);
    if size >= 64 << 20 {
        return Err(format!("{size} bytes: Terraform takes less than 64 MiB"));
    }
    let published = client.published().await.map_err(text)?;
    let mut problems: Vec<String> = published.provider.problems_of_provider();
    for (name, (schema, identity)) in &published.resources {
        problems.extend(schema.problems(name));
        problems.extend(identity.iter().flat_map(|identity| identity.problems(name)));
    }
    for (name, schema) in published.data_sources.iter().chain(&published.lists) {
        problems.extend(schema.problems_of_data(name));
    }
    for name in published.lists.keys() {
        if published
            .resources
            .get(name)
            .is_none_or(|(_, identity)| identity.is_none())
        {
            problems.push(format!("list `{name}` has no resource with an identity"));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

async fn deterministic(suite: &Suite) -> Result<(), String> {
    let (a, b) = (
        raw_schema(&client(suite).await?).await?,
        raw_schema(&client(suite).await?).await?,
    );
    if prost::Message::encode_to_vec(&a) == prost::Message::encode_to_vec(&b) {
        Ok(())
    } else {
        Err("they differ".into())
    }
}

async fn metadata(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let schema = raw_schema(&client).await?;
    let metadata = client.protocol().get_metadata(pb::get_metadata::Request {}).await;
    let metadata = metadata.map_err(text)?.into_inner();
    let functions = client
        .protocol()
        .get_functions(pb::get_functions::Request {})
        .await
        .map_err(text)?;
    let mut resources: Vec<&String> = metadata.resources.iter().map(|one| &one.type_name).collect();
    resources.sort();
    if !resources.iter().copied().eq(schema.resource_schemas.keys()) {
        return Err("resources differ".into());
    }
    if functions.into_inner().functions != schema.functions {
        return Err("functions differ".into());
    }
    Ok(())
}

/// Terraform keeps schemas, and asks later processes of the same run for none.
async fn without_schema(suite: &Suite) -> Result<(), String> {
    let asked = client(suite).await?;
    let published = asked.published().await.map_err(text)?;
    let fresh = client(suite).await?;
    for (name, (schema, _)) in &published.resources {
        let config = Some(write_value(schema.ty(), &schema.empty()).map_err(text)?);
        let request = pb::validate_resource_config::Request {
            type_name: name.clone(),
            config,
            ..Default::default()
        };
        fresh
            .protocol()
            .validate_resource_config(request)
            .await
            .map_err(text)?;
        let raw_state = Some(pb::RawState {
            json: b"{}".to_vec(),
            ..Default::default()
        });
        let version = schema.current_version();
        let request = pb::upgrade_resource_state::Request {
            type_name: name.clone(),
            version,
            raw_state,
        };
        let answer = fresh
            .protocol()
            .upgrade_resource_state(request)
            .await
            .map_err(text)?
            .into_inner();
        if let Some(problem) = answer.diagnostics.first() {
            return Err(format!("{name}: {}: {}", problem.summary, problem.detail));
        }
    }
    others_without_schema(&fresh, published).await
}

/// The same for what is asked less often. A refusal is an answer; a call that breaks is not.
async fn others_without_schema(fresh: &Client, published: &Published) -> Result<(), String> {
    let mut protocol = fresh.protocol();
    let encoded = |schema: &Schema| write_value(schema.ty(), &schema.empty()).map(Some).map_err(text);
    let broken = |call: &str, name: &str| {
        let place = format!("{call}, {name}");
        move |status: tonic::Status| format!("{place}: {status}")
    };
    for (name, (schema, _)) in &published.resources {
        let (type_name, config) = (name.clone(), encoded(schema)?);
        let plan = pb::plan_resource_change::Request {
            type_name: type_name.clone(),
            proposed_new_state: config.clone(),
            config,
            ..Default::default()
        };
        let answer = protocol.plan_resource_change(plan).await;
        answer.map_err(broken("PlanResourceChange", name))?;
        let read = pb::read_resource::Request {
            type_name: type_name.clone(),
            current_state: encoded(schema)?,
            ..Default::default()
        };
        let answer = protocol.read_resource(read).await;
        answer.map_err(broken("ReadResource", name))?;
        let import = pb::import_resource_state::Request {
            type_name,
            id: "x".into(),
            ..Default::default()
        };
        let answer = protocol.import_resource_state(import).await;
        answer.map_err(broken("ImportResourceState", name))?;
    }
    for (name, schema) in &published.data_sources {
        let request = pb::validate_data_resource_config::Request {
            type_name: name.clone(),
            config: encoded(schema)?,
        };
        let answer = protocol.validate_data_resource_config(request).await;
        answer.map_err(broken("ValidateDataResourceConfig", name))?;
    }
    for (name, schema) in &published.lists {
        let request = pb::validate_list_resource_config::Request {
            type_name: name.clone(),
            config: encoded(schema)?,
            ..Default::default()
        };
        let answer = protocol.validate_list_resource_config(request).await;
        answer.map_err(broken("ValidateListResourceConfig", name))?;
    }
    for name in published.functions.keys() {
        let request = pb::call_function::Request {
            name: name.clone(),
            arguments: Vec::new(),
        };
        let answer = protocol.call_function(request).await;
        answer.map_err(broken("CallFunction", name))?;
    }
    Ok(())
}

fn unimplemented<T>(call: &str, answer: Result<T, tonic::Status>) -> Result<(), String> {
    match answer {
        Ok(_) => Ok(()),
        Err(status) if status.code() == tonic::Code::Unimplemented => Ok(()),
        Err(status) => Err(format!("{call}: {:?}", status.code())),
    }
}

async fn not_offered(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let offered = raw_schema(&client).await?;
    let mut protocol = client.protocol();
    if offered.action_schemas.is_empty() {
        unimplemented(
            "PlanAction",
            protocol.plan_action(pb::plan_action::Request::default()).await,
        )?;
        unimplemented(
            "InvokeAction",
            protocol
                .invoke_action(pb::invoke_action::Request::default())
                .await,
        )?;
    }
    if offered.state_store_schemas.is_empty() {
        unimplemented(
            "GetStates",
            protocol.get_states(pb::get_states::Request::default()).await,
        )?;
        unimplemented(
            "LockState",
            protocol.lock_state(pb::lock_state::Request::default()).await,
        )?;
    }
    if offered.ephemeral_resource_schemas.is_empty() {
        let open = protocol
            .open_ephemeral_resource(pb::open_ephemeral_resource::Request::default())
            .await;
        unimplemented("OpenEphemeralResource", open)?;
    }
    Ok(())
}

fn has_error(call: &str, diagnostics: &[pb::Diagnostic]) -> Result<(), String> {
    if diagnostics
        .iter()
        .any(|one| one.severity() == pb::diagnostic::Severity::Error)
    {
        Ok(())
    } else {
        Err(format!("{call}: no error among the messages"))
    }
}

async fn unknown_names(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let mut protocol = client.protocol();
    let type_name = "no_such_thing".to_owned();
    let request = pb::validate_resource_config::Request {
        type_name: type_name.clone(),
        ..Default::default()
    };
    let answer = protocol
        .validate_resource_config(request)
        .await
        .map_err(text)?
        .into_inner();
    has_error("ValidateResourceConfig", &answer.diagnostics)?;
    let request = pb::plan_resource_change::Request {
        type_name: type_name.clone(),
        ..Default::default()
    };
    let answer = protocol
        .plan_resource_change(request)
        .await
        .map_err(text)?
        .into_inner();
    has_error("PlanResourceChange", &answer.diagnostics)?;
    let request = pb::read_data_source::Request {
        type_name,
        ..Default::default()
    };
    let answer = protocol
        .read_data_source(request)
        .await
        .map_err(text)?
        .into_inner();
    has_error("ReadDataSource", &answer.diagnostics)?;
    let request = pb::call_function::Request {
        name: "no_such_function".into(),
        arguments: vec![],
    };
    let answer = protocol.call_function(request).await.map_err(text)?.into_inner();
    answer
        .error
        .map(|_| ())
        .ok_or_else(|| "CallFunction: no error".into())
}

async fn stop(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    client.stop().await.map_err(text)?;
    raw_schema(&client)
        .await
        .map(|_| ())
        .map_err(|error| format!("afterwards: {error}"))
}

/// Bytes that are no value of any object.
const BROKEN: &[&[u8]] = &[
    b"\xc1",
    b"\x81",
    b"\x81\xa1",
    b"\xdf\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xffx",
    b"\xc9\xff\xff\xff\xff\x0c",
    b"\xa3abc",
    b"\x90",
    b"\x80\x80",
    b"\xff",
    b"\x81\xa6nobody\xc0",
    &[0x91; 4096],
    &[0x81; 4096],
];

async fn broken_values(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let published = client.published().await.map_err(text)?;
    let Some(type_name) = published.resources.keys().next().cloned() else {
        return Err(format!("{SKIP}there are no resources"));
    };
    let mut protocol = client.protocol();
    for bytes in BROKEN {
        let msgpack = Some(pb::DynamicValue {
            msgpack: bytes.to_vec(),
            json: vec![],
        });
        let json = Some(pb::DynamicValue {
            msgpack: vec![],
            json: bytes.to_vec(),
        });
        for config in [msgpack, json] {
            let type_name = type_name.clone();
            let request = pb::validate_resource_config::Request {
                type_name,
                config,
                ..Default::default()
            };
            let answer = protocol
                .validate_resource_config(request)
                .await
                .map_err(Error::from)
                .map_err(text)?;
            let shown = bytes.get(..bytes.len().min(8)).unwrap_or_default();
            has_error(&format!("{shown:x?}"), &answer.into_inner().diagnostics)?;
        }
        let raw_state = Some(pb::RawState {
            json: bytes.to_vec(),
            ..Default::default()
        });
        let type_name = type_name.clone();
        let request = pb::upgrade_resource_state::Request {
            type_name,
            version: 0,
            raw_state,
        };
        let answer = protocol.upgrade_resource_state(request).await.map_err(text)?;
        has_error("UpgradeResourceState", &answer.into_inner().diagnostics)?;
    }
    Ok(())
}

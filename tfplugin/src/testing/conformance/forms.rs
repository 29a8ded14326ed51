//! The forms in which one value can come: numbers, blocks that are not there, values that are not known.

use std::sync::Arc;

use super::calls::client;
use super::values::{answered, any, configured, names, text};
use super::{Report, Suite};
use crate::r#gen::tfplugin6 as pb;
use crate::schema::{BlockNesting, Schema};
use crate::testing::client::{Client, capabilities, read_diagnostics, write_value};
use crate::testing::instance::Instance;
use crate::testing::proposed::proposed;
use crate::testing::random::{Random, config};
use crate::value::json;
use crate::value::{Number, Refinement, Type, Value};
use crate::wire::read_value;

pub(super) async fn check(suite: &Suite, report: &mut Report) {
    report.add(
        "a number is the same as an integer, a float and text",
        forms_of_numbers(suite).await,
    );
    report.add(
        "numbers of thirty digits and of four hundred keep them all",
        large_numbers(suite).await,
    );
    report.add(
        "blocks that are not in a state are empty, never null",
        absent_blocks(suite).await,
    );
    report.add("blocks that come as null are answered", null_blocks(suite).await);
    report.add(
        "what is promised of a value that is not known yet disturbs nobody",
        refined(suite).await,
    );
    report.add(
        "data sources, lists and the provider block may be wholly unknown",
        unknown_elsewhere(suite).await,
    );
}

/// Replaces every number by one, and says how many there were.
fn put_numbers(value: &mut Value, number: &Number) -> usize {
    match value {
        Value::Number(one) => {
            *one = number.clone();
            1
        }
        Value::List(items) => items.iter_mut().map(|item| put_numbers(item, number)).sum(),
        Value::Map(all) | Value::Object(all) => all.values_mut().map(|item| put_numbers(item, number)).sum(),
        // Two elements of a set could become one.
        Value::Set(_) | Value::Dynamic(_) | Value::Null | Value::Unknown(_) => 0,
        Value::Bool(_) | Value::String(_) => 0,
    }
}

/// A made-up configuration with this number wherever one stands; nothing for a resource that takes none.
fn numbered(suite: &Suite, instance: &Instance, number: &Number) -> Option<Value> {
    (0..40).find_map(|seed| {
        let mut made = suite.made_up(instance, &mut Random::new(seed), false);
        (put_numbers(&mut made, number) > 0).then_some(made)
    })
}

/// A number that is nowhere by chance, and its bytes as an integer.
const SIGN: (u32, [u8; 4]) = (7_654_321, [0x00, 0x74, 0xcb, 0xb1]);

/// The same MessagePack with that number in another form. It is found as an integer of 32 bits, with or without sign.
fn rewritten(bytes: &[u8], form: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut rest, mut found) = (bytes, false);
    while let Some((first, after)) = rest.split_first() {
        match after.strip_prefix(&SIGN.1) {
            Some(after) if matches!(first, 0xce | 0xd2) => {
                out.extend_from_slice(form);
                (rest, found) = (after, true);
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    found.then_some(out)
}

async fn forms_of_numbers(suite: &Suite) -> Result<(), String> {
    let client = configured(suite).await?;
    let mut asked = false;
    let float = [&[0xcb][..], &f64::from(SIGN.0).to_be_bytes()].concat();
    let long = [&[0xd3][..], &i64::from(SIGN.0).to_be_bytes()].concat();
    let words = [&[0xa7][..], SIGN.0.to_string().as_bytes()].concat();
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        let schema = instance.schema();
        let Some(made) = numbered(suite, &instance, &Number::from(SIGN.0)) else {
            continue;
        };
        let proposal = proposed(schema, &Value::Null, &made);
        let plain = [&made, &proposal].map(|value| write_value(schema.ty(), value));
        let [Ok(sent), Ok(proposal)] = plain else {
            return Err(format!("{name}: a made-up configuration does not fit its schema"));
        };
        let expected = planned(&client, &name, sent.clone(), proposal.clone()).await?;
        for (form, bytes) in [("a float", &float), ("64 bits", &long), ("text", &words)] {
            let other = |value: &pb::DynamicValue| {
                rewritten(&value.msgpack, bytes).map(|msgpack| pb::DynamicValue {
                    msgpack,
                    json: Vec::new(),
                })
            };
            let (Some(sent), Some(proposal)) = (other(&sent), other(&proposal)) else {
                return Err(format!("{name}: the number was not found among the bytes"));
            };
            if planned(&client, &name, sent, proposal).await? != expected {
                return Err(format!("{name}: as {form} the plan is another one"));
            }
            asked = true;
        }
    }
    any(asked, "no resource takes a number")
}

/// The plan of a create, with its messages as text.
async fn planned(
    client: &Client,
    name: &str,
    config: pb::DynamicValue,
    proposal: pb::DynamicValue,
) -> Result<(Value, String), String> {
    let schema = client.resource_schema(name).await.map_err(text)?;
    let request = pb::plan_resource_change::Request {
        type_name: name.to_owned(),
        config: Some(config),
        proposed_new_state: Some(proposal),
        client_capabilities: Some(capabilities()),
        ..Default::default()
    };
    let answer = client.protocol().plan_resource_change(request).await;
    let answer = answer.map_err(|status| format!("{name}: {status}"))?.into_inner();
    let state = read_value(schema.ty(), answer.planned_state.as_ref()).map_err(text)?;
    Ok((state, read_diagnostics(answer.diagnostics).to_string()))
}

async fn large_numbers(suite: &Suite) -> Result<(), String> {
    let client = configured(suite).await?;
    let mut asked = false;
    for digits in [
        "123456789012345678901234567890.5",
        "0.000000000000000000000000000001",
        "1e400",
        "-1e400",
    ] {
        let number: Number = digits.parse().map_err(text)?;
        for name in names(&client).await? {
            let instance = client.resource(&name).await.map_err(text)?;
            let Some(mut made) = numbered(suite, &instance, &number) else {
                continue;
            };
            asked = true;
            // A plan may refuse it; one that takes it must not change it, which the client checks.
            answered(&format!("{name}, {digits}"), instance.plan(&made).await)?;
            for attribute in instance
                .schema()
                .root()
                .attributes()
                .iter()
                .filter(|one| one.is_write_only())
            {
                made.set_attr(attribute.name(), Value::Null);
            }
            let stored = json::to_string(&made);
            let version = instance.schema().current_version();
            let upgraded = instance.upgrade(version, stored.as_bytes()).await;
            let upgraded = upgraded.map_err(|error| format!("{name}, {digits} in a state: {error}"))?;
            if let Some(path) = super::values::difference(&made, &upgraded) {
                return Err(format!(
                    "{name}: {digits} in a state at `{path}` became another number"
                ));
            }
        }
    }
    any(asked, "no resource takes a number")
}

/// The blocks of a resource, with what stands where there is none.
fn blocks(schema: &Schema) -> Vec<(Arc<str>, Value)> {
    let empty = schema.empty();
    let all = schema.root().blocks().iter();
    all.map(|block| (Arc::from(block.name()), empty.get(block.name()).clone()))
        .collect()
}

async fn absent_blocks(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let mut asked = false;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        let blocks = blocks(instance.schema());
        let nulls = blocks.iter().map(|(name, _)| (Arc::clone(name), Value::Null));
        let nulls = json::to_string(&Value::object(nulls));
        for stored in [
            "{}",
            "{\n  \"of_another_version\": {\"a\": [1]}\n}",
            nulls.as_str(),
        ] {
            let version = instance.schema().current_version();
            let state = instance.upgrade(version, stored.as_bytes()).await;
            let state = state.map_err(|error| format!("{name}, from {stored}: {error}"))?;
            for (block, expected) in &blocks {
                asked = true;
                let found = state.get(block);
                if found != expected || found.is_null() != expected.is_null() {
                    return Err(format!("{name}, from {stored}: `{block}` is {found:?}"));
                }
            }
        }
    }
    any(asked, "no resource has blocks")
}

async fn null_blocks(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let mut asked = false;
    for name in names(&client).await? {
        let schema = client.resource_schema(&name).await.map_err(text)?;
        for block in schema.root().blocks() {
            let mut value = config(&schema, &mut Random::new(1), false);
            value.set_attr(block.name(), Value::Null);
            let sent = write_value(schema.ty(), &value).map_err(text)?;
            let request = pb::validate_resource_config::Request {
                type_name: name.clone(),
                config: Some(sent),
                client_capabilities: Some(capabilities()),
            };
            let answer = client.protocol().validate_resource_config(request).await;
            let answer = answer.map_err(|status| format!("{name}.{}: {status}", block.name()))?;
            let found = read_diagnostics(answer.into_inner().diagnostics);
            if let Some(crash) = super::values::crashed(&found) {
                return Err(format!("{name}.{}: {crash}", block.name()));
            }
            asked = true;
        }
    }
    any(asked, "no resource has blocks")
}

/// What Terraform could know of a value of this type.
fn promise(ty: &Type) -> Refinement {
    let mut promise = Refinement::not_null();
    match ty {
        Type::String => promise.prefix = Some("a".into()),
        Type::Number => promise.lower = Some((Number::from(1_u32), true)),
        Type::List(_) | Type::Set(_) | Type::Map(_) => promise.min_length = Some(1),
        _ => {}
    }
    promise
}

async fn refined(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        let mut value = super::values::all_unknown(instance.schema());
        for attribute in instance
            .schema()
            .root()
            .attributes()
            .iter()
            .filter(|one| !one.is_read_only())
        {
            value.set_attr(attribute.name(), Value::unknown_with(promise(&attribute.ty())));
        }
        for block in instance.schema().root().blocks() {
            if matches!(
                block.nesting(),
                BlockNesting::List | BlockNesting::Set | BlockNesting::Map
            ) {
                let some = Refinement {
                    min_length: Some(1),
                    ..Refinement::not_null()
                };
                value.set_attr(block.name(), Value::unknown_with(some));
            }
        }
        let outcome = answered(&format!("{name}, refined"), instance.validate(&value).await)?;
        if outcome.is_none() {
            return Err(format!("{name}: refused although everything in it is unknown"));
        }
    }
    Ok(())
}

async fn unknown_elsewhere(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    let published = client.published().await.map_err(text)?;
    let mut protocol = client.protocol();
    let encoded = |schema: &Schema| {
        write_value(schema.ty(), &super::values::all_unknown(schema))
            .map(Some)
            .map_err(text)
    };
    for (name, schema) in &published.data_sources {
        let request = pb::validate_data_resource_config::Request {
            type_name: name.clone(),
            config: encoded(schema)?,
        };
        let answer = protocol
            .validate_data_resource_config(request)
            .await
            .map_err(text)?;
        nothing_wrong(&format!("data source {name}"), answer.into_inner().diagnostics)?;
    }
    for (name, schema) in &published.lists {
        let request = pb::validate_list_resource_config::Request {
            type_name: name.clone(),
            config: encoded(schema)?,
            ..Default::default()
        };
        let answer = protocol
            .validate_list_resource_config(request)
            .await
            .map_err(text)?;
        nothing_wrong(&format!("list {name}"), answer.into_inner().diagnostics)?;
    }
    // While it plans, Terraform configures a provider with what it knows then.
    let config = encoded(&published.provider)?;
    let request = pb::validate_provider_config::Request {
        config: config.clone(),
    };
    let answer = protocol.validate_provider_config(request).await.map_err(text)?;
    nothing_wrong("provider block, validation", answer.into_inner().diagnostics)?;
    let request = pb::configure_provider::Request {
        terraform_version: "1.15.0".into(),
        config,
        client_capabilities: Some(capabilities()),
    };
    let answer = protocol.configure_provider(request).await.map_err(text)?;
    nothing_wrong("provider block", answer.into_inner().diagnostics)
}

fn nothing_wrong(what: &str, diagnostics: Vec<pb::Diagnostic>) -> Result<(), String> {
    let found = read_diagnostics(diagnostics);
    if found.has_errors() {
        Err(format!(
            "{what}: refused although everything in it is unknown: {found}"
        ))
    } else {
        Ok(())
    }
}

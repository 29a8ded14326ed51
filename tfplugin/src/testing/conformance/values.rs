//! Every resource with configurations made up from its schema.

use super::calls::client;
use super::{Report, SKIP, Suite};
use crate::Diagnostics;
use crate::diag::Severity;
use crate::path::PathStep;
use crate::schema::Schema;
use crate::testing::client::{Client, Error};
use crate::testing::random::{Random, config};
use crate::value::Value;
use crate::value::json;

pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(super) async fn check(suite: &Suite, report: &mut Report) {
    report.add(
        "empty, unknown and made-up configurations are validated without a crash",
        validate(suite).await,
    );
    report.add(
        "plans of made-up configurations keep Terraform's rules",
        plans(suite).await,
    );
    report.add(
        "a plan may be made twice with the same result",
        repeatable(suite).await,
    );
    report.add(
        "a stored state of the current version is taken as it is",
        upgrade(suite).await,
    );
    report.add(
        "a state of an unknown provider is refused with a message",
        moved(suite).await,
    );
    report.add("five megabytes are accepted", large(suite).await);
}

/// A message that says a provider went wrong, instead of what is wrong with the configuration.
pub(super) fn crashed(found: &Diagnostics) -> Option<String> {
    found
        .iter()
        .find(|one| one.severity == Severity::Error && one.detail.contains("bug in the provider"))
        .map(ToString::to_string)
}

/// A check that found nothing to look at has not passed.
pub(super) fn any(asked: bool, otherwise: &str) -> Result<(), String> {
    if asked {
        Ok(())
    } else {
        Err(format!("{SKIP}{otherwise}"))
    }
}

/// A refusal is an answer; anything else is not.
pub(super) fn answered<T>(what: &str, outcome: Result<T, Error>) -> Result<Option<T>, String> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Error::Refused(found)) => match crashed(&found) {
            Some(crash) => Err(format!("{what}: {crash}")),
            None => Ok(None),
        },
        Err(error) => Err(format!("{what}: {error}")),
    }
}

pub(super) async fn names(client: &Client) -> Result<Vec<String>, String> {
    let all: Vec<String> = client
        .published()
        .await
        .map_err(text)?
        .resources
        .keys()
        .cloned()
        .collect();
    if all.is_empty() {
        Err(format!("{SKIP}there are no resources"))
    } else {
        Ok(all)
    }
}

pub(super) fn all_unknown(schema: &Schema) -> Value {
    let mut value = schema.empty();
    for attribute in schema.root().attributes() {
        if !attribute.is_read_only() {
            value.set_attr(attribute.name(), Value::UNKNOWN);
        }
    }
    for block in schema.root().blocks() {
        if !matches!(block.nesting(), crate::schema::BlockNesting::Group) {
            value.set_attr(block.name(), Value::UNKNOWN);
        }
    }
    value
}

async fn validate(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        answered(
            &format!("{name}, empty"),
            instance.validate(&instance.schema().empty()).await,
        )?;
        let unknown = all_unknown(instance.schema());
        if answered(&format!("{name}, all unknown"), instance.validate(&unknown).await)?.is_none() {
            return Err(format!("{name}: refused although everything in it is unknown"));
        }
        for seed in 0..suite.rounds {
            let made = config(instance.schema(), &mut Random::new(seed), seed % 2 == 0);
            answered(&format!("{name}, seed {seed}"), instance.validate(&made).await)?;
        }
    }
    Ok(())
}

pub(super) async fn configured(suite: &Suite) -> Result<Client, String> {
    let client = client(suite).await?;
    if let Some(config) = &suite.config {
        client.configure(config.clone()).await.map_err(text)?;
    }
    Ok(client)
}

async fn plans(suite: &Suite) -> Result<(), String> {
    let client = configured(suite).await?;
    let mut asked = false;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        for seed in 0..suite.rounds {
            let made = suite.made_up(&instance, &mut Random::new(seed), seed % 3 == 0);
            let what = format!("{name}, seed {seed}");
            if let Some(plan) = answered(&what, instance.plan(&made).await)? {
                asked = true;
                computed_is_unknown(&instance, &made, &plan.state)
                    .map_err(|error| format!("{what}: {error}"))?;
            }
        }
    }
    any(asked, "no made-up configuration could be planned")
}

/// On a create, a computed attribute that is not configured is either not known or something the provider
/// could know; null it cannot be, if the provider means to set it. Only identifiers are certain to be unknown.
fn computed_is_unknown(
    instance: &crate::testing::Instance,
    config: &Value,
    planned: &Value,
) -> Result<(), String> {
    for attribute in instance.schema().root().attributes() {
        let id = attribute.is_read_only() && matches!(attribute.name(), "id" | "arn");
        if id && config.get(attribute.name()).is_null() && planned.get(attribute.name()).is_null() {
            return Err(format!("`{}` is planned as null", attribute.name()));
        }
    }
    Ok(())
}

async fn repeatable(suite: &Suite) -> Result<(), String> {
    let client = configured(suite).await?;
    let mut asked = false;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        for seed in 0..suite.rounds.min(8) {
            let made = suite.made_up(&instance, &mut Random::new(seed), false);
            let first = answered(&name, instance.plan(&made).await)?;
            let second = answered(&name, instance.plan(&made).await)?;
            asked |= first.is_some();
            if first.map(|plan| plan.state) != second.map(|plan| plan.state) {
                return Err(format!("{name}, seed {seed}: the plans differ"));
            }
        }
    }
    any(asked, "no made-up configuration could be planned")
}

async fn upgrade(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        let version = instance.schema().current_version();
        let mut stored = config(instance.schema(), &mut Random::new(7), false);
        for attribute in instance
            .schema()
            .root()
            .attributes()
            .iter()
            .filter(|one| one.is_write_only())
        {
            stored.set_attr(attribute.name(), Value::Null);
        }
        let indented =
            json::to_string(&stored).replacen('{', "{\n  \"of_another_version\": [1e400, 3],\n", 1);
        let upgraded = instance.upgrade(version, indented.as_bytes()).await;
        let upgraded = upgraded.map_err(|error| format!("{name}: {error}"))?;
        if let Some(path) = difference(&stored, &upgraded) {
            return Err(format!("{name}: `{path}` changed"));
        }
    }
    Ok(())
}

/// The first place that differs; write-only parts may have been dropped.
pub(super) fn difference(a: &Value, b: &Value) -> Option<String> {
    let mut found = None;
    a.walk(&mut |path, value| {
        let in_set = path
            .steps()
            .iter()
            .any(|step| matches!(step, PathStep::Element(_)));
        let same = in_set || b.at(path).is_some_and(|other| other == value || other.is_null());
        if found.is_none() && !same && value.entries().is_none() && value.items().is_empty() {
            found = Some(path.to_string());
        }
        true
    });
    found
}

async fn moved(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    for name in names(&client).await? {
        let mut instance = client.resource(&name).await.map_err(text)?;
        let source = "registry.terraform.io/nobody/nothing";
        match instance
            .move_from(source, "nothing_thing", 3, b"{\"id\": \"x\"}")
            .await
        {
            Err(Error::Refused(found)) if crashed(&found).is_none() => {}
            other => return Err(format!("{name}: {other:?}")),
        }
    }
    Ok(())
}

async fn large(suite: &Suite) -> Result<(), String> {
    let client = client(suite).await?;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        let strings = instance.schema().root().attributes().iter();
        let text = strings.filter(|one| one.ty() == crate::Type::String && !one.is_read_only());
        let Some(attribute) = text.into_iter().next_back() else {
            continue;
        };
        let mut value = all_unknown(instance.schema());
        value.set_attr(attribute.name(), "x".repeat(5 << 20));
        answered(&name, instance.validate(&value).await)?;
        return Ok(());
    }
    Err(format!("{SKIP}no resource takes a string"))
}

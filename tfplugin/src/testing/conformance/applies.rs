//! Objects that are really made: by a [`Suite`] that was told of some, or that it may make any.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use super::values::{answered, any, configured, crashed, names, text};
use super::{Object, Report, SKIP, Suite};
use crate::testing::client::{Client, Error};
use crate::testing::random::{Random, known};
use crate::testing::{Action, Instance};
use crate::value::Value;

/// How long an answer may take after everything was asked to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// The call by which objects are made, changed and removed.
const APPLY: &str = "ApplyResourceChange";

pub(super) async fn check(suite: &Suite, report: &mut Report) {
    report.add(
        "a second plan from what a plan came to changes nothing",
        settles(suite).await,
    );
    report.add(
        "made-up objects come out as planned, and a second plan changes nothing",
        made_up(suite).await,
    );
    report.add(
        "objects are made, read, left alone and removed",
        objects(suite).await,
    );
    report.add(
        "a create that is asked to stop at once still answers",
        stopped_at_once(suite).await,
    );
    report.add("a create that fails returns what there is", failing(suite).await);
    report.add(
        "a create that is stopped returns what there is, and the provider serves on",
        slow(suite).await,
    );
}

/// Nothing is made: the second plan begins from the first, with everything that was not known filled in. The provider is
/// not configured, so that it cannot find out that there is no such object.
async fn settles(suite: &Suite) -> Result<(), String> {
    let client = super::calls::client(suite).await?;
    let mut asked = false;
    for name in names(&client).await? {
        for seed in 0..suite.rounds {
            let mut instance = client.resource(&name).await.map_err(text)?;
            let random = &mut Random::new(seed);
            let made = suite.made_up(&instance, random, false);
            let what = format!("{name}, seed {seed}");
            let Some(plan) = answered(&what, instance.plan(&made).await)? else {
                continue;
            };
            asked = true;
            instance.set_state(known(instance.schema().ty(), plan.state, random));
            unchanged(&what, &instance, &made).await?;
        }
    }
    any(asked, "no made-up configuration could be planned")
}

async fn unchanged(what: &str, instance: &Instance, made: &Value) -> Result<(), String> {
    let again = instance
        .plan(made)
        .await
        .map_err(|error| format!("{what}, again: {error}"))?;
    if again.action == Action::None {
        return Ok(());
    }
    // What is computed anew is unknown then: that is what follows, not the reason.
    let (mut reason, mut follows) = (None, None);
    instance.state().walk(&mut |path, value| {
        let planned = again.state.at(path).unwrap_or(&Value::Null);
        let inside = |value: &Value| value.items().len() + value.entries().map_or(0, BTreeMap::len);
        // A difference that is further inside is told there.
        if planned != value && (inside(value) == 0 || inside(planned) == 0) {
            let place = format!("`{path}`: {value:?} would become {planned:?}");
            let kind = if planned.is_unknown() {
                &mut follows
            } else {
                &mut reason
            };
            kind.get_or_insert(place);
        }
        true
    });
    Err(format!(
        "{what}: the second plan would {:?}: {}",
        again.action,
        reason.or(follows).unwrap_or_default()
    ))
}

/// Takes an object through its life; `None` when the provider refuses to make it.
async fn life(client: &Client, what: &str, name: &str, made: &Value) -> Result<Option<()>, String> {
    let mut instance = client.resource(name).await.map_err(text)?;
    let outcome = instance.apply(made).await.cloned();
    let outcome = answered(what, outcome);
    if let Ok(Some(_)) = &outcome {
        unchanged(what, &instance, made).await?;
        instance
            .refresh()
            .await
            .map_err(|error| format!("{what}, read: {error}"))?;
        unchanged(&format!("{what}, after reading"), &instance, made).await?;
    }
    if !instance.state().is_null() {
        let removed = instance.apply(&Value::Null).await;
        removed.map_err(|error| format!("{what}, removing: {error}"))?;
        if !instance.state().is_null() {
            return Err(format!("{what}: a state is left after removing"));
        }
    }
    Ok(outcome?.map(|_| ()))
}

async fn made_up(suite: &Suite) -> Result<(), String> {
    if !suite.creates {
        return Err(format!("{SKIP}nothing may be made up and created"));
    }
    let client = configured(suite).await?;
    let mut made = 0_usize;
    for name in names(&client).await? {
        let instance = client.resource(&name).await.map_err(text)?;
        for seed in 0..suite.rounds {
            let config = suite.made_up(&instance, &mut Random::new(seed), false);
            let outcome = life(&client, &format!("{name}, seed {seed}"), &name, &config).await?;
            made += usize::from(outcome.is_some());
        }
    }
    any(made > 0, "the provider refused all of them")
}

fn told<'s>(all: &'s [Object], what: &str) -> Result<&'s [Object], String> {
    if all.is_empty() {
        Err(format!("{SKIP}no {what} was named"))
    } else {
        Ok(all)
    }
}

async fn objects(suite: &Suite) -> Result<(), String> {
    let all = told(&suite.objects, "object")?;
    let client = configured(suite).await?;
    for (name, made) in all {
        let outcome = life(&client, name, name, made).await?;
        outcome.ok_or_else(|| format!("{name}: refused, although it was named as one that can be made"))?;
    }
    Ok(())
}

/// Applies, and asks everything to stop when the moment has come.
async fn stopped(
    client: &Client,
    name: &str,
    made: &Value,
    moment: impl Future<Output = Result<(), Error>>,
) -> Result<(Instance, Result<Value, Error>), String> {
    let mut instance = client.resource(name).await.map_err(text)?;
    let work = async {
        let mut apply = pin!(instance.apply(made));
        tokio::select! {
            biased;
            // Over before the moment came: there is nothing to stop.
            outcome = &mut apply => return Ok(outcome.cloned()),
            come = moment => come.map_err(|error| format!("{name}: {error}"))?,
        }
        let (outcome, stop) = tokio::join!(apply, client.stop());
        stop.map_err(|error| format!("{name}: stopping: {error}"))?;
        Ok(outcome.cloned())
    };
    let ended = tokio::time::timeout(PATIENCE, work).await;
    let outcome = ended.map_err(|_| format!("{name}: no answer within {PATIENCE:?}"))?;
    outcome.map(|outcome| (instance, outcome))
}

/// Ends when the provider has begun to apply.
async fn applying(client: &Client) -> Result<(), Error> {
    let count = || client.calls().get(APPLY).copied().unwrap_or(0);
    let before = count();
    while count() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Calls of one connection arrive in their order: who answers this one has got the other.
    metadata(client).await?;
    // No call tells what a provider does with it; it is given some time to come to what takes long.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}

async fn metadata(client: &Client) -> Result<(), Error> {
    let request = crate::r#gen::tfplugin6::get_metadata::Request {};
    client.protocol().get_metadata(request).await?;
    Ok(())
}

async fn stopped_at_once(suite: &Suite) -> Result<(), String> {
    let all = told(&suite.objects, "object")?;
    let client = configured(suite).await?;
    for (name, made) in all {
        let (mut instance, outcome) = stopped(&client, name, made, async { Ok(()) }).await?;
        // Done or refused: both are answers, but what was made must not be lost.
        answered(name, outcome)?;
        if !instance.state().is_null() {
            instance
                .apply(&Value::Null)
                .await
                .map_err(|error| format!("{name}, removing: {error}"))?;
        }
        life(&client, &format!("{name}, made anew"), name, made).await?;
    }
    Ok(())
}

async fn failing(suite: &Suite) -> Result<(), String> {
    let all = told(&suite.failing, "object that fails")?;
    let client = configured(suite).await?;
    for (name, made) in all {
        let mut instance = client.resource(name).await.map_err(text)?;
        let outcome = instance.apply(made).await.cloned();
        partial(name, &mut instance, outcome).await?;
    }
    Ok(())
}

async fn slow(suite: &Suite) -> Result<(), String> {
    let all = told(&suite.slow, "object that takes long")?;
    let client = configured(suite).await?;
    for (name, made) in all {
        let (mut instance, outcome) = stopped(&client, name, made, applying(&client)).await?;
        partial(name, &mut instance, outcome).await?;
        metadata(&client)
            .await
            .map_err(|error| format!("{name}: afterwards: {error}"))?;
    }
    Ok(())
}

/// It must have failed with a message that is no crash, with a state that the next run can begin from.
async fn partial(name: &str, instance: &mut Instance, outcome: Result<Value, Error>) -> Result<(), String> {
    match outcome {
        Err(Error::Refused(found)) => {
            if let Some(crash) = crashed(&found) {
                return Err(format!("{name}: {crash}"));
            }
        }
        other => return Err(format!("{name}: it did not fail with a message: {other:?}")),
    }
    if instance.state().is_null() {
        return Err(format!("{name}: no state came back"));
    }
    if !instance.state().is_wholly_known() {
        return Err(format!("{name}: the state that came back has unknown parts"));
    }
    let removed = instance.apply(&Value::Null).await;
    removed
        .map(|_| ())
        .map_err(|error| format!("{name}, removing: {error}"))
}

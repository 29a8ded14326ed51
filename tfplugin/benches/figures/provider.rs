//! A provider program, seen from outside: the same questions to ours and to any other.

use std::path::Path;
use std::time::{Duration, Instant};

use tfplugin::codec::{json, msgpack};
use tfplugin::testing::{Client, Launch, Random, config, messages, proposed};
use tfplugin::{Schema, Value};

use super::{BenchResult, Figure, median};

/// How long each rate is measured.
const SPAN: Duration = Duration::from_secs(2);

/// Which provider, and what to ask it about.
pub(super) struct Subject<'s> {
    pub(super) name: String,
    pub(super) program: &'s Path,
    /// The resource type to plan, and its configuration. Without one: the first type of which something made up can be
    /// planned.
    pub(super) resource: Option<(String, Option<Value>)>,
    /// Whether the project's limits are for it.
    pub(super) ours: bool,
}

impl Subject<'_> {
    fn figure(&self, what: &str, value: f64, unit: &'static str, limit: Option<f64>) -> Figure {
        Figure {
            what: format!("{}: {what}", self.name),
            value,
            unit,
            limit: limit.filter(|_| self.ours),
        }
    }
}

fn mib(client: &Client) -> f64 {
    let process = client.process();
    process.and_then(|process| process.resident_kib()).unwrap_or(0) as f64 / 1024.0
}

/// From the start to the handshake, and what that takes.
pub(super) async fn starts(subject: &Subject<'_>, all: &mut Vec<Figure>) -> BenchResult<()> {
    let (mut times, mut resident) = (Vec::new(), 0);
    for round in 0..31 {
        let process = Launch::new(subject.program).any_protocol().start().await?;
        times.push(process.handshake_after.as_secs_f64() * 1e3);
        resident = resident.max(process.resident_kib().unwrap_or(0));
        if round > 4 && process.handshake_after > Duration::from_millis(500) {
            break;
        }
    }
    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
    all.push(subject.figure("start to handshake, median", median(&mut times), "ms", Some(10.0)));
    all.push(subject.figure("start to handshake, best", best, "ms", Some(10.0)));
    let resident = resident as f64 / 1024.0;
    all.push(subject.figure("resident at the handshake", resident, "MiB", Some(15.0)));
    Ok(())
}

/// Schema, plans and stored states.
pub(super) async fn calls(subject: &Subject<'_>, all: &mut Vec<Figure>) -> BenchResult<()> {
    let client = Launch::new(subject.program)
        .any_protocol()
        .start()
        .await?
        .client()
        .await?;
    schemas(subject, &client, all).await?;
    let Some((type_name, schema, made)) = work(subject, &client).await? else {
        all.push(subject.figure("types of which something can be planned", 0.0, "", None));
        return Ok(());
    };
    let request = plan_request(&type_name, &schema, &made)?;
    let size = request.config.as_ref().map_or(0, |config| config.msgpack.len());
    for (what, tasks) in [("one after another", 1), ("ten at a time", 10)] {
        let rate = rate(tasks, || {
            let (mut protocol, request) = (client.protocol(), request.clone());
            async move { protocol.plan_resource_change(request).await.map(drop) }
        });
        let what = format!("PlanResourceChange of {type_name} ({size} bytes), {what}");
        all.push(subject.figure(&what, rate.await?, "per s", None));
    }
    let stored = json::to_string(&schema.conform(made)?);
    let request = messages::upgrade_resource_state::Request {
        type_name: type_name.clone(),
        version: schema.current_version(),
        raw_state: Some(messages::RawState {
            json: stored.clone().into_bytes(),
            ..Default::default()
        }),
    };
    let rate = rate(1, || {
        let (mut protocol, request) = (client.protocol(), request.clone());
        async move { protocol.upgrade_resource_state(request).await.map(drop) }
    });
    let rate = rate.await? * stored.len() as f64 / 1e6;
    let what = format!(
        "a state of {} bytes, JSON to MessagePack over the wire",
        stored.len()
    );
    all.push(subject.figure(&what, rate, "MB/s", None));
    all.push(subject.figure("resident after all that", mib(&client), "MiB", Some(15.0)));
    Ok(())
}

async fn schemas(subject: &Subject<'_>, client: &Client, all: &mut Vec<Figure>) -> BenchResult<()> {
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < 3 || (times.len() < 20 && begin.elapsed() < 2 * SPAN) {
        let start = Instant::now();
        client.fetch_schemas().await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let first = times.first().copied().unwrap_or(f64::NAN);
    all.push(subject.figure("GetProviderSchema, first", first, "ms", None));
    all.push(subject.figure("GetProviderSchema, median", median(&mut times), "ms", None));
    all.push(subject.figure("resident with the schema", mib(client), "MiB", None));
    Ok(())
}

/// What to plan: what was named, or the first type of which a made-up configuration can be planned.
async fn work(subject: &Subject<'_>, client: &Client) -> BenchResult<Option<(String, Schema, Value)>> {
    let types = match &subject.resource {
        Some((name, _)) => vec![name.clone()],
        None => client.resource_types().await?,
    };
    for name in types {
        let schema = (*client.resource_schema(&name).await?).clone();
        let given = subject.resource.as_ref().and_then(|(_, made)| made.clone());
        let rounds = if given.is_some() { 1 } else { 40 };
        for seed in 0..rounds {
            let made = given.clone();
            let made = made.unwrap_or_else(|| config(&schema, &mut Random::new(seed), false));
            let made = schema.conform(made)?;
            let request = plan_request(&name, &schema, &made)?;
            let answer = client
                .protocol()
                .plan_resource_change(request)
                .await?
                .into_inner();
            let error = messages::diagnostic::Severity::Error;
            if answer.diagnostics.iter().all(|one| one.severity() != error) {
                return Ok(Some((name, schema, made)));
            }
        }
    }
    Ok(None)
}

fn plan_request(
    type_name: &str,
    schema: &Schema,
    made: &Value,
) -> BenchResult<messages::plan_resource_change::Request> {
    let value = |value: &Value| -> BenchResult<_> {
        Ok(Some(messages::DynamicValue {
            msgpack: msgpack::encode(schema.ty(), value)?,
            json: vec![],
        }))
    };
    let made = schema.conform(made.clone())?;
    Ok(messages::plan_resource_change::Request {
        type_name: type_name.to_owned(),
        prior_state: value(&Value::Null)?,
        proposed_new_state: value(&proposed(schema, &Value::Null, &made))?,
        config: value(&made)?,
        ..Default::default()
    })
}

/// How often a call is answered per second, with so many under way.
async fn rate<C, W>(tasks: usize, call: C) -> BenchResult<f64>
where
    C: Fn() -> W,
    W: Future<Output = Result<(), tonic::Status>> + Send + 'static,
{
    let start = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        running.spawn(call());
    }
    let mut done = 0_u32;
    while let Some(outcome) = running.join_next().await {
        outcome??;
        done += 1;
        if start.elapsed() < SPAN {
            running.spawn(call());
        }
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}

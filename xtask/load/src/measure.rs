//! The figures of one server.

use crate::fleet::{ClientBehaviour, Event, Fleet, FleetEvent};
use crate::reference::{ProxyState, State};
use crate::stage::{Server, Stage};
use bytes::Bytes;
use meshform_load::messages::{Response, node};
use meshform_load::proxy::{XdsClientState, answer};
use meshform_load::wire::Stream;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

const ROUTES: &str = "RouteConfiguration";
const ENDPOINTS: &str = "ClusterLoadAssignment";
/// Longer than any server takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long nothing happens before the processor time at rest is taken, and how long it is taken.
const REST: Duration = Duration::from_secs(2);
const RESTS: Duration = Duration::from_secs(10);
/// How long responses are counted that nobody should send.
const SILENCE: Duration = Duration::from_secs(3);

pub(crate) type Row = (&'static str, String);

pub(crate) struct Case<'s> {
    pub(crate) stage: &'s Stage,
    pub(crate) recorded: Bytes,
    pub(crate) streams: usize,
    pub(crate) changes: usize,
}

/// How long one change took.
struct Change {
    /// From the request to the first response, and to each acknowledgement, sorted.
    first: Duration,
    replied: Vec<Duration>,
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// Of sorted times the one that so many of a hundred do not exceed.
fn percentile(sorted: &[Duration], part: usize) -> Duration {
    let at = (sorted.len() * part).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part| millis(percentile(&times, part));
    format!("p50 {}, p99 {}, last {}", at(50), at(99), at(100))
}

impl Case<'_> {
    pub(crate) async fn ours(&self) -> io::Result<Vec<Row>> {
        let server = self.stage.serve()?;
        let mut rows = Vec::new();
        let mut fleet = self.first_configuration(&server, &mut rows).await?;
        self.at_rest(&server, &mut rows).await;
        self.weights(&server, &mut fleet, &mut rows).await?;
        self.endpoints(&mut fleet, &mut rows).await?;
        self.sleepers(&server, &mut fleet, &mut rows).await?;
        self.refusals(&server, &mut fleet, &mut rows).await?;
        self.restart(server, &mut fleet, &mut rows).await?;
        Ok(rows)
    }

    /// The other server, with what ours sends: it knows neither an API nor what clients have.
    pub(crate) async fn reference(&self) -> io::Result<Vec<Row>> {
        let state = self.collect().await?;
        let mut server = self.stage.reference(&state)?;
        let mut rows = Vec::new();
        let mut fleet = self.first_configuration(&server, &mut rows).await?;
        let mut changes = Vec::new();
        for _ in 0..self.changes {
            fleet.drain();
            let begun = Instant::now();
            if let Some(input) = &mut server.process.stdin {
                input.write_all(b"change\n")?;
            }
            changes.push(self.change(&mut fleet, begun, ROUTES, self.streams).await?);
        }
        told(&changes, "weight change", &mut rows);
        rows.push(("memory of the server", memory(&server)));
        Ok(rows)
    }

    async fn first_configuration(&self, server: &Server, rows: &mut Vec<Row>) -> io::Result<Fleet> {
        let begun = Instant::now();
        let nodes = self.stage.nodes();
        let mut fleet = Fleet::start(server.xds, &self.recorded, &nodes, self.streams);
        let mut times = Vec::with_capacity(self.streams);
        while times.len() < self.streams {
            let event = fleet.next(PATIENCE).await?;
            if matches!(event.what, FleetEvent::Configured) {
                times.push(event.at - begun);
            }
        }
        let usage = server.usage();
        rows.push(("first configuration", spread(times)));
        rows.push((
            "  processor and memory of the server",
            format!("{:.2} s, {}", usage.seconds, memory(server)),
        ));
        Ok(fleet)
    }

    async fn at_rest(&self, server: &Server, rows: &mut Vec<Row>) {
        tokio::time::sleep(REST).await;
        let before = server.usage();
        tokio::time::sleep(RESTS).await;
        let taken = server.usage().seconds - before.seconds;
        let part = taken / RESTS.as_secs_f64() * 100.0;
        rows.push(("at rest", format!("{part:.1} % of a core, {}", memory(server))));
    }

    /// Waits for the end of a change: `count` proxies have replied to a response of that type.
    async fn change(
        &self,
        fleet: &mut Fleet,
        begun: Instant,
        kind: &str,
        count: usize,
    ) -> io::Result<Change> {
        let mut first = None;
        let mut replied = BTreeMap::new();
        while replied.len() < count {
            let Event { client, what, at } = fleet.next(PATIENCE).await?;
            match what {
                FleetEvent::Got { kind: got, .. } if got == kind => drop(first.get_or_insert(at - begun)),
                FleetEvent::Replied { kind: to } if to == kind => drop(replied.insert(client, at - begun)),
                _ => {}
            }
        }
        let mut replied: Vec<Duration> = replied.into_values().collect();
        replied.sort_unstable();
        Ok(Change {
            first: first.unwrap_or_default(),
            replied,
        })
    }

    async fn shift(
        &self,
        server: &Server,
        fleet: &mut Fleet,
        weight: u32,
        count: usize,
    ) -> io::Result<Change> {
        fleet.drain();
        let begun = Instant::now();
        server.shift(weight).await?;
        self.change(fleet, begun, ROUTES, count).await
    }

    async fn weights(&self, server: &Server, fleet: &mut Fleet, rows: &mut Vec<Row>) -> io::Result<()> {
        let before = server.usage();
        let mut changes = Vec::new();
        for number in 0..self.changes {
            let weight = if number % 2 == 0 { 10 } else { 90 };
            changes.push(self.shift(server, fleet, weight, self.streams).await?);
        }
        told(&changes, "weight change", rows);
        let taken = (server.usage().seconds - before.seconds) / self.changes.max(1) as f64;
        rows.push(("  processor of the server, each", format!("{taken:.3} s")));
        Ok(())
    }

    async fn endpoints(&self, fleet: &mut Fleet, rows: &mut Vec<Row>) -> io::Result<()> {
        fleet.drain();
        self.stage.move_endpoints()?;
        let change = self
            .change(fleet, Instant::now(), ENDPOINTS, self.streams)
            .await?;
        let each = change.replied.iter().map(|at| at.saturating_sub(change.first));
        rows.push((
            "endpoints of all nodes change, first response to each reply",
            spread(each.collect()),
        ));
        Ok(())
    }

    /// Each hundredth reads nothing while weights change.
    async fn sleepers(&self, server: &Server, fleet: &mut Fleet, rows: &mut Vec<Row>) -> io::Result<()> {
        let before = server.usage();
        let mood = ClientBehaviour {
            refuses: false,
            some_sleep: true,
        };
        fleet.be(mood);
        // They read what comes next, and then nothing more.
        self.shift(server, fleet, 1, self.streams - self.streams.div_ceil(100))
            .await?;
        let mut changes = Vec::new();
        for number in 0..self.changes {
            let weight = if number % 2 == 0 { 20 } else { 80 };
            let awake = self.streams - self.streams.div_ceil(100);
            changes.push(self.shift(server, fleet, weight, awake).await?);
        }
        told(&changes, "weight change while 1 % do not read", rows);
        let more = server.usage().resident - before.resident;
        rows.push(("  memory of the server", format!("{more:+.1} MiB")));
        fleet.be(ClientBehaviour {
            some_sleep: false,
            ..mood
        });
        // They catch up, each with what holds now alone.
        self.shift(server, fleet, 50, self.streams).await.map(drop)
    }

    /// Everybody refuses a change, and takes the next one.
    async fn refusals(&self, server: &Server, fleet: &mut Fleet, rows: &mut Vec<Row>) -> io::Result<()> {
        let mood = ClientBehaviour {
            refuses: true,
            some_sleep: false,
        };
        fleet.be(mood);
        let before = server.usage();
        let change = self.shift(server, fleet, 30, self.streams).await?;
        fleet.drain();
        tokio::time::sleep(SILENCE).await;
        let again = fleet.drain();
        let taken = server.usage().seconds - before.seconds;
        rows.push((
            "all refuse a change: first response to last reply",
            millis(percentile(&change.replied, 100).saturating_sub(change.first)),
        ));
        rows.push((
            "  sent again within 3 s; processor",
            format!("{again}; {taken:.2} s"),
        ));
        fleet.be(ClientBehaviour {
            refuses: false,
            ..mood
        });
        let healed = self.shift(server, fleet, 60, self.streams).await?;
        let each = healed.replied.iter().map(|at| at.saturating_sub(healed.first));
        rows.push(("  the next change heals, to each reply", spread(each.collect())));
        Ok(())
    }

    /// The server ends and starts again: who comes back has everything.
    async fn restart(&self, server: Server, fleet: &mut Fleet, rows: &mut Vec<Row>) -> io::Result<()> {
        tokio::time::sleep(REST).await;
        fleet.drain();
        server.end()?;
        let server = self.stage.serve()?;
        let begun = Instant::now();
        let (mut answered, mut sent, mut times) = (BTreeSet::new(), 0, Vec::new());
        while answered.len() < self.streams {
            let event = fleet.next(PATIENCE).await?;
            match event.what {
                FleetEvent::Got { bytes, .. } => sent += bytes,
                FleetEvent::Answered if answered.insert(event.client) => times.push(event.at - begun),
                _ => {}
            }
        }
        rows.push(("restart: all are answered", spread(times)));
        let each = sent / self.streams.max(1) as u64;
        rows.push(("  bytes sent, all together (each)", format!("{sent} ({each})")));
        rows.push(("memory of the server", memory(&server)));
        Ok(())
    }

    /// What our server sends to a new proxy of each node.
    async fn collect(&self) -> io::Result<Vec<u8>> {
        let server = self.stage.serve()?;
        let mut state = State::default();
        for id in self.stage.nodes() {
            let mut proxy = XdsClientState::new(node(&[], &id));
            let (opening, mut sender) = Stream::open(server.xds, None).await?;
            for request in proxy.begins() {
                sender.send(&request)?;
            }
            let mut stream = opening.taken(sender).await?;
            let mut types: BTreeMap<String, Response> = BTreeMap::new();
            while !proxy.is_configured() {
                let response = stream.receiver.next::<Response>().await?;
                let response = response.ok_or_else(|| io::Error::other("the stream ended"))?;
                for request in proxy.takes(&response) {
                    stream.sender.send(&request)?;
                }
                stream.sender.send(&answer(&response, None))?;
                let kept = types.entry(response.type_url.clone()).or_default();
                kept.type_url.clone_from(&response.type_url);
                kept.resources.extend(response.resources);
            }
            state.proxies.push(ProxyState {
                id,
                types: types.into_values().collect(),
            });
        }
        Ok(state.encode_to_vec())
    }
}

fn told(changes: &[Change], what: &'static str, rows: &mut Vec<Row>) {
    let all = changes.iter().flat_map(|change| change.replied.iter().copied());
    rows.push((what, format!("request to each reply: {}", spread(all.collect()))));
    let own = changes.iter().flat_map(|change| {
        let replied = change.replied.iter();
        replied.map(|at| at.saturating_sub(change.first))
    });
    rows.push(("  first response to each reply", spread(own.collect())));
}

fn memory(server: &Server) -> String {
    let usage = server.usage();
    format!("{:.1} MiB (at most {:.1})", usage.resident, usage.peak)
}

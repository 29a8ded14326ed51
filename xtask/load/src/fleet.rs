//! Many proxies, each with a connection and a task of its own.

use bytes::Bytes;
use meshform_load::messages::{Response, node};
use meshform_load::proxy::{XdsClientState, answer};
use meshform_load::wire::Stream;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// What an Envoy takes until it acknowledges.
const THINKS: Duration = Duration::from_millis(1);
/// Where no connection is made, how long until the next try.
const AGAIN: Duration = Duration::from_millis(200);

/// What one of them did.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) client: usize,
    pub(crate) what: FleetEvent,
    pub(crate) at: Instant,
}

#[derive(Debug)]
pub(crate) enum FleetEvent {
    /// It has everything that it asked for.
    Configured,
    /// On a new stream, everything that it asked for in any case was answered.
    Answered,
    /// A response came.
    Got { kind: String, bytes: u64 },
    /// It acknowledged or refused one.
    Replied { kind: String },
}

/// How all of them behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientBehaviour {
    /// Whether route configurations are refused.
    pub(crate) refuses: bool,
    /// Whether each hundredth reads nothing.
    pub(crate) some_sleep: bool,
}

pub(crate) struct Fleet {
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    mood: watch::Sender<ClientBehaviour>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Fleet {
    /// Starts `count` proxies of the nodes in turn.
    pub(crate) fn start(server: SocketAddr, recorded: &Bytes, nodes: &[String], count: usize) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let (mood, moods) = watch::channel(ClientBehaviour {
            refuses: false,
            some_sleep: false,
        });
        let tasks = (0..count).zip(nodes.iter().cycle()).map(|(number, id)| {
            let client = Client {
                number,
                server,
                proxy: XdsClientState::new(node(recorded, id)),
                events: events.clone(),
                mood: moods.clone(),
            };
            tokio::spawn(client.run())
        });
        Self {
            tasks: tasks.collect(),
            events: receiver,
            mood,
        }
    }

    pub(crate) fn be(&self, mood: ClientBehaviour) {
        self.mood.send_replace(mood);
    }

    /// The next event; an error where none comes in time.
    pub(crate) async fn next(&mut self, patience: Duration) -> io::Result<Event> {
        let event = tokio::time::timeout(patience, self.events.recv()).await;
        let silent = || io::Error::other("the server says nothing");
        event.map_err(|_| silent())?.ok_or_else(silent)
    }

    /// Forgets what has happened.
    pub(crate) fn drain(&mut self) -> usize {
        let mut forgotten = 0;
        while self.events.try_recv().is_ok() {
            forgotten += 1;
        }
        forgotten
    }
}

struct Client {
    number: usize,
    server: SocketAddr,
    proxy: XdsClientState,
    events: mpsc::UnboundedSender<Event>,
    mood: watch::Receiver<ClientBehaviour>,
}

impl Client {
    fn tell(&self, what: FleetEvent) {
        let _ = self.events.send(Event {
            client: self.number,
            what,
            at: Instant::now(),
        });
    }

    async fn run(mut self) {
        loop {
            // A server that ends, or is not there yet.
            let _ = self.stream().await;
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn sleeps(&self) -> bool {
        self.number.is_multiple_of(100) && self.mood.borrow().some_sleep
    }

    async fn stream(&mut self) -> io::Result<()> {
        let (opening, mut sender) = Stream::open(self.server, None).await?;
        for request in self.proxy.begins() {
            sender.send(&request)?;
        }
        let mut stream = opening.taken(sender).await?;
        let (mut configured, mut answered) = (false, false);
        loop {
            while self.sleeps() {
                let _ = self.mood.changed().await;
            }
            let before = stream.receiver.bytes;
            let Some(response) = stream.receiver.next::<Response>().await? else {
                return Ok(());
            };
            let kind = response
                .type_url
                .rsplit('.')
                .next()
                .unwrap_or_default()
                .to_owned();
            self.tell(FleetEvent::Got {
                kind: kind.clone(),
                bytes: stream.receiver.bytes - before,
            });
            let refuses = self.mood.borrow().refuses && kind == "RouteConfiguration";
            if !refuses {
                for request in self.proxy.takes(&response) {
                    stream.sender.send(&request)?;
                }
            }
            tokio::time::sleep(THINKS).await;
            let refused = refuses.then_some("no such cluster");
            stream.sender.send(&answer(&response, refused))?;
            self.tell(FleetEvent::Replied { kind });
            if !configured && self.proxy.is_configured() {
                configured = true;
                self.tell(FleetEvent::Configured);
            }
            if !answered && self.proxy.is_answered() {
                answered = true;
                self.tell(FleetEvent::Answered);
            }
        }
    }
}

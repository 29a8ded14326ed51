//! A server to compare with: it keeps the state of each proxy whole, and with each change marshals all of it again for each
//! stream, under one lock, as simple caches of snapshots do.

use meshform_load::messages::{Request, Resource, Response};
use meshform_load::proxy::{CLUSTERS, ENDPOINTS, LISTENERS, ROUTES};
use meshform_load::wire::{self, Receiver, Sender};
use prost::Message as _;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What all proxies have, as it is handed over.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct State {
    #[prost(message, repeated, tag = "1")]
    pub(crate) proxies: Vec<ProxyState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProxyState {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) types: Vec<Response>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

type Snapshots = BTreeMap<String, BTreeMap<String, Vec<Resource>>>;

struct Cache {
    snapshots: Mutex<Snapshots>,
    changes: watch::Sender<u64>,
}

/// Serves what the file holds; each line of the input changes all route configurations.
pub(crate) async fn serve(file: &Path) -> io::Result<()> {
    let state = State::decode(std::fs::read(file)?.as_slice()).map_err(io::Error::other)?;
    let snapshots = state.proxies.into_iter().map(|proxy| {
        let types = proxy.types.into_iter();
        (proxy.id, types.map(|one| (one.type_url, one.resources)).collect())
    });
    let cache = Arc::new(Cache {
        snapshots: Mutex::new(snapshots.collect()),
        changes: watch::Sender::new(0),
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    {
        use std::io::Write as _;
        writeln!(std::io::stdout(), "{address}")?;
    }
    tokio::spawn(change(Arc::clone(&cache)));
    loop {
        let (socket, _) = listener.accept().await?;
        let cache = Arc::clone(&cache);
        tokio::spawn(async move {
            let _ = wire::serve(socket, |receiver, sender| {
                tokio::spawn(stream(Arc::clone(&cache), receiver, sender));
            })
            .await;
        });
    }
}

/// The input is read by a thread of its own: a pipe that is a standard stream has no other form here.
async fn change(cache: Arc<Cache>) {
    let (lines, mut told) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    while told.recv().await.is_some() {
        {
            let mut snapshots = cache.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
            let routes = snapshots.values_mut().filter_map(|types| types.get_mut(ROUTES));
            for route in routes.flatten() {
                route.version.push('x');
            }
        }
        cache.changes.send_modify(|count| *count += 1);
    }
}

async fn stream(cache: Arc<Cache>, mut requests: Receiver, mut answers: Sender) -> io::Result<()> {
    let mut changes = cache.changes.subscribe();
    let (mut id, mut nonce) = (String::new(), 0_u64);
    let mut asked: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            request = requests.next::<Request>() => {
                let Some(request) = request? else { return Ok(()) };
                if let Some(node) = request.node {
                    id = Id::decode(node).map_err(io::Error::other)?.id;
                }
                // What acknowledges asks for nothing.
                if !request.nonce.is_empty() {
                    continue;
                }
                if !asked.contains(&request.type_url) {
                    asked.push(request.type_url.clone());
                }
                answers.send_encoded(&cache.marshalled(&id, &request.type_url, &mut nonce))?;
            }
            _ = changes.changed() => {
                for kind in [CLUSTERS, ENDPOINTS, LISTENERS, ROUTES] {
                    if asked.iter().any(|one| one == kind) {
                        answers.send_encoded(&cache.marshalled(&id, kind, &mut nonce))?;
                    }
                }
            }
        }
    }
}

impl Cache {
    fn marshalled(&self, id: &str, kind: &str, nonce: &mut u64) -> Vec<u8> {
        *nonce += 1;
        let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let resources = snapshots.get(id).and_then(|types| types.get(kind));
        let response = Response {
            type_url: kind.to_owned(),
            nonce: nonce.to_string(),
            resources: resources.cloned().unwrap_or_default(),
            ..Response::default()
        };
        response.encode_to_vec()
    }
}

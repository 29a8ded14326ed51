//! The gRPC service around sessions: one call for each stream, which holds nothing back. A client that reads slowly sees the
//! newest view later, and nothing queues.

use super::door::AdmissionPermit;
use super::grpc::{Answers, Framed, Outlet, Requests};
use super::proto::{DeltaRequest, DeltaResponse, Node, REASON, WORD, WorldRequest, WorldResponse, plain};
use super::releases::{CurrentRelease, Releases};
use super::session::{Protocol, Push, RejectedUpdate, Session, TypeRequest};
use super::view::{View, XdsType};
use crate::auth::tokens::Grant;
use crate::metrics::StreamCounts;
use http::{Request, Response};
use hyper::body::Incoming;
use meshform_bundle::ProxyId;
use meshform_model::digest::Digest;
use meshform_release::Refusals;
use meshform_store::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tonic::Status;

const SERVICE: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

/// How long an Envoy may take to say who it is: it does so with its first request, which it sends at once.
const HELLO: Duration = Duration::from_secs(20);
/// How long a stream sleeps at most when no step is due. Requests, releases and a token's end wake it anyway.
const IDLE: Duration = Duration::from_secs(600);

/// What is known of the streams that are open.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Stream>>,
    refused: AtomicU64,
}

/// One stream, for people and for metrics.
#[derive(Debug, Clone)]
struct Stream {
    proxy: String,
    peer: SocketAddr,
    since: SystemTime,
    release: String,
    current: bool,
    refused: Vec<Json>,
}

impl Streams {
    /// The streams, those first that refuse something, then those that lag.
    pub(crate) fn json(&self) -> Json {
        let all = self.worst_first().into_iter().map(|stream| {
            let since = stream.since.duration_since(UNIX_EPOCH).unwrap_or_default();
            json!({
                "proxy": stream.proxy,
                "peer": stream.peer.to_string(),
                "since": since.as_secs(),
                "release": stream.release,
                "current": stream.current,
                "refused": stream.refused,
            })
        });
        json!({ "proxies": all.collect::<Vec<_>>() })
    }

    /// The streams of a mesh as the console shows them, in the same order.
    pub(crate) fn of_mesh(&self, mesh: &str) -> Vec<meshform_console::Stream> {
        let within = format!("mesh/{mesh}/");
        let all = self.worst_first().into_iter();
        all.filter(|stream| stream.proxy.starts_with(&within))
            .map(|stream| meshform_console::Stream {
                about: match (stream.refused.len(), stream.current) {
                    (0, true) => "current".to_owned(),
                    (0, false) => "lagging".to_owned(),
                    (1, _) => "refuses 1 resource".to_owned(),
                    (many, _) => format!("refuses {many} resources"),
                },
                proxy: stream.proxy,
                peer: stream.peer.to_string(),
            })
            .collect()
    }

    fn worst_first(&self) -> Vec<Stream> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Stream> = open.values().cloned().collect();
        drop(open);
        all.sort_by_key(|stream| (stream.refused.is_empty(), stream.current, stream.proxy.clone()));
        all
    }

    /// Which proxies refuse a release and why, and which have taken it: by mesh, for those that are told one release.
    pub(crate) fn refusals(&self) -> BTreeMap<(String, String), Refusals> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: BTreeMap<(String, String), Refusals> = BTreeMap::new();
        for stream in open.values() {
            // One on the way says nothing yet.
            if stream.refused.is_empty() && !stream.current {
                continue;
            }
            let Some(mesh) = stream.proxy.split('/').nth(1) else {
                continue;
            };
            let of_mesh = all.entry((mesh.to_owned(), stream.release.clone())).or_default();
            // Of several tasks of a proxy one that refuses is enough.
            let reasons = of_mesh.entry(stream.proxy.clone()).or_default();
            let new = stream.refused.iter().map(reason);
            reasons.extend(new);
            reasons.sort();
            reasons.dedup();
        }
        all
    }

    /// Streams, those that have everything, and refusals so far.
    pub(crate) fn counts(&self) -> StreamCounts {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        StreamCounts {
            open: open.len(),
            current: open.values().filter(|stream| stream.current).count(),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut Stream)) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = open.get_mut(&id) {
            change(stream);
        }
    }
}

/// A refusal in one line: the resource and field of the mesh, and what Envoy says.
fn reason(refused: &Json) -> String {
    let text = |name: &str| refused.get(name).and_then(Json::as_str).unwrap_or_default();
    let (resource, field, message) = (text("resource"), text("field"), text("message"));
    match (resource, field) {
        ("", _) => message.to_owned(),
        (resource, "") => format!("{resource}: {message}"),
        (resource, field) => format!("{resource}, {field}: {message}"),
    }
}

/// Takes a stream off the list when it ends, however it ends.
struct Listed {
    streams: Arc<Streams>,
    id: u64,
}

impl Listed {
    fn new(streams: Arc<Streams>, proxy: &ProxyId, peer: SocketAddr) -> Self {
        let id = streams.next.fetch_add(1, Ordering::Relaxed);
        let stream = Stream {
            proxy: proxy.to_string(),
            peer,
            since: SystemTime::now(),
            release: String::new(),
            current: false,
            refused: Vec::new(),
        };
        streams
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, stream);
        Self { streams, id }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.id);
    }
}

/// The service, for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Ads {
    pub(crate) releases: Arc<Releases>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) peer: SocketAddr,
    /// What whoever asks may ask for, or why nothing.
    pub(crate) pass: Result<Grant, String>,
    /// Its turn to come in, which is over with the first request.
    pub(crate) turn: Arc<AdmissionPermit>,
}

/// A request in either form, and how an answer is written.
pub(crate) trait DiscoveryProtocol: Send + 'static {
    type Request: prost::Message + Default + 'static;
    const PROTOCOL: Protocol;
    fn node(request: &mut Self::Request) -> Option<Node>;
    fn asked(request: Self::Request) -> (String, TypeRequest);
    fn answer(push: Push, release: &str) -> Result<Framed, Status>;
}

pub(crate) struct Delta;
pub(crate) struct StateOfTheWorld;

impl DiscoveryProtocol for Delta {
    type Request = DeltaRequest;
    const PROTOCOL: Protocol = Protocol::Delta;

    fn node(request: &mut DeltaRequest) -> Option<Node> {
        request.node.take()
    }

    fn asked(request: DeltaRequest) -> (String, TypeRequest) {
        let asked = TypeRequest {
            subscribe: request.subscribe,
            unsubscribe: request.unsubscribe,
            names: None,
            returns: !request.versions.is_empty(),
            versions: request.versions,
            nonce: request.nonce,
            error: request.error.map(|error| plain(error.message.trim_end(), REASON)),
        };
        (request.type_url, asked)
    }

    fn answer(push: Push, release: &str) -> Result<Framed, Status> {
        let own = DeltaResponse {
            system_version: release.to_owned(),
            resources: Vec::new(),
            type_url: push.kind.type_url().to_owned(),
            nonce: push.nonce,
            removed: push.removed,
        };
        let resources = push.resources.iter().map(|entry| entry.named.clone());
        Framed::new(&own, resources)
    }
}

impl DiscoveryProtocol for StateOfTheWorld {
    type Request = WorldRequest;
    const PROTOCOL: Protocol = Protocol::World;

    fn node(request: &mut WorldRequest) -> Option<Node> {
        request.node.take()
    }

    fn asked(request: WorldRequest) -> (String, TypeRequest) {
        let asked = TypeRequest {
            names: Some(request.names),
            returns: !request.version.is_empty(),
            nonce: request.nonce,
            error: request.error.map(|error| plain(error.message.trim_end(), REASON)),
            ..TypeRequest::default()
        };
        (request.type_url, asked)
    }

    fn answer(push: Push, _release: &str) -> Result<Framed, Status> {
        let mut text = String::new();
        for entry in &push.resources {
            text.push_str(&format!("{} {}\n", entry.name, entry.version));
        }
        let own = WorldResponse {
            version: Digest::of(text.as_bytes()).short().to_owned(),
            resources: Vec::new(),
            type_url: push.kind.type_url().to_owned(),
            nonce: push.nonce,
        };
        let resources = push.resources.iter().map(|entry| entry.alone.clone());
        Framed::new(&own, resources)
    }
}

// === Streams ===

impl Ads {
    /// Serves one stream until either side ends it.
    async fn stream<F: DiscoveryProtocol>(
        self,
        requests: Requests<F::Request>,
        answers: Outlet,
    ) -> Result<(), Status> {
        let ended = self.talk::<F>(requests, answers).await;
        if let Err(status) = &ended {
            tracing::info!(peer = %self.peer, code = ?status.code(), message = status.message(), "a stream ended");
        }
        ended
    }

    async fn talk<F: DiscoveryProtocol>(
        &self,
        mut requests: Requests<F::Request>,
        answers: Outlet,
    ) -> Result<(), Status> {
        let first = tokio::time::timeout(HELLO, requests.next()).await;
        let Some(mut first) =
            first.map_err(|_| Status::deadline_exceeded("no request came within 20 s"))??
        else {
            return Ok(());
        };
        self.turn.over();
        let node = F::node(&mut first).map(|node| node.id).unwrap_or_default();
        let proxy = named(&node)?;
        let pass = self.pass.clone().map_err(Status::unauthenticated)?;
        pass.admit(&proxy).map_err(Status::permission_denied)?;
        let ends = pass.until().map(from_now);
        let listed = Listed::new(Arc::clone(&self.streams), &proxy, self.peer);
        tracing::info!(%proxy, peer = %self.peer, protocol = ?F::PROTOCOL, "a stream began");
        let mut state = State {
            session: Session::new(F::PROTOCOL),
            begun: Instant::now(),
            listed,
            release: String::new(),
            view: None,
            proxy,
        };
        state.take::<F>(first)?;
        let mut current = self.releases.of(state.proxy.mesh());
        loop {
            let told = current.borrow_and_update().clone();
            state.show(&self.releases, &told.release).await?;
            state.session.know(told.polled);
            let now = state.now();
            for push in state.session.next(now) {
                answers.send(F::answer(push, &state.release)?).await;
            }
            state.list();
            let wake = state
                .session
                .wake()
                .map_or(IDLE, |at| Duration::from_millis(at.saturating_sub(now) + 1));
            tokio::select! {
                request = requests.next() => match request? {
                    Some(request) => state.take::<F>(request)?,
                    None => return Ok(()),
                },
                changed = current.changed() => {
                    // Whoever follows the mesh ended, which it does not while we ask.
                    if changed.is_err() {
                        return Err(Status::unavailable("the mesh is no longer followed; connect again"));
                    }
                }
                () = tokio::time::sleep(wake) => {}
                () = ended(ends) => {
                    return Err(Status::unauthenticated("the token or certificate has expired; connect again with a new one"));
                }
            }
        }
    }
}

/// What a call holds of its stream.
struct State {
    session: Session,
    begun: Instant,
    listed: Listed,
    /// The release that the view is from.
    release: String,
    view: Option<Arc<View>>,
    proxy: ProxyId,
}

impl State {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn take<F: DiscoveryProtocol>(&mut self, request: F::Request) -> Result<(), Status> {
        let (type_url, asked) = F::asked(request);
        let Some(kind) = XdsType::of(&type_url) else {
            return Err(Status::invalid_argument(format!(
                "the type `{}` is not served",
                plain(&type_url, WORD)
            )));
        };
        if let Some(refused) = self.session.ask(kind, asked) {
            self.refused(&refused);
        }
        Ok(())
    }

    /// Tells of what Envoy refused, by the resource and field of the mesh that it comes from.
    fn refused(&self, refused: &RejectedUpdate) {
        self.listed.streams.refused.fetch_add(1, Ordering::Relaxed);
        let origin = self
            .view
            .as_ref()
            .and_then(|view| view.blamed(refused.kind, &refused.message));
        tracing::warn!(
            proxy = %self.proxy,
            kind = ?refused.kind,
            message = refused.message,
            resource = origin.map(|origin| origin.resource.as_str()),
            field = origin.map(|origin| origin.field.as_str()),
            "Envoy refused a part of the release"
        );
    }

    /// Takes up the current release.
    async fn show(&mut self, releases: &Arc<Releases>, current: &CurrentRelease) -> Result<(), Status> {
        let CurrentRelease::Release(served) = current else {
            return Ok(());
        };
        if self.release == served.release().as_str() {
            return Ok(());
        }
        // Behind a pointer: what reading a bundle needs would lie in every stream's call for good.
        match Box::pin(releases.view(served, &self.proxy)).await {
            Ok(Some(view)) => {
                if self.view.is_none()
                    && self.session.returns_unnamed()
                    && let Some(before) = Box::pin(releases.view_before(served, &self.proxy)).await
                {
                    self.session.show(before);
                }
                self.session.show(Arc::clone(&view));
                self.view = Some(view);
                served.release().as_str().clone_into(&mut self.release);
                Ok(())
            }
            // What it has been sent stays until whoever runs the proxy ends it.
            Ok(None) if self.view.is_some() => Ok(()),
            Ok(None) => Err(Status::invalid_argument(format!(
                "the current release of mesh `{}` has no proxy `{}`",
                self.proxy.mesh(),
                self.proxy
            ))),
            Err(error) => {
                tracing::error!(proxy = %self.proxy, error, "the release cannot be served");
                Ok(())
            }
        }
    }

    /// Puts on the list how it stands.
    fn list(&self) {
        let refused = self.session.refused().map(|(kind, message)| {
            let origin = self.view.as_ref().and_then(|view| view.blamed(kind, message));
            json!({
                "type": kind.type_url(),
                "message": message,
                "resource": origin.map(|origin| origin.resource.clone()),
                "field": origin.map(|origin| origin.field.clone()),
            })
        });
        let refused: Vec<Json> = refused.collect();
        let current = self.session.is_up_to_date();
        self.listed.streams.update(self.listed.id, |stream| {
            stream.release.clone_from(&self.release);
            stream.current = current;
            stream.refused = refused;
        });
    }
}

/// The moment of a time of the clock.
pub(crate) fn from_now(at: Timestamp) -> tokio::time::Instant {
    let left = u64::try_from(at.0.saturating_sub(SystemClock.now().0)).unwrap_or_default();
    tokio::time::Instant::now() + Duration::from_millis(left)
}

/// Waits for the end of a token or certificate; for ever where there is none.
pub(crate) async fn ended(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The proxy of a node's id: its ARN, as App Mesh had it, or the path in it.
fn named(id: &str) -> Result<ProxyId, Status> {
    ProxyId::parse(id).map_err(|_| {
        Status::invalid_argument(format!(
            "the node id `{}` is not a proxy; write an ARN or `mesh/MESH/virtualNode/NAME`",
            plain(id, WORD)
        ))
    })
}

// === gRPC ===

impl Ads {
    pub(crate) fn call(self, request: Request<Incoming>) -> Response<Answers> {
        match request.uri().path().strip_prefix(SERVICE) {
            Some("/DeltaAggregatedResources") => self.open::<Delta>(request),
            Some("/StreamAggregatedResources") => self.open::<StateOfTheWorld>(request),
            _ => Status::unimplemented("only aggregated discovery is served").into_http(),
        }
    }

    fn open<F: DiscoveryProtocol>(self, request: Request<Incoming>) -> Response<Answers> {
        // Said at once: who is not let in sends nothing else.
        if let Err(message) = &self.pass {
            tracing::info!(peer = %self.peer, message, "a proxy is not let in");
            return Status::unauthenticated(message.clone()).into_http();
        }
        let requests = Requests::new(request.into_body());
        Answers::response(|answers| self.stream::<F>(requests, answers))
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::ErrorDetail;
    use super::*;

    #[test]
    fn a_reason_is_taken_in_as_it_may_be_shown() {
        let error = || {
            Some(ErrorDetail {
                code: 3,
                message: "bad\u{1b}[2J\nINFO forged\n".to_owned(),
            })
        };
        let delta = Delta::asked(DeltaRequest {
            error: error(),
            ..DeltaRequest::default()
        });
        let world = StateOfTheWorld::asked(WorldRequest {
            error: error(),
            ..WorldRequest::default()
        });
        for (_, asked) in [delta, world] {
            assert_eq!(asked.error.as_deref(), Some("bad\\u{1b}[2J INFO forged"));
        }
    }

    #[test]
    fn a_node_is_named_by_its_arn_or_by_its_path() {
        for id in [
            "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/a",
            "mesh/apps/virtualNode/a",
        ] {
            assert_eq!(named(id).unwrap().to_string(), "mesh/apps/virtualNode/a");
        }
        assert!(named("").is_err());
        let long = named(&"x\n".repeat(10_000)).unwrap_err();
        assert!(
            long.message().len() < 500 && !long.message().contains('\n'),
            "{long}"
        );
        assert!(named("arn:aws:appmesh:eu-west-1:123456789012:mesh/apps").is_err());
    }
}

//! The server: connections, requests, answers; health and metrics beside the API.

use crate::auth::tokens::Grant;
use crate::codes;
use crate::console;
use crate::fault::{Fault, FaultKind};
use crate::listen::{FirstByteTimeout, Listening, Peer, TlsFiles};
use crate::plane::{Authentication, ControlPlane, Settings};
use crate::rest::operation::{Call, NoOperation};
use crate::rest::{self, Input};
use crate::xds::{AdmissionGate, Ads, ended, from_now};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use meshform_model::diag::Diagnostic;
use meshform_release::RefusalMemory;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The largest body that is read: far more than the largest spec that the quotas allow.
const BODY: usize = 1 << 20;
/// The largest head of a request: a signature with a session token has some kilobytes.
const HEAD: usize = 32 << 10;
/// The pause between two looks whether the other end of a connection of HTTP/2 is still there.
const PING: Duration = Duration::from_secs(30);
/// How long a proxy that is asked for a sign of life may take.
const GONE: Duration = Duration::from_secs(20);
/// How long requests under way may go on when the server stops. With the last releases (`plane`) it is ten seconds,
/// after which Docker kills.
const STOP: Duration = Duration::from_secs(5);
/// The pause between two looks for writes that nobody has released: a provider or another server that was killed, which
/// is rare. Writes of this server are released at once.
const LOOK: Duration = Duration::from_secs(30);

/// The pause between two notes of what proxies refuse: a release that is refused by all of them is one write, and a
/// plan a moment later finds it.
const NOTE: Duration = Duration::from_secs(5);

/// The longest text in a header that warns: with the other headers it stays below the 8 KiB that clients and proxies
/// take.
const WARNING: usize = 2000;

#[derive(Debug)]
pub struct Server {
    plane: Arc<ControlPlane>,
    api: Listening,
    /// Where Envoys ask, if they may.
    xds: Option<Listening>,
    /// Whether Envoys are let in without a token or a certificate.
    open: bool,
}

/// Where a server is to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    pub api: SocketAddr,
    /// Where Envoys get their configuration by ADS; none where they do not.
    pub xds: Option<SocketAddr>,
    /// Whether Envoys may ask on an address that others reach: whoever reaches it reads every proxy's configuration.
    pub xds_for_anyone: bool,
    /// How TLS is spoken at both, if it is. The authority of clients is that of Envoys.
    pub tls: Option<TlsFiles>,
}

impl Server {
    /// Listens on an address. Without authentication on a loopback address only.
    pub async fn bind(settings: Settings, addresses: Addresses) -> Result<Self, Box<Diagnostic>> {
        let api = addresses.api;
        if matches!(settings.authentication, Authentication::Anyone) && !api.ip().is_loopback() {
            let message = format!("without authentication the server does not listen on {api}");
            let help = "make a master key with `meshform keys init --out FILE` and give it with `--master-key-file FILE`, \
                        or listen on a loopback address";
            return Err(Box::new(Diagnostic::error(codes::SETTINGS, message).help(help)));
        }
        let with_certificates = addresses.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
        let with_keys = matches!(settings.authentication, Authentication::Keys(_));
        let open = addresses.xds_for_anyone || !(with_keys || with_certificates);
        if let Some(xds) = addresses
            .xds
            .filter(|xds| open && !xds.ip().is_loopback() && !addresses.xds_for_anyone)
        {
            let message = format!("without authentication of proxies xDS is not served on {xds}");
            let help = "give a master key for tokens (`--master-key-file`), or the authority of the proxies' \
                        certificates (`--tls-client-ca`); listen on a loopback address; or let anyone who can \
                        reach the address read every proxy's configuration, with `--xds-for-anyone`";
            return Err(Box::new(Diagnostic::error(codes::SETTINGS, message).help(help)));
        }
        if let (Some(xds), false, None) = (addresses.xds, open, &addresses.tls)
            && !xds.ip().is_loopback()
        {
            tracing::warn!(%xds, "proxies send their tokens in plain text; give `--tls-cert`, or terminate TLS in \
                                  front");
        }
        if settings.login.is_some() && !with_keys {
            let help =
                "make a master key with `meshform keys init --out FILE`: sessions are encrypted with it";
            let message = "identities of AWS cannot log in to a server without a master key";
            return Err(Box::new(Diagnostic::error(codes::SETTINGS, message).help(help)));
        }
        let plane = ControlPlane::new(settings)?;
        let xds = match addresses.xds {
            Some(address) => Some(Listening::at(address, addresses.tls.clone()).await?),
            None => None,
        };
        // A certificate says nothing about who may change a mesh.
        let tls = addresses.tls.map(|tls| TlsFiles { clients: None, ..tls });
        Ok(Self {
            plane: Arc::new(plane),
            api: Listening::at(api, tls).await?,
            xds,
            open,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.api.address
    }

    /// The address where Envoys are served, with the port that the system gave.
    pub fn xds_address(&self) -> Option<SocketAddr> {
        self.xds.as_ref().map(|xds| xds.address)
    }

    /// Serves until `stop` is over; then answers what is under way, and makes the last releases.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self {
            plane,
            api,
            xds,
            open,
        } = self;
        let router = Router::new().fallback(answer).with_state(Arc::clone(&plane));
        let watch = tokio::spawn(look_after(Arc::clone(&plane)));
        let proxies = xds.map(|xds| {
            let notes = tokio::spawn(note_refusals(Arc::clone(&plane)));
            [tokio::spawn(serve_proxies(xds, Arc::clone(&plane), open)), notes]
        });
        let graceful = GracefulShutdown::new();
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(plane.patience)
            .max_buf_size(HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
            .keep_alive_interval(PING);
        tokio::pin!(stop);
        loop {
            let taken = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = api.accept() => accepted,
            };
            let peer = taken.peer;
            let from = Peer {
                address: peer,
                tls: taken.speaks_tls(),
            };
            let router = router.clone().layer(axum::Extension(from));
            let (builder, watcher, patience) = (builder.clone(), graceful.watcher(), plane.patience);
            tokio::spawn(async move {
                let stream = match taken.open().await {
                    Ok((stream, _)) => stream,
                    Err(error) => return tracing::debug!(%peer, %error, "no TLS connection"),
                };
                let connection = builder.serve_connection(
                    TokioIo::new(FirstByteTimeout::within(stream, patience)),
                    TowerToHyperService::new(router),
                );
                if let Err(error) = watcher.watch(connection.into_owned()).await {
                    tracing::debug!(%peer, %error, "a connection broke off");
                }
            });
        }
        drop(api);
        plane.stop();
        watch.abort();
        for task in proxies.into_iter().flatten() {
            task.abort();
        }
        if tokio::time::timeout(STOP, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were not answered in time and are aborted");
        }
        plane.close().await;
    }
}

/// Serves Envoys. Where the server ends they go on with what they have, and come again.
async fn serve_proxies(xds: Listening, plane: Arc<ControlPlane>, open: bool) {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(GONE);
    let door = AdmissionGate::new();
    loop {
        let taken = xds.accept().await;
        let (builder, plane, peer) = (builder.clone(), Arc::clone(&plane), taken.peer);
        let door = door.clone();
        tokio::spawn(async move {
            let turn = Arc::new(door.turn().await);
            let (stream, shown) = match taken.open().await {
                Ok(opened) => opened,
                Err(error) => return tracing::debug!(%peer, %error, "a proxy made no TLS connection"),
            };
            let ends = shown.as_ref().and_then(Grant::until).map(from_now);
            let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                let pass = match (open, &shown) {
                    (true, _) => Ok(Grant::Anyone),
                    (_, Some(pass)) => pass.clone().at(plane.now()),
                    _ => plane.pass(request.headers()),
                };
                let ads = Ads {
                    releases: Arc::clone(&plane.served),
                    streams: Arc::clone(&plane.streams),
                    peer,
                    pass,
                    turn: Arc::clone(&turn),
                };
                std::future::ready(Ok::<_, Infallible>(ads.call(request)))
            });
            let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
            let done = tokio::select! {
                done = connection.as_mut() => done,
                () = ended(ends) => {
                    // A certificate is shown once for a connection: the next one needs a connection of its own.
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = done {
                tracing::debug!(%peer, %error, "a proxy's connection broke off");
            }
        });
    }
}

/// Now and then looks for what nobody has released.
async fn look_after(plane: Arc<ControlPlane>) {
    loop {
        if let Err(error) = plane.release_what_was_left().await {
            tracing::warn!(%error, "the store does not answer");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Now and then notes in the store which proxies refuse their release, for plans and status to tell.
async fn note_refusals(plane: Arc<ControlPlane>) {
    let mut memory = RefusalMemory::default();
    loop {
        tokio::time::sleep(NOTE).await;
        let all = plane.streams.refusals();
        memory.retain(|mesh, release| all.contains_key(&(mesh.to_owned(), release.to_string())));
        for ((mesh, release), seen) in all {
            let noted = plane.served.note_refusals(&mesh, &release, &seen, &mut memory);
            if let Err(error) = noted.await {
                tracing::warn!(mesh, error, "the refusals of proxies cannot be stored");
            }
        }
    }
}

async fn answer(
    State(plane): State<Arc<ControlPlane>>,
    axum::Extension(Peer { address: peer, .. }): axum::Extension<Peer>,
    request: Request<Body>,
) -> Response {
    match (request.method().as_str(), request.uri().path()) {
        ("GET", "/healthz") => return health(&plane).await,
        ("GET", "/readyz") => return ready(&plane).await,
        ("GET", "/metrics") => {
            let up = plane.store_answers().await.is_ok();
            return text(StatusCode::OK, plane.metrics.text(up, &plane.streams.counts()));
        }
        _ => {}
    }
    if console::is_for(request.uri().path()) {
        let (parts, body) = request.into_parts();
        let body = read(body, plane.patience).await;
        return console::answer(&plane, peer, &parts, body).await;
    }
    let begun = Instant::now();
    let id = request_id();
    let (operation, response) = respond(&plane, peer, request).await;
    let status = response.status().as_u16();
    let took = begun.elapsed();
    plane.metrics.answered(&operation, status, took);
    tracing::info!(operation, status, %peer, id, millis = took.as_millis(), "answered");
    with(response, "x-amzn-requestid", &id)
}

/// That the process works; what does not, in words.
async fn health(plane: &ControlPlane) -> Response {
    match plane.store_answers().await {
        Ok(()) => text(StatusCode::OK, "ok\n".to_owned()),
        Err(error) => text(StatusCode::OK, format!("degraded: {error}\n")),
    }
}

/// Whether requests can be done.
async fn ready(plane: &ControlPlane) -> Response {
    if plane.is_stopping() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    match plane.store_answers().await {
        Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
        Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

async fn respond(plane: &ControlPlane, peer: SocketAddr, request: Request<Body>) -> (String, Response) {
    let (parts, body) = request.into_parts();
    let call = Call::of(&parts.method, parts.uri.path());
    let name = call.as_ref().map_or_else(|_| "Unknown".to_owned(), Call::name);
    if plane.is_stopping() {
        let fault = Fault::new(
            FaultKind::ServiceUnavailable,
            codes::INTERNAL,
            "the server stops; try again",
        );
        return (name, refused(&fault));
    }
    if plane.keys.is_none() && !console::is_local(&parts) {
        let message = "a server without keys only answers requests for `localhost` or an IP address, because any \
                       web page could reach it through a host name of its own";
        return (
            name,
            refused(&Fault::new(FaultKind::Forbidden, codes::FORBIDDEN, message)),
        );
    }
    let done = async {
        let body = read(body, plane.patience).await?;
        let from = peer.ip().to_string();
        if (parts.method.as_str(), parts.uri.path()) == ("POST", "/meshform/login") {
            plane
                .limits
                .take(&format!("login {from}"), Instant::now())
                .map_err(Refusal::Wait)?;
            return Ok(json(StatusCode::OK, &plane.login(&body, &from).await?));
        }
        let caller = plane.caller(&parts, &body, from).await?;
        plane
            .limits
            .take(&caller.id, Instant::now())
            .map_err(Refusal::Wait)?;
        match (parts.method.as_str(), parts.uri.path()) {
            ("POST", "/meshform/session") => return Ok(json(StatusCode::OK, &plane.session(&caller)?)),
            ("GET", "/meshform/proxies") => return Ok(json(StatusCode::OK, &plane.streams.json())),
            _ => {}
        }
        let call = call.map_err(|none| unknown(&none, &parts))?;
        let input = Input::read(&parts, &body)?;
        let run = plane.known_run().await;
        let mut done = rest::perform(plane, &caller, &call, &input).await;
        if matches!(&done, Err(fault) if fault.kind == FaultKind::RunLost) {
            // Nothing was written: it is done again under a run that lives.
            plane.leave_run(&run).await;
            done = rest::perform(plane, &caller, &call, &input).await;
        }
        let answer = done?;
        if let (true, Some((mesh, revision))) = (call.writes(), &answer.written) {
            tracing::info!(
                operation = call.name(),
                mesh,
                revision = revision.0,
                by = caller.actor(),
                "written"
            );
        }
        Ok::<_, Refusal>(answered(answer))
    };
    let response = match done.await {
        Ok(response) => response,
        Err(Refusal::Fault(fault)) => refused(&fault),
        Err(Refusal::Wait(seconds)) => {
            let message = format!("this key makes too many requests; try again in {seconds} s");
            let response = refused(&Fault::new(FaultKind::TooManyRequests, codes::RATE, message));
            with(response, "retry-after", &seconds.to_string())
        }
    };
    (name, response)
}

/// Why a request is not done.
enum Refusal {
    Fault(Fault),
    /// Too many of them; the seconds until the next.
    Wait(u64),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

async fn read(body: Body, patience: Duration) -> Result<bytes::Bytes, Fault> {
    let read = tokio::time::timeout(patience, Limited::new(body, BODY).collect());
    match read.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            let message = "the body is larger than 1 MiB";
            Err(Fault::new(FaultKind::TooLarge, codes::BAD_REQUEST, message))
        }
        Ok(Err(error)) => Err(Fault::bad(
            codes::BAD_REQUEST,
            format!("the body broke off: {error}"),
        )),
        Err(_) => Err(Fault::bad(
            codes::BAD_REQUEST,
            format!("the body took longer than {patience:?}"),
        )),
    }
}

fn unknown(none: &NoOperation, parts: &http::request::Parts) -> Fault {
    let (method, path) = (&parts.method, parts.uri.path());
    let message = match none {
        NoOperation::Path => format!("there is no operation {method} {path}"),
        NoOperation::Method(methods) => {
            format!(
                "there is no operation {method} {path}; there is {}",
                methods.join(", ")
            )
        }
        NoOperation::Name { field, why } => {
            return Fault::bad(codes::BAD_REQUEST, format!("{field}: {why}"));
        }
    };
    Fault::new(FaultKind::UnknownOperation, codes::NO_OPERATION, message)
}

// === Answers ===

fn answered(answer: rest::Answer) -> Response {
    let mut response = json(StatusCode::OK, &answer.body);
    if let Some((_, revision)) = answer.written {
        response = with(response, "x-meshform-revision", &revision.to_string());
    }
    match answer.warning {
        Some(warning) => with(response, "x-meshform-warning", &printable(&warning)),
        None => response,
    }
}

fn refused(fault: &Fault) -> Response {
    let status = fault.kind.status();
    let body = serde_json::json!({ "message": fault.message });
    with(json(status, &body), "x-amzn-errortype", fault.kind.name())
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    with(response, header::CONTENT_TYPE.as_str(), "application/json")
}

fn text(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    with(
        response,
        header::CONTENT_TYPE.as_str(),
        "text/plain; charset=utf-8",
    )
}

fn with(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A text as a header takes it: ASCII without control characters, and not longer than clients take.
fn printable(text: &str) -> String {
    let letters = text.chars().map(|letter| match letter {
        ' '..='~' => letter,
        '\n' => ' ',
        _ => '?',
    });
    letters.take(WARNING).collect()
}

fn request_id() -> String {
    let mut bytes = [0; 16];
    // Without random numbers requests are not distinguished in the log, which is no reason to fail.
    let _ = getrandom::fill(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

#[cfg(test)]
mod tests;

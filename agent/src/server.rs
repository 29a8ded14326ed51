//! A small HTTP server, and the agent's own interface on it: `/health`, `/status` and `/metrics` on a loopback address.

use crate::prometheus::{self, gauge, quoted};
use crate::shared::{Shared, now};
use meshform_bundle::objects::Status;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// How long a client may take to ask, and then to take the answer. All are on the same machine; one that stays silent
/// must not hold its connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest head of a request, in bytes: no client of these interfaces sends a kilobyte.
const LONGEST: usize = 16_384;

/// A request: no interface here takes a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IncomingRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    /// As it stands after the `?`.
    pub(crate) query: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    kind: String,
    pub(crate) body: String,
}

impl HttpAnswer {
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, "text/plain", body.into())
    }

    pub(crate) fn new(status: u16, kind: &str, body: String) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            body,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<Stream> {
        Ok(match self {
            Self::Tcp(listener) => Stream::Tcp(listener.accept().await?.0),
            Self::Unix(listener) => Stream::Unix(listener.accept().await?.0),
        })
    }
}

/// Runs until the process ends.
pub(crate) async fn serve<F>(listener: Listener, answer: impl Fn(IncomingRequest) -> F + 'static)
where
    F: Future<Output = HttpAnswer> + 'static,
{
    let answer = Rc::new(answer);
    loop {
        match listener.accept().await {
            Ok(stream) => {
                let answer = Rc::clone(&answer);
                tokio::task::spawn_local(async move {
                    let _ = match stream {
                        Stream::Tcp(stream) => exchange(stream, &*answer).await,
                        Stream::Unix(stream) => exchange(stream, &*answer).await,
                    };
                });
            }
            // Out of descriptors: others will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn exchange<F: Future<Output = HttpAnswer>>(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &impl Fn(IncomingRequest) -> F,
) -> std::io::Result<()> {
    let Ok(asked) = tokio::time::timeout(PATIENCE, read(&mut stream)).await else {
        return Ok(());
    };
    let Some(asked) = asked? else {
        return Ok(());
    };
    let answer = answer(asked).await;
    let reason = http::StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.status,
        answer.kind,
        answer.body.len()
    );
    let write = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(answer.body.as_bytes()).await?;
        stream.shutdown().await
    };
    tokio::time::timeout(PATIENCE, write).await.unwrap_or(Ok(()))
}

/// The head of a request; none where the client says nothing, or too much.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<IncomingRequest>> {
    let mut read = Vec::with_capacity(1024);
    while !read.windows(4).any(|four| four == b"\r\n\r\n") {
        if read.len() > LONGEST || stream.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
    let text = String::from_utf8_lossy(&read);
    let mut words = text.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Some(IncomingRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
    }))
}

/// The agent's own interface: `/health`, `/status` and `/metrics`.
pub(crate) fn own(shared: &Shared, asked: &IncomingRequest) -> HttpAnswer {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/health") => {
            let health =
                serde_json::json!({"healthy": shared.is_healthy(), "reasons": shared.health_reasons()});
            HttpAnswer::json(if shared.is_healthy() { 200 } else { 503 }, &health)
        }
        ("GET", "/status") => {
            let text = serde_json::to_string(&shared.report()).unwrap_or_default();
            HttpAnswer::new(200, "application/json", text)
        }
        ("GET", "/metrics" | "/stats/prometheus") => HttpAnswer::new(
            200,
            prometheus::MEDIA,
            metrics(&shared.report(), shared.is_healthy()),
        ),
        ("GET", _) => HttpAnswer::text(404, "there are /health, /status and /metrics\n"),
        _ => HttpAnswer::text(405, "only GET\n"),
    }
}

fn metrics(status: &Status, healthy: bool) -> String {
    let digest = |digest: &Option<meshform_bundle::Digest>| {
        digest.as_ref().map_or("", |digest| digest.short()).to_owned()
    };
    let mut out = String::new();
    let mut metric = |name: &str, help: &str, labels: &str, value: f64| {
        gauge(&mut out, name, help, [(labels, value)]);
    };
    let labels = format!(
        "{{mesh=\"{}\",proxy=\"{}\",release=\"{}\",bundle=\"{}\",envoy=\"{}\",agent=\"{}\"}}",
        quoted(&status.mesh),
        quoted(&status.proxy),
        digest(&status.release),
        digest(&status.bundle),
        quoted(status.envoy.as_deref().unwrap_or_default()),
        quoted(&status.agent)
    );
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    let age = now().saturating_sub(status.since) as f64 / 1000.0;
    metric("release_info", "The release in effect.", &labels, 1.0);
    metric("release_age_seconds", "How long it has been in effect.", "", age);
    metric(
        "release_rejected",
        "Whether Envoy refused a release.",
        "",
        f64::from(u8::from(status.rejected.is_some())),
    );
    metric(
        "proxy_ready",
        "Whether Envoy serves.",
        "",
        f64::from(u8::from(healthy)),
    );
    metric(
        "envoy_restarts",
        "How often Envoy was started again.",
        "",
        f64::from(status.restarts),
    );
    metric(
        "problems",
        "Number of problems.",
        "",
        f64::from(u32::try_from(status.reasons.len()).unwrap_or(u32::MAX)),
    );
    out
}

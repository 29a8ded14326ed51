//! The agent's own interface on a loopback address: `/health`, `/status` and `/metrics`.

use crate::shared::{Shared, now};
use meshform_bundle::objects::Status;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// For ever.
pub(crate) async fn serve(listener: TcpListener, shared: Rc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Rc::clone(&shared);
                tokio::task::spawn_local(async move {
                    let _ = tokio::time::timeout(Duration::from_secs(5), answer(stream, &shared)).await;
                });
            }
            // Out of descriptors: others will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut read = Vec::with_capacity(1024);
    while !read.windows(4).any(|four| four == b"\r\n\r\n") {
        if read.len() > 16_384 || stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
    let line = String::from_utf8_lossy(&read);
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (status, kind, body) = match (method, path) {
        ("GET", "/health") => {
            let health = serde_json::json!({"healthy": shared.is_healthy(), "reasons": shared.reasons()});
            let status = if shared.is_healthy() {
                "200 OK"
            } else {
                "503 Service Unavailable"
            };
            (status, "application/json", health.to_string())
        }
        ("GET", "/status") => {
            let text = serde_json::to_string(&shared.report()).unwrap_or_default();
            ("200 OK", "application/json", text)
        }
        ("GET", "/metrics" | "/stats/prometheus") => (
            "200 OK",
            "text/plain; version=0.0.4",
            metrics(&shared.report(), shared.is_healthy()),
        ),
        ("GET", _) => (
            "404 Not Found",
            "text/plain",
            "there are /health, /status and /metrics\n".to_owned(),
        ),
        _ => ("405 Method Not Allowed", "text/plain", "only GET\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

fn metrics(status: &Status, healthy: bool) -> String {
    let quoted = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let digest = |digest: &Option<meshform_bundle::Digest>| {
        digest.as_ref().map_or("", |digest| digest.short()).to_owned()
    };
    let mut out = String::new();
    let mut metric = |name: &str, help: &str, labels: &str, value: f64| {
        let _ = writeln!(
            out,
            "# HELP meshform_{name} {help}\n# TYPE meshform_{name} gauge\nmeshform_{name}{labels} {value}"
        );
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
        "How many things are not as they should be.",
        "",
        f64::from(u32::try_from(status.reasons.len()).unwrap_or(u32::MAX)),
    );
    out
}

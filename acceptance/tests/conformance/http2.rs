//! HTTP/2 without TLS, as client and as service, with the frames in hand: statuses, resets, trailers.
//!
//! The service follows `x-script` as the HTTP/1.1 one does; besides, `refused` and `internal` reset the stream with
//! that code, and `grpc:14` answers with that gRPC status.

use super::servers::{Log, script};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[derive(Debug, Default, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) trailers: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) port: u16,
    pub(crate) method: &'a str,
    pub(crate) scheme: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
}
#[derive(Debug, Clone)]
pub(crate) struct Http2 {
    pub(crate) port: u16,
    pub(crate) log: Log,
    healthy: Arc<AtomicBool>,
}

impl Reply {
    /// The service that answered.
    pub(crate) fn service(&self) -> &str {
        self.headers.get("x-service").map_or("", String::as_str)
    }

    /// The gRPC status, in the trailers or, when they are all there is, in the headers.
    pub(crate) fn grpc_status(&self) -> &str {
        let found = self.trailers.get("grpc-status");
        found
            .or_else(|| self.headers.get("grpc-status"))
            .map_or("", String::as_str)
    }
}

impl<'a> Call<'a> {
    pub(crate) fn get(port: u16, host: &'a str, path: &'a str) -> Self {
        Self {
            port,
            method: "GET",
            scheme: "http",
            host,
            path,
            headers: &[],
        }
    }

    pub(crate) fn with(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    /// A gRPC call with an empty message.
    pub(crate) fn grpc(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: "POST",
            headers,
            ..self
        }
    }

    /// Sends it over a connection of its own.
    pub(crate) fn send(&self) -> io::Result<Reply> {
        runtime().block_on(async {
            let limit = Duration::from_secs(30);
            let sent = tokio::time::timeout(limit, self.exchange()).await;
            sent.map_err(io::Error::other)?.map_err(io::Error::other)
        })
    }

    async fn exchange(&self) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
        let (client, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        let uri = format!("{}://{}{}", self.scheme, self.host, self.path);
        let mut request = Request::builder().method(self.method).uri(uri);
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let mut client = client.ready().await?;
        let grpc = self
            .headers
            .iter()
            .any(|(_, value)| value.starts_with("application/grpc"));
        let (response, mut body) = client.send_request(request.body(())?, !grpc)?;
        if grpc {
            body.send_data(Bytes::from_static(&[0; 5]), true)?;
        }
        let (parts, mut body) = response.await?.into_parts();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            let _ = body.flow_control().release_capacity(chunk.len());
            bytes.extend_from_slice(&chunk);
        }
        let trailers = body.trailers().await?.unwrap_or_default();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: texts(&parts.headers),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            trailers: texts(&trailers),
        })
    }
}

/// Opens a websocket by an extended CONNECT, sends bytes, and gives as many that come back.
pub(crate) fn websocket(port: u16, host: &str, path: &str, sent: &'static [u8]) -> io::Result<Vec<u8>> {
    let exchange = async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        let (client, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method("CONNECT")
            .uri(format!("http://{host}{path}"))
            .extension(h2::ext::Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13");
        // The server's settings say whether it takes such requests; they come first.
        let mut client = client.ready().await?;
        while !client.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (response, mut body) = client.send_request(request.body(())?, false)?;
        let response = response.await?;
        if response.status() != 200 {
            return Err(format!("{}", response.status()).into());
        }
        body.send_data(Bytes::from_static(sent), false)?;
        let mut from = response.into_body();
        let mut back = Vec::new();
        while back.len() < sent.len() {
            match from.data().await {
                Some(chunk) => back.extend_from_slice(&chunk?),
                None => break,
            }
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(back)
    };
    runtime().block_on(async {
        let sent = tokio::time::timeout(Duration::from_secs(10), exchange).await;
        sent.map_err(io::Error::other)?.map_err(io::Error::other)
    })
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

impl Http2 {
    pub(crate) fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            log: Log::default(),
            healthy: Arc::new(AtomicBool::new(true)),
        };
        let this = server.clone();
        std::thread::spawn(move || {
            runtime().block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(connection(stream, name, this.clone()));
                }
            });
        });
        server
    }

    /// Whether `/health` and the gRPC health service say that it is well.
    pub(crate) fn set_healthy(&self, healthy: bool) {
        self.healthy.store(healthy, Ordering::SeqCst);
    }
}

async fn connection(stream: tokio::net::TcpStream, name: &'static str, server: Http2) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request.map(drop), respond, name, server.clone()));
    }
}

async fn answer(
    request: Request<()>,
    mut respond: h2::server::SendResponse<Bytes>,
    name: &'static str,
    server: Http2,
) {
    let headers = texts(request.headers());
    let header = |name: &str| headers.get(name).map_or("", String::as_str);
    let mut head = format!("{} {}\r\n", request.method(), request.uri());
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let tries = server
        .log
        .push(head.clone(), &format!("x-id: {}\r\n", header("x-id")));
    let mut action = script(header("x-script"), tries);
    let healthy = server.healthy.load(Ordering::SeqCst);
    let path = request.uri().path();
    if path == "/health" && !healthy {
        action = "503".to_owned();
    }
    match action.as_str() {
        "refused" => return respond.send_reset(h2::Reason::REFUSED_STREAM),
        "internal" => return respond.send_reset(h2::Reason::INTERNAL_ERROR),
        _ => {}
    }
    if let Some(millis) = action.strip_suffix("ms").and_then(|n| n.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let grpc = header("content-type").starts_with("application/grpc");
    let status = action.strip_prefix("grpc:").unwrap_or("0").to_owned();
    let http: u16 = action.parse().unwrap_or(200);
    let mut response = Response::builder().status(http).header("x-service", name);
    if grpc {
        response = response.header("content-type", "application/grpc");
    }
    if grpc && status != "0" {
        let only = response.header("grpc-status", status).body(()).unwrap();
        let _ = respond.send_response(only, true);
        return;
    }
    let Ok(mut body) = respond.send_response(response.body(()).unwrap(), false) else {
        return;
    };
    if !grpc {
        let _ = body.send_data(Bytes::from(head), true);
        return;
    }
    let message: &[u8] = match (path, healthy) {
        ("/grpc.health.v1.Health/Check", true) => &[0, 0, 0, 0, 2, 8, 1],
        ("/grpc.health.v1.Health/Check", false) => &[0, 0, 0, 0, 2, 8, 2],
        _ => &[0, 0, 0, 0, 0],
    };
    let _ = body.send_data(Bytes::copy_from_slice(message), false);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let _ = body.send_trailers(trailers);
}

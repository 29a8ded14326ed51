//! A little HTTP server in this process: a function answers each request, and all of them are noted. Not a program of
//! its own, so that what a service is asked, and what it answers, stands in one place in the test.

use crate::certificates::Authority;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// The server; it ends when this is dropped.
pub(crate) struct Desk {
    address: SocketAddr,
    scheme: &'static str,
    asked: Arc<Mutex<Vec<Asked>>>,
    _end: oneshot::Sender<()>,
}

/// Serves on a port of this machine, in a thread of its own, until what is given beside the address is dropped.
pub(crate) fn on_a_thread<F>(
    serve: impl FnOnce(TcpListener) -> F + Send + 'static,
) -> (SocketAddr, oneshot::Sender<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        runtime.spawn(serve(listener));
        let _ = runtime.block_on(ended);
    });
    (address, end)
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// As it stands in the request's line, without the query: a whole URL where a proxy is meant.
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

type Answers = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Asked {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query, or nothing.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

impl Desk {
    /// Starts it on this machine.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(answer))
    }

    /// Starts it with a certificate for `localhost`.
    pub(crate) fn start_with_tls(
        authority: &Authority,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (certificate, key) = authority.sign(&["localhost"]);
        let certificate = rustls::pki_types::CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::serve(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(answer))
    }

    fn serve(tls: Option<TlsAcceptor>, answers: Answers) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let (address, end) = on_a_thread(|listener| async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, noted, answers) = (tls.clone(), Arc::clone(&noted), Arc::clone(&answers));
                tokio::spawn(async move {
                    match tls {
                        None => connection(stream, &noted, &answers).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                connection(stream, &noted, &answers).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            scheme,
            asked,
            _end: end,
        }
    }

    /// Its address and this path.
    pub(crate) fn url(&self, path: &str) -> String {
        let host = if self.scheme == "https" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }

    /// What it was asked since the last question.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

async fn connection<S>(stream: S, noted: &Mutex<Vec<Asked>>, answers: &Answers)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let serve = service_fn(|request| async move {
        let asked = read(request).await;
        noted.lock().unwrap().push(asked.clone());
        let answer = answers(&asked);
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        Ok::<_, Infallible>(response.body(Whole(Some(answer.body))).unwrap())
    });
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = connection.serve_connection(TokioIo::new(stream), serve).await;
}

async fn read(request: http::Request<Incoming>) -> Asked {
    let (head, mut body) = request.into_parts();
    let line = head.uri.to_string();
    let (path, query) = line.split_once('?').unwrap_or((&line, ""));
    let mut whole = Vec::new();
    while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        whole.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    let headers = head.headers.iter();
    Asked {
        method: head.method.to_string(),
        path: path.to_owned(),
        query: pairs(query),
        headers: headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect(),
        body: whole.into(),
    }
}

/// `a=b&c=d`, decoded.
pub(crate) fn pairs(text: &str) -> BTreeMap<String, String> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// Without percent signs, and with spaces for pluses.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(out).unwrap()
}

/// A body in one piece.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}

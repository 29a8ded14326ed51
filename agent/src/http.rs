//! A small HTTP/1.1 client: one connection per request, bodies of bounded size, plain, over TLS, or to a socket.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// How long a request may take, from the connection to the last byte. It is the pace at rest: one that takes longer is
/// made anew at the next look.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The largest body that is read: more than any bundle, or dump of Envoy's configuration, that makes sense. The whole
/// agent is to stay within 8 MiB otherwise.
const LARGEST: usize = 64 << 20;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Request {
    /// A request without headers and body. Fails where `uri` is no address.
    pub(crate) fn new(method: Method, uri: &str) -> Result<Self, String> {
        Ok(Self {
            method,
            uri: uri
                .parse()
                .map_err(|error| format!("`{uri}` is not an address: {error}"))?,
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it to where its address leads.
    pub(crate) async fn send(self) -> Result<Response, String> {
        let place = self.uri.authority().map(ToString::to_string).unwrap_or_default();
        self.bounded(&place.clone(), async |uri: &Uri| {
            let host = uri.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let secure = uri.scheme_str() == Some("https");
            let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
            let stream = TcpStream::connect((host.as_str(), port))
                .await
                .map_err(|error| error.to_string())?;
            let _ = stream.set_nodelay(true);
            if !secure {
                return Ok(Box::new(stream) as Box<dyn Stream>);
            }
            let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
            let connector = tokio_rustls::TlsConnector::from(tls()?);
            let stream = connector
                .connect(name, stream)
                .await
                .map_err(|error| error.to_string())?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
        .await
    }

    /// Sends it to a unix socket.
    pub(crate) async fn send_to(self, socket: &Path) -> Result<Response, String> {
        self.bounded(&socket.display().to_string(), async |_: &Uri| {
            let stream = UnixStream::connect(socket)
                .await
                .map_err(|error| error.to_string())?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
        .await
    }

    async fn bounded(
        self,
        place: &str,
        connect: impl AsyncFnOnce(&Uri) -> Result<Box<dyn Stream>, String>,
    ) -> Result<Response, String> {
        let exchange = async {
            let stream = connect(&self.uri)
                .await
                .map_err(|error| format!("{place} cannot be reached: {error}"))?;
            // Closed, cut short, too long, or no HTTP.
            let answer = self.exchange(stream).await;
            answer.map_err(|error| format!("the answer of {place} cannot be read: {error}"))
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "{place} cannot be reached: no answer within {} s",
                TIMEOUT.as_secs()
            )),
        }
    }

    async fn exchange(self, stream: Box<dyn Stream>) -> Result<Response, String> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = http::Request::builder().method(self.method).uri(path);
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            let host = self
                .uri
                .authority()
                .map_or("localhost", |authority| authority.as_str());
            request = request.header(HOST, host);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(self.body)))
            .map_err(|error| error.to_string())?;
        let answer = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| error.to_string())?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST)
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            Ok(Response {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        // The connection ends with the answer, whichever is first.
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            ended = connection => match ended {
                Ok(()) => answer.await,
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Trusts what Mozilla trusts, and the file that `AWS_CA_BUNDLE` or `SSL_CERT_FILE` names.
fn tls() -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let made = CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
            let Some(file) = std::env::var_os(variable).filter(|file| !file.is_empty()) else {
                continue;
            };
            let unreadable = |error: &dyn std::fmt::Display| {
                format!(
                    "{variable} names {}, which cannot be read: {error}",
                    Path::new(&file).display()
                )
            };
            for certificate in CertificateDer::pem_file_iter(&file).map_err(|error| unreadable(&error))? {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    });
    made.clone()
}

//! Sockets, in plain text or by TLS. Certificates are read again when their files change.

use crate::auth::tokens::Grant;
use crate::certificate::expiry;
use crate::codes;
use meshform_model::diag::Diagnostic;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;

/// How long a client may take to agree upon TLS: one that does not must not hold a connection.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long an answer may wait in the socket for its client.
#[cfg(target_os = "linux")]
const UNREAD: Duration = Duration::from_secs(60);

/// How many bytes tell which version of HTTP a client speaks: the preface of HTTP/2.
const PREFACE: usize = 24;

/// The files with which a server speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate with its intermediates.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authorities of the clients' certificates, where clients may show one.
    pub clients: Option<PathBuf>,
}

/// A socket and its address.
#[derive(Debug)]
pub(crate) struct Listening {
    socket: TcpListener,
    pub(crate) address: SocketAddr,
    tls: Option<Arc<Tls>>,
}

/// TLS with what was last read.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    read: Mutex<(Vec<Option<SystemTime>>, Arc<ServerConfig>)>,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Whether it speaks TLS with us.
    pub(crate) tls: bool,
}

/// A connection that was taken; TLS is yet to be agreed upon.
pub(crate) struct AcceptedConnection {
    stream: TcpStream,
    pub(crate) peer: SocketAddr,
    tls: Option<Arc<Tls>>,
}

/// A connection with or without TLS.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A connection whose client must begin to speak in time. Whoever tells versions of HTTP apart waits for the first bytes
/// without end, and the time for a request's head begins after them.
pub(crate) struct FirstByteTimeout<T> {
    stream: T,
    /// How many bytes are still to come, and until when.
    awaited: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<T> FirstByteTimeout<T> {
    pub(crate) fn within(stream: T, patience: Duration) -> Self {
        Self {
            stream,
            awaited: Some((PREFACE, Box::pin(tokio::time::sleep(patience)))),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for FirstByteTimeout<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some((left, end)) = &mut self.awaited else {
            return read;
        };
        *left = left.saturating_sub(buffer.filled().len().saturating_sub(before));
        let is_late = read.is_pending() && end.as_mut().poll(context).is_ready();
        if *left == 0 {
            self.awaited = None;
        }
        match is_late {
            true => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            false => read,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for FirstByteTimeout<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Listening {
    pub(crate) async fn at(address: SocketAddr, tls: Option<TlsFiles>) -> Result<Self, Box<Diagnostic>> {
        let cannot = |error: io::Error| {
            let message = format!("the server cannot listen on {address}: {error}");
            Box::new(Diagnostic::error(codes::SETTINGS, message))
        };
        let socket = TcpListener::bind(address).await.map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        let tls = tls.map(Tls::new).transpose();
        let tls = tls.map_err(|message| Box::new(Diagnostic::error(codes::TLS, message)))?;
        Ok(Self {
            socket,
            address,
            tls: tls.map(Arc::new),
        })
    }

    /// Waits for a connection. One that cannot be taken, for want of files usually, is tried again soon.
    pub(crate) async fn accept(&self) -> AcceptedConnection {
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    // What was sent and nobody takes: the client has gone without a word, or reads no more.
                    #[cfg(target_os = "linux")]
                    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD));
                    return AcceptedConnection {
                        stream,
                        peer,
                        tls: self.tls.clone(),
                    };
                }
                Err(error) => {
                    // Too many open files, usually: those who have one will let it go.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl AcceptedConnection {
    pub(crate) fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The connection, and what the client's certificate allows.
    pub(crate) async fn open(self) -> io::Result<(Box<dyn Connection>, Option<Grant>)> {
        let Some(tls) = self.tls else {
            return Ok((Box::new(self.stream), None));
        };
        let acceptor = TlsAcceptor::from(tls.config());
        let stream = tokio::time::timeout(HANDSHAKE, acceptor.accept(self.stream)).await??;
        let shown = stream.get_ref().1.peer_certificates();
        let pass = shown.and_then(|shown| pass(shown.first()?));
        Ok((Box::new(stream), pass))
    }
}

/// What a certificate allows that an authority has vouched for.
fn pass(certificate: &CertificateDer<'_>) -> Option<Grant> {
    let read = webpki::EndEntityCert::try_from(certificate).ok()?;
    Grant::of_uris(read.valid_uri_names(), expiry(certificate)?)
}

impl Tls {
    fn new(files: TlsFiles) -> Result<Self, String> {
        let read = (files.times(), Arc::new(files.config()?));
        Ok(Self {
            files,
            read: Mutex::new(read),
        })
    }

    /// As the files are now; where they cannot be read, as they were.
    fn config(&self) -> Arc<ServerConfig> {
        let times = self.files.times();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.0 != times {
            match self.files.config() {
                Ok(config) => *read = (times, Arc::new(config)),
                Err(error) => {
                    tracing::warn!(error, "the new certificate cannot be used; the one before stays");
                    read.0 = times;
                }
            }
        }
        read.1.clone()
    }
}

impl TlsFiles {
    fn times(&self) -> Vec<Option<SystemTime>> {
        let files = [&self.certificate, &self.key].into_iter().chain(&self.clients);
        files
            .map(|file| std::fs::metadata(file).and_then(|meta| meta.modified()).ok())
            .collect()
    }

    fn config(&self) -> Result<ServerConfig, String> {
        let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| wrong(path, &error))?;
                }
                // Who shows none needs a token.
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(|error| wrong(path, &error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| wrong(&self.key, &error))?;
        let mut config = builder
            .with_single_cert(certificates(&self.certificate)?, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => format!(
                    "{} is not the key of the certificate {}",
                    self.key.display(),
                    self.certificate.display()
                ),
                rustls::Error::InvalidCertificate(_) => wrong(&self.certificate, &error),
                error => wrong(&self.key, &error),
            })?;
        if self.clients.is_some() {
            // A session that is taken up again brings its client's certificate along, and nobody looks at it once more.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    match found.is_empty() {
        true => Err(wrong(&"there is no certificate in it")),
        false => Ok(found),
    }
}

//! Connections to the members of a cluster, in plain text or by TLS.

use crate::storage::tls_roots;
use crate::trouble::ServiceFailure;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower_service::Service;

/// How long a connection to a member may take: they are near, and the next one is tried after it.
const CONNECT: Duration = Duration::from_secs(2);
/// etcd ends connections that are asked for a sign of life more often than every five seconds.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// How long the answer to it may take before the connection is given up.
const NO_SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Why no connection can be tried.
pub(super) type ConnectFailure = (ServiceFailure, String);

/// What of the environment says how to speak to etcd.
#[derive(Clone, Default)]
pub(super) struct Credentials {
    pub(super) user: Option<(String, String)>,
    ca: Option<String>,
    certificate: Option<(String, String)>,
}

/// There are secrets in it.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the variables `MESHFORM_ETCD_*` and the files that they name. Fails where a part is missing or unreadable.
    pub(super) fn read(environment: &[(String, String)]) -> Result<Self, ConnectFailure> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_empty())
        };
        let wrong = |text: &str| (ServiceFailure::EtcdIncomplete, text.to_owned());
        let password = match variable("MESHFORM_ETCD_PASSWORD_FILE") {
            Some(file) => {
                let text = std::fs::read_to_string(&file);
                let text =
                    text.map_err(|error| (ServiceFailure::EtcdIncomplete, format!("{file}: {error}")))?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            None => variable("MESHFORM_ETCD_PASSWORD"),
        };
        let user = match (variable("MESHFORM_ETCD_USER"), password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(_), None) => return Err(wrong("MESHFORM_ETCD_USER has no password")),
            (None, Some(_)) => return Err(wrong("there is a password, and no MESHFORM_ETCD_USER")),
        };
        let certificate = match (
            variable("MESHFORM_ETCD_CERT_FILE"),
            variable("MESHFORM_ETCD_KEY_FILE"),
        ) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(wrong(
                    "MESHFORM_ETCD_CERT_FILE and MESHFORM_ETCD_KEY_FILE must be set together",
                ));
            }
        };
        Ok(Self {
            user,
            ca: variable("MESHFORM_ETCD_CA_FILE"),
            certificate,
        })
    }

    /// TLS with the CA of the environment, or the system's, and the client certificate where there is one.
    fn tls(&self) -> Result<ClientConfig, ConnectFailure> {
        let wrong =
            |path: &str, problem: &dyn fmt::Display| (ServiceFailure::EtcdTls, format!("{path}: {problem}"));
        let mut config = match &self.ca {
            None => tls_roots().map_err(|problem| (ServiceFailure::EtcdTls, problem))?,
            Some(path) => {
                let mut roots = rustls::RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| wrong(path, &error))?;
                }
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(|error| wrong(path, &error))?
                    .with_root_certificates(roots)
                    .with_no_client_auth()
            }
        };
        if let Some((path, key_path)) = &self.certificate {
            let key =
                PrivateKeyDer::from_pem_file(Path::new(key_path)).map_err(|error| wrong(key_path, &error))?;
            let provider = rustls::crypto::ring::default_provider();
            let certified = rustls::sign::CertifiedKey::from_der(certificates(path)?, key, &provider);
            let certified = certified.map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    let problem = format!("{key_path} is not the key of the certificate {path}");
                    (ServiceFailure::EtcdTls, problem)
                }
                rustls::Error::InvalidCertificate(_) => wrong(path, &error),
                error => wrong(key_path, &error),
            })?;
            config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
        }
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, ConnectFailure> {
    let wrong = |problem: String| (ServiceFailure::EtcdTls, format!("{path}: {problem}"));
    let found = CertificateDer::pem_file_iter(Path::new(path)).map_err(|error| wrong(error.to_string()))?;
    let found: Vec<_> = found
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(found)
}

/// One channel for each member. Nothing is connected to yet; must be called within the runtime of the connections.
pub(super) fn channels(
    members: &[(String, u16)],
    secure: bool,
    credentials: &Credentials,
) -> Result<Vec<Channel>, ConnectFailure> {
    let tls = if secure {
        Some(TlsConnector::from(Arc::new(credentials.tls()?)))
    } else {
        None
    };
    let channel = |(host, port): &(String, u16)| {
        let scheme = if secure { "https" } else { "http" };
        let authority = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let wrong = |problem: &dyn fmt::Display| (ServiceFailure::Etcd, format!("{authority}: {problem}"));
        let origin: Uri = format!("{scheme}://{authority}")
            .parse()
            .map_err(|error| wrong(&error))?;
        let tls = match &tls {
            Some(tls) => {
                let name = ServerName::try_from(host.clone()).map_err(|error| wrong(&error))?;
                Some((tls.clone(), name))
            }
            None => None,
        };
        // TLS is the connector's: the transport shall not look for it.
        let endpoint = Endpoint::from_shared(format!("http://{authority}")).map_err(|error| wrong(&error))?;
        let connector = Connector {
            host: host.clone(),
            port: *port,
            tls,
        };
        Ok(endpoint
            .origin(origin)
            .http2_keep_alive_interval(SIGN_OF_LIFE)
            .keep_alive_timeout(NO_SIGN_OF_LIFE)
            .connect_with_connector_lazy(connector))
    };
    members.iter().map(channel).collect()
}

#[derive(Clone)]
struct Connector {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Connection>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { host, port, tls } = self.clone();
        Box::pin(async move {
            let connect = async {
                let stream = TcpStream::connect((host.as_str(), port)).await?;
                stream.set_nodelay(true)?;
                let connection: Box<dyn Connection> = match tls {
                    None => Box::new(stream),
                    Some((tls, name)) => Box::new(tls.connect(name, stream).await?),
                };
                Ok(TokioIo::new(connection))
            };
            match tokio::time::timeout(CONNECT, connect).await {
                Ok(connected) => connected,
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "no connection within two seconds",
                )),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_which_a_part_is_missing_are_told_by_their_variables() {
        for (given, told) in [
            (
                &["MESHFORM_ETCD_USER"] as &[&str],
                "MESHFORM_ETCD_USER has no password",
            ),
            (&["MESHFORM_ETCD_PASSWORD"], "no MESHFORM_ETCD_USER"),
            (
                &["MESHFORM_ETCD_CERT_FILE"],
                "MESHFORM_ETCD_CERT_FILE and MESHFORM_ETCD_KEY_FILE must be set together",
            ),
            (
                &["MESHFORM_ETCD_KEY_FILE"],
                "MESHFORM_ETCD_CERT_FILE and MESHFORM_ETCD_KEY_FILE must be set together",
            ),
            (
                &["MESHFORM_ETCD_PASSWORD_FILE", "MESHFORM_ETCD_USER"],
                "/nowhere: ",
            ),
        ] {
            let environment: Vec<(String, String)> = given
                .iter()
                .map(|name| ((*name).to_owned(), "/nowhere".to_owned()))
                .collect();
            let (trouble, text) = Credentials::read(&environment).unwrap_err();
            assert_eq!(trouble, ServiceFailure::EtcdIncomplete, "{given:?}");
            assert!(text.contains(told), "{text}");
        }
        assert!(Credentials::read(&[]).unwrap().user.is_none());
    }
}

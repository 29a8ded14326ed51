//! TLS on bare sockets: a client that says what it was shown, a service that says what it was told.

use super::servers::{Log, connect, each_connection, read_head};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

/// A certificate and its key, as PEM.
pub(crate) type Identity = (String, String);

/// A TLS client's wishes.
#[derive(Clone)]
pub(crate) struct Tls<'a> {
    /// Whom it trusts.
    pub(crate) trust: &'a str,
    /// What it shows, when asked.
    pub(crate) identity: Option<&'a Identity>,
    /// The name that it asks for and checks.
    pub(crate) name: &'a str,
}

#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) answer: String,
    pub(crate) certificate: Vec<u8>,
    pub(crate) protocol: String,
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(pem: &str) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        store.add(certificate.unwrap()).unwrap();
    }
    Arc::new(store)
}

fn chain(identity: &Identity) -> Vec<CertificateDer<'static>> {
    let chain = CertificateDer::pem_slice_iter(identity.0.as_bytes());
    chain.map(Result::unwrap).collect()
}

fn private_key(identity: &Identity) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(identity.1.as_bytes()).unwrap()
}

impl Tls<'_> {
    /// One HTTP/1.1 request over TLS.
    pub(crate) fn get(&self, port: u16, protocols: &[&str]) -> io::Result<Seen> {
        self.get_at(&format!("127.0.0.1:{port}"), protocols)
    }

    pub(crate) fn get_at(&self, address: &str, protocols: &[&str]) -> io::Result<Seen> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(self.trust));
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = private_key(identity);
                builder.with_client_auth_cert(chain(identity), key).unwrap()
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(self.name.to_owned()).unwrap();
        let client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(client, connect(address)?);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: secure.apps.local\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer)
            && answer.is_empty()
        {
            return Err(error);
        }
        let certificate = stream.conn.peer_certificates().map(|chain| chain[0].to_vec());
        Ok(Seen {
            answer: String::from_utf8_lossy(&answer).into_owned(),
            certificate: certificate.unwrap_or_default(),
            protocol: String::from_utf8_lossy(stream.conn.alpn_protocol().unwrap_or_default()).into_owned(),
        })
    }
}

/// A server that shows a certificate, speaks one protocol, and looks at its callers' certificates.
pub(crate) fn server(identity: &Identity, clients: Option<&str>, protocol: &[u8]) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(trust) => {
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(roots(trust), provider())
                    .allow_unauthenticated()
                    .build()
                    .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(chain(identity), private_key(identity))
        .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

/// A TLS service that answers HTTP/1.1 and notes `sni=…; alpn=…; client=yes|no` of each connection.
pub(crate) fn service(identity: &Identity, clients: Option<&str>) -> (u16, Log) {
    service_on("127.0.0.1:0", identity, clients)
}

pub(crate) fn service_on(address: &str, identity: &Identity, clients: Option<&str>) -> (u16, Log) {
    let config = Arc::new(server(identity, clients, b"http/1.1"));
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let seen = log.clone();
    each_connection(listener, move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut reader = BufReader::new(StreamOwned::new(connection, stream));
        while read_head(&mut reader).is_some() {
            let connection = &reader.get_ref().conn;
            let noted = format!(
                "sni={}; alpn={}; client={}",
                connection.server_name().unwrap_or("-"),
                String::from_utf8_lossy(connection.alpn_protocol().unwrap_or(b"-")),
                if connection.peer_certificates().is_some() {
                    "yes"
                } else {
                    "no"
                },
            );
            seen.push(noted, "");
            let answer = "HTTP/1.1 200 OK\r\nx-service: secure\r\ncontent-length: 0\r\n\r\n";
            if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    (port, log)
}

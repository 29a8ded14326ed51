//! Certificates and trust, at both ends.

use super::{Origin, Sourced};

/// How a listener terminates TLS.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerTls {
    /// The field that says so.
    pub origin: Origin,
    /// What is shown to clients.
    pub certificate: SecretRef,
    /// Which clients are let in; nothing = any.
    pub clients: Option<Validation>,
    /// What may be spoken inside.
    pub alpn: Vec<&'static str>,
}

/// How TLS is spoken to a server.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientTls {
    /// The field that says so.
    pub origin: Origin,
    /// What is shown when the server asks.
    pub certificate: Option<SecretRef>,
    /// What the server must show; nothing = anything goes.
    pub validation: Option<Validation>,
    /// The name that is asked for.
    pub sni: String,
    /// What is offered to be spoken inside.
    pub alpn: Vec<&'static str>,
}

/// What the other end must show.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    pub trust: SecretRef,
    /// The names of which one must be in the certificate; empty = any.
    pub names: Sourced<Vec<SubjectName>>,
}

/// A name in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectName {
    Dns(String),
    /// A URI, such as a SPIFFE id.
    Uri(String),
    Ip(String),
}

impl SubjectName {
    pub(crate) fn of(text: &str) -> Self {
        if text.contains("://") {
            Self::Uri(text.to_owned())
        } else if text.parse::<std::net::IpAddr>().is_ok() {
            Self::Ip(text.to_owned())
        } else {
            Self::Dns(text.to_owned())
        }
    }
}

/// A certificate or a trust, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretRef {
    /// The name: ours for files, the server's for SDS.
    pub name: String,
    pub source: SecretSource,
}

/// Where a certificate or a trust is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSource {
    /// Files beside the proxy, read again when they change.
    Files(Files),
    /// The SDS server behind the profile's socket.
    Sds,
}

/// Paths on the proxy's machine, and how they change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Files {
    /// A certificate with its key.
    Identity {
        /// The file of the certificate and its intermediates, in PEM.
        chain: String,
        /// The file of the private key, in PEM.
        key: String,
        /// What the key is encrypted with, where it is.
        passphrase: Option<String>,
    },
    Trust {
        /// The file of the trusted authorities' certificates, in PEM.
        bundle: String,
    },
}

/// A secret read from files, as the proxy is told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    pub name: String,
    pub files: Files,
}

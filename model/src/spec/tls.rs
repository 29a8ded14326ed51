//! TLS: of listeners, and of callers. Nodes and gateways have the same shapes.

use serde::{Deserialize, Serialize};

/// Encryption of what arrives at a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerTls {
    /// Whether unencrypted traffic is served too.
    pub mode: ListenerTlsMode,
    /// What the listener shows.
    pub certificate: ListenerCertificate,
    /// What callers must show (mutual TLS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ListenerValidation>,
}

/// Whether a listener serves encrypted and unencrypted traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ListenerTlsMode {
    /// Encrypted only.
    Strict,
    /// Both.
    Permissive,
    /// Unencrypted only.
    Disabled,
}

/// What a listener shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListenerCertificate {
    /// A certificate of AWS Certificate Manager, by ARN.
    Acm(AcmCertificate),
    /// Files beside the proxy.
    File(FileCertificate),
    /// A secret that the proxy gets by name.
    Sds(SdsReference),
}

/// A certificate of AWS Certificate Manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcmCertificate {
    /// Its ARN.
    pub certificate_arn: String,
}

/// Files beside the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileCertificate {
    /// The path of the certificate chain in PEM form.
    pub certificate_chain: String,
    /// The path of the private key in PEM form.
    pub private_key: String,
}

/// A secret that the proxy gets by name from a secret discovery service on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SdsReference {
    /// The secret's name.
    pub secret_name: String,
}

/// What callers of a listener must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerValidation {
    /// Who must have signed it.
    pub trust: ListenerTrust,
    /// Which names it must carry; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_alternative_names: Option<SubjectAlternativeNames>,
}

/// Whom a listener trusts to sign callers' certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListenerTrust {
    /// A file beside the proxy.
    File(FileTrust),
    /// A secret that the proxy gets by name.
    Sds(SdsReference),
}

/// A file of trusted certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileTrust {
    /// The path of the trusted certificates in PEM form.
    pub certificate_chain: String,
}

/// Names that a certificate must carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubjectAlternativeNames {
    /// How they are compared.
    pub r#match: SubjectAlternativeNameMatchers,
}

/// How names in a certificate are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubjectAlternativeNameMatchers {
    /// The whole name; one of these is enough.
    pub exact: Vec<String>,
}

/// How a proxy calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientPolicy {
    /// Encryption of what is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientPolicyTls>,
}

/// Encryption of what a proxy sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientPolicyTls {
    /// Whether it is demanded. Absent: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforce: Option<bool>,
    /// For which ports; none: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// What the proxy shows when asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<ClientCertificate>,
    /// What the other side must show.
    pub validation: TlsValidationContext,
}

/// What a calling proxy shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClientCertificate {
    /// Files beside the proxy.
    File(FileCertificate),
    /// A secret that the proxy gets by name.
    Sds(SdsReference),
}

/// What the called side must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsValidationContext {
    /// Who must have signed it.
    pub trust: ClientTrust,
    /// Which names it must carry; absent: the name by which the target is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_alternative_names: Option<SubjectAlternativeNames>,
}

/// Whom a calling proxy trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClientTrust {
    /// Private certificate authorities of AWS, by ARN.
    Acm(AcmTrust),
    /// A file beside the proxy.
    File(FileTrust),
    /// A secret that the proxy gets by name.
    Sds(SdsReference),
}

/// Private certificate authorities of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcmTrust {
    /// Their ARNs, one to three.
    pub certificate_authority_arns: Vec<String>,
}

// === impl ClientPolicyTls ===

impl ClientPolicyTls {
    /// Whether encryption is demanded of connections to `port`.
    pub fn enforced_for(&self, port: u16) -> bool {
        self.enforce.unwrap_or(true) && (self.ports.is_empty() || self.ports.contains(&port))
    }
}

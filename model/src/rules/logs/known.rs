//! The command operators that Envoy 1.40 knows without an extension, and what each takes.

use crate::validate::closest;

#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    pub(super) parameters: Parameters,
    /// Whether `:12` may cut it.
    pub(super) length: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameters {
    None,
    /// Anything, or nothing.
    Any,
    Some,
    /// A header, and another one that is taken where the first is not there.
    Header,
    /// The form of a time.
    Time,
    /// A key, and how its value is written.
    State,
    /// A kind of metadata, and the way to a value in it.
    Metadata,
    /// Two moments and a unit.
    Span,
    /// How a gRPC status is written.
    Status,
    /// With or without query, and which header.
    Path,
    /// As it came or decoded.
    Query,
    /// Where a server's name is taken from.
    ServerName,
    Expression,
    /// JSON with operators of its own in it, which nobody looks into.
    Unchecked,
}

/// Operators with parameters: name, parameters, whether a length may follow.
const WITH_PARAMETERS: &[(&str, Parameters, bool)] = &[
    ("CEL", Parameters::Expression, true),
    ("CLUSTER_METADATA", Parameters::Some, false),
    ("COALESCE", Parameters::Unchecked, true),
    ("COMMON_DURATION", Parameters::Span, false),
    (
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
        Parameters::Any,
        false,
    ),
    (
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
        Parameters::Any,
        false,
    ),
    ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Parameters::Any, false),
    ("DOWNSTREAM_PEER_CERT_V_END", Parameters::Time, false),
    ("DOWNSTREAM_PEER_CERT_V_START", Parameters::Time, false),
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Parameters::Any, false),
    ("DYNAMIC_METADATA", Parameters::Some, true),
    ("EMIT_TIME", Parameters::Time, false),
    ("EMIT_TIME_LOCAL", Parameters::Time, false),
    ("ENVIRONMENT", Parameters::Some, true),
    ("FILTER_STATE", Parameters::State, true),
    ("GRPC_STATUS", Parameters::Status, false),
    ("METADATA", Parameters::Metadata, true),
    ("PATH", Parameters::Path, true),
    ("QUERY_PARAM", Parameters::Some, true),
    ("QUERY_PARAMS", Parameters::Query, true),
    ("REQ", Parameters::Header, true),
    ("REQUESTED_SERVER_NAME", Parameters::ServerName, false),
    ("REQUEST_HEADER", Parameters::Header, true),
    ("RESP", Parameters::Header, true),
    ("RESPONSE_CODE_DETAILS", Parameters::Any, false),
    ("RESPONSE_HEADER", Parameters::Header, true),
    ("RESPONSE_TRAILER", Parameters::Header, true),
    ("START_TIME", Parameters::Time, false),
    ("START_TIME_LOCAL", Parameters::Time, false),
    ("STREAM_INFO_REQ", Parameters::Header, true),
    ("TRAILER", Parameters::Header, true),
    ("UPSTREAM_FILTER_STATE", Parameters::State, true),
    ("UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Parameters::Any, false),
    ("UPSTREAM_METADATA", Parameters::Some, false),
    ("UPSTREAM_PEER_CERT_V_END", Parameters::Time, false),
    ("UPSTREAM_PEER_CERT_V_START", Parameters::Time, false),
    ("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Parameters::Any, false),
];

const ALONE: &[&str] = &[
    "ACCESS_LOG_TYPE",
    "BYTES_RECEIVED",
    "BYTES_RETRANSMITTED",
    "BYTES_SENT",
    "CONNECTION_ID",
    "CONNECTION_TERMINATION_DETAILS",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_CX_RTT",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "DOWNSTREAM_DETECTED_CLOSE_TYPE",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID",
    "DOWNSTREAM_DIRECT_LOCAL_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_PORT",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_HEADER_BYTES_SENT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID",
    "DOWNSTREAM_LOCAL_CLOSE_REASON",
    "DOWNSTREAM_LOCAL_DNS_SAN",
    "DOWNSTREAM_LOCAL_EMAIL_SAN",
    "DOWNSTREAM_LOCAL_IP_SAN",
    "DOWNSTREAM_LOCAL_OTHERNAME_SAN",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256",
    "DOWNSTREAM_PEER_CHAIN_SERIALS",
    "DOWNSTREAM_PEER_DNS_SAN",
    "DOWNSTREAM_PEER_EMAIL_SAN",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_IP_SAN",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_ISSUER_SERIAL",
    "DOWNSTREAM_PEER_OTHERNAME_SAN",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_GROUP",
    "DOWNSTREAM_TLS_SESSION_ID",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DOWNSTREAM_WIRE_BYTES_RECEIVED",
    "DOWNSTREAM_WIRE_BYTES_SENT",
    "DURATION",
    "FILTER_CHAIN_NAME",
    "GRPC_STATUS_NUMBER",
    "HOSTNAME",
    "LOCAL_REPLY_BODY",
    "PROTOCOL",
    "REQUEST_DURATION",
    "REQUEST_HEADERS_BYTES",
    "REQUEST_TX_DURATION",
    "RESPONSE_CODE",
    "RESPONSE_DURATION",
    "RESPONSE_FLAGS",
    "RESPONSE_FLAGS_LONG",
    "RESPONSE_HEADERS_BYTES",
    "RESPONSE_TRAILERS_BYTES",
    "RESPONSE_TX_DURATION",
    "ROUNDTRIP_DURATION",
    "ROUTE_NAME",
    "ROUTE_RESOLUTION_COUNT",
    "ROUTE_RESOLUTION_TIME_US",
    "SPAN_ID",
    "STREAM_ID",
    "TLS_JA3_FINGERPRINT",
    "TLS_JA4_FINGERPRINT",
    "TRACE_ID",
    "UNIQUE_ID",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_CLUSTER_RAW",
    "UPSTREAM_CONNECTION_ID",
    "UPSTREAM_CONNECTION_IDS_ATTEMPTED",
    "UPSTREAM_CONNECTION_POOL_READY_DURATION",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "UPSTREAM_DETECTED_CLOSE_TYPE",
    "UPSTREAM_HEADER_BYTES_RECEIVED",
    "UPSTREAM_HEADER_BYTES_SENT",
    "UPSTREAM_HOST",
    "UPSTREAM_HOSTS_ATTEMPTED",
    "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT",
    "UPSTREAM_HOST_NAME",
    "UPSTREAM_HOST_NAMES_ATTEMPTED",
    "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT",
    "UPSTREAM_HOST_NAME_WITHOUT_PORT",
    "UPSTREAM_LOCAL_ADDRESS",
    "UPSTREAM_LOCAL_CLOSE_REASON",
    "UPSTREAM_LOCAL_DNS_SAN",
    "UPSTREAM_LOCAL_IP_SAN",
    "UPSTREAM_LOCAL_PORT",
    "UPSTREAM_LOCAL_URI_SAN",
    "UPSTREAM_PEER_CERT",
    "UPSTREAM_PEER_DNS_SAN",
    "UPSTREAM_PEER_IP_SAN",
    "UPSTREAM_PEER_ISSUER",
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_PEER_URI_SAN",
    "UPSTREAM_PROTOCOL",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID",
    "UPSTREAM_REMOTE_PORT",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    "UPSTREAM_SERVER_NAME",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_GROUP",
    "UPSTREAM_TLS_SESSION_ID",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
    "UPSTREAM_WIRE_BYTES_RECEIVED",
    "UPSTREAM_WIRE_BYTES_SENT",
    "VIRTUAL_CLUSTER_NAME",
];

/// Operators that older versions do not know, with the minor version that brought them.
const NEWER: &[(&str, u16)] = &[
    ("COALESCE", 37),
    ("DOWNSTREAM_CX_RTT", 40),
    ("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", 36),
    ("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", 36),
    ("DOWNSTREAM_DETECTED_CLOSE_TYPE", 38),
    ("DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID", 37),
    ("DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", 37),
    ("DOWNSTREAM_LOCAL_CLOSE_REASON", 38),
    ("DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256", 38),
    ("DOWNSTREAM_PEER_ISSUER_SERIAL", 38),
    ("DOWNSTREAM_TLS_GROUP", 39),
    ("QUERY_PARAMS", 38),
    ("REQUEST_HEADER", 37),
    ("RESPONSE_HEADER", 37),
    ("RESPONSE_TRAILER", 37),
    ("ROUTE_RESOLUTION_COUNT", 40),
    ("ROUTE_RESOLUTION_TIME_US", 40),
    ("SPAN_ID", 38),
    ("UPSTREAM_CONNECTION_IDS_ATTEMPTED", 38),
    ("UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", 36),
    ("UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", 36),
    ("UPSTREAM_DETECTED_CLOSE_TYPE", 38),
    ("UPSTREAM_HOSTS_ATTEMPTED", 38),
    ("UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", 38),
    ("UPSTREAM_HOST_NAMES_ATTEMPTED", 38),
    ("UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", 38),
    ("UPSTREAM_LOCAL_CLOSE_REASON", 38),
    ("UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", 37),
    ("UPSTREAM_SERVER_NAME", 39),
    ("UPSTREAM_TLS_GROUP", 39),
];

/// An operator by its name.
pub(super) fn find(name: &str) -> Option<Operator> {
    if ALONE.contains(&name) {
        return Some(Operator {
            parameters: Parameters::None,
            length: false,
        });
    }
    let (_, parameters, length) = WITH_PARAMETERS.iter().find(|(known, ..)| *known == name)?;
    Some(Operator {
        parameters: *parameters,
        length: *length,
    })
}

/// The minor version of Envoy 1 that brought an operator, or what is in it. Nothing for what 1.36 knew, the oldest
/// that was looked at, but for what its own list of changes names.
pub(super) fn since(name: &str, parameters: Option<&str>, length: bool) -> Option<u16> {
    let whole = NEWER
        .iter()
        .find(|(newer, _)| *newer == name)
        .map(|(_, minor)| *minor);
    let part = match (name, parameters) {
        ("DYNAMIC_METADATA", _) if length => Some(37),
        ("REQUESTED_SERVER_NAME", Some(_)) => Some(37),
        ("METADATA", Some(of)) if of.starts_with("LISTENER_FILTER_CHAIN") => Some(37),
        (name, Some(_)) if name.ends_with("_ADDRESS_WITHOUT_PORT") => Some(38),
        _ => None,
    };
    whole.max(part)
}

/// What to do about a name that is not one.
pub(super) fn alike(name: &str) -> String {
    let with = WITH_PARAMETERS.iter().map(|(name, ..)| *name);
    let names: Vec<&str> = ALONE.iter().copied().chain(with).collect();
    match closest(name, &names) {
        Some(known) => format!("did you mean `{known}`? A percent sign is written `%%`"),
        None => "see Envoy's documentation of access logs for the operators; a percent sign is written `%%`"
            .to_owned(),
    }
}

// === impl Parameters ===

impl Parameters {
    /// What is wrong with the parameters that are given.
    pub(super) fn problem(self, given: Option<&str>) -> Option<String> {
        let needed = matches!(
            self,
            Self::Some
                | Self::Header
                | Self::State
                | Self::Metadata
                | Self::Span
                | Self::Expression
                | Self::Unchecked
        );
        let Some(given) = given else {
            return needed.then(|| "needs something in brackets".to_owned());
        };
        let parts: Vec<&str> = given.split(':').collect();
        let right = match self {
            Self::None => return Some("takes nothing in brackets".to_owned()),
            Self::Any | Self::Some => true,
            Self::Header => headers(given),
            Self::Time => !breaks_line(given),
            Self::State => match parts.as_slice() {
                ["", ..] => false,
                [_] | [_, "" | "PLAIN" | "TYPED"] => true,
                [_, "FIELD", field, ..] => !field.is_empty(),
                _ => false,
            },
            Self::Metadata => parts.first().is_some_and(|kind| METADATA.contains(kind)),
            Self::Span => match parts.as_slice() {
                [_, _] => true,
                [_, _, unit] => matches!(*unit, "ms" | "us" | "ns"),
                _ => false,
            },
            Self::Status => matches!(given, "CAMEL_STRING" | "SNAKE_STRING" | "NUMBER"),
            Self::Path => options(&parts, &["WQ", "NQ"], &["ORIG", "PATH", "ORIG_OR_PATH"]),
            Self::Query => matches!(given, "ORIG" | "DECODED"),
            Self::ServerName => {
                let from = ["SNI_ONLY", "SNI_FIRST", "HOST_FIRST"];
                options(&parts, &from, &["ORIG", "HOST", "ORIG_OR_HOST"])
            }
            Self::Expression => attribute(given),
            Self::Unchecked => return Some("is not supported: its content cannot be checked".to_owned()),
        };
        (!right).then(|| format!("does not take `{given}` in brackets"))
    }

    pub(super) fn form(self) -> &'static str {
        match self {
            Self::None | Self::Unchecked => "",
            Self::Any | Self::Some => "(…)",
            Self::Header => "(HEADER?OTHER-HEADER)",
            Self::Time => "(%Y-%m-%dT%H:%M:%S%z)",
            Self::State => "(key:PLAIN)",
            Self::Metadata => "(ROUTE:namespace:key)",
            Self::Span => "(DS_RX_BEG:US_TX_END:ms)",
            Self::Status => "(NUMBER)",
            Self::Path => "(NQ:ORIG)",
            Self::Query => "(DECODED)",
            Self::ServerName => "(SNI_FIRST:HOST)",
            Self::Expression => "(request.headers['x-name'])",
        }
    }
}

const METADATA: [&str; 7] = [
    "DYNAMIC",
    "CLUSTER",
    "ROUTE",
    "UPSTREAM_HOST",
    "LISTENER",
    "LISTENER_FILTER_CHAIN",
    "VIRTUAL_HOST",
];

/// Up to two options, either of which may be empty; what follows is not looked at.
fn options(parts: &[&str], first: &[&str], second: &[&str]) -> bool {
    let may = |at: usize, among: &[&str]| {
        parts
            .get(at)
            .is_none_or(|part| part.is_empty() || among.contains(part))
    };
    may(0, first) && may(1, second)
}

/// One or two names of headers.
fn headers(given: &str) -> bool {
    let names: Vec<&str> = given.split('?').collect();
    names.len() <= 2 && names.into_iter().all(header)
}

fn header(name: &str) -> bool {
    let name = match name.strip_prefix(':') {
        Some("") => return false,
        Some(name) => name,
        None => name,
    };
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether a time's form has an end of a line in it: `%n`, with flags.
fn breaks_line(form: &str) -> bool {
    form.split('%').skip(1).any(|after| {
        let after = after.trim_start_matches(['-', '_', '0', '^', '#']);
        let after = after.trim_start_matches(|c: char| ('1'..='9').contains(&c));
        let after = after.strip_prefix(['E', 'O']).unwrap_or(after);
        after.starts_with('n')
    })
}

/// A way to an attribute, such as `request.headers['x-name']`: the part of CEL of which it is certain that Envoy
/// takes it.
fn attribute(text: &str) -> bool {
    let end = text
        .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        .unwrap_or(text.len());
    let (word, mut rest) = text.split_at(end);
    if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) || RESERVED.contains(&word) {
        return false;
    }
    while let Some(inside) = rest.strip_prefix("['") {
        let plain = |key: &str| !key.contains(['\\', '\n', '\r']);
        match inside
            .split_once("']")
            .filter(|(key, _)| plain(key) && !key.contains('\''))
        {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    match rest.strip_prefix('.') {
        Some(rest) => attribute(rest),
        None => rest.is_empty(),
    }
}

/// Words of CEL that are no names.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

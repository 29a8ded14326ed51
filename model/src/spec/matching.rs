//! What requests are matched by, in routes and gateway routes.

use serde::{Deserialize, Serialize};

/// A header (or gRPC metadata) that a request must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRouteHeader {
    /// Its name.
    pub name: String,
    /// Whether a request that has it does *not* match. Absent: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,
    /// What its value must be; absent: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#match: Option<HeaderMatchMethod>,
}

/// gRPC metadata that a call must have: headers by another name.
pub type GrpcRouteMetadata = HttpRouteHeader;

/// What a header's value must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HeaderMatchMethod {
    /// This.
    Exact(String),
    /// Begins so.
    Prefix(String),
    /// An integer within bounds.
    Range(MatchRange),
    /// Matches this regular expression (RE2) as a whole.
    Regex(String),
    /// Ends so.
    Suffix(String),
}

/// Bounds of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchRange {
    /// The smallest that matches.
    pub start: i64,
    /// The first that no longer matches.
    pub end: i64,
}

/// A path, whole.
///
/// At most one of the two is there; see [`PathMatch`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpPathMatch {
    /// This path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// A path that matches this regular expression (RE2) as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
}

/// A parameter that a request's query must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpQueryParameter {
    /// Its name.
    pub name: String,
    /// What its value must be; absent: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#match: Option<QueryParameterMatch>,
}

/// What a query parameter's value must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueryParameterMatch {
    /// This; absent: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
}

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names of HTTP methods say all")]
pub enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

/// A request's scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpScheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

/// What a match says of the path, of `prefix` and `path` together. Nothing said is the prefix `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathMatch<'a> {
    /// This path.
    Exact(&'a str),
    /// A path that matches this regular expression as a whole.
    Regex(&'a str),
    /// A path that begins so.
    Prefix(&'a str),
}

// === impl HttpRouteHeader ===

impl HttpRouteHeader {
    /// Whether a request that has it does not match.
    pub fn inverted(&self) -> bool {
        self.invert.unwrap_or(false)
    }
}

// === impl HttpQueryParameter ===

impl HttpQueryParameter {
    /// The value it must have; `None`: any.
    pub fn exact(&self) -> Option<&str> {
        self.r#match.as_ref().and_then(|m| m.exact.as_deref())
    }
}

// === impl HttpMethod ===

impl HttpMethod {
    /// As it stands in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
        }
    }
}

// === impl HttpScheme ===

impl HttpScheme {
    /// As it stands in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

// === impl PathMatch ===

impl<'a> PathMatch<'a> {
    /// Of the two fields of a match; the path goes before the prefix.
    pub(super) fn of(prefix: Option<&'a String>, path: Option<&'a HttpPathMatch>) -> Self {
        let path = path.and_then(|path| match (&path.exact, &path.regex) {
            (Some(exact), _) => Some(Self::Exact(exact)),
            (None, Some(regex)) => Some(Self::Regex(regex)),
            (None, None) => None,
        });
        path.unwrap_or_else(|| Self::Prefix(prefix.map_or("/", String::as_str)))
    }
}

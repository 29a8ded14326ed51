//! What requests are matched by, in routes and gateway routes.

use super::{HttpPathMatch, HttpQueryParameter, HttpRouteHeader};

/// What a match says of the path, of `prefix` and `path` together. Nothing said is the prefix `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathMatch<'a> {
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

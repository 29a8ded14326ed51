//! The messages of Envoy's discovery protocol, as far as a server needs them. Resources stay the bytes that they are: one
//! encoding serves every stream. What is not named here (an Envoy tells of 60 kB of extensions) is skipped, not kept.

use bytes::Bytes;
use meshform_model::validate::seen;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Node {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ErrorDetail {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// A request of the incremental protocol.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeltaRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) node: Option<Node>,
    #[prost(string, tag = "2")]
    pub(crate) type_url: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) subscribe: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) unsubscribe: Vec<String>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) versions: BTreeMap<String, String>,
    #[prost(string, tag = "6")]
    pub(crate) nonce: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) error: Option<ErrorDetail>,
}

/// A resource with its name and version. `resource` is an encoded `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Resource {
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) resource: Bytes,
}

/// A response of the incremental protocol.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeltaResponse {
    #[prost(string, tag = "1")]
    pub(crate) system_version: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) resources: Vec<Resource>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
    #[prost(string, repeated, tag = "6")]
    pub(crate) removed: Vec<String>,
}

/// A request of the protocol that sends the state of the world.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WorldRequest {
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) node: Option<Node>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) names: Vec<String>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
    #[prost(message, optional, tag = "6")]
    pub(crate) error: Option<ErrorDetail>,
}

/// A response of that protocol. Each of `resources` is an encoded `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WorldResponse {
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(crate) resources: Vec<Bytes>,
    #[prost(string, tag = "4")]
    pub(crate) type_url: String,
    #[prost(string, tag = "5")]
    pub(crate) nonce: String,
}

/// How many characters of a proxy's reason for a refusal are kept: more than Envoy writes, and what every stream and the
/// history of releases can hold.
pub(crate) const REASON: usize = 4_000;
/// How many characters of anything else that a proxy says are repeated to it and in the log.
pub(crate) const WORD: usize = 300;

/// What a proxy says, as logs, terminals and pages may show it: in one line, without characters that move the cursor or turn
/// text round, and no longer than `most`.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let one_line = chars.by_ref().take(most).map(|c| match c {
        '\n' | '\r' | '\t' => ' ',
        c => c,
    });
    let mut out = seen(&one_line.collect::<String>());
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_says_is_one_short_line() {
        assert_eq!(
            plain("cannot bind '0.0.0.0:80': über", REASON),
            "cannot bind '0.0.0.0:80': über"
        );
        assert_eq!(
            plain("a\nINFO b\u{1b}[31m\u{202e}", REASON),
            "a INFO b\\u{1b}[31m\\u{202e}"
        );
        assert_eq!(plain("abcdef", 3), "abc…");
    }
}

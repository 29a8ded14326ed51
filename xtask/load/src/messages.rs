//! The messages of the incremental protocol, as far as a client needs them.

use bytes::Bytes;
use std::collections::BTreeMap;
#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    /// An encoded `Node`.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub node: Option<Bytes>,
    #[prost(string, tag = "2")]
    pub type_url: String,
    #[prost(string, repeated, tag = "3")]
    pub subscribe: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub unsubscribe: Vec<String>,
    /// Of a client that comes back: what it has.
    #[prost(btree_map = "string, string", tag = "5")]
    pub versions: BTreeMap<String, String>,
    #[prost(string, tag = "6")]
    pub nonce: String,
    #[prost(message, optional, tag = "7")]
    pub error: Option<Error>,
}
#[derive(Clone, PartialEq, prost::Message)]
pub struct Error {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
}
#[derive(Clone, PartialEq, prost::Message)]
pub struct Response {
    #[prost(string, tag = "1")]
    pub system_version: String,
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<Resource>,
    #[prost(string, tag = "4")]
    pub type_url: String,
    #[prost(string, tag = "5")]
    pub nonce: String,
    #[prost(string, repeated, tag = "6")]
    pub removed: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Resource {
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "1")]
    pub version: String,
    /// An encoded `google.protobuf.Any`.
    #[prost(bytes = "bytes", tag = "2")]
    pub resource: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

/// A node of that name with everything else that `recorded`, an encoded node, says: of a field that comes twice the last
/// holds.
pub fn node(recorded: &[u8], id: &str) -> Bytes {
    let id = prost::Message::encode_to_vec(&Id { id: id.to_owned() });
    Bytes::from([recorded, &id].concat())
}

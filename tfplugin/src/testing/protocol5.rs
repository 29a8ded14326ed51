//! The schemas of a provider that speaks protocol 5, told in the messages of protocol 6.
//!
//! Both protocols give their messages the same numbers, but for what an attribute can be: there are no nested attributes
//! in protocol 5, and write-only has their number.

use std::collections::BTreeMap;

use tonic::codegen::http::uri::PathAndQuery;

use super::client::Error;
use super::transport::Transport;
use crate::r#gen::tfplugin6 as pb;

#[derive(Clone, PartialEq, prost::Message)]
struct Schemas {
    #[prost(message, optional, tag = "1")]
    provider: Option<Schema>,
    #[prost(btree_map = "string, message", tag = "2")]
    resources: BTreeMap<String, Schema>,
    #[prost(btree_map = "string, message", tag = "3")]
    data_sources: BTreeMap<String, Schema>,
    #[prost(message, repeated, tag = "4")]
    diagnostics: Vec<pb::Diagnostic>,
    #[prost(btree_map = "string, message", tag = "7")]
    functions: BTreeMap<String, pb::Function>,
    #[prost(btree_map = "string, message", tag = "9")]
    lists: BTreeMap<String, Schema>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Schema {
    #[prost(int64, tag = "1")]
    version: i64,
    #[prost(message, optional, tag = "2")]
    block: Option<Block>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Block {
    #[prost(message, repeated, tag = "2")]
    attributes: Vec<Attribute>,
    #[prost(message, repeated, tag = "3")]
    blocks: Vec<Nested>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    r#type: Vec<u8>,
    #[prost(bool, tag = "4")]
    required: bool,
    #[prost(bool, tag = "5")]
    optional: bool,
    #[prost(bool, tag = "6")]
    computed: bool,
    #[prost(bool, tag = "7")]
    sensitive: bool,
    #[prost(bool, tag = "10")]
    write_only: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Nested {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    block: Option<Block>,
    #[prost(int32, tag = "3")]
    nesting: i32,
    #[prost(int64, tag = "4")]
    min: i64,
    #[prost(int64, tag = "5")]
    max: i64,
}

/// Asks for the schemas.
pub(super) async fn schemas(
    transport: Transport,
    limit: usize,
) -> Result<pb::get_provider_schema::Response, Error> {
    let mut grpc = tonic::client::Grpc::new(transport).max_decoding_message_size(limit);
    let ready = grpc.ready().await;
    ready.map_err(|error| Error::Broken(error.to_string()))?;
    let path = PathAndQuery::from_static("/tfplugin6.Provider/GetProviderSchema");
    let codec = tonic_prost::ProstCodec::<pb::get_provider_schema::Request, Schemas>::default();
    let request = tonic::Request::new(pb::get_provider_schema::Request {});
    let all = grpc.unary(request, path, codec).await?.into_inner();
    Ok(pb::get_provider_schema::Response {
        provider: all.provider.map(schema),
        resource_schemas: each(all.resources),
        data_source_schemas: each(all.data_sources),
        list_resource_schemas: each(all.lists),
        functions: all.functions,
        diagnostics: all.diagnostics,
        ..Default::default()
    })
}

fn each(all: BTreeMap<String, Schema>) -> BTreeMap<String, pb::Schema> {
    all.into_iter().map(|(name, one)| (name, schema(one))).collect()
}

fn schema(one: Schema) -> pb::Schema {
    pb::Schema {
        version: one.version,
        block: one.block.map(block),
    }
}

fn block(one: Block) -> pb::schema::Block {
    pb::schema::Block {
        attributes: one.attributes.into_iter().map(attribute).collect(),
        block_types: one.blocks.into_iter().map(nested).collect(),
        ..Default::default()
    }
}

fn attribute(one: Attribute) -> pb::schema::Attribute {
    pb::schema::Attribute {
        name: one.name,
        r#type: one.r#type,
        required: one.required,
        optional: one.optional,
        computed: one.computed,
        sensitive: one.sensitive,
        write_only: one.write_only,
        ..Default::default()
    }
}

fn nested(one: Nested) -> pb::schema::NestedBlock {
    pb::schema::NestedBlock {
        type_name: one.name,
        block: one.block.map(block),
        nesting: one.nesting,
        min_items: one.min,
        max_items: one.max,
    }
}

#[cfg(test)]
mod tests;

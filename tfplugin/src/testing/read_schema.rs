//! Schemas read back from messages, so that the client knows what any provider published.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::client::Published;
use crate::r#gen::tfplugin6 as pb;
use crate::schema::{
    Attribute, Block, BlockNesting, IdentityAttribute, IdentitySchema, NestedBlock, Nesting, Schema,
};
use crate::value::Type;

type Answer<T> = Result<T, String>;

pub(super) fn published(
    all: pb::get_provider_schema::Response,
    identities: BTreeMap<String, pb::ResourceIdentitySchema>,
) -> Answer<Published> {
    let each = |all: BTreeMap<String, pb::Schema>| -> Answer<BTreeMap<String, Schema>> {
        all.into_iter()
            .map(|(name, one)| Ok((name.clone(), schema(&name, one)?)))
            .collect()
    };
    let mut resources = BTreeMap::new();
    for (name, one) in each(all.resource_schemas)? {
        let identity = identities.get(&name).map(identity).transpose()?.map(Arc::new);
        resources.insert(name, (Arc::new(one), identity));
    }
    if let Some(stray) = identities.keys().find(|name| !resources.contains_key(*name)) {
        return Err(format!("an identity for `{stray}`, which is no resource"));
    }
    let mut functions = BTreeMap::new();
    for (name, one) in all.functions {
        let types = one
            .parameters
            .iter()
            .map(|one| ty(&one.r#type))
            .collect::<Answer<_>>()?;
        let variadic = one.variadic_parameter.map(|one| ty(&one.r#type)).transpose()?;
        let result = one
            .r#return
            .ok_or_else(|| format!("function `{name}` returns nothing"))?;
        functions.insert(name, (types, variadic, ty(&result.r#type)?));
    }
    Ok(Published {
        provider: schema("provider", all.provider.ok_or("no provider schema")?)?,
        resources,
        data_sources: each(all.data_source_schemas)?,
        lists: each(all.list_resource_schemas)?,
        functions,
    })
}

fn ty(json: &[u8]) -> Answer<Type> {
    Type::from_json(json).map_err(|error| error.to_string())
}

fn schema(name: &str, one: pb::Schema) -> Answer<Schema> {
    let block = one
        .block
        .ok_or_else(|| format!("{name}: a schema without a block"))?;
    let mut schema = Schema::new().version(one.version);
    for attribute in block.attributes {
        schema = schema.attribute(read_attribute(name, attribute)?);
    }
    for nested in block.block_types {
        schema = schema.block(read_nested(name, nested)?);
    }
    Ok(schema)
}

fn read_attribute(place: &str, one: pb::schema::Attribute) -> Answer<Attribute> {
    let place = format!("{place}.{}", one.name);
    let mut attribute = match (one.nested_type, one.r#type.is_empty()) {
        (Some(_), false) => return Err(format!("{place}: both a type and nested attributes")),
        (None, _) => Attribute::new(
            one.name,
            ty(&one.r#type).map_err(|error| format!("{place}: {error}"))?,
        ),
        (Some(object), true) => {
            use pb::schema::object::NestingMode;
            let nesting = match object.nesting() {
                NestingMode::Single => Nesting::Single,
                NestingMode::List => Nesting::List,
                NestingMode::Set => Nesting::Set,
                NestingMode::Map => Nesting::Map,
                NestingMode::Invalid => return Err(format!("{place}: no nesting")),
            };
            let inner = object
                .attributes
                .into_iter()
                .map(|inner| read_attribute(&place, inner));
            Attribute::nested(one.name, nesting, inner.collect::<Answer<_>>()?)
        }
    };
    attribute.required = one.required;
    attribute.optional = one.optional;
    attribute.computed = one.computed;
    attribute.sensitive = one.sensitive;
    attribute.write_only = one.write_only;
    if !one.deprecated && !one.deprecation_message.is_empty() {
        return Err(format!("{place}: a deprecation message without a deprecation"));
    }
    Ok(attribute)
}

fn read_nested(place: &str, one: pb::schema::NestedBlock) -> Answer<NestedBlock> {
    use pb::schema::nested_block::NestingMode;
    let place = format!("{place}.{}", one.type_name);
    let nesting = match one.nesting() {
        NestingMode::Single => BlockNesting::Single,
        NestingMode::Group => BlockNesting::Group,
        NestingMode::List => BlockNesting::List,
        NestingMode::Set => BlockNesting::Set,
        NestingMode::Map => BlockNesting::Map,
        NestingMode::Invalid => return Err(format!("{place}: no nesting")),
    };
    let block = one.block.ok_or_else(|| format!("{place}: no block"))?;
    let mut inner = Block::new();
    for attribute in block.attributes {
        inner = inner.attribute(read_attribute(&place, attribute)?);
    }
    for nested in block.block_types {
        inner = inner.block(read_nested(&place, nested)?);
    }
    let mut nested = NestedBlock::new(one.type_name, nesting, inner);
    (nested.min, nested.max) = (one.min_items, one.max_items);
    Ok(nested)
}

fn identity(one: &pb::ResourceIdentitySchema) -> Answer<IdentitySchema> {
    let mut schema = IdentitySchema::new().version(one.version);
    for attribute in &one.identity_attributes {
        let (name, ty) = (attribute.name.as_str(), ty(&attribute.r#type)?);
        schema = schema.attribute(
            match (attribute.required_for_import, attribute.optional_for_import) {
                (true, false) => IdentityAttribute::required(name, ty),
                (false, true) => IdentityAttribute::optional(name, ty),
                _ => {
                    return Err(format!(
                        "identity attribute `{name}`: either required or optional for import"
                    ));
                }
            },
        );
    }
    Ok(schema)
}

//! Schemas as messages.

use crate::function::{Parameter, Signature};
use crate::r#gen::tfplugin6 as pb;
use crate::schema::{
    Attribute, AttributeType, Block, BlockNesting, IdentitySchema, NestedBlock, Nesting, Schema,
};

const MARKDOWN: i32 = pb::StringKind::Markdown as i32;

pub(super) fn schema(schema: &Schema) -> pb::Schema {
    pb::Schema {
        version: schema.current_version(),
        block: Some(block(schema.root())),
    }
}

fn block(block: &Block) -> pb::schema::Block {
    pb::schema::Block {
        version: 0,
        attributes: block.attributes.iter().map(attribute).collect(),
        block_types: block.blocks.iter().map(nested).collect(),
        description: block.description.to_string(),
        description_kind: MARKDOWN,
        deprecated: block.deprecation.is_some(),
        deprecation_message: block.deprecation.as_deref().unwrap_or_default().to_owned(),
        computed: false,
    }
}

fn attribute(one: &Attribute) -> pb::schema::Attribute {
    let (ty, nested_type) = match &one.kind {
        AttributeType::Plain(ty) => (ty.to_json().into_bytes(), None),
        AttributeType::Nested(nesting, inner) => {
            use pb::schema::object::NestingMode;
            let nesting = match nesting {
                Nesting::Single => NestingMode::Single,
                Nesting::List => NestingMode::List,
                Nesting::Set => NestingMode::Set,
                Nesting::Map => NestingMode::Map,
            };
            let object = pb::schema::Object {
                attributes: inner.iter().map(attribute).collect(),
                nesting: nesting.into(),
                ..Default::default()
            };
            (Vec::new(), Some(object))
        }
    };
    pb::schema::Attribute {
        name: one.name.to_string(),
        r#type: ty,
        nested_type,
        description: one.description.to_string(),
        required: one.required,
        optional: one.optional,
        computed: one.computed,
        sensitive: one.sensitive,
        description_kind: MARKDOWN,
        deprecated: one.deprecation.is_some(),
        write_only: one.write_only,
        deprecation_message: one.deprecation.as_deref().unwrap_or_default().to_owned(),
    }
}

fn nested(one: &NestedBlock) -> pb::schema::NestedBlock {
    use pb::schema::nested_block::NestingMode;
    let nesting = match one.nesting {
        BlockNesting::Single => NestingMode::Single,
        BlockNesting::Group => NestingMode::Group,
        BlockNesting::List => NestingMode::List,
        BlockNesting::Set => NestingMode::Set,
        BlockNesting::Map => NestingMode::Map,
    };
    pb::schema::NestedBlock {
        type_name: one.name.to_string(),
        block: Some(block(&one.block)),
        nesting: nesting.into(),
        min_items: one.min,
        max_items: one.max,
    }
}

pub(super) fn identity(schema: &IdentitySchema) -> pb::ResourceIdentitySchema {
    let attributes = schema
        .attributes
        .iter()
        .map(|one| pb::resource_identity_schema::IdentityAttribute {
            name: one.name.to_string(),
            r#type: one.ty.to_json().into_bytes(),
            required_for_import: one.required,
            optional_for_import: !one.required,
            description: one.description.to_string(),
        });
    pb::ResourceIdentitySchema {
        version: schema.version,
        identity_attributes: attributes.collect(),
    }
}

pub(super) fn function(signature: &Signature) -> pb::Function {
    pb::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        variadic_parameter: signature.variadic.as_ref().map(parameter),
        r#return: Some(pb::function::Return {
            r#type: signature.returns.to_json().into_bytes(),
        }),
        summary: signature.summary.to_string(),
        description: signature.description.to_string(),
        description_kind: MARKDOWN,
        deprecation_message: signature.deprecation.as_deref().unwrap_or_default().to_owned(),
    }
}

fn parameter(one: &Parameter) -> pb::function::Parameter {
    pb::function::Parameter {
        name: one.name.to_string(),
        r#type: one.ty.to_json().into_bytes(),
        allow_null_value: one.allow_null,
        allow_unknown_values: one.allow_unknown,
        description: one.description.to_string(),
        description_kind: MARKDOWN,
    }
}

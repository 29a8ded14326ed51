//! `ValidateProviderConfig`, `ValidateResourceConfig`, `ValidateDataResourceConfig` and
//! `ValidateListResourceConfig`.

use super::registry::{DataEntry, ListEntry, ResourceEntry};
use super::walk::{Node, walk};
use super::{Server, guard};
use crate::schema::{BlockNesting, Schema, empty_block};
use crate::value::Value;
use crate::{Context, Diagnostic, Diagnostics, validate};

pub(crate) async fn provider(server: &Server, schema: &Schema, config: &Value) -> Diagnostics {
    let mut found = fields(schema, config, true);
    let cx = server.context("provider");
    let crash = guard("Validation", server.provider.validate(&cx, config, &mut found))
        .await
        .err();
    found.extend(crash);
    found
}

/// A resource's configuration, and whether the client can take write-only attributes.
pub(crate) async fn resource(
    cx: &Context,
    entry: &ResourceEntry,
    config: &Value,
    write_only_allowed: bool,
) -> Result<Diagnostics, Diagnostic> {
    let schemas = entry.schemas()?;
    let mut found = fields(&schemas.schema, config, write_only_allowed);
    let crash = guard("Validation", entry.resource.validate(cx, config, &mut found))
        .await
        .err();
    found.extend(crash);
    Ok(found)
}

pub(crate) async fn data_source(
    cx: &Context,
    entry: &DataEntry,
    config: &Value,
) -> Result<Diagnostics, Diagnostic> {
    let mut found = fields(&*entry.schema()?, config, true);
    let crash = guard("Validation", entry.source.validate(cx, config, &mut found))
        .await
        .err();
    found.extend(crash);
    Ok(found)
}

pub(crate) async fn list(cx: &Context, entry: &ListEntry, config: &Value) -> Result<Diagnostics, Diagnostic> {
    let mut found = fields(&*entry.schema()?, config, true);
    let crash = guard("Validation", entry.list.validate(cx, config, &mut found))
        .await
        .err();
    found.extend(crash);
    Ok(found)
}

/// Runs the validators of every attribute and block, and says what of the configuration is deprecated.
fn fields(schema: &Schema, config: &Value, write_only_allowed: bool) -> Diagnostics {
    let mut found = Diagnostics::new();
    if let Some(instead) = &schema.root().deprecation {
        found.push(Diagnostic::warning("Deprecated", instead.as_ref()));
    }
    let mut seen = config.clone();
    walk(
        schema.root(),
        config,
        &Value::Null,
        &mut seen,
        &mut |place, value| {
            let (validators, sensitive) = match place.node {
                Node::Attribute(one) => (&one.validators, one.sensitive || one.write_only),
                Node::Block(one) => (&one.validators, false),
            };
            if let Node::Attribute(one) = place.node
                && one.write_only
                && !write_only_allowed
                && !value.is_null()
            {
                found.error(
                    place.path.addressable(),
                    "Write-only attribute is not supported",
                    "Write-only attributes need Terraform 1.11 or later.",
                );
            }
            found.extend(deprecated(place.node, value).map(|one| one.at(place.path.addressable())));
            let field = validate::Field {
                path: place.path,
                value,
                config,
                sensitive,
            };
            let crash =
                super::guard_sync("Validation", || validate::run(validators, &field, &mut found)).err();
            found.extend(crash);
            true
        },
    );
    found
}

/// What is wrong with setting this. Terraform itself warns only of values that are *read* from deprecated attributes.
fn deprecated(node: Node<'_>, value: &Value) -> Option<Diagnostic> {
    let (summary, instead) = match node {
        Node::Attribute(one) => ("Attribute is deprecated", one.deprecation.as_ref()?),
        Node::Block(one) => ("Block is deprecated", one.block.deprecation.as_ref()?),
    };
    let absent = match (node, value) {
        (_, Value::Null | Value::Unknown(_)) => true,
        // No such block in the configuration.
        (Node::Block(_), Value::List(items) | Value::Set(items)) => items.is_empty(),
        (Node::Block(_), Value::Map(entries)) => entries.is_empty(),
        (Node::Block(one), group) if one.nesting == BlockNesting::Group => *group == empty_block(&one.block),
        _ => false,
    };
    (!absent).then(|| Diagnostic::warning(summary, instead.as_ref()))
}

//! Which record a Terraform resource is: its names, its import id, its identity.

use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, Field};
use tfplugin::{Diagnostic, Diagnostics, Value};

/// The fields that name a resource, outermost first: mesh, parent where there is one, own name.
fn fields(kind: Kind) -> impl Iterator<Item = &'static Field> {
    let schema = schema::kind(kind);
    let object = schema.root.object();
    schema
        .key
        .iter()
        .filter_map(move |name| object.and_then(|object| object.field(name)))
}

/// Terraform's names of those fields, which are also the parts of the import id.
pub(crate) fn attributes(kind: Kind) -> impl Iterator<Item = &'static str> {
    fields(kind).map(|field| field.named(Dialect::Terraform).name.as_str())
}

/// The canonical names of those fields.
pub(crate) fn canonical_names(kind: Kind) -> impl Iterator<Item = &'static str> {
    fields(kind).map(|field| field.name.as_str())
}

fn from_names(kind: Kind, names: &[&str]) -> Option<ResourceKey> {
    match (kind, kind.parent(), names) {
        (Kind::Mesh, _, [mesh]) => Some(ResourceKey::mesh(*mesh)),
        (_, Some(parent), [mesh, parent_name, name]) => Some(ResourceKey::child(
            &ResourceKey::in_mesh(*mesh, parent, *parent_name),
            kind,
            *name,
        )),
        (_, None, [mesh, name]) => Some(ResourceKey::in_mesh(*mesh, kind, *name)),
        _ => None,
    }
}

/// The key of a value of the resource's schema; `None` while a name is not known.
pub(crate) fn of_value(kind: Kind, value: &Value) -> Option<ResourceKey> {
    let names = attributes(kind)
        .map(|name| value.str(name))
        .collect::<Option<Vec<_>>>()?;
    from_names(kind, &names)
}

/// The identity of a resource, as Terraform stores it.
pub(crate) fn identity(key: &ResourceKey) -> Value {
    Value::object(
        attributes(key.kind)
            .zip(key.names())
            .map(|(name, value)| (name, Value::from(value))),
    )
}

/// The key that an import id names, and the region: an id of hashicorp/aws 6 may end in `@region`.
pub(crate) fn of_import_id(kind: Kind, id: &str) -> Result<(ResourceKey, Option<String>), Diagnostics> {
    let (plain, region) = match id.rsplit_once('@') {
        Some((plain, region)) if looks_like_region(region) => (plain, Some(region.to_owned())),
        _ => (id, None),
    };
    let parts: Vec<&str> = plain.split('/').collect();
    let key = if parts.iter().any(|part| part.is_empty()) {
        None
    } else {
        from_names(kind, &parts)
    };
    let key = key.ok_or_else(|| {
        let form: Vec<String> = attributes(kind).map(|name| name.replace('_', "-")).collect();
        let wrong = Diagnostic::error(
            crate::codes::summary(crate::codes::IMPORT_ID),
            format!("`{id}` does not name a {kind}. Write `{}`.", form.join("/")),
        );
        Diagnostics::from(wrong)
    })?;
    Ok((key, region))
}

/// That something else than an id or an identity is to be imported.
pub(crate) fn other_import() -> Diagnostics {
    let text = "A resource is imported by its id or by its identity.";
    Diagnostic::error(crate::codes::summary(crate::codes::IMPORT_ID), text).into()
}

/// Whether it has the form of AWS's regions: `eu-west-1`, `us-gov-east-1`.
fn looks_like_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        && parts
            .last()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_ids_are_those_of_hashicorp_aws() {
        let key = |kind, id| of_import_id(kind, id).unwrap().0;
        let route = key(Kind::Route, "apps/serviceb/by-weight");
        assert_eq!(route.path(), "mesh/apps/virtualRouter/serviceb/route/by-weight");
        assert_eq!(key(Kind::Mesh, "apps"), ResourceKey::mesh("apps"));
        let (service, region) =
            of_import_id(Kind::VirtualService, "apps/serviceb.apps.local@eu-west-1").unwrap();
        assert_eq!(service.name, "serviceb.apps.local");
        assert_eq!(region.as_deref(), Some("eu-west-1"));
        assert_eq!(key(Kind::Mesh, "me@home").name, "me@home");
        let error = of_import_id(Kind::Route, "apps/by-weight").unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("mesh-name/virtual-router-name/name"), "{text}");
    }

    #[test]
    fn a_key_is_read_back_from_its_identity() {
        for path in [
            "mesh/apps",
            "mesh/apps/virtualNode/a",
            "mesh/apps/virtualGateway/g/gatewayRoute/r",
        ] {
            let key = ResourceKey::from_path(path).unwrap();
            assert_eq!(of_value(key.kind, &identity(&key)).as_ref(), Some(&key));
        }
    }
}

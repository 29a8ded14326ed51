//! Resources of any form as the store takes them.

use meshform_model::canonical;
use meshform_model::resource::Resource;
use meshform_model::schema;
use meshform_model::value::{Node, Object, Value as NodeValue};
use meshform_store::{ImportedIdentity, RecordDraft, Seed};

/// Containers first, so that a reader never sees a route without its router.
pub(super) fn sorted(resources: &[Resource]) -> Vec<&Resource> {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by_key(|resource| resource.key.write_order());
    sorted
}

/// The account and region of what a new store takes over.
pub(super) fn seed(resources: &[Resource]) -> Seed {
    let identities = resources.iter().filter_map(|resource| resource.identity.as_ref());
    let seed = identities
        .filter_map(|identity| Seed::from_arn(&identity.arn))
        .next();
    seed.unwrap_or_default()
}

/// The record's body and what the resource brings with it.
pub(super) fn draft(resource: &Resource) -> RecordDraft {
    let mut document = meshform_compiler::body::whole(resource);
    // A typed resource always has a spec; one that may be left out and says nothing was.
    let kind = resource.key.kind;
    let optional = |name: &str| {
        schema::kind(kind)
            .root
            .object()
            .and_then(|o| o.field(name))
            .is_some_and(|f| !f.required)
    };
    if let NodeValue::Object(object) = &mut document.value
        && optional("spec")
        && object
            .get("spec")
            .and_then(Node::as_object)
            .is_some_and(Object::is_empty)
    {
        object.remove("spec");
    }
    // A typed resource has nothing unknown in it.
    let body = canonical::body(kind, &document).unwrap_or_default();
    let mut draft = RecordDraft::new(resource.key.clone(), body);
    if let Some(identity) = resource.identity.clone() {
        draft.imported = ImportedIdentity {
            arn: Some(identity.arn),
            uid: Some(identity.uid).filter(|uid| !uid.is_empty()),
            mesh_owner: Some(identity.mesh_owner),
            resource_owner: Some(identity.resource_owner),
            // A date that is not one is left to the store.
            created_at: identity.created_at.parse().ok(),
            last_updated_at: identity.last_updated_at.parse().ok(),
            version: Some(identity.version),
        };
    }
    // A template says whose the mesh is without an identity beside it.
    if draft.imported.mesh_owner.is_none() {
        draft.imported.mesh_owner.clone_from(&resource.mesh_owner);
    }
    draft
}

//! From the store's records to resources, and back.

use crate::codes;
use meshform_model::body;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;
use meshform_model::resource::{Identity, Resource};
use meshform_model::tags;
use meshform_store::{ImportedIdentity, Listing, Record, RecordDraft, Unreadable};
use serde_json::Value;

/// The resources of a listing, and what could not be read.
pub fn resources(mesh: &str, listing: Listing) -> (Vec<Resource>, Vec<Diagnostic>) {
    let mut problems = unreadable(mesh, &listing.unreadable);
    let mut resources = Vec::with_capacity(listing.records.len());
    for record in listing.records {
        match resource(record) {
            Ok(resource) => resources.push(resource),
            Err(problem) => problems.push(problem),
        }
    }
    (resources, problems)
}

/// What is said of records that the store cannot read.
pub(crate) fn unreadable(mesh: &str, found: &[Unreadable]) -> Vec<Diagnostic> {
    let told = found.iter().map(|unreadable| {
        let message = format!(
            "the record `{}` cannot be read: {}",
            unreadable.what, unreadable.why
        );
        Diagnostic::error(codes::UNREADABLE, message)
            .help("write it again, or delete it")
            .at(ProblemLocation::of(&ResourceKey::mesh(mesh), &Pointer::root()))
    });
    told.collect()
}

/// One record as a resource.
pub fn resource(record: Record) -> Result<Resource, Diagnostic> {
    let Record {
        key,
        mut body,
        identity,
        ..
    } = record;
    let tags = body.get_mut("tags").map(Value::take).unwrap_or_default();
    let tags = tags::read(tags).map_err(|error| {
        let message = format!("the tags of {key} cannot be read: {error}");
        Diagnostic::error(codes::UNREADABLE, message)
            .help("write the resource again")
            .at(ProblemLocation::of(&key, &Pointer::root().field("tags")))
    })?;
    let mut resource = Resource::from_body(key, &body)?;
    resource.tags = tags;
    // A resource in another account's mesh.
    if identity.mesh_owner != identity.resource_owner {
        resource.mesh_owner = Some(identity.mesh_owner.clone());
    }
    resource.identity = Some(Identity {
        arn: identity.arn,
        uid: identity.uid,
        mesh_owner: identity.mesh_owner,
        resource_owner: identity.resource_owner,
        created_at: record.created_at.to_string(),
        last_updated_at: record.last_updated_at.to_string(),
        version: record.version,
    });
    Ok(resource)
}

/// What is written of a resource: the record's body, and what the resource brings with it from where it lived before.
pub fn draft(resource: &Resource) -> RecordDraft {
    let mut draft = RecordDraft::new(resource.key.clone(), body::stored(resource));
    if let Some(identity) = &resource.identity {
        draft.imported = ImportedIdentity::from(identity);
    }
    // A template says whose the mesh is without an identity beside it.
    if draft.imported.mesh_owner.is_none() {
        draft.imported.mesh_owner.clone_from(&resource.mesh_owner);
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::kind::Kind;
    use meshform_store::{Author, Seed};
    use serde_json::json;

    #[test]
    fn a_record_is_written_again_as_it_was() {
        let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "a");
        let body = json!({"spec": {"serviceDiscovery": {"dns": {"hostname": "a.local"}}}, "tags": [{"key": "team", "value": "shop"}]});
        let author = Author {
            owner: "us".to_owned(),
            actor: "test".to_owned(),
            run: None,
        };
        let mut record = RecordDraft::new(key, body).foreseen(&Seed::default(), &author);
        record.identity.mesh_owner = "210987654321".to_owned();
        record.identity.uid = "u".to_owned();
        record.version = 7;
        let again = draft(&resource(record.clone()).unwrap());
        assert_eq!(again.imported, ImportedIdentity::from(&record));
        assert_eq!(again.body, record.body);
    }

    #[test]
    fn a_mesh_of_another_account_is_known_without_an_identity() {
        let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "a");
        let mut node = Resource::from_body(key, &json!({"spec": {}})).unwrap();
        node.mesh_owner = Some("210987654321".to_owned());
        let imported = draft(&node).imported;
        assert_eq!(imported.mesh_owner.as_deref(), Some("210987654321"));
        assert_eq!(imported.version, None);
    }
}

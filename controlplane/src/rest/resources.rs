//! Create, describe, update, delete and list, for every kind.

use super::Answer;
use super::answer;
use super::operation::{NamedResource, kinds};
use super::page;
use super::request::{Input, no_step, same_token};
use crate::auth::Caller;
use crate::codes;
use crate::fault::{Fault, FaultKind};
use crate::plane::ControlPlane;
use meshform_model::canonical;
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::validate;
use meshform_model::value::Node;
use meshform_registry::{Collection, Page, RegistryError, Update};
use meshform_store::{ImportedIdentity, Record, RecordDraft, StoreError};
use serde_json::{Map, Value as Json};

/// How often an update is tried again where other servers, or Terraform, write the same resource at the same time. Each try
/// loses to one that went through; more is a conflict that the client should see.
const TRIES: usize = 32;

/// The most that a page of a list may have, as in the API of App Mesh.
const PAGE: usize = 100;

pub(super) async fn create(
    plane: &ControlPlane,
    caller: &Caller,
    named: &NamedResource,
    input: &Input,
) -> Result<Answer, Fault> {
    let field = named.kind.name_field(Dialect::Api);
    input.only(&[field, "spec", "tags", "clientToken"])?;
    let key = key_of(named, input.text(field)?)?;
    no_step(field, &key.name)?;
    caller.may_write(&key.mesh)?;
    let _turn = plane.turns.make(&key.mesh).await;
    let container = container(plane, &key).await?;
    let owner = mesh_owner(plane, &key, container.as_ref(), input).await?;
    let request = input.request("create", &key.path())?;
    let mut draft = RecordDraft::new(
        key.clone(),
        body(&key, input.member("spec"), input.member("tags"))?,
    );
    draft.request.clone_from(&request);
    draft.imported = ImportedIdentity {
        mesh_owner: owner,
        ..ImportedIdentity::default()
    };
    let author = plane.author(caller, None).await?;
    plane.releases.begun(&key.mesh);
    let record = match plane.registry.create(draft, &author).await {
        Ok(created) => created.record(),
        Err(error) => return existing(&key, &error, request.as_deref()),
    };
    written(plane, record).await
}

/// The answer to a create of what is there: that of the first, where the same request is sent again.
fn existing(key: &ResourceKey, error: &RegistryError, request: Option<&str>) -> Result<Answer, Fault> {
    let RegistryError::Store(StoreError::Conflict(conflict)) = error else {
        return Err(Fault::of_registry(error));
    };
    let Some(found) = &conflict.found else {
        return Err(Fault::of_registry(error));
    };
    if let Some(answer) = replayed(found, request)? {
        return Ok(answer);
    }
    let message = format!(
        "{key} exists already, written by `{}` (owner `{}`)",
        found.author.actor, found.author.owner
    );
    Err(Fault::new(FaultKind::Conflict, error.code(), message))
}

/// The answer to a request that was done before; a fault where its token was used for another one.
fn replayed(found: &Record, request: Option<&str>) -> Result<Option<Answer>, Fault> {
    let (Some(request), Some(before)) = (request, found.request.as_deref()) else {
        return Ok(None);
    };
    if request == before {
        let mut answer = Answer::read(answer::data(found, "ACTIVE"));
        answer.written = Some((found.key.mesh.clone(), found.revision));
        return Ok(Some(answer));
    }
    match same_token(request, before) {
        false => Ok(None),
        true => {
            let message = "clientToken: it was used before for another request; use a new one for each";
            Err(Fault::new(FaultKind::Conflict, codes::TOKEN_REUSED, message))
        }
    }
}

pub(super) async fn describe(
    plane: &ControlPlane,
    caller: &Caller,
    named: &NamedResource,
    input: &Input,
) -> Result<Answer, Fault> {
    let key = whole_key(named)?;
    let record = found(plane, caller, &key).await?;
    of_owner(&record, input)?;
    Ok(Answer::read(answer::data(&record, "ACTIVE")))
}

pub(super) async fn update(
    plane: &ControlPlane,
    caller: &Caller,
    named: &NamedResource,
    input: &Input,
) -> Result<Answer, Fault> {
    let key = whole_key(named)?;
    input.only(&["spec", "clientToken"])?;
    caller.may_write(&key.mesh)?;
    let request = input.request("update", &key.path())?;
    let is_meant = |record: &Record| of_owner(record, input);
    let done = change(plane, caller, &key, is_meant, |record| {
        if let Some(answer) = replayed(record, request.as_deref())? {
            return Ok(RecordChange::None(answer));
        }
        // Only the spec of a mesh may be left out; then nothing of it changes.
        let spec = match (input.member("spec"), key.kind) {
            (None, Kind::Mesh) => record.body.get("spec"),
            (spec, _) => spec,
        };
        let mut changed = match body(&key, spec, None)? {
            Json::Object(changed) => changed,
            _ => Map::new(),
        };
        // Tags are changed by operations of their own, and extensions are not of this API.
        for kept in canonical::BODY.into_iter().filter(|part| *part != "spec") {
            if let Some(value) = record.body.get(kept) {
                changed.insert(kept.to_owned(), value.clone());
            }
        }
        let mut draft = RecordDraft::new(key.clone(), Json::Object(changed));
        draft.request.clone_from(&request);
        Ok(RecordChange::To(draft))
    });
    match done.await? {
        ChangeResult::Written(record) => written(plane, *record).await,
        ChangeResult::Not(answer) => Ok(answer),
    }
}

/// What is to become of a record.
pub(super) enum RecordChange {
    To(RecordDraft),
    /// Nothing else; the answer is there.
    None(Answer),
}

pub(super) enum ChangeResult {
    Written(Box<Record>),
    Not(Answer),
}

/// Changes what is there as its owner, reading it again where others were faster. `is_meant` refuses a record that the request
/// does not mean, before anything is said of who may change it.
pub(super) async fn change(
    plane: &ControlPlane,
    caller: &Caller,
    key: &ResourceKey,
    is_meant: impl Fn(&Record) -> Result<(), Fault>,
    alter: impl Fn(&Record) -> Result<RecordChange, Fault>,
) -> Result<ChangeResult, Fault> {
    let _turn = plane.turns.change(key).await;
    for _ in 0..TRIES {
        let record = found(plane, caller, key).await?;
        is_meant(&record)?;
        caller.may_change(&record)?;
        let draft = match alter(&record)? {
            RecordChange::To(draft) => draft,
            RecordChange::None(answer) => return Ok(ChangeResult::Not(answer)),
        };
        let author = plane.author(caller, Some(&record)).await?;
        plane.releases.begun(&key.mesh);
        let update = Update {
            draft,
            seen: Some(record.revision),
            base: || None,
        };
        match plane.registry.update(update, &author, &plane.policy).await {
            Ok(record) => return Ok(ChangeResult::Written(Box::new(record))),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(Fault::of_registry(&error)),
        }
    }
    let message = format!("{key} is under constant concurrent writes; try again");
    Err(Fault::new(
        FaultKind::Conflict,
        meshform_store::codes::CONFLICT,
        message,
    ))
}

pub(super) async fn delete(
    plane: &ControlPlane,
    caller: &Caller,
    named: &NamedResource,
    input: &Input,
) -> Result<Answer, Fault> {
    let key = whole_key(named)?;
    caller.may_write(&key.mesh)?;
    let _alone = match contains(key.kind) {
        true => plane.turns.empty(&key.mesh).await,
        false => None,
    };
    let _turn = plane.turns.change(&key).await;
    let record = found(plane, caller, &key).await?;
    of_owner(&record, input)?;
    caller.may_change(&record)?;
    let author = plane.author(caller, Some(&record)).await?;
    plane.releases.begun(&key.mesh);
    let deleted = plane
        .registry
        .delete(&key, Some(record.revision), &author, &plane.policy)
        .await;
    let change = deleted.map_err(|error| Fault::of_registry(&error))?;
    let change = change.ok_or_else(|| absent(&key))?;
    plane.releases.note_by(&key.mesh, &author.actor);
    // As App Mesh did: the last change is the delete, which is no version of its own.
    let gone = Record {
        last_updated_at: plane.now(),
        ..record
    };
    let mut answer = Answer::read(answer::data(&gone, "DELETED"));
    answer.written = Some((key.mesh, change.revision));
    Ok(answer)
}

pub(super) async fn list(
    plane: &ControlPlane,
    caller: &Caller,
    named: &NamedResource,
    input: &Input,
) -> Result<Answer, Fault> {
    let name = format!("{named:?}");
    let limit = page::limit(input.query("limit"), PAGE)?;
    let sealer = plane.sealer().await?;
    let page = Page {
        after: page::after(&sealer, &name, input.query("nextToken"))?,
        limit: Some(limit),
    };
    let found = match &named.mesh {
        None => plane.registry.list_meshes(&page).await,
        Some(mesh) => {
            // An empty list would say that the container is there.
            let key = key_of(named, "any")?;
            caller.may_read(mesh)?;
            if let Some(container) = container(plane, &key).await? {
                of_owner(&container, input)?;
            }
            let of = Collection {
                mesh,
                kind: named.kind,
                parent: named.parent.as_deref(),
            };
            plane.registry.list(of, &page).await
        }
    };
    let mut found = found.map_err(|error| Fault::of_registry(&error))?;
    for problem in &found.unreadable {
        tracing::warn!(problem.message, "a record is not listed");
    }
    found
        .records
        .retain(|record| caller.may_read(&record.key.mesh).is_ok());
    let next = match &found.next {
        Some(last) => Some(page::token(&sealer, &name, last)?),
        None => None,
    };
    Ok(Answer::read(answer::list(named.kind, &found.records, next)))
}

/// The answer to a write, and the release that follows it.
pub(super) async fn written(plane: &ControlPlane, record: Record) -> Result<Answer, Fault> {
    plane.releases.note_by(&record.key.mesh, &record.author.actor);
    Ok(Answer {
        body: answer::data(&record, "ACTIVE"),
        warning: plane.warning(&record).await,
        written: Some((record.key.mesh.clone(), record.revision)),
    })
}

/// A resource that must be there.
pub(super) async fn found(plane: &ControlPlane, caller: &Caller, key: &ResourceKey) -> Result<Record, Fault> {
    caller.may_read(&key.mesh)?;
    let record = plane.registry.get(key).await;
    let record = record.map_err(|error| Fault::of_registry(&error))?;
    record.ok_or_else(|| absent(key))
}

pub(super) fn absent(key: &ResourceKey) -> Fault {
    Fault::new(
        FaultKind::NotFound,
        meshform_registry::codes::NOT_FOUND,
        format!("{key} does not exist"),
    )
}

/// Whether resources lie in one of that kind.
fn contains(kind: Kind) -> bool {
    kind == Kind::Mesh || kinds().any(|inner| inner.parent() == Some(kind))
}

/// What a resource is in, which must be there; none for a mesh.
async fn container(plane: &ControlPlane, key: &ResourceKey) -> Result<Option<Record>, Fault> {
    let container = plane.registry.container(key, &plane.policy).await;
    container.map_err(|error| Fault::of_registry(&error))
}

/// The owner of the mesh that a new resource says, where it is another than the store's account.
async fn mesh_owner(
    plane: &ControlPlane,
    key: &ResourceKey,
    container: Option<&Record>,
    input: &Input,
) -> Result<Option<String>, Fault> {
    let Some(container) = container else {
        return Ok(None);
    };
    of_owner(container, input)?;
    let account = plane.account().await?;
    let owner = &container.identity.mesh_owner;
    let other = *owner != account && key.kind != Kind::Mesh;
    Ok(other.then(|| owner.clone()))
}

/// Another account's mesh is found by whoever names that account; not found by others, so that nobody learns what
/// exists.
fn of_owner(record: &Record, input: &Input) -> Result<(), Fault> {
    match input.query("meshOwner") {
        Some(owner) if *owner != record.identity.mesh_owner => {
            let message = format!("{} does not exist in the account `{owner}`", record.key);
            Err(Fault::new(
                FaultKind::NotFound,
                meshform_registry::codes::NOT_FOUND,
                message,
            ))
        }
        _ => Ok(()),
    }
}

fn whole_key(named: &NamedResource) -> Result<ResourceKey, Fault> {
    named
        .key()
        .ok_or_else(|| Fault::internal("the path names no resource"))
}

fn key_of(named: &NamedResource, name: &str) -> Result<ResourceKey, Fault> {
    named
        .called(name)
        .ok_or_else(|| Fault::internal("the path names no mesh"))
}

/// The record's body, of what a request says, checked by the schema.
pub(super) fn body(key: &ResourceKey, spec: Option<&Json>, tags: Option<&Json>) -> Result<Json, Fault> {
    let mut document = answer::names(key);
    let given = [("spec", spec), ("tags", tags)];
    for (name, value) in given {
        if let Some(value) = value {
            document.insert(name.to_owned(), value.clone());
        }
    }
    let given = Node::from_json(&Json::Object(document));
    let (canonical, mut problems) = dialect::to_canonical(key.kind, Dialect::Api, &given);
    problems.extend(validate::resource(key.kind, &canonical));
    if let Some(fault) = Fault::of_problems(&problems) {
        return Err(fault);
    }
    canonical::body(key.kind, &canonical).ok_or_else(|| Fault::internal("a body of JSON has unknown parts"))
}

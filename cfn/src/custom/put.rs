//! Creating, taking over, changing.

use super::{ATTEMPTS, RequestHandler, author, contended, pause};
use crate::answer::told;
use crate::claims::{Claim, ClaimHolder, LoadedClaim, RequestOrder};
use crate::codes;
use crate::event::{CustomRequest, RequestType};
use meshform_compiler::stack;
use meshform_model::body;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::resource::Resource;
use meshform_registry::{Ownership, RegistryError, Update, Writer, belongs_to, is_same};
use meshform_store::{Author, Record};
use serde_json::Value as Json;

/// A write that did not.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was written.
    Refused(Vec<Diagnostic>),
    /// Something may have been done to this resource.
    Broken(ResourceKey, Vec<Diagnostic>),
}

enum Attempt {
    Written(Box<(Record, Claim)>),
    /// Somebody else was first: look again.
    Again,
}

/// What is to be written, and for whom.
struct PendingWrite<'r> {
    request: &'r CustomRequest,
    holder: ClaimHolder,
    author: Author,
    resource: Resource,
    body: Json,
    /// The ARN of the resource, where it is changed in its place.
    in_place: Option<&'r str>,
}

/// The resource that a request names; none where its properties name none.
pub(super) fn key(request: &CustomRequest) -> Option<ResourceKey> {
    Some(resource(request).ok()?.key)
}

fn resource(request: &CustomRequest) -> Result<Resource, Vec<Diagnostic>> {
    let kind = stack::kind_of_custom(&request.resource_type).ok_or_else(|| {
        let message = format!(
            "`{}` is not a custom resource type of this function",
            request.resource_type
        );
        let problem = Diagnostic::error(codes::EVENT, message);
        vec![problem.help("let the macro write them: `Transform: Meshform`, or `meshform convert --custom`")]
    })?;
    stack::resource(kind, &request.logical_resource_id, &request.resource_properties)
}

impl RequestHandler {
    /// Brings the store to what a create or an update says.
    pub(super) async fn put(
        &self,
        request: &CustomRequest,
        physical: Option<&str>,
    ) -> Result<Record, Failure> {
        let resource = resource(request).map_err(Failure::Refused)?;
        let wanted = PendingWrite {
            holder: ClaimHolder::of(request),
            author: author(request),
            body: body::stored(&resource),
            in_place: physical.filter(|arn| ResourceKey::from_arn(arn).as_ref() == Some(&resource.key)),
            request,
            resource,
        };
        let key = &wanted.resource.key;
        for attempt in 0..ATTEMPTS {
            match self.attempt(&wanted).await? {
                Attempt::Written(written) => {
                    let (record, claim) = *written;
                    self.settle(&wanted, &claim).await;
                    return Ok(record);
                }
                Attempt::Again => pause(attempt).await,
            }
        }
        Err(Failure::Broken(key.clone(), contended(key)))
    }

    /// Lets go of what an update made in the place of `physical`, and of which CloudFormation never learned, because the
    /// answer was lost: it goes back to `physical`, and asks nobody to delete the other.
    pub(super) async fn sweep_replacement(&self, request: &CustomRequest, physical: &str) {
        let old = CustomRequest {
            resource_properties: request.old_resource_properties.clone(),
            ..request.clone()
        };
        let own = ResourceKey::from_arn(physical);
        let Some(key) = key(&old).filter(|other| own.as_ref() != Some(other) && own == key(request)) else {
            return;
        };
        let problems = match self.claims.of(&key).await {
            Ok(known) if known.claim.replaces(physical) => self.let_go(request, &key, None).await.err(),
            Ok(_) => None,
            Err(problem) => Some(vec![problem]),
        };
        for problem in problems.into_iter().flatten() {
            let hidden = request.is_secret() || old.is_secret();
            let problem = told(&[problem], Some(key.kind), hidden);
            tracing::warn!(resource = %key, problem, "what an update made whose answer was lost is still there");
        }
    }

    async fn attempt(&self, wanted: &PendingWrite<'_>) -> Result<Attempt, Failure> {
        let key = &wanted.resource.key;
        let refused = |problem: Diagnostic| Failure::Refused(vec![problem]);
        // Where the event comes again, it may have written before.
        let broken = |problem: Diagnostic| Failure::Broken(key.clone(), vec![problem]);
        let known = self.claims.of(key).await.map_err(broken)?;
        match known.claim.turn(&wanted.request.unique_id()) {
            RequestOrder::New | RequestOrder::Again => {}
            RequestOrder::Failed(why) => return Err(refused(Diagnostic::error(codes::OVERTAKEN, why))),
            RequestOrder::Overtaken => {
                let message = format!("later requests for {key} have come since");
                return Err(refused(Diagnostic::error(codes::OVERTAKEN, message)));
            }
        }
        let found = self.registry.get(key).await;
        let found = found.map_err(|error| Failure::Broken(key.clone(), error.diagnostics()))?;
        if let Some(problem) = self.refusal(wanted, &known, found.as_ref()) {
            let mut claim = known.claim.clone();
            claim.saw(&wanted.request.unique_id(), Some(problem.message.clone()));
            if claim.holder.is_none() {
                claim.let_go_at = Some(self.releases.now());
            }
            // Only for an event that comes again; where it cannot be kept, that one finds out itself.
            let _ = self.claims.set(key, &known, &claim, &wanted.author).await;
            return Err(refused(problem));
        }
        let claim = wanted.claim(&known.claim, found.as_ref());
        match self.claims.set(key, &known, &claim, &wanted.author).await {
            Ok(true) => {}
            Ok(false) => return Ok(Attempt::Again),
            Err(problem) => return Err(broken(problem)),
        }
        match self.write(wanted, found).await {
            Ok(record) => Ok(Attempt::Written(Box::new((record, claim)))),
            Err(error) if error.is_conflict() || error.is_not_found() => Ok(Attempt::Again),
            Err(error) => Err(Failure::Broken(key.clone(), error.diagnostics())),
        }
    }

    /// Why a stack may not write what is there.
    fn refusal(
        &self,
        wanted: &PendingWrite<'_>,
        known: &LoadedClaim,
        found: Option<&Record>,
    ) -> Option<Diagnostic> {
        let PendingWrite { holder, author, .. } = wanted;
        let found = found?;
        let key = &found.key;
        let claim = &known.claim;
        let owner = &found.author.owner;
        let other = claim.holder.as_ref().filter(|other| *other != holder);
        let former = claim
            .former
            .as_ref()
            .filter(|_| claim.holder.as_ref() == Some(holder));
        let writer = Writer {
            owner: &author.owner,
            overwrites: &self.take_over,
            began_at: former.map(|former| former.revision),
        };
        let ownership = writer.ownership(found);
        let twin = other.filter(|other| other.stack == holder.stack && ownership == Ownership::Own);
        if let Some(other) = twin.filter(|_| !self.take_over.grants(owner)) {
            let message = format!("{key} is `{}` of this stack already", other.logical_id);
            return Some(Diagnostic::error(codes::TWICE, message).help(format!(
                "give it another name; to rename a logical id, let the old one go with `DeletionPolicy: Retain`, and name \
                 `{owner}` in the parameter `TakeOver` of the function's stack while the new one comes"
            )));
        }
        if ownership != Ownership::Foreign {
            return None;
        }
        let message = format!(
            "{key} is there already: `{}` (owner `{owner}`) wrote it at {}",
            found.author.actor, found.last_updated_at
        );
        let problem = Diagnostic::error(codes::TAKEN, message);
        Some(problem.help(format!(
            "give it another name, or let stacks take over what `{owner}` has: the parameter `TakeOver` of the function's stack"
        )))
    }

    async fn write(&self, wanted: &PendingWrite<'_>, found: Option<Record>) -> Result<Record, RegistryError> {
        let PendingWrite { author, resource, .. } = wanted;
        let mut draft = meshform_registry::draft(resource);
        let Some(found) = found else {
            // A resource that somebody has deleted beside the stack comes back as what it was.
            draft.imported.arn = wanted.in_place.map(str::to_owned);
            return Ok(self.registry.create(draft, author).await?.record());
        };
        let same_owner = resource
            .mesh_owner
            .as_ref()
            .is_none_or(|owner| *owner == found.identity.mesh_owner);
        if belongs_to(&found, &author.owner)
            && is_same(resource.key.kind, &found.body, &wanted.body)
            && same_owner
        {
            return Ok(found);
        }
        let update = Update {
            draft,
            seen: Some(found.revision),
            base: || None,
        };
        self.registry.update(update, author, &self.policy()).await
    }

    /// What only holds when it is written. After its first update a resource is the stack's for good: the one that it was
    /// where another has taken its place. And a secret is gone only with the values that held it.
    async fn settle(&self, wanted: &PendingWrite<'_>, claim: &Claim) {
        let own = &wanted.resource.key;
        let before = wanted.request.physical_resource_id.as_deref();
        let before = before.filter(|_| wanted.request.request_type == RequestType::Update);
        let before = before.and_then(ResourceKey::from_arn);
        if claim.secret && !wanted.request.is_secret() {
            self.forget(own, wanted, |claim| claim.secret = false).await;
        }
        if let Some(key) = before {
            let forget = |claim: &mut Claim| {
                claim.former = None;
                claim.former_claim = None;
            };
            self.forget(&key, wanted, forget).await;
        }
    }

    async fn forget(&self, key: &ResourceKey, wanted: &PendingWrite<'_>, change: impl Fn(&mut Claim)) {
        for attempt in 0..ATTEMPTS {
            let Ok(known) = self.claims.of(key).await else {
                break;
            };
            let mut claim = known.claim.clone();
            change(&mut claim);
            if claim == known.claim || claim.holder.as_ref() != Some(&wanted.holder) {
                return;
            }
            match self.claims.set(key, &known, &claim, &wanted.author).await {
                Ok(true) => return,
                Ok(false) => pause(attempt).await,
                Err(_) => break,
            }
        }
        tracing::warn!(resource = %key, "what it was before is still remembered; the next update forgets it");
    }
}

impl PendingWrite<'_> {
    /// What is to be remembered before anything is written.
    fn claim(&self, before: &Claim, found: Option<&Record>) -> Claim {
        let id = self.request.unique_id();
        // A stack that creates what it holds has let it stay with `Retain` earlier.
        let anew = self.request.request_type == RequestType::Create && before.turn(&id) == RequestOrder::New;
        let held = before.holder.as_ref() == Some(&self.holder) && !anew;
        let mut claim = Claim {
            holder: Some(self.holder.clone()),
            // Until it is written, the values of before are there.
            secret: self.request.is_secret() || before.secret,
            requests: before.requests.clone(),
            let_go_at: None,
            former: None,
            former_claim: None,
        };
        claim.saw(&id, None);
        if held {
            claim.former.clone_from(&before.former);
            claim.former_claim.clone_from(&before.former_claim);
        } else if self.in_place.is_none() {
            claim.former = found.cloned();
            let others = before.holder.is_some() && found.is_some();
            claim.former_claim = others.then(|| {
                Box::new(Claim {
                    requests: Vec::new(),
                    ..before.clone()
                })
            });
            if let Some(own) = claim.requests.last_mut() {
                own.took = Some(self.request.physical_resource_id.clone().unwrap_or_default());
            }
        }
        claim
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn until_it_is_written_over_a_secret_stays_one() {
        let request: CustomRequest = serde_json::from_value(json!({
            "RequestType": "Update", "ResponseURL": "https://x", "StackId": "s", "RequestId": "2",
            "ResourceType": "Custom::AppMeshMesh", "LogicalResourceId": "Mesh",
            "ResourceProperties": {"MeshName": "apps"},
        }))
        .unwrap();
        let wanted = PendingWrite {
            holder: ClaimHolder::of(&request),
            author: author(&request),
            resource: resource(&request).unwrap(),
            body: json!({}),
            in_place: None,
            request: &request,
        };
        let before = |secret| Claim {
            holder: Some(ClaimHolder::of(&request)),
            secret,
            ..Claim::default()
        };
        assert!(wanted.claim(&before(true), None).secret);
        assert!(!wanted.claim(&before(false), None).secret);
    }
}

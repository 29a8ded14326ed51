//! The custom resources: what CloudFormation's requests do to the store, and what they are answered.

mod delete;
mod put;
#[cfg(test)]
mod tests;

use crate::answer::{Answer, RELEASE, told};
use crate::claims::Claims;
use crate::event::{CustomRequest, RequestType};
use crate::release::Releases;
use meshform_compiler::stack;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::schema;
use meshform_registry::{Overwrites, Policy, Registry};
use meshform_store::{Author, Record, Store};
use put::Failure;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What the physical id of a create begins with that left nothing behind: deleting it does nothing.
const FAILED_CREATE: &str = "meshform-failed-create/";
/// The same, where something may be left: deleting it looks for what the request would have made.
const UNFINISHED_CREATE: &str = "meshform-unfinished-create/";

/// How often a request is tried that others get in the way of.
const ATTEMPTS: u32 = 12;

/// How long a delete waits for what is inside to go, as long as something goes now and then: CloudFormation deletes in
/// parallel what does not refer to each other.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves the requests of custom resources.
#[derive(Debug)]
pub(crate) struct RequestHandler {
    registry: Registry,
    claims: Claims,
    /// Whose records stacks take over.
    take_over: Overwrites,
    releases: Releases,
}

impl RequestHandler {
    pub(crate) fn new(store: Arc<dyn Store>, take_over: Overwrites) -> Self {
        let registry = Registry::new(Arc::clone(&store));
        Self {
            claims: Claims::new(Arc::clone(&store)),
            releases: Releases::new(store, Arc::clone(registry.views())),
            registry,
            take_over,
        }
    }

    /// The answer to the delete of what a failed create has left: nothing, for which no store is needed.
    pub(crate) fn left_nothing(request: &CustomRequest) -> Option<Answer> {
        let physical = request.physical_resource_id.as_ref();
        let physical = physical.filter(|id| id.starts_with(FAILED_CREATE))?;
        (request.request_type == RequestType::Delete).then(|| Answer {
            failed: false,
            reason: "the create failed and left nothing".to_owned(),
            physical_id: physical.clone(),
            attributes: Map::new(),
        })
    }

    /// Does what is asked for, and says how it went when that is released, or when there is no more time.
    pub(crate) async fn serve(&self, request: &CustomRequest, deadline: Instant) -> Answer {
        match request.request_type {
            RequestType::Create => self.create(request, deadline).await,
            RequestType::Update => self.update(request, deadline).await,
            RequestType::Delete => self.delete(request, deadline).await,
        }
    }

    /// Finishes what was held or failed. The answer is what is left.
    pub(crate) async fn finish(&self, deadline: Instant) -> Vec<Diagnostic> {
        let mut left = self.releases.finish(self.registry.store(), deadline).await;
        if let Err(problem) = self
            .claims
            .sweep(self.releases.now(), self.releases.author())
            .await
        {
            left.push(problem);
        }
        left
    }

    async fn create(&self, request: &CustomRequest, deadline: Instant) -> Answer {
        let failure = match self.put(request, None).await {
            Ok(record) => return self.written(request, record, deadline).await,
            Err(failure) => failure,
        };
        match failure {
            Failure::Refused(problems) => failed(request, &problems, nothing_made(request)),
            Failure::Broken(key, problems) => match self.undo(request, &key, &problems).await {
                Ok(()) => failed(request, &problems, nothing_made(request)),
                Err(more) => {
                    let id = format!("{UNFINISHED_CREATE}{}", request.request_id);
                    failed(request, &[problems, more].concat(), id)
                }
            },
        }
    }

    async fn update(&self, request: &CustomRequest, deadline: Instant) -> Answer {
        let physical = request.physical_resource_id.clone().unwrap_or_default();
        let failure = match self.put(request, Some(&physical)).await {
            Ok(record) => {
                self.sweep_replacement(request, &physical).await;
                return self.written(request, record, deadline).await;
            }
            Err(failure) => failure,
        };
        // CloudFormation takes another physical id for another resource, and would delete that.
        match failure {
            Failure::Refused(problems) => failed(request, &problems, physical),
            Failure::Broken(key, mut problems) => {
                if ResourceKey::from_arn(&physical).as_ref() != Some(&key)
                    && let Err(more) = self.undo(request, &key, &problems).await
                {
                    problems.extend(more);
                }
                failed(request, &problems, physical)
            }
        }
    }

    async fn delete(&self, request: &CustomRequest, deadline: Instant) -> Answer {
        let physical = request.physical_resource_id.clone().unwrap_or_default();
        let done = |reason: String, attributes: Map<String, Json>| Answer {
            failed: false,
            reason,
            physical_id: physical.clone(),
            attributes,
        };
        // An id that is not ours is CloudFormation's own: it never got the answer to the create.
        let key = ResourceKey::from_arn(&physical).or_else(|| put::key(request));
        let Some(key) = key else {
            return done(
                "it names no resource, so that none was made".to_owned(),
                Map::new(),
            );
        };
        match self.let_go(request, &key, None).await {
            Ok(true) => {
                let release = self.releases.after(&key.mesh, &self.claims, deadline).await;
                done(release, Map::new())
            }
            Ok(false) => done("there was nothing of this stack to delete".to_owned(), Map::new()),
            Err(problems) => failed(request, &problems, physical),
        }
    }

    /// The answer to a write that went well.
    async fn written(&self, request: &CustomRequest, record: Record, deadline: Instant) -> Answer {
        let release = self
            .releases
            .after(&record.key.mesh, &self.claims, deadline)
            .await;
        tracing::info!(
            stack = request.stack_id,
            resource = %record.key,
            revision = record.revision.0,
            release,
            "written"
        );
        let mut attributes = attributes(&record);
        attributes.insert(RELEASE.to_owned(), Json::from(release.as_str()));
        Answer {
            failed: false,
            reason: release,
            physical_id: record.identity.arn,
            attributes,
        }
    }

    fn policy(&self) -> Policy {
        Policy {
            patience: PATIENCE,
            ..Policy::default()
        }
    }
}

/// Who writes for a stack.
fn author(request: &CustomRequest) -> Author {
    Author {
        owner: request.owner(),
        actor: format!("{}/{}", request.stack_id, request.logical_resource_id),
        run: None,
    }
}

fn failed(request: &CustomRequest, problems: &[Diagnostic], physical_id: String) -> Answer {
    let reason = told(
        problems,
        stack::kind_of_custom(&request.resource_type),
        request.is_secret(),
    );
    tracing::error!(
        stack = request.stack_id,
        logical_id = request.logical_resource_id,
        reason,
        "the request failed"
    );
    Answer {
        failed: true,
        reason,
        physical_id,
        attributes: Map::new(),
    }
}

/// What `Fn::GetAtt` gives, as it did of `AWS::AppMesh::*`.
fn attributes(record: &Record) -> Map<String, Json> {
    let kind = schema::kind(record.key.kind);
    let root = kind.root.object();
    let named = kind
        .key
        .iter()
        .zip(record.key.names())
        .filter_map(|(field, name)| {
            let field = root.and_then(|root| root.field(field))?;
            let called = &field.named(Dialect::CloudFormation).name;
            Some((called.clone(), Json::from(name)))
        });
    let identity = &record.identity;
    let fixed = [
        ("Arn", &identity.arn),
        ("Id", &identity.arn),
        ("Uid", &identity.uid),
        ("MeshOwner", &identity.mesh_owner),
        ("ResourceOwner", &identity.resource_owner),
    ];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), Json::from(value.as_str())));
    named.chain(fixed).collect()
}

/// The physical id of a create that did nothing.
pub(crate) fn nothing_made(request: &CustomRequest) -> String {
    format!("{FAILED_CREATE}{}", request.request_id)
}

/// That others were faster every time.
fn contended(key: &ResourceKey) -> Vec<Diagnostic> {
    let message = format!("{key} was written by others {ATTEMPTS} times in a row");
    vec![Diagnostic::error(meshform_store::codes::CONFLICT, message).help("try the stack operation again")]
}

/// A pause that differs from one process to the next, so that those who met once do not meet again.
async fn pause(attempt: u32) {
    let mut byte = [0_u8; 1];
    let _ = getrandom::fill(&mut byte);
    let [random] = byte;
    let millis = u64::from(attempt + 1) * 20 + u64::from(random);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

//! Deleting, or giving back what was taken over.

use super::{ATTEMPTS, RequestHandler, author, contended, pause};
use crate::answer::told;
use crate::claims::{ClaimHolder, RequestOrder};
use crate::event::{CustomRequest, RequestType};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_registry::{RegistryError, Update, belongs_to};
use meshform_store::{ImportedIdentity, Record, RecordDraft};

impl RequestHandler {
    /// Takes back what a create has done that failed, or an update that replaces.
    pub(super) async fn undo(
        &self,
        request: &CustomRequest,
        key: &ResourceKey,
        problems: &[Diagnostic],
    ) -> Result<(), Vec<Diagnostic>> {
        let known = self.claims.of(key).await.map_err(|problem| vec![problem])?;
        if known.claim.took(&request.unique_id()).is_none() {
            // The stack had it before.
            return Ok(());
        }
        let why = told(problems, Some(key.kind), request.is_secret());
        self.let_go(request, key, Some(why)).await.map(drop)
    }

    /// Lets go of what a stack holds: gives it back where the stack took it over and never updated it, else deletes it.
    /// Whether the stack held it. `failed` is why a create is taken back.
    pub(super) async fn let_go(
        &self,
        request: &CustomRequest,
        key: &ResourceKey,
        failed: Option<String>,
    ) -> Result<bool, Vec<Diagnostic>> {
        let holder = ClaimHolder::of(request);
        let author = author(request);
        let one = |problem| vec![problem];
        for attempt in 0..ATTEMPTS {
            let known = self.claims.of(key).await.map_err(one)?;
            match known.claim.turn(&request.unique_id()) {
                RequestOrder::Overtaken => return Ok(false),
                // A delete is remembered when it is done; who has the resource back may be of the same name.
                RequestOrder::Again if request.request_type == RequestType::Delete => return Ok(true),
                _ => {}
            }
            if known.claim.holder.as_ref() != Some(&holder) {
                return Ok(false);
            }
            let found = self
                .registry
                .get(key)
                .await
                .map_err(|error| error.diagnostics())?;
            // What somebody else has taken over since stays theirs.
            let ours = found
                .as_ref()
                .is_none_or(|found| belongs_to(found, &author.owner));
            let gone = match known.claim.former.clone() {
                Some(former) if ours => self.give_back(former, found).await,
                None if ours => {
                    let seen = found.map(|found| found.revision);
                    let deleted = self.registry.delete(key, seen, &author, &self.policy()).await;
                    deleted.map(drop)
                }
                _ => Ok(()),
            };
            match gone {
                Ok(()) => {}
                Err(error) if error.is_conflict() || error.is_not_found() => {
                    pause(attempt).await;
                    continue;
                }
                Err(error) => return Err(error.diagnostics()),
            }
            let mut claim = known.claim.let_go(self.releases.now(), ours);
            claim.saw(&request.unique_id(), failed.clone());
            if self.claims.set(key, &known, &claim, &author).await.map_err(one)? {
                return Ok(true);
            }
            pause(attempt).await;
        }
        Err(contended(key))
    }

    /// Makes a record what it was before a stack took it over: its content, its owner and its dates.
    async fn give_back(&self, former: Record, found: Option<Record>) -> Result<(), RegistryError> {
        let draft = RecordDraft {
            imported: ImportedIdentity::from(&former),
            key: former.key,
            body: former.body,
            request: former.request,
        };
        match found {
            None => drop(self.registry.create(draft, &former.author).await?),
            Some(found) => {
                let update = Update {
                    draft,
                    seen: Some(found.revision),
                    base: || None,
                };
                self.registry
                    .update(update, &former.author, &self.policy())
                    .await?;
            }
        }
        Ok(())
    }
}

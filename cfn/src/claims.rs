//! What stacks hold, and what it was before: a setting of the store for each resource that a stack has written.
//!
//! Lambda delivers events at least once and in no certain order, and may be killed between any two steps. So a request
//! notes in the claim what it is about to do before it does it; when it comes again it finds that, and goes on.

use crate::codes;
use crate::event::CustomRequest;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_store::{Author, Record, SettingWrite, Store, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The owner of what belongs to no stack.
pub(crate) const OWNER: &str = "cloudformation";

/// The settings' names begin so.
const PREFIX: &str = "cloudformation/";

/// How many requests are remembered of a resource. Lambda delivers an event again for six hours, and a resource of a
/// stack is written a few times in that time.
const REMEMBERED: usize = 16;

/// So long a claim that nobody holds is kept, for events that come again: longer than Lambda tries.
const KEPT_MILLIS: i64 = 24 * 3600 * 1000;

/// What is remembered of a resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Claim {
    /// Which resource of which stack it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<ClaimHolder>,
    /// What it was before the holder took it over; until the holder's first update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) former: Option<Record>,
    /// Who held it before, where another stack or another logical id did: they get it back with the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) former_claim: Option<Box<Claim>>,
    /// Whether a value of it came from a parameter that nobody may see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) secret: bool,
    /// The last requests, the newest last.
    #[serde(default)]
    pub(crate) requests: Vec<SeenRequest>,
    /// When the last holder let it go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) let_go_at: Option<Timestamp>,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimHolder {
    pub(crate) stack: String,
    pub(crate) logical_id: String,
}

/// A request that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenRequest {
    pub(crate) id: String,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
    /// That the holder has the resource by this request: nothing of a create, the physical id that an update replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) took: Option<String>,
}

/// How a request stands to those that were seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RequestOrder {
    /// It comes for the first time.
    New,
    /// It is the last that came: its end is not certain.
    Again,
    /// It failed, for this reason.
    Failed(String),
    /// A later request of the resource has been done: this one does nothing.
    Overtaken,
}

/// A claim as it was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadedClaim {
    pub(crate) claim: Claim,
    version: Option<u64>,
}

/// The claims of a store.
#[derive(Debug)]
pub(crate) struct Claims {
    store: Arc<dyn Store>,
}

impl ClaimHolder {
    pub(crate) fn of(request: &CustomRequest) -> Self {
        Self {
            stack: request.stack_id.clone(),
            logical_id: request.logical_resource_id.clone(),
        }
    }
}

impl Claim {
    pub(crate) fn turn(&self, request: &str) -> RequestOrder {
        let mut seen = self.requests.iter().skip_while(|seen| seen.id != request);
        let Some(own) = seen.next() else {
            return RequestOrder::New;
        };
        match &own.failed {
            Some(why) => RequestOrder::Failed(why.clone()),
            // What failed has left everything as it was, also where it was another stack's.
            None if seen.all(|later| later.failed.is_some()) => RequestOrder::Again,
            None => RequestOrder::Overtaken,
        }
    }

    /// By what a request got the resource for the holder; none where the holder had it already.
    pub(crate) fn took(&self, request: &str) -> Option<&str> {
        let own = self.requests.iter().find(|seen| seen.id == request)?;
        own.took.as_deref()
    }

    /// Whether the holder has the resource by an update that was to replace `physical`, and nothing came since.
    pub(crate) fn replaces(&self, physical: &str) -> bool {
        let last = self.requests.iter().rfind(|seen| seen.failed.is_none());
        last.is_some_and(|last| last.took.as_deref() == Some(physical))
    }

    /// The claim when the holder has let go: of those who held it before, where they have the record back.
    pub(crate) fn let_go(&self, now: Timestamp, is_given_back: bool) -> Self {
        let nobodys = || Self {
            let_go_at: Some(now),
            ..Self::default()
        };
        let before = self.former_claim.as_deref().filter(|_| is_given_back);
        Self {
            requests: self.requests.clone(),
            ..before.cloned().unwrap_or_else(nobodys)
        }
    }

    /// Remembers a request as the last one, and how it ended where it failed.
    pub(crate) fn saw(&mut self, request: &str, failed: Option<String>) {
        let took = self.took(request).map(str::to_owned);
        self.requests.retain(|seen| seen.id != request);
        self.requests.push(SeenRequest {
            id: request.to_owned(),
            failed,
            took,
        });
        let more = self.requests.len().saturating_sub(REMEMBERED);
        self.requests.drain(..more);
    }
}

impl Claims {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// What is remembered of a resource.
    pub(crate) async fn of(&self, key: &ResourceKey) -> Result<LoadedClaim, Diagnostic> {
        let name = name(key);
        let setting = self
            .store
            .setting(&name)
            .await
            .map_err(|error| error.diagnostic())?;
        let Some(setting) = setting else {
            return Ok(LoadedClaim::default());
        };
        let claim = serde_json::from_str(&setting.value).map_err(|error| {
            Diagnostic::error(
                codes::CLAIM,
                format!("the setting `{name}` is not a claim: {error}"),
            )
            .help("deploy the newest version of the function: an older one may have replaced it")
        })?;
        Ok(LoadedClaim {
            claim,
            version: Some(setting.version),
        })
    }

    /// Writes a claim over the one that was read. False where somebody else was first.
    pub(crate) async fn set(
        &self,
        key: &ResourceKey,
        known: &LoadedClaim,
        claim: &Claim,
        author: &Author,
    ) -> Result<bool, Diagnostic> {
        if known.claim == *claim {
            return Ok(true);
        }
        let value = serde_json::to_string(claim).map_err(|error| {
            Diagnostic::error(codes::CLAIM, format!("a claim cannot be written: {error}"))
        })?;
        self.write(name(key), known.version, Some(value), author).await
    }

    /// The resources of a mesh of which a value came from a parameter that nobody may see, by their paths.
    pub(crate) async fn secret(&self, mesh: &str) -> Result<BTreeSet<String>, Diagnostic> {
        let root = ResourceKey::mesh(mesh);
        let all = self
            .store
            .settings(&name(&root))
            .await
            .map_err(|error| error.diagnostic())?;
        let secret = all.into_iter().filter_map(|setting| {
            let claim: Claim = serde_json::from_str(&setting.value).ok()?;
            let path = setting.name.strip_prefix(PREFIX).filter(|_| claim.secret)?;
            Some(path.to_owned())
        });
        Ok(secret.collect())
    }

    /// Forgets the claims that nobody has held for a day.
    pub(crate) async fn sweep(&self, now: Timestamp, author: &Author) -> Result<(), Diagnostic> {
        let all = self
            .store
            .settings(PREFIX)
            .await
            .map_err(|error| error.diagnostic())?;
        for setting in all {
            let claim: Option<Claim> = serde_json::from_str(&setting.value).ok();
            let since = claim
                .filter(|claim| claim.holder.is_none())
                .and_then(|claim| claim.let_go_at);
            if since.is_some_and(|since| now.0 - since.0 > KEPT_MILLIS) {
                self.write(setting.name, Some(setting.version), None, author)
                    .await?;
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        name: String,
        expected: Option<u64>,
        value: Option<String>,
        author: &Author,
    ) -> Result<bool, Diagnostic> {
        let write = SettingWrite {
            name,
            expected,
            value,
        };
        match self.store.set_setting(write, author).await {
            Ok(_) => Ok(true),
            Err(StoreError::PointerConflict(_)) => Ok(false),
            Err(error) => Err(error.diagnostic()),
        }
    }
}

fn name(key: &ResourceKey) -> String {
    format!("{PREFIX}{}", key.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_know_their_turn() {
        let mut claim = Claim::default();
        assert_eq!(claim.turn("a"), RequestOrder::New);
        claim.saw("a", None);
        assert_eq!(claim.turn("a"), RequestOrder::Again);
        claim.saw("b", Some("why".to_owned()));
        assert_eq!(
            claim.turn("a"),
            RequestOrder::Again,
            "what failed overtakes nothing"
        );
        assert_eq!(claim.turn("b"), RequestOrder::Failed("why".to_owned()));
        claim.saw("c", None);
        assert_eq!(claim.turn("a"), RequestOrder::Overtaken);
        for number in 0..REMEMBERED {
            claim.saw(&number.to_string(), None);
        }
        assert_eq!(
            (claim.turn("a"), claim.requests.len()),
            (RequestOrder::New, REMEMBERED)
        );
    }
}

//! Who polls: one of several pollers of a mesh.

use super::settings::Settings;
use crate::log;
use crate::shared::now;
use crate::store::{ObjectRead, ObjectSource};
use meshform_bundle::discovery::PollerState;
use meshform_bundle::publish::Publisher;
use std::fs::File;
use std::time::Duration;
use tokio::time::Instant;

/// The right to poll a mesh, which one poller has at a time.
pub(super) enum Lease {
    /// An object that the poller overwrites; who sees it unchanged for long takes it over. No two clocks are compared.
    Object {
        store: Box<ObjectSource>,
        /// What the object was at the last look, and since when.
        watched: Option<(String, Instant)>,
    },
    /// A lock in the directory that Envoys read.
    Lock {
        publisher: Publisher,
        held: Option<File>,
    },
}

impl Lease {
    pub(super) fn open(settings: &Settings) -> Result<Self, String> {
        Ok(match settings.directory() {
            Some(directory) if settings.is_published() => Self::Lock {
                publisher: Publisher::new(directory),
                held: None,
            },
            _ => Self::Object {
                store: Box::new(ObjectSource::parse(&settings.store, settings.user)?),
                watched: None,
            },
        })
    }

    /// Takes the lease, or keeps it, and says with it how the poller is. Whether it is this poller's.
    pub(super) async fn renew(&mut self, state: &PollerState) -> Result<bool, String> {
        let mut state = state.clone();
        state.until = now().saturating_add(PollerState::LOST);
        match self {
            Self::Object { store, watched } => renew_object(store, watched, &state).await,
            Self::Lock { publisher, held } => {
                let told = |error: meshform_bundle::Error| error.to_string();
                if held.is_none() {
                    *held = publisher.become_poller(&state.mesh).map_err(told)?;
                }
                if held.is_some() {
                    publisher.report_poller(&state).map_err(told)?;
                }
                Ok(held.is_some())
            }
        }
    }

    /// Gives the lease up, so that the next poller need not wait until it runs out.
    pub(super) async fn let_go(&mut self, state: &PollerState) -> Result<(), String> {
        match self {
            Self::Object { store, .. } => {
                let key = PollerState::key(&state.mesh);
                let ObjectRead::Found(bytes, version) = store.look(&key, None).await? else {
                    return Ok(());
                };
                let mine = PollerState::decode(&state.mesh, &bytes);
                if mine.is_ok_and(|found| found.holder == state.holder) {
                    let mut state = state.clone();
                    state.until = 0;
                    store.replace(&key, encoded(&state)?, Some(&version)).await?;
                }
                Ok(())
            }
            Self::Lock { held, .. } => {
                held.take();
                Ok(())
            }
        }
    }
}

async fn renew_object(
    store: &mut ObjectSource,
    watched: &mut Option<(String, Instant)>,
    state: &PollerState,
) -> Result<bool, String> {
    let key = PollerState::key(&state.mesh);
    let found = match store.look(&key, None).await? {
        ObjectRead::Found(bytes, version) => Some((PollerState::decode(&state.mesh, &bytes), version)),
        ObjectRead::Missing | ObjectRead::Unchanged => None,
    };
    let Some((theirs, version)) = found else {
        return Ok(store.replace(&key, encoded(state)?, None).await?.is_some());
    };
    match theirs {
        // A newer poller's: it is not for us to say that it is gone.
        Err(error @ meshform_bundle::Error::Newer { .. }) => return Err(error.to_string()),
        Ok(theirs) if theirs.holder != state.holder && theirs.until > 0 => {
            let lost = Duration::from_millis(PollerState::LOST);
            let seen = match watched {
                Some((known, since)) if *known == version => *since,
                _ => Instant::now(),
            };
            *watched = Some((version.clone(), seen));
            if seen.elapsed() < lost {
                return Ok(false);
            }
            log::info(&format!(
                "the poller {} is gone: this one takes over",
                theirs.holder
            ));
        }
        // Ours, let go, or damaged.
        Ok(_) | Err(_) => {}
    }
    *watched = None;
    Ok(store
        .replace(&key, encoded(state)?, Some(&version))
        .await?
        .is_some())
}

fn encoded(state: &PollerState) -> Result<Vec<u8>, String> {
    state.encode().map_err(|error| error.to_string())
}

//! Keys of this server: kept as settings of the store, each secret encrypted under the master key. The signature needs the
//! secret itself, so it cannot be kept as a hash.

use super::{Caller, Rights};
use crate::codes;
use crate::seal::{KEY, Sealer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use meshform_model::diag::Diagnostic;
use meshform_store::{Author, SettingWrite, Store, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where keys stand among the store's settings.
const PREFIX: &str = "keys/";
/// What a secret is sealed for.
const PURPOSE: &str = "key";
/// How old what is known of the keys may be: a key that was revoked works for so long at most. Reading them is a
/// listing of settings, at most one in that time, whatever the load.
const FRESH: Duration = Duration::from_secs(10);
/// The pause between two looks for a key that is not known, so that guessing keys does not load the store; a key that
/// was made just now works after it.
const AGAIN: Duration = Duration::from_secs(1);

/// The key under which the secrets of keys are kept.
#[derive(Debug, Clone)]
pub struct MasterKey {
    pub(crate) sealer: Arc<Sealer>,
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    /// Its id: what a signature names.
    #[serde(skip)]
    pub id: String,
    /// A name for people: what the change feed shows.
    pub name: String,
    /// To whom belongs what is written with it.
    pub owner: String,
    /// The only mesh that it is for; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<String>,
    pub rights: Rights,
    pub made_by: String,
    /// When, in milliseconds since 1970.
    pub made_at: Timestamp,
    secret: String,
}

/// What a key is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What people call it, and the change feed shows.
    pub name: String,
    /// To whom belongs what is written with it.
    pub owner: String,
    /// The only mesh that it is for; none: all.
    pub mesh: Option<String>,
    pub rights: Rights,
}

// === impl MasterKey ===

impl MasterKey {
    /// A new one, as the text that a file or MESHFORM_MASTER_KEY holds.
    pub fn generate() -> Result<String, Box<Diagnostic>> {
        match Sealer::random() {
            Some(bytes) => Ok(STANDARD.encode(bytes)),
            None => Err(Box::new(Diagnostic::error(
                codes::MASTER_KEY,
                "no master key can be made: the system's random number generator failed",
            ))),
        }
    }

    /// Reads what [`generate`](Self::generate) made: 32 bytes as Base64.
    pub fn parse(text: &str) -> Result<Self, Box<Diagnostic>> {
        let bytes = STANDARD.decode(text.trim()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; KEY]>::try_from(bytes).ok());
        match bytes.and_then(|bytes| Sealer::new(&bytes)) {
            Some(sealer) => Ok(Self {
                sealer: Arc::new(sealer),
            }),
            None => Err(Box::new(
                Diagnostic::error(codes::MASTER_KEY, "the master key is not 32 bytes as Base64")
                    .help("make one with `meshform keys init --out FILE`"),
            )),
        }
    }
}

/// Makes a key, and tells its id and secret. The secret is told this once.
pub async fn create(
    store: &dyn Store,
    master: &MasterKey,
    new: NewKey,
    author: &Author,
    now: Timestamp,
) -> Result<(String, String), Box<Diagnostic>> {
    let random = || {
        Box::new(Diagnostic::error(
            codes::MASTER_KEY,
            "no key can be made: the system's random number generator failed",
        ))
    };
    // A wrong master key would make a store of keys of which half cannot be read.
    if let Some(one) = list(store).await.map_err(|error| error.diagnostic())?.first() {
        opened(master, one).ok_or_else(wrong_master)?;
    }
    let (id, secret) = (new_id().ok_or_else(random)?, new_secret().ok_or_else(random)?);
    let sealed = master.sealer.seal(&format!("{PURPOSE} {id}"), secret.as_bytes());
    let record = KeyRecord {
        id: id.clone(),
        name: new.name,
        owner: new.owner,
        mesh: new.mesh,
        rights: new.rights,
        made_by: author.actor.clone(),
        made_at: now,
        secret: sealed.ok_or_else(random)?,
    };
    let write = SettingWrite {
        name: format!("{PREFIX}{id}"),
        expected: None,
        value: serde_json::to_string(&record).ok(),
    };
    let written = store.set_setting(write, author).await;
    written.map_err(|error| error.diagnostic())?;
    Ok((id, secret))
}

/// The keys of a store, by id.
pub async fn list(store: &dyn Store) -> Result<Vec<KeyRecord>, StoreError> {
    let settings = store.settings(PREFIX).await?;
    let records = settings.into_iter().filter_map(|setting| {
        let mut record: KeyRecord = serde_json::from_str(&setting.value).ok()?;
        record.id = setting.name.strip_prefix(PREFIX)?.to_owned();
        Some(record)
    });
    Ok(records.collect())
}

/// Takes a key away. Whether it was there.
pub async fn revoke(store: &dyn Store, id: &str, author: &Author) -> Result<bool, StoreError> {
    let name = format!("{PREFIX}{id}");
    let Some(found) = store.setting(&name).await? else {
        return Ok(false);
    };
    let write = SettingWrite {
        name,
        expected: Some(found.version),
        value: None,
    };
    store.set_setting(write, author).await?;
    Ok(true)
}

fn wrong_master() -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            codes::MASTER_KEY,
            "the store's keys were made under another master key",
        )
        .help("give the master key that the servers of this store have"),
    )
}

fn opened(master: &MasterKey, record: &KeyRecord) -> Option<String> {
    let bytes = master
        .sealer
        .open(&format!("{PURPOSE} {}", record.id), &record.secret)?;
    String::from_utf8(bytes).ok()
}

/// Twenty characters, as long as AWS's own ids, which tools expect.
fn new_id() -> Option<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = [0; 17];
    getrandom::fill(&mut bytes).ok()?;
    let letters = bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    Some(letters.fold("MFK".to_owned(), |mut id, letter| {
        id.push(char::from(*letter));
        id
    }))
}

fn new_secret() -> Option<String> {
    let mut bytes = [0; 30];
    getrandom::fill(&mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

// === What a server knows of them ===

/// The keys as a server last read them.
#[derive(Debug)]
pub(crate) struct KeyRing {
    store: Arc<dyn Store>,
    pub(crate) master: MasterKey,
    known: Mutex<Known>,
    /// Locked while the store is asked, and before `known`, which is never held across an `await`.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    at: Option<Instant>,
    keys: BTreeMap<String, (KeyRecord, String)>,
}

impl KeyRing {
    pub(crate) fn new(store: Arc<dyn Store>, master: MasterKey) -> Self {
        Self {
            store,
            master,
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Who a key is for, and its secret. `from` is where the request comes from.
    pub(crate) async fn find(&self, id: &str, from: &str) -> Result<Option<(Caller, String)>, StoreError> {
        let (age, found) = self.look(id);
        let limit = if found { FRESH } else { AGAIN };
        if age.is_none_or(|age| age > limit) {
            // One reads for all that wait.
            let _reading = self.reading.lock().await;
            if self.look(id).0.is_none_or(|age| age > limit) {
                match self.read().await {
                    Ok(()) => {}
                    // Those who were let in go on while the store is away.
                    Err(error) if found => tracing::warn!(%error, "the keys cannot be read now"),
                    Err(error) => return Err(error),
                }
            }
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.keys.get(id).map(|(record, secret)| {
            let caller = Caller {
                id: record.id.clone(),
                name: record.name.clone(),
                owner: record.owner.clone(),
                mesh: record.mesh.clone(),
                rights: record.rights,
                from: from.to_owned(),
            };
            (caller, secret.clone())
        }))
    }

    fn look(&self, id: &str) -> (Option<Duration>, bool) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (known.at.map(|at| at.elapsed()), known.keys.contains_key(id))
    }

    async fn read(&self) -> Result<(), StoreError> {
        let records = list(&*self.store).await?;
        let mut keys = BTreeMap::new();
        for record in records {
            match opened(&self.master, &record) {
                Some(secret) => drop(keys.insert(record.id.clone(), (record, secret))),
                None => tracing::error!(
                    key = record.id,
                    "the key was made under another master key, and does not work"
                ),
            }
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Known {
            at: Some(Instant::now()),
            keys,
        };
        Ok(())
    }
}

//! What every request shares: the store, the rules of writing to it, the releases that follow.

use crate::auth::aws::{Identities, Login};
use crate::auth::keys::{KeyRing, MasterKey};
use crate::auth::tokens::Grant;
use crate::auth::{Caller, sessions, sigv4, trusted};
use crate::codes;
use crate::fault::{Fault, FaultKind};
use crate::limits::{Limits, Rate};
use crate::metrics::Metrics;
use crate::seal::{KEY, Sealer};
use crate::turns::Turns;
use crate::xds::{Releases, Streams};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use meshform_console::{Prometheus, Site};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_registry::{Policy, Registry, dangling};
use meshform_release::{ReleaseScheduler, ReleaseVerdict, Releaser, Timing};
use meshform_store::{
    Author, Clock, Record, RunId, Seed, SettingWrite, Store, StoreError, SystemClock, Timestamp,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

/// The key of page tokens among the store's settings: every server of a store has the same.
const PAGING: &str = "serve/page-key";

/// How long the store may take to answer where somebody asks whether it does.
const STORE: Duration = Duration::from_secs(5);

/// How long the releases that are waiting may take when the server stops. With the requests under way (`server::STOP`)
/// it is ten seconds, after which Docker kills.
const LAST_RELEASE: Duration = Duration::from_secs(5);

/// What the server is told.
pub struct Settings {
    pub store: Arc<dyn Store>,
    /// With what a store is created that is not there yet.
    pub seed: Seed,
    /// Makes releases, and publishes them.
    pub releaser: Releaser,
    /// Reads the releases that proxies are told of.
    pub reader: Releaser,
    /// The pause between two looks at the current release of a mesh.
    pub look: Duration,
    pub authentication: Authentication,
    /// Whether a resource that others refer to may be deleted, as the Terraform provider does it; App Mesh refused.
    pub relaxed_deletes: bool,
    /// Of whom the console asks live numbers.
    pub prometheus: Option<Prometheus>,
    /// The owner of what is written without authentication.
    pub owner: String,
    /// How many requests a key may make; none: as many as it likes.
    pub rate: Option<Rate>,
    /// How identities of AWS log in, where they may.
    pub login: Option<Login>,
    /// How long a client may take to send the head of a request, and then its body.
    pub patience: Duration,
}

impl Settings {
    /// As long as slow networks need, and not so long that clients which have gone pile up.
    pub const PATIENCE: Duration = Duration::from_secs(30);
}

#[derive(Debug)]
pub enum Authentication {
    /// Nobody need sign: any caller may do everything.
    Anyone,
    /// Whoever signs with a key of this server.
    Keys(MasterKey),
}

#[derive(Debug)]
pub(crate) struct ControlPlane {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Registry,
    pub(crate) releases: ReleaseScheduler,
    pub(crate) policy: Policy,
    pub(crate) turns: Turns,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) served: Arc<Releases>,
    pub(crate) streams: Arc<Streams>,
    /// The store and releases as the console shows them.
    pub(crate) site: Site,
    /// Makes the tokens of the console's forms where there are no keys.
    pub(crate) forms: Option<Sealer>,
    pub(crate) keys: Option<KeyRing>,
    pub(crate) owner: String,
    identities: Option<Identities>,
    pub(crate) patience: Duration,
    seed: Seed,
    /// Begun with the first write: reading leaves no trace.
    run: Mutex<Option<RunId>>,
    sealer: OnceCell<Arc<Sealer>>,
    account: OnceCell<String>,
    clock: Arc<dyn Clock>,
    stopping: AtomicBool,
}

impl ControlPlane {
    pub(crate) fn new(settings: Settings) -> Result<Self, Box<Diagnostic>> {
        let Settings {
            store,
            seed,
            releaser,
            reader,
            look,
            authentication,
            relaxed_deletes,
            prometheus,
            owner,
            rate,
            login,
            patience,
        } = settings;
        let cannot = |error: std::io::Error| {
            let message = format!("the server cannot run: {error}");
            Box::new(Diagnostic::error(codes::SETTINGS, message))
        };
        let keys = match authentication {
            Authentication::Anyone => None,
            Authentication::Keys(master) => Some(KeyRing::new(Arc::clone(&store), master)),
        };
        let registry = Registry::new(Arc::clone(&store));
        let releaser = releaser.with_views(Arc::clone(registry.views()));
        Ok(Self {
            site: Site::new(Arc::clone(&store), releaser.clone()).with_prometheus(prometheus),
            forms: Sealer::random().and_then(|bytes| Sealer::new(&bytes)),
            registry,
            releases: ReleaseScheduler::start(releaser, Timing::default()).map_err(cannot)?,
            policy: Policy {
                strict_deletes: !relaxed_deletes,
                ..Policy::app_mesh()
            },
            turns: Turns::default(),
            limits: Limits::new(rate),
            metrics: Metrics::default(),
            served: Arc::new(Releases::new(reader, look)),
            streams: Arc::default(),
            store,
            seed,
            keys,
            owner,
            identities: login.map(Identities::new).transpose()?,
            patience,
            run: Mutex::default(),
            sealer: OnceCell::new(),
            account: OnceCell::new(),
            clock: Arc::new(SystemClock),
            stopping: AtomicBool::new(false),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn caller(&self, parts: &Parts, body: &[u8], from: String) -> Result<Caller, Fault> {
        let Some(keys) = &self.keys else {
            return Ok(Caller::anyone(&self.owner, from));
        };
        let signed = sigv4::Signed::read(parts, body, self.now())?;
        let found = match &signed.session {
            Some(token) => {
                let found = sessions::find(&keys.master.sealer, &signed.key, token, self.now())?;
                Some((Caller { from, ..found.0 }, found.1))
            }
            None => {
                let found = keys.find(&signed.key, &from).await;
                found.map_err(|error| Fault::of_store(&error))?
            }
        };
        let Some((caller, secret)) = found else {
            signed.is_by("");
            let message = format!("the key `{}` is not known to this server", signed.key);
            return Err(Fault::new(
                FaultKind::UnrecognizedClient,
                codes::UNKNOWN_KEY,
                message,
            ));
        };
        match signed.is_by(&secret) {
            true => Ok(caller),
            false => Err(sigv4::mismatch(parts)),
        }
    }

    /// What a proxy may ask for that shows a token.
    pub(crate) fn pass(&self, headers: &http::HeaderMap) -> Result<Grant, String> {
        let header = headers.get(http::header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        match &self.keys {
            Some(keys) => Grant::of_header(&keys.master, header, self.now()),
            None => Err("the proxy sent no certificate that names it".to_owned()),
        }
    }

    /// A session of a caller, where there are keys.
    pub(crate) fn session(&self, caller: &Caller) -> Result<serde_json::Value, Fault> {
        match &self.keys {
            Some(keys) if !caller.id.starts_with(sessions::PREFIX) => {
                sessions::begin(&keys.master.sealer, caller, self.now())
            }
            Some(_) => Err(Fault::new(
                FaultKind::Forbidden,
                codes::FORBIDDEN,
                "a session is created with a key, not with another session",
            )),
            None => Err(Fault::bad(
                codes::BAD_REQUEST,
                "this server has no authentication, so there are no sessions",
            )),
        }
    }

    /// A session of whoever STS says has signed a request to log in.
    pub(crate) async fn login(&self, body: &[u8], from: &str) -> Result<serde_json::Value, Fault> {
        let (Some(identities), Some(keys)) = (&self.identities, &self.keys) else {
            let message =
                "identities of AWS cannot log in to this server: it was started without `--login-name`";
            return Err(Fault::bad(codes::LOGIN, message));
        };
        let arn = identities.ask(body, self.now()).await?;
        let found = trusted::find(&*self.store, &arn, from).await;
        let Some(caller) = found.map_err(|error| Fault::of_store(&error))? else {
            let message = format!("`{arn}` may not log in; allow a role or user with `meshform keys trust`");
            return Err(Fault::new(FaultKind::Forbidden, codes::LOGIN, message));
        };
        tracing::info!(arn, from, owner = caller.owner, "logged in");
        sessions::begin(&keys.master.sealer, &caller, self.now())
    }

    /// As whom a caller writes. What is there already stays with its owner, whoever changes it.
    pub(crate) async fn author(&self, caller: &Caller, record: Option<&Record>) -> Result<Author, Fault> {
        let run = self.run().await.map_err(|error| Fault::of_store(&error))?;
        let owner = record.map_or(&caller.owner, |record| &record.author.owner);
        Ok(Author {
            owner: owner.clone(),
            actor: caller.actor(),
            run: Some(run),
        })
    }

    async fn run(&self) -> Result<RunId, StoreError> {
        let mut run = self.run.lock().await;
        if let Some(run) = &*run {
            return Ok(run.clone());
        }
        self.store.establish(&self.seed).await?;
        let begun = self.store.open_run("meshform serve").await?;
        Ok(run.insert(begun).clone())
    }

    /// The run under which is written, if one has begun.
    pub(crate) async fn known_run(&self) -> Option<RunId> {
        self.run.lock().await.clone()
    }

    /// Writes under another run from now on: this one was taken for dead, because the process stood still or did not reach
    /// the store for longer than its lease.
    pub(crate) async fn leave_run(&self, lost: &Option<RunId>) {
        let mut run = self.run.lock().await;
        if *run == *lost {
            *run = None;
        }
    }

    pub(crate) async fn account(&self) -> Result<String, Fault> {
        if let Some(account) = self.account.get() {
            return Ok(account.clone());
        }
        let found = self
            .store
            .identity()
            .await
            .map_err(|error| Fault::of_store(&error))?;
        let Some(identity) = found else {
            return Ok(self.seed.account().to_owned());
        };
        let account = self
            .account
            .get_or_init(|| async { identity.seed.account().to_owned() });
        Ok(account.await.clone())
    }

    /// Seals the tokens of pages (`nextToken`), under a key that all servers of a store share.
    pub(crate) async fn sealer(&self) -> Result<Arc<Sealer>, Fault> {
        let found = self.sealer.get_or_try_init(|| self.page_key()).await?;
        Ok(Arc::clone(found))
    }

    async fn page_key(&self) -> Result<Arc<Sealer>, Fault> {
        let random = || Fault::internal("no key can be made: the system's random number generator failed");
        let made = Sealer::random().ok_or_else(random)?;
        let known = self
            .store
            .setting(PAGING)
            .await
            .map_err(|error| Fault::of_store(&error))?;
        let text = match known {
            Some(setting) => setting.value,
            // A store that is not there has nothing to list, and is not created by reading it.
            None if matches!(self.store.identity().await, Ok(None)) => STANDARD.encode(made),
            None => self.new_page_key(STANDARD.encode(made)).await?,
        };
        let bytes = STANDARD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| <[u8; KEY]>::try_from(bytes).ok());
        let sealer = bytes.and_then(|bytes| Sealer::new(&bytes));
        sealer
            .map(Arc::new)
            .ok_or_else(|| Fault::internal(format!("the store's setting `{PAGING}` is not a key")))
    }

    async fn new_page_key(&self, text: String) -> Result<String, Fault> {
        let write = SettingWrite {
            name: PAGING.to_owned(),
            expected: None,
            value: Some(text.clone()),
        };
        let author = Author {
            owner: self.owner.clone(),
            actor: "meshform serve".to_owned(),
            run: None,
        };
        if let Err(error) = self.store.set_setting(write, &author).await {
            // Another server was faster, or the store is read-only for us.
            let found = self
                .store
                .setting(PAGING)
                .await
                .map_err(|error| Fault::of_store(&error))?;
            return found
                .map(|setting| setting.value)
                .ok_or_else(|| Fault::of_store(&error));
        }
        Ok(text)
    }

    /// What is not right yet with a resource that was written.
    pub(crate) async fn warning(&self, record: &Record) -> Option<String> {
        let missing = self
            .registry
            .views()
            .missing(&record.key, Some(record.revision))
            .await;
        let missing = missing.unwrap_or_default();
        let mut told: Vec<String> = missing
            .iter()
            .map(|reference| {
                let problem = dangling(reference);
                format!("{} [{}]", problem.message, problem.code)
            })
            .collect();
        if let Some(Ok(outcome)) = self.releases.report(&record.key.mesh)
            && outcome.verdict == ReleaseVerdict::Invalid
        {
            let first = outcome.diagnostics.iter().find(|problem| problem.is_error());
            told.extend(first.map(|problem| {
                format!(
                    "as of revision {} the mesh was not valid: {} [{}]",
                    outcome.revision, problem.message, problem.code
                )
            }));
        }
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Whether the store can be read now. A setting is asked for, because of its identity a store may know from before.
    pub(crate) async fn store_answers(&self) -> Result<(), String> {
        match tokio::time::timeout(STORE, self.store.setting(PAGING)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "the store {} did not answer within {STORE:?}",
                self.store.place()
            )),
        }
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Sees to what nobody has released: what a server wrote that was killed, or another writer that could not.
    pub(crate) async fn release_what_was_left(&self) -> Result<(), StoreError> {
        for mesh in self.store.meshes().await? {
            if self.store.get(&ResourceKey::mesh(&mesh)).await?.is_some() {
                self.releases.note(&mesh);
            }
        }
        Ok(())
    }

    /// Makes the last releases and ends the run.
    pub(crate) async fn close(&self) {
        let late = self.releases.flush(LAST_RELEASE).await;
        if !late.is_empty() {
            tracing::warn!(meshes = ?late, "not everything is released; the next server, or `meshform release`, does it");
        }
        if let Some(run) = self.known_run().await
            && let Err(error) = self.store.close_run(&run).await
        {
            tracing::warn!(%error, "the run could not be closed; the next one will find it dead");
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("store", &self.store.place())
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

//! Follows the proxy's `current.json`: brings each release to Envoy's files, sees whether Envoy takes it, and goes back
//! to the last good one where it does not.

mod aside;
mod confirmation;
mod refusal;

use crate::certificates::Certificates;
use crate::config::Config;
use crate::envoy::Updates;
use crate::exports::Exports;
use crate::kept::{AgentFolder, FollowerState};
use crate::log;
use crate::shared::{GOES_ON, Shared, jittered, now};
use crate::store::{ObjectRead, ObjectSource};
use confirmation::{CONFIRMATION, ConfirmationVerdict};
use meshform_bundle::codes::{
    AWAY, CERTIFICATES as UNUSED_CERTIFICATES, DIRECTORY, MALFORMED, OLDER, OTHER_DIRECTORY, UNCONFIRMED,
    UNPUBLISHED, told,
};
use meshform_bundle::objects::{Current, Delivery, EndpointSet};
use meshform_bundle::publish::Publisher;
use meshform_bundle::{Bundle, Digest, ROOT, endpoints, layout};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The pause between two looks after a change, because another one often follows: who shifts weights step by step need
/// not wait 15 s for each.
const QUICK: Duration = Duration::from_secs(2);
/// How long it is looked so often. Changes are rare, so that it adds little to what requests to a bucket cost.
const QUICK_FOR: Duration = Duration::from_secs(300);

/// The pause between two looks at files of certificates. It is a `stat` of a few files; a change needs two looks, and
/// is in use within four seconds.
const CERTIFICATES: Duration = Duration::from_secs(2);

/// How long the store has to answer before a proxy starts from what it has on disk: an application that waits for its
/// proxy is worth more than the newest release.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// The publisher that the directory's ledger names: no store's id, so that no other publisher shares the directory.
const PUBLISHER: &str = "meshform-agent";

pub(crate) struct Follower {
    pub(crate) config: Rc<Config>,
    pub(crate) store: ObjectSource,
    pub(crate) kept: Rc<AgentFolder>,
    pub(crate) shared: Rc<Shared>,
    memory: FollowerState,
    /// What the object was when it was last taken.
    seen: Option<String>,
    /// The bundle that it named last, in this life.
    named: Option<Digest>,
    quick_until: Option<Instant>,
    certificates: Certificates,
    exports: Exports,
}

/// That an object cannot be used, and what to do.
fn unusable(error: &meshform_bundle::Error) -> String {
    let remedy = match error {
        meshform_bundle::Error::Newer { .. } => "update meshform-agent",
        _ => "`meshform release` writes it again",
    };
    told(MALFORMED, format!("{error}; {remedy}"))
}

/// What is written for Envoy.
struct AppliedBundle {
    bundle: Bundle,
    /// The versions of the lists of listeners and clusters.
    listeners: String,
    clusters: String,
}

impl Follower {
    pub(crate) fn new(
        config: Rc<Config>,
        store: ObjectSource,
        kept: Rc<AgentFolder>,
        shared: Rc<Shared>,
    ) -> Self {
        let memory = kept.memory();
        let exports = Exports::new(&config.dir, config.certificates);
        Self {
            config,
            store,
            kept,
            shared,
            memory,
            seen: None,
            named: None,
            quick_until: None,
            certificates: Certificates::default(),
            exports,
        }
    }

    /// Runs until the process ends.
    pub(crate) async fn run(mut self) {
        self.shared
            .status
            .borrow_mut()
            .rejected
            .clone_from(&self.memory.rejected);
        if let Some(rejected) = self.memory.rejected.clone() {
            // Taken away when this instance ended before, and refused all the same.
            self.mark(&rejected).await;
        }
        // Envoy is started with files once, or each time that its control plane is away when it is started.
        let mut begun = None;
        let to_begin = |shared: &Shared, begun: Option<u32>| {
            shared.follows_files() && begun != Some(shared.files_turn.get())
        };
        loop {
            if to_begin(&self.shared, begun) {
                begun = Some(self.shared.files_turn.get());
                self.begin().await;
            }
            let next = Instant::now() + self.pause();
            while Instant::now() < next && !to_begin(&self.shared, begun) {
                let pause = CERTIFICATES.min(next.saturating_duration_since(Instant::now()));
                let _ = tokio::time::timeout(pause, self.shared.files_needed.notified()).await;
                if self.shared.endpoints_changed.get()
                    && let Err(error) = self.renew_endpoints().await
                {
                    log::error(&error);
                }
                if self.exports.are_due() {
                    self.renew_exports().await;
                }
                if self.certificates.have_changed()
                    && let Err(error) = self.renew().await
                {
                    let error = told(UNUSED_CERTIFICATES, error);
                    log::error(&error);
                    *self.shared.certificates.borrow_mut() = Some(error);
                }
            }
            if !to_begin(&self.shared, begun) {
                self.look(Duration::MAX).await;
            }
            if self.shared.delivery.get() == Some(Delivery::Ads) {
                self.tell_release().await;
            }
        }
    }

    /// Brings Envoy the first release: what is newest, if it is available; a store that is away must not keep a proxy from
    /// starting.
    async fn begin(&mut self) {
        if self.config.own_discovery {
            // Envoy is to begin with addresses, if they can be had.
            let known = self.shared.endpoints_known.notified();
            let _ = tokio::time::timeout(FIRST_LOOK, known).await;
        }
        self.seen = None;
        self.look(FIRST_LOOK).await;
        if self.shared.store.borrow().is_some() {
            // Who starts a task waits for it: it is looked again sooner than at rest.
            self.quick_until = Some(Instant::now() + QUICK_FOR);
        }
        for known in [self.memory.waiting.clone(), self.memory.good.clone()] {
            if self.shared.status.borrow().bundle.is_none()
                && let Some(known) = known
            {
                log::info("starting from the last good release on this disk");
                if let Err(error) = self.apply(&known).await {
                    log::error(&format!("the last good release cannot be used: {error}"));
                }
            }
        }
    }

    /// Takes away from the disk what nothing needs any more.
    fn sweep(&self) {
        let needed = [&self.memory.good, &self.memory.waiting];
        let needed = needed.into_iter().flatten();
        let needed: Vec<&Digest> = needed
            .flat_map(|one| one.bundle.iter().chain(&one.endpoints))
            .collect();
        self.kept.sweep(&needed);
    }

    /// Lets Envoy read certificates again that have changed. What it refuses is no fault of the release: it goes on with
    /// those that it has, and the next change is tried.
    async fn renew(&mut self) -> Result<(), String> {
        let admin = self.shared.admin.borrow().clone();
        let (Some(admin), Some(good)) = (admin, self.memory.good.clone()) else {
            return Ok(());
        };
        if self.shared.status.borrow().bundle != good.bundle {
            return Ok(());
        }
        let before = admin.updates().await?;
        self.write(&good).await?;
        // Envoy reads files within milliseconds of the swap, and there is no version to wait for.
        sleep(Duration::from_secs(1)).await;
        let refused = admin.updates().await?.refused_since(&before);
        if !refused.is_empty() {
            return Err(format!(
                "Envoy refused certificates that have changed ({}): certificate and key must belong together; it \
                 keeps the previous ones",
                refused.join(", ")
            ));
        }
        log::info("certificates have changed, and Envoy has read them again");
        self.shared.certificates.take();
        let certificates = admin.certificates().await;
        self.shared.status.borrow_mut().certificates = certificates;
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Brings the addresses to Envoy that this proxy has found itself.
    async fn renew_endpoints(&mut self) -> Result<(), String> {
        let Some(good) = self.memory.good.clone() else {
            return Ok(());
        };
        if self.shared.status.borrow().bundle != good.bundle {
            return Ok(());
        }
        self.apply(&good).await
    }

    /// Takes up what ACM has renewed: files, whose change is seen as that of any other certificate.
    async fn renew_exports(&mut self) {
        let problems = self.exports.renew().await;
        let before = self.shared.exports.replace(problems.clone());
        let new: Vec<&String> = problems.iter().filter(|one| !before.contains(one)).collect();
        new.iter().for_each(|problem| log::warn(problem));
        if before != problems {
            self.shared.changed.notify_one();
        }
    }

    /// The time until the next look.
    fn pause(&self) -> Duration {
        let quick = self.quick_until.is_some_and(|until| Instant::now() < until);
        let pace = if quick {
            QUICK.min(self.store.pace())
        } else {
            self.store.pace()
        };
        jittered(self.store.throttled(pace))
    }

    async fn look(&mut self, patience: Duration) {
        let key = self.config.proxy.current_key();
        let asked = self.store.look(&key, self.seen.as_deref());
        let answer = match tokio::time::timeout(patience, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "the store has not answered within {} s",
                patience.as_secs()
            )),
        };
        let outcome = match answer {
            Ok(ObjectRead::Unchanged) => Ok(()),
            Ok(ObjectRead::Missing) => Err(told(
                UNPUBLISHED,
                format!(
                    "nothing is published for {}: {key} is not in {}; publish the mesh there, or correct the name",
                    self.config.proxy, self.config.store
                ),
            )),
            Ok(ObjectRead::Found(bytes, version)) => {
                self.take(&bytes).await.map(|()| self.seen = Some(version))
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {
                if self.shared.store.take().is_some() {
                    log::info("the store can be read again");
                    self.shared.changed.notify_one();
                }
            }
            Err(error) if self.store.is_throttled() => {
                self.store_fails(format!("{error}; it is polled less often until it answers"));
            }
            Err(error) => self.store_fails(error),
        }
    }

    /// Said once, and kept for who asks.
    fn store_fails(&self, error: String) {
        let message = told(AWAY, error);
        let before = self.shared.store.replace(Some(message.clone()));
        if before.as_ref() != Some(&message) {
            let has_any = self.memory.good.is_some() || self.memory.waiting.is_some();
            let meanwhile = if has_any {
                GOES_ON
            } else {
                "Envoy waits for a release"
            };
            log::warn(&format!("{message}; {meanwhile}"));
        }
    }

    /// Does what the object says.
    async fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        let current = Current::decode(&self.config.proxy, bytes).map_err(|error| unusable(&error))?;
        if current.sequence < self.memory.sequence {
            return Err(told(
                OLDER,
                format!(
                    "current.json has sequence {}, but {} was seen before: an older publisher wrote it, and the \
                     next release corrects that; or the store was re-created, and then {} has to be emptied while \
                     the agent is stopped",
                    current.sequence,
                    self.memory.sequence,
                    self.config.dir.display()
                ),
            ));
        }
        self.memory.sequence = current.sequence;
        self.named.clone_from(&current.bundle);
        self.shared.status.borrow_mut().sequence = current.sequence;
        if !self.shared.follows_files() {
            return self.put_by(&current).await;
        }
        // Without another release to stay with, the refused one is tried again: what was missing may be there now.
        if let Some(good) = self.memory.good.clone()
            && good.bundle != current.bundle
            && self.is_refused(&current).await?
        {
            let is_in_effect = self.shared.status.borrow().bundle == current.bundle;
            let good = self.with_endpoints(&good, current.endpoints.as_ref()).await?;
            if is_in_effect {
                // The way back had failed.
                self.write(&good).await?;
                self.shared.changed.notify_one();
            } else if self.memory.good.as_ref() != Some(&good) {
                self.quick_until = Some(Instant::now() + QUICK_FOR);
                return self.apply(&good).await;
            }
            return Ok(());
        }
        let same = {
            let status = self.shared.status.borrow();
            status.since > 0 && status.bundle == current.bundle && status.endpoints == current.endpoints
        };
        // Written is not taken: only what Envoy has confirmed needs nothing more.
        let is_confirmed = self
            .memory
            .good
            .as_ref()
            .is_some_and(|good| good.bundle == current.bundle && good.endpoints == current.endpoints);
        if same && is_confirmed {
            return self.is_good(&current).await;
        }
        self.quick_until = Some(Instant::now() + QUICK_FOR);
        self.apply(&current).await
    }

    /// Brings it to Envoy, and back if Envoy refuses it.
    async fn apply(&mut self, current: &Current) -> Result<(), String> {
        let admin = self.shared.admin.borrow().clone();
        // Without its counters nobody can tell later what it refused: the next look tries again.
        let before = match &admin {
            Some(admin) => admin.updates().await?,
            None => Updates::default(),
        };
        let ends = self.shared.ends.get().0;
        let written = self.write(current).await?;
        let verdict = match &written {
            None => ConfirmationVerdict::Taken,
            Some(written) => self.confirm(written, before, ends).await,
        };
        match verdict {
            ConfirmationVerdict::Taken => self.is_good(current).await,
            // An error, so that the next look goes on with it.
            ConfirmationVerdict::Open => Err(told(
                UNCONFIRMED,
                format!(
                    "Envoy has not confirmed the release within {} s",
                    CONFIRMATION.as_secs()
                ),
            )),
            ConfirmationVerdict::Refused(problems) => self.go_back(current, problems).await,
        }
    }

    /// Remembers it as what to go back to.
    async fn is_good(&mut self, current: &Current) -> Result<(), String> {
        self.shared.took_release.set(true);
        // Going on with an earlier release makes no refused one good.
        let heals = self.memory.rejected.is_some() && self.named == current.bundle;
        if self.memory.good.as_ref() == Some(current) && !heals {
            let release = current.release.clone();
            self.shared.status.borrow_mut().release = release;
            return Ok(());
        }
        if heals {
            self.memory.rejected = None;
            self.memory.earlier.clear();
        }
        let before = self.memory.good.replace(current.clone());
        if let Some(release) = &current.release
            && before.is_none_or(|before| before.release.as_ref() != Some(release))
        {
            log::info(&format!("release {} is in effect", release.short()));
        }
        self.memory.waiting = None;
        self.kept.remember(&self.memory)?;
        self.sweep();
        self.exports.sweep();
        {
            let mut status = self.shared.status.borrow_mut();
            status.release.clone_from(&current.release);
            status.rejected.clone_from(&self.memory.rejected);
        }
        self.shared.changed.notify_one();
        if heals {
            let key = self.config.proxy.rejected_key(&self.instance());
            if let Err(error) = self.store.remove(&key).await {
                log::warn(&error);
            }
        }
        Ok(())
    }

    fn instance(&self) -> String {
        self.shared.status.borrow().instance.clone()
    }

    /// Writes Envoy's files; none where the proxy is to let go.
    async fn write(&mut self, current: &Current) -> Result<Option<AppliedBundle>, String> {
        let bundle = match &current.bundle {
            Some(digest) => Some((digest.clone(), self.bundle(digest).await?)),
            None => None,
        };
        let Some((digest, mut bundle)) = bundle else {
            self.publish(None).await?;
            self.in_effect(current);
            log::warn(&format!(
                "{} was removed from the mesh: Envoy serves nothing any more",
                self.config.proxy
            ));
            return Ok(None);
        };
        self.shared
            .needs_endpoints
            .set(endpoints::are_looked_up(&bundle.resources));
        let mut name = digest;
        if let Some(endpoints) = &current.endpoints {
            let set = self.endpoints(endpoints).await?;
            endpoints::merge(&mut bundle.resources, &set).map_err(|error| told(MALFORMED, error))?;
            name = Digest::of(format!("{name}+{endpoints}").as_bytes());
        }
        let own = self.shared.endpoints.borrow().clone();
        if let Some(set) = own.filter(|_| self.config.own_discovery) {
            self.shared.endpoints_changed.set(false);
            endpoints::merge(&mut bundle.resources, &set).map_err(|error| told(MALFORMED, error))?;
            let bytes = set.encode().map_err(|error| error.to_string())?;
            name = Digest::of(format!("{name}+{}", Digest::of(&bytes)).as_bytes());
            self.kept.keep_endpoints(&set)?;
        }
        self.exports.ensure(&bundle).await?;
        self.certificates.follow(&mut bundle, &self.config.dir)?;
        if self.certificates.turn() > 0 {
            name = Digest::of(format!("{name}/{}", self.certificates.turn()).as_bytes());
        }
        let files = layout::files(&bundle.resources, &self.config.dir);
        let version = |file: &str| -> String {
            let value: serde_json::Value = files
                .get(file)
                .and_then(|text| serde_json::from_slice(text).ok())
                .unwrap_or_default();
            value
                .get("version_info")
                .and_then(|text| text.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let written = AppliedBundle {
            listeners: version(layout::LISTENERS),
            clusters: version(layout::CLUSTERS),
            bundle: bundle.clone(),
        };
        self.publish(Some((name, bundle))).await?;
        self.in_effect(current);
        self.shared.startable.notify_one();
        Ok(Some(written))
    }

    fn in_effect(&self, current: &Current) {
        let differs = |started: &Digest| {
            let written = std::fs::read(self.config.bootstrap());
            // Without files there is nothing to start anew with.
            written.is_ok_and(|text| Digest::of(&text) != *started)
        };
        let needs_restart = self.shared.bootstrap.borrow().as_ref().is_some_and(differs);
        let mut status = self.shared.status.borrow_mut();
        status.needs_restart = needs_restart;
        // Endpoints come and go by the minute, and are no other configuration.
        if status.bundle != current.bundle || status.since == 0 {
            status.since = now();
        }
        status.bundle.clone_from(&current.bundle);
        status.endpoints.clone_from(&current.endpoints);
    }

    /// A set of endpoints, from this disk or the store.
    async fn endpoints(&mut self, digest: &Digest) -> Result<EndpointSet, String> {
        let key = EndpointSet::key(self.config.proxy.mesh(), digest);
        let bytes = self.fetch(&key, digest).await?;
        EndpointSet::decode(&bytes).map_err(|error| unusable(&error))
    }

    /// A bundle, from this disk or the store.
    async fn bundle(&mut self, digest: &Digest) -> Result<Bundle, String> {
        let key = self.config.proxy.bundle_key(digest);
        let bytes = self.fetch(&key, digest).await?;
        let bundle = Bundle::decode(&self.config.proxy, &bytes).map_err(|error| unusable(&error))?;
        let folder = self.config.proxy.folder();
        let ours = [
            format!("{ROOT}/{folder}/"),
            format!("{}/", self.config.folder().display()),
        ];
        if ours
            .iter()
            .any(|folder| bundle.bootstrap.as_str().contains(folder.as_str()))
        {
            return Ok(bundle);
        }
        Err(told(
            OTHER_DIRECTORY,
            format!(
                "the proxy profile of {} sets another `directory` than {}: remove it from the profile",
                self.config.proxy,
                self.config.folder().display()
            ),
        ))
    }

    /// An object that is named by its content.
    async fn fetch(&mut self, key: &str, digest: &Digest) -> Result<Vec<u8>, String> {
        if let Some(bytes) = self.kept.blob(digest) {
            return Ok(bytes);
        }
        let bytes = self.store.read(key).await?;
        let found = Digest::of(&bytes);
        if found != *digest {
            return Err(told(
                MALFORMED,
                format!(
                    "{key} is damaged: its content has the digest {found}; `meshform release` writes it again"
                ),
            ));
        }
        self.kept.keep(digest, &bytes)?;
        Ok(bytes)
    }

    /// Puts the files where Envoy reads them, in a thread of its own: there are waits on the way.
    async fn publish(&self, bundle: Option<(Digest, Bundle)>) -> Result<(), String> {
        let config = Rc::clone(&self.config);
        let (dir, mesh) = (config.dir.clone(), config.proxy.mesh().to_owned());
        let folder = config.proxy.folder();
        let work = move || {
            let publisher = Publisher::new(dir);
            let session = publisher.lock(&mesh, &|_| {})?;
            let wanted = bundle.iter().map(|(digest, _)| (folder.clone(), digest.clone()));
            let release = bundle.as_ref().map(|(digest, _)| digest);
            let work = session.compare(PUBLISHER, release, wanted.collect())?;
            let bundles: BTreeMap<Digest, Bundle> = bundle.clone().into_iter().collect();
            session.apply(work, &bundles)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome.map(drop).map_err(|error| told(DIRECTORY, error)),
            Err(error) => Err(error.to_string()),
        }
    }
}

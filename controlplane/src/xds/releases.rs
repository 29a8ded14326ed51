//! The releases that streams are fed from: one task for each mesh that somebody asks for, which looks at its pointer.

use super::hosts::Polled;
use super::view::{Pool, Shared, View};
use meshform_bundle::ProxyId;
use meshform_bundle::exported::Exported;
use meshform_bundle::layout::types;
use meshform_model::digest::Digest;
use meshform_release::{ReadSets, RefusalMemory, Refusals, Releaser, ServedRelease};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// How many bundles are read at once: enough for a store over a network, and few enough that a change of a large mesh is
/// not held in memory as a whole while it is taken apart.
const AT_ONCE: usize = 16;

/// What is known of a mesh.
#[derive(Debug, Clone)]
pub(crate) enum CurrentRelease {
    /// The store has not been looked at yet.
    Unknown,
    None,
    Release(Arc<ServedRelease>),
}

/// What streams of a mesh are fed from: its release and its polled endpoints.
#[derive(Debug, Clone)]
pub(crate) struct MeshState {
    pub(crate) release: CurrentRelease,
    pub(crate) polled: Arc<Polled>,
}

/// The releases of the meshes that somebody asks for.
#[derive(Debug)]
pub(crate) struct Releases {
    releaser: Arc<Releaser>,
    /// The pause between two looks at a pointer.
    pause: Duration,
    meshes: Mutex<BTreeMap<String, watch::Receiver<MeshState>>>,
    pool: Pool,
    views: Mutex<Views>,
    /// The turns of those who ask for one view: a change wakes all tasks of a proxy at the same moment, and the first reads
    /// for all.
    turns: Mutex<Shared<ViewKey, tokio::sync::Mutex<()>>>,
    readers: Semaphore,
}

type ViewKey = (ProxyId, Digest);

/// Views by proxy and by the digest of its bundle: a release that leaves a proxy's bundle as it was costs it nothing.
type Views = Shared<ViewKey, View>;

impl Releases {
    pub(crate) fn new(releaser: Releaser, pause: Duration) -> Self {
        Self {
            releaser: Arc::new(releaser),
            pause,
            meshes: Mutex::default(),
            pool: Pool::default(),
            views: Mutex::default(),
            turns: Mutex::default(),
            readers: Semaphore::new(AT_ONCE),
        }
    }

    /// The current release of a mesh, followed as long as somebody listens.
    pub(crate) fn of(&self, mesh: &str) -> watch::Receiver<MeshState> {
        let mut meshes = locked(&self.meshes);
        if let Some(known) = meshes.get(mesh)
            && known.has_changed().is_ok()
        {
            return known.clone();
        }
        let (sender, receiver) = watch::channel(MeshState {
            release: CurrentRelease::Unknown,
            polled: Arc::default(),
        });
        meshes.insert(mesh.to_owned(), receiver.clone());
        tokio::spawn(follow(
            Arc::clone(&self.releaser),
            mesh.to_owned(),
            self.pause,
            sender,
        ));
        receiver
    }

    /// What a proxy is told by a release; none where the release does not have it.
    pub(crate) async fn view(
        self: &Arc<Self>,
        served: &ServedRelease,
        proxy: &ProxyId,
    ) -> Result<Option<Arc<View>>, String> {
        let Some(entry) = served.proxy(proxy) else {
            return Ok(None);
        };
        let key = (proxy.clone(), entry.bundle.clone());
        if let Some(known) = locked(&self.views).get(&key) {
            return Ok(Some(known));
        }
        // In a task of its own: a stream is worked on only while its client reads, and others wait for what is read here.
        let (this, served, proxy) = (Arc::clone(self), served.clone(), proxy.clone());
        let read = tokio::spawn(async move { this.read(&served, &proxy, key).await });
        read.await.map_err(|error| error.to_string())?
    }

    async fn read(
        &self,
        served: &ServedRelease,
        proxy: &ProxyId,
        key: ViewKey,
    ) -> Result<Option<Arc<View>>, String> {
        let turn = locked(&self.turns).get_or_put(&key);
        let _turn = turn.lock().await;
        if let Some(known) = locked(&self.views).get(&key) {
            return Ok(Some(known));
        }
        let _reader = self.readers.acquire().await;
        let bundle = self
            .releaser
            .bundle(served, proxy)
            .await
            .map_err(|error| error.to_string())?;
        let Some(bundle) = bundle else {
            return Ok(None);
        };
        let secrets = bundle
            .resources
            .iter()
            .filter(|one| one.type_url == types::SECRET);
        for secret in secrets.filter(|secret| Exported::of_secret(&secret.name).is_some()) {
            tracing::warn!(
                %proxy, secret = secret.name,
                "MF0312: agents take this certificate from ACM, and an Envoy that has its configuration by ADS gets no files of \
                 an agent: give it files or SDS in the proxy profile"
            );
        }
        let view = Arc::new(View::new(bundle, &self.pool)?);
        locked(&self.views).put(key, &view);
        Ok(Some(view))
    }

    /// What a proxy was told by the release before; none where it had none, or where that cannot be read any more.
    pub(crate) async fn view_before(
        self: &Arc<Self>,
        served: &ServedRelease,
        proxy: &ProxyId,
    ) -> Option<Arc<View>> {
        let before = self.releaser.served_before(served).await.ok()??;
        self.view(&before, proxy).await.ok()?
    }

    /// Notes which proxies refuse a release, and which have taken it.
    pub(crate) async fn note_refusals(
        &self,
        mesh: &str,
        release: &str,
        seen: &Refusals,
        memory: &mut RefusalMemory,
    ) -> Result<(), String> {
        let Some(release) = Digest::parse(release) else {
            return Ok(());
        };
        let noted = self.releaser.note_refusals(mesh, &release, seen, memory).await;
        noted.map_err(|error| error.to_string())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at a mesh's pointer, and at what pollers have found, until nobody asks for it.
async fn follow(releaser: Arc<Releaser>, mesh: String, pause: Duration, sender: watch::Sender<MeshState>) {
    let mut looks = ReleaseFollower {
        releaser,
        mesh,
        read: ReadSets::default(),
        pointer: FailureFlag::default(),
        hosts: FailureFlag::default(),
    };
    // The map has a receiver too.
    while sender.receiver_count() > 1 {
        let told = sender.borrow().clone();
        if let Some(next) = looks.next(&told).await {
            sender.send_replace(next);
        }
        tokio::time::sleep(pause).await;
    }
}

/// What one who follows a mesh remembers.
struct ReleaseFollower {
    releaser: Arc<Releaser>,
    mesh: String,
    read: ReadSets,
    pointer: FailureFlag,
    hosts: FailureFlag,
}

/// Whether something fails, so that it is logged once.
#[derive(Default)]
struct FailureFlag(bool);

impl FailureFlag {
    fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.0, true)
    }
}

impl ReleaseFollower {
    /// What is told from now on; none where that is what was told before. Who was told something goes on with it where the
    /// store does not answer.
    async fn next(&mut self, told: &MeshState) -> Option<MeshState> {
        let served = match self.releaser.served(&self.mesh).await {
            Ok(served) => served,
            Err(error) => {
                if self.pointer.begins() {
                    tracing::warn!(mesh = self.mesh, %error, "the current release cannot be read; proxies keep what they have");
                }
                return None;
            }
        };
        self.pointer = FailureFlag::default();
        let same = match (&told.release, &served) {
            (CurrentRelease::Release(known), Some(served)) => known.release() == served.release(),
            (CurrentRelease::None, None) => true,
            _ => false,
        };
        // A new release comes with the hosts of its new clusters.
        let polled = match &served {
            Some(served) => self.polled(served, &told.polled).await,
            None => Polled::default(),
        };
        if same && polled == *told.polled {
            return None;
        }
        let release = match same {
            true => told.release.clone(),
            false => served.map_or(CurrentRelease::None, |served| {
                CurrentRelease::Release(Arc::new(served))
            }),
        };
        let polled = Arc::new(polled);
        Some(MeshState { release, polled })
    }

    /// What pollers have found for a release.
    async fn polled(&mut self, served: &ServedRelease, before: &Polled) -> Polled {
        if served.polled().next().is_none() {
            return Polled::default();
        }
        let hosts = self.releaser.hosts(served, &mut self.read).await;
        let mut problem = hosts.problem.as_ref().map(ToString::to_string);
        let polled = before.then(served, hosts).unwrap_or_else(|error| {
            problem = Some(error);
            before.clone()
        });
        match problem {
            None => self.hosts = FailureFlag::default(),
            Some(problem) if self.hosts.begins() => {
                tracing::warn!(
                    mesh = self.mesh,
                    problem,
                    "what the poller of endpoints has written cannot be read; proxies keep the hosts that they have"
                );
            }
            Some(_) => {}
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::key::ResourceKey;
    use meshform_model::kind::Kind;
    use meshform_release::EnvoyBuilder;
    use meshform_store::{Author, Expected, RecordDraft, SqliteOptions, SqliteStore, Store};
    use serde_json::{Value as Json, json};

    async fn write(store: &dyn Store, key: ResourceKey, spec: Json) {
        let author = Author {
            owner: "team".to_owned(),
            actor: "test".to_owned(),
            run: None,
        };
        let draft = RecordDraft::new(key, json!({ "spec": spec }));
        store.put(draft, Expected::Absent, &author).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_tasks_of_a_proxy_have_one_view_for_as_long_as_its_bundle_stays() {
        let directory = tempfile::TempDir::new().unwrap();
        let options = SqliteOptions::new(directory.path().join("store"));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).unwrap());
        let node = |name: &str| ResourceKey::in_mesh("m", Kind::VirtualNode, name);
        let spec = json!({
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "a.local"}},
        });
        write(&*store, ResourceKey::mesh("m"), json!({})).await;
        write(&*store, node("a"), spec.clone()).await;
        let author = Author {
            owner: "team".to_owned(),
            actor: "test".to_owned(),
            run: None,
        };
        let releaser = Releaser::new(Arc::clone(&store), Arc::new(EnvoyBuilder), author);
        releaser.release("m").await.unwrap();
        let first = releaser.served("m").await.unwrap().unwrap();
        let releases = Arc::new(Releases::new(releaser.clone(), Duration::from_secs(1)));

        let a = ProxyId::virtual_node("m", "a");
        let asked = (0..50).map(|_| {
            let (releases, served, a) = (Arc::clone(&releases), first.clone(), a.clone());
            tokio::spawn(async move { releases.view(&served, &a).await })
        });
        let asked: Vec<_> = asked.collect();
        let mut views = Vec::new();
        for one in asked {
            views.push(one.await.unwrap().unwrap().unwrap());
        }
        assert!(views.iter().all(|view| Arc::ptr_eq(view, &views[0])));

        write(&*store, node("b"), spec).await;
        releaser.release("m").await.unwrap();
        let second = releaser.served("m").await.unwrap().unwrap();
        assert_ne!(first.release(), second.release());
        let view = releases.view(&second, &a).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&view, &views[0]));
        let nobody = ProxyId::virtual_node("m", "c");
        assert!(releases.view(&second, &nobody).await.unwrap().is_none());
    }
}

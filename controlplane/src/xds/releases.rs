//! The releases that streams are fed from: one task for each mesh that somebody asks for, which looks at its pointer.

use super::view::{Pool, View};
use meshform_bundle::ProxyId;
use meshform_bundle::exported::Exported;
use meshform_bundle::layout::types;
use meshform_model::digest::Digest;
use meshform_release::{Refusals, Releaser, Served};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What is known of a mesh.
#[derive(Debug, Clone)]
pub(crate) enum Current {
    /// Nothing yet.
    Unknown,
    /// There is no release.
    None,
    Release(Arc<Served>),
}

/// The releases of the meshes that somebody asks for.
#[derive(Debug)]
pub(crate) struct Releases {
    releaser: Arc<Releaser>,
    /// The pause between two looks at a pointer.
    pause: Duration,
    meshes: Mutex<BTreeMap<String, watch::Receiver<Current>>>,
    pool: Pool,
    views: Mutex<Views>,
}

/// Views by proxy and by the digest of its bundle.
type Views = BTreeMap<(String, String), std::sync::Weak<View>>;

impl Releases {
    pub(crate) fn new(releaser: Releaser, pause: Duration) -> Self {
        Self {
            releaser: Arc::new(releaser),
            pause,
            meshes: Mutex::default(),
            pool: Pool::default(),
            views: Mutex::default(),
        }
    }

    /// Follows a mesh.
    pub(crate) fn of(&self, mesh: &str) -> watch::Receiver<Current> {
        let mut meshes = self.meshes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = meshes.get(mesh)
            && known.has_changed().is_ok()
        {
            return known.clone();
        }
        let (sender, receiver) = watch::channel(Current::Unknown);
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
    pub(crate) async fn view(&self, served: &Served, proxy: &ProxyId) -> Result<Option<Arc<View>>, String> {
        let Some(entry) = served.proxy(proxy) else {
            return Ok(None);
        };
        let key = (
            proxy.to_string(),
            format!("{} {}", served.release(), entry.bundle),
        );
        if let Some(known) = self.views().get(&key).and_then(std::sync::Weak::upgrade) {
            return Ok(Some(known));
        }
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
        let view = Arc::new(View::new(served.release().as_str(), &bundle, &self.pool)?);
        let mut views = self.views();
        views.retain(|_, view| view.strong_count() > 0);
        views.insert(key, Arc::downgrade(&view));
        drop(views);
        self.pool.sweep();
        Ok(Some(view))
    }

    /// What a proxy was told by the release before; none where it had none, or where that cannot be read any more.
    pub(crate) async fn view_before(&self, served: &Served, proxy: &ProxyId) -> Option<Arc<View>> {
        let before = self.releaser.served_before(served).await.ok()??;
        self.view(&before, proxy).await.ok()?
    }

    /// Notes which proxies refuse a release, and which have taken it.
    pub(crate) async fn note_refusals(
        &self,
        mesh: &str,
        release: &str,
        seen: &Refusals,
    ) -> Result<(), String> {
        let Some(release) = Digest::parse(release) else {
            return Ok(());
        };
        let noted = self.releaser.note_refusals(mesh, &release, seen).await;
        noted.map_err(|error| error.to_string())
    }

    fn views(&self) -> std::sync::MutexGuard<'_, Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at a mesh's pointer until nobody asks for it.
async fn follow(releaser: Arc<Releaser>, mesh: String, pause: Duration, sender: watch::Sender<Current>) {
    let mut failed = false;
    // The map has a receiver too.
    while sender.receiver_count() > 1 {
        match releaser.served(&mesh).await {
            Ok(served) => {
                failed = false;
                sender.send_if_modified(|current| take(current, served));
            }
            // Who was told something goes on with it.
            Err(error) if !failed => {
                failed = true;
                tracing::warn!(mesh, %error, "the current release cannot be read; proxies keep what they have");
            }
            Err(_) => {}
        }
        tokio::time::sleep(pause).await;
    }
}

fn take(current: &mut Current, served: Option<Served>) -> bool {
    let same = match (&*current, &served) {
        (Current::Release(known), Some(served)) => known.release() == served.release(),
        (Current::None, None) => true,
        _ => false,
    };
    if !same {
        *current = served.map_or(Current::None, |served| Current::Release(Arc::new(served)));
    }
    !same
}

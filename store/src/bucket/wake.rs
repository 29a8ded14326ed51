//! The object `wake`: a random id that says that something changed in the store, so that whoever follows it asks for one
//! object instead of listing every mesh.
//!
//! It is a hint. It is written without a condition after a write, at most once a second by one process and once after
//! the last write; a follower lists now and then all the same.

use crate::error::StoreError;
use crate::ids::Ids;
use crate::storage::{ObjectContent, Objects};
use crate::trouble::ServiceFailure;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const NAME: &str = "wake";

/// The least time between two writes of the hint: Google Cloud Storage takes one write a second of the same object, and
/// followers look once a second.
const WRITES: Duration = Duration::from_secs(1);

/// The pauses between two looks at it: short at first, because who begins to wait mostly waits for what is being
/// written now.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LOOKS: Duration = Duration::from_secs(1);

/// So long after its last list a follower lists again, whatever the hint says: writers may lack the permission to write
/// it, and older versions do not.
const RELIST: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(super) struct Wake(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    objects: Objects,
    ids: Arc<dyn Ids>,
    writing: Mutex<Writing>,
    /// Whether the storage refuses the object: said once, and then left alone.
    refused: AtomicBool,
    /// Locked while the storage is asked, so that those who come meanwhile take the answer instead of asking too.
    look: tokio::sync::Mutex<LastSeen>,
    /// Wakes those who follow in this process.
    own: Notify,
}

#[derive(Debug, Default)]
struct Writing {
    /// Something changed after the hint was written last.
    pending: bool,
    /// Somebody writes it, and looks again a second later.
    running: bool,
}

/// The hint as it was seen last.
#[derive(Debug, Default)]
struct LastSeen {
    seen: Option<ObjectContent>,
    /// How often it was another one.
    turn: u64,
    at: Option<Instant>,
}

impl Wake {
    pub(super) fn new(objects: Objects, ids: Arc<dyn Ids>) -> Self {
        Self(Arc::new(Shared {
            objects,
            ids,
            writing: Mutex::default(),
            refused: AtomicBool::new(false),
            look: tokio::sync::Mutex::default(),
            own: Notify::new(),
        }))
    }

    /// Says that something changed. Nobody waits for it.
    pub(super) fn note(&self) {
        self.0.own.notify_waiters();
        if self.0.refused.load(Ordering::Relaxed) {
            return;
        }
        {
            let mut writing = self.writing();
            writing.pending = true;
            if std::mem::replace(&mut writing.running, true) {
                return;
            }
        }
        let wake = self.clone();
        match self.0.objects.background() {
            Ok(background) => drop(background.spawn(async move {
                while wake.begin() {
                    wake.write().await;
                    tokio::time::sleep(WRITES).await;
                }
            })),
            Err(_) => self.writing().running = false,
        }
    }

    /// Writes what is still to be written, at the end of a run.
    pub(super) async fn flush(&self) {
        if std::mem::take(&mut self.writing().pending) {
            self.write().await;
        }
    }

    /// Whether there is something to write; where not, whoever writes ends.
    fn begin(&self) -> bool {
        let mut writing = self.writing();
        writing.running = std::mem::take(&mut writing.pending);
        writing.running
    }

    async fn write(&self) {
        let id = self.0.ids.next().into_bytes();
        if let Err(error) = self.0.objects.write(NAME, id).await {
            self.failed(&error);
        }
    }

    /// How often the hint changed so far. Those who ask at the same time share one request.
    pub(super) async fn turn(&self) -> u64 {
        let arrived = Instant::now();
        let mut look = self.0.look.lock().await;
        if self.0.refused.load(Ordering::Relaxed) || look.at.is_some_and(|at| at >= arrived) {
            return look.turn;
        }
        let begun = Instant::now();
        match self.0.objects.changed(NAME, look.seen.as_ref()).await {
            Ok(None) => look.at = Some(begun),
            Ok(Some(seen)) => {
                let another = look.seen.as_ref().is_none_or(|known| known.bytes != seen.bytes);
                look.turn += u64::from(another);
                look.seen = Some(seen);
                look.at = Some(begun);
            }
            Err(error) => self.failed(&error),
        }
        look.turn
    }

    /// Waits until the hint is another than at that turn, this process has written, or it is time to list again.
    pub(super) async fn another(&self, turn: u64) {
        let begun = Instant::now();
        let mut pause = FIRST_LOOK;
        while begun.elapsed() < RELIST {
            let own = self.0.own.notified();
            if tokio::time::timeout(pause, own).await.is_ok() || self.turn().await != turn {
                return;
            }
            pause = (pause * 2).min(LOOKS);
        }
    }

    /// It is a hint: without it a follower is slower, and nothing else.
    fn failed(&self, error: &StoreError) {
        let denied =
            matches!(error, StoreError::Storage(refused) if refused.trouble == ServiceFailure::Denied);
        if denied && !self.0.refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "followers of this store learn of changes later");
        }
    }

    fn writing(&self) -> std::sync::MutexGuard<'_, Writing> {
        self.0.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

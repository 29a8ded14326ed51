//! Gathers writes: a mesh is released when its writes pause, not once for each of them.

use crate::debouncer::Debouncer;
pub use crate::debouncer::Timing;
use crate::error::ReleaseError;
use crate::outcome::{ReleaseOutcome, ReleaseVerdict};
use crate::policy::{HoldPolicy, Trigger};
use crate::releaser::Releaser;
use meshform_model::diag::Diagnostic;
use meshform_store::Author;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// So long a release is held that takes routes away where only a delete waits for it: what could mend it waits for the
/// answer to that delete, or was not written at all.
const BRIEF: Duration = Duration::from_secs(1);

/// How long who waits for a release lets it be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as [`Timing::hold`] says.
    Usual,
    /// A moment: a delete waits, and others wait for its answer.
    Brief,
}

/// How the last attempt to release a mesh ended.
pub type ReleaseResult = Result<ReleaseOutcome, ReleaseError>;

/// Releases meshes some moments after they were written.
///
/// In a thread with a runtime of its own: whoever writes goes on, and while a command or an answer waits in another
/// runtime, releases still follow each other. One thread, because releases of one mesh come one after the other anyway.
/// Of the locks no two are held at once, and none while a release is made.
#[derive(Debug)]
pub struct ReleaseScheduler {
    shared: Arc<Shared>,
    orders: Mutex<Option<Sender<Order>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is to be done about a mesh, or about all that wait.
enum Order {
    Written(String),
    /// A part of it was taken away that is about to be made anew.
    Replacing(String),
    /// A release of it is demanded, whatever its policy says.
    Demanded(String),
    /// Somebody waits for its release.
    Soon(String, Patience),
    /// Another write has begun, so that pauses are to be told as usual.
    Usual(String),
    /// Do now what is waiting.
    Now,
}

#[derive(Debug)]
struct Shared {
    book: Mutex<SchedulerState>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct SchedulerState {
    writes: BTreeMap<String, Writes>,
    reports: BTreeMap<String, ReleaseResult>,
    /// The proxies that releases have changed since somebody asked, by mesh, as paths.
    changed: BTreeMap<String, BTreeSet<String>>,
}

/// How many writes of a mesh there were.
#[derive(Debug, Default)]
struct Writes {
    noted: u64,
    /// Those that an attempt to release the mesh has seen.
    done: u64,
    /// Those of whose release somebody was told who waited.
    told: u64,
    /// Who made those that are not released yet, where that was told.
    by: BTreeSet<String>,
}

/// A mesh with writes that are not released yet.
#[derive(Debug)]
struct Waiting {
    first: Instant,
    demanded: bool,
    /// Whether it was written since it was held.
    fresh: bool,
    /// When somebody began to wait for its release; `None` where nobody does.
    soon: Option<Instant>,
    /// Since when a release that takes routes away is held.
    held: Option<Instant>,
    /// How long who waits lets it be held.
    patience: Patience,
}

// === impl ReleaseScheduler ===

impl ReleaseScheduler {
    /// Begins to listen. Fails where the system gives no thread.
    pub fn start(releaser: Releaser, timing: Timing) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            book: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let (orders, queue) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let worker = shared.clone();
        let thread = std::thread::Builder::new()
            .name("meshform-release".to_owned())
            .spawn(move || {
                serve(&worker, &queue, timing, |mesh, trigger, writers| {
                    let releaser = match named(writers) {
                        Some(actor) => &releaser.written_by(Author {
                            actor,
                            ..releaser.author.clone()
                        }),
                        None => &releaser,
                    };
                    runtime.block_on(releaser.release_for(mesh, trigger))
                })
            })?;
        Ok(Self {
            shared,
            orders: Mutex::new(Some(orders)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Notes that a mesh was written: it is released as its policy says. Returns at once.
    pub fn note(&self, mesh: &str) {
        self.count(mesh);
        self.order(Order::Written(mesh.to_owned()));
    }

    /// Notes that a mesh was written by somebody, who stands in its history beside the release. Returns at once.
    pub fn note_by(&self, mesh: &str, actor: &str) {
        let mut book = self.shared.book();
        let writes = book.writes.entry(mesh.to_owned()).or_default();
        writes.by.insert(actor.to_owned());
        drop(book);
        self.note(mesh);
    }

    /// Notes that a part of a mesh was taken away that is about to be made anew: it is released with that, or when it
    /// was held for long enough. Returns at once.
    pub fn replacing(&self, mesh: &str) {
        self.count(mesh);
        self.order(Order::Replacing(mesh.to_owned()));
    }

    /// Orders a release of a mesh, also where its policy waits for one. Returns at once.
    pub fn demand(&self, mesh: &str) {
        self.count(mesh);
        self.order(Order::Demanded(mesh.to_owned()));
    }

    /// Says that another write of a mesh has begun, for which those may wait that wait for a release.
    pub fn begun(&self, mesh: &str) {
        self.order(Order::Usual(mesh.to_owned()));
    }

    /// Whether something was written to a mesh of whose release nobody was told.
    pub fn is_untold(&self, mesh: &str) -> bool {
        let book = self.shared.book();
        book.writes
            .get(mesh)
            .is_some_and(|writes| writes.told < writes.noted)
    }

    /// Waits until everything that was noted of a mesh is released, or could not be, and says how that ended. It is
    /// not put off any longer for writes that may follow.
    pub async fn settled(&self, mesh: &str, patience: Patience) -> Option<ReleaseResult> {
        self.order(Order::Soon(mesh.to_owned(), patience));
        let noted = self
            .shared
            .book()
            .writes
            .get(mesh)
            .map_or(0, |writes| writes.noted);
        let mut changed = self.shared.changed.subscribe();
        loop {
            {
                let mut book = self.shared.book();
                let writes = book.writes.get_mut(mesh)?;
                if writes.done >= noted {
                    writes.told = writes.told.max(writes.done);
                    return book.reports.get(mesh).cloned();
                }
            }
            // The sender lives as long as we do.
            let _ = changed.changed().await;
        }
    }

    /// Releases what is waiting, now, and waits for it. Returns the meshes that were not done in time, or are held; the
    /// next process that releases them finishes the work.
    pub async fn flush(&self, within: Duration) -> Vec<String> {
        self.order(Order::Now);
        let deadline = tokio::time::Instant::now() + within;
        let mut changed = self.shared.changed.subscribe();
        loop {
            let open: Vec<String> = self.shared.book().open().cloned().collect();
            if open.is_empty()
                || tokio::time::timeout_at(deadline, changed.changed())
                    .await
                    .is_err()
            {
                return open;
            }
        }
    }

    /// How the last attempt to release a mesh ended; none where there was none yet.
    pub fn report(&self, mesh: &str) -> Option<ReleaseResult> {
        self.shared.book().reports.get(mesh).cloned()
    }

    /// The proxies that releases of a mesh have changed since this was asked last: a long apply may be released in
    /// several steps.
    pub fn take_changed(&self, mesh: &str) -> BTreeSet<String> {
        self.shared.book().changed.remove(mesh).unwrap_or_default()
    }

    /// Everything that the last attempts had to say, by mesh.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let book = self.shared.book();
        let said = book.reports.values().flat_map(|report| match report {
            Ok(outcome) => outcome.diagnostics.clone(),
            Err(error) => vec![error.diagnostic()],
        });
        said.collect()
    }

    fn count(&self, mesh: &str) {
        self.shared
            .book()
            .writes
            .entry(mesh.to_owned())
            .or_default()
            .noted += 1;
    }

    fn order(&self, order: Order) {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = orders.as_ref() {
            // The thread ends only with us.
            let _ = orders.send(order);
        }
    }
}

/// Ends the thread, which does first what is waiting.
impl Drop for ReleaseScheduler {
    fn drop(&mut self) {
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

// === impl Shared, Book ===

impl Shared {
    fn book(&self) -> std::sync::MutexGuard<'_, SchedulerState> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SchedulerState {
    fn open(&self) -> impl Iterator<Item = &String> {
        self.writes
            .iter()
            .filter(|(_, writes)| writes.done < writes.noted)
            .map(|(mesh, _)| mesh)
    }
}

/// Who made a release, in one line; none where nobody was named.
fn named(writers: &BTreeSet<String>) -> Option<String> {
    const SHOWN: usize = 3;
    if writers.is_empty() {
        return None;
    }
    let first: Vec<&str> = writers.iter().take(SHOWN).map(String::as_str).collect();
    let more = match writers.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{}{more}", first.join(", ")))
}

// === The thread ===

/// What the thread knows of the meshes that wait.
struct SchedulerQueue {
    timing: Timing,
    waiting: BTreeMap<String, Waiting>,
    debouncers: BTreeMap<String, Debouncer>,
    /// How long the last release took.
    took: Duration,
}

fn serve(
    shared: &Shared,
    queue: &Receiver<Order>,
    timing: Timing,
    release: impl Fn(&str, Trigger, &BTreeSet<String>) -> ReleaseResult,
) {
    let mut desk = SchedulerQueue {
        timing,
        waiting: BTreeMap::new(),
        debouncers: BTreeMap::new(),
        took: Duration::ZERO,
    };
    let mut closing = false;
    while !closing || !desk.waiting.is_empty() {
        let next = desk.waiting.iter().map(|(mesh, one)| desk.due(mesh, one)).min();
        let order = match next {
            _ if closing => Err(RecvTimeoutError::Timeout),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        let mut hurry = closing;
        match order {
            Ok(Order::Now) => hurry = true,
            Ok(order) => {
                desk.take(order, Instant::now());
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => closing = true,
        }
        let now = Instant::now();
        for mesh in desk.ready(now, hurry || closing) {
            desk.release(shared, &mesh, &release);
            if closing {
                // What is still held was tried once more, and nobody is left to mend it.
                desk.waiting.remove(&mesh);
            }
        }
    }
}

impl SchedulerQueue {
    fn take(&mut self, order: Order, now: Instant) {
        let (mesh, replacing, demanded) = match order {
            Order::Written(mesh) => (mesh, false, false),
            Order::Replacing(mesh) => (mesh, true, false),
            Order::Demanded(mesh) => (mesh, false, true),
            Order::Soon(mesh, patience) => {
                if let Some(waiting) = self.waiting.get_mut(&mesh) {
                    waiting.soon = Some(now);
                    waiting.patience = patience;
                }
                return;
            }
            Order::Usual(mesh) => {
                if let Some(waiting) = self.waiting.get_mut(&mesh) {
                    waiting.soon = None;
                    waiting.patience = Patience::Usual;
                }
                return;
            }
            Order::Now => return,
        };
        match self.debouncers.get_mut(&mesh) {
            Some(debouncer) => debouncer.write(now, self.timing),
            None => drop(self.debouncers.insert(mesh.clone(), Debouncer::new(now))),
        }
        let entry = self.waiting.entry(mesh).or_insert(Waiting {
            first: now,
            demanded,
            fresh: false,
            soon: None,
            held: None,
            patience: Patience::Usual,
        });
        entry.demanded |= demanded;
        if replacing {
            entry.held.get_or_insert(now);
        } else {
            entry.fresh = true;
        }
    }

    /// When a mesh is to be released.
    fn due(&self, mesh: &str, waiting: &Waiting) -> Instant {
        let usual = self.debouncers.get(mesh).map_or(waiting.first, |debouncer| {
            let due = debouncer.due(waiting.first, self.timing, self.took);
            waiting.soon.map_or(due, |since| {
                due.min(since.max(debouncer.last()) + self.timing.quiet_awaited)
            })
        });
        match self.held_until(waiting) {
            Some(held) if !waiting.fresh && !waiting.demanded => held,
            Some(held) => usual.min(held),
            None => usual,
        }
    }

    /// Until when a release is held that takes routes away.
    fn held_until(&self, waiting: &Waiting) -> Option<Instant> {
        let long = match waiting.patience {
            Patience::Usual => self.timing.hold,
            Patience::Brief => self.timing.hold.min(BRIEF),
        };
        waiting.held.map(|since| since + long)
    }

    fn ready(&self, now: Instant, hurry: bool) -> Vec<String> {
        let ready = self
            .waiting
            .iter()
            .filter(|(mesh, one)| hurry || self.due(mesh, one) <= now);
        ready.map(|(mesh, _)| mesh.clone()).collect()
    }

    fn release(
        &mut self,
        shared: &Shared,
        mesh: &str,
        release: impl Fn(&str, Trigger, &BTreeSet<String>) -> ReleaseResult,
    ) {
        let Some(waiting) = self.waiting.remove(mesh) else {
            return;
        };
        let begun = Instant::now();
        let over =
            self.held_until(&waiting).is_some_and(|until| until <= begun) || self.timing.hold.is_zero();
        let trigger = match (waiting.demanded, over) {
            (true, _) => Trigger::Demand,
            (false, true) => Trigger::Write(HoldPolicy::Over),
            (false, false) => Trigger::Write(HoldPolicy::Allowed),
        };
        let (noted, by) = match shared.book().writes.get_mut(mesh) {
            Some(writes) => (writes.noted, std::mem::take(&mut writes.by)),
            None => (0, BTreeSet::new()),
        };
        if let Some(debouncer) = self.debouncers.get_mut(mesh) {
            debouncer.released(begun, self.timing);
        }
        let report = release(mesh, trigger, &by);
        self.took = begun.elapsed();
        if let Err(error) = &report {
            tracing::warn!(mesh, %error, "the mesh was not released");
        }
        let held = matches!(&report, Ok(outcome) if matches!(outcome.verdict, ReleaseVerdict::Held(_)));
        if held {
            let again = Waiting {
                fresh: false,
                held: Some(waiting.held.unwrap_or(begun)),
                ..waiting
            };
            self.waiting.insert(mesh.to_owned(), again);
        }
        let mut book = shared.book();
        let writes = book.writes.entry(mesh.to_owned()).or_default();
        if !held {
            writes.done = noted;
        }
        let is_released = matches!(
            report.as_ref().map(|outcome| &outcome.verdict),
            Ok(ReleaseVerdict::Released { .. }
                | ReleaseVerdict::Unchanged(_)
                | ReleaseVerdict::Withdrawn(_)
                | ReleaseVerdict::Nothing)
        );
        if !is_released {
            // Theirs is also the release that comes of it at last.
            writes.by.extend(by);
        }
        if let Ok(outcome) = &report
            && let ReleaseVerdict::Released { changes, .. } | ReleaseVerdict::Withdrawn(changes) =
                &outcome.verdict
        {
            let paths = changes.iter().map(|change| change.path.clone());
            book.changed.entry(mesh.to_owned()).or_default().extend(paths);
        }
        book.reports.insert(mesh.to_owned(), report);
        drop(book);
        shared.changed.send_replace(());
    }
}

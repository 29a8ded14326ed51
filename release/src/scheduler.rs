//! Gathers writes: a mesh is released when its writes pause, not once for each of them.

use crate::debouncer::Debouncer;
use crate::error::ReleaseError;
use crate::outcome::{Outcome, Verdict};
use crate::releaser::Releaser;
use meshform_model::diag::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// When a mesh is released.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// After so long without a write; longer where the writes before came slowly.
    pub quiet: Duration,
    /// While writes go on: at the latest so long after the first; longer with each release on the way.
    pub longest: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(50),
            longest: Duration::from_secs(1),
        }
    }
}

/// How the last attempt to release a mesh ended.
pub type Report = Result<Outcome, ReleaseError>;

/// Releases meshes some moments after they were written, in a thread of its own.
#[derive(Debug)]
pub struct ReleaseScheduler {
    shared: Arc<Shared>,
    orders: Mutex<Option<Sender<Order>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Order {
    /// A mesh was written, or a release of it demanded, whatever its policy says.
    Release { mesh: String, demanded: bool },
    /// Do now what is waiting.
    Now,
}

#[derive(Debug, Default)]
struct Shared {
    book: Mutex<Book>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Book {
    /// How many writes of a mesh were noted, and how many of them the last attempt has seen.
    writes: BTreeMap<String, (u64, u64)>,
    reports: BTreeMap<String, Report>,
    /// The proxies that releases have changed since somebody asked, by mesh, as paths.
    changed: BTreeMap<String, BTreeSet<String>>,
}

/// A mesh that waits.
struct Waiting {
    first: Instant,
    demanded: bool,
}

// === impl ReleaseScheduler ===

impl ReleaseScheduler {
    /// Begins to listen. Fails where the system gives no thread.
    pub fn start(releaser: Releaser, timing: Timing) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (orders, queue) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let worker = shared.clone();
        let thread = std::thread::Builder::new()
            .name("meshform-release".to_owned())
            .spawn(move || {
                serve(&worker, &queue, timing, |mesh, demanded| match demanded {
                    true => runtime.block_on(releaser.release(mesh)),
                    false => runtime.block_on(releaser.follow(mesh)),
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
        self.wait_for(mesh, false);
    }

    /// Orders a release of a mesh, also where its policy waits for one. Returns at once.
    pub fn demand(&self, mesh: &str) {
        self.wait_for(mesh, true);
    }

    fn wait_for(&self, mesh: &str, demanded: bool) {
        self.shared.book().writes.entry(mesh.to_owned()).or_default().0 += 1;
        self.order(Order::Release {
            mesh: mesh.to_owned(),
            demanded,
        });
    }

    /// Releases what is waiting, now, and waits for it. Returns the meshes that were not done in time; the next
    /// process that releases them finishes the work.
    pub fn flush(&self, within: Duration) -> Vec<String> {
        self.order(Order::Now);
        let deadline = Instant::now() + within;
        let mut book = self.shared.book();
        loop {
            let open: Vec<String> = book.open().cloned().collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if open.is_empty() || left.is_zero() {
                return open;
            }
            book = self
                .shared
                .changed
                .wait_timeout(book, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// How the last attempt to release a mesh ended; none where there was none yet.
    pub fn report(&self, mesh: &str) -> Option<Report> {
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

    fn order(&self, order: Order) {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = orders.as_ref() {
            // The thread ends only with us.
            let _ = orders.send(order);
        }
    }
}

/// Finishes what is waiting.
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
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn open(&self) -> impl Iterator<Item = &String> {
        self.writes
            .iter()
            .filter(|(_, (noted, done))| done < noted)
            .map(|(mesh, _)| mesh)
    }
}

fn serve(shared: &Shared, queue: &Receiver<Order>, timing: Timing, release: impl Fn(&str, bool) -> Report) {
    let mut waiting: BTreeMap<String, Waiting> = BTreeMap::new();
    let mut debouncers: BTreeMap<String, Debouncer> = BTreeMap::new();
    let mut closing = false;
    let mut took = Duration::ZERO;
    while !closing || !waiting.is_empty() {
        let now = Instant::now();
        let due = |mesh: &String, waiting: &Waiting, debouncers: &BTreeMap<String, Debouncer>| {
            let debouncer = debouncers.get(mesh);
            debouncer.map_or(waiting.first, |debouncer| {
                debouncer.due(waiting.first, timing, took)
            })
        };
        let next = waiting
            .iter()
            .map(|(mesh, one)| due(mesh, one, &debouncers))
            .min();
        let order = match next {
            _ if closing => Err(RecvTimeoutError::Timeout),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_timeout(due.saturating_duration_since(now)),
        };
        let mut hurry = closing;
        match order {
            Ok(Order::Release { mesh, demanded }) => {
                let now = Instant::now();
                match debouncers.get_mut(&mesh) {
                    Some(debouncer) => debouncer.write(now, timing),
                    None => drop(debouncers.insert(mesh.clone(), Debouncer::new(now))),
                }
                let entry = waiting.entry(mesh).or_insert(Waiting { first: now, demanded });
                entry.demanded |= demanded;
                continue;
            }
            Ok(Order::Now) => hurry = true,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => closing = true,
        }
        let now = Instant::now();
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(mesh, one)| hurry || due(mesh, one, &debouncers) <= now)
            .map(|(mesh, _)| mesh.clone())
            .collect();
        for mesh in ready {
            let demanded = waiting.remove(&mesh).is_some_and(|waiting| waiting.demanded);
            let noted = shared.book().writes.get(&mesh).map_or(0, |(noted, _)| *noted);
            let begun = Instant::now();
            if let Some(debouncer) = debouncers.get_mut(&mesh) {
                debouncer.released(begun, timing);
            }
            let report = release(&mesh, demanded);
            took = begun.elapsed();
            if let Err(error) = &report {
                tracing::warn!(mesh, %error, "the mesh was not released");
            }
            let mut book = shared.book();
            book.writes.entry(mesh.clone()).or_default().1 = noted;
            if let Ok(outcome) = &report
                && let Verdict::Released { changes, .. } | Verdict::Withdrawn(changes) = &outcome.verdict
            {
                let paths = changes.iter().map(|change| change.path.clone());
                book.changed.entry(mesh.clone()).or_default().extend(paths);
            }
            book.reports.insert(mesh, report);
            drop(book);
            shared.changed.notify_all();
        }
    }
}

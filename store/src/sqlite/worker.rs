//! The thread that owns the connection.
//!
//! Writes that wait at the same moment are committed together: each in a savepoint of its own, so that one that
//! is refused leaves the others alone, and all behind one sync of the disk. None is acknowledged before that.

use super::file::{self, Opened, sqlite_error};
use super::format;
use super::options::Setup;
use crate::error::{Result, StoreError};
use crate::identity::Seed;
use crate::ids::RunId;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How many writes go into one commit at most: a commit syncs the disk, and Terraform has ten writes under way, or as
/// many as `-parallelism` says. The first must not wait for ever more.
const BATCH: usize = 64;

/// What a piece of work finds on the desk.
pub(super) struct WorkerContext<'a> {
    pub(super) conn: &'a Connection,
    /// How the store was opened.
    pub(super) setup: &'a Setup,
    /// The locks of the runs that this store began.
    pub(super) held: &'a mut BTreeMap<RunId, File>,
}

/// Tells whoever waits for a write how its commit went.
type Finish = Box<dyn FnOnce(Result<()>) + Send>;
type ReadWork = Box<dyn FnOnce(&mut Session) + Send>;
/// Runs in a savepoint; says whether the savepoint is kept.
type WriteWork = Box<dyn FnOnce(Result<WorkerContext<'_>>) -> (bool, Finish) + Send>;

enum Job {
    Read(ReadWork),
    Write(WriteWork, Seed),
}

/// The thread, seen from outside.
#[derive(Debug)]
pub(super) struct Worker {
    place: String,
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Session {
    setup: Setup,
    opened: Option<Opened>,
    held: BTreeMap<RunId, File>,
}

// === impl Worker ===

impl Worker {
    pub(super) fn start(setup: Setup, opened: Option<Opened>) -> Result<Self> {
        let place = setup.file.display().to_string();
        let (jobs, queue) = channel();
        let directory = setup.directory.clone();
        let session = Session {
            setup,
            opened,
            held: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("meshform-store".to_owned())
            .spawn(move || session.serve(&queue))
            .map_err(|error| file::io_error(&directory, "start a thread for", &error))?;
        Ok(Self {
            place,
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Reads. `work` is given `None` where there is no store yet.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Option<WorkerContext<'_>>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Read(Box::new(move |session| {
            let outcome = session.desk_if_there().and_then(work);
            // Whoever asked may have gone.
            let _ = reply.send(outcome);
        })))?;
        answer.await.map_err(|_| self.closed())?
    }

    /// Writes, into a store created with `seed` if there is none. `work` is refused or kept as a whole.
    pub(super) async fn write<T, F>(&self, seed: Seed, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(WorkerContext<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: WriteWork = Box::new(move |desk| {
            let outcome = desk.and_then(work);
            let kept = outcome.is_ok();
            let finish: Finish = Box::new(move |committed: Result<()>| {
                let _ = reply.send(outcome.and_then(|value| committed.map(|()| value)));
            });
            (kept, finish)
        });
        self.send(Job::Write(job, seed))?;
        answer.await.map_err(|_| self.closed())?
    }

    fn send(&self, job: Job) -> Result<()> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().map(|jobs| jobs.send(job));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.closed()),
        }
    }

    fn closed(&self) -> StoreError {
        StoreError::Closed {
            place: self.place.clone(),
        }
    }
}

/// What is queued is done; the file is closed in order.
impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic in the thread has answered everyone already, by closing their channels.
            let _ = thread.join();
        }
    }
}

// === impl Session ===

impl Session {
    fn serve(mut self, queue: &Receiver<Job>) {
        let mut next = queue.recv().ok();
        while let Some(job) = next.take() {
            match job {
                Job::Read(work) => work(&mut self),
                Job::Write(work, seed) => {
                    let mut batch = vec![work];
                    while batch.len() < BATCH {
                        match queue.try_recv() {
                            Ok(Job::Write(work, _)) => batch.push(work),
                            // Behind the writes that came before it.
                            Ok(read @ Job::Read(_)) => {
                                next = Some(read);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(batch, &seed);
                }
            }
            if next.is_none() {
                next = queue.recv().ok();
            }
        }
    }

    fn desk_if_there(&mut self) -> Result<Option<WorkerContext<'_>>> {
        match &self.opened {
            Some(opened) => file::still_there(&self.setup, opened)?,
            // Another process may have created it meanwhile.
            None => self.opened = file::open(&self.setup)?,
        }
        let Self { setup, opened, held } = self;
        Ok(opened.as_ref().map(|opened| WorkerContext {
            conn: &opened.conn,
            setup,
            held,
        }))
    }

    fn commit(&mut self, batch: Vec<WriteWork>, seed: &Seed) {
        let mut finishes = Vec::with_capacity(batch.len());
        let outcome = self.transaction(batch, &mut finishes, seed);
        for finish in finishes {
            finish(outcome.clone());
        }
    }

    fn transaction(&mut self, batch: Vec<WriteWork>, finishes: &mut Vec<Finish>, seed: &Seed) -> Result<()> {
        let mut waiting = batch.into_iter();
        let outcome = self.begin(seed).and_then(|()| {
            let Self { setup, opened, held } = self;
            let Some(Opened { conn, .. }) = opened else {
                return Ok(());
            };
            for work in waiting.by_ref() {
                in_savepoint(conn, setup, held, work, finishes)?;
            }
            conn.execute_batch("COMMIT")
                .map_err(|e| sqlite_error(setup, "write", &e))
        });
        if let Err(error) = &outcome {
            if let Some(opened) = &self.opened
                && !opened.conn.is_autocommit()
            {
                // Closing the connection would do the same; nothing was acknowledged.
                let _ = opened.conn.execute_batch("ROLLBACK");
            }
            for work in waiting {
                finishes.push(work(Err(error.clone())).1);
            }
        }
        outcome
    }

    fn begin(&mut self, seed: &Seed) -> Result<()> {
        match &self.opened {
            Some(opened) => file::still_there(&self.setup, opened)?,
            None => self.opened = Some(file::open_or_create(&self.setup, seed)?),
        }
        let Some(opened) = &self.opened else {
            return Ok(());
        };
        let fail = |e: rusqlite::Error| sqlite_error(&self.setup, "write", &e);
        opened.conn.execute_batch("BEGIN IMMEDIATE").map_err(fail)?;
        let found = format::version(&opened.conn).map_err(fail)?;
        let known = i64::try_from(format::STEPS.len()).unwrap_or(i64::MAX);
        // A newer program may have changed the format since the file was opened.
        if found > known {
            return Err(StoreError::Newer {
                path: self.setup.file.clone(),
                found,
                known,
            });
        }
        Ok(())
    }
}

fn in_savepoint(
    conn: &Connection,
    setup: &Setup,
    held: &mut BTreeMap<RunId, File>,
    work: WriteWork,
    finishes: &mut Vec<Finish>,
) -> Result<()> {
    let fail = |e: rusqlite::Error| sqlite_error(setup, "write", &e);
    if let Err(error) = conn.execute_batch("SAVEPOINT one") {
        let error = fail(error);
        finishes.push(work(Err(error.clone())).1);
        return Err(error);
    }
    let (kept, finish) = work(Ok(WorkerContext { conn, setup, held }));
    finishes.push(finish);
    // A full disk may have rolled back everything, the writes before this one too.
    if conn.is_autocommit() {
        return Err(StoreError::Full {
            path: setup.file.clone(),
        });
    }
    let end = if kept {
        "RELEASE one"
    } else {
        "ROLLBACK TO one; RELEASE one"
    };
    conn.execute_batch(end).map_err(fail)
}

pub(super) fn read_error(desk: &WorkerContext<'_>, error: &rusqlite::Error) -> StoreError {
    sqlite_error(desk.setup, "read", error)
}

pub(super) fn write_error(desk: &WorkerContext<'_>, error: &rusqlite::Error) -> StoreError {
    sqlite_error(desk.setup, "write", error)
}

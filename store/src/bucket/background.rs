//! A thread with a runtime of its own, for connections and for what must go on while nobody waits.
//!
//! A connection belongs to the runtime that made it, and is dead while that one rests. The programs here wait in
//! several runtimes, one after the other and in different threads, so connections and the renewals of runs live in
//! this one. It begins with the first that needs it: a process that asks nothing of its store starts no thread.

use crate::error::{Result, StoreError};
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread, once it is needed.
#[derive(Debug, Default)]
pub(super) struct Background(OnceLock<Result<Thread>>);

#[derive(Debug)]
struct Thread {
    handle: Handle,
    /// The thread ends when this is dropped. Nobody waits for it: what is under way would be of no use any more.
    _end: oneshot::Sender<()>,
}

impl Background {
    pub(super) fn handle(&self) -> Result<Handle> {
        let thread = self.0.get_or_init(|| start().map_err(no_thread));
        thread
            .as_ref()
            .map(|thread| thread.handle.clone())
            .map_err(Clone::clone)
    }
}

fn start() -> std::io::Result<Thread> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (sender, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("meshform-bucket".to_owned())
        .spawn(move || {
            let _ = runtime.block_on(ended);
            // A look-up of a name cannot be called off; the process shall not wait for it.
            runtime.shutdown_background();
        })?;
    Ok(Thread { handle, _end: sender })
}

fn no_thread(error: std::io::Error) -> StoreError {
    StoreError::Io {
        path: "a thread".into(),
        action: "start",
        detail: error.to_string(),
    }
}

//! That something is still going on: on a terminal, for work over a second.
//!
//! One line on standard error, written anew each second and wiped out before anything else is written there.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Whether the line stands there now: standard error is one, whoever writes to it.
static STANDS: Mutex<bool> = Mutex::new(false);
/// To the line's beginning, and all of it away.
const WIPE: &[u8] = b"\r\x1b[K";

/// Tells of work until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    end: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

impl Progress {
    /// Of a command of this name, from now on.
    pub(crate) fn of(name: String) -> Self {
        let (end, ended) = channel();
        let begun = Instant::now();
        let teller = std::thread::Builder::new().spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(Duration::from_secs(1)) {
                let mut stands = STANDS.lock().unwrap_or_else(PoisonError::into_inner);
                let text = format!("\r\x1b[Kmeshform {name}: {} s …", begun.elapsed().as_secs());
                let _ = std::io::stderr().write_all(text.as_bytes());
                *stands = true;
            }
        });
        Self {
            end: Some(end),
            teller: teller.ok(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end = None;
        if let Some(teller) = self.teller.take() {
            let _ = teller.join();
        }
        wiped(|| {});
    }
}

/// Writes where the line may stand, without it.
pub(crate) fn wiped<T>(write: impl FnOnce() -> T) -> T {
    let mut stands = STANDS.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::take(&mut *stands) {
        let _ = std::io::stderr().write_all(WIPE);
    }
    write()
}

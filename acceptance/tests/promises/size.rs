//! How large the slow tests run: small in CI, large in `cargo xtask soak --only applies`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: `{text}`"))
    })
}
pub(crate) fn proxies(otherwise: u64) -> usize {
    usize::try_from(number("MESHFORM_PROXIES", otherwise)).unwrap()
}

/// What each request to the bucket takes.
pub(crate) fn request() -> Duration {
    Duration::from_millis(number("MESHFORM_REQUEST_MS", 60))
}

/// Threads that do nothing but compute, as many as `MESHFORM_BUSY` says: the load of a machine that others use too.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let threads = (0..number("MESHFORM_BUSY", 0))
            .map(|_| {
                let over = Arc::clone(&over);
                std::thread::spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                })
            })
            .collect();
        Self { over, threads }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Does it under the load, and says how long it took: a figure for the reader, never a condition.
pub(crate) fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let load = Load::start();
    let begun = Instant::now();
    let done = work();
    println!(
        "{what}: {:.1} s, {} busy threads beside it",
        begun.elapsed().as_secs_f64(),
        load.threads.len()
    );
    done
}

//! Requests at a steady rate in the background, counted by who answered.

use crate::http::Client;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What became of the requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers with status 200 by service.
    pub answered: BTreeMap<String, usize>,
    /// What went wrong, each with how often.
    pub failed: BTreeMap<String, usize>,
    /// Kept connections that were closed under a request, which was then sent again over a new one.
    pub replaced: usize,
}

/// A load that runs until [`stop`](Load::stop).
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Tally>>,
}

impl Tally {
    /// How many requests were sent.
    pub fn sent(&self) -> usize {
        self.answered.values().sum::<usize>() + self.failures()
    }

    /// How many of them did not end with status 200.
    pub fn failures(&self) -> usize {
        self.failed.values().sum()
    }

    /// How many of the answers came from `service`.
    pub fn of(&self, service: &str) -> usize {
        self.answered.get(service).copied().unwrap_or(0)
    }

    /// Sends one request and counts it.
    pub fn send(&mut self, client: &mut Client, host: &str, path: &str) {
        self.send_with(client, host, path, &[]);
    }

    /// Sends one request with further headers and counts it.
    pub fn send_with(&mut self, client: &mut Client, host: &str, path: &str, headers: &[(&str, &str)]) {
        match client.get(host, path, headers) {
            Ok(response) if response.status == 200 => {
                *self.answered.entry(response.service().to_owned()).or_default() += 1;
            }
            Ok(response) => {
                let flags = String::from_utf8_lossy(&response.body).into_owned();
                *self
                    .failed
                    .entry(format!("{} {flags}", response.status))
                    .or_default() += 1;
            }
            Err(error) => *self.failed.entry(error.to_string()).or_default() += 1,
        }
    }

    /// Counts what another has counted, too.
    pub fn add(&mut self, other: Tally) {
        self.replaced += other.replaced;
        for (mine, theirs) in [
            (&mut self.answered, other.answered),
            (&mut self.failed, other.failed),
        ] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
    }
}

/// Sends `count` requests one after the other.
pub fn send(address: SocketAddr, host: &str, path: &str, count: usize) -> Tally {
    let mut client = Client::new(address);
    let mut tally = Tally::default();
    for _ in 0..count {
        tally.send(&mut client, host, path);
    }
    tally
}

impl Load {
    /// Starts `per_second` requests in all, spread over `workers` kept connections.
    pub fn start(address: SocketAddr, host: &str, path: &str, per_second: u32, workers: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_secs(1) * workers / per_second.max(1);
        let workers = (0..workers)
            .map(|_| {
                let (stop, host, path) = (Arc::clone(&stop), host.to_owned(), path.to_owned());
                std::thread::spawn(move || {
                    let mut client = Client::new(address);
                    let mut tally = Tally::default();
                    let mut next = Instant::now();
                    while !stop.load(Ordering::Relaxed) {
                        tally.send(&mut client, &host, &path);
                        next += pause;
                        std::thread::sleep(next.saturating_duration_since(Instant::now()));
                    }
                    tally.replaced = client.replaced();
                    tally
                })
            })
            .collect();
        Self { stop, workers }
    }

    /// Stops it and says what became of the requests.
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for worker in self.workers {
            match worker.join() {
                Ok(tally) => all.add(tally),
                Err(_) => *all.failed.entry("a worker panicked".to_owned()).or_default() += 1,
            }
        }
        all
    }
}

//! A small HTTP/1.1 service that says who it is: what stands behind an Envoy in the demo and in the tests.
//!
//! Standard library only, one thread per connection: it must start at once and never be the slow part.

use crate::http::{read_head, write_response};
use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A running service. It stops when dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    served: AtomicUsize,
    failures_left: AtomicUsize,
    delay_millis: AtomicUsize,
    stopped: AtomicBool,
}

impl Upstream {
    /// Starts a service called `name` on a free loopback port.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(name: &str) -> std::io::Result<Self> {
        Self::start_on(name, 0)
    }

    /// Starts a service called `name` on `port` of the loopback address (0: a free one).
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn start_on(name: &str, port: u16) -> std::io::Result<Self> {
        Self::start_at(name, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Starts a service called `name` at another loopback address (port 0: a free one).
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn start_at(name: &str, address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            served: AtomicUsize::new(0),
            failures_left: AtomicUsize::new(0),
            delay_millis: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Self { address, shared })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has answered, failed ones among them.
    pub fn served(&self) -> usize {
        self.shared.served.load(Ordering::Relaxed)
    }

    /// The next `count` requests are answered with 503.
    pub fn fail_next(&self, count: usize) {
        self.shared.failures_left.store(count, Ordering::Relaxed);
    }

    /// Every answer waits that long from now on.
    pub fn delay(&self, delay: Duration) {
        let millis = usize::try_from(delay.as_millis()).unwrap_or(usize::MAX);
        self.shared.delay_millis.store(millis, Ordering::Relaxed);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the accepting thread so that it sees the flag.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(200));
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Ok(Some(head)) = read_head(&mut reader) {
        shared.served.fetch_add(1, Ordering::Relaxed);
        let delay = shared.delay_millis.load(Ordering::Relaxed);
        if delay > 0 {
            std::thread::sleep(Duration::from_millis(delay as u64));
        }
        let failing = shared
            .failures_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok();
        let status = if failing {
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        let body = serde_json::json!({
            "service": shared.name,
            "request": head.start_line,
            "headers": head.headers,
        });
        if write_response(stream, status, &shared.name, body.to_string().as_bytes()).is_err() {
            return;
        }
    }
}

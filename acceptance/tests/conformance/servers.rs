//! Services on bare sockets: nothing in between hides a byte. What a request wants to happen stands in its headers.
//!
//! `x-script: 503,reset,200` says what the first, the second and each further try of the request (distinguished by
//! `x-id`) gets: a status; `reset` closes the connection; `300ms` waits and answers 200; `stall` begins an answer
//! and sends nothing more for four seconds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What a service saw, in order: the heads of requests as they came, or lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(Instant, String)>>>);

impl Log {
    /// Notes an entry; how many so far hold `part`.
    pub(crate) fn push(&self, entry: String, part: &str) -> usize {
        let mut entries = self.0.lock().unwrap();
        entries.push((Instant::now(), entry));
        entries.iter().filter(|(_, entry)| entry.contains(part)).count()
    }

    /// How many entries hold `part`.
    pub(crate) fn count(&self, part: &str) -> usize {
        let entries = self.0.lock().unwrap();
        entries.iter().filter(|(_, entry)| entry.contains(part)).count()
    }

    /// When the entries came that hold `part`.
    pub(crate) fn times(&self, part: &str) -> Vec<Instant> {
        let entries = self.0.lock().unwrap();
        let found = entries.iter().filter(|(_, entry)| entry.contains(part));
        found.map(|(time, _)| *time).collect()
    }

    /// The last entry that holds `part`.
    pub(crate) fn last(&self, part: &str) -> Option<String> {
        let entries = self.0.lock().unwrap();
        let found = entries.iter().rev().find(|(_, entry)| entry.contains(part));
        found.map(|(_, entry)| entry.clone())
    }
}

/// An HTTP/1.1 service that answers with its name in `x-service`, and the head that it got as the body.
#[derive(Debug, Clone)]
pub(crate) struct Http1 {
    pub(crate) port: u16,
    pub(crate) log: Log,
    healthy: Arc<AtomicBool>,
    failing: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
}

impl Http1 {
    pub(crate) fn start(name: &'static str) -> Self {
        Self::on(name, "127.0.0.1:0").unwrap()
    }

    pub(crate) fn on(name: &'static str, address: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let server = Self {
            port: listener.local_addr()?.port(),
            log: Log::default(),
            healthy: Arc::new(AtomicBool::new(true)),
            failing: Arc::default(),
            silent: Arc::default(),
        };
        let this = server.clone();
        each_connection(listener, move |stream| serve(stream, name, &this));
        Ok(server)
    }

    /// Whether `/health` answers with 200.
    pub(crate) fn set_healthy(&self, healthy: bool) {
        self.healthy.store(healthy, Ordering::SeqCst);
    }

    /// Whether everything but `/health` is answered with 503.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    /// Whether `/health` is answered at all.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }
}

/// A service of lines: answers each with its name before it. `first` makes it speak first.
pub(crate) fn tcp(name: &'static str, first: bool) -> (u16, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let seen = log.clone();
    each_connection(listener, move |mut stream| {
        seen.push("connected".to_owned(), "");
        if first {
            let _ = writeln!(stream, "{name} greets");
        }
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
            seen.push(line.trim_end().to_owned(), "");
            if write!(stream, "{name}:{line}").is_err() {
                return;
            }
            line.clear();
        }
    });
    (port, log)
}

/// Runs `serve` for each connection, in a thread of its own.
pub(crate) fn each_connection(listener: TcpListener, serve: impl Fn(TcpStream) + Send + Sync + 'static) {
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
}

fn serve(stream: TcpStream, name: &str, server: &Http1) {
    let _ = stream.set_nodelay(true);
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader) {
        let headers = headers(&head);
        let header = |name: &str| headers.get(name).map_or("", String::as_str);
        let id = format!("x-id: {}\r\n", header("x-id"));
        let tries = server.log.push(head.clone(), &id);
        if header("upgrade").eq_ignore_ascii_case("websocket") {
            let switch =
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            let _ = writer.write_all(switch.as_bytes());
            let _ = std::io::copy(&mut reader, &mut writer);
            return;
        }
        let mut action = script(header("x-script"), tries);
        if head.starts_with("GET /health ") {
            if server.silent.load(Ordering::SeqCst) {
                continue;
            }
            if !server.healthy.load(Ordering::SeqCst) {
                action = "503".to_owned();
            }
        } else if server.failing.load(Ordering::SeqCst) {
            action = "503".to_owned();
        }
        let status = match action.as_str() {
            "reset" => return,
            "stall" => {
                let start = format!("HTTP/1.1 200 OK\r\nx-service: {name}\r\ncontent-length: 10\r\n\r\nhalf");
                let _ = writer.write_all(start.as_bytes());
                thread::sleep(Duration::from_secs(4));
                return;
            }
            action => waited(action),
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\nx-service: {name}\r\ncontent-length: {}\r\n\r\n{head}",
            head.len()
        );
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// What this try gets: the script's last word holds for all further ones.
pub(crate) fn script(script: &str, tries: usize) -> String {
    let actions: Vec<&str> = script.split(',').filter(|action| !action.is_empty()).collect();
    let at = tries.clamp(1, actions.len().max(1)) - 1;
    actions.get(at).copied().unwrap_or("200").to_owned()
}

fn waited(action: &str) -> u16 {
    if let Some(millis) = action.strip_suffix("ms").and_then(|n| n.parse().ok()) {
        thread::sleep(Duration::from_millis(millis));
        return 200;
    }
    action.parse().unwrap_or(200)
}

/// A head as it came, with the empty line; `None` at the end of the stream.
pub(crate) fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn headers(head: &str) -> BTreeMap<String, String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect()
}

/// Reads until the stream ends, or nothing came for `patience`.
pub(crate) fn read_all(stream: &mut impl Read) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

/// A connection whose reads end after five seconds.
pub(crate) fn connect(address: &str) -> std::io::Result<TcpStream> {
    let address: SocketAddr = address.parse().unwrap();
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A port for what is about to listen.
pub(crate) fn free_port() -> u16 {
    meshform_acceptance::ports::free().unwrap()
}

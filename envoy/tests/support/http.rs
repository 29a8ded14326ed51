//! A small HTTP/1.1 server and client on bare sockets: nothing in between hides a byte.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
}

/// A server that answers with its name and notes what it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Server {
    /// Listens on a free port. A request with `x-fail: N` gets 503 until it was tried N times (distinguished by
    /// `x-request-id`).
    pub(crate) fn start(name: &'static str) -> Self {
        Self::start_on(name, "127.0.0.1:0")
    }

    /// The same on an address of the test's choice.
    pub(crate) fn start_on(name: &'static str, address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&server.seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream.unwrap(), name, &seen));
            }
        });
        server
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn serve(stream: TcpStream, name: &str, seen: &Mutex<Vec<Request>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some((line, headers)) = read_head(&mut reader) {
        let request = Request { line, headers };
        let id = request.headers.get("x-request-id").cloned();
        let fail: usize = request.headers.get("x-fail").map_or(0, |n| n.parse().unwrap());
        let tries = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.iter()
                .filter(|r| r.headers.get("x-request-id") == id.as_ref())
                .count()
        };
        let status = if tries <= fail {
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{name}",
            name.len()
        );
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_head(reader: &mut BufReader<TcpStream>) -> Option<(String, BTreeMap<String, String>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let first = lines.next()?;
    let headers = lines
        .filter_map(|line| {
            line.split_once(':')
                .map(|(k, v)| (k.to_lowercase(), v.trim().to_owned()))
        })
        .collect();
    Some((first, headers))
}

impl Client {
    pub(crate) fn connect(address: &str, port: u16) -> std::io::Result<Self> {
        let address: SocketAddr = format!("{address}:{port}").parse().unwrap();
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    /// One request; `target` as it goes into the request line.
    pub(crate) fn get(
        &mut self,
        host: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> std::io::Result<Response> {
        let mut text = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        self.reader.get_mut().write_all(text.as_bytes())?;
        let closed = || std::io::Error::other("closed without an answer");
        let (line, headers) = read_head(&mut self.reader).ok_or_else(closed)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .ok_or_else(closed)?;
        let length = headers.get("content-length").map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(Response {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

/// One request over a connection of its own.
pub(crate) fn get(port: u16, host: &str, target: &str, headers: &[(&str, &str)]) -> Response {
    let mut client = Client::connect("127.0.0.1", port).unwrap();
    client.get(host, target, headers).unwrap()
}

/// A port for what is about to listen.
pub(crate) fn free_port() -> u16 {
    meshform_acceptance::ports::free().unwrap()
}

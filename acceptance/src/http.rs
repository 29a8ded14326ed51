//! The little HTTP/1.1 that the tests need, with every byte in view: a client that keeps its connection, and the
//! reading and writing that [`Upstream`](crate::upstream::Upstream) shares.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The first line and the headers (names in lower case) of a message.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// `GET /x HTTP/1.1`, `HTTP/1.1 200 OK`.
    pub start_line: String,
    /// The headers; of one that comes twice, the last.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// A client of one address that keeps its connection open.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    timeout: Duration,
    connection: Option<BufReader<TcpStream>>,
    replaced: usize,
}

impl Response {
    /// The service that answered, by the header that every [`Upstream`](crate::upstream::Upstream) sets.
    pub fn service(&self) -> &str {
        self.headers.get("x-service").map_or("", String::as_str)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(&self) -> io::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).map_err(io::Error::from)
    }
}

impl Client {
    /// A client of `address`; nothing is connected yet.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            timeout: Duration::from_secs(70),
            connection: None,
            replaced: 0,
        }
    }

    /// With another limit for one read or write.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many kept connections were closed by the server without its having said so in an answer.
    pub fn replaced(&self) -> usize {
        self.replaced
    }

    /// `GET path` with that `Host` header and these further headers.
    ///
    /// # Errors
    /// When the connection fails or the answer is no HTTP. A kept connection that the server has closed is
    /// replaced once, before anything of the answer was read.
    pub fn get(&mut self, host: &str, path: &str, headers: &[(&str, &str)]) -> io::Result<Response> {
        self.request("GET", host, path, headers)
    }

    /// Any method, without a body.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn request(
        &mut self,
        method: &str,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<Response> {
        let mut text = head(method, host, path, headers);
        if method != "GET" && method != "HEAD" {
            text.push_str("content-length: 0\r\n");
        }
        text.push_str("\r\n");
        self.ask(method, &text)
    }

    /// Any method with a body, of the server's own host.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Response> {
        let mut text = head(method, &self.address.to_string(), path, headers);
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.ask(method, &text)
    }

    fn ask(&mut self, method: &str, text: &str) -> io::Result<Response> {
        if let Some(kept) = self.connection.take() {
            if let Ok(response) = self.exchange(kept, method, text) {
                return Ok(response);
            }
            self.replaced += 1;
        }
        let stream = TcpStream::connect_timeout(&self.address, self.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        self.exchange(BufReader::new(stream), method, text)
    }

    fn exchange(
        &mut self,
        mut connection: BufReader<TcpStream>,
        method: &str,
        text: &str,
    ) -> io::Result<Response> {
        connection.get_mut().write_all(text.as_bytes())?;
        let head = read_head(&mut connection)?.ok_or_else(|| invalid("closed before an answer"))?;
        let status = head
            .start_line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| invalid("no status line"))?;
        let body = if method == "HEAD" {
            Vec::new()
        } else {
            read_body(&mut connection, &head)?
        };
        if head
            .headers
            .get("connection")
            .is_none_or(|value| value != "close")
        {
            self.connection = Some(connection);
        }
        Ok(Response {
            status,
            headers: head.headers,
            body,
        })
    }
}

/// The first line and the headers of a request.
fn head(method: &str, host: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Reads a first line and headers; `None` at a clean end of the stream.
///
/// # Errors
/// When the stream breaks, or what it holds is no head.
pub fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut head = Head::default();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return if head.start_line.is_empty() {
                Ok(None)
            } else {
                Err(invalid("ends within headers"))
            };
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if head.start_line.is_empty() {
            head.start_line = line.to_owned();
        } else if let Some((name, value)) = line.split_once(':') {
            head.headers
                .insert(name.to_ascii_lowercase(), value.trim().to_owned());
        } else if line.is_empty() {
            return Ok(Some(head));
        }
    }
}

fn read_body(reader: &mut impl BufRead, head: &Head) -> io::Result<Vec<u8>> {
    if head
        .headers
        .get("transfer-encoding")
        .is_some_and(|value| value.contains("chunked"))
    {
        return read_chunks(reader);
    }
    let length = head
        .headers
        .get("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| invalid("no chunk size"))?;
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(body.get_mut(start..).unwrap_or_default())?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Writes an answer that names the service.
///
/// # Errors
/// When the stream breaks.
pub fn write_response(mut stream: impl Write, status: &str, service: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-service: {service}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    stream.write_all(&message)
}

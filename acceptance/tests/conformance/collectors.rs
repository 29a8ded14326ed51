//! Collectors of spans: OpenTelemetry over gRPC, Zipkin and Datadog over HTTP, the X-Ray daemon over UDP. Each decodes
//! what comes.

use super::http2::runtime;
use super::servers::{each_connection, read_head};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use prost::Message;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A span, whoever collected it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Span {
    /// Whose span it is, by the collector's own word for it.
    pub(crate) service: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// The path that it was posted to; for X-Ray the whole document.
    pub(crate) at: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Collector {
    pub(crate) port: u16,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// All spans, as soon as there are so many.
    pub(crate) fn wait(&self, count: usize) -> Vec<Span> {
        let start = Instant::now();
        loop {
            let spans = self.spans();
            if spans.len() >= count {
                return spans;
            }
            // Every tracer sends what it has at least every five seconds.
            let patience = Duration::from_secs(20);
            assert!(
                start.elapsed() < patience,
                "{} of {count} spans: {spans:?}",
                spans.len()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    pub(crate) fn open_telemetry() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self::on(listener.local_addr().unwrap().port());
        let this = collector.clone();
        std::thread::spawn(move || {
            runtime().block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(this.clone().exports(stream));
                }
            });
        });
        collector
    }

    async fn exports(self, stream: tokio::net::TcpStream) {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((request, respond))) = connection.accept().await {
            tokio::spawn(self.clone().export(request, respond));
        }
    }

    async fn export(self, request: Request<h2::RecvStream>, mut respond: h2::server::SendResponse<Bytes>) {
        let path = request.uri().path().to_owned();
        let mut body = request.into_body();
        let mut bytes = Vec::new();
        while let Some(Ok(chunk)) = body.data().await {
            let _ = body.flow_control().release_capacity(chunk.len());
            bytes.extend_from_slice(&chunk);
        }
        // One message, behind a byte and its length.
        self.push(otlp::spans(&bytes[5..], &path));
        let head = Response::builder().header("content-type", "application/grpc");
        let mut answer = respond.send_response(head.body(()).unwrap(), false).unwrap();
        answer.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        answer.send_trailers(trailers).unwrap();
    }

    /// Zipkin's HTTP API, with protobuf bodies.
    pub(crate) fn zipkin() -> Self {
        Self::posts(|path, body| zipkin::spans(body, path))
    }
    pub(crate) fn datadog() -> Self {
        Self::posts(|path, body| {
            // Telemetry and questions about the agent go to other paths.
            if path.ends_with("/traces") {
                datadog(body, path)
            } else {
                Vec::new()
            }
        })
    }

    fn posts(decode: fn(&str, &[u8]) -> Vec<Span>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self::on(listener.local_addr().unwrap().port());
        let this = collector.clone();
        each_connection(listener, move |mut stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while let Some(head) = read_head(&mut reader) {
                let body = body(&mut reader, &head);
                let path = head.split(' ').nth(1).unwrap().to_owned();
                this.push(decode(&path, &body));
                let answer =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
        collector
    }

    /// The X-Ray daemon: a line that says how it goes on, and a document, in one datagram.
    pub(crate) fn x_ray() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let collector = Self::on(socket.local_addr().unwrap().port());
        let this = collector.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                let (head, document) = text.split_once('\n').unwrap();
                let head: Value = serde_json::from_str(head).unwrap();
                assert_eq!(head, serde_json::json!({"format": "json", "version": 1}));
                let document: Value = serde_json::from_str(document).unwrap();
                this.push(vec![Span {
                    service: document["name"].as_str().unwrap().to_owned(),
                    tags: BTreeMap::new(),
                    at: document.to_string(),
                }]);
            }
        });
        collector
    }

    fn on(port: u16) -> Self {
        Self {
            port,
            spans: Arc::default(),
        }
    }

    fn push(&self, spans: Vec<Span>) {
        self.spans.lock().unwrap().extend(spans);
    }
}

fn body(reader: &mut impl BufRead, head: &str) -> Vec<u8> {
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut all = Vec::new();
    if let Some(length) = length {
        all.resize(length.parse().unwrap(), 0);
        reader.read_exact(&mut all).unwrap();
    } else if head.contains("transfer-encoding: chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).unwrap();
            all.extend_from_slice(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    }
    all
}

/// The part of OpenTelemetry's messages that is looked at.
mod otlp {
    use super::{BTreeMap, Message, Span};

    #[derive(Message)]
    struct Export {
        #[prost(message, repeated, tag = "1")]
        resources: Vec<OfResource>,
    }

    #[derive(Message)]
    struct OfResource {
        #[prost(message, optional, tag = "1")]
        resource: Option<Resource>,
        #[prost(message, repeated, tag = "2")]
        scopes: Vec<OfScope>,
    }

    #[derive(Message)]
    struct Resource {
        #[prost(message, repeated, tag = "1")]
        attributes: Vec<Attribute>,
    }

    #[derive(Message)]
    struct OfScope {
        #[prost(message, repeated, tag = "2")]
        spans: Vec<OneSpan>,
    }

    #[derive(Message)]
    struct OneSpan {
        #[prost(message, repeated, tag = "9")]
        attributes: Vec<Attribute>,
    }

    #[derive(Message)]
    struct Attribute {
        #[prost(string, tag = "1")]
        key: String,
        #[prost(message, optional, tag = "2")]
        value: Option<Text>,
    }

    #[derive(Message)]
    struct Text {
        #[prost(string, tag = "1")]
        text: String,
    }

    fn texts(attributes: Vec<Attribute>) -> BTreeMap<String, String> {
        let text = |value: Option<Text>| value.map_or_else(String::new, |value| value.text);
        attributes
            .into_iter()
            .map(|attribute| (attribute.key, text(attribute.value)))
            .collect()
    }

    pub(super) fn spans(body: &[u8], path: &str) -> Vec<Span> {
        let mut all = Vec::new();
        for of in Export::decode(body).unwrap().resources {
            let resource = texts(of.resource.map_or_else(Vec::new, |resource| resource.attributes));
            for span in of.scopes.into_iter().flat_map(|scope| scope.spans) {
                all.push(Span {
                    service: resource.get("service.name").cloned().unwrap_or_default(),
                    tags: texts(span.attributes),
                    at: path.to_owned(),
                });
            }
        }
        all
    }
}

/// The part of Zipkin's messages that is looked at.
mod zipkin {
    use super::{BTreeMap, Message, Span};

    #[derive(Message)]
    struct List {
        #[prost(message, repeated, tag = "1")]
        spans: Vec<OneSpan>,
    }

    #[derive(Message)]
    struct OneSpan {
        #[prost(message, optional, tag = "8")]
        endpoint: Option<Endpoint>,
        #[prost(btree_map = "string, string", tag = "11")]
        tags: BTreeMap<String, String>,
    }

    #[derive(Message)]
    struct Endpoint {
        #[prost(string, tag = "1")]
        service: String,
    }

    pub(super) fn spans(body: &[u8], path: &str) -> Vec<Span> {
        let spans = List::decode(body).unwrap().spans.into_iter();
        let span = |span: OneSpan| Span {
            service: span.endpoint.map(|endpoint| endpoint.service).unwrap_or_default(),
            tags: span.tags,
            at: path.to_owned(),
        };
        spans.map(span).collect()
    }
}

/// Traces as Datadog's agent gets them: lists of lists of maps, in MessagePack.
fn datadog(body: &[u8], path: &str) -> Vec<Span> {
    let traces = message_pack(&mut &body[..]);
    let spans = traces.as_array().unwrap().iter();
    let spans = spans.flat_map(|trace| trace.as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let span = |span: &Value| Span {
        service: text(&span["service"]),
        tags: span["meta"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        at: path.to_owned(),
    };
    spans.map(span).collect()
}

/// The next value; bytes and extensions are not among what is sent.
fn message_pack(rest: &mut &[u8]) -> Value {
    use rmp::Marker;
    let marker = rmp::decode::read_marker(rest).unwrap();
    let mut number = |bytes: usize| {
        let (head, tail) = rest.split_at(bytes);
        *rest = tail;
        head.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (list, map, text) = match marker {
        Marker::Null => return Value::Null,
        Marker::True => return Value::Bool(true),
        Marker::False => return Value::Bool(false),
        Marker::FixPos(small) => return small.into(),
        Marker::FixNeg(small) => return small.into(),
        Marker::U8 | Marker::I8 => return number(1).into(),
        Marker::U16 | Marker::I16 => return number(2).into(),
        Marker::U32 | Marker::I32 => return number(4).into(),
        Marker::U64 | Marker::I64 => return number(8).into(),
        Marker::F64 => return f64::from_bits(number(8)).into(),
        Marker::FixArray(count) => (Some(u64::from(count)), None, None),
        Marker::Array16 => (Some(number(2)), None, None),
        Marker::Array32 => (Some(number(4)), None, None),
        Marker::FixMap(count) => (None, Some(u64::from(count)), None),
        Marker::Map16 => (None, Some(number(2)), None),
        Marker::Map32 => (None, Some(number(4)), None),
        Marker::FixStr(length) => (None, None, Some(u64::from(length))),
        Marker::Str8 => (None, None, Some(number(1))),
        Marker::Str16 => (None, None, Some(number(2))),
        Marker::Str32 => (None, None, Some(number(4))),
        other => panic!("{other:?} in a trace"),
    };
    if let Some(length) = text {
        let (head, tail) = rest.split_at(usize::try_from(length).unwrap());
        *rest = tail;
        return Value::String(String::from_utf8_lossy(head).into_owned());
    }
    if let Some(count) = list {
        return (0..count).map(|_| message_pack(rest)).collect();
    }
    let pairs = (0..map.unwrap_or(0)).map(|_| {
        let name = message_pack(rest);
        (name.as_str().unwrap().to_owned(), message_pack(rest))
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

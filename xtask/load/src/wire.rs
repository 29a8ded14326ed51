//! One stream of gRPC on an HTTP/2 connection of its own, from either side.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response, StatusCode};
use prost::Message;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// The incremental form of aggregated discovery.
const PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
#[derive(Debug)]
pub struct Sender {
    stream: SendStream<Bytes>,
}
#[derive(Debug)]
pub struct Receiver {
    stream: RecvStream,
    read: BytesMut,
    /// The bytes of all messages so far.
    pub bytes: u64,
}

/// A stream of this side's, on a connection that ends with it.
#[derive(Debug)]
pub struct Stream {
    pub sender: Sender,
    pub receiver: Receiver,
    connection: AbortHandle,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn failed(error: h2::Error) -> io::Error {
    io::Error::other(error)
}

impl Stream {
    /// Connects, and asks for a stream. The server is not waited for.
    ///
    /// # Errors
    /// Where no connection is made.
    pub async fn open(server: SocketAddr, token: Option<&str>) -> io::Result<(PendingStream, Sender)> {
        let socket = TcpStream::connect(server).await?;
        socket.set_nodelay(true)?;
        let (requests, connection) = h2::client::handshake(socket).await.map_err(failed)?;
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        let mut request = Request::post(format!("http://{server}{PATH}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let request = request.body(()).map_err(io::Error::other)?;
        let mut requests = requests.ready().await.map_err(failed)?;
        let (response, stream) = requests.send_request(request, false).map_err(failed)?;
        let opening = PendingStream {
            response,
            connection: connection.abort_handle(),
        };
        Ok((opening, Sender { stream }))
    }
}

/// A stream that the server has yet to take.
#[derive(Debug)]
pub struct PendingStream {
    response: h2::client::ResponseFuture,
    connection: AbortHandle,
}

impl PendingStream {
    /// The stream, once the server has taken it.
    ///
    /// # Errors
    /// What the server says where it does not.
    pub async fn taken(self, sender: Sender) -> io::Result<Stream> {
        let response = match self.response.await {
            Ok(response) => response,
            Err(error) => {
                self.connection.abort();
                return Err(failed(error));
            }
        };
        if let Some(refusal) = refusal(response.headers()) {
            self.connection.abort();
            return Err(refusal);
        }
        Ok(Stream {
            sender,
            receiver: Receiver::new(response.into_body()),
            connection: self.connection,
        })
    }
}

/// The error that a side ends a stream with; none where it ends well or not yet.
fn refusal(headers: &HeaderMap) -> Option<io::Error> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let status = text("grpc-status").filter(|status| status != "0")?;
    let message = text("grpc-message").unwrap_or_default();
    Some(io::Error::other(format!("gRPC status {status}: {message}")))
}

impl Sender {
    /// # Errors
    /// Where the stream is at its end.
    pub fn send(&mut self, message: &impl Message) -> io::Result<()> {
        self.send_encoded(&message.encode_to_vec())
    }

    /// A message that is encoded already.
    ///
    /// # Errors
    /// Where the stream is at its end.
    pub fn send_encoded(&mut self, message: &[u8]) -> io::Result<()> {
        let mut frame = BytesMut::with_capacity(5 + message.len());
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).map_err(io::Error::other)?);
        frame.put_slice(message);
        self.stream.send_data(frame.freeze(), false).map_err(failed)
    }
}

impl Receiver {
    fn new(stream: RecvStream) -> Self {
        Self {
            stream,
            read: BytesMut::new(),
            bytes: 0,
        }
    }

    /// The next message; none when the other side ends well.
    ///
    /// # Errors
    /// Where it ends otherwise.
    pub async fn next<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        loop {
            if let Some(message) = self.whole()? {
                return Ok(Some(message));
            }
            let Some(data) = self.stream.data().await else {
                let trailers = self.stream.trailers().await.map_err(failed)?;
                return match trailers.as_ref().and_then(refusal) {
                    Some(refusal) => Err(refusal),
                    None => Ok(None),
                };
            };
            let data = data.map_err(failed)?;
            self.bytes += data.len() as u64;
            self.read.extend_from_slice(&data);
            let taken = self.stream.flow_control().release_capacity(data.len());
            taken.map_err(failed)?;
        }
    }

    fn whole<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        let Some(length) = self.read.get(1..5) else {
            return Ok(None);
        };
        let length = length.try_into().map(u32::from_be_bytes).unwrap_or_default() as usize;
        if self.read.len() < 5 + length {
            return Ok(None);
        }
        self.read.advance(5);
        let message = self.read.split_to(length);
        M::decode(message).map(Some).map_err(io::Error::other)
    }
}

/// Takes the streams of one connection: each as soon as it begins.
///
/// # Errors
/// Where the connection breaks.
pub async fn serve(socket: TcpStream, mut took: impl FnMut(Receiver, Sender)) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut connection = h2::server::handshake(socket).await.map_err(failed)?;
    while let Some(taken) = connection.accept().await {
        let (request, mut answer) = taken.map_err(failed)?;
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::OK;
        let kind = http::HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", kind);
        let stream = answer.send_response(response, false).map_err(failed)?;
        took(Receiver::new(request.into_body()), Sender { stream });
    }
    Ok(())
}

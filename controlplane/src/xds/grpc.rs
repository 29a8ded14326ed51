//! gRPC as streams of discovery need it: messages of a request's body, and a body of answers.
//!
//! A general server keeps the buffers that it read a message into and wrote an answer from. An Envoy's first request has
//! 60 kB, its first answers often as much, and after them a stream is idle for hours: with thousands of streams these
//! buffers would be most of what the process holds. Here nothing is kept between two messages.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use prost::Message;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tonic::Status;

/// Before each message: whether it is compressed, and its length.
const HEAD: usize = 5;
/// The longest message that is read, as gRPC has it by default. Envoy's longest is its first, which has some 60 kB.
const LONGEST: usize = 4 << 20;

/// The messages of a request's body.
pub(crate) struct Requests<M> {
    body: Incoming,
    buffer: BytesMut,
    message: PhantomData<fn() -> M>,
}

impl<M: Message + Default> Requests<M> {
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            message: PhantomData,
        }
    }

    /// Waits for the next message; none where the client has ended the stream. Whoever stops waiting loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<M>, Status> {
        loop {
            if let Some(message) = take(&mut self.buffer)? {
                return Ok(Some(message));
            }
            let Some(frame) = self.body.frame().await else {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(Status::internal("the stream ended within a message")),
                };
            };
            let frame = frame.map_err(|error| Status::cancelled(error.to_string()))?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

/// Takes the first message off a buffer; none while a part of it is still to come.
fn take<M: Message + Default>(buffer: &mut BytesMut) -> Result<Option<M>, Status> {
    let mut head: &[u8] = buffer;
    let (Ok(compressed), Ok(length)) = (head.try_get_u8(), head.try_get_u32()) else {
        return Ok(None);
    };
    if compressed != 0 {
        return Err(Status::unimplemented("compressed messages are not read"));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(Status::out_of_range(format!(
            "a message of {length} bytes; the longest that is read has {LONGEST}"
        )));
    }
    if head.len() < length {
        // All of it at once, so that an Envoy's first request leaves no smaller buffers behind.
        buffer.reserve(HEAD + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(HEAD);
    let decoded = M::decode(buffer.split_to(length));
    if buffer.is_empty() {
        *buffer = BytesMut::new();
    }
    match decoded {
        Ok(message) => Ok(Some(message)),
        Err(error) => Err(Status::internal(format!("the message cannot be read: {error}"))),
    }
}

/// A message as it goes over the wire, in as many bytes as it has.
pub(crate) fn framed(message: &impl Message) -> Result<Bytes, Status> {
    let length = message.encoded_len();
    let head = u32::try_from(length).map_err(|_| Status::out_of_range("the answer is too long for gRPC"))?;
    let mut bytes = Vec::with_capacity(HEAD + length);
    bytes.put_u8(0);
    bytes.put_u32(head);
    message.encode_raw(&mut bytes);
    Ok(bytes.into())
}

/// The body of a response: framed messages, and at the end how the call went.
pub(crate) struct Answers {
    queue: mpsc::Receiver<Result<Bytes, Status>>,
    over: bool,
}

impl Answers {
    /// The response of a call whose answers come by a queue. It ends well where the queue ends, and with the first
    /// status that comes.
    pub(crate) fn response(queue: mpsc::Receiver<Result<Bytes, Status>>) -> Response<tonic::body::Body> {
        let body = Self { queue, over: false };
        let mut response = Response::new(tonic::body::Body::new(body));
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(header::CONTENT_TYPE, grpc);
        response
    }
}

impl Body for Answers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let status = match self.queue.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(message))) => return Poll::Ready(Some(Ok(Frame::data(message)))),
            Poll::Ready(Some(Err(status))) => status,
            Poll::Ready(None) => Status::ok(""),
        };
        self.over = true;
        let mut trailers = HeaderMap::new();
        // Its texts are encoded so that a header takes them.
        let _ = status.add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xds::proto::WorldRequest;

    fn request(name: &str) -> WorldRequest {
        WorldRequest {
            type_url: name.to_owned(),
            ..WorldRequest::default()
        }
    }

    #[test]
    fn messages_are_read_however_they_are_cut_and_leave_nothing_behind() {
        let whole: Vec<u8> = ["a", "bb", &"c".repeat(70_000)]
            .iter()
            .flat_map(|name| framed(&request(name)).unwrap())
            .collect();
        for size in [1, 4, 5, 6, 16_384, whole.len()] {
            let mut buffer = BytesMut::new();
            let mut read = Vec::new();
            for part in whole.chunks(size) {
                buffer.extend_from_slice(part);
                while let Some(message) = take::<WorldRequest>(&mut buffer).unwrap() {
                    read.push(message.type_url.len());
                }
            }
            assert_eq!((read, buffer.capacity()), (vec![1, 2, 70_000], 0), "{size}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_by_its_head() {
        let refused = |bytes: &[u8]| {
            let mut buffer = BytesMut::from(bytes);
            take::<WorldRequest>(&mut buffer).unwrap_err().code()
        };
        assert_eq!(refused(&[1, 0, 0, 0, 0]), tonic::Code::Unimplemented);
        assert_eq!(refused(&[0, 255, 0, 0, 0]), tonic::Code::OutOfRange);
        assert_eq!(refused(&[0, 0, 0, 0, 1, 255]), tonic::Code::Internal);
    }
}

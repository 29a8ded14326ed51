//! gRPC as streams of discovery need it: messages of a request's body, and a body of answers.
//!
//! A general server keeps the buffers that it read a message into and wrote an answer from. An Envoy's first request has
//! 60 kB, its first answers often as much, and after them a stream is idle for hours: with thousands of streams these
//! buffers would be most of what the process holds. Here nothing is kept between two messages.

use bytes::{Buf, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use prost::Message;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::IoSlice;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
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

/// A message as it goes over the wire: bytes of its own, and those that messages to other streams have too. A change of a
/// mesh is told to all its streams at once, and only the first are as many as there are streams.
#[derive(Debug, Default)]
pub(crate) struct Framed {
    /// None of them is empty.
    pieces: VecDeque<Bytes>,
    left: usize,
}

impl Framed {
    /// `message`, and further fields of it that are encoded already.
    pub(crate) fn new(
        message: &impl Message,
        fields: impl Iterator<Item = Bytes> + Clone,
    ) -> Result<Self, Status> {
        let own = message.encoded_len();
        let length = own + fields.clone().map(|field| field.len()).sum::<usize>();
        let head =
            u32::try_from(length).map_err(|_| Status::out_of_range("the answer is too long for gRPC"))?;
        let mut bytes = Vec::with_capacity(HEAD + own);
        bytes.put_u8(0);
        bytes.put_u32(head);
        message.encode_raw(&mut bytes);
        let fields = fields.filter(|field| !field.is_empty());
        Ok(Self {
            pieces: std::iter::once(bytes.into()).chain(fields).collect(),
            left: HEAD + length,
        })
    }
}

impl Buf for Framed {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pairs = slices.iter_mut().zip(&self.pieces);
        pairs.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        self.left = self.left.saturating_sub(count);
        while let Some(first) = self.pieces.front_mut() {
            if first.len() > count {
                return first.advance(count);
            }
            count -= first.len();
            self.pieces.pop_front();
        }
    }
}

/// Where a call puts its answers: one at a time, so that whoever reads slowly is told the newest later and nothing queues.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outlet(Arc<Mutex<Option<Framed>>>);

impl Outlet {
    /// Sends an answer, once the one before it is on its way.
    pub(crate) async fn send(&self, answer: Framed) {
        // Nobody need wake the call: the body polls it whenever there is room for more.
        poll_fn(|_| match self.slot().is_none() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        *self.slot() = Some(answer);
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Framed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Call = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// The body of a response: framed messages, and at the end how the call went. The call itself is worked on by whoever
/// polls the body, so that a stream needs no task and no queue of its own.
#[derive(Default)]
pub(crate) struct Answers {
    /// None when it has ended.
    call: Option<Call>,
    outlet: Outlet,
    /// How it ended, where that is yet to be told.
    end: Option<Result<(), Status>>,
}

impl Answers {
    /// The response of a call, which ends as the call does.
    pub(crate) fn response<C>(call: impl FnOnce(Outlet) -> C) -> Response<Self>
    where
        C: Future<Output = Result<(), Status>> + Send + 'static,
    {
        let outlet = Outlet::default();
        let call = call(outlet.clone());
        let mut response = Response::new(Self {
            call: Some(Box::pin(call)),
            outlet,
            end: None,
        });
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(header::CONTENT_TYPE, grpc);
        response
    }
}

impl Body for Answers {
    type Data = Framed;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Framed>, Infallible>>> {
        if let Some(call) = &mut self.call
            && let Poll::Ready(end) = call.as_mut().poll(context)
        {
            self.call = None;
            self.end = Some(end);
        }
        if let Some(answer) = self.outlet.slot().take() {
            return Poll::Ready(Some(Ok(Frame::data(answer))));
        }
        let Some(end) = self.end.take() else {
            return match self.is_end_stream() {
                true => Poll::Ready(None),
                false => Poll::Pending,
            };
        };
        let mut trailers = HeaderMap::new();
        // Its texts are encoded so that a header takes them.
        let _ = end
            .err()
            .unwrap_or_else(|| Status::ok(""))
            .add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.call.is_none() && self.end.is_none() && self.outlet.slot().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xds::proto::{DeltaResponse, Resource, WorldRequest, WorldResponse};
    use crate::xds::view::WireResource;

    fn request(name: &str) -> WorldRequest {
        WorldRequest {
            type_url: name.to_owned(),
            ..WorldRequest::default()
        }
    }

    fn bytes(mut framed: Framed) -> Bytes {
        framed.copy_to_bytes(framed.remaining())
    }

    #[test]
    fn what_streams_share_is_not_copied_and_reads_as_one_message() {
        let resource = |name: &str| Resource {
            name: name.to_owned(),
            version: "1".to_owned(),
            resource: Bytes::from(name.repeat(500)),
        };
        let whole = DeltaResponse {
            resources: vec![resource("a"), resource("bb")],
            nonce: "7".to_owned(),
            ..DeltaResponse::default()
        };
        let own = DeltaResponse {
            resources: Vec::new(),
            ..whole.clone()
        };
        let shared = ["a", "bb"].map(|name| WireResource::new(name, "1", resource(name).resource));
        let fields = shared.each_ref().map(|one| one.named.clone());
        let framed = Framed::new(&own, fields.iter().cloned()).unwrap();
        assert_eq!(framed.pieces[2].as_ptr(), shared[1].named.as_ptr());
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(framed.chunks_vectored(&mut slices), 3);
        assert_eq!(
            slices.iter().map(|slice| slice.len()).sum::<usize>(),
            framed.remaining()
        );
        let length = framed.remaining();
        let mut read = Vec::new();
        let mut left = Framed::new(&own, fields.iter().cloned()).unwrap();
        // In parts as a window lets them go.
        while left.has_remaining() {
            let part = left.remaining().min(333);
            read.extend_from_slice(&left.copy_to_bytes(part));
        }
        assert_eq!(read.len(), length);
        assert_eq!(bytes(framed), read);
        assert_eq!(DeltaResponse::decode(&read[HEAD..]).unwrap(), whole);

        let world = WorldResponse {
            resources: whole.resources.into_iter().map(|one| one.resource).collect(),
            ..WorldResponse::default()
        };
        let fields = shared.each_ref().map(|one| one.alone.clone());
        let framed = Framed::new(&WorldResponse::default(), fields.iter().cloned()).unwrap();
        assert_eq!(WorldResponse::decode(&bytes(framed)[HEAD..]).unwrap(), world);
        // One holds the other.
        let within = shared[0].named.as_ptr_range();
        assert!(within.contains(&shared[0].alone.as_ptr()));
    }

    #[tokio::test]
    async fn a_call_gives_one_answer_at_a_time_and_ends_as_it_does() {
        let sent = Arc::new(Mutex::new(0));
        let count = Arc::clone(&sent);
        let response = Answers::response(|outlet| async move {
            for name in ["a", "b", "c"] {
                outlet
                    .send(Framed::new(&request(name), std::iter::empty())?)
                    .await;
                *count.lock().unwrap() += 1;
            }
            Err(Status::unavailable("enough"))
        });
        let mut body = response.into_body();
        let mut seen = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.unwrap();
            seen.push(match frame.trailers_ref() {
                None => format!(
                    "{} of {}",
                    frame.data_ref().unwrap().remaining(),
                    sent.lock().unwrap()
                ),
                Some(trailers) => trailers["grpc-message"].to_str().unwrap().to_owned(),
            });
        }
        assert_eq!(seen, ["8 of 1", "8 of 2", "8 of 3", "enough"]);
        assert!(body.is_end_stream());
    }

    #[test]
    fn messages_are_read_however_they_are_cut_and_leave_nothing_behind() {
        let whole: Vec<u8> = ["a", "bb", &"c".repeat(70_000)]
            .iter()
            .flat_map(|name| bytes(Framed::new(&request(name), std::iter::empty()).unwrap()))
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

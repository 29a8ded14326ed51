//! One Envoy on one stream, which takes all that it is sent.

use crate::messages::{Response, node};
use crate::proxy::{XdsClientState, answer};
use crate::wire::Stream;
use std::io;
use std::net::SocketAddr;

#[derive(Debug)]
pub struct Client {
    pub stream: Stream,
    pub proxy: XdsClientState,
}

impl Client {
    /// Connects as the proxy of that id, and takes its first configuration. A server that says nothing is waited for
    /// without end.
    ///
    /// # Errors
    /// Where no stream is made, or it ends.
    pub async fn configured(server: SocketAddr, id: &str) -> io::Result<Self> {
        let mut proxy = XdsClientState::new(node(&[], id));
        let (opening, mut sender) = Stream::open(server, None).await?;
        for request in proxy.begins() {
            sender.send(&request)?;
        }
        let stream = opening.taken(sender).await?;
        let mut client = Self { stream, proxy };
        while !client.proxy.is_configured() {
            client.step().await?;
        }
        Ok(client)
    }

    /// Takes the next response, asks for what follows from it, and acknowledges it.
    ///
    /// # Errors
    /// When the stream ends.
    pub async fn step(&mut self) -> io::Result<Response> {
        let read = self.stream.receiver.next::<Response>().await?;
        let response = read.ok_or(io::ErrorKind::UnexpectedEof)?;
        for request in self.proxy.takes(&response) {
            self.stream.sender.send(&request)?;
        }
        self.stream.sender.send(&answer(&response, None))?;
        Ok(response)
    }
}

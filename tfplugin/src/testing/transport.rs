//! The way of a client's calls: it counts them, and gives them the names that they have in protocol 5 when that is
//! what the other side speaks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response, Uri};
use tonic::transport::Channel;
use tower_service::Service;

/// A channel to a provider.
#[derive(Debug, Clone)]
pub struct Transport {
    channel: Channel,
    /// Whether the provider speaks protocol 5 and not 6.
    five: bool,
    calls: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// What has another name in protocol 5. The messages have the same numbers for what both protocols know.
const FIVE: [(&str, &str); 6] = [
    ("GetProviderSchema", "GetSchema"),
    ("ValidateProviderConfig", "PrepareProviderConfig"),
    ("ValidateResourceConfig", "ValidateResourceTypeConfig"),
    ("ValidateDataResourceConfig", "ValidateDataSourceConfig"),
    ("ConfigureProvider", "Configure"),
    ("StopProvider", "Stop"),
];

fn in_five(call: &str) -> String {
    let other = FIVE.iter().find(|(name, _)| *name == call);
    let name = other.map_or(call, |(_, name)| name);
    format!("/tfplugin5.Provider/{name}")
}

impl Transport {
    pub(super) fn new(channel: Channel, five: bool) -> Self {
        Self {
            channel,
            five,
            calls: Arc::default(),
        }
    }

    pub(super) fn is_five(&self) -> bool {
        self.five
    }

    /// How often each call was made, by its name in the protocol.
    pub(super) fn calls(&self) -> BTreeMap<String, usize> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = <Channel as Service<Request<Body>>>::Error;
    type Future = <Channel as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request<Body>>::poll_ready(&mut self.channel, cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        if let Some(name) = path.strip_prefix("/tfplugin6.Provider/") {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            *calls.entry(name.to_owned()).or_default() += 1;
            if self.five {
                let mut parts = request.uri().clone().into_parts();
                parts.path_and_query = in_five(name).parse().ok();
                // Only the path is another one, and a name without special signs.
                if let Ok(uri) = Uri::from_parts(parts) {
                    *request.uri_mut() = uri;
                }
            }
        }
        self.channel.call(request)
    }
}

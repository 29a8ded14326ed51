//! A small server of Envoy's discovery protocol (state of the world, gRPC): of secrets on a Unix socket, of everything
//! on a port, with TLS or without.

use super::http2::runtime;
use super::secure::Identity;
use bytes::{Bytes, BytesMut};
use http::Response;
use meshform_envoy_api::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use meshform_envoy_api::from_json;
use prost::Message;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Resources by type and name.
pub(crate) type Resources = BTreeMap<String, BTreeMap<String, Value>>;

#[derive(Debug, Clone)]
pub(crate) struct Xds {
    state: Arc<watch::Sender<(u64, Resources)>>,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    pub(crate) nodes: Vec<String>,
    /// What was refused, and why.
    pub(crate) refused: Vec<String>,
    /// `type version` of what was taken.
    pub(crate) taken: Vec<String>,
}

const TYPE: &str = "@type";

impl Xds {
    fn new(resources: Resources) -> Self {
        Self {
            state: Arc::new(watch::Sender::new((1, resources))),
            noted: Arc::default(),
        }
    }

    /// On a Unix socket.
    pub(crate) fn on_socket(path: &Path, resources: Resources) -> Self {
        let server = Self::new(resources);
        let this = server.clone();
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        std::thread::spawn(move || {
            runtime().block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(this.clone().connection(stream));
                }
            });
        });
        server
    }

    /// On a free port; gives that too.
    pub(crate) fn on_port(tls: Option<Arc<rustls::ServerConfig>>, resources: Resources) -> (Self, u16) {
        let server = Self::new(resources);
        let this = server.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            runtime().block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let (this, tls) = (this.clone(), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => this.connection(stream).await,
                            Some(config) => {
                                let acceptor = tokio_rustls::TlsAcceptor::from(config);
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    this.connection(stream).await;
                                }
                            }
                        }
                    });
                }
            });
        });
        (server, port)
    }

    /// Other resources, told to everyone.
    pub(crate) fn change(&self, resources: Resources) {
        self.state.send_modify(|state| *state = (state.0 + 1, resources));
    }

    pub(crate) fn noted(&self) -> Noted {
        self.noted.lock().unwrap().clone()
    }

    async fn connection(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let head = Response::builder().header("content-type", "application/grpc");
            let Ok(answers) = respond.send_response(head.body(()).unwrap(), false) else {
                continue;
            };
            tokio::spawn(self.clone().stream(request.into_body(), answers));
        }
    }

    /// One stream: what was asked for is sent, and sent again when it changes.
    async fn stream(self, mut requests: h2::RecvStream, mut answers: h2::SendStream<Bytes>) {
        let mut changed = self.state.subscribe();
        let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut buffer = BytesMut::new();
        loop {
            let due: Vec<String> = tokio::select! {
                chunk = requests.data() => {
                    let Some(Ok(chunk)) = chunk else { return };
                    let _ = requests.flow_control().release_capacity(chunk.len());
                    buffer.extend_from_slice(&chunk);
                    let mut due = Vec::new();
                    while let Some(request) = message(&mut buffer) {
                        due.extend(self.asked(request, &mut wanted));
                    }
                    due
                }
                alive = changed.changed() => {
                    if alive.is_err() { return }
                    wanted.keys().cloned().collect()
                }
            };
            let (version, resources) = self.state.borrow().clone();
            for kind in ORDER.iter().filter(|kind| due.iter().any(|due| due == *kind)) {
                let answer = answer(version, kind, &wanted[*kind], resources.get(*kind));
                if answers.send_data(framed(&answer), false).is_err() {
                    return;
                }
            }
        }
    }

    /// Notes what a client says; gives the type when it is to be sent.
    fn asked(&self, request: DiscoveryRequest, wanted: &mut BTreeMap<String, Vec<String>>) -> Option<String> {
        let kind = request.type_url;
        let mut noted = self.noted.lock().unwrap();
        noted.nodes.extend(request.node.map(|node| node.id));
        if let Some(refusal) = request.error_detail {
            noted.refused.push(format!("{kind}: {}", refusal.message));
            return None;
        }
        if !request.version_info.is_empty() {
            noted.taken.push(format!("{kind} {}", request.version_info));
        }
        let before = wanted.insert(kind.clone(), request.resource_names.clone());
        (before.as_ref() != Some(&request.resource_names)).then_some(kind)
    }
}

/// Clusters before the routes that need them.
const ORDER: [&str; 5] = [
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    SECRET,
];

pub(crate) const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

fn answer(
    version: u64,
    kind: &str,
    names: &[String],
    resources: Option<&BTreeMap<String, Value>>,
) -> DiscoveryResponse {
    let chosen = resources.into_iter().flatten().filter(|(name, _)| {
        // Whoever names none wants all.
        names.is_empty() || names.contains(name)
    });
    let chosen: Vec<&Value> = chosen.map(|(_, resource)| resource).collect();
    let json = json!({
        "version_info": version.to_string(), "nonce": version.to_string(), "type_url": kind, "resources": chosen,
    });
    from_json(&json).unwrap()
}

/// The next message of a gRPC stream: a byte, four of length, and that many.
fn message(buffer: &mut BytesMut) -> Option<DiscoveryRequest> {
    let length = buffer.get(1..5)?;
    let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    if buffer.len() < 5 + length {
        return None;
    }
    let all = buffer.split_to(5 + length);
    Some(DiscoveryRequest::decode(&all[5..]).unwrap())
}

fn framed(message: &DiscoveryResponse) -> Bytes {
    let bytes = message.encode_to_vec();
    let mut all = vec![0];
    all.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    all.extend_from_slice(&bytes);
    all.into()
}

/// Puts resources, as files hold them, under their types and names. What they name as files is asked for over the same
/// stream instead.
pub(crate) fn gather(file: &Value, resources: &mut Resources) {
    for resource in file["resources"].as_array().unwrap() {
        let kind = resource[TYPE].as_str().unwrap().to_owned();
        let name = resource["name"].as_str().or(resource["cluster_name"].as_str());
        let mut resource = resource.clone();
        by_stream(&mut resource);
        let name = name.unwrap().to_owned();
        resources.entry(kind).or_default().insert(name, resource);
    }
}

fn by_stream(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.remove("path_config_source").is_some() {
                fields.insert("ads".to_owned(), json!({}));
            }
            fields.values_mut().for_each(by_stream);
        }
        Value::Array(items) => items.iter_mut().for_each(by_stream),
        _ => {}
    }
}

/// A certificate with its key as a secret.
pub(crate) fn identity(name: &str, identity: &Identity) -> Value {
    let (chain, key) = identity;
    json!({
        TYPE: SECRET, "name": name,
        "tls_certificate": {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}},
    })
}

/// An authority as a secret.
pub(crate) fn trust(name: &str, pem: &str) -> Value {
    json!({TYPE: SECRET, "name": name, "validation_context": {"trusted_ca": {"inline_string": pem}}})
}
pub(crate) fn secrets(all: &[Value]) -> Resources {
    let named = all
        .iter()
        .map(|secret| (secret["name"].as_str().unwrap().to_owned(), secret.clone()));
    BTreeMap::from([(SECRET.to_owned(), named.collect())])
}

//! A client of the protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, OnceCell};
use tonic::transport::{Channel, Endpoint, Uri};

use super::instance::Instance;
use super::process::Process;
use super::transport::Transport;
use super::{protocol5, read_schema};
use crate::diag::Severity;
use crate::r#gen::tfplugin6 as pb;
use crate::plugin::{Connection, routes};
use crate::provider::Provider;
use crate::schema::{IdentitySchema, Schema};
use crate::server::Server;
use crate::value::{Misfit, Type, Value};
use crate::wire::{Service, msgpack, read_value};
use crate::{Diagnostic, Diagnostics, Path};

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The provider answered with messages of which one is an error.
    #[error("{0}")]
    Refused(Diagnostics),
    /// The connection or the call itself failed.
    #[error("{0}")]
    Broken(String),
    /// The provider broke a rule of the protocol.
    #[error("against the protocol: {0}")]
    Breach(String),
}

impl Error {
    /// The messages of a refusal.
    pub fn diagnostics(&self) -> Option<&Diagnostics> {
        match self {
            Self::Refused(diagnostics) => Some(diagnostics),
            Self::Broken(_) | Self::Breach(_) => None,
        }
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Broken(format!("{:?}: {}", status.code(), status.message()))
    }
}

impl From<tonic::transport::Error> for Error {
    fn from(error: tonic::transport::Error) -> Self {
        use std::error::Error as _;
        Self::Broken(format!("{error}: {:?}", error.source()))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<Misfit> for Error {
    fn from(misfit: Misfit) -> Self {
        Self::Breach(misfit.to_string())
    }
}

/// The generated client, for calls that [`Client`] has no words for.
pub type Protocol = pb::provider_client::ProviderClient<Transport>;

/// A resource's schemas as the provider published them.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) provider: Schema,
    pub(super) resources: BTreeMap<String, (Arc<Schema>, Option<Arc<IdentitySchema>>)>,
    pub(super) data_sources: BTreeMap<String, Schema>,
    pub(super) lists: BTreeMap<String, Schema>,
    pub(super) functions: BTreeMap<String, (Vec<Type>, Option<Type>, Type)>,
}

/// What Terraform would keep of an instance.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The state; null when there is no object.
    pub state: Value,
    /// The private state.
    pub private: Vec<u8>,
    /// The identity.
    pub identity: Option<Value>,
}

/// A client of a provider, in this process or another.
#[derive(Clone)]
pub struct Client {
    protocol: Protocol,
    transport: Transport,
    published: Arc<OnceCell<Published>>,
    process: Option<Arc<Process>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

const MAX_MESSAGE: usize = 256 << 20;

/// Gives the one connection that it holds.
struct Once(Option<Connection>);

impl tower_service::Service<Uri> for Once {
    type Response = TokioIo<Connection>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let connection = self.0.take().map(TokioIo::new);
        std::future::ready(connection.ok_or_else(|| std::io::ErrorKind::NotConnected.into()))
    }
}

pub(super) async fn channel(connection: Connection) -> Result<Channel, Error> {
    Ok(Endpoint::from_static("http://localhost")
        .connect_with_connector(Once(Some(connection)))
        .await?)
}

impl Client {
    /// A client of a provider in this process. The protocol is the real one; only the socket is a pipe.
    ///
    /// # Errors
    /// When the connection fails, which it does not.
    pub async fn in_process(provider: impl Provider) -> Result<Self, Error> {
        let server = Arc::new(Server::new(Arc::new(provider)));
        let routes = routes(Service::new(server, "in-process"), Arc::new(Notify::new()));
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let incoming = tokio_stream::once(Ok::<_, std::io::Error>(Connection::new(theirs)));
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_routes(routes)
                .serve_with_incoming(incoming),
        );
        Self::over(ours).await
    }

    /// A client over a stream that leads to a provider.
    ///
    /// # Errors
    /// When the other side does not speak HTTP/2.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<Self, Error> {
        let channel = channel(Connection::new(stream)).await?;
        Ok(Self::of(Transport::new(channel, false), None))
    }

    pub(super) fn of(transport: Transport, process: Option<Arc<Process>>) -> Self {
        let protocol = Protocol::new(transport.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        Self {
            protocol,
            transport,
            published: Arc::default(),
            process,
        }
    }

    /// The generated client.
    pub fn protocol(&self) -> Protocol {
        self.protocol.clone()
    }

    /// How often each call of the protocol was made by this client and its clones.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.transport.calls()
    }

    /// The process behind it, if it is one.
    pub fn process(&self) -> Option<&Process> {
        self.process.as_deref()
    }

    /// Asks for the schemas, whatever is known of them already.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn fetch_schemas(&self) -> Result<pb::get_provider_schema::Response, Error> {
        if self.transport.is_five() {
            return protocol5::schemas(self.transport.clone(), MAX_MESSAGE).await;
        }
        let request = pb::get_provider_schema::Request {};
        Ok(self.protocol().get_provider_schema(request).await?.into_inner())
    }

    pub(super) async fn published(&self) -> Result<&Published, Error> {
        self.published
            .get_or_try_init(|| async {
                let schemas = self.fetch_schemas().await?;
                refuse(read_diagnostics(schemas.diagnostics.clone()))?;
                let identities = self
                    .protocol()
                    .get_resource_identity_schemas(pb::get_resource_identity_schemas::Request {})
                    .await;
                let identities = match identities {
                    Ok(answer) => answer.into_inner().identity_schemas,
                    Err(status) if status.code() == tonic::Code::Unimplemented => BTreeMap::new(),
                    Err(status) => return Err(status.into()),
                };
                read_schema::published(schemas, identities).map_err(Error::Breach)
            })
            .await
    }

    /// The types of resources that the provider offers, in order.
    ///
    /// # Errors
    /// When the provider's schemas are refused.
    pub async fn resource_types(&self) -> Result<Vec<String>, Error> {
        Ok(self.published().await?.resources.keys().cloned().collect())
    }

    /// The schema of a resource as the provider published it.
    ///
    /// # Errors
    /// When the provider's schemas are refused or do not have it.
    pub async fn resource_schema(&self, type_name: &str) -> Result<Arc<Schema>, Error> {
        Ok(Arc::clone(&self.resource_schemas(type_name).await?.0))
    }

    pub(super) async fn resource_schemas(
        &self,
        type_name: &str,
    ) -> Result<&(Arc<Schema>, Option<Arc<IdentitySchema>>), Error> {
        let missing = || Error::Broken(format!("the provider has no resource `{type_name}`"));
        self.published()
            .await?
            .resources
            .get(type_name)
            .ok_or_else(missing)
    }

    /// One instance of a resource, not made yet.
    ///
    /// # Errors
    /// When the provider's schemas are refused or do not have it.
    pub async fn resource(&self, type_name: &str) -> Result<Instance, Error> {
        let (schema, identity) = self.resource_schemas(type_name).await?.clone();
        Ok(Instance::new(self.clone(), type_name, schema, identity))
    }

    /// Validates and sends a provider block.
    ///
    /// # Errors
    /// When the provider refuses it.
    pub async fn configure(&self, config: Value) -> Result<Diagnostics, Error> {
        let schema = &self.published().await?.provider;
        let config = Some(write_value(schema.ty(), &schema.conform(config)?)?);
        let request = pb::validate_provider_config::Request {
            config: config.clone(),
        };
        let answer = self
            .protocol()
            .validate_provider_config(request)
            .await?
            .into_inner();
        let mut found = refuse(read_diagnostics(answer.diagnostics))?;
        let request = pb::configure_provider::Request {
            terraform_version: "1.15.0".into(),
            config,
            client_capabilities: Some(capabilities()),
        };
        let answer = self.protocol().configure_provider(request).await?.into_inner();
        found.extend(refuse(read_diagnostics(answer.diagnostics))?);
        Ok(found)
    }

    /// Validates and reads a data source.
    ///
    /// # Errors
    /// When the provider refuses.
    pub async fn read_data(&self, type_name: &str, config: Value) -> Result<Value, Error> {
        let missing = || Error::Broken(format!("the provider has no data source `{type_name}`"));
        let schema = self
            .published()
            .await?
            .data_sources
            .get(type_name)
            .ok_or_else(missing)?;
        let config = Some(write_value(schema.ty(), &schema.conform(config)?)?);
        let type_name = type_name.to_owned();
        let request = pb::validate_data_resource_config::Request {
            type_name: type_name.clone(),
            config: config.clone(),
        };
        let answer = self
            .protocol()
            .validate_data_resource_config(request)
            .await?
            .into_inner();
        refuse(read_diagnostics(answer.diagnostics))?;
        let client_capabilities = Some(capabilities());
        let request = pb::read_data_source::Request {
            type_name,
            config,
            provider_meta: None,
            client_capabilities,
        };
        let answer = self.protocol().read_data_source(request).await?.into_inner();
        refuse(read_diagnostics(answer.diagnostics))?;
        Ok(read_value(schema.ty(), answer.state.as_ref())?)
    }

    /// Calls a function. The error has the argument, when one is to blame.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn call(&self, name: &str, arguments: Vec<Value>) -> Result<Value, Error> {
        let missing = || Error::Broken(format!("the provider has no function `{name}`"));
        let (types, variadic, result) = self.published().await?.functions.get(name).ok_or_else(missing)?;
        let mut sent = Vec::with_capacity(arguments.len());
        for (index, value) in arguments.into_iter().enumerate() {
            let ty = types.get(index).or(variadic.as_ref()).unwrap_or(&Type::Dynamic);
            sent.push(write_value(
                ty,
                &crate::value::conform(ty, value, crate::value::Fit::Exact)?,
            )?);
        }
        let request = pb::call_function::Request {
            name: name.to_owned(),
            arguments: sent,
        };
        let answer = self.protocol().call_function(request).await?.into_inner();
        if let Some(error) = answer.error {
            let at = error
                .function_argument
                .map(|index| format!(" (argument {index})"))
                .unwrap_or_default();
            return Err(Error::Refused(
                Diagnostic::error("Function failed", error.text + &at).into(),
            ));
        }
        Ok(read_value(result, answer.result.as_ref())?)
    }

    /// Validates the configuration of a list and lists objects: their identities, and their states when asked for.
    ///
    /// # Errors
    /// When the provider refuses.
    pub async fn list(
        &self,
        type_name: &str,
        config: Value,
        include_state: bool,
        limit: i64,
    ) -> Result<Vec<(String, Value, Value)>, Error> {
        let missing = || Error::Broken(format!("the provider has no list `{type_name}`"));
        let schema = self.published().await?.lists.get(type_name).ok_or_else(missing)?;
        let config = Some(write_value(schema.ty(), &schema.conform(config)?)?);
        let (resource, identity) = self.resource_schemas(type_name).await?;
        let include_resource_object = include_state;
        let type_name = type_name.to_owned();
        let validation = pb::validate_list_resource_config::Request {
            type_name: type_name.clone(),
            config: config.clone(),
            include_resource_object: None,
            limit: None,
        };
        let answer = self
            .protocol()
            .validate_list_resource_config(validation)
            .await?
            .into_inner();
        refuse(read_diagnostics(answer.diagnostics))?;
        let request = pb::list_resource::Request {
            type_name,
            config,
            include_resource_object,
            limit,
        };
        let mut events = self.protocol().list_resource(request).await?.into_inner();
        let mut all = Vec::new();
        while let Some(event) = events.message().await? {
            refuse(read_diagnostics(event.diagnostic))?;
            let data = event.identity.and_then(|data| data.identity_data);
            let identity = match identity {
                Some(schema) => read_value(schema.ty(), data.as_ref())?,
                None => return Err(Error::Breach("a list of a resource without identity".into())),
            };
            all.push((
                event.display_name,
                identity,
                read_value(resource.ty(), event.resource_object.as_ref())?,
            ));
        }
        Ok(all)
    }

    /// Asks running work to stop.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn stop(&self) -> Result<(), Error> {
        self.protocol()
            .stop_provider(pb::stop_provider::Request {})
            .await?;
        Ok(())
    }
}

/// What a current Terraform can do.
pub(super) fn capabilities() -> pb::ClientCapabilities {
    pb::ClientCapabilities {
        write_only_attributes_allowed: true,
        ..Default::default()
    }
}

pub(super) fn write_value(ty: &Type, value: &Value) -> Result<pb::DynamicValue, Error> {
    Ok(pb::DynamicValue {
        msgpack: msgpack::encode(ty, value)?,
        json: Vec::new(),
    })
}

pub(super) fn refuse(found: Diagnostics) -> Result<Diagnostics, Error> {
    found.into_result().map_err(Error::Refused)
}

pub(super) fn read_diagnostics(all: Vec<pb::Diagnostic>) -> Diagnostics {
    all.into_iter()
        .map(|one| Diagnostic {
            severity: match one.severity() {
                pb::diagnostic::Severity::Warning => Severity::Warning,
                pb::diagnostic::Severity::Error | pb::diagnostic::Severity::Invalid => Severity::Error,
            },
            summary: one.summary,
            detail: one.detail,
            path: one.attribute.map_or_else(Path::root, |path| read_path(&path)),
        })
        .collect()
}

pub(super) fn read_path(path: &pb::AttributePath) -> Path {
    use pb::attribute_path::step::Selector;
    path.steps
        .iter()
        .filter_map(|step| step.selector.as_ref())
        .fold(Path::root(), |path, step| match step {
            Selector::AttributeName(name) => path.attr(name.as_str()),
            Selector::ElementKeyString(key) => path.key(key.as_str()),
            Selector::ElementKeyInt(index) => path.index(usize::try_from(*index).unwrap_or(usize::MAX)),
        })
}

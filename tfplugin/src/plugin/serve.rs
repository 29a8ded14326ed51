//! The whole life of a provider process.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;

use super::connection::Connection;
use super::environment::Environment;
use super::handshake::Line;
use super::lifecycle::{self, GRACE, Parent};
use super::listener::Listener;
use super::services::{Broker, Controller, Health, Stdio};
use super::tls;
use crate::r#gen::health::health_server::HealthServer;
use crate::r#gen::plugin::grpc_broker_server::GrpcBrokerServer;
use crate::r#gen::plugin::grpc_controller_server::GrpcControllerServer;
use crate::r#gen::plugin::grpc_stdio_server::GrpcStdioServer;
use crate::r#gen::tfplugin6::provider_server::ProviderServer;
use crate::provider::Provider;
use crate::server::{Server, guard};
use crate::value::json;
use crate::wire::Service;

/// Terraform's own limit on a message.
const MAX_MESSAGE: usize = 256 << 20;

/// Serves a provider until Terraform no longer needs it: all that `main` has to do.
///
/// The address is the provider's full name, such as `registry.terraform.io/acme/thing`.
pub fn serve(address: &str, provider: impl Provider) -> ExitCode {
    Serve::new(address).run(provider)
}

/// The same with more to say about it.
#[derive(Debug, Clone)]
pub struct Serve {
    address: String,
    version: Option<String>,
    threads: usize,
}

impl Serve {
    /// A provider by its full name, such as `registry.terraform.io/acme/thing`.
    pub fn new(address: &str) -> Self {
        let threads = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 4);
        Self {
            address: address.to_owned(),
            version: None,
            threads,
        }
    }

    /// The provider's version, shown to those who start the program by hand.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// How many threads serve calls.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    fn name(&self) -> &str {
        self.address.rsplit('/').next().unwrap_or(&self.address)
    }

    /// Serves until the end. With `--debug` among the program's arguments it waits for a Terraform that is
    /// told where to find it.
    #[allow(clippy::disallowed_methods)] // the one place that reads arguments and environment
    pub fn run(self, provider: impl Provider) -> ExitCode {
        let parent = Parent::now();
        let environment = Environment::read(|name| std::env::var(name).ok());
        let debug = std::env::args()
            .skip(1)
            .any(|arg| arg == "--debug" || arg == "-debug");
        if !debug && !environment.cookie {
            say(&self.explanation());
            return ExitCode::FAILURE;
        }
        crate::log::install(crate::log::Levels::read(self.name(), |name| {
            std::env::var(name).ok()
        }));
        report_panics();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.threads)
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                say(&format!("{}: cannot start: {error}\n", self.name()));
                return ExitCode::FAILURE;
            }
        };
        let outcome =
            runtime.block_on(self.live(environment, Arc::new(provider), (!debug).then_some(parent)));
        // What still runs then has had its time.
        runtime.shutdown_background();
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&format!("{}: {error}\n", self.name()));
                ExitCode::FAILURE
            }
        }
    }

    async fn live(
        &self,
        environment: Environment,
        provider: Arc<dyn Provider>,
        parent: Option<Parent>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Without a parent that waits for a handshake this is a session of somebody with a debugger.
        let debug = parent.is_none();
        let tls = match &environment.client_cert {
            Some(pem) if !debug => Some(tls::server(pem)?),
            _ => None,
        };
        let listener = Arc::new(Listener::bind(&environment).await?);
        let shutdown = Arc::new(Notify::new());
        let server = Arc::new(Server::new(Arc::clone(&provider)));
        let routes = routes(Service::new(server, self.address.as_str()), Arc::clone(&shutdown));
        let connections = accept(
            Arc::clone(&listener),
            tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.config))),
        );
        let serving = tonic::transport::Server::builder()
            .add_routes(routes)
            .serve_with_incoming(connections);
        let serving = tokio::spawn(serving);
        if debug {
            say(&self.reattach(&listener));
        } else {
            let line = Line {
                address: listener.address().clone(),
                certificate: tls.map(|tls| tls.certificate),
                multiplex: environment.multiplex,
            };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{line}")?;
            out.flush()?;
        }
        let end = tokio::select! {
            end = lifecycle::end(shutdown, parent) => end,
            broken = serving => {
                listener.remove();
                broken??;
                return Ok(());
            }
        };
        tracing::debug!(?end, "shutting down");
        let finish = guard("Shutting down", provider.shutdown());
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!("the provider did not finish in time");
        }
        listener.remove();
        Ok(())
    }

    /// The address as configurations write it. On a program's own registry it has no host, so that Terraform and
    /// OpenTofu each take it for theirs.
    fn source(&self) -> &str {
        let hosts = ["registry.terraform.io/", "registry.opentofu.org/"];
        let rest = hosts.iter().find_map(|host| self.address.strip_prefix(host));
        rest.unwrap_or(&self.address)
    }

    fn explanation(&self) -> String {
        let name = self.name();
        let version = self
            .version
            .as_deref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        format!(
            "This is the Terraform provider {}{version}. It is a plugin: Terraform starts it, nobody runs it by \
             hand.\n\nTo install it, name it in a configuration and run `terraform init`:\n\n  terraform {{\n    \
             required_providers {{\n      {name} = {{ source = {:?} }}\n    }}\n  }}\n\nA build of your own is \
             found through `dev_overrides` in the CLI configuration. To debug it, start it with --debug.\n",
            self.address,
            self.source()
        )
    }

    fn reattach(&self, listener: &Listener) -> String {
        let (network, address) = listener.address().parts();
        let mut parts = [String::new(), String::new(), String::new()];
        for (text, out) in [self.source(), network, address.as_str()].iter().zip(&mut parts) {
            json::write_string(text, out);
        }
        let [name, network, address] = parts;
        format!(
            "Provider started for debugging. Set this in the shell that runs Terraform:\n\nTF_REATTACH_PROVIDERS=\
             '{{{name}:{{\"Protocol\":\"grpc\",\"ProtocolVersion\":6,\"Pid\":{},\"Test\":true,\"Addr\":\
             {{\"Network\":{network},\"String\":{address}}}}}}}'\n",
            std::process::id()
        )
    }
}

fn say(text: &str) {
    // Nobody can be told when standard error is closed.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A panic in a provider becomes a message about one call; the log gets its place alone. Its text may hold a value of the
/// configuration, and a log, unlike an answer, goes to files that are kept and passed on.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(location = panic.location().map(ToString::to_string), "panic");
    }));
}

/// Everything that the process serves.
pub(crate) fn routes(service: Service, shutdown: Arc<Notify>) -> Routes {
    let provider = ProviderServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    Routes::new(provider)
        .add_service(GrpcControllerServer::new(Controller { shutdown }))
        .add_service(GrpcStdioServer::new(Stdio))
        .add_service(GrpcBrokerServer::new(Broker))
        .add_service(HealthServer::new(Health))
}

/// Accepts connections; one that fails its TLS handshake disturbs nobody else.
fn accept(
    listener: Arc<Listener>,
    tls: Option<TlsAcceptor>,
) -> ReceiverStream<Result<Connection, std::io::Error>> {
    let (out, connections) = mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            let connection = match listener.accept().await {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                }
            };
            let (out, tls) = (out.clone(), tls.clone());
            tokio::spawn(async move {
                let ready = match tls {
                    None => Ok(connection),
                    Some(tls) => tls.accept(connection).await.map(Connection::new),
                };
                match ready {
                    Ok(ready) => drop(out.send(Ok(ready)).await),
                    Err(error) => tracing::warn!(%error, "a client was refused"),
                }
            });
        }
    });
    ReceiverStream::new(connections)
}

//! The services of the plugin system itself.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use crate::r#gen::health::health_check_response::ServingStatus;
use crate::r#gen::{health, plugin};

type Answer<T> = Result<Response<T>, Status>;
type Quiet<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Ends the process when the host no longer needs it.
pub(crate) struct Controller {
    pub(crate) shutdown: Arc<Notify>,
}

#[tonic::async_trait]
impl plugin::grpc_controller_server::GrpcController for Controller {
    async fn shutdown(&self, _request: Request<plugin::Empty>) -> Answer<plugin::Empty> {
        tracing::debug!("the host ends the process");
        self.shutdown.notify_one();
        Ok(Response::new(plugin::Empty {}))
    }
}

/// Would carry standard output; the host drains ours itself, so nothing is ever sent. The stream stays open,
/// because its end would be logged as a failure.
pub(crate) struct Stdio;

#[tonic::async_trait]
impl plugin::grpc_stdio_server::GrpcStdio for Stdio {
    type StreamStdioStream = Quiet<plugin::StdioData>;

    async fn stream_stdio(&self, _request: Request<()>) -> Answer<Self::StreamStdioStream> {
        Ok(Response::new(Box::pin(tokio_stream::pending())))
    }
}

/// Side connections, which Terraform providers never use: what arrives is read and dropped.
pub(crate) struct Broker;

#[tonic::async_trait]
impl plugin::grpc_broker_server::GrpcBroker for Broker {
    type StartStreamStream = Quiet<plugin::ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<plugin::ConnInfo>>,
    ) -> Answer<Self::StartStreamStream> {
        let mut incoming = request.into_inner();
        tokio::spawn(async move { while let Ok(Some(_)) = incoming.message().await {} });
        Ok(Response::new(Box::pin(tokio_stream::pending())))
    }
}

/// Answers that the plugin is there.
pub(crate) struct Health;

fn status(service: &str) -> Option<ServingStatus> {
    matches!(service, "" | "plugin").then_some(ServingStatus::Serving)
}

#[tonic::async_trait]
impl health::health_server::Health for Health {
    async fn check(
        &self,
        request: Request<health::HealthCheckRequest>,
    ) -> Answer<health::HealthCheckResponse> {
        match status(&request.get_ref().service) {
            Some(status) => Ok(Response::new(health::HealthCheckResponse {
                status: status.into(),
            })),
            None => Err(Status::not_found("unknown service")),
        }
    }

    type WatchStream = Quiet<health::HealthCheckResponse>;

    async fn watch(&self, request: Request<health::HealthCheckRequest>) -> Answer<Self::WatchStream> {
        let status = status(&request.get_ref().service).unwrap_or(ServingStatus::ServiceUnknown);
        let now = tokio_stream::once(Ok(health::HealthCheckResponse {
            status: status.into(),
        }));
        Ok(Response::new(Box::pin(now.chain(tokio_stream::pending()))))
    }
}

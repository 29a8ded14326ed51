//! The gRPC service: one method per call, nothing in them but which conversion to use.

use std::pin::Pin;
use std::sync::Arc;

use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{calls, calls_resource};
use crate::r#gen::tfplugin6 as pb;
use crate::log;
use crate::server::Server;

/// The provider as Terraform sees it.
pub(crate) struct Service {
    server: Arc<Server>,
    address: Arc<str>,
}

type Answer<T> = Result<Response<T>, Status>;
type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What this provider does not offer. Terraform takes this status as exactly that.
fn not_offered<T>(call: &str) -> Result<T, Status> {
    Err(Status::unimplemented(format!(
        "the provider does not offer {call}"
    )))
}

impl Service {
    pub(crate) fn new(server: Arc<Server>, address: impl Into<Arc<str>>) -> Self {
        Self {
            server,
            address: address.into(),
        }
    }

    /// Runs a call as a task of its own: it ends its work even when the connection goes away.
    async fn run<T, W>(&self, call: log::Call<'_>, work: impl FnOnce(Arc<Server>) -> W) -> Answer<T>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let work = work(Arc::clone(&self.server));
        let traced = log::traced(&self.address, call, work);
        // Provider code is behind a boundary of its own; what panics here is the SDK.
        tokio::spawn(traced)
            .await
            .map(Response::new)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

#[tonic::async_trait]
impl pb::provider_server::Provider for Service {
    async fn get_metadata(
        &self,
        _request: Request<pb::get_metadata::Request>,
    ) -> Answer<pb::get_metadata::Response> {
        self.run(log::Call::of("GetMetadata"), |server| async move {
            calls::get_metadata(&server)
        })
        .await
    }

    async fn get_provider_schema(
        &self,
        _request: Request<pb::get_provider_schema::Request>,
    ) -> Answer<pb::get_provider_schema::Response> {
        self.run(log::Call::of("GetProviderSchema"), |server| async move {
            calls::get_provider_schema(&server)
        })
        .await
    }

    async fn get_resource_identity_schemas(
        &self,
        _request: Request<pb::get_resource_identity_schemas::Request>,
    ) -> Answer<pb::get_resource_identity_schemas::Response> {
        self.run(log::Call::of("GetResourceIdentitySchemas"), |server| async move {
            calls::get_resource_identity_schemas(&server)
        })
        .await
    }

    async fn get_functions(
        &self,
        _request: Request<pb::get_functions::Request>,
    ) -> Answer<pb::get_functions::Response> {
        self.run(log::Call::of("GetFunctions"), |server| async move {
            calls::get_functions(&server)
        })
        .await
    }

    async fn validate_provider_config(
        &self,
        request: Request<pb::validate_provider_config::Request>,
    ) -> Answer<pb::validate_provider_config::Response> {
        let request = request.into_inner();
        let call = log::Call::of("ValidateProviderConfig");
        self.run(call, |server| async move {
            calls::validate_provider_config(&server, request).await
        })
        .await
    }

    async fn configure_provider(
        &self,
        request: Request<pb::configure_provider::Request>,
    ) -> Answer<pb::configure_provider::Response> {
        let request = request.into_inner();
        let call = log::Call::of("ConfigureProvider");
        self.run(call, |server| async move {
            calls::configure_provider(&server, request).await
        })
        .await
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<pb::validate_data_resource_config::Request>,
    ) -> Answer<pb::validate_data_resource_config::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::data_source("ValidateDataResourceConfig", &name);
        self.run(call, |server| async move {
            calls::validate_data_resource_config(&server, request).await
        })
        .await
    }

    async fn read_data_source(
        &self,
        request: Request<pb::read_data_source::Request>,
    ) -> Answer<pb::read_data_source::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::data_source("ReadDataSource", &name);
        self.run(call, |server| async move {
            calls::read_data_source(&server, request).await
        })
        .await
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<pb::validate_list_resource_config::Request>,
    ) -> Answer<pb::validate_list_resource_config::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("ValidateListResourceConfig", &name);
        self.run(call, |server| async move {
            calls::validate_list_resource_config(&server, request).await
        })
        .await
    }

    async fn call_function(
        &self,
        request: Request<pb::call_function::Request>,
    ) -> Answer<pb::call_function::Response> {
        let request = request.into_inner();
        let name = request.name.clone();
        let call = log::Call::function("CallFunction", &name);
        self.run(call, |server| async move {
            calls::call_function(&server, request).await
        })
        .await
    }

    async fn validate_resource_config(
        &self,
        request: Request<pb::validate_resource_config::Request>,
    ) -> Answer<pb::validate_resource_config::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("ValidateResourceConfig", &name);
        self.run(call, |server| async move {
            calls_resource::validate_resource_config(&server, request).await
        })
        .await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<pb::upgrade_resource_state::Request>,
    ) -> Answer<pb::upgrade_resource_state::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("UpgradeResourceState", &name);
        self.run(call, |server| async move {
            calls_resource::upgrade_resource_state(&server, request).await
        })
        .await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<pb::upgrade_resource_identity::Request>,
    ) -> Answer<pb::upgrade_resource_identity::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("UpgradeResourceIdentity", &name);
        self.run(call, |server| async move {
            calls_resource::upgrade_resource_identity(&server, request).await
        })
        .await
    }

    async fn read_resource(
        &self,
        request: Request<pb::read_resource::Request>,
    ) -> Answer<pb::read_resource::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("ReadResource", &name);
        self.run(call, |server| async move {
            calls_resource::read_resource(&server, request).await
        })
        .await
    }

    async fn plan_resource_change(
        &self,
        request: Request<pb::plan_resource_change::Request>,
    ) -> Answer<pb::plan_resource_change::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("PlanResourceChange", &name);
        self.run(call, |server| async move {
            calls_resource::plan_resource_change(&server, request).await
        })
        .await
    }

    async fn apply_resource_change(
        &self,
        request: Request<pb::apply_resource_change::Request>,
    ) -> Answer<pb::apply_resource_change::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("ApplyResourceChange", &name);
        self.run(call, |server| async move {
            calls_resource::apply_resource_change(&server, request).await
        })
        .await
    }

    async fn import_resource_state(
        &self,
        request: Request<pb::import_resource_state::Request>,
    ) -> Answer<pb::import_resource_state::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("ImportResourceState", &name);
        self.run(call, |server| async move {
            calls_resource::import_resource_state(&server, request).await
        })
        .await
    }

    async fn move_resource_state(
        &self,
        request: Request<pb::move_resource_state::Request>,
    ) -> Answer<pb::move_resource_state::Response> {
        let request = request.into_inner();
        let name = request.target_type_name.clone();
        let call = log::Call::resource("MoveResourceState", &name);
        self.run(call, |server| async move {
            calls_resource::move_resource_state(&server, request).await
        })
        .await
    }

    async fn generate_resource_config(
        &self,
        request: Request<pb::generate_resource_config::Request>,
    ) -> Answer<pb::generate_resource_config::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("GenerateResourceConfig", &name);
        self.run(call, |server| async move {
            calls_resource::generate_resource_config(&server, request).await
        })
        .await
    }

    type ListResourceStream = ReceiverStream<Result<pb::list_resource::Event, Status>>;

    async fn list_resource(
        &self,
        request: Request<pb::list_resource::Request>,
    ) -> Answer<Self::ListResourceStream> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        let call = log::Call::resource("ListResource", &name);
        let start = |server: Arc<Server>| async move { calls::list_resource(&server, &request) };
        let stream = self.run(call, start).await?;
        Ok(Response::new(ReceiverStream::new(stream.into_inner())))
    }

    async fn stop_provider(
        &self,
        _request: Request<pb::stop_provider::Request>,
    ) -> Answer<pb::stop_provider::Response> {
        tracing::debug!("Terraform asks running work to stop");
        self.server.stop();
        Ok(Response::new(pb::stop_provider::Response::default()))
    }

    type ReadStateBytesStream = Events<pb::read_state_bytes::Response>;

    async fn read_state_bytes(
        &self,
        _request: Request<pb::read_state_bytes::Request>,
    ) -> Answer<Self::ReadStateBytesStream> {
        not_offered("state stores")
    }

    async fn write_state_bytes(
        &self,
        _request: Request<Streaming<pb::write_state_bytes::RequestChunk>>,
    ) -> Answer<pb::write_state_bytes::Response> {
        not_offered("state stores")
    }

    type InvokeActionStream = Events<pb::invoke_action::Event>;

    async fn invoke_action(
        &self,
        _request: Request<pb::invoke_action::Request>,
    ) -> Answer<Self::InvokeActionStream> {
        not_offered("actions")
    }

    async fn validate_ephemeral_resource_config(
        &self,
        _request: Request<pb::validate_ephemeral_resource_config::Request>,
    ) -> Answer<pb::validate_ephemeral_resource_config::Response> {
        not_offered("ephemeral resources")
    }

    async fn open_ephemeral_resource(
        &self,
        _request: Request<pb::open_ephemeral_resource::Request>,
    ) -> Answer<pb::open_ephemeral_resource::Response> {
        not_offered("ephemeral resources")
    }

    async fn renew_ephemeral_resource(
        &self,
        _request: Request<pb::renew_ephemeral_resource::Request>,
    ) -> Answer<pb::renew_ephemeral_resource::Response> {
        not_offered("ephemeral resources")
    }

    async fn close_ephemeral_resource(
        &self,
        _request: Request<pb::close_ephemeral_resource::Request>,
    ) -> Answer<pb::close_ephemeral_resource::Response> {
        not_offered("ephemeral resources")
    }

    async fn validate_state_store_config(
        &self,
        _request: Request<pb::validate_state_store::Request>,
    ) -> Answer<pb::validate_state_store::Response> {
        not_offered("state stores")
    }

    async fn configure_state_store(
        &self,
        _request: Request<pb::configure_state_store::Request>,
    ) -> Answer<pb::configure_state_store::Response> {
        not_offered("state stores")
    }

    async fn lock_state(
        &self,
        _request: Request<pb::lock_state::Request>,
    ) -> Answer<pb::lock_state::Response> {
        not_offered("state stores")
    }

    async fn unlock_state(
        &self,
        _request: Request<pb::unlock_state::Request>,
    ) -> Answer<pb::unlock_state::Response> {
        not_offered("state stores")
    }

    async fn get_states(
        &self,
        _request: Request<pb::get_states::Request>,
    ) -> Answer<pb::get_states::Response> {
        not_offered("state stores")
    }

    async fn delete_state(
        &self,
        _request: Request<pb::delete_state::Request>,
    ) -> Answer<pb::delete_state::Response> {
        not_offered("state stores")
    }

    async fn plan_action(
        &self,
        _request: Request<pb::plan_action::Request>,
    ) -> Answer<pb::plan_action::Response> {
        not_offered("actions")
    }

    async fn validate_action_config(
        &self,
        _request: Request<pb::validate_action_config::Request>,
    ) -> Answer<pb::validate_action_config::Response> {
        not_offered("actions")
    }
}

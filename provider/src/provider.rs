//! The provider: what it offers, and its configuration.

use crate::functions::{ArnParse, EcsProxyConfiguration, EcsSidecar, EnvoyBootstrap};
use crate::lookup::{
    BucketPolicy, CloudFormationTemplate, EcsTaskDefinition, Listing, ProxyConfiguration, ReleaseStatus,
    ResourceDataSource, ResourceListDataSource, plural,
};
use crate::release::ReleaseResource;
use crate::resource::MeshResource;
use crate::session::Session;
use crate::settings::{self, ProcessEnvironment, Settings};
use async_trait::async_trait;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema as model_schema;
use std::sync::{Arc, Mutex, PoisonError};
use tfplugin::schema::Schema;
use tfplugin::{Configured, Context, Diagnostics, Provider, Registry, Value};

#[derive(Debug, Default)]
pub(crate) struct Appmesh {
    /// Every configuration's session. Usually one; with `--debug` a process is configured several times.
    sessions: Mutex<Vec<Arc<Session>>>,
}

#[async_trait]
impl Provider for Appmesh {
    fn register(&self, registry: &mut Registry) {
        for kind in Kind::ALL {
            let resource = Arc::new(MeshResource::new(kind));
            let name = model_schema::kind(kind).type_in(Dialect::Terraform).to_owned();
            // The original names too: a resource keeps its type and its state and only says `provider = appmesh`.
            let original = kind.is_app_mesh().then(|| format!("aws_{name}"));
            registry.data_source(plural(kind), Arc::new(ResourceListDataSource(kind)));
            for name in std::iter::once(name).chain(original) {
                registry
                    .data_source(name.as_str(), Arc::new(ResourceDataSource(kind)))
                    .list_resource(name.as_str(), Arc::new(Listing::new(kind, Arc::clone(&resource))))
                    .resource(name, Arc::clone(&resource) as Arc<_>);
            }
        }
        registry
            .data_source("appmesh_proxy_configuration", Arc::new(ProxyConfiguration))
            .data_source(
                "appmesh_cloudformation_template",
                Arc::new(CloudFormationTemplate),
            )
            .data_source("appmesh_bucket_policy", Arc::new(BucketPolicy))
            .data_source("appmesh_ecs_task_definition", Arc::new(EcsTaskDefinition))
            .function("arn_parse", Arc::new(ArnParse))
            .function("ecs_proxy_configuration", Arc::new(EcsProxyConfiguration))
            .function("ecs_sidecar", Arc::new(EcsSidecar))
            .function("envoy_bootstrap", Arc::new(EnvoyBootstrap));
        registry.resource("appmesh_release", Arc::new(ReleaseResource));
        registry.data_source("appmesh_release_status", Arc::new(ReleaseStatus));
    }

    fn schema(&self) -> Schema {
        settings::schema()
    }

    async fn configure(&self, _cx: &Context, config: Value) -> Result<Configured, Diagnostics> {
        let Some(settings) = Settings::from_block(&config, &ProcessEnvironment::read())? else {
            return Ok(Configured::default());
        };
        let session = Arc::new(Session::new(settings)?);
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&session));
        Ok(Configured::with(session))
    }

    async fn shutdown(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for session in sessions {
            session.close().await;
        }
    }
}

//! Functions: pure, called while Terraform plans, without a store.

mod ecs;
mod files;
mod proxy;

pub(crate) use ecs::{EcsProxyConfiguration, EcsSidecar, proxy_configuration, proxy_configuration_type};

use async_trait::async_trait;
use meshform_model::arn::Arn;
use meshform_model::key::ResourceKey;
use proxy::ProxyMesh;
use tfplugin::value::Type;
use tfplugin::{Context, Function, FunctionError, Parameter, Signature, Value};

/// The function `provider::appmesh::arn_parse(arn)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArnParse;

/// The function `provider::appmesh::envoy_bootstrap(node, profile, directory)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnvoyBootstrap;

const ARN_PARTS: [&str; 7] = [
    "partition",
    "region",
    "account_id",
    "mesh_name",
    "kind",
    "parent",
    "name",
];

#[async_trait]
impl Function for ArnParse {
    fn signature(&self) -> Signature {
        let parts = ARN_PARTS.map(|part| (part, Type::String));
        Signature::returning(Type::object(parts))
            .summary("The parts of an App Mesh ARN")
            .description(
                "Takes the ARN of a mesh or of a resource in it apart: `partition`, `region`, `account_id`, \
                 `mesh_name`, `kind` (`virtualNode` …), `parent` (the router of a route, the gateway of a gateway \
                 route, otherwise null) and `name`.",
            )
            .parameter(Parameter::new("arn", Type::String).description("The ARN."))
    }

    async fn call(&self, _cx: &Context, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let arn = arguments.first().and_then(Value::as_str).unwrap_or_default();
        let parsed = Arn::parse(arn).filter(|arn| arn.service == "appmesh");
        let found = parsed.and_then(|arn| Some((arn, ResourceKey::from_path(arn.resource)?)));
        let (parts, key) = found.ok_or_else(|| {
            FunctionError::argument(
                0,
                format!("`{arn}` is not the ARN of an App Mesh resource, such as arn:aws:appmesh:eu-west-1:123456789012:mesh/apps."),
            )
        })?;
        let values = [
            Value::from(parts.partition),
            Value::from(parts.region),
            Value::from(parts.account),
            Value::from(key.mesh.as_str()),
            Value::from(key.kind.name()),
            Value::from(key.parent.clone()),
            Value::from(key.name.as_str()),
        ];
        Ok(Value::object(ARN_PARTS.into_iter().zip(values)))
    }
}

#[async_trait]
impl Function for EnvoyBootstrap {
    fn signature(&self) -> Signature {
        let [node, profile] = proxy::parameters();
        Signature::returning(Type::String)
            .summary("The bootstrap of a proxy, as JSON")
            .description(
                "The bootstrap with which an Envoy beside a virtual node follows the files that every apply \
                 publishes. It depends on the node's name and on the profile alone: a task definition that \
                 carries it changes when the way the proxy is run changes, never by a shift of weights.",
            )
            .parameter(node)
            .parameter(profile)
            .parameter(
                Parameter::new("directory", Type::String)
                    .description("The directory on the proxy's machine that holds the published files."),
            )
    }

    async fn call(&self, _cx: &Context, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let [node, profile, directory] = arguments.as_slice() else {
            return Err(FunctionError::new(
                "Three arguments are needed: node, profile and directory.",
            ));
        };
        let Some(proxy) = ProxyMesh::read(node, profile, 0)? else {
            return Ok(Value::UNKNOWN);
        };
        proxy
            .bootstrap(directory.as_str().unwrap_or_default())
            .map(Value::from)
    }
}

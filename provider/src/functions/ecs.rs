//! A task of ECS with the proxy beside its containers, while Terraform plans.

use super::proxy::{self, ProxyMesh};
use async_trait::async_trait;
use meshform_compiler::ecs;
use meshform_model::diag::{Diagnostic, Severity};
use meshform_model::kind::Kind;
use tfplugin::value::Type;
use tfplugin::{Context, Function, FunctionError, Parameter, Signature, Value};

/// Where the proxy's container finds the published files.
const DIRECTORY: &str = meshform_envoy::Options::DEFAULT_ROOT;

/// The function `provider::appmesh::ecs_sidecar(container_definitions, node, profile)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EcsSidecar;

/// The function `provider::appmesh::ecs_proxy_configuration(node, profile)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EcsProxyConfiguration;

/// The proxy with its bootstrap, handed to the compiler.
fn with_task<T>(
    proxy: &ProxyMesh,
    files: &[ecs::NeededFile],
    work: impl FnOnce(&ecs::Task<'_>) -> Result<T, Vec<Diagnostic>>,
) -> Result<T, FunctionError> {
    let bootstrap = proxy.bootstrap(DIRECTORY)?;
    let own = proxy.mesh.profile_for(&proxy.key).directory;
    let delivery = ecs::Delivery::Volume {
        bootstrap: bootstrap.as_bytes(),
        directory: own.as_deref().unwrap_or(DIRECTORY),
    };
    let task = ecs::Task {
        files,
        ..ecs::Task::new(&proxy.mesh, &proxy.key, delivery)
    };
    work(&task).map_err(|found| proxy::failed(&found))
}

/// What `proxy_configuration` of an `aws_ecs_task_definition` has.
pub(crate) fn proxy_configuration_type() -> Type {
    Type::object([
        ("type", Type::String),
        ("container_name", Type::String),
        ("properties", Type::map(Type::String)),
    ])
}

/// The proxy configuration, null where there is none.
pub(crate) fn proxy_configuration(made: Option<ecs::ProxyConfiguration>) -> Value {
    let Some(made) = made else { return Value::Null };
    let properties = made.properties.into_iter();
    let properties = properties.map(|(name, value)| (name, Value::from(value)));
    Value::object([
        ("type", Value::from(made.kind)),
        ("container_name", Value::from(made.container)),
        ("properties", Value::map(properties)),
    ])
}

#[async_trait]
impl Function for EcsSidecar {
    fn signature(&self) -> Signature {
        let [node, profile] = proxy::parameters();
        Signature::returning(Type::String)
            .summary("Container definitions with the Envoy sidecar added")
            .description(
                "Takes the `container_definitions` of an `aws_ecs_task_definition` and gives them back with the \
                 container `envoy` beside them: stock Envoy, which follows the files that every apply publishes. \
                 What the containers have is kept; each of them waits until Envoy is healthy, and, where the \
                 profile's interception is `explicit`, finds it by `HTTP_PROXY`. A container that is called \
                 `envoy` already becomes the proxy and keeps its logs, sizes, mounts and variables. The task needs \
                 a volume `meshform` with the published files, which is mounted at `/etc/meshform` (or at the \
                 profile's `directory`); so do certificates, log files and sockets that the node and the profile name, \
                 by `mountPoints` of a container `envoy`: with Envoy's own image, which holds none of them, what \
                 nothing mounts is an error (MF0917). Nothing else is written: a container called `envoy` may have `readonlyRootFilesystem`. The result depends on the names, the ports and the profile: it changes \
                 when the way the proxy is run changes, never by a shift of weights.",
            )
            .parameter(
                Parameter::new("container_definitions", Type::String)
                    .description("The containers, as JSON: `jsonencode([{ name = \"app\", … }])`."),
            )
            .parameter(node)
            .parameter(profile)
    }

    async fn call(&self, _cx: &Context, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let [containers, node, profile] = arguments.as_slice() else {
            return Err(FunctionError::new(
                "Three arguments are needed: container_definitions, node and profile.",
            ));
        };
        let text = containers.as_str().unwrap_or_default();
        let containers: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| FunctionError::argument(0, format!("This is not JSON: {error}.")))?;
        let Some(proxy) = ProxyMesh::read(node, profile, 1)? else {
            return Ok(Value::UNKNOWN);
        };
        // With transparent interception Envoy has ports of its own; otherwise it stands on the listeners'.
        if !proxy.ports_known && !proxy.transparent {
            return Ok(Value::UNKNOWN);
        }
        let made = with_task(&proxy, &proxy.files, |task| ecs::sidecar(task, &containers))?;
        let missing = made.warnings.into_iter();
        let missing: Vec<Diagnostic> = missing
            .filter(|found| found.code == ecs::codes::NOT_MOUNTED)
            .map(|found| Diagnostic {
                severity: Severity::Error,
                ..found
            })
            .collect();
        // A function has no warnings; Envoy's own image certainly holds none of these files.
        if !missing.is_empty() && ecs::is_stock(proxy.image().as_str()) {
            return Err(proxy::failed(&missing));
        }
        Ok(Value::from(made.containers.to_string()))
    }
}

#[async_trait]
impl Function for EcsProxyConfiguration {
    fn signature(&self) -> Signature {
        let [node, profile] = proxy::parameters();
        Signature::returning(proxy_configuration_type())
            .summary("The proxy configuration of a task definition")
            .description(
                "What `proxy_configuration` of an `aws_ecs_task_definition` says for a proxy whose connections are \
                 intercepted (`transparent`), as App Mesh did it; null where the profile's interception is \
                 `explicit`, and for a gateway. Whether ECS will keep honouring App Mesh's proxy configuration is \
                 not known; `explicit` does not need it.",
            )
            .parameter(node)
            .parameter(profile)
    }

    async fn call(&self, _cx: &Context, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let [node, profile] = arguments.as_slice() else {
            return Err(FunctionError::new("Two arguments are needed: node and profile."));
        };
        let Some(proxy) = ProxyMesh::read(node, profile, 0)? else {
            return Ok(Value::UNKNOWN);
        };
        if !proxy.ports_known && proxy.key.kind == Kind::VirtualNode && proxy.transparent {
            return Ok(Value::UNKNOWN);
        }
        let made = with_task(&proxy, &[], |task| ecs::sidecar(task, &serde_json::json!([])))?;
        Ok(proxy_configuration(made.proxy_configuration))
    }
}

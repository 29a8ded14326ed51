//! What the compiler makes of the store's records, inside Terraform: a proxy's configuration, the CloudFormation
//! template of a mesh, the ECS task definition of a proxy.

use crate::session::{self, Session};
use crate::{functions, problem};
use async_trait::async_trait;
use meshform_compiler::{cloudformation, ecs, policy};
use meshform_envoy as envoy;
use meshform_model::diag::{Diagnostic as Problem, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_release::Target;
use meshform_store::{Location, Service};
use std::sync::Arc;
use tfplugin::schema::{Attribute, Schema};
use tfplugin::{Context, DataSource, Diagnostic, Diagnostics, Path, ReadData, Value};

/// Where a proxy finds its files when neither its profile nor the provider says.
const DEFAULT_ROOT: &str = envoy::Options::DEFAULT_ROOT;

/// The data source `appmesh_proxy_configuration`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProxyConfiguration;

/// The data source `appmesh_cloudformation_template`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloudFormationTemplate;

/// The data source `appmesh_ecs_task_definition`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EcsTaskDefinition;

fn mesh_name() -> Attribute {
    Attribute::string("mesh_name")
        .required()
        .description("The name of the mesh.")
}

fn json(name: &'static str, doc: &'static str) -> Attribute {
    Attribute::string(name).computed().description(doc)
}

/// The schema of a data source that is about one proxy.
fn of_proxy(doc: &'static str) -> Schema {
    let name = |name: &'static str, doc: &'static str| Attribute::string(name).optional().description(doc);
    Schema::new()
        .description(doc)
        .attribute(mesh_name())
        .attribute(name(
            "virtual_node",
            "The virtual node of the proxy; or a `virtual_gateway`.",
        ))
        .attribute(name("virtual_gateway", "The virtual gateway of the proxy."))
}

#[async_trait]
impl DataSource for ProxyConfiguration {
    fn schema(&self) -> Schema {
        of_proxy("The whole Envoy configuration of a proxy, as the store's records give it.")
            .attribute(json(
                "bootstrap",
                "The bootstrap for configuration from files, which Envoy follows.",
            ))
            .attribute(json(
                "static",
                "The bootstrap with the whole configuration, for an Envoy that follows no files.",
            ))
            .attribute(json(
                "digest",
                "A digest of the configuration: equal configurations have equal ones.",
            ))
            .attribute(
                Attribute::string_map("files")
                    .computed()
                    .description("The files that the first bootstrap refers to, by name."),
            )
    }

    async fn validate(&self, _cx: &Context, config: &Value, found: &mut Diagnostics) {
        one_subject(config, found);
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let mesh = mesh(&session, &request.config).await?;
        let key = subject(&mesh, &request.config)?;
        let proxy = built(&session, &mesh, &key)?;
        let files = envoy::layout::files(&proxy.resources)
            .into_iter()
            .map(|(name, bytes)| (name, Value::from(String::from_utf8_lossy(&bytes).into_owned())));
        let whole = proxy.static_bootstrap.clone();
        Ok(request
            .config
            .with("files", Value::map(files))
            .with(
                "bootstrap",
                envoy::layout::lines(proxy.resources.bootstrap.json()),
            )
            .with("static", Value::from(whole))
            .with("digest", proxy.digest.as_str()))
    }
}

#[async_trait]
impl DataSource for CloudFormationTemplate {
    fn schema(&self) -> Schema {
        Schema::new()
            .description(
                "A mesh as a CloudFormation template with `AWS::AppMesh::*`, for interchange and review: AWS \
                 does not deploy these types any more.",
            )
            .attribute(mesh_name())
            .attribute(json("template", "The template, as JSON."))
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let mesh = mesh(&session, &request.config).await?;
        let template = cloudformation::build(&mesh.resources()).json;
        Ok(request.config.with("template", format!("{template:#}")))
    }
}

#[async_trait]
impl DataSource for EcsTaskDefinition {
    fn schema(&self) -> Schema {
        of_proxy(
            "An ECS task with Envoy beside the application's containers, for `aws_ecs_task_definition`. With \
             `proxy_image`, meshform's agent fetches the configuration from the provider's store, and a changed \
             mesh changes no task definition; without, stock Envoy carries its whole configuration in a variable. \
             The proxy's profile must set its `interception`.",
        )
        .attribute(Attribute::string("proxy_image").optional().description(
            "The container image with meshform-agent and Envoy. The provider's store has to be a bucket of S3. \
             Default: stock Envoy, without the agent.",
        ))
        .attribute(Attribute::bool("control_plane").optional().description(
            "Whether Envoy gets its configuration from the control plane that its profile names (ADS): a changed \
             mesh changes no task definition. With `proxy_image` the agent starts Envoy, and follows releases by \
             files while the control plane is unavailable; the profile then gives the API's address \
             (`control_plane { api_url }`). Without it, an Envoy that starts waits for the control plane. The file \
             with the token, where the profile names one, has to be mounted. Default: `false`.",
        ))
        .attribute(Attribute::string("app_container_definitions").optional().description(
            "The application's containers, as JSON: `jsonencode([{ name = \"app\", … }])`. They are kept as they are; \
             each waits until Envoy is healthy and, with `explicit` interception, finds it by `HTTP_PROXY`. Default: \
             none.",
        ))
        .attribute(json(
            "container_definitions",
            "These containers and Envoy's, as JSON for the argument of that name of `aws_ecs_task_definition`.",
        ))
        .attribute(
            Attribute::string_list("volumes")
                .computed()
                .description("The names of the volumes that the task needs, for its `volume` blocks."),
        )
        .attribute(Attribute::string_list("unmounted_files").computed().description(
            "Certificates, logs and sockets that the mesh names and that no `mountPoints` of a container `envoy` in \
             `app_container_definitions` brings to the proxy. With Envoy's own image, which holds none of them, and \
             without the agent such a task is refused (MF0917). Of other images only you know what they hold: a \
             `postcondition` may demand that this is empty.",
        ))
        .attribute(
            Attribute::new("proxy_configuration", functions::proxy_configuration_type())
                .computed()
                .description(
                    "What the `proxy_configuration` block of the task says, with `transparent` interception; null \
                     with `explicit`, and for a gateway.",
                ),
        )
        .attribute(json(
            "task_role_policy_json",
            "What the task's role must allow, for `aws_iam_role_policy`: the proxy's own part of the bucket, and \
             nothing else. Null without the agent.",
        ))
        .attribute(json(
            "template",
            "The same as a CloudFormation template: task definition, service, roles, log group, security group and \
             registration in Cloud Map, with parameters for the application's image and the network. Null where the \
             proxy needs files that only `app_container_definitions` mount.",
        ))
    }

    async fn validate(&self, _cx: &Context, config: &Value, found: &mut Diagnostics) {
        one_subject(config, found);
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let mesh = mesh(&session, &request.config).await?;
        let key = subject(&mesh, &request.config)?;
        let options = envoy::Options::new(root(&session));
        let image = request
            .config
            .str("proxy_image")
            .map(|image| serde_json::json!(image));
        let store = image.as_ref().map(|_| bucket(&session)).transpose()?;
        let by_ads = request.config.get("control_plane").as_bool() == Some(true);
        if by_ads || image.is_none() {
            let unfit = envoy::without_agent(&mesh, envoy::AgentPresence::Nothing, |one| *one == key);
            if !unfit.is_empty() {
                return Err(told(&unfit));
            }
        }
        let mode = match image {
            _ if by_ads => Some(envoy::Mode::Ads),
            Some(_) => None,
            None => Some(envoy::Mode::Static),
        };
        let bootstrap = mode.map(|mode| envoy::bootstrap(&mesh, &key, mode, &options));
        let bootstrap = bootstrap.transpose().map_err(|p| told(&p))?.unwrap_or_default();
        let mut needed = envoy::needed_files(&mesh, &key, &options).map_err(|p| told(&p))?;
        if by_ads {
            needed.extend(envoy::control_plane_files(&mesh, &key, &options).map_err(|p| told(&p))?);
        }
        let needed: Vec<ecs::NeededFile> = needed.into_iter().map(needed_file).collect();
        let delivery = match (&image, &store) {
            (Some(image), Some(store)) => ecs::Delivery::Agent { image, store },
            _ if by_ads => ecs::Delivery::Ads(bootstrap.as_bytes()),
            _ => ecs::Delivery::Static(bootstrap.as_bytes()),
        };
        let api = match by_ads && image.is_some() {
            true => Some(api(&mesh, &key)?),
            false => None,
        };
        let task = ecs::Task {
            files: &needed,
            ads: api.as_deref().map(|api| ecs::Ads {
                bootstrap: &bootstrap,
                api,
            }),
            ..ecs::Task::new(&mesh, &key, delivery)
        };
        let containers = match request.config.str("app_container_definitions") {
            None => serde_json::json!([]),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                problem::plain(&Problem::error(
                    ecs::codes::CONTAINERS,
                    format!("this is not JSON: {error}"),
                ))
                .at(Path::root().attr("app_container_definitions"))
            })?,
        };
        let made = ecs::sidecar(&task, &containers).map_err(|p| told(&p))?;
        let missing = made
            .warnings
            .iter()
            .filter(|found| found.code == ecs::codes::NOT_MOUNTED);
        let missing = missing.map(|found| Value::from(found.message.as_str()));
        let template = match ecs::build(&task, &ecs::Templates::default()) {
            Ok(made) => Value::from(format!("{:#}", made.json)),
            // The containers that were given may mount what no template of ours can.
            Err(problems) if problems.iter().all(only_unmounted) => Value::Null,
            Err(problems) => return Err(told(&problems)),
        };
        let bucket = store
            .as_ref()
            .and_then(|store| policy::Bucket::parse(store.as_str()?));
        let needs = policy::Needs::of(&mesh, &key);
        let policy =
            bucket.map(|bucket| policy::proxy(&key, &needs, |object| bucket.object(object)).to_string());
        Ok(request
            .config
            .with("container_definitions", format!("{:#}", made.containers))
            .with("unmounted_files", Value::list(missing))
            .with("volumes", Value::list(made.volumes.into_iter().map(Value::from)))
            .with(
                "proxy_configuration",
                functions::proxy_configuration(made.proxy_configuration),
            )
            .with("task_role_policy_json", Value::from(policy))
            .with("template", template))
    }
}

/// The store that agents follow.
fn bucket(session: &Session) -> Result<serde_json::Value, Diagnostics> {
    let place = session.store.place();
    match &session.settings.store {
        Location::Bucket(url) if url.service() == Service::S3 => Ok(serde_json::json!(url.to_string())),
        _ => {
            let text = format!("Tasks of ECS follow a bucket of S3, and the provider's store is {place}.");
            Err(problem::incomplete(text)
                .at(Path::root().attr("proxy_image"))
                .into())
        }
    }
}

/// Where the agent asks whether the control plane of a proxy is ready.
fn api(mesh: &Mesh, key: &ResourceKey) -> Result<String, Diagnostics> {
    let plane = mesh.profile_for(key).control_plane;
    plane.and_then(|plane| plane.api_url).ok_or_else(|| {
        let text = format!(
            "The agent of {key} has no address to ask whether its control plane is ready. Write `api_url` into \
             `control_plane` of the proxy profile, or leave `proxy_image` out: Envoy then starts without the \
             agent, and waits for the control plane."
        );
        problem::incomplete(text)
            .at(Path::root().attr("control_plane"))
            .into()
    })
}

fn only_unmounted(problem: &Problem) -> bool {
    !problem.is_error() || problem.code == ecs::codes::NOT_MOUNTED
}

fn needed_file(file: envoy::NeededFile) -> ecs::NeededFile {
    ecs::NeededFile {
        what: file.purpose.noun(),
        written: file.purpose == envoy::Purpose::Log,
        place: file.origin.place(),
        path: file.path,
    }
}

/// Exactly one of node and gateway, as far as it is known.
fn one_subject(config: &Value, found: &mut Diagnostics) {
    let (node, gateway) = (config.get("virtual_node"), config.get("virtual_gateway"));
    if node.is_null() == gateway.is_null() && !node.is_unknown() && !gateway.is_unknown() {
        found.push(which_proxy().at(Path::root().attr("virtual_node")));
    }
}

fn subject(mesh: &Mesh, config: &Value) -> Result<ResourceKey, Diagnostics> {
    let of = |kind, name| ResourceKey::in_mesh(mesh.name(), kind, name);
    let node = config.str("virtual_node").map(|name| of(Kind::VirtualNode, name));
    let gateway = config
        .str("virtual_gateway")
        .map(|name| of(Kind::VirtualGateway, name));
    node.or(gateway).ok_or_else(|| which_proxy().into())
}

fn which_proxy() -> Diagnostic {
    problem::incomplete("Give either `virtual_node` or `virtual_gateway`.")
}

/// The mesh that a block names, whole: the process's one view of it.
async fn mesh(session: &Session, config: &Value) -> Result<Arc<Mesh>, Diagnostics> {
    let name = config.str("mesh_name").unwrap_or_default();
    let snapshot = session.registry.views().snapshot(name).await;
    let snapshot = snapshot.map_err(|error| session::failed(&error))?;
    if has_errors(&snapshot.problems) {
        return Err(told(&snapshot.problems));
    }
    if snapshot.mesh.is_empty() {
        let text = super::one::not_there(session, &ResourceKey::mesh(name)).await;
        return Err(problem::absent(text).at(Path::root().attr("mesh_name")).into());
    }
    Ok(snapshot.mesh)
}

fn root(session: &Session) -> String {
    let published = session.settings.publish.iter().find_map(Target::directory);
    published.map_or_else(|| DEFAULT_ROOT.to_owned(), |path| path.display().to_string())
}

fn built(session: &Session, mesh: &Mesh, key: &ResourceKey) -> Result<envoy::BuiltProxy, Diagnostics> {
    let output =
        envoy::build(mesh, &envoy::Options::new(root(session))).map_err(|problems| told(&problems))?;
    output
        .proxies
        .into_iter()
        .find(|proxy| proxy.key == *key)
        .ok_or_else(|| problem::absent(format!("{key} does not exist.")).into())
}

fn told(problems: &[Problem]) -> Diagnostics {
    let mut all = Diagnostics::new();
    all.extend(problems.iter().map(problem::plain));
    all
}

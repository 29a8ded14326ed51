//! What the compiler makes of the store's records, inside Terraform: a proxy's configuration, the CloudFormation
//! template of a mesh, the ECS task definition of a proxy.

use crate::problem;
use crate::session::{self, Session};
use async_trait::async_trait;
use meshform_compiler::{cloudformation, ecs};
use meshform_envoy as envoy;
use meshform_model::diag::{Diagnostic as Problem, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_release::Target;
use meshform_store::Prefix;
use tfplugin::schema::{Attribute, Schema};
use tfplugin::{Context, DataSource, Diagnostic, Diagnostics, Path, ReadData, Value};

/// Where a proxy finds its files when neither its profile nor the provider says.
const DEFAULT_ROOT: &str = "/etc/meshform";

/// `appmesh_proxy_configuration`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProxyConfiguration;

/// `appmesh_cloudformation_template`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloudFormationTemplate;

/// `appmesh_ecs_task_definition`.
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
            "The virtual node whose proxy is meant; or a `virtual_gateway`.",
        ))
        .attribute(name(
            "virtual_gateway",
            "The virtual gateway whose proxy is meant.",
        ))
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
                "The bootstrap that holds everything, for an Envoy that follows nothing.",
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
        let (mesh, _) = mesh(&session, &request.config).await?;
        let key = subject(&mesh, &request.config)?;
        let proxy = built(&session, &mesh, &key)?;
        let files = envoy::layout::files(&proxy.resources)
            .into_iter()
            .map(|(name, bytes)| (name, Value::from(String::from_utf8_lossy(&bytes).into_owned())));
        let line = |text: &str| text.to_owned() + "\n";
        let whole = proxy.static_bootstrap.as_deref().map(line);
        Ok(request
            .config
            .with("files", Value::map(files))
            .with("bootstrap", line(proxy.resources.bootstrap.json()))
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
        let (_, resources) = mesh(&session, &request.config).await?;
        let template = cloudformation::build(&resources).json;
        Ok(request.config.with("template", format!("{template:#}")))
    }
}

#[async_trait]
impl DataSource for EcsTaskDefinition {
    fn schema(&self) -> Schema {
        of_proxy(
            "A CloudFormation template with the ECS task definition of a proxy: the application's container, and \
             stock Envoy beside it. The proxy's profile must say how traffic gets to it (`interception`).",
        )
        .attribute(json("template", "The template, as JSON."))
        .attribute(json("container_definitions", "Its container definitions, as JSON."))
    }

    async fn validate(&self, _cx: &Context, config: &Value, found: &mut Diagnostics) {
        one_subject(config, found);
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let session = cx.data::<Session>()?;
        let (mesh, _) = mesh(&session, &request.config).await?;
        let key = subject(&mesh, &request.config)?;
        let options = envoy::Options::new(root(&session));
        let bootstrap =
            envoy::bootstrap(&mesh, &key, (envoy::Mode::Static, &options)).map_err(|p| told(&p))?;
        let task = ecs::Task {
            mesh: &mesh,
            key: &key,
            bootstrap: bootstrap.as_bytes(),
        };
        let template = ecs::build(&task, &ecs::Templates::default())
            .map_err(|p| told(&p))?
            .json;
        let containers = template.pointer("/Resources").and_then(|resources| {
            let resources = resources.as_object()?.values();
            resources
                .filter_map(|one| one.pointer("/Properties/ContainerDefinitions"))
                .next()
        });
        let containers = containers.map(|containers| format!("{containers:#}"));
        Ok(request
            .config
            .with("template", format!("{template:#}"))
            .with("container_definitions", Value::from(containers)))
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

/// The mesh that a block names, whole, and its resources.
async fn mesh(session: &Session, config: &Value) -> Result<(Mesh, Vec<Resource>), Diagnostics> {
    let name = config.str("mesh_name").unwrap_or_default();
    let listing = session
        .store
        .list(&Prefix::mesh(name))
        .await
        .map_err(|error| session::failed(&error))?;
    let (resources, problems) = meshform_release::resources(name, listing);
    if has_errors(&problems) {
        return Err(told(&problems));
    }
    if resources.is_empty() {
        let text = format!("The store {} has no mesh `{name}`.", session.store.place());
        return Err(problem::absent(text).at(Path::root().attr("mesh_name")).into());
    }
    Ok((
        Mesh::new(resources.clone()).map_err(|problems| told(&problems))?,
        resources,
    ))
}

fn root(session: &Session) -> String {
    let published = session.settings.publish.iter().find_map(Target::directory);
    published.map_or_else(|| DEFAULT_ROOT.to_owned(), |path| path.display().to_string())
}

fn built(session: &Session, mesh: &Mesh, key: &ResourceKey) -> Result<envoy::Proxy, Diagnostics> {
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

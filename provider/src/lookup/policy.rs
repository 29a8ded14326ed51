//! `appmesh_bucket_policy`: what AWS must allow those who use the bucket, for `aws_iam_policy`. Nothing is looked up: the
//! names of mesh and proxy are enough, so that a role can be there before the mesh is.

use crate::problem;
use crate::session::Session;
use async_trait::async_trait;
use meshform_compiler::policy::{self, Bucket, MeshPrefix, Needs};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_store::{Location, Service};
use tfplugin::schema::{Attribute, Schema};
use tfplugin::{Context, DataSource, Diagnostic, Diagnostics, Path, ReadData, Type, Value};

/// The data source `appmesh_bucket_policy`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BucketPolicy;

/// The values of `role`: whose policy it is.
const ROLES: [&str; 3] = ["proxy", "endpoints", "mesh"];

#[async_trait]
impl DataSource for BucketPolicy {
    fn schema(&self) -> Schema {
        let optional =
            |name: &'static str, doc: &'static str| Attribute::string(name).optional().description(doc);
        Schema::new()
            .description(
                "An IAM policy for one of those who use the provider's bucket, for `aws_iam_policy` or \
                 `aws_iam_role_policy`: its own part of the bucket and nothing else. `meshform policy` writes the same. \
                 Mesh and proxy need not be there yet.",
            )
            .attribute(Attribute::string("role").required().description(
                "Whose policy: `proxy` (the role of a task, which reads its own configuration and writes its own \
                 status), `endpoints` (the poller, which queries Cloud Map and writes the addresses of nodes), or \
                 `mesh` (whoever applies, releases and pins the mesh).",
            ))
            .attribute(Attribute::string("mesh_name").required().description("The name of the mesh."))
            .attribute(optional("virtual_node", "With `proxy`: the virtual node; or a `virtual_gateway`."))
            .attribute(optional("virtual_gateway", "With `proxy`: the virtual gateway."))
            .attribute(
                Attribute::new("certificates", Type::set(Type::String)).optional().description(
                    "With `proxy`: the ARNs of the certificates of ACM that the agent exports for the proxy, by its profile, and of the authorities of AWS Private CA that it trusts.",
                ),
            )
            .attribute(Attribute::bool("discovery").optional().description(
                "With `proxy`: whether its agent queries Cloud Map itself (`MESHFORM_DISCOVERY=own`). Default: \
                 `false`.",
            ))
            .attribute(optional(
                "bucket",
                "The bucket, as `s3://bucket/prefix`. Default: the provider's store.",
            ))
            .attribute(optional(
                "partition",
                "The partition of AWS in ARNs, such as `aws-cn`. Default: `aws`.",
            ))
            .attribute(Attribute::string("json").computed().description("The policy, as JSON."))
    }

    async fn validate(&self, _cx: &Context, config: &Value, found: &mut Diagnostics) {
        if let Some(role) = config.str("role")
            && !ROLES.contains(&role)
        {
            let text = format!("`{role}` is none of `proxy`, `endpoints` and `mesh`.");
            found.push(problem::incomplete(text).at(Path::root().attr("role")));
        }
        let (node, gateway) = (config.get("virtual_node"), config.get("virtual_gateway"));
        let given = usize::from(!node.is_null()) + usize::from(!gateway.is_null());
        let unknown = node.is_unknown() || gateway.is_unknown();
        match config.str("role") {
            Some("proxy") if given != 1 && !unknown => {
                let text = "Give either `virtual_node` or `virtual_gateway`.";
                found.push(problem::incomplete(text.to_owned()).at(Path::root().attr("virtual_node")));
            }
            Some("endpoints" | "mesh") if given > 0 => {
                let text = "Only `proxy` is about one virtual node or virtual gateway.";
                found.push(problem::incomplete(text.to_owned()).at(Path::root().attr("role")));
            }
            _ => {}
        }
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let config = &request.config;
        let bucket = match config.str("bucket") {
            Some(given) => Bucket::parse(given).ok_or_else(|| no_bucket(given, "bucket"))?,
            None => {
                let session = cx.data::<Session>()?;
                match &session.settings.store {
                    Location::Bucket(url) if url.service() == Service::S3 => {
                        let url = url.to_string();
                        Bucket::parse(&url).ok_or_else(|| no_bucket(&url, "bucket"))?
                    }
                    _ => return Err(no_bucket(&session.store.place().to_string(), "bucket").into()),
                }
            }
        };
        let bucket = match config.str("partition") {
            Some(partition) => bucket.in_partition(partition),
            None => bucket,
        };
        let mesh = config.str("mesh_name").unwrap_or_default();
        let records = meshform_store::records_prefix(mesh);
        let prefix = MeshPrefix {
            mesh,
            records: &records,
        };
        let json = match config.str("role").unwrap_or_default() {
            "endpoints" => policy::endpoints(prefix, &bucket),
            "mesh" => policy::writer(prefix, &bucket),
            _ => {
                let (kind, name) = match (config.str("virtual_node"), config.str("virtual_gateway")) {
                    (Some(node), _) => (Kind::VirtualNode, node),
                    (None, gateway) => (Kind::VirtualGateway, gateway.unwrap_or_default()),
                };
                let key = ResourceKey::in_mesh(mesh, kind, name);
                let given = config.get("certificates").items();
                let named = given.iter().filter_map(Value::as_str).map(str::to_owned);
                let needs = Needs {
                    discovery: config.get("discovery").as_bool().unwrap_or_default(),
                    ..Needs::named(named)
                };
                policy::proxy(&key, &needs, |object| bucket.object(object))
            }
        };
        Ok(request.config.with("json", json.to_string()))
    }
}

fn no_bucket(given: &str, attribute: &str) -> Diagnostic {
    let text = format!("IAM policies are for `s3://BUCKET/PREFIX`, and this is {given}.");
    problem::incomplete(text).at(Path::root().attr(attribute))
}

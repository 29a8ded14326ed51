//! `meshform policy`: what AWS must allow a proxy, a mesh's writers, and a mesh's poller of endpoints.

use super::convert::pretty;
use crate::codes;
use crate::exit::Exit;
use crate::io::Io;
use crate::render;
use meshform_compiler::policy::{self, Bucket, MeshPrefix, Needs};
use meshform_model::diag::Diagnostic;
use meshform_model::exported::{CertificatePart, Exported};
use meshform_model::key::ResourceKey;
use meshform_release::ProxyId;
use serde_json::Value as Json;

/// Write an IAM policy for a proxy, for the writers of a mesh, or for its endpoint poller
///
/// The policy goes to standard output as JSON. The bucket is not contacted and need not exist yet.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("whose").args(["proxy", "endpoints"]))]
pub(crate) struct Arguments {
    /// The bucket, with the prefix of the store or publish target: `s3://bucket/prefix`
    #[arg(long, value_name = "URL")]
    store: String,
    /// The mesh. Alone: the policy of those who apply, release and pin it
    #[arg(long, value_name = "NAME")]
    mesh: Option<String>,
    /// The policy of a proxy's role: `mesh/MESH/virtualNode/NAME`, an ARN, or with --mesh the name of a virtual node or
    /// `virtualGateway/NAME`
    #[arg(long, value_name = "NODE")]
    proxy: Option<String>,
    /// The ARN of a certificate of ACM that the agent exports for the proxy, by its profile, or of an authority of AWS Private
    /// CA that it trusts; once for each
    #[arg(long = "certificate", value_name = "ARN", requires = "proxy", value_parser = certificate)]
    certificates: Vec<String>,
    /// The proxy queries Cloud Map itself (`MESHFORM_DISCOVERY=own`)
    #[arg(long, requires = "proxy")]
    discovery: bool,
    /// The policy of the mesh's poller of endpoints
    #[arg(long, requires = "mesh")]
    endpoints: bool,
    /// The partition of AWS
    #[arg(long, default_value = "aws", value_parser = ["aws", "aws-cn", "aws-us-gov"])]
    partition: String,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    render::printed(io, made(arguments).map(|policy| pretty(&policy)))
}

fn made(arguments: &Arguments) -> Result<Json, Box<Diagnostic>> {
    let bucket = Bucket::parse(&arguments.store).ok_or_else(|| {
        let message = format!("`--store {}` is not an S3 bucket", arguments.store);
        Diagnostic::error(codes::BAD_OPTION, message).help(
            "IAM policies are for `s3://BUCKET/PREFIX`; on Google Cloud and Azure grant a role on the bucket or container",
        )
    })?;
    let bucket = bucket.in_partition(&arguments.partition);
    let mesh = arguments.mesh.as_deref();
    if let Some(named) = &arguments.proxy {
        let key = proxy(named, mesh)?;
        let needs = Needs {
            discovery: arguments.discovery,
            ..Needs::named(arguments.certificates.iter().cloned())
        };
        return Ok(policy::proxy(&key, &needs, |object| bucket.object(object)));
    }
    let Some(mesh) = mesh else {
        let message = "no option says whose policy to write";
        let help = "give `--mesh MESH` for the writers of a mesh, `--proxy NODE` for a proxy, or `--mesh MESH \
                    --endpoints` for the poller";
        return Err(Box::new(Diagnostic::error(codes::BAD_OPTION, message).help(help)));
    };
    let mesh = MeshPrefix {
        mesh,
        records: &meshform_store::records_prefix(mesh),
    };
    Ok(if arguments.endpoints {
        policy::endpoints(mesh, &bucket)
    } else {
        policy::writer(mesh, &bucket)
    })
}

fn certificate(text: &str) -> Result<String, String> {
    Exported::new(text, CertificatePart::Authorities)
        .map(|exported| exported.arn)
        .ok_or_else(|| {
            "it is neither the ARN of an ACM certificate, arn:aws:acm:REGION:ACCOUNT:certificate/ID, nor of an \
             authority, arn:aws:acm-pca:REGION:ACCOUNT:certificate-authority/ID"
                .to_owned()
        })
}

/// The proxy that `--proxy` names: by its path or ARN, or with a mesh by kind and name, or by a node's name alone.
fn proxy(named: &str, mesh: Option<&str>) -> Result<ResourceKey, Box<Diagnostic>> {
    let is_whole = named.starts_with("mesh/") || named.starts_with("arn:");
    let whole = match mesh {
        _ if is_whole => named.to_owned(),
        Some(mesh) if named.contains('/') => format!("mesh/{mesh}/{named}"),
        Some(mesh) => format!("mesh/{mesh}/virtualNode/{named}"),
        None => named.to_owned(),
    };
    let unfit = |message: String| Box::new(Diagnostic::error(codes::BAD_OPTION, message));
    let proxy = ProxyId::parse(&whole).map_err(|error| {
        let problem = unfit(format!("`--proxy {named}`: {error}"));
        Box::new(problem.help("or give the name alone, and its mesh with `--mesh`"))
    })?;
    match mesh {
        Some(mesh) if mesh != proxy.mesh() => Err(unfit(format!(
            "`--proxy {named}` is of mesh `{}`, and `--mesh` says `{mesh}`",
            proxy.mesh()
        ))),
        _ => Ok(proxy.key()),
    }
}

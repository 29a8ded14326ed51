//! `meshform imports`: the resources of an owner, as Terraform's `import` blocks.

use super::load::no_mesh;
use crate::codes;
use crate::exit::Exit;
use crate::input;
use crate::io::Io;
use crate::render;
use crate::store::{self, StoreArgument};
use meshform_compiler::terraform;
use meshform_model::diag::{Diagnostic, Sources};
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::validate::closest;
use meshform_registry::belongs_to;
use meshform_store::Prefix;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Write an import block for each resource of an owner, so that one apply restores a lost Terraform state
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The plan of the configuration, as `terraform show -json` gives it; `-` is standard input. Each block then names
    /// the address that the configuration has. Without it, addresses are those that `meshform convert --to terraform` gives
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// The owner, as in the provider block
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// Only this mesh
    #[arg(long, value_name = "NAME")]
    mesh: Option<String>,
    #[command(flatten)]
    store: StoreArgument,
}

type Problem = Box<Diagnostic>;

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let (text, problems) = match blocks(arguments, io) {
        Ok(done) => done,
        Err(problem) => return render::refused(io, *problem),
    };
    render::tell(io, &Sources::default(), &problems);
    io.print(&text);
    if problems.iter().any(Diagnostic::is_error) {
        Exit::Found
    } else {
        Exit::Fine
    }
}

fn blocks(arguments: &Arguments, io: &mut Io) -> Result<(String, Vec<Diagnostic>), Problem> {
    let planned = match &arguments.plan {
        Some(path) => Some(planned(&input::one(io, path)?)?),
        None => None,
    };
    let store = store::open(io, &arguments.store.store)?;
    let prefix = arguments.mesh.as_deref().map_or_else(Prefix::all, Prefix::mesh);
    let listing = store::wait(store.list(&prefix))?.map_err(|error| Box::new(error.diagnostic()))?;
    let owners: BTreeSet<String> = listing
        .records
        .iter()
        .map(|record| record.author.owner.clone())
        .collect();
    let records = listing.records.into_iter();
    let keys: Vec<ResourceKey> = records
        .filter(|record| belongs_to(record, &arguments.owner))
        .map(|record| record.key)
        .collect();
    if keys.is_empty() {
        if let (Some(mesh), true) = (&arguments.mesh, owners.is_empty()) {
            let known = store::wait(store.meshes())?.map_err(|error| Box::new(error.diagnostic()))?;
            return Err(Box::new(no_mesh(mesh, known.iter().map(String::as_str))));
        }
        let problem = Diagnostic::error(
            codes::NOT_THERE,
            format!("the store has no resource of the owner `{}`", arguments.owner),
        );
        let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
        return Err(Box::new(match closest(&arguments.owner, &owners) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("its owners are `{}`", owners.join("`, `"))),
        }));
    }
    let mut problems = Vec::new();
    let mut text = String::new();
    let mut addresses = match planned {
        Some(planned) => planned,
        None => {
            // Those of a configuration that people have written are others as soon as it counts or has modules.
            text.push_str(
                "# These addresses are made from names. For those of your configuration: `terraform plan -out=tfplan`,\n\
                 # `terraform show -json tfplan > plan.json`, and `meshform imports plan.json` with the same options.\n\n",
            );
            made(&keys)
        }
    };
    for key in &keys {
        let Some(address) = addresses.remove(key) else {
            problems.push(
                Diagnostic::warning(codes::NOT_THERE, format!("the plan does not create {key}")).help(
                    "add it to the configuration, or delete it from the store: it is in the store and in no block",
                ),
            );
            continue;
        };
        let id = serde_json::Value::from(names(key).join("/"));
        text.push_str(&format!("import {{\n  to = {address}\n  id = {id}\n}}\n\n"));
    }
    Ok((text.trim_end().to_owned() + "\n", problems))
}

/// The names that a key has, as an import id has them.
fn names(key: &ResourceKey) -> Vec<&str> {
    let mut names = vec![key.mesh.as_str()];
    names.extend(key.parent.as_deref());
    if key.kind != Kind::Mesh {
        names.push(&key.name);
    }
    names
}

/// The addresses of what a plan creates, by what is created.
fn planned(bytes: &[u8]) -> Result<BTreeMap<ResourceKey, String>, Problem> {
    let wrong = |why: String| {
        Box::new(
            Diagnostic::error(
                codes::CANNOT_READ,
                format!("the file is not a plan in JSON: {why}"),
            )
            .help("write `terraform plan -out=tfplan`, then `terraform show -json tfplan > plan.json`"),
        )
    };
    let plan: Json = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    let changes = plan.get("resource_changes").and_then(Json::as_array);
    let changes = changes.ok_or_else(|| wrong("it has no `resource_changes`".to_owned()))?;
    let found = changes.iter().filter_map(|change| {
        let creates = change.pointer("/change/actions/0")?.as_str()? == "create";
        let ty = change.get("type")?.as_str()?;
        let key = key(ty, change.pointer("/change/after")?)?;
        let address = change.get("address")?.as_str()?;
        creates.then(|| (key, address.to_owned()))
    });
    Ok(found.collect())
}

/// What a planned resource of that type is.
fn key(ty: &str, values: &Json) -> Option<ResourceKey> {
    let ty = ty.strip_prefix("aws_").unwrap_or(ty);
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| schema::kind(*kind).type_in(Dialect::Terraform) == ty)?;
    let schema = schema::kind(kind);
    let object = schema.root.object()?;
    let names = schema.key.iter().map(|name| {
        let attribute = object.field(name)?.named(Dialect::Terraform).name.as_str();
        values.get(attribute)?.as_str()
    });
    let names: Vec<&str> = names.collect::<Option<_>>()?;
    match (kind, kind.parent(), names.as_slice()) {
        (Kind::Mesh, _, [mesh]) => Some(ResourceKey::mesh(*mesh)),
        (_, Some(parent), [mesh, parent_name, name]) => Some(ResourceKey::child(
            &ResourceKey::in_mesh(*mesh, parent, *parent_name),
            kind,
            *name,
        )),
        (_, None, [mesh, name]) => Some(ResourceKey::in_mesh(*mesh, kind, *name)),
        _ => None,
    }
}

/// The addresses that the resources have in what `meshform convert --to terraform` writes.
fn made(keys: &[ResourceKey]) -> BTreeMap<ResourceKey, String> {
    let labels = terraform::labels(keys.iter()).into_iter();
    let addresses = labels.map(|(key, label)| {
        let ty = schema::kind(key.kind).type_in(Dialect::Terraform);
        let address = format!("{ty}.{label}");
        (key, address)
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plan_says_the_addresses_and_what_it_does_not_create_is_left_alone() {
        let plan = json!({"resource_changes": [
            {"address": "module.a.appmesh_route.r[\"x\"]", "type": "appmesh_route", "change": {
                "actions": ["create"],
                "after": {"mesh_name": "m", "virtual_router_name": "r", "name": "x"}}},
            {"address": "aws_appmesh_mesh.m", "type": "aws_appmesh_mesh", "change": {
                "actions": ["create"], "after": {"name": "m"}}},
            {"address": "appmesh_virtual_node.n", "type": "appmesh_virtual_node", "change": {
                "actions": ["update"], "after": {"mesh_name": "m", "name": "n"}}},
            {"address": "null_resource.n", "type": "null_resource", "change": {
                "actions": ["create"], "after": {}}},
        ]});
        let found = planned(plan.to_string().as_bytes()).unwrap();
        let found: Vec<String> = found
            .iter()
            .map(|(key, address)| format!("{}: {address}", key.path()))
            .collect();
        assert_eq!(
            found,
            [
                "mesh/m: aws_appmesh_mesh.m",
                "mesh/m/virtualRouter/r/route/x: module.a.appmesh_route.r[\"x\"]"
            ]
        );
        assert!(planned(b"{}").is_err() && planned(b"no").is_err());
    }
}

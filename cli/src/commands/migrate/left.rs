//! What is left to do by hand, and what to beware of.

use super::module::{Foreign, Module, Tree, address};
use crate::codes;
use crate::io::Io;
use hcl_edit::structure::Body;
use meshform_compiler::frontend::{self, Input, Options};
use meshform_compiler::terraform;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::resource::Resource;
use meshform_model::schema;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files beside a root module in which commands of Terraform's are written.
const SCRIPTS: [&str; 4] = ["sh", "yml", "yaml", "mk"];
/// A larger file is no script.
const MAX_SCRIPT: u64 = 1 << 20;

/// What the state of a root module says, where there is one at hand.
#[derive(Debug, Default)]
pub(super) struct MigrationState {
    json: Json,
    bytes: Vec<u8>,
    /// As it is called in messages.
    name: String,
}

impl MigrationState {
    /// A state of 0 bytes, as a Terraform that was killed leaves, has nothing; what is no JSON is no state.
    pub(super) fn parse(name: String, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        let json = match bytes.trim_ascii().is_empty() {
            true => Json::Null,
            false => serde_json::from_slice(&bytes).map_err(|error| {
                let message = format!("the state `{name}` cannot be read: {error}");
                let problem = Diagnostic::error(codes::CANNOT_READ, message);
                Box::new(problem.help("give the output of `terraform state pull`, with `--state FILE`"))
            })?,
        };
        Ok(Self { json, bytes, name })
    }

    /// The addresses of App Mesh's resources, with the provider that the state names.
    fn resources(&self) -> Vec<(String, &str)> {
        let all = self.json.get("resources").and_then(Json::as_array);
        let found = all.into_iter().flatten().filter_map(|resource| {
            let text = |name: &str| resource.get(name).and_then(Json::as_str);
            let ty = text("type").filter(|ty| ty.starts_with("aws_appmesh_"))?;
            let module = text("module")
                .map(|module| format!("{module}."))
                .unwrap_or_default();
            let address = format!("{module}{ty}.{}", text("name").unwrap_or_default());
            (text("mode") == Some("managed")).then(|| (address, text("provider").unwrap_or_default()))
        });
        found.collect()
    }

    /// The resources below a module, typed, with their addresses.
    fn below(&self, module: &str) -> Vec<(String, Resource)> {
        let input = Input {
            name: self.name.clone(),
            bytes: self.bytes.clone(),
            named: true,
        };
        let reading = frontend::read_with(vec![input], &Options::default(), &mut |_| None);
        let (resources, _) = reading.resources();
        let labels = reading
            .found
            .into_iter()
            .filter(|found| found.label.starts_with(module));
        let pairs = labels.filter_map(|found| {
            let key = found.key?;
            let resource = resources.iter().find(|resource| resource.key == key)?;
            Some((found.label, resource.clone()))
        });
        pairs.collect()
    }
}

/// What the user has to do.
pub(super) fn by_hand(io: &Io, root: &Path, tree: &Tree, state: Option<&MigrationState>) -> Vec<Diagnostic> {
    let mut left = Vec::new();
    for module in &tree.modules {
        for name in &module.json {
            left.push(
                Diagnostic::warning(
                    codes::JSON_CONFIGURATION,
                    format!("`{name}` has resources of App Mesh, and JSON is not edited"),
                )
                .help("write `\"provider\": \"appmesh\"` into each `aws_appmesh_*` resource and data source"),
            );
        }
        left.extend(maps(module, tree));
    }
    let installed = installed(io, root);
    left.extend(
        tree.foreign
            .iter()
            .filter_map(|call| foreign(io, root, call, &installed, state)),
    );
    left.extend(state.and_then(named_by_state));
    left
}

/// `providers = { aws = … }` on calls of modules with App Mesh: what is not in the map does not come to the module.
fn maps(module: &Module, tree: &Tree) -> Vec<Diagnostic> {
    let mut left = Vec::new();
    for call in module.blocks("module") {
        let Some(map) = call.block.body.get_attribute("providers") else {
            continue;
        };
        let mut calls = module.calls.clone();
        calls.extend(call.label(0).map(str::to_owned));
        let below = tree.modules.iter().filter(|one| one.calls.starts_with(&calls));
        let concerned = below.into_iter().any(|one| one.of_app_mesh().next().is_some());
        let (_, text) = call.text_of(&map.value);
        if concerned && !text.contains("appmesh") {
            left.push(
                Diagnostic::warning(
                    codes::PROVIDERS_MAP,
                    format!(
                        "`{}` is called with a map of providers without `appmesh`",
                        address(&calls).trim_end_matches('.')
                    ),
                )
                .help("add `appmesh = appmesh` to `providers`")
                .at(call.place()),
            );
        }
    }
    left
}

/// The modules that `terraform init` has fetched, as call path and folder.
fn installed(io: &Io, root: &Path) -> Vec<(String, String)> {
    let list = io.path(&root.join(".terraform/modules/modules.json"));
    let json: Json = fs::read(list)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let modules = json.get("Modules").and_then(Json::as_array);
    let found = modules.into_iter().flatten().filter_map(|module| {
        let text = |name: &str| module.get(name).and_then(Json::as_str).map(str::to_owned);
        Some((text("Key")?, text("Dir")?))
    });
    found.collect()
}

/// A module from a registry or a repository: nobody can edit it there, so the root module takes its resources over.
fn foreign(
    io: &Io,
    root: &Path,
    call: &Foreign,
    installed: &[(String, String)],
    state: Option<&MigrationState>,
) -> Option<Diagnostic> {
    let path = call.calls.join(".");
    let name = address(&call.calls);
    let shown = name.trim_end_matches('.');
    let below = |key: &str| key == path || key.starts_with(&format!("{path}."));
    let folders: Vec<&(String, String)> = installed.iter().filter(|(key, _)| below(key)).collect();
    let stated = state.map(|state| state.below(&name)).unwrap_or_default();
    if folders.is_empty() && stated.is_empty() {
        return Some(
            Diagnostic::warning(
                codes::FOREIGN_MODULE,
                format!("`{shown}` comes from `{}`, and it is unknown whether it has App Mesh resources", call.source),
            )
            .help("run `terraform init` here first, so that it can be looked into, or give the state with `--state FILE`")
            .at(call.place.clone()),
        );
    }
    let mut addresses = BTreeSet::new();
    for (key, folder) in folders {
        let calls: Vec<String> = key.split('.').map(str::to_owned).collect();
        let tree = Tree::read(io, &root.join(folder));
        let own = tree.modules.first();
        let found = own.into_iter().flat_map(Module::of_app_mesh);
        addresses.extend(found.map(|found| format!("{}{}", address(&calls), found.name())));
    }
    addresses.extend(stated.iter().map(|(address, _)| address.clone()));
    if addresses.is_empty() {
        return None;
    }
    let help = match stated.as_slice() {
        [] => format!(
            "a module from elsewhere cannot be edited: copy it to a local folder and run this again, or let the root module \
             take its resources over ({}); with `--state FILE` the blocks for that are written here",
            some(&addresses)
        ),
        stated => format!(
            "a module from elsewhere cannot be edited: copy it to a local folder and run this again, or take it out and let \
             the root module have its resources:\n\n{}",
            taken_over(stated)
        ),
    };
    Some(
        Diagnostic::warning(
            codes::FOREIGN_MODULE,
            format!(
                "`{shown}` comes from `{}` and has resources of App Mesh",
                call.source
            ),
        )
        .help(help)
        .at(call.place.clone()),
    )
}

/// `moved` blocks, and the resources that they lead to, as the state has them.
fn taken_over(stated: &[(String, Resource)]) -> String {
    let resources: Vec<Resource> = stated.iter().map(|(_, resource)| resource.clone()).collect();
    let labels = terraform::labels(resources.iter().map(|resource| &resource.key));
    let mut text = String::new();
    for (address, resource) in stated {
        let ty = schema::kind(resource.key.kind).type_in(Dialect::Terraform);
        if let Some(label) = labels.get(&resource.key) {
            text.push_str(&format!(
                "moved {{\n  from = {address}\n  to   = {ty}.{label}\n}}\n\n"
            ));
        }
    }
    let whole = terraform::build(&resources);
    // The root module has its requirements already.
    let from = whole.find("\nresource ").map_or(0, |at| at + 1);
    text.push_str(whole.get(from..).unwrap_or_default());
    text
}

/// What the state still gives to hashicorp/aws.
fn named_by_state(state: &MigrationState) -> Option<Diagnostic> {
    let resources = state.resources();
    let named: BTreeSet<String> = resources
        .into_iter()
        .filter(|(_, provider)| provider.contains("hashicorp/aws"))
        .map(|(address, _)| address)
        .collect();
    if named.is_empty() {
        return None;
    }
    let one = if named.len() == 1 {
        "1 resource"
    } else {
        &format!("{} resources", named.len())
    };
    Some(
        Diagnostic::warning(
            codes::STATE_OF_AWS,
            format!("`{}` names hashicorp/aws for {one} of App Mesh: {}", state.name, some(&named)),
        )
        .help("the next `terraform apply` writes them to the store and changes that; until then Terraform needs hashicorp/aws"),
    )
}

/// What may go wrong on the way.
pub(super) fn beware(io: &Io, root: &Path, tree: &Tree, state: Option<&MigrationState>) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    if let Some(state) = state
        && state
            .json
            .get("resources")
            .and_then(Json::as_array)
            .is_none_or(Vec::is_empty)
        && tree
            .modules
            .iter()
            .any(|module| module.of_app_mesh().next().is_some())
    {
        warnings.push(
            Diagnostic::warning(codes::EMPTY_STATE, format!("the state `{}` is empty", state.name)).help(
                "restore its backup, or import what the store has (`meshform imports`): with an empty state, an \
                 apply creates every resource again, with other ARNs and ids",
            ),
        );
    }
    for name in unrefreshed(io, root) {
        warnings.push(
            Diagnostic::warning(codes::NO_REFRESH, format!("{name} plans with `-refresh=false`")).help(
                "leave the option out until every state has been applied once: the first plan after the migration \
                 must read the store to see that it lacks the resources",
            ),
        );
    }
    for module in &tree.modules {
        let nodes = module.of_app_mesh().filter(|found| {
            found.label(0) == Some("aws_appmesh_virtual_node")
                && has_block(&found.block.body, "aws_cloud_map")
        });
        warnings.extend(nodes.map(|found| {
            Diagnostic::warning(
                codes::CLOUD_MAP,
                format!("`{}{}` uses Cloud Map discovery, which Envoy does not support", module.address(), found.name()),
            )
            .help("give its addresses in a proxy profile (`endpoints`), or run `meshform-agent endpoints` for the mesh, before traffic moves")
            .at(found.place())
        }));
    }
    warnings
}

fn has_block(body: &Body, name: &str) -> bool {
    body.blocks().any(|block| {
        let dynamic =
            block.has_ident("dynamic") && block.labels.first().is_some_and(|label| label.as_str() == name);
        block.has_ident(name) || dynamic || has_block(&block.body, name)
    })
}

/// Where plans are told not to read: in the environment, or in a script beside the root module.
fn unrefreshed(io: &Io, root: &Path) -> Vec<String> {
    const OPTION: &str = "-refresh=false";
    let variables = ["TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_CLI_ARGS_apply"];
    let set = variables
        .into_iter()
        .filter(|name| io.var(name).is_some_and(|value| value.contains(OPTION)));
    let mut found: Vec<String> = set.map(|name| format!("the variable `{name}`")).collect();
    let entries = fs::read_dir(io.path(root)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| {
            entry
                .metadata()
                .is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_SCRIPT)
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            name == "Makefile"
                || name
                    .rsplit_once('.')
                    .is_some_and(|(_, ending)| SCRIPTS.contains(&ending))
        })
        .collect();
    names.sort();
    let named = names
        .into_iter()
        .map(|name| (io.path(&root.join(&name)), root.join(name)));
    let named = named.chain(pipelines(&io.path(root)));
    let using = named.filter(|(path, _)| fs::read_to_string(path).is_ok_and(|text| text.contains(OPTION)));
    found.extend(using.map(|(_, shown)| format!("`{}`", shown.display())));
    found
}

/// Where a repository says what its CI does, beside GitHub's workflows.
const PIPELINES: [&str; 7] = [
    ".circleci/config.yml",
    ".gitlab-ci.yml",
    "Jenkinsfile",
    "atlantis.yaml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "buildspec.yml",
];

/// The files of the repository around a root module that say what its CI does, and what to call each. What lies beside
/// the root module is not among them.
fn pipelines(root: &Path) -> Vec<(PathBuf, PathBuf)> {
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    // What is no checkout, such as an archive of one, may still have all its files here.
    let repository = root.ancestors().find(|folder| folder.join(".git").exists());
    let repository = repository.unwrap_or(&root);
    let workflows = Path::new(".github/workflows");
    let entries = fs::read_dir(repository.join(workflows));
    let names = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name());
    let mut files: Vec<PathBuf> = names.map(|name| workflows.join(name)).collect();
    files.extend(PIPELINES.map(PathBuf::from));
    files.sort();
    let files = files.into_iter().map(|file| (repository.join(&file), file));
    let outside = files.filter(|(path, _)| path.parent() != Some(root.as_path()));
    let small = outside
        .filter(|(path, _)| fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_SCRIPT));
    small.collect()
}

/// The first of many addresses.
fn some(addresses: &BTreeSet<String>) -> String {
    let named: Vec<String> = addresses
        .iter()
        .take(5)
        .map(|address| format!("`{address}`"))
        .collect();
    match addresses.len().saturating_sub(named.len()) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

//! What is to be changed in the files of a configuration.

use super::edit::{self, Edit};
use super::module::{FoundBlock, Module, SourceFile, Tree};
use crate::codes;
use hcl_edit::expr::{Expression, ObjectKey};
use meshform_model::diag::Diagnostic;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The source address that `required_providers` gets.
const SOURCE: &str = "meshform/appmesh";

/// What the provider block is to say.
#[derive(Debug, Clone, Default)]
pub(super) struct Provider {
    pub(super) store: Option<String>,
    pub(super) owner: Option<String>,
}

/// The changes of all files, and what cannot be changed here.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By the file's path; a file that is not there yet has an empty text.
    pub(super) files: BTreeMap<PathBuf, (String, Vec<Edit>)>,
    pub(super) left: Vec<Diagnostic>,
}

impl Plan {
    pub(super) fn of(tree: &Tree, provider: &Provider) -> Self {
        let mut plan = Self::default();
        let any = tree
            .modules
            .iter()
            .any(|module| module.of_app_mesh().next().is_some());
        for module in &tree.modules {
            let own = module.of_app_mesh().next().is_some();
            if stands_for_aws(module) {
                continue;
            }
            for found in module.of_app_mesh() {
                plan.resource(found);
            }
            // The root module says which provider is meant, and configures it, also for the modules below.
            if own || any && module.is_root() {
                plan.requirements(module, provider);
            }
        }
        plan
    }

    fn edit(&mut self, file: &SourceFile, edit: Edit) {
        let entry = self.files.entry(file.path.clone());
        let (_, edits) = entry.or_insert_with(|| (file.text.clone(), Vec::new()));
        edits.push(edit);
    }

    fn resource(&mut self, found: FoundBlock<'_>) {
        let Some(given) = found.block.body.get_attribute("provider") else {
            let line = "provider = appmesh".to_owned();
            if let Some(edit) = edit::first_in_block(&found.source.text, found.bounds(), &[line], true) {
                self.edit(found.source, edit);
            }
            return;
        };
        let (at, text) = found.text_of(&given.value);
        let name = text.trim_matches('"');
        match name.split('.').next().unwrap_or_default() {
            "appmesh" => {}
            "aws" if name == "aws" => self.edit(
                found.source,
                Edit {
                    at,
                    text: "appmesh".to_owned(),
                },
            ),
            _ => self.left.push(
                Diagnostic::warning(
                    codes::ALIASED_PROVIDER,
                    format!("`{}` is of the provider `{name}`", found.name()),
                )
                .help(
                    "a store belongs to one region: write a second `provider \"appmesh\"` block with an alias and a store \
                     of its own, and `provider = appmesh.ALIAS` here; or, where all is one mesh, `provider = appmesh`",
                )
                .at(found.place()),
            ),
        }
    }

    /// The entry in `required_providers`, and in the root module the provider block.
    fn requirements(&mut self, module: &Module, provider: &Provider) {
        let mut blocks = Vec::new();
        let entry = ["appmesh = {", "  source = \"meshform/appmesh\"", "}"].map(str::to_owned);
        let terraform = module.blocks("terraform").next();
        match required_providers(module).next() {
            Some(required) => match required.block.body.get_attribute("appmesh") {
                None => self.first(required, &entry),
                Some(given) if source(&given.value).is_some_and(is_ours) => {}
                Some(_) => self.left.push(
                    Diagnostic::warning(
                        codes::OTHER_SOURCE,
                        "the provider name `appmesh` is already taken by another provider",
                    )
                    .help(format!(
                        "rename that provider: `appmesh = {{ source = \"{SOURCE}\" }}` is needed"
                    ))
                    .at(required.place()),
                ),
            },
            None => {
                let mut lines = vec!["required_providers {".to_owned()];
                lines.extend(entry.map(|line| format!("  {line}")));
                lines.push("}".to_owned());
                match terraform {
                    Some(terraform) => self.first(terraform, &lines),
                    None => {
                        let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
                        blocks.push(format!("terraform {{\n{lines}}}\n"));
                    }
                }
            }
        }
        let configured = module
            .blocks("provider")
            .any(|one| one.label(0) == Some("appmesh"));
        if module.is_root() && !configured {
            blocks.push(provider.block());
        }
        if blocks.is_empty() {
            return;
        }
        // Beside the other requirements, or where one would look for them.
        let beside = required_providers(module)
            .next()
            .or(terraform)
            .map(|found| found.source);
        let versions = module
            .files
            .iter()
            .find(|file| file.path.ends_with("versions.tf") || file.path.ends_with("versions.tofu"));
        match beside.or(versions) {
            Some(file) => self.edit(file, edit::at_end(&file.text, &blocks)),
            None => {
                let path = module.folder.join("versions.tf");
                let edit = edit::at_end("", &blocks);
                self.files.insert(path, (String::new(), vec![edit]));
            }
        }
    }

    fn first(&mut self, found: FoundBlock<'_>, lines: &[String]) {
        if let Some(edit) = edit::first_in_block(&found.source.text, found.bounds(), lines, false) {
            self.edit(found.source, edit);
        }
    }
}

impl Provider {
    fn block(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string().replace("${", "$${");
        let mut arguments = vec![(
            "store",
            quoted(self.store.as_deref().unwrap_or(meshform_store::DEFAULT_LOCATION)),
        )];
        arguments.extend(self.owner.as_deref().map(|owner| ("owner", quoted(owner))));
        let lines: String = arguments
            .into_iter()
            .map(|(name, value)| format!("  {name} = {value}\n"))
            .collect();
        format!("provider \"appmesh\" {{\n{lines}}}\n")
    }
}

fn required_providers(module: &Module) -> impl Iterator<Item = FoundBlock<'_>> {
    module.blocks("terraform").flat_map(|terraform| {
        let blocks = terraform.block.body.get_blocks("required_providers");
        blocks.map(move |block| terraform.inside(block))
    })
}

/// Whether the name `aws` stands for our provider, so that no resource needs a line.
fn stands_for_aws(module: &Module) -> bool {
    required_providers(module).any(|required| {
        let given = required.block.body.get_attribute("aws");
        given.and_then(|given| source(&given.value)).is_some_and(is_ours)
    })
}

/// The `source` of an entry of `required_providers`.
fn source(entry: &Expression) -> Option<&str> {
    let named = |key: &ObjectKey| {
        let text = key.as_expr().and_then(Expression::as_str);
        text == Some("source") || key.as_ident().is_some_and(|ident| ident.as_str() == "source")
    };
    let mut entries = entry.as_object()?.iter();
    entries
        .find(|(key, _)| named(key))
        .and_then(|(_, value)| value.expr().as_str())
}

fn is_ours(source: &str) -> bool {
    source == SOURCE || source.ends_with(&format!("/{SOURCE}"))
}

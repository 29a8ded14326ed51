//! The pages about what the provider offers, from its schema as Terraform prints it, and the examples.
//!
//! Under its original name (`aws_appmesh_mesh`) a resource has a short page that leads to the one of `appmesh_mesh`.

use crate::Pages;
use crate::original;
use crate::page::{Head, fenced, head, schema, text, type_name};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const PREFIX: &str = "appmesh_";

/// One sort of thing that a provider offers.
struct DocumentedKind {
    /// Its key in the schema.
    key: &'static str,
    /// The folder of its pages, below `docs`, and of its examples, below `examples`.
    folder: &'static str,
    /// The file of an example.
    example: &'static str,
    title: &'static str,
}

const RESOURCES: DocumentedKind = DocumentedKind {
    key: "resource_schemas",
    folder: "resources",
    example: "resource.tf",
    title: "Resource",
};
const DATA_SOURCES: DocumentedKind = DocumentedKind {
    key: "data_source_schemas",
    folder: "data-sources",
    example: "data-source.tf",
    title: "Data Source",
};
const LISTS: DocumentedKind = DocumentedKind {
    key: "list_resource_schemas",
    folder: "list-resources",
    example: "list-resource.tfquery.hcl",
    title: "List Resource",
};

/// What pages are written from.
struct ProviderOffer<'a> {
    root: &'a Path,
    schema: &'a Value,
    /// The kinds, whose resource pages the model writes.
    kinds: Vec<String>,
}

/// Every page but those that the model writes.
pub(crate) fn pages(root: &Path, schema: &Value) -> Result<Pages, String> {
    let providers = schema["provider_schemas"].as_object();
    let schema = providers
        .and_then(|all| all.values().next())
        .ok_or("this is not what `terraform providers schema -json` prints for one provider")?;
    let kinds = meshform_model::kind::Kind::ALL
        .into_iter()
        .map(|kind| {
            meshform_model::schema::kind(kind)
                .type_in(meshform_model::dialect::Dialect::Terraform)
                .to_owned()
        })
        .collect();
    let offer = ProviderOffer { root, schema, kinds };
    let mut pages = Pages::new();
    for sort in [&RESOURCES, &DATA_SOURCES, &LISTS] {
        for (name, found) in offer.all(sort) {
            let page = offer.page(sort, &name, part(&found, "block"))?;
            if let Some(text) = page {
                let short = name.trim_start_matches(PREFIX);
                pages.insert(format!("docs/{}/{short}.md", sort.folder), text);
            }
        }
    }
    for sort in [&RESOURCES, &DATA_SOURCES] {
        for name in offer.named(sort, original::PREFIX).into_keys() {
            let text = original::page(&name, sort.folder, sort.title);
            pages.insert(format!("docs/{}/{name}.md", sort.folder), text);
        }
    }
    for (name, signature) in schema["functions"].as_object().into_iter().flatten() {
        pages.insert(
            format!("docs/functions/{name}.md"),
            offer.function(name, signature)?,
        );
    }
    pages.insert("docs/index.md".to_owned(), offer.index()?);
    Ok(pages)
}

/// The member of that name, or null where there is none.
fn part<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

impl ProviderOffer<'_> {
    /// What there is of a sort, under our names.
    fn all(&self, sort: &DocumentedKind) -> BTreeMap<String, Value> {
        self.named(sort, PREFIX)
    }

    fn named(&self, sort: &DocumentedKind, prefix: &str) -> BTreeMap<String, Value> {
        let all = self.schema[sort.key].as_object().into_iter().flatten();
        all.filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, found)| (name.clone(), found.clone()))
            .collect()
    }

    fn example(&self, folder: &str, name: &str, file: &str) -> Result<String, String> {
        let path = format!("examples/{folder}/{name}/{file}");
        std::fs::read_to_string(self.root.join(&path))
            .map_err(|error| format!("{name} has no example that can be read: {path}: {error}"))
    }

    /// `None` for what the model writes; its example must be there all the same.
    fn page(&self, sort: &DocumentedKind, name: &str, block: &Value) -> Result<Option<String>, String> {
        let example = self.example(sort.folder, name, sort.example)?;
        let kind = self.kinds.iter().any(|kind| kind == name);
        if kind && sort.key == RESOURCES.key {
            return Ok(None);
        }
        let mut out = head(&Head {
            title: &format!("{name} {}", sort.title),
            heading: &format!("{name} ({})", sort.title),
            description: text(block),
        });
        if kind && name != "appmesh_proxy_profile" {
            out.push_str(&format!("It is also there as `aws_{name}`.\n\n"));
        }
        out.push_str("## Example Usage\n\n");
        if sort.key == LISTS.key {
            out.push_str(
                "In a file that ends in `.tfquery.hcl`, for `terraform query` (Terraform 1.14 or newer):\n\n",
            );
        }
        out.push_str(&fenced("terraform", &example));
        let short = name.trim_start_matches(PREFIX);
        let known = |attribute: &str| {
            let described = kind && sort.key == DATA_SOURCES.key && attribute == "spec";
            described.then(|| {
                format!("Its fields are those of the resource's [`spec`](../resources/{short}.md#nestedblock--spec).")
            })
        };
        out.push_str(&schema(block, &known));
        Ok(Some(out))
    }

    fn function(&self, name: &str, signature: &Value) -> Result<String, String> {
        let example = self.example("functions", name, "function.tf")?;
        let summary = signature["summary"].as_str().unwrap_or_else(|| text(signature));
        let mut out = head(&Head {
            title: &format!("{name} function"),
            heading: &format!("function: {name}"),
            description: summary,
        });
        if text(signature) != summary {
            out.push_str(&format!("{}\n\n", text(signature)));
        }
        out.push_str(&format!("## Example Usage\n\n{}", fenced("terraform", &example)));
        let parameters: Vec<&Value> = signature["parameters"].as_array().into_iter().flatten().collect();
        let variadic = signature.get("variadic_parameter");
        let name_of = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
        let mut shown: Vec<String> = parameters.iter().map(|one| name_of(one)).collect();
        shown.extend(variadic.map(|one| format!("{}...", name_of(one))));
        let returns = type_name(&signature["return_type"]);
        let call = format!("provider::appmesh::{name}({})", shown.join(", "));
        out.push_str(&format!(
            "## Signature\n\n{}It returns: {returns}.\n\n",
            fenced("text", &call)
        ));
        out.push_str("## Arguments\n\n");
        for parameter in parameters.into_iter().chain(variadic) {
            let kind = type_name(&parameter["type"]);
            out.push_str(&format!(
                "- `{}` ({kind}) {}\n",
                name_of(parameter),
                text(parameter)
            ));
        }
        Ok(out)
    }

    fn index(&self) -> Result<String, String> {
        let block = part(part(self.schema, "provider"), "block");
        let path = "examples/provider/provider.tf";
        let example =
            std::fs::read_to_string(self.root.join(path)).map_err(|error| format!("{path}: {error}"))?;
        let mut out = head(&Head {
            title: "Provider: App Mesh",
            heading: "App Mesh Provider",
            description: text(block),
        });
        out.push_str(include_str!("index.md"));
        out.push_str(&format!(
            "\n## Example Usage\n\n{}",
            fenced("terraform", &example)
        ));
        out.push_str(&schema(block, &|_| None));
        for (sort, title) in [
            (&RESOURCES, "Resources"),
            (&DATA_SOURCES, "Data sources"),
            (&LISTS, "Lists"),
        ] {
            let lines: String = self
                .all(sort)
                .iter()
                .map(|(name, found)| {
                    let short = name.trim_start_matches(PREFIX);
                    format!(
                        "- [`{name}`]({}/{short}.md): {}\n",
                        sort.folder,
                        text(part(found, "block"))
                    )
                })
                .collect();
            out.push_str(&format!("\n## {title}\n\n{lines}"));
        }
        let functions = self.schema["functions"].as_object().into_iter().flatten();
        let lines: String = functions
            .map(|(name, found)| {
                let summary = found["summary"].as_str().unwrap_or_else(|| text(found));
                format!("- [`{name}`](functions/{name}.md): {summary}\n")
            })
            .collect();
        if !lines.is_empty() {
            out.push_str(&format!("\n## Functions\n\n{lines}"));
        }
        Ok(out)
    }
}

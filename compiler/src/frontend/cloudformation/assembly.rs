//! CDK assemblies: `cdk.out/manifest.json` says which templates are stacks, and in which account and region.

use super::stacks::{Deployment, beside};
use meshform_model::arn::is_account;
use meshform_model::value::{Node, Span, Value};
use std::collections::BTreeMap;

/// Whether a document is the manifest of an assembly.
pub(crate) fn recognise(document: &Node) -> bool {
    let of_cdk = |kind: &str| kind.starts_with("aws:") || kind.starts_with("cdk:");
    document.get("version").and_then(Node::as_str).is_some()
        && artifacts(document)
            .any(|(_, artifact)| artifact.get("type").and_then(Node::as_str).is_some_and(of_cdk))
}

fn artifacts(document: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let all = document.get("artifacts").and_then(Node::as_object);
    all.into_iter()
        .flatten()
        .map(|field| (field.name.as_str(), &field.node))
}

#[derive(Default)]
pub(crate) struct Assembly {
    /// The template of each stack, and how it is deployed.
    pub(crate) stacks: BTreeMap<String, Deployment>,
    /// Templates of stacks, and manifests of the assemblies within, with the place where each is named.
    pub(crate) files: BTreeMap<String, Option<Span>>,
}

pub(crate) fn read(file: &str, document: &Node) -> Assembly {
    let mut assembly = Assembly::default();
    for (id, artifact) in artifacts(document) {
        let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
        let properties = artifact.get("properties");
        let property = |name| properties.and_then(|all| all.get(name));
        match artifact.get("type").and_then(Node::as_str) {
            Some("aws:cloudformation:stack") => {
                let named = property("templateFile");
                let Some(template) = text(named) else {
                    continue;
                };
                let template = beside(file, &template);
                assembly
                    .files
                    .insert(template.clone(), named.and_then(|node| node.span));
                let mut values = environment(&text(artifact.get("environment")).unwrap_or_default());
                let name = text(property("stackName")).unwrap_or_else(|| id.to_owned());
                values.insert("AWS::StackName".to_owned(), name);
                let parameters = property("parameters").and_then(Node::as_object);
                for field in parameters.into_iter().flatten() {
                    if let Value::String(value) = &field.node.value {
                        values.insert(field.name.clone(), value.clone());
                    }
                }
                assembly.stacks.insert(template, Deployment { values });
            }
            Some("cdk:cloud-assembly") => {
                let named = property("directoryName");
                if let Some(folder) = text(named) {
                    let manifest = beside(file, &format!("{folder}/manifest.json"));
                    assembly.files.insert(manifest, named.and_then(|node| node.span));
                }
            }
            _ => {}
        }
    }
    assembly
}

/// `aws://ACCOUNT/REGION`, where each may be unknown.
fn environment(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    if let Some((account, region)) = text.strip_prefix("aws://").and_then(|rest| rest.split_once('/')) {
        if is_account(account) {
            values.insert("AWS::AccountId".to_owned(), account.to_owned());
        }
        if !region.is_empty() && !region.starts_with("unknown") {
            values.insert("AWS::Region".to_owned(), region.to_owned());
        }
    }
    values
}

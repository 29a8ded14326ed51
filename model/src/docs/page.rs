//! One page of the reference.

use super::hcl;
use crate::dialect::{self, Dialect};
use crate::kind::Kind;
use crate::schema::terraform::{Attribute, Block, Body, Resource, Type, resource};
use crate::schema::{self, KindSchema};
use crate::value::Node;

/// A page's path and its text.
pub(super) fn page(kind: Kind, read: &dyn Fn(&str) -> Option<String>) -> (String, String) {
    let schema = schema::kind(kind);
    let resource = resource(kind);
    let name = resource.type_name.trim_start_matches("appmesh_");
    let path = format!("docs/resources/{name}.md");
    let mut out = front(schema, &resource);
    let folder = format!("examples/resources/{}", resource.type_name);
    let example = |file: &str| read(&format!("{folder}/{file}"));
    out.push_str(&examples(schema, &resource, example("resource.tf")));
    out.push_str("## Schema\n");
    groups(&resource.body, "", "###", &mut out);
    nested(&resource.body, "", &mut out);
    out.push_str(&import(schema, &resource, &example));
    (path, out)
}

fn front(schema: &KindSchema, resource: &Resource) -> String {
    let name = &resource.type_name;
    let doc = &schema.doc;
    let other_name = if known_to_aws(schema) {
        format!(
            "It is also there as `aws_{name}`, with the arguments and states of `hashicorp/aws`: see \
             [migrating from AWS App Mesh](../guides/migrating-from-aws-app-mesh.md).\n\n"
        )
    } else {
        String::new()
    };
    format!(
        "---\npage_title: \"{name} Resource - appmesh\"\nsubcategory: \"\"\ndescription: |-\n  {doc}\n---\n\n\
         <!-- Written by `cargo xtask docs` from schemas/. -->\n\n# {name} (Resource)\n\n{doc}\n\n{other_name}"
    )
}

/// The example in Terraform, and the schema's first one as App Mesh's API and CloudFormation have it.
fn examples(schema: &KindSchema, resource: &Resource, written: Option<String>) -> String {
    let Some(example) = schema.examples.first() else {
        return String::new();
    };
    let node = Node::from_json(example);
    let template = serde_json::json!({
        "Type": schema.type_in(Dialect::CloudFormation),
        "Properties": dialect::from_canonical(schema.kind, Dialect::CloudFormation, &node).to_json(),
    });
    let pretty = |json| serde_json::to_string_pretty(json).unwrap_or_default();
    let terraform = written.unwrap_or_else(|| {
        let values = dialect::from_canonical(schema.kind, Dialect::Terraform, &node);
        hcl::resource(&resource.type_name, &resource.body, &values)
    });
    format!(
        "## Example Usage\n\n```terraform\n{terraform}```\n\n## Other Forms\n\nA {} as JSON of the App Mesh \
         API:\n\n```json\n{}\n```\n\nThe same as a resource of a CloudFormation template:\n\n```json\n{}\n```\n\n",
        schema.kind,
        pretty(example),
        pretty(&template),
    )
}

/// One argument of a group: an attribute or a block.
enum Argument<'a> {
    Attribute(&'a Attribute),
    Block(&'a Block),
}

/// The lists of required, optional and read-only arguments. `path` is the surrounding block's, `heading` what goes
/// before a group's title (nothing for a plain line).
fn groups(body: &Body, path: &str, heading: &str, out: &mut String) {
    let mut arguments: Vec<(&str, Argument<'_>)> = body
        .attributes
        .iter()
        .map(|a| (a.name.as_str(), Argument::Attribute(a)))
        .chain(body.blocks.iter().map(|b| (b.name.as_str(), Argument::Block(b))))
        .collect();
    arguments.sort_by_key(|(name, _)| *name);
    for (title, group) in [("Required", 0), ("Optional", 1), ("Read-Only", 2)] {
        let lines: String = arguments
            .iter()
            .filter(|(_, argument)| argument.group() == group)
            .map(|(_, argument)| argument.line(path))
            .collect();
        if lines.is_empty() {
            continue;
        }
        match heading {
            "" => out.push_str(&format!("\n{title}:\n\n{lines}")),
            heading => out.push_str(&format!("\n{heading} {title}\n\n{lines}")),
        }
    }
}

impl Argument<'_> {
    fn group(&self) -> u8 {
        match self {
            Argument::Attribute(a) if a.required => 0,
            Argument::Attribute(a) if a.optional => 1,
            Argument::Attribute(_) => 2,
            Argument::Block(b) if b.min > 0 => 0,
            Argument::Block(_) => 1,
        }
    }

    fn line(&self, path: &str) -> String {
        match self {
            Argument::Attribute(a) => {
                let mut flags = String::new();
                if a.sensitive {
                    flags.push_str(", Sensitive");
                }
                if a.deprecated.is_some() {
                    flags.push_str(", Deprecated");
                }
                let replaces = if a.replaces {
                    " A change makes a new resource."
                } else {
                    ""
                };
                format!(
                    "- `{}` ({}{flags}) {}{replaces}\n",
                    a.name,
                    type_name(a.kind),
                    a.doc
                )
            }
            Argument::Block(b) => {
                let mut counts = String::new();
                if b.min > 0 {
                    counts.push_str(&format!(", Min: {}", b.min));
                }
                if let Some(max) = b.max {
                    counts.push_str(&format!(", Max: {max}"));
                }
                let order = if b.unordered {
                    " The order of the blocks has no meaning."
                } else {
                    ""
                };
                let anchor = anchor(&format!("{path}{}", b.name));
                format!(
                    "- `{}` (Block List{counts}) {}{order} (see [below for nested schema](#{anchor}))\n",
                    b.name, b.doc
                )
            }
        }
    }
}

fn nested(body: &Body, path: &str, out: &mut String) {
    for block in &body.blocks {
        let here = format!("{path}{}", block.name);
        out.push_str(&format!(
            "\n<a id=\"{}\"></a>\n### Nested Schema for `{here}`\n",
            anchor(&here)
        ));
        if let Some(rule) = &block.rule {
            out.push_str(&format!("\n{rule}\n"));
        }
        groups(&block.body, &format!("{here}."), "", out);
        nested(&block.body, &format!("{here}."), out);
    }
}

fn anchor(path: &str) -> String {
    format!("nestedblock--{}", path.replace('.', "--"))
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::String => "String",
        Type::Number => "Number",
        Type::Bool => "Boolean",
        Type::ListString => "List of String",
        Type::ListNumber => "List of Number",
        Type::SetString => "Set of String",
        Type::SetNumber => "Set of Number",
        Type::MapString => "Map of String",
    }
}

fn import(schema: &KindSchema, resource: &Resource, example: &dyn Fn(&str) -> Option<String>) -> String {
    let first = schema.examples.first();
    let id: Vec<&str> = schema
        .key
        .iter()
        .map(|name| first.and_then(|e| e.get(name)?.as_str()).unwrap_or(name))
        .collect();
    let name = &resource.type_name;
    let as_with = if known_to_aws(schema) {
        format!(", as with `aws_{name}`")
    } else {
        String::new()
    };
    let command =
        example("import.sh").unwrap_or_else(|| format!("terraform import {name}.example {}\n", id.join("/")));
    let mut out = format!(
        "\n## Import\n\nThe import id is the path of names from the mesh down{as_with}.\n\n```shell\n{command}```\n"
    );
    if let Some(block) = example("import-by-identity.tf") {
        out.push_str(&format!(
            "\nOr, with Terraform 1.12 or newer, by identity:\n\n```terraform\n{block}```\n"
        ));
    }
    out
}

/// Only App Mesh's own kinds have a type of hashicorp/aws.
fn known_to_aws(schema: &KindSchema) -> bool {
    schema.type_in(Dialect::CloudFormation).starts_with("AWS::")
}

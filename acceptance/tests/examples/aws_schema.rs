//! What of an example is of hashicorp/aws, held against the arguments, blocks and attributes that its resources have in
//! the newest 5.x and in 6.x. `aws_schema.py` writes the lists, from bindings that are generated from the provider's schema.

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::parser::parse_body;
use hcl_edit::structure::{Block, Body};
use hcl_edit::visit::{self, Visit};
use serde_json::Value;
use std::collections::BTreeMap;

const LISTS: [&str; 2] = [include_str!("aws-5.json"), include_str!("aws-6.json")];
/// Arguments that are Terraform's own.
const META: [&str; 7] = [
    "connection",
    "count",
    "depends_on",
    "for_each",
    "lifecycle",
    "provider",
    "provisioner",
];

/// What does not fit, and how many arguments and references were looked at.
pub(super) fn held(files: &BTreeMap<String, String>) -> (Vec<String>, usize) {
    let (mut problems, mut seen) = (Vec::new(), 0);
    for list in LISTS {
        let list: Value = serde_json::from_str(list).unwrap();
        for (file, text) in files {
            let body = parse_body(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let mut found = Held {
                list: &list,
                at: format!("{} in {file}", list["provider"].as_str().unwrap()),
                problems: &mut problems,
                seen: &mut seen,
            };
            body.blocks().for_each(|block| found.resource(block));
            found.visit_body(&body);
        }
    }
    (problems, seen)
}

struct Held<'l> {
    list: &'l Value,
    at: String,
    problems: &'l mut Vec<String>,
    seen: &'l mut usize,
}

impl Held<'_> {
    fn problem(&mut self, what: String) {
        self.problems.push(format!("{}: {what}", self.at));
    }

    fn resource(&mut self, block: &Block) {
        let data = match block.ident.as_str() {
            "resource" => "",
            "data" => "data.",
            _ => return,
        };
        let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
        let kind = format!("{data}{}", labels[0]);
        if !labels[0].starts_with("aws_") {
            return;
        }
        match self.list["types"].get(&kind) {
            Some(known) => self.block(&kind, &block.body, &known["arguments"], true),
            None => self.problem(format!("there is no list of {kind}")),
        }
    }

    fn block(&mut self, place: &str, body: &Body, known: &Value, top: bool) {
        let is_meta = |name: &str| top && META.contains(&name);
        let mut given = Vec::new();
        for attribute in body.attributes() {
            let name = attribute.key.as_str();
            if is_meta(name) {
                continue;
            }
            given.push(name.to_owned());
            *self.seen += 1;
            let Some(argument) = known.get(name) else {
                self.problem(format!("{place} has no argument `{name}`"));
                continue;
            };
            let many = argument["many"] == true;
            match &attribute.value {
                _ if argument.get("block").is_some() => {
                    self.problem(format!("`{name}` of {place} is a block"));
                }
                Expression::Array(_) | Expression::Object(_) if !many && argument.get("object").is_none() => {
                    self.problem(format!("`{name}` of {place} takes one value"));
                }
                Expression::String(_) | Expression::StringTemplate(_) | Expression::Number(_) if many => {
                    self.problem(format!("`{name}` of {place} takes a list or a map"));
                }
                _ => {}
            }
        }
        for block in body.blocks() {
            let dynamic = block.ident.as_str() == "dynamic";
            let name = match dynamic {
                true => block.labels[0].as_str(),
                false => block.ident.as_str(),
            };
            if is_meta(name) {
                continue;
            }
            given.push(name.to_owned());
            *self.seen += 1;
            let Some(within) = known.get(name).and_then(|argument| argument.get("block")) else {
                self.problem(format!("{place} has no block `{name}`"));
                continue;
            };
            let body = match dynamic {
                true => &block.body.get_blocks("content").next().unwrap().body,
                false => &block.body,
            };
            self.block(&format!("{place}.{name}"), body, within, false);
        }
        for (name, argument) in known.as_object().unwrap() {
            if argument["required"] == true && !given.contains(name) {
                self.problem(format!("{place} needs `{name}`"));
            }
        }
    }
}

impl Visit for Held<'_> {
    /// References to attributes of resources: `aws_ecs_service.of["web"].name`, `data.aws_….tasks.json`.
    fn visit_traversal(&mut self, node: &Traversal) {
        let names = node
            .operators
            .iter()
            .filter_map(|operator| match operator.value() {
                TraversalOperator::GetAttr(name) => Some(name.as_str()),
                _ => None,
            });
        let words: Vec<&str> = node
            .expr
            .as_variable()
            .map(|name| name.as_str())
            .into_iter()
            .chain(names)
            .collect();
        let reference = match words.as_slice() {
            ["data", kind, _, attribute, ..] => Some((format!("data.{kind}"), *attribute)),
            [kind, _, attribute, ..] => Some(((*kind).to_owned(), *attribute)),
            _ => None,
        };
        if let Some((kind, attribute)) =
            reference.filter(|(kind, _)| kind.trim_start_matches("data.").starts_with("aws_"))
        {
            *self.seen += 1;
            let known = &self.list["types"][&kind]["attributes"];
            if !known
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == attribute))
            {
                self.problem(format!("{kind} has no attribute `{attribute}`"));
            }
        }
        visit::visit_traversal(self, node);
    }
}

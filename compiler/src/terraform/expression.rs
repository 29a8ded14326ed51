//! CloudFormation's expressions as HCL's: parameters and open imports are variables, mappings and conditions are locals.

use super::hcl::{self, Writer};
use super::variable;
use crate::frontend::{DYNAMIC, Symbolic, as_text, sub};
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Symbol, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A resource of the template that expressions may name.
#[derive(Debug, Clone)]
pub(super) struct TargetResource {
    pub(super) kind: Kind,
    pub(super) label: String,
    /// Whether it has a `count`.
    pub(super) counted: bool,
}

/// What a variable is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Parameter(String),
    Pseudo(String),
    Import(String),
    Mapping(String),
    Condition(String),
}

/// Writes expressions, and remembers which variables and locals they need.
pub(super) struct Expressions<'s> {
    symbolic: &'s Symbolic,
    targets: BTreeMap<String, TargetResource>,
    variables: BTreeMap<String, Source>,
    locals: BTreeMap<String, Source>,
}

/// Why an expression has no equivalent.
type Refused = String;

impl<'s> Expressions<'s> {
    pub(super) fn new(symbolic: &'s Symbolic, targets: BTreeMap<String, TargetResource>) -> Self {
        Self {
            symbolic,
            targets,
            variables: BTreeMap::new(),
            locals: BTreeMap::new(),
        }
    }

    /// The conditions of the template.
    pub(super) fn conditions(&self) -> &'s BTreeMap<String, Node> {
        &self.symbolic.conditions
    }

    /// A value as an HCL expression. Fails on a function that HCL has no equivalent of.
    pub(super) fn value(&mut self, value: &Value) -> Result<String, Refused> {
        Ok(match value {
            Value::Symbol(symbol) => self.symbol(symbol)?,
            Value::List(list) => format!("[{}]", self.all(list)?.join(", ")),
            Value::Object(object) => {
                let mut fields = Vec::new();
                for field in object {
                    fields.push(format!(
                        "{} = {}",
                        hcl::key(&field.name),
                        self.value(&field.node.value)?
                    ));
                }
                format!("{{ {} }}", fields.join(", "))
            }
            Value::String(text) if text.contains(DYNAMIC) => return Err(dynamic(text)),
            other => hcl::literal(other),
        })
    }

    fn all(&mut self, list: &[Node]) -> Result<Vec<String>, Refused> {
        list.iter().map(|item| self.value(&item.value)).collect()
    }

    /// The local value that says whether a condition holds; it is declared when it is first asked for.
    pub(super) fn condition(&mut self, name: &str) -> String {
        format!(
            "local.{}",
            named(&mut self.locals, Source::Condition(name.to_owned()))
        )
    }

    fn symbol(&mut self, symbol: &Symbol) -> Result<String, Refused> {
        let argument = symbol.argument.as_ref();
        match (symbol.function.as_str(), argument.as_str(), argument.as_list()) {
            ("Ref", Some(name), _) => self.reference(name),
            ("Condition", Some(name), _) => Ok(self.condition(name)),
            ("Fn::GetAtt", _, Some([resource, attribute])) => {
                let (resource, attribute) = (resource.as_str(), attribute.as_str());
                self.attribute(resource.unwrap_or_default(), attribute.unwrap_or_default())
            }
            ("Fn::Sub", Some(text), _) => self.template(text, None),
            ("Fn::Sub", _, Some([text, values])) => {
                self.template(text.as_str().unwrap_or_default(), Some(values))
            }
            ("Fn::Join", _, Some([delimiter, list])) => Ok(format!(
                "join({}, {})",
                self.value(&delimiter.value)?,
                self.value(&list.value)?
            )),
            ("Fn::Split", _, Some([delimiter, text])) => Ok(format!(
                "split({}, {})",
                self.value(&delimiter.value)?,
                self.value(&text.value)?
            )),
            ("Fn::Select", _, Some([index, list])) => {
                let index = match &index.value {
                    Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.clone(),
                    other => self.value(other)?,
                };
                Ok(format!("element({}, {index})", self.value(&list.value)?))
            }
            ("Fn::If", _, Some([condition, then, otherwise])) => {
                let condition = self.condition(condition.as_str().unwrap_or_default());
                let (then, otherwise) = (self.value(&then.value)?, self.value(&otherwise.value)?);
                Ok(format!("({condition} ? {then} : {otherwise})"))
            }
            ("Fn::FindInMap", _, Some([map, first, second])) => self.mapped(map, first, second),
            ("Fn::ImportValue", ..) => {
                // Where the name depends on a parameter, so does the value: who runs Terraform gives the one.
                let name = as_text(argument).unwrap_or_default();
                let name = named(&mut self.variables, Source::Import(name));
                Ok(format!("var.{name}"))
            }
            ("Fn::Base64", ..) => Ok(format!("base64encode({})", self.value(&argument.value)?)),
            ("Fn::Equals", _, Some([a, b])) => Ok(format!("{} == {}", self.text(a)?, self.text(b)?)),
            ("Fn::Not", _, Some([one])) => Ok(format!("!({})", self.value(&one.value)?)),
            ("Fn::And", _, Some(list)) => Ok(format!("({})", self.all(list)?.join(" && "))),
            ("Fn::Or", _, Some(list)) => Ok(format!("({})", self.all(list)?.join(" || "))),
            (function, ..) => Err(format!("`{function}` has no equivalent")),
        }
    }

    /// An operand of `Fn::Equals` as text, because CloudFormation compares texts: `1` equals `"1"`.
    fn text(&mut self, node: &Node) -> Result<String, Refused> {
        if let Value::Number(_) | Value::Bool(_) = &node.value {
            return Ok(format!("\"{}\"", hcl::literal(&node.value)));
        }
        let value = self.value(&node.value)?;
        let is_number = |name: &str| {
            let declared = self
                .symbolic
                .parameters
                .get(name)
                .and_then(|node| node.get("Type"));
            declared.and_then(Node::as_str) == Some("Number")
        };
        match &node.value {
            Value::Symbol(symbol)
                if symbol.function == "Ref" && symbol.argument.as_str().is_some_and(is_number) =>
            {
                Ok(format!("tostring({value})"))
            }
            _ => Ok(value),
        }
    }

    fn reference(&mut self, name: &str) -> Result<String, Refused> {
        if name == "AWS::NoValue" {
            return Ok("null".to_owned());
        }
        if self.targets.contains_key(name) {
            return self.attribute(name, "Arn");
        }
        let source = match name.starts_with("AWS::") {
            true => Source::Pseudo(name.to_owned()),
            false if self.symbolic.parameters.contains_key(name) => Source::Parameter(name.to_owned()),
            false => return Err(format!("nothing in the template is called `{name}`")),
        };
        Ok(format!("var.{}", named(&mut self.variables, source)))
    }

    fn attribute(&mut self, id: &str, attribute: &str) -> Result<String, Refused> {
        let Some(target) = self.targets.get(id) else {
            return Err(format!(
                "`{id}.{attribute}` is of a resource that is not converted"
            ));
        };
        let kind = schema::kind(target.kind);
        let fields = kind.root.object().map(|root| &root.fields);
        let mut fields = fields.into_iter().flatten();
        let named = match attribute {
            "Ref" | "Id" | "Arn" => "arn",
            "Uid" => "id",
            "ResourceOwner" => "resource_owner",
            _ => match fields.find(|field| field.named(Dialect::CloudFormation).name == attribute) {
                Some(field) => &field.named(Dialect::Terraform).name,
                None => return Err(format!("`{id}.{attribute}` has no equivalent")),
            },
        };
        let index = if target.counted { "[0]" } else { "" };
        let type_name = schema::terraform::resource(target.kind).type_name;
        Ok(format!("{type_name}.{}{index}.{named}", target.label))
    }

    fn mapped(&mut self, map: &Node, first: &Node, second: &Node) -> Result<String, Refused> {
        let Some(name) = map.as_str() else {
            return Err(
                "the name of a mapping depends on a parameter: give that one with `--parameter`".to_owned(),
            );
        };
        let name = named(&mut self.locals, Source::Mapping(name.to_owned()));
        Ok(format!(
            "local.{name}[{}][{}]",
            self.text(first)?,
            self.text(second)?
        ))
    }

    /// The text of `Fn::Sub` as a template.
    fn template(&mut self, text: &str, values: Option<&Node>) -> Result<String, Refused> {
        if text.contains(DYNAMIC) {
            return Err(dynamic(text));
        }
        let mut out = String::from("\"");
        for part in sub::parts(text) {
            match part {
                sub::SubPart::Text(text) => out.push_str(&hcl::quoted_inner(&text)),
                sub::SubPart::Name(name) => {
                    let inner = match values.and_then(|values| values.get(name)) {
                        Some(value) => self.value(&value.value)?,
                        None => match name.split_once('.') {
                            Some((resource, attribute)) => self.attribute(resource, attribute)?,
                            None => self.reference(name)?,
                        },
                    };
                    out.push_str(&format!("${{{inner}}}"));
                }
            }
        }
        out.push('"');
        Ok(out)
    }

    /// Writes the variables and locals that were needed. Conditions may need further ones.
    pub(super) fn declare(&mut self, writer: &mut Writer) -> Result<(), Refused> {
        let mut conditions: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let open = self.locals.iter().find_map(|(name, source)| match source {
                Source::Condition(condition) if !conditions.contains_key(name) => {
                    Some((name.clone(), condition.clone()))
                }
                _ => None,
            });
            let Some((name, condition)) = open else { break };
            let symbolic = self.symbolic;
            let value = match symbolic.conditions.get(&condition) {
                Some(node) => self.value(&node.value)?,
                None => return Err(format!("the template has no condition `{condition}`")),
            };
            conditions.insert(name, value);
        }
        for (name, source) in &self.variables {
            self.variable(name, source, writer);
        }
        if self.locals.is_empty() {
            return Ok(());
        }
        writer.open("locals");
        for (name, value) in conditions {
            writer.attribute(&name, value);
        }
        for (name, source) in &self.locals {
            if let Source::Mapping(mapping) = source
                && let Some(node) = self.symbolic.mappings.get(mapping)
            {
                map(name, node, writer);
            }
        }
        writer.close();
        Ok(())
    }

    fn variable(&self, name: &str, source: &Source, writer: &mut Writer) {
        writer.open(&format!("variable \"{name}\""));
        match source {
            Source::Parameter(parameter) => {
                if let Some(declared) = self.symbolic.parameters.get(parameter) {
                    variable::body(name, declared, writer);
                }
            }
            Source::Pseudo(pseudo) => {
                writer.attribute(
                    "description",
                    hcl::literal(&Value::from(format!("{pseudo} of the template"))),
                );
                writer.attribute("type", "string".to_owned());
                if pseudo == "AWS::Partition" {
                    writer.attribute("default", "\"aws\"".to_owned());
                }
            }
            Source::Import(export) => {
                // A name that depends on a parameter is told as one: in a description nothing would fill it in.
                let export = export.replace("${", "<").replace('}', ">");
                let text = format!("The value that is exported as {export}");
                writer.attribute("description", hcl::literal(&Value::from(text)));
                writer.attribute("type", "string".to_owned());
            }
            Source::Mapping(_) | Source::Condition(_) => {}
        }
        writer.close();
    }
}

fn dynamic(text: &str) -> Refused {
    format!("`{text}` is a reference that CloudFormation follows when it deploys")
}

/// A map of maps, as a mapping is.
fn map(name: &str, node: &Node, writer: &mut Writer) {
    writer.open_map(&hcl::key(name));
    let fields: Vec<_> = node.as_object().into_iter().flatten().collect();
    let nested = |node: &Node| node.as_object().is_some();
    for field in fields.iter().filter(|field| !nested(&field.node)) {
        writer.attribute(&hcl::key(&field.name), hcl::literal(&field.node.value));
    }
    for field in fields.iter().filter(|field| nested(&field.node)) {
        map(&field.name, &field.node, writer);
    }
    writer.close();
}

/// The name of a variable or local: `ServiceName` is `service_name`.
fn named(names: &mut BTreeMap<String, Source>, source: Source) -> String {
    if let Some((name, _)) = names.iter().find(|(_, known)| **known == source) {
        return name.clone();
    }
    let (Source::Parameter(text)
    | Source::Pseudo(text)
    | Source::Import(text)
    | Source::Mapping(text)
    | Source::Condition(text)) = &source;
    let plain = snake(text);
    let taken: BTreeSet<&String> = names.keys().collect();
    let mut name = plain.clone();
    let mut number = 2_u64;
    while taken.contains(&name) {
        name = format!("{plain}_{number}");
        number += 1;
    }
    names.insert(name.clone(), source);
    name
}

/// Names that a variable cannot have.
const RESERVED: &[&str] = &[
    "source",
    "version",
    "providers",
    "count",
    "for_each",
    "lifecycle",
    "depends_on",
    "locals",
];

fn snake(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (at, c) in letters.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            if !out.ends_with('_') && !out.is_empty() {
                out.push('_');
            }
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = c.is_ascii_uppercase()
            && (before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || before.is_some_and(char::is_ascii_uppercase)
                    && after.is_some_and(char::is_ascii_lowercase));
        if begins && !out.ends_with('_') {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    let out = out.trim_matches('_');
    match out.starts_with(|c: char| c.is_ascii_alphabetic()) && !RESERVED.contains(&out) {
        true => out.to_owned(),
        false => format!("value_{out}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_terraform_writes_them() {
        let names = [
            "ServiceName",
            "AWS::Region",
            "VPCId",
            "staging:MeshName",
            "Az1Name",
            "1st",
            "Version",
        ];
        let expected = [
            "service_name",
            "aws_region",
            "vpc_id",
            "staging_mesh_name",
            "az1_name",
            "value_1st",
            "value_version",
        ];
        assert_eq!(names.map(snake), expected);
    }
}

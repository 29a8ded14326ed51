//! What the user gives for values that no template has, and what of it no template asks for.

use super::stacks::Stacks;
use crate::frontend::text::shorten;
use crate::frontend::{Options, codes};
use meshform_model::diag::Diagnostic;
use meshform_model::validate::closest;
use meshform_model::value::{Node, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What CloudFormation knows of a stack, and a template does not.
const PSEUDO_PARAMETERS: [&str; 7] = [
    "AWS::AccountId",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// A value that only the user can give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MissingValue {
    /// A parameter or pseudo parameter.
    Parameter(String),
    /// An export of a stack that is not among the inputs.
    Import(String),
    /// `LOGICAL.ATTRIBUTE`; what `Ref` gives is the attribute `Ref`.
    Attribute(String),
}

impl MissingValue {
    /// The option of the command that gives the value: `--parameter NAME=VALUE`.
    pub(crate) fn option(&self) -> String {
        let (option, name) = match self {
            MissingValue::Parameter(name) => ("parameter", name),
            MissingValue::Import(name) => ("import", name),
            MissingValue::Attribute(name) => ("attribute", name),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_:/.,@%+-".contains(c);
        match name.chars().all(plain) {
            true => format!("--{option} {name}=VALUE"),
            false => format!("--{option} '{}=VALUE'", name.replace('\'', r"'\''")),
        }
    }
}

/// The options that give an expression its value.
pub(crate) fn how_to_give(node: &Node) -> String {
    let mut all = BTreeSet::new();
    mentions(node, &mut all);
    as_help(&all)
}

/// The options that decide which branch of `Fn::If` is taken, where the template has these conditions.
pub(crate) fn how_to_decide(node: &Node, conditions: &BTreeMap<String, Node>) -> String {
    let mut all = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut pending = vec![node];
    while let Some(node) = pending.pop() {
        let Value::Symbol(symbol) = &node.value else {
            pending.extend(node.as_list().into_iter().flatten());
            continue;
        };
        let argument = symbol.argument.as_ref();
        let condition = match (symbol.function.as_str(), argument.as_list()) {
            ("Fn::If", Some([condition, branches @ ..])) => {
                pending.extend(branches);
                condition.as_str()
            }
            ("Condition", _) => argument.as_str(),
            _ => {
                mentions(node, &mut all);
                pending.push(argument);
                None
            }
        };
        if let Some(declared) = condition.and_then(|name| conditions.get(name))
            && seen.insert(condition)
        {
            pending.push(declared);
        }
    }
    as_help(&all)
}

fn as_help(all: &BTreeSet<MissingValue>) -> String {
    let options: Vec<String> = all.iter().map(|one| format!("`{}`", one.option())).collect();
    match options.is_empty() {
        true => "write the value literally: only CloudFormation can evaluate it".to_owned(),
        false => format!("give it with {}", options.join(" and ")),
    }
}

/// Every name that the expressions below refer to.
fn mentions(node: &Node, all: &mut BTreeSet<MissingValue>) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|item| mentions(item, all)),
        Value::Object(object) => object.iter().for_each(|field| mentions(&field.node, all)),
        Value::Symbol(symbol) => {
            let argument = symbol.argument.as_ref();
            match (symbol.function.as_str(), argument.as_list()) {
                ("Ref", None) => {
                    if let Some(name) = argument.as_str().filter(|name| *name != "AWS::NoValue") {
                        all.insert(MissingValue::Parameter(name.to_owned()));
                    }
                }
                ("Fn::GetAtt", Some(parts)) => {
                    let parts: Vec<&str> = parts.iter().filter_map(Node::as_str).collect();
                    all.insert(MissingValue::Attribute(parts.join(".")));
                }
                ("Fn::ImportValue", None) => match argument.as_str() {
                    Some(name) => drop(all.insert(MissingValue::Import(name.to_owned()))),
                    None => mentions(argument, all),
                },
                ("Fn::Sub", parts) => {
                    let text = parts.and_then(<[Node]>::first).unwrap_or(argument);
                    in_text(text.as_str().unwrap_or_default(), all);
                    mentions(argument, all);
                }
                _ => mentions(argument, all),
            }
        }
        _ => {}
    }
}

fn in_text(text: &str, all: &mut BTreeSet<MissingValue>) {
    let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    for (name, _) in names.filter(|(name, _)| !name.starts_with('!')) {
        all.insert(match name.strip_prefix("ImportValue:") {
            Some(import) => MissingValue::Import(import.to_owned()),
            None if name.contains('.') => MissingValue::Attribute(name.to_owned()),
            None => MissingValue::Parameter(name.to_owned()),
        });
    }
}

/// What was given and no template asks for: each a wrong use of the command.
pub(crate) fn misused(
    options: &Options,
    stacks: &Stacks,
    imports: &BTreeSet<String>,
    placeholders: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    if options.parameters.is_empty() && options.imports.is_empty() && options.attributes.is_empty() {
        return Vec::new();
    }
    let mut mentioned = BTreeSet::new();
    let mut parameters = placeholders.clone();
    let mut resources = BTreeSet::new();
    for template in &stacks.templates {
        mentions(&template.root, &mut mentioned);
        let names = |section| {
            template
                .root
                .get(section)
                .and_then(Node::as_object)
                .into_iter()
                .flatten()
        };
        parameters.extend(names("Parameters").map(|field| field.name.clone()));
        resources.extend(names("Resources").map(|field| field.name.clone()));
    }
    let mut known_imports = imports.clone();
    let mut attributes = BTreeSet::new();
    for one in mentioned {
        match one {
            MissingValue::Attribute(name) => drop(attributes.insert(name)),
            MissingValue::Import(name) => drop(known_imports.insert(name)),
            MissingValue::Parameter(name) if resources.contains(&name) => {
                attributes.insert(format!("{name}.Ref"));
            }
            // A macro may add what the template does not declare; pseudo parameters are declared nowhere.
            MissingValue::Parameter(name) => drop(parameters.insert(name)),
        }
    }
    let groups = [
        ("parameter", &options.parameters, &parameters),
        ("import", &options.imports, &known_imports),
        ("attribute", &options.attributes, &attributes),
    ];
    let mut problems = Vec::new();
    for (what, given, known) in groups {
        let unknown = given.keys().filter(|name| !known.contains(*name));
        let pseudo = |name: &str| what == "parameter" && PSEUDO_PARAMETERS.contains(&name);
        for name in unknown.filter(|name| !pseudo(name)) {
            problems.push(refuse(what, name, known));
        }
    }
    problems
}

fn refuse(what: &str, name: &str, known: &BTreeSet<String>) -> Diagnostic {
    const SHOWN: usize = 10;
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let listed = |names: &[&str]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", shorten(name))).collect();
        quoted.join(", ")
    };
    let help = match (closest(name, &known), known.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => format!("the inputs use no {what}"),
        (None, few) if few.len() <= SHOWN => format!("the inputs use {}", listed(few)),
        (None, many) => format!(
            "the inputs use {} and {} more",
            listed(many.get(..SHOWN).unwrap_or_default()),
            many.len() - SHOWN
        ),
    };
    let message = format!("`--{what} {}=…`: no template uses it", shorten(name));
    Diagnostic::error(codes::UNKNOWN_GIVEN, message).help(help)
}

//! What the expressions of one template can refer to.

use super::expression::{evaluate, parameter_value, scalar, text_of, truth};
use crate::frontend::codes;
use crate::frontend::text::{MAX_BYTES, place, shorten};
use meshform_model::diag::Diagnostic;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::validate::closest;
use meshform_model::value::{Node, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How often expressions may lead to another part of the template in all. No template that a person wrote comes near;
/// one that doubles a text at every step would never end.
const MAX_LEAPS: usize = 50_000;

/// Among how many names the one that was meant is looked for.
const MAX_SUGGESTIONS: usize = 500;

/// The values of one template, found as they are asked for.
pub(crate) struct Scope<'t> {
    template: &'t Node,
    /// By logical id.
    resources: BTreeMap<&'t str, &'t Node>,
    given: &'t BTreeMap<String, String>,
    /// The names that have no value: each is reported once, at its first place.
    missing: BTreeMap<String, Diagnostic>,
    problems: Vec<Diagnostic>,
    /// What was said of which expression.
    told: BTreeMap<Option<(u32, u32, u32)>, BTreeSet<String>>,
    /// Conditions that were judged.
    judged: BTreeMap<String, Option<bool>>,
    /// Conditions and attributes that are being found, to notice those that need themselves.
    open: BTreeSet<String>,
    leaps: usize,
    /// How many bytes expressions have put into the template so far.
    grown: usize,
    /// How many expressions led here.
    pub(super) steps: usize,
}

impl<'t> Scope<'t> {
    pub(crate) fn new(template: &'t Node, given: &'t BTreeMap<String, String>) -> Self {
        let resources = template.get("Resources").and_then(Node::as_object);
        let resources = resources.into_iter().flatten();
        Self {
            template,
            resources: resources
                .map(|field| (field.name.as_str(), &field.node))
                .collect(),
            given,
            missing: BTreeMap::new(),
            problems: Vec::new(),
            told: BTreeMap::new(),
            judged: BTreeMap::new(),
            open: BTreeSet::new(),
            leaps: 0,
            grown: 0,
            steps: 0,
        }
    }

    /// The problems met, in a stable order.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut problems = self.problems;
        problems.extend(self.missing.into_values());
        problems
    }

    /// `Ref`: a parameter's or pseudo parameter's value. The ARN of a resource is not known here.
    pub(super) fn reference(&mut self, name: &str, at: &Node) -> Option<Node> {
        let template = self.template;
        if let Some(parameter) = template.get("Parameters").and_then(|all| all.get(name)) {
            return self.parameter(name, parameter, at);
        }
        if let Some(value) = self.given.get(name) {
            return Some(Node::new(Value::from(value.as_str())));
        }
        if name.starts_with("AWS::") {
            self.miss(name, at, format!("`{name}` has no value here"));
        } else if self.resource(name).is_none() {
            self.lacks((name, at), &["Parameters", "Resources"], "parameter or resource");
        } else {
            self.miss(
                name,
                at,
                format!(
                    "what `Ref` gives for the resource `{}` is known only once it is deployed",
                    shorten(name)
                ),
            );
        }
        None
    }

    fn parameter(&mut self, name: &str, parameter: &Node, at: &Node) -> Option<Node> {
        let kind = parameter.get("Type").and_then(Node::as_str).unwrap_or("String");
        if let Some(text) = self.given.get(name) {
            return Some(Node::new(parameter_value(kind, text)));
        }
        // The default of such a parameter is a name in the Parameter Store.
        let elsewhere = kind.starts_with("AWS::SSM::");
        match parameter.get("Default") {
            Some(default) if !elsewhere => Some(match default.as_str() {
                Some(text) => Node::new(parameter_value(kind, text)),
                None => default.clone(),
            }),
            _ => {
                self.miss(
                    name,
                    at,
                    format!("the parameter `{}` has no value", shorten(name)),
                );
                None
            }
        }
    }

    /// `Fn::GetAtt`: the properties of App Mesh resources that their types give back unchanged.
    pub(super) fn attribute(&mut self, resource: &str, attribute: &str, at: &Node) -> Option<Node> {
        let full = format!("{resource}.{attribute}");
        let Some(found) = self.resource(resource) else {
            self.lacks((resource, at), &["Resources"], "resource");
            return None;
        };
        let kind = found.get("Type").and_then(Node::as_str).unwrap_or_default();
        let own = kind
            .strip_prefix("AWS::AppMesh::")
            .map(|kind| format!("{kind}Name"));
        if own.is_some() && attribute.ends_with("Name") {
            if let Some(name) = found.get("Properties").and_then(|all| all.get(attribute)) {
                return match self.leap(&full, at) {
                    true => {
                        let value = evaluate(name, self);
                        self.open.remove(&full);
                        value
                    }
                    false => None,
                };
            }
            if own.as_deref() == Some(attribute) {
                return Some(Node::new(Value::from(resource)));
            }
        }
        if let Some(kind) = schema::kind_of_cloudformation(kind) {
            let known = attributes(kind);
            if !known.iter().any(|known| known == attribute) {
                let message = format!(
                    "`{}` is of type `{}`, which has no attribute `{}`",
                    shorten(resource),
                    schema::kind(kind).cloudformation,
                    shorten(attribute)
                );
                self.wrong_but(at, message, format!("it has {}", known.join(", ")));
                return None;
            }
        }
        self.miss(
            &full,
            at,
            format!("`{}` is known only once it is deployed", shorten(&full)),
        );
        None
    }

    /// `Fn::FindInMap`: what the template's mappings have. None where a name is not known, or is in no mapping.
    pub(super) fn mapped(&mut self, argument: &Node, at: &Node) -> Option<Node> {
        let (names, default) = match argument.as_list()? {
            [names @ .., options] if options.as_object().is_some() => (names, options.get("DefaultValue")),
            names => (names, None),
        };
        let names: Vec<Option<String>> = names.iter().map(scalar).collect();
        if names.len() != 3 {
            self.wrong(
                at,
                "`Fn::FindInMap` takes the names of a mapping and of two keys".to_owned(),
            );
            return None;
        }
        let mut found = self.template.get("Mappings");
        for name in &names {
            let name = name.as_ref()?;
            let below = found.and_then(|all| all.get(name));
            if below.is_none() && default.is_none() && !self.transformed() {
                let path: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
                let message = format!("the template's mappings have no `{}`", shorten(&path.join(".")));
                let there = found.and_then(Node::as_object).into_iter().flatten();
                let there: Vec<&str> = there.map(|field| field.name.as_str()).collect();
                self.wrong_but(at, message, suggestion(name, &there));
                return None;
            }
            found = below;
        }
        found.or(default).cloned()
    }

    /// Whether a macro goes over the template before it is deployed, which may add what is not there.
    fn transformed(&self) -> bool {
        self.template.get("Transform").is_some()
    }

    /// The template has nothing of that name in these sections.
    fn lacks(&mut self, (name, at): (&str, &Node), sections: &[&str], what: &str) {
        let message = format!("the template has no {what} `{}`", shorten(name));
        if self.transformed() {
            return self.miss(name, at, message);
        }
        let template = self.template;
        let sections = sections
            .iter()
            .filter_map(|section| template.get(section)?.as_object());
        let there: Vec<&str> = sections.flatten().map(|field| field.name.as_str()).collect();
        self.wrong_but(at, message, suggestion(name, &there));
    }

    /// Whether a condition of the template holds, where that is known.
    pub(crate) fn condition(&mut self, name: &str, at: &Node) -> Option<bool> {
        let template = self.template;
        if let Some(known) = self.judged.get(name) {
            return *known;
        }
        let Some(condition) = template.get("Conditions").and_then(|all| all.get(name)) else {
            self.lacks((name, at), &["Conditions"], "condition");
            return None;
        };
        let known = match self.leap(name, at) {
            true => {
                let known = truth(condition, self);
                self.open.remove(name);
                known
            }
            false => None,
        };
        self.judged.insert(name.to_owned(), known);
        known
    }

    /// Goes from an expression to what it names, unless it came from there.
    fn leap(&mut self, name: &str, at: &Node) -> bool {
        self.leaps += 1;
        if self.leaps > MAX_LEAPS {
            self.wrong(at, "too many expressions that lead to others".to_owned());
            return false;
        }
        let first = self.open.insert(name.to_owned());
        if !first {
            self.wrong(
                at,
                format!(
                    "`{}` leads back to itself: the expressions go in a circle",
                    shorten(name)
                ),
            );
        }
        first
    }

    /// Counts what an expression puts in its place. Once that is more than a text may have, nothing more is worked
    /// out: a template of a few lines could fill the memory.
    pub(super) fn grow(&mut self, bytes: usize, at: &Node) {
        let before = self.is_full();
        self.grown = self.grown.saturating_add(bytes);
        if self.is_full() && !before {
            let message = format!("expressions that stand for more than {MAX_BYTES} bytes");
            let mut problem = Diagnostic::error(codes::TOO_LARGE, message)
                .help("no form of a mesh needs that; write shorter values");
            if let Some(span) = at.span {
                problem = problem.at(place(span));
            }
            self.problems.push(problem);
        }
    }

    /// Whether expressions have put in all that they may.
    pub(super) fn is_full(&self) -> bool {
        self.grown > MAX_BYTES
    }

    fn resource(&self, name: &str) -> Option<&'t Node> {
        self.resources.get(name).copied()
    }

    /// An expression that cannot be right.
    pub(super) fn wrong(&mut self, at: &Node, message: String) {
        self.wrong_but(at, message, String::new());
    }

    /// The same, with what would be right.
    fn wrong_but(&mut self, at: &Node, message: String, help: String) {
        let mut problem = Diagnostic::error(codes::BAD_EXPRESSION, message);
        if !help.is_empty() {
            problem = problem.help(help);
        }
        if let Some(span) = at.span {
            problem = problem.at(place(span));
        }
        let place = at.span.map(|span| (span.source, span.start, span.end));
        if self
            .told
            .entry(place)
            .or_default()
            .insert(problem.message.clone())
        {
            self.problems.push(problem);
        }
    }

    /// A function that gave no value. Where that is for a name within, or the function is wrong, that has been reported.
    pub(super) fn unknown(&mut self, at: &Node, function: &str, argument: &Node) {
        let place = at.span.map(|span| (span.source, span.start, span.end));
        if !argument.is_wholly_known() || place.is_some() && self.told.contains_key(&place) {
            return;
        }
        let shown = match &argument.value {
            Value::String(text) => format!(" `{}`", shorten(text)),
            _ => String::new(),
        };
        self.miss(
            &format!("{function}{shown}"),
            at,
            format!("the value of `{function}`{shown} is not known here"),
        );
    }

    fn miss(&mut self, name: &str, at: &Node, message: String) {
        if self.missing.contains_key(name) {
            return;
        }
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':');
        let mut problem = Diagnostic::warning(codes::NO_VALUE, message);
        problem = match plain {
            true => problem.help(format!("give it with `--parameter {name}=VALUE`")),
            false => problem.help("it stays an expression in what is read"),
        };
        if let Some(span) = at.span {
            problem = problem.at(place(span));
        }
        self.missing.insert(name.to_owned(), problem);
    }
}

/// What a wrong name was probably meant to be; empty where nothing is near.
fn suggestion(name: &str, there: &[&str]) -> String {
    // Comparing is slow, and who has thousands of names has not one in mind.
    let there = there.get(..MAX_SUGGESTIONS.min(there.len())).unwrap_or_default();
    closest(name, there).map_or_else(String::new, |near| format!("did you mean `{near}`?"))
}

/// What `Fn::GetAtt` gives of a resource of App Mesh.
fn attributes(kind: Kind) -> Vec<String> {
    let own = schema::kind(kind).key.iter().map(|name| {
        let mut letters = name.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect()
    });
    let all = ["Arn", "Id", "MeshOwner", "ResourceOwner", "Uid"].map(str::to_owned);
    own.chain(all).collect()
}

/// Every symbol below as a text in the notation of `Fn::Sub`.
pub(crate) fn as_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Symbol(symbol) => Some(text_of(symbol)),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_text().to_owned()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

//! What the expressions of templates can refer to.

mod exports;
mod problems;

use super::constraints;
use super::expression::{MAX_STEPS, evaluate, parameter_value, scalar, text_of};
use super::given::MissingValue;
use super::known;
use super::stacks::Stacks;
use crate::frontend::text::{MAX_BYTES, place, shorten};
use crate::frontend::{Options, codes};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Value};
use problems::{NameUse, suggestion};
use std::collections::{BTreeMap, BTreeSet};

/// How often expressions may lead to another part of the template in all, beside so many times for each resource. No
/// template that a person wrote comes near; one that doubles a text at every step would never end.
const MAX_LEAPS: usize = 50_000;
const LEAPS_OF_A_RESOURCE: usize = 20;

/// A name in a stack.
type InStack = (usize, String);

/// The values of the templates, found as they are asked for.
pub(crate) struct TemplateScope<'t> {
    stacks: &'t Stacks,
    /// The resources of each template, by logical id.
    resources: Vec<BTreeMap<&'t str, &'t Node>>,
    options: &'t Options,
    /// The stack whose expressions are being worked out.
    stack: usize,
    /// The outputs that stacks export, by the name of the export; found when the first is asked for.
    exports: Option<BTreeMap<String, (usize, &'t Node)>>,
    /// The names of exports that were asked for.
    pub(crate) imports: BTreeSet<String>,
    /// The names that have no value: each is reported once, at its first place.
    missing: BTreeMap<String, Diagnostic>,
    problems: Vec<Diagnostic>,
    /// What was said of which expression.
    told: BTreeMap<Option<(u32, u32, u32)>, BTreeSet<String>>,
    /// Whether conditions hold, as far as they were asked for; `None` where that cannot be told.
    judged: BTreeMap<InStack, Option<bool>>,
    /// Conditions and attributes that are being found, to notice those that need themselves.
    open: BTreeSet<InStack>,
    leaps: usize,
    /// How many bytes expressions have put into the template so far.
    grown: usize,
    /// How many expressions led here.
    pub(super) steps: usize,
}

impl<'t> TemplateScope<'t> {
    pub(crate) fn new(stacks: &'t Stacks, options: &'t Options) -> Self {
        let resources = stacks.templates.iter().map(|template| {
            let all = template.root.get("Resources").and_then(Node::as_object);
            let all = all.into_iter().flatten();
            all.map(|field| (field.name.as_str(), &field.node)).collect()
        });
        Self {
            stacks,
            resources: resources.collect(),
            options,
            stack: 0,
            exports: None,
            imports: BTreeSet::new(),
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

    /// Turns to a stack. What templates may cost is counted for each outermost one anew.
    pub(crate) fn enter(&mut self, stack: usize) {
        let nested = self
            .stacks
            .stacks
            .get(stack)
            .is_some_and(|stack| stack.parent.is_some());
        if !nested {
            (self.leaps, self.grown) = (0, 0);
        }
        self.stack = stack;
    }

    /// The stack that is turned to.
    pub(super) fn stack(&self) -> usize {
        self.stack
    }

    /// Turns to a stack within the work on another; gives that one.
    pub(super) fn turn(&mut self, stack: usize) -> usize {
        std::mem::replace(&mut self.stack, stack)
    }

    /// Whether one more expression may be gone into.
    pub(super) fn step(&mut self) -> bool {
        let may = self.steps < MAX_STEPS && !self.is_full();
        self.steps += usize::from(may);
        may
    }

    pub(super) fn step_back(&mut self) {
        self.steps -= 1;
    }

    pub(super) fn given_attribute(&self, full: &str) -> Option<String> {
        self.options.attributes.get(full).cloned()
    }

    pub(super) fn given_import(&self, name: &str) -> Option<String> {
        self.options.imports.get(name).cloned()
    }

    /// The stack that a resource of this one nests.
    pub(super) fn child(&self, resource: &str) -> Option<usize> {
        self.stacks
            .stacks
            .get(self.stack)?
            .children
            .get(resource)
            .copied()
    }

    /// Works something out in another stack.
    fn within<T>(&mut self, stack: usize, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.stack, stack);
        let result = work(self);
        self.stack = before;
        result
    }

    pub(super) fn section(&self, name: &str) -> Option<&'t Node> {
        self.stacks.root_of(self.stack)?.get(name)
    }

    /// The value of an expression that stands elsewhere, unless the way there is a circle.
    fn follow(&mut self, name: &str, node: &Node, at: &Node) -> Option<Node> {
        if !self.leap(name, at) {
            return None;
        }
        let value = evaluate(node, self);
        self.leap_back(name);
        value
    }

    /// `Ref`: a parameter's or pseudo parameter's value, or what a resource's name gives.
    pub(super) fn reference(&mut self, name: &str, at: &Node) -> Option<Node> {
        if let Some(parameter) = self.section("Parameters").and_then(|all| all.get(name)) {
            return self.parameter(name, parameter, at);
        }
        if let Some(value) = self.given(name) {
            return Some(Node::new(Value::from(value)));
        }
        if name.starts_with("AWS::") {
            let found = self.pseudo(name);
            if found.is_none() {
                let wanted = MissingValue::Parameter(name.to_owned());
                self.miss(wanted, at, format!("`{}` has no value here", shorten(name)));
            }
            return found;
        }
        if self.resource(name).is_none() {
            let wanted = MissingValue::Parameter(name.to_owned());
            self.lacks(name, at, &NameUse::NAME, Some(wanted));
            return None;
        }
        let full = format!("{name}.Ref");
        let found = self.follows(name, "Ref", at);
        if found.is_none() {
            let message = format!(
                "what `Ref` gives for the resource `{}` is known only once it is deployed",
                shorten(name)
            );
            self.miss(MissingValue::Attribute(full), at, message);
        }
        found
    }

    /// A parameter that the deployment or the user gives.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        let mut stack = self.stacks.stacks.get(self.stack);
        let user = self.options.parameters.get(name);
        if user.is_some() {
            return user.cloned();
        }
        // A nested stack is where the outermost one is.
        while let Some((parent, _)) = stack.and_then(|stack| stack.parent.as_ref()) {
            if !name.starts_with("AWS::") {
                return None;
            }
            stack = self.stacks.stacks.get(*parent);
        }
        stack?.values.get(name).cloned()
    }

    /// Pseudo parameters that follow from the region.
    pub(super) fn pseudo(&self, name: &str) -> Option<Node> {
        let region = self.given("AWS::Region")?;
        let china = region.starts_with("cn-");
        Some(Node::new(Value::from(match name {
            "AWS::Partition" if china => "aws-cn",
            "AWS::Partition" if region.starts_with("us-gov-") => "aws-us-gov",
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" if china => "amazonaws.com.cn",
            "AWS::URLSuffix" => "amazonaws.com",
            _ => return None,
        })))
    }

    fn parameter(&mut self, name: &str, parameter: &Node, at: &Node) -> Option<Node> {
        let kind = parameter.get("Type").and_then(Node::as_str).unwrap_or("String");
        let typed = |node: Node| match node.as_str() {
            Some(text) => Node::new(parameter_value(kind, text)),
            None => node,
        };
        if let Some((parent, value)) = self.passed(name) {
            let label = format!("{}:{name}", self.stack);
            let passed = self.within(parent, |scope| scope.follow(&label, value, at))?;
            if let Some(text) = scalar(&passed) {
                self.constrained(name, parameter, &text);
            }
            return Some(typed(passed));
        }
        if let Some(text) = self.given(name) {
            self.constrained(name, parameter, &text);
            return Some(Node::new(parameter_value(kind, &text)));
        }
        // The default of such a parameter is a name in the Parameter Store.
        let elsewhere = kind.starts_with("AWS::SSM::");
        match parameter.get("Default") {
            Some(default) if !elsewhere => Some(typed(default.clone())),
            _ => {
                let message = format!("the parameter `{}` has no value", shorten(name));
                self.miss(MissingValue::Parameter(name.to_owned()), at, message);
                None
            }
        }
    }

    /// Holds a parameter's value against what its declaration allows.
    fn constrained(&mut self, name: &str, parameter: &Node, text: &str) {
        if let Some((constraint, problem)) = constraints::broken(name, parameter, text) {
            self.tell(constraint, problem);
        }
    }

    /// What the stack that nests this one gives for a parameter.
    pub(super) fn passed(&self, name: &str) -> Option<(usize, &'t Node)> {
        let (parent, id) = self.stacks.stacks.get(self.stack)?.parent.as_ref()?;
        let properties = self
            .stacks
            .root_of(*parent)?
            .get("Resources")?
            .get(id)?
            .get("Properties")?;
        Some((*parent, properties.get("Parameters")?.get(name)?))
    }

    /// `Fn::GetAtt`: what follows from the properties that the template writes, and outputs of nested stacks.
    pub(super) fn attribute(&mut self, resource: &str, attribute: &str, at: &Node) -> Option<Node> {
        let full = format!("{resource}.{attribute}");
        if let Some(value) = self.options.attributes.get(&full) {
            return Some(Node::new(Value::from(value.as_str())));
        }
        let Some(found) = self.resource(resource) else {
            self.lacks(
                resource,
                at,
                &NameUse::RESOURCE,
                Some(MissingValue::Attribute(full)),
            );
            return None;
        };
        let child = self
            .stacks
            .stacks
            .get(self.stack)
            .and_then(|stack| stack.children.get(resource));
        if let (Some(child), Some(output)) = (child, attribute.strip_prefix("Outputs.")) {
            return self.output(*child, output, at);
        }
        let kind = found.get("Type").and_then(Node::as_str).unwrap_or_default();
        let own = schema::kind_of_cloudformation(kind).map(|kind| kind.name_field(Dialect::CloudFormation));
        if own.is_some() && attribute.ends_with("Name") {
            if let Some(name) = found.get("Properties").and_then(|all| all.get(attribute)) {
                return self.follow(&full, name, at);
            }
            if own == Some(attribute) {
                return Some(Node::new(Value::from(resource)));
            }
        }
        if let Some(kind) = schema::kind_of_cloudformation(kind) {
            let known = attributes(kind);
            if !known.iter().any(|known| known == attribute) {
                let message = format!(
                    "`{}` is of type `{}`, which has no attribute `{}`",
                    shorten(resource),
                    schema::kind(kind).type_in(Dialect::CloudFormation),
                    shorten(attribute)
                );
                self.wrong_but(at, message, format!("it has {}", known.join(", ")));
                return None;
            }
        }
        let follows = self.follows(resource, attribute, at);
        if follows.is_none() {
            let message = format!("`{}` is known only once it is deployed", shorten(&full));
            self.miss(MissingValue::Attribute(full), at, message);
        }
        follows
    }

    /// A value that follows from the properties of a resource. Nothing where it has none or is not known.
    fn follows(&mut self, resource: &str, attribute: &str, at: &Node) -> Option<Node> {
        let full = format!("{resource}.{attribute}");
        if let Some(value) = self.options.attributes.get(&full) {
            return Some(Node::new(Value::from(value.as_str())));
        }
        let mut expression = known::expression(resource, self.resource(resource)?, attribute)?;
        expression.span = at.span;
        self.follow(&full, &expression, at)
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
        let mut found = self.section("Mappings");
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
        self.section("Transform").is_some()
    }

    /// Whether a condition of the template holds, where that is known.
    pub(crate) fn condition(&mut self, name: &str, at: &Node) -> Option<bool> {
        let key = (self.stack, name.to_owned());
        if let Some(known) = self.judged.get(&key) {
            return *known;
        }
        let Some(condition) = self.section("Conditions").and_then(|all| all.get(name)) else {
            self.lacks(name, at, &NameUse::CONDITION, None);
            return None;
        };
        let known = match self.leap(name, at) {
            true => {
                let value = evaluate(condition, self).map(|value| value.value);
                self.open.remove(&key);
                match value {
                    Some(Value::Bool(known)) => Some(known),
                    Some(Value::Symbol(_)) => None,
                    _ => {
                        let message =
                            format!("the condition `{}` is not a condition function", shorten(name));
                        let help =
                            "a condition is `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` or `Condition`";
                        self.wrong_but(condition, message, help.to_owned());
                        None
                    }
                }
            }
            false => None,
        };
        self.judged.insert(key, known);
        known
    }

    /// Whether a stack is made: all are but those that a resource nests whose condition is known not to hold.
    pub(crate) fn deployed(&mut self, stack: usize) -> bool {
        let stacks = self.stacks;
        let mut at = stack;
        while let Some((parent, id)) = stacks.stacks.get(at).and_then(|stack| stack.parent.as_ref()) {
            let made = self.within(*parent, |scope| {
                let nesting = scope.resource(id)?;
                let condition = nesting.get("Condition").and_then(Node::as_str)?;
                // A condition that is just being found may have led here, by an export that it needs.
                if scope.open.contains(&(*parent, condition.to_owned())) {
                    return None;
                }
                scope.condition(condition, nesting)
            });
            if made == Some(false) {
                return false;
            }
            at = *parent;
        }
        true
    }

    /// Goes from an expression to what it names, unless it came from there.
    pub(super) fn leap(&mut self, name: &str, at: &Node) -> bool {
        let resources: usize = self.resources.iter().map(BTreeMap::len).sum();
        let most = MAX_LEAPS.saturating_add(resources.saturating_mul(LEAPS_OF_A_RESOURCE));
        self.leaps += 1;
        if self.leaps > most {
            // Said once: all that follow are as many as the template has expressions.
            if self.leaps == most.saturating_add(1) {
                self.wrong(at, "too many expressions that refer to others".to_owned());
            }
            return false;
        }
        let first = self.open.insert((self.stack, name.to_owned()));
        if !first {
            self.wrong(
                at,
                format!(
                    "`{}` refers to itself: the expressions are circular",
                    shorten(name)
                ),
            );
        }
        first
    }

    /// Returns to the stack that referred there.
    pub(super) fn leap_back(&mut self, name: &str) {
        self.open.remove(&(self.stack, name.to_owned()));
    }

    /// Counts what an expression puts in its place. Once that is more than a text may have, nothing more is worked
    /// out: a template of a few lines could fill the memory.
    pub(super) fn grow(&mut self, bytes: usize, at: &Node) {
        let before = self.is_full();
        self.grown = self.grown.saturating_add(bytes);
        if self.is_full() && !before {
            let message = format!("expressions that expand to more than {MAX_BYTES} bytes");
            let mut problem =
                Diagnostic::error(codes::TOO_LARGE, message).help("write shorter values; no mesh needs that");
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

    pub(super) fn resource(&self, name: &str) -> Option<&'t Node> {
        let template = self.stacks.stacks.get(self.stack)?.template;
        self.resources.get(template)?.get(name).copied()
    }
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

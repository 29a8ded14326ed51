//! What stacks give one another: outputs of nested stacks, and exports.

use super::TemplateScope;
use super::problems::NameUse;
use crate::frontend::cloudformation::expression::{evaluate, scalar};
use crate::frontend::cloudformation::given::MissingValue;
use crate::frontend::codes;
use crate::frontend::text::{place, shorten};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Node, Span, Value};
use std::collections::BTreeMap;

impl<'t> TemplateScope<'t> {
    /// The output of a nested stack.
    pub(super) fn output(&mut self, stack: usize, name: &str, at: &Node) -> Option<Node> {
        self.within(stack, |scope| {
            let Some(output) = scope.section("Outputs").and_then(|all| all.get(name)) else {
                scope.lacks(name, at, &NameUse::OUTPUT, None);
                return None;
            };
            let value = output.get("Value")?;
            scope.follow(&format!("Outputs.{name}"), value, at)
        })
    }

    /// `Fn::ImportValue`: what was given, or what a stack of the inputs exports.
    pub(in crate::frontend::cloudformation) fn import(&mut self, name: &str, at: &Node) -> Option<Node> {
        self.imports.insert(name.to_owned());
        if let Some(value) = self.options.imports.get(name) {
            return Some(Node::new(Value::from(value.as_str())));
        }
        if self.exports.is_none() {
            // Names of exports that depend on imports are not looked for.
            self.exports = Some(BTreeMap::new());
            self.exports = Some(self.find_exports());
        }
        let found = self
            .exports
            .as_ref()
            .and_then(|exports| exports.get(name))
            .copied();
        let Some((stack, value)) = found else {
            let message = format!("no stack of the inputs exports `{}`", shorten(name));
            self.miss(MissingValue::Import(name.to_owned()), at, message);
            return None;
        };
        self.within(stack, |scope| scope.follow(&format!("export {name}"), value, at))
    }

    /// The stack that exports a name, and the output's value.
    pub(in crate::frontend::cloudformation) fn export(&mut self, name: &str) -> Option<(usize, &'t Node)> {
        if self.exports.is_none() {
            // Names of exports that depend on imports are not looked for.
            self.exports = Some(BTreeMap::new());
            self.exports = Some(self.find_exports());
        }
        self.exports
            .as_ref()
            .and_then(|exports| exports.get(name))
            .copied()
    }

    fn find_exports(&mut self) -> BTreeMap<String, (usize, &'t Node)> {
        let mut exports: BTreeMap<String, (usize, &'t Node)> = BTreeMap::new();
        for stack in 0..self.stacks.stacks.len() {
            let found = self.within(stack, |scope| scope.exports_of());
            for (name, span, value) in found {
                let first = exports.entry(name.clone()).or_insert((stack, value));
                if first.0 != stack || !std::ptr::eq(first.1, value) {
                    let message = format!("two stacks export `{}`; the first is used", shorten(&name));
                    let mut problem = Diagnostic::warning(codes::DUPLICATE_KEY, message).help(
                        "give only one of the two templates: an export name is unique in CloudFormation",
                    );
                    for span in [span, first.1.span].into_iter().flatten() {
                        problem = problem.at(place(span));
                    }
                    self.problems.push(problem);
                }
            }
        }
        exports
    }

    /// The exports of the stack that is turned to, with the place of each name.
    fn exports_of(&mut self) -> Vec<(String, Option<Span>, &'t Node)> {
        let mut found = Vec::new();
        let outputs = self.section("Outputs").and_then(Node::as_object);
        for field in outputs.into_iter().flatten() {
            let name = field.node.get("Export").and_then(|export| export.get("Name"));
            let (Some(name), Some(value)) = (name, field.node.get("Value")) else {
                continue;
            };
            // Asked only where something is exported: a condition may need values that nobody needs otherwise.
            if !self.deployed(self.stack) {
                return Vec::new();
            }
            if let Some(condition) = field.node.get("Condition").and_then(Node::as_str)
                && self.condition(condition, &field.node) == Some(false)
            {
                continue;
            }
            if let Some(text) = evaluate(name, self).as_ref().and_then(scalar) {
                found.push((text, name.span, value));
            }
        }
        found
    }
}

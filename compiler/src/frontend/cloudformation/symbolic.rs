//! Templates with their expressions kept: what `convert` writes for people who go on with templates or modules.
//!
//! Parameters, mappings, conditions and imports stay what they are; what was given, and what another stack of the inputs
//! has, takes their place. Stacks that are nested or stand side by side become one: names that clash get a number.

mod expressions;
mod templates;

pub(super) use expressions::expression;
pub(crate) use templates::ReadTemplates;

use super::expression::{evaluate, parameter_value, scalar, size};
use super::known;
use super::scope::TemplateScope;
use super::stacks::Stacks;
use super::sub;
use crate::frontend::found;
use expressions::{foldable, free, is_no_value, mesh_kind, references};
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Object, Span, Symbol as Expression, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Templates as one, with their expressions.
#[derive(Debug, Clone, Default)]
pub struct Symbolic {
    /// The declarations of the parameters that are used.
    pub parameters: BTreeMap<String, Node>,
    /// The mappings that are used.
    pub mappings: BTreeMap<String, Node>,
    /// The conditions that are used.
    pub conditions: BTreeMap<String, Node>,
    /// The outputs that tell of the mesh.
    pub outputs: BTreeMap<String, Node>,
    /// The resources of the mesh.
    pub resources: Vec<SymbolicResource>,
    /// Whether an expression needs the transform `AWS::LanguageExtensions`.
    pub extended: bool,
}

/// A resource of a template with its expressions.
#[derive(Debug, Clone)]
pub struct SymbolicResource {
    pub id: String,
    pub kind: Kind,
    /// Which resource it is with what is known; none of one that a condition leaves out.
    pub key: Option<ResourceKey>,
    /// What stands beside the properties: its condition, its policies, its metadata.
    pub attributes: Object,
    /// The properties, in CloudFormation's form.
    pub properties: Node,
    pub span: Option<Span>,
}

impl SymbolicResource {
    /// The resource in canonical form, as far as its expressions allow one.
    pub(crate) fn canonical(&self) -> Node {
        let (mut canonical, _) = dialect::to_canonical(self.kind, Dialect::CloudFormation, &self.properties);
        found::fit(schema::kind(self.kind).root, &mut canonical, false);
        let metadata = self.attributes.get("Metadata");
        if let (Some(extensions), Value::Object(object)) = (
            metadata.and_then(|all| all.get(super::METADATA)),
            &mut canonical.value,
        ) {
            object.set("extensions", extensions.clone());
        }
        canonical
    }
}

/// Which resources of the stacks are which.
pub(crate) type Keys = BTreeMap<(usize, String), ResourceKey>;

/// The stacks with their expressions.
fn keep<'t>(
    stacks: &'t Stacks,
    scope: &mut TemplateScope<'t>,
    keys: &Keys,
    mesh: Option<&str>,
    each: &mut dyn FnMut(SymbolicResource),
) -> Symbolic {
    let mut keeper = SymbolicReader {
        stacks,
        mesh,
        each,
        scope,
        out: Symbolic::default(),
        names: BTreeMap::new(),
        ids: BTreeMap::new(),
    };
    keeper.name_resources();
    for stack in 0..stacks.stacks.len() {
        keeper.scope.enter(stack);
        keeper.stack(keys);
    }
    keeper.out
}

struct SymbolicReader<'k, 't> {
    stacks: &'t Stacks,
    /// The only mesh that is wanted.
    mesh: Option<&'k str>,
    /// Takes each resource.
    each: &'k mut dyn FnMut(SymbolicResource),
    scope: &'k mut TemplateScope<'t>,
    out: Symbolic,
    /// The name in the result of what a section of a stack has.
    names: BTreeMap<(&'static str, usize, String), String>,
    /// The logical id in the result.
    ids: BTreeMap<(usize, String), String>,
}

impl<'t> SymbolicReader<'_, 't> {
    /// Gives every resource of the mesh its logical id.
    fn name_resources(&mut self) {
        let mut taken: BTreeMap<String, ()> = BTreeMap::new();
        for stack in 0..self.stacks.stacks.len() {
            let resources = self.stacks.root_of(stack).and_then(|root| root.get("Resources"));
            for field in resources.and_then(Node::as_object).into_iter().flatten() {
                if mesh_kind(&field.node).is_none() {
                    continue;
                }
                let id = free(&field.name, |name| taken.contains_key(name));
                taken.insert(id.clone(), ());
                self.ids.insert((stack, field.name.clone()), id);
            }
        }
    }

    fn stack(&mut self, keys: &Keys) {
        let stack = self.scope.stack();
        let Some(root) = self.stacks.root_of(stack) else {
            return;
        };
        let resources = root.get("Resources").and_then(Node::as_object);
        for field in resources.into_iter().flatten() {
            let Some(kind) = mesh_kind(&field.node) else {
                continue;
            };
            let key = keys.get(&(stack, field.name.clone()));
            if self
                .mesh
                .is_some_and(|mesh| key.is_none_or(|key| key.mesh != mesh))
            {
                continue;
            }
            let mut attributes = Object::new();
            match self.made(&field.node) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(name) => drop(attributes.set("Condition", Node::new(Value::from(name)))),
            }
            for name in ["DeletionPolicy", "UpdateReplacePolicy", "Metadata"] {
                if let Some(node) = field.node.get(name) {
                    attributes.set(name, self.node(node));
                }
            }
            let own = kind.name_field(Dialect::CloudFormation);
            let mut properties = match field.node.get("Properties") {
                Some(properties) => self.node(properties),
                None => Node::new(Value::Object(Object::new())),
            };
            if let Value::Object(object) = &mut properties.value
                && object.get(own).is_none()
            {
                object.set(own, Node::new(Value::from(field.name.as_str())));
            }
            if let Some(node) = field.node.get("DependsOn") {
                let names = self.depended(node, &properties);
                if !names.is_empty() {
                    attributes.set("DependsOn", Node::new(Value::List(names)));
                }
            }
            (self.each)(SymbolicResource {
                id: self
                    .ids
                    .get(&(stack, field.name.clone()))
                    .cloned()
                    .unwrap_or_default(),
                kind,
                key: key.cloned(),
                attributes,
                properties,
                span: field.name_span,
            });
        }
        self.outputs(root);
    }

    /// The resources of the mesh on which another depends without naming them.
    fn depended(&self, names: &Node, properties: &Node) -> Vec<Node> {
        let mut named = BTreeSet::new();
        references(properties, &mut |id| {
            named.insert(id.to_owned());
        });
        let names = names.as_list().unwrap_or(std::slice::from_ref(names));
        let ids = names
            .iter()
            .filter_map(|name| self.ids.get(&(self.scope.stack(), name.as_str()?.to_owned())));
        ids.filter(|id| !named.contains(*id))
            .map(|id| Node::new(Value::from(id.as_str())))
            .collect()
    }

    /// The outputs that name a resource of the mesh and nothing that is not in the result.
    fn outputs(&mut self, root: &Node) {
        for field in root
            .get("Outputs")
            .and_then(Node::as_object)
            .into_iter()
            .flatten()
        {
            let Some(value) = field.node.get("Value") else {
                continue;
            };
            let stack = self.scope.stack();
            let mut of_mesh = false;
            let mut of_others = false;
            references(
                value,
                &mut |name| match self.ids.contains_key(&(stack, name.to_owned())) {
                    true => of_mesh = true,
                    false => of_others |= root.get("Resources").is_some_and(|all| all.get(name).is_some()),
                },
            );
            if !of_mesh || of_others {
                continue;
            }
            let made = self.made(&field.node);
            if made == Ok(false) {
                continue;
            }
            let mut kept = self.node(&field.node);
            if let Value::Object(object) = &mut kept.value {
                match made {
                    Err(name) => drop(object.set("Condition", Node::new(Value::from(name)))),
                    Ok(_) => drop(object.remove("Condition")),
                }
            }
            self.declare("Outputs", &field.name, kept);
        }
    }

    /// Whether a resource or an output is made, or the name of the condition for it. As the stacks become one, the
    /// conditions of the resources that nest its stack are its own too.
    fn made(&mut self, node: &Node) -> Result<bool, String> {
        let stack = self.scope.stack();
        let nested = self.stacks.stacks.get(stack).and_then(|s| s.parent.as_ref());
        let mut outer = Ok(true);
        if let Some((parent, id)) = nested {
            self.scope.turn(*parent);
            if let Some(nesting) = self.scope.resource(id) {
                outer = self.made(nesting);
            }
            self.scope.turn(stack);
        }
        let own = match node.get("Condition").and_then(Node::as_str) {
            Some(name) if outer != Ok(false) => self.condition(name, node),
            _ => Ok(true),
        };
        match (outer, own) {
            (Ok(false), _) | (_, Ok(false)) => Ok(false),
            (Ok(true), one) | (one, Ok(true)) => one,
            (Err(outer), Err(own)) if outer == own => Err(own),
            (Err(outer), Err(own)) => Err(self.both(&outer, &own)),
        }
    }

    /// The name of a condition that holds where two of the result do.
    fn both(&mut self, first: &str, second: &str) -> String {
        let parts = [first, second].map(|name| Node::new(expression("Condition", Value::from(name))));
        let node = Node::new(expression("Fn::And", Value::List(parts.to_vec())));
        let json = node.to_json();
        let there = &mut self.out.conditions;
        let name = free(&format!("{first}And{second}"), |name| {
            there.get(name).is_some_and(|there| there.to_json() != json)
        });
        there.insert(name.clone(), node);
        name
    }

    /// A node with its expressions.
    fn node(&mut self, node: &Node) -> Node {
        if !self.scope.step() {
            return node.clone();
        }
        let value = match &node.value {
            Value::List(list) => {
                let mut out = Vec::with_capacity(list.len());
                let kept = list.iter().map(|item| self.node(item));
                out.extend(kept.filter(|item| !is_no_value(item)));
                Value::List(out)
            }
            Value::Object(object) => {
                let mut out = Object::new();
                for field in object {
                    let node = self.node(&field.node);
                    if !is_no_value(&node) {
                        out.push(field.with(node));
                    }
                }
                Value::Object(out)
            }
            Value::Symbol(symbol) => {
                let value = self.symbol(symbol, node);
                self.scope.grow(size(&value), node);
                value
            }
            other => other.clone(),
        };
        self.scope.step_back();
        Node {
            value,
            span: node.span,
        }
    }

    fn symbol(&mut self, symbol: &Expression, node: &Node) -> Value {
        let argument = symbol.argument.as_ref();
        match (symbol.function.as_str(), argument.as_list()) {
            ("Ref", _) => match argument.as_str() {
                Some(name) => self.reference(name, node),
                None => node.value.clone(),
            },
            ("Fn::GetAtt", Some(parts)) => {
                let parts: Vec<&str> = parts.iter().filter_map(Node::as_str).collect();
                match parts.as_slice() {
                    [resource, attribute] => self.attribute(resource, attribute, node),
                    _ => node.value.clone(),
                }
            }
            ("Condition", _) => match argument.as_str().map(|name| self.condition(name, node)) {
                Some(Ok(known)) => Value::Bool(known),
                Some(Err(name)) => expression("Condition", Value::from(name)),
                None => node.value.clone(),
            },
            ("Fn::If", Some([condition, then, otherwise])) => {
                let decided = condition.as_str().map(|name| self.condition(name, node));
                match decided {
                    Some(Ok(true)) => self.node(then).value,
                    Some(Ok(false)) => self.node(otherwise).value,
                    Some(Err(name)) => {
                        let parts = vec![
                            Node::new(Value::from(name)),
                            self.node(then),
                            self.node(otherwise),
                        ];
                        expression("Fn::If", Value::List(parts))
                    }
                    None => node.value.clone(),
                }
            }
            ("Fn::Sub", _) => self.substitute(argument, node),
            ("Fn::ImportValue", _) => self.import(argument, node),
            ("Fn::FindInMap", Some([name, keys @ ..])) => {
                let mut parts = vec![self.mapping(name)];
                parts.extend(keys.iter().map(|key| self.node(key)));
                expression("Fn::FindInMap", Value::List(parts))
            }
            (function, _) => {
                self.out.extended |= matches!(function, "Fn::Length" | "Fn::ToJsonString" | "Fn::ForEach");
                let kept = expression(function, self.node(argument).value);
                self.folded(Node {
                    value: kept,
                    span: node.span,
                })
            }
        }
    }

    /// An expression of which every part is known is its value.
    fn folded(&mut self, node: Node) -> Value {
        match &node.value {
            Value::Symbol(symbol) if symbol.argument.is_wholly_known() && foldable(&symbol.function) => {
                evaluate(&node, self.scope).map_or(Value::Null, |node| node.value)
            }
            _ => node.value,
        }
    }

    fn reference(&mut self, name: &str, at: &Node) -> Value {
        if let Some(declared) = self.scope.section("Parameters").and_then(|all| all.get(name)) {
            let kind = declared.get("Type").and_then(Node::as_str).unwrap_or("String");
            if let Some((parent, value)) = self.scope.passed(name) {
                // Siblings have parameters of the same name: it is this stack's.
                let label = format!("{}:{name}", self.scope.stack());
                let kept = self.within(parent, value, &label);
                return match kept.as_str() {
                    Some(text) => parameter_value(kind, text),
                    None => kept.value,
                };
            }
            if let Some(text) = self.scope.given(name) {
                return parameter_value(kind, &text);
            }
            let name = self.declare("Parameters", name, declared.clone());
            return expression("Ref", Value::from(name));
        }
        if let Some(id) = self.ids.get(&(self.scope.stack(), name.to_owned())) {
            return expression("Ref", Value::from(id.as_str()));
        }
        if let Some(text) = self.scope.given(name) {
            return Value::from(text);
        }
        if name.starts_with("AWS::") {
            let found = self.scope.pseudo(name);
            return found.map_or_else(|| at.value.clone(), |found| found.value);
        }
        self.attribute(name, "Ref", at)
    }

    fn attribute(&mut self, resource: &str, attribute: &str, at: &Node) -> Value {
        let full = format!("{resource}.{attribute}");
        if let Some(value) = self.scope.given_attribute(&full) {
            return Value::from(value);
        }
        if let Some(id) = self.ids.get(&(self.scope.stack(), resource.to_owned())) {
            let parts = [id.as_str(), attribute].map(|part| Node::new(Value::from(part)));
            return expression("Fn::GetAtt", Value::List(parts.to_vec()));
        }
        if let (Some(child), Some(output)) = (self.scope.child(resource), attribute.strip_prefix("Outputs."))
        {
            let value = self
                .stacks
                .root_of(child)
                .and_then(|root| root.get("Outputs")?.get(output)?.get("Value"));
            if let Some(value) = value {
                return self.within(child, value, &full).value;
            }
        }
        let Some(found) = self.scope.resource(resource) else {
            return at.value.clone();
        };
        if let Some(follows) = known::expression(resource, found, attribute)
            && self.scope.leap(&full, at)
        {
            let value = self.node(&follows).value;
            self.scope.leap_back(&full);
            return value;
        }
        // The resource is no part of the result: what it gives becomes a parameter.
        let name: String = full.chars().filter(char::is_ascii_alphanumeric).collect();
        let kind = found.get("Type").and_then(Node::as_str).unwrap_or("a resource");
        let description = match attribute {
            "Ref" => format!("What Ref gives of {resource} ({kind})"),
            _ => format!("{attribute} of {resource} ({kind})"),
        };
        let mut declared = Object::new();
        declared.set("Type", Node::new(Value::from("String")));
        declared.set("Description", Node::new(Value::from(description)));
        let name = self.declare("Parameters", &name, Node::new(Value::Object(declared)));
        expression("Ref", Value::from(name))
    }

    fn import(&mut self, argument: &Node, at: &Node) -> Value {
        let name = evaluate(argument, self.scope).as_ref().and_then(scalar);
        if let Some(name) = &name {
            if let Some(value) = self.scope.given_import(name) {
                return Value::from(value);
            }
            if let Some((stack, value)) = self.scope.export(name) {
                return self.within(stack, value, &format!("export {name}")).value;
            }
        }
        let kept = self.node(argument);
        match kept.value {
            Value::Null => at.value.clone(),
            value => expression("Fn::ImportValue", value),
        }
    }

    /// The name of a mapping in the result.
    fn mapping(&mut self, name: &Node) -> Node {
        let declared = name.as_str().and_then(|text| {
            let declared = self.scope.section("Mappings")?.get(text)?;
            Some((text, declared))
        });
        match declared {
            Some((text, declared)) => {
                let name = self.declare("Mappings", text, declared.clone());
                Node::new(Value::from(name))
            }
            None => self.node(name),
        }
    }

    /// Whether a condition holds, or its name in the result where the user's values decide.
    fn condition(&mut self, name: &str, at: &Node) -> Result<bool, String> {
        let stack = self.scope.stack();
        if let Some(known) = self.names.get(&("Conditions", stack, name.to_owned())) {
            return Err(known.clone());
        }
        let Some(declared) = self.scope.section("Conditions").and_then(|all| all.get(name)) else {
            return Err(name.to_owned());
        };
        if !self.scope.leap(name, at) {
            return Err(name.to_owned());
        }
        let kept = self.node(declared);
        self.scope.leap_back(name);
        match kept.value {
            Value::Bool(known) => Ok(known),
            _ => Err(self.declare("Conditions", name, kept)),
        }
    }

    /// `Fn::Sub` with what is known put in.
    fn substitute(&mut self, argument: &Node, node: &Node) -> Value {
        let (text, own) = match argument.as_list() {
            Some([text, own]) => (text, Some(own)),
            Some(_) => return node.value.clone(),
            None => (argument, None),
        };
        let Some(text) = text.as_str() else {
            return node.value.clone();
        };
        let mut made = sub::SubBuilder::default();
        for part in sub::parts(text) {
            match part {
                sub::SubPart::Text(text) => made.text(&text),
                sub::SubPart::Name(name) => {
                    let value = match own.and_then(|own| own.get(name)) {
                        Some(value) => self.node(value).value,
                        None => match name.split_once('.') {
                            Some((resource, attribute)) => self.attribute(resource, attribute, node),
                            None => self.reference(name, node),
                        },
                    };
                    // The text grows with every name in it, before there is a value to count.
                    self.scope.grow(size(&value), node);
                    if self.scope.is_full() {
                        return node.value.clone();
                    }
                    made.value(name, value);
                }
            }
        }
        made.finish()
    }

    /// A node of another stack with its expressions.
    fn within(&mut self, stack: usize, node: &Node, name: &str) -> Node {
        let before = self.scope.turn(stack);
        let kept = match self.scope.leap(name, node) {
            true => {
                let kept = self.node(node);
                self.scope.leap_back(name);
                kept
            }
            false => node.clone(),
        };
        self.scope.turn(before);
        kept
    }

    /// Puts something into a section of the result, and gives the name that it has there.
    fn declare(&mut self, section: &'static str, name: &str, node: Node) -> String {
        let key = (section, self.scope.stack(), name.to_owned());
        if let Some(known) = self.names.get(&key) {
            return known.clone();
        }
        let ids = &self.ids;
        let into = match section {
            "Parameters" => &mut self.out.parameters,
            "Mappings" => &mut self.out.mappings,
            "Conditions" => &mut self.out.conditions,
            _ => &mut self.out.outputs,
        };
        let json = node.to_json();
        let is_id = |name: &str| section == "Parameters" && ids.values().any(|id| id == name);
        let free = free(name, |name| {
            is_id(name) || into.get(name).is_some_and(|there| there.to_json() != json)
        });
        into.insert(free.clone(), node);
        self.names.insert(key, free.clone());
        free
    }
}

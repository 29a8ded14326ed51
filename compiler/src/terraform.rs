//! A mesh as Terraform configuration with `appmesh_*` resources, as a person would write it: formatted, and with
//! references instead of names.

mod expression;
mod hcl;
mod labels;
mod variable;

use crate::cloudformation::codes;
use crate::frontend::{Symbolic, SymbolicResource, how_to_decide, how_to_give};
use expression::{Expressions, TargetResource};
use hcl::Writer;
use meshform_model::body;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::resource::Resource;
use meshform_model::schema::terraform::{self, Attribute, Body};
use meshform_model::value::{Node, Span, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A configuration and what of a template it could not express.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The configuration. It is not whole where there are problems.
    pub text: String,
    /// Expressions that have no equivalent.
    pub problems: Vec<Diagnostic>,
}

/// The labels of the blocks that [`build`] writes for these resources.
pub fn labels<'k>(keys: impl Iterator<Item = &'k ResourceKey>) -> BTreeMap<ResourceKey, String> {
    labels::assign(keys)
}

/// The configuration of all these resources, containers first.
pub fn build(resources: &[Resource]) -> String {
    build_with(resources, &Symbolic::default()).text
}

/// The same with the expressions of templates: parameters and open imports become variables, mappings and conditions
/// locals.
pub fn build_with(resources: &[Resource], symbolic: &Symbolic) -> Configuration {
    let kept: BTreeSet<&ResourceKey> = symbolic
        .resources
        .iter()
        .filter_map(|one| one.key.as_ref())
        .collect();
    let plain = resources.iter().filter(|resource| !kept.contains(&resource.key));
    let mut items: Vec<Item<'_>> = plain.map(Item::of).collect();
    items.extend(symbolic.resources.iter().map(Item::of_template));
    items.sort_by(|a, b| a.order().cmp(&b.order()));
    let labels = label(&mut items);
    let targets = items.iter().map(|item| {
        let target = TargetResource {
            kind: item.kind,
            label: item.label.clone(),
            counted: item.condition.is_some(),
        };
        (item.id.to_owned(), target)
    });
    let targets = targets.collect();
    let counted = items.iter().filter(|item| item.condition.is_some());
    let mut emitter = Emitter {
        counted: counted.filter_map(|item| item.key).collect(),
        labels: &labels,
        expressions: Expressions::new(symbolic, targets),
        problems: Vec::new(),
    };
    let mut resources = Writer::default();
    for item in &items {
        emitter.item(item, &mut resources);
    }
    let mut writer = Writer::default();
    writer.open("terraform");
    writer.open("required_providers");
    writer.open_map("appmesh");
    writer.attribute("source", "\"meshform/appmesh\"".to_owned());
    writer.close();
    writer.close();
    writer.close();
    if let Err(why) = emitter.expressions.declare(&mut writer) {
        let help =
            "give what it depends on with `--parameter`, `--import` or `--attribute`, so that it is a value";
        emitter.problems.push(no_equivalent(&why, None, None).help(help));
    }
    let resources = resources.finish();
    let gap = if resources.is_empty() { "" } else { "\n" };
    Configuration {
        text: writer.finish() + gap + &resources,
        problems: emitter.problems,
    }
}

/// Gives every item its label, and tells the labels by key. A name that is an expression makes no label: the logical
/// id is one.
fn label(items: &mut [Item<'_>]) -> labels::Labels {
    let assigned = labels::assign(items.iter().filter_map(|item| item.key));
    let named = |item: &Item<'_>| {
        let key = item.key.filter(|key| !key.path().contains("${"))?;
        assigned.get(key).cloned()
    };
    let mut taken: BTreeSet<(Kind, String)> = items
        .iter()
        .filter_map(|item| Some((item.kind, named(item)?)))
        .collect();
    for item in items.iter_mut() {
        item.label = named(item).unwrap_or_else(|| {
            let mut label = item.id.to_owned();
            while taken.contains(&(item.kind, label.clone())) {
                label.push('_');
            }
            taken.insert((item.kind, label.clone()));
            label
        });
    }
    let keyed = items
        .iter()
        .filter_map(|item| Some((item.key?.clone(), item.label.clone())));
    keyed.collect()
}

struct Item<'r> {
    kind: Kind,
    key: Option<&'r ResourceKey>,
    label: String,
    /// The logical id in a template.
    id: &'r str,
    condition: Option<&'r str>,
    /// The resource in the dialect of Terraform.
    node: Node,
    span: Option<Span>,
}

impl<'r> Item<'r> {
    fn of(resource: &'r Resource) -> Self {
        let kind = resource.key.kind;
        Self {
            kind,
            key: Some(&resource.key),
            label: String::new(),
            id: "",
            condition: None,
            node: dialect::from_canonical(kind, Dialect::Terraform, &body::whole(resource)),
            span: None,
        }
    }

    fn of_template(resource: &'r SymbolicResource) -> Self {
        Self {
            kind: resource.kind,
            key: resource.key.as_ref(),
            label: String::new(),
            id: &resource.id,
            condition: resource.attributes.get("Condition").and_then(Node::as_str),
            node: dialect::from_canonical(resource.kind, Dialect::Terraform, &resource.canonical()),
            span: resource.span,
        }
    }

    /// Containers first; what a condition leaves out last.
    fn order(&self) -> (bool, &str, usize, Option<&ResourceKey>, &str) {
        let mesh = self.key.map_or("", |key| key.mesh.as_str());
        (
            self.key.is_none(),
            mesh,
            self.kind.write_order(),
            self.key,
            self.id,
        )
    }
}

/// An expression of a template that HCL does not have.
fn no_equivalent(why: &str, key: Option<&ResourceKey>, span: Option<Span>) -> Diagnostic {
    let problem = Diagnostic::error(
        codes::NO_EQUIVALENT,
        format!("this cannot be expressed in HCL: {why}"),
    );
    let mut place = match (key, span) {
        (None, None) => return problem,
        (Some(key), _) => ProblemLocation::of(key, &Pointer::root()),
        (None, _) => ProblemLocation::at(&Pointer::root(), None),
    };
    place.span = span;
    problem.at(place)
}

struct Emitter<'a> {
    labels: &'a labels::Labels,
    counted: BTreeSet<&'a ResourceKey>,
    expressions: Expressions<'a>,
    problems: Vec<Diagnostic>,
}

impl Emitter<'_> {
    fn item(&mut self, item: &Item<'_>, writer: &mut Writer) {
        let schema = terraform::resource(item.kind);
        writer.open(&format!("resource \"{}\" \"{}\"", schema.type_name, item.label));
        if let Some(condition) = item.condition {
            let condition = self.expressions.condition(condition);
            writer.attribute("count", format!("{condition} ? 1 : 0"));
            writer.gap();
        }
        self.body(item, &schema.body, &item.node, writer);
        writer.close();
    }

    fn body(&mut self, item: &Item<'_>, body: &Body, node: &Node, writer: &mut Writer) {
        if let Value::Symbol(_) = &node.value {
            let problem = no_equivalent(
                "a whole block depends on a parameter",
                item.key,
                node.span.or(item.span),
            );
            return self
                .problems
                .push(problem.help(how_to_decide(node, self.expressions.conditions())));
        }
        let written = |attribute: &&Attribute| attribute.required || attribute.optional;
        let mut maps = Vec::new();
        for attribute in body.attributes.iter().filter(written) {
            match node.get(&attribute.name).map(|node| (&node.value, node.span)) {
                None | Some((Value::Null, _)) => {}
                Some((Value::Object(map), _)) => maps.push((attribute, map)),
                Some((value, span)) => {
                    let text = self.expression(item, attribute, value, span);
                    writer.attribute(&attribute.name, text);
                }
            }
        }
        for (attribute, map) in maps.into_iter().filter(|(_, map)| !map.is_empty()) {
            writer.open_map(&attribute.name);
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            for field in fields {
                let text = self.value(item, &field.node.value, field.node.span);
                writer.attribute(&hcl::key(&field.name), text);
            }
            writer.close();
        }
        for block in &body.blocks {
            let inner = node.get(&block.name);
            let blocks = match inner.map(|node| &node.value) {
                Some(Value::List(list)) => list.as_slice(),
                Some(Value::Symbol(_)) => inner.map_or(&[][..], std::slice::from_ref),
                _ => &[],
            };
            for inner in blocks {
                writer.open(&block.name);
                self.body(item, &block.body, inner, writer);
                writer.close();
            }
        }
    }

    fn value(&mut self, item: &Item<'_>, value: &Value, span: Option<Span>) -> String {
        match self.expressions.value(value) {
            Ok(text) => text,
            Err(why) => {
                let problem = no_equivalent(&why, item.key, span.or(item.span));
                let help = how_to_give(&Node::new(value.clone()));
                self.problems.push(problem.help(help));
                "null".to_owned()
            }
        }
    }

    fn expression(
        &mut self,
        item: &Item<'_>,
        attribute: &Attribute,
        value: &Value,
        span: Option<Span>,
    ) -> String {
        // Backends would close circles: two services that call each other.
        let may_refer = |kind: Kind| {
            kind == Kind::Mesh
                || Some(kind) == item.kind.parent()
                || !matches!(item.kind, Kind::VirtualNode | Kind::VirtualGateway)
        };
        if let (Some(kind), Value::String(name), Some(own)) =
            (attribute.field.and_then(|field| field.refers_to), value, item.key)
            && may_refer(kind)
        {
            let key = match kind {
                Kind::Mesh => ResourceKey::mesh(name),
                kind => ResourceKey::in_mesh(&own.mesh, kind, name),
            };
            if key != *own
                && let Some(label) = self.labels.get(&key)
            {
                let index = if self.counted.contains(&key) { "[0]" } else { "" };
                return format!("{}.{label}{index}.name", terraform::resource(kind).type_name);
            }
        }
        self.value(item, value, span)
    }
}

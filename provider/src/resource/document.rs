//! A Terraform value of a resource, its canonical document, and its record in the store.
//!
//! The canonical document is the whole resource with the API's names: identity, `spec`, `tags`, `metadata`. A
//! record's body is the part of it that the user decides: `spec`, `tags`, `extensions`.

use crate::key;
use crate::problem;
use crate::resource::region;
use crate::value;
use meshform_model::codes::ADDRESS;
use meshform_model::diag::{Code, Diagnostic as Problem, Severity};
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema::terraform::{self, Body};
use meshform_model::value::{Node, Object, Value as Inner};
use meshform_model::{canonical, rules, validate};
use meshform_store::{Record, Seed};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use tfplugin::Value;
use tfplugin::schema::Schema;
use tfplugin::value::Misfit;

/// The canonical document of a value, and what is wrong with it.
pub(crate) fn of_value(kind: Kind, value: &Value) -> (Node, Vec<Problem>) {
    let (document, mut problems) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value));
    problems.extend(validate::resource_in(kind, Dialect::Terraform, &document));
    (document, problems)
}

/// What is wrong with a configured resource whatever else its mesh has; nothing while a part of it is not known.
///
/// These are warnings: App Mesh took some of it, and what it took must still plan and apply. A mesh with it is not
/// valid, so proxies keep what they have. An error is what App Mesh never took: a host name in a proxy profile, where
/// Envoy wants an address.
///
/// `document` is the canonical document of the value.
pub(crate) fn judged_alone(kind: Kind, value: &Value, mut document: Node) -> Vec<Problem> {
    let Some(key) = key::of_value(kind, value) else {
        return Vec::new();
    };
    // Tags break no rule, and may be unknown.
    if let Inner::Object(object) = &mut document.value {
        object.remove("tags");
    }
    let Some(body) = canonical::body(kind, &document) else {
        return Vec::new();
    };
    let mut found = match Resource::from_body(key, &body) {
        Ok(resource) => once(rules::check_alone(resource)),
        Err(problem) => vec![problem],
    };
    let errors = found
        .iter_mut()
        .filter(|one| one.severity == Severity::Error && one.code != ADDRESS);
    errors.for_each(problem::until_mended);
    found
}

/// A configured or planned resource by itself, without tags. `None` while a part of it is not known.
pub(crate) fn resource(kind: Kind, value: &Value) -> Option<Resource> {
    let key = key::of_value(kind, value)?;
    let (mut document, _) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value));
    if let Inner::Object(object) = &mut document.value {
        object.remove("tags");
    }
    Resource::from_body(key, &canonical::body(kind, &document)?).ok()
}

/// Warnings of one code once, with how many more there are: what App Mesh took is no news at each of its places.
fn once(mut found: Vec<Problem>) -> Vec<Problem> {
    let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
    found.retain(|one| {
        let count = counts.entry(one.code).or_default();
        let is_first = *count == 0;
        *count += usize::from(!one.is_error());
        is_first || one.is_error()
    });
    for one in found.iter_mut().filter(|one| !one.is_error()) {
        match counts.get(&one.code).map_or(0, |count| count.saturating_sub(1)) {
            0 => {}
            1 => one
                .message
                .push_str("; the same at one more place of this resource"),
            more => one
                .message
                .push_str(&format!("; the same at {more} more places of this resource")),
        }
    }
    found
}

/// What a record of a value would keep. `None` while a part of it is not known.
pub(crate) fn body(kind: Kind, value: &Value) -> Option<serde_json::Value> {
    let (document, _) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value));
    canonical::body(kind, &document)
}

/// Whether all that a plan changes is how a state lists the blocks of a spec.
pub(crate) fn is_reordered(kind: Kind, prior: &Value, planned: &Value) -> bool {
    // What the store alone decides is not known yet.
    let mut rest = planned.entries().into_iter().flatten();
    let same = rest.all(|(name, value)| {
        let name: &str = name;
        name == "spec" || value.is_unknown() || value == prior.get(name)
    });
    if prior.is_null() || !same {
        return false;
    }
    let document = |value| dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value)).0;
    let (before, after) = (document(prior), document(planned));
    let body = canonical::body(kind, &before);
    body.is_some() && body == canonical::body(kind, &canonical::align(kind, &after, &before))
}

/// The canonical document of a record, with its names and what the store knows of it.
pub(crate) fn of_record(record: &Record) -> Node {
    let body = match Node::from_json(&record.body).value {
        Inner::Object(object) => object,
        _ => Object::new(),
    };
    around(body, record)
}

/// The canonical document of a body, with the names of its record and what the store knows of it.
fn around(mut document: Object, record: &Record) -> Node {
    for (name, value) in key::canonical_names(record.key.kind).zip(record.key.names()) {
        document.set(name, Node::new(Inner::from(value)));
    }
    if record.key.kind != Kind::Mesh {
        document.set(
            "meshOwner",
            Node::new(Inner::from(record.identity.mesh_owner.as_str())),
        );
    }
    let metadata = [
        ("arn", record.identity.arn.clone()),
        ("uid", record.identity.uid.clone()),
        ("meshOwner", record.identity.mesh_owner.clone()),
        ("resourceOwner", record.identity.resource_owner.clone()),
        ("createdAt", record.created_at.to_string()),
        ("lastUpdatedAt", record.last_updated_at.to_string()),
    ];
    let metadata = metadata
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Node::new(Inner::from(text))));
    document.set("metadata", Node::new(Inner::Object(metadata.collect())));
    // Whoever wrote it (another version, `meshform adopt`) may have left defaults out.
    canonical::canonicalise(record.key.kind, &Node::new(Inner::Object(document)))
}

/// What no record keeps and a state has all the same: else it would be planned for ever.
struct TerraformsOwn {
    /// The blocks around it, outermost first.
    blocks: Vec<String>,
    name: String,
    what: TerraformElement,
}

#[derive(Clone, Copy)]
enum TerraformElement {
    /// An argument in a block that only Terraform has.
    Argument,
    /// A block that chooses one of its parts, written without any: it says nothing.
    EmptyChoice,
}

impl TerraformsOwn {
    /// Those of a kind, collected once.
    fn all(kind: Kind) -> &'static [Self] {
        static ALL: OnceLock<BTreeMap<Kind, Vec<TerraformsOwn>>> = OnceLock::new();
        let all = ALL.get_or_init(|| {
            let of_kind = |kind| {
                let mut found = Vec::new();
                Self::collect(&terraform::resource(kind).body, &[], &mut found);
                (kind, found)
            };
            Kind::ALL.into_iter().map(of_kind).collect()
        });
        all.get(&kind).map(Vec::as_slice).unwrap_or_default()
    }

    fn collect(body: &Body, around: &[String], found: &mut Vec<Self>) {
        let own = |blocks: &[String], name: &str, what| Self {
            blocks: blocks.to_vec(),
            name: name.to_owned(),
            what,
        };
        for block in &body.blocks {
            if block.optional_choice {
                found.push(own(around, &block.name, TerraformElement::EmptyChoice));
            }
            let mut blocks = around.to_vec();
            blocks.push(block.name.clone());
            let arguments = block.body.attributes.iter().filter(|one| one.field.is_none());
            found.extend(arguments.map(|one| own(&blocks, &one.name, TerraformElement::Argument)));
            Self::collect(&block.body, &blocks, found);
        }
    }

    /// Leaves it as the state had it.
    fn keep(&self, prior: &Value, state: &mut Value) {
        self.keep_below(&self.blocks, prior, state);
    }

    fn keep_below(&self, blocks: &[String], prior: &Value, state: &mut Value) {
        let Some((block, inner)) = blocks.split_first() else {
            let before = prior.get(&self.name);
            let kept = match self.what {
                TerraformElement::Argument => true,
                TerraformElement::EmptyChoice => {
                    is_empty_block(before) && state.get(&self.name).items().is_empty()
                }
            };
            if kept {
                state.set_attr(self.name.as_str(), before.clone());
            }
            return;
        };
        let new = state.entries_mut().and_then(|all| all.get_mut(block.as_str()));
        let new = new.and_then(Value::items_mut).into_iter().flatten();
        for (item, old) in new.zip(prior.get(block).items()) {
            self.keep_below(inner, old, item);
        }
    }
}

/// Whether a value is one block in which nothing is set.
fn is_empty_block(value: &Value) -> bool {
    match value.items() {
        [block] => block.is_null() || is_unset(block),
        _ => false,
    }
}

fn is_unset(value: &Value) -> bool {
    value.is_null()
        || value.entries().is_some_and(|all| all.values().all(is_unset))
        || matches!(value, Value::List(items) if items.is_empty())
}

/// A record as a state, in the order in which `prior` has what has no order of its own.
pub(crate) fn to_state(schema: &Schema, record: &Record, prior: &Value) -> Result<Value, Misfit> {
    let kind = record.key.kind;
    let mut document = of_record(record);
    if !prior.is_null() {
        let (prior, _) = dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(prior));
        document = canonical::align(kind, &document, &prior);
    }
    shown(schema, record, &document, prior)
}

/// What a state shows of a record beside its body: names, and what the store knows of it. The rest is null.
pub(crate) fn beside_body(schema: &Schema, record: &Record) -> Result<Value, Misfit> {
    shown(schema, record, &around(Object::new(), record), &Value::Null)
}

fn shown(schema: &Schema, record: &Record, document: &Node, prior: &Value) -> Result<Value, Misfit> {
    let kind = record.key.kind;
    let state = dialect::from_canonical(kind, Dialect::Terraform, document);
    let mut state = value::from_node(&state);
    for own in TerraformsOwn::all(kind) {
        own.keep(prior, &mut state);
    }
    let mut state = schema.conform(state)?;
    if kind == Kind::Mesh {
        state.set_attr("id", record.key.name.as_str());
    }
    if let Some(seed) = Seed::from_arn(&record.identity.arn) {
        region::show(schema, &mut state, seed.region());
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_one_code_are_told_once_and_errors_each() {
        let code = Code("MF0227");
        let warning = || Problem::warning(code, "it goes to one address");
        let error = || Problem::error(Code("MF0101"), "wrong");
        let told = once(vec![warning(), error(), warning(), error(), warning()]);
        let told: Vec<String> = told.into_iter().map(|one| one.message).collect();
        let more = "it goes to one address; the same at 2 more places of this resource";
        assert_eq!(told, [more, "wrong", "wrong"]);
    }
}

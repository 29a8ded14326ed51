//! What Terraform's core refuses in a schema, found when the provider is built instead of when it is used.

use super::{Attribute, AttributeType, Block, BlockNesting, NestedBlock, Nesting, Schema};
use crate::value::Type;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Provider,
    Resource,
    DataSource,
}

/// Meta-arguments that Terraform keeps for itself.
const RESERVED: &[&str] = &[
    "connection",
    "count",
    "depends_on",
    "for_each",
    "lifecycle",
    "provider",
    "provisioner",
];
const RESERVED_IN_PROVIDER: &[&str] = &["alias", "version"];

struct Check {
    role: Role,
    problems: Vec<String>,
}

pub(super) fn problems(schema: &Schema, name: &str, role: Role) -> Vec<String> {
    let mut check = Check {
        role,
        problems: Vec::new(),
    };
    if schema.version < 0 {
        check.problems.push(format!("{name}: the version is negative"));
    }
    let reserved = if role == Role::Provider {
        RESERVED_IN_PROVIDER
    } else {
        RESERVED
    };
    let root = &schema.block;
    let names = root
        .attributes
        .iter()
        .map(|one| &one.name)
        .chain(root.blocks.iter().map(|one| &one.name));
    for taken in names.filter(|one| reserved.contains(&&***one)) {
        check
            .problems
            .push(format!("{name}.{taken}: Terraform keeps this name for itself"));
    }
    check.block(&schema.block, name, false);
    check.problems
}

fn good_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl Check {
    fn say(&mut self, place: &str, problem: &str) {
        self.problems.push(format!("{place}: {problem}"));
    }

    fn block(&mut self, block: &Block, place: &str, repeated: bool) {
        let mut seen: Vec<&str> = Vec::new();
        for attribute in &block.attributes {
            let here = format!("{place}.{}", attribute.name);
            if seen.contains(&&*attribute.name) {
                self.say(&here, "the name occurs twice");
            }
            seen.push(&attribute.name);
            self.attribute(attribute, &here, repeated);
        }
        for nested in &block.blocks {
            let here = format!("{place}.{}", nested.name);
            if seen.contains(&&*nested.name) {
                self.say(&here, "the name occurs twice");
            }
            seen.push(&nested.name);
            self.nested(nested, &here, repeated);
        }
    }

    fn attribute(&mut self, one: &Attribute, place: &str, repeated: bool) {
        if !good_name(&one.name) || one.name.starts_with(|first: char| first.is_ascii_digit()) {
            self.say(place, "a name is lower case letters, digits and underscores");
        }
        match (one.required, one.optional, one.computed) {
            (false, false, false) => self.say(place, "say who sets it: required, optional or computed"),
            (true, true, _) => self.say(place, "cannot be both required and optional"),
            (true, _, true) => self.say(place, "cannot be both required and computed"),
            _ => {}
        }
        if one.write_only && (one.computed || !(one.required || one.optional)) {
            self.say(
                place,
                "a write-only attribute is required or optional, never computed",
            );
        }
        if one.write_only && self.role != Role::Resource {
            self.say(place, "only resources have write-only attributes");
        }
        if one.default.is_some() && !one.computed {
            self.say(place, "an attribute with a default is optional and computed");
        }
        if let Some(default) = &one.default
            && let Err(error) = crate::value::conform(&one.ty(), default.clone(), crate::value::Fit::Exact)
        {
            self.say(place, &format!("the default does not fit: {error}"));
        }
        match &one.kind {
            AttributeType::Plain(ty) => {
                let inside = !matches!(ty, Type::Dynamic) && dynamic_in_collection(ty);
                if inside || (repeated && ty.has_dynamic()) {
                    self.say(place, "a value of any type cannot be inside a collection");
                }
            }
            AttributeType::Nested(nesting, inner) => {
                let repeated = repeated || *nesting != Nesting::Single;
                for attribute in inner {
                    let here = format!("{place}.{}", attribute.name);
                    if one.write_only && !attribute.write_only {
                        self.say(&here, "everything inside a write-only attribute is write-only");
                    }
                    if *nesting == Nesting::Set && attribute.write_only {
                        self.say(&here, "a set cannot hold write-only attributes");
                    }
                    self.attribute(attribute, &here, repeated);
                }
                if inner.is_empty() {
                    self.say(place, "nested attributes without an attribute");
                }
            }
        }
    }

    fn nested(&mut self, one: &NestedBlock, place: &str, repeated: bool) {
        if !good_name(&one.name) {
            self.say(place, "a name is lower case letters, digits and underscores");
        }
        let (min, max) = (one.min, one.max);
        match one.nesting {
            BlockNesting::Single if !matches!((min, max), (0, 0 | 1) | (1, 1)) => {
                self.say(place, "a single block occurs at most once");
            }
            BlockNesting::Group | BlockNesting::Map if min != 0 || max != 0 => {
                self.say(place, "bounds belong to lists, sets and single blocks");
            }
            BlockNesting::List | BlockNesting::Set if max != 0 && min > max => {
                self.say(place, "the minimum is greater than the maximum");
            }
            _ => {}
        }
        if one.nesting == BlockNesting::Set && has_write_only(&one.block) {
            self.say(place, "a set of blocks cannot hold write-only attributes");
        }
        if let Some(key) = &one.order_key {
            if one.nesting != BlockNesting::List {
                self.say(place, "only the order of a list can be without meaning");
            }
            for name in key
                .iter()
                .filter(|name| !one.block.attributes.iter().any(|a| a.name == **name))
            {
                self.say(
                    place,
                    &format!("the key names `{name}`, which is no attribute of the block"),
                );
            }
        }
        let repeated = repeated || !matches!(one.nesting, BlockNesting::Single | BlockNesting::Group);
        self.block(&one.block, place, repeated);
    }
}

fn dynamic_in_collection(ty: &Type) -> bool {
    match ty {
        Type::List(inner) | Type::Set(inner) | Type::Map(inner) => inner.has_dynamic(),
        Type::Object(attributes) => attributes.values().any(dynamic_in_collection),
        Type::Tuple(elements) => elements.iter().any(dynamic_in_collection),
        Type::Dynamic | Type::Bool | Type::Number | Type::String => false,
    }
}

fn has_write_only(block: &Block) -> bool {
    block.attributes.iter().any(|one| one.write_only)
        || block.blocks.iter().any(|one| has_write_only(&one.block))
}

#[cfg(test)]
mod tests;

//! Changed resources: for each field of the schema a resource, and what becomes of it when that field alone changes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a part of test programs"
)]

use super::generate::{self, Chance, from_the_store};
use crate::dialect::Dialect;
use crate::kind::Kind;
use crate::schema::{self, Field, SchemaNode, Shape};
use crate::validate;
use crate::value::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A resource of which one field changes from step to step; nothing else does.
#[derive(Debug)]
pub struct Variants {
    pub kind: Kind,
    pub pointer: String,
    /// A change of the field makes another resource of it.
    pub identity: bool,
    /// The resource, time after time. Each is right, and differs from the one before it.
    pub steps: Vec<VariantStep>,
}

/// A resource at one time.
#[derive(Debug)]
pub struct VariantStep {
    /// What has happened to the field.
    pub what: &'static str,
    pub json: Json,
}

/// The steps of each field of the schema that a user may write, from resources made by chance.
pub fn all() -> &'static [Variants] {
    static ALL: OnceLock<Vec<Variants>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut out = Vec::new();
        for kind in Kind::ALL {
            let mut seen = BTreeSet::new();
            for seed in 0..SEEDS {
                let mut chance = Chance::new(seed);
                let whole = generate::resource(kind, &mut chance);
                let mut maker = Maker {
                    kind,
                    whole: &whole,
                    chance,
                    seen: &mut seen,
                    out: &mut out,
                };
                maker.node(schema::kind(kind).root, "");
            }
        }
        out
    })
}

/// How many resources are looked through; a test knows whether they have every field.
const SEEDS: u64 = 1000;
/// How often chance may repeat itself or break a rule before there is no other value.
const TRIES: usize = 40;

struct Maker<'a> {
    kind: Kind,
    whole: &'a Json,
    chance: Chance,
    /// The places that have variants.
    seen: &'a mut BTreeSet<String>,
    out: &'a mut Vec<Variants>,
}

impl Maker<'_> {
    fn node(&mut self, schema: &SchemaNode, pointer: &str) {
        match &schema.shape {
            Shape::Object(shape) | Shape::Union(shape) => {
                for field in shape.fields.iter().filter(|field| !from_the_store(field)) {
                    let pointer = format!("{pointer}/{}", field.name);
                    if self.whole.pointer(&pointer).is_some() {
                        self.field(field, &pointer);
                        self.node(field.node, &pointer);
                    }
                }
            }
            Shape::List(list) => {
                let count = self
                    .whole
                    .pointer(pointer)
                    .and_then(Json::as_array)
                    .map_or(0, Vec::len);
                for index in 0..count {
                    self.node(list.items, &format!("{pointer}/{index}"));
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, field: &Field, pointer: &str) {
        if self.seen.contains(&place(pointer)) {
            return;
        }
        let mut steps = vec![VariantStep {
            what: "given",
            json: self.whole.clone(),
        }];
        let another = (0..TRIES).find_map(|_| {
            let value = generate::of_field(field, &mut self.chance);
            let json = self.with(pointer, Some(value));
            (json != *self.whole && is_right(self.kind, &json)).then_some(json)
        });
        let another = another.unwrap_or_else(|| self.whole.clone());
        if field.identity {
            add(self.kind, &mut steps, "another value", another);
        } else if add(
            self.kind,
            &mut steps,
            "nothing in it",
            self.with(pointer, Some(nothing(field.node))),
        ) {
            add(self.kind, &mut steps, "not given", self.with(pointer, None));
            add(self.kind, &mut steps, "another value", another);
        } else {
            add(self.kind, &mut steps, "another value", another);
            add(self.kind, &mut steps, "not given", self.with(pointer, None));
            add(self.kind, &mut steps, "given again", self.whole.clone());
        }
        // What has to be as it is here may change in the next resource.
        if steps.len() > 1 {
            self.clear_around(pointer, &mut steps);
            self.seen.insert(place(pointer));
            self.out.push(Variants {
                kind: self.kind,
                pointer: pointer.to_owned(),
                identity: field.identity,
                steps,
            });
        }
    }

    /// Takes away what the field does not need: objects and lists beside it and beside what it is in.
    fn clear_around(&self, pointer: &str, steps: &mut [VariantStep]) {
        for (at, _) in pointer.match_indices('/') {
            let (around, way) = pointer.split_at(at);
            let kept = way.split('/').nth(1).unwrap();
            let Some(here) = self.whole.pointer(around).and_then(Json::as_object) else {
                continue;
            };
            let beside = here
                .iter()
                .filter(|(name, value)| *name != kept && (value.is_object() || value.is_array()));
            for (name, _) in beside {
                let mut less: Vec<Json> = steps.iter().map(|step| step.json.clone()).collect();
                for json in &mut less {
                    json.pointer_mut(around)
                        .and_then(Json::as_object_mut)
                        .unwrap()
                        .remove(name);
                }
                if less.iter().all(|json| is_right(self.kind, json)) {
                    steps
                        .iter_mut()
                        .zip(less)
                        .for_each(|(step, json)| step.json = json);
                }
            }
        }
    }

    /// The resource with another value at a place, or with none.
    fn with(&self, pointer: &str, value: Option<Json>) -> Json {
        let mut json = self.whole.clone();
        let (around, name) = pointer.rsplit_once('/').unwrap();
        let around = json.pointer_mut(around).and_then(Json::as_object_mut).unwrap();
        match value {
            Some(value) => around.insert(name.to_owned(), value),
            None => around.remove(name),
        };
        json
    }
}

/// Adds a step, if it is right and differs from the one before it.
fn add(kind: Kind, steps: &mut Vec<VariantStep>, what: &'static str, json: Json) -> bool {
    let fits = steps.last().is_some_and(|last| last.json != json) && is_right(kind, &json);
    if fits {
        steps.push(VariantStep { what, json });
    }
    fits
}

fn is_right(kind: Kind, json: &Json) -> bool {
    validate::resource_in(kind, Dialect::Terraform, &Node::from_json(json)).is_empty()
}

/// What is there and holds nothing.
fn nothing(schema: &SchemaNode) -> Json {
    match schema.shape {
        Shape::Object(_) | Shape::Union(_) | Shape::Any => json!({}),
        Shape::List(_) => json!([]),
        Shape::Text(_) => json!(""),
        Shape::Int(_) | Shape::Number(_) => json!(0),
        Shape::Bool => json!(false),
    }
}

/// A pointer without positions in lists.
fn place(pointer: &str) -> String {
    let names = pointer.split('/').filter(|name| name.parse::<usize>().is_err());
    names.collect::<Vec<_>>().join("/")
}

// === impl Variants ===

impl Variants {
    /// Where the field is, positions in lists left out.
    pub fn place(&self) -> String {
        place(&self.pointer)
    }
}

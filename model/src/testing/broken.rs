//! Broken resources: each constraint of the schema broken once, everything else right.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a part of test programs"
)]

use super::generate::{self, Chance, from_the_store};
use crate::diag::Code;
use crate::kind::Kind;
use crate::schema::{self, ListShape, ObjectShape, SchemaNode, Shape, TextShape};
use crate::validate::codes;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A resource with one mistake. It must be refused with the code of the constraint at the place where it was broken, and
/// with nothing else.
#[derive(Debug)]
pub struct InvalidResource {
    pub kind: Kind,
    /// The place, without positions in lists, and the mistake.
    pub what: String,
    /// The resource as it was before.
    pub right: Json,
    pub json: Json,
    pub code: Code,
    pub pointer: String,
}

/// One of each mistake at each place of the schema, from resources made by chance.
pub fn all() -> &'static [InvalidResource] {
    static ALL: OnceLock<Vec<InvalidResource>> = OnceLock::new();
    ALL.get_or_init(make)
}

fn make() -> Vec<InvalidResource> {
    let mut out = Vec::new();
    for kind in Kind::ALL {
        let mut seen = BTreeSet::new();
        for seed in 0..120 {
            let mut chance = Chance::new(seed);
            let whole = generate::resource(kind, &mut chance);
            let mut breaker = Breaker {
                kind,
                whole: &whole,
                chance,
                seen: &mut seen,
                out: &mut out,
            };
            breaker.node(schema::kind(kind).root, "");
        }
    }
    out
}

struct Breaker<'a> {
    kind: Kind,
    whole: &'a Json,
    chance: Chance,
    /// The places and mistakes that were made before.
    seen: &'a mut BTreeSet<String>,
    out: &'a mut Vec<InvalidResource>,
}

impl Breaker<'_> {
    fn node(&mut self, schema: &SchemaNode, pointer: &str) {
        if matches!(schema.shape, Shape::Any) {
            return;
        }
        let wrong = match schema.shape {
            Shape::Text(_) => json!(7),
            Shape::Bool => json!("true"),
            Shape::Int(_) | Shape::Number(_) => json!("8080"),
            Shape::Object(_) | Shape::Union(_) => json!([]),
            _ => json!({}),
        };
        self.replace(pointer, "type", wrong, codes::WRONG_TYPE);
        match &schema.shape {
            Shape::Object(shape) => self.object(shape, pointer),
            Shape::Union(shape) => self.union(shape, pointer),
            Shape::List(list) => self.list(list, pointer),
            Shape::Text(text) => self.text(text, pointer),
            Shape::Int(bounds) => {
                self.replace(pointer, "fraction", json!(1.5), codes::NOT_WHOLE);
                self.bounds(bounds.min, bounds.max, pointer);
            }
            Shape::Number(bounds) => self.bounds(bounds.min, bounds.max, pointer),
            Shape::Bool | Shape::Any => {}
        }
    }

    fn fields(&mut self, shape: &ObjectShape, pointer: &str) {
        let here = self.whole.pointer(pointer).unwrap();
        for field in &shape.fields {
            if here.get(&field.name).is_some() && !from_the_store(field) {
                let name = &field.name;
                self.node(field.node, &format!("{pointer}/{name}"));
            }
        }
    }

    fn object(&mut self, shape: &ObjectShape, pointer: &str) {
        self.fields(shape, pointer);
        let here = self.whole.pointer(pointer).unwrap().clone();
        let mut unknown = here.clone();
        unknown["misspelt"] = json!(1);
        let at = format!("{pointer}/misspelt");
        self.with(pointer, "unknown", unknown, (codes::UNKNOWN_FIELD, at));
        for field in shape.fields.iter().filter(|field| field.required) {
            for (how, value) in [("missing", None), ("null", Some(Json::Null))] {
                let mut without = here.clone();
                let map = without.as_object_mut().unwrap();
                map.remove(&field.name);
                if let Some(null) = value {
                    map.insert(field.name.clone(), null);
                }
                let what = format!("{how} {}", field.name);
                self.with(
                    pointer,
                    &what,
                    without,
                    (codes::MISSING_FIELD, pointer.to_owned()),
                );
            }
        }
        for group in &shape.one_of {
            let mut none = here.clone();
            none.as_object_mut()
                .unwrap()
                .retain(|name, _| !group.contains(name));
            self.with(pointer, "none", none, (codes::GROUP_EMPTY, pointer.to_owned()));
        }
        for group in shape.one_of.iter().chain(&shape.at_most_one) {
            let mut all = here.clone();
            for name in group {
                let value = generate::of_field(shape.field(name).unwrap(), &mut self.chance);
                all[name.as_str()] = value;
            }
            let what = format!("all of {group:?}");
            self.with(pointer, &what, all, (codes::GROUP_SEVERAL, pointer.to_owned()));
        }
    }

    fn union(&mut self, shape: &ObjectShape, pointer: &str) {
        self.fields(shape, pointer);
        self.replace(pointer, "no member", json!({}), codes::UNION_EMPTY);
        if shape.fields.len() > 1 {
            let all = shape
                .fields
                .iter()
                .map(|field| (field.name.clone(), generate::of_field(field, &mut self.chance)))
                .collect();
            self.replace(pointer, "all members", Json::Object(all), codes::UNION_SEVERAL);
        }
    }

    fn list(&mut self, list: &ListShape, pointer: &str) {
        let here = self.whole.pointer(pointer).unwrap().as_array().unwrap().clone();
        for index in 0..here.len() {
            self.node(list.items, &format!("{pointer}/{index}"));
        }
        if list.min > 0 {
            self.replace(pointer, "too short", json!([]), codes::LIST_LENGTH);
        }
        if let (Some(max), Some(first)) = (list.max, here.first()) {
            let mut long = vec![first.clone(); max + 1];
            for (index, element) in long.iter_mut().enumerate() {
                if element.get("key").is_some() {
                    element["key"] = json!(index.to_string());
                }
                // A set has each text once.
                let is_free = matches!(&list.items.shape, Shape::Text(text) if text.choices.is_empty());
                if let Some(text) = element.as_str().filter(|_| is_free) {
                    *element = json!(format!("{text}{index}"));
                }
            }
            self.replace(pointer, "too long", Json::Array(long), codes::LIST_LENGTH);
        }
    }

    fn text(&mut self, text: &TextShape, pointer: &str) {
        if !text.choices.is_empty() {
            self.replace(pointer, "choice", json!("neither"), codes::NOT_A_CHOICE);
            return;
        }
        if let Some(min) = text.min.filter(|min| *min > 0) {
            self.replace(
                pointer,
                "too short",
                json!("a".repeat(min - 1)),
                codes::TEXT_LENGTH,
            );
        }
        if let Some(max) = text.max {
            let long = "ü".repeat(max + 1);
            self.replace(pointer, "too long", json!(long), codes::TEXT_LENGTH);
        }
        if let Some(pattern) = &text.pattern {
            let fits = |text_: &&str| {
                let count = text_.chars().count();
                count >= text.min.unwrap_or(0)
                    && text.max.is_none_or(|max| count <= max)
                    && !pattern.matches(text_)
            };
            let wrong = ["x", "a/b", "abcdefghijkl", "ü", "\u{0}", "2.0"]
                .into_iter()
                .find(fits);
            let wrong = wrong.unwrap_or_else(|| panic!("no text breaks {}", pattern.text));
            self.replace(pointer, "pattern", json!(wrong), codes::TEXT_FORM);
        }
    }

    fn bounds(&mut self, min: Option<f64>, max: Option<f64>, pointer: &str) {
        if let Some(min) = min {
            self.replace(pointer, "too small", json!(min as i64 - 1), codes::OUT_OF_RANGE);
        }
        if let Some(max) = max {
            self.replace(pointer, "too large", json!(max as i64 + 1), codes::OUT_OF_RANGE);
        }
        self.replace(pointer, "huge", json!(1e300), codes::OUT_OF_RANGE);
    }

    /// Puts `value` where `pointer` leads, and expects the problem there.
    fn replace(&mut self, pointer: &str, what: &str, value: Json, code: Code) {
        self.with(pointer, what, value, (code, pointer.to_owned()));
    }

    fn with(&mut self, pointer: &str, what: &str, value: Json, wanted: (Code, String)) {
        let place = pointer.replace(|c: char| c.is_ascii_digit(), "");
        if !self.seen.insert(format!("{place}: {what}")) {
            return;
        }
        let mut json = self.whole.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        let (code, pointer) = wanted;
        self.out.push(InvalidResource {
            kind: self.kind,
            what: format!("{place}: {what}"),
            right: self.whole.clone(),
            json,
            code,
            pointer,
        });
    }
}

//! Instances made from the schema: by chance from a seed, or on purpose with every field.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a part of test programs"
)]

use crate::kind::Kind;
use crate::schema::{self, Field, ObjectShape, SchemaNode, Shape, TextShape};
use serde_json::{Map, Value as Json, json};

/// A small generator of numbers (SplitMix64): the same seed, the same instances.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        // Not a multiple of the step below: two seeds would give the same numbers, shifted.
        Self((seed + 1).wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n - 1`; 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// A number from `low` to `high`, often an end.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        match self.below(4) {
            0 => low,
            1 => high,
            _ => low + (self.next() % (high - low + 1).max(1) as u64) as i64,
        }
    }

    fn yes(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A whole resource. What the store fills in is left out.
pub fn resource(kind: Kind, chance: &mut Chance) -> Json {
    value(schema::kind(kind).root, chance)
}

/// A value of that field.
pub fn of_field(field: &Field, chance: &mut Chance) -> Json {
    let value = value(field.node, chance);
    match (field.name.as_str(), value.as_str()) {
        ("address" | "appAddress", Some(text)) => json!(address(text)),
        ("ignoredAddresses", _) => {
            let blocks = value.as_array().into_iter().flatten();
            blocks
                .map(|block| address(block.as_str().unwrap_or_default()))
                .collect()
        }
        _ => value,
    }
}

/// An address that follows from a text: what an address looks like is a rule of the mesh, no pattern of the schema.
fn address(text: &str) -> String {
    let sum = text.bytes().fold(7_u16, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u16::from(byte))
    });
    let [high, low] = sum.to_be_bytes();
    format!("127.0.{high}.{low}")
}

/// A value of that shape.
pub fn value(node: &SchemaNode, chance: &mut Chance) -> Json {
    match &node.shape {
        Shape::Object(shape) => object(shape, chance),
        Shape::Union(shape) => {
            let field = &shape.fields[chance.below(shape.fields.len())];
            json!({ field.name.as_str(): of_field(field, chance) })
        }
        Shape::List(list) => {
            let max = list.max.unwrap_or(3).min(list.min.max(1) + 2);
            let count = list.min + chance.below(max - list.min + 1);
            let mut out: Vec<Json> = Vec::new();
            for _ in 0..count {
                out.push(value(list.items, chance));
            }
            // Equal keys would make a map smaller, and sets have each element once.
            for (index, element) in out.iter_mut().enumerate() {
                if let Some(key) = element.get_mut("key") {
                    *key = json!(format!("{}{index}", key.as_str().unwrap()));
                }
            }
            if list.unordered && list.key.is_empty() {
                out.sort_by_key(Json::to_string);
                out.dedup();
            }
            Json::Array(out)
        }
        Shape::Text(shape) => json!(text(shape, chance)),
        Shape::Int(bounds) => {
            let low = bounds.min.map_or(-5, |min| min as i64);
            let high = bounds.max.map_or(low.max(0) + 100_000, |max| max as i64);
            json!(chance.between(low, high))
        }
        Shape::Number(bounds) => {
            json!(
                chance.between(
                    bounds.min.unwrap_or(0.0) as i64,
                    bounds.max.unwrap_or(9.0) as i64 - 1
                ) as f64
                    + 0.5
            )
        }
        Shape::Bool => json!(chance.yes(50)),
        Shape::Any => json!({ "any": [1, "two", null] }),
    }
}

fn object(shape: &ObjectShape, chance: &mut Chance) -> Json {
    let mut out = Map::new();
    let mut excluded: Vec<&str> = Vec::new();
    for group in &shape.one_of {
        let keep = chance.below(group.len());
        excluded.extend(
            group
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != keep)
                .map(|(_, n)| n.as_str()),
        );
    }
    for group in &shape.at_most_one {
        let keep = chance.below(group.len() + 1);
        excluded.extend(
            group
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != keep)
                .map(|(_, n)| n.as_str()),
        );
    }
    for field in &shape.fields {
        let chosen = shape.one_of.iter().flatten().any(|name| *name == field.name);
        let wanted = field.required || chosen || chance.yes(60);
        if wanted && !excluded.contains(&field.name.as_str()) && !from_the_store(field) {
            out.insert(field.name.clone(), of_field(field, chance));
        }
    }
    Json::Object(out)
}

/// Filled in by the store.
pub fn from_the_store(field: &Field) -> bool {
    field.computed && !field.identity
}

/// A text within the bounds. Patterns are served by samples: whether they fit, a test of this module checks.
pub fn text(shape: &TextShape, chance: &mut Chance) -> String {
    if !shape.choices.is_empty() {
        return shape.choices[chance.below(shape.choices.len())].clone();
    }
    let low = shape.min.unwrap_or(0);
    let high = shape.max.unwrap_or(low + 12).min(low + 12);
    let length = chance.between(low as i64, high as i64) as usize;
    let word: String = (0..length)
        .map(|_| ['a', 'b', 'z', '0', '-', '.'][chance.below(6)])
        .collect();
    match shape.pattern.as_ref().map(|pattern| pattern.text.as_str()) {
        None => match chance.below(8) {
            0 if length > 0 => "ü".repeat(length),
            _ => word,
        },
        Some("^/") => format!("/{word}").chars().take(high.max(1)).collect(),
        Some(pattern) if pattern.starts_with("^(\\*") => {
            format!("{}a{}", ["*.", ""][chance.below(2)], chance.below(100))
        }
        Some("^[0-9]{12}$") => format!("{:012}", chance.below(1_000_000)),
        Some(pattern) if pattern.starts_with("^arn:") => {
            let id: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("arn:aws:acm:us-east-1:123456789012:certificate/a{id}")
        }
        Some("^https?://") => format!("http://{word}").chars().take(high.max(8)).collect(),
        Some(pattern) if pattern.starts_with("^1\\.") => format!("1.{}", 34 + chance.below(7)),
        Some(_) => word,
    }
}

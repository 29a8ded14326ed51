//! Configurations made up from a schema, for tests that should hold for all of them.

use std::sync::Arc;

use crate::schema::{Attribute, Block, BlockNesting, NestedBlock, Nesting, Schema};
use crate::value::{Entries, Number, Type, Value};

/// A source of choices that gives the same ones for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The source for a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// A configuration that Terraform could send for a schema: what is required is set, read-only attributes are
/// not, blocks keep their bounds. With `unknowns`, some values are not known.
pub fn config(schema: &Schema, random: &mut Random, unknowns: bool) -> Value {
    let mut maker = Maker { random, unknowns };
    maker.block(schema.root(), 0)
}

/// The value with something made up in every place that is not known; what is promised of a text's beginning is kept.
pub(super) fn known(ty: &Type, value: Value, random: &mut Random) -> Value {
    let each = |ty: &Type, items: Vec<Value>, random: &mut Random| -> Vec<Value> {
        items.into_iter().map(|item| known(ty, item, random)).collect()
    };
    match (ty, value) {
        (Type::String, Value::Unknown(Some(promise))) if promise.prefix.is_some() => {
            Value::from(promise.prefix.clone())
        }
        (ty, Value::Unknown(_)) => {
            let mut maker = Maker {
                random,
                unknowns: false,
            };
            maker.value(ty, 0)
        }
        (Type::List(ty), Value::List(items)) => Value::List(each(ty, items, random)),
        (Type::Set(ty), Value::Set(items)) => Value::set(each(ty, items, random)),
        (Type::Tuple(all), Value::List(items)) => {
            let pairs = all.iter().zip(items);
            Value::List(pairs.map(|(ty, item)| known(ty, item, random)).collect())
        }
        (Type::Map(ty), Value::Map(all)) => Value::Map(
            all.into_iter()
                .map(|(name, item)| (name, known(ty, item, random)))
                .collect(),
        ),
        (Type::Object(types), Value::Object(all)) => Value::Object(
            all.into_iter()
                .map(|(name, item)| {
                    let item = match types.get(&name) {
                        Some(ty) => known(ty, item, random),
                        None => item,
                    };
                    (name, item)
                })
                .collect(),
        ),
        (_, Value::Dynamic(inner)) => {
            let (ty, value) = *inner;
            let value = known(&ty, value, random);
            Value::dynamic(ty, value)
        }
        (_, value) => value,
    }
}

struct Maker<'r> {
    random: &'r mut Random,
    unknowns: bool,
}

impl Maker<'_> {
    fn unknown(&mut self) -> bool {
        self.unknowns && self.random.one_in(8)
    }

    fn block(&mut self, block: &Block, depth: usize) -> Value {
        let mut entries = self.attributes(&block.attributes, depth);
        for nested in &block.blocks {
            entries.insert(Arc::clone(&nested.name), self.nested(nested, depth + 1));
        }
        Value::Object(entries)
    }

    fn attributes(&mut self, all: &[Attribute], depth: usize) -> Entries {
        all.iter()
            .map(|one| (Arc::clone(&one.name), self.attribute(one, depth)))
            .collect()
    }

    fn attribute(&mut self, one: &Attribute, depth: usize) -> Value {
        let settable = one.is_required() || one.is_optional();
        if !settable || (!one.is_required() && self.random.one_in(2)) {
            return Value::Null;
        }
        if self.unknown() {
            return Value::UNKNOWN;
        }
        match one.nested_attributes() {
            None => self.value(&one.ty(), depth),
            Some((nesting, inner)) => {
                let count = self.random.below(3);
                match nesting {
                    Nesting::Single => Value::Object(self.attributes(inner, depth + 1)),
                    Nesting::List => {
                        self.repeat(count, |maker| Value::Object(maker.attributes(inner, depth + 1)))
                    }
                    Nesting::Set => Value::set(
                        self.repeat(count, |maker| Value::Object(maker.attributes(inner, depth + 1)))
                            .items()
                            .to_vec(),
                    ),
                    Nesting::Map => Value::map((0..count).map(|index| {
                        (
                            format!("k{index}"),
                            Value::Object(self.attributes(inner, depth + 1)),
                        )
                    })),
                }
            }
        }
    }

    fn repeat(&mut self, count: usize, mut make: impl FnMut(&mut Self) -> Value) -> Value {
        Value::List((0..count).map(|_| make(self)).collect())
    }

    fn nested(&mut self, nested: &NestedBlock, depth: usize) -> Value {
        let (min, max) = nested.bounds();
        let (min, max) = (
            usize::try_from(min).unwrap_or(0),
            usize::try_from(max).unwrap_or(0),
        );
        let most = if depth > 4 {
            min
        } else {
            min.max(if max == 0 { 2 } else { max.min(2) })
        };
        let count = min + self.random.below(most - min + 1);
        match nested.nesting {
            BlockNesting::Group => self.block(&nested.block, depth),
            BlockNesting::Single if count == 0 && (min > 0 || self.random.one_in(2) || depth > 4) => {
                Value::Null
            }
            BlockNesting::Single => self.block(&nested.block, depth),
            // A dynamic block over something unknown.
            BlockNesting::List | BlockNesting::Set | BlockNesting::Map if min == 0 && self.unknown() => {
                Value::UNKNOWN
            }
            BlockNesting::List => self.repeat(count, |maker| maker.block(&nested.block, depth)),
            BlockNesting::Set => Value::set(
                self.repeat(count, |maker| maker.block(&nested.block, depth))
                    .items()
                    .to_vec(),
            ),
            BlockNesting::Map => {
                Value::map((0..count).map(|index| (format!("l{index}"), self.block(&nested.block, depth))))
            }
        }
    }

    fn value(&mut self, ty: &Type, depth: usize) -> Value {
        if depth > 8 {
            return Value::Null;
        }
        let inner = |maker: &mut Self, ty: &Type| {
            if maker.unknown() {
                Value::UNKNOWN
            } else {
                maker.value(ty, depth + 1)
            }
        };
        match ty {
            Type::Bool => Value::Bool(self.random.one_in(2)),
            Type::Number => {
                const NUMBERS: [&str; 8] = [
                    "0",
                    "1",
                    "-7",
                    "65535",
                    "0.1",
                    "1.50",
                    "12345678901234567890123",
                    "-0.000001",
                ];
                let text = NUMBERS
                    .get(self.random.below(NUMBERS.len()))
                    .copied()
                    .unwrap_or("0");
                text.parse::<Number>().map_or(Value::Null, Value::Number)
            }
            Type::String => {
                const STRINGS: [&str; 7] = ["", "a", "shop", "Ä 漢字 🙂", "a\"b\\c\nd", "10.0.0.1", "/x?y=z"];
                Value::from(
                    STRINGS
                        .get(self.random.below(STRINGS.len()))
                        .copied()
                        .unwrap_or("a"),
                )
            }
            Type::List(ty) => {
                let count = self.random.below(3);
                self.repeat(count, |maker| inner(maker, ty))
            }
            Type::Set(ty) => {
                let count = self.random.below(3);
                Value::set(self.repeat(count, |maker| inner(maker, ty)).items().to_vec())
            }
            Type::Map(ty) => {
                Value::map((0..self.random.below(3)).map(|index| (format!("k{index}"), inner(self, ty))))
            }
            Type::Object(all) => {
                Value::object(all.iter().map(|(name, ty)| (Arc::clone(name), inner(self, ty))))
            }
            Type::Tuple(all) => Value::List(all.iter().map(|ty| inner(self, ty)).collect()),
            Type::Dynamic => {
                let ty = [Type::String, Type::Number, Type::list(Type::Bool)];
                let ty = ty.get(self.random.below(3)).cloned().unwrap_or(Type::String);
                let value = self.value(&ty, depth + 1);
                Value::dynamic(ty, value)
            }
        }
    }
}

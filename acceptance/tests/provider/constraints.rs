//! Each constraint of the schema violated in HCL: one `terraform validate` of a configuration with a mistake in each
//! resource, and each is told at the line of the argument that has it.
//!
//! The mistakes are those of `meshform_model::testing::broken`, which breaks each constraint of each place once, and
//! second blocks of what may be given once. Terraform's core tells some of them, by our schema; the provider tells the
//! others, with their codes.

use crate::hcl::{Block, Script, type_name};
use crate::world::{World, no_panic};
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::pointer::{Pointer, Segment};
use meshform_model::schema;
use meshform_model::schema::terraform::{self, Body, Type};
use meshform_model::testing::broken::{self, InvalidResource};
use meshform_model::testing::generate::{self, Chance};
use meshform_model::validate::codes;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A resource with a mistake that HCL can express.
struct Mistake {
    kind: Kind,
    what: String,
    block: Block,
    /// Lines on which it may be told, in Terraform's form: the argument, or the block that lacks it.
    places: Vec<Pointer>,
    /// What is said of it: a code, or one of the summaries of Terraform's core.
    says: Vec<&'static str>,
}

/// Why HCL cannot express a mistake.
type Reason = &'static str;

const FOLDED: Reason = "a list of pairs is a map in Terraform, and its pairs have no arguments";
const WHOLE: Reason = "the resource as a whole is a block in any case";
const NO_NULL_BLOCK: Reason = "a block cannot be null";
const NO_EMPTY_LIST_OF_BLOCKS: Reason = "a list of blocks that is empty is one that is not given";
const OPTIONAL: Reason = "Terraform has a default for it, or does without it";
const TOO_FEW_CHOICES: Reason = "a set has each value once, and there are not as many values";
const EMPTY_CHOICE: Reason = "an optional choice without a part says nothing, as hashicorp/aws had it";
const ABSENT: Reason = "Terraform has no such argument";

/// Summaries of Terraform's core.
const UNSUPPORTED: &str = "Unsupported argument";
const WRONG_TYPE: &str = "Incorrect attribute value type";
const MISSING: &str = "Missing required argument";

/// What Terraform's schema has at a place.
enum Has<'a> {
    Attribute(&'a terraform::Attribute),
    Block(&'a terraform::Block),
}

fn look<'a>(body: &'a Body, place: &[Segment]) -> Option<Has<'a>> {
    match place {
        [Segment::Field(name), rest @ ..] => {
            if let Some(found) = body.attributes.iter().find(|one| one.name == *name) {
                return Some(Has::Attribute(found));
            }
            let block = body.blocks.iter().find(|one| one.name == *name)?;
            match rest {
                [] | [Segment::Index(_)] => Some(Has::Block(block)),
                [_, rest @ ..] => look(&block.body, rest),
            }
        }
        _ => None,
    }
}

/// The place around: that of the block in which an argument or block stands.
fn around(place: &Pointer) -> Pointer {
    let mut outer = place.clone();
    while let Some(Segment::Index(_)) = outer.pop() {}
    outer
}

impl Mistake {
    fn of(broken: &InvalidResource) -> Result<Self, Reason> {
        let pointer = Pointer::parse(&broken.pointer).unwrap();
        let place = dialect::path(broken.kind, &pointer, Dialect::Terraform);
        let mut made = Self {
            kind: broken.kind,
            what: format!("{} {}", broken.kind, broken.what),
            block: Block::default(),
            says: vec![broken.code.0],
            places: vec![place.clone()],
        };
        let of_form = [codes::WRONG_TYPE, codes::UNKNOWN_FIELD, codes::MISSING_FIELD];
        if of_form.contains(&broken.code) && is_folded(broken, &place) {
            return Err(FOLDED);
        }
        if ![codes::WRONG_TYPE, codes::UNKNOWN_FIELD].contains(&broken.code) {
            made.block = Block::resource(broken.kind, &named(broken.kind, &broken.json));
        }
        match broken.code {
            codes::WRONG_TYPE => made.of_another_type(broken, &place)?,
            codes::UNKNOWN_FIELD => {
                made.right(broken, &place).set("misspelt", "1");
                made.says = vec![UNSUPPORTED];
            }
            codes::MISSING_FIELD => made.without(broken, &place)?,
            codes::UNION_EMPTY => {
                let body = terraform::resource(broken.kind).body;
                match look(&body, place.segments()) {
                    Some(Has::Block(block)) if block.optional_choice => return Err(EMPTY_CHOICE),
                    // Where the only member is a block that must be there.
                    _ => made.says.push("Insufficient"),
                }
            }
            codes::LIST_LENGTH => made.of_another_length(broken, &place)?,
            _ => {}
        }
        made.at_argument();
        Ok(made)
    }

    /// A place that is an element of a set or list of scalars is told at the argument that has it.
    fn at_argument(&mut self) {
        let body = terraform::resource(self.kind).body;
        for place in &mut self.places {
            let mut argument = place.clone();
            if let Some(Segment::Index(_)) = argument.pop()
                && matches!(look(&body, argument.segments()), Some(Has::Attribute(_)))
            {
                *place = argument;
            }
        }
    }

    /// The block around a place, in a resource that is right.
    fn right(&mut self, broken: &InvalidResource, place: &Pointer) -> &mut Block {
        self.block = Block::resource(broken.kind, &named(broken.kind, &broken.right));
        let outer = around(place);
        let found = self.block.at(outer.segments());
        found.unwrap_or_else(|| panic!("{} has no {outer}", self.what))
    }

    fn of_another_type(&mut self, broken: &InvalidResource, place: &Pointer) -> Result<(), Reason> {
        if broken.pointer.is_empty() {
            return Err(WHOLE);
        }
        let body = terraform::resource(broken.kind).body;
        let name = last_name(place);
        let (expression, says) = match look(&body, place.segments()).ok_or(ABSENT)? {
            Has::Block(_) => ("\"text\"", UNSUPPORTED),
            Has::Attribute(one) => match one.kind {
                Type::String => ("[\"text\"]", WRONG_TYPE),
                Type::Number => ("\"many\"", WRONG_TYPE),
                Type::Bool => ("\"perhaps\"", WRONG_TYPE),
                _ => ("\"text\"", WRONG_TYPE),
            },
        };
        let block = self.right(broken, place);
        block.blocks.retain(|(given, _)| *given != name);
        block.set(&name, expression);
        self.says = vec![says];
        let mut written = around(place);
        written.push(Segment::Field(name));
        self.places = vec![written, around(place)];
        if says == UNSUPPORTED {
            self.says.push("Insufficient");
        }
        Ok(())
    }

    /// What the place lacks, or has as null.
    fn without(&mut self, broken: &InvalidResource, place: &Pointer) -> Result<(), Reason> {
        let (_, how) = broken.what.rsplit_once(": ").unwrap();
        let (how, field) = how.split_once(' ').unwrap();
        let inner = Pointer::parse(&format!("{}/{field}", broken.pointer)).unwrap();
        let missing = dialect::path(broken.kind, &inner, Dialect::Terraform);
        let body = terraform::resource(broken.kind).body;
        let name = last_name(&missing);
        match (look(&body, missing.segments()).ok_or(ABSENT)?, how) {
            (Has::Block(_), "null") => return Err(NO_NULL_BLOCK),
            (Has::Block(one), _) if one.min == 0 => return Err(OPTIONAL),
            (Has::Block(_), _) => self.says = vec!["Insufficient"],
            (Has::Attribute(one), _) if !one.required => return Err(OPTIONAL),
            (Has::Attribute(_), "null") => {
                self.block.at(place.segments()).unwrap().set(&name, "null");
                self.places.push(missing);
                self.says.push(MISSING);
            }
            (Has::Attribute(_), _) => self.says = vec![MISSING],
        }
        Ok(())
    }

    fn of_another_length(&mut self, broken: &InvalidResource, place: &Pointer) -> Result<(), Reason> {
        let body = terraform::resource(broken.kind).body;
        if let Some(Has::Block(one)) = look(&body, place.segments()) {
            let is_short = broken.what.ends_with("short");
            if is_short && one.min == 0 {
                return Err(NO_EMPTY_LIST_OF_BLOCKS);
            }
            let max = one.max.unwrap_or_default();
            self.says = vec![if is_short { "Insufficient" } else { "Too many" }];
            self.places = vec![around(place), place.index(max)];
        }
        if let Some(Has::Attribute(one)) = look(&body, place.segments())
            && matches!(one.kind, Type::SetString | Type::SetNumber)
            && !has_each_once(&broken.json, &broken.pointer)
        {
            return Err(TOO_FEW_CHOICES);
        }
        Ok(())
    }
}

/// With the names that the model can do without, as the place of a document says them, and Terraform cannot.
fn named(kind: Kind, json: &Value) -> Value {
    let mut json = json.clone();
    for field in &schema::kind(kind).key {
        if json.get(field).is_none() {
            json[field] = "named".into();
        }
    }
    json
}

/// Whether a mistake is within what Terraform has as a map.
fn is_folded(broken: &InvalidResource, place: &Pointer) -> bool {
    let body = terraform::resource(broken.kind).body;
    let is_map =
        matches!(look(&body, place.segments()), Some(Has::Attribute(one)) if one.kind == Type::MapString);
    let mut outer = Pointer::parse(&broken.pointer).unwrap();
    outer.pop();
    is_map && dialect::path(broken.kind, &outer, Dialect::Terraform) == *place
}

fn has_each_once(json: &Value, pointer: &str) -> bool {
    let items = json.pointer(pointer).and_then(Value::as_array).unwrap();
    let texts: BTreeSet<String> = items.iter().map(Value::to_string).collect();
    texts.len() == items.len()
}

fn last_name(place: &Pointer) -> String {
    let names = place.segments().iter().rev();
    let name = names.filter_map(|segment| match segment {
        Segment::Field(name) => Some(name.clone()),
        Segment::Index(_) => None,
    });
    name.take(1).collect()
}

/// Each block that may be given once, given twice.
fn doubled(kind: Kind, seen: &mut BTreeSet<String>) -> Vec<Mistake> {
    let mut out = Vec::new();
    for seed in 0..120 {
        let whole = Block::resource(
            kind,
            &named(kind, &generate::resource(kind, &mut Chance::new(seed))),
        );
        let mut places = Vec::new();
        single_blocks(
            &terraform::resource(kind).body,
            &whole,
            &Pointer::root(),
            &mut places,
        );
        for place in places {
            let names = place.segments().iter().filter_map(|segment| match segment {
                Segment::Field(name) => Some(name.as_str()),
                Segment::Index(_) => None,
            });
            let what = format!("{kind} {}: twice", names.collect::<Vec<_>>().join("."));
            if !seen.insert(what.clone()) {
                continue;
            }
            let mut block = whole.clone();
            let twin = block.at(place.index(0).segments()).unwrap().clone();
            let outer = around(&place);
            block
                .at(outer.segments())
                .unwrap()
                .blocks
                .push((last_name(&place), twin));
            out.push(Mistake {
                kind,
                what,
                block,
                places: vec![outer, place.index(1)],
                says: vec!["Too many"],
            });
        }
    }
    out
}

fn single_blocks(body: &Body, block: &Block, place: &Pointer, out: &mut Vec<Pointer>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, inner) in &block.blocks {
        let model = body.blocks.iter().find(|one| one.name == *name).unwrap();
        let count = counts.entry(name).or_default();
        if model.max == Some(1) {
            out.push(place.field(name));
        }
        single_blocks(&model.body, inner, &place.field(name).index(*count), out);
        *count += 1;
    }
}

/// What is wrong with the diagnostics of one mistake, each with the place that it points at.
fn judge(mistake: &Mistake, found: &[(Option<String>, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    if found.is_empty() {
        wrong.push("is accepted".to_owned());
    }
    for (place, said) in found {
        let is_here = mistake.places.iter().any(|one| Some(one.to_string()) == *place);
        if !is_here {
            wrong.push(format!(
                "is told at {place:?}, not at {}: {said}",
                mistake.places[0]
            ));
        }
        if !mistake.says.iter().any(|word| said.contains(word)) {
            wrong.push(format!("says no {:?}: {said}", mistake.says));
        }
    }
    wrong
}

#[test]
fn each_constraint_of_the_schema_is_told_at_its_argument() {
    let mut mistakes = Vec::new();
    let mut inexpressible: BTreeMap<Reason, usize> = BTreeMap::new();
    for broken in broken::all() {
        match Mistake::of(broken) {
            Ok(mistake) => mistakes.push(mistake),
            Err(reason) => *inexpressible.entry(reason).or_default() += 1,
        }
    }
    let mut seen = BTreeSet::new();
    for kind in Kind::ALL {
        mistakes.extend(doubled(kind, &mut seen));
    }
    let mut script = Script::default();
    for (number, mistake) in mistakes.iter().enumerate() {
        let name = type_name(mistake.kind, number % 2 == 1);
        script.resource(&name, &format!("s{number}"), &mistake.block);
    }
    let world = World::new("");
    world.write_files(&script.files);
    let ran = world.run(&["validate", "-json"]);
    no_panic(&ran.text);
    let said: Value = serde_json::from_str(&ran.text).unwrap();
    let mut by_label: BTreeMap<String, Vec<(Option<String>, String)>> = BTreeMap::new();
    let errors = said["diagnostics"].as_array().unwrap().iter();
    for one in errors.filter(|one| one["severity"] == "error") {
        let file = one["range"]["filename"].as_str().unwrap_or_default();
        let line = one["range"]["start"]["line"].as_u64().unwrap_or_default();
        let place = script.place_on(file, usize::try_from(line).unwrap());
        let text = format!(
            "{}: {}",
            one["summary"].as_str().unwrap(),
            one["detail"].as_str().unwrap()
        );
        by_label
            .entry(file.trim_end_matches(".tf").to_owned())
            .or_default()
            .push((place.map(|(_, place)| place.clone()), text));
    }
    let mut failures = Vec::new();
    for (number, mistake) in mistakes.iter().enumerate() {
        let found = by_label.remove(&format!("s{number}")).unwrap_or_default();
        let wrong = judge(mistake, &found).into_iter();
        failures.extend(wrong.map(|wrong| format!("s{number} {} {wrong}", mistake.what)));
    }
    println!(
        "{} mistakes; not to be expressed: {inexpressible:#?}",
        mistakes.len()
    );
    assert!(by_label.is_empty(), "{by_label:?}");
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

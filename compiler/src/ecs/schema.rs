//! The part of JSON Schema in which the form of a rendered task definition is written
//! (`templates/ecs/task-definition.schema.json`). A schema library for one schema of our own would be two thirds of what
//! this crate links; the tests hold this reader against one.

use meshform_model::pointer::Pointer;
use serde_json::Value as Json;

/// The keywords that are understood. What is none of them only describes.
#[cfg(test)]
pub(super) const KEYWORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "enum",
    "if",
    "items",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "then",
    "type",
];

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) at: Pointer,
    pub(super) what: String,
}

/// Everything in which a document differs from a schema.
pub(super) fn misfits(schema: &Json, document: &Json) -> Vec<Misfit> {
    let mut walk = Walk {
        root: schema,
        found: Vec::new(),
    };
    walk.value(schema, document, &Pointer::root());
    walk.found
}

struct Walk<'s> {
    root: &'s Json,
    found: Vec<Misfit>,
}

impl<'s> Walk<'s> {
    fn wrong(&mut self, at: &Pointer, what: String) {
        self.found.push(Misfit { at: at.clone(), what });
    }

    fn fits(&self, schema: &'s Json, value: &Json) -> bool {
        let mut walk = Walk {
            root: self.root,
            found: Vec::new(),
        };
        walk.value(schema, value, &Pointer::root());
        walk.found.is_empty()
    }

    fn value(&mut self, schema: &'s Json, value: &Json, at: &Pointer) {
        if *schema == Json::Bool(false) {
            return self.wrong(at, "is not expected here".to_owned());
        }
        let named = schema.get("$ref").and_then(Json::as_str);
        if let Some(named) = named.and_then(|name| self.root.pointer(name.strip_prefix('#')?)) {
            self.value(named, value, at);
        }
        if let Some(wanted) = schema.get("type").and_then(Json::as_str)
            && !is_of(wanted, value)
        {
            return self.wrong(at, format!("{} is not of type `{wanted}`", short(value)));
        }
        if schema.get("const").is_some_and(|wanted| wanted != value) {
            self.wrong(
                at,
                format!("{} is not the value that is expected here", short(value)),
            );
        }
        if let Some(choices) = schema.get("enum").and_then(Json::as_array)
            && !choices.contains(value)
        {
            let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
            self.wrong(at, format!("{} is none of {}", short(value), choices.join(", ")));
        }
        if let Some(any) = schema.get("anyOf").and_then(Json::as_array)
            && !any.iter().any(|one| self.fits(one, value))
        {
            self.wrong(
                at,
                format!("{} has none of the forms that it may have", short(value)),
            );
        }
        if let (Some(condition), Some(then)) = (schema.get("if"), schema.get("then"))
            && self.fits(condition, value)
        {
            self.value(then, value, at);
        }
        match value {
            Json::Object(members) => self.object(schema, members, at),
            Json::Array(items) => self.array(schema, items, at),
            Json::String(text) => self.text(schema, text, at),
            Json::Number(number) => self.number(schema, number, at),
            Json::Null | Json::Bool(_) => {}
        }
    }

    fn object(&mut self, schema: &'s Json, members: &serde_json::Map<String, Json>, at: &Pointer) {
        let required = schema.get("required").and_then(Json::as_array);
        let required = required.into_iter().flatten().filter_map(Json::as_str);
        for name in required.filter(|name| !members.contains_key(*name)) {
            self.wrong(at, format!("`{name}` is missing"));
        }
        let bound = |name| schema.get(name).and_then(Json::as_u64);
        let count = members.len() as u64;
        if bound("minProperties").is_some_and(|least| count < least) {
            self.wrong(at, "has too few members".to_owned());
        }
        if bound("maxProperties").is_some_and(|most| count > most) {
            self.wrong(at, "has too many members".to_owned());
        }
        let names = schema.get("propertyNames");
        let known = schema.get("properties");
        let others = schema.get("additionalProperties");
        for (name, value) in members {
            let below = at.field(name);
            if let Some(names) = names {
                self.text(names, name, &below);
            }
            let of_name = known.and_then(|known| known.get(name));
            if let Some(schema) = of_name.or(others) {
                self.value(schema, value, &below);
            }
        }
    }

    fn array(&mut self, schema: &'s Json, items: &[Json], at: &Pointer) {
        let least = schema.get("minItems").and_then(Json::as_u64);
        if least.is_some_and(|least| (items.len() as u64) < least) {
            self.wrong(at, "has too few items".to_owned());
        }
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(schema, item, &at.index(index));
            }
        }
    }

    fn text(&mut self, schema: &Json, text: &str, at: &Pointer) {
        let least = schema.get("minLength").and_then(Json::as_u64);
        if least.is_some_and(|least| (text.chars().count() as u64) < least) {
            self.wrong(at, "is too short".to_owned());
        }
        if let Some(pattern) = schema.get("pattern").and_then(Json::as_str)
            && regex_lite::Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
        {
            self.wrong(at, format!("{text:?} does not match `{pattern}`"));
        }
    }

    fn number(&mut self, schema: &Json, number: &serde_json::Number, at: &Pointer) {
        let (Some(number), bound) = (number.as_f64(), |name| schema.get(name).and_then(Json::as_f64)) else {
            return;
        };
        if bound("minimum").is_some_and(|least| number < least) {
            self.wrong(at, format!("{number} is too small"));
        }
        if bound("maximum").is_some_and(|most| number > most) {
            self.wrong(at, format!("{number} is too large"));
        }
    }
}

fn is_of(name: &str, value: &Json) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// A value as a message shows it.
fn short(value: &Json) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn schema() -> Json {
        serde_json::from_str(include_str!("../../../templates/ecs/task-definition.schema.json")).unwrap()
    }

    fn template(container: &Json) -> Json {
        let task = json!({"Family": "f", "ContainerDefinitions": [container]});
        json!({"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": task}}})
    }

    /// The keywords of a schema, wherever they stand.
    fn keywords(schema: &Json, found: &mut BTreeSet<String>) {
        let Some(members) = schema.as_object() else {
            return;
        };
        for (keyword, below) in members {
            found.insert(keyword.clone());
            match keyword.as_str() {
                "properties" | "$defs" => {
                    let all = below.as_object().unwrap().values();
                    all.for_each(|one| keywords(one, found));
                }
                "anyOf" => below
                    .as_array()
                    .unwrap()
                    .iter()
                    .for_each(|one| keywords(one, found)),
                _ => keywords(below, found),
            }
        }
    }

    #[test]
    fn every_keyword_of_the_schema_is_understood() {
        let mut found = BTreeSet::new();
        keywords(&schema(), &mut found);
        let describes = ["$schema", "$id", "$defs", "title", "description"];
        found.retain(|one| !KEYWORDS.contains(&one.as_str()) && !describes.contains(&one.as_str()));
        assert_eq!(found, BTreeSet::new());
    }

    #[test]
    fn a_schema_library_finds_fault_with_the_same_documents() {
        let schema = schema();
        let oracle = jsonschema::validator_for(&schema).unwrap();
        let fine = json!({"Name": "envoy", "Image": "envoy:v1", "Essential": true});
        let mut documents = vec![json!({}), json!([]), json!({"Resources": {}}), template(&fine)];
        let values = [
            json!(null),
            json!(true),
            json!(7),
            json!(0),
            json!(70000),
            json!(1.5),
            json!(""),
            json!("a b"),
            json!("10s"),
            json!([]),
            json!([""]),
            json!(["CMD", "true"]),
            json!({}),
            json!({"Ref": "A"}),
            json!({"Ref": "A", "Fn::Sub": "b"}),
            json!([{}]),
            json!([{"Name": "A", "Value": "b"}]),
            json!([{"Name": "A", "Value": 1, "More": 2}]),
            json!([{"ContainerPort": 80}]),
            json!([{"ContainerPort": 0, "Protocol": "udp"}]),
            json!([{"ContainerName": "a", "Condition": "HEALTHY"}]),
        ];
        let fields = schema
            .pointer("/$defs/container/properties")
            .unwrap()
            .as_object()
            .unwrap();
        let names = fields.keys().map(String::as_str).chain(["Unheard"]);
        for name in names {
            for value in &values {
                let mut container = fine.clone();
                container[name] = value.clone();
                documents.push(template(&container));
            }
        }
        let (mut good, mut bad) = (0, 0);
        for document in &documents {
            let found = misfits(&schema, document);
            assert_eq!(
                found.is_empty(),
                oracle.is_valid(document),
                "{document}: {found:?}"
            );
            *(if found.is_empty() { &mut good } else { &mut bad }) += 1;
        }
        assert!(good > 20 && bad > 100, "{good} good, {bad} bad");
    }
}

//! The places where a template refers to a resource: `Ref`, `Fn::GetAtt`, `Fn::Sub`, `DependsOn`.

use crate::frontend::sub::{SubPart, parts};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// How a resource is referred to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use<'a> {
    Ref,
    Attribute(&'a str),
    /// By an attribute whose name an expression gives.
    Computed(&'a Json),
}

/// What replaces a reference to a logical id; none where it stays.
pub(super) type Replace<'f> = dyn FnMut(&str, Use<'_>) -> Option<Json> + 'f;

/// Replaces every reference within `json` that `with` has something else for.
pub(super) fn replace(json: &mut Json, with: &mut Replace<'_>) {
    match json {
        Json::Array(list) => list.iter_mut().for_each(|item| replace(item, with)),
        Json::Object(map) => {
            if let Some(new) = function(map, with) {
                *json = new;
                return;
            }
            map.values_mut().for_each(|value| replace(value, with));
        }
        _ => {}
    }
}

/// The replacement of an expression as a whole. A text of `Fn::Sub` is changed in its place.
fn function(map: &mut Map<String, Json>, with: &mut Replace<'_>) -> Option<Json> {
    if map.len() != 1 {
        return None;
    }
    let (name, argument) = map.iter_mut().next()?;
    match (name.as_str(), argument) {
        ("Ref", Json::String(id)) => with(id, Use::Ref),
        ("Fn::GetAtt", Json::String(text)) => {
            let (id, attribute) = text.split_once('.')?;
            with(id, Use::Attribute(attribute))
        }
        ("Fn::GetAtt", Json::Array(parts)) => match parts.as_slice() {
            [Json::String(id), Json::String(attribute)] => with(id, Use::Attribute(attribute)),
            [Json::String(id), attribute] => with(id, Use::Computed(attribute)),
            _ => None,
        },
        ("Fn::Sub", argument) => {
            substitute(argument, with);
            None
        }
        _ => None,
    }
}

/// Replaces what a text of `Fn::Sub` names.
fn substitute(argument: &mut Json, with: &mut Replace<'_>) {
    let (text, mut values) = match &*argument {
        Json::String(text) => (text.clone(), Map::new()),
        Json::Array(list) => match list.as_slice() {
            [Json::String(text), Json::Object(values)] => (text.clone(), values.clone()),
            _ => return,
        },
        _ => return,
    };
    let mut out = String::new();
    let mut changed = false;
    for part in parts(&text) {
        match part {
            SubPart::Text(text) => out.push_str(&literal(&text)),
            SubPart::Name(name) => {
                let new = match (values.contains_key(name), name.split_once('.')) {
                    (true, _) => None,
                    (false, Some((id, attribute))) => with(id, Use::Attribute(attribute)),
                    (false, None) => with(name, Use::Ref),
                };
                changed |= new.is_some();
                match new {
                    Some(new) => embed(&mut out, &mut values, name, new),
                    None => out.push_str(&format!("${{{name}}}")),
                }
            }
        }
    }
    if changed {
        *argument = match values.is_empty() {
            true => Json::String(out),
            false => json!([out, values]),
        };
    }
}

/// Text as it is meant, in the notation of `Fn::Sub`.
fn literal(text: &str) -> String {
    text.replace("${", "${!")
}

/// Puts a value into a text: by name where it is a plain reference, else as a variable of the text.
fn embed(out: &mut String, values: &mut Map<String, Json>, name: &str, new: Json) {
    if let Json::String(text) = &new {
        return out.push_str(&literal(text));
    }
    let single = new.as_object().filter(|map| map.len() == 1);
    match single.and_then(|map| map.iter().next()) {
        Some((function, Json::String(id))) if function == "Ref" && !values.contains_key(id) => {
            return out.push_str(&format!("${{{id}}}"));
        }
        Some((function, Json::Array(parts))) if function == "Fn::GetAtt" => {
            let parts: Option<Vec<&str>> = parts.iter().map(Json::as_str).collect();
            if let Some(parts) = parts {
                return out.push_str(&format!("${{{}}}", parts.join(".")));
            }
        }
        _ => {}
    }
    let mut variable: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    while values.get(&variable).is_some_and(|there| *there != new) {
        variable.push('2');
    }
    out.push_str(&format!("${{{variable}}}"));
    values.insert(variable, new);
}

/// The logical names to which the expressions below refer, of parameters and resources alike.
pub(crate) fn named(json: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut copy = json.clone();
    replace(&mut copy, &mut |id, _| {
        found.insert(id.to_owned());
        None
    });
    found
}

/// Renames what a resource depends on, or takes it out where there is no other name.
pub(super) fn depend(resource: &mut Json, rename: &dyn Fn(&str) -> Option<Option<String>>) {
    let Some(fields) = resource.as_object_mut() else {
        return;
    };
    let renamed = |name: &Json| match name.as_str().and_then(rename) {
        Some(other) => other.map(Json::String),
        None => Some(name.clone()),
    };
    let kept = match fields.get("DependsOn") {
        Some(Json::Array(names)) => {
            let names: Vec<Json> = names.iter().filter_map(renamed).collect();
            (!names.is_empty()).then_some(Json::Array(names))
        }
        Some(name) => renamed(name),
        None => return,
    };
    match kept {
        Some(kept) => drop(fields.insert("DependsOn".to_owned(), kept)),
        None => drop(fields.remove("DependsOn")),
    }
}

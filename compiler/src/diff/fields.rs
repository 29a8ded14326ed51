//! What differs within one resource, along its schema.

use meshform_model::kind::Kind;
use meshform_model::schema::{self, ListShape, SchemaNode, Shape};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Where: names of fields from the resource's root; an element of a list is its key or its number, in brackets.
    pub path: String,
    /// What is named last, in words: `weight of serviceb`.
    pub words: String,
    pub kind: FieldKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// Only the second has it.
    Set(Json),
    /// Only the first has it.
    Unset(Json),
    /// The value of the first, then that of the second.
    Changed(Json, Json),
    /// A list whose order has a meaning holds the same in another order.
    Reordered,
}

/// Everything that differs between two bodies of that kind, in canonical form.
pub(super) fn compare(kind: Kind, before: &Json, after: &Json) -> Vec<FieldChange> {
    let mut walk = Walk {
        path: Vec::new(),
        out: Vec::new(),
    };
    let names = &schema::kind(kind).key;
    let rest = |body: &Json| {
        let mut body = body.as_object().cloned().unwrap_or_default();
        body.retain(|name, _| !names.contains(name));
        body
    };
    walk.object(Some(schema::kind(kind).root), &rest(before), &rest(after));
    walk.out
}

/// The mesh's owner, which stands beside what a resource says.
pub(super) fn owner(before: Option<&str>, after: Option<&str>) -> Option<FieldChange> {
    let kind = match (before, after) {
        _ if before == after => return None,
        (Some(before), Some(after)) => FieldKind::Changed(before.into(), after.into()),
        (Some(before), None) => FieldKind::Unset(before.into()),
        (None, after) => FieldKind::Set(after.into()),
    };
    Some(FieldChange {
        path: "meshOwner".to_owned(),
        words: "mesh owner".to_owned(),
        kind,
    })
}

/// A step down: a field, or an element by its key.
enum PathSegment {
    Field(String),
    Element(String),
}

struct Walk {
    path: Vec<PathSegment>,
    out: Vec<FieldChange>,
}

impl Walk {
    fn value(&mut self, schema: Option<&SchemaNode>, before: &Json, after: &Json) {
        if before == after {
            return;
        }
        match (schema.map(|node| &node.shape), before, after) {
            _ if duration(before).is_some() || duration(after).is_some() => {
                self.tell(FieldKind::Changed(before.clone(), after.clone()));
            }
            (_, Json::Object(before), Json::Object(after)) => self.object(schema, before, after),
            (Some(Shape::List(list)), Json::Array(before), Json::Array(after)) => {
                self.list(list, before, after)
            }
            _ => self.tell(FieldKind::Changed(before.clone(), after.clone())),
        }
    }

    fn object(&mut self, schema: Option<&SchemaNode>, before: &Map<String, Json>, after: &Map<String, Json>) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let shape = match schema.map(|node| &node.shape) {
                Some(Shape::Object(shape) | Shape::Union(shape)) => shape.field(name).map(|field| field.node),
                _ => None,
            };
            self.path.push(PathSegment::Field(name.clone()));
            self.both(shape, (before.get(name), after.get(name)));
            self.path.pop();
        }
    }

    fn both(&mut self, schema: Option<&SchemaNode>, of: (Option<&Json>, Option<&Json>)) {
        match of {
            (Some(before), Some(after)) => self.value(schema, before, after),
            (Some(before), None) => self.tell(FieldKind::Unset(before.clone())),
            (None, Some(after)) => self.tell(FieldKind::Set(after.clone())),
            (None, None) => {}
        }
    }

    fn list(&mut self, list: &ListShape, before: &[Json], after: &[Json]) {
        if let (true, Some(old), Some(new)) = (list.unordered, keyed(list, before), keyed(list, after)) {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                self.path.push(PathSegment::Element(key.clone()));
                self.both(Some(list.items), (old.get(key).copied(), new.get(key).copied()));
                self.path.pop();
            }
            return;
        }
        if sorted(before) == sorted(after) {
            if !list.unordered {
                self.tell(FieldKind::Reordered);
            }
            return;
        }
        for at in 0..before.len().max(after.len()) {
            self.path.push(PathSegment::Element((at + 1).to_string()));
            self.both(Some(list.items), (before.get(at), after.get(at)));
            self.path.pop();
        }
    }

    fn tell(&mut self, kind: FieldKind) {
        let mut path = String::new();
        for step in &self.path {
            match step {
                PathSegment::Field(name) if path.is_empty() => path.push_str(name),
                PathSegment::Field(name) => path.push_str(&format!(".{name}")),
                PathSegment::Element(key) => path.push_str(&format!("[{key}]")),
            }
        }
        self.out.push(FieldChange {
            path,
            words: self.words(),
            kind,
        });
    }

    /// The last field and, where it is in an element of a list, of which.
    fn words(&self) -> String {
        let mut fields = self.path.iter().rev().filter_map(|step| match step {
            PathSegment::Field(name) => Some(spaced(name)),
            PathSegment::Element(_) => None,
        });
        let last = fields.next().unwrap_or_default();
        let element = self.path.iter().rev().find_map(|step| match step {
            PathSegment::Element(key) => Some(key),
            PathSegment::Field(_) => None,
        });
        let is_element = matches!(self.path.last(), Some(PathSegment::Element(_)));
        match (element, fields.next()) {
            (Some(key), _) if is_element => format!("{last} {key}"),
            (Some(key), _) => format!("{last} of {key}"),
            (None, Some(outer)) if outer != "spec" && !last.starts_with(&outer) => format!("{outer} {last}"),
            (None, _) => last,
        }
    }
}

/// The elements by their key; nothing where two have the same.
fn keyed<'j>(list: &ListShape, elements: &'j [Json]) -> Option<BTreeMap<String, &'j Json>> {
    if list.key.is_empty() {
        return None;
    }
    let mut out = BTreeMap::new();
    for element in elements {
        let parts = list.key.iter().filter_map(|path| {
            let pointer = format!("/{}", path.replace('.', "/"));
            element.pointer(&pointer).map(shown)
        });
        let key = parts.collect::<Vec<_>>().join(" ");
        if out.insert(key, element).is_some() {
            return None;
        }
    }
    Some(out)
}

fn sorted(elements: &[Json]) -> Vec<String> {
    let mut all: Vec<String> = elements.iter().map(Json::to_string).collect();
    all.sort();
    all
}

/// A field's name as words of a sentence: `maxRetries` as `max retries`.
fn spaced(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn duration(value: &Json) -> Option<String> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    Some(format!(
        "{} {}",
        object.get("value")?.as_u64()?,
        object.get("unit")?.as_str()?
    ))
}

/// A value as it is shown: texts without quotes, durations as people write them, what is long cut.
fn shown(value: &Json) -> String {
    const MOST: usize = 100;
    let text = match value {
        Json::String(text) => text.clone(),
        value => duration(value).unwrap_or_else(|| value.to_string()),
    };
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = &self.words;
        match &self.kind {
            FieldKind::Set(value) => write!(f, "{words} set to {}", shown(value)),
            FieldKind::Unset(value) => write!(f, "{words} no longer set (was {})", shown(value)),
            FieldKind::Changed(before, after) => write!(f, "{words} {} → {}", shown(before), shown(after)),
            FieldKind::Reordered => write!(f, "{words} in another order"),
        }
    }
}

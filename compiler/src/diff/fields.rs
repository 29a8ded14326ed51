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
    /// Of an element of a list, its members (by path, `a.b`) that the words name already.
    pub named: Vec<String>,
}

/// The former and the present names of what was renamed.
pub(super) type Renames<'r> = BTreeSet<(&'r str, &'r str)>;

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
pub(super) fn compare(kind: Kind, before: &Json, after: &Json, renames: &Renames<'_>) -> Vec<FieldChange> {
    let mut walk = Walk {
        renames,
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
        named: Vec::new(),
    })
}

/// A step down: a field, or an element by its key.
enum PathSegment {
    Field(String),
    Element(String),
}

/// An element as it would be if what it refers to had been called by its new name before.
struct RenamedElement {
    key: String,
    was: String,
    now: String,
    renamed: Json,
}

struct Walk<'w> {
    renames: &'w Renames<'w>,
    path: Vec<PathSegment>,
    out: Vec<FieldChange>,
}

impl Walk<'_> {
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
            self.both(shape, before.get(name), after.get(name));
            self.path.pop();
        }
    }

    fn both(&mut self, schema: Option<&SchemaNode>, before: Option<&Json>, after: Option<&Json>) {
        match (before, after) {
            (Some(before), Some(after)) => self.value(schema, before, after),
            (Some(before), None) => self.tell(FieldKind::Unset(before.clone())),
            (None, Some(after)) => self.tell(FieldKind::Set(after.clone())),
            (None, None) => {}
        }
    }

    fn list(&mut self, list: &ListShape, before: &[Json], after: &[Json]) {
        if let (true, Some(old), Some(new)) = (list.unordered, keyed(list, before), keyed(list, after)) {
            self.by_key(list, old, &new);
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
            self.both(Some(list.items), before.get(at), after.get(at));
            self.path.pop();
        }
    }

    fn by_key<'j>(
        &mut self,
        list: &ListShape,
        mut old: BTreeMap<String, &'j Json>,
        new: &BTreeMap<String, &'j Json>,
    ) {
        for (key, element) in new {
            let Some(former) = self.former(list, key, &old, new) else {
                continue;
            };
            self.path.push(PathSegment::Element(key.clone()));
            let words = self.element_words();
            self.tell_as(words, FieldKind::Changed(former.was.into(), former.now.into()));
            self.value(Some(list.items), &former.renamed, element);
            self.path.pop();
            old.remove(&former.key);
            old.insert(key.clone(), element);
        }
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let (before, after) = (old.get(key).copied(), new.get(key).copied());
            self.path.push(PathSegment::Element(key.clone()));
            self.both(Some(list.items), before, after);
            if let ((Some(_), None) | (None, Some(_)), Some(told)) = ((before, after), self.out.last_mut()) {
                told.named.clone_from(&list.key);
            }
            self.path.pop();
        }
    }

    /// The element that became the one of that key because what it refers to was renamed.
    fn former(
        &self,
        list: &ListShape,
        key: &str,
        old: &BTreeMap<String, &Json>,
        new: &BTreeMap<String, &Json>,
    ) -> Option<RenamedElement> {
        if self.renames.is_empty() || old.contains_key(key) {
            return None;
        }
        let gone = old.iter().filter(|(was, _)| !new.contains_key(*was));
        gone.into_iter().find_map(|(was_key, element)| {
            let mut renamed = (*element).clone();
            let mut names = None;
            for path in &list.key {
                let Some(Json::String(text)) = renamed.pointer_mut(&pointer(path)) else {
                    continue;
                };
                if let Some((was, now)) = self.renames.iter().find(|(was, _)| *was == text.as_str()) {
                    names = Some(((*was).to_owned(), (*now).to_owned()));
                    *text = (*now).to_owned();
                }
            }
            let (was, now) = names.filter(|_| key_of(list, &renamed) == key)?;
            Some(RenamedElement {
                key: was_key.clone(),
                was,
                now,
                renamed,
            })
        })
    }

    fn tell(&mut self, kind: FieldKind) {
        let words = self.words();
        self.tell_as(words, kind);
    }

    fn tell_as(&mut self, words: String, kind: FieldKind) {
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
            words,
            kind,
            named: Vec::new(),
        });
    }

    /// What an element of the list at hand is called: `weighted target`.
    fn element_words(&self) -> String {
        let list = self.path.iter().rev().find_map(|step| match step {
            PathSegment::Field(name) => Some(spaced(name)),
            PathSegment::Element(_) => None,
        });
        let list = list.unwrap_or_default();
        let one = list.strip_suffix('s').filter(|one| !one.ends_with('s'));
        one.unwrap_or(&list).to_owned()
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
            (Some(key), _) if is_element => format!("{} {key}", self.element_words()),
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
        if out.insert(key_of(list, element), element).is_some() {
            return None;
        }
    }
    Some(out)
}

fn key_of(list: &ListShape, element: &Json) -> String {
    let parts = list
        .key
        .iter()
        .filter_map(|path| element.pointer(&pointer(path)).map(shown));
    parts.collect::<Vec<_>>().join(" ")
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
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

/// A value as it is shown: texts without quotes, durations and objects as people write them, what is long cut.
fn shown(value: &Json) -> String {
    cut(phrase(value))
}

fn cut(text: String) -> String {
    // Two lines of a terminal.
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn phrase(value: &Json) -> String {
    match value {
        Json::String(text) if text.is_empty() => "an empty text".to_owned(),
        Json::String(text) => text.clone(),
        Json::Object(object) => match duration(value) {
            Some(duration) => duration,
            None => members(object, "", &[]),
        },
        Json::Array(items) => match items.as_slice() {
            [] => "an empty list".to_owned(),
            [one] => phrase(one),
            several => format!("[{}]", several.iter().map(phrase).collect::<Vec<_>>().join("; ")),
        },
        scalar => scalar.to_string(),
    }
}

/// `virtual node canary, weight 25`: the members of an object but those that are named already.
fn members(object: &Map<String, Json>, at: &str, named: &[String]) -> String {
    let members = object.iter().filter_map(|(name, value)| {
        let path = match at {
            "" => name.clone(),
            at => format!("{at}.{name}"),
        };
        if named.contains(&path) {
            return None;
        }
        let words = spaced(name);
        let Some(inner) = value.as_object().filter(|_| duration(value).is_none()) else {
            return Some(format!("{words} {}", phrase(value)));
        };
        let text = members(inner, &path, named);
        let within = format!("{path}.");
        if !text.is_empty() && named.iter().any(|one| one.starts_with(&within)) {
            // What names the element names what it stands in.
            return Some(text);
        }
        match (inner.len(), text.is_empty()) {
            // `virtual service` around `virtual service name x` says nothing.
            (1, false) if text.starts_with(&words) => Some(text),
            (1, false) => Some(format!("{words} {text}")),
            (0, _) => Some(words),
            (_, false) => Some(format!("{words} ({text})")),
            (_, true) => None,
        }
    });
    members.collect::<Vec<_>>().join(", ")
}

impl FieldChange {
    /// Whether it is an element of a list that came or went as a whole.
    fn is_element(&self) -> bool {
        self.path.ends_with(']')
    }

    /// What an element says beside what names it, in parentheses.
    fn rest(&self, value: &Json) -> String {
        let text = match value.as_object() {
            Some(object) => members(object, "", &self.named),
            None => phrase(value),
        };
        match text.is_empty() {
            true => String::new(),
            false => format!(" ({})", cut(text)),
        }
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = &self.words;
        match &self.kind {
            FieldKind::Set(value) if self.is_element() => write!(f, "{words} new{}", self.rest(value)),
            FieldKind::Unset(value) if self.is_element() => write!(f, "{words} gone{}", self.rest(value)),
            FieldKind::Set(value) => write!(f, "{words} set to {}", shown(value)),
            FieldKind::Unset(value) => write!(f, "{words} no longer set (was {})", shown(value)),
            FieldKind::Changed(before, after) => write!(f, "{words} {} → {}", shown(before), shown(after)),
            FieldKind::Reordered => write!(f, "{words} in another order"),
        }
    }
}

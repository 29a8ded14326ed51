//! Reading and changing parts of a value.

use std::sync::Arc;

use super::{Entries, Number, Refinement, Value};
use crate::path::{Path, PathStep};

static NULL: Value = Value::Null;

impl Value {
    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self.plain(), Self::Null)
    }

    /// Whether the value itself is not known yet. Parts of a known collection may still be unknown.
    pub fn is_unknown(&self) -> bool {
        matches!(self.plain(), Self::Unknown(_))
    }

    /// Whether nothing in it is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(items) | Self::Set(items) => items.iter().all(Self::is_wholly_known),
            Self::Map(entries) | Self::Object(entries) => entries.values().all(Self::is_wholly_known),
            Self::Dynamic(inner) => inner.1.is_wholly_known(),
        }
    }

    /// The value without the type that it may carry.
    pub fn plain(&self) -> &Value {
        match self {
            Self::Dynamic(inner) => inner.1.plain(),
            other => other,
        }
    }

    /// The text of a known string.
    pub fn as_str(&self) -> Option<&str> {
        match self.plain() {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value, where it is a `bool`; `None` for null, unknown and other types.
    pub fn as_bool(&self) -> Option<bool> {
        match self.plain() {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The value, where it is a `number`; `None` for null, unknown and other types.
    pub fn as_number(&self) -> Option<&Number> {
        match self.plain() {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A known whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The elements of a known list, tuple or set; empty for everything else.
    pub fn items(&self) -> &[Value] {
        match self.plain() {
            Self::List(items) | Self::Set(items) => items,
            _ => &[],
        }
    }

    /// The elements of a known list, tuple or set, to be changed.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Self::List(items) | Self::Set(items) => Some(items),
            Self::Dynamic(inner) => inner.1.items_mut(),
            _ => None,
        }
    }

    /// The entries of a known map or object.
    pub fn entries(&self) -> Option<&Entries> {
        match self.plain() {
            Self::Map(entries) | Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries of a known map or object, to be changed.
    pub fn entries_mut(&mut self) -> Option<&mut Entries> {
        match self {
            Self::Map(entries) | Self::Object(entries) => Some(entries),
            Self::Dynamic(inner) => inner.1.entries_mut(),
            _ => None,
        }
    }

    /// An attribute of an object or an entry of a map. Below an unknown value everything is unknown; what
    /// is not there is null.
    pub fn get(&self, name: &str) -> &Value {
        match self.plain() {
            Self::Map(entries) | Self::Object(entries) => entries.get(name).unwrap_or(&NULL),
            unknown @ Self::Unknown(_) => unknown,
            _ => &NULL,
        }
    }

    /// The text of a string attribute.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    /// Sets an attribute of an object or an entry of a map; a null becomes an object.
    pub fn set_attr(&mut self, name: impl Into<Arc<str>>, value: impl Into<Value>) {
        if self.is_null() {
            *self = Self::Object(Entries::new());
        }
        if let Some(entries) = self.entries_mut() {
            entries.insert(name.into(), value.into());
        }
    }

    /// The same with an attribute set.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, value: impl Into<Value>) -> Self {
        self.set_attr(name, value);
        self
    }

    /// The part at a place: `None` where there is nothing, an unknown where the way leads through one.
    pub fn at(&self, path: &Path) -> Option<&Value> {
        let mut here = self;
        for step in path.steps() {
            here = match (here.plain(), step) {
                (unknown @ Self::Unknown(_), _) => unknown,
                (
                    Self::Object(entries) | Self::Map(entries),
                    PathStep::Attribute(name) | PathStep::Key(name),
                ) => entries.get(name)?,
                (Self::List(items) | Self::Set(items), PathStep::Index(index) | PathStep::Element(index)) => {
                    items.get(*index)?
                }
                _ => return None,
            };
        }
        Some(here)
    }

    /// The part at a place, to be changed.
    pub fn at_mut(&mut self, path: &Path) -> Option<&mut Value> {
        let mut here = self;
        for step in path.steps() {
            while let Self::Dynamic(inner) = here {
                here = &mut inner.1;
            }
            here = match (here, step) {
                (
                    Self::Object(entries) | Self::Map(entries),
                    PathStep::Attribute(name) | PathStep::Key(name),
                ) => entries.get_mut(name)?,
                (Self::List(items) | Self::Set(items), PathStep::Index(index) | PathStep::Element(index)) => {
                    items.get_mut(*index)?
                }
                _ => return None,
            };
        }
        Some(here)
    }

    /// Replaces the part at a place and says whether there was one.
    pub fn set_at(&mut self, path: &Path, value: impl Into<Value>) -> bool {
        if path.is_root() {
            *self = value.into();
            return true;
        }
        let Some(parent) = self.at_mut(&path.parent()) else {
            return false;
        };
        match (path.steps().last(), parent) {
            (Some(PathStep::Attribute(name) | PathStep::Key(name)), parent) => match parent.entries_mut() {
                Some(entries) => {
                    entries.insert(Arc::clone(name), value.into());
                    true
                }
                None => false,
            },
            (Some(PathStep::Index(index) | PathStep::Element(index)), parent) => {
                match parent.items_mut().and_then(|items| items.get_mut(*index)) {
                    Some(slot) => {
                        *slot = value.into();
                        true
                    }
                    None => false,
                }
            }
            (None, _) => false,
        }
    }

    /// Visits every part, containers before what they contain. The visitor says whether to go deeper.
    pub fn walk<'v>(&'v self, visit: &mut dyn FnMut(&Path, &'v Value) -> bool) {
        walk(self, &mut Path::root(), visit);
    }

    /// The places of all unknown parts.
    pub fn unknown_paths(&self) -> Vec<Path> {
        let mut found = Vec::new();
        self.walk(&mut |path, value| {
            if value.is_unknown() {
                found.push(path.clone());
            }
            true
        });
        found
    }

    /// The same with null wherever something is unknown.
    #[must_use]
    pub fn unknown_as_null(self) -> Self {
        self.replace_unknown(&|_| Self::Null)
    }

    /// The same without promises about unknown parts.
    #[must_use]
    pub fn without_refinements(self) -> Self {
        self.replace_unknown(&|_| Self::UNKNOWN)
    }

    fn replace_unknown(self, by: &dyn Fn(Option<&Refinement>) -> Value) -> Self {
        let all = |items: Vec<Value>| items.into_iter().map(|item| item.replace_unknown(by)).collect();
        let each = |entries: Entries| {
            entries
                .into_iter()
                .map(|(name, value)| (name, value.replace_unknown(by)))
                .collect()
        };
        match self {
            Self::Unknown(refinement) => by(refinement.as_deref()),
            Self::List(items) => Self::List(all(items)),
            Self::Set(items) => Self::set(all(items)),
            Self::Map(entries) => Self::Map(each(entries)),
            Self::Object(entries) => Self::Object(each(entries)),
            Self::Dynamic(inner) => match inner.1.replace_unknown(by) {
                Self::Null => Self::Null,
                value => Self::dynamic(inner.0, value),
            },
            known => known,
        }
    }
}

fn walk<'v>(value: &'v Value, path: &mut Path, visit: &mut dyn FnMut(&Path, &'v Value) -> bool) {
    if !visit(path, value) {
        return;
    }
    match value.plain() {
        Value::List(items) => step_all(items, path, visit, PathStep::Index),
        Value::Set(items) => step_all(items, path, visit, PathStep::Element),
        Value::Map(entries) => {
            for (name, value) in entries {
                path.push(PathStep::Key(Arc::clone(name)));
                walk(value, path, visit);
                path.pop();
            }
        }
        Value::Object(entries) => {
            for (name, value) in entries {
                path.push(PathStep::Attribute(Arc::clone(name)));
                walk(value, path, visit);
                path.pop();
            }
        }
        _ => {}
    }
}

fn step_all<'v>(
    items: &'v [Value],
    path: &mut Path,
    visit: &mut dyn FnMut(&Path, &'v Value) -> bool,
    step: fn(usize) -> PathStep,
) {
    for (index, item) in items.iter().enumerate() {
        path.push(step(index));
        walk(item, path, visit);
        path.pop();
    }
}

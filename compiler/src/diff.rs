//! What differs between two states of meshes, in the mesh's own words.
//!
//! Resources are compared in canonical form along the schema: lists whose order has no meaning are compared by the key of
//! their elements, and durations as a whole. A resource that goes while one of its kind comes that says the same is a
//! rename; what lies in a renamed one is compared with what lay in it before.

mod fields;

pub use fields::{FieldChange, FieldKind};

use meshform_model::body;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::spec::Extensions;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which; where it is gone, which it was.
    pub key: ResourceKey,
    pub what: ChangeKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is only in the second.
    Added,
    /// It is only in the first.
    Removed,
    /// It had that key in the first, and says the same but for these fields.
    Renamed(Box<ResourceKey>, Vec<FieldChange>),
    /// It is in both, and these fields differ.
    Changed(Vec<FieldChange>),
}

/// Everything that differs between two states of a mesh, of which one may not be there. Only what differs is looked at closely.
pub fn between(before: Option<&Mesh>, after: Option<&Mesh>) -> Vec<Change> {
    let (Some(old), Some(new)) = (before, after) else {
        let all = |mesh: Option<&Mesh>| mesh.map(Mesh::resources).unwrap_or_default();
        return diff(&all(before), &all(after));
    };
    let keys = old.differing(new);
    let of = |mesh: &Mesh| -> Vec<Resource> { keys.iter().filter_map(|key| mesh.get(key)).collect() };
    diff(&of(old), &of(new))
}

/// Everything that differs, by resource.
pub fn diff(before: &[Resource], after: &[Resource]) -> Vec<Change> {
    let old: BTreeMap<&ResourceKey, &Resource> = before.iter().map(|one| (&one.key, one)).collect();
    let new: BTreeMap<&ResourceKey, &Resource> = after.iter().map(|one| (&one.key, one)).collect();
    let mut gone: BTreeSet<&ResourceKey> = old.keys().copied().filter(|key| !new.contains_key(key)).collect();
    let come: Vec<&ResourceKey> = new.keys().copied().filter(|key| !old.contains_key(key)).collect();
    let mut renamed: BTreeMap<ResourceKey, ResourceKey> = BTreeMap::new();
    // What contains others comes first, so that these are found where they went.
    let (outer, inner): (Vec<_>, Vec<_>) = come.into_iter().partition(|key| key.parent.is_none());
    let mut added = Vec::new();
    // Most comparisons have nothing that came, or nothing that went.
    let former_ones = match outer.is_empty() && inner.is_empty() {
        true => RemovedResources::default(),
        false => RemovedResources::of(gone.iter().filter_map(|key| old.get(key).copied())),
    };
    for key in outer.into_iter().chain(inner) {
        let found = former(key, &renamed)
            .and_then(|was| gone.iter().copied().find(|key| **key == was))
            .or_else(|| {
                new.get(key)
                    .and_then(|resource| former_ones.same(resource, &gone))
            });
        match found {
            Some(was) => {
                gone.remove(was);
                renamed.insert(key.clone(), was.clone());
            }
            None => added.push(key.clone()),
        }
    }
    let renames: fields::Renames<'_> = renamed
        .iter()
        .map(|(now, was)| (was.name.as_str(), now.name.as_str()))
        .filter(|(was, now)| was != now)
        .collect();
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(added.into_iter().map(|key| Change {
        key,
        what: ChangeKind::Added,
    }));
    changes.extend(gone.into_iter().map(|key| Change {
        key: key.clone(),
        what: ChangeKind::Removed,
    }));
    for (key, resource) in &new {
        let was = renamed.get(*key);
        let Some(before) = old.get(was.unwrap_or(key)) else {
            continue;
        };
        if was.is_none() && before.says_the_same(resource) {
            continue;
        }
        // As a store keeps it: what stands for nothing is no difference between a store and a file.
        let mut fields = fields::compare(key.kind, &body::stored(before), &body::stored(resource), &renames);
        fields.extend(fields::owner(
            before.mesh_owner.as_deref(),
            resource.mesh_owner.as_deref(),
        ));
        let what = match was {
            Some(was) if was.name != key.name => ChangeKind::Renamed(Box::new(was.clone()), fields),
            _ if fields.is_empty() => continue,
            _ => ChangeKind::Changed(fields),
        };
        changes.push(Change {
            key: (*key).clone(),
            what,
        });
    }
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

/// The key that a resource had before what contains it was renamed.
fn former(key: &ResourceKey, renamed: &BTreeMap<ResourceKey, ResourceKey>) -> Option<ResourceKey> {
    let container = renamed.get(&key.container()?)?;
    Some(ResourceKey::child(container, key.kind, &key.name))
}

/// Resources that are gone, by what they say.
#[derive(Default)]
struct RemovedResources<'r>(BTreeMap<ResourceContent<'r>, Vec<&'r ResourceKey>>);

/// The kind, mesh and parent of a resource, and what it says; of the second way, without its own name.
type ResourceContent<'r> = (&'r str, Kind, Option<&'r str>, String);

/// What a resource says as it stands, and with a mark in the place of its own name: who renames a node most often renames
/// its host name too.
fn said(resource: &Resource) -> [ResourceContent<'_>; 2] {
    let key = &resource.key;
    let extensions = resource.extensions.as_ref().map(Extensions::to_json);
    let plain = format!("{} {}", resource.spec.to_json(), extensions.unwrap_or_default());
    let marked = format!("\u{0}{}", plain.replace(&key.name, "\u{0}"));
    [plain, marked].map(|text| (key.mesh.as_str(), key.kind, key.parent.as_deref(), text))
}

impl<'r> RemovedResources<'r> {
    fn of(gone: impl Iterator<Item = &'r Resource>) -> Self {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for resource in gone {
            for said in said(resource) {
                all.entry(said).or_default().push(&resource.key);
            }
        }
        Self(all)
    }

    /// The one resource that is gone and said the same. Of several, none: which would it be?
    fn same(&self, resource: &Resource, gone: &BTreeSet<&'r ResourceKey>) -> Option<&'r ResourceKey> {
        said(resource).iter().find_map(|said| {
            let still = |key: &&&ResourceKey| gone.contains(**key);
            match self
                .0
                .get(said)?
                .iter()
                .filter(still)
                .collect::<Vec<_>>()
                .as_slice()
            {
                [one] => Some(**one),
                _ => None,
            }
        })
    }
}

/// A line for each thing that differs: `route serviceb/split: weight of serviceb 75 → 50`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = name(&self.key);
        let list = |f: &mut fmt::Formatter<'_>, fields: &[FieldChange]| {
            fields.iter().try_for_each(|field| write!(f, "\n{name}: {field}"))
        };
        match &self.what {
            ChangeKind::Added => write!(f, "{name}: new"),
            ChangeKind::Removed => write!(f, "{name}: gone"),
            ChangeKind::Renamed(was, fields) => {
                write!(f, "{name}: was named {}", was.name)?;
                list(f, fields)
            }
            ChangeKind::Changed(fields) => {
                let mut fields = fields.iter();
                if let Some(first) = fields.next() {
                    write!(f, "{name}: {first}")?;
                }
                list(f, fields.as_slice())
            }
        }
    }
}

/// `route serviceb/split`: the kind in words, and the name with its parent's.
pub fn name(key: &ResourceKey) -> String {
    let words = key.kind.words();
    match &key.parent {
        Some(parent) => format!("{words} {parent}/{}", key.name),
        None => format!("{words} {}", key.name),
    }
}

#[cfg(test)]
mod tests;

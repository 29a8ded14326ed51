//! Logical ids: letters and digits, from kind and name, the same whatever stands beside.

use meshform_model::dialect::Dialect;
use meshform_model::digest::suffix;
use meshform_model::key::ResourceKey;
use meshform_model::schema;
use std::collections::BTreeMap;

/// The logical id of every resource of a template.
pub(crate) type Ids = BTreeMap<ResourceKey, String>;

/// How many characters CloudFormation allows in a logical id.
const MAX_LENGTH: usize = 255;

/// Gives every key its id. Names that differ only in what an id cannot say all get a hash.
pub(crate) fn assign<'k>(keys: impl Iterator<Item = &'k ResourceKey>) -> Ids {
    let mut by_id: BTreeMap<String, Vec<&ResourceKey>> = BTreeMap::new();
    for key in keys {
        by_id.entry(plain(key)).or_default().push(key);
    }
    let mut ids = Ids::new();
    for (id, keys) in by_id {
        let alone = keys.len() == 1 && id.len() <= MAX_LENGTH;
        for key in keys {
            let id = if alone { id.clone() } else { hashed(&id, key) };
            ids.insert(key.clone(), id);
        }
    }
    ids
}

/// `VirtualNode` and `service-b.v2` make `VirtualNodeServiceBV2`.
fn plain(key: &ResourceKey) -> String {
    let kind = schema::kind(key.kind)
        .type_in(Dialect::CloudFormation)
        .rsplit("::")
        .next()
        .unwrap_or_default();
    let names = key.parent.iter().chain([&key.name]);
    names.fold(kind.to_owned(), |id, name| logical_name(&id, name))
}

/// An id that begins so and goes on with the words of a name: `Namespace` and `apps.local` make `NamespaceAppsLocal`.
pub(crate) fn logical_name(prefix: &str, name: &str) -> String {
    let mut id = prefix.to_owned();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        id.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        id.push_str(letters.as_str());
    }
    id
}

/// The id with a hash of the key, for one that is taken.
pub(crate) fn hashed(id: &str, key: &ResourceKey) -> String {
    let hash = suffix(&key.path());
    let room = MAX_LENGTH - hash.len();
    let cut: String = id.chars().take(room).collect();
    cut + &hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::kind::Kind;

    #[test]
    fn ids_are_plain_unless_they_clash() {
        let node = |name: &str| ResourceKey::in_mesh("apps", Kind::VirtualNode, name);
        let keys = [
            node("service-b.v2"),
            node("a_b"),
            node("a-b"),
            node(&"x".repeat(255)),
        ];
        let ids = assign(keys.iter());
        assert_eq!(ids[&keys[0]], "VirtualNodeServiceBV2");
        assert!(ids[&keys[1]].starts_with("VirtualNodeAB") && ids[&keys[1]] != ids[&keys[2]]);
        assert_eq!(ids[&keys[3]].len(), MAX_LENGTH);
        let reversed = assign(keys.iter().rev());
        assert_eq!(ids, reversed);
    }
}

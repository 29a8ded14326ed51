//! The labels of resource blocks: the same whatever stands beside.

use meshform_model::digest::suffix;
use meshform_model::key::ResourceKey;
use std::collections::BTreeMap;

/// The label of every resource.
pub(super) type Labels = BTreeMap<ResourceKey, String>;

/// Gives every key its label. Names that differ only in what a label cannot say all get a hash.
pub(super) fn assign<'k>(keys: impl Iterator<Item = &'k ResourceKey>) -> Labels {
    let mut by_label: BTreeMap<(&str, String), Vec<&ResourceKey>> = BTreeMap::new();
    for key in keys {
        by_label
            .entry((key.kind.name(), plain(key)))
            .or_default()
            .push(key);
    }
    let mut labels = Labels::new();
    for ((_, label), keys) in by_label {
        let alone = keys.len() == 1;
        for key in keys {
            let label = match alone {
                true => label.clone(),
                false => format!("{label}_{}", suffix(&key.path())),
            };
            labels.insert(key.clone(), label);
        }
    }
    labels
}

fn plain(key: &ResourceKey) -> String {
    let whole = match &key.parent {
        Some(parent) => format!("{parent}_{}", key.name),
        None => key.name.clone(),
    };
    let label: String = whole
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    match label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        true => label,
        false => format!("_{label}"),
    }
}

//! `tags`, `tags_all`, and the provider's `default_tags` and `ignore_tags`, as users of hashicorp/aws know them.

use meshform_registry::IgnoredTags;
use std::collections::BTreeMap;
use tfplugin::Value;

/// What the provider block says about tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TagRules {
    /// Tags of every resource that does not set them otherwise.
    pub(crate) defaults: BTreeMap<String, String>,
    /// Tags that others write and Terraform leaves alone.
    pub(crate) ignored: IgnoredTags,
}

impl TagRules {
    /// What `tags_all` is to be for configured `tags`; unknown where they are.
    pub(crate) fn all(&self, tags: &Value) -> Value {
        if !tags.is_wholly_known() {
            return Value::UNKNOWN;
        }
        let mut all = self.defaults.clone();
        for (key, value) in tags.entries().into_iter().flatten() {
            all.insert(key.to_string(), value.as_str().unwrap_or_default().to_owned());
        }
        all.retain(|key, _| !self.ignored.contains(key));
        Value::map(all.into_iter().map(|(key, value)| (key, Value::from(value))))
    }

    /// The `tags` of a state, from all tags of a record: without what only the defaults gave, and without what is
    /// ignored. `prior` are the tags as the state had them: what is there stays, also where it repeats a
    /// default.
    pub(crate) fn own(&self, all: &Value, prior: &Value) -> Value {
        let Some(all) = all.entries() else {
            return prior.clone();
        };
        let kept = all.iter().filter(|(key, value)| {
            let in_prior = prior.entries().is_some_and(|prior| prior.contains_key(*key));
            let only_default =
                self.defaults.get(key.as_ref()).map(String::as_str) == value.as_str() && !in_prior;
            !self.ignored.contains(key) && !only_default
        });
        let kept: Vec<(String, Value)> = kept
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect();
        let prior_was_absent = prior.is_null();
        if kept.is_empty() && prior_was_absent {
            Value::Null
        } else {
            Value::map(kept)
        }
    }

    /// The tags of `record` that are ignored, to be kept by a write.
    pub(crate) fn kept(&self, all: &Value) -> Vec<(String, Value)> {
        let entries = all.entries().into_iter().flatten();
        let ignored = entries.filter(|(key, _)| self.ignored.contains(key));
        ignored
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Value {
        Value::map(pairs.iter().map(|(key, value)| (*key, Value::from(*value))))
    }

    fn rules() -> TagRules {
        TagRules {
            defaults: [("team".to_owned(), "mesh".to_owned())].into(),
            ignored: IgnoredTags {
                keys: vec!["cost".to_owned()],
                prefixes: vec!["aws:".to_owned()],
            },
        }
    }

    #[test]
    fn defaults_fill_in_and_own_tags_win() {
        assert_eq!(rules().all(&Value::Null), map(&[("team", "mesh")]));
        assert_eq!(
            rules().all(&map(&[("team", "shop"), ("a", "b")])),
            map(&[("a", "b"), ("team", "shop")])
        );
        assert!(rules().all(&Value::UNKNOWN).is_unknown());
    }

    #[test]
    fn what_was_not_configured_is_no_drift() {
        let all = map(&[("team", "mesh"), ("cost", "7"), ("aws:x", "y")]);
        assert_eq!(rules().own(&all, &Value::Null), Value::Null);
        assert_eq!(
            rules().own(&all, &map(&[("team", "mesh")])),
            map(&[("team", "mesh")])
        );
        let changed = map(&[("team", "other")]);
        assert_eq!(rules().own(&changed, &Value::Null), changed);
        assert_eq!(rules().kept(&all).len(), 2);
    }
}

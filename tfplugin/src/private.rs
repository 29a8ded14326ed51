//! What a provider keeps with an instance and Terraform only carries.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::Value;
use crate::value::json;

/// Private state: values by key, stored by Terraform beside the state of an instance, never shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Private(BTreeMap<Arc<str>, Value>);

impl Private {
    /// Private state without entries, as a resource has it before its first plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The text under a key.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// Keeps a value under a key; null removes it. Unknown values cannot be kept.
    pub fn set(&mut self, key: impl Into<Arc<str>>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into().unknown_as_null());
        if value.is_null() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, value);
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads stored bytes. Bytes that are not ours (another provider's, say) count as nothing.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        match json::parse(bytes) {
            Ok(Value::Object(entries)) => Self(entries),
            _ => Self::default(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        json::to_string(&Value::Object(self.0.clone())).into_bytes()
    }

    pub(crate) fn apply(&mut self, edits: Edits) {
        for (key, value) in edits.0 {
            self.set(key, value);
        }
    }
}

/// Changes to private state, by key; a key that is not mentioned keeps its value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits(pub(crate) Vec<(Arc<str>, Value)>);

//! What lowering finds wrong. Several proxies meet the same fault of a target: it is reported once.

use meshform_model::diag::Diagnostic;
use std::collections::BTreeSet;

/// Problems in the order in which they were met.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Diagnostic>,
    seen: BTreeSet<String>,
}

impl Problems {
    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        let mut identity = diagnostic.to_string();
        for place in &diagnostic.places {
            if let Some(key) = &place.resource {
                identity.push_str(&key.path());
            }
            identity.push_str(&place.pointer.to_string());
        }
        if self.seen.insert(identity) {
            self.list.push(diagnostic);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}

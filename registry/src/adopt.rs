//! Taking over a resource that lived elsewhere: with its identity, and never over something else.

use crate::codes;
use crate::error::Result;
use crate::owners::belongs_to;
use crate::registry::Registry;
use meshform_model::canonical;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::value::Node;
use meshform_store::{Author, Record, RecordDraft};
use serde_json::{Map, Value};

/// What became of a resource that was to be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    Adopted,
    /// Nothing of its name is there, and nothing was to be written.
    Possible,
    /// The same was there already.
    Unchanged,
    /// Something else is there, and stays.
    Conflict,
}

impl Registry {
    /// Writes a resource with what it brings with it, unless something of its name is there; with `dry_run` it only
    /// says what would become of it. Beside the outcome stands what somebody should know of it.
    pub async fn adopt(
        &self,
        draft: RecordDraft,
        author: &Author,
        dry_run: bool,
    ) -> Result<(Adoption, Vec<Diagnostic>)> {
        match self.get(&draft.key).await? {
            Some(record) if is_same(draft.key.kind, &record.body, &draft.body) => {
                Ok((Adoption::Unchanged, of_another(&record, &author.owner)))
            }
            Some(record) => Ok((Adoption::Conflict, vec![differs(&record)])),
            None if dry_run => Ok((Adoption::Possible, Vec::new())),
            None => match self.create(draft, author).await {
                Ok(_) => Ok((Adoption::Adopted, Vec::new())),
                // Somebody else was faster.
                Err(error) if error.is_conflict() => Ok((Adoption::Conflict, error.diagnostics())),
                Err(error) => Err(error),
            },
        }
    }
}

/// The warning that a resource is there as it should be, and will not do what the owner writes who is to have it.
fn of_another(record: &Record, owner: &str) -> Vec<Diagnostic> {
    let other = &record.author.owner;
    if belongs_to(record, owner) {
        return Vec::new();
    }
    let message = format!(
        "{} is in the store already and belongs to the owner `{other}`",
        record.key
    );
    let problem = Diagnostic::warning(codes::OTHER_OWNER, message).help(format!(
        "change it as `{other}`, or delete it there first and adopt it then"
    ));
    vec![problem.at(ProblemLocation::of(&record.key, &Pointer::root()))]
}

fn differs(record: &Record) -> Diagnostic {
    let Record {
        key,
        author,
        last_updated_at,
        ..
    } = record;
    Diagnostic::error(
        meshform_store::codes::CONFLICT,
        format!(
            "the store has another {key}, written by `{}` at {last_updated_at}",
            author.actor
        ),
    )
    .help("change it with Terraform, or delete it from the store first; `adopt` never overwrites")
    .at(ProblemLocation::of(key, &Pointer::root()))
}

/// Whether two bodies say the same: null and empty parts say nothing, and neither do defaults and the order of what has none.
pub fn is_same(kind: Kind, one: &Value, other: &Value) -> bool {
    let empty = |value: &Value| {
        value.is_null()
            || value.as_object().is_some_and(Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty)
    };
    let said = |body: &Value| {
        let parts = canonical::BODY.into_iter();
        let parts = parts.filter_map(|part| Some((part.to_owned(), body.get(part)?.clone())));
        let parts: Map<String, Value> = parts.filter(|(_, value)| !empty(value)).collect();
        Value::Object(parts)
    };
    let (one, other) = (said(one), said(other));
    one == other || canonical::equal(kind, &Node::from_json(&one), &Node::from_json(&other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_what_has_none_is_no_difference() {
        let spec = |names: [&str; 2]| {
            let backends = names.map(|name| json!({"virtualService": {"virtualServiceName": name}}));
            json!({"spec": {"backends": backends}, "tags": []})
        };
        let (one, other) = (spec(["a", "b"]), spec(["b", "a"]));
        assert!(is_same(Kind::VirtualNode, &one, &other));
        assert!(!is_same(Kind::VirtualNode, &one, &spec(["a", "c"])));
        assert!(is_same(
            Kind::Mesh,
            &json!({"spec": {}}),
            &json!({"extensions": null})
        ));
        let (one, other) = (
            json!({"spec": {"routes": [1, 2]}}),
            json!({"spec": {"routes": [2, 1]}}),
        );
        assert!(!is_same(Kind::VirtualNode, &one, &other));
    }
}

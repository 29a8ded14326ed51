//! What becomes of a record that another run of the same owner changed after it was read.

use meshform_model::pointer::Pointer;
use serde_json::{Map, Value};

/// `ours` with what `theirs` changed since `base` elsewhere; or the fields that both changed, each in another way.
pub fn merge(base: &Value, ours: &Value, theirs: &Value) -> Result<Value, Vec<Pointer>> {
    let mut both = Vec::new();
    let merged = step(
        &Pointer::root(),
        [Some(base), Some(ours), Some(theirs)],
        &mut both,
    );
    match both.is_empty() {
        true => Ok(merged.unwrap_or(Value::Null)),
        false => Err(both),
    }
}

fn step(at: &Pointer, [base, ours, theirs]: [Option<&Value>; 3], both: &mut Vec<Pointer>) -> Option<Value> {
    if ours == theirs || base == theirs {
        return ours.cloned();
    }
    if base == ours {
        return theirs.cloned();
    }
    let (Some(Value::Object(ours)), Some(Value::Object(theirs))) = (ours, theirs) else {
        both.push(at.clone());
        return ours.cloned();
    };
    let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut merged = Map::new();
    for name in names {
        let base = base.and_then(|base| base.get(name));
        if let Some(value) = step(&at.field(name), [base, ours.get(name), theirs.get(name)], both) {
            merged.insert(name.clone(), value);
        }
    }
    Some(Value::Object(merged))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_only_one_side_changed_stays() {
        let base = json!({"spec": {"a": 1, "b": {"c": 1, "gone": 1}, "list": [1]}});
        let ours = json!({"spec": {"a": 2, "b": {"c": 1, "gone": 1}, "list": [1]}});
        let theirs = json!({"spec": {"a": 1, "b": {"c": 3, "new": 4}, "list": [1, 2]}});
        assert_eq!(
            merge(&base, &ours, &theirs),
            Ok(json!({"spec": {"a": 2, "b": {"c": 3, "new": 4}, "list": [1, 2]}}))
        );
        assert_eq!(merge(&base, &ours, &ours), Ok(ours.clone()));
        assert_eq!(merge(&base, &ours, &base), Ok(ours));
    }

    #[test]
    fn what_both_changed_in_other_ways_is_named() {
        let base = json!({"spec": {"a": 1, "list": [1]}});
        let ours = json!({"spec": {"a": 2, "list": [1, 2]}});
        let theirs = json!({"spec": {"a": 3, "list": [1, 3]}});
        let found = merge(&base, &ours, &theirs).unwrap_err();
        let named: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["/spec/a", "/spec/list"]);
    }
}

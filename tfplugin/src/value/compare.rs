//! Equality and a total order of values: numbers by value, sets without order, unknowns all alike.

use std::cmp::Ordering;

use super::Value;

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self.plain(), other.plain()) {
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a) | Value::Object(a), Value::Map(b) | Value::Object(b)) => a == b,
            (Value::Set(a), Value::Set(b)) => a.len() == b.len() && a == b || sorted(a) == sorted(b),
            (a, b) => a.cmp(b) == Ordering::Equal,
        }
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.plain(), other.plain());
        match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) => a.cmp(b),
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::List(a), Value::List(b)) => a.cmp(b),
            (Value::Set(a), Value::Set(b)) => sorted(a).cmp(&sorted(b)),
            (Value::Map(a) | Value::Object(a), Value::Map(b) | Value::Object(b)) => a.cmp(b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Unknown(_) => 1,
        Value::Bool(_) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::List(_) => 5,
        Value::Set(_) => 6,
        Value::Map(_) | Value::Object(_) => 7,
        Value::Dynamic(inner) => rank(&inner.1),
    }
}

fn sorted(items: &[Value]) -> Vec<&Value> {
    let mut all: Vec<&Value> = items.iter().collect();
    all.sort();
    all.dedup();
    all
}

/// Keeps the first of equal elements, in the order they came. Unknown elements are never merged: they may
/// turn out different.
pub(super) fn dedup(items: &mut Vec<Value>) {
    if items.len() < 2 {
        return;
    }
    let mut order: Vec<(usize, &Value)> = items.iter().enumerate().collect();
    order.sort_by(|a, b| a.1.cmp(b.1).then(a.0.cmp(&b.0)));
    let mut drop = vec![false; items.len()];
    for pair in order.windows(2) {
        if let [(_, a), (index, b)] = pair
            && a == b
            && a.is_wholly_known()
            && let Some(slot) = drop.get_mut(*index)
        {
            *slot = true;
        }
    }
    let mut flags = drop.into_iter();
    items.retain(|_| !flags.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::super::Value;

    #[test]
    fn sets_are_equal_without_order_and_repetition() {
        let a = Value::Set(vec!["x".into(), "y".into(), "x".into()]);
        let b = Value::Set(vec!["y".into(), "x".into()]);
        assert_eq!(a, b);
        assert_ne!(a, Value::Set(vec!["y".into()]));
        assert_ne!(Value::list(["x", "y"]), Value::list(["y", "x"]));
        assert_eq!(
            Value::set(["b", "a", "b"]).items(),
            &[Value::from("b"), Value::from("a")]
        );
    }

    #[test]
    fn null_unknown_empty_and_zero_differ() {
        let all = [
            Value::Null,
            Value::UNKNOWN,
            "".into(),
            0.into(),
            false.into(),
            Value::List(vec![]),
            Value::Set(vec![]),
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(a == b, i == j, "{a:?} {b:?}");
            }
        }
    }
}

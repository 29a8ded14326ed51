//! Which fields of the model the rows show. The fields come from the schemas: a new one without a row, or without a
//! reason, fails.

use super::sheet::Row;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, SchemaNode};
use std::collections::{BTreeMap, BTreeSet};

/// The fields, and what shows them.
pub(crate) struct Coverage {
    pub(crate) fields: usize,
    pub(crate) live: usize,
    /// Per kind: field, and rows or reason.
    pub(crate) by_kind: Vec<(&'static str, Vec<(String, String)>)>,
    pub(crate) problems: Vec<String>,
}

/// Fields that Envoy cannot show, or not here, and why.
const REASONS: &[(&str, &str)] = super::rows::WITHOUT_A_ROW;

/// Every field with the rows that name it, or the reason why none does.
pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Coverage {
    let mut shown: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in rows {
        for field in row.fields.iter().flat_map(|field| spelled(field)) {
            shown.entry(field).or_default().push(row.feature);
        }
    }
    let reasons: BTreeMap<String, &str> = REASONS
        .iter()
        .flat_map(|(fields, why)| spelled(fields).into_iter().map(|field| (field, *why)))
        .collect();
    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    let mut by_kind = Vec::new();
    let (mut fields, mut live) = (0, 0);
    for kind in Kind::ALL {
        let mut leaves = Vec::new();
        let root = schema::kind(kind).root;
        for name in ["spec", "extensions"] {
            if let Some(field) = root.object().and_then(|root| root.field(name)) {
                gather(field.node, &format!("{}.{name}", kind.name()), &mut leaves);
            }
        }
        let mut table = Vec::new();
        for field in leaves {
            known.insert(field.clone());
            fields += 1;
            let by = match (shown.get(&field), reasons.get(&field)) {
                (Some(rows), None) => {
                    live += 1;
                    let unique: BTreeSet<&&str> = rows.iter().collect();
                    unique.into_iter().copied().collect::<Vec<_>>().join("; ")
                }
                (None, Some(why)) => format!("no live row: {why}"),
                (Some(_), Some(_)) => {
                    problems.push(format!("{field} has a row, and a reason why it has none"));
                    continue;
                }
                (None, None) => {
                    problems.push(format!("{field} has neither a row nor a reason"));
                    continue;
                }
            };
            let name = field.split_once('.').map_or(field.as_str(), |(_, name)| name);
            table.push((name.to_owned(), by));
        }
        by_kind.push((kind.name(), table));
    }
    for field in shown.keys().chain(reasons.keys()) {
        if !known.contains(field) {
            problems.push(format!("{field} is no field of the model"));
        }
    }
    Coverage {
        fields,
        live,
        by_kind,
        problems,
    }
}

/// The leaves below a node: scalars, and lists of scalars.
fn gather(node: &SchemaNode, path: &str, leaves: &mut Vec<String>) {
    if let Some(object) = node.object() {
        for field in object.fields.iter().filter(|field| !field.computed) {
            gather(field.node, &format!("{path}.{}", field.name), leaves);
        }
        // A duration is one thing.
        if object.field("unit").is_some() && object.field("value").is_some() {
            leaves.retain(|leaf| !leaf.starts_with(&format!("{path}.")));
            leaves.push(path.to_owned());
        }
    } else if let Some(list) = node.list() {
        gather(list.items, path, leaves);
    } else {
        leaves.push(path.to_owned());
    }
}

/// `a.{b,c}.d` is `a.b.d` and `a.c.d`.
fn spelled(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let (choices, after) = rest.split_once('}').unwrap();
    choices
        .split(',')
        .flat_map(|choice| spelled(&format!("{before}{choice}{after}")))
        .collect()
}

#[test]
fn fields_are_spelled_out() {
    assert_eq!(spelled("a.{b,c}.{d}"), ["a.b.d", "a.c.d"]);
}

//! Typed paths: a method per field, on the path of the type that has it. Where a value is one of several types, the path
//! of all of them has the fields of each.

use super::header;
use super::model::{Field, Model, Shape, Value};
use super::names::{ident, snake};

pub(super) fn render(model: &Model) -> String {
    let mut fields = String::new();
    // Types that stand for one of several, in the order of their first need.
    let mut several: Vec<Vec<Value>> = Vec::new();
    for one in &model.types {
        let members: Vec<&Field> = one.fields().iter().collect();
        if members.is_empty() {
            continue;
        }
        fields.push_str(&table(&format!("spec::{}", one.name), &members, |field| {
            of(&field.value)
        }));
        let (name, of, chosen) = match &one.shape {
            Shape::Struct {
                group: Some(group), ..
            } => {
                let chosen: Vec<&Field> = members.into_iter().filter(|field| group.has(field)).collect();
                (snake(&group.field), group.name.clone(), chosen)
            }
            Shape::Union(_) => ("of".to_owned(), one.name.clone(), members),
            Shape::Struct { group: None, .. } | Shape::Choice { .. } => continue,
        };
        let any = one_of(&chosen, &mut several);
        let variant = |field: &Field| match &one.shape {
            Shape::Struct {
                group: Some(group), ..
            } => group.variant(field),
            _ => field.variant(),
        };
        fields.push_str(&choice(
            &Choice {
                on: &one.name,
                name: &name,
                of: &of,
                to: &tuple(&any),
            },
            &chosen,
            &variant,
        ));
    }
    let mut at = 0;
    while let Some(types) = several.get(at).cloned() {
        at += 1;
        fields.push_str(&any_of(model, &types, &mut several));
    }
    let mut out = header(
        "`schemas/`",
        "Where each part of a resource stands, and each field of each type.",
    );
    out.push_str("use super::{Path, fields};\nuse crate::spec;\n");
    for kind in &model.kinds {
        let words = kind.title.to_lowercase();
        out.push_str(&root(&kind.spec, "spec", &words));
        if let Some(extensions) = &kind.extensions {
            out.push_str(&root(extensions, "extensions", &words));
        }
    }
    out + &fields
}

fn root(name: &str, part: &str, words: &str) -> String {
    format!(
        "\nimpl spec::{name} {{\n    /// The path of a {words}'s `{part}`.\n    pub fn path() -> Path<Self> {{\n        \
         Path::part(\"{part}\")\n    }}\n}}\n"
    )
}

/// The fields of a type, one a line.
fn table(name: &str, fields: &[&Field], of: impl Fn(&Field) -> String) -> String {
    let mut out = format!("\nfields! {{ {name} {{\n");
    for field in fields {
        out.push_str(&format!(
            "    {} {:?} {};\n",
            ident(&field.rust()),
            field.name,
            of(field)
        ));
    }
    out + "}}\n"
}

/// The type of a path's end.
fn of(value: &Value) -> String {
    match value {
        Value::Named(name) => format!("spec::{name}"),
        Value::List(inner) => format!("Vec<{}>", of(inner)),
        value => value.rust(),
    }
}

fn tuple(types: &[Value]) -> String {
    match types {
        [only] => of(only),
        types => format!("({})", types.iter().map(of).collect::<Vec<_>>().join(", ")),
    }
}

/// The different types of several fields, noted where they are more than one.
fn one_of(fields: &[&Field], several: &mut Vec<Vec<Value>>) -> Vec<Value> {
    let mut types: Vec<Value> = Vec::new();
    for field in fields {
        if !types.contains(&field.value) {
            types.push(field.value.clone());
        }
    }
    if types.len() > 1 && !several.contains(&types) {
        several.push(types.clone());
    }
    types
}

/// A type of which one field is there.
struct Choice<'a> {
    on: &'a str,
    /// The method that leads to the one that is there.
    name: &'a str,
    /// The enum that says which.
    of: &'a str,
    /// The types of the fields.
    to: &'a str,
}

/// The path of the one that is there.
fn choice(choice: &Choice<'_>, fields: &[&Field], variant: &dyn Fn(&Field) -> String) -> String {
    let Choice { on, of, to, .. } = choice;
    let name = ident(choice.name);
    let mut out = format!(
        "\nimpl Path<spec::{on}> {{\n    /// The path of the one that is there.\n    \
         pub fn {name}(self, value: &spec::{of}) -> Path<{to}> {{\n        self.step(match value {{\n"
    );
    for field in fields {
        out.push_str(&format!(
            "            spec::{of}::{}(_) => {:?},\n",
            variant(field),
            field.name
        ));
    }
    out + "        })\n    }\n}\n"
}

/// The fields of one of several types.
fn any_of(model: &Model, types: &[Value], several: &mut Vec<Vec<Value>>) -> String {
    let mut fields: Vec<(&Field, Vec<&Field>)> = Vec::new();
    let named = types.iter().filter_map(|value| match value {
        Value::Named(name) => model.get(name),
        _ => None,
    });
    for field in named.flat_map(|one| one.fields()) {
        match fields.iter_mut().find(|(first, _)| first.name == field.name) {
            Some((_, all)) => all.push(field),
            None => fields.push((field, vec![field])),
        }
    }
    let ends: Vec<(&Field, String)> = fields
        .iter()
        .map(|(first, all)| (*first, tuple(&one_of(all, several))))
        .collect();
    let firsts: Vec<&Field> = ends.iter().map(|(first, _)| *first).collect();
    if firsts.is_empty() {
        return String::new();
    }
    table(&tuple(types), &firsts, |field| {
        ends.iter()
            .find(|(first, _)| first.name == field.name)
            .map_or_else(String::new, |(_, end)| end.clone())
    })
}

//! What a spec refers to: a walk down to the fields that have `x-ref`.

use super::header;
use super::model::{Field, Model, Presence, Shape, Type, Value};
use super::names::{ident, import, pascal, snake};
use std::collections::BTreeSet;

pub(super) fn render(model: &Model) -> String {
    let holders: BTreeSet<&str> = model
        .types
        .iter()
        .filter(|one| refers(model, one))
        .map(|one| one.name.as_str())
        .collect();
    let mut used: BTreeSet<&str> = holders.clone();
    used.insert("Spec");
    used.extend(
        model
            .types
            .iter()
            .filter(|one| holders.contains(one.name.as_str()))
            .filter_map(|one| match &one.shape {
                Shape::Struct {
                    group: Some(group), ..
                } => Some(group.name.as_str()),
                _ => None,
            }),
    );
    let mut out = header("`schemas/`", "What a spec refers to, in the order of its fields.");
    out.push_str(
        "use super::{ReferenceCollector, Role};\nuse crate::kind::Kind;\nuse crate::pointer::Pointer;\n",
    );
    out.push_str(&(import("crate::spec", used) + "\n"));
    out.push_str("/// What a spec refers to; `at` is its place.\n");
    out.push_str(
        "pub(super) fn spec(spec: &Spec, at: &Pointer, found: &mut ReferenceCollector<'_>) {\n    match spec {\n",
    );
    let mut silent = Vec::new();
    for kind in &model.kinds {
        let name = pascal(&kind.name);
        if holders.contains(kind.spec.as_str()) {
            out.push_str(&format!(
                "        Spec::{name}(spec) => {}(spec, at, found),\n",
                snake(&kind.spec)
            ));
        } else {
            silent.push(format!("Spec::{name}(_)"));
        }
    }
    if !silent.is_empty() {
        out.push_str(&format!("        {} => {{}}\n", silent.join(" | ")));
    }
    out.push_str("    }\n}\n");
    for one in model
        .types
        .iter()
        .filter(|one| holders.contains(one.name.as_str()))
    {
        out.push_str(&format!(
            "\nfn {}(value: &{}, at: &Pointer, found: &mut ReferenceCollector<'_>) {{\n",
            snake(&one.name),
            one.name
        ));
        out.push_str(&body(model, one));
        out.push_str("}\n");
    }
    out
}

/// Whether a type has a reference somewhere down.
fn refers(model: &Model, one: &Type) -> bool {
    one.fields()
        .iter()
        .any(|field| field.reference.is_some() || field_refers(model, field))
}

fn field_refers(model: &Model, field: &Field) -> bool {
    fn inside(value: &Value) -> Option<&str> {
        match value {
            Value::Named(name) => Some(name),
            Value::List(inner) => inside(inner),
            _ => None,
        }
    }
    inside(&field.value)
        .and_then(|name| model.get(name))
        .is_some_and(|inner| refers(model, inner))
}

fn body(model: &Model, one: &Type) -> String {
    let mut out = String::new();
    let concerned = |field: &&Field| field.reference.is_some() || field_refers(model, field);
    match &one.shape {
        Shape::Union(fields) => {
            out.push_str("    match value {\n");
            let (with, without): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(concerned);
            for field in with {
                let visit = visit(field, "one", &place(field));
                out.push_str(&format!(
                    "        {}::{}(one) => {visit},\n",
                    one.name,
                    field.variant()
                ));
            }
            if !without.is_empty() {
                let names: Vec<String> = without
                    .iter()
                    .map(|field| format!("{}::{}(_)", one.name, field.variant()))
                    .collect();
                out.push_str(&format!("        {} => {{}}\n", names.join(" | ")));
            }
            out.push_str("    }\n");
        }
        Shape::Struct { fields, group } => {
            for field in fields.iter().filter(concerned) {
                if group.as_ref().is_some_and(|group| group.has(field)) {
                    continue;
                }
                let name = ident(&field.rust());
                let place = place(field);
                match (&field.value, field.presence) {
                    (Value::List(inner), _) => {
                        let element = Field {
                            value: (**inner).clone(),
                            ..field.clone()
                        };
                        out.push_str(&format!("    let list = {};\n", place.trim_start_matches('&')));
                        out.push_str(&format!(
                            "    for (index, one) in value.{name}.iter().enumerate() {{\n        {};\n    }}\n",
                            visit(&element, "one", "&list.index(index)")
                        ));
                    }
                    (_, Presence::Optional) => out.push_str(&format!(
                        "    if let Some(one) = &value.{name} {{\n        {};\n    }}\n",
                        visit(field, "one", &place)
                    )),
                    _ => out.push_str(&format!(
                        "    {};\n",
                        visit(field, &format!("&value.{name}"), &place)
                    )),
                }
            }
            if let Some(group) = group {
                out.push_str(&format!("    match &value.{} {{\n", ident(&snake(&group.field))));
                for field in fields.iter().filter(|field| group.has(field)) {
                    let name = group.variant(field);
                    if concerned(&field) {
                        let visit = visit(field, "one", &place(field));
                        out.push_str(&format!("        {}::{name}(one) => {visit},\n", group.name));
                    } else {
                        out.push_str(&format!("        {}::{name}(_) => {{}}\n", group.name));
                    }
                }
                out.push_str("    }\n");
            }
        }
        Shape::Choice { .. } => {}
    }
    out
}

fn place(field: &Field) -> String {
    format!("&at.field(\"{}\")", field.name)
}

fn visit(field: &Field, value: &str, place: &str) -> String {
    match (&field.reference, &field.value) {
        (Some(reference), _) => {
            let role = reference.role.as_deref().unwrap_or_default();
            format!(
                "found.named({}, Kind::{}, {value}, Role::{})",
                place.trim_start_matches('&'),
                pascal(&reference.kind),
                pascal(role)
            )
        }
        (None, Value::Named(name)) => format!("{}({value}, {place}, found)", snake(name)),
        (None, _) => String::new(),
    }
}

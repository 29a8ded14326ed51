//! A resource in Terraform's form as HCL, as `terraform fmt` leaves it.

use crate::schema::terraform::{Attribute, Body};
use crate::value::{Node, Object, Value};

/// A whole `resource` block named `example`.
pub(super) fn resource(type_name: &str, body: &Body, values: &Node) -> String {
    let mut out = format!("resource \"{type_name}\" \"example\" {{\n");
    if let Some(object) = values.as_object() {
        contents(body, object, 1, &mut out);
    }
    out.push_str("}\n");
    out
}

fn contents(body: &Body, object: &Object, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    // Names and parents first, as people write them; then by name.
    let mut attributes: Vec<(&Attribute, String)> = body
        .attributes
        .iter()
        .filter_map(|attribute| {
            let node = object.get(&attribute.name)?;
            expression(node, depth).map(|text| (attribute, text))
        })
        .collect();
    attributes.sort_by_key(|(attribute, text)| (text.contains('\n'), rank(&attribute.name)));
    let width = attributes
        .iter()
        .filter(|(_, text)| !text.contains('\n'))
        .map(|(attribute, _)| attribute.name.len())
        .max()
        .unwrap_or(0);
    let mut first = true;
    for (attribute, text) in &attributes {
        let name = &attribute.name;
        if text.contains('\n') {
            if !first {
                out.push('\n');
            }
            out.push_str(&format!("{indent}{name} = {text}\n"));
        } else {
            out.push_str(&format!("{indent}{name:width$} = {text}\n"));
        }
        first = false;
    }
    for block in &body.blocks {
        for node in object
            .get(&block.name)
            .and_then(Node::as_list)
            .unwrap_or_default()
        {
            let Some(inner) = node.as_object() else { continue };
            if !first {
                out.push('\n');
            }
            first = false;
            out.push_str(&format!("{indent}{} {{\n", block.name));
            contents(&block.body, inner, depth + 1, out);
            out.push_str(&format!("{indent}}}\n"));
        }
    }
}

fn rank(name: &str) -> (u8, String) {
    let rank = match name {
        "name" => 0,
        "mesh_name" => 1,
        name if name.ends_with("_name") => 2,
        _ => 3,
    };
    (rank, name.to_owned())
}

/// `None` for what is not set.
fn expression(node: &Node, depth: usize) -> Option<String> {
    Some(match &node.value {
        Value::Null | Value::Unknown | Value::Symbol(_) => return None,
        Value::Bool(b) => b.to_string(),
        Value::Number(number) => number.as_text().to_owned(),
        Value::String(text) => quoted(text),
        Value::List(list) => {
            let items: Vec<String> = list.iter().filter_map(|node| expression(node, depth)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let indent = "  ".repeat(depth);
            let width = map.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
            let entries: String = map
                .iter()
                .filter_map(|entry| {
                    let value = expression(&entry.node, depth)?;
                    Some(format!("{indent}  {:width$} = {value}\n", entry.name))
                })
                .collect();
            format!("{{\n{entries}{indent}}}")
        }
    })
}

/// A string as HCL quotes it. `${` and `%{` would begin a template.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace("${", "$${")
        .replace("%{", "%%{");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_in_texts_are_escaped() {
        assert_eq!(quoted("%{a} ${b} \"c\"\n"), r#""%%{a} $${b} \"c\"\n""#);
    }
}

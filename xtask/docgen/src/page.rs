//! The parts of a page about something that the provider offers: front matter, and its schema as lists.

use serde_json::{Map, Value};

/// What a page is called and says first.
pub(crate) struct Head<'a> {
    /// The title in the front matter: `appmesh_meshes Data Source`.
    pub(crate) title: &'a str,
    pub(crate) heading: &'a str,
    pub(crate) description: &'a str,
}

/// Front matter and the beginning of a page.
pub(crate) fn head(head: &Head<'_>) -> String {
    let Head {
        title,
        heading,
        description,
    } = head;
    format!(
        "---\npage_title: \"{title} - appmesh\"\nsubcategory: \"\"\ndescription: |-\n  {description}\n---\n\n\
         <!-- Written by `cargo xtask docs` from the provider's schema. -->\n\n# {heading}\n\n{description}\n\n"
    )
}

pub(crate) fn fenced(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n\n", text.trim_end())
}

/// The lists of a block's arguments, and one section per nested block. `known` says where the fields of an
/// attribute are described, when another page does.
pub(crate) fn schema(block: &Value, known: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::from("## Schema\n");
    groups(block, "", "### ", known, &mut out);
    nested(block, "", known, &mut out);
    out
}

const GROUPS: [&str; 3] = ["Required", "Optional", "Read-Only"];

fn groups(
    block: &Value,
    path: &str,
    heading: &str,
    known: &dyn Fn(&str) -> Option<String>,
    out: &mut String,
) {
    let mut lines: Vec<(usize, &str, String)> = Vec::new();
    for (name, attribute) in members(block, "attributes") {
        lines.push((group(attribute), name, attribute_line(name, attribute, known)));
    }
    for (name, nested) in members(block, "block_types") {
        let required = nested["min_items"].as_u64().is_some_and(|min| min > 0);
        lines.push((usize::from(!required), name, block_line(path, name, nested)));
    }
    lines.sort_by_key(|(group, name, _)| (*group, *name));
    for (index, title) in GROUPS.iter().enumerate() {
        let of_group: String = lines
            .iter()
            .filter(|(group, _, _)| *group == index)
            .map(|(_, _, line)| line.as_str())
            .collect();
        match heading {
            _ if of_group.is_empty() => {}
            "" => out.push_str(&format!("\n{title}:\n\n{of_group}")),
            _ => out.push_str(&format!("\n{heading}{title}\n\n{of_group}")),
        }
    }
}

fn nested(block: &Value, path: &str, known: &dyn Fn(&str) -> Option<String>, out: &mut String) {
    for (name, inner) in members(block, "block_types") {
        let here = format!("{path}{name}");
        out.push_str(&format!(
            "\n<a id=\"{}\"></a>\n### Nested Schema for `{here}`\n",
            anchor(&here)
        ));
        groups(&inner["block"], &format!("{here}."), "", known, out);
        nested(&inner["block"], &format!("{here}."), known, out);
    }
}

fn members<'a>(block: &'a Value, name: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    block[name]
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, value)| (name.as_str(), value))
}

fn group(attribute: &Value) -> usize {
    if attribute["required"] == true {
        0
    } else if attribute["optional"] == true {
        1
    } else {
        2
    }
}

fn attribute_line(name: &str, attribute: &Value, known: &dyn Fn(&str) -> Option<String>) -> String {
    let mut flags = type_name(&attribute["type"]);
    for (field, word) in [("sensitive", "Sensitive"), ("deprecated", "Deprecated")] {
        if attribute[field] == true {
            flags.push_str(&format!(", {word}"));
        }
    }
    let elsewhere = known(name).map(|text| format!(" {text}")).unwrap_or_default();
    format!("- `{name}` ({flags}) {}{elsewhere}\n", text(attribute))
}

fn block_line(path: &str, name: &str, block: &Value) -> String {
    let mode = match block["nesting_mode"].as_str() {
        Some("set") => "Block Set",
        Some("single") => "Block",
        _ => "Block List",
    };
    let count = |field: &str, word: &str| {
        let number = block[field].as_u64().filter(|number| *number > 0);
        number
            .map(|number| format!(", {word}: {number}"))
            .unwrap_or_default()
    };
    format!(
        "- `{name}` ({mode}{}{}) {} (see [below for nested schema](#{}))\n",
        count("min_items", "Min"),
        count("max_items", "Max"),
        text(&block["block"]),
        anchor(&format!("{path}{name}"))
    )
}

/// What a schema says of itself.
pub(crate) fn text(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

fn anchor(path: &str) -> String {
    format!("nestedblock--{}", path.replace('.', "--"))
}

/// A type as Terraform prints it in JSON: `"string"`, `["list", "string"]`, `["list", ["object", {…}]]`.
pub(crate) fn type_name(ty: &Value) -> String {
    let of = |ty: Option<&Value>| ty.map(type_name).unwrap_or_default();
    match ty {
        Value::String(name) => match name.as_str() {
            "bool" => "Boolean".to_owned(),
            "dynamic" => "Dynamic".to_owned(),
            name => capital(name),
        },
        Value::Array(parts) => match parts.first().and_then(Value::as_str) {
            Some("object") => "Object".to_owned(),
            Some("tuple") => "Tuple".to_owned(),
            Some(name) => format!("{} of {}", capital(name), of(parts.get(1))),
            None => String::new(),
        },
        _ => String::new(),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_read_as_people_say_them() {
        assert_eq!(type_name(&json!("bool")), "Boolean");
        assert_eq!(type_name(&json!(["map", "string"])), "Map of String");
        assert_eq!(
            type_name(&json!(["list", ["object", {"a": "string"}]])),
            "List of Object"
        );
    }

    #[test]
    fn arguments_are_grouped_and_nested_blocks_have_sections() {
        let block = json!({
            "attributes": {
                "b": {"type": "string", "optional": true, "description": "Bee.", "deprecated": true},
                "a": {"type": "number", "required": true, "description": "Ay."},
                "c": {"type": "bool", "computed": true, "description": "Sea."}
            },
            "block_types": {
                "d": {"nesting_mode": "list", "max_items": 1, "block": {
                    "description": "Dee.",
                    "attributes": {"e": {"type": "string", "optional": true, "description": "Ee."}}
                }}
            }
        });
        let text = schema(&block, &|_| None);
        assert_eq!(
            text,
            "## Schema\n\n### Required\n\n- `a` (Number) Ay.\n\n### Optional\n\n- `b` (String, Deprecated) Bee.\n\
             - `d` (Block List, Max: 1) Dee. (see [below for nested schema](#nestedblock--d))\n\n### Read-Only\n\n\
             - `c` (Boolean) Sea.\n\n<a id=\"nestedblock--d\"></a>\n### Nested Schema for `d`\n\nOptional:\n\n\
             - `e` (String) Ee.\n"
        );
    }
}

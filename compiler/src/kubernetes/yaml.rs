//! JSON as YAML that a person would write: block style, and quotes only where a reader could take a text for something
//! else.

use serde_json::Value as Json;

/// A document, with a line break at its end.
pub fn document(value: &Json) -> String {
    let mut out = String::new();
    match value {
        Json::Object(map) if !map.is_empty() => mapping(map, 0, &mut out),
        Json::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
    out
}

fn mapping(map: &serde_json::Map<String, Json>, depth: usize, out: &mut String) {
    for (number, (name, value)) in map.iter().enumerate() {
        // The first line of a mapping in a sequence stands behind the dash.
        if number > 0 || !out.ends_with("- ") {
            out.push_str(&"  ".repeat(depth));
        }
        out.push_str(&text(name));
        out.push(':');
        below(value, depth, out);
    }
}

fn sequence(items: &[Json], depth: usize, out: &mut String) {
    for item in items {
        out.push_str(&"  ".repeat(depth));
        out.push_str("- ");
        match item {
            Json::Object(map) if !map.is_empty() => mapping(map, depth + 1, out),
            Json::Array(inner) if !inner.is_empty() => {
                // No blank at the end of a line.
                out.pop();
                out.push('\n');
                sequence(inner, depth + 1, out);
            }
            other => {
                out.push_str(&scalar(other));
                out.push('\n');
            }
        }
    }
}

/// The value of a field, behind its colon.
fn below(value: &Json, depth: usize, out: &mut String) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(map, depth + 1, out);
        }
        Json::Array(items) if !items.is_empty() => {
            out.push('\n');
            sequence(items, depth + 1, out);
        }
        // A text of several lines, such as a file in a ConfigMap.
        Json::String(lines) if is_block(lines) => {
            let indent = "  ".repeat(depth + 1);
            out.push_str(if lines.ends_with('\n') { " |\n" } else { " |-\n" });
            for line in lines.lines() {
                if !line.is_empty() {
                    out.push_str(&indent);
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn scalar(value: &Json) -> String {
    match value {
        Json::String(value) => text(value),
        // `{}` and `[]` are the same in both.
        other => other.to_string(),
    }
}

/// Whether a text can stand as a literal block.
fn is_block(value: &str) -> bool {
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    value.contains('\n')
        && value.chars().all(plain)
        && !value.starts_with([' ', '\n', '\t'])
        && !value.ends_with("\n\n")
        && !value.lines().any(|line| line.ends_with(' '))
}

/// A text, quoted as in JSON where it is not plainly one.
fn text(value: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let letter = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    // Words that YAML 1.1 takes for truth values or nothing.
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = word.contains(&value.to_ascii_lowercase().as_str());
    match letter && value.chars().all(inner) && !is_word {
        true => value.to_owned(),
        false => Json::from(value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_reads_as_a_person_would_write_it() {
        let value = json!({
            "apiVersion": "v1", "empty": {}, "none": [], "on": "yes", "number": "1", "list": [1, "a b", {"x": true, "y": [[2]]}],
            "map": {"a/b": "c", "lines": "one\n\n  two: 3\n", "odd": " x\ny", "nothing": null},
        });
        insta::assert_snapshot!(document(&value), @r#"
        apiVersion: v1
        empty: {}
        list:
          - 1
          - "a b"
          - x: true
            "y":
              -
                - 2
        map:
          a/b: c
          lines: |
            one

              two: 3
          nothing: null
          odd: " x\ny"
        none: []
        number: "1"
        "on": "yes"
        "#);
    }
}

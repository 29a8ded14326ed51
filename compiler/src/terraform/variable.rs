//! A template's parameter as a variable of Terraform, with what the template allows it to be.

use super::hcl::{self, Writer};
use crate::frontend::is_readable_pattern;
use meshform_model::value::{Node, Number, Value};

/// What a block `variable` says of a parameter.
pub(super) fn body(name: &str, declared: &Node, writer: &mut Writer) {
    let text = |name| declared.get(name).and_then(Node::as_str);
    let kind = text("Type").unwrap_or("String");
    let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
    let number = kind == "Number" || kind == "List<Number>";
    if let Some(description) = text("Description") {
        writer.attribute("description", hcl::literal(&Value::from(description)));
    }
    let element = if number { "number" } else { "string" };
    writer.attribute(
        "type",
        if is_list {
            format!("list({element})")
        } else {
            element.to_owned()
        },
    );
    let plain = |node: &Node| plain(node, number);
    // The default of a parameter in the Parameter Store is the name there.
    if let Some(default) = declared
        .get("Default")
        .filter(|_| !kind.starts_with("AWS::SSM::"))
    {
        let value = match (is_list, default.as_str()) {
            (true, Some(list)) => {
                let items = list
                    .split(',')
                    .map(|item| plain(&Node::new(Value::from(item.trim()))));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }
            _ => plain(default),
        };
        writer.attribute("default", value);
    }
    let secret = declared.get("NoEcho").map(|node| hcl::literal(&node.value));
    if secret.is_some_and(|secret| secret.trim_matches('"').eq_ignore_ascii_case("true")) {
        writer.attribute("sensitive", "true".to_owned());
    }
    for (condition, message) in conditions(declared, number) {
        let condition = match is_list {
            true => format!("alltrue([for value in var.{name} : {}])", condition("value")),
            false => condition(&format!("var.{name}")),
        };
        writer.open("validation");
        writer.attribute("condition", condition);
        writer.attribute("error_message", hcl::literal(&Value::from(message)));
        writer.close();
    }
}

/// A value as a literal of the variable's type.
fn plain(node: &Node, number: bool) -> String {
    match (&node.value, number) {
        (Value::String(text), true) => text.clone(),
        (Value::Number(_) | Value::Bool(_), false) => format!("\"{}\"", hcl::literal(&node.value)),
        (value, _) => hcl::literal(value),
    }
}

/// A condition about the value that it is given the name of.
type Condition = Box<dyn Fn(&str) -> String>;

/// What each value of a parameter has to be, as a condition, and as a sentence about it.
fn conditions(declared: &Node, number: bool) -> Vec<(Condition, String)> {
    let mut out: Vec<(Condition, String)> = Vec::new();
    if let Some(allowed) = declared.get("AllowedValues").and_then(Node::as_list) {
        let values: Vec<String> = allowed.iter().map(|node| plain(node, number)).collect();
        let values = values.join(", ");
        let shown = allowed
            .iter()
            .map(|node| hcl::literal(&node.value).replace('"', ""));
        let message = format!("Must be one of: {}.", shown.collect::<Vec<_>>().join(", "));
        out.push((
            Box::new(move |value| format!("contains([{values}], {value})")),
            message,
        ));
    }
    let of = if number { "Value" } else { "Length" };
    for (prefix, sign, word) in [("Min", ">=", "least"), ("Max", "<=", "most")] {
        let bound = declared.get(&format!("{prefix}{of}"));
        let Some(bound) = bound.and_then(|node| match &node.value {
            Value::Number(number) => Some(number.as_text().to_owned()),
            Value::String(text) => Number::parse(text).map(|_| text.clone()),
            _ => None,
        }) else {
            continue;
        };
        let message = match number {
            true => format!("Must be at {word} {bound}."),
            false => format!("Must have at {word} {bound} characters."),
        };
        let condition: Condition = match number {
            true => Box::new(move |value| format!("{value} {sign} {bound}")),
            false => Box::new(move |value| format!("length({value}) {sign} {bound}")),
        };
        out.push((condition, message));
    }
    let pattern = declared.get("AllowedPattern").and_then(Node::as_str);
    if let Some(pattern) = pattern.filter(|pattern| !number && is_readable_pattern(pattern)) {
        let whole = hcl::literal(&Value::from(format!("^(?:{pattern})$")));
        let said = declared.get("ConstraintDescription").and_then(Node::as_str);
        let message = match said {
            Some(said) => format!("Not allowed: {}.", said.trim_end_matches('.')),
            None => format!("Must match {pattern} as a whole."),
        };
        out.push((
            Box::new(move |value| format!("can(regex({whole}, {value}))")),
            message,
        ));
    }
    out
}

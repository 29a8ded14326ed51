//! What functions take: arguments of another form are a mistake, and no value that has yet to be known.

use super::expression::scalar;
use meshform_model::value::{Node, Value};

/// What a function takes, where its argument has another form. An expression may give any form.
pub(super) fn wanted(function: &str, argument: &Node) -> Option<&'static str> {
    if is_expression(argument) {
        return None;
    }
    let list = argument.as_list();
    let (fits, takes) = match function {
        "Fn::Join" => (
            matches!(list, Some([delimiter, parts]) if is_text(delimiter) && is_list(parts)),
            "a delimiter and a list",
        ),
        "Fn::Select" => (
            matches!(list, Some([index, parts]) if is_index(index) && is_list(parts)),
            "an index, from 0, and a list",
        ),
        "Fn::Split" => (
            matches!(list, Some([delimiter, text])
                if is_text(delimiter) && delimiter.as_str() != Some("") && is_text(text)),
            "a delimiter and a text",
        ),
        "Fn::Equals" => (matches!(list, Some([_, _])), "two values"),
        "Fn::And" | "Fn::Or" => (
            list.is_some_and(|list| (2..=10).contains(&list.len())),
            "a list of 2 to 10 conditions",
        ),
        "Fn::Not" => (matches!(list, Some([_])), "a list of one condition"),
        "Fn::FindInMap" => (
            matches!(list, Some([_, _, _] | [_, _, _, _])),
            "the names of a mapping and of two keys",
        ),
        "Fn::ImportValue" => (is_text(argument), "the name of an export"),
        "Fn::Base64" => (is_text(argument), "a text"),
        "Fn::Length" => (list.is_some(), "a list"),
        _ => (true, ""),
    };
    (!fits).then_some(takes)
}

fn is_expression(node: &Node) -> bool {
    matches!(node.value, Value::Symbol(_))
}

fn is_text(node: &Node) -> bool {
    is_expression(node) || scalar(node).is_some()
}

fn is_list(node: &Node) -> bool {
    is_expression(node) || node.as_list().is_some()
}

fn is_index(node: &Node) -> bool {
    is_expression(node) || scalar(node).is_some_and(|text| text.parse::<usize>().is_ok())
}

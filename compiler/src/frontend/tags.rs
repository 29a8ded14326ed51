//! YAML's tags: CloudFormation's short functions, and YAML's own types.

use meshform_model::validate::closest;
use meshform_model::value::{Node, Number, Symbol, Value};
use saphyr_parser::Tag;

/// What a tag made of a node.
pub(super) enum Tagged {
    /// The node, changed or not.
    Node(Node),
    /// The tag is not known; the node stays as it was.
    Unknown(Node),
}

/// The short functions of CloudFormation that exist with the prefix `Fn::` in the long form.
const FUNCTIONS: &[&str] = &[
    "And",
    "Base64",
    "Cidr",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "RefAll",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
    "ValueOf",
    "ValueOfAll",
];

/// The long name of a function of CloudFormation: `Fn::Sub` of `Sub`, `Ref` of `Ref`.
fn function(short: &str) -> Option<String> {
    match short {
        "Ref" | "Condition" => Some(short.to_owned()),
        _ => FUNCTIONS.contains(&short).then(|| format!("Fn::{short}")),
    }
}

/// Whether a name is that of a function in the long form.
pub(super) fn is_long_function(name: &str) -> bool {
    match name.strip_prefix("Fn::") {
        Some(short) => FUNCTIONS.contains(&short),
        None => name == "Ref",
    }
}

/// The function that a misspelt one in the long form was probably meant to be.
pub(super) fn nearest_function(name: &str) -> Option<String> {
    let short = name.strip_prefix("Fn::")?;
    closest(short, FUNCTIONS).map(|near| format!("Fn::{near}"))
}

/// YAML's own type that a tag stands for: `str` of `!!str`.
pub(super) fn yaml_type(tag: &Tag) -> Option<&str> {
    let suffix = match tag.handle.as_str() {
        "tag:yaml.org,2002:" | "!!" => tag.suffix.as_str(),
        "" | "!" => tag.suffix.strip_prefix("tag:yaml.org,2002:")?,
        _ => return None,
    };
    Some(suffix)
}

/// A scalar under one of YAML's types; `plain` is what it would be without a tag.
pub(super) fn typed(kind: &str, text: &str, plain: Value) -> Value {
    match (kind, plain) {
        ("int" | "float", Value::Number(number)) => Value::Number(number),
        ("int" | "float", _) => Number::parse(text).map_or_else(|| Value::from(text), Value::Number),
        ("bool", Value::Bool(b)) => Value::Bool(b),
        ("null", _) => Value::Null,
        _ => Value::from(text),
    }
}

/// A node under a tag.
pub(super) fn apply(tag: &Tag, node: Node) -> Tagged {
    if let Some(kind) = yaml_type(tag) {
        let known = matches!(kind, "str" | "int" | "float" | "bool" | "null" | "map" | "seq");
        return if known {
            Tagged::Node(node)
        } else {
            Tagged::Unknown(node)
        };
    }
    // `!` alone only says "not plain".
    if tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty() {
        return Tagged::Node(node);
    }
    let Some(name) = (tag.handle == "!").then(|| function(&tag.suffix)).flatten() else {
        return Tagged::Unknown(node);
    };
    Tagged::Node(symbol(name, node))
}

/// An expression at the place of its argument. `GetAtt`'s short form with a dot becomes the list of the long form.
pub(super) fn symbol(function: String, argument: Node) -> Node {
    let span = argument.span;
    let argument = match (&argument.value, function.as_str()) {
        (Value::String(text), "Fn::GetAtt") => match text.split_once('.') {
            Some((resource, attribute)) => Node {
                value: Value::List(
                    [resource, attribute]
                        .into_iter()
                        .map(|part| Node {
                            value: Value::from(part),
                            span,
                        })
                        .collect(),
                ),
                span,
            },
            None => argument,
        },
        _ => argument,
    };
    Node {
        value: Value::Symbol(Symbol {
            function,
            argument: Box::new(argument),
        }),
        span,
    }
}

//! Expressions as values: which fold, how one is written, what it refers to.

use crate::frontend::cloudformation::sub;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Symbol as Expression, Value};

pub(super) fn mesh_kind(resource: &Node) -> Option<Kind> {
    let name = resource.get("Type").and_then(Node::as_str)?;
    schema::kind_of_cloudformation(name)
}

/// The name, or the first of `name2`, `name3`, … that is not taken.
pub(super) fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    let mut number = 2_u64;
    loop {
        let candidate = format!("{name}{number}");
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

/// Functions whose value follows from their arguments alone.
pub(super) fn foldable(function: &str) -> bool {
    let known = ["Join", "Select", "Split", "Equals", "And", "Or", "Not"];
    function
        .strip_prefix("Fn::")
        .is_some_and(|short| known.contains(&short))
}

pub(in crate::frontend::cloudformation) fn expression(function: &str, argument: Value) -> Value {
    Value::Symbol(Expression {
        function: function.to_owned(),
        argument: Box::new(Node::new(argument)),
    })
}

/// Whether what stands here is left out.
pub(super) fn is_no_value(node: &Node) -> bool {
    matches!(&node.value, Value::Symbol(symbol)
        if symbol.function == "Ref" && symbol.argument.as_str() == Some("AWS::NoValue"))
}

/// The logical names that the expressions below refer to.
pub(super) fn references(node: &Node, each: &mut dyn FnMut(&str)) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|item| references(item, each)),
        Value::Object(object) => object.iter().for_each(|field| references(&field.node, each)),
        Value::Symbol(symbol) => {
            let argument = symbol.argument.as_ref();
            let first = argument.as_list().and_then(<[Node]>::first).unwrap_or(argument);
            match (symbol.function.as_str(), first.as_str()) {
                ("Ref" | "Fn::GetAtt", Some(name)) => each(name),
                ("Fn::Sub", Some(text)) => {
                    for part in sub::parts(text) {
                        if let sub::SubPart::Name(name) = part {
                            each(name.split('.').next().unwrap_or(name));
                        }
                    }
                    references(argument, each);
                }
                _ => references(argument, each),
            }
        }
        _ => {}
    }
}

//! CloudFormation's functions: long forms recognised, values worked out where the template holds them.
//!
//! What cannot be worked out (a parameter without a default, an import) stays a [`Symbol`], with everything
//! inside it that could be.

use super::scope::Scope;
use super::sub;
use crate::frontend::tags;
use meshform_model::value::{Field, Node, Number, Object, Symbol, Value};

/// How deep expressions may lead from one to the next before it must be a circle.
pub(super) const MAX_STEPS: usize = 200;

/// Turns the long forms (`{"Fn::Sub": …}`, `{"Ref": …}`) into symbols, everywhere below.
pub(crate) fn symbolise(node: Node) -> Node {
    let Node { value, span } = node;
    let value = match value {
        Value::Object(object) => {
            let long = object.len() == 1 && object.iter().all(|field| tags::is_long_function(&field.name));
            let mut fields = object.into_iter().map(|field| Field {
                node: symbolise(field.node),
                ..field
            });
            if long && let Some(field) = fields.next() {
                let argument = match field.name.as_str() {
                    "Fn::And" | "Fn::Or" | "Fn::Not" => conditions(field.node),
                    _ => field.node,
                };
                let mut symbol = tags::symbol(field.name, argument);
                symbol.span = span;
                return symbol;
            }
            let mut object = Object::new();
            fields.for_each(|field| object.push(field));
            Value::Object(object)
        }
        Value::List(list) => Value::List(list.into_iter().map(symbolise).collect()),
        Value::Symbol(symbol) => {
            let argument = symbolise(*symbol.argument);
            let argument = match symbol.function.as_str() {
                "Fn::And" | "Fn::Or" | "Fn::Not" => conditions(argument),
                _ => argument,
            };
            Value::Symbol(Symbol {
                argument: Box::new(argument),
                ..symbol
            })
        }
        other => other,
    };
    Node { value, span }
}

/// `{"Condition": "Name"}` is an expression where a truth value stands; elsewhere it is an attribute.
fn conditions(node: Node) -> Node {
    let Value::List(list) = node.value else {
        return node;
    };
    let one = |item: Node| match &item.value {
        Value::Object(object) if object.len() == 1 => match object.get("Condition") {
            Some(name) => Node {
                span: item.span,
                ..tags::symbol("Condition".to_owned(), name.clone())
            },
            None => item,
        },
        _ => item,
    };
    Node {
        value: Value::List(list.into_iter().map(one).collect()),
        span: node.span,
    }
}

/// The value of a node in a template. `None` is `AWS::NoValue`: whatever it stands in goes.
pub(crate) fn evaluate(node: &Node, scope: &mut Scope<'_>) -> Option<Node> {
    if scope.steps >= MAX_STEPS {
        scope.wrong(node, "expressions that lead in a circle, or too deep".to_owned());
        return Some(node.clone());
    }
    if scope.is_full() {
        return Some(node.clone());
    }
    scope.steps += 1;
    let value = evaluate_value(node, scope);
    scope.steps -= 1;
    if let (Value::Symbol(_), Some(value)) = (&node.value, &value) {
        scope.grow(size(value), node);
    }
    // A value found elsewhere is reported where it is used.
    value.map(|value| Node {
        value,
        span: node.span,
    })
}

fn evaluate_value(node: &Node, scope: &mut Scope<'_>) -> Option<Value> {
    Some(match &node.value {
        Value::List(list) => Value::List(list.iter().filter_map(|item| evaluate(item, scope)).collect()),
        Value::Object(object) => {
            let mut out = Object::new();
            for field in object {
                if let Some(node) = evaluate(&field.node, scope) {
                    out.push(field.with(node));
                }
            }
            Value::Object(out)
        }
        Value::Symbol(symbol) => return function(symbol, node, scope),
        other => other.clone(),
    })
}

/// About how many bytes a value takes.
pub(super) fn size(value: &Value) -> usize {
    let below: usize = match value {
        Value::List(list) => list.iter().map(|node| size(&node.value)).sum(),
        Value::Object(object) => object.iter().map(|f| f.name.len() + size(&f.node.value)).sum(),
        Value::String(text) => text.len(),
        Value::Symbol(symbol) => size(&symbol.argument.value),
        _ => 0,
    };
    below.saturating_add(size_of::<Node>())
}

fn function(symbol: &Symbol, node: &Node, scope: &mut Scope<'_>) -> Option<Value> {
    let argument = symbol.argument.as_ref();
    match symbol.function.as_str() {
        "Ref" if argument.as_str() == Some("AWS::NoValue") => return None,
        "Ref" => {
            if let Some(name) = argument.as_str()
                && let Some(found) = scope.reference(name, node)
            {
                return Some(found.value);
            }
            return Some(node.value.clone());
        }
        "Fn::If" => return choose(argument, node, scope),
        "Fn::GetAtt" => {
            let parts: Option<Vec<&str>> = argument
                .as_list()
                .map(|l| l.iter().filter_map(Node::as_str).collect());
            if let Some([resource, attribute]) = parts.as_deref()
                && let Some(found) = scope.attribute(resource, attribute, node)
            {
                return Some(found.value);
            }
            return Some(node.value.clone());
        }
        "Condition" => {
            let known = argument.as_str().and_then(|name| scope.condition(name, node));
            return Some(known.map_or_else(|| node.value.clone(), Value::Bool));
        }
        _ => {}
    }
    // The text of `Fn::Sub` is the one argument that is not a value before the function is applied.
    let argument = evaluate(argument, scope)?;
    let known = match symbol.function.as_str() {
        "Fn::Sub" => return Some(substitute(&argument, node, scope)),
        "Fn::Join" => join(&argument),
        "Fn::Select" => select(&argument, node, scope),
        "Fn::Split" => split(&argument),
        "Fn::FindInMap" => scope.mapped(&argument, node).map(|found| found.value),
        "Fn::Equals" => equals(&argument),
        "Fn::And" => all(&argument, scope, true),
        "Fn::Or" => all(&argument, scope, false),
        "Fn::Not" => match argument.as_list() {
            Some([one]) => truth(one, scope).map(|b| Value::Bool(!b)),
            _ => None,
        },
        "Fn::ImportValue" => {
            let name = scalar(&argument);
            let found = name.as_deref().and_then(|name| scope.import(name, node));
            if let (None, Some(_)) = (&found, name) {
                return Some(Value::Symbol(Symbol {
                    function: symbol.function.clone(),
                    argument: Box::new(argument),
                }));
            }
            found.map(|found| found.value)
        }
        "Fn::Base64" | "Fn::Transform" => None,
        _ => None,
    };
    Some(known.unwrap_or_else(|| {
        scope.unknown(node, &symbol.function, &argument);
        Value::Symbol(Symbol {
            function: symbol.function.clone(),
            argument: Box::new(argument),
        })
    }))
}

fn choose(argument: &Node, node: &Node, scope: &mut Scope<'_>) -> Option<Value> {
    let Some([condition, then, otherwise]) = argument.as_list() else {
        scope.wrong(node, "`Fn::If` takes a condition and two values".to_owned());
        return Some(node.value.clone());
    };
    let known = condition.as_str().and_then(|name| scope.condition(name, node));
    match known {
        Some(true) => evaluate(then, scope).map(|node| node.value),
        Some(false) => evaluate(otherwise, scope).map(|node| node.value),
        None => Some(node.value.clone()),
    }
}

/// Whether a value is true, as conditions count: `{"Condition": name}` and what functions gave.
pub(crate) fn truth(node: &Node, scope: &mut Scope<'_>) -> Option<bool> {
    match &evaluate(node, scope)?.value {
        Value::Bool(b) => Some(*b),
        _ => None,
    }
}

fn all(argument: &Node, scope: &mut Scope<'_>, and: bool) -> Option<Value> {
    let values: Vec<Option<bool>> = argument
        .as_list()?
        .iter()
        .map(|item| truth(item, scope))
        .collect();
    if values.contains(&Some(!and)) {
        return Some(Value::Bool(!and));
    }
    values.iter().all(Option::is_some).then_some(Value::Bool(and))
}

fn equals(argument: &Node) -> Option<Value> {
    match argument.as_list() {
        Some([a, b]) => Some(Value::Bool(scalar(a)? == scalar(b)?)),
        _ => None,
    }
}

fn join(argument: &Node) -> Option<Value> {
    let [delimiter, list] = argument.as_list()? else {
        return None;
    };
    let parts: Option<Vec<String>> = list.as_list()?.iter().map(scalar).collect();
    Some(Value::String(parts?.join(delimiter.as_str()?)))
}

fn select(argument: &Node, node: &Node, scope: &mut Scope<'_>) -> Option<Value> {
    let [index, list] = argument.as_list()? else {
        return None;
    };
    let index: usize = scalar(index)?.parse().ok()?;
    let list = list.as_list()?;
    let chosen = list.get(index).map(|node| node.value.clone());
    if chosen.is_none() {
        let count = list.len();
        scope.wrong(
            node,
            format!("`Fn::Select` of {index} in a list of {count}; the first is 0"),
        );
    }
    chosen
}

fn split(argument: &Node) -> Option<Value> {
    let [delimiter, text] = argument.as_list()? else {
        return None;
    };
    let delimiter = delimiter.as_str().filter(|d| !d.is_empty())?;
    let parts = text.as_str()?.split(delimiter);
    Some(Value::List(
        parts.map(|part| Node::new(Value::from(part))).collect(),
    ))
}

/// A scalar as the text that CloudFormation makes of it.
pub(crate) fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_text().to_owned()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// `Fn::Sub`: what has no value stays as `${Name}` in a symbol.
fn substitute(argument: &Node, node: &Node, scope: &mut Scope<'_>) -> Value {
    let (text, values) = match argument.as_list() {
        Some([text, values]) => (text, Some(values)),
        Some(_) => (argument, None),
        None => (argument, None),
    };
    let Some(text) = text.as_str() else {
        scope.wrong(
            node,
            "`Fn::Sub` takes a text, or a list of a text and values".to_owned(),
        );
        return node.value.clone();
    };
    let mut out = String::new();
    let mut whole = true;
    for part in sub::parts(text) {
        let name = match part {
            sub::Part::Text(text) => {
                out.push_str(&text);
                continue;
            }
            sub::Part::Name(name) => name,
        };
        let own = values.and_then(|values| values.get(name)).cloned();
        let found = own.or_else(|| match name.split_once('.') {
            Some((resource, attribute)) => scope.attribute(resource, attribute, node),
            None => scope.reference(name, node),
        });
        match found.as_ref().and_then(scalar) {
            Some(value) => {
                out.push_str(&value);
                scope.grow(value.len(), node);
                if scope.is_full() {
                    return node.value.clone();
                }
            }
            None => {
                whole = false;
                match found.map(|node| node.value) {
                    Some(Value::Symbol(symbol)) => out.push_str(&text_of(&symbol)),
                    _ => out.push_str(&format!("${{{name}}}")),
                }
            }
        }
    }
    if whole {
        return Value::String(out);
    }
    Value::Symbol(Symbol {
        function: "Fn::Sub".to_owned(),
        argument: Box::new(Node {
            value: Value::String(out),
            span: node.span,
        }),
    })
}

/// A symbol as a text, in the notation of `Fn::Sub`: `${Name}`.
pub(crate) fn text_of(symbol: &Symbol) -> String {
    let argument = symbol.argument.as_ref();
    let inner = |node: &Node| match &node.value {
        Value::Symbol(symbol) => text_of(symbol),
        Value::List(list) => {
            let parts: Vec<String> = list.iter().filter_map(scalar).collect();
            parts.join(",")
        }
        _ => scalar(node).unwrap_or_default(),
    };
    match (symbol.function.as_str(), argument.as_list()) {
        ("Fn::Sub", None) => inner(argument),
        ("Fn::Sub", Some([text, ..])) => inner(text),
        ("Ref", _) => format!("${{{}}}", inner(argument)),
        ("Fn::GetAtt", Some(parts)) => {
            format!("${{{}}}", parts.iter().map(inner).collect::<Vec<_>>().join("."))
        }
        ("Fn::Join", Some([delimiter, list])) if list.as_list().is_some() => {
            let parts: Vec<String> = list.as_list().unwrap_or_default().iter().map(inner).collect();
            parts.join(&inner(delimiter))
        }
        (function, _) => {
            let name = function.strip_prefix("Fn::").unwrap_or(function);
            format!("${{{name}:{}}}", inner(argument).replace(['{', '}', '$'], ""))
        }
    }
}

/// A parameter's text as the number or list that its type says.
pub(crate) fn parameter_value(kind: &str, text: &str) -> Value {
    if kind == "Number" {
        return Number::parse(text).map_or_else(|| Value::from(text), Value::Number);
    }
    if kind == "CommaDelimitedList" || kind.starts_with("List<") {
        let items = text.split(',').map(|item| Node::new(Value::from(item.trim())));
        return Value::List(items.collect());
    }
    Value::from(text)
}
